//! A client of the server: one role, one feed, one location.

use super::documents::publish_document;
use super::server::TestServer;
use super::tarball;
use bytes::Bytes;
use edgefeed::platform::memory::MemoryPlatform;
use edgefeed::platform::{Body, PlatformError};
use edgefeed::server;
use futures_executor::block_on;
use futures_util::FutureExt;
use http::{HeaderMap, Method, Request};
use serde_json::Value;
use std::future::Future;
use std::io::Read as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Somebody who sends requests.
#[derive(Clone)]
pub(crate) struct Client<'a> {
    server: &'a TestServer,
    platform: MemoryPlatform,
    token: Option<String>,
    root: String,
    runs_background: bool,
}

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Result<Bytes, PlatformError>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(server: &'a TestServer, token: Option<String>) -> Self {
        let client = Self {
            server,
            platform: server.platform.clone(),
            token,
            root: String::new(),
            runs_background: true,
        };
        client.on("main")
    }

    /// Of that feed, or `feed@view`.
    pub(crate) fn on(self, feed: &str) -> Self {
        Self { root: format!("https://edge.test/acme/_packaging/{feed}/npm/registry/"), ..self }
    }

    /// Below that address.
    pub(crate) fn at(self, root: &str) -> Self {
        Self { root: root.to_owned(), ..self }
    }

    /// In another location: nothing remembered there.
    pub(crate) fn elsewhere(self) -> Self {
        Self { platform: self.server.platform.elsewhere(), ..self }
    }

    /// Background tasks wait.
    pub(crate) fn without_background(self) -> Self {
        Self { runs_background: false, ..self }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], Body::Empty)
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(Method::GET, path, headers, Body::Empty)
    }

    pub(crate) fn head(&self, path: &str) -> Reply {
        self.send(Method::HEAD, path, &[], Body::Empty)
    }

    pub(crate) fn put(&self, path: &str, document: &Value) -> Reply {
        self.send(Method::PUT, path, &[("content-type", "application/json")], document.to_string().into())
    }

    pub(crate) fn post(&self, path: &str, document: &Value) -> Reply {
        self.send(Method::POST, path, &[("content-type", "application/json")], document.to_string().into())
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[], Body::Empty)
    }

    /// `npm publish` of a version with the archive every test expects of it.
    pub(crate) fn publish(&self, name: &str, version: &str) -> Reply {
        let document = publish_document(name, version, &tarball(name, version));
        self.put(&name.replace('/', "%2f"), &document)
    }

    /// The archive of a version.
    pub(crate) fn download(&self, name: &str, version: &str) -> Reply {
        self.get(&file(name, version))
    }

    /// The listed versions of a package; none if the package is not there.
    pub(crate) fn versions(&self, name: &str) -> Vec<String> {
        let reply = self.get_with(&name.replace('/', "%2f"), &[("accept", super::INSTALL)]);
        match reply.status {
            200 => reply.versions(),
            404 => Vec::new(),
            other => panic!("{other}: {}", reply.text()),
        }
    }

    pub(crate) fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Reply {
        let reply = block_on(self.start(method, path, headers, body));
        if self.runs_background {
            block_on(self.platform.run_background());
        }
        reply
    }

    /// A request that has not begun: to be joined with others.
    pub(crate) fn start(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Pin<Box<dyn Future<Output = Reply> + '_>> {
        let url = if path.starts_with("https://") { path.to_owned() } else { format!("{}{path}", self.root) };
        let mut request = Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) =
            self.token.as_ref().filter(|_| headers.iter().all(|(name, _)| *name != "authorization"))
        {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body).unwrap_or_else(|error| panic!("{url}: {error}"));
        let platform = self.platform.for_request();
        let config = &self.server.config;
        async move {
            let response = server::handle(platform, config, request.into()).await;
            let headers = HeaderMap::from(&response.headers);
            Reply { status: response.status.as_u16(), headers, body: response.body.collect(1 << 30).await }
        }
        .boxed_local()
    }

    /// Begins a request, and lets the isolate die after it was polled so often; its reply if it was done by then.
    pub(crate) fn crash_after(&self, polls: usize, method: Method, path: &str, body: Body) -> Option<Reply> {
        let mut request = pin!(self.start(method, path, &[], body));
        let mut reply = None;
        let mut left = polls;
        let mut context = Context::from_waker(Waker::noop());
        while left > 0 && reply.is_none() {
            left -= 1;
            if let Poll::Ready(done) = request.as_mut().poll(&mut context) {
                reply = Some(done);
            }
        }
        let mut background = pin!(self.platform.run_background());
        while left > 0 && background.as_mut().poll(&mut context).is_pending() {
            left -= 1;
        }
        self.platform.abandon_background();
        // Not done: the isolate had more to do when it died.
        if left == 0 { None } else { reply }
    }
}

/// The path of an archive.
pub(crate) fn file(name: &str, version: &str) -> String {
    let unscoped = name.rsplit('/').next().unwrap_or(name);
    format!("{name}/-/{unscoped}-{version}.tgz")
}

impl Reply {
    /// The body.
    pub(crate) fn bytes(&self) -> Bytes {
        self.body.clone().unwrap()
    }

    /// The body as text, decompressed if need be.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.plain()).into_owned()
    }

    /// The body, decompressed if need be.
    pub(crate) fn plain(&self) -> Bytes {
        if self.header("content-encoding") != "gzip" {
            return self.bytes();
        }
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&self.bytes()[..]).read_to_end(&mut plain).unwrap();
        plain.into()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.plain()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The text npm shows its user.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error: {}", self.text())).to_owned()
    }

    /// A header, empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// How often an operation of that kind was needed, by `Server-Timing`.
    pub(crate) fn count(&self, operation: &str) -> u32 {
        let timing = self.header("server-timing");
        let prefix = format!("{operation};desc=\"");
        let found = timing.split(", ").find_map(|part| part.strip_prefix(&prefix)?.strip_suffix('"'));
        found.unwrap_or_else(|| panic!("no `{operation}` in {timing}")).parse().unwrap()
    }

    /// The versions of a packument, in its order.
    pub(crate) fn versions(&self) -> Vec<String> {
        let document = self.json();
        document["versions"].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }

    /// Insists on a status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}
