//! Bodies that belong to the runtime: streams of R2, KV, `fetch`, the cache, and of the client.

use super::failure::text;
use super::{clock, failure};
use crate::platform::{Body, ByteStream, PlatformError, RawBody, Seen};
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use js_sys::Uint8Array;
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_streams::writable::WritableStreamDefaultWriter;
use web_sys::{AbortController, ReadableStream, WritableStream};
use worker::worker_sys::FixedLengthStream;

/// Bytes of a stream that are looked at at a time.
const LOOK: usize = 128 << 10;

/// A stream that the runtime pumps by itself, as long as nobody asks for its bytes.
pub(super) struct JsBody {
    pub(super) stream: ReadableStream,
    pub(super) length: Option<u64>,
    /// Where it comes from, if that may fall silent.
    pub(super) source: Option<Source>,
}

/// A connection that may fall silent: `fetch` has no time-outs.
#[derive(Clone)]
pub(super) struct Source {
    /// How long to wait for each piece.
    pub(super) patience: Duration,
    /// What ends the connection.
    pub(super) controller: AbortController,
}

impl JsBody {
    /// A body that may not exist (`null` for `HEAD`, 204, 304, and requests without one).
    pub(super) fn body(stream: Option<ReadableStream>, length: Option<u64>, source: Option<Source>) -> Body {
        match stream {
            Some(stream) => Body::Raw(Box::new(Self { stream, length, source })),
            None => Body::Empty,
        }
    }
}

impl RawBody for JsBody {
    fn length(&self) -> Option<u64> {
        self.length
    }

    fn into_stream(self: Box<Self>) -> ByteStream {
        let look = self
            .length
            .and_then(|length| usize::try_from(length).ok())
            .map_or(LOOK, |length| length.clamp(1, LOOK));
        let pieces = large_pieces(wasm_streams::ReadableStream::from_raw(self.stream.unchecked_into()), look);
        let pieces = match self.source {
            Some(source) => impatient(pieces, source),
            None => pieces,
        };
        // Some ask again after the end, which `unfold` does not take.
        Box::pin(pieces.fuse())
    }
}

/// Reads as much at a time as there is, up to `most` bytes: a reader without a buffer of its own gets 4 KiB.
fn large_pieces(stream: wasm_streams::ReadableStream, most: usize) -> ByteStream {
    let state = Some((stream, vec![0; most], array_of(most)));
    Box::pin(stream::unfold(state, |state| async {
        let (mut stream, mut look, buffer) = state?;
        let read = match stream.try_get_byob_reader() {
            Ok(mut reader) => reader.read_with_buffer(&mut look, buffer).await,
            Err(error) => Err(error.into()),
        };
        match read {
            Ok((0, _) | (_, None)) => None,
            Ok((read, Some(buffer))) => {
                let piece = Bytes::copy_from_slice(look.get(..read)?);
                Some((Ok(piece), Some((stream, look, buffer))))
            }
            Err(error) => Some((Err(PlatformError::Cut(text(&error))), None)),
        }
    }))
}

/// Ends a stream whose source falls silent.
fn impatient(pieces: ByteStream, source: Source) -> ByteStream {
    Box::pin(stream::unfold(Some((pieces, source)), |state| async {
        let (mut pieces, source) = state?;
        match select(pin!(clock::sleep(source.patience)), pieces.next()).await {
            Either::Left(_) => {
                source.controller.abort();
                Some((Err(PlatformError::TimedOut), None))
            }
            Either::Right((piece, _)) => Some((piece?, Some((pieces, source)))),
        }
    }))
}

/// The runtime's stream of a body. Those that came from the runtime go back as they came, without a byte in between.
pub(super) fn into_js(body: Body) -> ReadableStream {
    match body {
        Body::Raw(raw) => match raw.downcast::<JsBody>() {
            Ok(body) => body.stream,
            Err(stream) => from_rust(stream).0,
        },
        other => from_rust(other.into_stream()).0,
    }
}

/// What a stream made here failed with; JavaScript keeps only its text.
pub(super) type Failure = Rc<RefCell<Option<PlatformError>>>;

/// A JavaScript stream of one made here: every piece is copied.
pub(super) fn from_rust(stream: ByteStream) -> (ReadableStream, Failure) {
    let failure = Failure::default();
    let noted = Rc::clone(&failure);
    let pieces = stream.map(move |piece| match piece {
        Ok(bytes) => Ok(JsValue::from(Uint8Array::from(bytes.as_ref()))),
        Err(error) => {
            let text = JsValue::from(error.to_string());
            noted.replace(Some(error));
            Err(text)
        }
    });
    (wasm_streams::ReadableStream::from_stream(pieces).into_raw().unchecked_into(), failure)
}

/// A stream of declared length in front of another one: R2 takes no other (`put` throws a `TypeError`), and answers
/// get their `Content-Length` by it. It fails when more or fewer bytes come. The future is the pump.
pub(super) fn of_length(
    stream: &ReadableStream,
    length: u64,
) -> Result<(ReadableStream, impl Future<Output = Result<(), JsValue>> + use<>), JsValue> {
    let fixed = fixed(length)?;
    let pump = JsFuture::from(stream.pipe_to(&fixed.writable()));
    Ok((fixed.readable(), async move { pump.await.map(|_| ()) }))
}

/// A stream that takes exactly so many bytes.
pub(super) fn fixed(length: u64) -> Result<FixedLengthStream, JsValue> {
    match u32::try_from(length) {
        Ok(length) => FixedLengthStream::new(length),
        Err(_) => FixedLengthStream::new_big_int(js_sys::BigInt::from(length)),
    }
}

/// Passes a body of exactly `length` bytes on, and shows it in passing: of the runtime's own streams each piece is copied
/// once, to be seen, and goes on as it is.
pub(super) async fn pass(
    body: Body,
    to: WritableStream,
    length: u64,
    seen: Seen<'_>,
) -> Result<(), PlatformError> {
    let mut to = wasm_streams::WritableStream::from_raw(to.unchecked_into());
    let mut to = to.try_get_writer().map_err(|error| failure::other(&error))?;
    let mut passing = Passing { to: &mut to, left: length, seen };
    let outcome = match body {
        Body::Raw(raw) => match raw.downcast::<JsBody>() {
            Ok(body) => passing.native(*body).await,
            Err(stream) => passing.made(stream).await,
        },
        other => passing.made(other.into_stream()).await,
    };
    let outcome = match passing.left {
        0 => outcome,
        left => {
            outcome.and_then(|()| Err(PlatformError::Cut(format!("{} of {length} bytes", length - left))))
        }
    };
    let ended = match &outcome {
        Ok(()) => to.close().await,
        Err(_) => to.abort().await,
    };
    outcome.and(ended.map_err(|error| failure::other(&error)))
}

/// A body on its way to a stream.
struct Passing<'a, 'stream> {
    to: &'a mut WritableStreamDefaultWriter<'stream>,
    left: u64,
    seen: Seen<'a>,
}

impl Passing<'_, '_> {
    async fn native(&mut self, body: JsBody) -> Result<(), PlatformError> {
        let cut = |error: &JsValue| PlatformError::Cut(text(error));
        let mut stream = wasm_streams::ReadableStream::from_raw(body.stream.unchecked_into());
        let mut reader = stream.try_get_byob_reader().map_err(|error| cut(&error))?;
        let (mut look, mut buffer) = (vec![0; LOOK], array_of(LOOK));
        loop {
            let (read, filled) =
                reader.read_with_buffer(&mut look, buffer).await.map_err(|error| cut(&error))?;
            let (Some(filled), Some(piece)) = (filled, look.get(..read).filter(|piece| !piece.is_empty()))
            else {
                return Ok(());
            };
            let chunk = filled.subarray(0, u32::try_from(read).unwrap_or(u32::MAX));
            self.send(piece, chunk.into()).await?;
            buffer = filled;
        }
    }

    async fn made(&mut self, mut pieces: ByteStream) -> Result<(), PlatformError> {
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            self.send(&piece, array(&piece).into()).await?;
        }
        Ok(())
    }

    /// Waits until the piece was taken: its buffer is read into again.
    async fn send(&mut self, piece: &[u8], chunk: JsValue) -> Result<(), PlatformError> {
        let over = || PlatformError::Cut("more bytes than were declared".to_owned());
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(over)?;
        (self.seen)(piece);
        self.to.write(chunk).await.map_err(|error| failure::other(&error))
    }
}

fn array_of(length: usize) -> Uint8Array {
    Uint8Array::new_with_length(u32::try_from(length).unwrap_or(u32::MAX))
}

/// Copies bytes into a JavaScript array.
pub(super) fn array(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}
