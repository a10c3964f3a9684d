//! Other registries' listings: what to ask, and reading the answer while it arrives.
//!
//! A packument is never held whole: versions are taken one by one, and each is kept in the form in which our own
//! listings print it, so that rendering need not parse it again (`listing.rs`).

use super::{Form, listing, name, wire};
use crate::error::UpstreamFault;
use crate::model::{Algorithm, Digest, FirstPublished, ListingState, SortedMap, Timestamp, json};
use crate::platform::OutgoingRequest;
use crate::service::json_splitter::{Handling, SplitError, Splitter, Visitor};
use crate::service::{ListingDecoder, Package, Registry, upstream_get};
use crate::store::listing_codec::{ListingTail, Offer, OfferedArtifact};
use serde_json::{Map, Value};
use std::io;
use url::Url;

/// Bytes of one version's manifest; npm's own limit is far below.
const MANIFEST_LIMIT: usize = 4 << 20;

/// Bytes of one member of the document besides the versions: `time` of a package with 10,000 versions has 500 KB.
const MEMBER_LIMIT: usize = 8 << 20;

/// Members of the document that are passed on in full listings.
pub(super) const PASSED_ON: [&str; 12] = [
    "description",
    "readme",
    "readmeFilename",
    "homepage",
    "repository",
    "bugs",
    "license",
    "keywords",
    "author",
    "contributors",
    "maintainers",
    "users",
];

/// Where a registry keeps a listing, and what to accept.
pub(super) fn listing_request(location: &Url, package: &Package, form: Form) -> Option<(Url, &'static str)> {
    let accept = match form {
        Form::Abbreviated => "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8",
        Form::Full => "application/json",
    };
    Some((location.join(&listing::encoded_name(package)).ok()?, accept))
}

/// How a registry is searched.
pub(super) fn search_request(
    registry: Registry<'_>,
    text: &str,
    size: usize,
    from: usize,
) -> Option<OutgoingRequest> {
    let mut url = registry.location.join("-/v1/search").ok()?;
    let (size, from) = (size.to_string(), from.to_string());
    url.query_pairs_mut().append_pair("text", text).append_pair("size", &size).append_pair("from", &from);
    Some(upstream_get(url, "application/json"))
}

/// Reads a packument.
pub(crate) struct PackumentDecoder {
    splitter: Splitter,
    document: Document,
}

struct Document {
    package: Package,
    form: Form,
    url: Url,
    offers: Vec<Offer>,
    tail: ListingTail,
    is_packument: bool,
}

impl PackumentDecoder {
    /// A decoder for a document that came from `url`.
    pub(super) fn new(
        package: &Package,
        form: Form,
        url: &Url,
        content_type: &str,
    ) -> Result<Self, UpstreamFault> {
        if !content_type.contains("json") {
            let text = format!("`{}` instead of JSON", content_type.chars().take(80).collect::<String>());
            return Err(UpstreamFault::Malformed(text));
        }
        let document = Document {
            package: package.clone(),
            form,
            url: url.clone(),
            offers: Vec::new(),
            tail: ListingTail::default(),
            is_packument: false,
        };
        Ok(Self { splitter: Splitter::new(), document })
    }
}

impl ListingDecoder for PackumentDecoder {
    fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        self.splitter.push(bytes, &mut self.document).map_err(|error| malformed(&error))?;
        for offer in self.document.offers.drain(..) {
            sink(offer).map_err(|error| UpstreamFault::Malformed(error.to_string()))?;
        }
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        _: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        self.splitter.finish::<serde_json::Error>().map_err(|error| malformed(&error))?;
        if !self.document.is_packument {
            return Err(UpstreamFault::Malformed("JSON without `versions`".to_owned()));
        }
        Ok(self.document.tail)
    }
}

fn malformed(error: &SplitError<serde_json::Error>) -> UpstreamFault {
    UpstreamFault::Malformed(error.to_string())
}

impl Visitor for Document {
    type Error = serde_json::Error;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        match path {
            [] if key == "versions" => {
                self.is_packument = true;
                Handling::Descend
            }
            [] if matches!(key, "name" | "dist-tags" | "time" | "modified") => {
                Handling::Capture { limit: MEMBER_LIMIT }
            }
            [] if self.form == Form::Full && PASSED_ON.contains(&key) => {
                Handling::Capture { limit: MEMBER_LIMIT }
            }
            [parent] if parent == "versions" => Handling::Capture { limit: MANIFEST_LIMIT },
            _ => Handling::Skip,
        }
    }

    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<(), serde_json::Error> {
        match (path, key) {
            ([], "name") => {
                let name: String = json::read(raw)?;
                if name != self.package.as_str() {
                    let name: String = name.escape_debug().take(80).collect();
                    return Err(serde::de::Error::custom(format!("the document of `{name}`")));
                }
            }
            ([], "dist-tags") => {
                let tags: SortedMap<String, Value> = json::read(raw)?;
                let texts =
                    tags.into_iter().filter_map(|(tag, value)| Some((tag, value.as_str()?.to_owned())));
                self.tail.tags = texts.collect();
            }
            ([], "time") => {
                let times: SortedMap<String, Value> = json::read(raw)?;
                self.modified(times.get("modified"));
                self.tail.published = times.into_iter().filter_map(publish_time).collect();
            }
            ([], "modified") => self.modified(Some(&json::read(raw)?)),
            // `null`: a package all of whose versions were withdrawn.
            ([], "versions") => {}
            ([], _) => {
                self.tail.extra.insert(key.to_owned(), json::read(raw)?);
            }
            _ => {
                let manifest: Value = json::read(raw)?;
                if let Value::Object(manifest) = manifest {
                    self.offers.extend(offer(&self.package, self.form, &self.url, key, manifest));
                }
            }
        }
        Ok(())
    }

    fn string_piece(&mut self, _: &[String], _: &str, _: &[u8]) -> Result<(), serde_json::Error> {
        Ok(())
    }

    fn string_end(&mut self, _: &[String], _: &str) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

impl Document {
    /// The abbreviated form says it of itself, the full one in `time`.
    fn modified(&mut self, value: Option<&Value>) {
        let moment = value.and_then(Value::as_str).and_then(Timestamp::parse);
        self.tail.modified = self.tail.modified.max(moment);
    }
}

fn publish_time((version, value): (String, Value)) -> Option<(String, Timestamp)> {
    let version = name::parse_version(&version).ok()?;
    Some((version.key().to_owned(), Timestamp::parse(value.as_str()?)?))
}

/// One version as an offer; `None` for what no client of today could install: a version that is not SemVer, or one
/// without a tarball.
fn offer(package: &Package, form: Form, url: &Url, number: &str, full: Map<String, Value>) -> Option<Offer> {
    let version = name::parse_version(number).ok()?;
    let dist = full.get("dist")?.as_object()?;
    let tarball = url.join(dist.get("tarball")?.as_str()?).ok()?;
    let digests = digests(dist);
    let message = deprecation(full.get("deprecated"));
    let manifest = match form {
        Form::Abbreviated => wire::abbreviate(&full),
        Form::Full => full,
    };
    Some(Offer {
        version: version.as_str().to_owned(),
        key: version.key().to_owned(),
        artifacts: vec![OfferedArtifact {
            name: name::tarball_name(package, &version).ok()?,
            url: tarball.into(),
            digests,
            checksum: None,
            size: None,
            companion_of: None,
            manifest: None,
        }],
        listing: ListingState { hidden: false, message },
        first_published: FirstPublished::External,
        published: None,
        manifest: listing::manifest(manifest)?,
    })
}

/// What `dist` declares of the tarball.
pub(super) fn digests(dist: &Map<String, Value>) -> Vec<Digest> {
    let text = |key: &str| dist.get(key).and_then(Value::as_str);
    let shasum = text("shasum").and_then(|hex| Digest::from_hex(Algorithm::Sha1, hex).ok());
    let integrity = text("integrity").and_then(|text| Digest::from_integrity(text).ok());
    let mut digests: Vec<Digest> = shasum.into_iter().chain(integrity).collect();
    digests.dedup();
    digests
}

/// A deprecation message; registries have been seen to send booleans and empty texts.
pub(super) fn deprecation(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Bool(true) => Some("this version is deprecated".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(form: Form, text: &str, piece: usize) -> Result<(Vec<Offer>, ListingTail), UpstreamFault> {
        let package = name::parse("@s/n").unwrap();
        let url = Url::parse("https://registry.example/@s%2fn").unwrap();
        let mut decoder = PackumentDecoder::new(&package, form, &url, "application/json; charset=utf-8")?;
        let mut offers = Vec::new();
        for piece in text.as_bytes().chunks(piece.max(1)) {
            decoder.push(piece, &mut |offer| {
                offers.push(offer);
                Ok(())
            })?;
        }
        let tail = Box::new(decoder).finish(&mut |_| Ok(()))?;
        Ok((offers, tail))
    }

    fn packument() -> String {
        serde_json::json!({
            "_id": "@s/n", "name": "@s/n", "description": "d",
            "dist-tags": {"latest": "1.0.0"},
            "versions": {
                "1.0.0": {"name": "@s/n", "version": "1.0.0", "scripts": {"install": "x"}, "deprecated": "old",
                    "dist": {"tarball": "/@s/n/-/n-1.0.0.tgz", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
                        "attestations": {"url": "https://elsewhere.example/x", "provenance": {"predicateType": "p"}}}},
                "not a version": {"dist": {"tarball": "x"}},
                "2.0.0": {"version": "2.0.0"},
            },
            "time": {"created": "2020-01-01T00:00:00.000Z", "modified": "2020-01-03T00:00:00.000Z", "1.0.0": "2020-01-02T00:00:00.000Z"},
        })
        .to_string()
    }

    #[test]
    fn a_packument_becomes_offers() {
        let (offers, tail) = decode(Form::Abbreviated, &packument(), 7).unwrap();
        assert_eq!(offers.len(), 1, "a version without a tarball is not offered");
        let offer = &offers[0];
        assert_eq!(offer.artifacts[0].url, "https://registry.example/@s/n/-/n-1.0.0.tgz");
        assert_eq!(offer.artifacts[0].name.as_str(), "n-1.0.0.tgz");
        assert_eq!(offer.listing.message.as_deref(), Some("old"));
        assert_eq!(
            offer.manifest.get(),
            "{\"name\":\"@s/n\",\"version\":\"1.0.0\",\"hasInstallScript\":true,\"dist\":{\
             \"shasum\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\",\
             \"attestations\":{\"provenance\":{\"predicateType\":\"p\"},\"url\":\"\"},\"tarball\":\"\"}}"
        );
        assert_eq!(tail.tags["latest"], "1.0.0");
        assert_eq!(tail.published["1.0.0"].to_string(), "2020-01-02T00:00:00.000Z");
        assert!(tail.extra.is_empty());
        assert_eq!(tail.modified, Timestamp::parse("2020-01-03T00:00:00Z"));
        assert_eq!(decode(Form::Full, &packument(), 100).unwrap().1.extra["description"], "d");
    }

    #[test]
    fn what_is_no_packument_is_malformed() {
        for text in [
            "{}",
            "[]",
            "<html>",
            "{\"versions\":{\"1.0.0\":{",
            "{\"versions\":{}} x",
            "{\"name\":\"other\",\"versions\":{}}",
        ] {
            assert!(matches!(decode(Form::Full, text, 9), Err(UpstreamFault::Malformed(_))), "{text}");
        }
        let package = name::parse("n").unwrap();
        let url = Url::parse("https://registry.example/n").unwrap();
        assert!(PackumentDecoder::new(&package, Form::Full, &url, "text/html").is_err());
        assert!(decode(Form::Full, "{\"versions\":null}", 9).is_ok(), "all withdrawn");
    }

    #[test]
    fn the_abbreviated_form_says_of_itself_when_it_changed() {
        let modified = |value: &str| {
            let text = format!("{{\"modified\":{value},\"versions\":{{}}}}");
            decode(Form::Abbreviated, &text, 9).unwrap().1.modified
        };
        assert_eq!(modified("\"2020-01-03T00:00:00.000Z\""), Timestamp::parse("2020-01-03T00:00:00Z"));
        for odd in ["null", "7", "\"yesterday\"", "{}"] {
            assert_eq!(modified(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(piece in 1_usize..200) {
            let whole = decode(Form::Full, &packument(), usize::MAX).unwrap();
            let pieces = decode(Form::Full, &packument(), piece).unwrap();
            prop_assert_eq!(whole.1, pieces.1);
            prop_assert_eq!(whole.0.len(), pieces.0.len());
        }
    }
}
