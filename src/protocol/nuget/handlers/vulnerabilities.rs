//! Known vulnerabilities, passed through from the first registry that has them, and remembered: pages of packages with
//! ranges of versions ([vulnerabilities](https://learn.microsoft.com/nuget/api/vulnerability-info)).
//!
//! Clients fetch all of it and look for themselves, so that nobody learns what is used here.

use super::super::{NuGet, wire};
use crate::error::{Error, Missing, Result};
use crate::model::json;
use crate::platform::{OutgoingRequest, Platform};
use crate::protocol::{Answer, Protocol as _};
use crate::service::{FeedContext, Registry, ask_first, upstream_get};
use crate::store::passed;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// The resource of a service index.
const RESOURCE: [&str; 1] = ["VulnerabilityInfo/6.7.0"];

/// Bytes of an upstream's answer.
const ANSWER_LIMIT: usize = 24 << 20;

/// For how long an answer is remembered. Clients keep it for half an hour themselves.
const LIFETIME: Duration = Duration::from_secs(1800);

/// The page of a feed whose sources know nothing.
const BASE: &str = "base";

/// `GET v3/vulnerabilities/index.json`.
pub(super) async fn index<P: Platform>(context: &FeedContext<P>) -> Result<Answer<P>> {
    let mut pages = pages(context).await?;
    if pages.is_empty() {
        let page = json!({ "@name": BASE, "@updated": context.feed.created, "comment": "nothing is known" });
        pages.extend(page.as_object().cloned());
    }
    for page in &mut pages {
        let address = format!("{}v3/vulnerabilities/{}.json", context.root, wire::text(page, "@name"));
        page.insert("@id".to_owned(), address.into());
    }
    Answer::json(StatusCode::OK, &pages)
}

/// `GET v3/vulnerabilities/{name}.json`.
pub(super) async fn page<P: Platform>(context: &FeedContext<P>, name: &str) -> Result<Answer<P>> {
    let pages = pages(context).await?;
    let page = pages.iter().find(|page| wire::text(page, "@name") == name);
    let body = match page.and_then(|page| Url::parse(wire::text(page, "@id")).ok()) {
        None if pages.is_empty() && name == BASE => Some(Bytes::from_static(b"{}")),
        None => None,
        Some(url) => {
            // It is asked for where the index is from, and nowhere else: with credentials, perhaps.
            let request = |registry: Registry<'_>| {
                let index = Url::parse(&wire::resource(registry.description, &RESOURCE)?).ok()?;
                (index.scheme() == url.scheme()
                    && index.host_str() == url.host_str()
                    && index.port() == url.port())
                .then(|| upstream_get(url.clone(), "application/json"))
            };
            pass(context, url.as_str(), &request).await?
        }
    };
    let missing = || Error::NotFound(Missing::Other(format!("vulnerabilities have no page `{name}`")));
    let body = body.ok_or_else(missing)?;
    Ok(Answer::Document { status: StatusCode::OK, content_type: "application/json", body })
}

/// The pages of the first registry that has some.
async fn pages<P: Platform>(context: &FeedContext<P>) -> Result<Vec<wire::Members>> {
    let request = |registry: Registry<'_>| {
        let index = Url::parse(&wire::resource(registry.description, &RESOURCE)?).ok()?;
        Some(upstream_get(index, "application/json"))
    };
    let Some(index) = pass(context, "vulnerabilities", &request).await? else { return Ok(Vec::new()) };
    let index: Value = json::read(&index).unwrap_or_default();
    let mut pages = Vec::new();
    for page in index.as_array().into_iter().flatten().filter_map(Value::as_object) {
        let name = wire::text(page, "@name");
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_plain && !name.is_empty() {
            pages.push(page.clone());
        }
    }
    Ok(pages)
}

/// An upstream's answer, remembered.
async fn pass<P: Platform>(
    context: &FeedContext<P>,
    question: &str,
    request: &dyn Fn(Registry<'_>) -> Option<OutgoingRequest>,
) -> Result<Option<Bytes>> {
    let (platform, feed) = (&context.platform, &context.feed);
    if let Some(known) = passed::get(platform, feed, NuGet::ID, question).await {
        return Ok(Some(known));
    }
    let answer = ask_first(context, NuGet::ECOSYSTEM, request, ANSWER_LIMIT).await?;
    if let Some(answer) = &answer {
        passed::put(platform, feed, NuGet::ID, question, answer.clone(), LIFETIME).await;
    }
    Ok(answer)
}
