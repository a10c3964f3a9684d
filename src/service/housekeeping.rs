//! What cron does: fold counted downloads, purge what has been in the recycle bins for 30 days, remove what deleted feeds
//! held, rebuild indexes that missed a slot, sweep uploads nobody finished. In bounded steps: what is left over is done
//! next time.

use super::{delete, feed_bin};
use crate::error::Result;
use crate::platform::{BlobStore as _, Platform, RecordStore as _};
use crate::store::{downloads, index, keys};
use std::time::Duration;

/// How many things of each kind are done at once: each costs a handful of the 1,000 operations an invocation has.
const STEP: usize = 100;

/// An upload older than this is nobody's.
const STAGING_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Versions purged.
    pub purged: usize,
    /// Indexes rebuilt.
    pub rebuilt: usize,
    /// Batches of counted downloads folded.
    pub counted: usize,
    /// Uploads swept.
    pub swept: usize,
    /// Feeds removed.
    pub removed: usize,
}

/// One round.
pub async fn run<P: Platform>(platform: &P) -> Result<Done> {
    Ok(Done {
        rebuilt: index::repair_all(platform, STEP).await?,
        // Before anything that asks when a version was last downloaded.
        counted: downloads::fold(platform).await?,
        purged: delete::empty_queued(platform, STEP).await? + empty_bins(platform).await?,
        swept: sweep_uploads(platform).await?,
        removed: feed_bin::expire(platform).await?,
    })
}

async fn empty_bins<P: Platform>(platform: &P) -> Result<usize> {
    let mut purged = 0;
    let mut cursor = None;
    loop {
        let page = platform.records().list(keys::BINS, cursor.as_deref(), STEP).await?;
        for key in &page.keys {
            let Some((path, version)) = keys::PackagePath::parse_after(keys::BINS, key) else { continue };
            let version = percent_encoding::percent_decode_str(version).decode_utf8_lossy();
            purged += usize::from(delete::purge_expired(platform, &path, &version).await?);
        }
        cursor = page.cursor;
        if cursor.is_none() || purged >= STEP {
            return Ok(purged);
        }
    }
}

async fn sweep_uploads<P: Platform>(platform: &P) -> Result<usize> {
    let page = platform.records().list(keys::STAGING, None, STEP).await?;
    let mut swept = 0;
    for key in &page.keys {
        let info = platform.blobs().info(key).await?;
        if info.is_some_and(|info| platform.now().since(info.uploaded) > STAGING_LIMIT) {
            platform.blobs().delete(key).await?;
            swept += 1;
        }
    }
    Ok(swept)
}
