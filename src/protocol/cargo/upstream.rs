//! Other registries' indexes: what to ask, and reading the answer while it arrives.
//!
//! An index file is one line of JSON per version. Lines are kept as they came, since clients read members of them that
//! nobody knew when this was written; only a line that no client could use is left out.

use super::{name, wire};
use crate::error::UpstreamFault;
use crate::model::{Algorithm, Digest, FirstPublished, ListingState, Timestamp};
use crate::platform::OutgoingRequest;
use crate::service::{ListingDecoder, Package, Registry, upstream_get};
use crate::store::listing_codec::{ListingTail, Offer, OfferedArtifact};
use serde_json::value::RawValue;
use std::io;
use url::Url;

/// Bytes of one line; the largest known have 100 KB.
const LINE_LIMIT: usize = 4 << 20;

/// How a registry is searched; pages are counted from one.
pub(super) fn search_request(
    registry: Registry<'_>,
    text: &str,
    size: usize,
    page: usize,
) -> Option<OutgoingRequest> {
    let api = wire::described(registry.description, "api")?;
    let mut url = Url::parse(&format!("{}/api/v1/crates", api.trim_end_matches('/'))).ok()?;
    let (size, page) = (size.to_string(), page.to_string());
    url.query_pairs_mut().append_pair("q", text).append_pair("per_page", &size).append_pair("page", &page);
    Some(upstream_get(url, "application/json"))
}

/// Where a registry describes itself, and what to accept.
pub(super) fn description_request(location: &Url) -> Option<(Url, &'static str)> {
    Some((location.join("config.json").ok()?, "application/json"))
}

/// Where a registry's index keeps a crate, and what to accept.
pub(super) fn listing_request(location: &Url, package: &Package) -> Option<(Url, &'static str)> {
    let path = format!("{}/{}", name::folder(package.key())?, package.key());
    Some((location.join(&path).ok()?, "text/plain"))
}

/// Reads an index file.
pub(super) struct IndexDecoder {
    package: Package,
    /// Where archives are, with markers.
    downloads: String,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    /// Was there a line that clients can use, and was there one they cannot?
    good: bool,
    bad: bool,
}

impl IndexDecoder {
    /// A decoder of an answer with that media type.
    pub(super) fn new(
        registry: Registry<'_>,
        package: &Package,
        content_type: &str,
    ) -> Result<Self, UpstreamFault> {
        if content_type.contains("html") {
            return Err(UpstreamFault::Malformed("HTML instead of an index file".to_owned()));
        }
        let downloads = wire::described(registry.description, "dl")
            .ok_or_else(|| UpstreamFault::Malformed("its config.json has no `dl`".to_owned()))?;
        Ok(Self { package: package.clone(), downloads, rest: Vec::new(), good: false, bad: false })
    }

    fn line(
        &mut self,
        line: &[u8],
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        let text = str::from_utf8(line).map_or("?", str::trim);
        if text.is_empty() {
            return Ok(());
        }
        let Some(read) = wire::Line::parse(text) else {
            self.bad = true;
            return Ok(());
        };
        if !read.name.eq_ignore_ascii_case(self.package.key()) {
            let other: String = read.name.escape_debug().take(80).collect();
            return Err(UpstreamFault::Malformed(format!("the index file of `{other}`")));
        }
        self.good = true;
        match self.offer(text, &read) {
            Some(offer) => sink(offer).map_err(|error| UpstreamFault::Malformed(error.to_string())),
            None => Ok(()),
        }
    }

    /// One version as an offer; `None` for what no client could use: a version that is not SemVer, or bytes that cannot
    /// be verified.
    fn offer(&self, text: &str, line: &wire::Line<'_>) -> Option<Offer> {
        let version = name::parse_version(&line.vers).ok()?;
        let digest = Digest::from_hex(Algorithm::Sha256, &line.cksum).ok()?;
        let url = download_url(&self.downloads, &line.name, &line.vers, &line.cksum)?;
        Some(Offer {
            version: version.as_str().to_owned(),
            key: version.key().to_owned(),
            artifacts: vec![OfferedArtifact {
                name: name::archive(&self.package, &version).ok()?,
                url: url.into(),
                digests: vec![digest],
                checksum: None,
                size: None,
                manifest: None,
                companion_of: None,
            }],
            listing: ListingState { hidden: line.is_yanked(), message: None },
            first_published: FirstPublished::External,
            published: line.pubtime.as_deref().and_then(Timestamp::parse),
            manifest: RawValue::from_string(text.to_owned()).ok()?,
        })
    }
}

impl ListingDecoder for IndexDecoder {
    fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        let mut left = bytes;
        while let Some(at) = memchr::memchr(b'\n', left) {
            self.rest.extend_from_slice(&left[..at]);
            left = &left[at + 1..];
            let line = std::mem::take(&mut self.rest);
            self.line(&line, sink)?;
        }
        self.rest.extend_from_slice(left);
        if self.rest.len() > LINE_LIMIT {
            return Err(UpstreamFault::Malformed(format!("a line over {LINE_LIMIT} bytes")));
        }
        Ok(())
    }

    fn finish(
        mut self: Box<Self>,
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        let rest = std::mem::take(&mut self.rest);
        let bad_before = std::mem::take(&mut self.bad);
        self.line(&rest, sink)?;
        // A last line that does not end was cut off; a file of which nothing can be read is something else.
        if self.bad || bad_before && !self.good {
            return Err(UpstreamFault::Malformed("what should be an index file".to_owned()));
        }
        Ok(ListingTail::default())
    }
}

/// Where an archive is ([`dl`](https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration)).
fn download_url(template: &str, name: &str, version: &str, checksum: &str) -> Option<Url> {
    if !template.contains('{') {
        return Url::parse(&format!("{template}/{name}/{version}/download")).ok();
    }
    let folder = name::folder(name)?;
    let url = template
        .replace("{crate}", name)
        .replace("{version}", version)
        .replace("{prefix}", &folder)
        .replace("{lowerprefix}", &folder.to_ascii_lowercase())
        .replace("{sha256-checksum}", checksum);
    Url::parse(&url).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = r#"{"name":"Foo","vers":"1.0.0","deps":[],"cksum":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","features":{},"yanked":false,"pubtime":"2020-01-02T03:04:05Z","later":[ 1 ]}"#;
    const TWO: &str = r#"{"name":"Foo","vers":"2.0.0+b","deps":[],"cksum":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","features":{},"yanked":true,"v":2}"#;

    fn package() -> Package {
        name::parse("foo").unwrap()
    }

    fn decode(text: &str, piece: usize) -> Result<Vec<Offer>, UpstreamFault> {
        let location = Url::parse("https://registry.example/index/").unwrap();
        let registry = Registry { location: &location, description: br#"{"dl":"https://files.example/dl"}"# };
        let mut decoder = IndexDecoder::new(registry, &package(), "text/plain")?;
        let mut offers = Vec::new();
        let mut sink = |offer| {
            offers.push(offer);
            Ok(())
        };
        for piece in text.as_bytes().chunks(piece.max(1)) {
            decoder.push(piece, &mut sink)?;
        }
        Box::new(decoder).finish(&mut sink)?;
        Ok(offers)
    }

    #[test]
    fn lines_become_offers_and_stay_as_they_were() {
        let offers = decode(&format!("{ONE}\n{TWO}\n"), 7).unwrap();
        let [one, two] = offers.as_slice() else { panic!("{}", offers.len()) };
        assert_eq!((one.manifest.get(), two.manifest.get()), (ONE, TWO));
        assert_eq!((one.listing.hidden, two.listing.hidden), (false, true));
        assert_eq!(one.published.unwrap().to_string(), "2020-01-02T03:04:05.000Z");
        assert_eq!(one.artifacts[0].url, "https://files.example/dl/Foo/1.0.0/download");
        assert_eq!(one.artifacts[0].digests[0].algorithm(), Algorithm::Sha256);
        assert_eq!((two.version.as_str(), two.key.as_str()), ("2.0.0+b", "2.0.0"));
        assert_eq!(two.artifacts[0].name.as_str(), "foo-2.0.0.crate");
        assert_eq!(two.artifacts[0].url, "https://files.example/dl/Foo/2.0.0+b/download");
    }

    #[test]
    fn what_clients_could_not_use_is_left_out() {
        let unverifiable = ONE.replace("e3b0", "xxxx");
        let text = format!("{unverifiable}\n\n{{\"name\":\"foo\"}}\n{TWO}\r\n");
        assert_eq!(decode(&text, 99).unwrap().len(), 1);
        assert!(decode("", 1).unwrap().is_empty(), "a crate all of whose versions are gone");
        assert_eq!(
            decode(&format!("{TWO}\n{ONE}"), 64).unwrap().len(),
            2,
            "the last line may end with the file"
        );
    }

    #[test]
    fn what_is_no_index_file_is_malformed() {
        let cut = format!("{ONE}\n{}", &TWO[..40]);
        let other = ONE.replace("Foo", "bar");
        for text in ["<html>", "{}", "[]\n[]\n", cut.as_str(), other.as_str(), "\u{feff}x"] {
            assert!(matches!(decode(text, 9), Err(UpstreamFault::Malformed(_))), "{text}");
        }
        let location = Url::parse("https://registry.example/").unwrap();
        let decoder = |description, content_type| {
            IndexDecoder::new(Registry { location: &location, description }, &package(), content_type)
        };
        assert!(decoder(b"{\"dl\":\"x\"}", "text/html; charset=utf-8").is_err());
        assert!(decoder(b"{\"api\":\"x\"}", "text/plain").is_err());
        assert!(decoder(b"", "").is_err());
    }

    #[test]
    fn addresses_are_made_as_the_description_says() {
        for (template, expected) in [
            ("https://h/dl", "https://h/dl/Serde/1.0.0+x/download"),
            ("https://h/{crate}-{version}.crate", "https://h/Serde-1.0.0+x.crate"),
            ("https://h/{prefix}/{lowerprefix}/{sha256-checksum}", "https://h/Se/rd/se/rd/00ff"),
        ] {
            assert_eq!(download_url(template, "Serde", "1.0.0+x", "00ff").unwrap().as_str(), expected);
        }
        assert!(download_url("not a url", "a", "1.0.0", "").is_none());
        let location = Url::parse("https://registry.example/index/").unwrap();
        let (url, _) = listing_request(&location, &package()).unwrap();
        assert_eq!(url.as_str(), "https://registry.example/index/3/f/foo");
        let (url, _) = description_request(&location).unwrap();
        assert_eq!(url.as_str(), "https://registry.example/index/config.json");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(piece in 1_usize..300) {
            let text = format!("{ONE}\n\n{TWO}\n");
            let print = |offers: Vec<Offer>| offers.iter().map(|offer| serde_json::to_string(offer).unwrap()).collect::<Vec<_>>();
            prop_assert_eq!(print(decode(&text, piece).unwrap()), print(decode(&text, usize::MAX).unwrap()));
        }

        #[test]
        fn no_bytes_panic(text: String, piece in 1_usize..20) {
            let _ = decode(&text, piece);
        }
    }
}
