//! The documents of a repository: metadata, checksums, the catalog of archetypes.
//!
//! [Repository metadata](https://maven.apache.org/ref/current/maven-repository-metadata/repository-metadata.html), of which
//! only what decides about versions and plugins is read. Writing is by hand: there are four shapes in all.

pub(super) mod pom;

use super::name;
use crate::model::{Algorithm, Digest, PackageName, Timestamp};
use crate::service::xml::{self, Event};
use serde_json::Value;
use std::io::{self, Write};

/// The media type of metadata.
pub(super) const XML: &str = "application/xml";

/// How every document begins.
pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// How metadata ends.
const END: &str = "</metadata>\n";

/// What metadata says, as far as it is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Whose it is, where it says so.
    pub(super) artifact: Option<String>,
    pub(super) versions: Vec<String>,
    pub(super) last_updated: Option<Timestamp>,
    pub(super) plugins: Vec<Plugin>,
}

/// A plugin of a group, and the prefix by which it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plugin {
    pub(super) prefix: String,
    pub(super) artifact: String,
    pub(super) name: String,
}

impl Metadata {
    /// Reads a document; `None` for what is no metadata.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let mut metadata = Self::default();
        elements(document, "metadata", &mut |path, text| match *path {
            ["artifactId"] => metadata.artifact = text,
            ["versioning", "versions", "version"] => metadata.versions.extend(text),
            ["versioning", "lastUpdated"] => metadata.last_updated = text.as_deref().and_then(name::moment),
            ["plugins", "plugin"] => metadata.plugins.push(Plugin::default()),
            ["plugins", "plugin", field] => {
                if let (Some(plugin), Some(text)) = (metadata.plugins.last_mut(), text) {
                    plugin.set(field, text);
                }
            }
            _ => {}
        })?;
        metadata.plugins.retain(|plugin| !plugin.prefix.is_empty() && !plugin.artifact.is_empty());
        Some(metadata)
    }
}

impl Plugin {
    fn set(&mut self, field: &str, text: String) {
        match field {
            "prefix" => self.prefix = text,
            "artifactId" => self.artifact = text,
            "name" => self.name = text,
            _ => {}
        }
    }

    /// As listings carry it.
    pub(super) fn facts(&self) -> Value {
        serde_json::json!({ "prefix": self.prefix, "artifactId": self.artifact, "name": self.name })
    }

    /// Reads such facts.
    pub(super) fn from_facts(facts: &Value) -> Self {
        let mut plugin = Self::default();
        for (field, value) in facts.as_object().into_iter().flatten() {
            plugin.set(field, value.as_str().unwrap_or_default().to_owned());
        }
        plugin
    }
}

/// What the descriptor in a plugin's archive says of it; `None` for what is none.
pub(super) fn descriptor(document: &[u8]) -> Option<Plugin> {
    let mut plugin = Plugin::default();
    elements(document, "plugin", &mut |path, text| match (path, text) {
        (["goalPrefix"], Some(text)) => plugin.prefix = text,
        ([field @ ("artifactId" | "name")], Some(text)) => plugin.set(field, text),
        _ => {}
    })?;
    Some(plugin).filter(|plugin| !plugin.prefix.is_empty())
}

/// Elements of which the text is wanted have none within them: these are the longest paths.
const DEPTH: usize = 3;

/// Goes through the elements of a document with that root: `take` is given the path below it, and the text of an element that
/// has nothing but text; `None` for what is no such document.
fn elements(document: &[u8], root: &str, take: &mut dyn FnMut(&[&str], Option<String>)) -> Option<()> {
    let mut reader = xml::Reader::new(document);
    let (mut path, mut text, mut is_leaf): (Vec<&str>, String, bool) = (Vec::new(), String::new(), false);
    while let Some(event) = reader.next().ok()? {
        match event {
            Event::Start { name, .. } => {
                if is_leaf {
                    take(&path[1..], None);
                }
                path.push(name);
                if path[0] != root {
                    return None;
                }
                text.clear();
                is_leaf = path.len() > 1 && path.len() <= DEPTH + 1;
            }
            Event::Text(more) => text.push_str(if is_leaf { &more } else { "" }),
            Event::End => {
                if is_leaf {
                    take(&path[1..], Some(text.trim().to_owned()));
                }
                is_leaf = false;
                path.pop();
            }
        }
    }
    Some(())
}

/// Writes what metadata of an artifact begins with.
pub(super) fn begin(out: &mut dyn Write, package: &PackageName, snapshot: Option<&str>) -> io::Result<()> {
    let (group, artifact) = name::coordinates(package);
    out.write_all(HEAD.as_bytes())?;
    out.write_all(if snapshot.is_some() { b"<metadata modelVersion=\"1.1.0\">\n" } else { b"<metadata>\n" })?;
    if let Some(artifact) = artifact {
        element(out, 2, "groupId", group)?;
        element(out, 2, "artifactId", artifact)?;
    }
    snapshot.map_or(Ok(()), |version| element(out, 2, "version", version))
}

/// Writes what all metadata ends with.
pub(super) fn end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(END.as_bytes())
}

/// Writes an element that has nothing but text.
pub(super) fn element(out: &mut dyn Write, indentation: usize, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{:indentation$}<{name}>{}</{name}>", "", xml::escape(text))
}

/// Writes the line of a tag.
pub(super) fn tag(out: &mut dyn Write, indentation: usize, name: &str) -> io::Result<()> {
    writeln!(out, "{:indentation$}<{name}>", "")
}

/// Writes the plugins of a group.
pub(super) fn plugins(out: &mut dyn Write, plugins: &[Plugin]) -> io::Result<()> {
    tag(out, 2, "plugins")?;
    for plugin in plugins {
        tag(out, 4, "plugin")?;
        element(out, 6, "name", &plugin.name)?;
        element(out, 6, "prefix", &plugin.prefix)?;
        element(out, 6, "artifactId", &plugin.artifact)?;
        tag(out, 4, "/plugin")?;
    }
    tag(out, 2, "/plugins")
}

/// A document of plugins only, or one of versions with plugins added to it.
pub(super) fn with_plugins(document: Option<&[u8]>, added: &[Plugin]) -> io::Result<Vec<u8>> {
    let begin = document.and_then(|document| str::from_utf8(document).ok()?.strip_suffix(END));
    let mut out = match begin {
        // Plugins that it has already are among those that are added.
        Some(begin) => begin.split("  <plugins>\n").next().unwrap_or_default().as_bytes().to_vec(),
        None => format!("{HEAD}<metadata>\n").into_bytes(),
    };
    plugins(&mut out, added)?;
    end(&mut out)?;
    Ok(out)
}

/// Reads what a file beside another says that the other hashes to: the digest alone, or with a name before or behind it.
pub(super) fn read_checksum(text: &[u8], algorithm: Algorithm) -> Option<Digest> {
    let text = str::from_utf8(text).ok()?;
    let words = text.split(|character: char| character.is_whitespace() || matches!(character, '=' | ':'));
    words.into_iter().find_map(|word| Digest::from_hex(algorithm, word).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn metadata_is_read() {
        let document = b"<?xml version='1.0'?><metadata xmlns='u' modelVersion='1.1.0'><groupId>g</groupId><versioning>\
            <latest>3</latest><versions><version> 1 </version><version>2</version></versions>\
            <lastUpdated>20260102030405</lastUpdated><snapshotVersions><snapshotVersion><version>9</version>\
            </snapshotVersion></snapshotVersions></versioning><plugins><plugin><name>N</name><prefix>p</prefix>\
            <artifactId>p-maven-plugin</artifactId></plugin><plugin><prefix>q</prefix></plugin></plugins></metadata>";
        let read = Metadata::read(document).unwrap();
        assert_eq!(read.versions, ["1", "2"]);
        assert_eq!(read.last_updated, name::moment("20260102030405"));
        let plugin = Plugin { prefix: "p".into(), artifact: "p-maven-plugin".into(), name: "N".into() };
        assert_eq!(read.plugins, [plugin], "a plugin without its artifact is none");
        for bad in
            [&b""[..], b"<html></html>", b"<metadata>", b"{}", b"<!DOCTYPE metadata><metadata/>", b"\xff"]
        {
            assert_eq!(Metadata::read(bad), None);
        }
        assert_eq!(Metadata::read(b"<metadata/>"), Some(Metadata::default()));
    }

    #[test]
    fn plugins_are_written_and_read_back() {
        let plugin = Plugin { prefix: "<p>".into(), artifact: "a&b".into(), name: "\"N\"".into() };
        let document = with_plugins(None, std::slice::from_ref(&plugin)).unwrap();
        assert_eq!(Metadata::read(&document).unwrap().plugins, std::slice::from_ref(&plugin));
        assert_eq!(Plugin::from_facts(&plugin.facts()), plugin);
        let versions =
            "<metadata>\n  <versioning><versions><version>1</version></versions></versioning>\n</metadata>\n";
        let both =
            Metadata::read(&with_plugins(Some(versions.as_bytes()), std::slice::from_ref(&plugin)).unwrap())
                .unwrap();
        assert_eq!((both.versions, both.plugins), (vec!["1".to_owned()], vec![plugin]));
    }

    #[test]
    fn a_plugin_says_by_which_prefix_it_is_called() {
        let document = b"<?xml version=\"1.0\"?><!-- generated --><plugin><name>N &amp; M</name><groupId>g</groupId>\
            <artifactId>a</artifactId><goalPrefix>p</goalPrefix><mojos><mojo><goal>say</goal><goalPrefix>no</goalPrefix>\
            </mojo></mojos></plugin>";
        let plugin = Plugin { prefix: "p".into(), artifact: "a".into(), name: "N & M".into() };
        assert_eq!(descriptor(document), Some(plugin));
        for bad in [&b"<plugin/>"[..], b"<project><goalPrefix>p</goalPrefix></project>", b"<plugin>", b""] {
            assert_eq!(descriptor(bad), None);
        }
    }

    #[test]
    fn checksums_are_read_in_every_shape_tools_write() {
        let hex = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        for text in [
            hex.to_owned(),
            format!("{hex}\n"),
            hex.to_uppercase(),
            format!("{hex}  a-1.0.jar\n"),
            format!("SHA1(a-1.0.jar)= {hex}"),
            format!("a.jar: {hex}"),
        ] {
            assert_eq!(read_checksum(text.as_bytes(), Algorithm::Sha1).unwrap().hex(), hex, "{text}");
        }
        for bad in [&b""[..], b"da39", b"<html>", b"\xff"] {
            assert_eq!(read_checksum(bad, Algorithm::Sha1), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text: String) {
            let _ = (Metadata::read(&bytes), read_checksum(&bytes, Algorithm::Md5), descriptor(&bytes));
            let _ = Metadata::read(format!("<metadata><plugins><plugin>{text}</plugin></plugins></metadata>").as_bytes());
        }
    }
}
