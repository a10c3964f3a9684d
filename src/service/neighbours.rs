//! Feeds of this deployment as upstream sources of others: read in process, by the members of a view.
//!
//! Local versions only, no recursion, so no cycles.

use super::{FeedContext, Package};
use crate::error::{Error, Result};
use crate::model::{Address, Feed, Slot, UpstreamSource, View};
use crate::platform::{Etag, Platform};
use crate::store::index::{self, PackageIndex};
use crate::store::keys::PackagePath;
use crate::store::{feeds, packages};
use bytes::Bytes;
use std::rc::Rc;

/// What another feed offers through one of its views.
pub(super) struct FeedSupply {
    /// The package's place there.
    pub(super) path: PackagePath,
    /// Its index there.
    pub(super) index: PackageIndex,
    view: View,
}

impl FeedSupply {
    /// The slots the view shows, by version key.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Slot)> {
        self.index.slots.iter().filter_map(|entry| {
            let is_member = self.view.shows(&entry.slot.views);
            (is_member && entry.slot.is_live()).then_some((entry.key.as_str(), &entry.slot))
        })
    }
}

/// The feed of this deployment that an address names, unless it was deleted, and the view of it that is named.
pub async fn neighbour<P: Platform>(
    platform: &P,
    address: &Address,
) -> Result<Option<(Rc<Feed>, Option<View>)>> {
    let locator = &address.locator;
    let feed = feeds::find(platform, &address.organization, address.project.as_ref(), &locator.feed).await?;
    Ok(feed.filter(|feed| feed.deleted.is_none()).map(|feed| {
        let view = locator.view.as_ref().and_then(|name| feed.view(name)).cloned();
        (feed, view)
    }))
}

/// Does a feed that is a source show any version of a package?
pub async fn is_internally_offered<P: Platform>(context: &FeedContext<P>, package: &Package) -> bool {
    for source in neighbours(context, package) {
        if let Ok(Some(supply)) = supply(context, source, package).await
            && supply.members().next().is_some()
        {
            return true;
        }
    }
    false
}

/// What feeds that are sources keep of a package as a small fact of that name, in their order. A source that leads nowhere keeps
/// nothing.
pub async fn internal_marks<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    name: &str,
) -> Result<Vec<Bytes>> {
    let mut marks = Vec::new();
    for source in neighbours(context, package) {
        if let Ok((path, _)) = place(context, source, package).await {
            marks.extend(packages::mark(&context.platform, &path, name).await?);
        }
    }
    Ok(marks)
}

/// The etags of what feeds that are sources hold of a package: part of what a listing is rendered from.
pub(super) async fn etags<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
) -> Result<Vec<Option<Etag>>> {
    let mut etags = Vec::new();
    for source in neighbours(context, package) {
        let etag = match place(context, source, package).await {
            Ok((path, _)) => index::check(&context.platform, &path, context.always_check).await?,
            Err(_) => None,
        };
        etags.push(etag);
    }
    Ok(etags)
}

/// What a feed has of a package; `None` if that is nothing.
pub(super) async fn supply<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    package: &Package,
) -> Result<Option<FeedSupply>> {
    let (path, view) = place(context, source, package).await?;
    let stored = index::get(&context.platform, &path).await?;
    Ok(stored.map(|stored| FeedSupply { path, index: stored.value, view }))
}

fn neighbours<'a, P>(
    context: &'a FeedContext<P>,
    package: &Package,
) -> impl Iterator<Item = &'a UpstreamSource> {
    context.feed.sources(package.protocol()).filter(|source| source.is_neighbour())
}

/// Where such a source leads.
async fn place<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    package: &Package,
) -> Result<(PackagePath, View)> {
    let (feed, view) = lead(&context.platform, &context.feed, source).await?;
    Ok((PackagePath::new(&feed.id, package.protocol(), package), view))
}

/// The feed and the view to which such a source of a feed leads; the view must still be shared with that feed's organization.
pub(super) async fn lead<P: Platform>(
    platform: &P,
    from: &Feed,
    source: &UpstreamSource,
) -> Result<(Rc<Feed>, View)> {
    let fault = |reason: &str| Error::malformed(source, reason);
    let address = source.address().map_err(|error| fault(&error.to_string()))?;
    let found = neighbour(platform, &address).await?;
    let (feed, view) = found.ok_or_else(|| fault("its feed does not exist any more"))?;
    if feed.is_disabled {
        return Err(fault("its feed is disabled"));
    }
    let view = view.ok_or_else(|| fault("its view does not exist any more"))?;
    if !view.is_shared_with(feed.organization == from.organization) {
        return Err(fault("its view is no longer shared"));
    }
    Ok((feed, view))
}
