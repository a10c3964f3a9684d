//! KV that is a minute old, isolates elsewhere, and what is seen when.

use crate::support::verbs::{Verb, owner_does};
use crate::support::{TestServer, tarball};
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::Fault;
use edgefeed::store::slots::CHECK_REUSE;
use std::time::Duration;

fn server() -> TestServer {
    let server = TestServer::new();
    server.platform.set_kv_staleness(Duration::from_secs(60));
    server.registry.add("lib", "1.0.0");
    for version in ["1.0.0", "1.1.0"] {
        server.contributor().publish("own", version).expect(201);
    }
    server.collaborator().download("lib", "1.0.0").expect(200);
    server
}

#[test]
fn a_deleted_version_vanishes_here_at_once_and_elsewhere_within_the_reuse_of_a_check() {
    let server = server();
    server.advance(120);
    let elsewhere = server.reader().elsewhere();
    for client in [&server.reader(), &elsewhere] {
        assert_eq!(client.versions("own"), ["1.0.0", "1.1.0"]);
        client.download("own", "1.1.0").expect(200);
    }
    owner_does(&server, "main", "own", Verb::Delete("1.1.0")).unwrap();
    assert_eq!(server.reader().versions("own"), ["1.0.0"]);
    server.reader().download("own", "1.1.0").expect(404);
    // Whoever insists is told the truth before that.
    let forced = elsewhere.get_with("own", &[("cache-control", "no-cache")]).expect(200);
    assert_eq!(forced.versions(), ["1.0.0"]);
    let file = crate::support::client::file("own", "1.1.0");
    elsewhere.get_with(&file, &[("cache-control", "no-cache")]).expect(404);
    server.platform.advance(CHECK_REUSE);
    assert_eq!(elsewhere.versions("own"), ["1.0.0"]);
    elsewhere.download("own", "1.1.0").expect(404);
    let third = server.reader().elsewhere();
    assert_eq!(third.versions("own"), ["1.0.0"], "whatever KV remembers");
    third.download("own", "1.1.0").expect(404);
}

#[test]
fn elsewhere_the_bound_holds_without_insisting() {
    let server = server();
    let elsewhere = server.reader().elsewhere();
    elsewhere.versions("own");
    elsewhere.download("own", "1.1.0").expect(200);
    owner_does(&server, "main", "own", Verb::Delete("1.1.0")).unwrap();
    server.platform.advance(CHECK_REUSE);
    assert_eq!(elsewhere.versions("own"), ["1.0.0"]);
    elsewhere.download("own", "1.1.0").expect(404);
}

#[test]
fn a_push_is_seen_here_at_once_and_elsewhere_within_the_reuse_of_a_check() {
    let server = server();
    let elsewhere = server.reader().elsewhere();
    assert_eq!(elsewhere.versions("own"), ["1.0.0", "1.1.0"]);
    server.contributor().publish("own", "1.2.0").expect(201);
    assert_eq!(server.reader().versions("own"), ["1.0.0", "1.1.0", "1.2.0"]);
    elsewhere.download("own", "1.2.0").expect(200);
    server.platform.advance(CHECK_REUSE);
    assert_eq!(elsewhere.versions("own"), ["1.0.0", "1.1.0", "1.2.0"]);
}

#[test]
fn a_package_that_was_missing_appears() {
    let server = server();
    let elsewhere = server.reader().elsewhere();
    assert!(elsewhere.versions("new").is_empty());
    assert!(server.reader().versions("new").is_empty());
    server.contributor().publish("new", "1.0.0").expect(201);
    assert_eq!(server.reader().versions("new"), ["1.0.0"]);
    server.platform.advance(CHECK_REUSE);
    assert_eq!(elsewhere.versions("new"), ["1.0.0"]);
}

#[test]
fn kv_that_fails_costs_time_and_not_truth() {
    let server = server();
    let outage = || PlatformError::Other("KV is down".to_owned());
    for operation in [
        edgefeed::platform::memory::Operation::KvGet,
        edgefeed::platform::memory::Operation::KvPut,
        edgefeed::platform::memory::Operation::CacheGet,
        edgefeed::platform::memory::Operation::CachePut,
    ] {
        server.platform.faults().add(Fault::of(operation).times(usize::MAX).before(outage()));
    }
    let elsewhere = server.reader().elsewhere();
    assert_eq!(elsewhere.versions("own"), ["1.0.0", "1.1.0"]);
    assert_eq!(elsewhere.download("own", "1.0.0").expect(200).bytes(), tarball("own", "1.0.0"));
    server.contributor().publish("own", "1.2.0").expect(201);
    assert_eq!(server.reader().elsewhere().versions("own"), ["1.0.0", "1.1.0", "1.2.0"]);
}

#[test]
fn what_readers_and_collaborators_see_is_never_mixed_up() {
    let server = server();
    server.registry.add("lib", "1.1.0");
    server.advance(700);
    for _ in 0..2 {
        assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0"]);
        assert_eq!(server.reader().versions("lib"), ["1.0.0"]);
        assert!(server.owner().on("main@Release").versions("lib").is_empty());
        assert_eq!(server.owner().on("main@Local").versions("lib"), ["1.0.0"]);
        assert_eq!(server.reader().elsewhere().versions("lib"), ["1.0.0"]);
        server.advance(120);
    }
    // By another host, links are on that host.
    let here = server.reader().get("lib").expect(200).text();
    let root = "http://other.test:8787/acme/_packaging/main/npm/registry/";
    let there = server.reader().at(root).get("lib").expect(200).text();
    assert!(here.contains("https://edge.test/acme") && !here.contains("other.test"));
    assert!(there.contains(root) && !there.contains("edge.test"));
}
