//! What upstream registries say of themselves: the document from which the addresses of everything else follow.

use super::{Ecosystem, FeedContext, Registry, fetch, upstream};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{SourceKind, UpstreamSource};
use crate::platform::{OutgoingRequest, Platform};
use crate::store::passed;
use bytes::Bytes;
use http::StatusCode;
use std::rc::Rc;
use std::time::Duration;
use url::Url;

/// How long a description is good: registries change theirs in years.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The largest description read.
const LIMIT: usize = 1 << 20;

/// What the registry at `location` says of itself; empty where its ecosystem does not ask.
pub(super) async fn description<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    ecosystem: &'static dyn Ecosystem,
    location: &Url,
) -> Result<Bytes> {
    let Some((url, accept)) = ecosystem.description_request(location) else { return Ok(Bytes::new()) };
    let (platform, now) = (&context.platform, context.platform.now());
    let question = format!("description of {} at {url}", source.id.as_str());
    if let Some(known) = platform.memo().get::<Bytes>(&question, now) {
        return Ok((*known).clone());
    }
    let protocol = ecosystem.protocol();
    let bytes = if let Some(known) = passed::get(platform, &context.feed, protocol, &question).await {
        known
    } else {
        let bytes = ask(context, source, fetch::get(url, accept, false)).await?;
        if !ecosystem.is_description(&bytes) {
            let fault = UpstreamFault::Malformed("what should be its description".to_owned());
            return Err(Error::Upstream { name: source.name.clone(), fault });
        }
        passed::put(platform, &context.feed, protocol, &question, bytes.clone(), LIFETIME).await;
        bytes
    };
    platform.memo().put(question, Rc::new(bytes.clone()), bytes.len(), now, LIFETIME);
    Ok(bytes)
}

/// Asks public sources in order, at addresses that follow from what they say of themselves, and answers with the first
/// that has something: for what is not about versions, such as searches.
pub async fn ask_first<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    make: &dyn Fn(Registry<'_>) -> Option<Url>,
    accept: &'static str,
    limit: usize,
) -> Result<Option<Bytes>> {
    let mut failure = None;
    for source in context.feed.sources(ecosystem.protocol()) {
        if source.kind != SourceKind::Public {
            continue;
        }
        match ask_one(context, source, ecosystem, make, accept, limit).await {
            Ok(Some(bytes)) => return Ok(Some(bytes)),
            Ok(None) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(None), Err)
}

async fn ask_one<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    ecosystem: &'static dyn Ecosystem,
    make: &dyn Fn(Registry<'_>) -> Option<Url>,
    accept: &'static str,
    limit: usize,
) -> Result<Option<Bytes>> {
    let location = upstream::location(source)?;
    let description = description(context, source, ecosystem, &location).await?;
    let Some(url) = make(Registry { location: &location, description: &description }) else {
        return Ok(None);
    };
    let allow_private = context.settings.allow_private_upstreams;
    let request = fetch::get(url, accept, false);
    let fetched = fetch::fetch(&context.platform, source, request, allow_private).await?;
    if fetched.status != StatusCode::OK {
        return Ok(None);
    }
    fetch::collect(source, fetched.body, limit).await.map(Some)
}

async fn ask<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    request: OutgoingRequest,
) -> Result<Bytes> {
    let fault = |fault| Error::Upstream { name: source.name.clone(), fault };
    let allow_private = context.settings.allow_private_upstreams;
    let fetched = fetch::fetch(&context.platform, source, request, allow_private).await?;
    if fetched.is_absent() {
        return Err(fault(UpstreamFault::Malformed("it does not describe itself".to_owned())));
    }
    fetch::collect(source, fetched.body, LIMIT).await
}
