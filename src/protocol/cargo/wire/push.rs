//! The document of a push, and the line of the index that is made of it.
//!
//! The two differ: a push calls a renamed dependency by its crate's name and gives the new name beside it, an index does
//! the reverse; and an index keeps features in newer syntax apart, where older clients do not see them.

use super::super::name;
use crate::error::{Error, Result};
use crate::model::{SortedMap, Timestamp, Version, json};
use crate::service::Package;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Dependencies in one push, and features.
const COUNT_LIMIT: usize = 4096;
/// Longest text that is not a name.
const TEXT_LIMIT: usize = 1024;

/// What a push says of the version, as far as we look at it.
#[derive(Deserialize)]
pub(in crate::protocol::cargo) struct Push {
    /// The crate.
    pub(in crate::protocol::cargo) name: String,
    /// The version.
    pub(in crate::protocol::cargo) vers: String,
    #[serde(default)]
    deps: Vec<Dependency>,
    #[serde(default)]
    features: SortedMap<String, Vec<String>>,
    /// One line about the crate.
    #[serde(default)]
    pub(in crate::protocol::cargo) description: Option<String>,
    #[serde(default)]
    links: Option<String>,
    #[serde(default)]
    rust_version: Option<String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    version_req: String,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    optional: bool,
    #[serde(default = "yes")]
    default_features: bool,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    registry: Option<String>,
    #[serde(default)]
    explicit_name_in_toml: Option<String>,
}

fn yes() -> bool {
    true
}

impl Push {
    /// Reads the document.
    pub(in crate::protocol::cargo) fn parse(bytes: &[u8]) -> Result<Self> {
        json::read(bytes)
            .map_err(|error| Error::Invalid(format!("the push's metadata cannot be read: {error}")).into())
    }

    /// Checks all of it: crate and version if nothing is wrong.
    pub(in crate::protocol::cargo) fn check(&self) -> Result<(Package, Version)> {
        let (package, version) = (name::parse_new(&self.name)?, name::parse_version(&self.vers)?);
        if self.deps.len() > COUNT_LIMIT || self.features.len() > COUNT_LIMIT {
            return Err(Error::Invalid(format!(
                "a version has at most {COUNT_LIMIT} dependencies and features"
            ))
            .into());
        }
        for dependency in &self.deps {
            dependency.check()?;
        }
        for (feature, values) in &self.features {
            name::check_feature(feature)?;
            values.iter().try_for_each(|value| name::check_feature_value(value))?;
        }
        let texts = [("links", &self.links), ("rust_version", &self.rust_version)];
        texts.into_iter().try_for_each(|(what, text)| check_text(what, text.as_deref()))?;
        Ok((package, version))
    }

    /// The line of the index; `registry` says how the index calls the registry a dependency is from, `None` for this
    /// one.
    pub(in crate::protocol::cargo) fn line(
        &self,
        checksum: &str,
        published: Timestamp,
        registry: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Box<RawValue>> {
        let dependencies: Vec<Value> = self.deps.iter().map(|one| one.line(registry)).collect();
        let (mut features, mut newer) = (Map::new(), Map::new());
        for (feature, values) in &self.features {
            let new = values.iter().any(|value| value.starts_with("dep:") || value.contains("?/"));
            let place = if new { &mut newer } else { &mut features };
            place.insert(feature.clone(), json!(values));
        }
        let mut line = Map::new();
        let mut set = |key: &str, value: Value| line.insert(key.to_owned(), value);
        set("name", self.name.as_str().into());
        set("vers", self.vers.as_str().into());
        set("deps", dependencies.into());
        set("cksum", checksum.into());
        set("features", features.into());
        set("yanked", false.into());
        set("links", self.links.as_deref().into());
        if !newer.is_empty() {
            set("features2", newer.into());
            set("v", 2.into());
        }
        if let Some(text) = &self.rust_version {
            set("rust_version", text.as_str().into());
        }
        // Clients read whole seconds and nothing else.
        let seconds = published.to_string();
        set("pubtime", format!("{}Z", seconds.split('.').next().unwrap_or_default()).into());
        serde_json::value::to_raw_value(&line).map_err(|error| Error::Invalid(error.to_string()).into())
    }
}

impl Dependency {
    fn check(&self) -> Result<()> {
        name::parse(&self.name)?;
        self.explicit_name_in_toml.as_deref().map_or(Ok(()), name::check_dependency)?;
        let wrong = |what: &str, text: &str| {
            let shown: String = text.chars().take(160).collect();
            Error::Invalid(format!("dependency `{}`: `{}` is no {what}", self.name, shown.escape_debug()))
        };
        if semver::VersionReq::parse(&self.version_req).is_err() {
            return Err(wrong("version requirement", &self.version_req).into());
        }
        if let Some(kind) = self.kind.as_deref().filter(|kind| !matches!(*kind, "normal" | "dev" | "build")) {
            return Err(wrong("kind of dependency", kind).into());
        }
        if let Some(registry) = &self.registry
            && url::Url::parse(registry).is_err()
        {
            return Err(wrong("address of a registry", registry).into());
        }
        self.features.iter().try_for_each(|feature| name::check_feature_value(feature))?;
        let texts = [("target", &self.target), ("registry", &self.registry)];
        texts.into_iter().try_for_each(|(what, text)| check_text(what, text.as_deref()))
    }

    fn line(&self, registry: &dyn Fn(&str) -> Option<String>) -> Value {
        let renamed = self.explicit_name_in_toml.as_deref();
        json!({
            "name": renamed.unwrap_or(&self.name),
            "req": self.version_req,
            "features": self.features,
            "optional": self.optional,
            "default_features": self.default_features,
            "target": self.target,
            "kind": self.kind.as_deref().unwrap_or("normal"),
            "registry": self.registry.as_deref().and_then(registry),
            "package": renamed.map(|_| &self.name),
        })
    }
}

fn check_text(what: &str, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) if text.len() > TEXT_LIMIT || text.chars().any(char::is_control) => {
            Err(Error::Invalid(format!("`{what}` in the push's metadata is not what it should be")).into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(document: &Value) -> Result<Value> {
        let push = Push::parse(document.to_string().as_bytes())?;
        push.check()?;
        let registry = |text: &str| (text != "sparse+https://own.example/").then(|| format!("{text}!"));
        let line = push.line("00ff", Timestamp::from_millis(1_500), &registry)?;
        Ok(serde_json::from_str(line.get()).unwrap())
    }

    fn push(change: impl Fn(&mut Value)) -> Value {
        let mut document = json!({
            "name": "Foo_bar", "vers": "1.0.0+b", "authors": [], "readme": "#", "badges": {}, "license": null,
            "deps": [{
                "name": "rand", "version_req": "^0.6", "features": ["i128_support"], "optional": false,
                "default_features": true, "target": null, "kind": "normal", "registry": null,
                "explicit_name_in_toml": null,
            }],
            "features": { "default": ["std"], "std": [] }, "links": null,
        });
        change(&mut document);
        document
    }

    #[test]
    fn a_line_is_as_the_index_format_says() {
        assert_eq!(
            line(&push(|_| {})).unwrap().to_string(),
            "{\"name\":\"Foo_bar\",\"vers\":\"1.0.0+b\",\"deps\":[{\"name\":\"rand\",\"req\":\"^0.6\",\
             \"features\":[\"i128_support\"],\"optional\":false,\"default_features\":true,\"target\":null,\
             \"kind\":\"normal\",\"registry\":null,\"package\":null}],\"cksum\":\"00ff\",\
             \"features\":{\"default\":[\"std\"],\"std\":[]},\"yanked\":false,\"links\":null,\
             \"pubtime\":\"1970-01-01T00:00:01Z\"}"
        );
    }

    #[test]
    fn renaming_is_turned_round() {
        let renamed =
            line(&push(|document| document["deps"][0]["explicit_name_in_toml"] = "r".into())).unwrap();
        let dependency = &renamed["deps"][0];
        assert_eq!((&dependency["name"], &dependency["package"]), (&json!("r"), &json!("rand")));
    }

    #[test]
    fn registries_are_named_as_the_index_names_them() {
        let registry = |text: &str| {
            line(&push(|document| document["deps"][0]["registry"] = text.into())).unwrap()["deps"][0]["registry"].clone()
        };
        assert_eq!(registry("sparse+https://own.example/"), Value::Null);
        assert_eq!(registry("https://other.example/"), "https://other.example/!");
    }

    #[test]
    fn features_in_newer_syntax_are_kept_apart() {
        let features =
            json!({ "default": ["std"], "std": ["rand?/std"], "rng": ["dep:rand"], "old": ["rand/std"] });
        let line = line(&push(|document| {
            document["features"] = features.clone();
            document["rust_version"] = "1.60".into();
            document["links"] = "z".into();
        }))
        .unwrap();
        assert_eq!(line["features"], json!({ "default": ["std"], "old": ["rand/std"] }));
        assert_eq!(line["features2"], json!({ "std": ["rand?/std"], "rng": ["dep:rand"] }));
        assert_eq!(
            (&line["v"], &line["rust_version"], &line["links"]),
            (&json!(2), &json!("1.60"), &json!("z"))
        );
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (path, value) in [
            ("/name", json!("0test")),
            ("/name", json!("std")),
            ("/name", json!(7)),
            ("/vers", json!("-1.0.0")),
            ("/deps/0/name", json!("a b")),
            ("/deps/0/version_req", json!("latest")),
            ("/deps/0/kind", json!("peer")),
            ("/deps/0/registry", json!("not a url")),
            ("/deps/0/explicit_name_in_toml", json!("1x")),
            ("/deps/0/features/0", json!("a b")),
            ("/deps/0/target", json!("a\nb")),
            ("/features/std", json!(["a//b"])),
            ("/features", json!({ "": [] })),
            ("/links", json!("x".repeat(2000))),
        ] {
            let document = push(|document| *document.pointer_mut(path).unwrap() = value.clone());
            assert!(line(&document).is_err(), "{path} {value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Push::parse(&bytes).and_then(|push| push.check());
        }
    }
}
