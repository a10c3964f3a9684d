//! Bodies of requests and answers.

use super::PlatformError;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use std::any::Any;
use std::pin::Pin;

/// Bytes on their way.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, PlatformError>>>>;

/// A body of the runtime's own making, handed on untouched: its bytes never enter wasm memory.
pub trait RawBody: Any {
    /// How many bytes, if that is known.
    fn length(&self) -> Option<u64>;
    /// The bytes, for those who must look at them.
    fn into_stream(self: Box<Self>) -> ByteStream;
}

impl dyn RawBody {
    /// What made it, for whoever did; else its bytes.
    pub fn downcast<T: RawBody>(self: Box<Self>) -> Result<Box<T>, ByteStream> {
        let is_one = (&*self as &dyn Any).is::<T>();
        if !is_one {
            return Err(self.into_stream());
        }
        (self as Box<dyn Any>).downcast().map_err(|_| Box::pin(futures_util::stream::empty()) as ByteStream)
    }
}

/// The body of a request or an answer.
#[derive(Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// At hand.
    Bytes(Bytes),
    /// Made piece by piece here.
    Stream(ByteStream),
    /// The runtime's own.
    Raw(Box<dyn RawBody>),
}

impl Body {
    /// How many bytes, if that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream(_) => None,
            Self::Raw(raw) => raw.length(),
        }
    }

    /// The bytes as they come.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::Empty => Box::pin(futures_util::stream::empty()),
            Self::Bytes(bytes) => once(bytes),
            Self::Stream(stream) => stream,
            Self::Raw(raw) => raw.into_stream(),
        }
    }

    /// All bytes at once, at most `limit` of them.
    pub async fn collect(self, limit: usize) -> Result<Bytes, PlatformError> {
        match self {
            Self::Bytes(bytes) if bytes.len() <= limit => Ok(bytes),
            other => collect(other.into_stream(), limit).await,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Body({:?} bytes)", self.length())
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// A stream of one piece.
pub fn once(bytes: Bytes) -> ByteStream {
    Box::pin(futures_util::stream::iter([Ok(bytes)]))
}

/// Gathers a stream of at most `limit` bytes.
pub async fn collect(mut stream: ByteStream, limit: usize) -> Result<Bytes, PlatformError> {
    let mut gathered = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        if gathered.len() + piece.len() > limit {
            return Err(PlatformError::TooLong(limit as u64));
        }
        gathered.extend_from_slice(&piece);
    }
    Ok(gathered.freeze())
}
