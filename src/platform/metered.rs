//! Counting what a request costs.

use super::{
    Blob, BlobInfo, BlobStore, Body, ByteRange, CachedResponse, Etag, Expected, HttpClient, KeyPage,
    KeyValueStore, KvEntry, OutgoingRequest, OutgoingResponse, PlatformError, PutOutcome, Record,
    RecordStore, ResponseCache, UploadPart, Written,
};
use bytes::Bytes;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Operations of one request, by what they are billed as. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct OperationCounts(Rc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    r2_reads: Cell<u32>,
    r2_writes: Cell<u32>,
    kv_reads: Cell<u32>,
    kv_writes: Cell<u32>,
    cache: Cell<u32>,
    upstream: Cell<u32>,
}

impl OperationCounts {
    /// Name and count of every kind of operation, for `Server-Timing` and the log line.
    pub fn list(&self) -> [(&'static str, u32); 6] {
        let cells = &self.0;
        [
            ("r2", cells.r2_reads.get()),
            ("r2w", cells.r2_writes.get()),
            ("kv", cells.kv_reads.get()),
            ("kvw", cells.kv_writes.get()),
            ("cache", cells.cache.get()),
            ("upstream", cells.upstream.get()),
        ]
    }
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

/// A port that counts its operations and passes them on.
#[derive(Clone, Debug)]
pub struct Metered<T> {
    inner: T,
    counts: OperationCounts,
}

impl<T> Metered<T> {
    /// Counts what goes through `inner`.
    pub fn new(inner: T, counts: &OperationCounts) -> Self {
        Self { inner, counts: counts.clone() }
    }
}

impl<T: RecordStore> RecordStore for Metered<T> {
    async fn get(&self, key: &str) -> Result<Option<Record>, PlatformError> {
        count(&self.counts.0.r2_reads);
        self.inner.get(key).await
    }

    async fn head(&self, key: &str) -> Result<Option<Etag>, PlatformError> {
        count(&self.counts.0.r2_reads);
        self.inner.head(key).await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Written, PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.create(key, bytes).await
    }

    async fn replace(&self, key: &str, bytes: Bytes, etag: &Etag) -> Result<Written, PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.replace(key, bytes, etag).await
    }

    async fn overwrite(&self, key: &str, bytes: Bytes) -> Result<(), PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.overwrite(key, bytes).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.delete(keys).await
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>, limit: usize) -> Result<KeyPage, PlatformError> {
        count(&self.counts.0.r2_writes); // a list is billed as a write (class A)
        self.inner.list(prefix, cursor, limit).await
    }
}

impl<T: BlobStore> BlobStore for Metered<T> {
    async fn create(&self, key: &str, body: Body, expected: &Expected) -> Result<PutOutcome, PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.create(key, body, expected).await
    }

    async fn replace(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
        etag: &Etag,
    ) -> Result<PutOutcome, PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.replace(key, body, expected, etag).await
    }

    async fn open(&self, key: &str, range: Option<ByteRange>) -> Result<Option<Blob>, PlatformError> {
        count(&self.counts.0.r2_reads);
        self.inner.open(key, range).await
    }

    async fn info(&self, key: &str) -> Result<Option<BlobInfo>, PlatformError> {
        count(&self.counts.0.r2_reads);
        self.inner.info(key).await
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.delete(key).await
    }

    async fn begin_upload(&self, key: &str) -> Result<String, PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.begin_upload(key).await
    }

    async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: u16,
        bytes: Bytes,
    ) -> Result<UploadPart, PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.upload_part(key, upload, number, bytes).await
    }

    async fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[UploadPart],
    ) -> Result<(), PlatformError> {
        count(&self.counts.0.r2_writes);
        self.inner.complete_upload(key, upload, parts).await
    }

    async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), PlatformError> {
        self.inner.abort_upload(key, upload).await
    }
}

impl<T: KeyValueStore> KeyValueStore for Metered<T> {
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PlatformError> {
        count(&self.counts.0.kv_reads);
        self.inner.get(key).await
    }

    async fn put(
        &self,
        key: &str,
        value: Bytes,
        metadata: &str,
        lifetime: Duration,
    ) -> Result<(), PlatformError> {
        count(&self.counts.0.kv_writes);
        self.inner.put(key, value, metadata, lifetime).await
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        count(&self.counts.0.kv_writes);
        self.inner.delete(key).await
    }
}

impl<T: HttpClient> HttpClient for Metered<T> {
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingResponse, PlatformError> {
        count(&self.counts.0.upstream);
        self.inner.send(request).await
    }
}

impl<T: ResponseCache> ResponseCache for Metered<T> {
    async fn get(&self, url: &str) -> Result<Option<CachedResponse>, PlatformError> {
        count(&self.counts.0.cache);
        self.inner.get(url).await
    }

    async fn put(&self, url: &str, content: Body) -> Result<(), PlatformError> {
        count(&self.counts.0.cache);
        self.inner.put(url, content).await
    }

    async fn delete(&self, url: &str) -> Result<(), PlatformError> {
        count(&self.counts.0.cache);
        self.inner.delete(url).await
    }
}
