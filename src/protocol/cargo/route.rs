//! From method and path to endpoint: the [index](https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-protocol)
//! and the [web API](https://doc.rust-lang.org/cargo/reference/registry-web-api.html).
//!
//! In scope: percent-decoding (strict: what could be read in two ways is refused), whether an index file's path is its
//! crate's, and which right an endpoint needs. Out of scope: request bodies.

use super::name;
use crate::error::{Error, Missing, Result};
use crate::model::{Action, Version};
use crate::protocol::text;
use crate::service::Package;
use http::Method;

/// The index that clients read with a token only if the feed is private.
pub(super) const INDEX: &str = "index";
/// The index that clients read with a token in any case, so that members of a public feed are known to be members.
pub(super) const AUTHENTICATED_INDEX: &str = "authenticated-index";

/// Most results of a search.
const SEARCH_LIMIT: usize = 100;
/// Results of a search that does not say.
const SEARCH_DEFAULT: usize = 10;

/// A request to an index, or to the API.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// What is asked for.
    pub(super) target: Target,
    /// Is a token insisted on, whatever anonymous callers may do?
    pub(super) wants_token: bool,
}

/// What a request is for.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// `GET index/config.json`.
    Description,
    /// `GET index/{folder}/{crate}`.
    IndexFile(Package),
    /// `GET api/v1/crates/{crate}/{version}/download`.
    Download(Package, Version),
    /// `PUT api/v1/crates/new`.
    Publish,
    /// `DELETE api/v1/crates/{crate}/{version}/yank`, and `PUT …/unyank`, which is `false`.
    Yank(Package, Version, bool),
    /// `GET api/v1/crates/{crate}/owners`.
    Owners(Package),
    /// `PUT` and `DELETE api/v1/crates/{crate}/owners`.
    ChangeOwners,
    /// `GET api/v1/crates`.
    Search {
        /// Words, as typed.
        text: String,
        /// Results wanted.
        size: usize,
        /// Results to pass over.
        from: usize,
    },
    /// `GET me`: where clients send people who want a token.
    TokenPage,
    /// An address of the public registry's that this one does not serve: a clean 404.
    NotOffered(&'static str),
}

impl Endpoint {
    /// A short name for logs, which never contains anything of the path.
    pub(super) fn name(&self) -> &'static str {
        match &self.target {
            Target::Description => "description",
            Target::IndexFile(_) => "index-file",
            Target::Download(..) => "download",
            Target::Publish => "publish",
            Target::Yank(_, _, true) => "yank",
            Target::Yank(..) => "unyank",
            Target::Owners(_) => "owners",
            Target::ChangeOwners => "change-owners",
            Target::Search { .. } => "search",
            Target::TokenPage => "token-page",
            Target::NotOffered(_) => "not-offered",
        }
    }

    /// Does it answer callers without any right?
    pub(super) fn is_open(&self) -> bool {
        matches!(self.target, Target::TokenPage)
    }

    /// The right it needs; `None`: none in particular.
    pub(super) fn action(&self) -> Option<Action> {
        match &self.target {
            Target::Description | Target::IndexFile(_) | Target::Download(..) | Target::Search { .. } => {
                Some(Action::Read)
            }
            // Who may publish is told to those who may.
            Target::Publish | Target::Owners(_) => Some(Action::Publish),
            Target::Yank(..) => Some(Action::Relist),
            Target::ChangeOwners | Target::TokenPage | Target::NotOffered(_) => None,
        }
    }
}

/// Finds the endpoint of a request. `tail` is the raw path below the protocol's root, without a leading slash.
pub(super) fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Endpoint> {
    let segments = tail.split('/').map(text::segment).collect::<Result<Vec<_>>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let [root, below @ ..] = segments.as_slice() else { return Err(Error::no_endpoint().into()) };
    let is = |fixed: &str| root.eq_ignore_ascii_case(fixed);
    let wants_token = is(AUTHENTICATED_INDEX);
    let target = if wants_token || is(INDEX) {
        only(method, "GET, HEAD", index(below)?)
    } else if is("api") {
        api(method, below, query)
    } else if (is("me") || is("")) && below.is_empty() {
        only(method, "GET, HEAD", Target::TokenPage)
    } else {
        Err(Error::no_endpoint().into())
    };
    Ok(Endpoint { target: target?, wants_token })
}

/// What is below an index. A file whose path is not its crate's is not there.
fn index(segments: &[&str]) -> Result<Target> {
    if let ["config.json"] = segments {
        return Ok(Target::Description);
    }
    let [folders @ .., file] = segments else { return Err(Error::no_endpoint().into()) };
    let missing = || Error::NotFound(Missing::Package((*file).to_owned()));
    let package = name::parse(file).map_err(|_| missing())?;
    if package.key() != *file || name::folder(file) != Some(folders.join("/")) {
        return Err(missing().into());
    }
    Ok(Target::IndexFile(package))
}

fn api(method: &Method, segments: &[&str], query: Option<&str>) -> Result<Target> {
    let [version, kind, rest @ ..] = segments else { return Err(Error::no_endpoint().into()) };
    if !version.eq_ignore_ascii_case("v1") {
        return Err(Error::no_endpoint().into());
    }
    if !kind.eq_ignore_ascii_case("crates") {
        return match *kind {
            "trusted_publishing" => Err(Error::NotFound(Missing::TrustedPublishing).into()),
            "me" | "users" | "teams" | "keywords" | "categories" | "summary" => {
                Ok(Target::NotOffered("pages of a web site"))
            }
            _ => Err(Error::no_endpoint().into()),
        };
    }
    match rest {
        [] | [""] => only(method, "GET, HEAD", search(query)?),
        ["new"] => only(method, "PUT", Target::Publish),
        [package, "owners"] => {
            let package = name::parse(package)?;
            match *method {
                Method::PUT | Method::DELETE => Ok(Target::ChangeOwners),
                _ => only(method, "GET, HEAD, PUT, DELETE", Target::Owners(package)),
            }
        }
        [package, version, verb @ ("download" | "yank" | "unyank")] => {
            let (package, version) = (name::parse(package)?, name::parse_version(version)?);
            match *verb {
                "download" => only(method, "GET, HEAD", Target::Download(package, version)),
                "yank" => only(method, "DELETE", Target::Yank(package, version, true)),
                _ => only(method, "PUT", Target::Yank(package, version, false)),
            }
        }
        [_] | [_, _] | [_, _, "readme" | "dependencies" | "downloads" | "authors"] => {
            Ok(Target::NotOffered("pages about crates, other than the index"))
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

/// Insists on one of the methods in that list.
fn only(method: &Method, allow: &'static str, target: Target) -> Result<Target> {
    if allow.split(", ").any(|allowed| allowed == method.as_str()) {
        Ok(target)
    } else {
        Err(Error::MethodNotAllowed { allow }.into())
    }
}

fn search(query: Option<&str>) -> Result<Target> {
    let (mut text, mut size, mut page) = (String::new(), SEARCH_DEFAULT, 1);
    for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let number = || {
            let fault = |_| Error::Invalid(format!("`{key}` must be a number"));
            value.parse::<u16>().map(usize::from).map_err(fault)
        };
        match &*key {
            "q" => text = value.into_owned(),
            "per_page" => size = number()?.clamp(1, SEARCH_LIMIT),
            "page" => page = number()?.max(1),
            _ => {}
        }
    }
    Ok(Target::Search { text, size, from: (page - 1) * size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn get(tail: &str) -> Result<String> {
        endpoint(&Method::GET, tail)
    }

    fn endpoint(method: &Method, tail: &str) -> Result<String> {
        let (tail, query) = tail.split_once('?').map_or((tail, None), |(tail, query)| (tail, Some(query)));
        let endpoint = route(method, tail, query)?;
        Ok(match &endpoint.target {
            Target::IndexFile(package) => format!("index-file {}", package.key()),
            Target::Download(package, version) => format!("download {} {}", package.key(), version.key()),
            Target::Yank(package, version, yank) => format!("yank {package} {version} {yank}"),
            Target::Owners(package) => format!("owners {package}"),
            Target::Search { text, size, from } => format!("search {text} {size} {from}"),
            _ => endpoint.name().to_owned(),
        })
    }

    #[test]
    fn every_request_of_clients_is_known() {
        for (method, tail, expected) in [
            (Method::GET, "index/config.json", "description"),
            (Method::GET, "Index/1/a", "index-file a"),
            (Method::GET, "index/2/ab", "index-file ab"),
            (Method::GET, "index/3/a/abc", "index-file abc"),
            (Method::HEAD, "index/se/rd/serde_json", "index-file serde_json"),
            (Method::GET, "authenticated-index/se/rd/serde", "index-file serde"),
            (Method::GET, "api/v1/crates/Serde/1.0.0%2bx/download", "download serde 1.0.0"),
            (Method::PUT, "api/v1/crates/new", "publish"),
            (Method::DELETE, "api/v1/crates/foo/1.0.0/yank", "yank foo 1.0.0 true"),
            (Method::PUT, "api/v1/crates/foo/1.0.0/unyank", "yank foo 1.0.0 false"),
            (Method::GET, "api/v1/crates/foo/owners", "owners foo"),
            (Method::PUT, "api/v1/crates/foo/owners", "change-owners"),
            (Method::DELETE, "api/v1/crates/foo/owners", "change-owners"),
            (Method::GET, "api/v1/crates?q=a+b&per_page=5&page=3", "search a b 5 10"),
            (Method::GET, "api/v1/crates?per_page=1000", "search  100 0"),
            (Method::GET, "me", "token-page"),
            (Method::GET, "", "token-page"),
            (Method::GET, "api/v1/crates/serde", "not-offered"),
        ] {
            assert_eq!(endpoint(&method, tail).unwrap(), expected, "{method} {tail}");
        }
        assert!(route(&Method::GET, "authenticated-index/config.json", None).unwrap().wants_token);
        assert!(!route(&Method::GET, "index/config.json", None).unwrap().wants_token);
    }

    #[test]
    fn paths_that_are_not_their_crates_lead_nowhere() {
        for tail in [
            "index",
            "index/",
            "index/a",
            "index/2/a",
            "index/3/b/abc",
            "index/se/rd/Serde",
            "index/SE/RD/serde",
            "index/se/rd/serde/",
            "index/se/rd/x/serde",
            "index/se/rd/serde.json",
            "index/..%2f/x",
            "index/se/rd/ser%2500de",
            "index/se%2Frd/serde",
            "api/v1",
            "api/v2/crates",
            "api/v1/crates/a/b/c/d",
            "api/v1/crates/a b/1.0.0/download",
            "api/v1/crates/a/1.0/download",
            "api/v1/crates?per_page=x",
            "other",
        ] {
            assert!(get(tail).is_err(), "{tail}");
        }
    }

    #[test]
    fn methods_are_insisted_on() {
        for (method, tail) in [
            (Method::PUT, "index/config.json"),
            (Method::POST, "api/v1/crates/new"),
            (Method::GET, "api/v1/crates/new"),
            (Method::GET, "api/v1/crates/foo/1.0.0/yank"),
            (Method::DELETE, "api/v1/crates/foo/1.0.0/unyank"),
            (Method::POST, "api/v1/crates/foo/owners"),
        ] {
            let error = endpoint(&method, tail).unwrap_err();
            assert!(matches!(*error, Error::MethodNotAllowed { .. }), "{method} {tail}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(tail in "\\PC{0,60}", query in "\\PC{0,30}") {
            let _ = route(&Method::GET, &tail, Some(&query));
            let _ = route(&Method::PUT, &format!("api/v1/crates/{tail}"), None);
        }

        #[test]
        fn every_crate_has_a_file(package in "[a-z][a-z0-9_-]{0,20}") {
            let path = format!("index/{}/{package}", name::folder(&package).unwrap());
            prop_assert_eq!(get(&path).unwrap(), format!("index-file {}", package));
        }
    }
}
