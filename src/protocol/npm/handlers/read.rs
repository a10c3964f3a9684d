//! Listings, manifests, tarballs.

use super::super::{Form, name, wire};
use crate::error::{Error, Missing, Result};
use crate::model::{ArtifactName, Version, gzip, json};
use crate::platform::{Headers, Platform, header};
use crate::protocol::Answer;
use crate::service::json_splitter::{Handling, SplitError, Splitter, Visitor};
use crate::service::{FeedContext, Package, download, list};
use bytes::Bytes;
use http::StatusCode;
use std::io::Read;

/// Bytes of one captured member.
const MEMBER_LIMIT: usize = 8 << 20;

/// `GET N`: abbreviated for those who ask for it, full for all others.
pub(super) async fn packument<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    headers: &Headers,
) -> Result<Answer<P>> {
    let accept = headers.get(header::ACCEPT).unwrap_or_default();
    let form = if accept.contains(wire::ABBREVIATED) { Form::Abbreviated } else { Form::Full };
    Ok(Answer::Listing(list::listing(context, package, form.document()).await?))
}

/// `GET N/-/{file}`.
pub(super) async fn tarball<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    file: &ArtifactName,
    version: &Version,
) -> Result<Answer<P>> {
    let artifact = download::artifact(context, package, version, file).await?;
    Ok(Answer::Artifact { artifact, content_type: "application/octet-stream" })
}

/// `GET N/{version or tag}`.
pub(super) async fn manifest<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    selector: &str,
) -> Result<Answer<P>> {
    let missing = || Error::NotFound(Missing::Version(package.to_string(), selector.to_owned()));
    let wanted = if let Ok(version) = name::parse_version(selector) {
        version.as_str().to_owned()
    } else {
        let tags = dist_tags(context, package).await?;
        tags.get(selector).and_then(serde_json::Value::as_str).ok_or_else(missing)?.to_owned()
    };
    let body = member(context, package, Form::Full, &["versions", &wanted]).await?.ok_or_else(missing)?;
    Ok(Answer::Document { status: StatusCode::OK, content_type: "application/json", body })
}

/// The dist-tags this caller sees.
pub(super) async fn dist_tags<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
) -> Result<serde_json::Map<String, serde_json::Value>> {
    let tags = member(context, package, Form::Abbreviated, &["dist-tags"]).await?;
    Ok(tags.and_then(|raw| json::read(&raw).ok()).unwrap_or_default())
}

/// One member of a listing, taken from it piece by piece: what a listing shows is decided in one place.
async fn member<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    form: Form,
    path: &[&str],
) -> Result<Option<Bytes>> {
    let rendered = list::listing(context, package, form.document()).await?;
    let compressed = rendered.collect().await?;
    let mut decoder = gzip::Reader::new(compressed);
    let mut search = Search { path, found: None };
    let mut splitter = Splitter::new();
    let mut piece = vec![0; 64 << 10];
    let damaged = |reason: String| Error::Damaged { key: format!("listing of {package}"), reason };
    while search.found.is_none() {
        let length = decoder.read(&mut piece).map_err(|error| damaged(error.to_string()))?;
        if length == 0 {
            break;
        }
        let pushed = splitter.push(&piece[..length], &mut search);
        pushed.map_err(|error: SplitError<std::convert::Infallible>| damaged(error.to_string()))?;
    }
    Ok(search.found)
}

struct Search<'a> {
    path: &'a [&'a str],
    found: Option<Bytes>,
}

impl Visitor for Search<'_> {
    type Error = std::convert::Infallible;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        let depth = path.len();
        match self.path.get(depth) {
            Some(wanted) if *wanted == key && depth + 1 == self.path.len() => {
                Handling::Capture { limit: MEMBER_LIMIT }
            }
            Some(wanted) if *wanted == key => Handling::Descend,
            _ => Handling::Skip,
        }
    }

    fn captured(&mut self, path: &[String], _: &str, raw: &[u8]) -> std::result::Result<(), Self::Error> {
        if path.len() + 1 == self.path.len() {
            self.found = Some(Bytes::copy_from_slice(raw));
        }
        Ok(())
    }

    fn string_piece(&mut self, _: &[String], _: &str, _: &[u8]) -> std::result::Result<(), Self::Error> {
        Ok(())
    }

    fn string_end(&mut self, _: &[String], _: &str) -> std::result::Result<(), Self::Error> {
        Ok(())
    }
}
