//! From endpoint to answer.

mod read;

use super::route::{Change, Endpoint};
use crate::error::Result;
use crate::platform::{Platform, Request};
use crate::protocol::Answer;
use crate::service::{FeedContext, delete};
use bytes::Bytes;
use http::StatusCode;

/// Answers an endpoint.
pub(super) async fn handle<P: Platform>(
    context: &FeedContext<P>,
    endpoint: Endpoint,
    _request: Request,
) -> Result<Answer<P>> {
    match endpoint {
        Endpoint::Packages(after, top) => read::packages(context, after, top).await,
        Endpoint::Versions(package) => read::versions(context, &package).await,
        Endpoint::Manifest(package, selector) => {
            let version = read::select(context, &package, selector).await?;
            read::manifest(context, &package, &version).await
        }
        Endpoint::Archive(..) | Endpoint::File(..) | Endpoint::Missing(_) => {
            Err(crate::error::Error::no_endpoint().into())
        }
        Endpoint::Change(package, version, change) => match change {
            Change::Delete => {
                delete::delete(context, &package, &version).await?;
                Ok(done(StatusCode::NO_CONTENT))
            }
            Change::PutFile(..)
            | Change::PutArchive
            | Change::Commit
            | Change::ShowDraft
            | Change::DiscardDraft => Err(crate::error::Error::no_endpoint().into()),
        },
    }
}

/// An answer that needs no words.
fn done<P>(status: StatusCode) -> Answer<P> {
    Answer::Document { status, content_type: "application/json", body: Bytes::new() }
}
