//! Pages of the index, and files.

use super::super::wire::accept::{self, Wanted};
use super::super::{PyPi, name, wire};
use crate::error::Result;
use crate::model::{ArtifactName, ProtocolId, Version};
use crate::platform::{Headers, Platform, header};
use crate::protocol::{Answer, Protocol};
use crate::service::{FeedContext, Form, Package, download, list, xml::escape};
use crate::store::index;
use http::StatusCode;
use std::fmt::Write as _;

/// The project list shows at most so many thousand names.
const PAGES: usize = 100;

/// At most so many projects are looked at for which of them a view shows.
const VIEW_LIMIT: usize = 500;

/// `GET /simple/{name}/`.
pub(super) async fn project<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    format: Option<&str>,
    headers: &Headers,
) -> Result<Answer<P>> {
    Ok(Answer::Listing(list::listing(context, package, form(wanted(format, headers))).await?))
}

/// The page in that form.
pub(super) fn form(wanted: Wanted) -> Form {
    let (name, content_type) = match wanted {
        Wanted::Json => ("json", wire::JSON),
        Wanted::Html => ("html", wire::HTML),
        Wanted::HtmlV1 => ("html-v1", wire::HTML_V1),
    };
    Form { name, content_type, upstream: PyPi::PAGE, part: 0 }
}

fn wanted(format: Option<&str>, headers: &Headers) -> Wanted {
    let accept = headers.get(header::ACCEPT);
    accept::choose(format.or(accept).unwrap_or_default())
}

/// `GET /simple/`: the projects of which the feed has, or had, a version.
pub(super) async fn index<P: Platform>(
    context: &FeedContext<P>,
    format: Option<&str>,
    headers: &Headers,
) -> Result<Answer<P>> {
    let names = names(context, PyPi::ID).await?;
    if wanted(format, headers) == Wanted::Json {
        let projects: Vec<_> = names.iter().map(|name| serde_json::json!({ "name": name })).collect();
        let document =
            serde_json::json!({ "meta": { "api-version": wire::API_VERSION }, "projects": projects });
        let body = document.to_string().into();
        return Ok(Answer::Document { status: StatusCode::OK, content_type: wire::JSON, body });
    }
    let mut page = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\"{}\">\n\
         <title>Simple index</title>\n</head>\n<body>\n",
        wire::API_VERSION
    );
    for name in &names {
        let name = escape(name);
        let _ = writeln!(page, "<a href=\"{name}/\">{name}</a><br>");
    }
    page.push_str("</body>\n</html>\n");
    let content_type = form(wanted(format, headers)).content_type;
    Ok(Answer::Document { status: StatusCode::OK, content_type, body: page.into() })
}

async fn names<P: Platform>(context: &FeedContext<P>, protocol: ProtocolId) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES {
        let (page, next) =
            index::catalog(&context.platform, &context.feed.id, protocol, cursor.as_deref()).await?;
        names.extend(page);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let local = context.view.as_ref().is_none_or(|view| view.name.is_local());
    if local {
        return Ok(names);
    }
    // Whoever may see a view may not learn what else there is.
    let mut shown = Vec::new();
    for name in names.into_iter().take(VIEW_LIMIT) {
        let path = context.path(&name::parse(&name)?);
        let Some(stored) = index::get(&context.platform, &path).await? else { continue };
        if stored.value.slots.iter().any(|entry| entry.slot.is_live() && context.shows(&entry.slot.views)) {
            shown.push(name);
        }
    }
    Ok(shown)
}

/// `GET /download/{name}/{version}/{file}`.
pub(super) async fn file<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
) -> Result<Answer<P>> {
    let mut artifact = download::artifact(context, package, version, file).await?;
    // Resolvers look at the metadata of many versions, and download one.
    artifact.counts = !name::is_companion(file.as_str());
    let provenance = file.as_str().ends_with(name::PROVENANCE);
    let content_type = if provenance { wire::PROVENANCE } else { "application/octet-stream" };
    Ok(Answer::Artifact { artifact, content_type })
}
