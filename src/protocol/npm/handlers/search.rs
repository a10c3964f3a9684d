//! `GET /-/v1/search`: local packages first, then what upstream registries find, for those who may save it.

use super::super::route::SearchQuery;
use super::super::wire::search_object;
use super::super::{Npm, upstream};
use crate::error::Result;
use crate::model::{Action, SortedSet, json};
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::search::Hit;
use crate::service::{FeedContext, Registry, ask_first, search};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// Bytes of an upstream's answer.
const ANSWER_LIMIT: usize = 4 << 20;

/// Finds packages.
pub(super) async fn search<P: Platform>(context: &FeedContext<P>, query: &SearchQuery) -> Result<Answer<P>> {
    let words: Vec<String> = query.text.split_whitespace().filter_map(word).collect();
    let local = search::search(context, &Npm, &words, query.from, query.size).await?;
    let mut objects: Vec<Value> = local.page.iter().map(object).collect();
    let mut total = local.shown().count();
    let room = query.size - local.names.len().saturating_sub(query.from).min(query.size);
    if context.sees_upstream() && room > 0 {
        let from = query.from.saturating_sub(local.names.len());
        // An upstream that fails does not hide local packages.
        if let Ok(Some((found, count))) = found_upstream(context, &query.text, room, from).await {
            // Once each, on whichever page the local ones are; of the total that is known for this page only.
            let known: SortedSet = local.shown().cloned().collect();
            let (twice, new): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|object| name(object).is_some_and(|name| known.contains(name)));
            total += count.saturating_sub(twice.len());
            objects.extend(new);
        }
    }
    let time = context.platform.now().to_string();
    Answer::json(StatusCode::OK, &json!({ "objects": objects, "total": total, "time": time }))
}

fn name(object: &Value) -> Option<&str> {
    object.pointer("/package/name")?.as_str()
}

/// A word of the query; of the qualifiers only `scope:` says something about names.
fn word(text: &str) -> Option<String> {
    match text.split_once(':') {
        Some(("scope", scope)) => Some(format!("@{}/", scope.trim_start_matches('@'))),
        Some(("keywords" | "author" | "maintainer" | "is" | "not" | "boost-exact", _)) => None,
        _ => Some(text.to_owned()),
    }
}

fn object(hit: &Hit) -> Value {
    let tagged = hit.tags.get("latest");
    let slot = hit.slots.iter().find(|(key, _)| Some(key) == tagged).or(hit.slots.last());
    let slot = slot.map(|(_, slot)| slot);
    let manifest: Option<Map<String, Value>> =
        slot.and_then(|slot| json::read(slot.manifest.get().as_bytes()).ok());
    let mut package = Map::new();
    let scope = hit.name.strip_prefix('@').and_then(|name| name.split_once('/'));
    package.insert("name".to_owned(), hit.name.as_str().into());
    package.insert("scope".to_owned(), scope.map_or("unscoped", |(scope, _)| scope).into());
    for member in ["description", "keywords"] {
        let said = manifest.as_ref().and_then(|manifest| manifest.get(member));
        package.extend(said.map(|said| (member.to_owned(), said.clone())));
    }
    if let Some(slot) = slot {
        package.insert("version".to_owned(), slot.version.as_str().into());
        package.insert("date".to_owned(), slot.published.unwrap_or(slot.added).to_string().into());
    }
    search_object(package, Map::new())
}

async fn found_upstream<P: Platform>(
    context: &FeedContext<P>,
    text: &str,
    size: usize,
    from: usize,
) -> Result<Option<(Vec<Value>, usize)>> {
    debug_assert!(context.permits(Action::Save), "only those who may save search upstream");
    let request = |registry: Registry<'_>| upstream::search_request(registry, text, size, from);
    let Some(bytes) = ask_first(context, &Npm, &request, ANSWER_LIMIT).await? else { return Ok(None) };
    let answer: Map<String, Value> = json::read(&bytes).unwrap_or_default();
    let total = answer.get("total").and_then(Value::as_u64).unwrap_or_default();
    let objects = answer.get("objects").and_then(Value::as_array).cloned().unwrap_or_default();
    let objects = objects.into_iter().filter_map(|object| match object {
        Value::Object(mut rest) => match rest.shift_remove("package")? {
            Value::Object(package) => Some(search_object(package, rest)),
            _ => None,
        },
        _ => None,
    });
    Ok(Some((objects.collect(), usize::try_from(total).unwrap_or(usize::MAX))))
}
