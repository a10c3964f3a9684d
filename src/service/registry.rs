//! What upstream registries are asked besides listings: what they say of themselves, from which the addresses of everything
//! else follow, and what is passed through from them.

use super::fetch::{self, Envoy};
use super::{Ecosystem, FeedContext, Registry, upstream};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::UpstreamSource;
use crate::platform::{OutgoingRequest, Platform};
use crate::store::passed;
use bytes::Bytes;
use http::{Method, StatusCode};
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
    let Some((url, _)) = ecosystem.description_request(location) else { return Ok(Bytes::new()) };
    let (platform, now) = (&context.platform, context.platform.now());
    let question = format!("description of {} at {url}", source.id.as_str());
    if let Some(known) = platform.memo().get::<Bytes>(&question, now) {
        return Ok((*known).clone());
    }
    let protocol = ecosystem.protocol();
    let bytes = if let Some(known) = passed::get(platform, &context.feed, protocol, &question).await {
        known
    } else {
        let bytes = read_description(&Envoy::of(context, source)?, ecosystem, location).await?;
        passed::put(platform, &context.feed, protocol, &question, bytes.clone(), LIFETIME).await;
        bytes
    };
    platform.memo().put(question, Rc::new(bytes.clone()), bytes.len(), now, LIFETIME);
    Ok(bytes)
}

/// Asks a registry what it says of itself; empty where its ecosystem does not ask.
pub(super) async fn read_description<P: Platform>(
    envoy: &Envoy<'_, P>,
    ecosystem: &dyn Ecosystem,
    location: &Url,
) -> Result<Bytes> {
    let Some((url, accept)) = ecosystem.description_request(location) else { return Ok(Bytes::new()) };
    let malformed = |what: &str| Error::malformed(envoy.source, what);
    let fetched = envoy.fetch(fetch::get(url, accept, false)).await?;
    if fetched.is_absent() {
        return Err(malformed("it does not describe itself"));
    }
    let bytes = fetch::collect(envoy.source, fetched.body, LIMIT).await?;
    if ecosystem.is_description(&bytes) {
        Ok(bytes)
    } else {
        Err(malformed("what should be its description"))
    }
}

/// Asks sources in order, feeds of this deployment left out, and answers with what the first has that has something: for
/// what is not about versions, such as searches, audits, keys and attestations. `make` is given a source's address, and
/// what it says of itself.
pub async fn ask_first<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    make: &dyn Fn(Registry<'_>) -> Option<OutgoingRequest>,
    limit: usize,
) -> Result<Option<Bytes>> {
    let mut failure = None;
    for source in context.feed.sources(ecosystem.protocol()) {
        if source.is_neighbour() {
            continue;
        }
        match ask_one(context, source, ecosystem, make, limit).await {
            Ok(Some(bytes)) => return Ok(Some(bytes)),
            Ok(None) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(None), Err)
}

/// One source's answer to such a question; `None` if it has none, which is remembered for a while. A source that was just
/// found to be out of reach, by this or by a listing, is left alone, unless somebody insists.
async fn ask_one<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    ecosystem: &'static dyn Ecosystem,
    make: &dyn Fn(Registry<'_>) -> Option<OutgoingRequest>,
    limit: usize,
) -> Result<Option<Bytes>> {
    let Ok(location) = upstream::location(source, ecosystem) else { return Ok(None) };
    let (platform, memo) = (&context.platform, context.platform.memo());
    if let Some(error) = upstream::paused(platform, source).filter(|_| !context.always_check) {
        return Err(error.into());
    }
    let description = description(context, source, ecosystem, &location).await?;
    let Some(request) = make(Registry { location: &location, description: &description }) else {
        return Ok(None);
    };
    let reads = request.method == Method::GET;
    let absent = reads.then(|| format!("absent:{}:{}", source.memory_key(), request.url));
    let known = absent.as_ref().filter(|_| !context.always_check);
    if known.is_some_and(|key| memo.get::<()>(key, platform.now()).is_some()) {
        return Ok(None);
    }
    match fetch::fetch(context, source, request).await {
        Ok(fetched) if fetched.status == StatusCode::OK => {
            fetch::collect(source, fetched.body, limit).await.map(Some)
        }
        Ok(fetched) => {
            if let Some(key) = absent.filter(|_| fetched.is_absent()) {
                let lifetime = upstream::ABSENT_REUSE.min(source.freshness());
                memo.put(key, Rc::new(()), 16, platform.now(), lifetime);
            }
            Ok(None)
        }
        Err(error) => {
            if is_out_of_reach(&error) {
                upstream::pause(platform, source, &error);
            }
            Err(error)
        }
    }
}

/// Does this failure concern everything a source has? Not every registry offers every service: an error in answer to
/// an audit says nothing about its listings.
pub(super) fn is_out_of_reach(error: &Error) -> bool {
    use UpstreamFault::{Throttled, TimedOut, Unreachable};
    matches!(error, Error::Upstream { fault: Unreachable(_) | TimedOut | Throttled(_), .. })
}
