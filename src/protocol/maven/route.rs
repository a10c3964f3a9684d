//! Paths below the root as values: the layout of a repository, and nothing beside it.

use super::name::{self, METADATA};
use crate::error::{Error, Result};
use crate::model::{Action, Algorithm, ArtifactName, Version};
use crate::protocol::text;
use crate::service::Package;
use http::Method;

/// How often a checksum is one of a checksum.
const CHECKSUMS_LIMIT: usize = 2;

/// A place in the layout.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// What people see who open the address in a browser.
    Root,
    /// All archetypes.
    Archetypes,
    /// What is in a folder: it may be that of an artifact, of a group, or of both.
    Metadata { artifact: Option<Package>, group: Option<Package> },
    /// The builds of a snapshot.
    Builds { package: Package, version: Version },
    /// A file of a version.
    File { package: Package, version: Version, file: ArtifactName },
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// It is read.
    Get,
    /// It is deployed.
    Put,
}

/// All that is answered.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(super) verb: Verb,
    pub(super) target: Target,
    /// If it is about a checksum of the target: by which algorithm, and then perhaps the checksum of that.
    pub(super) checksums: Vec<Algorithm>,
}

impl Endpoint {
    /// The right it needs.
    pub(super) fn action(&self) -> Action {
        match (self.verb, &self.target) {
            (
                Verb::Get,
                Target::Root
                | Target::Archetypes
                | Target::Metadata { .. }
                | Target::Builds { .. }
                | Target::File { .. },
            ) => Action::Read,
            (
                Verb::Put,
                Target::Root
                | Target::Archetypes
                | Target::Metadata { .. }
                | Target::Builds { .. }
                | Target::File { .. },
            ) => Action::Publish,
        }
    }

    /// Its name in the log.
    pub(super) fn name(&self) -> &'static str {
        match (self.verb, &self.target) {
            _ if !self.checksums.is_empty() => match self.verb {
                Verb::Get => "checksum",
                Verb::Put => "put-checksum",
            },
            (_, Target::Root) => "root",
            (_, Target::Archetypes) => "archetypes",
            (Verb::Get, Target::Metadata { .. }) => "metadata",
            (Verb::Get, Target::Builds { .. }) => "builds",
            (Verb::Get, Target::File { .. }) => "file",
            (Verb::Put, Target::Metadata { .. } | Target::Builds { .. }) => "put-metadata",
            (Verb::Put, Target::File { .. }) => "put-file",
        }
    }
}

/// Finds the endpoint of a request. `tail` is the raw path below the root, without a leading slash.
pub(super) fn route(method: &Method, tail: &str) -> Result<Endpoint> {
    let segments = tail.split('/').map(text::segment).collect::<Result<Vec<_>>>()?;
    let mut segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let mut checksums = Vec::new();
    if let Some(last) = segments.last_mut() {
        while let Some((name, algorithm)) = checked(last).filter(|_| checksums.len() < CHECKSUMS_LIMIT) {
            *last = name;
            checksums.insert(0, algorithm);
        }
    }
    let target = target(&segments).ok_or_else(Error::no_endpoint)?;
    let takes_pushes = !matches!(target, Target::Root | Target::Archetypes);
    let verb = match *method {
        Method::GET | Method::HEAD => Verb::Get,
        Method::PUT if takes_pushes => Verb::Put,
        _ if takes_pushes => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT" }.into()),
        _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD" }.into()),
    };
    Ok(Endpoint { verb, target, checksums })
}

/// A name that is that of a checksum: of what, and by which algorithm.
fn checked(name: &str) -> Option<(&str, Algorithm)> {
    let (name, ending) = name.rsplit_once('.')?;
    Some((name, Algorithm::named(ending)?)).filter(|(name, _)| !name.is_empty())
}

fn target(segments: &[&str]) -> Option<Target> {
    match segments {
        [""] => Some(Target::Root),
        ["archetype-catalog.xml"] => Some(Target::Archetypes),
        [group @ .., artifact, version, file]
            if *file == METADATA && name::is_snapshot(version) && !group.is_empty() =>
        {
            let package = name::package(&name::group_of(group)?, artifact)?;
            Some(Target::Builds { package, version: name::parse_version(version)? })
        }
        [folder @ .., file] if *file == METADATA => metadata(folder),
        [group @ .., artifact, version, file] if !file.is_empty() => {
            let package = name::package(&name::group_of(group)?, artifact)?;
            let (version, file) = (name::parse_version(version)?, ArtifactName::parse(file)?);
            Some(Target::File { package, version, file })
        }
        _ => None,
    }
}

/// What a folder's metadata is about: of `org/example/tools` that is artifact `tools` of group `org.example`, and group
/// `org.example.tools`.
fn metadata(folder: &[&str]) -> Option<Target> {
    let (last, parents) = folder.split_last()?;
    let artifact = name::group_of(parents).and_then(|group| name::package(&group, last));
    let group = name::group_of(folder).and_then(|group| name::group(&group));
    (artifact.is_some() || group.is_some()).then_some(Target::Metadata { artifact, group })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(method: &str, tail: &str) -> String {
        let shown = |package: &Option<Package>| package.as_ref().map_or("-".to_owned(), ToString::to_string);
        match route(&method.parse().unwrap(), tail).map_err(|error| *error) {
            Ok(endpoint) => {
                let target = match &endpoint.target {
                    Target::Root => "root".to_owned(),
                    Target::Archetypes => "archetypes".to_owned(),
                    Target::Metadata { artifact, group } => {
                        format!("about {} {}", shown(artifact), shown(group))
                    }
                    Target::Builds { package, version } => format!("builds {package} {version}"),
                    Target::File { package, version, file } => format!("file {package} {version} {file}"),
                };
                let checksums = endpoint.checksums.iter().map(|algorithm| format!(" {}", algorithm.name()));
                target + &checksums.collect::<String>()
            }
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
            ("archetype-catalog.xml", "archetypes"),
            ("archetype-catalog.xml.sha1", "archetypes sha1"),
            ("org/example/lib/1.0/lib-1.0.jar", "file org.example:lib 1.0 lib-1.0.jar"),
            ("org/example/lib/1.0/lib-1.0.jar.sha1", "file org.example:lib 1.0 lib-1.0.jar sha1"),
            ("org/example/lib/1.0/lib-1.0.jar.asc.sha512", "file org.example:lib 1.0 lib-1.0.jar.asc sha512"),
            ("org/example/lib/1.0/lib-1.0.jar.sha1.md5", "file org.example:lib 1.0 lib-1.0.jar sha1 md5"),
            ("org/example/lib/1.0/x.md5.md5.md5", "file org.example:lib 1.0 x.md5 md5 md5"),
            ("junit/junit/4.13/junit-4.13.pom", "file junit:junit 4.13 junit-4.13.pom"),
            ("g/a/1.0%2Bx/a-1.0+x.jar", "file g:a 1.0+x a-1.0+x.jar"),
            ("org/example/lib/maven-metadata.xml", "about org.example:lib org.example.lib"),
            ("org/example/lib/maven-metadata.xml.sha256", "about org.example:lib org.example.lib sha256"),
            ("junit/maven-metadata.xml", "about - junit"),
            ("g/lib_2.13/maven-metadata.xml", "about g:lib_2.13 -"),
            ("g/a/1-SNAPSHOT/maven-metadata.xml", "builds g:a 1-SNAPSHOT"),
            ("a/1-SNAPSHOT/maven-metadata.xml", "about a:1-SNAPSHOT a.1-SNAPSHOT"),
            ("g/a/1-SNAPSHOT/maven-metadata.xml.md5", "builds g:a 1-SNAPSHOT md5"),
            ("maven-metadata.xml", "missing"),
            ("g/a/1.0/", "missing"),
            ("g/a/", "missing"),
            ("g/a/1.0", "missing"),
            ("org.example/lib/1.0/lib-1.0.jar", "missing"),
            ("g//a/1.0/x.jar", "missing"),
            ("g/a/1.0/.sha1", "file g:a 1.0 .sha1"),
            ("g/a/../1.0/x.jar", "invalid"),
            ("g/a/1.0/%2e%2e", "invalid"),
            ("g/a/1.0/x%2fy.jar", "invalid"),
            ("g/a/1.0/x%252e.jar", "invalid"),
            ("g/a/1.0/x%zz.jar", "invalid"),
            ("g/a/[1,2)/x.jar", "missing"),
            (".meta/prefixes.txt", "missing"),
        ] {
            assert_eq!(read("GET", tail), expected, "{tail}");
        }
        assert_eq!(read("PUT", "g/a/1.0/a-1.0.jar"), "file g:a 1.0 a-1.0.jar");
        assert_eq!(read("POST", "g/a/1.0/a-1.0.jar"), "only GET, HEAD, PUT");
        assert_eq!(read("DELETE", "g/a/1.0/a-1.0.jar"), "only GET, HEAD, PUT");
        assert_eq!(read("PUT", "archetype-catalog.xml"), "only GET, HEAD");
    }

    #[test]
    fn reading_takes_a_reader_and_deploying_a_contributor() {
        for (method, action) in [("GET", Action::Read), ("HEAD", Action::Read), ("PUT", Action::Publish)] {
            for tail in [
                "g/a/1/a-1.jar",
                "g/a/1/a-1.jar.sha1",
                "g/a/maven-metadata.xml",
                "g/a/1-SNAPSHOT/maven-metadata.xml",
            ] {
                assert_eq!(
                    route(&method.parse().unwrap(), tail).unwrap().action(),
                    action,
                    "{method} {tail}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(tail: String, layout in "[a-z.%/-]{0,40}(maven-metadata.xml|SNAPSHOT|\\.sha1){0,3}") {
            let _ = (route(&Method::GET, &tail), route(&Method::PUT, &layout));
        }
    }
}
