//! `GET api/v1/crates?q=`: local crates first, then what an upstream registry finds, for those who may save it.

use super::super::{Cargo, upstream, wire};
use super::publish::DESCRIPTION;
use crate::error::Result;
use crate::model::json;
use crate::platform::{Platform, together};
use crate::protocol::{Answer, Protocol};
use crate::service::search::{Hit, Hits};
use crate::service::{FeedContext, Registry, ask_first, search};
use crate::store::packages;
use http::StatusCode;
use serde_json::{Value, json};

/// Bytes of an upstream's answer.
const ANSWER_LIMIT: usize = 4 << 20;

/// Finds crates.
pub(super) async fn search<P: Platform>(
    context: &FeedContext<P>,
    text: &str,
    size: usize,
    from: usize,
) -> Result<Answer<P>> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let local = search::search(context, Cargo::ECOSYSTEM, &words, from, size).await?;
    let described = local.page.iter().map(|hit| describe(context, hit));
    let mut crates: Vec<Value> = together::all(described).await;
    let mut total = local.shown().count();
    if context.sees_upstream() && crates.len() < size {
        let page = from.saturating_sub(local.names.len()) / size + 1;
        // An upstream that fails does not hide local crates.
        if let Ok(Some(found)) = found_upstream(context, text, size, page).await {
            let more = found.get("crates").and_then(Value::as_array).into_iter().flatten();
            let (twice, more): (Vec<&Value>, Vec<&Value>) = more.partition(|one| is_here(&local, one));
            let meta = found.get("meta").and_then(|meta| meta.get("total")).and_then(Value::as_u64);
            let offered = meta.and_then(|total| usize::try_from(total).ok()).unwrap_or(more.len());
            total += offered.saturating_sub(twice.len());
            crates.extend(more.into_iter().map(brief));
            crates.truncate(size);
        }
    }
    Answer::json(StatusCode::OK, &json!({ "crates": crates, "meta": { "total": total } }))
}

/// What the first registry that answers finds.
async fn found_upstream<P: Platform>(
    context: &FeedContext<P>,
    text: &str,
    size: usize,
    page: usize,
) -> Result<Option<Value>> {
    let request = |registry: Registry<'_>| upstream::search_request(registry, text, size, page);
    let answer = ask_first(context, Cargo::ECOSYSTEM, &request, ANSWER_LIMIT).await?;
    Ok(answer.and_then(|answer| json::read(&answer).ok()))
}

/// Is it among the local ones, on whichever page?
fn is_here(local: &Hits, found: &Value) -> bool {
    let name = found.get("name").and_then(Value::as_str).unwrap_or_default();
    local.shown().any(|known| known.eq_ignore_ascii_case(name))
}

/// Of a crate, what clients print.
fn brief(found: &Value) -> Value {
    json!({ "name": found["name"], "max_version": found["max_version"], "description": found["description"] })
}

/// A crate as clients print it: with its highest version, if possible one that is neither yanked nor a pre-release.
async fn describe<P: Platform>(context: &FeedContext<P>, hit: &Hit) -> Value {
    let rank = |key: &str, hidden: bool| {
        let version = semver::Version::parse(key).ok()?;
        Some((!hidden, version.pre.is_empty(), version))
    };
    let best = hit.slots.iter().max_by_key(|(key, slot)| rank(key, slot.shown_listing().hidden));
    let name = best.and_then(|(_, slot)| Some(wire::Line::parse(slot.manifest.get())?.name.into_owned()));
    let description = match Cargo::ECOSYSTEM.package(&hit.name) {
        Ok(package) => packages::mark(&context.platform, &context.path(&package), DESCRIPTION).await,
        Err(error) => Err(error),
    };
    // A crate without its description is found all the same.
    let description = description.ok().flatten().map(|text| String::from_utf8_lossy(&text).into_owned());
    json!({
        "name": name.as_ref().unwrap_or(&hit.name),
        "max_version": best.map(|(_, slot)| &slot.version),
        "description": description,
    })
}
