//! Ports: what the core asks of the world it runs in.
//!
//! In scope: the traits, their contracts (`compliance.rs` tests every implementation against them), the in-memory
//! implementation with faults, and the metering of storage operations. Out of scope: what is stored (`store/`).
//!
//! R2 is behind [`RecordStore`] and [`BlobStore`], KV behind [`KeyValueStore`], the Cache API behind
//! [`ResponseCache`], `fetch` behind [`HttpClient`]. Futures are not `Send`: a Worker has one thread.
//!
//! Every operation may fail *after* it took effect, and may be repeated.

mod blobs;
mod body;
mod cache;
#[cfg(any(not(target_arch = "wasm32"), feature = "compliance"))]
pub mod compliance;
mod hashing;
mod headers;
mod http_client;
mod kv;
mod memo;
#[cfg(not(target_arch = "wasm32"))]
pub mod memory;
mod message;
mod metered;
mod records;
pub mod together;

pub use blobs::{Blob, BlobInfo, BlobStore, ByteRange, Expected, PutOutcome, Seen, UploadPart};
pub use body::{Body, ByteStream, RawBody, collect, once};
pub use cache::{CachedResponse, ResponseCache};
pub use hashing::Hashing;
pub use headers::{Headers, header};
pub use http_client::{HttpClient, OutgoingRequest, OutgoingResponse};
pub use kv::{KeyValueStore, KvEntry};
pub use memo::Memo;
pub use message::{Request, RequestUrl, Response};
pub use metered::{Metered, OperationCounts};
pub use records::{Etag, KeyPage, NotedPage, Record, RecordStore, Written};

use crate::model::{Algorithm, Timestamp};
use std::time::Duration;

/// Why an operation on the platform failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// Too many writes to one key (R2 10058, KV 429): somebody else is writing; try again after a second.
    #[error("too many writes to one key")]
    Contended,
    /// No answer in time.
    #[error("timed out")]
    TimedOut,
    /// No connection, or it broke.
    #[error("connection failed: {0}")]
    Connection(String),
    /// A body ended before its declared length, or failed on the way.
    #[error("body cut short: {0}")]
    Cut(String),
    /// A body went over the limit its reader set.
    #[error("body over {0} bytes")]
    TooLong(u64),
    /// The request was refused before it left, for example because its address is private.
    #[error("refused: {0}")]
    Refused(String),
    /// Anything else the platform said.
    #[error("{0}")]
    Other(String),
}

/// The world the core runs in: one bundle, so that a function takes one type parameter.
///
/// Cloning is cheap and gives the same world; clones move into background tasks.
pub trait Platform: Clone + 'static {
    /// Strongly consistent records.
    type Records: RecordStore;
    /// Strongly consistent content.
    type Blobs: BlobStore;
    /// Eventually consistent copies.
    type Kv: KeyValueStore;
    /// Requests to the outside.
    type Http: HttpClient;
    /// The edge cache of this location.
    type Cache: ResponseCache;
    /// Digests of long content in the making.
    type Hashing: Hashing;

    /// Strongly consistent records.
    fn records(&self) -> &Self::Records;
    /// Strongly consistent content.
    fn blobs(&self) -> &Self::Blobs;
    /// Eventually consistent copies.
    fn kv(&self) -> &Self::Kv;
    /// Requests to the outside.
    fn http(&self) -> &Self::Http;
    /// The edge cache of this location.
    fn cache(&self) -> &Self::Cache;
    /// What this isolate remembers between requests; may be lost at any time.
    fn memo(&self) -> &Memo;
    /// What has been counted for the present request.
    fn counts(&self) -> &OperationCounts;
    /// Digests by these algorithms, the weakest first, of long content that is about to come.
    fn hashing(&self, algorithms: &[Algorithm]) -> Self::Hashing;
    /// The time. It does not advance while computing.
    fn now(&self) -> Timestamp;
    /// Fills a buffer with cryptographically secure random bytes.
    fn random(&self, buffer: &mut [u8]);
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
    /// How many bytes of memory this program has taken, where that can be known: it never gives any back.
    fn memory(&self) -> Option<u64>;
    /// Writes one line to the log.
    fn log(&self, line: &str);
    /// Finishes a task after the answer was sent, and although the client hung up. The platform grants it 30 s.
    fn in_background(&self, task: impl Future<Output = ()> + 'static);
    /// The same, begun only after a while, which counts against the 30 s.
    fn in_background_after(&self, delay: Duration, task: impl Future<Output = ()> + 'static) {
        let platform = self.clone();
        self.in_background(async move {
            platform.sleep(delay).await;
            task.await;
        });
    }
}
