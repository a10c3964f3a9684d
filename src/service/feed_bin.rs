//! The recycle bin of feeds: a deleted feed can be restored for 30 days, in which its name stays taken.
//!
//! Deleted for good, its name is free at once and nothing of it is read or written any more, here at once and elsewhere within
//! [`FEED_REUSE`](crate::store::feeds::FEED_REUSE); what it held is removed by cron, a bounded number of keys at a time. The
//! feed's own record goes last: it says what there is to remove.

use super::delete::RECYCLE_BIN;
use crate::error::{Error, Missing, Result};
use crate::model::{Feed, FeedName, Timestamp};
use crate::platform::{Platform, RecordStore as _};
use crate::store::{self, feeds, keys};
use std::time::Duration;

/// How long after its deletion for good what a feed held is removed: uploads that were under way have ended by then.
const REMOVAL_DELAY: Duration = Duration::from_secs(3600);

/// How many deleted feeds are looked at in one round.
const STEP: usize = 20;

/// How many pages of keys are removed in one round; each costs two operations.
const PAGES: usize = 100;

/// How many keys are listed, and removed, at once.
const PAGE: usize = 1_000;

/// Until when a feed that was deleted then can be restored.
pub fn restorable_until(deleted: Timestamp) -> Timestamp {
    deleted.plus(RECYCLE_BIN)
}

/// Notes that a feed is about to be deleted. Before its record says so: a note without a deleted feed is harmless, the reverse
/// would keep the feed for ever.
pub async fn announce<P: Platform>(platform: &P, feed: &Feed, now: Timestamp) -> Result<()> {
    note(platform, feed, restorable_until(now)).await
}

/// Takes a feed out of the recycle bin.
pub async fn restore<P: Platform>(platform: &P, feed: &Feed) -> Result<Feed> {
    feeds::update(platform, feed, &mut |before| {
        if before.purged.is_some() {
            return Err(not_in_bin(&feed.name));
        }
        let mut next = before.clone();
        next.deleted = None;
        Ok(next)
    })
    .await
}

/// Deletes a feed in the recycle bin for good.
pub async fn purge<P: Platform>(platform: &P, feed: &Feed) -> Result<()> {
    let now = platform.now();
    note(platform, feed, now.plus(REMOVAL_DELAY)).await?;
    let gone = feeds::update(platform, feed, &mut |before| {
        if before.deleted.is_none() {
            return Err(not_in_bin(&feed.name));
        }
        // An earlier attempt may have died half-way: it is finished.
        let mut next = before.clone();
        next.purged = before.purged.or(Some(now));
        Ok(next)
    })
    .await?;
    feeds::release(platform, &gone, &gone.name).await
}

/// That feed is not in the recycle bin.
pub fn not_in_bin(name: &FeedName) -> Box<Error> {
    Error::NotFound(Missing::Other(format!("feed `{name}` is not in the recycle bin"))).into()
}

async fn note<P: Platform>(platform: &P, feed: &Feed, due: Timestamp) -> Result<()> {
    let key = keys::expiry(due, &feed.id);
    store::create(platform, &key, &serde_json::Value::Object(serde_json::Map::new())).await?;
    Ok(())
}

/// One round of what cron does: answers how many feeds it removed. Notes are in the order of time, so that those that are not
/// due cost nothing.
pub(super) async fn expire<P: Platform>(platform: &P) -> Result<usize> {
    let (now, mut pages, mut removed) = (platform.now(), PAGES, 0);
    let listed = platform.records().list(keys::EXPIRIES, None, STEP).await?;
    for key in listed.keys {
        let Some((due, id)) = keys::parse_expiry(&key) else { continue };
        if due > now {
            break;
        }
        let feed = feeds::get(platform, &id).await?.map(|stored| stored.value);
        match feed {
            Some(Feed { purged: Some(at), .. }) if now.since(at) < REMOVAL_DELAY => {}
            Some(feed) if feed.purged.is_some() => {
                if !remove(platform, &feed, &mut pages).await? {
                    return Ok(removed);
                }
                removed += 1;
            }
            Some(feed) if feed.deleted.is_some_and(|at| restorable_until(at) <= now) => {
                purge(platform, &feed).await?;
            }
            // Restored, deleted again later, or removed already.
            _ => {}
        }
        platform.records().delete(&[key]).await?;
    }
    Ok(removed)
}

/// Removes what a feed held, as far as `pages` go; `true` once nothing is left.
async fn remove<P: Platform>(platform: &P, feed: &Feed, pages: &mut usize) -> Result<bool> {
    // Should the request that deleted it have died before.
    feeds::release(platform, feed, &feed.name).await?;
    let (records, sources) = (platform.records(), feed.known_sources());
    for prefix in keys::below_feed(&feed.id, &sources) {
        loop {
            if *pages == 0 {
                return Ok(false);
            }
            *pages -= 1;
            let page = records.list(&prefix, None, PAGE).await?;
            if page.keys.is_empty() {
                break;
            }
            records.delete(&page.keys).await?;
        }
    }
    let mut rest: Vec<String> = sources.iter().map(|source| keys::health(source)).collect();
    rest.push(keys::withdrawals(&feed.id));
    rest.push(keys::retention(&feed.id));
    rest.extend(feed.deleted.map(|at| keys::expiry(restorable_until(at), &feed.id)));
    records.delete(&rest).await?;
    records.delete(&[keys::feed(&feed.id)]).await?;
    Ok(true)
}
