//! What a protocol tells the services. Everything here is pure: protocols describe, services perform.

use crate::error::UpstreamFault;
use crate::model::{ListingState, PackageName, ProtocolId, Timestamp, Version};
use crate::store::listing_codec::{ListingTail, Offer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{self, Write};
use url::Url;

/// One package ecosystem, seen from the services.
pub trait Ecosystem: 'static {
    /// Its id, as in URLs and stored keys.
    const PROTOCOL: ProtocolId;

    /// Which document of versions is meant, where there are several.
    type Form: Copy + Eq + 'static;

    /// The least document from which a version can be resolved and saved.
    const RESOLVING_FORM: Self::Form;

    /// All documents from which a version can be resolved, should one of them be known already.
    const FORMS: &'static [Self::Form];

    /// The form's name in stored keys.
    fn form_name(form: Self::Form) -> &'static str;

    /// The media type of the rendered document.
    fn content_type(form: Self::Form) -> &'static str;

    /// Where an upstream registry at `location` keeps the document, and what to accept.
    fn listing_request(
        location: &Url,
        package: &PackageName,
        form: Self::Form,
    ) -> Option<(Url, &'static str)>;

    /// Reads an upstream's document piece by piece.
    type Decoder: ListingDecoder;

    /// A decoder for an answer of that media type, which came from `url`.
    fn decoder(
        package: &PackageName,
        form: Self::Form,
        url: &Url,
        content_type: &str,
    ) -> Result<Self::Decoder, UpstreamFault>;

    /// Writes our own document piece by piece.
    type Renderer: ListingRenderer;

    /// A renderer; `root` is the protocol's root on the caller's scheme, host and prefix, with a trailing slash.
    fn renderer(package: &PackageName, form: Self::Form, root: &str) -> Self::Renderer;

    /// Reads a version number.
    fn version(text: &str) -> Option<Version>;
}

/// Reads an upstream's document.
pub trait ListingDecoder {
    /// Takes the next bytes; hands every offer that is complete to `sink`.
    fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault>;

    /// The document is over.
    fn finish(self) -> Result<ListingTail, UpstreamFault>;
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
}

/// What a listing says about the package as a whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Named pointers to versions, those to versions not shown already left out.
    pub tags: BTreeMap<String, String>,
    /// When versions were first published, by version key.
    pub published: BTreeMap<String, Timestamp>,
    /// When the listing last changed, as far as we know.
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
    fn finish(self, out: &mut dyn Write, summary: &Summary) -> io::Result<()>;
}
