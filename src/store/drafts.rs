//! Drafts: the files of versions that are not committed yet, one appended note for each.
//!
//! A note is written before the bytes it is about, so that nothing is kept of which nobody knows.

use super::keys::{self, PackagePath};
use crate::error::Result;
use crate::model::{Timestamp, TreeFile};
use crate::platform::{Platform, RecordStore as _};

/// How often a note is written until it is there.
const ATTEMPTS: u32 = 5;

/// A file of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted {
    /// The note's key.
    pub key: String,
    /// When it came.
    pub at: Timestamp,
    /// The file; `None` if the note cannot be read.
    pub file: Option<TreeFile>,
}

/// Notes that a file is about to belong to a draft. Of several at one path the last counts.
pub async fn note<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    file: &TreeFile,
) -> Result<()> {
    let key = path.draft_file(version_key, file);
    for attempt in 0.. {
        let text = format!("{} {}", platform.now().millis(), file.note());
        match platform.records().append(&key, &text).await {
            Ok(()) => break,
            Err(error) if attempt >= ATTEMPTS => return Err(error.into()),
            Err(error) => super::pause(platform, attempt, &error).await,
        }
    }
    Ok(())
}

/// Some of the notes whose keys begin so, after the key `after`, and whether there are more.
pub async fn page<P: Platform>(
    platform: &P,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<(Vec<Drafted>, bool)> {
    let page = platform.records().list_noted(prefix, after, limit).await?;
    let mut drafted = Vec::new();
    for (key, note) in page.notes {
        let (at, note) = note.split_once(' ').unwrap_or_default();
        // What cannot be read is older than everything.
        let at = Timestamp::from_millis(at.parse().unwrap_or_default());
        drafted.push(Drafted { key, at, file: TreeFile::from_note(note) });
    }
    Ok((drafted, page.more))
}

/// The oldest draft after a key: a note of it.
pub async fn next<P: Platform>(platform: &P, after: &str) -> Result<Option<Drafted>> {
    Ok(page(platform, keys::DRAFTS, after, 1).await?.0.pop())
}

/// Removes notes.
pub async fn remove<P: Platform>(platform: &P, notes: &[Drafted]) -> Result<()> {
    let keys: Vec<String> = notes.iter().map(|note| note.key.clone()).collect();
    Ok(platform.records().delete(&keys).await?)
}
