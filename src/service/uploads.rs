//! Uploads in parts over several requests: for what is larger than the platform takes in one.
//!
//! Parts come in their order, each is streamed into R2 and hashed as it passes, and the record says how far the upload came,
//! so that nothing is read back: the last part completes it, once the digest is what was declared. Whatever breaks off is
//! sent again; a part that is there already is not taken twice. In scope: the bytes. Out of scope: what they are
//! published as.

use super::FeedContext;
use super::stage::Staged;
use crate::error::{Conflict, Error, Result};
use crate::model::{Digest, FeedId, Sha256State};
use crate::platform::{BlobStore as _, Body, Platform, PlatformError, RecordStore as _};
use crate::store::uploads::{self, Upload, missing};
use crate::store::{cursors, keys, places};
use serde_json::{Value, json};

/// Bytes of a part: R2 wants equal parts, and the platform takes bodies of 100 MB.
const PART: u64 = 64 << 20;

/// R2's limit on the parts of an upload.
const PARTS: u64 = 10_000;

/// An upload, as its holder is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Its id.
    pub id: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part_size: u64,
    /// How many parts are there: the next one has the number after it.
    pub received: u64,
    /// How many parts it has.
    pub parts: u64,
    /// What its bytes hash to (SHA-256), once all are there.
    pub digest: Option<Digest>,
}

impl Progress {
    fn of(id: &str, upload: &Upload) -> Self {
        Self {
            id: id.to_owned(),
            size: upload.size,
            part_size: upload.part_size,
            received: upload.parts.len() as u64,
            parts: upload.part_count(),
            digest: upload.is_complete().then(|| upload.state.digest()),
        }
    }

    /// The same, as its holder reads it.
    pub fn print(&self) -> Value {
        json!({
            "id": self.id,
            "size": self.size,
            "partSize": self.part_size,
            "parts": self.parts,
            "received": self.received,
            "sha256": self.digest.as_ref().map(Digest::hex),
        })
    }
}

/// Begins an upload of so many bytes to a place of its own, or to `target`, which only ever holds bytes of the digest that is
/// declared.
pub async fn begin<P: Platform>(
    context: &FeedContext<P>,
    target: Option<String>,
    size: u64,
    sha256: Option<Digest>,
) -> Result<Progress> {
    begin_in_parts(context, target, size, sha256, PART).await
}

async fn begin_in_parts<P: Platform>(
    context: &FeedContext<P>,
    target: Option<String>,
    size: u64,
    sha256: Option<Digest>,
    part_size: u64,
) -> Result<Progress> {
    let (platform, limit) = (&context.platform, PARTS * part_size);
    if size == 0 {
        return Err(Error::Invalid("an upload has at least one byte".to_owned()).into());
    }
    if size > limit {
        return Err(Error::TooLarge { what: "the upload", limit }.into());
    }
    let mut random = [0_u8; 16];
    platform.random(&mut random);
    let (id, feed) = (keys::timed_id(platform.now(), &random), &context.feed.id);
    let target = match target {
        Some(target) => target,
        None => keys::placed(feed, &places::take(platform, feed).await?),
    };
    let upload = Upload {
        holder: context.principal.id().to_owned(),
        upload: platform.blobs().begin_upload(&target).await?,
        target,
        size,
        part_size,
        sha256,
        parts: Vec::new(),
        state: Sha256State::default(),
    };
    uploads::create(platform, feed, &id, &upload).await?;
    Ok(Progress::of(&id, &upload))
}

/// How far an upload of the caller's came.
pub async fn find<P: Platform>(context: &FeedContext<P>, id: &str) -> Result<Progress> {
    Ok(Progress::of(id, &held(context, id).await?))
}

/// Takes the next part in, or finds that it is there already. The last one completes the upload.
pub async fn put_part<P: Platform>(
    context: &FeedContext<P>,
    id: &str,
    number: u64,
    body: Body,
) -> Result<Progress> {
    let mut upload = held(context, id).await?;
    let received = upload.parts.len() as u64;
    if number == received + 1 && !upload.is_complete() {
        upload = receive(context, id, upload, body).await?;
    } else if number != received || received == 0 {
        return Err(unexpected(&upload));
    }
    if upload.is_complete() {
        complete(context, &upload).await?;
    }
    Ok(Progress::of(id, &upload))
}

/// The content of a complete upload.
pub async fn content<P: Platform>(context: &FeedContext<P>, id: &str) -> Result<Staged> {
    let upload = held(context, id).await?;
    if !upload.is_complete() {
        return Err(unexpected(&upload));
    }
    if context.platform.blobs().info(&upload.target).await?.is_none() {
        complete(context, &upload).await?;
    }
    let (feed, digests) = (&context.feed.id, vec![upload.state.digest()]);
    Ok(match keys::parse_placed(feed, &upload.target) {
        Some(place) => Staged::lent(feed, place, upload.size, digests),
        None => Staged::kept(upload.target, upload.size, digests),
    })
}

/// Gives an upload up, or removes one that was used; what it put where it belongs stays there.
pub async fn abandon<P: Platform>(context: &FeedContext<P>, id: &str) -> Result<()> {
    let upload = held(context, id).await?;
    let place = keys::parse_placed(&context.feed.id, &upload.target).filter(|_| upload.is_complete());
    if let Some(place) = place {
        places::discard(&context.platform, &context.feed.id, place).await?;
    }
    give_up(&context.platform, &context.feed.id, id, &upload).await
}

/// Aborts the upload, then forgets it.
async fn give_up<P: Platform>(platform: &P, feed: &FeedId, id: &str, upload: &Upload) -> Result<()> {
    // What cannot be aborted, because it is complete or gone, expires by itself after seven days.
    let _ = platform.blobs().abort_upload(&upload.target, &upload.upload).await;
    uploads::delete(platform, feed, id).await
}

/// Gives up what nobody finished in time, at most `limit` uploads at once. Ids begin with the time, so that only those that
/// are due are opened; but feeds come before times, so that a run goes on where the last one stopped.
pub(super) async fn expire<P: Platform>(platform: &P, limit: usize) -> Result<usize> {
    let after = cursors::get(platform, "uploads").await?;
    let page = platform.records().list(keys::UPLOADS, after.as_deref(), limit).await?;
    let mut expired = 0;
    for key in &page.keys {
        let Some((feed, id, began)) = keys::parse_upload(key) else { continue };
        if platform.now().since(began) <= places::LIFETIME {
            continue;
        }
        // One that cannot be read is no reason to leave the others.
        if let Ok(upload) = uploads::get(platform, &feed, id).await {
            give_up(platform, &feed, id, &upload).await?;
            expired += 1;
        }
    }
    if page.cursor != after {
        cursors::set(platform, "uploads", page.cursor).await?;
    }
    Ok(expired)
}

/// An upload of the caller's own: to others it is not there.
async fn held<P: Platform>(context: &FeedContext<P>, id: &str) -> Result<Upload> {
    let upload = uploads::get(&context.platform, &context.feed.id, id).await?;
    if upload.holder == context.principal.id() { Ok(upload) } else { Err(missing()) }
}

/// Streams the next part into the store, and then says in the record that it is there.
async fn receive<P: Platform>(
    context: &FeedContext<P>,
    id: &str,
    upload: Upload,
    body: Body,
) -> Result<Upload> {
    let (platform, mut state) = (&context.platform, upload.state.clone());
    let number = upload.parts.len() + 1;
    let length = upload.length_of(number as u64);
    if body.length().is_some_and(|declared| declared != length) {
        return Err(Error::Invalid(format!("part {number} of this upload has {length} bytes")).into());
    }
    let number = u16::try_from(number).map_err(|_| PlatformError::TooLong(upload.size))?;
    let seen = &mut |piece: &[u8]| state.update(piece);
    let (target, upload_id) = (&upload.target, &upload.upload);
    let part = platform.blobs().upload_part(target, upload_id, number, body, length, seen).await?;
    let feed = &context.feed.id;
    if upload.parts.len() as u64 + 1 == upload.part_count()
        && upload.sha256.as_ref().is_some_and(|declared| *declared != state.digest())
    {
        give_up(platform, feed, id, &upload).await?;
        let text = format!(
            "the bytes of this upload have the SHA-256 {}, not the one declared",
            state.digest().hex()
        );
        return Err(Error::Invalid(text + "; begin another").into());
    }
    uploads::update(platform, feed, id, &|record| {
        match record.parts.get(upload.parts.len()) {
            // A write that failed after it took effect.
            Some(etag) if *etag == part.etag => return Ok(false),
            Some(_) => return Err(Error::Conflict(Conflict::Contended(format!("part {number}"))).into()),
            None => {}
        }
        record.parts.push(part.etag.clone());
        record.state = state.clone();
        Ok(true)
    })
    .await
}

/// Puts the parts together. What failed after it took effect, or was done before, is found by what is there.
async fn complete<P: Platform>(context: &FeedContext<P>, upload: &Upload) -> Result<()> {
    let blobs = context.platform.blobs();
    let Err(error) = blobs.complete_upload(&upload.target, &upload.upload, &upload.uploaded()).await else {
        return Ok(());
    };
    let info = blobs.info(&upload.target).await?;
    if info.is_some_and(|info| info.size == upload.size) { Ok(()) } else { Err(error.into()) }
}

fn unexpected(upload: &Upload) -> Box<Error> {
    let (received, parts) = (upload.parts.len(), upload.part_count());
    let text = if upload.is_complete() {
        format!("all {parts} parts of this upload are there")
    } else {
        format!("part {} of {parts} of this upload is expected", received + 1)
    };
    Error::Conflict(Conflict::Other(text)).into()
}

#[cfg(test)]
mod tests;
