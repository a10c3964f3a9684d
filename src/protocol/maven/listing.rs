//! Our own metadata: the versions of an artifact, the plugins of a group.

use super::name::{self, order::Order};
use super::wire::{self, Plugin};
use crate::model::json;
use crate::service::{Listed, ListingRenderer, Package, Summary};
use serde_json::Value;
use std::io::{self, Write};

/// Under which name a listing carries the plugins that an upstream's document has beside versions.
pub(super) const PLUGINS: &str = "plugins";

/// Writes the versions of an artifact, lowest first. Those that were unlisted are found by their number only.
pub(super) struct VersionsRenderer {
    package: Package,
    /// In order. Numbers that are equal in it, such as `1` and `1.0`, are told apart by their text, so that it is one.
    versions: Vec<(Order, String)>,
}

impl VersionsRenderer {
    pub(super) fn new(package: &Package) -> Self {
        Self { package: package.clone(), versions: Vec::new() }
    }
}

impl ListingRenderer for VersionsRenderer {
    /// Most documents are in order already.
    fn version(&mut self, _: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        if !version.listing.hidden {
            let (order, text) = (Order::of(version.version), version.version);
            let before = |(known, other): &(Order, String)| {
                known.compare(&order).then_with(|| other.as_str().cmp(text)).is_le()
            };
            let place = match self.versions.last() {
                Some(last) if !before(last) => self.versions.partition_point(before),
                _ => self.versions.len(),
            };
            self.versions.insert(place, (order, text.to_owned()));
        }
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        wire::begin(out, &self.package, None)?;
        wire::tag(out, 2, "versioning")?;
        let release = self.versions.iter().rfind(|(_, version)| !name::is_snapshot(version));
        for (name, version) in [("latest", self.versions.last()), ("release", release)] {
            version.map_or(Ok(()), |(_, version)| wire::element(out, 4, name, version))?;
        }
        wire::tag(out, 4, "versions")?;
        for (_, version) in &self.versions {
            wire::element(out, 6, "version", version)?;
        }
        wire::tag(out, 4, "/versions")?;
        if let Some(modified) = summary.modified {
            wire::element(out, 4, "lastUpdated", &name::digits(modified))?;
        }
        wire::tag(out, 2, "/versioning")?;
        let plugins = summary.extra.get(PLUGINS).and_then(Value::as_array);
        if let Some(plugins) = plugins.filter(|plugins| !plugins.is_empty()) {
            wire::plugins(out, &plugins.iter().map(Plugin::from_facts).collect::<Vec<_>>())?;
        }
        wire::end(out)
    }
}

/// Writes the plugins that sources have of a group: in a group's listing they stand in the place of versions.
#[derive(Default)]
pub(super) struct PluginsRenderer(Vec<Plugin>);

impl ListingRenderer for PluginsRenderer {
    fn version(&mut self, _: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        let facts = json::read::<Value>(version.manifest.get().as_bytes()).map_err(io::Error::from)?;
        self.0.push(Plugin::from_facts(&facts));
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut dyn Write, _: &Summary) -> io::Result<()> {
        out.write_all(&wire::with_plugins(None, &self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ListingState, Timestamp};
    use serde_json::value::RawValue;

    fn render(versions: &[(&str, bool)], summary: &Summary) -> String {
        let mut renderer = Box::new(VersionsRenderer::new(&name::parse("org.example:lib").unwrap()));
        let mut out = Vec::new();
        for (version, hidden) in versions {
            let listing = ListingState { hidden: *hidden, message: None };
            let listed = Listed {
                version,
                key: version,
                listing: &listing,
                is_local: true,
                manifest: RawValue::NULL,
                files: &[],
            };
            renderer.version(&mut out, listed).unwrap();
        }
        renderer.finish(&mut out, summary).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn versions_are_in_order_and_the_highest_are_named() {
        let modified = Timestamp::parse("2026-01-02T03:04:05Z");
        let summary = Summary { modified, ..Summary::default() };
        let versions = [
            ("1.10", false),
            ("1.9", false),
            ("2.0-SNAPSHOT", false),
            ("3.0", true),
            ("1.0", false),
            ("1", false),
        ];
        assert_eq!(
            render(&versions, &summary),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>org.example</groupId>\n  \
             <artifactId>lib</artifactId>\n  <versioning>\n    <latest>2.0-SNAPSHOT</latest>\n    <release>1.10</release>\n    \
             <versions>\n      <version>1</version>\n      <version>1.0</version>\n      <version>1.9</version>\n      \
             <version>1.10</version>\n      <version>2.0-SNAPSHOT</version>\n    </versions>\n    \
             <lastUpdated>20260102030405</lastUpdated>\n  </versioning>\n</metadata>\n"
        );
        let snapshots = render(&[("1-SNAPSHOT", false)], &Summary::default());
        assert!(!snapshots.contains("<release>") && snapshots.contains("<latest>1-SNAPSHOT<"), "{snapshots}");
    }

    #[test]
    fn plugins_of_an_upstream_are_passed_on_beside_versions() {
        let plugin = Plugin { prefix: "p".into(), artifact: "p-maven-plugin".into(), name: "P".into() };
        let mut summary = Summary::default();
        summary.extra.insert(PLUGINS.to_owned(), Value::Array(vec![plugin.facts()]));
        let read = wire::Metadata::read(render(&[("1", false)], &summary).as_bytes()).unwrap();
        assert_eq!((read.versions, read.plugins), (vec!["1".to_owned()], vec![plugin]));
    }
}
