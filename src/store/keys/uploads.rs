//! Uploads that come in parts over several requests, and places for large content.

use super::{PLACED, STAGING, UPLOADS, segment};
use crate::model::{FeedId, Timestamp, hexadecimal};

/// The record of an upload.
pub fn upload(feed: &FeedId, id: &str) -> String {
    format!("{UPLOADS}{}/{}", feed.as_str(), segment(id))
}

/// A place of its own.
pub fn placed(feed: &FeedId, place: &str) -> String {
    format!("{PLACED}{}/{}", feed.as_str(), segment(place))
}

/// Reads a key of [`placed`] back: the place.
pub fn parse_placed<'a>(feed: &FeedId, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(PLACED)?.strip_prefix(feed.as_str())?.strip_prefix('/')
}

/// The note that a place was taken. Notes are in the order of time.
pub fn staging(feed: &FeedId, place: &str) -> String {
    format!("{STAGING}{}/{}", segment(place), feed.as_str())
}

/// What became of a place.
pub fn fate(feed: &FeedId, place: &str) -> String {
    staging(feed, place) + "/fate"
}

/// Reads a key of [`staging`], or of [`fate`], back: the feed, the place, and when it was taken.
pub fn parse_staging(key: &str) -> Option<(FeedId, &str, Timestamp)> {
    let (place, rest) = key.strip_prefix(STAGING)?.split_once('/')?;
    Some((FeedId::parse(rest.strip_suffix("/fate").unwrap_or(rest))?, place, began(place)?))
}

/// When what has that id began: an upload, or the taking of a place.
pub fn began(id: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(id.split('-').next()?.parse().ok()?))
}

/// An id for what begins now: an upload, or the taking of a place.
pub fn timed_id(now: Timestamp, random: &[u8]) -> String {
    format!("{:013}-{}", now.millis(), hexadecimal(random))
}

/// Reads a key of [`upload`] back: the feed, the id, and when the upload began.
pub fn parse_upload(key: &str) -> Option<(FeedId, &str, Timestamp)> {
    let (feed, id) = key.strip_prefix(UPLOADS)?.split_once('/')?;
    Some((FeedId::parse(feed)?, id, began(id)?))
}
