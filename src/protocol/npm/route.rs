//! From method and path to endpoint: every request of the
//! [registry API](https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md) that clients were seen to send.
//!
//! In scope: percent-decoding (strict: what could be read in two ways is refused), the spellings of scoped names, and
//! which right an endpoint needs. Out of scope: request bodies, and `?write=true`, which any listing takes.

mod segments;

use super::name;
use crate::error::{Error, Missing, Result};
use crate::model::{Action, ArtifactName, Secret, Version};
use crate::service::Package;
use http::Method;
use segments::{
    couch_user, cursor, decode, plain, search_query, starred_by, take_name, tarball, without_repeated_prefix,
};

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// `GET /`: is there a registry?
    Root,
    /// `GET N`: the listing of a package, abbreviated or full by `Accept`.
    Packument {
        /// Of which package.
        name: Package,
    },
    /// `GET N/{version or tag}`: the manifest of one version.
    VersionManifest {
        /// Of which package.
        name: Package,
        /// A version or a dist-tag, as sent.
        selector: String,
    },
    /// `GET N/-/{file}`: the bytes of one version.
    Tarball {
        /// Of which package.
        name: Package,
        /// The file.
        file: ArtifactName,
        /// The version the file's name carries.
        version: Version,
    },
    /// `PUT N`: publish, deprecate or star, as the body says.
    Publish {
        /// Which package.
        name: Package,
    },
    /// `PUT N/-rev/{rev}`: the listing without one version (the first step of unpublishing it), or with other
    /// maintainers.
    UpdatePackument {
        /// Which package.
        name: Package,
        /// The revision the client has seen.
        rev: String,
    },
    /// `DELETE N/-rev/{rev}`: unpublish all.
    DeletePackage {
        /// Which package.
        name: Package,
        /// The revision the client has seen.
        rev: String,
    },
    /// `DELETE N/-/{file}/-rev/{rev}`: the last step of unpublishing one version.
    DeleteTarball {
        /// Which package.
        name: Package,
        /// The version the file's name carries.
        version: Version,
        /// The revision the client has seen.
        rev: String,
    },
    /// `GET /-/package/N/dist-tags`.
    DistTags {
        /// Of which package.
        name: Package,
    },
    /// `PUT` or `POST /-/package/N/dist-tags/{tag}` with the version as a JSON string.
    SetDistTag {
        /// Of which package.
        name: Package,
        /// A valid tag.
        tag: String,
    },
    /// `DELETE /-/package/N/dist-tags/{tag}`.
    RemoveDistTag {
        /// Of which package.
        name: Package,
        /// The tag as sent: an invalid one cannot exist, and may be removed all the same.
        tag: String,
    },
    /// `GET /-/v1/search`.
    Search {
        /// What for.
        query: SearchQuery,
    },
    /// `GET /-/whoami`.
    Whoami,
    /// `GET /-/ping`.
    Ping,
    /// `PUT /-/user/org.couchdb.user:{name}`, with or without `/-rev/{rev}`: password in, token out.
    LegacyLogin {
        /// The user the client wants to be.
        user: String,
    },
    /// `GET /-/user/org.couchdb.user:{name}` and `GET /-/npm/v1/user`.
    UserProfile {
        /// The user asked about; `None` for the caller.
        user: Option<String>,
    },
    /// `POST /-/v1/login`: login through a browser.
    WebLogin,
    /// `DELETE /-/user/token/{token}`.
    Logout {
        /// The token to forget. The client puts it into the path, which therefore must not be logged.
        token: Secret,
    },
    /// `GET /-/npm/v1/tokens`.
    Tokens {
        /// Where the page begins.
        cursor: Option<String>,
    },
    /// `POST /-/npm/v1/tokens`.
    CreateToken,
    /// `DELETE /-/npm/v1/tokens/token/{key}`.
    RevokeToken {
        /// Its id, or the token itself, which therefore must not be logged.
        key: Secret,
    },
    /// `POST /-/npm/v1/security/advisories/bulk`.
    AuditBulk,
    /// `POST /-/npm/v1/security/audits/quick` and `/-/npm/v1/security/audits`.
    AuditQuick,
    /// `GET /-/npm/v1/keys`: the keys that sign versions.
    Keys,
    /// `GET /-/npm/v1/attestations/N@{version}`.
    Attestations {
        /// Of which package.
        name: Package,
        /// Of which version.
        version: Version,
    },
    /// `GET /-/_view/starredByUser?key="{user}"`.
    StarredByUser {
        /// Whose favourites.
        user: String,
    },
    /// An address of npm's that this registry does not serve: a clean 404, which clients cope with.
    NotOffered {
        /// What is not offered, for the answer's text.
        what: &'static str,
    },
}

/// What to search for, and which page of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchQuery {
    /// Words and qualifiers (`keywords:`, `scope:`, `author:`), as typed.
    pub text: String,
    /// Results per page, at most 250.
    pub size: usize,
    /// How many results to pass over.
    pub from: usize,
}

impl Endpoint {
    /// A short name for logs, which never contains anything of the path.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Packument { .. } => "packument",
            Self::VersionManifest { .. } => "version-manifest",
            Self::Tarball { .. } => "tarball",
            Self::Publish { .. } => "publish",
            Self::UpdatePackument { .. } => "update-packument",
            Self::DeletePackage { .. } => "delete-package",
            Self::DeleteTarball { .. } => "delete-tarball",
            Self::DistTags { .. } => "dist-tags",
            Self::SetDistTag { .. } => "set-dist-tag",
            Self::RemoveDistTag { .. } => "remove-dist-tag",
            Self::Search { .. } => "search",
            Self::Whoami => "whoami",
            Self::Ping => "ping",
            Self::LegacyLogin { .. } => "legacy-login",
            Self::UserProfile { .. } => "user-profile",
            Self::WebLogin => "web-login",
            Self::Logout { .. } => "logout",
            Self::Tokens { .. } => "tokens",
            Self::CreateToken => "create-token",
            Self::RevokeToken { .. } => "revoke-token",
            Self::AuditBulk => "audit-bulk",
            Self::AuditQuick => "audit-quick",
            Self::Keys => "keys",
            Self::Attestations { .. } => "attestations",
            Self::StarredByUser { .. } => "starred-by-user",
            Self::NotOffered { .. } => "not-offered",
        }
    }
}

/// The right on the feed that an endpoint needs before anything else is looked at; `None`: it needs none. A handler
/// may ask for more, as updating a listing does where a version vanishes.
pub(super) fn action(endpoint: &Endpoint) -> Option<Action> {
    match endpoint {
        Endpoint::Root
        | Endpoint::Packument { .. }
        | Endpoint::VersionManifest { .. }
        | Endpoint::Tarball { .. }
        | Endpoint::DistTags { .. }
        | Endpoint::Search { .. }
        | Endpoint::AuditBulk
        | Endpoint::AuditQuick
        | Endpoint::Keys
        | Endpoint::Attestations { .. }
        | Endpoint::StarredByUser { .. } => Some(Action::Read),
        Endpoint::Publish { .. }
        | Endpoint::UpdatePackument { .. }
        | Endpoint::SetDistTag { .. }
        | Endpoint::RemoveDistTag { .. } => Some(Action::Publish),
        Endpoint::DeletePackage { .. } | Endpoint::DeleteTarball { .. } => Some(Action::Delete),
        Endpoint::Whoami
        | Endpoint::Ping
        | Endpoint::LegacyLogin { .. }
        | Endpoint::UserProfile { .. }
        | Endpoint::WebLogin
        | Endpoint::Logout { .. }
        | Endpoint::Tokens { .. }
        | Endpoint::CreateToken
        | Endpoint::RevokeToken { .. }
        | Endpoint::NotOffered { .. } => None,
    }
}

/// Finds the endpoint of a request. `tail` is the raw path below the registry's root, without a leading slash.
pub(super) fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Endpoint> {
    let verb = Verb::of(method);
    if tail.is_empty() {
        return verb.only_get(Endpoint::Root);
    }
    let segments = tail.split('/').map(decode).collect::<Result<Vec<_>>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        // A package named `-` exists, in the public registry too.
        ["-"] | ["-", "-", _] => package(verb, &segments),
        ["-", "package", rest @ ..] => about_package(verb, rest),
        ["-", "npm", "v1", rest @ ..] => npm_v1(verb, rest, query),
        ["-", rest @ ..] => special(verb, rest, query),
        _ if verb == Verb::Delete => package(verb, without_repeated_prefix(&segments)),
        _ => package(verb, &segments),
    }
}

/// `N` and what is below it.
fn package(verb: Verb, segments: &[&str]) -> Result<Endpoint> {
    let (name, rest) = take_name(segments)?;
    match (rest, verb) {
        ([], Verb::Get) => Ok(Endpoint::Packument { name }),
        ([], Verb::Put) => Ok(Endpoint::Publish { name }),
        ([], _) => Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT" }.into()),
        (["-rev", rev], Verb::Put) => Ok(Endpoint::UpdatePackument { name, rev: plain(rev)? }),
        (["-rev", rev], Verb::Delete) => Ok(Endpoint::DeletePackage { name, rev: plain(rev)? }),
        (["-rev", _], _) => Err(Error::MethodNotAllowed { allow: "PUT, DELETE" }.into()),
        (["-", file], _) => {
            let (file, version) = tarball(&name, file)?;
            verb.only_get(Endpoint::Tarball { name, file, version })
        }
        (["-", file, "-rev", rev], Verb::Delete) => {
            let (_, version) = tarball(&name, file)?;
            Ok(Endpoint::DeleteTarball { name, version, rev: plain(rev)? })
        }
        (["-", _, "-rev", _], _) => Err(Error::MethodNotAllowed { allow: "DELETE" }.into()),
        (["-" | "-rev"], _) => Err(Error::no_endpoint().into()),
        ([selector], _) => verb.only_get(Endpoint::VersionManifest { name, selector: plain(selector)? }),
        _ => Err(Error::no_endpoint().into()),
    }
}

/// `/-/package/...`.
fn about_package(verb: Verb, segments: &[&str]) -> Result<Endpoint> {
    let (name, rest) = take_name(segments)?;
    match (rest, verb) {
        (["dist-tags"], _) => verb.only_get(Endpoint::DistTags { name }),
        (["dist-tags", tag], Verb::Put | Verb::Post) => {
            Ok(Endpoint::SetDistTag { name, tag: name::parse_tag(tag)? })
        }
        (["dist-tags", tag], Verb::Delete) => Ok(Endpoint::RemoveDistTag { name, tag: plain(tag)? }),
        (["dist-tags", _], _) => Err(Error::MethodNotAllowed { allow: "PUT, POST, DELETE" }.into()),
        (["visibility" | "access" | "collaborators"], _) => not_offered("access per package"),
        (["trust", ..], _) => not_offered("trusted publishing"),
        _ => Err(Error::no_endpoint().into()),
    }
}

/// `/-/npm/v1/...`.
fn npm_v1(verb: Verb, segments: &[&str], query: Option<&str>) -> Result<Endpoint> {
    match (segments, verb) {
        (["user"], Verb::Post) => not_offered("changing profiles"),
        (["user"], _) => verb.only_get(Endpoint::UserProfile { user: None }),
        (["tokens"], Verb::Get) => Ok(Endpoint::Tokens { cursor: cursor(query) }),
        (["tokens"], Verb::Post) => Ok(Endpoint::CreateToken),
        (["tokens"], _) => Err(Error::MethodNotAllowed { allow: "GET, HEAD, POST" }.into()),
        (["tokens", "token", key], Verb::Delete) => Ok(Endpoint::RevokeToken { key: Secret::new(*key) }),
        (["tokens", "token", _], _) => Err(Error::MethodNotAllowed { allow: "DELETE" }.into()),
        (["security", "advisories", "bulk"], _) => verb.only_post(Endpoint::AuditBulk),
        (["security", "audits"] | ["security", "audits", "quick"], _) => verb.only_post(Endpoint::AuditQuick),
        (["keys"], _) => verb.only_get(Endpoint::Keys),
        (["attestations", spec @ ..], _) if !spec.is_empty() => {
            let spec = spec.join("/");
            let (name, version) = spec.rsplit_once('@').ok_or_else(Error::no_endpoint)?;
            let (name, version) = (name::parse(name)?, name::parse_version(version)?);
            verb.only_get(Endpoint::Attestations { name, version })
        }
        (["oidc", ..], _) => Err(Error::NotFound(Missing::TrustedPublishing).into()),
        (["hooks", ..], _) => not_offered("hooks"),
        _ => Err(Error::no_endpoint().into()),
    }
}

/// The rest of `/-/...`.
fn special(verb: Verb, segments: &[&str], query: Option<&str>) -> Result<Endpoint> {
    match (segments, verb) {
        (["ping"], _) => verb.only_get(Endpoint::Ping),
        (["whoami"], _) => verb.only_get(Endpoint::Whoami),
        (["v1", "search"], _) => verb.only_get(Endpoint::Search { query: search_query(query)? }),
        (["v1", "login"], _) => verb.only_post(Endpoint::WebLogin),
        (["v1", "done" | "login" | "auth", ..], _) => not_offered("login through a browser"),
        (["user", "token", token], Verb::Delete) => Ok(Endpoint::Logout { token: Secret::new(*token) }),
        (["user", "token", _], _) => Err(Error::MethodNotAllowed { allow: "DELETE" }.into()),
        (["user", user] | ["user", user, "-rev", _], Verb::Put) => {
            Ok(Endpoint::LegacyLogin { user: couch_user(user)? })
        }
        (["user", user], Verb::Get) => Ok(Endpoint::UserProfile { user: Some(couch_user(user)?) }),
        (["user", _], _) => Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT" }.into()),
        (["user", _, "-rev", _], _) => Err(Error::MethodNotAllowed { allow: "PUT" }.into()),
        (["_view", "starredByUser"], _) => {
            verb.only_get(Endpoint::StarredByUser { user: starred_by(query)? })
        }
        (["user" | "org" | "team", ..], _) => not_offered("organizations and teams of npm"),
        (["stage", ..], _) => not_offered("staged publishing"),
        (["all"], _) => not_offered("listing every package"),
        _ => Err(Error::no_endpoint().into()),
    }
}

/// The methods that matter. `HEAD` is `GET` whose body the server drops.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Put,
    Post,
    Delete,
    Other,
}

impl Verb {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::PUT => Self::Put,
            Method::POST => Self::Post,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }

    fn only_get(self, endpoint: Endpoint) -> Result<Endpoint> {
        if self == Self::Get {
            Ok(endpoint)
        } else {
            Err(Error::MethodNotAllowed { allow: "GET, HEAD" }.into())
        }
    }

    fn only_post(self, endpoint: Endpoint) -> Result<Endpoint> {
        if self == Self::Post { Ok(endpoint) } else { Err(Error::MethodNotAllowed { allow: "POST" }.into()) }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an arm of the route tables")]
fn not_offered(what: &'static str) -> Result<Endpoint> {
    Ok(Endpoint::NotOffered { what })
}

#[cfg(test)]
mod tests;
