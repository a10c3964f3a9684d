//! Retention: removing versions that nobody needs.
//!
//! A version goes only if its package has more of them than the feed's policy allows, and it was not used for so many days;
//! the oldest go first, by the order of their protocol. Versions in a view neither go nor count, and the newest never goes.
//! Cron goes through the packages of a feed once a day, some at a time, and remembers how far it came.

use super::delete::Target;
use super::{Ecosystem, Ecosystems, description, log};
use crate::error::{Error, Result};
use crate::model::{Deed, Feed, Remains, Retention, SlotState, SortedSet, Timestamp, Version};
use crate::platform::{Platform, RecordStore as _};
use crate::store::downloads;
use crate::store::index::{self, IndexedSlot, PackageIndex};
use crate::store::keys::{self, PackagePath};
use crate::store::{self, cursors, feeds};
use serde_json::{Value, json};
use std::time::Duration;

/// How many packages one run of cron looks at: an operation each, and another one for those over the limit. A run has
/// 10,000 operations for all that cron does.
const PACKAGES: usize = 500;

/// How many versions it removes: about fifteen operations each.
const REMOVALS: usize = 100;

/// How many packages are looked at before what was done is remembered.
const PAGE: usize = 100;

/// As many versions are enough for a page, that it does not become too large to be held.
const DOOMED: usize = 1_000;

/// How many feeds it looks at.
const FEEDS: usize = 50;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Who removes versions, in logs and slots.
const NAME: &str = "retention";

/// A version that is to go.
#[derive(Clone, Debug)]
pub struct Doomed {
    /// The package it is of.
    pub path: PackagePath,
    /// The package's name as people write it.
    pub name: String,
    /// Its key and number.
    pub version: Version,
    /// When it was last used.
    pub last_used: Timestamp,
    /// Is it dropped, where others go to the recycle bin?
    pub is_dropped: bool,
    /// The views it is in: such that are no more.
    views: SortedSet,
}

/// What a policy would remove now of the `packages` packages of a feed that come after the key `after`, and where to go on. One
/// that cannot be read must not keep the others.
pub async fn preview<P: Platform>(
    platform: &P,
    feed: &Feed,
    policy: &Retention,
    ecosystems: Ecosystems,
    after: Option<&str>,
    packages: usize,
) -> Result<(Vec<Doomed>, Option<String>)> {
    let page =
        platform.records().list(&keys::in_feed(keys::CATALOG, &feed.id, None), after, packages).await?;
    let (mut found, mut next) = (Vec::new(), page.cursor);
    for (number, key) in page.keys.iter().enumerate() {
        let Some(path) = keys::listed_package(key) else { continue };
        if let Err(error) = examine(platform, feed, policy, ecosystems, &path, &mut found).await {
            complain(platform, &path, &error);
        }
        if found.len() >= DOOMED && number + 1 < page.keys.len() {
            next = Some(key.clone());
            break;
        }
    }
    Ok((found, next))
}

fn complain<P: Platform>(platform: &P, path: &PackagePath, error: &Error) {
    let line = json!({ "endpoint": NAME, "package": path.place(), "error": error.to_string() });
    platform.log(&line.to_string());
}

/// Adds the versions of a package that are to go, oldest first.
async fn examine<P: Platform>(
    platform: &P,
    feed: &Feed,
    policy: &Retention,
    ecosystems: Ecosystems,
    path: &PackagePath,
    found: &mut Vec<Doomed>,
) -> Result<()> {
    let Some(ecosystem) = ecosystems(path.protocol()) else { return Ok(()) };
    let Some(stored) = index::get(platform, path).await? else { return Ok(()) };
    let index = stored.value;
    let counted = counted(feed, ecosystem, &index);
    let limit = usize::try_from(policy.count_limit).unwrap_or(usize::MAX);
    let mut too_many = counted.len().saturating_sub(limit);
    if too_many == 0 {
        return Ok(());
    }
    let downloads = downloads::get(platform, path).await?;
    let (now, days) = (platform.now(), DAY * policy.days_to_keep_recently_downloaded_packages);
    for (entry, is_newest) in counted.into_iter().rev() {
        let slot = &entry.slot;
        let last_used = downloads.version(&entry.key).last.max(slot.restored).unwrap_or(slot.added);
        let last_used = last_used.max(slot.added);
        if too_many == 0 || is_newest || now.since(last_used) < days {
            continue;
        }
        too_many -= 1;
        let mut sources = feed.sources(ecosystem.protocol());
        let comes_again = slot.saved_from().is_some_and(|from| sources.any(|source| source.id == *from));
        found.push(Doomed {
            path: path.clone(),
            name: index.name.clone(),
            version: Version::new(&entry.key, &slot.version),
            last_used,
            is_dropped: policy.drop_saved_versions && comes_again,
            views: slot.views.clone(),
        });
    }
    Ok(())
}

/// The versions that count, newest first, each with whether it is the newest of all.
fn counted<'a>(
    feed: &Feed,
    ecosystem: &dyn Ecosystem,
    index: &'a PackageIndex,
) -> Vec<(&'a IndexedSlot, bool)> {
    let live: Vec<&IndexedSlot> = index.slots.iter().filter(|entry| entry.slot.is_live()).collect();
    let keys: Vec<&str> = live.iter().map(|entry| entry.key.as_str()).collect();
    let mut counted = Vec::new();
    for (rank, place) in description::highest_first(ecosystem, &keys).into_iter().enumerate() {
        let views = &live[place].slot.views;
        if feed.views.iter().all(|view| !views.contains(&view.id)) {
            counted.push((live[place], rank == 0));
        }
    }
    counted
}

/// What is left of what one run of cron may do.
struct Budget {
    packages: usize,
    removals: usize,
}

/// Does some of what is due; answers how many versions were removed.
pub(super) async fn run<P: Platform>(platform: &P, ecosystems: Ecosystems) -> Result<usize> {
    let mut budget = Budget { packages: PACKAGES, removals: REMOVALS };
    let mut after = cursors::get(platform, NAME).await?;
    let page = platform.records().list(keys::RETENTIONS, after.as_deref(), FEEDS).await?;
    if page.keys.is_empty() && after.is_none() {
        return Ok(0);
    }
    let mut is_over = page.cursor.is_none();
    for key in &page.keys {
        if !run_feed(platform, ecosystems, key, &mut budget).await? {
            // Next time with this feed.
            is_over = false;
            break;
        }
        after = Some(key.clone());
    }
    cursors::set(platform, NAME, after.filter(|_| !is_over)).await?;
    Ok(REMOVALS - budget.removals)
}

/// Goes on with one feed, if it is due; `false` if the budget was not enough.
async fn run_feed<P: Platform>(
    platform: &P,
    ecosystems: Ecosystems,
    key: &str,
    budget: &mut Budget,
) -> Result<bool> {
    let run = store::read::<P, Value>(platform, key).await?.map(|stored| stored.value).unwrap_or_default();
    let text = |name: &str| run.get(name).and_then(Value::as_str);
    let now = platform.now();
    let started = text("started").and_then(Timestamp::parse);
    let mut after = text("after").map(str::to_owned);
    if after.is_none() && started.is_some_and(|started| now.since(started) < DAY) {
        return Ok(true);
    }
    let Some(feed) = keys::feed_of_retention(key) else { return Ok(true) };
    let feed = feeds::get(platform, &feed).await?.map(|stored| stored.value);
    let Some((feed, policy)) = feed.and_then(|feed| Some((feed.clone(), feed.retention?))) else {
        platform.records().delete(&[key.to_owned()]).await?;
        return Ok(true);
    };
    if feed.deleted.is_some() {
        return Ok(true);
    }
    let started = after.as_ref().and(started).unwrap_or(now);
    let mut is_over = false;
    while !is_over && budget.packages > 0 {
        let size = budget.packages.min(PAGE);
        let (doomed, next) = preview(platform, &feed, &policy, ecosystems, after.as_deref(), size).await?;
        budget.packages -= size;
        if !remove(platform, &doomed, budget).await {
            // What is left of this page is looked at again.
            break;
        }
        is_over = next.is_none();
        after = next;
        // After each page: what was looked at need not be looked at again, should this run die.
        let run = json!({ "started": started, "after": after });
        store::put_patiently(platform, key, run.to_string().into(), false).await?;
    }
    Ok(is_over)
}

/// Removes versions; `false` if the budget was not enough for all.
async fn remove<P: Platform>(platform: &P, doomed: &[Doomed], budget: &mut Budget) -> bool {
    for Doomed { path, name, version, is_dropped, views, .. } in doomed {
        if budget.removals == 0 {
            return false;
        }
        let at = platform.now();
        let (deed, state) = if *is_dropped {
            (Deed::Dropped, SlotState::Dropped { at, remains: Remains::Kept })
        } else {
            (Deed::Deleted, SlotState::Deleted { at, by: NAME.to_owned() })
        };
        let entry = log::about_cron(deed, NAME, path, version.as_str());
        let target = Target { platform, path, name, version, views: Some(views) };
        match target.remove(&state, &entry).await {
            Ok(_) => budget.removals -= 1,
            // It is looked at again tomorrow.
            Err(error) => complain(platform, path, &error),
        }
    }
    true
}

/// Notes that a feed has a policy, so that cron finds it: before it is stored, because a note too many does no harm.
pub async fn announce<P: Platform>(platform: &P, feed: &Feed) -> Result<()> {
    store::create(platform, &keys::retention(&feed.id), &json!({})).await?;
    Ok(())
}
