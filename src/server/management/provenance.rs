//! Provenance: where a version came from, and sessions, which say it of what is published through them.

use super::catalog::find_version;
use super::message::{self, Reply};
use super::package_json::Opened;
use super::route::{Need, Place};
use super::{Call, RequestLog, admit};
use crate::error::{Error, Result};
use crate::model::{Action, Origin, ProtocolId};
use crate::platform::{Body, Platform};
use crate::service::{FeedContext, session};
use crate::store::index::IndexedSlot;
use serde_json::{Map, Value, json};

/// How much can be said, as JSON.
const LIMIT: usize = 8_192;

/// Begins a session on the feed that the body names.
pub(super) async fn begin<P: Platform>(
    mut call: Call<'_, P>,
    place: Place,
    protocol: ProtocolId,
    line: &mut RequestLog,
) -> Result<Reply> {
    let body = message::read(std::mem::replace(&mut call.body, Body::Empty)).await?;
    let (feed, said) = wish(&body, protocol, call.principal.subject())?;
    let address = place.feed(&feed)?;
    line.feed = address.to_string();
    let context = admit::feed(&call, &address, Need::Feed(Action::Publish)).await?;
    let name = Value::from(session::begin(&context, said).await?);
    Ok(Reply::printed(format!("{{\"sessionId\":{name},\"sessionName\":{name}}}")))
}

/// The feed that is wished for, and what is to be said of what is published, as it is stored.
fn wish(body: &Value, protocol: ProtocolId, by: &str) -> Result<(String, String)> {
    let (source, data) = (&body["source"], &body["data"]);
    let texts = data.as_object().map_or(data.is_null(), |data| data.values().all(Value::is_string));
    let (Some(feed), true, true) = (body["feed"].as_str(), source.is_string(), texts) else {
        let text = "a session needs a `feed`, a `source` such as `InternalBuild`, and may have `data`, an object of texts";
        return Err(Error::Invalid(text.to_owned()).into());
    };
    let (none, by) = (json!({}), Value::from(by));
    let data = if data.is_null() { &none } else { data };
    let said = format!("{{\"protocol\":\"{protocol}\",\"source\":{source},\"data\":{data},\"by\":{by}}}");
    if said.len() > LIMIT {
        return Err(Error::TooLarge { what: "what is said of a session", limit: LIMIT as u64 }.into());
    }
    Ok((feed.to_owned(), said))
}

/// What was said of a version when the session was begun through which it was published, if it was.
pub(super) async fn said<P: Platform>(
    context: &FeedContext<P>,
    opened: &Opened,
    version: &str,
) -> Result<Option<Map<String, Value>>> {
    match &find(context, opened, version)?.slot.origin {
        Origin::Published { session: Some(id), .. } => {
            session::said(&context.platform, &context.feed.id, id).await
        }
        _ => Ok(None),
    }
}

/// Where a version came from: as was said of it, or else what the feed knows itself.
pub(super) fn get<P: Platform>(
    context: &FeedContext<P>,
    opened: &Opened,
    version: &str,
    mut said: Option<Map<String, Value>>,
) -> Result<Reply> {
    let entry = find(context, opened, version)?;
    let (source, by, chain) = match &entry.slot.origin {
        Origin::Published { by, .. } => ("Published", by, &[][..]),
        Origin::Saved { by, source_chain } => ("Saved", by, &source_chain[..]),
    };
    let mut told = |name: &str| said.as_mut().and_then(|said| said.remove(name));
    let source = told("source").unwrap_or_else(|| source.into());
    let data = told("data").unwrap_or_else(|| match chain.first() {
        Some(step) => json!({ "sourceName": step.name, "sourceLocation": step.location }),
        None => json!({}),
    });
    Ok(Reply::printed(format!(
        "{{\"feedId\":\"{}\",\"packageId\":\"{}\",\"packageVersionId\":\"{}\",\
         \"provenance\":{{\"provenanceSource\":{source},\"publisherUserIdentity\":{},\"data\":{data}}}}}",
        context.feed.id.as_str(),
        opened.path.package_id(),
        opened.path.version_id(&entry.key),
        Value::from(by.as_str()),
    )))
}

fn find<'a, P: Platform>(
    context: &FeedContext<P>,
    opened: &'a Opened,
    version: &str,
) -> Result<&'a IndexedSlot> {
    find_version(opened, &opened.versions(&|entry| context.shows(&entry.slot.views)), version)
}
