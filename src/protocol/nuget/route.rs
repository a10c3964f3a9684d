//! From method and path to endpoint: the [v3 API](https://learn.microsoft.com/nuget/api/overview) below `v3/`, and OData
//! below `v2/` (`route/v2.rs`).
//!
//! In scope: percent-decoding (strict: what could be read in two ways is refused), and which right an endpoint needs. Out
//! of scope: request bodies.

mod v2;

use super::listing::{FLAT, Hive, NUMBERS, PAGES_LIMIT};
use super::name;
use super::wire::odata::Query;
use crate::error::{Error, Missing, Result};
use crate::model::{Action, Version};
use crate::protocol::text;
use crate::service::{Form, Package};
use http::Method;

/// Most results of a search.
const SEARCH_LIMIT: usize = 100;

/// Results of a search that does not say.
const SEARCH_DEFAULT: usize = 20;

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// `GET v3/index.json`.
    ServiceIndex,
    /// `GET v3/flat2/{id}/index.json`: the numbers of all versions; `GET v3/{hive}/{id}/index.json`, or a page of it.
    Listing(Package, Form),
    /// `GET v3/flat2/{id}/{version}/{file}`, and what is in the archive.
    File(Package, Version, File),
    /// `GET v3/{hive}/{id}/{version}.json`.
    Leaf(Hive, Package, Version),
    /// `GET v3/query`.
    Search(Search),
    /// `GET v3/autocomplete`: ids, or, if one is given, its versions.
    Complete(Search, Option<Package>),
    /// `PUT v3/package`, `PUT v2/`.
    Publish,
    /// `PUT v3/symbolpackage`.
    PublishSymbols,
    /// `DELETE` and `POST` of a version: unlist and relist, which is `true`.
    Relist(Package, Version, bool),
    /// `GET v3/vulnerabilities/index.json`, or the page of that name.
    Vulnerabilities(Option<String>),
    /// Pages for people.
    About,
    /// `GET v2/`: what there is.
    Service,
    /// `GET v2/$metadata`.
    Metadata,
    /// A question in OData.
    Query(Box<Query>),
    /// An address of other servers that this one does not serve: a clean 404.
    NotOffered(&'static str),
}

/// A file of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    /// `{id}.{version}.nupkg`.
    Archive,
    /// `{id}.{version}.snupkg`.
    Symbols,
    /// `{id}.nuspec`, from the archive.
    Manifest,
    /// `icon`, from the archive.
    Icon,
    /// `readme`, from the archive.
    Readme,
    /// `license`, from the archive.
    License,
}

/// A search.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// Words, as typed.
    pub(super) text: String,
    /// Results to pass over.
    pub(super) from: usize,
    /// Results wanted.
    pub(super) size: usize,
    /// Are pre-releases wanted?
    pub(super) prerelease: bool,
    /// Does the client understand SemVer 2?
    pub(super) semver2: bool,
    /// Only packages of that type; of any if empty.
    pub(super) package_type: String,
}

impl Endpoint {
    /// A short name for logs, which never contains anything of the path.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ServiceIndex => "service-index",
            Self::Listing(_, form) => form.name,
            Self::File(..) => "file",
            Self::Leaf(..) => "leaf",
            Self::Search(_) => "search",
            Self::Complete(..) => "complete",
            Self::Publish => "publish",
            Self::PublishSymbols => "publish-symbols",
            Self::Relist(..) => "relist",
            Self::Vulnerabilities(_) => "vulnerabilities",
            Self::About => "about",
            Self::Service => "odata-service",
            Self::Metadata => "odata-metadata",
            Self::Query(_) => "odata-query",
            Self::NotOffered(_) => "not-offered",
        }
    }

    /// The methods it takes, for the header `Allow`; empty: any, since there is nothing.
    fn methods(&self) -> &'static str {
        match self {
            Self::Publish | Self::PublishSymbols => "PUT",
            Self::Relist(..) => "DELETE, POST",
            Self::Service => "GET, HEAD, PUT",
            Self::NotOffered(_) => "",
            _ => "GET, HEAD",
        }
    }

    /// The right it needs; `None`: none in particular.
    pub(super) fn action(&self) -> Option<Action> {
        match self {
            Self::ServiceIndex
            | Self::File(..)
            | Self::Listing(..)
            | Self::Leaf(..)
            | Self::Search(_)
            | Self::Complete(..)
            | Self::Vulnerabilities(_)
            | Self::Service
            | Self::Metadata
            | Self::Query(_) => Some(Action::Read),
            Self::Publish | Self::PublishSymbols => Some(Action::Publish),
            Self::Relist(..) => Some(Action::Relist),
            Self::About | Self::NotOffered(_) => None,
        }
    }
}

/// Finds the endpoint of a request. `tail` is the raw path below the protocol's root, without a leading slash.
pub(super) fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Endpoint> {
    let (mut decoded, mut segments) = (Vec::new(), Vec::new());
    for segment in tail.split('/') {
        decoded.push(text::segment(segment)?);
    }
    for segment in &decoded {
        segments.push(segment.as_str());
    }
    let endpoint = match segments.as_slice() {
        [version, below @ ..] if version.eq_ignore_ascii_case("v3") => v3(method, below, query),
        [version, below @ ..] if version.eq_ignore_ascii_case("v2") => v2::route(method, below, query),
        _ => Err(Error::no_endpoint().into()),
    }?;
    let allow = endpoint.methods();
    if allow.is_empty() || allow.split(", ").any(|allowed| allowed == method.as_str()) {
        Ok(endpoint)
    } else {
        Err(Error::MethodNotAllowed { allow }.into())
    }
}

fn v3(method: &Method, segments: &[&str], query: Option<&str>) -> Result<Endpoint> {
    let [kind, below @ ..] = segments else { return Err(Error::no_endpoint().into()) };
    let kind = kind.to_ascii_lowercase();
    match (kind.as_str(), below) {
        ("index.json", []) => Ok(Endpoint::ServiceIndex),
        (FLAT, [id, rest @ ..]) => flat(name::parse(id)?, rest),
        ("query", [] | [""]) => Ok(Endpoint::Search(search(query)?.0)),
        ("autocomplete", [] | [""]) => {
            let (search, id) = search(query)?;
            Ok(Endpoint::Complete(search, id.map(|id| name::parse(&id)).transpose()?))
        }
        ("package", [] | [""]) => Ok(Endpoint::Publish),
        ("package", ["create-verification-key", ..]) => {
            Ok(Endpoint::NotOffered("the older way to push symbols"))
        }
        ("package", [id, version]) => relist(method, id, version),
        ("symbolpackage", [] | [""]) => Ok(Endpoint::PublishSymbols),
        ("vulnerabilities", ["index.json"]) => Ok(Endpoint::Vulnerabilities(None)),
        ("vulnerabilities", [page]) => match page.strip_suffix(".json") {
            Some(page) => Ok(Endpoint::Vulnerabilities(Some(page.to_owned()))),
            None => Err(Error::no_endpoint().into()),
        },
        ("about", _) => Ok(Endpoint::About),
        ("symbols", _) => {
            Ok(Endpoint::NotOffered("a symbol server; `.snupkg` files are beside their packages"))
        }
        ("catalog0" | "catalog", _) => Ok(Endpoint::NotOffered("a catalog")),
        ("repository-signatures", _) => Ok(Endpoint::NotOffered("signatures of a repository")),
        (hive, [id, rest @ ..]) => match Hive::of_folder(hive) {
            Some(hive) => registration(hive, name::parse(id)?, rest),
            None => Err(Error::no_endpoint().into()),
        },
        _ => Err(Error::no_endpoint().into()),
    }
}

fn flat(package: Package, segments: &[&str]) -> Result<Endpoint> {
    let is = |text: &str, fixed: &str| text.eq_ignore_ascii_case(fixed);
    match segments {
        [index] if is(index, "index.json") => Ok(Endpoint::Listing(package, NUMBERS)),
        [number, file] => {
            let version = name::require_version(number)?;
            let lower = file.to_lowercase();
            // The number in a file's name may be another spelling of the same one.
            let stem = |ending: &str| {
                let number = lower.strip_suffix(ending)?.strip_prefix(package.key())?.strip_prefix('.')?;
                name::parse_version(number).filter(|number| number.key() == version.key())
            };
            let manifest = lower.strip_suffix(".nuspec") == Some(package.key());
            let kind = match lower.as_str() {
                "icon" => File::Icon,
                "readme" => File::Readme,
                "license" => File::License,
                _ if manifest => File::Manifest,
                _ if stem(".nupkg").is_some() => File::Archive,
                _ if stem(".snupkg").is_some() => File::Symbols,
                _ => {
                    return Err(
                        Error::NotFound(Missing::Artifact(package.to_string(), (*file).to_owned())).into()
                    );
                }
            };
            Ok(Endpoint::File(package, version, kind))
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

fn registration(hive: Hive, package: Package, segments: &[&str]) -> Result<Endpoint> {
    let stem = |file: &str| file.strip_suffix(".json").map(str::to_owned);
    match segments {
        ["index.json"] => Ok(Endpoint::Listing(package, hive.form(0))),
        ["page", file] => {
            let page = stem(file).and_then(|page| page.parse().ok());
            let page = page.filter(|page| (1..=PAGES_LIMIT).contains(page)).ok_or_else(Error::no_endpoint)?;
            Ok(Endpoint::Listing(package, hive.form(page)))
        }
        [file] => {
            let version = name::require_version(&stem(file).ok_or_else(Error::no_endpoint)?)?;
            Ok(Endpoint::Leaf(hive, package, version))
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

/// `DELETE` takes a version out of searches, `POST` puts it back.
fn relist(method: &Method, id: &str, version: &str) -> Result<Endpoint> {
    let (package, version) = (name::parse(id)?, name::require_version(version)?);
    Ok(Endpoint::Relist(package, version, *method == Method::POST))
}

/// A search, and the id in it, if one is given.
fn search(query: Option<&str>) -> Result<(Search, Option<String>)> {
    let (mut search, mut id) = (Search { size: SEARCH_DEFAULT, ..Search::default() }, None);
    for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match key.to_ascii_lowercase().as_str() {
            "q" => search.text = value.into_owned(),
            "id" => id = Some(value.into_owned()),
            "skip" => search.from = number(&key, &value)?,
            "take" => search.size = number(&key, &value)?.min(SEARCH_LIMIT),
            "prerelease" => search.prerelease = value.eq_ignore_ascii_case("true"),
            "semverlevel" => search.semver2 = value.starts_with('2'),
            "packagetype" => search.package_type = value.into_owned(),
            _ => {}
        }
    }
    Ok((search, id))
}

fn number(key: &str, value: &str) -> Result<usize> {
    let fault = |_| Error::Invalid(format!("`{key}` must be a number"));
    let number = value.trim().parse::<u32>().map_err(fault)?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
