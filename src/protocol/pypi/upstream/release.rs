//! From files to versions: indexes list files, and services want what a version consists of.

use crate::error::UpstreamFault;
use crate::model::{ArtifactName, Digest, FirstPublished, ListingState, SortedMap, Timestamp, Version};
use crate::protocol::pypi::name::{self, Kind, METADATA, PROVENANCE};
use crate::protocol::pypi::wire::FileFacts;
use crate::service::Package;
use crate::store::listing_codec::{Offer, OfferedArtifact};
use serde_json::value::RawValue;
use std::io;
use url::Url;

/// Bytes of what is kept of one page: the largest real ones have 10 MB. Files of one version may stand anywhere on a
/// page, so that nothing can be handed on before its end.
const KEPT_LIMIT: usize = 32 << 20;

/// A file as a page links it.
#[derive(Default)]
pub(super) struct Link {
    /// Its name.
    pub(super) name: String,
    /// Where it is, absolute.
    pub(super) url: Option<Url>,
    /// What it must hash to, weakest algorithm first.
    pub(super) digests: Vec<Digest>,
    /// Bytes.
    pub(super) size: Option<u64>,
    /// For which interpreters.
    pub(super) requires_python: Option<String>,
    /// When it was published.
    pub(super) upload_time: Option<String>,
    /// Why it was withdrawn, if it was.
    pub(super) yanked: Option<String>,
    /// What its metadata, if that is beside it, must hash to.
    pub(super) metadata: Option<Vec<Digest>>,
    /// Where its provenance is.
    pub(super) provenance: Option<Url>,
}

/// The versions of a page in the making.
pub(super) struct Releases {
    package: Package,
    found: Vec<Release>,
    by_key: SortedMap<String, usize>,
    kept: usize,
}

struct Release {
    version: Version,
    links: Vec<Link>,
}

impl Releases {
    /// Of that package, none yet.
    pub(super) fn new(package: &Package) -> Self {
        Self { package: package.clone(), found: Vec::new(), by_key: SortedMap::new(), kept: 0 }
    }

    /// The package.
    pub(super) fn package(&self) -> &Package {
        &self.package
    }

    /// Is there none?
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Takes a file in; one that no installer of today would take is passed over.
    pub(super) fn add(&mut self, link: Link) -> Result<(), UpstreamFault> {
        let Some(found) = name::parse_file(&self.package, &link.name) else { return Ok(()) };
        if link.url.is_none() || ArtifactName::parse(&link.name).is_none() {
            return Ok(());
        }
        // The whole of a link, roughly.
        self.kept += 320 + 2 * link.name.len() + link.url.as_ref().map_or(0, |url| url.as_str().len());
        if self.kept > KEPT_LIMIT {
            return Err(UpstreamFault::TooLarge(KEPT_LIMIT as u64));
        }
        let key = found.version.key().to_owned();
        let at = *self.by_key.or_insert_with(key, || self.found.len());
        if at == self.found.len() {
            self.found.push(Release { version: found.version, links: Vec::new() });
        }
        if let Some(release) = self.found.get_mut(at)
            && release.links.iter().all(|other| other.name != link.name)
        {
            let metadata = link.metadata.filter(|_| found.kind == Kind::Wheel);
            release.links.push(Link { metadata, ..link });
        }
        Ok(())
    }

    /// Hands all versions on, in the order in which the page first named them.
    pub(super) fn finish(self, sink: &mut dyn FnMut(Offer) -> io::Result<()>) -> Result<(), UpstreamFault> {
        for release in self.found {
            sink(release.offer()).map_err(|error| UpstreamFault::Malformed(error.to_string()))?;
        }
        Ok(())
    }
}

impl Release {
    fn offer(self) -> Offer {
        let hidden = self.links.iter().all(|link| link.yanked.is_some());
        let message = self.links.iter().find_map(|link| link.yanked.clone()).filter(|text| !text.is_empty());
        let times = self.links.iter().filter_map(|link| Timestamp::parse(link.upload_time.as_deref()?));
        Offer {
            version: self.version.as_str().to_owned(),
            key: self.version.key().to_owned(),
            published: times.min(),
            artifacts: self.links.into_iter().flat_map(|link| artifacts(link, hidden)).collect(),
            listing: ListingState { hidden, message: message.filter(|_| hidden) },
            first_published: FirstPublished::External,
            manifest: RawValue::NULL.to_owned(),
        }
    }
}

/// A file and what stands beside it.
fn artifacts(link: Link, release_is_hidden: bool) -> Vec<OfferedArtifact> {
    let (Some(name), Some(url)) = (ArtifactName::parse(&link.name), link.url) else { return Vec::new() };
    let facts = FileFacts {
        yanked: link.yanked.filter(|_| !release_is_hidden),
        requires_python: link.requires_python,
        upload_time: link.upload_time,
    };
    let manifest = facts.manifest();
    let beside = |ending: &str, url: Url, digests: Vec<Digest>| {
        Some(OfferedArtifact {
            name: ArtifactName::parse(&format!("{name}{ending}"))?,
            url: url.into(),
            digests,
            checksum: None,
            size: None,
            companion_of: Some(name.clone()),
            manifest: None,
        })
    };
    let metadata = link.metadata.and_then(|digests| beside(METADATA, metadata_url(&url), digests));
    let provenance = link.provenance.and_then(|url| beside(PROVENANCE, url, Vec::new()));
    let file = OfferedArtifact {
        name: name.clone(),
        url: url.into(),
        digests: link.digests,
        checksum: None,
        size: link.size,
        companion_of: None,
        manifest,
    };
    std::iter::once(file).chain(metadata).chain(provenance).collect()
}

/// Metadata is at the address of its wheel with `.metadata` behind the path.
fn metadata_url(url: &Url) -> Url {
    let mut metadata = url.clone();
    metadata.set_path(&format!("{}{METADATA}", url.path()));
    metadata
}
