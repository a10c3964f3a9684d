//! Saving: keeping a copy of an upstream version on its first download.
//!
//! Content first, record last: the bytes are stored create-only under the digest the source declares, then the slot is
//! created, which is the commit, then the index is updated in the background. Any step may be repeated.

use super::copy::{self, Copied};
use super::resolve::{Found, Goods};
use super::{FeedContext, Package, download, dropping, log};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{
    ArtifactName, ArtifactRecord, Deed, ListingState, Origin, Slot, SlotState, SortedSet, SourceStep,
    Timestamp, Version,
};
use crate::platform::{BlobStore as _, Platform};
use crate::store::slots::{self, Created};
use crate::store::{index, keys::PackagePath};
use futures_util::FutureExt;
use serde_json::json;
use serde_json::value::RawValue;

/// Saves one file of a version and answers the slot it is in; `None` if the source turns out not to have the file. `here`
/// is the version's slot, if there is one. The work goes on although the client hangs up.
pub(super) async fn save<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    artifact: &ArtifactName,
    found: Found,
    here: Option<&Slot>,
) -> Result<Option<Slot>> {
    let (context, package, version, artifact) =
        (context.clone(), package.clone(), version.clone(), artifact.clone());
    let platform = context.platform.clone();
    let here = here.cloned();
    let work = async move { save_now(&context, &package, &version, &artifact, found, here).await };
    let work = work.boxed_local().shared();
    platform.in_background(work.clone().map(drop));
    work.await
}

async fn save_now<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    artifact: &ArtifactName,
    found: Found,
    here: Option<Slot>,
) -> Result<Option<Slot>> {
    let path = context.path(package);
    let details = json!({ "file": artifact, "source": found.source.name });
    let entry = log::about(context, Deed::Saved, package, Some(version), details);
    let sequence = here.as_ref().map_or(0, |slot| slot.sequence);
    let mut dropped = here.filter(Slot::is_dropped);
    let mut came_back = None;
    if let Some(before) = &dropped {
        came_back = dropping::come_back(context, &path, version, before, artifact, &found, &entry).await?;
        dropped = dropped.filter(|_| came_back.is_none());
    }
    let slot = if let Some(slot) = came_back.filter(|slot| slot.artifact(artifact).is_some()) {
        slot
    } else {
        // Side by side: the note costs no time.
        let (record, announced) = futures_util::future::join(
            copy::copy(context, package, version, artifact, &found, &path),
            index::announce(&context.platform, &path, version.key(), sequence, &entry),
        )
        .await;
        announced?;
        let Some(Copied { record, modified }) = record? else { return Ok(None) };
        let slot = new_slot(context, version, record.clone(), modified, &found);
        commit(context, &path, package, version, slot, record, dropped.as_ref()).await?
    };
    let (task, context, package) = (context.platform.clone(), context.clone(), package.clone());
    let (version, artifact, saved) = (version.clone(), artifact.clone(), slot.clone());
    task.in_background(async move {
        // A failure leaves a note for the repair; the download itself needs the slot only.
        let slots = [(version.key().to_owned(), saved)];
        let _ =
            index::record_logged(&context.platform, &path, package.as_str(), &slots, None, &[entry]).await;
        let [(_, saved)] = slots;
        if let Some(slot) = save_companions(&context, &package, &version, &artifact, &found, saved).await {
            let slots = [(version.key().to_owned(), slot)];
            let _ = index::record(&context.platform, &path, package.as_str(), &slots, None).await;
        }
    });
    Ok(Some(slot))
}

/// Keeps what describes a file beside it; answers the slot if it changed. What cannot be had now is saved when it is
/// asked for.
async fn save_companions<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    artifact: &ArtifactName,
    found: &Found,
    slot: Slot,
) -> Option<Slot> {
    let path = context.path(package);
    let mut grown = None;
    for companion in found.goods.companions(artifact) {
        if slot.artifact(&companion).is_some() {
            continue;
        }
        let copied = copy::copy(context, package, version, &companion, found, &path).await.ok()??;
        grown = Some(add_file(&context.platform, &path, package, version, &copied.record).await.ok()?);
    }
    grown
}

fn new_slot<P: Platform>(
    context: &FeedContext<P>,
    version: &Version,
    record: ArtifactRecord,
    modified: Option<Timestamp>,
    found: &Found,
) -> Slot {
    let source = &found.source;
    let mut chain = vec![SourceStep {
        id: source.id.clone(),
        name: source.name.clone(),
        location: source.location.clone(),
        kind: source.kind,
    }];
    // Clients may ask in another spelling than the version has where it is from.
    let written = match &found.goods {
        Goods::Offer(offer, _) => &offer.version,
        Goods::Unlisted(_) => version.as_str(),
        Goods::Slot(slot, _) => &slot.version,
    };
    let (first_published, listing, published, manifest) = match &found.goods {
        Goods::Offer(offer, published) => {
            (offer.first_published, offer.listing.clone(), *published, offer.manifest.clone())
        }
        Goods::Unlisted(_) => {
            (source.kind.origin(), ListingState::default(), modified, RawValue::NULL.to_owned())
        }
        Goods::Slot(slot, _) => {
            if let Origin::Saved { source_chain, .. } = &slot.origin {
                chain.extend(source_chain.iter().cloned());
            }
            (slot.first_published, slot.shown_listing().clone(), slot.published, slot.manifest.clone())
        }
    };
    Slot {
        version: written.to_owned(),
        state: SlotState::Live,
        origin: Origin::Saved { source_chain: chain, by: context.principal.subject().to_owned() },
        first_published,
        listing: ListingState::default(),
        upstream_listing: listing,
        views: SortedSet::new(),
        artifacts: vec![record],
        former: Vec::new(),
        added: context.platform.now(),
        restored: None,
        published,
        manifest,
        sequence: 1,
    }
}

/// Creates the slot, or adds the file to the one that is there.
async fn commit<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    package: &Package,
    version: &Version,
    slot: Slot,
    record: ArtifactRecord,
    dropped: Option<&Slot>,
) -> Result<Slot> {
    let platform = &context.platform;
    if let Some(dropped) = dropped {
        let slot = dropping::take_again(context, path, version, dropped, slot, &record).await?;
        // Somebody else was faster, with another file.
        return match slot.artifact(&record.name) {
            Some(_) => Ok(slot),
            None => add_file(platform, path, package, version, &record).await,
        };
    }
    let existing = match slots::create(platform, path, version.key(), &slot).await? {
        Created::Yes => return Ok(slot),
        Created::No(existing) => existing,
    };
    if existing.is_dropped() {
        // Saved and dropped while we were saving: the next attempt finds it so.
        return Err(Error::Conflict(Conflict::Contended(version.to_string())).into());
    }
    if !existing.is_live() {
        // Deleted while we were saving: the number is gone, and a purged one may not get its bytes back.
        if matches!(existing.state, SlotState::Purged { .. }) {
            platform.blobs().delete(&path.bytes(version.key(), &record)).await?;
        }
        return Err(Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())).into());
    }
    if existing.artifact(&record.name).is_some() {
        return Ok(*existing);
    }
    add_file(platform, path, package, version, &record).await
}

/// Adds a file to the slot that is there.
async fn add_file<P: Platform>(
    platform: &P,
    path: &PackagePath,
    package: &Package,
    version: &Version,
    record: &ArtifactRecord,
) -> Result<Slot> {
    slots::grow(platform, path, version.key(), std::slice::from_ref(record), false, &|slot| {
        if slot.contradicts(&record.name, Some(record.size), &record.digests) {
            return dropping::other_bytes(slot, &record.name).into();
        }
        // Published in the meantime: then it has what was pushed, and nothing else.
        if slot.is_live() {
            return download::no_artifact(package, &record.name);
        }
        Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())).into()
    })
    .await
}
