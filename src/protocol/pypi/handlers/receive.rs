//! Taking in the form of an upload: its fields in memory, its file hashed and put aside as it passes.

use crate::error::{Error, Result};
use crate::model::{Algorithm, hexadecimal};
use crate::platform::{Body, Hashing as _, Platform, PlatformError};
use crate::service::FeedContext;
use crate::service::multipart::{Multipart, Piece};
use crate::service::stage::{Intake, Staged};
use blake2::{Blake2b, Digest as _, digest::consts::U32};
use futures_util::StreamExt;

/// Bytes of a file, as for Azure Artifacts.
const FILE_LIMIT: u64 = 500 << 20;

/// Bytes of all fields together: descriptions and attestations are the long ones.
const FIELDS_LIMIT: usize = 8 << 20;

/// Bytes of a body that are looked at at a time.
const PIECE: usize = 256 << 10;

/// Bytes that tell what kind of archive a file is.
const MAGIC: usize = 4;

/// An upload taken in.
pub(super) struct Received {
    fields: Vec<(String, String)>,
    /// Its file.
    pub(super) file: Option<ReceivedFile>,
}

/// The file of an upload.
pub(super) struct ReceivedFile {
    /// Its name, as the client says.
    pub(super) name: String,
    /// Its bytes.
    pub(super) content: Staged,
    /// Its first bytes.
    pub(super) magic: Vec<u8>,
    /// Digests that are compared with what the client declares, and not kept.
    checks: Vec<(&'static str, String)>,
}

impl Received {
    /// The first value of a field; none if it is empty.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All fields, as they came.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl ReceivedFile {
    /// The digest of that field's name, in hexadecimal.
    pub(super) fn digest(&self, field: &str) -> Option<String> {
        if field == "sha256_digest" {
            let sha256 = self.content.digests().iter().find(|digest| digest.algorithm() == Algorithm::Sha256);
            return sha256.map(crate::model::Digest::hex);
        }
        self.checks.iter().find(|(name, _)| *name == field).map(|(_, hex)| hex.clone())
    }
}

/// Takes a form in.
pub(super) async fn receive<P: Platform>(
    context: &FeedContext<P>,
    content_type: &str,
    body: Body,
) -> Result<Received> {
    let mut receiver = Receiver {
        platform: context.platform.clone(),
        form: Multipart::new(content_type)?,
        intake: Some(Intake::new(context, &[Algorithm::Sha256], FILE_LIMIT)),
        received: Received { fields: Vec::new(), file: None },
        place: Place::Skipped,
        size: 0,
        magic: Vec::new(),
        md5: None,
        blake2: Blake2b::new(),
    };
    match receiver.drain(body).await {
        Ok(()) => Ok(receiver.received),
        Err(error) => {
            if let Some(intake) = receiver.intake {
                intake.abort().await;
            }
            if let Some(file) = receiver.received.file {
                // What cannot be discarded now is swept by the housekeeping.
                let _ = file.content.discard(&context.platform).await;
            }
            Err(match *error {
                Error::Platform(PlatformError::TooLong(limit)) => {
                    Error::TooLarge { what: "the file", limit }.into()
                }
                other => other.into(),
            })
        }
    }
}

/// Where the present part goes.
enum Place {
    Skipped,
    Field(String, Vec<u8>),
    File(String),
}

struct Receiver<P: Platform> {
    platform: P,
    form: Multipart,
    /// `None` once the file is complete.
    intake: Option<Intake<P>>,
    received: Received,
    place: Place,
    /// Bytes of fields so far.
    size: usize,
    magic: Vec<u8>,
    md5: Option<P::Hashing>,
    blake2: Blake2b<U32>,
}

impl<P: Platform> Receiver<P> {
    async fn drain(&mut self, body: Body) -> Result<()> {
        let mut stream = body.into_stream();
        let mut pieces = Vec::new();
        while let Some(chunk) = stream.next().await {
            for chunk in chunk?.chunks(PIECE) {
                self.form.push(chunk, &mut pieces)?;
                for piece in pieces.drain(..) {
                    self.take(piece).await?;
                }
            }
        }
        if self.form.is_complete() {
            Ok(())
        } else {
            Err(Error::Invalid("the upload was cut short".to_owned()).into())
        }
    }

    async fn take(&mut self, piece: Piece) -> Result<()> {
        match (piece, &mut self.place) {
            (Piece::Part(head), place) => {
                *place = match (head.name.as_str(), head.file_name) {
                    ("content", Some(name)) if self.intake.is_some() => Place::File(name),
                    ("content", _) => {
                        return Err(Error::Invalid(
                            "an upload has one file, in the field `content`".to_owned(),
                        )
                        .into());
                    }
                    // Signatures, which no index keeps any more.
                    (_, Some(_)) => Place::Skipped,
                    (_, None) => Place::Field(head.name, Vec::new()),
                };
            }
            (Piece::Data(bytes), Place::Field(_, value)) => {
                self.size += bytes.len();
                if self.size > FIELDS_LIMIT {
                    return Err(
                        Error::TooLarge { what: "the form's fields", limit: FIELDS_LIMIT as u64 }.into()
                    );
                }
                value.extend(bytes);
            }
            (Piece::Data(bytes), Place::File(_)) => self.content(&bytes).await?,
            (Piece::Data(_), Place::Skipped) => {}
            (Piece::End, place) => match std::mem::replace(place, Place::Skipped) {
                Place::Field(name, value) => {
                    self.received.fields.push((name, String::from_utf8_lossy(&value).into_owned()));
                }
                Place::File(name) => self.complete(name).await?,
                Place::Skipped => {}
            },
        }
        Ok(())
    }

    async fn content(&mut self, bytes: &[u8]) -> Result<()> {
        let missing = MAGIC.saturating_sub(self.magic.len()).min(bytes.len());
        self.magic.extend_from_slice(&bytes[..missing]);
        // Only what is declared is worth the time; what is declared behind the file had to be expected.
        let declares_none = self.received.field("sha256_digest").is_none();
        if declares_none || self.received.field("md5_digest").is_some() {
            let md5 = self.md5.get_or_insert_with(|| self.platform.hashing(&[Algorithm::Md5]));
            md5.update(bytes).await?;
        }
        if declares_none || self.received.field("blake2_256_digest").is_some() {
            self.blake2.update(bytes);
        }
        match &mut self.intake {
            Some(intake) => intake.push(bytes).await,
            None => Ok(()),
        }
    }

    async fn complete(&mut self, name: String) -> Result<()> {
        let Some(intake) = self.intake.take() else { return Ok(()) };
        let declares_none = self.received.field("sha256_digest").is_none();
        let mut checks = Vec::new();
        if let Some(md5) = self.md5.take() {
            checks.extend(md5.finish().await?.iter().map(|digest| ("md5_digest", digest.hex())));
        }
        if declares_none || self.received.field("blake2_256_digest").is_some() {
            checks.push(("blake2_256_digest", hexadecimal(&self.blake2.finalize_reset())));
        }
        let magic = std::mem::take(&mut self.magic);
        let content = intake.finish().await?;
        self.received.file = Some(ReceivedFile { name, content, magic, checks });
        Ok(())
    }
}
