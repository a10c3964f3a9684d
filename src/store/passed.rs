//! What was passed through from upstream sources and is remembered for a while: audits, keys.

use super::keys;
use crate::model::{Feed, ProtocolId};
use crate::platform::{KeyValueStore as _, Platform};
use bytes::Bytes;
use std::time::Duration;

/// Bytes of an answer that is remembered.
const LIMIT: usize = 8 << 20;

/// The remembered answer to a question, if there is one. A failing KV remembers nothing.
pub async fn get<P: Platform>(
    platform: &P,
    feed: &Feed,
    protocol: ProtocolId,
    question: &str,
) -> Option<Bytes> {
    let key = keys::passed(&feed.id, feed.sequence, protocol, question);
    platform.kv().get(&key).await.ok()??.body.collect(LIMIT).await.ok()
}

/// Remembers an answer; failing to costs time, not truth.
pub async fn put<P: Platform>(
    platform: &P,
    feed: &Feed,
    protocol: ProtocolId,
    question: &str,
    answer: Bytes,
    lifetime: Duration,
) {
    let key = keys::passed(&feed.id, feed.sequence, protocol, question);
    let _ = platform.kv().put(&key, answer, "{}", lifetime).await;
}
