//! Keys of what versions consist of whose files are kept one by one, and of the notes that keep it in order.

use super::{DRAFTS, LEAVINGS, PACKAGES, PackagePath, placed, segment};
use crate::model::{ArtifactRecord, Digest, Timestamp, TreeFile, hexadecimal};

/// The one file of such a version: it names the others.
pub const TREE: &str = "manifest.json";

impl PackagePath {
    /// A file's bytes, wherever they are.
    pub fn bytes(&self, version_key: &str, record: &ArtifactRecord) -> String {
        match &record.place {
            Some(place) => placed(&self.feed, place),
            None => self.file(version_key, &record.name),
        }
    }

    /// The bytes of a file, by what they hash to.
    pub fn content(&self, digest: &Digest) -> String {
        self.contents() + &digest.hex()
    }

    /// The bytes of all files.
    pub fn contents(&self) -> String {
        self.below(PACKAGES) + "/contents/"
    }

    /// All files that were published or saved under their names.
    pub fn files(&self) -> String {
        self.below(PACKAGES) + "/files/"
    }

    /// The file that names those of a version.
    pub fn tree(&self, version_key: &str) -> String {
        format!("{}{}/{TREE}", self.files(), segment(version_key))
    }

    /// The version whose files a key below [`Self::files`] names, if it does: as it is spelt in keys.
    pub fn tree_version<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.files())?.strip_suffix(TREE)?.strip_suffix('/')
    }

    /// The slot of a version that is spelt as in keys.
    pub fn slot_of_segment(&self, version: &str) -> String {
        self.slots() + version
    }

    /// All files of a draft.
    pub fn draft(&self, version_key: &str) -> String {
        format!("{}{}/", self.drafts(), segment(version_key))
    }

    /// All drafts of this package.
    pub fn drafts(&self) -> String {
        self.below(DRAFTS) + "/"
    }

    /// A file of a draft. Another file at the same path has another key: what it hashes to must not be forgotten.
    pub fn draft_file(&self, version_key: &str, file: &TreeFile) -> String {
        let text = format!("{}\n{}", file.path, file.digest);
        self.draft(version_key) + &Digest::sha256(text.as_bytes()).hex()
    }

    /// All notes of contents of this package.
    pub fn leavings(&self) -> String {
        self.below(LEAVINGS) + "/"
    }

    /// A note of contents.
    pub fn leaving(&self, now: Timestamp, random: [u8; 4]) -> String {
        format!("{}{:013}-{}", self.leavings(), now.millis(), hexadecimal(&random))
    }
}

/// The draft that a key below [`DRAFTS`] belongs to: its package, and what all its keys begin with.
pub fn draft_of(key: &str) -> Option<(PackagePath, &str)> {
    let (path, _) = PackagePath::parse_after(DRAFTS, key)?;
    let (draft, _) = key.rsplit_once('/')?;
    Some((path, key.get(..=draft.len())?))
}

/// After all keys that begin so.
pub fn end_of(prefix: &str) -> String {
    format!("{prefix}~")
}
