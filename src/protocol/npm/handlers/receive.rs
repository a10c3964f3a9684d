//! Taking in the body of a `PUT`: the document in memory, the archive in it decoded and hashed as it passes.
//!
//! A body with a tarball of 100 MB has 140 MB of Base64 in one string: it is never held.

use super::super::wire::PublishDocument;
use super::archive::{Identity, Inspector};
use crate::error::{Error, Result};
use crate::model::{Algorithm, json};
use crate::platform::{Body, Platform, PlatformError};
use crate::service::FeedContext;
use crate::service::json_splitter::{Handling, SplitError, Splitter, Visitor};
use crate::service::stage::{Intake, Staged};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt;

/// Bytes of an archive, as for Azure Artifacts.
pub(super) const ARCHIVE_LIMIT: u64 = 500 << 20;

/// Bytes of an attestation.
const ATTESTATION_LIMIT: usize = 4 << 20;

/// Bytes of a body that are parsed at a time, so that what is decoded of them is small too.
const PIECE: usize = 256 << 10;

/// A body taken in.
pub(super) struct Received {
    /// Everything but the attachments' bytes.
    pub(super) document: PublishDocument,
    /// The archive, by attachment name.
    pub(super) archive: Option<(String, Staged)>,
    /// Whose `package.json` is in the archive, if it was met.
    pub(super) identity: Option<Identity>,
    /// A provenance attestation (a Sigstore bundle, JSON text).
    pub(super) attestation: Option<String>,
}

/// Takes a body in.
pub(super) async fn receive<P: Platform>(context: &FeedContext<P>, body: Body) -> Result<Received> {
    let mut receiver = Receiver::default();
    let mut inspector = Inspector::default();
    let mut intake = Intake::new(context, &[Algorithm::Sha1, Algorithm::Sha512], ARCHIVE_LIMIT);
    match drain(&mut receiver, &mut intake, &mut inspector, body).await {
        Ok(()) => {}
        Err(error) => {
            intake.abort().await;
            return Err(match *error {
                Error::Platform(PlatformError::TooLong(limit)) => {
                    Error::TooLarge { what: "the tarball", limit }.into()
                }
                other => other.into(),
            });
        }
    }
    let Receiver { document, archive, attestation, .. } = receiver;
    let Some(name) = archive else {
        return Ok(Received { document, archive: None, identity: None, attestation });
    };
    match inspector.finish() {
        Ok(identity) => {
            let archive = Some((name, intake.finish().await?));
            Ok(Received { document, archive, identity, attestation })
        }
        Err(error) => {
            intake.abort().await;
            Err(error)
        }
    }
}

async fn drain<P: Platform>(
    receiver: &mut Receiver,
    intake: &mut Intake<P>,
    inspector: &mut Inspector,
    body: Body,
) -> Result<()> {
    let mut splitter = Splitter::new();
    let mut stream = body.into_stream();
    while let Some(chunk) = stream.next().await {
        for piece in chunk?.chunks(PIECE) {
            splitter.push(piece, receiver).map_err(refusal)?;
            if !receiver.decoded.is_empty() {
                inspector.push(&receiver.decoded)?;
                intake.push(&receiver.decoded).await?;
                receiver.decoded.clear();
            }
        }
    }
    splitter.finish().map_err(refusal)
}

fn refusal(error: SplitError<Box<Error>>) -> Box<Error> {
    match error {
        SplitError::Visitor(error) => error,
        SplitError::TooLarge { limit, .. } => {
            Error::TooLarge { what: "a member of the package's document", limit: limit as u64 }.into()
        }
        other => Error::Invalid(format!("the body cannot be read: {other}")).into(),
    }
}

#[derive(Default)]
struct Receiver {
    document: PublishDocument,
    archive: Option<String>,
    attestation: Option<String>,
    /// Base64 digits that do not make a group of four yet.
    rest: Vec<u8>,
    decoded: Vec<u8>,
    /// The digits are over: padding was seen.
    padded: bool,
    /// The archive's string is over: there is no second one.
    complete: bool,
}

impl Receiver {
    fn decode(&mut self, digits: &[u8]) -> Result<()> {
        let invalid = || Error::Invalid("the tarball's data is not Base64".to_owned());
        if self.padded && !digits.is_empty() {
            return Err(invalid().into());
        }
        self.padded |= digits.contains(&b'=');
        STANDARD.decode_vec(digits, &mut self.decoded).map_err(|_| invalid().into())
    }
}

/// npm attaches a Sigstore bundle as JSON text, not as Base64.
fn is_attestation(path: &[String]) -> bool {
    matches!(path, [parent, file] if parent == "_attachments" && file.ends_with(".sigstore"))
}

impl Visitor for Receiver {
    type Error = Box<Error>;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        if is_attestation(path) && key == "data" {
            return Handling::Capture { limit: ATTESTATION_LIMIT };
        }
        PublishDocument::handling(path, key)
    }

    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<()> {
        if is_attestation(path) && key == "data" {
            let text = json::read(raw);
            let invalid = |_| Error::Invalid("an attestation is not a text".to_owned());
            self.attestation = Some(text.map_err(invalid)?);
            return Ok(());
        }
        self.document.accept(path, key, raw)
    }

    fn string_piece(&mut self, path: &[String], _: &str, piece: &[u8]) -> Result<()> {
        let file = path.last().cloned().unwrap_or_default();
        self.document.attachment(&file)?;
        if self.complete {
            return Err(Error::Invalid("a push has one tarball".to_owned()).into());
        }
        self.archive = Some(file);
        let mut digits = std::mem::take(&mut self.rest);
        digits.extend_from_slice(piece);
        let whole = digits.len() / 4 * 4;
        // The last group may be padded, and only the last: it waits for the end of the string.
        let whole = if whole == digits.len() { whole.saturating_sub(4) } else { whole };
        self.rest = digits.split_off(whole);
        self.decode(&digits)
    }

    fn string_end(&mut self, path: &[String], _: &str) -> Result<()> {
        if self.complete {
            return Err(Error::Invalid("a push has one tarball".to_owned()).into());
        }
        let file = path.last().cloned().unwrap_or_default();
        self.document.attachment(&file)?;
        self.archive = Some(file);
        self.complete = true;
        let rest = std::mem::take(&mut self.rest);
        self.decode(&rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn base64_decodes_however_it_is_cut(bytes: Vec<u8>, cuts in proptest::collection::vec(1_usize..9, 1..50)) {
            let text = STANDARD.encode(&bytes);
            let path = ["_attachments".to_owned(), "n-1.0.0.tgz".to_owned()];
            let mut receiver = Receiver::default();
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                receiver.string_piece(&path, "data", piece).unwrap();
                rest = after;
            }
            receiver.string_end(&path, "data").unwrap();
            prop_assert_eq!(receiver.decoded, bytes);
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        let path = ["_attachments".to_owned(), "n-1.0.0.tgz".to_owned()];
        for bad in ["AAA", "AA=A", "!!!!", "AA==AAAA"] {
            let mut receiver = Receiver::default();
            let outcome = receiver.string_piece(&path, "data", bad.as_bytes());
            assert!(outcome.and_then(|()| receiver.string_end(&path, "data")).is_err(), "{bad}");
        }
    }
}
