//! The manifest of a version whose files are kept one by one: what it consists of, as text.
//!
//! It is written in one way only: JSON, the files in the order of their paths, one to a line, so that one is found by looking
//! at a few lines and nothing need be taken apart. A line that is not as they are written here, in a manifest that somebody
//! else made, names no file.

use crate::error::{Error, Result};
use crate::model::{Algorithm, Digest, TreeFile, TreePath};
use std::fmt::Write as _;

/// So many files a version has at most.
pub const FILES: usize = 100_000;

/// And so many bytes its manifest.
pub const MANIFEST_BYTES: usize = 16 << 20;

const HEAD: &str = "{\"files\":[\n";
const TAIL: &str = "]}\n";
const PATH: &str = "{\"path\":\"";
const SIZE: &str = "\",\"size\":";
const DIGEST: &str = ",\"sha256\":\"";
const EXECUTABLE: &str = "\",\"executable\":true}";
const END: &str = "\"}";

/// The manifest of a version; its files must be in their order ([`arrange`](crate::model::arrange)).
pub fn write(files: &[TreeFile]) -> Result<String> {
    let too_large = |what, limit: usize| Error::TooLarge { what, limit: limit as u64 };
    if files.len() > FILES {
        return Err(Error::Invalid(format!("a version has at most {FILES} files")).into());
    }
    let mut text = HEAD.to_owned();
    for (position, file) in files.iter().enumerate() {
        if position > 0 {
            text.push_str(",\n");
        }
        // Of all that JSON escapes a path can have but this.
        let path = file.path.as_str().replace('"', "\\\"");
        let end = if file.executable { EXECUTABLE } else { END };
        // Writing to a string does not fail.
        let _ = write!(text, "{PATH}{path}{SIZE}{}{DIGEST}{}{end}", file.size, file.digest.hex());
        if text.len() > MANIFEST_BYTES {
            return Err(too_large("the manifest", MANIFEST_BYTES).into());
        }
    }
    if !files.is_empty() {
        text.push('\n');
    }
    text.push_str(TAIL);
    Ok(text)
}

/// The files that a manifest names, in its order.
pub fn files(text: &str) -> impl Iterator<Item = TreeFile> {
    text.lines().filter_map(read)
}

/// The file at a path, if the manifest names one.
pub fn find(text: &str, path: &TreePath) -> Option<TreeFile> {
    let mut rest = text.strip_prefix(HEAD)?.strip_suffix(TAIL)?;
    while !rest.is_empty() {
        // The line around the middle.
        let middle = rest.as_bytes().iter().skip(rest.len() / 2).position(|byte| *byte == b'\n');
        let end = middle.map_or(rest.len(), |middle| rest.len() / 2 + middle);
        let (before, after) = (rest.get(..end)?, rest.get(end + 1..).unwrap_or_default());
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let file = read(before.get(start..)?)?;
        match path.cmp(&file.path) {
            std::cmp::Ordering::Equal => return Some(file),
            std::cmp::Ordering::Less => rest = before.get(..start)?,
            std::cmp::Ordering::Greater => rest = after,
        }
    }
    None
}

/// What the files of a manifest hash to: sorted, each once.
pub fn digests(text: &str) -> Vec<Digest> {
    let mut digests: Vec<Digest> = files(text).map(|file| file.digest).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// A line, read back.
fn read(line: &str) -> Option<TreeFile> {
    let line = line.strip_suffix(',').unwrap_or(line).strip_prefix(PATH)?;
    // In a path the quotation mark would be escaped.
    let (path, rest) = line.split_once(SIZE)?;
    let (size, rest) = rest.split_once(DIGEST)?;
    let (digest, end) = rest.split_at_checked(64)?;
    let executable = match end {
        END => false,
        EXECUTABLE => true,
        _ => return None,
    };
    let path = TreePath::parse(&path.replace("\\\"", "\"")).ok()?;
    let digest = Digest::from_hex(Algorithm::Sha256, digest).ok()?;
    Some(TreeFile { path, size: size.parse().ok()?, digest, executable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::arrange;
    use proptest::prelude::*;

    fn file(path: &str) -> TreeFile {
        let digest = Digest::sha256(path.as_bytes());
        let path = TreePath::parse(path).unwrap();
        TreeFile { size: path.as_str().len() as u64, executable: path.as_str().contains("run"), path, digest }
    }

    fn tree(paths: &[&str]) -> (Vec<TreeFile>, String) {
        let mut files: Vec<_> = paths.iter().map(|path| file(path)).collect();
        arrange(&mut files).unwrap();
        let text = write(&files).unwrap();
        (files, text)
    }

    #[test]
    fn a_manifest_is_this_text_for_ever() {
        let (_, text) = tree(&["run.sh", "a \"b\""]);
        let of = |path: &str| file(path).digest.hex();
        let lines = [
            "{\"files\":[".to_owned(),
            format!(r#"{{"path":"a \"b\"","size":5,"sha256":"{}"}},"#, of("a \"b\"")),
            format!(r#"{{"path":"run.sh","size":6,"sha256":"{}","executable":true}}"#, of("run.sh")),
            "]}\n".to_owned(),
        ];
        assert_eq!(text, lines.join("\n"));
        assert_eq!(tree(&[]).1, "{\"files\":[\n]}\n");
        for text in [text, tree(&[]).1] {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }

    #[test]
    fn every_file_is_found_and_no_other() {
        let paths: Vec<String> = (0..300).map(|number| format!("dir{}/f{number}", number % 7)).collect();
        for count in [0, 1, 2, 3, 64, 300] {
            let paths: Vec<&str> = paths.iter().take(count).map(String::as_str).collect();
            let (tree, text) = tree(&paths);
            assert_eq!(files(&text).collect::<Vec<_>>(), tree);
            for wanted in &tree {
                assert_eq!(find(&text, &wanted.path).as_ref(), Some(wanted));
            }
            for absent in ["a", "dir3/f", "dir3/f3/x", "zzz"] {
                assert_eq!(find(&text, &TreePath::parse(absent).unwrap()), None, "{absent} of {count}");
            }
        }
    }

    #[test]
    fn a_foreign_line_names_no_file() {
        let (_, text) = tree(&["a", "b", "c"]);
        let foreign = text.replace("\"b\"", "\"../b\"");
        let paths: Vec<_> = files(&foreign).map(|file| file.path.to_string()).collect();
        assert_eq!(paths, ["a", "c"]);
        assert_eq!(find("{}", &TreePath::parse("a").unwrap()), None);
        assert_eq!(find(&text.replace('\n', " "), &TreePath::parse("a").unwrap()), None);
    }

    #[test]
    fn a_version_has_a_limit_of_files() {
        let files = vec![file("a"); FILES + 1];
        assert!(matches!(write(&files).map_err(|error| *error), Err(Error::Invalid(_))));
        assert!(write(&files[..FILES]).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(mut paths: Vec<String>) {
            paths.push("\"\",\"size\":1".to_owned());
            let mut tree: Vec<_> = paths.iter().filter(|path| TreePath::parse(path).is_ok()).map(|path| file(path)).collect();
            if arrange(&mut tree).is_ok() {
                let text = write(&tree).unwrap();
                prop_assert_eq!(files(&text).collect::<Vec<_>>(), tree.clone());
                for wanted in tree {
                    prop_assert_eq!(find(&text, &wanted.path), Some(wanted));
                }
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = files(&text).count();
            let _ = find(&format!("{HEAD}{text}{TAIL}"), &TreePath::parse("a").unwrap());
        }
    }
}
