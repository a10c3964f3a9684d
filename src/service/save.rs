//! Saving: keeping a copy of an upstream version on its first download.
//!
//! Content first, record last: the bytes are stored create-only under the digest the source declares, then the slot is
//! created, which is the commit, then the index is updated in the background. Any step may be repeated.

use super::fetch;
use super::resolve::{Found, Goods};
use super::{FeedContext, Package};
use super::{download, stage};
use crate::error::{Conflict, Error, Missing, Result, UpstreamFault};
use crate::model::{
    Algorithm, ArtifactName, ArtifactRecord, Digest, Hasher, ListingState, Origin, Slot, SlotState,
    SourceStep, Version,
};
use crate::platform::{BlobStore as _, Body, Expected, Platform, PlatformError, PutOutcome};
use crate::store::listing_codec::OfferedArtifact;
use crate::store::slots::{self, Created};
use crate::store::{index, keys::PackagePath};
use futures_util::{FutureExt, StreamExt};
use http::header;
use std::collections::BTreeSet;
use std::time::Duration;
use url::Url;

/// Bytes without a slot that are older than this belong to nobody any more.
const ABANDONED: Duration = Duration::from_secs(600);

/// Saves one file of a version and answers the slot it is in. The work goes on although the client hangs up.
pub(super) async fn save<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    artifact: &ArtifactName,
    found: Found,
) -> Result<Slot> {
    let (context, package, version, artifact) =
        (context.clone(), package.clone(), version.clone(), artifact.clone());
    let platform = context.platform.clone();
    let work = async move { save_now(&context, &package, &version, &artifact, found).await };
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
) -> Result<Slot> {
    let path = context.path(package);
    // Side by side: the note costs no time.
    let (record, announced) = futures_util::future::join(
        fetch_bytes(context, package, version, artifact, &found, &path),
        index::announce(&context.platform, &path, version.key()),
    )
    .await;
    let record = record?;
    announced?;
    let slot = new_slot(context, version, record.clone(), &found);
    let slot = commit(context, &path, package, version, slot, record).await?;
    let (task, context, package) = (context.platform.clone(), context.clone(), package.clone());
    let (version, artifact, saved) = (version.clone(), artifact.clone(), slot.clone());
    task.in_background(async move {
        // A failure leaves a note for the repair; the download itself needs the slot only.
        let entry = [(version.key().to_owned(), saved)];
        let _ = index::record(&context.platform, &path, package.as_str(), &entry, None).await;
        let [(_, saved)] = entry;
        if let Some(slot) = save_companions(&context, &package, &version, &artifact, &found, saved).await {
            let entry = [(version.key().to_owned(), slot)];
            let _ = index::record(&context.platform, &path, package.as_str(), &entry, None).await;
        }
    });
    Ok(slot)
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
        let record = fetch_bytes(context, package, version, &companion, found, &path).await.ok()?;
        grown = Some(add_file(&context.platform, &path, package, version, &record).await.ok()?);
    }
    grown
}

/// Gets the bytes and stores them under their name.
async fn fetch_bytes<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    artifact: &ArtifactName,
    found: &Found,
    path: &PackagePath,
) -> Result<ArtifactRecord> {
    let key = path.file(version.key(), artifact);
    match &found.goods {
        Goods::Offer(offer, _) => {
            let offered = offer.artifacts.iter().find(|offered| offered.name == *artifact);
            let offered = offered.ok_or_else(|| download::no_artifact(package, artifact))?;
            from_registry(context, found, offered, &key).await
        }
        Goods::Slot(slot, from) => {
            let record = slot.artifact(artifact).ok_or_else(|| download::no_artifact(package, artifact))?;
            from_feed(context, found, record, &from.file(version.key(), artifact), &key).await
        }
    }
}

fn new_slot<P: Platform>(
    context: &FeedContext<P>,
    version: &Version,
    record: ArtifactRecord,
    found: &Found,
) -> Slot {
    let source = &found.source;
    let mut chain = vec![SourceStep {
        id: source.id.clone(),
        name: source.name.clone(),
        location: source.location.clone(),
        kind: source.kind,
    }];
    let (first_published, listing, published, manifest) = match &found.goods {
        Goods::Offer(offer, published) => {
            (offer.first_published, offer.listing.clone(), *published, offer.manifest.clone())
        }
        Goods::Slot(slot, _) => {
            if let Origin::Saved { source_chain, .. } = &slot.origin {
                chain.extend(source_chain.iter().cloned());
            }
            (slot.first_published, slot.shown_listing().clone(), slot.published, slot.manifest.clone())
        }
    };
    Slot {
        version: version.as_str().to_owned(),
        state: SlotState::Live,
        origin: Origin::Saved { source_chain: chain, by: context.principal.subject().to_owned() },
        first_published,
        listing: ListingState::default(),
        upstream_listing: listing,
        views: BTreeSet::new(),
        artifacts: vec![record],
        added: context.platform.now(),
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
) -> Result<Slot> {
    let platform = &context.platform;
    let existing = match slots::create(platform, path, version.key(), &slot).await? {
        Created::Yes => return Ok(slot),
        Created::No(existing) => existing,
    };
    if !existing.is_live() {
        // Deleted while we were saving: the number is gone, and a purged one may not get its bytes back.
        if matches!(existing.state, SlotState::Purged { .. }) {
            platform.blobs().delete(&path.file(version.key(), &record.name)).await?;
        }
        return Err(Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())));
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
    slots::update(platform, path, version.key(), &mut |slot| {
        if !slot.is_live() {
            return Err(Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())));
        }
        let mut next = slot.clone();
        next.artifacts.push(record.clone());
        Ok(slot.artifact(&record.name).is_none().then_some(next))
    })
    .await
}

async fn from_registry<P: Platform>(
    context: &FeedContext<P>,
    found: &Found,
    offered: &OfferedArtifact,
    key: &str,
) -> Result<ArtifactRecord> {
    let fault = |fault| Error::Upstream { name: found.source.name.clone(), fault };
    let url = Url::parse(&offered.url).map_err(|error| fault(UpstreamFault::Malformed(error.to_string())))?;
    let allow_private = context.settings.allow_private_upstreams;
    let request = fetch::get(url, "*/*", true);
    let fetched = fetch::fetch(&context.platform, &found.source, request, allow_private).await;
    let fetched = match fetched {
        Ok(fetched) if fetched.is_absent() => {
            return Err(fault(UpstreamFault::Malformed(format!(
                "it lists `{}` but does not have it",
                offered.name
            ))));
        }
        Ok(fetched) => fetched,
        Err(error) => {
            super::upstream::record_health(context, &found.source, Some(&error)).await;
            return Err(error);
        }
    };
    let digest = offered.digests.iter().max_by_key(|digest| digest.algorithm()).cloned();
    let encoded = fetched.headers.contains_key(header::CONTENT_ENCODING);
    let length =
        fetched.header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok()).filter(|_| !encoded);
    let stored = match length {
        Some(length) if length <= download::SMALL => {
            small(context, key, fetched.body, length, digest, &offered.digests).await
        }
        Some(length) => {
            let expected = Expected { length, digest: digest.clone() };
            let outcome = claim(context, key, fetched.body, &expected).await;
            outcome.map(|outcome| (outcome, length, offered.digests.clone()))
        }
        None => staged(context, key, fetched.body, digest.as_ref()).await,
    };
    match stored {
        Ok((Claim::Ours, size, digests)) => {
            let (name, manifest) = (offered.name.clone(), offered.manifest.clone());
            Ok(ArtifactRecord { name, size, digests, manifest })
        }
        Ok((Claim::Mismatch, ..)) => {
            let error = fault(UpstreamFault::Integrity(offered.name.to_string()));
            super::upstream::record_health(context, &found.source, Some(&error)).await;
            Err(error)
        }
        // A body that broke is the source's failure, not our storage's.
        Err(Error::Platform(error)) => {
            let error = fault(fetch::fault_of(&error));
            super::upstream::record_health(context, &found.source, Some(&error)).await;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Content that is small enough to be held: its answer need not read it back.
async fn small<P: Platform>(
    context: &FeedContext<P>,
    key: &str,
    body: Body,
    length: u64,
    digest: Option<Digest>,
    declared: &[Digest],
) -> Result<(Claim, u64, Vec<Digest>)> {
    let bytes = body.collect(usize::try_from(length).unwrap_or(usize::MAX)).await?;
    if bytes.len() as u64 != length {
        return Err(PlatformError::Cut(format!("{} of {length} bytes", bytes.len())).into());
    }
    let claim = claim(context, key, Body::Bytes(bytes.clone()), &Expected { length, digest }).await?;
    if claim == Claim::Ours {
        download::remember_small(&context.platform, key, bytes);
    }
    Ok((claim, length, declared.to_vec()))
}

/// Content whose length nobody told: through a private place, where its length and digests become known.
async fn staged<P: Platform>(
    context: &FeedContext<P>,
    key: &str,
    body: Body,
    digest: Option<&Digest>,
) -> Result<(Claim, u64, Vec<Digest>)> {
    let algorithms = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
    let staged = stage::take(&context.platform, body.into_stream(), &algorithms, u64::MAX).await?;
    let (size, digests) = (staged.size(), staged.digests().to_vec());
    if digest.is_some_and(|digest| !digests.contains(digest)) {
        staged.discard(&context.platform).await?;
        return Ok((Claim::Mismatch, size, digests));
    }
    let expected = Expected { length: size, digest: digests.last().cloned() };
    let body = staged.open(&context.platform).await?;
    let claimed = claim(context, key, body, &expected).await;
    staged.discard(&context.platform).await?;
    Ok((claimed?, size, digests))
}

async fn from_feed<P: Platform>(
    context: &FeedContext<P>,
    found: &Found,
    record: &ArtifactRecord,
    from: &str,
    key: &str,
) -> Result<ArtifactRecord> {
    let missing = || Error::Upstream {
        name: found.source.name.clone(),
        fault: UpstreamFault::Malformed(format!("its feed has lost the bytes of `{}`", record.name)),
    };
    let blob = context.platform.blobs().open(from, None).await?.ok_or_else(missing)?;
    let digest = record.digests.iter().max_by_key(|digest| digest.algorithm()).cloned();
    let expected = Expected { length: record.size, digest };
    match claim(context, key, blob.body, &expected).await? {
        Claim::Ours => Ok(record.clone()),
        Claim::Mismatch => Err(missing()),
    }
}

/// How claiming a file's name ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The bytes are there, and they are these.
    Ours,
    /// The bytes are not what was expected; nothing was stored.
    Mismatch,
}

/// Puts bytes under a name that is not taken. Bytes that are there already are ours if they are the same; bytes of
/// nobody are replaced once they are [`ABANDONED`]; otherwise somebody is at work right now.
pub(super) async fn claim<P: Platform>(
    context: &FeedContext<P>,
    key: &str,
    body: Body,
    expected: &Expected,
) -> Result<Claim> {
    let blobs = context.platform.blobs();
    match blobs.create(key, body, expected).await {
        Ok(PutOutcome::Created) => return Ok(Claim::Ours),
        Ok(PutOutcome::Mismatch) => return Ok(Claim::Mismatch),
        Ok(PutOutcome::Exists) => {}
        // The write may have happened all the same; what is there tells.
        Err(error) => match blobs.info(key).await? {
            Some(_) => {}
            None => return Err(error.into()),
        },
    }
    if same_bytes(context, key, expected).await? {
        return Ok(Claim::Ours);
    }
    evict_abandoned(context, key).await?;
    Err(Error::Conflict(Conflict::Contended(key.to_owned())))
}

/// Removes bytes that belong to no slot, if they have been there long enough to belong to no writer either; the claim
/// that met them has seen that there is no slot, and succeeds when it is repeated.
async fn evict_abandoned<P: Platform>(context: &FeedContext<P>, key: &str) -> Result<()> {
    let blobs = context.platform.blobs();
    let info = blobs.info(key).await?;
    if info.is_some_and(|info| context.platform.now().since(info.uploaded) > ABANDONED) {
        blobs.delete(key).await?;
    }
    Ok(())
}

async fn same_bytes<P: Platform>(context: &FeedContext<P>, key: &str, expected: &Expected) -> Result<bool> {
    let Some(blob) = context.platform.blobs().open(key, None).await? else { return Ok(false) };
    let Some(digest) = expected.digest.as_ref().filter(|_| blob.info.size == expected.length) else {
        return Ok(false);
    };
    let mut hasher = Hasher::new(&[digest.algorithm()]);
    let mut stream = blob.body.into_stream();
    while let Some(piece) = stream.next().await {
        hasher.update(&piece?);
    }
    Ok(hasher.finish().contains(digest))
}
