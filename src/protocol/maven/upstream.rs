//! Other repositories: trees of files. What they have of an artifact stands in its metadata, as far as they have any; a file is
//! where its name says, whether or not metadata tells of its version, and what it must hash to stands in the headers it comes
//! with, or beside it.

use super::listing::PLUGINS;
use super::name;
use super::wire::{self, Metadata};
use crate::error::UpstreamFault;
use crate::model::{Algorithm, ArtifactName, Digest, FirstPublished, ListingState, Version};
use crate::platform::{Headers, header};
use crate::service::{ListingDecoder, Package};
use crate::store::listing_codec::{ListingTail, Offer, OfferedArtifact};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::io;
use url::Url;

/// Bytes of metadata; the largest known have 1 MB.
const METADATA_LIMIT: usize = 16 << 20;

/// Where a repository says what it has of an artifact or a group, and what to accept.
pub(super) fn listing_request(location: &Url, package: &Package) -> Option<(Url, &'static str)> {
    Some((
        below(location, name::folder(package).chain([name::METADATA]))?,
        "application/xml, text/xml, */*;q=0.5",
    ))
}

/// Where a repository keeps a file, if it does.
pub(super) fn file(
    location: &Url,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
) -> Option<OfferedArtifact> {
    let url = below(location, name::folder(package).chain([version.as_str(), file.as_str()]))?;
    Some(OfferedArtifact {
        name: file.clone(),
        checksum: Some(format!("{url}.sha1")),
        url: url.into(),
        digests: Vec::new(),
        size: None,
        companion_of: None,
        manifest: None,
    })
}

fn below<'a>(location: &Url, segments: impl Iterator<Item = &'a str>) -> Option<Url> {
    let mut url = location.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url)
}

/// What a file must hash to by the headers it comes with: `x-checksum-…`, or the digest that some repositories have in their
/// entity tags.
pub(super) fn declared(headers: &Headers) -> Vec<Digest> {
    let digest = |algorithm: Algorithm| {
        Digest::from_hex(algorithm, headers.get(&format!("x-checksum-{}", algorithm.name()))?.trim()).ok()
    };
    let mut digests: Vec<Digest> = Algorithm::ALL.into_iter().filter_map(digest).collect();
    if digests.is_empty() {
        let tag = headers.get(header::ETAG).unwrap_or_default().trim_matches('"');
        let hex = tag.strip_prefix("{SHA1{").and_then(|tag| tag.strip_suffix("}}"));
        digests.extend(hex.and_then(|hex| Digest::from_hex(Algorithm::Sha1, hex).ok()));
    }
    digests
}

/// Reads metadata, once it is all there.
pub(super) struct MetadataDecoder {
    package: Package,
    document: Vec<u8>,
}

impl MetadataDecoder {
    pub(super) fn new(package: &Package) -> Self {
        Self { package: package.clone(), document: Vec::new() }
    }

    /// What is offered: versions of an artifact, or plugins of a group in their place.
    fn offers(&self, metadata: &Metadata) -> Vec<Offer> {
        if name::coordinates(&self.package).1.is_none() {
            let plugins = metadata.plugins.iter();
            return plugins
                .map(|plugin| offer(&plugin.prefix, &plugin.prefix, raw(&plugin.facts())))
                .collect();
        }
        let versions = metadata.versions.iter().filter(|version| !name::is_snapshot(version));
        let versions = versions.filter_map(|version| name::parse_version(version));
        versions.map(|version| offer(version.as_str(), version.key(), RawValue::NULL.to_owned())).collect()
    }
}

impl ListingDecoder for MetadataDecoder {
    fn push(
        &mut self,
        bytes: &[u8],
        _: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        if self.document.len() + bytes.len() > METADATA_LIMIT {
            return Err(UpstreamFault::TooLarge(METADATA_LIMIT as u64));
        }
        self.document.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        let malformed = |text: &str| UpstreamFault::Malformed(text.to_owned());
        let metadata =
            Metadata::read(&self.document).ok_or_else(|| malformed("what should be its metadata"))?;
        let artifact = name::coordinates(&self.package).1;
        if metadata.artifact.as_deref().is_some_and(|told| artifact.is_some_and(|artifact| told != artifact))
        {
            return Err(malformed("metadata of another artifact"));
        }
        for offer in self.offers(&metadata) {
            sink(offer).map_err(|error| malformed(&error.to_string()))?;
        }
        let mut tail = ListingTail { modified: metadata.last_updated, ..ListingTail::default() };
        if !metadata.plugins.is_empty() {
            let plugins = metadata.plugins.iter().map(wire::Plugin::facts).collect();
            tail.extra.insert(PLUGINS.to_owned(), Value::Array(plugins));
        }
        Ok(tail)
    }
}

fn offer(version: &str, key: &str, manifest: Box<RawValue>) -> Offer {
    Offer {
        version: version.to_owned(),
        key: key.to_owned(),
        artifacts: Vec::new(),
        listing: ListingState::default(),
        first_published: FirstPublished::External,
        published: None,
        manifest,
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(package: &Package, document: &str) -> Result<(Vec<String>, ListingTail), UpstreamFault> {
        let mut decoder = Box::new(MetadataDecoder::new(package));
        let mut keys = Vec::new();
        let mut sink = |offer: Offer| {
            keys.push(offer.key);
            Ok(())
        };
        for byte in document.as_bytes().chunks(7) {
            decoder.push(byte, &mut sink)?;
        }
        let tail = decoder.finish(&mut sink)?;
        Ok((keys, tail))
    }

    #[test]
    fn versions_and_plugins_are_offered_but_for_snapshots() {
        let document = "<metadata><versioning><versions><version>1</version><version>2-SNAPSHOT</version>\
            <version>3</version><version>a/b</version></versions><lastUpdated>20260102030405</lastUpdated></versioning>\
            <plugins><plugin><prefix>p</prefix><artifactId>a</artifactId></plugin></plugins></metadata>";
        let (versions, tail) = decode(&name::parse("g:a").unwrap(), document).unwrap();
        assert_eq!(versions, ["1", "3"]);
        assert_eq!(tail.modified, name::moment("20260102030405"));
        assert_eq!(tail.extra[PLUGINS][0]["prefix"], "p");
        let (plugins, _) = decode(&name::group("g").unwrap(), document).unwrap();
        assert_eq!(plugins, ["p"]);
        assert!(decode(&name::group("g").unwrap(), "<html/>").is_err());
        let other = "<metadata><artifactId>b</artifactId></metadata>";
        assert!(decode(&name::parse("g:a").unwrap(), other).is_err(), "of another artifact");
        assert!(decode(&name::parse("g:b").unwrap(), other).is_ok());
    }

    #[test]
    fn files_are_where_their_names_say() {
        let location = Url::parse("https://h/repo/").unwrap();
        let (package, version) =
            (name::parse("org.example:lib").unwrap(), name::parse_version("1.0+b").unwrap());
        let name = ArtifactName::parse("lib-1.0+b äx.jar").unwrap();
        let file = file(&location, &package, &version, &name).unwrap();
        assert_eq!(file.url, "https://h/repo/org/example/lib/1.0+b/lib-1.0+b%20%C3%A4x.jar");
        assert_eq!(file.checksum.unwrap(), format!("{}.sha1", file.url));
        let (url, _) = listing_request(&location, &package).unwrap();
        assert_eq!(url.as_str(), "https://h/repo/org/example/lib/maven-metadata.xml");
    }

    #[test]
    fn headers_declare_digests() {
        let hex = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        let of = |pairs: &[(&'static str, String)]| {
            let headers = pairs.iter().map(|(name, value)| (*name, value.as_str()));
            declared(&headers.collect()).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let md5 = "d41d8cd98f00b204e9800998ecf8427e".to_owned();
        assert_eq!(
            of(&[("x-checksum-sha1", hex.to_owned()), ("x-checksum-md5", md5.clone())]),
            [format!("md5:{md5}"), format!("sha1:{hex}")]
        );
        assert_eq!(of(&[("etag", format!("\"{{SHA1{{{hex}}}}}\""))]), [format!("sha1:{hex}")]);
        assert_eq!(of(&[("etag", format!("\"{hex}\"")), ("x-checksum-sha1", "?".to_owned())]), [""; 0]);
    }
}
