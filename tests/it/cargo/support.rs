//! A scripted sparse registry, and what cargo sends.

use crate::support::documents::archive;
use crate::support::server::{TestServer, public};
use crate::support::{Client, Reply};
use edgefeed::model::{Algorithm, Digest, UpstreamSource};
use edgefeed::platform::memory::{Reply as Scripted, SentRequest, Upstream};
use http::Method;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where the scripted registry keeps its index.
pub(crate) const INDEX: &str = "https://crates.registry.example/index/";
/// Where it is.
const API: &str = "https://crates.registry.example/";
/// And its archives.
const FILES: &str = "https://files.registry.example/";

/// A registry; clones share it.
#[derive(Clone)]
pub(crate) struct Registry {
    upstream: Upstream,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    /// Lines by crate.
    lines: BTreeMap<String, Vec<String>>,
    files: BTreeMap<String, Vec<u8>>,
    faults: Vec<(String, Scripted)>,
}

impl Registry {
    pub(crate) fn new(upstream: &Upstream) -> Self {
        let registry = Self { upstream: upstream.clone(), state: Rc::default() };
        for base in [API, FILES] {
            let answering = registry.clone();
            upstream.route(base, move |request| answering.answer(request));
        }
        registry
    }

    pub(crate) fn add(&self, name: &str, version: &str) -> &Self {
        self.add_line(&line(name, version))
    }

    /// Adds a line of the index, with the archive it is about.
    pub(crate) fn add_line(&self, line: &str) -> &Self {
        let read: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| read[key].as_str().unwrap().to_owned();
        let (name, version) = (text("name"), text("vers"));
        let mut state = self.state.borrow_mut();
        state.files.insert(file(&name, &version), crate_file(&name, &version));
        state.lines.entry(name.to_lowercase()).or_default().push(line.to_owned());
        drop(state);
        self
    }

    /// Yanks a version, or takes that back.
    pub(crate) fn yank(&self, name: &str, version: &str, yanked: bool) {
        let (before, after) = (format!("\"yanked\":{}", !yanked), format!("\"yanked\":{yanked}"));
        let mut state = self.state.borrow_mut();
        let lines = state.lines.get_mut(name).expect("a crate that was added");
        let wanted = format!("\"vers\":\"{version}\"");
        for line in lines.iter_mut().filter(|line| line.contains(&wanted)) {
            *line = line.replace(&before, &after);
        }
    }

    pub(crate) fn forget(&self, name: &str) {
        self.state.borrow_mut().lines.remove(name);
    }

    /// Sends other bytes than the index declares.
    pub(crate) fn replace_bytes(&self, name: &str, version: &str, bytes: &[u8]) {
        self.state.borrow_mut().files.insert(file(name, version), bytes.to_vec());
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
        self.upstream
            .urls()
            .iter()
            .filter(|url| url.contains("registry.example") && url.contains(part))
            .count()
    }

    fn answer(&self, request: &SentRequest) -> Scripted {
        let (state, url) = (self.state.borrow(), request.url.as_str());
        if let Some((_, reply)) = state.faults.iter().find(|(part, _)| url.contains(part)) {
            return reply.clone();
        }
        if let Some(bytes) = state.files.get(url) {
            return Scripted::ok(bytes.clone()).header("content-length", &bytes.len().to_string());
        }
        if url == format!("{INDEX}config.json") {
            let description = json!({
                "dl": format!("{FILES}{{lowerprefix}}/{{crate}}-{{version}}.crate"),
                "api": API,
            });
            return Scripted::ok(description.to_string()).header("content-type", "application/json");
        }
        let name = url.rsplit('/').next().unwrap_or_default();
        let lines = state.lines.get(name).filter(|_| url == format!("{INDEX}{}", path(name)));
        let Some(lines) = lines else { return Scripted::status(404).body("no such crate") };
        let text = lines.join("\n") + "\n";
        let etag = format!("\"{}\"", Digest::of(Algorithm::Sha256, text.as_bytes()).hex());
        let known = request.headers.get("if-none-match").and_then(|value| value.to_str().ok());
        let reply = if known == Some(&etag) { Scripted::status(304) } else { Scripted::ok(text) };
        reply.header("content-type", "text/plain").header("etag", &etag)
    }
}

fn file(name: &str, version: &str) -> String {
    let path = path(&name.to_lowercase());
    let (folder, _) = path.rsplit_once('/').unwrap();
    format!("{FILES}{folder}/{name}-{version}.crate")
}

/// Where an index keeps a crate.
pub(crate) fn path(name: &str) -> String {
    match name.len() {
        length @ 1..=2 => format!("{length}/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// A line as the scripted registry writes it: not in our order, and with something nobody knows yet.
pub(crate) fn line(name: &str, version: &str) -> String {
    let checksum = checksum(&crate_file(name, version));
    format!(
        "{{\"vers\":\"{version}\",\"name\":\"{name}\",\"deps\":[],\"cksum\":\"{checksum}\",\"features\":{{}},\
         \"features2\":{{\"x\":[\"dep:y\"]}},\"yanked\":false,\"links\":\"z\",\"v\":2,\"rust_version\":\"1.60\",\
         \"pubtime\":\"2020-01-02T03:04:05Z\",\"later\":{{ \"a\": [1,  2] }}}}"
    )
}

/// The archive of a version, the same in every run.
pub(crate) fn crate_file(name: &str, version: &str) -> Vec<u8> {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n");
    let folder = format!("{name}-{version}");
    archive(&[
        (&format!("{folder}/.cargo_vcs_info.json"), b"{}"),
        (&format!("{folder}/Cargo.toml"), manifest.as_bytes()),
        (&format!("{folder}/src/lib.rs"), b"// nothing"),
    ])
}

pub(crate) fn checksum(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// What `cargo publish` says of a version.
pub(crate) fn metadata(name: &str, version: &str) -> Value {
    json!({
        "name": name, "vers": version, "deps": [], "features": {}, "authors": [], "description": "made by a test",
        "documentation": null, "homepage": null, "readme": "# read me", "readme_file": "README.md", "keywords": [],
        "categories": [], "license": "MIT", "license_file": null, "repository": null, "badges": {}, "links": null,
        "rust_version": null,
    })
}

/// The body of a push.
pub(crate) fn push(metadata: &Value, archive: &[u8]) -> Vec<u8> {
    let metadata = metadata.to_string();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let mut body = length(metadata.as_bytes()).to_vec();
    body.extend_from_slice(metadata.as_bytes());
    body.extend_from_slice(&length(archive));
    body.extend_from_slice(archive);
    body
}

/// A server whose feed `main` has the scripted registry as its source of crates.
pub(crate) fn server() -> (TestServer, Registry) {
    let server = TestServer::empty();
    server.add_feed("main", vec![crates("crates", INDEX)]);
    let registry = Registry::new(server.platform.upstream());
    (server, registry)
}

/// A source that is a sparse registry.
pub(crate) fn crates(name: &str, location: &str) -> UpstreamSource {
    UpstreamSource { protocol: "cargo".to_owned(), ..public(name, location) }
}

/// The root of the protocol on a feed.
pub(crate) fn root(feed: &str) -> String {
    format!("https://edge.test/acme/_packaging/{feed}/Cargo/")
}

/// What cargo does.
pub(crate) trait Cargo: Sized {
    /// Uses the registry of that feed.
    fn cargo_on(self, feed: &str) -> Self;
    /// Uses the registry of feed `main`.
    fn cargo(self) -> Self {
        self.cargo_on("main")
    }
    /// Reads a crate's index file.
    fn index(&self, name: &str) -> Reply;
    /// The versions in it, yanked ones with a `!`; none if it is not there.
    fn crate_versions(&self, name: &str) -> Vec<String>;
    /// Downloads an archive.
    fn fetch(&self, name: &str, version: &str) -> Reply;
    /// Publishes the archive every test expects.
    fn push(&self, name: &str, version: &str) -> Reply;
    /// Publishes anything.
    fn push_body(&self, body: Vec<u8>) -> Reply;
    /// Yanks, or takes it back.
    fn yank(&self, name: &str, version: &str, yanked: bool) -> Reply;
}

impl Cargo for Client<'_> {
    fn cargo_on(self, feed: &str) -> Self {
        self.at(&root(feed))
    }

    fn index(&self, name: &str) -> Reply {
        self.get_with(
            &format!("index/{}", path(name)),
            &[("cargo-protocol", "version=1"), ("accept", "text/plain")],
        )
    }

    fn crate_versions(&self, name: &str) -> Vec<String> {
        let reply = self.index(name);
        if reply.status == 404 {
            return Vec::new();
        }
        let text = reply.expect(200).text();
        text.lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                let mark = if line["yanked"] == true { "!" } else { "" };
                format!("{}{mark}", line["vers"].as_str().unwrap())
            })
            .collect()
    }

    fn fetch(&self, name: &str, version: &str) -> Reply {
        self.get(&format!("api/v1/crates/{name}/{version}/download"))
    }

    fn push(&self, name: &str, version: &str) -> Reply {
        self.push_body(push(&metadata(name, version), &crate_file(name, version)))
    }

    fn push_body(&self, body: Vec<u8>) -> Reply {
        self.send(Method::PUT, "api/v1/crates/new", &[], body.into())
    }

    fn yank(&self, name: &str, version: &str, yanked: bool) -> Reply {
        let (method, verb) = if yanked { (Method::DELETE, "yank") } else { (Method::PUT, "unyank") };
        let path = format!("api/v1/crates/{name}/{version}/{verb}");
        self.send(method, &path, &[], edgefeed::platform::Body::Empty)
    }
}

/// The text cargo shows its user.
pub(crate) fn detail(reply: &Reply) -> String {
    let document = reply.json();
    document["errors"][0]["detail"].as_str().unwrap_or_else(|| panic!("no error: {document}")).to_owned()
}
