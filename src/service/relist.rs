//! Relisting: unlist, yank, deprecate, and back; the protocols keep their own words.

use super::{FeedContext, Package, log};
use crate::error::{Error, Missing, Result};
use crate::model::{ArtifactName, Deed, ListingState, Slot, Timestamp, Version};
use crate::platform::Platform;
use crate::store::{index, slots};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Sets the listing state of local versions; those that are in it already are left alone.
pub async fn relist<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    changes: Vec<(Version, ListingState)>,
) -> Result<()> {
    super::publish::refuse_view(context)?;
    let (mut changed, mut entries) = (Vec::new(), Vec::new());
    for (version, listing) in changes {
        let details = json!({ "hidden": listing.hidden, "message": listing.message });
        let entry = log::about(context, Deed::Relisted, package, Some(&version), details);
        let (slot, is_news) = edit_slot(context, package, &version, Some(&entry), false, &|slot| {
            let mut next = slot.clone();
            next.listing.clone_from(&listing);
            (slot.listing != listing).then_some(next)
        })
        .await?;
        changed.push((version.key().to_owned(), slot));
        entries.extend(Some(entry).filter(|_| is_news));
    }
    let path = context.path(package);
    index::record_logged(&context.platform, &path, package.as_str(), &changed, None, &entries).await
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
        let (slot, _) = edit_slot(context, package, &Version::new(&key, &key), None, false, &|slot| {
            let mut next = slot.clone();
            if let Some(listing) = &listing {
                next.upstream_listing.clone_from(listing);
            }
            next.published = slot.published.or(published);
            let mut news = next.upstream_listing != slot.upstream_listing || next.published != slot.published;
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

/// Changes a live slot; `withdraws` says that somebody will not be shown it any more. `entry` is what the log will say of it,
/// if anything: whether that is news is answered, too, because of an attempt that died the log is told by the note it left.
pub(super) async fn edit_slot<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    entry: Option<&Value>,
    withdraws: bool,
    edit: &dyn Fn(&Slot) -> Option<Slot>,
) -> Result<(Slot, bool)> {
    let path = context.path(package);
    let missing = || Error::NotFound(Missing::Version(package.to_string(), version.to_string()));
    let stored = slots::get(&context.platform, &path, version.key()).await?.ok_or_else(missing)?;
    let news = entry.filter(|_| stored.value.is_live() && edit(&stored.value).is_some());
    if let Some(entry) = news {
        index::announce(&context.platform, &path, version.key(), stored.value.sequence, entry).await?;
    }
    let change = &mut |slot: &Slot| {
        if slot.is_dropped() {
            return Err(missing().into());
        }
        if !slot.is_live() {
            return Err(Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())).into());
        }
        Ok(edit(slot))
    };
    let slot = if withdraws {
        slots::withdraw(&context.platform, &path, version.key(), change).await?
    } else {
        slots::update(&context.platform, &path, version.key(), change).await?
    };
    Ok((slot, news.is_some()))
}
