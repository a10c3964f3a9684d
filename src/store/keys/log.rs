//! Keys of logs, which are in the order of time, and of how far cron came.

use super::{CURSORS, LOGS, RETENTIONS, segment};
use crate::model::{FeedId, OrganizationName, Timestamp, hexadecimal};

/// How far a task of cron came.
pub fn cursor(task: &str) -> String {
    format!("{CURSORS}{task}")
}

/// How far the run of a feed's retention policy came.
pub fn retention(feed: &FeedId) -> String {
    format!("{RETENTIONS}{}", feed.as_str())
}

/// The feed a key below [`RETENTIONS`] is about.
pub fn feed_of_retention(key: &str) -> Option<FeedId> {
    FeedId::parse(key.strip_prefix(RETENTIONS)?)
}

/// The log of a feed.
pub fn feed_log(feed: &FeedId) -> String {
    format!("{LOGS}{}/", feed.as_str())
}

/// The log of an organization. No feed's id begins with `@`.
pub fn organization_log(organization: &OrganizationName) -> String {
    format!("{LOGS}@{}/", segment(&organization.key()))
}

/// An entry of a log: keys are in the order of time.
pub fn log_entry(log: &str, time: Timestamp, random: [u8; 4]) -> String {
    format!("{log}{:013}-{}", time.millis(), hexadecimal(&random))
}

/// Before all entries after a moment, and after all others.
pub fn log_after(log: &str, time: Timestamp) -> String {
    format!("{log}{:013}~", time.millis().max(0))
}

/// The log an entry is in.
pub fn log_of(key: &str) -> Option<&str> {
    Some(&key[..=LOGS.len() + key.get(LOGS.len()..)?.find('/')?])
}

/// When an entry was written.
pub fn log_time(log: &str, key: &str) -> Option<Timestamp> {
    let (time, _) = key.strip_prefix(log)?.split_once('-')?;
    Some(Timestamp::from_millis(time.parse().ok()?))
}
