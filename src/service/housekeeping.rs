//! What cron does: fold counted downloads, rebuild indexes that missed a slot, remove what retention policies do not keep,
//! purge what has been in the recycle bins for 30 days, remove what deleted feeds held, give up drafts and sweep uploads nobody
//! finished, contents that no version names any more, and old entries of logs. In bounded steps: what is left over is done next time.

use super::{Ecosystems, delete, drafts, dropping, feed_bin, leavings, retain, uploads};
use crate::error::Result;
use crate::platform::{Platform, RecordStore as _};
use crate::store::{cursors, downloads, index, keys, log, places};

/// How many things of each kind are done at once: each costs a handful of the 1,000 operations an invocation has.
const STEP: usize = 100;

/// How many pages of versions in recycle bins, and of dropped ones, are looked at: an operation each.
const NOTE_PAGES: usize = 5;

/// How many logs are looked at, or thousands of old entries removed: two operations each.
const LOG_STEPS: usize = 25;

/// How many operations go into finding contents that no version names: each may read a manifest.
const CONTENT_STEPS: usize = 300;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Versions purged.
    pub purged: usize,
    /// Indexes rebuilt.
    pub rebuilt: usize,
    /// Batches of counted downloads folded.
    pub counted: usize,
    /// Versions removed because nobody needs them.
    pub retired: usize,
    /// Dropped versions whose bytes were removed.
    pub emptied: usize,
    /// Uploads swept.
    pub swept: usize,
    /// Files of drafts that nobody went on with.
    pub given_up: usize,
    /// Contents removed that no version names any more.
    pub cleared: usize,
    /// Entries of logs removed.
    pub forgotten: usize,
    /// Feeds removed.
    pub removed: usize,
}

/// One round. A step that fails does not keep the others: the first failure is answered once all were tried.
pub async fn run<P: Platform>(platform: &P, ecosystems: Ecosystems) -> Result<Done> {
    let mut failure = None;
    let mut count = |outcome: Result<usize>| match outcome {
        Ok(count) => count,
        Err(error) => {
            failure.get_or_insert(error);
            0
        }
    };
    let done = Done {
        rebuilt: count(index::repair_all(platform, STEP).await),
        // Before anything that asks when a version was last downloaded.
        counted: count(downloads::fold(platform).await),
        emptied: count(empty(platform, ecosystems, "dropped", keys::DROPPED).await),
        purged: count(delete::empty_queued(platform, ecosystems, STEP).await)
            + count(empty(platform, ecosystems, "bins", keys::BINS).await),
        swept: count(sweep_places(platform).await) + count(uploads::expire(platform, STEP).await),
        given_up: count(drafts::sweep(platform, STEP).await),
        // After whatever leaves some.
        cleared: count(leavings::sweep(platform, CONTENT_STEPS).await),
        forgotten: count(log::expire(platform, LOG_STEPS).await),
        removed: count(feed_bin::expire(platform).await),
        // Last, because it takes the most operations.
        retired: count(retain::run(platform, ecosystems).await),
    };
    failure.map_or(Ok(done), Err)
}

/// Looks at some versions in recycle bins, or at some that were dropped, from where the last run stopped, and removes the bytes
/// of those that are due.
async fn empty<P: Platform>(platform: &P, ecosystems: Ecosystems, task: &str, notes: &str) -> Result<usize> {
    let (mut emptied, mut after, mut outcome) = (0, cursors::get(platform, task).await?, Ok(()));
    for _ in 0..NOTE_PAGES {
        let page = platform.records().list(notes, after.as_deref(), STEP).await?;
        after = page.cursor;
        for key in page.keys {
            let Some((path, version)) = keys::PackagePath::parse_after(notes, &key) else { continue };
            let version = percent_encoding::percent_decode_str(version).decode_utf8_lossy();
            let is_emptied = if notes == keys::BINS {
                delete::purge_expired(platform, ecosystems, &path, &version).await
            } else {
                dropping::empty(platform, ecosystems, &path, &version, &key).await
            };
            match is_emptied {
                Ok(is_emptied) => emptied += usize::from(is_emptied),
                Err(error) => {
                    // The next run goes on behind it: the others are not kept waiting.
                    (outcome, after) = (Err(error), Some(key));
                    break;
                }
            }
        }
        if outcome.is_err() || after.is_none() || emptied >= STEP {
            break;
        }
    }
    cursors::set(platform, task, after).await?;
    outcome.map(|()| emptied)
}

/// Looks at places that were taken long ago.
async fn sweep_places<P: Platform>(platform: &P) -> Result<usize> {
    let (mut swept, mut outcome) = (0, Ok(()));
    for (feed, place) in places::settled(platform, STEP).await? {
        // One that cannot be read is no reason to leave the others.
        match places::forget(platform, &feed, &place).await {
            Ok(is_swept) => swept += usize::from(is_swept),
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    outcome.map(|()| swept)
}
