//! Content as R2 objects.

use super::body::{self, JsBody};
use super::records::{absent, in_state};
use super::{clock, failure};
use crate::model::{Algorithm, Timestamp};
use crate::platform::{
    Blob, BlobInfo, BlobStore, Body, ByteRange, ByteStream, Etag, Expected, PlatformError, PutOutcome, Seen,
    UploadPart,
};
use bytes::Bytes;
use futures_util::future::{Either, ready, select};
use futures_util::{StreamExt, stream};
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;
use worker::{Bucket, Conditional, Data, Object, Range, ResponseBody, UploadedPart};

/// A put from a native stream fails that takes longer than this, or than its source's patience, and its bytes at the
/// rate below: nothing else would end it when its source falls silent.
const PATIENCE: Duration = Duration::from_mins(1);
const LEAST_BYTES_PER_SECOND: u64 = 32 << 10;

/// Content in a bucket.
#[derive(Clone)]
pub struct R2Blobs(pub(super) Bucket);

impl R2Blobs {
    async fn put(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
        condition: Conditional,
    ) -> Result<PutOutcome, PlatformError> {
        if body.length().is_some_and(|length| length != expected.length) {
            return Ok(PutOutcome::Mismatch);
        }
        match body {
            Body::Empty => self.put_bytes(key, Bytes::new(), expected, condition).await,
            Body::Bytes(bytes) => self.put_bytes(key, bytes, expected, condition).await,
            Body::Stream(pieces) => self.put_pieces(key, pieces, expected, condition).await,
            Body::Raw(raw) if raw.length().is_none() => {
                self.put_pieces(key, raw.into_stream(), expected, condition).await
            }
            Body::Raw(raw) => match raw.downcast::<JsBody>() {
                Ok(body) => self.put_native(key, *body, expected, condition).await,
                Err(pieces) => self.put_pieces(key, pieces, expected, condition).await,
            },
        }
    }

    async fn put_bytes(
        &self,
        key: &str,
        bytes: Bytes,
        expected: &Expected,
        condition: Conditional,
    ) -> Result<PutOutcome, PlatformError> {
        outcome(self.execute(key, Data::Bytes(Vec::from(bytes)), expected, condition).await)
    }

    /// Lets the runtime pump the runtime's own stream into R2: no byte of it comes into wasm memory.
    async fn put_native(
        &self,
        key: &str,
        body: JsBody,
        expected: &Expected,
        condition: Conditional,
    ) -> Result<PutOutcome, PlatformError> {
        let patience = body.source.as_ref().map_or(PATIENCE, |source| source.patience);
        let deadline = patience + Duration::from_secs(expected.length / LEAST_BYTES_PER_SECOND);
        let put = self.pump(key, &body.stream, expected, condition);
        let ended = match select(pin!(put), pin!(clock::sleep(deadline))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Err(PlatformError::TimedOut),
        };
        if let (Some(source), false) = (body.source, ended == Ok(PutOutcome::Created)) {
            source.controller.abort(); // nobody will read the rest
        }
        ended
    }

    /// Copies a stream made here, or one of unknown length, piece by piece.
    async fn put_pieces(
        &self,
        key: &str,
        pieces: ByteStream,
        expected: &Expected,
        condition: Conditional,
    ) -> Result<PutOutcome, PlatformError> {
        let is_other_length = Rc::new(Cell::new(false));
        let pieces = exactly(pieces, expected.length, Rc::clone(&is_other_length));
        let (stream, noted) = body::from_rust(pieces);
        let ended = self.pump(key, &stream, expected, condition).await;
        match noted.take() {
            Some(_) if is_other_length.get() => Ok(PutOutcome::Mismatch),
            Some(error) => Err(error),
            None => ended,
        }
    }

    async fn pump(
        &self,
        key: &str,
        stream: &ReadableStream,
        expected: &Expected,
        condition: Conditional,
    ) -> Result<PutOutcome, PlatformError> {
        let (fixed, pump) =
            body::of_length(stream, expected.length).map_err(|error| failure::other(&error))?;
        let put = self.execute(key, Data::ReadableStream(fixed), expected, condition);
        let (stored, pumped) = settle(put, pump).await;
        match (stored, pumped) {
            (Err(error), _) if failure::is_wrong_length(&error.to_string()) => Ok(PutOutcome::Mismatch),
            (Err(_), Some(Err(error))) => match failure::text(&error) {
                text if failure::is_wrong_length(&text) => Ok(PutOutcome::Mismatch),
                text => Err(PlatformError::Cut(text)),
            },
            (stored, _) => outcome(stored),
        }
    }

    async fn execute(
        &self,
        key: &str,
        data: Data,
        expected: &Expected,
        condition: Conditional,
    ) -> worker::Result<Option<Object>> {
        let put = self.0.put(key, data).only_if(condition);
        let put = match expected.digest.as_ref().map(|digest| (digest.algorithm(), digest.value())) {
            None => put,
            Some((Algorithm::Md5, value)) => put.md5(value),
            Some((Algorithm::Sha1, value)) => put.sha1(value),
            Some((Algorithm::Sha256, value)) => put.sha256(value),
            Some((Algorithm::Sha512, value)) => put.sha512(value),
        };
        put.execute().await
    }
}

type Pumped = Option<Result<(), JsValue>>;

/// Waits for the put. The pump tells why a put failed; but a put that was refused at once may leave it unfinished.
async fn settle(
    put: impl Future<Output = worker::Result<Option<Object>>>,
    pump: impl Future<Output = Result<(), JsValue>>,
) -> (worker::Result<Option<Object>>, Pumped) {
    match select(pin!(put), pin!(pump)).await {
        Either::Right((pumped, put)) => (put.await, Some(pumped)),
        Either::Left((stored @ Err(_), pump)) => {
            // The pump fails in the same turn, perhaps a microtask later.
            let pumped = match select(pump, pin!(clock::sleep(Duration::ZERO))).await {
                Either::Left((pumped, _)) => Some(pumped),
                Either::Right(_) => None,
            };
            (stored, pumped)
        }
        Either::Left((stored, _)) => (stored, None),
    }
}

/// Passes a stream of exactly `length` bytes, one piece late. R2 commits as soon as it has the declared number of bytes,
/// so the last of them may only go when it is known that nothing follows, neither bytes nor a failure.
fn exactly(pieces: ByteStream, length: u64, is_other_length: Rc<Cell<bool>>) -> ByteStream {
    let mut seen = 0;
    let mut held = Bytes::new();
    let end = stream::iter([None]);
    Box::pin(pieces.map(Some).chain(end).filter_map(move |piece| {
        let next = match piece {
            Some(Err(error)) => return ready(Some(Err(error))),
            Some(Ok(piece)) if piece.is_empty() => return ready(None),
            Some(Ok(piece)) => piece,
            None => Bytes::new(),
        };
        seen += next.len() as u64;
        let is_end = next.is_empty();
        if seen > length || (is_end && seen < length) {
            is_other_length.set(true);
            return ready(Some(Err(PlatformError::Cut(format!("{seen} of {length} bytes")))));
        }
        let passed = std::mem::replace(&mut held, next);
        ready((!passed.is_empty()).then_some(Ok(passed)))
    }))
}

fn outcome(stored: worker::Result<Option<Object>>) -> Result<PutOutcome, PlatformError> {
    match stored {
        Ok(Some(_)) => Ok(PutOutcome::Created),
        Ok(None) => Ok(PutOutcome::Exists),
        Err(error) if failure::is_bad_digest(&error) => Ok(PutOutcome::Mismatch),
        Err(error) => Err(failure::r2(error)),
    }
}

fn info(object: &Object) -> BlobInfo {
    #[allow(clippy::cast_possible_wrap, reason = "milliseconds since 1970")]
    let uploaded = Timestamp::from_millis(object.uploaded().as_millis() as i64);
    BlobInfo { size: object.size(), etag: Etag::new(object.etag()), uploaded }
}

impl BlobStore for R2Blobs {
    async fn create(&self, key: &str, body: Body, expected: &Expected) -> Result<PutOutcome, PlatformError> {
        self.put(key, body, expected, absent()).await
    }

    async fn replace(
        &self,
        key: &str,
        body: Body,
        expected: &Expected,
        etag: &Etag,
    ) -> Result<PutOutcome, PlatformError> {
        self.put(key, body, expected, in_state(etag)).await
    }

    async fn open(&self, key: &str, range: Option<ByteRange>) -> Result<Option<Blob>, PlatformError> {
        let get = self.0.get(key);
        let get = match range {
            Some(ByteRange { start, length }) => get.range(Range::OffsetWithLength { offset: start, length }),
            None => get,
        };
        let Some(object) = get.execute().await.map_err(failure::r2)? else {
            return Ok(None);
        };
        let info = info(&object);
        let length = range.map_or(info.size, |range| range.length.min(info.size.saturating_sub(range.start)));
        let stream = match object.body().map(worker::ObjectBody::response_body).transpose() {
            Ok(Some(ResponseBody::Stream(stream))) => Some(stream),
            Ok(_) => None,
            Err(error) => return Err(failure::r2(error)),
        };
        Ok(Some(Blob { info, body: JsBody::body(stream, Some(length), None) }))
    }

    async fn info(&self, key: &str) -> Result<Option<BlobInfo>, PlatformError> {
        let object = self.0.head(key).await.map_err(failure::r2)?;
        Ok(object.as_ref().map(info))
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        self.0.delete(key).await.map_err(failure::r2)
    }

    async fn begin_upload(&self, key: &str) -> Result<String, PlatformError> {
        let upload = self.0.create_multipart_upload(key).execute().await.map_err(failure::r2)?;
        Ok(upload.upload_id().await)
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
        let upload = self.0.resume_multipart_upload(key, upload).map_err(failure::r2)?;
        if let Body::Bytes(bytes) = body {
            seen(&bytes);
            let part = upload.upload_part(number, Vec::from(bytes)).await.map_err(failure::r2)?;
            return Ok(UploadPart { number, etag: part.etag() });
        }
        let fixed = body::fixed(length).map_err(|error| failure::other(&error))?;
        let put = upload.upload_part(number, Data::ReadableStream(fixed.readable()));
        let pass = body::pass(body, fixed.writable(), length, seen);
        // What was not passed on tells why a part failed, if anything does.
        let put = match select(pin!(put), pin!(pass)).await {
            Either::Right((passed, put)) => {
                passed?;
                put.await
            }
            Either::Left((put @ Err(_), pass)) => {
                if let Either::Left((Err(error), _)) = select(pass, pin!(clock::sleep(Duration::ZERO))).await
                {
                    return Err(error);
                }
                put
            }
            Either::Left((put, pass)) => {
                pass.await?;
                put
            }
        };
        Ok(UploadPart { number, etag: put.map_err(failure::r2)?.etag() })
    }

    async fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[UploadPart],
    ) -> Result<(), PlatformError> {
        let upload = self.0.resume_multipart_upload(key, upload).map_err(failure::r2)?;
        let parts = parts.iter().map(|part| UploadedPart::new(part.number, part.etag.clone()));
        upload.complete(parts).await.map_err(failure::r2)?;
        Ok(())
    }

    async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), PlatformError> {
        let upload = self.0.resume_multipart_upload(key, upload).map_err(failure::r2)?;
        upload.abort().await.map_err(failure::r2)
    }
}
