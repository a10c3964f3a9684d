//! Content: packages' bytes under strongly consistent keys. On Cloudflare: R2 objects.

use super::{Body, Etag, PlatformError};
use crate::model::{Digest, Timestamp};

/// Which part of the content is wanted, as resolved against its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// How many bytes.
    pub length: u64,
}

/// What is known of stored content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// Bytes in all, whatever range was asked for.
    pub size: u64,
    /// The platform's etag, unquoted.
    pub etag: Etag,
    /// When it was stored.
    pub uploaded: Timestamp,
}

/// Stored content, opened.
#[derive(Debug)]
pub struct Blob {
    /// About it.
    pub info: BlobInfo,
    /// Its bytes, or those of the range asked for.
    pub body: Body,
}

/// What content must turn out to be, or nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its length: R2 takes no stream of unknown length.
    pub length: u64,
    /// A digest that the store itself verifies.
    pub digest: Option<Digest>,
}

/// How a create-only put ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// Stored; the name is ours.
    Created,
    /// The name was taken before; nothing was changed.
    Exists,
    /// The bytes have another digest or length (R2 10037); nothing was stored.
    Mismatch,
}

/// A part of a multipart upload that has been stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPart {
    /// From 1.
    pub number: u16,
    /// What the store calls it.
    pub etag: String,
}

/// Who is shown bytes that pass.
pub type Seen<'a> = &'a mut dyn FnMut(&[u8]);

/// Strongly consistent content.
pub trait BlobStore {
    /// Stores content under a name that does not exist yet: whole and verified, or not at all. Of any number of
    /// concurrent writers exactly one is told `Created`.
    fn create(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
    ) -> impl Future<Output = Result<PutOutcome, PlatformError>>;

    /// Stores content in place of what is there in the state `etag`. `Exists` means that it is in another state.
    fn replace(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
        etag: &Etag,
    ) -> impl Future<Output = Result<PutOutcome, PlatformError>>;

    /// Opens content, or a range of it.
    fn open(
        &self,
        key: &str,
        range: Option<ByteRange>,
    ) -> impl Future<Output = Result<Option<Blob>, PlatformError>>;

    /// What is known of content.
    fn info(&self, key: &str) -> impl Future<Output = Result<Option<BlobInfo>, PlatformError>>;

    /// Removes content; absence does not matter.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), PlatformError>>;

    /// Begins an upload in parts: for content whose length is not known. It has neither condition nor checksum, so it
    /// may only go to names nobody else uses. Answers the upload's id.
    fn begin_upload(&self, key: &str) -> impl Future<Output = Result<String, PlatformError>>;

    /// Uploads one part of exactly `length` bytes, or fails. All but the last must be of one size, at least 5 MiB (R2
    /// 10048). `seen` is shown the bytes as they pass, which are held nowhere.
    fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: u16,
        body: Body,
        length: u64,
        seen: Seen<'_>,
    ) -> impl Future<Output = Result<UploadPart, PlatformError>>;

    /// Completes an upload.
    fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[UploadPart],
    ) -> impl Future<Output = Result<(), PlatformError>>;

    /// Gives an upload up.
    fn abort_upload(&self, key: &str, upload: &str) -> impl Future<Output = Result<(), PlatformError>>;
}
