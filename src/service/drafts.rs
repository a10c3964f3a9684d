//! Drafts: versions that come file by file, until they are committed, given up, or forgotten.
//!
//! A file is noted before its bytes are where they belong, so that there are none of which nobody knows. A draft to which nothing
//! has come for a week is given up by cron. What is given up may be what some version needs: `leavings.rs` finds out.

use super::contents::Arriving;
use super::{FeedContext, Package, leavings, publish, tree};
use crate::error::{Error, Result};
use crate::model::{Digest, TreeFile, TreePath, Version};
use crate::platform::{Body, Platform};
use crate::store::keys::{self, PackagePath};
use crate::store::{cursors, drafts};
use std::time::Duration;

/// For how long after the last file came a draft is kept.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many notes are read, or removed, at once.
const PAGE: usize = 1_000;

/// How far cron came.
const TASK: &str = "drafts";

/// Adds the body of a request to a draft; `declared` is what it must hash to, where the client says.
pub async fn put<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    (path, executable): (TreePath, bool),
    body: Body,
    declared: Option<Digest>,
) -> Result<TreeFile> {
    publish::refuse_view(context)?;
    let arriving = Arriving::take(context, body, declared).await?;
    add(context, package, version, (path, executable), arriving).await
}

/// Adds a file to a draft whose bytes are on their way.
pub async fn add<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    (path, executable): (TreePath, bool),
    arriving: Arriving,
) -> Result<TreeFile> {
    let file = TreeFile { path, size: arriving.size, digest: arriving.digest.clone(), executable };
    if let Err(error) = note(context, package, version, &file).await {
        arriving.discard(&context.platform).await;
        return Err(error);
    }
    arriving.keep(&context.platform, &context.path(package)).await?;
    Ok(file)
}

/// Notes a file of a draft: before its bytes are kept.
pub async fn note<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &TreeFile,
) -> Result<()> {
    drafts::note(&context.platform, &context.path(package), version.key(), file).await
}

/// The files of a draft; of several that came for one path the last.
pub async fn files<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version: &Version,
) -> Result<Vec<TreeFile>> {
    let (prefix, mut after, mut drafted) = (path.draft(version.key()), String::new(), Vec::new());
    loop {
        let (notes, more) = drafts::page(platform, &prefix, &after, PAGE).await?;
        for note in notes {
            drafted.extend(note.file.map(|file| (file, note.at)));
            after = note.key;
        }
        if drafted.len() > 2 * tree::FILES {
            return Err(Error::Invalid(format!("a version has at most {} files", tree::FILES)).into());
        }
        if !more {
            break;
        }
    }
    // The last of a path comes first, and is the one that stays.
    drafted.sort_by(|(one, at), (other, then)| one.path.cmp(&other.path).then(then.cmp(at)));
    drafted.dedup_by(|(later, _), (file, _)| later.path == file.path);
    Ok(drafted.into_iter().map(|(file, _)| file).collect())
}

/// Gives a draft up. What it has beside `kept`, sorted, may be garbage: `kept` is what its version names, if it became one.
pub async fn discard<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version: &Version,
    kept: &[Digest],
) -> Result<()> {
    give_up(platform, path, &path.draft(version.key()), kept).await.map(drop)
}

/// The same, page by page: what is left is noted before the notes go. Answers how many there were.
async fn give_up<P: Platform>(
    platform: &P,
    path: &PackagePath,
    prefix: &str,
    kept: &[Digest],
) -> Result<usize> {
    let mut removed = 0;
    loop {
        let (notes, more) = drafts::page(platform, prefix, "", PAGE).await?;
        let named = notes.iter().filter_map(|note| Some(note.file.as_ref()?.digest.clone()));
        let left = named.filter(|digest| kept.binary_search(digest).is_err()).collect();
        leavings::leave(platform, path, left).await?;
        drafts::remove(platform, &notes).await?;
        removed += notes.len();
        if !more {
            return Ok(removed);
        }
    }
}

/// One round of what cron does: looks at `limit` drafts, from where the last one stopped, and gives up those to which nothing has come
/// for a while. Answers how many files they had.
pub(super) async fn sweep<P: Platform>(platform: &P, limit: usize) -> Result<usize> {
    let begun = cursors::get(platform, TASK).await?;
    let (mut removed, mut after) = (0, begun.clone());
    for _ in 0..limit {
        let next = drafts::next(platform, after.as_deref().unwrap_or_default()).await?;
        let Some((path, prefix)) = next.as_ref().and_then(|note| keys::draft_of(&note.key)) else {
            after = None;
            break;
        };
        if is_forgotten(platform, prefix).await? {
            removed += give_up(platform, &path, prefix, &[]).await?;
        }
        after = Some(keys::end_of(prefix));
    }
    if after != begun {
        cursors::set(platform, TASK, after).await?;
    }
    Ok(removed)
}

/// Is everything of a draft old? One file that is not keeps all of it: it may be committed as it is.
async fn is_forgotten<P: Platform>(platform: &P, prefix: &str) -> Result<bool> {
    let (now, mut after) = (platform.now(), String::new());
    loop {
        // Most drafts that are not forgotten tell by their first files.
        let limit = if after.is_empty() { 10 } else { PAGE };
        let (notes, more) = drafts::page(platform, prefix, &after, limit).await?;
        if notes.iter().any(|note| now.since(note.at) < KEPT) {
            return Ok(false);
        }
        match notes.into_iter().next_back() {
            Some(last) if more => after = last.key,
            _ => return Ok(true),
        }
    }
}
