//! Until when versions of a feed may be withdrawn: one moment per feed, which only ever grows.
//!
//! Whoever is about to make a live version invisible (delete it, or take it out of a view) first puts this moment into the
//! future. So an isolate that reads a moment which is past when it last saw a version live knows that nobody has withdrawn
//! that version since: one read tells about all versions of the feed. A withdrawal that dies half-way has only made isolates
//! look at slots for a while; one that takes too long announces itself again before it is reported as done. In scope: that
//! record. Out of scope: slots, which decide (`slots.rs`).

use super::slots::CHECK_REUSE;
use super::{Change, keys};
use crate::error::Result;
use crate::model::{FeedId, Timestamp};
use crate::platform::Platform;
use std::rc::Rc;
use std::time::Duration;

/// For how long an announcement is good. A batch of withdrawals writes one per half of it.
const ANNOUNCED: Duration = Duration::from_secs(60);

/// Of an announcement this much must be left when a withdrawal begins.
const LEAST: Duration = Duration::from_secs(30);

/// By how much clocks may differ.
const SKEW: Duration = Duration::from_secs(5);

/// Announces that a version is about to be withdrawn; answers until when that is known everywhere.
pub(super) async fn announce<P: Platform>(platform: &P, feed: &FeedId) -> Result<Timestamp> {
    let (key, now) = (keys::withdrawals(feed), platform.now());
    if let Some(until) =
        platform.memo().get::<Timestamp>(&key, now).filter(|until| **until >= now.plus(LEAST))
    {
        return Ok(*until);
    }
    let until = super::update::<P, Timestamp>(platform, &key, &mut |known| {
        let enough = known.is_some_and(|known| *known >= now.plus(LEAST));
        Ok(if enough { Change::None } else { Change::To(now.plus(ANNOUNCED)) })
    })
    .await?;
    let until = until.unwrap_or(now);
    remember(platform, key, until, now);
    Ok(until)
}

/// Was a withdrawal that is done now covered all the time by its announcement?
pub(super) fn covered<P: Platform>(platform: &P, until: Timestamp) -> bool {
    platform.now() < until
}

/// Is it certain that no version of a feed has been withdrawn since `seen`, except in the last [`CHECK_REUSE`]?
pub(super) async fn none_since<P: Platform>(platform: &P, feed: &FeedId, seen: Timestamp) -> Result<bool> {
    let (key, now) = (keys::withdrawals(feed), platform.now());
    if let Some(until) = platform.memo().get::<Timestamp>(&key, now) {
        return Ok(until.plus(SKEW) <= seen);
    }
    let stored = super::read::<P, Timestamp>(platform, &key).await?;
    let until = stored.map_or(Timestamp::from_millis(0), |stored| stored.value);
    remember(platform, key, until, now);
    Ok(until.plus(SKEW) <= seen)
}

fn remember<P: Platform>(platform: &P, key: String, until: Timestamp, now: Timestamp) {
    platform.memo().put(key, Rc::new(until), 16, now, CHECK_REUSE);
}
