//! The platform in memory: R2's, KV's and the network's semantics, with a clock, faults and upstreams a test controls.
//!
//! Every operation yields once, so that futures joined in a test interleave. Out of scope: speed.

mod blobs;
mod cache;
mod faults;
mod http;
mod kv;
mod messages;
mod objects;
mod world;

pub use blobs::MemoryBlobs;
pub use cache::MemoryCache;
pub use faults::{Fault, Faults, Operation};
pub use http::{MemoryHttp, Reply, SentRequest, Upstream};
pub use kv::MemoryKv;
pub use objects::MemoryRecords;

use crate::model::{Algorithm, Digest, Hasher, Timestamp};
use crate::platform::{Memo, Metered, OperationCounts, Platform};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use world::World;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A whole platform in memory. Clones are the same platform.
#[derive(Clone)]
pub struct MemoryPlatform {
    shared: Rc<Shared>,
    location: Rc<Location>,
    counts: OperationCounts,
    records: Metered<MemoryRecords>,
    blobs: Metered<MemoryBlobs>,
    kv: Metered<MemoryKv>,
    http: Metered<MemoryHttp>,
    cache: Metered<MemoryCache>,
}

/// What there is one of in the world.
struct Shared {
    world: Rc<World>,
    objects: Rc<objects::Objects>,
    kv: Rc<kv::Kv>,
    upstream: Upstream,
    random: Cell<u64>,
    tasks: RefCell<Vec<Task>>,
    delayed: RefCell<Vec<Task>>,
    log: RefCell<Vec<String>>,
}

/// What there is one of in every location.
struct Location {
    cache: Rc<cache::Cache>,
    memo: Memo,
}

impl Default for MemoryPlatform {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryPlatform {
    /// An empty platform, on 2026-11-22 at noon.
    pub fn new() -> Self {
        let world = Rc::new(World::new());
        let shared = Shared {
            objects: Rc::new(objects::Objects::new(&world)),
            kv: Rc::new(kv::Kv::new(&world)),
            upstream: Upstream::default(),
            random: Cell::default(),
            tasks: RefCell::default(),
            delayed: RefCell::default(),
            log: RefCell::default(),
            world,
        };
        Self::assemble(Rc::new(shared), None)
    }

    fn assemble(shared: Rc<Shared>, location: Option<Rc<Location>>) -> Self {
        let location = location.unwrap_or_else(|| {
            Rc::new(Location { cache: Rc::new(cache::Cache::new(&shared.world)), memo: Memo::default() })
        });
        let counts = OperationCounts::default();
        let http = MemoryHttp { world: Rc::clone(&shared.world), upstream: shared.upstream.clone() };
        Self {
            records: Metered::new(MemoryRecords(Rc::clone(&shared.objects)), &counts),
            blobs: Metered::new(MemoryBlobs(Rc::clone(&shared.objects)), &counts),
            kv: Metered::new(MemoryKv(Rc::clone(&shared.kv)), &counts),
            http: Metered::new(http, &counts),
            cache: Metered::new(MemoryCache(Rc::clone(&location.cache)), &counts),
            shared,
            location,
            counts,
        }
    }

    /// The same platform with its counts at zero: one per request, as the edge does it.
    #[must_use]
    pub fn for_request(&self) -> Self {
        Self::assemble(Rc::clone(&self.shared), Some(Rc::clone(&self.location)))
    }

    /// The same platform as another isolate in another location sees it: nothing remembered, an empty edge cache.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self::assemble(Rc::clone(&self.shared), None)
    }

    /// The faults that are waiting for their operation.
    pub fn faults(&self) -> &Faults {
        &self.shared.world.faults
    }

    /// The script of the outside.
    pub fn upstream(&self) -> &Upstream {
        &self.shared.upstream
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.shared.world.set_now(now);
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.shared.world.advance(duration);
    }

    /// Answers of KV are so old from now on, also about what is not there.
    pub fn set_kv_staleness(&self, stale_for: Duration) {
        self.shared.kv.stale_for.set(stale_for);
    }

    /// Whether a second write to one key within one second of the manual clock is refused, as production does: it is, unless a
    /// test is about what happens within a second.
    pub fn limit_writes(&self, limit: bool) {
        self.shared.world.limits_writes.set(limit);
    }

    /// Takes parts of uploads under 5 MiB, so that a test need not move megabytes.
    pub fn take_small_parts(&self, takes: bool) {
        self.shared.objects.takes_small_parts.set(takes);
    }

    /// Makes the edge cache keep nothing, as on `workers.dev`.
    pub fn disable_cache(&self, disable: bool) {
        self.location.cache.keeps_nothing.set(disable);
        self.location.cache.clear();
    }

    /// Keys of all objects, sorted.
    pub fn stored_keys(&self) -> Vec<String> {
        self.shared.objects.keys()
    }

    /// Content of an object.
    pub fn object(&self, key: &str) -> Option<Bytes> {
        self.shared.objects.bytes(key)
    }

    /// Stores an object behind everybody's back, without faults or limits.
    pub fn put_object(&self, key: &str, bytes: impl Into<Bytes>) {
        self.shared.objects.store(key, bytes.into());
    }

    /// Removes an object behind everybody's back.
    pub fn remove_object(&self, key: &str) {
        self.shared.objects.remove(key);
    }

    /// Uploads in parts that were neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.shared.objects.uploads()
    }

    /// Keys in KV as they are now, sorted.
    pub fn kv_keys(&self) -> Vec<String> {
        self.shared.kv.keys()
    }

    /// The lines logged so far.
    pub fn log_lines(&self) -> Vec<String> {
        self.shared.log.borrow().clone()
    }

    /// Every operation so far with its key, in order; also those that failed.
    pub fn operation_log(&self) -> Vec<(Operation, String)> {
        self.shared.world.log.borrow().clone()
    }

    /// Forgets the operations so far.
    pub fn clear_operation_log(&self) {
        self.shared.world.log.borrow_mut().clear();
    }

    /// Runs the background tasks, and those they start, to completion.
    pub async fn run_background(&self) {
        loop {
            let tasks = self.shared.tasks.take();
            if tasks.is_empty() {
                return;
            }
            futures_util::future::join_all(tasks).await;
        }
    }

    /// Runs the background tasks that wait for a while: it is over. [`Self::run_background`] leaves them alone, so that
    /// only tests about them need know of them.
    pub async fn run_delayed(&self) {
        self.shared.tasks.borrow_mut().extend(self.shared.delayed.take());
        self.run_background().await;
    }

    /// Drops the background tasks: the isolate died.
    pub fn abandon_background(&self) {
        self.shared.tasks.take();
        self.shared.delayed.take();
    }
}

impl Platform for MemoryPlatform {
    type Records = Metered<MemoryRecords>;
    type Blobs = Metered<MemoryBlobs>;
    type Kv = Metered<MemoryKv>;
    type Http = Metered<MemoryHttp>;
    type Cache = Metered<MemoryCache>;
    type Hashing = Hasher;

    fn records(&self) -> &Self::Records {
        &self.records
    }

    fn blobs(&self) -> &Self::Blobs {
        &self.blobs
    }

    fn kv(&self) -> &Self::Kv {
        &self.kv
    }

    fn http(&self) -> &Self::Http {
        &self.http
    }

    fn cache(&self) -> &Self::Cache {
        &self.cache
    }

    fn memo(&self) -> &Memo {
        &self.location.memo
    }

    fn counts(&self) -> &OperationCounts {
        &self.counts
    }

    fn hashing(&self, algorithms: &[Algorithm]) -> Hasher {
        Hasher::new(algorithms)
    }

    fn now(&self) -> Timestamp {
        self.shared.world.now()
    }

    fn memory(&self) -> Option<u64> {
        None
    }

    /// Kept for tests to read.
    fn log(&self, line: &str) {
        self.shared.log.borrow_mut().push(line.to_owned());
    }

    /// The same sequence in every run.
    fn random(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.shared.random.replace(self.shared.random.get() + 1);
            let digest = Digest::sha256(&counter.to_le_bytes());
            chunk.copy_from_slice(&digest.value()[..chunk.len()]);
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        world::yield_once().await;
    }

    fn in_background(&self, task: impl Future<Output = ()> + 'static) {
        self.shared.tasks.borrow_mut().push(Box::pin(task));
    }

    fn in_background_after(&self, _: Duration, task: impl Future<Output = ()> + 'static) {
        self.shared.delayed.borrow_mut().push(Box::pin(task));
    }
}

#[cfg(test)]
mod tests;
