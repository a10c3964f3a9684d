//! What can be asked of upstream sources: does a registry answer at some address, and what do they have of a package now?

use super::Call;
use super::credentials::Wish;
use super::message::{self, Reply};
use super::sources::{Proposed, Proposer, SourceBody};
use crate::error::{Error, Result};
use crate::model::{OrganizationName, ProtocolId};
use crate::platform::Platform;
use crate::protocol;
use crate::service::probe;
use crate::service::refresh::{self, Word};
use crate::service::{FeedContext, Package};
use serde_json::{Value, json};

/// Asks a registry for a package, before it becomes anybody's source. Nothing is stored.
pub(super) async fn validate<P: Platform>(
    call: Call<'_, P>,
    organization: &OrganizationName,
    protocol: ProtocolId,
) -> Result<Reply> {
    let (platform, settings) = (call.platform, call.config.settings);
    let body: Value = message::read(call.body).await?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let missing = || Error::Invalid("the body has `packageName` and `upstreamLocation`, of texts".to_owned());
    let (name, location) = text("packageName").zip(text("upstreamLocation")).ok_or_else(missing)?;
    let ecosystem = protocol::ecosystem(protocol.as_str()).ok_or_else(Error::no_endpoint)?;
    let package = ecosystem.package(name)?;
    let kind = text("upstreamSourceType").map(str::to_owned);
    let credentials = body.get("credentials").cloned();
    let body = SourceBody::at(protocol.as_str(), location.to_owned(), kind, credentials);
    let proposer = Proposer { platform, settings, organization, feed: None };
    let Proposed { source, credentials, .. } = proposer.one(body).await?;
    if source.is_neighbour() {
        let text =
            "`upstreamLocation` is an address: feeds of this deployment are checked when they become sources";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    let credentials = match credentials {
        Wish::Set(credentials) => Some(credentials),
        Wish::Keep | Wish::Remove => None,
    };
    let location = &source.location;
    match probe::probe(platform, settings, &source, credentials, &package).await {
        Ok(Some(found)) => Ok(Reply::ok(&json!({
            "packageName": package.as_str(),
            "protocol": protocol.as_str(),
            "upstreamLocation": location,
            "versions": found.versions,
            "lastVersion": found.last,
        }))),
        Ok(None) => {
            Err(Error::Invalid(format!("`{location}` answers, and has no package `{package}`")).into())
        }
        Err(error) if matches!(*error, Error::Upstream { .. }) => {
            Err(Error::Invalid(error.to_string()).into())
        }
        Err(error) => Err(error),
    }
}

/// Asks the sources of a feed for a package now.
pub(super) async fn refresh<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Reply> {
    let mut sources = Vec::new();
    for told in refresh::refresh(context, package).await? {
        let mut body = json!({ "id": told.source.id, "name": told.source.name, "status": "ok" });
        match told.word {
            Word::Offers(versions) => body["versions"] = json!(versions),
            Word::Blocked => body["status"] = json!("blocked"),
            Word::Failed(error) => {
                body["status"] = json!("failing");
                body["reason"] = json!(error.to_string());
            }
        }
        sources.push(body);
    }
    Ok(Reply::ok(&json!({ "name": package.as_str(), "upstreamSources": sources })))
}
