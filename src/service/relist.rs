//! Relisting: unlist, yank, deprecate, and back; the protocols keep their own words.

use super::{FeedContext, Package};
use crate::error::{Error, Missing, Result};
use crate::model::{ArtifactName, ListingState, Slot, Timestamp, Version};
use crate::platform::Platform;
use crate::store::{index, slots};
use serde_json::value::RawValue;

/// Sets the listing state of local versions; those that are in it already are left alone.
pub async fn relist<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    changes: Vec<(Version, ListingState)>,
) -> Result<()> {
    super::publish::refuse_view(context)?;
    let mut changed = Vec::new();
    for (version, listing) in changes {
        let slot = edit_slot(context, package, &version, false, &|slot| {
            (slot.listing != listing).then(|| Slot { listing: listing.clone(), ..slot.clone() })
        })
        .await?;
        changed.push((version.key().to_owned(), slot));
    }
    let path = context.path(package);
    index::record(&context.platform, &path, package.as_str(), &changed, None).await
}

/// What the source of a saved version now says of it.
pub(super) struct Heard {
    /// Which version.
    pub(super) key: String,
    /// Unlisted, yanked, deprecated there?
    pub(super) listing: Option<ListingState>,
    /// When it was published, where that was not known.
    pub(super) published: Option<Timestamp>,
    /// What it says of single files, where that was something else.
    pub(super) files: Vec<(ArtifactName, Option<Box<RawValue>>)>,
}

/// Takes over what the source of saved versions now says of them.
pub(super) async fn hear<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    heard: Vec<Heard>,
) -> Result<()> {
    let mut changed = Vec::new();
    for Heard { key, listing, published, files } in heard {
        let slot = edit_slot(context, package, &Version::new(&key, &key), false, &|slot| {
            let upstream_listing = listing.clone().unwrap_or_else(|| slot.upstream_listing.clone());
            let published = slot.published.or(published);
            let mut next = Slot { upstream_listing, published, ..slot.clone() };
            let mut news = next.upstream_listing != slot.upstream_listing || published != slot.published;
            for (name, manifest) in &files {
                let kept = next.artifacts.iter_mut().find(|kept| kept.name == *name);
                let text =
                    |manifest: &Option<Box<RawValue>>| manifest.as_ref().map(|raw| raw.get().to_owned());
                if let Some(kept) = kept.filter(|kept| text(&kept.manifest) != text(manifest)) {
                    kept.manifest.clone_from(manifest);
                    news = true;
                }
            }
            news.then_some(next)
        })
        .await?;
        changed.push((key, slot));
    }
    let path = context.path(package);
    index::record(&context.platform, &path, package.as_str(), &changed, None).await
}

/// Changes a live slot; `withdraws` says that somebody will not be shown it any more.
pub(super) async fn edit_slot<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    withdraws: bool,
    edit: &dyn Fn(&Slot) -> Option<Slot>,
) -> Result<Slot> {
    let path = context.path(package);
    let missing = || Error::NotFound(Missing::Version(package.to_string(), version.to_string()));
    if slots::get(&context.platform, &path, version.key()).await?.is_none() {
        return Err(missing().into());
    }
    let change = &mut |slot: &Slot| {
        if !slot.is_live() {
            return Err(Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())).into());
        }
        Ok(edit(slot))
    };
    if withdraws {
        return slots::withdraw(&context.platform, &path, version.key(), change).await;
    }
    slots::update(&context.platform, &path, version.key(), change).await
}
