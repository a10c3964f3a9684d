//! Versions that come file by file: taking a file in, saying what is there and what is still to be sent.

use super::super::{name, wire};
use super::{done, read_body};
use crate::error::{Error, Result};
use crate::model::{Algorithm, Digest, TreeFile, TreePath, Version};
use crate::platform::{Body, Headers, Platform};
use crate::protocol::Answer;
use crate::service::publish::{check_number, exists};
use crate::service::{FeedContext, Package, contents, drafts, pack, tree};
use http::StatusCode;
use serde_json::{Value, json};
use std::rc::Rc;

/// Where a client says what a file hashes to.
const CHECKSUM: &str = "x-checksum-sha256";

/// Bytes of a question.
const QUESTION_LIMIT: usize = 1 << 20;

/// `PUT {name}/{version}/{path}`. A file that its version has already is a client that repeats itself.
pub(super) async fn put<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: (TreePath, bool),
    headers: &Headers,
    body: Body,
) -> Result<Answer<P>> {
    let declared = headers.get(CHECKSUM).map(|hex| Digest::from_hex(Algorithm::Sha256, hex.trim()));
    let declared = declared.transpose().map_err(|error| Error::Invalid(format!("{CHECKSUM}: {error}")))?;
    if let Some(text) = committed(context, package, version).await? {
        let known = tree::find(&text, &file.0).map(|file| file.digest);
        return if known.is_some() && known == declared {
            Ok(done(StatusCode::OK))
        } else {
            Err(exists(package, version))
        };
    }
    let file = drafts::put(context, package, version, file, body, declared).await?;
    Answer::json(StatusCode::CREATED, &wire::shown(&file))
}

/// The manifest of a version that was published already; `None` if its number can be had.
pub(super) async fn committed<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Option<Rc<str>>> {
    let Some(slot) = check_number(context, package, version).await? else { return Ok(None) };
    if !slot.is_published() {
        return Err(exists(package, version));
    }
    Ok(Some(pack::manifest(context, package, version, &name::manifest()?).await?.1))
}

/// `GET {name}/{version}?draft`.
pub(super) async fn show<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Answer<P>> {
    let files = drafts::files(&context.platform, &context.path(package), version).await?;
    let files: Vec<Value> = files.iter().map(wire::shown).collect();
    Answer::json(StatusCode::OK, &json!({ "files": files }))
}

/// `DELETE {name}/{version}?draft`.
pub(super) async fn discard<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Answer<P>> {
    drafts::discard(&context.platform, &context.path(package), version, &[]).await?;
    Ok(done(StatusCode::NO_CONTENT))
}

/// `POST {name}/missing`.
pub(super) async fn missing<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    body: Body,
) -> Result<Answer<P>> {
    let mut digests = wire::digests(&read_body(body, QUESTION_LIMIT).await?)?;
    digests.sort_unstable();
    digests.dedup();
    let missing = contents::missing(&context.platform, &context.path(package), &digests).await?;
    let missing: Vec<String> = missing.iter().map(Digest::hex).collect();
    Answer::json(StatusCode::OK, &json!({ "missing": missing }))
}

/// What files hash to: sorted, each once.
pub(super) fn digests(files: &[TreeFile]) -> Vec<Digest> {
    let mut digests: Vec<Digest> = files.iter().map(|file| file.digest.clone()).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}
