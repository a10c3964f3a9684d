//! Reading keys back, as they are found by listing a prefix.

use super::{BINS, CATALOG, EMPTYING, EXPIRIES, PackagePath};
use crate::model::{FeedId, Timestamp};

/// Reads [`super::expiry`] back.
pub fn parse_expiry(key: &str) -> Option<(Timestamp, FeedId)> {
    let (due, feed) = key.strip_prefix(EXPIRIES)?.split_once('/')?;
    Some((Timestamp::from_millis(due.parse().ok()?), FeedId::parse(feed)?))
}

/// The package that a key below [`super::in_feed`] is about.
pub fn listed_package(key: &str) -> Option<PackagePath> {
    let rest = key.strip_prefix(CATALOG).or_else(|| key.strip_prefix(BINS))?;
    Some(PackagePath::parse_after("", rest)?.0)
}

/// Reads [`super::emptying`] back.
pub fn parse_emptying(key: &str) -> Option<(FeedId, Timestamp)> {
    let (feed, asked) = key.strip_prefix(EMPTYING)?.split_once('/')?;
    Some((FeedId::parse(feed)?, Timestamp::from_millis(asked.parse().ok()?)))
}

/// The package a key below [`super::catalog`], [`super::published`] or [`super::stars`] stands for.
pub fn catalog_name(prefix: &str, key: &str) -> Option<String> {
    let name = key.strip_prefix(prefix)?;
    Some(percent_encoding::percent_decode_str(name).decode_utf8().ok()?.into_owned())
}
