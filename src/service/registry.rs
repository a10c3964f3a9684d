//! What upstream registries say of themselves: the document from which the addresses of everything else follow.

use super::FeedContext;
use super::ecosystem::Ecosystem;
use super::fetch;
use crate::error::{Error, Result, UpstreamFault};
use crate::model::UpstreamSource;
use crate::platform::{OutgoingRequest, Platform};
use crate::store::passed;
use bytes::Bytes;
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
