//! Reading: packages, versions, manifests, files, archives.

use super::super::name::{self, Selector};
use super::super::route::Part;
use super::super::{Universal, VERSIONS, listing};
use crate::error::{Error, Missing, Result};
use crate::model::Version;
use crate::platform::Platform;
use crate::protocol::{Answer, Protocol as _};
use crate::service::catalog::{self, Sought};
use crate::service::{FeedContext, Package, download, list, pack};
use crate::store::keys;
use http::StatusCode;
use serde_json::json;

/// `GET` of the root: packages of which this caller is shown a version, a page at a time.
pub(super) async fn packages<P: Platform>(
    context: &FeedContext<P>,
    after: Option<String>,
    top: usize,
) -> Result<Answer<P>> {
    let prefix = keys::in_feed(keys::CATALOG, &context.feed.id, Some(Universal::ID));
    let after = after.map(|name| format!("{prefix}{name}"));
    let sought = Sought { prefix: prefix.clone(), is_wanted: &|_| true, after, skip: 0, top };
    let page = catalog::page(context, sought).await?;
    let mut packages = Vec::new();
    for (_, index) in page.packages {
        let shown =
            index.slots.iter().filter(|entry| entry.slot.is_live() && context.shows(&entry.slot.views));
        let shown: Vec<_> = shown.collect();
        let listed = shown.iter().filter(|entry| !entry.slot.shown_listing().hidden);
        let latest = Selector::Highest(Vec::new()).choose(listed.map(|entry| entry.key.as_str()));
        if !shown.is_empty() {
            packages.push(json!({ "name": index.name, "versions": shown.len(), "latest": latest }));
        }
    }
    let mut body = json!({ "packages": packages });
    if let Some(last) = page.next.and_then(|(key, _)| keys::catalog_name(&prefix, &key)) {
        body["continuationToken"] = last.into();
    }
    Answer::json(StatusCode::OK, &body)
}

/// `GET {name}`.
pub(super) async fn versions<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Answer<P>> {
    Ok(Answer::Listing(list::listing(context, package, VERSIONS).await?))
}

/// Which version is meant: of those that the list of versions shows to this caller.
async fn select<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    selector: Selector,
) -> Result<Version> {
    if let Selector::Exact(version) = selector {
        return Ok(version);
    }
    let document = list::listing(context, package, VERSIONS).await?.plain().await?;
    let missing = || Error::NotFound(Missing::Version(package.to_string(), selector.to_string()));
    name::parse_version(&listing::select(&document, &selector).ok_or_else(missing)?)
}

/// Finds what is read of a version, in the one that is meant.
pub(super) async fn get<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    selector: Selector,
    part: Part,
) -> Result<Answer<P>> {
    let may_change = matches!(selector, Selector::Highest(_));
    let version = select(context, package, selector).await?;
    let name = name::manifest()?;
    let (mut artifact, content_type) = match part {
        Part::Manifest => (download::artifact(context, package, &version, &name).await?, "application/json"),
        Part::Archive => (pack::archive(context, package, &version, &name).await?, "application/x-tar"),
        Part::File(path) => {
            (pack::file(context, package, &version, &name, &path).await?, "application/octet-stream")
        }
    };
    artifact.may_change = may_change;
    Ok(Answer::Artifact { artifact, content_type })
}
