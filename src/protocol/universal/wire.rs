//! The documents: what a commit says, which contents are asked for, what listings say of a version.
//!
//! The manifest itself is `service/tree.rs`'s.

use super::name;
use crate::error::{Error, Result};
use crate::model::{Algorithm, Digest, TreeFile, TreePath, json};
use crate::protocol::text;
use crate::service::description::Description;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

/// Bytes of a description.
const DESCRIPTION_LIMIT: usize = 4_000;

/// Digests that may be asked for at once.
const DIGESTS_LIMIT: usize = 10_000;

/// What a commit says.
#[derive(Debug, Default)]
pub(super) struct Commit {
    /// What the version is, for people.
    pub(super) description: String,
    /// Its files; without them those of the draft.
    pub(super) files: Option<Vec<TreeFile>>,
}

impl Commit {
    /// Reads it; nothing at all says nothing. One file after the other, since there may be many.
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        let mut commit = Self::default();
        if body.trim_ascii().is_empty() {
            return Ok(commit);
        }
        for (name, value) in json::members(body).map_err(|error| unreadable(&error))? {
            match &*name {
                "description" => {
                    commit.description = json::read(value.as_bytes()).map_err(|error| unreadable(&error))?;
                }
                "files" => {
                    let files = json::elements(value).map_err(|error| unreadable(&error))?;
                    commit.files = Some(files.into_iter().map(file).collect::<Result<_>>()?);
                }
                _ => {}
            }
        }
        if commit.description.len() > DESCRIPTION_LIMIT {
            return Err(Error::TooLarge { what: "the description", limit: DESCRIPTION_LIMIT as u64 }.into());
        }
        Ok(commit)
    }
}

fn unreadable(error: &serde_json::Error) -> Box<Error> {
    Error::Invalid(format!("the body is not the JSON that is wanted here: {error}")).into()
}

fn file(text: &str) -> Result<TreeFile> {
    let value: Value = json::read(text.as_bytes()).map_err(|error| unreadable(&error))?;
    let path = name::parse_path(&text::said(&value, "path"))?;
    file_at(path, &value)
}

/// A file that is about to come in parts.
pub(super) fn wish(path: TreePath, body: &[u8]) -> Result<TreeFile> {
    file_at(path, &json::read(body).map_err(|error| unreadable(&error))?)
}

fn file_at(path: TreePath, value: &Value) -> Result<TreeFile> {
    let lacks = |what: &str| Error::Invalid(format!("file `{path}` lacks its `{what}`"));
    let size = value["size"].as_u64().ok_or_else(|| lacks("size"))?;
    let digest = digest(&value["sha256"]).ok_or_else(|| lacks("sha256"))?;
    let executable = value["executable"] == true;
    Ok(TreeFile { path, size, digest, executable })
}

fn digest(value: &Value) -> Option<Digest> {
    Digest::from_hex(Algorithm::Sha256, value.as_str()?).ok()
}

/// Reads which contents are asked for.
pub(super) fn digests(body: &[u8]) -> Result<Vec<Digest>> {
    let value: Value = json::read(body).map_err(|error| unreadable(&error))?;
    let texts = value["sha256"].as_array().filter(|texts| texts.len() <= DIGESTS_LIMIT);
    let digests = texts.and_then(|texts| texts.iter().map(digest).collect());
    let text = "`sha256` is an array of up to 10,000 digests in hexadecimal";
    digests.ok_or_else(|| Error::Invalid(text.to_owned()).into())
}

/// A file, as it is shown.
pub(super) fn shown(file: &TreeFile) -> Value {
    let mut shown = json!({ "path": file.path.as_str(), "size": file.size, "sha256": file.digest.hex() });
    if file.executable {
        shown["executable"] = true.into();
    }
    shown
}

/// What listings say of a version.
pub(super) fn facts(files: &[TreeFile], description: &str) -> Box<RawValue> {
    let size: u64 = files.iter().map(|file| file.size).sum();
    let mut facts = json!({ "files": files.len(), "size": size });
    if !description.is_empty() {
        facts["description"] = description.into();
    }
    to_raw_value(&facts).unwrap_or_default()
}

/// The same, for people.
pub(super) fn describe(facts: &Value) -> Description {
    Description { description: text::said(facts, "description"), ..Description::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_commit_may_say_nothing_a_description_or_files() {
        for nothing in ["", " \n", "{}", r#"{"later": [1]}"#] {
            let commit = Commit::parse(nothing.as_bytes()).unwrap();
            assert!(commit.description.is_empty() && commit.files.is_none(), "{nothing}");
        }
        let text = format!(
            r#"{{"description": "Tools", "files": [
                {{"path": "bin/run.sh", "size": 0, "sha256": "{EMPTY}", "executable": true}},
                {{"sha256": "{}", "size": 5, "path": "a.txt", "later": {{}}}}]}}"#,
            EMPTY.to_uppercase()
        );
        let commit = Commit::parse(text.as_bytes()).unwrap();
        let files = commit.files.unwrap();
        assert_eq!(commit.description, "Tools");
        assert_eq!(shown(&files[0])["executable"], true);
        assert_eq!(shown(&files[1]), json!({ "path": "a.txt", "size": 5, "sha256": EMPTY }));
        let facts = facts(&files, "Tools");
        assert_eq!(facts.get(), r#"{"files":2,"size":5,"description":"Tools"}"#);
        assert_eq!(describe(&serde_json::from_str(facts.get()).unwrap()).description, "Tools");
    }

    #[test]
    fn what_is_no_commit_is_refused() {
        let long = format!(r#"{{"description": "{}"}}"#, "x".repeat(4_001));
        for bad in [
            "[]",
            "nothing",
            r#"{"description": 1}"#,
            r#"{"files": {}}"#,
            r#"{"files": [1]}"#,
            r#"{"files": [{"path": "a", "size": -1, "sha256": ""}]}"#,
            r#"{"files": [{"path": "a", "size": 1, "sha256": "00"}]}"#,
            &format!(r#"{{"files": [{{"size": 1, "sha256": "{EMPTY}"}}]}}"#),
            &format!(r#"{{"files": [{{"path": "../a", "size": 1, "sha256": "{EMPTY}"}}]}}"#),
            &long,
        ] {
            assert!(Commit::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_are_asked_for_in_hexadecimal() {
        assert_eq!(digests(format!(r#"{{"sha256": ["{EMPTY}"]}}"#).as_bytes()).unwrap()[0].hex(), EMPTY);
        assert!(digests(br#"{"sha256": []}"#).unwrap().is_empty());
        let many = json!({ "sha256": vec![EMPTY; 10_001] }).to_string();
        for bad in ["", "[]", "{}", r#"{"sha256": ["x"]}"#, r#"{"sha256": "x"}"#, &many] {
            assert!(digests(bad.as_bytes()).is_err(), "{bad:.40}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text: String) {
            let _ = (Commit::parse(&bytes), digests(&bytes), Commit::parse(text.as_bytes()));
        }
    }
}
