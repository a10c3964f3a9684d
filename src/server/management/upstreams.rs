//! What can be asked of upstream sources: does a registry answer at some address, and what do they have of a package now?

use super::Call;
use super::credentials::{self, Wish};
use super::message::{self, Reply};
use super::sources::{Proposed, Proposer, SourceBody};
use crate::error::{Error, Result};
use crate::model::{OrganizationName, ProtocolId};
use crate::platform::Platform;
use crate::protocol;
use crate::service::probe;
use crate::service::refresh::{self, Word};
use crate::service::{FeedContext, Package};
use serde::Deserialize;
use serde_json::{Value, json};

/// A registry to be, and a package that it should have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    package_name: String,
    upstream_location: String,
    upstream_source_type: Option<String>,
    #[serde(default, deserialize_with = "credentials::present")]
    credentials: Option<Value>,
}

/// Asks a registry for a package, before it becomes anybody's source. Nothing is stored.
pub(super) async fn validate<P: Platform>(
    call: Call<'_, P>,
    organization: &OrganizationName,
    protocol: ProtocolId,
) -> Result<Reply> {
    let (platform, settings) = (call.platform, call.config.settings);
    let candidate: Candidate = message::read(call.body).await?;
    let ecosystem = protocol::ecosystem(protocol.as_str()).ok_or_else(Error::no_endpoint)?;
    let package = ecosystem.package(&candidate.package_name)?;
    let Candidate { upstream_location, upstream_source_type, credentials, .. } = candidate;
    let body = SourceBody::at(protocol.as_str(), upstream_location, upstream_source_type, credentials);
    let proposer = Proposer { platform, settings, organization, feed: None };
    let Proposed { source, credentials, .. } = proposer.one(body).await?;
    if source.is_neighbour() {
        let text =
            "`upstreamLocation` is an address: feeds of this deployment are checked when they become sources";
        return Err(Error::Invalid(text.to_owned()));
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
        Ok(None) => Err(Error::Invalid(format!("`{location}` answers, and has no package `{package}`"))),
        Err(error @ Error::Upstream { .. }) => Err(Error::Invalid(error.to_string())),
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
