//! Probing: does a registry at some address answer as one of this ecosystem? Nothing is stored of what it says.

use super::fetch::{self, Envoy};
use super::{Package, Registry, Settings, registry, upstream};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Credentials, UpstreamSource};
use crate::platform::Platform;
use futures_util::StreamExt as _;
use http::header;

/// Bytes of a document that is only looked at.
const LIMIT: usize = 64 << 20;

/// What was found of a package.
pub struct Probed {
    /// How many versions the first document of its listing has.
    pub versions: usize,
    /// The last of them.
    pub last: Option<String>,
}

/// Asks a source for a package; `None` if it answers that it has no such package.
pub async fn probe<P: Platform>(
    platform: &P,
    settings: Settings,
    source: &UpstreamSource,
    credentials: Option<Credentials>,
    package: &Package,
) -> Result<Option<Probed>> {
    let fault = |fault| Error::Upstream { name: source.name.clone(), fault };
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
    let mut sink = |offer: crate::store::listing_codec::Offer| {
        probed.versions += 1;
        probed.last = Some(offer.version);
        Ok(())
    };
    let (mut stream, mut size) = (fetched.body.into_stream(), 0_usize);
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| fault(fetch::fault_of(&error)))?;
        size = size.saturating_add(piece.len());
        if size > LIMIT {
            return Err(fault(UpstreamFault::TooLarge(LIMIT as u64)));
        }
        decoder.push(&piece, &mut sink).map_err(fault)?;
    }
    decoder.finish(&mut sink).map_err(fault)?;
    Ok(Some(probed))
}
