//! Documents of the protocol: media types, a file of the simple index, project JSON.
//!
//! The index is [PyPA's simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/);
//! project JSON is [what the public index answers](https://docs.pypi.org/api/json/).

pub(super) mod accept;
pub(super) mod metadata;

use crate::model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The index as JSON ([PEP 691](https://peps.python.org/pep-0691/)).
pub(super) const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// The index as HTML, by version.
pub(super) const HTML_V1: &str = "application/vnd.pypi.simple.v1+html";

/// The index as HTML ([PEP 503](https://peps.python.org/pep-0503/)).
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// A provenance object ([PEP 740](https://peps.python.org/pep-0740/)).
pub(super) const PROVENANCE: &str = "application/vnd.pypi.integrity.v1+json";

/// The version of the API that our pages speak: with provenance, tracks, alternate locations and a status.
pub(super) const API_VERSION: &str = "1.4";

/// What is kept of a file for listings, apart from name, size and digests; in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct FileFacts<'a> {
    /// Why the file, and not its whole version, was withdrawn. First, so that it is found by position.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<Cow<'a, str>>,
    /// For which interpreters.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<Cow<'a, str>>,
    /// When it was published, as its registry printed it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub upload_time: Option<Cow<'a, str>>,
}

impl FileFacts<'_> {
    /// The kept form; `None` if there is nothing to say.
    pub(super) fn manifest(&self) -> Option<Box<RawValue>> {
        if *self == FileFacts::default() {
            return None;
        }
        serde_json::value::to_raw_value(self).ok()
    }

    /// Reads the kept form.
    pub(super) fn read(manifest: Option<&RawValue>) -> FileFacts<'_> {
        manifest.and_then(|manifest| serde_json::from_str(manifest.get()).ok()).unwrap_or_default()
    }
}

/// A page of the index as we write it, for reading one of our own back.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Page {
    /// Its files, grouped by version.
    pub files: Vec<PageFile>,
}

/// A file on a [`Page`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PageFile {
    /// Its name.
    pub filename: String,
    /// Where it is.
    pub url: String,
    /// Its digests.
    #[serde(default)]
    pub hashes: BTreeMap<String, String>,
    /// For which interpreters.
    #[serde(default)]
    pub requires_python: Option<String>,
    /// Bytes.
    #[serde(default)]
    pub size: Option<u64>,
    /// When it was published.
    #[serde(default)]
    pub upload_time: Option<String>,
    /// Withdrawn, perhaps with a reason.
    #[serde(default)]
    pub yanked: Yanked,
}

/// `false`, `true`, or the reason for withdrawing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Yanked {
    /// Whether.
    Whether(bool),
    /// Why.
    Why(String),
}

impl Default for Yanked {
    fn default() -> Self {
        Self::Whether(false)
    }
}

impl Yanked {
    /// The reason, empty if none was given; `None` if it is not withdrawn.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Whether(false) => None,
            Self::Whether(true) => Some(""),
            Self::Why(reason) => Some(reason),
        }
    }
}

/// Answer of `GET /{name}/json`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProjectDocument {
    /// About the version, as its metadata says.
    pub info: serde_json::Map<String, serde_json::Value>,
    /// Changes with every change.
    pub last_serial: u64,
    /// Files of every version; absent where one version was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub releases: Option<serde_json::Map<String, serde_json::Value>>,
    /// Files of the version.
    pub urls: Vec<ReleaseFile>,
    /// Known vulnerabilities: none are known here.
    pub vulnerabilities: [serde_json::Value; 0],
}

/// A file in a [`ProjectDocument`].
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReleaseFile {
    /// Its name.
    pub filename: String,
    /// Where it is.
    pub url: String,
    /// `bdist_wheel` or `sdist`.
    pub packagetype: &'static str,
    /// The tag of the interpreter, or `source`.
    pub python_version: String,
    /// For which interpreters.
    pub requires_python: Option<String>,
    /// Bytes; zero where nobody said.
    pub size: u64,
    /// Its digests.
    pub digests: BTreeMap<String, String>,
    /// When it was published.
    pub upload_time_iso_8601: Option<String>,
    /// The same, in the older form.
    pub upload_time: Option<String>,
    /// Was it withdrawn?
    pub yanked: bool,
    /// Why.
    pub yanked_reason: Option<String>,
    /// Never here.
    pub has_sig: bool,
    /// Never here.
    pub comment_text: &'static str,
}

/// `sha256` and its hexadecimal value, as hashes are written.
pub(super) fn hash(digest: &Digest) -> (&'static str, String) {
    (digest.algorithm().name(), digest.hex())
}
