//! From endpoint to answer.

mod metadata;
mod plugins;
mod publish;
mod read;
mod snapshots;

use super::route::{Endpoint, Target, Verb};
use crate::error::{Error, Result};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::{FeedContext, publish::refuse_view};
use bytes::Bytes;
use http::StatusCode;

/// How many builds of a snapshot are kept: what one deploy more replaces is dropped in the background.
pub(super) const KEPT_BUILDS: usize = 25;

/// Answers an endpoint.
pub(super) async fn handle<P: Platform>(
    context: &FeedContext<P>,
    endpoint: Endpoint,
    body: Body,
) -> Result<Answer<P>> {
    // Maven sends `Cache-Control: no-cache` with every request: it cannot mean that every source shall be asked each time, nor
    // that files are looked for anew, which never change. Of metadata it means what it says, as far as this feed goes.
    let insists = context.always_check;
    let context = &FeedContext { always_check: false, ..context.clone() };
    match endpoint.verb {
        Verb::Get => read::get(context, &endpoint, insists).await,
        Verb::Put => put(context, endpoint, body).await,
    }
}

async fn put<P: Platform>(context: &FeedContext<P>, endpoint: Endpoint, body: Body) -> Result<Answer<P>> {
    let Endpoint { target, checksums, .. } = endpoint;
    match target {
        Target::File { package, version, file } if checksums.is_empty() => {
            publish::file(context, &package, &version, &file, body).await
        }
        Target::File { package, version, file } => {
            publish::checksum(context, &package, &version, &file, &checksums, body).await
        }
        Target::Metadata { group, .. } if checksums.is_empty() => metadata::put(context, group, body).await,
        // Metadata is written here, and so is what it hashes to.
        Target::Metadata { .. } | Target::Builds { .. } => {
            publish::read_small(body, "a document of metadata").await?;
            refuse_view(context)?;
            Ok(done(StatusCode::CREATED))
        }
        Target::Root | Target::Archetypes => Err(Error::MethodNotAllowed { allow: "GET, HEAD" }.into()),
    }
}

/// An answer that needs no words.
fn done<P>(status: StatusCode) -> Answer<P> {
    Answer::Document { status, content_type: "text/plain; charset=utf-8", body: Bytes::new() }
}
