//! Counting what a request costs.

use super::{
    Blob, BlobInfo, BlobStore, Body, ByteRange, CachedResponse, Etag, Expected, HttpClient, KeyPage,
    KeyValueStore, KvEntry, NotedPage, OutgoingRequest, OutgoingResponse, PlatformError, PutOutcome, Record,
    RecordStore, ResponseCache, Seen, UploadPart, Written,
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
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Record>, PlatformError>> {
        count(&self.counts.0.r2_reads);
        self.inner.get(key)
    }

    fn head(&self, key: &str) -> impl Future<Output = Result<Option<Etag>, PlatformError>> {
        count(&self.counts.0.r2_reads);
        self.inner.head(key)
    }

    fn create(&self, key: &str, bytes: Bytes) -> impl Future<Output = Result<Written, PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.create(key, bytes)
    }

    fn replace(
        &self,
        key: &str,
        bytes: Bytes,
        etag: &Etag,
    ) -> impl Future<Output = Result<Written, PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.replace(key, bytes, etag)
    }

    fn overwrite(&self, key: &str, bytes: Bytes) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.overwrite(key, bytes)
    }

    fn delete(&self, keys: &[String]) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.delete(keys)
    }

    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<KeyPage, PlatformError>> {
        count(&self.counts.0.r2_writes); // a list is billed as a write (class A)
        self.inner.list(prefix, after, limit)
    }

    fn append(&self, key: &str, note: &str) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.append(key, note)
    }

    fn list_noted(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> impl Future<Output = Result<NotedPage, PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.list_noted(prefix, after, limit)
    }
}

impl<T: BlobStore> BlobStore for Metered<T> {
    fn create(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
    ) -> impl Future<Output = Result<PutOutcome, PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.create(key, body, expected)
    }

    fn replace(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
        etag: &Etag,
    ) -> impl Future<Output = Result<PutOutcome, PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.replace(key, body, expected, etag)
    }

    fn open(
        &self,
        key: &str,
        range: Option<ByteRange>,
    ) -> impl Future<Output = Result<Option<Blob>, PlatformError>> {
        count(&self.counts.0.r2_reads);
        self.inner.open(key, range)
    }

    fn info(&self, key: &str) -> impl Future<Output = Result<Option<BlobInfo>, PlatformError>> {
        count(&self.counts.0.r2_reads);
        self.inner.info(key)
    }

    fn delete(&self, key: &str) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.delete(key)
    }

    fn begin_upload(&self, key: &str) -> impl Future<Output = Result<String, PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.begin_upload(key)
    }

    fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: u16,
        body: Body,
        length: u64,
        seen: Seen<'_>,
    ) -> impl Future<Output = Result<UploadPart, PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.upload_part(key, upload, number, body, length, seen)
    }

    fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[UploadPart],
    ) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.r2_writes);
        self.inner.complete_upload(key, upload, parts)
    }

    fn abort_upload(&self, key: &str, upload: &str) -> impl Future<Output = Result<(), PlatformError>> {
        self.inner.abort_upload(key, upload)
    }
}

impl<T: KeyValueStore> KeyValueStore for Metered<T> {
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<KvEntry>, PlatformError>> {
        count(&self.counts.0.kv_reads);
        self.inner.get(key)
    }

    fn put(
        &self,
        key: &str,
        value: Bytes,
        metadata: &str,
        lifetime: Duration,
    ) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.kv_writes);
        self.inner.put(key, value, metadata, lifetime)
    }

    fn delete(&self, key: &str) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.kv_writes);
        self.inner.delete(key)
    }
}

impl<T: HttpClient> HttpClient for Metered<T> {
    fn send(
        &self,
        request: OutgoingRequest,
    ) -> impl Future<Output = Result<OutgoingResponse, PlatformError>> {
        count(&self.counts.0.upstream);
        self.inner.send(request)
    }
}

impl<T: ResponseCache> ResponseCache for Metered<T> {
    fn get(&self, url: &str) -> impl Future<Output = Result<Option<CachedResponse>, PlatformError>> {
        count(&self.counts.0.cache);
        self.inner.get(url)
    }

    fn put(&self, url: &str, content: Body) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.cache);
        self.inner.put(url, content)
    }

    fn delete(&self, url: &str) -> impl Future<Output = Result<(), PlatformError>> {
        count(&self.counts.0.cache);
        self.inner.delete(url)
    }
}
