//! The dist-tags API.

use super::super::name;
use super::read;
use crate::error::{Error, Result};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::{FeedContext, Package, tags};
use http::StatusCode;

/// `GET /-/package/N/dist-tags`.
pub(super) async fn list<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Answer<P>> {
    Answer::json(StatusCode::OK, &read::dist_tags(context, package).await?)
}

/// `PUT /-/package/N/dist-tags/{tag}` with a version as a JSON string.
pub(super) async fn set<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    tag: &str,
    body: Body,
) -> Result<Answer<P>> {
    let number: String = super::json(body).await?;
    tags::set(context, package, tag, &name::parse_version(&number)?).await?;
    accepted()
}

/// `DELETE /-/package/N/dist-tags/{tag}`.
pub(super) async fn remove<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    tag: &str,
) -> Result<Answer<P>> {
    if tag == "latest" {
        return Err(
            Error::Invalid("`latest` cannot be removed: point it to another version".to_owned()).into()
        );
    }
    tags::remove(context, package, tag).await?;
    accepted()
}

fn accepted<P>() -> Result<Answer<P>> {
    Answer::json(StatusCode::OK, &super::super::wire::Accepted::new(None, None))
}
