//! Other indexes' pages: what to ask, and reading the answer while it arrives, as JSON or as HTML.
//!
//! An address without a path is an index's host, whose pages are below `simple/`; any other is the address of the pages
//! themselves, as one would give it to an installer.

mod html;
mod json;
mod release;

use super::wire;
use crate::error::UpstreamFault;
use crate::service::{ListingDecoder, Package};
use url::Url;

/// What we read, best first: HTML says neither sizes nor times.
const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// Where an index keeps a page, and what to accept.
pub(super) fn listing_request(location: &Url, package: &Package) -> Option<(Url, &'static str)> {
    let folder = if location.path() == "/" { "simple/" } else { "" };
    Some((location.join(&format!("{folder}{}/", package.key())).ok()?, ACCEPT))
}

/// A decoder for a page that came from `url`.
pub(super) fn decoder(
    package: &Package,
    url: &Url,
    content_type: &str,
) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == wire::JSON || media == "application/json" {
        Ok(Box::new(json::JsonDecoder::new(package, url)))
    } else if media.ends_with("html") {
        Ok(Box::new(html::HtmlDecoder::new(package, url)))
    } else {
        let text = format!("`{}` instead of a page of an index", media.chars().take(80).collect::<String>());
        Err(UpstreamFault::Malformed(text))
    }
}

#[cfg(test)]
mod tests;
