//! From endpoint to answer.

mod account;
mod archive;
mod publish;
mod read;
mod receive;
mod search;
mod security;
mod stars;
mod tags;
mod tokens;
mod unpublish;

use super::route::Endpoint;
use crate::error::{Error, Missing, Result};
use crate::model::json;
use crate::platform::{Body, Platform, Request};
use crate::protocol::Answer;
use crate::service::FeedContext;
use http::StatusCode;
use tokens::Operation;

/// Bytes of a request body that is read whole: everything but what is pushed.
const BODY_LIMIT: usize = 8 << 20;

/// Answers an endpoint.
pub(super) async fn handle<P: Platform>(
    context: &FeedContext<P>,
    endpoint: Endpoint,
    request: Request,
) -> Result<Answer<P>> {
    match endpoint {
        Endpoint::Root => Answer::json(StatusCode::OK, &serde_json::json!({ "db_name": context.feed.name })),
        Endpoint::Packument { name } => read::packument(context, &name, &request.headers).await,
        Endpoint::VersionManifest { name, selector } => read::manifest(context, &name, &selector).await,
        Endpoint::Tarball { name, file, version } => read::tarball(context, &name, &file, &version).await,
        Endpoint::Publish { name } => publish::put(context, &name, request.body).await,
        Endpoint::UpdatePackument { name, rev } => {
            unpublish::update(context, &name, &rev, request.body).await
        }
        Endpoint::DeletePackage { name, rev } => unpublish::package(context, &name, &rev).await,
        Endpoint::DeleteTarball { name, version, rev, .. } => {
            unpublish::version(context, &name, &version, &rev).await
        }
        Endpoint::DistTags { name } => tags::list(context, &name).await,
        Endpoint::SetDistTag { name, tag } => tags::set(context, &name, &tag, request.body).await,
        Endpoint::RemoveDistTag { name, tag } => tags::remove(context, &name, &tag).await,
        Endpoint::Search { query } => search::search(context, &query).await,
        Endpoint::Whoami => account::whoami(context),
        Endpoint::Ping => Answer::json(StatusCode::OK, &serde_json::json!({})),
        Endpoint::LegacyLogin { user } => account::login(context, &user, request.body).await,
        Endpoint::UserProfile { user } => account::profile(context, user.as_deref()),
        Endpoint::Logout { token } => account::logout(context, &token).await,
        Endpoint::Tokens { cursor } => tokens::answer(context, Operation::List(cursor)).await,
        Endpoint::CreateToken => tokens::answer(context, Operation::Create(request.body)).await,
        Endpoint::RevokeToken { key } => tokens::answer(context, Operation::Revoke(key)).await,
        Endpoint::AuditBulk => security::bulk(context, request).await,
        Endpoint::AuditQuick => security::quick(context, request).await,
        Endpoint::Keys => security::keys(context).await,
        Endpoint::Attestations { name, version } => security::attestations(context, &name, &version).await,
        Endpoint::WebLogin => Err(not_offered("login through a browser")),
        Endpoint::StarredByUser { user } => stars::of(context, &user).await,
        Endpoint::NotOffered { what } => Err(not_offered(what)),
    }
}

/// A clean "no" to what npm's own registry has and a feed has not.
fn not_offered(what: &str) -> Box<Error> {
    Error::NotFound(Missing::Other(format!("{what}: not offered here"))).into()
}

/// Reads a JSON body whole.
async fn json<T: serde::de::DeserializeOwned>(body: Body) -> Result<T> {
    let bytes = body.collect(BODY_LIMIT).await?;
    json::read(&bytes)
        .map_err(|error| Error::Invalid(format!("the body is not what it should be: {error}")).into())
}
