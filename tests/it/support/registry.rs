//! A scripted npm registry: both forms of packuments, validators, tarballs with true digests, and faults on demand.

use super::documents::{integrity, shasum, tarball};
use edgefeed::model::{Algorithm, Digest};
use edgefeed::platform::memory::{Reply, SentRequest, Upstream};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The registry; clones share it.
#[derive(Clone)]
pub(crate) struct Registry {
    base: String,
    upstream: Upstream,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    packages: BTreeMap<String, Package>,
    files: BTreeMap<String, Vec<u8>>,
    faults: Vec<(String, usize, Reply)>,
    answers: BTreeMap<String, Value>,
}

#[derive(Clone, Default)]
struct Package {
    versions: Map<String, Value>,
    tags: Map<String, Value>,
    time: Map<String, Value>,
}

impl Registry {
    /// A registry at `base`, which ends in a slash.
    pub(crate) fn new(upstream: &Upstream, base: &str) -> Self {
        let registry =
            Self { base: base.to_owned(), upstream: upstream.clone(), state: Rc::new(RefCell::default()) };
        let answering = registry.clone();
        upstream.route(base, move |request| answering.answer(request));
        registry
    }

    /// Adds a version, which becomes `latest`.
    pub(crate) fn add(&self, name: &str, version: &str) -> &Self {
        self.add_with(name, version, |_| {})
    }

    /// Adds a version whose manifest is changed first.
    pub(crate) fn add_with(&self, name: &str, version: &str, change: impl Fn(&mut Value)) -> &Self {
        let bytes = tarball(name, version);
        let unscoped = name.rsplit('/').next().unwrap_or(name);
        let url = format!("{}{name}/-/{unscoped}-{version}.tgz", self.base);
        let mut manifest = json!({
            "name": name,
            "version": version,
            "description": "from upstream",
            "scripts": { "test": "true" },
            "dependencies": { "dep": "^1.0.0" },
            "_npmUser": { "name": "somebody" },
            "dist": {
                "integrity": integrity(&bytes),
                "shasum": shasum(&bytes),
                "tarball": url.clone(),
                "fileCount": 3,
                "unpackedSize": 4096,
                "signatures": [{ "keyid": "SHA256:key", "sig": format!("signed {name}@{version}") }],
            },
        });
        change(&mut manifest);
        let mut state = self.state.borrow_mut();
        state.files.insert(url, bytes);
        let package = state.packages.entry(name.to_owned()).or_default();
        let day = package.versions.len() % 28 + 1;
        package.time.insert(version.to_owned(), json!(format!("2020-01-{day:02}T00:00:00.000Z")));
        package.versions.insert(version.to_owned(), manifest);
        package.tags.insert("latest".to_owned(), json!(version));
        drop(state);
        self
    }

    /// Points a tag.
    pub(crate) fn tag(&self, name: &str, tag: &str, version: &str) {
        let mut state = self.state.borrow_mut();
        state.packages.entry(name.to_owned()).or_default().tags.insert(tag.to_owned(), json!(version));
    }

    /// Changes the manifest of a version that is there.
    pub(crate) fn edit(&self, name: &str, version: &str, change: impl Fn(&mut Value)) {
        let mut state = self.state.borrow_mut();
        let package = state.packages.get_mut(name).expect("a package that was added");
        change(package.versions.get_mut(version).expect("a version that was added"));
    }

    /// Withdraws a version.
    pub(crate) fn withdraw(&self, name: &str, version: &str) {
        let mut state = self.state.borrow_mut();
        let package = state.packages.get_mut(name).expect("a package that was added");
        package.versions.shift_remove(version);
        package.time.shift_remove(version);
        package.tags.retain(|_, target| target != version);
    }

    /// Withdraws a package.
    pub(crate) fn forget(&self, name: &str) {
        self.state.borrow_mut().packages.remove(name);
    }

    /// Sends other bytes for a tarball than its packument declares.
    pub(crate) fn replace_bytes(&self, name: &str, version: &str, bytes: &[u8]) {
        let unscoped = name.rsplit('/').next().unwrap_or(name);
        let url = format!("{}{name}/-/{unscoped}-{version}.tgz", self.base);
        self.state.borrow_mut().files.insert(url, bytes.to_vec());
    }

    /// Answers an address below `-/` with a document.
    pub(crate) fn answer_service(&self, path: &str, document: Value) {
        self.state.borrow_mut().answers.insert(format!("{}-/{path}", self.base), document);
    }

    /// From now on requests whose address contains `part` get this reply.
    pub(crate) fn fault(&self, part: &str, reply: Reply) {
        self.fault_times(part, usize::MAX, reply);
    }

    /// The next so many requests whose address contains `part` get this reply.
    pub(crate) fn fault_times(&self, part: &str, times: usize, reply: Reply) {
        self.state.borrow_mut().faults.push((part.to_owned(), times, reply));
    }

    /// Everything answers as it should again.
    pub(crate) fn recover(&self) {
        self.state.borrow_mut().faults.clear();
    }

    /// Cannot be reached any more.
    pub(crate) fn go_down(&self) {
        self.fault("", Reply::connection_error());
    }

    /// How many requests came whose address contains `part`.
    pub(crate) fn asked(&self, part: &str) -> usize {
        let urls = self.upstream.urls();
        urls.iter().filter(|url| url.starts_with(&self.base) && url.contains(part)).count()
    }

    /// The packument of a package, as JSON.
    pub(crate) fn packument(&self, name: &str, abbreviated: bool) -> Option<Value> {
        let state = self.state.borrow();
        let package = state.packages.get(name)?;
        let mut versions = package.versions.clone();
        if abbreviated {
            for manifest in versions.values_mut().filter_map(Value::as_object_mut) {
                for field in ["description", "scripts", "_npmUser"] {
                    manifest.shift_remove(field);
                }
            }
            return Some(json!({
                "name": name, "modified": "2020-02-01T00:00:00.000Z",
                "dist-tags": package.tags, "versions": versions,
            }));
        }
        let mut time = Map::new();
        time.insert("created".to_owned(), json!("2020-01-01T00:00:00.000Z"));
        time.insert("modified".to_owned(), json!("2020-02-01T00:00:00.000Z"));
        time.extend(package.time.clone());
        Some(json!({
            "_id": name, "_rev": "7-upstream", "name": name, "dist-tags": package.tags, "versions": versions,
            "time": time, "readme": "# read me", "description": "from upstream",
        }))
    }

    fn answer(&self, request: &SentRequest) -> Reply {
        if let Some(reply) = self.next_fault(request.url.as_str()) {
            return reply;
        }
        let mut address = request.url.clone();
        address.set_query(None);
        if let Some(document) = self.state.borrow().answers.get(address.as_str()) {
            return Reply::ok(document.to_string()).header("content-type", "application/json");
        }
        if let Some(bytes) = self.state.borrow().files.get(address.as_str()) {
            let length = bytes.len().to_string();
            return Reply::ok(bytes.clone())
                .header("content-type", "application/octet-stream")
                .header("content-length", &length);
        }
        let name = address.as_str().strip_prefix(&self.base).unwrap_or_default();
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned();
        let accept = request.headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let abbreviated = accept.contains("application/vnd.npm.install-v1+json");
        match self.packument(&name, abbreviated) {
            Some(document) => with_validator(request, &document.to_string(), abbreviated),
            None => Reply::status(404)
                .header("content-type", "application/json")
                .body("{\"error\":\"Not found\"}"),
        }
    }

    fn next_fault(&self, url: &str) -> Option<Reply> {
        let mut state = self.state.borrow_mut();
        let at = state.faults.iter().position(|(part, times, _)| *times > 0 && url.contains(part))?;
        let (_, times, reply) = &mut state.faults[at];
        *times -= 1;
        Some(reply.clone())
    }
}

fn with_validator(request: &SentRequest, text: &str, abbreviated: bool) -> Reply {
    let etag = format!("\"{}\"", Digest::of(Algorithm::Sha256, text.as_bytes()).hex());
    let media = if abbreviated { "application/vnd.npm.install-v1+json" } else { "application/json" };
    let known = request.headers.get("if-none-match").and_then(|value| value.to_str().ok());
    let reply = if known == Some(etag.as_str()) { Reply::status(304) } else { Reply::ok(text.to_owned()) };
    reply.header("content-type", media).header("etag", &etag)
}
