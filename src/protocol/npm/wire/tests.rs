//! What is read from pushes, and what answers look like.

use super::publish::AttachmentMeta;
use super::*;
use crate::error::{Error, Result};
use crate::service::json_splitter::{Handling, SplitError, Splitter, Visitor};
use proptest::prelude::*;
use serde_json::json;

#[derive(Default)]
struct Reader {
    document: PublishDocument,
    data: Vec<u8>,
}

impl Visitor for Reader {
    type Error = Box<Error>;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        PublishDocument::handling(path, key)
    }

    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<()> {
        self.document.accept(path, key, raw)
    }

    fn string_piece(&mut self, _: &[String], _: &str, piece: &[u8]) -> Result<()> {
        self.data.extend_from_slice(piece);
        Ok(())
    }

    fn string_end(&mut self, path: &[String], _: &str) -> Result<()> {
        self.document.attachment(&path[1]).map(drop)
    }
}

fn read(text: &str, chunk: usize) -> std::result::Result<Reader, SplitError<Box<Error>>> {
    let (mut splitter, mut reader) = (Splitter::new(), Reader::default());
    for piece in text.as_bytes().chunks(chunk) {
        splitter.push(piece, &mut reader)?;
    }
    splitter.finish().map(|()| reader)
}

fn print(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn push() -> Value {
    json!({
        "_id": "@s/n", "name": "@s/n", "description": "A \"thing\"", "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {"name": "@s/n", "version": "1.0.0", "readme": "# n\n", "dist": {"shasum": "00"}}},
        "access": null, "unknown": [{"a": "]"}],
        "_attachments": {
            "@s/n-1.0.0.tgz": {"content_type": "application/octet-stream", "data": "QUJD/+==", "length": 3},
            "@s/n-1.0.0.sigstore": {"data": ""},
        },
    })
}

proptest! {
    #[test]
    fn a_push_reads_the_same_however_it_arrives(chunk in 1usize..400, pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&push()) } else { serde_json::to_string(&push()) };
        let Reader { document, data } = read(&text.unwrap(), chunk).unwrap();
        prop_assert_eq!(document.id.as_deref(), Some("@s/n"));
        prop_assert_eq!(document.description.as_deref(), Some("A \"thing\""));
        prop_assert_eq!(&document.dist_tags.unwrap()["latest"], "1.0.0");
        prop_assert_eq!(document.access, None);
        let manifest = document.versions["1.0.0"].manifest.as_ref().unwrap();
        prop_assert_eq!(&serde_json::from_str::<Value>(manifest.get()).unwrap(), &push()["versions"]["1.0.0"]);
        let attachments = document.attachments.unwrap();
        prop_assert_eq!(attachments["@s/n-1.0.0.tgz"].length, Some(3));
        prop_assert_eq!(&attachments["@s/n-1.0.0.sigstore"], &AttachmentMeta::default());
        prop_assert_eq!(data, b"QUJD/+==");
    }
}

#[test]
fn relisting_keeps_messages_and_not_manifests() {
    let text = json!({"_id": "n", "_rev": "1-a", "_attachments": {}, "versions": {
        "1.0.0": {"deprecated": "old"}, "1.1.0": {"deprecated": ""}, "1.2.0": {}, "1.3.0": {"deprecated": false},
        "1.4.0": {"deprecated": true},
    }});
    let document = read(&text.to_string(), 7).unwrap().document;
    let messages: Vec<_> = document.versions.values().map(|version| version.deprecated.as_deref()).collect();
    assert_eq!(messages, [Some("old"), Some(""), None, None, Some("this version is deprecated")]);
    assert_eq!(document.versions.values().filter(|version| version.manifest.is_some()).count(), 1);
    assert_eq!(document.attachments, None);
}

#[test]
fn misshapen_pushes_are_refused() {
    for text in [
        r#"{"name": 5}"#,
        r#"{"name": "a", "name": "b"}"#,
        r#"{"readme": "a", "readme": "b"}"#,
        r#"{"versions": []}"#,
        r#"{"versions": {"1.0.0": "x"}}"#,
        r#"{"versions": {"1.0.0": {}, "1.0.0": {}}}"#,
        r#"{"_attachments": "x"}"#,
        r#"{"_attachments": {"f": null}}"#,
        r#"{"_attachments": {"f": {"length": -1}}}"#,
        r#"{"dist-tags": {"latest": 1}}"#,
    ] {
        let error = read(text, 9).err();
        let invalid = |error: &Error| matches!(error, Error::Invalid(_));
        assert!(matches!(error, Some(SplitError::Visitor(error)) if invalid(&error)), "{text}");
    }
    assert!(matches!(read(r#"{"_attachments": {"f": {"data": 1}}}"#, 9), Err(SplitError::NotJson { .. })));
    assert!(read(r#"{"versions": null, "_attachments": null, "users": null, "readme": {}}"#, 9).is_ok());
}

#[test]
fn abbreviation_keeps_what_installing_needs() {
    let full = json!({
        "readme": "long", "scripts": {"postinstall": "node x"}, "version": "1.0.0", "name": "n", "dist": {"a": [1]},
        "libc": ["musl"], "peerDependenciesMeta": {"p": {"optional": true}}, "_id": "n@1.0.0", "license": "MIT",
        "bundledDependencies": ["b"], "_hasShrinkwrap": false, "deprecated": "old", "overrides": {},
    });
    let short = abbreviate(full.as_object().unwrap());
    let keys: Vec<&str> = short.keys().map(String::as_str).collect();
    let expected = [
        "name",
        "version",
        "deprecated",
        "peerDependenciesMeta",
        "bundledDependencies",
        "dist",
        "libc",
        "_hasShrinkwrap",
        "hasInstallScript",
    ];
    assert_eq!(keys, expected);
    assert_eq!(short["dist"], full["dist"]);
    assert_eq!(short["hasInstallScript"], true);
}

#[test]
fn install_scripts_are_noticed() {
    for (manifest, noticed) in [
        (json!({"scripts": {"test": "x"}}), None),
        (json!({"scripts": {"install": ""}}), None),
        (json!({"scripts": "odd"}), None),
        (json!({"scripts": {"preinstall": "x"}}), Some(json!(true))),
        (json!({"scripts": {"install": "x"}, "hasInstallScript": false}), Some(json!(false))),
        (json!({"hasInstallScript": true}), Some(json!(true))),
    ] {
        let short = abbreviate(manifest.as_object().unwrap());
        assert_eq!(short.get("hasInstallScript"), noticed.as_ref(), "{manifest}");
    }
}

#[test]
fn answers_look_as_clients_expect() {
    assert_eq!(print(&ErrorBody::new("no")), r#"{"error":"no","ok":false}"#);
    assert_eq!(print(&Accepted::new(None, None)), r#"{"ok":true,"success":true}"#);
    assert_eq!(print(&Whoami { username: "jo".to_owned() }), r#"{"username":"jo"}"#);
    let package = json!({ "name": "n" }).as_object().cloned().unwrap();
    let printed = search_object(package, Map::new());
    assert_eq!(printed["searchScore"], 1.0);
    assert_eq!(printed["score"]["final"], 0.0);
    assert_eq!(printed["package"]["maintainers"], json!([]));
}
