//! Trees of files: what a version consists of whose files are kept one by one.
//!
//! In scope: which paths there may be, alone and beside one another. Out of scope: how a tree is written down.

use super::{Algorithm, Digest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// So many bytes a path has at most.
const PATH_BYTES: usize = 1_000;

/// And so many once it is percent-encoded: it must fit into a note.
const ENCODED_BYTES: usize = 1_500;

/// What a path keeps in a note.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'+')
    .remove(b'~')
    .remove(b'@')
    .remove(b'/');

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the path of a file: it is relative, of at most 1,000 bytes (1,500 once percent-encoded), its segments are \
     separated by `/` and are neither empty nor `.` nor `..`, and there is no backslash and no control character in it"
)]
pub struct InvalidPath(String);

/// Where a file is in its version: relative, and it cannot leave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

impl TreePath {
    /// Reads a path, percent-decoded.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let is_plain = |character: char| !character.is_control() && character != '\\';
        let is_name = |segment: &str| !matches!(segment, "" | "." | "..");
        let fits = text.len() <= PATH_BYTES && encoded(text).len() <= ENCODED_BYTES;
        if fits && text.chars().all(is_plain) && text.split('/').all(is_name) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidPath(text.chars().filter(|character| !character.is_control()).take(160).collect()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as it stands in a URL or a note: its slashes stay.
    pub fn encoded(&self) -> String {
        encoded(&self.0)
    }

    /// By what paths are compared: those that differ in case only are one to many file systems, and a folder comes
    /// directly before what is in it.
    fn folded(&self) -> String {
        self.0.to_lowercase().replace('/', "\0")
    }
}

impl std::fmt::Display for TreePath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Where it is.
    pub path: TreePath,
    /// Bytes.
    pub size: u64,
    /// What it hashes to, by SHA-256.
    pub digest: Digest,
    /// May it be run?
    pub executable: bool,
}

impl TreeFile {
    /// One line of ASCII, at most 1,600 characters, that [`Self::from_note`] reads back.
    pub fn note(&self) -> String {
        let mark = if self.executable { 'x' } else { '-' };
        format!("{} {} {mark} {}", self.size, self.digest.hex(), self.path.encoded())
    }

    /// Reads a note back.
    pub fn from_note(note: &str) -> Option<Self> {
        let mut words = note.splitn(4, ' ');
        let size = words.next()?.parse().ok()?;
        let digest = Digest::from_hex(Algorithm::Sha256, words.next()?).ok()?;
        let executable = words.next()? == "x";
        let path = percent_decode_str(words.next()?).decode_utf8().ok()?;
        Some(Self { path: TreePath::parse(&path).ok()?, size, digest, executable })
    }
}

/// Puts the files of a version into their order. Fails with two paths that cannot be beside each other: because they are the
/// same, on some file system at least, or because one would have to be the other's folder.
pub fn arrange(files: &mut [TreeFile]) -> Result<(), (TreePath, TreePath)> {
    files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let mut folded: Vec<(String, &TreePath)> =
        files.iter().map(|file| (file.path.folded(), &file.path)).collect();
    folded.sort_unstable();
    for pair in folded.windows(2) {
        let [(one, path), (other, beside)] = pair else { continue };
        let rest = other.strip_prefix(one.as_str());
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('\0')) {
            return Err(((*path).clone(), (*beside).clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(path: &str) -> TreeFile {
        let digest = Digest::sha256(path.as_bytes());
        TreeFile { path: TreePath::parse(path).unwrap(), size: 3, digest, executable: false }
    }

    #[test]
    fn no_path_leaves_its_version() {
        let long = "x".repeat(1_001);
        let encodes_long = "ü".repeat(251);
        for bad in
            ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\nb", "a\0", "a\u{85}b"]
                .into_iter()
                .chain([&*long, &*encodes_long])
        {
            assert!(TreePath::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", ".hidden", "a/b/c.txt", "...", "a b", "ü/%2f", "a:b", "\"quoted\""] {
            assert_eq!(TreePath::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn files_that_cannot_be_beside_each_other_are_found() {
        let conflict = |paths: &[&str]| {
            let mut files: Vec<_> = paths.iter().map(|path| file(path)).collect();
            arrange(&mut files).err().map(|(one, other)| (one.0, other.0))
        };
        let pair = |one: &str, other: &str| Some((one.to_owned(), other.to_owned()));
        assert_eq!(conflict(&["b", "a-b", "a/b", "a0", "a/c"]), None);
        assert_eq!(conflict(&["a", "b", "a"]), pair("a", "a"));
        assert_eq!(conflict(&["Read/Me", "read/me", "x"]), pair("Read/Me", "read/me"));
        // `-` and `.` come before `/`: the folder and its file are not neighbours in every order.
        assert_eq!(conflict(&["a", "a-b", "a.c", "a/b"]), pair("a", "a/b"));
        assert_eq!(conflict(&["a-b", "A", "a/b"]), pair("A", "a/b"));
        assert_eq!(conflict(&[]), None);
    }

    #[test]
    fn files_are_in_the_order_of_their_bytes() {
        let mut files: Vec<_> = ["b", "a/b", "a-b", "B"].map(file).into();
        arrange(&mut files).unwrap_err();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["B", "a-b", "a/b", "b"]);
    }

    proptest! {
        #[test]
        fn a_note_reads_back(text: String, size: u64, executable: bool) {
            if let Ok(path) = TreePath::parse(&text) {
                let digest = Digest::sha256(text.as_bytes());
                let file = TreeFile { path, size, digest, executable };
                let note = file.note();
                prop_assert!(note.is_ascii() && note.len() <= 1_600);
                prop_assert_eq!(TreeFile::from_note(&note), Some(file));
            }
        }

        #[test]
        fn no_note_panics(text: String) {
            let _ = TreeFile::from_note(&text);
        }
    }
}
