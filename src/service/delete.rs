//! Deleting, restoring and purging versions.
//!
//! The slot is flipped first: from then on the version is gone, here at once and elsewhere within
//! [`CHECK_REUSE`](crate::store::slots::CHECK_REUSE). The bytes stay for the recycle bin's 30 days.

use super::ecosystem::has_contents;
use super::{Ecosystems, FeedContext, Package, dropping, leavings, log, tags};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{
    Deed, FirstPublished, ListingState, Origin, Remains, Slot, SlotState, SortedSet, Timestamp, Version,
    guid_of,
};
use crate::platform::{BlobStore as _, Platform, RecordStore as _};
use crate::store::keys::{self, PackagePath};
use crate::store::slots::{self, Created};
use crate::store::{self, index};
use bytes::Bytes;
use serde_json::Value;
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
    let path = context.path(package);
    let entry = log::about(context, Deed::Deleted, package, Some(version), Value::Null);
    let by = context.principal.subject().to_owned();
    let state = SlotState::Deleted { at: context.platform.now(), by };
    let (platform, name) = (&context.platform, package.as_str());
    let target = Target { platform, path: &path, name, version, views: None };
    if !target.remove(&state, &entry).await? {
        let slot = tombstone(context, &path, package, version, &state, &entry).await?;
        target.bin(slot, &[entry]).await?;
    }
    Ok(())
}

/// A version that is to be removed, whoever wants it.
pub(super) struct Target<'a, P> {
    pub(super) platform: &'a P,
    pub(super) path: &'a PackagePath,
    /// The package's name as people write it.
    pub(super) name: &'a str,
    pub(super) version: &'a Version,
    /// The views it was in when it was chosen: it stays if it was promoted since.
    pub(super) views: Option<&'a SortedSet>,
}

impl<P: Platform> Target<'_, P> {
    /// Moves a version to the recycle bin, or drops a saved one, as `state` says; `false` if there is no slot. What may not be
    /// dropped, or is gone already, stays as it is. May be repeated.
    pub(super) async fn remove(&self, state: &SlotState, entry: &Value) -> Result<bool> {
        let (platform, path, key) = (self.platform, self.path, self.version.key());
        let Some(stored) = slots::get(platform, path, key).await? else { return Ok(false) };
        let mut slot = stored.value;
        let mut entries: &[Value] = &[];
        let next = |slot: &Slot| {
            let suits = self.views.is_none_or(|views| slot.views == *views);
            suits.then(|| removed(slot, state)).flatten()
        };
        if let Some(next_slot) = next(&slot) {
            index::announce(platform, path, key, slot.sequence, entry).await?;
            if next_slot.is_dropped() {
                dropping::announce(platform, path, key).await?;
            }
            slot = slots::withdraw(platform, path, key, &mut |slot| Ok(next(slot))).await?;
            if slot.state == *state {
                entries = std::slice::from_ref(entry);
            }
        }
        // Of an attempt that died the log is told by the note it left.
        if slot.is_tombstone() {
            self.bin(slot, entries).await?;
        } else {
            index::record_logged(platform, path, self.name, &[(key.to_owned(), slot)], None, entries).await?;
        }
        Ok(true)
    }

    /// What is left to do for a deleted version.
    async fn bin(&self, slot: Slot, entries: &[Value]) -> Result<()> {
        let (platform, key) = (self.platform, self.version.key());
        // Before the index: a bin note without a deleted slot is harmless, the reverse would keep the bytes for ever.
        store::put_patiently(platform, &self.path.bin(key), Bytes::from_static(b"{}"), true).await?;
        let slots = [(key.to_owned(), slot)];
        index::record_logged(platform, self.path, self.name, &slots, None, entries).await?;
        // Tags never point to what is not there.
        let gone = self.version.as_str();
        tags::change_at(platform, self.path, self.name, &[], &|settings| {
            settings.tags.retain(|_, target| target != gone);
        })
        .await
    }
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
    if slot.is_dropped() {
        return Err(not_in_bin(package, version));
    }
    if slot.artifacts.is_empty() {
        let text = format!("`{package}` {version} was never in this feed: there is nothing to restore");
        return Err(Error::Conflict(Conflict::Other(text)).into());
    }
    let entry = log::about(context, Deed::Restored, package, Some(version), Value::Null);
    index::announce(platform, &path, version.key(), slot.sequence, &entry).await?;
    let restored = Some(platform.now());
    let slot = slots::update(platform, &path, version.key(), &mut |slot| {
        let deleted = matches!(slot.state, SlotState::Deleted { .. });
        let mut next = slot.in_state(SlotState::Live);
        next.restored = restored;
        Ok(deleted.then_some(next))
    })
    .await?;
    if !slot.is_live() {
        return Err(not_in_bin(package, version));
    }
    let slots = [(version.key().to_owned(), slot)];
    index::record_logged(platform, &path, package.as_str(), &slots, None, &[entry]).await?;
    Ok(platform.records().delete(&[path.bin(version.key())]).await?)
}

/// Has cron drop the bytes of all that is in the recycle bin now. Answers what the order is known by.
pub async fn queue_emptying<P: Platform>(context: &FeedContext<P>) -> Result<String> {
    let key = keys::emptying(&context.feed.id, context.platform.now());
    store::put(&context.platform, &key, &String::new()).await?;
    Ok(guid_of(&key))
}

/// Empties recycle bins as it was asked for, and looks at `limit` versions at most; answers how many were purged. What was
/// deleted after somebody asked is what nobody asked for. A bin that cannot be emptied is no reason to leave the others.
pub(super) async fn empty_queued<P: Platform>(
    platform: &P,
    ecosystems: Ecosystems,
    limit: usize,
) -> Result<usize> {
    let (mut left, mut purged, mut outcome) = (limit, 0, Ok(()));
    for note in platform.records().list(keys::EMPTYING, None, limit).await?.keys {
        if left == 0 {
            break;
        }
        let emptied = empty_bin(platform, ecosystems, &note, &mut left, &mut purged).await;
        outcome = outcome.and(emptied);
    }
    outcome.map(|()| purged)
}

/// Goes on with the bin that a note tells of.
async fn empty_bin<P: Platform>(
    platform: &P,
    ecosystems: Ecosystems,
    note: &str,
    left: &mut usize,
    purged: &mut usize,
) -> Result<()> {
    let Some((feed, asked)) = keys::parse_emptying(note) else { return Ok(()) };
    // One that does not read back is an order all the same: it is begun anew.
    let after = store::read::<P, String>(platform, note).await.unwrap_or(None).map(|stored| stored.value);
    let (bin, after) = (keys::in_feed(keys::BINS, &feed, None), after.filter(|after| !after.is_empty()));
    let page = platform.records().list(&bin, after.as_deref(), *left).await?;
    *left -= page.keys.len().min(*left);
    let mut outcome = Ok(());
    for key in &page.keys {
        let Some((path, version)) = PackagePath::parse_after(keys::BINS, key) else { continue };
        let version = percent_encoding::percent_decode_str(version).decode_utf8_lossy();
        // One that cannot be purged is no reason to leave the others; it is tried again.
        match purge_if(platform, ecosystems, &path, &version, &|at| at <= asked).await {
            Ok(is_purged) => *purged += usize::from(is_purged),
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    outcome?;
    match page.cursor {
        Some(last) => store::put(platform, note, &last).await,
        None => Ok(platform.records().delete(&[note.to_owned()]).await?),
    }
}

/// Drops the bytes of a deleted version; its tombstone stays for ever.
pub async fn purge<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<()> {
    let slot = deleted_slot(context, package, version).await?;
    let path = context.path(package);
    let entry = log::about(context, Deed::Purged, package, Some(version), Value::Null);
    index::announce(&context.platform, &path, version.key(), slot.sequence, &entry).await?;
    let has_contents = package.ecosystem.has_contents();
    purge_at(&context.platform, &path, version.key(), has_contents, &[entry]).await
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
    ecosystems: Ecosystems,
    path: &PackagePath,
    version_key: &str,
) -> Result<bool> {
    let now = platform.now();
    purge_if(platform, ecosystems, path, version_key, &|at| now.since(at) >= RECYCLE_BIN).await
}

/// Purges a version if it was deleted at a time that suits.
async fn purge_if<P: Platform>(
    platform: &P,
    ecosystems: Ecosystems,
    path: &PackagePath,
    version_key: &str,
    suits: &dyn Fn(Timestamp) -> bool,
) -> Result<bool> {
    let Some(stored) = slots::get(platform, path, version_key).await? else { return Ok(false) };
    let has_contents = has_contents(ecosystems, path);
    match stored.value.state {
        SlotState::Deleted { at, .. } if suits(at) => {
            let entry = log::about_cron(Deed::Purged, "housekeeping", path, &stored.value.version);
            index::announce(platform, path, version_key, stored.value.sequence, &entry).await?;
            purge_at(platform, path, version_key, has_contents, &[entry]).await?;
            Ok(true)
        }
        SlotState::Deleted { .. } => Ok(false),
        // A restore that died half-way: what was left of it is done here.
        SlotState::Live | SlotState::Dropped { .. } => {
            index::record(platform, path, "", &[(version_key.to_owned(), stored.value)], None).await?;
            platform.records().delete(&[path.bin(version_key)]).await?;
            Ok(false)
        }
        // A purge that died half-way.
        SlotState::Purged { .. } => {
            purge_at(platform, path, version_key, has_contents, &[]).await?;
            Ok(false)
        }
    }
}

async fn purge_at<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    has_contents: bool,
    entries: &[Value],
) -> Result<()> {
    let at = platform.now();
    // The slot first: a version must not be restored whose bytes are being removed.
    let slot = slots::update(platform, path, version_key, &mut |slot| {
        let deleted = matches!(slot.state, SlotState::Deleted { .. });
        Ok(deleted.then(|| slot.in_state(SlotState::Purged { at })))
    })
    .await?;
    if !matches!(slot.state, SlotState::Purged { .. }) {
        // Restored in the meantime.
        return Ok(());
    }
    if has_contents {
        leavings::leave_version(platform, path, version_key).await?;
    }
    for artifact in slot.artifacts.iter().chain(&slot.former) {
        platform.blobs().delete(&path.bytes(version_key, artifact)).await?;
    }
    platform.records().delete(&[path.bin(version_key)]).await?;
    index::record_logged(platform, path, "", &[(version_key.to_owned(), slot)], None, entries).await
}

/// A slot whose version is removed as `state` says; `None` if it stays as it is.
fn removed(slot: &Slot, state: &SlotState) -> Option<Slot> {
    let mut next = slot.in_state(state.clone());
    match (&slot.state, state) {
        (SlotState::Live, SlotState::Dropped { .. }) => {
            if slot.is_published() {
                return None;
            }
            next.former.retain(|record| slot.artifact(&record.name).is_none());
            next.former.append(&mut next.artifacts);
        }
        // Its bytes are still here, so that it can be restored.
        (SlotState::Dropped { remains: Remains::Kept, .. }, SlotState::Deleted { .. }) => {
            next.artifacts = std::mem::take(&mut next.former);
        }
        (SlotState::Live | SlotState::Dropped { .. }, SlotState::Deleted { .. }) => {}
        _ => return None,
    }
    Some(next)
}

/// A slot that was never live, so that no upstream source can fill it.
async fn tombstone<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    package: &Package,
    version: &Version,
    state: &SlotState,
    entry: &Value,
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
        former: Vec::new(),
        added: context.platform.now(),
        restored: None,
        published: None,
        manifest: RawValue::NULL.to_owned(),
        sequence: 1,
    };
    index::announce(&context.platform, path, version.key(), 0, entry).await?;
    match slots::create(&context.platform, path, version.key(), &slot).await? {
        Created::Yes => Ok(slot),
        // Saved in the meantime.
        Created::No(_) => {
            slots::withdraw(&context.platform, path, version.key(), &mut |slot| Ok(removed(slot, state)))
                .await
        }
    }
}

/// What is said of a version that is not in the recycle bin.
pub fn not_in_bin(package: &Package, version: &Version) -> Box<Error> {
    Error::NotFound(Missing::Other(format!("`{package}` {version} is not in the recycle bin"))).into()
}
