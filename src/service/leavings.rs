//! Contents that perhaps no version needs any more: found, and removed, without ever taking one from a version.
//!
//! A version that goes for good, and a draft that is given up, leaves a note of what it named. Cron goes through the manifests and
//! drafts of the package and takes out of the note what they name; what remains is garbage. Whoever commits a version first
//! writes its manifest, then takes out of all notes what that names ([`rescue`]), then looks whether everything is here, and
//! only then creates the slot. So of a manifest and a note one sees the other: cron, which begins to look when the note is
//! there, finds the manifest, or the manifest was written after cron had passed its place, and then it is rescued after that.
//! What is rescued too late is being removed at this time: between two changes of the note, and a commit has to wait.

use super::tree;
use crate::error::{Conflict, Error, Result};
use crate::model::{Digest, Remains, Slot, SlotState, Timestamp};
use crate::platform::{BlobStore as _, Platform, PlatformError, RecordStore as _};
use crate::store::keys::{self, PackagePath};
use crate::store::leavings::{self, Leaving};
use crate::store::{self, cursors, drafts};
use std::time::Duration;

/// Who began to remove contents so long ago is not removing them any more: cron runs 15 minutes at most.
const ABANDONED: Duration = Duration::from_secs(1_800);

/// How many notes of a package are looked at together.
const GROUP: usize = 16;

/// So many digests at most are looked for at once. One note may have as many.
const CANDIDATES: usize = tree::FILES;

/// How many contents are removed between two changes of a note.
const BATCH: usize = 10_000;

/// How many keys are listed, or removed, at once.
const PAGE: usize = 1_000;

/// How far cron came.
const TASK: &str = "leavings";

/// Notes that contents may be needed by nobody: before whatever names them is removed.
pub async fn leave<P: Platform>(platform: &P, path: &PackagePath, digests: Vec<Digest>) -> Result<()> {
    leave_of(platform, path, String::new(), digests).await
}

async fn leave_of<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version: String,
    mut digests: Vec<Digest>,
) -> Result<()> {
    digests.sort_unstable();
    digests.dedup();
    if digests.is_empty() {
        return Ok(());
    }
    leavings::add(platform, path, &Leaving { digests, version, ..Leaving::default() }).await
}

/// The same for what a version names that is gone for good: before its manifest is removed.
pub(super) async fn leave_version<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
) -> Result<()> {
    let key = path.tree(version_key);
    let digests = named(platform, &key).await?;
    leave_of(platform, path, path.tree_version(&key).unwrap_or_default().to_owned(), digests).await
}

/// What a manifest names; nothing if it is not there, or is none.
async fn named<P: Platform>(platform: &P, key: &str) -> Result<Vec<Digest>> {
    let Some(blob) = platform.blobs().open(key, None).await? else { return Ok(Vec::new()) };
    match blob.body.collect(tree::MANIFEST_BYTES).await {
        Ok(bytes) => Ok(std::str::from_utf8(&bytes).map(tree::digests).unwrap_or_default()),
        // None that was written here is so large.
        Err(PlatformError::TooLong(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Takes contents, sorted, out of all notes: a manifest names them that was written before.
pub async fn rescue<P: Platform>(platform: &P, path: &PackagePath, digests: &[Digest]) -> Result<()> {
    for key in leavings::all(platform, path).await? {
        leavings::update(platform, &key, &mut |leaving| {
            if leaving.going.iter().any(|going| digests.binary_search(going).is_ok()) {
                let what = format!("contents of {}", path.package_key());
                return Err(Error::Conflict(Conflict::Contended(what)).into());
            }
            Ok(take_out(&mut leaving.digests, digests))
        })
        .await?;
    }
    Ok(())
}

/// Takes sorted digests out; `true` if there were any.
fn take_out(of: &mut Vec<Digest>, digests: &[Digest]) -> bool {
    let before = of.len();
    of.retain(|digest| digests.binary_search(digest).is_err());
    of.len() < before
}

/// One round of what cron does, of about `limit` operations, from where the last one stopped. Answers how many contents it
/// removed.
pub(super) async fn sweep<P: Platform>(platform: &P, limit: usize) -> Result<usize> {
    let (mut removed, mut left, mut outcome) = (0, limit, Ok(()));
    let begun = cursors::get(platform, TASK).await?;
    let mut after = begun.clone();
    while left > 0 && outcome.is_ok() {
        let page = platform.records().list(keys::LEAVINGS, after.as_deref(), GROUP).await?;
        left -= 1;
        let first = page.keys.first().and_then(|key| PackagePath::parse_after(keys::LEAVINGS, key));
        let Some((path, _)) = first else {
            after = None;
            break;
        };
        let prefix = path.leavings();
        let notes: Vec<String> = page.keys.into_iter().filter(|key| key.starts_with(&prefix)).collect();
        // Whatever becomes of this package, the others are not kept waiting.
        after = Some(keys::end_of(&prefix));
        outcome = Sweep { platform, path, left: &mut left, removed: &mut removed }.run(notes).await;
    }
    if after != begun {
        cursors::set(platform, TASK, after).await?;
    }
    outcome.map(|()| removed)
}

/// A round in one package.
struct Sweep<'a, P> {
    platform: &'a P,
    path: PackagePath,
    /// So many operations are left.
    left: &'a mut usize,
    removed: &'a mut usize,
}

impl<P: Platform> Sweep<'_, P> {
    async fn run(&mut self, keys: Vec<String>) -> Result<()> {
        let mut notes = self.read(keys).await?;
        // Those that are looked into already; others must not begin in the middle.
        if notes.iter().any(|(_, note)| !note.after.is_empty()) {
            notes.retain(|(_, note)| !note.after.is_empty());
        }
        let mut candidates = Vec::new();
        notes.retain(|(_, note)| {
            let fits = candidates.is_empty() || candidates.len() + note.digests.len() <= CANDIDATES;
            candidates.extend(note.digests.iter().filter(|_| fits).cloned());
            fits
        });
        candidates.sort_unstable();
        candidates.dedup();
        // Looking again where others of them were looked for already does no harm.
        let places = notes.iter().map(|(_, note)| &note.after);
        let Some(first) = places.min_by(|one, other| stage(one).cmp(&stage(other))) else { return Ok(()) };
        let mut after = first.clone();
        let versions: Vec<&str> = notes.iter().map(|(_, note)| note.version.as_str()).collect();
        let is_through = self.look(&mut candidates, &mut after, &versions).await?;
        for (key, _) in &notes {
            if is_through {
                self.remove(key, &candidates, &after).await?;
            } else {
                leavings::update(self.platform, key, &mut |note| {
                    note.digests.retain(|digest| candidates.binary_search(digest).is_ok());
                    note.after.clone_from(&after);
                    Ok(true)
                })
                .await?;
            }
        }
        Ok(())
    }

    /// The notes that nobody is at; what a dead run was removing is removed.
    async fn read(&mut self, keys: Vec<String>) -> Result<Vec<(String, Leaving)>> {
        let (now, mut notes) = (self.platform.now(), Vec::new());
        for key in keys {
            self.may_go_on();
            let Some(note) = leavings::get(self.platform, &key).await? else { continue };
            match note.since {
                None => notes.push((key, note)),
                Some(since) if now.since(since) >= ABANDONED => self.finish(&key, &note.going, since).await?,
                Some(_) => {}
            }
        }
        Ok(notes)
    }

    /// Takes out of the candidates what manifests and drafts name, in this order, from a key on; `false` if there is more to look
    /// at than there are operations left. Drafts come last: of what is drafted meanwhile a commit would find that it is
    /// missing, and say so, but that need not be.
    async fn look(
        &mut self,
        candidates: &mut Vec<Digest>,
        after: &mut String,
        versions: &[&str],
    ) -> Result<bool> {
        let (files, drafts) = (self.path.files(), self.path.drafts());
        while !stage(after).0 && !candidates.is_empty() {
            let begin = Some(after.as_str()).filter(|after| !after.is_empty());
            let page = self.platform.records().list(&files, begin, PAGE).await?;
            for key in page.keys {
                let Some(version) = self.path.tree_version(&key) else { continue };
                if !self.may_go_on() {
                    return Ok(false);
                }
                if !versions.contains(&version) || self.is_kept(version).await? {
                    take_out(candidates, &named(self.platform, &key).await?);
                }
                *after = key;
            }
            *after = page.cursor.unwrap_or_else(|| drafts.clone());
        }
        while !candidates.is_empty() {
            if !self.may_go_on() {
                return Ok(false);
            }
            let (notes, more) = drafts::page(self.platform, &drafts, after, PAGE).await?;
            let mut named: Vec<Digest> =
                notes.iter().filter_map(|note| Some(note.file.as_ref()?.digest.clone())).collect();
            named.sort_unstable();
            take_out(candidates, &named);
            if let Some(last) = notes.into_iter().next_back() {
                *after = last.key;
            }
            if !more {
                break;
            }
        }
        Ok(true)
    }

    /// Is there an operation left?
    fn may_go_on(&mut self) -> bool {
        let is_left = *self.left > 0;
        *self.left = self.left.saturating_sub(1);
        is_left
    }

    /// Is a version that left a note here all the same? Its manifest is about to be removed, or it was saved again.
    async fn is_kept(&self, version: &str) -> Result<bool> {
        let stored = store::read::<P, Slot>(self.platform, &self.path.slot_of_segment(version)).await?;
        Ok(stored.is_none_or(|stored| match stored.value.state {
            SlotState::Purged { .. } => false,
            SlotState::Dropped { remains, .. } => remains == Remains::Kept,
            SlotState::Live | SlotState::Deleted { .. } => true,
        }))
    }

    /// Removes what is garbage of a note, and the note when nothing is left of it.
    async fn remove(&mut self, key: &str, garbage: &[Digest], after: &str) -> Result<()> {
        loop {
            let (now, mut batch, mut is_over) = (self.platform.now(), Vec::new(), true);
            leavings::update(self.platform, key, &mut |note| {
                is_over = false;
                if note.since.is_some() {
                    // Ours if this very write was reported lost; else another run is at it.
                    batch = if note.since == Some(now) { note.going.clone() } else { Vec::new() };
                    return Ok(false);
                }
                note.digests.retain(|digest| garbage.binary_search(digest).is_ok());
                let rest = note.digests.split_off(note.digests.len().min(BATCH));
                batch = std::mem::replace(&mut note.digests, rest);
                is_over = batch.is_empty();
                note.going.clone_from(&batch);
                note.since = Some(now);
                after.clone_into(&mut note.after);
                Ok(!is_over)
            })
            .await?;
            if is_over {
                return leavings::remove(self.platform, key).await;
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.finish(key, &batch, now).await?;
            if !self.may_go_on() {
                return Ok(());
            }
        }
    }

    /// Removes contents that the note says are going since then, and then has it say that they are gone.
    async fn finish(&mut self, key: &str, going: &[Digest], since: Timestamp) -> Result<()> {
        for some in going.chunks(PAGE) {
            let keys: Vec<String> = some.iter().map(|digest| self.path.content(digest)).collect();
            self.platform.records().delete(&keys).await?;
            self.may_go_on();
        }
        *self.removed += going.len();
        leavings::update(self.platform, key, &mut |note| {
            let is_ours = note.since == Some(since);
            if is_ours {
                note.going.clear();
                note.since = None;
            }
            Ok(is_ours)
        })
        .await
    }
}

/// Manifests are looked at before drafts, whose keys come first.
fn stage(after: &str) -> (bool, &str) {
    (after.starts_with(keys::DRAFTS), after)
}
