//! Files of versions, and their readmes: served by the protocol's own endpoint, so that what is saved, refused, ranged and
//! counted is the same by either address.

use super::Call;
use super::message::Reply;
use crate::error::{Error, Missing, Result};
use crate::model::Version;
use crate::platform::{Body, Headers, Platform, Request, RequestUrl};
use crate::protocol::{self, Answer};
use crate::server::respond;
use crate::service::description::Readme;
use crate::service::tar::{Entry, Inspector, Seen, Verdict};
use crate::service::{self, FeedContext, Package, delete, download, offers};
use bytes::Bytes;
use futures_util::StreamExt;
use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What would not be read as part of a path.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');

/// Bytes of a file that describes another.
const METADATA_LIMIT: usize = 8 << 20;

const TEXT: &str = "text/plain; charset=utf-8";

/// A file of a version. Asking for its head only has the sources asked anew first.
pub(super) async fn content<P: Platform>(
    call: &Call<'_, P>,
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: Option<&str>,
) -> Result<Reply> {
    if call.wanted.is_head() && context.sees_upstream() {
        // A source that fails is what the answer shows, if it needs that source.
        let _ = offers::of(context, package).await?;
    }
    let answer = ask(context, package, &path(package, version, file)?).await?;
    finish(call, answer).await
}

fn path(package: &Package, version: &Version, file: Option<&str>) -> Result<String> {
    package
        .ecosystem
        .content_path(package, version, file)
        .ok_or_else(|| {
            let hint = if file.is_some() { "without the name of a file" } else { "with the name of a file" };
            Error::NotFound(Missing::Endpoint(format!(
                "; content of {} is asked for {hint}",
                package.protocol()
            )))
        })
        .map_err(Box::new)
}

/// Asks the protocol.
async fn ask<P: Platform>(context: &FeedContext<P>, package: &Package, path: &str) -> Result<Answer<P>> {
    let entry = protocol::PROTOCOLS.iter().find(|entry| entry.id == package.protocol());
    let path = utf8_percent_encode(path, ENCODED).to_string();
    let asked = protocol::route::<P>(entry.ok_or_else(Error::no_endpoint)?, &Method::GET, &path, None)?;
    service::authorize(context, asked.action)?;
    let (url, headers) = (RequestUrl::default(), Headers::new());
    let request = Request { method: Method::GET, url, headers, body: Body::Empty };
    asked.answer(context.clone(), request).await
}

async fn finish<P: Platform>(call: &Call<'_, P>, answer: Answer<P>) -> Result<Reply> {
    let response = respond::respond(call.wanted, answer, call.platform.now()).await?;
    Ok(Reply { ready: Some(response), ..Reply::done() })
}

/// The readme of a version.
pub(super) async fn readme<P: Platform>(
    call: &Call<'_, P>,
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Reply> {
    let text = match package.ecosystem.readme(package, version) {
        Readme::None => None,
        Readme::At(path) => return finish(call, ask(context, package, &path).await?).await,
        Readme::InArchive => match ask(context, package, &path(package, version, None)?).await? {
            Answer::Artifact { artifact, .. } => in_archive(artifact.open(None).await?).await?,
            _ => None,
        },
        Readme::Behind(ending) => behind(context, package, version, ending).await?,
    };
    let missing = || Error::NotFound(Missing::Artifact(format!("{package} {version}"), "README".to_owned()));
    Ok(Reply::text(TEXT, text.ok_or_else(missing)?))
}

async fn in_archive(body: Body) -> Result<Option<Bytes>> {
    let judge = |entry: &Entry| {
        let name = entry.path.trim_start_matches("./").split_once('/').map(|(_, name)| name);
        let is_readme = name.is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            name == "readme" || name.starts_with("readme.") && !name.contains('/')
        });
        if is_readme && entry.is_file { Verdict::Capture } else { Verdict::Skip }
    };
    let (mut inspector, mut stream) = (Inspector::new(judge), body.into_stream());
    while let Some(piece) = stream.next().await {
        inspector.push(&piece?)?;
        if inspector.is_done() {
            break;
        }
    }
    Ok(match inspector.finish()? {
        Seen::Captured(text) => Some(text.into()),
        Seen::Enough | Seen::Everything => None,
    })
}

async fn behind<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    ending: &str,
) -> Result<Option<Bytes>> {
    let slot = delete::any_slot(context, package, version).await?;
    let file = slot
        .as_ref()
        .and_then(|slot| slot.artifacts.iter().find(|artifact| artifact.name.as_str().ends_with(ending)));
    let Some(file) = file else { return Ok(None) };
    let artifact = download::artifact(context, package, version, &file.name).await?;
    let text = artifact.open(None).await?.collect(METADATA_LIMIT).await?;
    let blank = [&b"\n\n"[..], b"\r\n\r\n"];
    let ends = blank.iter().filter_map(|blank| {
        text.windows(blank.len()).position(|window| window == *blank).map(|at| at + blank.len())
    });
    Ok(ends.min().map(|end| text.slice(end..)).filter(|text| !text.is_empty()))
}
