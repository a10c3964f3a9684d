//! `GET v3/autocomplete`: ids, or versions of one
//! ([autocomplete](https://learn.microsoft.com/nuget/api/search-autocomplete-service-resource)).

use super::super::listing::Entry;
use super::super::route::Search;
use super::super::wire::text;
use super::{odata, search};
use crate::error::Result;
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::{FeedContext, Package};
use http::StatusCode;
use serde_json::{Value, json};

/// Ids that a text is part of.
pub(super) async fn ids<P: Platform>(context: &FeedContext<P>, wanted: &Search) -> Result<Answer<P>> {
    let found = search::find(context, wanted).await?;
    let mut ids: Vec<Value> = Vec::new();
    for members in &found.packages {
        ids.push(text(members, "id").into());
    }
    Answer::json(StatusCode::OK, &json!({ "totalHits": found.total, "data": ids }))
}

/// Versions of a package.
pub(super) async fn versions<P: Platform>(
    context: &FeedContext<P>,
    wanted: &Search,
    package: &Package,
) -> Result<Answer<P>> {
    let mut entries = odata::versions(context, package, wanted.semver2).await?;
    Entry::keep(&mut entries, &|entry| entry.is_listed() && entry.suits(wanted.prerelease, wanted.semver2));
    let mut versions: Vec<Value> = Vec::new();
    for entry in &entries {
        versions.push(entry.text("version").into());
    }
    Answer::json(StatusCode::OK, &json!({ "totalHits": versions.len(), "data": versions }))
}
