//! Copies in Workers KV.

use super::body::JsBody;
use super::failure;
use crate::platform::{KeyValueStore, KvEntry, PlatformError};
use bytes::Bytes;
use std::time::Duration;
use worker::kv::KvStore;

/// For how many seconds a location answers from what it read before: KV's default, and the bound on staleness.
const CACHE_SECONDS: u64 = 60;

/// Values in a KV namespace.
#[derive(Clone)]
pub struct WorkersKv(pub(super) KvStore);

impl KeyValueStore for WorkersKv {
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PlatformError> {
        let get = self.0.get(key).cache_ttl(CACHE_SECONDS);
        let (stream, metadata) = get.stream_with_metadata::<String>().await.map_err(failure::kv)?;
        Ok(stream.map(|stream| KvEntry {
            body: JsBody::body(Some(stream), None, None),
            metadata: metadata.unwrap_or_default(),
        }))
    }

    async fn put(
        &self,
        key: &str,
        value: Bytes,
        metadata: &str,
        lifetime: Duration,
    ) -> Result<(), PlatformError> {
        // Metadata is any JSON value; as a string it comes back letter by letter.
        let put = self.0.put_bytes(key, &value).and_then(|put| put.metadata(metadata));
        let put = put.map_err(failure::kv)?.expiration_ttl(lifetime.as_secs());
        put.execute().await.map_err(failure::kv)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        self.0.delete(key).await.map_err(failure::kv)
    }
}
