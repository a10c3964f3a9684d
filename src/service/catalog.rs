//! The packages of a feed, a page at a time: names come from listing keys, and only the packages of the page are opened.
//!
//! What a page costs does not grow with the feed: it lists at most [`LISTS`] times, opens at most as many packages as it
//! may show, and says where to go on. Names that are passed over are counted unopened.

use super::FeedContext;
use crate::error::Result;
use crate::platform::{Platform, RecordStore as _, together};
use crate::store::index::{self, PackageIndex};
use crate::store::keys::{self, PackagePath};

/// Calls of a page that list 1,000 keys each.
pub const LISTS: usize = 10;

/// How many packages are opened at a time: as many connections as a Worker may have waiting.
const AT_A_TIME: usize = 6;

/// Which packages are wanted.
pub struct Sought<'a> {
    /// The keys to walk, down to the feed and perhaps the protocol: [`keys::in_feed`].
    pub prefix: String,
    /// By their key, as the protocol compares names.
    pub is_wanted: &'a dyn Fn(&str) -> bool,
    /// Where the page before stopped.
    pub after: Option<String>,
    /// So many that are wanted are passed over.
    pub skip: usize,
    /// So many are opened at most.
    pub top: usize,
}

/// Some of them.
#[derive(Default)]
pub struct Page {
    /// Each with its index, in the order of keys.
    pub packages: Vec<(PackagePath, PackageIndex)>,
    /// Where to go on, and how many are still to be passed over; `None` if these are the last.
    pub next: Option<(String, usize)>,
}

/// One page.
pub async fn page<P: Platform>(context: &FeedContext<P>, sought: Sought<'_>) -> Result<Page> {
    let Sought { prefix, is_wanted, after, mut skip, top } = sought;
    let (mut paths, mut last, mut lists) = (Vec::new(), after.clone(), LISTS);
    let ended = visit(&context.platform, &prefix, after, &mut lists, &mut |key, path| {
        if path.as_ref().is_some_and(|path| is_wanted(&path.package_key())) {
            if skip == 0 && paths.len() == top {
                return false;
            }
            if skip > 0 {
                skip -= 1;
            } else {
                paths.extend(path);
            }
        }
        last = Some(key);
        true
    })
    .await?;
    let packages = open(&context.platform, paths).await?;
    Ok(Page { packages, next: last.filter(|_| !ended).map(|last| (last, skip)) })
}

/// The indexes of packages; those that are gone are left out.
pub async fn open<P: Platform>(
    platform: &P,
    paths: Vec<PackagePath>,
) -> Result<Vec<(PackagePath, PackageIndex)>> {
    let mut packages = Vec::new();
    for paths in paths.chunks(AT_A_TIME) {
        let indexes = paths.iter().map(|path| index::get(platform, path));
        for (path, index) in paths.iter().zip(together::all(indexes).await) {
            packages.extend(index?.map(|stored| (path.clone(), stored.value)));
        }
    }
    Ok(packages)
}

/// Shows keys to `see` in their order, each with its package unless that is the one before's: where the keys are those of
/// versions, those of one package come one after the other. Until `see` says `false`, `lists` are used up, or, then it answers
/// `true`, all were seen.
pub async fn visit<P: Platform>(
    platform: &P,
    prefix: &str,
    mut after: Option<String>,
    lists: &mut usize,
    see: &mut dyn FnMut(String, Option<PackagePath>) -> bool,
) -> Result<bool> {
    let mut before =
        after.as_deref().and_then(keys::listed_package).filter(|_| prefix.starts_with(keys::BINS));
    while *lists > 0 {
        *lists -= 1;
        let page = platform.records().list(prefix, after.as_deref(), 1_000).await?;
        for key in page.keys {
            let path = keys::listed_package(&key).filter(|path| before.as_ref() != Some(path));
            if path.is_some() {
                before.clone_from(&path);
            }
            if !see(key, path) {
                return Ok(false);
            }
        }
        after = page.cursor;
        if after.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
