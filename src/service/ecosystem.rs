//! What a protocol tells the services. Everything here is pure: protocols describe, services perform.
//!
//! Services take ecosystems as trait objects, so that there is one copy of each service in the program, not six.

use super::description::{Description, Find, Readme};
use crate::error::{self, UpstreamFault};
use crate::model::{
    ArtifactName, Digest, ListingState, PackageName, ProtocolId, SortedMap, SortedSet, Timestamp, Version,
};
use crate::platform::{Headers, OutgoingRequest};
use crate::store::keys::PackagePath;
use crate::store::listing_codec::{ListingTail, Offer, OfferedArtifact};
use serde_json::Value;
use serde_json::value::RawValue;
use std::cmp::Ordering;
use std::io::{self, Write};
use std::ops::Deref;
use url::Url;

/// One package ecosystem, seen from the services.
pub trait Ecosystem: Sync {
    /// Its id, as in URLs and stored keys.
    fn protocol(&self) -> ProtocolId;

    /// Reads a package name, percent-decoded, as management paths spell it.
    fn package(&self, text: &str) -> error::Result<Package>;

    /// The fixed segments of management paths before each part of a package's name. Names of several parts are joined by
    /// colons.
    fn management_words(&self) -> &'static [&'static str] {
        &["packages"]
    }

    /// What is added to the address of a feed, ours or Azure's, to make that of a registry of this ecosystem.
    fn source_root(&self) -> &'static str;

    /// Reads a version number.
    fn version(&self, text: &str) -> Option<Version>;

    /// The protocol's name as Azure Artifacts' REST writes it.
    fn title(&self) -> &'static str;

    /// What a version's manifest says of it, for people.
    fn describe(&self, _manifest: &Value) -> Description {
        Description::default()
    }

    /// The order of two version keys.
    fn compare(&self, left: &str, right: &str) -> Ordering;

    /// Is that version key one of a version that is not finished?
    fn is_prerelease(&self, version_key: &str) -> bool;

    /// Can lists be asked for versions that are listed, or released, only? Azure Artifacts has that for one protocol.
    fn filters_lists(&self) -> bool {
        false
    }

    /// Where the protocol serves a file of a version, below its root; without a name, the one file that versions have.
    fn content_path(&self, package: &Package, version: &Version, file: Option<&str>) -> Option<String>;

    /// Where a version's readme is.
    fn readme(&self, _package: &Package, _version: &Version) -> Readme {
        Readme::None
    }

    /// How a registry is searched for packages by text, the first `size` of them, if it can be.
    fn search_request(&self, _registry: Registry<'_>, _text: &str, _size: usize) -> Option<OutgoingRequest> {
        None
    }

    /// What such a search found.
    fn found(&self, _answer: &[u8]) -> Vec<Find> {
        Vec::new()
    }

    /// The upstream documents from which a version can be resolved and saved, the least one first: that one is asked
    /// for where none is known yet.
    fn upstream_forms(&self) -> &'static [UpstreamForm];

    /// Where a registry at `location` describes itself, and what to accept; `None` if nothing need be known of it.
    fn description_request(&self, _location: &Url) -> Option<(Url, &'static str)> {
        None
    }

    /// Is that a registry's description of itself? One that is not is not remembered.
    fn is_description(&self, _document: &[u8]) -> bool {
        true
    }

    /// Where a registry keeps a document, and what to accept; `None` if it cannot have the package.
    fn listing_request(
        &self,
        registry: Registry<'_>,
        package: &Package,
        form: UpstreamForm,
    ) -> Result<Option<(Url, &'static str)>, UpstreamFault>;

    /// Reads an upstream's document, which came from `url` with that media type, piece by piece.
    fn decoder(
        &self,
        registry: Registry<'_>,
        package: &Package,
        form: UpstreamForm,
        url: &Url,
        content_type: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault>;

    /// Is this a version that only feeds hold, so that no source is ever asked for it?
    fn is_local_only(&self, _version: &Version) -> bool {
        false
    }

    /// Is the one file of a version the manifest of others, which are kept by what they hash to (`contents.rs`)?
    fn has_contents(&self) -> bool {
        false
    }

    /// Where a registry at `location` would keep a file, for registries that are trees of files: their listings tell of
    /// versions at most, and not of all. Without `file`, that which every version has. `None` where what is not listed is
    /// not there.
    fn unlisted(
        &self,
        _location: &Url,
        _package: &Package,
        _version: &Version,
        _file: Option<&ArtifactName>,
    ) -> Option<OfferedArtifact> {
        None
    }

    /// What a file must hash to by the headers it comes with, where its listing does not say.
    fn declared(&self, _headers: &Headers) -> Vec<Digest> {
        Vec::new()
    }

    /// Reads the document that says what a file must hash to ([`OfferedArtifact::checksum`]).
    fn read_checksum(&self, _document: &[u8]) -> Option<Digest> {
        None
    }

    /// Do clients ask for a listing and then for what it hashes to? Then one that is not fresh is not shown while its sources
    /// are asked: the second answer might be about another document than the first.
    fn is_hashed_apart(&self) -> bool {
        false
    }

    /// Writes our own document piece by piece; `root` is the protocol's root on the caller's scheme, host and prefix,
    /// with a trailing slash.
    fn renderer(&self, package: &Package, form: Form, root: &str) -> Box<dyn ListingRenderer>;
}

/// The ecosystem of an id, if there is one.
pub type Ecosystems = fn(&str) -> Option<&'static dyn Ecosystem>;

/// Do versions of a package leave contents behind when they go?
pub(super) fn has_contents(ecosystems: Ecosystems, path: &PackagePath) -> bool {
    ecosystems(path.protocol()).is_some_and(Ecosystem::has_contents)
}

/// One of the documents of versions that we render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its name in stored keys.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// The upstream document it is made from.
    pub upstream: UpstreamForm,
    /// Which part of it, for documents that come in several; 0 is all there is, or the first.
    pub part: u32,
}

/// One of the documents of versions that registries have: its name in stored keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamForm(pub &'static str);

/// An upstream registry.
#[derive(Clone, Copy, Debug)]
pub struct Registry<'a> {
    /// Its address, with a trailing slash.
    pub location: &'a Url,
    /// What it says of itself; empty where its ecosystem asks for no description.
    pub description: &'a [u8],
}

/// A package: a name in one ecosystem.
#[derive(Clone)]
pub struct Package {
    /// Whose package it is.
    pub ecosystem: &'static dyn Ecosystem,
    name: PackageName,
}

impl Package {
    /// Only an ecosystem's parser makes one.
    pub fn new(ecosystem: &'static dyn Ecosystem, name: PackageName) -> Self {
        Self { ecosystem, name }
    }

    /// The id of its ecosystem.
    pub fn protocol(&self) -> ProtocolId {
        self.ecosystem.protocol()
    }
}

impl Deref for Package {
    type Target = PackageName;

    fn deref(&self) -> &PackageName {
        &self.name
    }
}

impl std::fmt::Display for Package {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name.fmt(formatter)
    }
}

impl std::fmt::Debug for Package {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {:?}", self.protocol(), self.name)
    }
}

/// Reads an upstream's document.
pub trait ListingDecoder {
    /// Takes the next bytes; hands every offer that is complete to `sink`.
    fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault>;

    /// What was pushed so far is a whole document: another one that belongs to the listing, and what to accept.
    fn next_document(&mut self) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
        Ok(None)
    }

    /// The last document is over; offers that could be completed only now go to `sink`.
    fn finish(
        self: Box<Self>,
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault>;
}

/// A version as a listing shows it, whether local or offered by a source.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The version as its protocol prints it.
    pub version: &'a str,
    /// The normalised version.
    pub key: &'a str,
    /// Unlisted, yanked, deprecated?
    pub listing: &'a ListingState,
    /// Does the manifest come from a slot, and so perhaps in a fuller form than this document's?
    pub is_local: bool,
    /// What listings say of it, in the protocol's own form.
    pub manifest: &'a RawValue,
    /// Its files, as far as this caller can download them.
    pub files: &'a [ListedFile<'a>],
}

/// A file of a version as a listing shows it.
#[derive(Clone, Copy, Debug)]
pub struct ListedFile<'a> {
    /// Its name.
    pub name: &'a ArtifactName,
    /// Bytes, where known.
    pub size: Option<u64>,
    /// Digests known, weakest algorithm first.
    pub digests: &'a [Digest],
    /// What listings say of it, in the protocol's own form, where versions have several files.
    pub manifest: Option<&'a RawValue>,
}

/// What a listing says about the package as a whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Named pointers to versions, those to versions not shown already left out.
    pub tags: SortedMap<String, String>,
    /// Whose favourite the package is here.
    pub stars: SortedSet,
    /// When versions were first published, by version key.
    pub published: SortedMap<String, Timestamp>,
    /// When what is shown last changed where it was published: no version is younger, and saving changes nothing.
    pub modified: Option<Timestamp>,
    /// How often the package's index has changed.
    pub revision: u64,
    /// What the first source that has the package wants to pass on.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// Writes our own document.
pub trait ListingRenderer {
    /// Writes one version.
    fn version(&mut self, out: &mut dyn Write, version: Listed<'_>) -> io::Result<()>;

    /// Writes the rest.
    fn finish(self: Box<Self>, out: &mut dyn Write, summary: &Summary) -> io::Result<()>;
}
