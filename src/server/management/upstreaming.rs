//! What a feed's rules say of external versions, by the names of packages; and what upstream sources offer of one.

use super::Call;
use super::feeds::change;
use super::message::{self, Precondition, Reply};
use super::packages::behavior_of;
use crate::error::{Error, Missing, Result};
use crate::model::{Action, Feed, ProtocolId, UpstreamingRule};
use crate::platform::Platform;
use crate::service::description::highest_first;
use crate::service::{Ecosystem, FeedContext, offers};
use serde_json::{Value, json};

/// A feed's rules are looked through for every package.
const LIMIT: usize = 100;

/// The rules of one protocol.
pub(super) fn list(feed: &Feed, protocol: ProtocolId) -> Reply {
    let rules = feed.upstreaming_rules.iter().filter(|rule| rule.protocol == protocol.as_str());
    let rules = rules.map(|rule| {
        json!({
            "pattern": rule.pattern,
            "versionsFromExternalUpstreams": rule.versions_from_external_upstreams,
        })
    });
    Reply::list(&rules.collect::<Vec<_>>(), None)
}

/// Puts other rules in their place.
pub(super) async fn set<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    protocol: ProtocolId,
) -> Result<Reply> {
    let body: Value = message::read(call.body).await?;
    let rules = body.as_array().or_else(|| body.get("value")?.as_array());
    let rules = rules.ok_or_else(|| Error::Invalid("the body is an array of rules".to_owned()))?;
    let rules = rules.iter().map(|rule| read(rule, protocol)).collect::<Result<Vec<_>>>()?;
    if rules.len() > LIMIT {
        return Err(Error::Invalid(format!("a feed has at most {LIMIT} rules for each protocol")).into());
    }
    let feed = change(call.platform, &context.feed, &Precondition::of(&call.headers), &|before| {
        let mut next = before.clone();
        next.upstreaming_rules.retain(|rule| rule.protocol != protocol.as_str());
        next.upstreaming_rules.extend(rules.iter().cloned());
        Ok(next)
    })
    .await?;
    Ok(list(&feed, protocol))
}

fn read(rule: &Value, protocol: ProtocolId) -> Result<UpstreamingRule> {
    let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
    let pattern = text("pattern").to_owned();
    if pattern.is_empty() || pattern.len() > 256 {
        let text =
            "a rule needs a `pattern`: a name of up to 256 characters, in which `*` stands for any text";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    let versions_from_external_upstreams = behavior_of(text("versionsFromExternalUpstreams"))?;
    Ok(UpstreamingRule { protocol: protocol.as_str().to_owned(), pattern, versions_from_external_upstreams })
}

/// What upstream sources find by text, those of one protocol that can be searched.
pub(super) async fn found<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    text: &str,
) -> Result<Reply> {
    context.require(Action::Save, "searching upstream sources")?;
    let found = offers::search(context, ecosystem, text).await?;
    let none =
        || Error::NotFound(Missing::Other("no upstream source of this protocol can be searched".to_owned()));
    let found = found.ok_or_else(none)?;
    let found = found.iter().map(
        |found| json!({ "name": found.name, "version": found.version, "description": found.description }),
    );
    Ok(Reply::list(&found.collect::<Vec<_>>(), None))
}

/// What upstream sources offer of a package, source by source.
pub(super) async fn offered<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    name: &str,
) -> Result<Reply> {
    let package = ecosystem.package(name)?;
    context.require(Action::Save, "asking upstream sources")?;
    let mut shown = Vec::new();
    for offers in offers::of(context, &package).await? {
        let mut body = json!({ "sourceId": offers.source.id, "sourceName": offers.source.name });
        match offers.versions {
            Err(error) => body["error"] = json!(error.to_string()),
            Ok(versions) => {
                let keys: Vec<&str> = versions.iter().map(|offered| offered.key.as_str()).collect();
                let places = highest_first(ecosystem, &keys);
                let versions = places.iter().filter_map(|place| versions.get(*place)).map(|offered| {
                    let mut version = json!({ "version": offered.version, "isListed": !offered.hidden });
                    if let Some(published) = offered.published {
                        version["publishDate"] = json!(published);
                    }
                    version
                });
                body["versions"] = versions.collect();
            }
        }
        if let Some(error) = offers.stale {
            body["warning"] = json!(error.to_string());
        }
        shown.push(body);
    }
    Ok(Reply::list(&shown, None))
}
