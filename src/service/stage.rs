//! Taking in content whose length is not known beforehand: held in memory while it is small, in a place of its own in parts
//! once it is not, and hashed on the way.
//!
//! R2 takes no stream of unknown length, and an upload in parts has neither a condition nor a checksum. So large content
//! goes to a name nobody else uses. What is published stays there ([`places`]); what is saved goes, its length and digests
//! known, create-only to its own name.

use super::{FeedContext, hash};
use crate::error::{Error, Missing, Result};
use crate::model::{Algorithm, ArtifactName, Digest, FeedId};
use crate::platform::{
    BlobStore as _, Body, ByteRange, ByteStream, Hashing as _, Platform, PlatformError, RawBody, UploadPart,
};
use crate::store::{keys, places};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::cell::Cell;

/// One part: R2 wants equal parts of at least 5 MiB, and one is held in memory at a time.
const PART: usize = 8 << 20;

/// Content taken in.
#[derive(Debug)]
pub struct Staged {
    place: Place,
    size: u64,
    digests: Vec<Digest>,
    /// Was it given to a version? Then whether it goes is told by that version's slot alone.
    is_given: Cell<bool>,
}

#[derive(Debug)]
enum Place {
    Memory(Bytes),
    /// A place of its own.
    Own(FeedId, String),
    /// The same, which is not ours to empty.
    Lent(FeedId, String),
    /// Where it belongs.
    Kept(String),
}

impl Place {
    fn key(&self) -> String {
        match self {
            Self::Memory(_) => String::new(),
            Self::Own(feed, place) | Self::Lent(feed, place) => keys::placed(feed, place),
            Self::Kept(key) => key.clone(),
        }
    }
}

impl Staged {
    fn new(place: Place, size: u64, digests: Vec<Digest>) -> Self {
        Self { place, size, digests, is_given: Cell::new(false) }
    }

    /// Content that is where it belongs already: for looking into it.
    pub(super) fn kept(key: String, size: u64, digests: Vec<Digest>) -> Self {
        Self::new(Place::Kept(key), size, digests)
    }

    /// Content that is in a place of its own already, and stays there if it is not published.
    pub(super) fn lent(feed: &FeedId, place: &str, size: u64, digests: Vec<Digest>) -> Self {
        Self::new(Place::Lent(feed.clone(), place.to_owned()), size, digests)
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
            place => Ok(platform.blobs().open(&place.key(), None).await?.ok_or_else(lost)?.body),
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
            place => {
                let blob = platform.blobs().open(&place.key(), Some(range)).await?.ok_or_else(lost)?;
                Ok(blob.body.collect(length).await?)
            }
        }
    }

    /// Gives it to a file of the version whose slot has that key, if it is in a place of its own: answers that place.
    pub(super) async fn give<P: Platform>(
        &self,
        platform: &P,
        slot: &str,
        file: &ArtifactName,
    ) -> Result<Option<String>> {
        let (Place::Own(feed, place) | Place::Lent(feed, place)) = &self.place else { return Ok(None) };
        self.is_given.set(true);
        places::give(platform, feed, place, slot, file).await?;
        Ok(Some(place.clone()))
    }

    /// Leaves nothing behind that was given to no version.
    pub async fn discard<P: Platform>(self, platform: &P) -> Result<()> {
        match self.place {
            Place::Memory(_) | Place::Lent(..) | Place::Kept(_) => Ok(()),
            // Housekeeping asks the slot.
            Place::Own(..) if self.is_given.get() => Ok(()),
            Place::Own(feed, place) => places::forget(platform, &feed, &place).await.map(|_| ()),
        }
    }

    /// The same content, hashed also by what it was not hashed by yet.
    pub async fn hashed<P: Platform>(mut self, platform: &P, algorithms: &[Algorithm]) -> Result<Self> {
        let is_known = |algorithm| self.digests.iter().any(|digest| digest.algorithm() == algorithm);
        let missing: Vec<Algorithm> =
            algorithms.iter().copied().filter(|algorithm| !is_known(*algorithm)).collect();
        if !missing.is_empty() {
            self.digests.extend(hash::all(platform, self.open(platform).await?, &missing).await?);
            self.digests.sort_unstable_by_key(Digest::algorithm);
        }
        Ok(self)
    }
}

fn lost() -> Box<Error> {
    Error::NotFound(Missing::Other("an upload was lost on the way; try again".to_owned())).into()
}

/// Content that was taken in before, as the body of a request.
struct Taken<P> {
    platform: P,
    content: Staged,
}

impl<P: Platform> RawBody for Taken<P> {
    fn length(&self) -> Option<u64> {
        Some(self.content.size)
    }

    fn into_stream(self: Box<Self>) -> ByteStream {
        let opened = async move {
            let body = self.content.open(&self.platform).await;
            let unread = |error: Box<Error>| PlatformError::Cut(error.to_string());
            body.map(Body::into_stream).map_err(unread)
        };
        Box::pin(stream::once(opened).try_flatten())
    }
}

/// Content that was taken in before, as the body of a request.
pub fn body<P: Platform>(platform: &P, content: Staged) -> Body {
    Body::Raw(Box::new(Taken { platform: platform.clone(), content }))
}

/// Holds content that is at hand and never large.
pub async fn hold<P: Platform>(platform: &P, bytes: Bytes, algorithms: &[Algorithm]) -> Result<Staged> {
    let digests = hash::all(platform, bytes.clone().into(), algorithms).await?;
    let size = bytes.len() as u64;
    Ok(Staged::new(Place::Memory(bytes), size, digests))
}

/// Takes in pieces as they come: push, then finish.
pub struct Intake<P: Platform> {
    platform: P,
    feed: FeedId,
    algorithms: Vec<Algorithm>,
    /// The one that large content is not hashed by.
    spared: Option<Algorithm>,
    size: u64,
    limit: u64,
    /// At most one part. Always of the same size once it was sent once, so that the allocator finds the same room again.
    pending: Vec<u8>,
    upload: Option<Upload<P>>,
}

struct Upload<P: Platform> {
    place: String,
    key: String,
    id: String,
    parts: Vec<UploadPart>,
    hashing: P::Hashing,
}

impl<P: Platform> Intake<P> {
    /// Begins; content over `limit` bytes is refused.
    pub fn new(context: &FeedContext<P>, algorithms: &[Algorithm], limit: u64) -> Self {
        Self {
            platform: context.platform.clone(),
            feed: context.feed.id.clone(),
            algorithms: algorithms.to_vec(),
            spared: None,
            size: 0,
            limit,
            pending: Vec::new(),
            upload: None,
        }
    }

    /// Does not hash large content by this one: it is computed when somebody asks for it.
    #[must_use]
    pub fn sparing(mut self, algorithm: Algorithm) -> Self {
        self.spared = Some(algorithm);
        self
    }

    /// Takes the next piece in.
    pub async fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(PlatformError::TooLong(self.limit).into());
        }
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
        if self.upload.is_some() {
            self.send_part().await?;
        }
        let Some(upload) = self.upload else {
            return hold(&self.platform, self.pending.into(), &self.algorithms).await;
        };
        self.platform.blobs().complete_upload(&upload.key, &upload.id, &upload.parts).await?;
        let place = Place::Own(self.feed, upload.place);
        Ok(Staged::new(place, self.size, upload.hashing.finish().await?))
    }

    /// Leaves nothing behind of content that turned out wrong.
    pub async fn abort(self) {
        if let Some(upload) = self.upload {
            // What cannot be aborted expires by itself after seven days.
            let _ = self.platform.blobs().abort_upload(&upload.key, &upload.id).await;
            let _ = places::forget(&self.platform, &self.feed, &upload.place).await;
        }
    }

    async fn send_part(&mut self) -> Result<()> {
        let bytes = Bytes::from(std::mem::take(&mut self.pending));
        let blobs = self.platform.blobs();
        if self.upload.is_none() {
            let place = places::take(&self.platform, &self.feed).await?;
            let key = keys::placed(&self.feed, &place);
            let id = blobs.begin_upload(&key).await?;
            self.algorithms.retain(|algorithm| Some(*algorithm) != self.spared);
            let hashing = self.platform.hashing(&self.algorithms);
            self.upload = Some(Upload { place, key, id, parts: Vec::new(), hashing });
        }
        if let Some(upload) = &mut self.upload {
            let number =
                u16::try_from(upload.parts.len() + 1).map_err(|_| PlatformError::TooLong(u64::MAX))?;
            upload.hashing.update(&bytes).await?;
            let (length, unseen) = (bytes.len() as u64, &mut |_: &[u8]| {});
            let part = blobs.upload_part(&upload.key, &upload.id, number, bytes.into(), length, unseen);
            upload.parts.push(part.await?);
        }
        self.pending.reserve_exact(PART);
        Ok(())
    }
}

/// Takes in a whole body. Content that was taken in before has the digests it had.
pub async fn take<P: Platform>(
    context: &FeedContext<P>,
    body: Body,
    algorithms: &[Algorithm],
    limit: u64,
) -> Result<Staged> {
    fill(Intake::new(context, algorithms, limit), body).await
}

/// The same with an intake of one's own.
pub async fn fill<P: Platform>(mut intake: Intake<P>, body: Body) -> Result<Staged> {
    let mut stream = match body {
        Body::Raw(raw) => match raw.downcast::<Taken<P>>() {
            Ok(taken) if taken.content.size > intake.limit => {
                return Err(PlatformError::TooLong(intake.limit).into());
            }
            Ok(taken) => return Ok(taken.content),
            Err(stream) => stream,
        },
        body => body.into_stream(),
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::memory::MemoryPlatform;
    use crate::service::tests::context_of;
    use futures_executor::block_on;

    /// What others find by its name, such as a manifest, may not be elsewhere, however long it is.
    #[test]
    fn what_is_at_hand_is_never_in_a_place_of_its_own() {
        let (platform, bytes) = (MemoryPlatform::new(), Bytes::from(vec![7; PART + 1]));
        let name = ArtifactName::parse("manifest.json").unwrap();
        let held = block_on(hold(&platform, bytes.clone(), &[Algorithm::Sha256])).unwrap();
        assert_eq!(block_on(held.give(&platform, "slot", &name)).unwrap(), None);
        let context = context_of(&platform, "one");
        let taken = block_on(take(&context, bytes.into(), &[Algorithm::Sha256], u64::MAX)).unwrap();
        assert_eq!(taken.digests(), held.digests());
        assert!(block_on(taken.give(&platform, "slot", &name)).unwrap().is_some());
    }

    #[test]
    fn large_content_is_hashed_by_what_it_is_asked_for_only() {
        let context = context_of(&MemoryPlatform::new(), "one");
        for (length, count) in [(PART, 4), (PART + 1, 3)] {
            let intake = Intake::new(&context, &Algorithm::ALL, u64::MAX).sparing(Algorithm::Sha512);
            let bytes = Bytes::from(vec![7; length]);
            let staged = block_on(fill(intake, bytes.clone().into())).unwrap();
            assert_eq!(staged.digests(), &Digest::all_of(&bytes)[..count]);
            let staged = block_on(staged.hashed(&context.platform, &Algorithm::ALL)).unwrap();
            assert_eq!(staged.digests(), Digest::all_of(&bytes));
        }
    }
}
