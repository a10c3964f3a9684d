//! Records: small documents under strongly consistent keys. On Cloudflare: R2 objects.

use super::PlatformError;
use bytes::Bytes;

/// What identifies one state of a record; opaque, unquoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Etag(String);

impl Etag {
    /// Takes the platform's own, without quotes.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Content.
    pub bytes: Bytes,
    /// Which state of the record this is.
    pub etag: Etag,
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was written; this is its etag now.
    Yes(Etag),
    /// The condition did not hold; nothing was changed.
    No,
}

/// One page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// Keys below the prefix, in lexicographic order, at most 1,000.
    pub keys: Vec<String>,
    /// How many bytes the records have, in the same order.
    pub sizes: Vec<u64>,
    /// The last key, if there are more: where to go on.
    pub cursor: Option<String>,
}

/// One page of keys, each with the note its record carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotedPage {
    /// Keys and notes, in the order of the keys, at most 1,000; the store may give fewer than there are.
    pub notes: Vec<(String, String)>,
    /// Are there more?
    pub more: bool,
}

/// Strongly consistent records: what is read is what was written last, everywhere.
///
/// A write may fail after it took effect. `Contended` means that one key was written more than once in a second.
pub trait RecordStore {
    /// Reads a record.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Record>, PlatformError>>;

    /// Reads a record's etag only.
    fn head(&self, key: &str) -> impl Future<Output = Result<Option<Etag>, PlatformError>>;

    /// Writes a record that does not exist yet. Of any number of concurrent writers exactly one is told `Yes`.
    fn create(&self, key: &str, bytes: Bytes) -> impl Future<Output = Result<Written, PlatformError>>;

    /// Writes a record that is still in the state `etag`.
    fn replace(
        &self,
        key: &str,
        bytes: Bytes,
        etag: &Etag,
    ) -> impl Future<Output = Result<Written, PlatformError>>;

    /// Writes a record whatever was there: only for what may be lost or repeated.
    fn overwrite(&self, key: &str, bytes: Bytes) -> impl Future<Output = Result<(), PlatformError>>;

    /// Removes keys, at most 1,000; those that are absent do not matter.
    fn delete(&self, keys: &[String]) -> impl Future<Output = Result<(), PlatformError>>;

    /// One page of the keys that start with `prefix`, which must end in `/`, and come after `after`, which need not be
    /// there.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<KeyPage, PlatformError>>;

    /// Writes a record, at most 2,000 characters of ASCII, under a key that nobody else uses, so that [`Self::list_noted`] shows it.
    fn append(&self, key: &str, note: &str) -> impl Future<Output = Result<(), PlatformError>>;

    /// One page of the keys that start with `prefix`, which must end in `/`, and come after the key `after`, which need not
    /// be there. Records that were not appended have no note.
    fn list_noted(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> impl Future<Output = Result<NotedPage, PlatformError>>;
}
