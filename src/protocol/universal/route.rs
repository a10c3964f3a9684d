//! From method, path and query to endpoint.
//!
//! In scope: percent-decoding, what a query says, and which right an endpoint needs. Out of scope: bodies.

use super::name::{self, Selector};
use crate::error::{Error, Result};
use crate::model::{Action, TreePath, Version};
use crate::protocol::text;
use crate::service::Package;
use http::Method;
use std::borrow::Cow;

/// Packages on one page, unless fewer are asked for.
const PAGE: usize = 100;

/// All that is answered.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// `GET` of the root: the packages after that one, so many at most.
    Packages(Option<String>, usize),
    /// `GET {name}`.
    Versions(Package),
    /// `GET` of a version, or of something in it.
    Read(Package, Selector, Part),
    /// `POST {name}/missing`.
    Missing(Package),
    /// Something about a version that is to be, or to be no more.
    Change(Package, Version, Change),
}

/// What is read of a version.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// `{name}/{selector}`.
    Manifest,
    /// `{name}/{selector}?format=tar`.
    Archive,
    /// `{name}/{selector}/{path}`.
    File(TreePath),
}

/// What is done about a version.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// `PUT {path}`: takes a file into the draft; is it to be executable?
    PutFile(TreePath, bool),
    /// `POST {path}?upload`: begins an upload in parts, for a file that is too large for one request.
    BeginUpload(TreePath),
    /// `?upload={id}`: something about one.
    Upload(String, Verb),
    /// `PUT`: publishes an archive as a whole.
    PutArchive,
    /// `POST`: makes a version of the draft.
    Commit,
    /// `GET ?draft`: what is in the draft.
    ShowDraft,
    /// `DELETE ?draft`: forgets the draft.
    DiscardDraft,
    /// `DELETE`: deletes the version.
    Delete,
}

/// What is done about an upload in parts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    /// `GET`: how far it came.
    Show,
    /// `PUT ?upload={id}&part={number}`: sends a part.
    PutPart(u64),
    /// `DELETE`: gives it up.
    Abandon,
}

impl Endpoint {
    /// A short name for logs, which never contains anything of the path.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Packages(..) => "packages",
            Self::Versions(_) => "versions",
            Self::Read(_, _, Part::Manifest) => "manifest",
            Self::Read(_, _, Part::Archive) => "archive",
            Self::Read(_, _, Part::File(_)) => "file",
            Self::Missing(_) => "missing",
            Self::Change(_, _, change) => match change {
                Change::PutFile(..) => "put-file",
                Change::BeginUpload(_) => "begin-upload",
                Change::Upload(_, Verb::Show) => "upload",
                Change::Upload(_, Verb::PutPart(_)) => "put-part",
                Change::Upload(_, Verb::Abandon) => "abandon-upload",
                Change::PutArchive => "put-archive",
                Change::Commit => "commit",
                Change::ShowDraft => "draft",
                Change::DiscardDraft => "discard-draft",
                Change::Delete => "delete",
            },
        }
    }

    /// The right it needs.
    pub(super) fn action(&self) -> Action {
        match self {
            Self::Packages(..) | Self::Versions(_) | Self::Read(..) => Action::Read,
            // Which contents are here is told to those who may add some.
            Self::Missing(_) => Action::Publish,
            Self::Change(_, _, change) => match change {
                Change::PutFile(..)
                | Change::BeginUpload(_)
                | Change::Upload(..)
                | Change::PutArchive
                | Change::Commit
                | Change::ShowDraft
                | Change::DiscardDraft => Action::Publish,
                Change::Delete => Action::Delete,
            },
        }
    }
}

/// Finds the endpoint of a request. `tail` is the raw path below the protocol's root, without a leading slash.
pub(super) fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Endpoint> {
    let query = Query(query.unwrap_or_default());
    let mut parts = tail.splitn(3, '/');
    let name = text::segment(parts.next().unwrap_or_default())?;
    if name.is_empty() && parts.next().is_none() {
        let top = query.value("$top").map_or(Some(PAGE), |top| top.parse().ok());
        let top = top.filter(|top| (1..=PAGE).contains(top));
        let top = top.ok_or_else(|| Error::Invalid(format!("`$top` is a number from 1 to {PAGE}")))?;
        let after = query.value("continuationToken").map(Cow::into_owned);
        return read(method, Endpoint::Packages(after, top));
    }
    let package = name::parse(&name)?;
    let Some(second) = parts.next() else { return read(method, Endpoint::Versions(package)) };
    let second = text::segment(second)?;
    match parts.next() {
        None if second == "missing" => {
            if *method == Method::POST {
                return Ok(Endpoint::Missing(package));
            }
            Err(Error::MethodNotAllowed { allow: "POST" }.into())
        }
        None => version(method, package, &second, &query),
        Some(path) => file(method, package, &second, path, &query),
    }
}

/// A version as a whole.
fn version(method: &Method, package: Package, text: &str, query: &Query<'_>) -> Result<Endpoint> {
    let is_draft = query.value("draft").is_some();
    let change = match *method {
        Method::GET | Method::HEAD if !is_draft => {
            let part = match query.value("format").as_deref() {
                None => Part::Manifest,
                Some("tar") => Part::Archive,
                Some(_) => return Err(Error::Invalid("`format` is `tar`".to_owned()).into()),
            };
            return Ok(Endpoint::Read(package, Selector::parse(text)?, part));
        }
        Method::GET | Method::HEAD => Change::ShowDraft,
        Method::PUT => Change::PutArchive,
        Method::POST => Change::Commit,
        Method::DELETE if is_draft => Change::DiscardDraft,
        Method::DELETE => Change::Delete,
        _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT, POST, DELETE" }.into()),
    };
    Ok(Endpoint::Change(package, name::parse_version(text)?, change))
}

/// A file of a version.
fn file(method: &Method, package: Package, version: &str, path: &str, query: &Query<'_>) -> Result<Endpoint> {
    // What an encoded slash would stand between is no name of a file or a folder.
    if path.to_ascii_lowercase().contains("%2f") {
        return Err(text::malformed());
    }
    let path = name::parse_path(&text::decode(path)?)?;
    let change = match (method.as_str(), query.value("upload").map(Cow::into_owned)) {
        ("GET" | "HEAD", None) => {
            return Ok(Endpoint::Read(package, Selector::parse(version)?, Part::File(path)));
        }
        ("PUT", None) => {
            Change::PutFile(path, query.value("executable").is_some_and(|value| value != "false"))
        }
        ("POST", Some(id)) if id.is_empty() => Change::BeginUpload(path),
        ("GET" | "HEAD", Some(id)) => Change::Upload(id, Verb::Show),
        ("DELETE", Some(id)) => Change::Upload(id, Verb::Abandon),
        ("PUT", Some(id)) => {
            let part = query.value("part").and_then(|part| part.parse().ok());
            let part =
                part.ok_or_else(|| Error::Invalid("`part` is the number of a part, from 1".to_owned()))?;
            Change::Upload(id, Verb::PutPart(part))
        }
        (_, None) => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT" }.into()),
        (_, Some(_)) => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT, POST, DELETE" }.into()),
    };
    Ok(Endpoint::Change(package, name::parse_version(version)?, change))
}

fn read(method: &Method, endpoint: Endpoint) -> Result<Endpoint> {
    match *method {
        Method::GET | Method::HEAD => Ok(endpoint),
        _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD" }.into()),
    }
}

/// What is behind the question mark.
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The value of a parameter; empty if it is only named.
    fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        url::form_urlencoded::parse(self.0.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(method: &Method, tail: &str) -> Result<String> {
        let (tail, query) = tail.split_once('?').map_or((tail, None), |(tail, query)| (tail, Some(query)));
        let endpoint = route(method, tail, query)?;
        let name = endpoint.name();
        Ok(match &endpoint {
            Endpoint::Packages(after, top) => format!("{name} {} {top}", after.as_deref().unwrap_or("-")),
            Endpoint::Versions(package) | Endpoint::Missing(package) => format!("{name} {package}"),
            Endpoint::Read(package, selector, Part::File(path)) => {
                format!("{name} {package} {selector} {path}")
            }
            Endpoint::Read(package, selector, _) => format!("{name} {package} {selector}"),
            Endpoint::Change(package, version, Change::PutFile(path, executable)) => {
                format!("{name} {package} {version} {path} {executable}")
            }
            Endpoint::Change(package, version, Change::BeginUpload(path)) => {
                format!("{name} {package} {version} {path}")
            }
            Endpoint::Change(_, version, Change::Upload(id, verb)) => format!("{version} {id} {verb:?}"),
            Endpoint::Change(package, version, _) => format!("{name} {package} {version}"),
        })
    }

    #[test]
    fn every_request_of_the_documentation_is_known() {
        for (method, tail, expected) in [
            (Method::GET, "", "packages - 100"),
            (Method::GET, "?$top=5&continuationToken=my-tools", "packages my-tools 5"),
            (Method::GET, "?%24top=5", "packages - 5"),
            (Method::HEAD, "my-tools", "versions my-tools"),
            (Method::GET, "my-tools/1.0.0", "manifest my-tools 1.0.0"),
            (Method::GET, "my-tools/latest", "manifest my-tools *"),
            (Method::GET, "my-tools/1.%2A", "manifest my-tools 1.*"),
            (Method::GET, "my-tools/1.0.*?format=tar", "archive my-tools 1.0.*"),
            (Method::GET, "my-tools/1.0.0/bin/run.sh", "file my-tools 1.0.0 bin/run.sh"),
            (Method::GET, "my-tools/*/100%25%20%C3%A4.txt", "file my-tools * 100% ä.txt"),
            (
                Method::PUT,
                "my-tools/1.0.0/bin/run.sh?executable=true",
                "put-file my-tools 1.0.0 bin/run.sh true",
            ),
            (Method::PUT, "my-tools/1.0.0/missing?executable=false", "put-file my-tools 1.0.0 missing false"),
            (Method::POST, "my-tools/1.0.0/a/b?upload", "begin-upload my-tools 1.0.0 a/b"),
            (Method::PUT, "my-tools/1.0.0/a/b?upload=x&part=2", "1.0.0 x PutPart(2)"),
            (Method::GET, "my-tools/1.0.0/a/b?upload=x", "1.0.0 x Show"),
            (Method::DELETE, "my-tools/1.0.0/a/b?upload=x", "1.0.0 x Abandon"),
            (Method::PUT, "my-tools/1.0.0", "put-archive my-tools 1.0.0"),
            (Method::POST, "my-tools/1.0.0", "commit my-tools 1.0.0"),
            (Method::POST, "my-tools/missing", "missing my-tools"),
            (Method::GET, "my-tools/1.0.0?draft", "draft my-tools 1.0.0"),
            (Method::DELETE, "my-tools/1.0.0?draft", "discard-draft my-tools 1.0.0"),
            (Method::DELETE, "my-tools/1.0.0", "delete my-tools 1.0.0"),
        ] {
            assert_eq!(said(&method, tail).unwrap(), expected, "{method} {tail}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for (method, tail) in [
            (Method::GET, "/"),
            (Method::GET, "?$top=0"),
            (Method::GET, "?$top=101"),
            (Method::GET, "?$top=x"),
            (Method::GET, "My-Tools"),
            (Method::GET, "my-tools/"),
            (Method::GET, "my-tools/1.0.0/"),
            (Method::GET, "my-tools/1.0"),
            (Method::GET, "my-tools/1.0.0?format=zip"),
            (Method::GET, "my-tools/1.0.0/a//b"),
            (Method::GET, "my-tools/1.0.0/../x"),
            (Method::GET, "my-tools/1.0.0/%2e%2e/x"),
            (Method::GET, "my-tools/1.0.0/a%2Fb"),
            (Method::GET, "my-tools/1.0.0/a%5Cb"),
            (Method::GET, "my-tools/1.0.0/a%00"),
            (Method::GET, "my-tools/1.0.0/a%zz"),
            (Method::GET, "my-tools/1.0.0/%ff"),
            (Method::PUT, "my-tools/1.0.0/a?upload=x"),
            (Method::PUT, "my-tools/1.0.0/a?upload=x&part=-1"),
            (Method::POST, "my-tools/1.0.0/a?upload=x"),
            (Method::POST, "my-tools/latest/a?upload"),
            (Method::PUT, "my-tools/1.*/a"),
            (Method::PUT, "my-tools/latest"),
            (Method::POST, "my-tools/latest"),
            (Method::DELETE, "my-tools/*"),
            (Method::PUT, "my-tools/1.0.0+b/a"),
            (Method::PUT, "my-tools/1.0.0-RC/a"),
        ] {
            assert!(said(&method, tail).is_err(), "{method} {tail}");
        }
    }

    #[test]
    fn methods_are_insisted_on() {
        for (method, tail) in [
            (Method::POST, ""),
            (Method::PUT, "my-tools"),
            (Method::DELETE, "my-tools"),
            (Method::GET, "my-tools/missing"),
            (Method::PATCH, "my-tools/1.0.0"),
            (Method::PATCH, "my-tools/1.0.0/a"),
            (Method::POST, "my-tools/1.0.0/a"),
            (Method::DELETE, "my-tools/1.0.0/a"),
        ] {
            let error = said(&method, tail).unwrap_err();
            assert!(matches!(*error, Error::MethodNotAllowed { .. }), "{method} {tail}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(tail in "\\PC{0,60}", query in "\\PC{0,30}") {
            for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE] {
                let _ = route(&method, &tail, Some(&query));
                let _ = route(&method, &format!("a/1.0.0/{tail}"), Some(&query));
            }
        }
    }
}
