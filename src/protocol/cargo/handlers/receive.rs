//! Taking in a push: two lengths, the metadata in memory, the archive hashed and looked into as it passes.
//!
//! Framing: [`PUT /api/v1/crates/new`](https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish).

use super::super::wire::push::Push;
use super::archive::Inspector;
use crate::error::{Error, Result};
use crate::model::{Algorithm, Version};
use crate::platform::{Body, ByteStream, Platform};
use crate::service::stage::{Intake, Staged};
use crate::service::{FeedContext, Package};
use bytes::Bytes;
use futures_util::StreamExt;

/// Bytes of an archive, as for Azure Artifacts.
const ARCHIVE_LIMIT: u64 = 500 << 20;

/// Bytes of the metadata, a README in it.
const METADATA_LIMIT: u64 = 8 << 20;

/// A push taken in.
pub(super) struct Received {
    /// What it says of itself, checked.
    pub(super) push: Push,
    /// Which crate.
    pub(super) package: Package,
    /// Which version.
    pub(super) version: Version,
    /// The archive.
    pub(super) archive: Staged,
}

/// Takes a body in.
pub(super) async fn receive<P: Platform>(context: &FeedContext<P>, body: Body) -> Result<Received> {
    let mut reader = Reader { stream: body.into_stream(), piece: Bytes::new() };
    let length = reader.length("the push's metadata", METADATA_LIMIT).await?;
    let mut metadata = Vec::new();
    reader
        .pass(length, async |piece: Bytes| {
            metadata.extend_from_slice(&piece);
            Ok(())
        })
        .await?;
    let checked = Push::parse(&metadata)
        .and_then(|push| push.check().map(|(package, version)| (push, package, version)));
    drop(metadata);
    let (push, package, version) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            // Clients listen only once they have sent everything.
            reader.drain().await;
            return Err(error);
        }
    };
    let length = reader.length("the archive", ARCHIVE_LIMIT).await?;
    let mut intake = Intake::new(context, &[Algorithm::Sha256], ARCHIVE_LIMIT);
    let mut inspector = Inspector::new(&format!("{}-{}", push.name, push.vers));
    let taken = take(&mut reader, length, &mut intake, &mut inspector).await;
    match taken.and_then(|()| inspector.finish()) {
        Ok(()) => Ok(Received { push, package, version, archive: intake.finish().await? }),
        Err(error) => {
            intake.abort().await;
            reader.drain().await;
            Err(error)
        }
    }
}

async fn take<P: Platform>(
    reader: &mut Reader,
    length: u64,
    intake: &mut Intake<P>,
    inspector: &mut Inspector,
) -> Result<()> {
    reader
        .pass(length, async |piece: Bytes| {
            inspector.push(&piece)?;
            intake.push(&piece).await
        })
        .await?;
    if reader.next().await?.is_some() {
        return Err(Error::Invalid("the body goes on after the archive".to_owned()).into());
    }
    Ok(())
}

/// A body, read by lengths.
struct Reader {
    stream: ByteStream,
    /// What of the last piece is not read yet.
    piece: Bytes,
}

impl Reader {
    /// Reads the length of what follows.
    async fn length(&mut self, what: &'static str, limit: u64) -> Result<u64> {
        let mut bytes = Vec::with_capacity(4);
        self.pass(4, async |piece: Bytes| {
            bytes.extend_from_slice(&piece);
            Ok(())
        })
        .await?;
        let bytes: [u8; 4] = bytes.try_into().map_err(|_| short())?;
        let length = u64::from(u32::from_le_bytes(bytes));
        if length > limit { Err(Error::TooLarge { what, limit }.into()) } else { Ok(length) }
    }

    /// Hands on so many bytes.
    async fn pass(&mut self, length: u64, mut to: impl AsyncFnMut(Bytes) -> Result<()>) -> Result<()> {
        let mut left = length;
        while left > 0 {
            let mut piece = self.next().await?.ok_or_else(short)?;
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            self.piece = piece.split_off(taken);
            left -= taken as u64;
            to(piece).await?;
        }
        Ok(())
    }

    /// Bytes that were not read yet; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.piece.is_empty() {
            match self.stream.next().await {
                Some(piece) => self.piece = piece?,
                None => return Ok(None),
            }
        }
        Ok(Some(std::mem::take(&mut self.piece)))
    }

    /// Reads the rest and forgets it.
    async fn drain(&mut self) {
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}

fn short() -> Box<Error> {
    Error::Invalid("the body ends before the length it declares".to_owned()).into()
}
