//! Probing: does a registry at some address answer as one of this ecosystem? Nothing is stored of what it says.

use super::fetch::{self, Envoy};
use super::{Package, Registry, Settings, registry, upstream};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Credentials, UpstreamSource};
use crate::platform::{Platform, header};
use crate::store::listing_codec::Offer;
use futures_util::StreamExt as _;

/// Bytes of documents that are only looked at.
const LIMIT: usize = 64 << 20;

/// So many documents of a listing are looked at: the first, and the next where that has no version but tells where they are.
const DOCUMENTS: usize = 2;

/// What was found of a package.
pub struct Probed {
    /// How many versions the document has that was looked at.
    pub versions: usize,
    /// The last of them.
    pub last: Option<String>,
}

/// Asks a source for a package; `None` if it answers that it has no version of it.
pub async fn probe<P: Platform>(
    platform: &P,
    settings: Settings,
    source: &UpstreamSource,
    credentials: Option<Credentials>,
    package: &Package,
) -> Result<Option<Probed>> {
    let fault = |fault| Error::upstream(source, fault);
    let envoy = Envoy::new(platform, source, credentials, settings.allow_private_upstreams);
    let ecosystem = package.ecosystem;
    let Some(form) = ecosystem.upstream_forms().first() else { return Ok(None) };
    let location = upstream::location(source, ecosystem)?;
    let description = registry::read_description(&envoy, ecosystem, &location).await?;
    let registry = Registry { location: &location, description: &description };
    let request = ecosystem.listing_request(registry, package, *form).map_err(fault)?;
    let Some((url, accept)) = request else { return Ok(None) };
    let fetched = envoy.fetch(fetch::get(url, accept, false)).await?;
    if fetched.is_absent() {
        return Ok(None);
    }
    let content_type = fetched.header(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let mut decoder =
        ecosystem.decoder(registry, package, *form, &fetched.url, &content_type).map_err(fault)?;
    let mut probed = Probed { versions: 0, last: None };
    let note = |probed: &mut Probed, offer: Offer| {
        probed.versions += 1;
        probed.last = Some(offer.version);
        Ok(())
    };
    let (mut body, mut size) = (fetched.body, 0_usize);
    for _ in 0..DOCUMENTS {
        let mut stream = body.into_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| fault(fetch::fault_of(&error)))?;
            size = size.saturating_add(piece.len());
            if size > LIMIT {
                return Err(fault(UpstreamFault::TooLarge(LIMIT as u64)));
            }
            decoder.push(&piece, &mut |offer| note(&mut probed, offer)).map_err(fault)?;
        }
        let next = decoder.next_document().map_err(fault)?;
        let Some((url, accept)) = next.filter(|_| probed.versions == 0) else { break };
        body = envoy.fetch(fetch::get(url, accept, false)).await?.body;
    }
    decoder.finish(&mut |offer| note(&mut probed, offer)).map_err(fault)?;
    Ok(Some(probed).filter(|probed| probed.versions > 0))
}
