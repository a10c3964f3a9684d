//! Contents: the files of versions that are kept one by one, by what they hash to, once per package.
//!
//! In scope: which are here, taking one in, handing one out, and copying one of a saved version from its source when it is first
//! asked for. Out of scope: which version they belong to (`tree.rs`), what is not committed yet (`drafts.rs`), and what goes
//! (`leavings.rs`).

use super::copy;
use super::kept::Kept;
use super::neighbours;
use super::resolve::{Found, Goods};
use super::stage::{self, Staged};
use super::{FeedContext, Package, leavings, upstream};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{
    Action, Algorithm, ArtifactName, ArtifactRecord, Digest, Slot, TreeFile, UpstreamSource, Version,
};
use crate::platform::{
    BlobStore as _, Body, ByteRange, Expected, Platform, PlatformError, PutOutcome, RecordStore as _,
    together,
};
use crate::store::keys::PackagePath;
use crate::store::listing_codec::OfferedArtifact;
use crate::store::slots;
use futures_util::FutureExt;
use std::rc::Rc;
use std::time::Duration;

/// So few are asked for one by one: a page of keys costs as much as a dozen such questions.
const FEW: usize = 12;

/// How many at a time.
const AT_ONCE: usize = 6;

/// How many keys are listed at once.
const PAGE: usize = 1_000;

/// Through so many feeds of this deployment a file is looked for at most.
const STEPS: usize = 8;

/// How often is looked whether a write that failed happened all the same, or somebody else's of the same bytes.
const LOOKS: u32 = 3;

/// Those of some contents, sorted, that a package does not hold.
pub async fn missing<P: Platform>(
    platform: &P,
    path: &PackagePath,
    digests: &[Digest],
) -> Result<Vec<Digest>> {
    let sizes = sizes(platform, path, digests).await?;
    let lacking = digests.iter().zip(sizes).filter(|(_, size)| size.is_none());
    Ok(lacking.map(|(digest, _)| digest.clone()).collect())
}

/// How long each of some contents, sorted, is; nothing for one that a package does not hold.
pub async fn sizes<P: Platform>(
    platform: &P,
    path: &PackagePath,
    digests: &[Digest],
) -> Result<Vec<Option<u64>>> {
    let (contents, mut rest, mut sizes) = (path.contents(), digests, Vec::new());
    let mut after = String::new();
    while let Some(first) = rest.first().filter(|_| rest.len() > FEW) {
        // What comes before the first one wanted is passed over.
        after = after.max(short_of(path.content(first)));
        let page = platform.records().list(&contents, Some(&after), PAGE).await?;
        let looked_at = match &page.cursor {
            Some(last) => rest.partition_point(|digest| path.content(digest) <= *last),
            None => rest.len(),
        };
        let (now, later) = rest.split_at(looked_at);
        for digest in now {
            let at = page.keys.binary_search(&path.content(digest)).ok();
            sizes.push(at.and_then(|at| page.sizes.get(at).copied()));
        }
        (rest, after) = (later, page.cursor.unwrap_or_default());
    }
    for some in rest.chunks(AT_ONCE) {
        let infos = some.iter().map(|digest| async { platform.blobs().info(&path.content(digest)).await });
        for info in together::all(infos.collect::<Vec<_>>()).await {
            sizes.push(info?.map(|info| info.size));
        }
    }
    Ok(sizes)
}

/// A key without its last character: it comes before the key, and all but a few others do that come before that.
fn short_of(mut key: String) -> String {
    key.pop();
    key
}

/// Has contents, sorted, be here, and stay: a manifest names them that was written before.
pub(super) async fn secure<P: Platform>(platform: &P, path: &PackagePath, digests: &[Digest]) -> Result<()> {
    if digests.is_empty() {
        return Ok(());
    }
    leavings::rescue(platform, path, digests).await?;
    let missing = missing(platform, path, digests).await?;
    let Some(first) = missing.first() else { return Ok(()) };
    let (count, name) = (missing.len(), path.package_key());
    let text = format!(
        "{count} of the files that the manifest names are not here, such as the one with SHA-256 {}",
        first.hex()
    );
    Err(Error::Conflict(Conflict::Other(format!("`{name}`: {text}"))).into())
}

/// Content on its way in: what it is known by is known.
pub struct Arriving {
    source: Source,
    /// Bytes.
    pub size: u64,
    /// What it hashes to, or must.
    pub digest: Digest,
}

enum Source {
    /// Straight to its place, where the store verifies it.
    Body(Body),
    Staged(Staged),
}

impl Arriving {
    /// Content that was taken in, and hashed by SHA-256 on the way.
    pub fn staged(staged: Staged) -> Result<Self> {
        let digest = staged.digests().iter().find(|digest| digest.algorithm() == Algorithm::Sha256).cloned();
        let digest = digest.ok_or_else(|| Error::Invalid("nobody knows what it hashes to".to_owned()))?;
        Ok(Self { size: staged.size(), digest, source: Source::Staged(staged) })
    }

    /// The body of a request. Where the client says how long it is and what it hashes to, nothing of it is looked at here.
    pub async fn take<P: Platform>(
        context: &FeedContext<P>,
        body: Body,
        declared: Option<Digest>,
    ) -> Result<Self> {
        if let (Some(size), Some(digest)) = (body.length(), &declared) {
            return Ok(Self { size, digest: digest.clone(), source: Source::Body(body) });
        }
        let staged = stage::take(context, body, &[Algorithm::Sha256], u64::MAX).await?;
        let arriving = Self::staged(staged)?;
        if declared.is_some_and(|digest| digest != arriving.digest) {
            arriving.discard(&context.platform).await;
            return Err(other_bytes().into());
        }
        Ok(arriving)
    }

    /// Puts it where it belongs, unless it is there already.
    pub(super) async fn keep<P: Platform>(self, platform: &P, path: &PackagePath) -> Result<()> {
        let (key, expected) =
            (path.content(&self.digest), Expected { length: self.size, digest: Some(self.digest.clone()) });
        match self.source {
            Source::Body(body) => put(platform, &key, body, &expected).await,
            Source::Staged(staged) => {
                let outcome = match staged.open(platform).await {
                    Ok(body) => put(platform, &key, body, &expected).await,
                    Err(error) => Err(error),
                };
                // What cannot be discarded now is swept by the housekeeping.
                let _ = staged.discard(platform).await;
                outcome
            }
        }
    }

    /// Leaves nothing behind.
    pub(super) async fn discard<P: Platform>(self, platform: &P) {
        if let Source::Staged(staged) = self.source {
            let _ = staged.discard(platform).await;
        }
    }
}

async fn put<P: Platform>(platform: &P, key: &str, body: Body, expected: &Expected) -> Result<()> {
    let error = match platform.blobs().create(key, body, expected).await {
        // What is there was verified when it came.
        Ok(PutOutcome::Created | PutOutcome::Exists) => return Ok(()),
        Ok(PutOutcome::Mismatch) => return Err(other_bytes().into()),
        Err(error) => error,
    };
    // It may have happened all the same; and equal files of a version come side by side.
    for look in 0..LOOKS {
        if platform.blobs().info(key).await?.is_some() {
            return Ok(());
        }
        if error != PlatformError::Contended {
            break;
        }
        platform.sleep(Duration::from_millis(200 << look)).await;
    }
    Err(error.into())
}

fn other_bytes() -> Error {
    Error::Invalid(
        "the bytes are not those of the SHA-256 and length that were declared; nothing was kept".to_owned(),
    )
}

/// A file of a version, or a range of it, for whoever may read the version. Of a saved version it is copied first, if it is not here,
/// where the caller may save.
pub async fn open<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &TreeFile,
    range: Option<ByteRange>,
) -> Result<Body> {
    let path = context.path(package);
    if let Some(body) = kept(context, &path, file, range).await? {
        return Ok(body);
    }
    let slot = slots::get_recent(&context.platform, &path, version.key(), true).await?;
    let lost =
        || Error::Damaged { key: path.content(&file.digest), reason: "a version has lost a file".to_owned() };
    let slot = slot.filter(|slot| !slot.is_published()).ok_or_else(lost)?;
    if !context.permits(Action::Save) {
        let what = format!(
            "`{}` of `{package}` {version} is not in this feed yet; saving it from an upstream source",
            file.path
        );
        return Err(Error::lacks(Action::Save, &what, context.authority, &context.locator).into());
    }
    let (task, package, version, wanted) = (context.clone(), package.clone(), version.clone(), file.clone());
    let work = async move { copy(&task, &package, &version, &wanted, slot).await };
    let work = work.boxed_local().shared();
    // It goes on although the client hangs up.
    context.platform.in_background(work.clone().map(drop));
    work.await?;
    context.trace.note("saved");
    Ok(kept(context, &path, file, range).await?.ok_or_else(lost)?)
}

async fn kept<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    file: &TreeFile,
    range: Option<ByteRange>,
) -> Result<Option<Body>> {
    let key = path.content(&file.digest);
    Kept { context, key: &key, size: file.size }.open(range).await
}

/// Copies a file of a saved version from where the version came from: a feed on another host is asked, feeds of this
/// deployment are looked into, in the order in which the version went through them.
async fn copy<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &TreeFile,
    slot: Rc<Slot>,
) -> Result<()> {
    let (platform, path) = (&context.platform, context.path(package));
    let key = path.content(&file.digest);
    // Cron must not be removing what comes now.
    leavings::rescue(platform, &path, std::slice::from_ref(&file.digest)).await?;
    let mut here = (Rc::clone(&context.feed), slot);
    for step in 0..STEPS {
        let (feed, slot) = &here;
        let source = feed.sources(package.protocol()).find(|source| Some(&source.id) == slot.saved_from());
        let Some(source) = source.cloned() else { break };
        if !source.is_neighbour() {
            // Nobody goes to another feed's source with that feed's credentials.
            let is_ours = step == 0;
            let is_copied = is_ours && fetch(context, package, version, file, source, &key).await?;
            return if is_copied { Ok(()) } else { Err(absent(package, version, file)) };
        }
        let (feed, view) = neighbours::lead(platform, feed, &source).await?;
        let there = PackagePath::new(&feed.id, package.protocol(), package);
        let slot = slots::get_recent(platform, &there, version.key(), true).await?;
        let is_shown = |slot: &Rc<Slot>| slot.is_live() && view.shows(&slot.views);
        let Some(slot) = slot.filter(is_shown) else { break };
        let from = there.content(&file.digest);
        if platform.blobs().info(&from).await?.is_some() {
            let name = name_of(file).ok_or_else(|| absent(package, version, file))?;
            let digests = vec![file.digest.clone()];
            let record = ArtifactRecord { name, size: file.size, digests, manifest: None, place: None };
            copy::from_feed(context, &source, &record, &from, &key).await?;
            return Ok(());
        }
        here = (feed, slot);
    }
    Err(absent(package, version, file))
}

/// Copies a file from a feed on another host; `false` if it does not have it.
async fn fetch<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &TreeFile,
    source: UpstreamSource,
    key: &str,
) -> Result<bool> {
    let below = package.ecosystem.content_path(package, version, Some(&file.path.encoded()));
    let (Some(below), Some(name)) = (below, name_of(file)) else { return Ok(false) };
    let url = upstream::location(&source, package.ecosystem)?.join(&below);
    let offered = OfferedArtifact {
        name,
        url: url.map_err(|error| Error::malformed(&source, error.to_string()))?.into(),
        digests: vec![file.digest.clone()],
        checksum: None,
        size: Some(file.size),
        companion_of: None,
        manifest: None,
    };
    let found = Found { source, goods: Goods::Unlisted(Box::new(offered.clone())) };
    Ok(copy::from_registry(context, package, &found, &offered, key).await?.is_some())
}

/// What a file is called where something is said of it.
fn name_of(file: &TreeFile) -> Option<ArtifactName> {
    ArtifactName::parse(file.path.as_str()).or_else(|| ArtifactName::parse(&file.digest.hex()))
}

fn absent(package: &Package, version: &Version, file: &TreeFile) -> Box<Error> {
    let text = "is not in this feed, nor any more where the version was saved from";
    Error::NotFound(Missing::Other(format!("`{}` of `{package}` {version} {text}", file.path))).into()
}
