//! Eventually consistent values whose staleness a test sets.

use super::faults::Operation;
use super::world::{MemoryBody, World};
use crate::model::Timestamp;
use crate::platform::{Body, KeyValueStore, KvEntry, PlatformError};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// KV's limit on keys.
const KEY_BYTES: usize = 512;
/// KV's limit on metadata.
const METADATA_BYTES: usize = 1_024;
/// KV's limit on values.
const VALUE_BYTES: usize = 25 << 20;
/// KV's least lifetime.
const LEAST_LIFETIME: Duration = Duration::from_mins(1);

/// Every state a key ever had, and since when.
type Histories = BTreeMap<String, Vec<(Timestamp, Option<Value>)>>;

pub(super) struct Kv {
    world: Rc<World>,
    histories: RefCell<Histories>,
    /// How old an answer is.
    pub(super) stale_for: Cell<Duration>,
}

#[derive(Clone)]
struct Value {
    bytes: Bytes,
    metadata: String,
    expires: Timestamp,
}

impl Kv {
    pub(super) fn new(world: &Rc<World>) -> Self {
        Self { world: Rc::clone(world), histories: RefCell::default(), stale_for: Cell::default() }
    }

    /// Keys as a reader without staleness sees them.
    pub(super) fn keys(&self) -> Vec<String> {
        let now = self.world.now();
        let histories = self.histories.borrow();
        histories.keys().filter(|key| Self::at(&histories, key, now, now).is_some()).cloned().collect()
    }

    fn at(histories: &Histories, key: &str, moment: Timestamp, now: Timestamp) -> Option<Value> {
        let (_, value) = histories.get(key)?.iter().rev().find(|(since, _)| *since <= moment)?;
        value.clone().filter(|value| now < value.expires)
    }

    fn write(&self, key: &str, value: Option<Value>) -> Result<(), PlatformError> {
        check_key(key)?;
        let mut histories = self.histories.borrow_mut();
        let history = histories.entry(key.to_owned()).or_default();
        self.world.check_write(history.last().map(|(since, _)| *since))?;
        history.push((self.world.now(), value));
        Ok(())
    }
}

/// Eventually consistent values in memory.
#[derive(Clone)]
pub struct MemoryKv(pub(super) Rc<Kv>);

impl KeyValueStore for MemoryKv {
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PlatformError> {
        let action = || {
            check_key(key)?;
            let now = self.0.world.now();
            let age = i64::try_from(self.0.stale_for.get().as_millis()).unwrap_or(i64::MAX);
            let moment = Timestamp::from_millis(now.millis().saturating_sub(age));
            let value = Kv::at(&self.0.histories.borrow(), key, moment, now);
            Ok(value.map(|value| KvEntry {
                body: Body::Raw(Box::new(MemoryBody {
                    declares_length: false, // KV does not say how long a value is
                    ..MemoryBody::whole(value.bytes).cut(self.0.world.faults.cut(Operation::KvGet, key))
                })),
                metadata: value.metadata,
            }))
        };
        self.0.world.operate(Operation::KvGet, key, action).await
    }

    async fn put(
        &self,
        key: &str,
        value: Bytes,
        metadata: &str,
        lifetime: Duration,
    ) -> Result<(), PlatformError> {
        let action = || {
            let metadata_bytes = serde_json::Value::from(metadata).to_string().len(); // it is stored as a JSON string
            if value.len() > VALUE_BYTES || metadata_bytes > METADATA_BYTES || lifetime < LEAST_LIFETIME {
                return Err(PlatformError::Other(format!(
                    "KV PUT failed: 400 ({} bytes, metadata {} bytes, {} s)",
                    value.len(),
                    metadata_bytes,
                    lifetime.as_secs()
                )));
            }
            let expires = self.0.world.now().plus(lifetime);
            self.0.write(key, Some(Value { bytes: value, metadata: metadata.to_owned(), expires }))
        };
        self.0.world.operate(Operation::KvPut, key, action).await
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        self.0.world.operate(Operation::KvDelete, key, || self.0.write(key, None)).await
    }
}

fn check_key(key: &str) -> Result<(), PlatformError> {
    if key.is_empty() || key.len() > KEY_BYTES || key == "." || key == ".." {
        return Err(PlatformError::Other("KV: a key must have 1 to 512 bytes".to_owned()));
    }
    Ok(())
}
