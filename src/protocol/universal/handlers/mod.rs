//! From endpoint to answer.

mod archive;
mod commit;
mod draft;
mod read;
mod upload;

use super::route::{Change, Endpoint};
use crate::error::{Error, Result};
use crate::model::Version;
use crate::platform::{Body, Headers, Platform, PlatformError, Request};
use crate::protocol::Answer;
use crate::service::{FeedContext, Package, delete, publish};
use bytes::Bytes;
use http::StatusCode;

/// Answers an endpoint.
pub(super) async fn handle<P: Platform>(
    context: &FeedContext<P>,
    endpoint: Endpoint,
    request: Request,
) -> Result<Answer<P>> {
    match endpoint {
        Endpoint::Packages(after, top) => read::packages(context, after, top).await,
        Endpoint::Versions(package) => read::versions(context, &package).await,
        Endpoint::Read(package, selector, part) => read::get(context, &package, selector, part).await,
        Endpoint::Missing(package) => draft::missing(context, &package, request.body).await,
        Endpoint::Change(package, version, Change::Delete) => {
            delete::delete(context, &package, &version).await?;
            Ok(done(StatusCode::NO_CONTENT))
        }
        Endpoint::Change(package, version, change) => {
            publish::refuse_view(context)?;
            let Request { headers, body, .. } = request;
            change_draft(context, &package, &version, change, &headers, body).await
        }
    }
}

async fn change_draft<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    change: Change,
    headers: &Headers,
    body: Body,
) -> Result<Answer<P>> {
    match change {
        Change::PutFile(path, executable) => {
            draft::put(context, package, version, (path, executable), headers, body).await
        }
        Change::BeginUpload(path) => upload::begin(context, package, version, path, body).await,
        Change::Upload(id, verb) => upload::go_on(context, &id, verb, body).await,
        Change::PutArchive => archive::publish(context, package, version, body).await,
        Change::Commit => commit::commit(context, package, version, body).await,
        Change::ShowDraft => draft::show(context, package, version).await,
        Change::DiscardDraft => draft::discard(context, package, version).await,
        Change::Delete => Err(Error::no_endpoint().into()),
    }
}

/// A body that is read as a whole.
async fn read_body(body: Body, limit: usize) -> Result<Bytes> {
    body.collect(limit).await.map_err(|error| match error {
        PlatformError::TooLong(_) => Error::TooLarge { what: "the body", limit: limit as u64 }.into(),
        other => other.into(),
    })
}

/// An answer that needs no words.
fn done<P>(status: StatusCode) -> Answer<P> {
    Answer::Document { status, content_type: "application/json", body: Bytes::new() }
}
