//! The manifest in a package: [`.nuspec`](https://learn.microsoft.com/nuget/reference/nuspec).

use super::{FLAGS, Groups, Members, set_tags, set_text};
use crate::error::{Error, Result};
use crate::service::xml::{Event, Malformed, Reader, attribute};
use std::borrow::Cow;

/// What marks a package of symbols.
pub(in crate::protocol::nuget) const SYMBOLS: &str = "SymbolsPackage";

/// Elements that are taken over as they are.
const TEXTS: [&str; 14] = [
    "id",
    "version",
    "title",
    "authors",
    "description",
    "summary",
    "language",
    "iconUrl",
    "icon",
    "licenseUrl",
    "projectUrl",
    "readme",
    "releaseNotes",
    "copyright",
];

type Attributes<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// Reads a manifest.
pub(in crate::protocol::nuget) fn parse(bytes: &[u8]) -> Result<Members> {
    let mut found = Found::default();
    found.read(bytes).map_err(|fault| Error::Invalid(format!("the package's `.nuspec`: {fault}")))?;
    let Found { mut members, groups, types, .. } = found;
    for name in ["id", "version"] {
        if !members.contains_key(name) {
            return Err(Error::Invalid(format!("the package's `.nuspec` has no `{name}`")).into());
        }
    }
    groups.set(&mut members);
    if !types.is_empty() {
        members.insert("packageTypes".to_owned(), types.into());
    }
    Ok(members)
}

#[derive(Default)]
struct Found {
    members: Members,
    groups: Groups,
    types: Vec<serde_json::Value>,
}

impl Found {
    fn read(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(bytes);
        let mut path: Vec<&str> = Vec::new();
        while let Some(event) = reader.next()? {
            match event {
                Event::Text(_) => {}
                Event::End => {
                    path.pop();
                }
                Event::Start { name, attributes } => match (path.as_slice(), name) {
                    (["package", "metadata"], "dependencies" | "packageTypes") | ([], "package") => {
                        path.push(name);
                    }
                    (["package"], "metadata") => {
                        set_text(
                            &mut self.members,
                            "minClientVersion",
                            attribute(&attributes, "minClientVersion"),
                        );
                        path.push(name);
                    }
                    (["package", "metadata"], name) => {
                        let text = reader.text()?;
                        self.member(name, &attributes, &text);
                    }
                    ([_, _, "dependencies"], "group") => {
                        self.groups.begin(attribute(&attributes, "targetFramework"));
                        path.push(name);
                    }
                    ([_, _, "dependencies", ..], "dependency") => {
                        if path.len() == 3 {
                            self.groups.begin("");
                        }
                        self.groups.add(attribute(&attributes, "id"), attribute(&attributes, "version"));
                        path.push(name);
                    }
                    ([_, _, "packageTypes"], "packageType") => {
                        let mut kind = Members::new();
                        set_text(&mut kind, "name", attribute(&attributes, "name"));
                        set_text(&mut kind, "version", attribute(&attributes, "version"));
                        self.types.push(kind.into());
                        path.push(name);
                    }
                    _ => drop(reader.text()?),
                },
            }
        }
        Ok(())
    }

    /// A member of the metadata that has no elements in it.
    fn member(&mut self, name: &str, attributes: &Attributes<'_>, text: &str) {
        let members = &mut self.members;
        match name {
            "license" if attribute(attributes, "type") == "expression" => {
                set_text(members, "licenseExpression", text);
            }
            "license" => set_text(members, "license", text),
            "tags" => set_tags(members, text),
            _ if FLAGS.contains(&name) && text.trim().eq_ignore_ascii_case("true") => {
                members.insert(name.to_owned(), true.into());
            }
            _ if TEXTS.contains(&name) => set_text(members, name, text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn all_that_listings_say_is_taken() {
        let manifest = r#"<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"><metadata minClientVersion="2.12">
<id>Some.Thing</id><version>1.0.0-Beta+x</version><authors>A &amp; B</authors><owners>nobody</owners>
<requireLicenseAcceptance>true</requireLicenseAcceptance><license type="expression">MIT</license>
<icon>images\icon.png</icon><readme>README.md</readme><description>two
lines</description><tags>one two, three</tags><repository type="git" url="https://h/x" />
<packageTypes><packageType name="DotnetTool" /></packageTypes>
<dependencies><group targetFramework="net45"><dependency id="X" version="[1.0,2.0)" exclude="Build" /></group>
<group targetFramework=".NETStandard2.0" /></dependencies>
<frameworkAssemblies><frameworkAssembly assemblyName="System" targetFramework="" /></frameworkAssemblies>
<contentFiles><files include="**" /></contentFiles></metadata><files><file src="id" /></files></package>"#;
        let expected = json!({
            "minClientVersion": "2.12", "id": "Some.Thing", "version": "1.0.0-Beta+x", "authors": "A & B",
            "requireLicenseAcceptance": true, "licenseExpression": "MIT", "icon": "images\\icon.png", "readme": "README.md",
            "description": "two\nlines", "tags": ["one", "two", "three"],
            "dependencyGroups": [
                { "targetFramework": "net45", "dependencies": [{ "id": "X", "range": "[1.0,2.0)" }] },
                { "targetFramework": ".NETStandard2.0" },
            ],
            "packageTypes": [{ "name": "DotnetTool" }],
        });
        assert_eq!(Value::from(parse(manifest.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn dependencies_need_no_groups() {
        let manifest = "<package><metadata><id>a</id><version>1</version><license type='file'>LICENSE</license>\
            <dependencies><dependency id='x'/><dependency id='y' version='1'/></dependencies></metadata></package>";
        let members = parse(manifest.as_bytes()).unwrap();
        assert_eq!(
            members["dependencyGroups"],
            json!([{ "dependencies": [{ "id": "x" }, { "id": "y", "range": "1" }] }])
        );
        assert_eq!(members["license"], "LICENSE");
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for bad in [
            "",
            "<package/>",
            "<metadata><id>a</id><version>1</version></metadata>",
            "<package><metadata><id>a</id></metadata></package>",
            "<package><metadata><id> </id><version>1</version></metadata></package>",
            "<!DOCTYPE p [<!ENTITY a 'b'>]><package><metadata><id>&a;</id><version>1</version></metadata></package>",
        ] {
            assert!(matches!(parse(bad.as_bytes()).map_err(|error| *error), Err(Error::Invalid(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, inside in "[<>/a-z=' ]*") {
            let _ = parse(&bytes);
            let _ = parse(format!("<package><metadata><dependencies>{inside}").as_bytes());
        }
    }
}
