//! Dropping: giving up a saved version without a tombstone, so that whoever may save gets it again from its source.
//!
//! The slot stays, and says what the version's files were: one number means the same bytes for ever. It is flipped first;
//! the bytes go later ([`empty`]), when nobody can be reading them any more. Until then the version comes back as it is
//! ([`come_back`]), after that its bytes are copied anew ([`take_again`]). Between the two is a state in which bytes are
//! being removed and nothing else happens: removing is not conditional, and must not meet bytes that were just copied.

use super::ecosystem::has_contents;
use super::resolve::{Found, Goods};
use super::{Ecosystems, FeedContext, leavings};
use crate::error::{Conflict, Error, Result, UpstreamFault};
use crate::model::{
    ArtifactName, ArtifactRecord, Digest, Origin, Remains, Slot, SlotState, Timestamp, Version,
};
use crate::platform::{BlobStore as _, Platform, RecordStore as _};
use crate::store::keys::PackagePath;
use crate::store::{index, slots};
use serde_json::{Value, json};
use std::time::Duration;

/// The bytes of a dropped version stay for so long: who found it live before may still be reading them.
const LINGER: Duration = Duration::from_secs(600);

/// Who began to remove bytes so long ago is not removing them any more: cron runs 15 minutes at most.
const ABANDONED: Duration = Duration::from_secs(1_800);

/// Notes that a version is about to be dropped: before its slot says so, else its bytes might stay for ever.
pub(super) async fn announce<P: Platform>(platform: &P, path: &PackagePath, version_key: &str) -> Result<()> {
    let note = json!({ "at": platform.now() }).to_string();
    Ok(platform.records().overwrite(&path.dropped(version_key), note.into()).await?)
}

/// A dropped version whose bytes are still here, live again as it was, of which the log is told `entry`. `None` if they must be
/// copied. What its source offers now must be the same; a file that it never had may come to it as to any saved version.
pub(super) async fn come_back<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    version: &Version,
    dropped: &Slot,
    artifact: &ArtifactName,
    found: &Found,
    entry: &Value,
) -> Result<Option<Slot>> {
    if dropped.contradicts(artifact, None, offered(&found.goods, artifact)) {
        return Err(changed(&found.source.name, artifact).into());
    }
    let SlotState::Dropped { remains, .. } = dropped.state else { return Ok(None) };
    match remains {
        Remains::Going => Err(busy(version).into()),
        Remains::Gone => Ok(None),
        Remains::Kept => {
            let now = context.platform.now();
            index::announce(&context.platform, path, version.key(), dropped.sequence, entry).await?;
            let slot = retake(context, path, version, dropped, &|slot| {
                let mut next = slot.in_state(SlotState::Live);
                next.artifacts = std::mem::take(&mut next.former);
                next.added = now;
                next
            })
            .await?;
            Ok(Some(slot))
        }
    }
}

/// What a file must hash to by what offers it.
fn offered<'a>(goods: &'a Goods, artifact: &ArtifactName) -> &'a [Digest] {
    match goods {
        Goods::Offer(offer, _) => {
            let file = offer.artifacts.iter().find(|offered| offered.name == *artifact);
            file.map(|offered| offered.digests.as_slice()).unwrap_or_default()
        }
        Goods::Unlisted(offered) => &offered.digests,
        Goods::Slot(slot, _) => {
            slot.artifact(artifact).map(|record| record.digests.as_slice()).unwrap_or_default()
        }
    }
}

/// Makes a dropped version live again, by a file of it that was copied anew.
pub(super) async fn take_again<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    version: &Version,
    dropped: &Slot,
    new: Slot,
    record: &ArtifactRecord,
) -> Result<Slot> {
    if dropped.contradicts(&record.name, Some(record.size), &record.digests) {
        return Err(other_bytes(&new, &record.name).into());
    }
    retake(context, path, version, dropped, &|slot| {
        let mut next = new.clone();
        next.listing.clone_from(&slot.listing);
        next.former.clone_from(&slot.former);
        next
    })
    .await
}

/// Changes a dropped slot that is still what it was when we looked.
async fn retake<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    version: &Version,
    dropped: &Slot,
    to: &dyn Fn(&Slot) -> Slot,
) -> Result<Slot> {
    slots::update(&context.platform, path, version.key(), &mut |slot| {
        if slot.is_dropped() && slot.sequence == dropped.sequence {
            return Ok(Some(to(slot)));
        }
        // Perhaps by this very write, which was reported lost; or somebody else was faster.
        let again = slot.is_live() && slot.sequence > dropped.sequence && !slot.is_published();
        if again { Ok(None) } else { Err(busy(version).into()) }
    })
    .await
}

fn busy(version: &Version) -> Error {
    Error::Conflict(Conflict::Contended(version.to_string()))
}

/// The source of a version does not have what it had.
pub(super) fn other_bytes(slot: &Slot, artifact: &ArtifactName) -> Error {
    let name = match &slot.origin {
        Origin::Saved { source_chain, .. } => source_chain.first().map(|step| step.name.as_str()),
        Origin::Published { .. } => None,
    };
    changed(name.unwrap_or_default(), artifact)
}

fn changed(source: &str, artifact: &ArtifactName) -> Error {
    Error::Upstream { name: source.to_owned(), fault: UpstreamFault::Changed(artifact.to_string()) }
}

/// Removes the bytes of a version that was dropped a while ago, as `note` says; `false` if there is nothing to be done yet, or
/// any more.
pub(super) async fn empty<P: Platform>(
    platform: &P,
    ecosystems: Ecosystems,
    path: &PackagePath,
    version_key: &str,
    note: &str,
) -> Result<bool> {
    let now = platform.now();
    let Some(begun) = crate::store::read::<P, Value>(platform, note).await? else { return Ok(false) };
    let at = begun.value.get("at").and_then(Value::as_str).and_then(Timestamp::parse);
    // The slot is flipped after its note is written.
    if at.is_some_and(|at| now.since(at) < LINGER) {
        return Ok(false);
    }
    let slot = slots::update(platform, path, version_key, &mut |slot| {
        let SlotState::Dropped { at, remains } = slot.state else { return Ok(None) };
        let is_due = match remains {
            Remains::Kept => now.since(at) >= LINGER,
            Remains::Going => now.since(at) >= ABANDONED,
            Remains::Gone => false,
        };
        let going = SlotState::Dropped { at: now, remains: Remains::Going };
        Ok(is_due.then(|| slot.in_state(going)))
    })
    .await?;
    match slot.state {
        // Ours to remove, and by this run.
        SlotState::Dropped { at, remains: Remains::Going } if at == now => {}
        SlotState::Dropped { remains: Remains::Kept | Remains::Going, .. } => return Ok(false),
        // It came back, was deleted, or is done.
        _ => {
            platform.records().delete(&[note.to_owned()]).await?;
            return Ok(false);
        }
    }
    if has_contents(ecosystems, path) {
        leavings::leave_version(platform, path, version_key).await?;
    }
    for file in &slot.former {
        platform.blobs().delete(&path.bytes(version_key, file)).await?;
    }
    let slot = slots::update(platform, path, version_key, &mut |slot| {
        let ours = slot.state == SlotState::Dropped { at: now, remains: Remains::Going };
        let gone = SlotState::Dropped { at: now, remains: Remains::Gone };
        Ok(ours.then(|| slot.in_state(gone)))
    })
    .await?;
    platform.records().delete(&[note.to_owned()]).await?;
    index::record(platform, path, "", &[(version_key.to_owned(), slot)], None).await?;
    Ok(true)
}
