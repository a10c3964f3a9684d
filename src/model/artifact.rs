//! Artifacts: the files of a version.

use super::Digest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A file's name within its version: one path segment, printable, never `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactName(String);

impl ArtifactName {
    /// Reads a file name of at most 255 characters; `None` for anything that could leave its folder.
    pub fn parse(text: &str) -> Option<Self> {
        let dots = text.chars().all(|character| character == '.');
        let safe = |character: char| !character.is_control() && !matches!(character, '/' | '\\');
        (!dots && text.len() <= 255 && text.chars().all(safe)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ArtifactName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for ArtifactName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text).ok_or("not a file name")
    }
}

impl From<ArtifactName> for String {
    fn from(name: ArtifactName) -> Self {
        name.0
    }
}

/// What a slot knows of one of its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactRecord {
    /// The file's name.
    pub name: ArtifactName,
    /// Bytes.
    pub size: u64,
    /// Digests known, weakest algorithm first.
    pub digests: Vec<Digest>,
    /// What listings say of it, in the protocol's own form, where versions have several files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Box<RawValue>>,
    /// The place of its own where its bytes are, if they are not under its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl ArtifactRecord {
    /// Are the bytes surely others than those of this size, if it is known, and of these digests?
    pub fn differs_from(&self, size: Option<u64>, digests: &[Digest]) -> bool {
        let other = |known: &Digest| {
            digests.iter().any(|digest| digest.algorithm() == known.algorithm() && digest != known)
        };
        size.is_some_and(|size| size != self.size) || self.digests.iter().any(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_folder() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a\0b", "\n", &"x".repeat(256)] {
            assert_eq!(ArtifactName::parse(bad), None, "{bad:?}");
        }
        assert!(ArtifactName::parse("left-pad-1.3.0.tgz").is_some());
    }
}
