//! Content in the object store.

use super::faults::Operation;
use super::objects::{
    Condition, Object, Objects, Upload, check_key, content_etag, failure, no_upload, to_usize,
};
use super::world::MemoryBody;
use crate::platform::{
    Blob, BlobInfo, BlobStore, Body, ByteRange, Etag, Expected, PlatformError, PutOutcome, Seen, UploadPart,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Content in memory.
#[derive(Clone)]
pub struct MemoryBlobs(pub(super) Rc<Objects>);

impl BlobStore for MemoryBlobs {
    async fn create(&self, key: &str, body: Body, expected: &Expected) -> Result<PutOutcome, PlatformError> {
        self.0.put(Operation::PutBlob, key, body, expected, Condition::Absent).await
    }

    async fn replace(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
        etag: &Etag,
    ) -> Result<PutOutcome, PlatformError> {
        self.0.put(Operation::ReplaceBlob, key, body, expected, Condition::State(etag)).await
    }

    async fn open(&self, key: &str, range: Option<ByteRange>) -> Result<Option<Blob>, PlatformError> {
        let action = || {
            let Some(object) = self.0.object(key)? else {
                return Ok(None);
            };
            let info = info(&object);
            let bytes = match range {
                None => object.bytes,
                Some(range) if range.start >= info.size => return Err(failure("get: invalid range (10039)")),
                Some(range) => {
                    let end = info.size.min(range.start.saturating_add(range.length));
                    object.bytes.slice(to_usize(range.start)..to_usize(end))
                }
            };
            let cut = self.0.world.faults.cut(Operation::OpenBlob, key);
            Ok(Some(Blob { info, body: Body::Raw(Box::new(MemoryBody::whole(bytes).cut(cut))) }))
        };
        self.0.world.operate(Operation::OpenBlob, key, action).await
    }

    async fn info(&self, key: &str) -> Result<Option<BlobInfo>, PlatformError> {
        let action = || Ok(self.0.object(key)?.as_ref().map(info));
        self.0.world.operate(Operation::BlobInfo, key, action).await
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        let action = || {
            self.0.remove(key);
            Ok(())
        };
        self.0.world.operate(Operation::DeleteBlob, key, action).await
    }

    async fn begin_upload(&self, key: &str) -> Result<String, PlatformError> {
        let action = || {
            check_key(key)?;
            let id = format!("upload-{}", self.0.next_upload.replace(self.0.next_upload.get() + 1));
            let upload = Upload { key: key.to_owned(), parts: BTreeMap::new() };
            self.0.uploads.borrow_mut().insert(id.clone(), upload);
            Ok(id)
        };
        self.0.world.operate(Operation::BeginUpload, key, action).await
    }

    async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: u16,
        body: Body,
        length: u64,
        seen: Seen<'_>,
    ) -> Result<UploadPart, PlatformError> {
        let bytes = passed(body, length, seen).await;
        let action = || {
            let bytes = bytes?;
            if !(1..=10_000).contains(&number) {
                return Err(failure("uploadPart: part numbers go from 1 to 10,000"));
            }
            let mut uploads = self.0.uploads.borrow_mut();
            let upload = uploads.get_mut(upload).filter(|upload| upload.key == key).ok_or_else(no_upload)?;
            let etag = content_etag(&bytes).as_str().to_owned();
            upload.parts.insert(number, bytes);
            Ok(UploadPart { number, etag })
        };
        self.0.world.operate(Operation::UploadPart, key, action).await
    }

    async fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[UploadPart],
    ) -> Result<(), PlatformError> {
        self.0.world.operate(Operation::CompleteUpload, key, || self.0.complete(key, upload, parts)).await
    }

    async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), PlatformError> {
        let action = || {
            self.0.uploads.borrow_mut().remove(upload);
            Ok(())
        };
        self.0.world.operate(Operation::AbortUpload, key, action).await
    }
}

/// Gathers exactly so many bytes and shows them as they come.
async fn passed(body: Body, length: u64, seen: Seen<'_>) -> Result<Bytes, PlatformError> {
    let (mut stream, mut gathered) = (body.into_stream(), BytesMut::new());
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        seen(&piece);
        gathered.extend_from_slice(&piece);
        if gathered.len() as u64 > length {
            break;
        }
    }
    if gathered.len() as u64 == length {
        Ok(gathered.freeze())
    } else {
        Err(other_length(gathered.len(), length))
    }
}

fn other_length(length: usize, wanted: u64) -> PlatformError {
    PlatformError::Cut(format!("{length} of {wanted} bytes"))
}

fn info(object: &Object) -> BlobInfo {
    BlobInfo { size: object.bytes.len() as u64, etag: object.etag.clone(), uploaded: object.uploaded }
}
