//! Our own document: the versions of a package, in their order, one on a line.

use super::name::{self, Selector};
use crate::model::{Digest, json};
use crate::service::{Listed, ListingRenderer, Package, Summary};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes the versions of a package, lowest first.
pub(super) struct VersionsRenderer {
    package: Package,
    versions: Vec<Value>,
}

impl VersionsRenderer {
    pub(super) fn new(package: &Package) -> Self {
        Self { package: package.clone(), versions: Vec::new() }
    }
}

impl ListingRenderer for VersionsRenderer {
    fn version(&mut self, _: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        let facts: Value = json::read(version.manifest.get().as_bytes())?;
        let sha256 = version.files.first().and_then(|file| file.digests.last()).map(Digest::hex);
        let mut line = json!({
            "version": version.version,
            "listed": !version.listing.hidden,
            "files": facts["files"],
            "size": facts["size"],
            "sha256": sha256,
        });
        if facts["description"].is_string() {
            line["description"] = facts["description"].clone();
        }
        // Most documents are in order already.
        let is_before = |known: &Value| name::compare(number(known), version.version).is_le();
        let place = match self.versions.last() {
            Some(last) if !is_before(last) => self.versions.partition_point(is_before),
            _ => self.versions.len(),
        };
        self.versions.insert(place, line);
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let latest = chosen(&self.versions, &Selector::Highest(Vec::new())).map(str::to_owned);
        write!(out, "{{\"name\":\"{}\",\"latest\":{},\"versions\":[", self.package, json!(latest))?;
        for (at, line) in self.versions.iter_mut().enumerate() {
            if let Some(published) = summary.published.get(number(line)) {
                line["published"] = json!(published);
            }
            write!(out, "{}{line}", if at == 0 { "\n" } else { ",\n" })?;
        }
        out.write_all(b"\n]}\n")
    }
}

fn number(line: &Value) -> &str {
    line["version"].as_str().unwrap_or_default()
}

/// Which of these versions a request is about; those that were unlisted are found by their number only.
fn chosen<'a>(versions: &'a [Value], selector: &Selector) -> Option<&'a str> {
    selector.choose(versions.iter().filter(|line| line["listed"] != false).map(number))
}

/// Which of the versions in our own document a request is about.
pub(super) fn select(document: &[u8], selector: &Selector) -> Option<String> {
    let document: Value = json::read(document).unwrap_or_default();
    chosen(document["versions"].as_array()?, selector).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ArtifactName, ListingState, Timestamp};
    use crate::service::ListedFile;
    use serde_json::value::RawValue;

    fn render(versions: &[(&str, bool)], published: &[(&str, &str)]) -> String {
        let mut renderer = Box::new(VersionsRenderer::new(&name::parse("my-tools").unwrap()));
        let mut out = Vec::new();
        let digests = [Digest::sha256(b"")];
        let manifest = ArtifactName::parse(name::MANIFEST).unwrap();
        let files = [ListedFile { name: &manifest, size: Some(0), digests: &digests, manifest: None }];
        for (version, hidden) in versions {
            let listing = ListingState { hidden: *hidden, message: None };
            let facts = r#"{"files":2,"size":7,"description":"Two\n\"tools\""}"#;
            let manifest = RawValue::from_string(facts.to_owned()).unwrap();
            let listed = Listed {
                version,
                key: version,
                listing: &listing,
                is_local: true,
                manifest: &manifest,
                files: &files,
            };
            renderer.version(&mut out, listed).unwrap();
        }
        let published =
            published.iter().map(|(key, text)| ((*key).to_owned(), Timestamp::parse(text).unwrap()));
        let summary = Summary { published: published.collect(), ..Summary::default() };
        renderer.finish(&mut out, &summary).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn versions_are_in_order_one_on_a_line() {
        let versions = [("1.10.0", false), ("2.0.0-rc.1", false), ("1.9.0", false), ("3.0.0", true)];
        let text = render(&versions, &[("1.9.0", "2026-01-02T03:04:05Z")]);
        let document: Value = serde_json::from_str(&text).unwrap();
        let shown = document["versions"].as_array().unwrap().iter().map(number);
        assert_eq!(shown.collect::<Vec<_>>(), ["1.9.0", "1.10.0", "2.0.0-rc.1", "3.0.0"]);
        assert_eq!((&document["name"], &document["latest"]), (&json!("my-tools"), &json!("1.10.0")));
        let first = &document["versions"][0];
        assert_eq!(first["published"], "2026-01-02T03:04:05.000Z");
        assert_eq!((&first["files"], &first["size"]), (&json!(2), &json!(7)));
        assert_eq!(first["description"], "Two\n\"tools\"");
        assert_eq!(first["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(text.lines().count(), 6);
        assert_eq!(document["versions"][3]["listed"], false);
    }

    #[test]
    fn what_was_unlisted_is_found_by_its_number_only() {
        let text = render(&[("1.0.0", false), ("1.1.0", true), ("2.0.0-a", false)], &[]);
        for (selector, expected) in [("latest", Some("1.0.0")), ("1.*", Some("1.0.0")), ("2.*", None)] {
            let selector = Selector::parse(selector).unwrap();
            assert_eq!(select(text.as_bytes(), &selector).as_deref(), expected, "{selector}");
        }
        assert!(render(&[("1.0.0-a", false)], &[]).contains("\"latest\":null"));
        assert_eq!(select(b"nothing", &Selector::Highest(Vec::new())), None);
    }
}
