//! Taking in content whose length is not known beforehand: hashed on the way, held in memory while it is small, in a
//! private place in parts once it is not.
//!
//! R2 takes no stream of unknown length, and an upload in parts has neither a condition nor a checksum. So large content
//! goes to a name nobody else uses, and from there, its length and digests known, create-only to its own.

use crate::error::{Error, Missing, Result};
use crate::model::{Algorithm, Digest, Hasher};
use crate::platform::{BlobStore as _, Body, ByteRange, ByteStream, Platform, PlatformError, UploadPart};
use crate::store::keys;
use bytes::Bytes;
use futures_util::StreamExt;

/// One part: R2 wants equal parts of at least 5 MiB, and one is held in memory at a time.
const PART: usize = 8 << 20;

/// Content taken in.
#[derive(Debug)]
pub struct Staged {
    place: Place,
    size: u64,
    digests: Vec<Digest>,
}

#[derive(Debug)]
enum Place {
    Memory(Bytes),
    Store(String),
    /// Where it belongs.
    Kept(String),
}

impl Staged {
    /// Content that is where it belongs already: for looking into it.
    pub(super) fn kept(key: String, size: u64) -> Self {
        Self { place: Place::Kept(key), size, digests: Vec::new() }
    }

    /// Content that is in a private place already.
    pub(super) fn stored(key: String, size: u64, digests: Vec<Digest>) -> Self {
        Self { place: Place::Store(key), size, digests }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digests asked for, weakest first.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// The content, to be stored elsewhere.
    pub async fn open<P: Platform>(&self, platform: &P) -> Result<Body> {
        match &self.place {
            Place::Memory(bytes) => Ok(Body::Bytes(bytes.clone())),
            Place::Store(key) | Place::Kept(key) => {
                Ok(platform.blobs().open(key, None).await?.ok_or_else(lost)?.body)
            }
        }
    }

    /// A part of the content, held in memory: for looking into it.
    pub async fn range<P: Platform>(&self, platform: &P, range: ByteRange) -> Result<Bytes> {
        let (start, length) = (usize::try_from(range.start), usize::try_from(range.length));
        let (Ok(start), Ok(length)) = (start, length) else {
            return Err(PlatformError::TooLong(range.length).into());
        };
        match &self.place {
            Place::Memory(bytes) => {
                let end = start.saturating_add(length).min(bytes.len());
                Ok(bytes.slice(start.min(end)..end))
            }
            Place::Store(key) | Place::Kept(key) => {
                let blob = platform.blobs().open(key, Some(range)).await?.ok_or_else(lost)?;
                Ok(blob.body.collect(length).await?)
            }
        }
    }

    /// Leaves nothing behind.
    pub async fn discard<P: Platform>(self, platform: &P) -> Result<()> {
        match self.place {
            Place::Memory(_) | Place::Kept(_) => Ok(()),
            Place::Store(key) => Ok(platform.blobs().delete(&key).await?),
        }
    }
}

fn lost() -> Box<Error> {
    Error::NotFound(Missing::Other("an upload was lost on the way; try again".to_owned())).into()
}

/// Takes in pieces as they come: push, then finish.
pub struct Intake<P> {
    platform: P,
    hasher: Hasher,
    size: u64,
    limit: u64,
    /// At most one part. Always of the same size once it was sent once, so that the allocator finds the same room again.
    pending: Vec<u8>,
    upload: Option<Upload>,
}

struct Upload {
    key: String,
    id: String,
    parts: Vec<UploadPart>,
}

impl<P: Platform> Intake<P> {
    /// Begins; content over `limit` bytes is refused.
    pub fn new(platform: &P, algorithms: &[Algorithm], limit: u64) -> Self {
        Self {
            platform: platform.clone(),
            hasher: Hasher::new(algorithms),
            size: 0,
            limit,
            pending: Vec::new(),
            upload: None,
        }
    }

    /// Takes the next piece in.
    pub async fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(PlatformError::TooLong(self.limit).into());
        }
        self.hasher.update(piece);
        let mut rest = piece;
        while !rest.is_empty() {
            if self.pending.len() == PART {
                self.send_part().await?;
            }
            let (now, later) = rest.split_at(rest.len().min(PART - self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    /// The content is complete.
    pub async fn finish(mut self) -> Result<Staged> {
        let hasher = std::mem::take(&mut self.hasher);
        let (size, digests) = (self.size, hasher.finish());
        if self.upload.is_none() {
            return Ok(Staged { place: Place::Memory(self.pending.into()), size, digests });
        }
        self.send_part().await?;
        let Some(upload) = self.upload else {
            return Err(PlatformError::Other("no upload".to_owned()).into());
        };
        self.platform.blobs().complete_upload(&upload.key, &upload.id, &upload.parts).await?;
        Ok(Staged { place: Place::Store(upload.key), size, digests })
    }

    /// Leaves nothing behind of content that turned out wrong.
    pub async fn abort(self) {
        if let Some(upload) = self.upload {
            // What cannot be aborted expires by itself after seven days.
            let _ = self.platform.blobs().abort_upload(&upload.key, &upload.id).await;
        }
    }

    async fn send_part(&mut self) -> Result<()> {
        let bytes = Bytes::from(std::mem::take(&mut self.pending));
        let blobs = self.platform.blobs();
        if self.upload.is_none() {
            let mut random = [0_u8; 16];
            self.platform.random(&mut random);
            let key = keys::staging(&random);
            let id = blobs.begin_upload(&key).await?;
            self.upload = Some(Upload { key, id, parts: Vec::new() });
        }
        if let Some(upload) = &mut self.upload {
            let number =
                u16::try_from(upload.parts.len() + 1).map_err(|_| PlatformError::TooLong(u64::MAX))?;
            let (length, unseen) = (bytes.len() as u64, &mut |_: &[u8]| {});
            let part = blobs.upload_part(&upload.key, &upload.id, number, bytes.into(), length, unseen);
            upload.parts.push(part.await?);
        }
        self.pending.reserve_exact(PART);
        Ok(())
    }
}

/// Takes in a whole stream.
pub async fn take<P: Platform>(
    platform: &P,
    mut stream: ByteStream,
    algorithms: &[Algorithm],
    limit: u64,
) -> Result<Staged> {
    let mut intake = Intake::new(platform, algorithms, limit);
    while let Some(piece) = stream.next().await {
        let outcome = match piece {
            Ok(piece) => intake.push(&piece).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = outcome {
            intake.abort().await;
            return Err(error);
        }
    }
    intake.finish().await
}
