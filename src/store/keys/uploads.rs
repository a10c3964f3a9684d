//! Uploads that come in parts over several requests.

use super::{UPLOADS, segment};
use crate::model::{FeedId, Timestamp, hexadecimal};

/// The record of an upload.
pub fn upload(feed: &FeedId, id: &str) -> String {
    format!("{UPLOADS}{}/{}", feed.as_str(), segment(id))
}

/// An id for an upload that begins now.
pub fn upload_id(now: Timestamp, random: &[u8]) -> String {
    format!("{:013}-{}", now.millis(), hexadecimal(random))
}

/// Reads a key of [`upload`] back: the feed, the id, and when the upload began.
pub fn parse_upload(key: &str) -> Option<(FeedId, &str, Timestamp)> {
    let (feed, id) = key.strip_prefix(UPLOADS)?.split_once('/')?;
    let began = id.split('-').next()?.parse().ok()?;
    Some((FeedId::parse(feed)?, id, Timestamp::from_millis(began)))
}
