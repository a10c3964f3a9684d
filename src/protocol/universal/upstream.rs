//! Feeds on other hosts: what to ask, and reading the answer, which is our own document.
//!
//! It is gathered before it is read: a line of it is as short as it is here.

use super::name;
use crate::error::UpstreamFault;
use crate::model::{Algorithm, Digest, FirstPublished, ListingState, Timestamp, json};
use crate::protocol::text;
use crate::service::{ListingDecoder, Package, Registry};
use crate::store::listing_codec::{ListingTail, Offer, OfferedArtifact};
use serde_json::Value;
use serde_json::value::to_raw_value;
use std::io;
use url::Url;

/// Bytes of a document.
const DOCUMENT_LIMIT: usize = 8 << 20;

/// Where a feed keeps the versions of a package, and what to accept.
pub(super) fn listing_request(location: &Url, package: &Package) -> Option<(Url, &'static str)> {
    Some((location.join(package.key()).ok()?, "application/json"))
}

/// Reads the document.
pub(super) struct VersionsDecoder {
    package: Package,
    location: Url,
    document: Vec<u8>,
}

impl VersionsDecoder {
    /// A decoder of what that feed says of that package.
    pub(super) fn new(registry: Registry<'_>, package: &Package) -> Self {
        Self { package: package.clone(), location: registry.location.clone(), document: Vec::new() }
    }

    /// One version as an offer; `None` for what could not be verified, or is no version here.
    fn offer(&self, line: &Value) -> Option<Offer> {
        let version = name::parse_version(line["version"].as_str()?).ok()?;
        let digest = Digest::from_hex(Algorithm::Sha256, line["sha256"].as_str()?).ok()?;
        let url = self.location.join(&format!("{}/{version}", self.package)).ok()?;
        let mut facts = line.as_object()?.clone();
        facts.retain(|name, _| matches!(&**name, "files" | "size" | "description"));
        Some(Offer {
            version: version.as_str().to_owned(),
            key: version.key().to_owned(),
            artifacts: vec![OfferedArtifact {
                name: name::manifest().ok()?,
                url: url.into(),
                digests: vec![digest],
                checksum: None,
                size: None,
                manifest: None,
                companion_of: None,
            }],
            listing: ListingState { hidden: line["listed"] == false, message: None },
            first_published: FirstPublished::External,
            published: Timestamp::parse(&text::said(line, "published")),
            manifest: to_raw_value(&facts).ok()?,
        })
    }
}

impl ListingDecoder for VersionsDecoder {
    fn push(
        &mut self,
        bytes: &[u8],
        _: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        if self.document.len() + bytes.len() > DOCUMENT_LIMIT {
            return Err(UpstreamFault::TooLarge(DOCUMENT_LIMIT as u64));
        }
        self.document.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        let document: Value = json::read(&self.document).unwrap_or_default();
        let versions = document["versions"].as_array().filter(|_| document["name"] == self.package.as_str());
        let not_ours = || UpstreamFault::Malformed("no list of versions of the package".to_owned());
        for line in versions.ok_or_else(not_ours)? {
            if let Some(offer) = self.offer(line) {
                sink(offer).map_err(|error| UpstreamFault::Malformed(error.to_string()))?;
            }
        }
        Ok(ListingTail::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn decode(text: &str, piece: usize) -> Result<Vec<Offer>, UpstreamFault> {
        let location = Url::parse("https://feeds.example/acme/_packaging/main@Release/upack/").unwrap();
        let registry = Registry { location: &location, description: b"" };
        let mut decoder = VersionsDecoder::new(registry, &name::parse("my-tools").unwrap());
        let mut offers = Vec::new();
        let mut sink = |offer| {
            offers.push(offer);
            Ok(())
        };
        for piece in text.as_bytes().chunks(piece) {
            decoder.push(piece, &mut sink)?;
        }
        Box::new(decoder).finish(&mut sink)?;
        Ok(offers)
    }

    #[test]
    fn versions_become_offers() {
        let text = json!({ "name": "my-tools", "latest": "1.0.0", "versions": [
            { "version": "1.0.0", "listed": true, "files": 2, "size": 7, "sha256": EMPTY, "description": "Tools",
              "published": "2026-01-02T03:04:05.000Z", "later": 1 },
            { "version": "1.1.0", "listed": false, "files": 1, "size": 0, "sha256": EMPTY },
            { "version": "1.2", "listed": true, "files": 1, "size": 0, "sha256": EMPTY },
            { "version": "1.3.0", "listed": true, "files": 1, "size": 0, "sha256": null },
        ]});
        let offers = decode(&text.to_string(), 9).unwrap();
        let [one, two] = offers.as_slice() else { panic!("{}", offers.len()) };
        assert_eq!((one.key.as_str(), two.key.as_str()), ("1.0.0", "1.1.0"));
        assert_eq!((one.listing.hidden, two.listing.hidden), (false, true));
        let facts: Value = serde_json::from_str(one.manifest.get()).unwrap();
        assert_eq!(facts, json!({ "files": 2, "size": 7, "description": "Tools" }));
        assert_eq!(one.published.unwrap().to_string(), "2026-01-02T03:04:05.000Z");
        let [file] = one.artifacts.as_slice() else { panic!("one file") };
        assert_eq!((file.name.as_str(), file.digests[0].hex().as_str()), ("manifest.json", EMPTY));
        assert_eq!(file.url, "https://feeds.example/acme/_packaging/main@Release/upack/my-tools/1.0.0");
    }

    #[test]
    fn what_is_another_document_is_malformed() {
        for text in ["", "<html>", "[]", "{}", r#"{"name":"other","versions":[]}"#, r#"{"name":"my-tools"}"#]
        {
            assert!(matches!(decode(text, 5), Err(UpstreamFault::Malformed(_))), "{text}");
        }
        let endless = " ".repeat(DOCUMENT_LIMIT + 1);
        assert_eq!(decode(&endless, 1 << 20).unwrap_err(), UpstreamFault::TooLarge(8 << 20));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text: String, piece in 1_usize..20) {
            let _ = decode(&text, piece);
        }
    }
}
