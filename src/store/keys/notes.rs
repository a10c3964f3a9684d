//! Keys of notes for cron.

use super::{EMPTYING, EXPIRIES, USAGE};
use crate::model::{FeedId, ProtocolId, Timestamp, hexadecimal};

/// The note that cron has to look at a deleted feed from then on.
pub fn expiry(due: Timestamp, feed: &FeedId) -> String {
    format!("{EXPIRIES}{:013}/{}", due.millis(), feed.as_str())
}

/// A batch of counted downloads; batches are in the order of time.
pub fn usage(now: Timestamp, random: &[u8]) -> String {
    format!("{USAGE}{:013}-{}", now.millis(), hexadecimal(random))
}

/// Keys of one feed below [`CATALOG`](super::CATALOG), [`BINS`](super::BINS) or [`EMPTYING`], perhaps of one protocol only.
pub fn in_feed(root: &str, feed: &FeedId, protocol: Option<ProtocolId>) -> String {
    let protocol = protocol.map(|protocol| format!("{}/", protocol.as_str())).unwrap_or_default();
    format!("{root}{}/{protocol}", feed.as_str())
}

/// The note that a feed's recycle bin is to be emptied of what was in it then.
pub fn emptying(feed: &FeedId, asked: Timestamp) -> String {
    format!("{EMPTYING}{}/{:013}", feed.as_str(), asked.millis())
}
