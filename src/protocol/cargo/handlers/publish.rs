//! Publishing, yanking.

use super::super::route::{AUTHENTICATED_INDEX, INDEX};
use super::super::{name, wire};
use super::receive::{self, Received};
use crate::error::{Conflict, Error, Result};
use crate::model::{ListingState, PackageName, Version};
use crate::platform::{Body, Platform};
use crate::protocol::{Answer, catalogue};
use crate::service::publish::{self, Growth, Incoming, IncomingFile};
use crate::service::{FeedContext, Package, relist};
use crate::store::{index, keys::PackagePath, packages};
use http::StatusCode;
use serde_json::json;

/// Under which name is kept which spelling of a crate's name is used here.
const SPELLING: &str = "spelling";

/// Under which name is kept what searches show of a crate.
pub(super) const DESCRIPTION: &str = "description";

/// `PUT api/v1/crates/new`.
pub(super) async fn publish<P: Platform>(context: &FeedContext<P>, body: Body) -> Result<Answer<P>> {
    publish::refuse_view(context)?;
    let received = receive::receive(context, body).await?;
    if let Err(error) = claim_spelling(context, &received.package).await {
        // What cannot be discarded now is swept by the housekeeping.
        let _ = received.archive.discard(&context.platform).await;
        return Err(error);
    }
    let (package, description) = (received.package.clone(), received.push.description.clone());
    let published = match incoming(context, received) {
        Ok(incoming) => publish::publish(context, &package, incoming).await,
        Err(error) => Err(error),
    };
    if let Err(error) = published {
        release_spelling(context, &package).await;
        return Err(error);
    }
    if let Some(description) = description {
        // Only searches show it: not worth failing a push that is done.
        let path = context.path(&package);
        let _ = packages::set_mark(&context.platform, &path, DESCRIPTION, description.into()).await;
    }
    context.trace.note("published");
    let warnings = json!({ "invalid_categories": [], "invalid_badges": [], "other": [] });
    Answer::json(StatusCode::OK, &json!({ "warnings": warnings }))
}

/// `DELETE …/yank` and `PUT …/unyank`.
pub(super) async fn yank<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: Version,
    yanked: bool,
) -> Result<Answer<P>> {
    let listing = ListingState { hidden: yanked, message: None };
    relist::relist(context, package, vec![(version, listing)]).await?;
    super::done()
}

fn incoming<P: Platform>(context: &FeedContext<P>, received: Received) -> Result<Incoming> {
    let Received { push, package, version, archive } = received;
    let checksum = archive.digests().last().map(crate::model::Digest::hex).unwrap_or_default();
    let root = context.root.to_string();
    let manifest = push.line(&checksum, context.platform.now(), &|registry| called(&root, registry))?;
    let name = name::archive(&package, &version)?;
    let file = IncomingFile { name, content: archive, manifest: None };
    Ok(Incoming { version, file, companions: Vec::new(), manifest, tags: Vec::new(), growth: Growth::Whole })
}

/// How our index calls a registry by whose address a dependency was pushed: `None` for ourselves. Clients compare these
/// addresses as texts, so that the public registry goes by the one that all of them use, through whichever of its indexes
/// the publisher saw it.
fn called(root: &str, registry: &str) -> Option<String> {
    let bare =
        |text: &str| text.strip_prefix("sparse+").unwrap_or(text).trim_end_matches('/').to_ascii_lowercase();
    let wanted = bare(registry);
    if [INDEX, AUTHENTICATED_INDEX].iter().any(|index| bare(&format!("{root}{index}")) == wanted) {
        return None;
    }
    let public = catalogue::CRATE_INDEXES.iter().any(|index| bare(index) == wanted);
    Some(if public { catalogue::CRATE_INDEXES[0] } else { registry }.to_owned())
}

/// `foo-bar`, `foo_bar` and `Foo-Bar` are one name: the first spelling that is used here is the only one.
async fn claim_spelling<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<()> {
    let (platform, canonical) = (&context.platform, name::canonical(package));
    let taken = |holder: &str| {
        let text = format!(
            "crate `{package}` is too like `{holder}`, which is in this feed already; spell it so, or choose another name"
        );
        Err(Error::Conflict(Conflict::Other(text)).into())
    };
    // Saved crates have claimed nothing.
    let others = [canonical.clone(), canonical.replace('-', "_")];
    let others = others.iter().map(String::as_str).filter(|other| *other != package.key());
    for key in others.chain([package.key()]) {
        let index = index::get(platform, &context.path(&name::parse(key)?)).await?;
        let Some(index) = index.map(|stored| stored.value) else { continue };
        let mut lines = index.slots.iter().filter_map(|entry| wire::Line::parse(entry.slot.manifest.get()));
        let spelling = lines.next_back().map(|line| line.name.into_owned());
        let same = spelling.as_deref().is_none_or(|spelling| spelling == package.as_str());
        if key != package.key() || !same {
            return taken(spelling.as_deref().unwrap_or(key));
        }
    }
    let spelling = package.as_str().to_owned().into();
    let holder = packages::claim_mark(platform, &place(context, package), SPELLING, spelling).await?;
    if holder == package.as_str() { Ok(()) } else { taken(&String::from_utf8_lossy(&holder)) }
}

/// A push that was refused keeps no claim on a name of which nothing is here.
async fn release_spelling<P: Platform>(context: &FeedContext<P>, package: &Package) {
    let platform = &context.platform;
    if let Ok(None) = index::get(platform, &context.path(package)).await {
        // A claim that stays is the claim of the same spelling.
        let _ = packages::remove_mark(platform, &place(context, package), SPELLING).await;
    }
}

/// Where claims on a name are kept, whatever its spelling.
fn place<P: Platform>(context: &FeedContext<P>, package: &Package) -> PackagePath {
    let canonical = name::canonical(package);
    let name = PackageName::new(canonical.as_str(), canonical.as_str());
    context.path(&Package::new(package.ecosystem, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_go_by_one_name() {
        let root = "https://h:8080/acme/_packaging/main/cargo/";
        for own in [
            "sparse+https://h:8080/acme/_packaging/main/Cargo/index/",
            "sparse+https://h:8080/acme/_packaging/main/cargo/authenticated-index/",
            "https://H:8080/acme/_packaging/main/cargo/index",
        ] {
            assert_eq!(called(root, own), None, "{own}");
        }
        for other in
            ["sparse+https://h:8080/acme/_packaging/other/cargo/index/", "https://registry.example/index"]
        {
            assert_eq!(called(root, other).as_deref(), Some(other));
        }
        let [canonical, others @ ..] = catalogue::CRATE_INDEXES;
        for public in others {
            for text in [public.to_owned(), format!("sparse+{public}")] {
                assert_eq!(called(root, &text).as_deref(), Some(canonical), "{text}");
            }
        }
    }
}
