//! The documents npm's clients send and read.
//!
//! Shapes as in the [registry's description of package metadata](https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md)
//! and of its [REST API](https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md). Listings and manifests stay
//! JSON maps: what we do not know is passed on as it came.
//!
//! Out of scope: reading the archive in a push, and deciding what a `PUT` means.

mod audit;
mod publish;

pub(super) use audit::{AuditRequest, BulkAuditAnswer};
pub(super) use publish::PublishDocument;

use crate::protocol::text;
use crate::service::description::{Dependency, Description};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// `Accept` and `Content-Type` of an abbreviated listing.
pub(super) const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// What installing needs of a manifest, in the order it is printed.
const INSTALL_FIELDS: [&str; 21] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "acceptDependencies",
    "bundleDependencies",
    "bundledDependencies",
    "bin",
    "directories",
    "dist",
    "engines",
    "os",
    "cpu",
    "libc",
    "funding",
    "hasInstallScript",
    "_hasShrinkwrap",
];

/// The manifest as an abbreviated listing prints it. `hasInstallScript` is worked out where the source did not.
#[must_use]
pub(super) fn abbreviate(full: &Map<String, Value>) -> Map<String, Value> {
    let mut short: Map<String, Value> = INSTALL_FIELDS
        .iter()
        .filter_map(|field| full.get(*field).map(|value| ((*field).to_owned(), value.clone())))
        .collect();
    if !short.contains_key("hasInstallScript") && has_install_script(full) {
        short.insert("hasInstallScript".to_owned(), Value::Bool(true));
    }
    short
}

/// Does installing this version run a script of its own?
pub(super) fn has_install_script(manifest: &Map<String, Value>) -> bool {
    let script = |name| manifest.get("scripts")?.get(name)?.as_str().filter(|script| !script.is_empty());
    ["preinstall", "install", "postinstall"].into_iter().any(|name| script(name).is_some())
}

/// What a manifest says of its version, for people.
pub(super) fn describe(manifest: &Value) -> Description {
    let author = &manifest["author"];
    let author = author.as_str().or_else(|| author["name"].as_str()).unwrap_or_default().to_owned();
    let mut dependencies = Vec::new();
    for group in ["dependencies", "peerDependencies", "optionalDependencies", "devDependencies"] {
        for (name, range) in manifest[group].as_object().into_iter().flatten() {
            let (group, range) = (group.to_owned(), range.as_str().unwrap_or_default().to_owned());
            dependencies.push(Dependency { group, name: name.clone(), range });
        }
    }
    let (description, tags) = (text::said(manifest, "description"), text::all_said(manifest, "keywords"));
    Description { author, description, tags, dependencies, ..Description::default() }
}

/// The body of every refusal: npm and its relatives print `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ErrorBody {
    /// For people.
    pub error: String,
    /// The same: what a client looks for that exchanges a pipeline's identity for a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Always false, for those who look at `ok` first.
    #[serde(default)]
    pub ok: bool,
}

impl ErrorBody {
    /// A refusal with that text.
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), message: None, ok: false }
    }
}

/// The body of an accepted write. Old clients look for `ok`, newer ones for `success`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Accepted {
    ok: bool,
    success: bool,
    /// The package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The package's new revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
}

impl Accepted {
    /// Done; `rev` is the package's revision from now on, where there is one.
    pub(super) fn new(id: Option<String>, rev: Option<String>) -> Self {
        Self { ok: true, success: true, id, rev }
    }
}

/// Answer of `GET /-/whoami`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Whoami {
    /// The caller.
    pub username: String,
}

/// Body of a legacy login: the password is a token of ours, and whose it is says the token alone.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LoginRequest {
    /// The token. Take it into a `Secret` at once; `Debug` hides it.
    pub password: Password,
}

/// A password in a request: it can be read, but not printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Password(String);

impl Password {
    /// Hands the password over.
    pub(super) fn into_secret(self) -> crate::model::Secret {
        crate::model::Secret::new(self.0)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password(***)")
    }
}

/// Answer of a legacy login: the only place where a token is printed, for its owner.
#[derive(Clone, Serialize)]
pub(super) struct LoginAnswer {
    /// True.
    pub ok: bool,
    /// `org.couchdb.user:{name}`.
    pub id: String,
    /// The token.
    pub token: String,
}

/// A user as `GET /-/user/org.couchdb.user:{name}` prints one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct UserDocument {
    /// `org.couchdb.user:{name}`.
    #[serde(rename = "_id")]
    pub id: String,
    /// The name.
    pub name: String,
    /// Clients want one; we know none.
    pub email: String,
    /// Always `user`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// None.
    pub roles: [String; 0],
}

impl UserDocument {
    /// The document of that user.
    pub(super) fn new(name: &str) -> Self {
        Self {
            id: format!("org.couchdb.user:{name}"),
            name: name.to_owned(),
            email: String::new(),
            kind: "user",
            roles: [],
        }
    }
}

/// Answer of `GET /-/npm/v1/user`, as `npm profile get` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Profile {
    /// The name.
    pub name: String,
    /// Clients want one; we know none.
    pub email: String,
    /// False.
    pub email_verified: bool,
    /// False: there is no second factor.
    pub tfa: bool,
}

impl Profile {
    /// The profile of that user.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), email: String::new(), email_verified: false, tfa: false }
    }
}

/// One result of a search: a package with its `latest` version. What a registry says of its results is passed on, with
/// what clients take for granted: npm reads the length of `maintainers`, others divide by `score`.
pub(super) fn search_object(mut package: Map<String, Value>, rest: Map<String, Value>) -> Value {
    for (member, default) in [("keywords", json!([])), ("maintainers", json!([])), ("links", json!({}))] {
        package.entry(member).or_insert(default);
    }
    let detail = json!({ "quality": 0.0, "popularity": 0.0, "maintenance": 0.0 });
    let mut object = rest;
    object.insert("package".to_owned(), package.into());
    object.entry("score").or_insert(json!({ "final": 0.0, "detail": detail }));
    object.entry("searchScore").or_insert(json!(1.0));
    object.into()
}

#[cfg(test)]
mod tests;
