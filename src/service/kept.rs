//! Bytes that never change, at hand: in the isolate's memory while they are small, in the edge cache where it has them, in the
//! store always.

use super::FeedContext;
use crate::error::Result;
use crate::platform::{BlobStore as _, Body, ByteRange, Platform, ResponseCache as _};
use crate::store::keys;
use bytes::Bytes;
use std::rc::Rc;
use std::time::Duration;

/// Files up to this size are remembered by the isolate for [`SMALL_REUSE`]: reading them costs more than holding them.
pub(super) const SMALL: u64 = 128 << 10;

/// For how long. Their bytes never change; whether they may be served is checked apart from that.
const SMALL_REUSE: Duration = Duration::from_secs(300);

/// Larger files are not put into the edge cache: one read of them costs more than it saves.
const EDGE_CACHE_LIMIT: u64 = 64 << 20;

/// Where some are.
pub(super) struct Kept<'a, P> {
    /// Who asks for them.
    pub(super) context: &'a FeedContext<P>,
    /// Their key.
    pub(super) key: &'a str,
    /// How many there are.
    pub(super) size: u64,
}

impl<P: Platform> Kept<'_, P> {
    /// The bytes, or a range of them; `None` if they are not there.
    pub(super) async fn open(self, range: Option<ByteRange>) -> Result<Option<Body>> {
        if range.is_some() || self.size > EDGE_CACHE_LIMIT {
            return self.read_store(range).await;
        }
        if self.size <= SMALL {
            return self.open_small().await;
        }
        if let Some(body) = self.cached().await {
            return Ok(Some(body));
        }
        let body = self.read_store(None).await?;
        if body.is_some() {
            // A read of its own, so that no client's pace and no copy in memory is involved.
            let (platform, key) = (self.context.platform.clone(), self.key.to_owned());
            self.fill_edge_cache(async move { Some(platform.blobs().open(&key, None).await.ok()??.body) });
        }
        Ok(body)
    }

    /// A file that is held in memory from then on.
    async fn open_small(self) -> Result<Option<Body>> {
        let platform = &self.context.platform;
        if let Some(bytes) = platform.memo().get::<Bytes>(&small_key(self.key), platform.now()) {
            self.context.trace.note("memory");
            return Ok(Some(Body::Bytes((*bytes).clone())));
        }
        let limit = usize::try_from(SMALL).unwrap_or(usize::MAX);
        let bytes = if let Some(body) = self.cached().await {
            body.collect(limit).await?
        } else {
            let Some(body) = self.read_store(None).await? else { return Ok(None) };
            let bytes = body.collect(limit).await?;
            let copy = bytes.clone();
            self.fill_edge_cache(async move { Some(Body::Bytes(copy)) });
            bytes
        };
        remember_small(platform, self.key, bytes.clone());
        Ok(Some(Body::Bytes(bytes)))
    }

    /// The whole file from the edge cache. A cache that fails is a cache that has nothing.
    async fn cached(&self) -> Option<Body> {
        let cached = self.context.platform.cache().get(&keys::cached(self.key)).await.ok()??;
        self.context.trace.note("edge-cache");
        Some(cached.body)
    }

    async fn read_store(&self, range: Option<ByteRange>) -> Result<Option<Body>> {
        let blob = self.context.platform.blobs().open(self.key, range).await?;
        Ok(blob.map(|blob| blob.body))
    }

    /// Fills the edge cache; failing to costs time, not truth.
    fn fill_edge_cache(&self, content: impl Future<Output = Option<Body>> + 'static) {
        let platform = self.context.platform.clone();
        let (memo, now) = (platform.memo(), platform.now());
        // Where the Cache API keeps nothing (workers.dev), do not try every time.
        let url = keys::cached(self.key);
        let filled = format!("filled:{url}");
        if memo.get::<()>(&filled, now).is_some() {
            return;
        }
        memo.put(filled, Rc::new(()), 16, now, Duration::from_secs(3600));
        self.context.platform.in_background(async move {
            if let Some(content) = content.await {
                let _ = platform.cache().put(&url, content).await;
            }
        });
    }
}

/// Keeps the bytes of a small file at hand.
pub(super) fn remember_small<P: Platform>(platform: &P, key: &str, bytes: Bytes) {
    let weight = bytes.len();
    platform.memo().put(small_key(key), Rc::new(bytes), weight, platform.now(), SMALL_REUSE);
}

fn small_key(key: &str) -> String {
    format!("bytes:{key}")
}
