//! Deleting, restoring and purging versions.
//!
//! The slot is flipped first: from then on the version is gone, here at once and elsewhere within
//! [`CHECK_REUSE`](crate::store::slots::CHECK_REUSE). The bytes stay for the recycle bin's 30 days.

use super::{FeedContext, Package, tags};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::SortedSet;
use crate::model::{FirstPublished, ListingState, Origin, Slot, SlotState, Timestamp, Version, guid_of};
use crate::platform::{BlobStore as _, Platform, RecordStore as _};
use crate::store::keys::{self, PackagePath};
use crate::store::slots::{self, Created};
use crate::store::{self, index};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::time::Duration;

/// How long a deleted version can be restored.
pub const RECYCLE_BIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Deletes a version. One that only an upstream source has is deleted too: its number becomes a tombstone here.
pub async fn delete<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<()> {
    super::publish::refuse_view(context)?;
    let (platform, path) = (&context.platform, context.path(package));
    let state = SlotState::Deleted { at: platform.now(), by: context.principal.subject().to_owned() };
    let slot = match slots::get(platform, &path, version.key()).await? {
        Some(_) => bury(platform, &path, version, &state).await?,
        None => tombstone(context, &path, package, version, &state).await?,
    };
    // Before the index: a bin note without a deleted slot is harmless, the reverse would keep the bytes for ever.
    platform.records().overwrite(&path.bin(version.key()), Bytes::from_static(b"{}")).await?;
    let entry = [(version.key().to_owned(), slot)];
    index::record(platform, &path, package.as_str(), &entry, None).await?;
    drop_tags(context, package, version).await
}

/// Restores a version from the recycle bin, to where it was, views included.
pub async fn restore<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<()> {
    let (platform, path) = (&context.platform, context.path(package));
    let slot = any_slot(context, package, version).await?;
    let slot = slot.ok_or_else(|| not_in_bin(package, version))?;
    // A restore that died half-way has left its note: it is done again.
    if slot.is_live() && platform.records().head(&path.bin(version.key())).await?.is_none() {
        return Err(not_in_bin(package, version));
    }
    if slot.artifacts.is_empty() {
        let text = format!("`{package}` {version} was never in this feed: there is nothing to restore");
        return Err(Error::Conflict(Conflict::Other(text)).into());
    }
    let slot = slots::update(platform, &path, version.key(), &mut |slot| {
        let deleted = matches!(slot.state, SlotState::Deleted { .. });
        Ok(deleted.then(|| Slot { state: SlotState::Live, ..slot.clone() }))
    })
    .await?;
    if !slot.is_live() {
        return Err(not_in_bin(package, version));
    }
    let entry = [(version.key().to_owned(), slot)];
    index::record(platform, &path, package.as_str(), &entry, None).await?;
    Ok(platform.records().delete(&[path.bin(version.key())]).await?)
}

/// Has cron drop the bytes of all that is in the recycle bin now. Answers what the order is known by.
pub async fn queue_emptying<P: Platform>(context: &FeedContext<P>) -> Result<String> {
    let key = keys::emptying(&context.feed.id, context.platform.now());
    store::put(&context.platform, &key, &String::new()).await?;
    Ok(guid_of(&key))
}

/// Empties recycle bins as it was asked for, and looks at `limit` versions at most; answers how many were purged. What was
/// deleted after somebody asked is what nobody asked for.
pub(super) async fn empty_queued<P: Platform>(platform: &P, limit: usize) -> Result<usize> {
    let (mut left, mut purged) = (limit, 0);
    for note in platform.records().list(keys::EMPTYING, None, limit).await?.keys {
        let Some((feed, asked)) = keys::parse_emptying(&note) else { continue };
        let after = store::read::<P, String>(platform, &note).await?.map(|stored| stored.value);
        let (bin, after) = (keys::in_feed(keys::BINS, &feed, None), after.filter(|after| !after.is_empty()));
        let page = platform.records().list(&bin, after.as_deref(), left).await?;
        for key in &page.keys {
            let Some((path, version)) = PackagePath::parse_after(keys::BINS, key) else { continue };
            let version = percent_encoding::percent_decode_str(version).decode_utf8_lossy();
            purged += usize::from(purge_if(platform, &path, &version, &|at| at <= asked).await?);
        }
        left -= page.keys.len().min(left);
        match page.cursor {
            Some(last) => store::put(platform, &note, &last).await?,
            None => platform.records().delete(&[note]).await?,
        }
        if left == 0 {
            break;
        }
    }
    Ok(purged)
}

/// Drops the bytes of a deleted version; its tombstone stays for ever.
pub async fn purge<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<()> {
    deleted_slot(context, package, version).await?;
    let path = context.path(package);
    purge_at(&context.platform, &path, version.key()).await
}

/// The slot of a version in the recycle bin.
pub async fn deleted_slot<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Slot> {
    let path = context.path(package);
    let slot = slots::get(&context.platform, &path, version.key()).await?.map(|stored| stored.value);
    slot.filter(|slot| matches!(slot.state, SlotState::Deleted { .. }))
        .ok_or_else(|| not_in_bin(package, version))
}

/// The slot of a version, live or not.
pub async fn any_slot<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Option<Slot>> {
    let path = context.path(package);
    Ok(slots::get(&context.platform, &path, version.key()).await?.map(|stored| stored.value))
}

/// Purges a version if it has been in the recycle bin long enough.
pub(super) async fn purge_expired<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
) -> Result<bool> {
    let now = platform.now();
    purge_if(platform, path, version_key, &|at| now.since(at) >= RECYCLE_BIN).await
}

/// Purges a version if it was deleted at a time that suits.
async fn purge_if<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    suits: &dyn Fn(Timestamp) -> bool,
) -> Result<bool> {
    let Some(stored) = slots::get(platform, path, version_key).await? else { return Ok(false) };
    match stored.value.state {
        SlotState::Deleted { at, .. } if suits(at) => {
            purge_at(platform, path, version_key).await?;
            Ok(true)
        }
        SlotState::Deleted { .. } => Ok(false),
        // A restore that died half-way: what was left of it is done here.
        SlotState::Live => {
            index::record(platform, path, "", &[(version_key.to_owned(), stored.value)], None).await?;
            platform.records().delete(&[path.bin(version_key)]).await?;
            Ok(false)
        }
        // A purge that died half-way.
        SlotState::Purged { .. } => {
            purge_at(platform, path, version_key).await?;
            Ok(false)
        }
    }
}

async fn purge_at<P: Platform>(platform: &P, path: &PackagePath, version_key: &str) -> Result<()> {
    let at = platform.now();
    // The slot first: a version must not be restored whose bytes are being removed.
    let slot = slots::update(platform, path, version_key, &mut |slot| {
        let deleted = matches!(slot.state, SlotState::Deleted { .. });
        Ok(deleted.then(|| Slot { state: SlotState::Purged { at }, ..slot.clone() }))
    })
    .await?;
    if slot.is_live() {
        // Restored in the meantime.
        return Ok(());
    }
    for artifact in &slot.artifacts {
        platform.blobs().delete(&path.file(version_key, &artifact.name)).await?;
    }
    platform.records().delete(&[path.bin(version_key)]).await?;
    index::record(platform, path, "", &[(version_key.to_owned(), slot)], None).await
}

async fn bury<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version: &Version,
    state: &SlotState,
) -> Result<Slot> {
    slots::withdraw(platform, path, version.key(), &mut |slot| {
        Ok(slot.is_live().then(|| Slot { state: state.clone(), ..slot.clone() }))
    })
    .await
}

/// A slot that was never live, so that no upstream source can fill it.
async fn tombstone<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    package: &Package,
    version: &Version,
    state: &SlotState,
) -> Result<Slot> {
    let missing = || Error::NotFound(Missing::Version(package.to_string(), version.to_string()));
    let stored = index::get(&context.platform, path).await?.map(|stored| stored.value).unwrap_or_default();
    let found = super::resolve::suppliers(context, package, version, None, &stored, None).await?;
    found.into_iter().next().ok_or_else(missing)??;
    let by = context.principal.subject().to_owned();
    let slot = Slot {
        version: version.as_str().to_owned(),
        state: state.clone(),
        origin: Origin::Saved { source_chain: Vec::new(), by },
        first_published: FirstPublished::External,
        listing: ListingState::default(),
        upstream_listing: ListingState::default(),
        views: SortedSet::new(),
        artifacts: Vec::new(),
        added: added(state),
        published: None,
        manifest: RawValue::NULL.to_owned(),
        sequence: 1,
    };
    match slots::create(&context.platform, path, version.key(), &slot).await? {
        Created::Yes => Ok(slot),
        // Saved in the meantime.
        Created::No(_) => bury(&context.platform, path, version, state).await,
    }
}

fn added(state: &SlotState) -> Timestamp {
    match state {
        SlotState::Deleted { at, .. } | SlotState::Purged { at } => *at,
        SlotState::Live => Timestamp::from_millis(0),
    }
}

/// Tags never point to what is not there.
async fn drop_tags<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<()> {
    tags::change(context, package, &|settings| {
        settings.tags.retain(|_, target| target != version.as_str());
    })
    .await
}

/// What is said of a version that is not in the recycle bin.
pub fn not_in_bin(package: &Package, version: &Version) -> Box<Error> {
    Error::NotFound(Missing::Other(format!("`{package}` {version} is not in the recycle bin"))).into()
}
