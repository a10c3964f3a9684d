//! The index and its archives.

use super::super::{INDEX, name, wire};
use crate::error::Result;
use crate::model::Version;
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::{FeedContext, Package, download, list};
use http::StatusCode;

/// `GET index/config.json`. Clients send their token to an index, and for its downloads, only if it says so here; for
/// publishing they send it in any case.
pub(super) fn description<P: Platform>(context: &FeedContext<P>, wants_token: bool) -> Answer<P> {
    let root = &context.root;
    let (downloads, api) = (format!("{root}api/v1/crates"), root.trim_end_matches('/'));
    let body = wire::description(&downloads, api, wants_token || !context.feed.is_public);
    Answer::Document {
        status: StatusCode::OK,
        content_type: "application/json",
        body: body.to_string().into(),
    }
}

/// `GET index/{folder}/{crate}`.
pub(super) async fn index_file<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
) -> Result<Answer<P>> {
    Ok(Answer::Listing(list::listing(context, package, INDEX).await?))
}

/// `GET api/v1/crates/{crate}/{version}/download`.
pub(super) async fn archive<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Answer<P>> {
    let file = name::archive(package, version)?;
    let artifact = download::artifact(context, package, version, &file).await?;
    Ok(Answer::Artifact { artifact, content_type: "application/gzip" })
}
