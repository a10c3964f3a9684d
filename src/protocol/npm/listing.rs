//! Our own listings: packuments, written version by version.
//!
//! A manifest is kept with `dist` last, in it `attestations` (with `url` last) and then `tarball`, both addresses empty:
//! rendering puts the addresses in by position and never parses a manifest.

use super::upstream::PASSED_ON;
use super::{Form, name, wire};
use crate::model::json;
use crate::service::{Listed, ListingRenderer, Package, Summary};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// How every kept manifest ends.
const TARBALL: &str = "\"tarball\":\"\"}}";

/// What stands before that where there are attestations.
const ATTESTATIONS: &str = "\"url\":\"\"},";

/// What `encodeURIComponent` leaves alone, and `@`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'@');

/// A package's name as registries spell it in the address of a listing: `@scope%2fname`.
pub(super) fn encoded_name(package: &Package) -> String {
    utf8_percent_encode(package.as_str(), ENCODED).to_string().replace("%2F", "%2f")
}

/// The form in which a manifest is kept; `None` if it has no `dist`.
pub(super) fn manifest(mut manifest: Map<String, Value>) -> Option<Box<RawValue>> {
    manifest.shift_remove("deprecated");
    let Some(Value::Object(mut dist)) = manifest.shift_remove("dist") else { return None };
    dist.shift_remove("tarball");
    if let Some(Value::Object(mut attestations)) = dist.shift_remove("attestations") {
        attestations.shift_remove("url");
        attestations.insert("url".to_owned(), Value::from(""));
        dist.insert("attestations".to_owned(), Value::Object(attestations));
    }
    dist.insert("tarball".to_owned(), Value::from(""));
    manifest.insert("dist".to_owned(), Value::Object(dist));
    serde_json::value::to_raw_value(&manifest).ok()
}

/// A kept manifest in the form for installing.
fn abbreviated(full: &RawValue) -> Option<Box<RawValue>> {
    manifest(wire::abbreviate(&json::read(full.get().as_bytes()).ok()?))
}

/// Writes a packument.
pub(crate) struct PackumentRenderer {
    package: Package,
    form: Form,
    root: String,
    count: usize,
    best: Option<(bool, semver::Version, String)>,
    /// The manifest of the best local version: what a package without an upstream says of itself as a whole.
    best_local: Option<Box<RawValue>>,
}

impl PackumentRenderer {
    /// A renderer; links begin with `root`.
    pub(super) fn new(package: &Package, form: Form, root: &str) -> Self {
        Self { package: package.clone(), form, root: root.to_owned(), count: 0, best: None, best_local: None }
    }

    /// Writes one manifest with its addresses and its deprecation.
    fn write_manifest(&self, out: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        let text = version.manifest.get();
        let (body, attested) = match text.strip_suffix(TARBALL) {
            None => return out.write_all(text.as_bytes()),
            Some(body) => match body.strip_suffix(ATTESTATIONS) {
                Some(body) => (body, true),
                None => (body, false),
            },
        };
        match (&version.listing.message, body.strip_prefix('{')) {
            (Some(message), Some(members)) => {
                write!(out, "{{\"deprecated\":{},", Value::from(message.as_str()))?;
                out.write_all(members.as_bytes())?;
            }
            _ => out.write_all(body.as_bytes())?,
        }
        if attested {
            let url = format!(
                "{}-/npm/v1/attestations/{}@{}",
                self.root,
                encoded_name(&self.package),
                version.version
            );
            write!(out, "\"url\":{}}},", Value::from(url))?;
        }
        write!(out, "\"tarball\":{}}}}}", Value::from(self.tarball(version.key)))
    }

    fn tarball(&self, version_key: &str) -> String {
        format!("{}{}/-/{}-{version_key}.tgz", self.root, self.package, name::unscoped(&self.package))
    }

    /// Remembers the version that is `latest` where no tag says so: the highest stable one, or else the highest.
    fn consider(&mut self, version: &Listed<'_>) {
        let Ok(parsed) = semver::Version::parse(version.key) else { return };
        let rank = (parsed.pre.is_empty(), parsed);
        if self.best.as_ref().is_none_or(|(stable, best, _)| (rank.0, &rank.1) > (*stable, best)) {
            self.best = Some((rank.0, rank.1, version.version.to_owned()));
            let kept = version.is_local && self.form == Form::Full;
            self.best_local = kept.then(|| version.manifest.to_owned());
        }
    }
}

impl ListingRenderer for PackumentRenderer {
    fn version(&mut self, out: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        self.consider(&version);
        if self.count == 0 {
            write!(out, "{{\"name\":{},\"versions\":{{", Value::from(self.package.as_str()))?;
        } else {
            out.write_all(b",")?;
        }
        self.count += 1;
        write!(out, "{}:", Value::from(version.version))?;
        let shortened = version.is_local && self.form == Form::Abbreviated;
        if let Some(short) = shortened.then(|| abbreviated(version.manifest)).flatten() {
            return self.write_manifest(out, Listed { manifest: &short, ..version });
        }
        self.write_manifest(out, version)
    }

    fn finish(self: Box<Self>, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let mut tags = summary.tags.clone();
        if let (false, Some((_, _, best))) = (tags.contains_key("latest"), self.best) {
            tags.insert("latest".to_owned(), best);
        }
        write!(out, "}},\"dist-tags\":{}", serde_json::to_string(&tags)?)?;
        write!(out, ",\"_rev\":{}", Value::from(revision(summary.revision)))?;
        let modified = summary.modified.map(|moment| moment.to_string()).unwrap_or_default();
        if self.form == Form::Abbreviated {
            write!(out, ",\"modified\":{}", Value::from(modified.as_str()))?;
        }
        // Abbreviated listings of registries lack `time`. Some of the times would be worse than none: clients with an
        // age gate take a version without one for an error.
        if self.form == Form::Full || summary.published.len() >= self.count {
            let mut time = Map::new();
            let created = summary.published.values().min().map(ToString::to_string);
            time.insert("created".to_owned(), Value::from(created.unwrap_or_else(|| modified.clone())));
            time.insert("modified".to_owned(), Value::from(modified.as_str()));
            for (version, published) in &summary.published {
                time.insert(version.clone(), Value::from(published.to_string()));
            }
            write!(out, ",\"time\":{}", Value::Object(time))?;
        }
        if self.form == Form::Full {
            write!(out, ",\"_id\":{}", Value::from(self.package.as_str()))?;
            let own: Option<Map<String, Value>> =
                self.best_local.and_then(|manifest| json::read(manifest.get().as_bytes()).ok());
            let own = own.into_iter().flatten().filter(|(key, _)| PASSED_ON.contains(&key.as_str()));
            let members = if summary.extra.is_empty() { own.collect() } else { summary.extra.clone() };
            if !summary.stars.is_empty() {
                let users: Map<String, Value> =
                    summary.stars.iter().map(|user| (user.clone(), Value::Bool(true))).collect();
                write!(out, ",\"users\":{}", Value::Object(users))?;
            }
            for (key, value) in members {
                write!(out, ",{}:{value}", Value::from(key))?;
            }
        }
        out.write_all(b"}")
    }
}

/// A package's revision as `_rev` prints it: what npm sends back before it unpublishes.
pub(super) fn revision(sequence: u64) -> String {
    format!("{sequence}-edgefeed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ListingState, Timestamp};

    fn render(form: Form, versions: &[(&str, Value)], summary: &Summary) -> Value {
        let package = name::parse("@s/n").unwrap();
        let mut renderer = PackumentRenderer::new(&package, form, "http://h/npm/registry/");
        let mut out = Vec::new();
        for (version, value) in versions {
            let Value::Object(map) = value else { panic!() };
            let listing = ListingState {
                hidden: false,
                message: map.get("deprecated").and_then(Value::as_str).map(str::to_owned),
            };
            let manifest = manifest(map.clone()).unwrap();
            let listed = Listed {
                version,
                key: version,
                listing: &listing,
                is_local: true,
                manifest: &manifest,
                files: &[],
            };
            renderer.version(&mut out, listed).unwrap();
        }
        Box::new(renderer).finish(&mut out, summary).unwrap();
        json::read(&out).unwrap()
    }

    #[test]
    fn addresses_and_deprecation_are_put_in() {
        let summary = Summary::default();
        let document = render(
            Form::Abbreviated,
            &[
                (
                    "1.0.0",
                    serde_json::json!({"deprecated": "old \"one\"", "version": "1.0.0",
                    "dist": {"tarball": "x", "attestations": {"url": "y", "provenance": {}}}}),
                ),
                ("2.0.0-rc.1", serde_json::json!({"version": "2.0.0-rc.1", "dist": {"shasum": "z"}})),
            ],
            &summary,
        );
        let one = &document["versions"]["1.0.0"];
        assert_eq!(one["dist"]["tarball"], "http://h/npm/registry/@s/n/-/n-1.0.0.tgz");
        assert_eq!(
            one["dist"]["attestations"]["url"],
            "http://h/npm/registry/-/npm/v1/attestations/@s%2fn@1.0.0"
        );
        assert_eq!(one["deprecated"], "old \"one\"");
        assert_eq!(document["versions"]["2.0.0-rc.1"]["dist"]["shasum"], "z");
        assert_eq!(document["dist-tags"]["latest"], "1.0.0", "the highest stable version");
        assert!(document.get("time").is_none(), "no times are known");
        assert!(document["_rev"].is_string(), "npm needs it in abbreviated listings too");
    }

    #[test]
    fn full_listings_have_times_and_what_the_upstream_says() {
        let published = [("1.0.0".to_owned(), Timestamp::from_millis(0))].into();
        let extra = [("description".to_owned(), Value::from("d"))].into_iter().collect();
        let summary =
            Summary { published, extra, modified: Some(Timestamp::from_millis(1000)), ..Summary::default() };
        let versions = [("1.0.0", serde_json::json!({"version": "1.0.0", "dist": {}}))];
        let document = render(Form::Full, &versions, &summary);
        assert_eq!(document["time"]["1.0.0"], "1970-01-01T00:00:00.000Z");
        assert_eq!(document["time"]["modified"], "1970-01-01T00:00:01.000Z");
        assert_eq!(document["description"], "d");
        assert_eq!(document["_id"], "@s/n");
    }

    #[test]
    fn names_are_spelled_as_clients_spell_them() {
        assert_eq!(encoded_name(&name::parse("@s/n").unwrap()), "@s%2fn");
        assert_eq!(encoded_name(&name::parse("left-pad").unwrap()), "left-pad");
    }
}
