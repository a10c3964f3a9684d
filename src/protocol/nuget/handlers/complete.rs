//! `GET v3/autocomplete`: ids, or versions of one
//! ([autocomplete](https://learn.microsoft.com/nuget/api/search-autocomplete-service-resource)).

use super::super::route::Search;
use super::super::wire::text;
use super::{odata, search};
use crate::error::Result;
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::{FeedContext, Package};
use http::StatusCode;
use serde_json::json;

/// Ids that a text is part of.
pub(super) async fn ids<P: Platform>(context: &FeedContext<P>, wanted: &Search) -> Result<Answer<P>> {
    let found = search::find(context, wanted).await?;
    let ids: Vec<&str> = found.packages.iter().map(|(members, _)| text(members, "id")).collect();
    Answer::json(StatusCode::OK, &json!({ "totalHits": found.total, "data": ids }))
}

/// Versions of a package.
pub(super) async fn versions<P: Platform>(
    context: &FeedContext<P>,
    wanted: &Search,
    package: &Package,
) -> Result<Answer<P>> {
    let mut entries = odata::versions(context, package, wanted.semver2).await?;
    entries.retain(|entry| entry.is_listed() && entry.suits(wanted.prerelease, wanted.semver2));
    let versions: Vec<&str> = entries.iter().map(|entry| entry.text("version")).collect();
    Answer::json(StatusCode::OK, &json!({ "totalHits": versions.len(), "data": versions }))
}
