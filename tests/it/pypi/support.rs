//! A scripted index, distributions, and the form that uploaders send.

use crate::support::documents::zip;
use crate::support::server::public;
use crate::support::{Client, Reply, TestServer};
use edgefeed::model::{Algorithm, Digest, Role, UpstreamSource};
use edgefeed::platform::memory::{self, SentRequest, Upstream};
use http::Method;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// What pip sends.
pub(crate) const PIP: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, \
                              text/html; q=0.01";

/// Where the scripted index is.
pub(crate) const INDEX: &str = "https://index.test/";

/// The protocol's root on feed `main`.
pub(crate) const ROOT: &str = "https://edge.test/acme/_packaging/main/pypi/";

/// A file of the index.
#[derive(Clone)]
pub(crate) struct Listed {
    project: String,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) metadata: Option<Vec<u8>>,
    pub(crate) provenance: Option<Value>,
    pub(crate) yanked: Value,
    pub(crate) declared: String,
}

/// A scripted index with validators, metadata and provenance; clones share it.
#[derive(Clone)]
pub(crate) struct Index {
    base: String,
    upstream: Upstream,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    files: Vec<Listed>,
    html: bool,
    fault: Option<memory::Reply>,
}

impl Index {
    pub(crate) fn new(upstream: &Upstream, base: &str) -> Self {
        let index = Self { base: base.to_owned(), upstream: upstream.clone(), state: Rc::default() };
        let answering = index.clone();
        upstream.route(base, move |request| answering.answer(request));
        index
    }

    /// Adds a wheel, with metadata beside it.
    pub(crate) fn wheel(&self, project: &str, version: &str) -> &Self {
        self.add(project, &wheel_name(project, version), wheel(project, version))
    }

    /// Adds an sdist.
    pub(crate) fn sdist(&self, project: &str, version: &str) -> &Self {
        self.add(project, &format!("{project}-{version}.tar.gz"), sdist(project, version))
    }

    pub(crate) fn add(&self, project: &str, name: &str, bytes: Vec<u8>) -> &Self {
        let declared = sha256(&bytes);
        let version = name.split('-').nth(1).unwrap_or_default();
        let metadata = name.strip_suffix(".whl").map(|_| metadata(project, version));
        let (project, name) = (project.to_owned(), name.to_owned());
        let file =
            Listed { project, name, bytes, metadata, provenance: None, yanked: json!(false), declared };
        self.state.borrow_mut().files.push(file);
        self
    }

    /// Changes a file that is there.
    pub(crate) fn edit(&self, name: &str, change: impl Fn(&mut Listed)) {
        let mut state = self.state.borrow_mut();
        change(state.files.iter_mut().find(|file| file.name == name).expect("a file that was added"));
    }

    /// From now on pages are HTML.
    pub(crate) fn speak_html(&self) {
        self.state.borrow_mut().html = true;
    }

    /// From now on every request gets this reply.
    pub(crate) fn fault(&self, reply: memory::Reply) {
        self.state.borrow_mut().fault = Some(reply);
    }

    /// How many requests came whose address contains `part`.
    pub(crate) fn asked(&self, part: &str) -> usize {
        let urls = self.upstream.urls();
        urls.iter().filter(|url| url.starts_with(&self.base) && url.contains(part)).count()
    }

    fn answer(&self, request: &SentRequest) -> memory::Reply {
        let state = self.state.borrow();
        if let Some(reply) = &state.fault {
            return reply.clone();
        }
        let path = request.url.path();
        if let Some(project) = path.strip_prefix("/simple/").and_then(|path| path.strip_suffix('/')) {
            let files: Vec<_> = state.files.iter().filter(|file| file.project == project).collect();
            if files.is_empty() {
                return memory::Reply::status(404);
            }
            let page = if state.html { html(project, &files) } else { json_page(project, &files) };
            let etag = format!("\"{}\"", sha256(page.1.as_bytes()));
            let known = request.headers.get("if-none-match").and_then(|value| value.to_str().ok());
            let reply = if known == Some(etag.as_str()) {
                memory::Reply::status(304)
            } else {
                memory::Reply::ok(page.1)
            };
            return reply.header("content-type", page.0).header("etag", &etag);
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let bytes = state.files.iter().find_map(|file| match name.strip_prefix(file.name.as_str())? {
            "" => Some(file.bytes.clone()),
            ".metadata" => file.metadata.clone(),
            ".provenance" => Some(file.provenance.as_ref()?.to_string().into_bytes()),
            _ => None,
        });
        match bytes {
            Some(bytes) => {
                let length = bytes.len().to_string();
                memory::Reply::ok(bytes).header("content-length", &length)
            }
            None => memory::Reply::status(404),
        }
    }
}

fn json_page(project: &str, files: &[&Listed]) -> (&'static str, String) {
    let files = files.iter().map(|file| {
        let mut row = json!({
            "filename": file.name,
            "url": format!("../../packages/{}", file.name),
            "hashes": {"sha256": file.declared},
            "requires-python": ">=3.8",
            "size": file.bytes.len(),
            "upload-time": "2020-01-02T03:04:05.678901Z",
            "yanked": file.yanked,
        });
        if let Some(metadata) = &file.metadata {
            row["core-metadata"] = json!({"sha256": sha256(metadata)});
        }
        if file.provenance.is_some() {
            row["provenance"] = json!(format!("{INDEX}packages/{}.provenance", file.name));
        }
        row
    });
    let page = json!({"meta": {"api-version": "1.4"}, "name": project, "files": files.collect::<Vec<_>>(),
        "alternate-locations": ["https://more.test/simple/lib/"]});
    ("application/vnd.pypi.simple.v1+json", page.to_string())
}

fn html(project: &str, files: &[&Listed]) -> (&'static str, String) {
    let link = |file: &&Listed| {
        let digest =
            file.metadata.as_ref().map(|bytes| format!("data-core-metadata=\"sha256={}\"", sha256(bytes)));
        format!(
            "<a href=\"../../packages/{name}#sha256={}\" data-requires-python=\"&gt;=3.8\" {}>{name}</a><br/>\n",
            file.declared,
            digest.unwrap_or_default(),
            name = file.name
        )
    };
    let links = files.iter().map(link).collect::<Vec<_>>().concat();
    ("text/html", format!("<!DOCTYPE html><html><body><h1>{project}</h1>{links}</body></html>"))
}

/// Feed `main` with the scripted index as its one source.
pub(crate) fn server() -> (TestServer, Index) {
    let server = TestServer::empty();
    let index = Index::new(server.platform.upstream(), INDEX);
    server.add_feed("main", vec![source("index", INDEX)]);
    (server, index)
}

/// A source that is an index.
pub(crate) fn source(name: &str, location: &str) -> UpstreamSource {
    UpstreamSource { protocol: "pypi".to_owned(), ..public(name, location) }
}

/// Somebody at the protocol's root.
pub(crate) fn client(server: &TestServer, role: Role) -> Client<'_> {
    server.role("main", role).at(ROOT)
}

/// The file names of a project's page as this client sees it.
pub(crate) fn files(client: &Client<'_>, project: &str) -> Vec<String> {
    let reply = page(client, project);
    match reply.status {
        200 => reply.json()["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["filename"].as_str().unwrap().to_owned())
            .collect(),
        404 => Vec::new(),
        other => panic!("{other}: {}", reply.text()),
    }
}

/// A project's page as pip gets it.
pub(crate) fn page(client: &Client<'_>, project: &str) -> Reply {
    client.get_with(&format!("simple/{project}/"), &[("accept", PIP)])
}

/// The path of a file.
pub(crate) fn path(project: &str, version: &str, file: &str) -> String {
    format!("download/{project}/{version}/{file}")
}

/// What an owner does on the REST surface.
pub(crate) fn manage(server: &TestServer, method: Method, what: &str, body: &Value) -> Reply {
    let url = format!("https://edge.test/acme/_apis/packaging/feeds/main/pypi/packages/{what}");
    let body = if body.is_null() { edgefeed::platform::Body::Empty } else { body.to_string().into() };
    server.owner().send(method, &url, &[("content-type", "application/json")], body)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

pub(crate) fn wheel_name(project: &str, version: &str) -> String {
    format!("{project}-{version}-py3-none-any.whl")
}

/// The metadata of every test's wheels.
pub(crate) fn metadata(project: &str, version: &str) -> Vec<u8> {
    format!("Metadata-Version: 2.9\nName: {project}\nVersion: {version}\nSummary: made by a test\nRequires-Python: >=3.8\n\
             Requires-Dist: dep>=1\nOf-The-Future: yes\n\nA long description.\n")
    .into_bytes()
}

/// A wheel.
pub(crate) fn wheel(project: &str, version: &str) -> Vec<u8> {
    let folder = format!("{project}-{version}.dist-info");
    zip(&[
        (&format!("{project}/__init__.py"), b"x = 1\n"),
        (&format!("{folder}/METADATA"), &metadata(project, version)),
        (&format!("{folder}/RECORD"), b""),
    ])
}

/// An sdist.
pub(crate) fn sdist(project: &str, version: &str) -> Vec<u8> {
    crate::support::documents::archive(&[(
        &format!("{project}-{version}/PKG-INFO"),
        &metadata(project, version),
    )])
}

/// An upload as twine sends it, to be changed by a test.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

impl Upload {
    pub(crate) fn wheel(project: &str, version: &str) -> Self {
        Self::new(project, version, "bdist_wheel", &wheel_name(project, version), wheel(project, version))
    }

    pub(crate) fn sdist(project: &str, version: &str) -> Self {
        Self::new(project, version, "sdist", &format!("{project}-{version}.tar.gz"), sdist(project, version))
    }

    pub(crate) fn new(project: &str, version: &str, kind: &str, name: &str, content: Vec<u8>) -> Self {
        let fields = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.4"),
            ("name", project),
            ("version", version),
            ("filetype", kind),
            ("pyversion", "py3"),
            ("sha256_digest", &sha256(&content)),
            ("summary", "made by a test"),
            ("classifiers", "A :: B"),
            ("classifiers", "C :: D"),
            ("requires_python", ">=3.8"),
            ("of_the_future", "yes"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { fields, name: name.to_owned(), content }
    }

    /// With another value of a field; none if it is empty.
    pub(crate) fn with(mut self, field: &str, value: &str) -> Self {
        self.fields.retain(|(name, _)| name != field);
        if !value.is_empty() {
            self.fields.push((field.to_owned(), value.to_owned()));
        }
        self
    }

    /// Another file of that name.
    pub(crate) fn containing(self, content: &[u8]) -> Self {
        let digest = sha256(content);
        Self { content: content.to_vec(), ..self.with("sha256_digest", &digest) }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            body.extend(
                format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .bytes(),
            );
        }
        let head = format!(
            "--b0undary\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.name
        );
        body.extend(head.bytes());
        body.extend(&self.content);
        body.extend(b"\r\n--b0undary--\r\n");
        body
    }

    pub(crate) fn send(&self, client: &Client<'_>) -> Reply {
        let headers = [("content-type", "multipart/form-data; boundary=b0undary")];
        client.send(Method::POST, "upload/", &headers, self.body().into())
    }
}
