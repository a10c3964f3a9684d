//! Copying: getting one file from where a source has it, verified, to where this feed keeps it.
//!
//! What a file must hash to is what its listing declares, else what the headers say that it comes with, else what the source
//! keeps beside it; R2 itself verifies it before anything is there.

use super::claim::{Claim, claim};
use super::fetch::{self, Fetched};
use super::resolve::{Found, Goods};
use super::{FeedContext, Package, download, hash, kept, registry, stage, upstream};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Algorithm, ArtifactName, ArtifactRecord, Digest, Timestamp, UpstreamSource, Version};
use crate::platform::{BlobStore as _, Body, Expected, Headers, Platform, PlatformError, header};
use crate::store::keys::PackagePath;
use crate::store::listing_codec::OfferedArtifact;
use std::rc::Rc;
use std::time::Duration;
use url::Url;

/// The largest document read for what a file must hash to.
const CHECKSUM_LIMIT: usize = 4 << 20;

/// How long it is remembered that a source does not have a file of which no listing tells: enough for the clients of one
/// moment. It may be made at this very time, since some sources build what they are asked for.
const UNLISTED_ABSENT_REUSE: Duration = Duration::from_secs(10);

/// A file that was copied.
pub(super) struct Copied {
    /// What is known of it.
    pub(super) record: ArtifactRecord,
    /// When it last changed at its source, where that says so.
    pub(super) modified: Option<Timestamp>,
}

/// Copies a file; `None` if the source does not have what it need not have.
pub(super) async fn copy<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    artifact: &ArtifactName,
    found: &Found,
    path: &PackagePath,
) -> Result<Option<Copied>> {
    let key = path.file(version.key(), artifact);
    match &found.goods {
        Goods::Offer(offer, _) => {
            let offered = offer.artifacts.iter().find(|offered| offered.name == *artifact);
            let offered = offered.ok_or_else(|| download::no_artifact(package, artifact))?;
            from_registry(context, package, found, offered, &key).await
        }
        Goods::Unlisted(offered) => from_registry(context, package, found, offered, &key).await,
        Goods::Slot(slot, from) => {
            let record = slot.artifact(artifact).ok_or_else(|| download::no_artifact(package, artifact))?;
            let record =
                from_feed(context, &found.source, record, &from.bytes(version.key(), record), &key).await?;
            Ok(Some(Copied { record, modified: None }))
        }
    }
}

/// Does a registry have a file of which its listing does not tell?
pub(super) async fn has<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    offered: OfferedArtifact,
) -> Result<bool> {
    let goods = Goods::Unlisted(Box::new(offered.clone()));
    let found = Found { source: source.clone(), goods };
    Ok(request(context, &found, &offered).await?.is_some())
}

/// Copies a file from a registry; `None` if it does not have what it need not have.
pub(super) async fn from_registry<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    found: &Found,
    offered: &OfferedArtifact,
    key: &str,
) -> Result<Option<Copied>> {
    let outcome = match request(context, found, offered).await {
        Ok(Some(answer)) => keep(context, package, found, offered, key, answer).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    match &outcome {
        Err(error) if matches!(**error, Error::Upstream { .. }) => {
            upstream::record_health(context, &found.source, Some(error)).await;
        }
        Ok(Some(_)) => upstream::record_health(context, &found.source, None).await,
        Ok(None) | Err(_) => {}
    }
    outcome
}

/// Asks a registry for a file; `None` if it does not have what it need not have, which is remembered for a while. A source
/// that was just found to be out of reach is left alone where it is only asked whether it has the file.
async fn request<P: Platform>(
    context: &FeedContext<P>,
    found: &Found,
    offered: &OfferedArtifact,
) -> Result<Option<Fetched>> {
    let (platform, source) = (&context.platform, &found.source);
    let fault = |reason: String| Error::malformed(source, reason);
    let absent = format!("absent:{}:{}", source.memory_key(), offered.url);
    let is_question = matches!(found.goods, Goods::Unlisted(_));
    if is_question && !context.always_check {
        if platform.memo().get::<()>(&absent, platform.now()).is_some() {
            return Ok(None);
        }
        if let Some(error) = upstream::paused(platform, source) {
            return Err(error.into());
        }
    }
    let url = Url::parse(&offered.url).map_err(|error| fault(error.to_string()))?;
    match fetch::fetch(context, source, fetch::get(url, "*/*", true)).await {
        Ok(answer) if !answer.is_absent() => Ok(Some(answer)),
        Ok(_) if is_question => {
            let lifetime = UNLISTED_ABSENT_REUSE.min(source.freshness());
            platform.memo().put(absent, Rc::new(()), 16, platform.now(), lifetime);
            Ok(None)
        }
        Ok(_) => Err(fault(format!("it lists `{}` but does not have it", offered.name))),
        Err(error) => {
            if is_question && registry::is_out_of_reach(&error) {
                upstream::pause(platform, source, &error);
            }
            Err(error)
        }
    }
}

/// What a file must hash to, weakest algorithm first: by its listing, else by the headers it comes with, else by what the
/// source keeps beside it. Nothing where the source says nothing.
async fn declared<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    source: &UpstreamSource,
    offered: &OfferedArtifact,
    headers: &Headers,
) -> Result<Vec<Digest>> {
    if !offered.digests.is_empty() {
        return Ok(offered.digests.clone());
    }
    let digests = package.ecosystem.declared(headers);
    let Some(checksum) = offered.checksum.as_ref().filter(|_| digests.is_empty()) else { return Ok(digests) };
    let fault = |reason: String| Error::malformed(source, reason);
    let url = Url::parse(checksum).map_err(|error| fault(error.to_string()))?;
    let answer = fetch::fetch(context, source, fetch::get(url, "*/*", false)).await?;
    if answer.is_absent() {
        return Ok(Vec::new());
    }
    let document = fetch::collect(source, answer.body, CHECKSUM_LIMIT).await?;
    let digest = package.ecosystem.read_checksum(&document);
    let unreadable = || fault(format!("what it says `{}` hashes to cannot be read", offered.name));
    digest.map(|digest| vec![digest]).ok_or_else(unreadable)
}

/// Stores a file as it comes, verified.
async fn keep<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    found: &Found,
    offered: &OfferedArtifact,
    key: &str,
    fetched: Fetched,
) -> Result<Copied> {
    let fault = |fault| Error::upstream(&found.source, fault);
    let declared = declared(context, package, &found.source, offered, &fetched.headers).await?;
    let modified = fetched.header(header::LAST_MODIFIED).and_then(Timestamp::parse_http_date);
    let digest = declared.iter().max_by_key(|digest| digest.algorithm()).cloned();
    let encoded = fetched.headers.contains(header::CONTENT_ENCODING);
    let length =
        fetched.header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok()).filter(|_| !encoded);
    let stored = match length {
        Some(length) if length <= kept::SMALL => {
            small(context, key, fetched.body, length, digest, declared).await
        }
        // What nobody says anything about must be hashed here, or a repeated save could not tell its own bytes.
        Some(length) if digest.is_some() => {
            let expected = Expected { length, digest: digest.clone() };
            let outcome = claim(context, key, fetched.body, &expected).await;
            outcome.map(|outcome| (outcome, length, declared))
        }
        Some(_) | None => staged(context, key, fetched.body, length, digest.as_ref()).await,
    };
    match stored.map_err(|error| *error) {
        Ok((Claim::Ours, size, digests)) => {
            let (name, manifest) = (offered.name.clone(), offered.manifest.clone());
            Ok(Copied { record: ArtifactRecord { name, size, digests, manifest, place: None }, modified })
        }
        Ok((Claim::Mismatch, ..)) => Err(fault(UpstreamFault::Integrity(offered.name.to_string()))),
        // A body that broke is the source's failure, not our storage's.
        Err(Error::Platform(error)) => Err(fault(fetch::fault_of(&error))),
        Err(error) => Err(error.into()),
    }
}

/// Content that is small enough to be held: its answer need not read it back.
async fn small<P: Platform>(
    context: &FeedContext<P>,
    key: &str,
    body: Body,
    length: u64,
    digest: Option<Digest>,
    declared: Vec<Digest>,
) -> Result<(Claim, u64, Vec<Digest>)> {
    let bytes = body.collect(usize::try_from(length).unwrap_or(usize::MAX)).await?;
    if bytes.len() as u64 != length {
        return Err(PlatformError::Cut(format!("{} of {length} bytes", bytes.len())).into());
    }
    let digests = if declared.is_empty() {
        hash::all(&context.platform, bytes.clone().into(), &Algorithm::ALL).await?
    } else {
        declared
    };
    let digest = digest.or_else(|| digests.last().cloned());
    let claim = claim(context, key, Body::Bytes(bytes.clone()), &Expected { length, digest }).await?;
    if claim == Claim::Ours {
        kept::remember_small(&context.platform, key, bytes);
    }
    Ok((claim, length, digests))
}

/// Content whose length or digest nobody told: through a place of its own, where its length and digests become known.
async fn staged<P: Platform>(
    context: &FeedContext<P>,
    key: &str,
    body: Body,
    length: Option<u64>,
    digest: Option<&Digest>,
) -> Result<(Claim, u64, Vec<Digest>)> {
    let declared = digest.map(|digest| [digest.algorithm()]);
    let algorithms = declared.as_ref().map_or(&Algorithm::ALL[..], |declared| &declared[..]);
    let staged = stage::take(context, body, algorithms, u64::MAX).await?;
    let (size, digests) = (staged.size(), staged.digests().to_vec());
    if let Some(length) = length.filter(|length| *length != size) {
        staged.discard(&context.platform).await?;
        return Err(PlatformError::Cut(format!("{size} of {length} bytes")).into());
    }
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

/// Copies a file from another feed of this deployment.
pub(super) async fn from_feed<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    record: &ArtifactRecord,
    from: &str,
    key: &str,
) -> Result<ArtifactRecord> {
    let missing = || Error::malformed(source, format!("its feed has lost the bytes of `{}`", record.name));
    let blob = context.platform.blobs().open(from, None).await?.ok_or_else(missing)?;
    let digest = record.digests.iter().max_by_key(|digest| digest.algorithm()).cloned();
    let expected = Expected { length: record.size, digest };
    match claim(context, key, blob.body, &expected).await? {
        Claim::Ours => Ok(ArtifactRecord { place: None, ..record.clone() }),
        Claim::Mismatch => Err(missing()),
    }
}
