//! What is said of a version, in one form everywhere: the members of a `catalogEntry`
//! ([registrations](https://learn.microsoft.com/nuget/api/registration-base-url-resource#catalog-entry)), as stored, as read
//! from other registries, as shown.

pub(super) mod filter;
pub(super) mod nuspec;
pub(super) mod odata;

use crate::model::{Algorithm, Digest, Timestamp, json};
use crate::protocol::text::said;
use crate::service::description::{Dependency, Description};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

/// The members of an entry.
pub(super) type Members = Map<String, Value>;

/// What is kept of another registry's entry, apart from dependencies.
const KEPT: [&str; 21] = [
    "id",
    "version",
    "title",
    "authors",
    "description",
    "summary",
    "language",
    "iconUrl",
    "licenseUrl",
    "licenseExpression",
    "projectUrl",
    "readmeUrl",
    "releaseNotes",
    "copyright",
    "minClientVersion",
    "requireLicenseAcceptance",
    "developmentDependency",
    "tags",
    "packageTypes",
    "deprecation",
    "vulnerabilities",
];

/// Members that are true or false.
pub(super) const FLAGS: [&str; 2] = ["requireLicenseAcceptance", "developmentDependency"];

/// Bytes of one text that is kept.
const TEXT_LIMIT: usize = 8 << 10;

/// The text of a member; empty if there is none.
pub(super) fn text<'a>(members: &'a Members, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A text, or the texts of an array, with `between` between them.
pub(super) fn joined(value: Option<&Value>, between: &str) -> String {
    let mut joined = String::new();
    match value {
        Some(Value::String(text)) => joined.push_str(text),
        Some(Value::Array(items)) => {
            for item in items {
                joined.push_str(if joined.is_empty() { "" } else { between });
                joined.push_str(item.as_str().unwrap_or_default());
            }
        }
        _ => {}
    }
    joined
}

/// The parts of a text between any of these characters, and white space around them.
pub(super) fn items(text: &str, separators: &[char]) -> Vec<Value> {
    let mut items = Vec::new();
    for item in text.split(separators) {
        let item = item.trim();
        if !item.is_empty() {
            items.push(item.into());
        }
    }
    items
}

/// What an entry says of its version, for people.
pub(super) fn describe(entry: &Value) -> Description {
    let mut dependencies = Vec::new();
    for group in entry["dependencyGroups"].as_array().into_iter().flatten() {
        for dependency in group["dependencies"].as_array().into_iter().flatten() {
            dependencies.push(Dependency {
                group: said(group, "targetFramework"),
                name: said(dependency, "id"),
                range: said(dependency, "range"),
            });
        }
    }
    let tags = joined(entry.get("tags"), " ");
    Description {
        author: joined(entry.get("authors"), ", "),
        description: said(entry, "description"),
        summary: said(entry, "summary"),
        tags: tags.split_whitespace().map(str::to_owned).collect(),
        dependencies,
    }
}

/// What separates tags.
pub(super) const BETWEEN_TAGS: [char; 6] = [' ', '\t', '\n', '\r', ',', ';'];

/// Sets tags, unless there are none.
pub(super) fn set_tags(members: &mut Members, text: &str) {
    let tags = items(text, &BETWEEN_TAGS);
    if !tags.is_empty() {
        members.insert("tags".to_owned(), tags.into());
    }
}

/// What is kept of the entry of another registry: without what is empty, and without its addresses.
pub(super) fn kept(entry: &Members) -> Members {
    let mut kept = Members::new();
    for name in KEPT {
        match entry.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => set_text(&mut kept, name, text),
            Some(value) => {
                kept.insert(name.to_owned(), without_addresses(value));
            }
        }
    }
    if let Some(groups) = entry.get("dependencyGroups").filter(|groups| groups.is_array()) {
        kept.insert("dependencyGroups".to_owned(), without_addresses(groups));
    }
    kept
}

/// Sets a text, unless it is empty.
pub(super) fn set_text(members: &mut Members, name: &str, text: &str) {
    let text = text.trim();
    if !text.is_empty() {
        members.insert(name.to_owned(), text[..text.floor_char_boundary(TEXT_LIMIT)].into());
    }
}

/// A value without the addresses and types of linked data.
fn without_addresses(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut own = Members::new();
            for (name, value) in members {
                if !name.starts_with('@') && name != "registration" {
                    own.insert(name.clone(), without_addresses(value));
                }
            }
            own.into()
        }
        Value::Array(items) => {
            let mut own = Vec::new();
            for item in items {
                own.push(without_addresses(item));
            }
            own.into()
        }
        other => other.clone(),
    }
}

/// Why a version is deprecated, in words.
pub(super) fn deprecation(entry: &Members) -> Option<String> {
    let deprecation = entry.get("deprecation")?.as_object()?;
    let message = text(deprecation, "message");
    Some(if message.is_empty() { joined(deprecation.get("reasons"), ", ") } else { message.to_owned() })
}

/// When it was published; 1900 stands for "not shown".
pub(super) fn published(text: &str) -> Option<Timestamp> {
    let parsed = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z")));
    parsed.filter(|moment| moment.millis() > 0)
}

/// A hash as it is written beside its algorithm.
pub(super) fn digest(algorithm: &str, hash: &str) -> Option<Digest> {
    let algorithm = match algorithm.to_ascii_uppercase().as_str() {
        "SHA512" | "SHA-512" => Algorithm::Sha512,
        "SHA256" | "SHA-256" => Algorithm::Sha256,
        _ => return None,
    };
    Digest::from_integrity(&format!("{}-{}", algorithm.name(), hash.trim())).ok()
}

/// The hash in Base64, as it is written here.
pub(super) fn hash(digest: &Digest) -> (String, String) {
    (digest.algorithm().name().to_ascii_uppercase(), STANDARD.encode(digest.value()))
}

/// What an entry, or a document with one, says that its package hashes to.
pub(super) fn declared(entry: &Members) -> Option<Digest> {
    let inner = entry.get("catalogEntry").and_then(Value::as_object);
    let algorithm =
        Some(text(entry, "packageHashAlgorithm")).filter(|name| !name.is_empty()).unwrap_or("SHA512");
    digest(algorithm, text(entry, "packageHash")).or_else(|| declared(inner?))
}

/// Dependencies as OData writes them: `id:range:framework`, with `|` between them.
pub(super) fn dependencies_text(entry: &Members) -> String {
    let mut items = Vec::new();
    for group in entry.get("dependencyGroups").and_then(Value::as_array).into_iter().flatten() {
        let Some(group) = group.as_object() else { continue };
        let framework = text(group, "targetFramework");
        let dependencies =
            group.get("dependencies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if dependencies.is_empty() {
            items.push(format!("::{framework}"));
        }
        for dependency in dependencies.iter().filter_map(Value::as_object) {
            items.push(format!("{}:{}:{framework}", text(dependency, "id"), text(dependency, "range")));
        }
    }
    items.join("|")
}

/// The reverse of [`dependencies_text`].
pub(super) fn dependency_groups(text: &str) -> Groups {
    let mut groups = Groups::default();
    for item in text.split('|').filter(|item| !item.trim_matches(':').is_empty()) {
        let mut parts = item.splitn(3, ':').map(str::trim);
        let (id, range) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let framework = parts.next().unwrap_or_default();
        groups.begin(framework);
        if !id.is_empty() {
            groups.add(id, range);
        }
    }
    groups
}

/// Dependencies by framework.
#[derive(Default)]
pub(super) struct Groups {
    groups: Vec<(String, Vec<Value>)>,
    present: usize,
}

impl Groups {
    /// What comes next is for that framework.
    pub(super) fn begin(&mut self, framework: &str) {
        let known = self.groups.iter().position(|(name, _)| name == framework);
        self.present = known.unwrap_or(self.groups.len());
        if known.is_none() {
            self.groups.push((framework.to_owned(), Vec::new()));
        }
    }

    /// Adds a dependency.
    pub(super) fn add(&mut self, id: &str, range: &str) {
        if let Some((_, dependencies)) = self.groups.get_mut(self.present) {
            let mut dependency = Members::new();
            set_text(&mut dependency, "id", id);
            set_text(&mut dependency, "range", range);
            dependencies.push(dependency.into());
        }
    }

    /// Puts them into an entry, if there are any.
    pub(super) fn set(self, entry: &mut Members) {
        let mut groups: Vec<Value> = Vec::new();
        for (framework, dependencies) in self.groups {
            let mut group = Members::new();
            set_text(&mut group, "targetFramework", &framework);
            if !dependencies.is_empty() {
                group.insert("dependencies".to_owned(), dependencies.into());
            }
            groups.push(group.into());
        }
        if !groups.is_empty() {
            entry.insert("dependencyGroups".to_owned(), groups.into());
        }
    }
}

/// The address of the first of these resources that a service index has
/// ([service index](https://learn.microsoft.com/nuget/api/service-index)).
pub(super) fn resource(index: &[u8], wanted: &[&str]) -> Option<String> {
    let index: Members = json::read(index).ok()?;
    let resources = index.get("resources")?.as_array()?;
    wanted.iter().find_map(|wanted| {
        let is_wanted = |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
        let found = resources.iter().find(|resource| match resource.get("@type") {
            Some(Value::Array(kinds)) => kinds.iter().any(is_wanted),
            kind => kind.is_some_and(is_wanted),
        })?;
        found.get("@id")?.as_str().map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_an_entry_what_is_shown_is_kept() {
        let entry = json!({
            "@id": "https://h/catalog/x.json", "@type": "PackageDetails", "id": "A", "title": "", "tags": ["x", "y"],
            "packageContent": "https://h/a.nupkg", "listed": true, "published": "2020-01-01T00:00:00Z", "summary": null,
            "dependencyGroups": [{ "@id": "#g", "targetFramework": "net45", "dependencies": [
                { "@id": "#d", "@type": "PackageDependency", "id": "B", "range": "[1.0, )", "registration": "https://h/b" },
            ] }],
        });
        let expected = json!({
            "id": "A", "tags": ["x", "y"],
            "dependencyGroups": [{ "targetFramework": "net45", "dependencies": [{ "id": "B", "range": "[1.0, )" }] }],
        });
        assert_eq!(Value::from(kept(entry.as_object().unwrap())), expected);
    }

    #[test]
    fn dependencies_of_both_apis_are_the_same() {
        let text = "B:[1.0, ):net45|C:2.0:net45|::net20|D::";
        let mut entry = Members::new();
        dependency_groups(text).set(&mut entry);
        assert_eq!(entry["dependencyGroups"].as_array().unwrap().len(), 3);
        assert_eq!(dependencies_text(&entry), text);
        let mut none = Members::new();
        dependency_groups("").set(&mut none);
        assert!(none.is_empty());
    }

    #[test]
    fn hashes_are_read_where_they_are() {
        let digest = Digest::of(Algorithm::Sha512, b"x");
        let (algorithm, hash) = hash(&digest);
        let leaf = json!({ "packageHash": hash, "packageHashAlgorithm": algorithm });
        let nested = json!({ "catalogEntry": leaf });
        for document in [leaf, nested] {
            assert_eq!(declared(document.as_object().unwrap()), Some(digest.clone()));
        }
        assert_eq!(declared(json!({ "packageHash": "" }).as_object().unwrap()), None);
        assert_eq!(super::digest("MD5", "x"), None);
    }

    #[test]
    fn resources_are_found_by_preference() {
        let index = br#"{"version":"3.0.0","resources":[{"@id":"a","@type":"X"},{"@id":"b","@type":["Y","x/2"]},{"@type":"Z"}]}"#;
        assert_eq!(resource(index, &["X/2", "X"]).as_deref(), Some("b"));
        assert_eq!(resource(index, &["X/3", "X"]).as_deref(), Some("a"));
        assert_eq!(resource(index, &["Z"]), None);
        assert_eq!(resource(b"[]", &["X"]), None);
    }
}
