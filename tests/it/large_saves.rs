//! What large files need, of every protocol alike: ranges, `HEAD`, strong tags, also on the very first fetch; and that those
//! who want one file at once wait for the one who saves it.

use crate::cargo::support as cargo;
use crate::maven::support as maven;
use crate::nuget::support as nuget;
use crate::pypi::support as pypi;
use crate::support::client::file;
use crate::support::documents::integrity;
use crate::support::{Client, Reply, TestServer, tarball};
use edgefeed::platform::memory::Reply as Scripted;
use edgefeed::platform::{Body, Platform as _};
use futures_executor::block_on;
use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};
use http::Method;
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// A server whose source has one file that was never saved.
struct Case {
    server: TestServer,
    root: String,
    path: String,
    bytes: Vec<u8>,
}

impl Case {
    fn client(&self) -> Client<'_> {
        self.server.collaborator().at(&self.root)
    }

    fn send(&self, method: Method, headers: &[(&str, &str)]) -> Reply {
        self.client().send(method, &self.path, headers, Body::Empty)
    }
}

fn npm_case() -> Case {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    let root = "https://edge.test/acme/_packaging/main/npm/registry/".to_owned();
    Case { server, root, path: file("lib", "1.0.0"), bytes: tarball("lib", "1.0.0") }
}

fn cargo_case() -> Case {
    let (server, registry) = cargo::server();
    registry.add("lib", "1.0.0");
    let path = "api/v1/crates/lib/1.0.0/download".to_owned();
    Case { server, root: cargo::root("main"), path, bytes: cargo::crate_file("lib", "1.0.0") }
}

fn pypi_case() -> Case {
    let (server, index) = pypi::server();
    index.wheel("lib", "1.0");
    let path = pypi::path("lib", "1.0", &pypi::wheel_name("lib", "1.0"));
    Case { server, root: pypi::ROOT.to_owned(), path, bytes: pypi::wheel("lib", "1.0") }
}

fn nuget_case() -> Case {
    let (server, gallery) = nuget::server();
    gallery.add("lib", "1.0.0");
    let path = "v3/flat2/lib/1.0.0/lib.1.0.0.nupkg".to_owned();
    Case { server, root: nuget::root("main"), path, bytes: nuget::nupkg("lib", "1.0.0") }
}

fn maven_case() -> Case {
    let (server, repository) = maven::server();
    repository.add("org.example:lib", "1.0");
    let path = maven::path("org.example:lib", "1.0", "jar");
    Case { server, root: maven::root("main"), path, bytes: maven::content("org.example:lib", "1.0", "jar") }
}

/// A protocol's name, and how its case is made.
type Protocol = (&'static str, fn() -> Case);

const PROTOCOLS: [Protocol; 5] = [
    ("npm", npm_case),
    ("cargo", cargo_case),
    ("pypi", pypi_case),
    ("nuget", nuget_case),
    ("maven", maven_case),
];

/// Asks twice: the first time the file is saved on the way, the second time it is there.
fn twice(
    protocol: &str,
    case: &Case,
    method: &Method,
    headers: &[(&str, &str)],
    check: &dyn Fn(&Reply, &str),
) {
    for when in ["first", "warm"] {
        let what = format!("{protocol}, {when}, {method} {headers:?}");
        check(&case.send(method.clone(), headers), &what);
    }
}

#[test]
fn parts_are_served_by_every_protocol_on_the_first_fetch_too() {
    for (protocol, case) in PROTOCOLS {
        let size = case().bytes.len();
        for (range, expected) in [
            ("bytes=3-9".to_owned(), 3..10),
            (format!("bytes={}-", size - 4), size - 4..size),
            ("bytes=-5".to_owned(), size - 5..size),
        ] {
            let case = case();
            twice(protocol, &case, &Method::GET, &[("range", &range)], &|reply, what| {
                assert_eq!(reply.status, 206, "{what}: {}", reply.text());
                assert_eq!(reply.bytes(), case.bytes[expected.clone()], "{what}");
                assert_eq!(reply.header("content-length"), expected.len().to_string(), "{what}");
                let range = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
                assert_eq!(reply.header("content-range"), range, "{what}");
            });
        }
        let beyond = format!("bytes={size}-");
        twice(protocol, &case(), &Method::GET, &[("range", &beyond)], &|reply, what| {
            assert_eq!(reply.status, 416, "{what}");
            assert_eq!(reply.header("content-range"), format!("bytes */{size}"), "{what}");
        });
    }
}

#[test]
fn a_download_goes_on_only_where_the_file_is_still_the_same() {
    for (protocol, case) in PROTOCOLS {
        let etag = case().send(Method::GET, &[]).expect(200).header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() > 32, "{protocol}: not strong: {etag}");
        for (known, status) in [(etag.as_str(), 206), ("\"older\"", 200), (&format!("W/{etag}"), 200)] {
            let case = case();
            let headers = [("range", "bytes=1-"), ("if-range", known)];
            twice(protocol, &case, &Method::GET, &headers, &|reply, what| {
                assert_eq!(reply.status, status, "{what}");
                let from = usize::from(status == 206);
                assert_eq!(reply.bytes(), case.bytes[from..], "{what}");
                assert_eq!(reply.header("etag"), etag, "{what}");
            });
        }
    }
}

#[test]
fn head_tells_the_size_in_every_protocol() {
    for (protocol, case) in PROTOCOLS {
        let case = case();
        twice(protocol, &case, &Method::HEAD, &[], &|reply, what| {
            assert_eq!(reply.status, 200, "{what}");
            assert!(reply.bytes().is_empty(), "{what}");
            assert_eq!(reply.header("content-length"), case.bytes.len().to_string(), "{what}");
            assert_eq!(reply.header("accept-ranges"), "bytes", "{what}");
        });
        let etag = case.send(Method::HEAD, &[]).header("etag").to_owned();
        assert_eq!(case.send(Method::GET, &[]).expect(200).header("etag"), etag, "{protocol}");
    }
}

#[test]
fn simultaneous_first_fetches_store_once_in_every_protocol() {
    for (protocol, case) in PROTOCOLS {
        let case = case();
        let clients: Vec<_> = (0..6).map(|_| case.client()).collect();
        let started = clients.iter().map(|client| client.start(Method::GET, &case.path, &[], Body::Empty));
        let replies = block_on(join_all(started));
        block_on(case.server.platform.run_background());
        for reply in replies {
            assert_eq!(reply.expect(200).bytes(), case.bytes, "{protocol}");
        }
        let name = case.path.rsplit('/').find(|part| part.contains('.')).unwrap_or_default();
        let asked = case.server.platform.upstream().urls();
        let asked = asked.iter().filter(|url| url.contains(name) && !url.ends_with(".metadata")).count();
        assert!(asked <= 2, "{protocol}: {asked} requests");
    }
}

/// Large enough that a save takes longer, by the manual clock, than anybody waits for one that is silent.
fn slow_server() -> (TestServer, Vec<u8>) {
    let server = TestServer::new();
    let bytes: Vec<u8> =
        (0..24_u32 << 20).map(|index| u8::try_from(index % 251).unwrap_or_default()).collect();
    server.registry.add_with("lib", "1.0.0", |manifest| {
        manifest["dist"]["integrity"] = integrity(&bytes).into();
        manifest["dist"]["shasum"] = serde_json::Value::Null;
    });
    server.registry.replace_bytes("lib", "1.0.0", &bytes);
    server.collaborator().get("lib").expect(200);
    (server, bytes)
}

fn requests(server: &TestServer) -> usize {
    server.platform.upstream().urls().iter().filter(|url| url.ends_with("/lib-1.0.0.tgz")).count()
}

#[test]
fn those_who_want_one_file_wait_for_as_long_as_its_save_goes_on() {
    let (server, bytes) = slow_server();
    let began = server.platform.now();
    let path = file("lib", "1.0.0");
    let clients: Vec<_> = (0..4).map(|_| server.collaborator()).collect();
    let done = Cell::new(false);
    let all = async {
        let all = join_all(clients.iter().map(|client| client.start(Method::GET, &path, &[], Body::Empty)));
        let replies = all.await;
        done.set(true);
        replies
    };
    // The timers of the requests go off while they work.
    let mut rounds = Vec::new();
    let timers = poll_fn(|context| {
        if done.get() {
            return Poll::Ready(());
        }
        rounds.push(server.platform.run_delayed().boxed_local());
        rounds.retain_mut(|round| round.poll_unpin(context).is_pending());
        context.waker().wake_by_ref();
        Poll::Pending
    });
    let (replies, ()) = block_on(join(all, timers));
    for reply in replies {
        assert_eq!(reply.expect(200).bytes().len(), bytes.len());
    }
    assert_eq!(requests(&server), 1);
    let took = server.platform.now().since(began);
    assert!(took.as_secs() > 3, "the save was too short to tell: {took:?}");
}

#[test]
fn a_save_whose_isolate_lost_the_request_blocks_nobody_for_long() {
    let (server, bytes) = slow_server();
    let path = file("lib", "1.0.0");
    assert!(server.collaborator().crash_after(100, Method::GET, &path, Body::Empty).is_none());
    assert_eq!(requests(&server), 1, "it had begun");
    let began = server.platform.now();
    let reply = server.collaborator().get(&path).expect(200);
    assert_eq!(reply.bytes().len(), bytes.len());
    let took = server.platform.now().since(began);
    assert!((3..=4).contains(&took.as_secs()), "{took:?}");
    assert_eq!(requests(&server), 2);
}

/// Cut off in the middle, with and without a length: nothing is left behind, and the next one begins anew.
#[test]
fn a_save_that_was_cut_off_begins_anew() {
    for chunked in [false, true] {
        let (server, bytes) = slow_server();
        let reply = Scripted::ok(bytes.clone()).cut_after(20 << 20);
        let length = bytes.len().to_string();
        let reply = if chunked { reply.of_unknown_length() } else { reply.header("content-length", &length) };
        server.registry.fault_times("/-/lib-1.0.0.tgz", 1, reply);
        server.collaborator().download("lib", "1.0.0").expect(502);
        assert_eq!(server.local_keys(), [""; 0], "chunked: {chunked}");
        assert_eq!(server.platform.open_uploads(), 0, "chunked: {chunked}");
        server.advance(60);
        assert!(server.collaborator().download("lib", "1.0.0").expect(200).bytes() == bytes);
    }
}
