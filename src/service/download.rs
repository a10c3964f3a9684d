//! Downloads: a file of a version, from the store, or saved into it first.
//!
//! Warm: the slot is remembered, for two seconds or while nothing is withdrawn from the feed, the bytes come from the
//! edge cache where it has them. Cold in this isolate: slot and bytes are read side by side. Never saved: the owner
//! is found, saved from, and the bytes are served from the store: what is served is what was verified.

use super::kept::Kept;
use super::stage::Staged;
use super::{FeedContext, Package, contents, hash, pack, resolve, save};
use crate::error::{Error, Missing, Result};
use crate::model::{
    Action, Algorithm, ArtifactName, ArtifactRecord, Digest, Slot, Timestamp, TreeFile, Version,
};
use crate::platform::{Body, ByteRange, Platform};
use crate::store::keys::PackagePath;
use crate::store::{downloads, index, slots};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// For how long others wait for a save of which nothing more is heard before they begin one of their own.
const SAVE_PATIENCE: Duration = Duration::from_secs(3);

/// How often a save that goes on says so.
const SAVE_BEAT: Duration = Duration::from_secs(1);

/// A file found, not opened yet: enough for conditional requests, `HEAD` and ranges.
pub struct Artifact<P> {
    place: Box<Place<P>>,
    /// Bytes.
    pub size: u64,
    /// Digests known, weakest algorithm first.
    pub digests: Vec<Digest>,
    /// Since when it is here.
    pub added: Timestamp,
    /// May another file be found next time where this one was asked for? Files themselves never change.
    pub may_change: bool,
    /// Is handing it out a download of its version, as opposed to a look at what describes it?
    pub counts: bool,
}

/// Whose it is, and for whom.
struct Place<P> {
    context: FeedContext<P>,
    package: Package,
    version: Version,
    source: Source,
}

/// Where the bytes come from.
pub(super) enum Source {
    /// A file of the slot, and its key.
    File(ArtifactName, String),
    /// A file that the slot's manifest names.
    Named(TreeFile),
    /// All that it names, as one archive, and what tells that from others.
    Archive(Rc<str>, String),
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
    let record = slot.artifact(name).ok_or_else(|| no_artifact(package, name))?;
    let source = Source::File(name.clone(), path.bytes(version.key(), record));
    let ArtifactRecord { size, digests, .. } = record.clone();
    let (context, package, version) = (context.clone(), package.clone(), version.clone());
    Ok(Artifact {
        place: Box::new(Place { context, package, version, source }),
        size,
        digests,
        added: slot.added,
        may_change: false,
        counts: true,
    })
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

impl<P: Platform> Place<P> {
    fn path(&self) -> PackagePath {
        self.context.path(&self.package)
    }
}

impl<P: Platform> Artifact<P> {
    /// The same version's, from elsewhere: what its manifest names.
    pub(super) fn from(mut self, source: Source, size: u64, digests: Vec<Digest>) -> Self {
        self.place.source = source;
        Self { size, digests, ..self }
    }

    /// Where its bytes are kept, if they are.
    pub(super) fn key(&self) -> Option<String> {
        match &self.place.source {
            Source::File(_, key) => Some(key.clone()),
            Source::Named(file) => Some(self.place.path().content(&file.digest)),
            Source::Archive(..) => None,
        }
    }

    /// What tells it from other files at its address.
    pub fn tag(&self) -> String {
        if let Source::Archive(_, tag) = &self.place.source {
            return tag.clone();
        }
        let strongest = self.digests.iter().max_by_key(|digest| digest.algorithm());
        strongest.map_or_else(|| self.size.to_string(), Digest::hex)
    }

    /// Its content, for looking into it.
    pub fn content(&self) -> Staged {
        Staged::kept(self.key().unwrap_or_default(), self.size, Vec::new())
    }

    /// Its bytes, or a range of them, for a client: a download. One that goes on where it was cut off is none.
    pub async fn hand_out(&self, range: Option<ByteRange>) -> Result<Body> {
        if self.counts && range.is_none_or(|range| range.start == 0) {
            let (platform, subject) = (&self.place.context.platform, self.place.context.principal.subject());
            downloads::count(platform, &self.place.path(), self.place.version.key(), subject);
        }
        self.open(range).await
    }

    /// Its bytes, or a range of them.
    pub async fn open(&self, range: Option<ByteRange>) -> Result<Body> {
        let (context, package, version) = (&self.place.context, &self.place.package, &self.place.version);
        match &self.place.source {
            Source::File(_, key) => {
                let reason = || "a live version has lost its bytes".to_owned();
                let lost = || Error::Damaged { key: key.clone(), reason: reason() };
                let kept = Kept { context, key, size: self.size };
                Ok(kept.open(range).await?.ok_or_else(lost)?)
            }
            Source::Named(file) => contents::open(context, package, version, file, range).await,
            Source::Archive(manifest, _) => {
                Ok(pack::stream(context, package, version, Rc::clone(manifest), range))
            }
        }
    }

    /// What it hashes to. What nobody declared when it was saved is computed on first request, and kept.
    pub async fn digest(&self, algorithm: Algorithm) -> Result<Digest> {
        let of = |digests: &[Digest]| digests.iter().find(|digest| digest.algorithm() == algorithm).cloned();
        if let Some(known) = of(&self.digests) {
            return Ok(known);
        }
        // All at once: whoever asks for one that is not known will ask for others.
        let (platform, path) = (&self.place.context.platform, self.place.path());
        let digests = hash::all(platform, self.open(None).await?, &Algorithm::ALL).await?;
        let missing = || Error::Damaged { key: "digest".to_owned(), reason: algorithm.name().to_owned() };
        let found = of(&digests).ok_or_else(missing)?;
        if let Source::File(name, _) = &self.place.source {
            // What cannot be kept now is computed again.
            let _ = keep_digests(platform, &path, self.place.version.key(), name, &digests).await;
        }
        Ok(found)
    }
}
