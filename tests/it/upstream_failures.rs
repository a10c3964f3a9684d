//! Upstream registries on good days and bad: freshness, stale answers, and errors that are never a "not found".

use crate::support::client::file;
use crate::support::server::{UPSTREAM, public};
use crate::support::{INSTALL, TestServer, tarball};
use edgefeed::model::SourceStatus;
use edgefeed::platform::memory::{Operation, Reply};
use serde_json::Value;
use std::time::Duration;

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    server
}

#[test]
fn a_listing_is_fresh_for_a_minute_then_stale_while_it_is_revalidated() {
    let server = server();
    let client = server.collaborator();
    assert_eq!(client.versions("lib"), ["1.0.0"]);
    server.registry.add("lib", "1.1.0");
    server.advance(59);
    assert_eq!(client.versions("lib"), ["1.0.0"]);
    assert_eq!(server.registry.asked("lib"), 1, "fresh: not asked");
    server.advance(2);
    let reply = client.get_with("lib", &[("accept", INSTALL)]).expect(200);
    assert_eq!(reply.versions(), ["1.0.0"], "stale, at once");
    assert_eq!(reply.count("upstream"), 0);
    assert_eq!(server.registry.asked("lib"), 2, "asked in the background");
    assert_eq!(client.versions("lib"), ["1.0.0", "1.1.0"]);
}

#[test]
fn an_unchanged_listing_is_revalidated_by_its_etag() {
    let server = server();
    let client = server.collaborator();
    let first = client.get("lib").expect(200);
    server.advance(61);
    client.get("lib").expect(200);
    let sent = server.platform.upstream().sent();
    assert!(sent.last().unwrap().headers.contains_key("if-none-match"));
    let second = client.get("lib").expect(200);
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_eq!(server.registry.asked("lib"), 2, "a 304 makes it fresh again");
}

#[test]
fn after_ten_minutes_it_is_revalidated_before_it_is_served() {
    let server = server();
    server.collaborator().versions("lib");
    server.registry.add("lib", "1.1.0");
    server.advance(601);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0"]);
}

#[test]
fn no_cache_and_write_force_a_refresh() {
    for (path, headers) in [("lib", &[("cache-control", "no-cache")][..]), ("lib?write=true", &[][..])] {
        let server = server();
        server.collaborator().get("lib").expect(200);
        server.registry.add("lib", "1.1.0");
        let reply = server.collaborator().get_with(path, headers).expect(200);
        assert_eq!(reply.versions(), ["1.0.0", "1.1.0"], "{path}");
        assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0"]);
    }
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.platform.upstream().clear_sent();
    server.reader().get_with("lib", &[("cache-control", "no-cache")]).expect(200);
    assert_eq!(server.registry.asked(""), 0, "a reader refreshes nothing");
}

#[test]
fn a_source_that_is_down_is_served_stale_with_age_and_warning_for_as_long_as_it_takes() {
    let server = server();
    let client = server.collaborator();
    client.get("lib").expect(200);
    server.registry.go_down();
    for hours in [1_u64, 24, 24 * 30] {
        server.advance(hours * 3600);
        let reply = client.get("lib").expect(200);
        assert_eq!(reply.versions(), ["1.0.0"]);
        let warning = reply.header("warning");
        assert_eq!(
            warning, "110 edgefeed \"upstream source `upstream` cannot be reached (connection refused)\"",
            "after {hours} h"
        );
        assert!(reply.headers.contains_key("age"));
    }
    server.registry.recover();
    server.advance(61);
    client.get("lib").expect(200);
    let fresh = client.get("lib").expect(200);
    assert!(!fresh.headers.contains_key("warning"), "{:?}", fresh.headers);
}

#[test]
fn the_age_of_a_stale_listing_counts_from_when_it_was_last_confirmed() {
    let server = server();
    server.collaborator().get("lib").expect(200);
    server.registry.go_down();
    server.advance(3600);
    let age: u64 = server.collaborator().get("lib").expect(200).header("age").parse().unwrap();
    assert!(age >= 3600, "it was last confirmed an hour ago, `Age` says {age} s");
}

#[test]
fn a_failing_source_changes_what_is_said_of_a_document_and_not_the_document() {
    let server = server();
    let origin = || -> Value {
        let line: Value = serde_json::from_str(server.platform.log_lines().last().unwrap()).unwrap();
        line["origin"].clone()
    };
    let client = server.collaborator();
    let first = client.get("lib").expect(200);
    assert_eq!(origin(), "rendered");
    server.registry.go_down();
    server.advance(3600);
    let down = client.get("lib").expect(200);
    assert_eq!(origin(), "revalidated", "not rendered again");
    assert!(down.header("warning").contains("cannot be reached"), "{:?}", down.headers);
    assert_eq!((down.bytes(), down.header("etag")), (first.bytes(), first.header("etag")));
    server.platform.clear_operation_log();
    for seconds in [0, 6, 6, 6] {
        server.advance(seconds);
        let still = client.get("lib").expect(200);
        let age: u64 = still.header("age").parse().unwrap();
        assert!(age >= 3600 && still.headers.contains_key("warning"), "{:?}", still.headers);
    }
    let written = server.platform.operation_log();
    let written: Vec<_> = written.iter().filter(|(operation, _)| *operation == Operation::KvPut).collect();
    assert!(written.is_empty(), "{written:?}");
    server.registry.recover();
    server.advance(11);
    client.get("lib").expect(200);
    let well = client.get("lib").expect(200);
    assert_eq!((well.header("warning"), well.header("age")), ("", ""));
    assert_eq!(well.header("etag"), first.header("etag"));
    server.registry.go_down();
    server.advance(3600);
    client.get("lib").expect(200);
    server.registry.recover();
    server.registry.add("lib", "1.1.0");
    server.advance(3600);
    assert_eq!(client.get("lib").expect(200).versions(), ["1.0.0", "1.1.0"]);
    assert_eq!(origin(), "rendered");
}

#[test]
fn a_listing_that_lacks_a_sources_word_is_made_anew_when_the_source_speaks() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    // The saved version can be listed in full, but of the source's full form nothing is known.
    server.registry.add("lib", "1.1.0");
    server.registry.go_down();
    for _ in 0..3 {
        let reply = server.collaborator().get("lib").expect(200);
        assert_eq!(reply.versions(), ["1.0.0"]);
        assert!(reply.headers.contains_key("warning"));
        server.advance(700);
    }
    server.registry.recover();
    let reply = server.collaborator().get("lib").expect(200);
    assert_eq!((reply.versions(), reply.header("warning")), (vec!["1.0.0".into(), "1.1.0".into()], ""));
}

#[test]
fn every_document_of_a_package_is_made_anew_when_a_source_has_news() {
    let server = server();
    let here = server.collaborator();
    let there = server.collaborator().at("https://other.test/acme/_packaging/main/npm/registry/");
    for client in [&here, &there] {
        assert_eq!(client.versions("lib"), ["1.0.0"]);
    }
    server.registry.add("lib", "1.1.0");
    server.advance(61);
    for client in [&here, &there] {
        client.versions("lib");
        assert_eq!(client.versions("lib"), ["1.0.0", "1.1.0"], "the source was asked for either");
    }
}

#[test]
fn a_saved_version_is_served_while_the_source_is_down() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.registry.go_down();
    server.advance(3600);
    assert_eq!(server.reader().versions("lib"), ["1.0.0"]);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0"]);
    let reply = server.reader().elsewhere().download("lib", "1.0.0").expect(200);
    assert_eq!(reply.bytes(), tarball("lib", "1.0.0"));
}

#[test]
fn a_failure_is_never_a_not_found() {
    let faults = [
        ("refused", Reply::connection_error(), 502),
        ("slow", Reply::time_out(), 504),
        ("500", Reply::status(500), 502),
        ("503", Reply::status(503), 502),
        ("401", Reply::status(401), 502),
        ("403", Reply::status(403), 502),
        ("429", Reply::status(429).header("retry-after", "37"), 503),
        ("html", Reply::ok("<html>").header("content-type", "text/html"), 502),
        ("no json", Reply::ok("<html>").header("content-type", "application/json"), 502),
        ("no type", Reply::ok("{}"), 502),
        ("no packument", Reply::ok("{}").header("content-type", "application/json"), 502),
        (
            "cut",
            Reply::ok("{\"versions\":{\"1.0.0\":").header("content-type", "application/json").cut_after(9),
            502,
        ),
        (
            "stalls",
            Reply::ok("{\"versions\":{}}").header("content-type", "application/json").stalls_after(5),
            504,
        ),
        ("redirect to nowhere", Reply::status(302), 502),
        ("redirect in a circle", Reply::status(302).header("location", "/lib"), 502),
        ("late", Reply::ok("{}").delay(Duration::from_secs(11)), 504),
    ];
    for (what, fault, expected) in faults {
        let server = server();
        server.registry.fault("", fault);
        let listing = server.collaborator().get("lib");
        assert_eq!(listing.status, expected, "{what}: {}", listing.text());
        let wait = listing.header("retry-after").to_owned();
        assert_eq!(wait, if what == "429" { "37" } else { "10" }, "{what}");
        assert!(listing.error().contains("upstream source `upstream`"), "{what}");
        let download = server.collaborator().download("lib", "1.0.0");
        assert_eq!(download.status, expected, "{what}: {}", download.text());
        assert_eq!(server.health("main", 0).status, SourceStatus::Failing, "{what}");
        assert!(server.health("main", 0).reason.is_some(), "{what}");
        assert_eq!(server.package_keys(), [""; 0], "{what}");
        server.registry.recover();
        server.advance(6);
        server.collaborator().download("lib", "1.0.0").expect(200);
        assert_eq!(server.health("main", 0).status, SourceStatus::Ok, "{what}");
    }
}

#[test]
fn a_failing_source_is_left_alone_for_seconds() {
    let server = server();
    server.registry.go_down();
    for _ in 0..5 {
        server.collaborator().get("lib").expect(502);
    }
    assert_eq!(server.registry.asked(""), 2, "a connection that fails is tried once more");
    server.collaborator().get_with("lib", &[("cache-control", "no-cache")]).expect(502);
    assert_eq!(server.registry.asked(""), 4, "unless somebody insists");
    server.advance(6);
    server.collaborator().get("lib").expect(502);
    assert_eq!(server.registry.asked(""), 6);
}

#[test]
fn a_source_that_does_not_answer_in_time_is_left_alone_from_then_on() {
    let server = server();
    server.registry.fault("", Reply::time_out());
    for name in ["lib", "lib", "other"] {
        server.collaborator().get(name).expect(504);
    }
    assert_eq!(server.registry.asked(""), 1, "nobody waits for the next time-out");
}

#[test]
fn a_connection_that_was_closed_while_it_was_idle_is_no_failure() {
    for part in ["lib", "lib-1.0.0.tgz"] {
        let server = server();
        server.registry.fault_times(part, 1, Reply::connection_error());
        server.collaborator().get("lib").expect(200);
        server.collaborator().download("lib", "1.0.0").expect(200);
        assert_eq!(server.health("main", 0).status, SourceStatus::Ok, "{part}");
    }
}

#[test]
fn not_found_is_remembered_for_a_minute_and_no_longer() {
    let server = server();
    server.collaborator().get("new").expect(404);
    server.registry.add("new", "1.0.0");
    server.advance(59);
    server.collaborator().get("new").expect(404);
    assert_eq!(server.registry.asked("new"), 1);
    server.advance(2);
    assert_eq!(server.collaborator().versions("new"), ["1.0.0"]);
    server.collaborator().get("newer").expect(404);
    server.registry.add("newer", "1.0.0");
    let forced = server.collaborator().get_with("newer", &[("cache-control", "no-cache")]);
    assert_eq!(forced.expect(200).versions(), ["1.0.0"]);
    assert!(server.platform.kv_keys().iter().all(|key| key.starts_with("r1/")));
}

#[test]
fn a_new_version_can_be_downloaded_although_the_listing_at_hand_lacks_it() {
    let server = server();
    server.collaborator().versions("lib");
    server.registry.add("lib", "1.1.0");
    server.collaborator().download("lib", "1.1.0").expect(404);
    server.advance(61);
    server.collaborator().download("lib", "1.1.0").expect(200);
}

#[test]
fn redirects_lead_to_public_addresses_only() {
    for target in [
        "http://127.0.0.1/lib",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/lib",
        "http://intranet/lib",
        "file:///etc/passwd",
        "https://user:pass@registry.test/lib",
    ] {
        for part in ["", ".tgz"] {
            let server = server();
            server.registry.fault(part, Reply::status(302).header("location", target));
            let refused = server.collaborator().download("lib", "1.0.0").expect(502);
            assert!(refused.error().contains("not allowed"), "{target}: {}", refused.text());
            assert!(
                server.platform.upstream().urls().iter().all(|url| url.starts_with(UPSTREAM)),
                "{target}"
            );
            assert_eq!(server.local_keys(), [""; 0]);
            assert_eq!(server.health("main", 0).status, SourceStatus::Failing);
        }
    }
    let mut server = server();
    server.config.settings.allow_private_upstreams = true;
    let bytes = tarball("lib", "1.0.0");
    let length = bytes.len().to_string();
    server
        .platform
        .upstream()
        .route("http://127.0.0.1/", move |_| Reply::ok(bytes.clone()).header("content-length", &length));
    server.registry.fault(".tgz", Reply::status(302).header("location", "http://127.0.0.1/x.tgz"));
    server.collaborator().download("lib", "1.0.0").expect(200);
}

#[test]
fn a_source_at_a_private_address_is_refused() {
    let server = TestServer::empty();
    server.add_feed("main", vec![public("upstream", "http://10.0.0.1/")]);
    let refused = server.collaborator().get("lib").expect(502).error();
    assert!(refused.contains("not allowed (a private address: http://10.0.0.1/lib)"), "{refused}");
    assert!(server.platform.upstream().urls().is_empty());
}

#[test]
fn a_tarball_that_is_refused_says_why_and_waits_as_asked() {
    let cases = [
        (Reply::status(429).header("retry-after", "7"), 503, "7"),
        (Reply::status(429), 503, "10"),
        (Reply::status(500), 502, "10"),
        (Reply::status(404), 502, "10"),
        (Reply::time_out(), 504, "10"),
        (Reply::connection_error(), 502, "10"),
    ];
    for (fault, status, wait) in cases {
        let server = server();
        server.collaborator().versions("lib");
        server.registry.fault(&file("lib", "1.0.0"), fault);
        let reply = server.collaborator().download("lib", "1.0.0").expect(status);
        assert_eq!(reply.header("retry-after"), wait);
        assert_eq!(server.local_keys(), [""; 0]);
        server.registry.recover();
        server.collaborator().download("lib", "1.0.0").expect(200);
    }
}
