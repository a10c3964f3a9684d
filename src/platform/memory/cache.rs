//! The edge cache of one location.

use super::faults::Operation;
use super::world::{MemoryBody, World};
use crate::model::Timestamp;
use crate::platform::{Body, CachedResponse, PlatformError, ResponseCache};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// How long content is kept.
const LIFETIME: Duration = Duration::from_hours(24);
/// The Cache API's limit on content.
const CONTENT_BYTES: usize = 512 << 20;

pub(super) struct Cache {
    world: Rc<World>,
    entries: RefCell<HashMap<String, (Bytes, Timestamp)>>,
    /// On `workers.dev` the Cache API keeps nothing.
    pub(super) keeps_nothing: Cell<bool>,
}

impl Cache {
    pub(super) fn new(world: &Rc<World>) -> Self {
        Self { world: Rc::clone(world), entries: RefCell::default(), keeps_nothing: Cell::default() }
    }

    pub(super) fn clear(&self) {
        self.entries.borrow_mut().clear();
    }
}

/// An edge cache in memory.
#[derive(Clone)]
pub struct MemoryCache(pub(super) Rc<Cache>);

impl ResponseCache for MemoryCache {
    async fn get(&self, url: &str) -> Result<Option<CachedResponse>, PlatformError> {
        let action = || {
            let now = self.0.world.now();
            let entries = self.0.entries.borrow();
            let found = entries.get(url).filter(|(_, expires)| now < *expires);
            Ok(found.map(|(bytes, _)| {
                let cut = self.0.world.faults.cut(Operation::CacheGet, url);
                CachedResponse { body: Body::Raw(Box::new(MemoryBody::whole(bytes.clone()).cut(cut))) }
            }))
        };
        self.0.world.operate(Operation::CacheGet, url, action).await
    }

    async fn put(&self, url: &str, content: Body) -> Result<(), PlatformError> {
        let bytes = content.collect(CONTENT_BYTES).await?;
        let action = || {
            if !self.0.keeps_nothing.get() {
                let expires = self.0.world.now().plus(LIFETIME);
                self.0.entries.borrow_mut().insert(url.to_owned(), (bytes, expires));
            }
            Ok(())
        };
        self.0.world.operate(Operation::CachePut, url, action).await
    }

    async fn delete(&self, url: &str) -> Result<(), PlatformError> {
        let action = || {
            self.0.entries.borrow_mut().remove(url);
            Ok(())
        };
        self.0.world.operate(Operation::CacheDelete, url, action).await
    }
}
