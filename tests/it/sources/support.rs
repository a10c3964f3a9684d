//! Owners who change sources, one restore per protocol, and a deployment on another host.

use crate::cargo::support::{self as cargo, Cargo};
use crate::maven::support::{self as maven, Maven};
use crate::nuget::support::{self as nuget, NuGet};
use crate::pypi::support as pypi;
use crate::support::server::UPSTREAM;
use crate::support::{Client, Registry, Reply, TestServer};
use edgefeed::model::{Keyring, Role};
use edgefeed::platform::memory::Reply as Scripted;
use http::Method;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What test deployments seal with.
pub(crate) const KEY: &str = "a key of at least thirty-two characters";

/// The credentials of the tests, and what is sent of them.
pub(crate) const BASIC: &str = "Basic bWU6aHVudGVyMg==";

pub(crate) fn basic() -> Value {
    json!({ "username": "me", "password": "hunter2" })
}

/// One source per protocol, where the scripted registries are, and all their hosts.
pub(crate) const PROTOCOLS: [(&str, &str, &[&str]); 6] = [
    ("npm", UPSTREAM, &[UPSTREAM]),
    ("pypi", pypi::INDEX, &[pypi::INDEX]),
    ("cargo", cargo::INDEX, &["https://crates.registry.example/"]),
    ("nuget", nuget::INDEX, &["https://api.gallery.example/"]),
    ("nuget", nuget::LEGACY, &["https://legacy.gallery.example/"]),
    ("maven", maven::REPOSITORY, &[maven::REPOSITORY]),
];

/// A deployment with feed `main` without sources, and a scripted registry of every protocol that has `lib` 1.0.0.
pub(crate) fn deployment() -> TestServer {
    let mut server = TestServer::empty();
    server.config.settings.keyring = Keyring::new(Some(KEY), None).unwrap();
    server.add_feed("main", Vec::new());
    let upstream = server.platform.upstream();
    server.registry.add("lib", "1.0.0");
    pypi::Index::new(upstream, pypi::INDEX).wheel("lib", "1.0.0");
    cargo::Registry::new(upstream).add("lib", "1.0.0");
    nuget::Gallery::new(upstream).add("Lib", "1.0.0");
    maven::Repository::new(upstream, maven::REPOSITORY).add("org.example:lib", "1.0.0");
    server
}

/// Another registry, for what is not about protocols.
pub(crate) fn registry(server: &TestServer, base: &str) -> Registry {
    let registry = Registry::new(server.platform.upstream(), base);
    registry.add("lib", "1.0.0");
    registry
}

/// The REST surface, as the owner of `main` uses it.
pub(crate) fn rest(server: &TestServer, method: Method, path: &str, body: &Value) -> Reply {
    let body = if body.is_null() { edgefeed::platform::Body::Empty } else { body.to_string().into() };
    server.owner().send(method, &format!("https://edge.test/acme/_apis/packaging/{path}"), &[], body)
}

/// Gives feed `main` these sources; answers them as they are told then.
pub(crate) fn set_sources(server: &TestServer, sources: &Value) -> Reply {
    rest(server, Method::PATCH, "feeds/main", &json!({ "upstreamSources": sources }))
}

/// A source in a body.
pub(crate) fn source(protocol: &str, location: &str, credentials: impl Into<Value>) -> Value {
    let credentials = credentials.into();
    json!({ "name": "upstream", "protocol": protocol, "location": location, "credentials": credentials })
}

/// Restores `lib` 1.0.0 with a client of that protocol, listing first.
pub(crate) fn restore(client: Client<'_>, feed: &str, protocol: &str) -> Reply {
    let base = format!("https://edge.test/acme/_packaging/{feed}/");
    match protocol {
        "npm" => {
            client.get("lib").expect(200);
            client.download("lib", "1.0.0")
        }
        "pypi" => {
            let client = client.at(&format!("{base}pypi/"));
            pypi::page(&client, "lib").expect(200);
            client.get(&pypi::path("lib", "1.0.0", &pypi::wheel_name("lib", "1.0.0")))
        }
        "cargo" => {
            let client = client.cargo_on(feed);
            client.index("lib").expect(200);
            Cargo::fetch(&client, "lib", "1.0.0")
        }
        "nuget" => {
            let client = client.at(&nuget::root(feed));
            assert_eq!(client.numbers("lib"), ["1.0.0"]);
            NuGet::fetch(&client, "lib", "1.0.0")
        }
        _ => {
            let client = client.at(&maven::root(feed));
            assert_eq!(client.told("org.example:lib"), ["1.0.0"]);
            Maven::fetch(&client, "org.example:lib", "1.0.0", "jar")
        }
    }
}

/// What is asked of that address, with the credentials that came with it.
pub(crate) fn shown(server: &TestServer, prefix: &str) -> Vec<(String, Option<String>)> {
    let sent = server.platform.upstream().sent();
    let asked = sent.iter().filter(|request| request.url.as_str().starts_with(prefix));
    asked
        .map(|request| {
            let shown = request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
            (request.url.to_string(), shown)
        })
        .collect()
}

/// Answers everything below `https://far.test/` from another deployment, and gives it a feed `theirs`.
pub(crate) fn far_deployment(server: &TestServer) -> &'static TestServer {
    // It lives as long as the script that answers from it.
    let far: &'static TestServer = Box::leak(Box::new(deployment()));
    far.add_feed("theirs", Vec::new());
    server.platform.upstream().route("https://far.test/", move |request| {
        let path = request.url.as_str().strip_prefix("https://far.test/").unwrap().to_owned();
        let headers: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url = format!("https://far.test/{path}");
        let client = far.anonymous().elsewhere();
        let reply = finish(client.start(request.method.clone(), &url, &headers, request.body.clone().into()));
        let answer = Scripted::status(reply.status).body(reply.bytes());
        let passed =
            ["content-type", "content-encoding", "etag", "location", "x-checksum-sha1", "content-length"];
        let told = passed.into_iter().filter(|name| !reply.header(name).is_empty());
        // The scripted network, as the runtime, undoes the encoding; ours are told without.
        told.filter(|name| *name != "content-encoding" && *name != "content-length")
            .fold(answer.body(reply.plain()), |answer, name| answer.header(name, reply.header(name)))
    });
    far
}

/// The token of a role on a feed of the other deployment, as credentials.
pub(crate) fn far_credentials(far: &TestServer, role: Role) -> Value {
    json!({ "token": far.token_of("theirs", role) })
}

/// Runs a request within another one, where no executor may run.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}
