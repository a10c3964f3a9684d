//! Paths below `pypi/`, and what right each needs.

use super::name;
use crate::error::{Error, Missing, Result};
use crate::model::{Action, ArtifactName, Version};
use crate::protocol::text;
use crate::service::Package;
use http::Method;

/// All this protocol answers.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// `GET /`: a page for people.
    Root,
    /// `POST /`: XML-RPC, as old clients search with.
    XmlRpc,
    /// `GET /simple/`: the projects the feed holds.
    Index {
        /// The form the query asks for, before `Accept` is looked at.
        format: Option<String>,
    },
    /// `GET /simple/{name}/`.
    Project {
        /// Which project.
        name: Package,
        /// The form the query asks for, before `Accept` is looked at.
        format: Option<String>,
    },
    /// Another spelling of an address: the normalised one, below the root.
    Elsewhere {
        /// Where.
        path: String,
    },
    /// `GET /download/{name}/{version}/{file}`.
    File {
        /// Of which project.
        name: Package,
        /// Of which version.
        version: Version,
        /// Which file.
        file: ArtifactName,
    },
    /// `POST /upload/`.
    Upload,
    /// `GET /{name}/json` and `GET /{name}/{version}/json`.
    ProjectJson {
        /// Which project.
        name: Package,
        /// Which version, if not the newest.
        version: Option<Version>,
    },
}

impl Endpoint {
    /// A short name for logs, which never contains anything of the path.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::XmlRpc => "xml-rpc",
            Self::Index { .. } => "index",
            Self::Project { .. } => "project",
            Self::Elsewhere { .. } => "elsewhere",
            Self::File { .. } => "file",
            Self::Upload => "upload",
            Self::ProjectJson { .. } => "project-json",
        }
    }
}

/// The right on the feed that an endpoint needs before anything else is looked at; `None`: any right to it will do.
pub(super) fn action(endpoint: &Endpoint) -> Option<Action> {
    match endpoint {
        Endpoint::Root | Endpoint::XmlRpc => None,
        Endpoint::Index { .. }
        | Endpoint::Project { .. }
        | Endpoint::Elsewhere { .. }
        | Endpoint::File { .. }
        | Endpoint::ProjectJson { .. } => Some(Action::Read),
        Endpoint::Upload => Some(Action::Publish),
    }
}

/// Finds the endpoint of a request. `tail` is the raw path below the root, without a leading slash.
pub(super) fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Endpoint> {
    let slash = tail.ends_with('/');
    let path = tail.strip_suffix('/').unwrap_or(tail);
    let segments = path.split('/').map(text::segment).collect::<Result<Vec<_>>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [""] if *method == Method::POST => Ok(Endpoint::XmlRpc),
        [""] => only_get(method, Endpoint::Root),
        [first, rest @ ..] if first.eq_ignore_ascii_case("simple") => {
            only_get(method, simple(rest, slash, query)?)
        }
        [first] if ["upload", "legacy"].iter().any(|word| first.eq_ignore_ascii_case(word)) => {
            if *method == Method::POST {
                Ok(Endpoint::Upload)
            } else {
                Err(Error::MethodNotAllowed { allow: "POST" }.into())
            }
        }
        [first, name, version, file] if first.eq_ignore_ascii_case("download") && !slash => {
            only_get(method, download(name, version, file)?)
        }
        [first, name, version, file, "provenance"] if first.eq_ignore_ascii_case("integrity") => {
            only_get(method, download(name, version, &format!("{file}{}", name::PROVENANCE))?)
        }
        // Clients that know the index only put `pypi` in place of `simple`.
        ["pypi", rest @ .., "json"] | [rest @ .., "json"] if !rest.is_empty() => {
            only_get(method, project_json(rest)?)
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

fn simple(segments: &[&str], slash: bool, query: Option<&str>) -> Result<Endpoint> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let format = pairs.into_iter().find(|(key, _)| key == "format").map(|(_, value)| value.into_owned());
    match segments {
        [] if slash => Ok(Endpoint::Index { format }),
        [] => Ok(Endpoint::Elsewhere { path: "simple/".to_owned() }),
        [text] => {
            let name = name::parse(text)?;
            if slash && name.key() == *text {
                return Ok(Endpoint::Project { name, format });
            }
            Ok(Endpoint::Elsewhere { path: format!("simple/{}/", name.key()) })
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

fn download(name: &str, version: &str, file: &str) -> Result<Endpoint> {
    let name = name::parse(&name::normalize(name))?;
    let missing = || Error::NotFound(Missing::Artifact(name.to_string(), file.chars().take(160).collect()));
    let found = name::version_of_file(&name, file).ok_or_else(missing)?;
    let stated = name::parse_version(version).ok_or_else(missing)?;
    let file = ArtifactName::parse(file).ok_or_else(missing)?;
    if stated.key() != found.key() {
        return Err(missing().into());
    }
    Ok(Endpoint::File { name, version: found, file })
}

fn project_json(segments: &[&str]) -> Result<Endpoint> {
    let (name, version) = match segments {
        [name] => (name, None),
        [name, version] => (name, Some(version)),
        _ => return Err(Error::no_endpoint().into()),
    };
    let name = name::parse(name)?;
    let version = version.map(|text| {
        let missing = || Error::NotFound(Missing::Version(name.to_string(), (*text).to_owned()));
        name::parse_version(text).ok_or_else(missing)
    });
    let version = version.transpose()?;
    Ok(Endpoint::ProjectJson { name, version })
}

fn only_get(method: &Method, endpoint: Endpoint) -> Result<Endpoint> {
    if *method == Method::GET || *method == Method::HEAD {
        Ok(endpoint)
    } else {
        Err(Error::MethodNotAllowed { allow: "GET, HEAD" }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn get(tail: &str) -> String {
        match route(&Method::GET, tail, None).map_err(|error| *error) {
            Ok(Endpoint::Project { name, .. }) => format!("project {}", name.key()),
            Ok(Endpoint::Elsewhere { path }) => format!("see {path}"),
            Ok(Endpoint::File { name, version, file }) => {
                format!("file {} {} {file}", name.key(), version.key())
            }
            Ok(Endpoint::ProjectJson { name, version }) => {
                format!("json {} {}", name.key(), version.map(|v| v.key().to_owned()).unwrap_or_default())
            }
            Ok(other) => other.name().to_owned(),
            Err(Error::NotFound(_)) => "missing".to_owned(),
            Err(Error::Invalid(_)) => "invalid".to_owned(),
            Err(Error::MethodNotAllowed { allow }) => format!("only {allow}"),
            Err(other) => other.to_string(),
        }
    }

    #[test]
    fn paths_are_read() {
        for (tail, expected) in [
            ("", "root"),
            ("simple/", "index"),
            ("Simple/", "index"),
            ("simple", "see simple/"),
            ("simple/numpy/", "project numpy"),
            ("simple/numpy", "see simple/numpy/"),
            ("simple/My.Pkg_x/", "see simple/my-pkg-x/"),
            ("simple/My.Pkg_x", "see simple/my-pkg-x/"),
            ("simple/a%2Fb/", "invalid"),
            ("simple/../x/", "invalid"),
            ("simple/%2e%2e/", "invalid"),
            ("simple/a/b/", "missing"),
            ("simple/-a/", "invalid"),
            ("simple/json", "see simple/json/"),
            ("upload", "only POST"),
            ("legacy/", "only POST"),
            ("download/a/1.0/a-1.0.tar.gz", "file a 1 a-1.0.tar.gz"),
            ("download/a/1.0.0/a-1.0.tar.gz", "file a 1 a-1.0.tar.gz"),
            ("download/a/1.0%2Bx/a-1.0%2Bx-py3-none-any.whl", "file a 1+x a-1.0+x-py3-none-any.whl"),
            ("download/a/1.0/a-1.0-py3-none-any.whl.metadata", "file a 1 a-1.0-py3-none-any.whl.metadata"),
            ("download/a/2.0/a-1.0.tar.gz", "missing"),
            ("download/a/1.0/b-1.0.tar.gz", "missing"),
            ("download/a/1.0/a-1.0.exe", "missing"),
            ("download/a/1.0/a-1.0.tar.gz/", "missing"),
            ("integrity/a/1.0/a-1.0.tar.gz/provenance", "file a 1 a-1.0.tar.gz.provenance"),
            ("numpy/json", "json numpy "),
            ("NumPy/1.0.0/json", "json numpy 1"),
            ("pypi/numpy/json", "json numpy "),
            ("pypi/json", "json pypi "),
            ("numpy/x/json", "missing"),
            ("a/b/c/json", "missing"),
            ("numpy", "missing"),
            ("numpy/", "missing"),
        ] {
            assert_eq!(get(tail), expected, "{tail}");
        }
        for tail in ["upload", "upload/", "legacy/", "Upload/"] {
            assert!(matches!(route(&Method::POST, tail, None), Ok(Endpoint::Upload)), "{tail}");
        }
        assert!(matches!(route(&Method::POST, "", None), Ok(Endpoint::XmlRpc)));
        assert!(route(&Method::POST, "simple/", None).is_err());
    }

    proptest! {
        #[test]
        fn no_path_panics(tail: String) {
            let _ = route(&Method::GET, &tail, Some(&tail));
        }
    }
}
