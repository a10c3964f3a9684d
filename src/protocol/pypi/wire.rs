//! Documents of the protocol: media types, and what pages say of a file
//! ([the simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/)).

pub(super) mod accept;
pub(super) mod metadata;

use crate::model::{Digest, json};
use crate::protocol::text;
use crate::service::description::{Dependency, Description};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

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

/// What is kept of a file for listings, apart from name, size and digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileFacts {
    /// Why the file, and not its whole version, was withdrawn.
    pub yanked: Option<String>,
    /// For which interpreters.
    pub requires_python: Option<String>,
    /// When it was published, as its registry printed it.
    pub upload_time: Option<String>,
}

impl FileFacts {
    /// The kept form: the members of a page, withdrawal first, so that it is found by position. `None` if there is
    /// nothing to say.
    pub(super) fn manifest(self) -> Option<Box<RawValue>> {
        let members = [
            ("yanked", self.yanked.map(yanked)),
            ("requires-python", self.requires_python.map(Value::from)),
            ("upload-time", self.upload_time.map(Value::from)),
        ];
        let members: Map<String, Value> =
            members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        if members.is_empty() {
            return None;
        }
        serde_json::value::to_raw_value(&members).ok()
    }

    /// Reads the kept form.
    pub(super) fn read(manifest: Option<&RawValue>) -> Self {
        let kept = manifest.and_then(|manifest| json::read(manifest.get().as_bytes()).ok());
        let mut kept: Map<String, Value> = kept.unwrap_or_default();
        Self {
            yanked: take_yanked(&mut kept),
            requires_python: take_text(&mut kept, "requires-python"),
            upload_time: take_text(&mut kept, "upload-time"),
        }
    }
}

/// What is kept of a version's metadata, for people.
pub(super) fn describe(kept: &Value) -> Description {
    let mut dependencies = Vec::new();
    for requirement in text::all_said(kept, "requires_dist") {
        let (what, marker) = requirement.split_once(';').unwrap_or((&requirement, ""));
        let is_name = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        let end = what.find(|character| !is_name(character)).unwrap_or(what.len());
        let (name, range) = what.split_at(end);
        dependencies.push(Dependency {
            group: marker.trim().to_owned(),
            name: name.to_owned(),
            range: range.trim().to_owned(),
        });
    }
    let words = text::said(kept, "keywords").replace(',', " ");
    Description {
        author: text::said(kept, "author"),
        description: text::said(kept, "summary"),
        summary: text::said(kept, "summary"),
        tags: words.split_whitespace().map(str::to_owned).collect(),
        dependencies,
    }
}

/// A member that is a text.
pub(super) fn take_text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    match members.get_mut(name) {
        Some(Value::String(text)) => Some(std::mem::take(text)),
        _ => None,
    }
}

/// A withdrawal as pages say it: why, or just that; an empty reason would look like none.
pub(super) fn yanked(reason: String) -> Value {
    if reason.is_empty() { Value::from(true) } else { Value::from(reason) }
}

/// Why a file was withdrawn, empty if no reason was given; `None` if it was not. A page says `true`, `false`, or why.
pub(super) fn take_yanked(members: &mut Map<String, Value>) -> Option<String> {
    let withdrawn = members.get("yanked") == Some(&Value::Bool(true));
    take_text(members, "yanked").or_else(|| withdrawn.then(String::new))
}

/// `sha256` and its hexadecimal value, as hashes are written.
pub(super) fn hash(digest: &Digest) -> (&'static str, String) {
    (digest.algorithm().name(), digest.hex())
}
