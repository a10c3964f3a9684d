//! `GET /-/v1/search`: local packages first, then what upstream registries find, for those who may save it.

use super::super::Npm;
use super::super::route::SearchQuery;
use super::super::wire::{SearchAnswer, SearchObject, SearchPackage};
use crate::error::Result;
use crate::model::Action;
use crate::platform::Platform;
use crate::protocol::{Answer, Protocol as _};
use crate::service::search::Hit;
use crate::service::{FeedContext, collect_upstream, fetch_first, search, upstream_get};
use http::StatusCode;
use serde_json::Value;
use url::Url;

/// Bytes of an upstream's answer.
const ANSWER_LIMIT: usize = 4 << 20;

/// Finds packages.
pub(super) async fn search<P: Platform>(context: &FeedContext<P>, query: &SearchQuery) -> Result<Answer<P>> {
    let words: Vec<String> = query.text.split_whitespace().filter_map(word).collect();
    let local = search::search(context, &Npm, &words, query.from, query.size).await?;
    let mut objects: Vec<SearchObject> = local.page.iter().map(object).collect();
    let mut total = local.total;
    if context.sees_upstream() && objects.len() < query.size {
        let from = query.from.saturating_sub(local.total);
        // An upstream that fails does not hide local packages.
        if let Ok(Some(found)) = upstream(context, &query.text, query.size - objects.len(), from).await {
            let known: Vec<String> = objects.iter().map(|object| object.package.name.clone()).collect();
            objects.extend(found.objects.into_iter().filter(|object| !known.contains(&object.package.name)));
            total += found.total;
        }
    }
    let time = context.platform.now().to_string();
    Answer::json(StatusCode::OK, &SearchAnswer { objects, total, time })
}

/// A word of the query; of the qualifiers only `scope:` says something about names.
fn word(text: &str) -> Option<String> {
    match text.split_once(':') {
        Some(("scope", scope)) => Some(format!("@{}/", scope.trim_start_matches('@'))),
        Some(("keywords" | "author" | "maintainer" | "is" | "not" | "boost-exact", _)) => None,
        _ => Some(text.to_owned()),
    }
}

fn object(hit: &Hit) -> SearchObject {
    let tagged = hit.tags.get("latest");
    let slot = hit.slots.iter().find(|(key, _)| Some(key) == tagged).or(hit.slots.last());
    let manifest: Value =
        slot.and_then(|(_, slot)| serde_json::from_slice(slot.manifest.get().as_bytes()).ok()).unwrap_or_default();
    let text = |key: &str| manifest.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let keywords = manifest.get("keywords").and_then(Value::as_array);
    let keywords =
        keywords.into_iter().flatten().filter_map(|word| Some(word.as_str()?.to_owned())).collect();
    let scope = hit
        .name
        .strip_prefix('@')
        .and_then(|name| name.split_once('/'))
        .map_or("unscoped", |(scope, _)| scope);
    let package = SearchPackage {
        name: hit.name.clone(),
        scope: scope.to_owned(),
        version: slot.map(|(_, slot)| slot.version.clone()).unwrap_or_default(),
        description: text("description"),
        keywords,
        date: slot.map(|(_, slot)| slot.published.unwrap_or(slot.added).to_string()),
        ..SearchPackage::default()
    };
    SearchObject { package, score: super::super::wire::SearchScore::default(), search_score: 1.0 }
}

async fn upstream<P: Platform>(
    context: &FeedContext<P>,
    text: &str,
    size: usize,
    from: usize,
) -> Result<Option<SearchAnswer>> {
    debug_assert!(context.permits(Action::Save), "only those who may save search upstream");
    let found = fetch_first(context, Npm::ID, |location: &Url| {
        let mut url = location.join("-/v1/search").ok()?;
        let (size, from) = (size.to_string(), from.to_string());
        url.query_pairs_mut().append_pair("text", text).append_pair("size", &size).append_pair("from", &from);
        Some(upstream_get(url, "application/json"))
    })
    .await?;
    let Some((source, fetched)) = found else { return Ok(None) };
    let bytes = collect_upstream(&source, fetched.body, ANSWER_LIMIT).await?;
    Ok(serde_json::from_slice(&bytes).ok())
}
