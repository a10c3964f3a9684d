//! The object store behind records and blobs, with the semantics of R2.

use super::faults::Operation;
use super::world::World;
use crate::model::{Digest, Timestamp};
use crate::platform::{
    Body, Etag, Expected, KeyPage, NotedPage, PlatformError, PutOutcome, Record, RecordStore, UploadPart,
    Written,
};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::rc::Rc;

/// R2's limit on keys.
const KEY_BYTES: usize = 1_024;
/// R2's limit on entries of one page of a listing.
const PAGE: usize = 1_000;
/// How many notes this store gives at once, so that readers meet pages that are not full.
const NOTED_PAGE: usize = 400;
/// The local simulator's limit on custom metadata; R2's is higher.
const NOTE_BYTES: usize = 2_048 - "note".len();
/// R2's limit on the keys of one `delete`.
const DELETIONS: usize = 1_000;
/// R2's least size of a part, except the last.
const PART_BYTES: usize = 5 << 20;
/// No test stores more; a reader must set some limit.
const CONTENT_BYTES: usize = 1 << 30;

pub(super) struct Objects {
    pub(super) world: Rc<World>,
    stored: RefCell<BTreeMap<String, Object>>,
    last_writes: RefCell<HashMap<String, Timestamp>>,
    pub(super) uploads: RefCell<BTreeMap<String, Upload>>,
    pub(super) next_upload: Cell<u32>,
    pub(super) takes_small_parts: Cell<bool>,
}

#[derive(Clone)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) etag: Etag,
    pub(super) uploaded: Timestamp,
    /// Do listings show what it holds?
    is_noted: bool,
}

pub(super) struct Upload {
    pub(super) key: String,
    pub(super) parts: BTreeMap<u16, Bytes>,
}

pub(super) enum Condition<'a> {
    None,
    Absent,
    State(&'a Etag),
}

impl Objects {
    pub(super) fn new(world: &Rc<World>) -> Self {
        Self {
            world: Rc::clone(world),
            stored: RefCell::default(),
            last_writes: RefCell::default(),
            uploads: RefCell::default(),
            next_upload: Cell::new(1),
            takes_small_parts: Cell::new(false),
        }
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.stored.borrow().keys().cloned().collect()
    }

    pub(super) fn bytes(&self, key: &str) -> Option<Bytes> {
        self.stored.borrow().get(key).map(|object| object.bytes.clone())
    }

    pub(super) fn uploads(&self) -> usize {
        self.uploads.borrow().len()
    }

    /// Stores without conditions, faults or limits: somebody else's write.
    pub(super) fn store(&self, key: &str, bytes: Bytes) -> Etag {
        let etag = content_etag(&bytes);
        let object = Object { bytes, etag: etag.clone(), uploaded: self.world.now(), is_noted: false };
        self.stored.borrow_mut().insert(key.to_owned(), object);
        self.last_writes.borrow_mut().insert(key.to_owned(), self.world.now());
        etag
    }

    pub(super) fn remove(&self, key: &str) {
        self.stored.borrow_mut().remove(key);
    }

    fn write(&self, key: &str, bytes: Bytes, condition: &Condition<'_>) -> Result<Written, PlatformError> {
        check_key(key)?;
        self.world.check_write(self.last_writes.borrow().get(key).copied())?;
        let present = self.stored.borrow().get(key).map(|object| object.etag.clone());
        let holds = match condition {
            Condition::None => true,
            Condition::Absent => present.is_none(),
            Condition::State(etag) => present.as_ref() == Some(*etag),
        };
        Ok(if holds { Written::Yes(self.store(key, bytes)) } else { Written::No })
    }

    pub(super) fn object(&self, key: &str) -> Result<Option<Object>, PlatformError> {
        check_key(key)?;
        Ok(self.stored.borrow().get(key).cloned())
    }

    fn page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<KeyPage, PlatformError> {
        if !prefix.ends_with('/') {
            return Err(PlatformError::Refused(format!("list: prefix `{prefix}` does not end in `/`")));
        }
        let limit = limit.clamp(1, PAGE);
        let after = after.filter(|after| *after >= prefix);
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let objects = self.stored.borrow();
        let below = objects.range::<str, _>((start, Bound::Unbounded));
        let below = below.take_while(|(key, _)| key.starts_with(prefix)).take(limit + 1);
        let (mut keys, mut sizes): (Vec<String>, Vec<u64>) =
            below.map(|(key, object)| (key.clone(), object.bytes.len() as u64)).unzip();
        let is_last = keys.len() <= limit;
        keys.truncate(limit);
        sizes.truncate(limit);
        let cursor = keys.last().filter(|_| !is_last).cloned();
        Ok(KeyPage { keys, sizes, cursor })
    }

    /// Notes count towards how much R2 answers at once: this store gives at most [`NOTED_PAGE`].
    fn noted(&self, prefix: &str, after: &str, limit: usize) -> Result<NotedPage, PlatformError> {
        let page = self.page(prefix, Some(after), limit.min(NOTED_PAGE))?;
        let noted = |key: String| {
            let object = self.stored.borrow().get(&key).cloned();
            let note = object.filter(|object| object.is_noted).map(|object| object.bytes);
            (key, note.map(|note| String::from_utf8_lossy(&note).into_owned()).unwrap_or_default())
        };
        Ok(NotedPage { more: page.cursor.is_some(), notes: page.keys.into_iter().map(noted).collect() })
    }

    fn append(&self, key: &str, note: &str) -> Result<(), PlatformError> {
        if !note.is_ascii() || note.len() > NOTE_BYTES {
            return Err(failure("put: the custom metadata has more than 2,048 bytes of ASCII (10012)"));
        }
        self.write(key, Bytes::copy_from_slice(note.as_bytes()), &Condition::None)?;
        if let Some(object) = self.stored.borrow_mut().get_mut(key) {
            object.is_noted = true;
        }
        Ok(())
    }

    pub(super) async fn put(
        &self,
        operation: Operation,
        key: &str,
        body: Body,
        expected: &Expected,
        condition: Condition<'_>,
    ) -> Result<PutOutcome, PlatformError> {
        if body.length().is_some_and(|length| length != expected.length) {
            return self.world.operate(operation, key, || Ok(PutOutcome::Mismatch)).await;
        }
        let bytes = match body.collect(CONTENT_BYTES.min(to_usize(expected.length))).await {
            Err(PlatformError::TooLong(_)) => {
                return self.world.operate(operation, key, || Ok(PutOutcome::Mismatch)).await;
            }
            other => other?,
        };
        let is_whole = bytes.len() as u64 == expected.length;
        let is_right =
            expected.digest.as_ref().is_none_or(|digest| Digest::of(digest.algorithm(), &bytes) == *digest);
        let action = || {
            if !is_whole || !is_right {
                return Ok(PutOutcome::Mismatch);
            }
            Ok(match self.write(key, bytes, &condition)? {
                Written::Yes(_) => PutOutcome::Created,
                Written::No => PutOutcome::Exists,
            })
        };
        self.world.operate(operation, key, action).await
    }

    pub(super) fn complete(
        &self,
        key: &str,
        upload: &str,
        parts: &[UploadPart],
    ) -> Result<(), PlatformError> {
        let gathered = {
            let uploads = self.uploads.borrow();
            let upload = uploads.get(upload).filter(|upload| upload.key == key).ok_or_else(no_upload)?;
            let chosen: Option<Vec<&Bytes>> = parts
                .iter()
                .map(|part| {
                    upload.parts.get(&part.number).filter(|bytes| content_etag(bytes).as_str() == part.etag)
                })
                .collect();
            let chosen =
                chosen.ok_or_else(|| failure("completeMultipartUpload: a part is missing (10025)"))?;
            self.check_sizes(&chosen)?;
            chosen.into_iter().flat_map(|bytes| bytes.iter().copied()).collect::<Vec<u8>>()
        };
        self.world.check_write(self.last_writes.borrow().get(key).copied())?;
        self.uploads.borrow_mut().remove(upload);
        let etag = self.store(key, Bytes::from(gathered));
        if let Some(object) = self.stored.borrow_mut().get_mut(key) {
            object.etag = Etag::new(format!("{}-{}", etag.as_str(), parts.len()));
        }
        Ok(())
    }

    fn check_sizes(&self, parts: &[&Bytes]) -> Result<(), PlatformError> {
        let Some((last, others)) = parts.split_last() else {
            return Err(failure("completeMultipartUpload: no parts (10025)"));
        };
        let size = others.first().map_or(last.len(), |first| first.len());
        if others.iter().any(|part| part.len() != size) || last.len() > size {
            return Err(failure(
                "completeMultipartUpload: all parts but the last must have one length (10048)",
            ));
        }
        if !others.is_empty() && size < PART_BYTES && !self.takes_small_parts.get() {
            return Err(failure("completeMultipartUpload: a part is smaller than 5 MiB (10011)"));
        }
        Ok(())
    }
}

/// Records in memory.
#[derive(Clone)]
pub struct MemoryRecords(pub(super) Rc<Objects>);

impl RecordStore for MemoryRecords {
    async fn get(&self, key: &str) -> Result<Option<Record>, PlatformError> {
        let action =
            || Ok(self.0.object(key)?.map(|object| Record { bytes: object.bytes, etag: object.etag }));
        self.0.world.operate(Operation::Get, key, action).await
    }

    async fn head(&self, key: &str) -> Result<Option<Etag>, PlatformError> {
        let action = || Ok(self.0.object(key)?.map(|object| object.etag));
        self.0.world.operate(Operation::Head, key, action).await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Written, PlatformError> {
        let action = || self.0.write(key, bytes, &Condition::Absent);
        self.0.world.operate(Operation::Create, key, action).await
    }

    async fn replace(&self, key: &str, bytes: Bytes, etag: &Etag) -> Result<Written, PlatformError> {
        let action = || self.0.write(key, bytes, &Condition::State(etag));
        self.0.world.operate(Operation::Replace, key, action).await
    }

    async fn overwrite(&self, key: &str, bytes: Bytes) -> Result<(), PlatformError> {
        let action = || self.0.write(key, bytes, &Condition::None).map(|_| ());
        self.0.world.operate(Operation::Overwrite, key, action).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PlatformError> {
        let action = || {
            if keys.len() > DELETIONS {
                return Err(failure("delete: more than 1,000 keys"));
            }
            for key in keys {
                self.0.remove(key);
            }
            Ok(())
        };
        self.0.world.operate(Operation::Delete, &keys.join(" "), action).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<KeyPage, PlatformError> {
        let action = || self.0.page(prefix, after, limit);
        self.0.world.operate(Operation::List, prefix, action).await
    }

    async fn append(&self, key: &str, note: &str) -> Result<(), PlatformError> {
        self.0.world.operate(Operation::Append, key, || self.0.append(key, note)).await
    }

    async fn list_noted(&self, prefix: &str, after: &str, limit: usize) -> Result<NotedPage, PlatformError> {
        let action = || self.0.noted(prefix, after, limit);
        self.0.world.operate(Operation::List, prefix, action).await
    }
}

/// Equal content has equal etags, as in R2 where they are MD5.
pub(super) fn content_etag(bytes: &[u8]) -> Etag {
    Etag::new(&Digest::sha256(bytes).hex()[..32])
}

pub(super) fn check_key(key: &str) -> Result<(), PlatformError> {
    if key.is_empty() || key.len() > KEY_BYTES {
        return Err(failure("the key must have 1 to 1,024 bytes (10020)"));
    }
    Ok(())
}

pub(super) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) fn no_upload() -> PlatformError {
    failure("the multipart upload does not exist (10024)")
}

pub(super) fn failure(text: &str) -> PlatformError {
    PlatformError::Other(text.to_owned())
}
