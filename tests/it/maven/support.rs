//! A scripted repository, and what Maven and Gradle send.

use crate::support::server::{TestServer, public};
use crate::support::{Client, Reply};
use edgefeed::model::{Algorithm, Digest, UpstreamSource};
use edgefeed::platform::Body;
use edgefeed::platform::memory::{Reply as Scripted, SentRequest, Upstream};
use http::Method;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where the scripted repository is.
pub(crate) const REPOSITORY: &str = "https://repository.example.org/maven2/";

/// When everything there was published.
pub(crate) const PUBLISHED: &str = "Thu, 02 Jan 2020 03:04:05 GMT";

/// How a repository says what a file hashes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    InHeaders,
    InItsTag,
    BesideIt,
    Nothing,
}

/// A repository; clones share it.
#[derive(Clone)]
pub(crate) struct Repository {
    base: String,
    upstream: Upstream,
    state: Rc<RefCell<State>>,
}

struct State {
    says: Says,
    /// By path below the base.
    files: BTreeMap<String, Vec<u8>>,
    faults: Vec<(String, Scripted)>,
}

impl Repository {
    pub(crate) fn new(upstream: &Upstream, base: &str) -> Self {
        let state = State { says: Says::InHeaders, files: BTreeMap::new(), faults: Vec::new() };
        let repository =
            Self { base: base.to_owned(), upstream: upstream.clone(), state: Rc::new(RefCell::new(state)) };
        let answering = repository.clone();
        upstream.route(base, move |request| answering.answer(request));
        repository
    }

    pub(crate) fn says(&self, says: Says) -> &Self {
        self.state.borrow_mut().says = says;
        self
    }

    /// Adds a version with its POM and JAR, and the metadata that tells of it.
    pub(crate) fn add(&self, package: &str, version: &str) -> &Self {
        self.add_untold(package, version);
        let mut state = self.state.borrow_mut();
        let folder = folder(package);
        let prefix = format!("{folder}/");
        let versions: Vec<&str> = state
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix)?.strip_suffix(".pom")?.split('/').next())
            .collect();
        let document = versions_document(&versions);
        state.files.insert(format!("{folder}/maven-metadata.xml"), document.into_bytes());
        drop(state);
        self
    }

    /// Adds a version of which no metadata tells.
    pub(crate) fn add_untold(&self, package: &str, version: &str) -> &Self {
        for extension in ["pom", "jar"] {
            self.put(&path(package, version, extension), &content(package, version, extension));
        }
        self
    }

    /// Keeps anything.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> &Self {
        self.state.borrow_mut().files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    pub(crate) fn forget(&self, path: &str) {
        self.state.borrow_mut().files.retain(|known, _| !known.starts_with(path));
    }

    /// From now on requests whose address contains `part` get this reply.
    pub(crate) fn fault(&self, part: &str, reply: Scripted) {
        self.state.borrow_mut().faults.push((part.to_owned(), reply));
    }

    pub(crate) fn recover(&self) {
        self.state.borrow_mut().faults.clear();
    }

    /// How many requests came whose address contains `part`.
    pub(crate) fn asked(&self, part: &str) -> usize {
        let urls = self.upstream.urls();
        urls.iter().filter(|url| url.starts_with(&self.base) && url.contains(part)).count()
    }

    fn answer(&self, request: &SentRequest) -> Scripted {
        let (state, url) = (self.state.borrow(), request.url.as_str());
        if let Some((_, reply)) = state.faults.iter().find(|(part, _)| url.contains(part)) {
            return reply.clone();
        }
        let path = url.strip_prefix(&self.base).unwrap_or_default();
        if let Some(bytes) = state.files.get(path) {
            let reply = Scripted::ok(bytes.clone())
                .header("content-length", &bytes.len().to_string())
                .header("last-modified", PUBLISHED);
            let sha1 = hex(Algorithm::Sha1, bytes);
            return match state.says {
                Says::InHeaders => reply
                    .header("x-checksum-sha1", &sha1)
                    .header("x-checksum-md5", &hex(Algorithm::Md5, bytes)),
                Says::InItsTag => reply.header("etag", &format!("\"{{SHA1{{{sha1}}}}}\"")),
                Says::BesideIt | Says::Nothing => reply,
            };
        }
        let of = path.strip_suffix(".sha1").and_then(|path| state.files.get(path));
        match of.filter(|_| state.says != Says::Nothing) {
            Some(bytes) => Scripted::ok(hex(Algorithm::Sha1, bytes)),
            None => Scripted::status(404),
        }
    }
}

/// Metadata as repositories have it.
pub(crate) fn versions_document(versions: &[&str]) -> String {
    let versions =
        versions.iter().fold(String::new(), |text, version| text + "<version>" + version + "</version>");
    format!(
        "<?xml version=\"1.0\"?><metadata><versioning><versions>{versions}</versions>\
         <lastUpdated>20200102030405</lastUpdated></versioning></metadata>"
    )
}

/// Metadata of a group, with plugins by prefix and artifact.
pub(crate) fn plugins_document(plugins: &[(&str, &str)]) -> String {
    let plugins = plugins.iter().map(|(prefix, artifact)| {
        format!("<plugin><name>{artifact}</name><prefix>{prefix}</prefix><artifactId>{artifact}</artifactId></plugin>")
    });
    format!("<metadata><plugins>{}</plugins></metadata>", plugins.collect::<String>())
}

/// The folder of a package.
pub(crate) fn folder(package: &str) -> String {
    let (group, artifact) = package.split_once(':').unwrap();
    format!("{}/{artifact}", group.replace('.', "/"))
}

/// Where a file of a version is; `ending` is its extension, or `-classifier.extension`.
pub(crate) fn path(package: &str, version: &str, ending: &str) -> String {
    let (_, artifact) = package.split_once(':').unwrap();
    let dot = if ending.starts_with('-') { "" } else { "." };
    format!("{}/{version}/{artifact}-{version}{dot}{ending}", folder(package))
}

/// The content of a file, the same in every run.
pub(crate) fn content(package: &str, version: &str, ending: &str) -> Vec<u8> {
    if ending != "pom" {
        return format!("{package}:{version}:{ending}").into_bytes();
    }
    let (group, artifact) = package.split_once(':').unwrap();
    format!(
        "<project><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>\
         <name>{artifact} by a test</name></project>"
    )
    .into_bytes()
}

pub(crate) fn hex(algorithm: Algorithm, bytes: &[u8]) -> String {
    Digest::of(algorithm, bytes).hex()
}

/// A server whose feed `main` has the scripted repository as its source.
pub(crate) fn server() -> (TestServer, Repository) {
    let server = TestServer::empty();
    server.add_feed("main", vec![repository("repository", REPOSITORY)]);
    let repository = Repository::new(server.platform.upstream(), REPOSITORY);
    (server, repository)
}

/// A source that is a repository.
pub(crate) fn repository(name: &str, location: &str) -> UpstreamSource {
    UpstreamSource { protocol: "maven".to_owned(), ..public(name, location) }
}

/// The root of the protocol on a feed.
pub(crate) fn root(feed: &str) -> String {
    format!("https://edge.test/acme/_packaging/{feed}/maven/v1/")
}

/// What Maven does.
pub(crate) trait Maven: Sized {
    /// Uses the repository of that feed.
    fn maven_on(self, feed: &str) -> Self;
    /// Uses the repository of feed `main`.
    fn maven(self) -> Self {
        self.maven_on("main")
    }
    /// Reads a file of a version.
    fn fetch(&self, package: &str, version: &str, ending: &str) -> Reply;
    /// Deploys anything.
    fn deploy_at(&self, path: &str, bytes: &[u8]) -> Reply;
    /// Deploys the file every test expects.
    fn deploy(&self, package: &str, version: &str, ending: &str) -> Reply;
    /// Deploys POM and JAR.
    fn release(&self, package: &str, version: &str);
    /// The versions that metadata tells of; none if there is none.
    fn told(&self, package: &str) -> Vec<String>;
}

impl Maven for Client<'_> {
    fn maven_on(self, feed: &str) -> Self {
        self.at(&root(feed))
    }

    fn fetch(&self, package: &str, version: &str, ending: &str) -> Reply {
        self.get(&path(package, version, ending))
    }

    fn deploy_at(&self, path: &str, bytes: &[u8]) -> Reply {
        let headers =
            [("expect", "100-continue"), ("cache-control", "no-cache, no-store"), ("pragma", "no-cache")];
        self.send(Method::PUT, path, &headers, Body::from(bytes.to_vec()))
    }

    fn deploy(&self, package: &str, version: &str, ending: &str) -> Reply {
        self.deploy_at(&path(package, version, ending), &content(package, version, ending))
    }

    fn release(&self, package: &str, version: &str) {
        for ending in ["jar", "pom"] {
            self.deploy(package, version, ending).expect(201);
        }
    }

    fn told(&self, package: &str) -> Vec<String> {
        let reply = self.get(&format!("{}/maven-metadata.xml", folder(package)));
        match reply.status {
            200 => all(&reply.text(), "version"),
            404 => Vec::new(),
            other => panic!("{other}: {}", reply.text()),
        }
    }
}

/// The texts of all elements of that name.
pub(crate) fn all(document: &str, element: &str) -> Vec<String> {
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    let parts = document.split(&start).skip(1);
    parts.map(|part| part.split(&end).next().unwrap_or_default().to_owned()).collect()
}

/// The text that people are shown.
pub(crate) fn detail(reply: &Reply) -> String {
    assert_eq!(reply.header("content-type"), "application/problem+json");
    reply.json()["detail"].as_str().unwrap_or_default().to_owned()
}

/// What an owner does on the REST surface; `what` follows the protocol.
pub(crate) fn manage(server: &TestServer, method: Method, what: &str, body: &serde_json::Value) -> Reply {
    let url = format!("https://edge.test/acme/_apis/packaging/feeds/main/maven/{what}");
    let body = if body.is_null() { Body::Empty } else { body.to_string().into() };
    server.owner().send(method, &url, &[("content-type", "application/json")], body)
}
