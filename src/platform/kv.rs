//! Copies: eventually consistent values. On Cloudflare: Workers KV.

use super::{Body, PlatformError};
use bytes::Bytes;
use std::time::Duration;

/// A value with the small document stored beside it.
#[derive(Debug)]
pub struct KvEntry {
    /// The value, untouched.
    pub body: Body,
    /// A text of at most 1,024 bytes once it is written as a JSON string, so better without many quotes.
    pub metadata: String,
}

/// Eventually consistent values: a read may be a minute old, also about what is *not* there. There is no
/// compare-and-swap, so nothing is decided here; a miss is never an answer.
pub trait KeyValueStore {
    /// Reads a value. Keys have at most 512 bytes.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<KvEntry>, PlatformError>>;

    /// Writes a value of at most 25 MiB, kept for `lifetime` (at least 60 s).
    fn put(
        &self,
        key: &str,
        value: Bytes,
        metadata: &str,
        lifetime: Duration,
    ) -> impl Future<Output = Result<(), PlatformError>>;

    /// Removes a value; other locations may still see it for a minute.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), PlatformError>>;
}
