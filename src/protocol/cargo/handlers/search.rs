//! `GET api/v1/crates?q=`: local crates first, then what an upstream registry finds, for those who may save it.

use super::super::{Cargo, wire};
use super::publish::DESCRIPTION;
use crate::error::Result;
use crate::platform::Platform;
use crate::protocol::{Answer, Protocol};
use crate::service::search::Hit;
use crate::service::{FeedContext, search};
use crate::store::packages;
use http::StatusCode;
use serde_json::{Value, json};

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
    let crates: Vec<Value> = futures_util::future::join_all(described).await;
    Answer::json(StatusCode::OK, &json!({ "crates": crates, "meta": { "total": local.total } }))
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
