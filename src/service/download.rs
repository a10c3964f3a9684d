//! Downloads: a file of a version, from the store, or saved into it first.
//!
//! Warm: the slot is remembered, for two seconds or while nothing is withdrawn from the feed, the bytes come from the
//! edge cache where it has them. Cold in this isolate: slot and bytes are read side by side. Never saved: the owner
//! is found, saved from, and the bytes are served from the store: what is served is what was verified.

use super::stage::Staged;
use super::{FeedContext, Package, resolve, save};
use crate::error::{Error, Missing, Result};
use crate::model::{
    Action, Algorithm, ArtifactName, ArtifactRecord, Digest, Hasher, Slot, Timestamp, Version,
};
use crate::platform::{BlobStore as _, Body, ByteRange, Platform, ResponseCache as _};
use crate::store::keys::{self, PackagePath};
use crate::store::{downloads, index, slots};
use bytes::Bytes;
use futures_util::StreamExt;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Files up to this size are remembered by the isolate for [`SMALL_REUSE`]: reading them costs more than holding them.
pub(super) const SMALL: u64 = 128 << 10;

/// For how long. Their bytes never change; whether they may be served is checked apart from that.
const SMALL_REUSE: Duration = Duration::from_secs(300);

/// For how long others wait for a save of which nothing more is heard before they begin one of their own.
const SAVE_PATIENCE: Duration = Duration::from_secs(3);

/// How often a save that goes on says so.
const SAVE_BEAT: Duration = Duration::from_secs(1);

/// Larger files are not put into the edge cache: one read of them costs more than it saves.
const EDGE_CACHE_LIMIT: u64 = 64 << 20;

/// A file found, not opened yet: enough for conditional requests, `HEAD` and ranges.
pub struct Artifact<P> {
    context: FeedContext<P>,
    path: PackagePath,
    version_key: String,
    /// What its slot says of it.
    pub record: ArtifactRecord,
    /// Since when it is here.
    pub added: Timestamp,
    /// May another file be found next time where this one was asked for? Files themselves never change.
    pub may_change: bool,
    /// Is handing it out a download of its version, as opposed to a look at what describes it?
    pub counts: bool,
}

/// Finds a file for this caller, saving it on the way if it must and may.
pub async fn artifact<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    name: &ArtifactName,
) -> Result<Artifact<P>> {
    let path = context.path(package);
    let mut known = if context.always_check {
        None
    } else {
        // A version that only feeds hold may lose files that others replaced.
        let grows = !package.ecosystem.is_local_only(version);
        slots::get_recent(&context.platform, &path, version.key(), grows).await?
    };
    // Only what is remembered as being there may be answered from memory: versions grow, and are added to views.
    let lacks = |slot: &Rc<Slot>| slot.artifact(name).is_none() || !context.shows(&slot.views);
    if context.always_check || known.as_ref().is_some_and(lacks) {
        let now = context.platform.now();
        known =
            slots::get(&context.platform, &path, version.key()).await?.map(|stored| Rc::new(stored.value));
        if let Some(slot) = &known {
            slots::remember(&context.platform, &path, version.key(), slot, now);
        }
    }
    let slot = match known {
        Some(slot) if slot.is_tombstone() => {
            return Err(Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())).into());
        }
        Some(slot) if slot.is_live() && !context.shows(&slot.views) => {
            return Err(no_version(package, version));
        }
        Some(slot) if slot.is_live() && slot.artifact(name).is_some() => {
            context.trace.note("local");
            slot
        }
        Some(slot) if slot.is_published() => return Err(no_artifact(package, name)),
        known => Rc::new(obtain(context, package, version, name, known.as_deref()).await?),
    };
    let record = slot.artifact(name).cloned();
    let record = record.ok_or_else(|| no_artifact(package, name))?;
    let context = context.clone();
    let (version_key, added) = (version.key().to_owned(), slot.added);
    Ok(Artifact { context, path, version_key, record, added, may_change: false, counts: true })
}

fn no_version(package: &Package, version: &Version) -> Box<Error> {
    Error::NotFound(Missing::Version(package.to_string(), version.to_string())).into()
}

pub(super) fn no_artifact(package: &Package, name: &ArtifactName) -> Box<Error> {
    Error::NotFound(Missing::Artifact(package.to_string(), name.to_string())).into()
}

/// A version, or a file of it, that is not local: whose is it, and may this caller have it saved?
async fn obtain<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    name: &ArtifactName,
    here: Option<&Slot>,
) -> Result<Slot> {
    let is_local = context.view.is_some() || package.ecosystem.is_local_only(version);
    if is_local || context.feed.sources(package.protocol()).next().is_none() {
        return Err(no_version(package, version));
    }
    if !context.permits(Action::Save) {
        // Said without asking the sources: whoever may not save cannot make us do work upstream.
        let what =
            format!("`{package}` {version} is not in this feed yet; saving it from an upstream source");
        return Err(Error::lacks(Action::Save, &what, context.authority, &context.locator).into());
    }
    let path = context.path(package);
    if let Some(slot) = await_other_save(context, &path, version, name).await {
        return Ok(slot);
    }
    let (memo, now) = (context.platform.memo(), context.platform.now());
    let saving = saving_key(&path, version, name);
    let at_work = Rc::new(());
    go_on_saying(&context.platform, saving.clone(), Rc::new(Rc::downgrade(&at_work)));
    let saved = find_and_save(context, package, version, name, here).await;
    if let Ok(slot) = &saved {
        slots::remember(&context.platform, &path, version.key(), &Rc::new(slot.clone()), now);
    }
    memo.forget(&saving);
    saved
}

async fn find_and_save<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    name: &ArtifactName,
    here: Option<&Slot>,
) -> Result<Slot> {
    let index = index::get(&context.platform, &context.path(package))
        .await?
        .map(|stored| stored.value)
        .unwrap_or_default();
    let suppliers = resolve::suppliers(context, package, version, Some(name), &index, here).await?;
    for found in suppliers {
        if let Some(slot) = save::save(context, package, version, name, found?, here).await? {
            context.trace.note("saved");
            return Ok(slot);
        }
    }
    Err(no_version(package, version))
}

/// Says that a file is being saved, and again until whoever saves it is done. It is said by timers of that very request:
/// they end with it if the runtime ends it, and so nobody waits for the dead longer than [`SAVE_PATIENCE`].
fn go_on_saying<P: Platform>(platform: &P, saving: String, worker: Rc<Weak<()>>) {
    if worker.strong_count() == 0 {
        return;
    }
    platform.memo().put(saving.clone(), worker.clone(), 16, platform.now(), SAVE_PATIENCE);
    let again = platform.clone();
    platform.in_background_after(SAVE_BEAT, async move { go_on_saying(&again, saving, worker) });
}

/// Waits while another request in this isolate saves the same file, so that the source is asked once: as long as that
/// save goes on, however large the file is, and if it failed a little for whoever tries next. No future is shared (the
/// runtime cancels those who wait for another request's): each looks for itself at what is remembered.
async fn await_other_save<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    version: &Version,
    name: &ArtifactName,
) -> Option<Slot> {
    let platform = &context.platform;
    let saving = saving_key(path, version, name);
    let at_work = || platform.memo().get::<Weak<()>>(&saving, platform.now());
    let first = at_work()?;
    let mut deadline = platform.now().plus(SAVE_PATIENCE);
    while let Some(worker) = at_work().filter(|_| platform.now() < deadline) {
        if Rc::ptr_eq(&worker, &first) {
            deadline = platform.now().plus(SAVE_PATIENCE);
        }
        platform.sleep(Duration::from_millis(20)).await;
        if let Some(slot) = slots::remembered(platform, path, version.key(), name) {
            context.trace.note("saved-by-another");
            return Some((*slot).clone());
        }
    }
    None
}

fn saving_key(path: &PackagePath, version: &Version, name: &ArtifactName) -> String {
    format!("saving:{}", path.file(version.key(), name))
}

/// Keeps the bytes of a small file at hand.
pub(super) fn remember_small<P: Platform>(platform: &P, key: &str, bytes: Bytes) {
    let weight = bytes.len();
    platform.memo().put(small_key(key), Rc::new(bytes), weight, platform.now(), SMALL_REUSE);
}

fn small_key(key: &str) -> String {
    format!("bytes:{key}")
}

/// Adds to what a slot says that one of its files hashes to.
async fn keep_digests<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    name: &ArtifactName,
    digests: &[Digest],
) -> Result<()> {
    let slot = slots::update(platform, path, version_key, &mut |slot| {
        let mut next = slot.clone();
        let record = next.artifacts.iter_mut().find(|record| record.name == *name);
        let Some(record) = record.filter(|record| record.digests.len() < digests.len()) else {
            return Ok(None);
        };
        let known = std::mem::take(&mut record.digests);
        for computed in digests {
            let declared = known.iter().find(|known| known.algorithm() == computed.algorithm());
            record.digests.push(declared.unwrap_or(computed).clone());
        }
        Ok(Some(next))
    })
    .await?;
    index::record(platform, path, "", &[(version_key.to_owned(), slot)], None).await
}

impl<P: Platform> Artifact<P> {
    /// Its content, for looking into it.
    pub fn content(&self) -> Staged {
        Staged::kept(self.path.file(&self.version_key, &self.record.name), self.record.size)
    }

    /// Its bytes, or a range of them, for a client: a download. One that goes on where it was cut off is none.
    pub async fn hand_out(&self, range: Option<ByteRange>) -> Result<Body> {
        if self.counts && range.is_none_or(|range| range.start == 0) {
            let subject = self.context.principal.subject();
            downloads::count(&self.context.platform, &self.path, &self.version_key, subject);
        }
        self.open(range).await
    }

    /// Its bytes, or a range of them.
    pub async fn open(&self, range: Option<ByteRange>) -> Result<Body> {
        let key = self.path.file(&self.version_key, &self.record.name);
        let lost =
            || Error::Damaged { key: key.clone(), reason: "a live version has lost its bytes".to_owned() };
        let kept = Kept { context: &self.context, key: &key, size: self.record.size };
        Ok(kept.open(range).await?.ok_or_else(lost)?)
    }

    /// What it hashes to. What nobody declared when it was saved is computed on first request, and kept.
    pub async fn digest(&self, algorithm: Algorithm) -> Result<Digest> {
        let of = |digests: &[Digest]| digests.iter().find(|digest| digest.algorithm() == algorithm).cloned();
        if let Some(known) = of(&self.record.digests) {
            return Ok(known);
        }
        // All at once: whoever asks for one that is not known will ask for others.
        let mut hasher = Hasher::new(&Algorithm::ALL);
        let mut stream = self.open(None).await?.into_stream();
        while let Some(piece) = stream.next().await {
            hasher.update(&piece?);
        }
        let digests = hasher.finish();
        let missing = || Error::Damaged { key: "digest".to_owned(), reason: algorithm.name().to_owned() };
        let found = of(&digests).ok_or_else(missing)?;
        let (context, path, version_key) =
            (self.context.clone(), self.path.clone(), self.version_key.clone());
        let name = self.record.name.clone();
        self.context.platform.in_background(async move {
            // What cannot be kept now is computed again.
            let _ = keep_digests(&context.platform, &path, &version_key, &name, &digests).await;
        });
        Ok(found)
    }
}

/// Bytes that never change.
pub(super) struct Kept<'a, P> {
    pub(super) context: &'a FeedContext<P>,
    pub(super) key: &'a str,
    pub(super) size: u64,
}

impl<P: Platform> Kept<'_, P> {
    /// The bytes, or a range of them; `None` if they are not there.
    pub(super) async fn open(self, range: Option<ByteRange>) -> Result<Option<Body>> {
        if range.is_some() || self.size > EDGE_CACHE_LIMIT {
            return self.read_store(range).await;
        }
        if self.size <= SMALL {
            return self.open_small().await;
        }
        if let Some(body) = self.cached().await {
            return Ok(Some(body));
        }
        let body = self.read_store(None).await?;
        if body.is_some() {
            // A read of its own, so that no client's pace and no copy in memory is involved.
            let (platform, key) = (self.context.platform.clone(), self.key.to_owned());
            self.fill_edge_cache(async move { Some(platform.blobs().open(&key, None).await.ok()??.body) });
        }
        Ok(body)
    }

    /// A file that is held in memory from then on.
    async fn open_small(self) -> Result<Option<Body>> {
        let platform = &self.context.platform;
        if let Some(bytes) = platform.memo().get::<Bytes>(&small_key(self.key), platform.now()) {
            self.context.trace.note("memory");
            return Ok(Some(Body::Bytes((*bytes).clone())));
        }
        let limit = usize::try_from(SMALL).unwrap_or(usize::MAX);
        let bytes = if let Some(body) = self.cached().await {
            body.collect(limit).await?
        } else {
            let Some(body) = self.read_store(None).await? else { return Ok(None) };
            let bytes = body.collect(limit).await?;
            let copy = bytes.clone();
            self.fill_edge_cache(async move { Some(Body::Bytes(copy)) });
            bytes
        };
        remember_small(platform, self.key, bytes.clone());
        Ok(Some(Body::Bytes(bytes)))
    }

    /// The whole file from the edge cache. A cache that fails is a cache that has nothing.
    async fn cached(&self) -> Option<Body> {
        let cached = self.context.platform.cache().get(&keys::cached(self.key)).await.ok()??;
        self.context.trace.note("edge-cache");
        Some(cached.body)
    }

    async fn read_store(&self, range: Option<ByteRange>) -> Result<Option<Body>> {
        let blob = self.context.platform.blobs().open(self.key, range).await?;
        Ok(blob.map(|blob| blob.body))
    }

    /// Fills the edge cache; failing to costs time, not truth.
    fn fill_edge_cache(&self, content: impl Future<Output = Option<Body>> + 'static) {
        let platform = self.context.platform.clone();
        let (memo, now) = (platform.memo(), platform.now());
        // Where the Cache API keeps nothing (workers.dev), do not try every time.
        let url = keys::cached(self.key);
        let filled = format!("filled:{url}");
        if memo.get::<()>(&filled, now).is_some() {
            return;
        }
        memo.put(filled, Rc::new(()), 16, now, Duration::from_secs(3600));
        self.context.platform.in_background(async move {
            if let Some(content) = content.await {
                let _ = platform.cache().put(&url, content).await;
            }
        });
    }
}
