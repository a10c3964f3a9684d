//! An isolate that dies between any two operations: whatever was half done, the next attempt completes it.

use crate::support::client::file;
use crate::support::verbs::{Verb, deed};
use crate::support::{TestServer, is_done_within, publish_document, tarball};
use edgefeed::platform::Body;
use futures_executor::block_on;
use http::Method;
use serde_json::Value;
use std::pin::pin;

/// Runs `attempt` with one more step each time, until it is done in spite of the crash; `check` follows each crash.
fn at_every_step(
    prepare: impl Fn() -> TestServer,
    attempt: impl Fn(&TestServer, usize) -> bool,
    check: impl Fn(&TestServer, usize),
) {
    for steps in 1..400 {
        let server = prepare();
        let done = attempt(&server, steps);
        check(&server, steps);
        if done {
            assert!(steps > 3, "a crash test that did not crash");
            return;
        }
    }
    panic!("never done");
}

fn feed_of_its_own() -> TestServer {
    let server = TestServer::empty();
    server.add_feed("main", vec![]);
    server
}

fn with_upstream() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0");
    server
}

fn publishes(server: &TestServer, steps: usize) -> bool {
    let document = publish_document("own", "1.0.0", &tarball("own", "1.0.0"));
    let body: Body = document.to_string().into();
    server.contributor().crash_after(steps, Method::PUT, "own", body).is_some()
}

#[test]
fn a_push_that_died_half_way_never_blocks_its_retry() {
    at_every_step(feed_of_its_own, publishes, |server, steps| {
        let retry = server.contributor().elsewhere().publish("own", "1.0.0");
        assert!([201, 409].contains(&retry.status), "after {steps}: {}", retry.text());
        let reader = server.reader().elsewhere();
        assert_eq!(reader.versions("own"), ["1.0.0"], "after {steps}: {}", retry.text());
        let bytes = reader.download("own", "1.0.0").expect(200).bytes();
        assert_eq!(bytes, tarball("own", "1.0.0"), "after {steps}");
        assert_eq!(reader.get("own/latest").expect(200).json()["version"], "1.0.0", "after {steps}");
    });
}

#[test]
fn a_push_that_died_half_way_is_found_and_kept_secret_after_its_retry() {
    at_every_step(feed_of_its_own, publishes, |server, steps| {
        let retry = server.contributor().elsewhere().publish("own", "1.0.0");
        server.housekeeping();
        let found = server.reader().elsewhere().get("-/v1/search?text=own").expect(200).json();
        assert_eq!(found["total"], 1, "after {steps}: {}", retry.text());
        let keys = server.package_keys();
        assert!(keys.contains(&"v1/published/main/npm/own".to_owned()), "after {steps}: {keys:?}");
    });
}

#[test]
fn what_is_not_committed_is_not_seen() {
    at_every_step(feed_of_its_own, publishes, |server, steps| {
        let committed = server.package_keys().iter().any(|key| key.contains("/slots/"));
        let reader = server.reader().elsewhere();
        let expected = if committed { 200 } else { 404 };
        assert_eq!(reader.download("own", "1.0.0").status, expected, "after {steps}");
        assert!(committed || reader.versions("own").is_empty(), "after {steps}");
    });
}

fn saves(server: &TestServer, steps: usize) -> bool {
    let path = file("lib", "1.0.0");
    server.collaborator().crash_after(steps, Method::GET, &path, Body::Empty).is_some()
}

#[test]
fn a_save_that_died_half_way_is_done_again() {
    at_every_step(with_upstream, saves, |server, steps| {
        let again = server.collaborator().elsewhere().download("lib", "1.0.0");
        assert_eq!(again.expect(200).bytes(), tarball("lib", "1.0.0"), "after {steps}");
        let reader = server.reader().elsewhere();
        assert_eq!(
            reader.download("lib", "1.0.0").expect(200).bytes(),
            tarball("lib", "1.0.0"),
            "after {steps}"
        );
        assert_eq!(server.collaborator().elsewhere().versions("lib"), ["1.0.0", "1.1.0"], "after {steps}");
    });
}

#[test]
fn a_save_that_died_half_way_is_listed_for_readers_after_housekeeping() {
    at_every_step(with_upstream, saves, |server, steps| {
        server.collaborator().elsewhere().download("lib", "1.0.0").expect(200);
        // Before that the one who announced the slot may still be at work.
        server.advance(601);
        server.housekeeping();
        assert_eq!(server.reader().elsewhere().versions("lib"), ["1.0.0"], "after {steps}");
    });
}

/// Lets an owner's deed die after so many steps.
fn owner_crashes(server: &TestServer, package: &str, verb: Verb, steps: usize) -> bool {
    let platform = server.platform.for_request();
    let done = is_done_within(steps, pin!(deed(server, &platform, "main", package, verb)));
    server.platform.abandon_background();
    done
}

fn owner_retries(server: &TestServer, package: &str, verb: Verb) -> edgefeed::error::Result<()> {
    let platform = server.platform.elsewhere();
    block_on(deed(server, &platform, "main", package, verb))
}

fn published() -> TestServer {
    let server = feed_of_its_own();
    server.token_of("main", edgefeed::model::Role::Owner);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        server.contributor().publish("own", version).expect(201);
    }
    server
}

#[test]
fn a_delete_that_died_half_way_is_done_again() {
    at_every_step(
        published,
        |server, steps| owner_crashes(server, "own", Verb::Delete("1.2.0"), steps),
        |server, steps| {
            server.advance(2);
            owner_retries(server, "own", Verb::Delete("1.2.0")).unwrap();
            let reader = server.reader().elsewhere();
            assert_eq!(reader.versions("own"), ["1.0.0", "1.1.0"], "after {steps}");
            reader.download("own", "1.2.0").expect(404);
            assert_eq!(reader.get("own/latest").expect(200).json()["version"], "1.1.0", "after {steps}");
            server.advance(31 * 24 * 3600);
            server.housekeeping();
            assert!(
                server.package_keys().iter().all(|key| !key.contains("/files/1.2.0/")),
                "the bytes are purged in time, after {steps}"
            );
        },
    );
}

#[test]
fn a_restore_that_died_half_way_is_done_again() {
    at_every_step(
        || {
            let server = published();
            owner_retries(&server, "own", Verb::Delete("1.1.0")).unwrap();
            server
        },
        |server, steps| owner_crashes(server, "own", Verb::Restore("1.1.0"), steps),
        |server, steps| {
            let _ = owner_retries(server, "own", Verb::Restore("1.1.0"));
            server.housekeeping();
            let reader = server.reader().elsewhere();
            assert_eq!(reader.versions("own"), ["1.0.0", "1.1.0", "1.2.0"], "after {steps}");
            reader.download("own", "1.1.0").expect(200);
        },
    );
}

#[test]
fn a_purge_that_died_half_way_is_done_by_the_next_housekeeping() {
    at_every_step(
        || {
            let server = published();
            owner_retries(&server, "own", Verb::Delete("1.1.0")).unwrap();
            server
        },
        |server, steps| owner_crashes(server, "own", Verb::Purge("1.1.0"), steps),
        |server, steps| {
            server.advance(31 * 24 * 3600);
            server.housekeeping();
            let keys = server.package_keys();
            assert!(keys.iter().all(|key| !key.contains("/files/1.1.0/")), "after {steps}: {keys:?}");
            assert!(keys.iter().any(|key| key.ends_with("/slots/1.1.0")), "after {steps}: {keys:?}");
        },
    );
}

/// Has this version a slot for which that holds?
fn slot_is(server: &TestServer, package: &str, version: &str, holds: impl Fn(&Value) -> bool) -> bool {
    let end = format!("/{package}/slots/{version}");
    let stored = server.platform.stored_keys().into_iter().find(|key| key.ends_with(&end));
    stored.is_some_and(|key| holds(&serde_json::from_slice(&server.platform.object(&key).unwrap()).unwrap()))
}

/// Whoever dies after a change took effect has told the log of it, or left a note of what to tell it.
fn log_tells(server: &TestServer, steps: usize, package: &str, deed: &str, took_effect: bool) {
    server.advance(601);
    server.housekeeping();
    let deeds = server.deeds("main", package);
    assert_eq!(deeds.iter().any(|said| said == deed), took_effect, "after {steps}: {deeds:?}");
}

#[test]
fn the_log_tells_of_a_push_that_died_after_its_slot_was_made() {
    at_every_step(feed_of_its_own, publishes, |server, steps| {
        let made = slot_is(server, "own", "1.0.0", |_| true);
        log_tells(server, steps, "own", "published 1.0.0", made);
    });
}

#[test]
fn the_log_tells_of_a_save_that_died_after_its_slot_was_made() {
    at_every_step(with_upstream, saves, |server, steps| {
        let made = slot_is(server, "lib", "1.0.0", |_| true);
        log_tells(server, steps, "lib", "saved 1.0.0", made);
    });
}

#[test]
fn the_log_tells_of_what_an_owner_did_before_dying() {
    let deleted = |slot: &Value| slot["state"]["name"] == "deleted";
    at_every_step(
        published,
        |server, steps| owner_crashes(server, "own", Verb::Delete("1.2.0"), steps),
        |server, steps| {
            let done = slot_is(server, "own", "1.2.0", deleted);
            log_tells(server, steps, "own", "deleted 1.2.0", done);
        },
    );
    at_every_step(
        published,
        |server, steps| owner_crashes(server, "own", Verb::Promote("1.2.0", "Release"), steps),
        |server, steps| {
            let done = slot_is(server, "own", "1.2.0", |slot| slot["views"] != serde_json::json!([]));
            log_tells(server, steps, "own", "promoted 1.2.0", done);
        },
    );
    let in_bin = || {
        let server = published();
        owner_retries(&server, "own", Verb::Delete("1.1.0")).unwrap();
        server
    };
    at_every_step(
        in_bin,
        |server, steps| owner_crashes(server, "own", Verb::Restore("1.1.0"), steps),
        |server, steps| {
            let done = !slot_is(server, "own", "1.1.0", deleted);
            log_tells(server, steps, "own", "restored 1.1.0", done);
        },
    );
    at_every_step(
        in_bin,
        |server, steps| owner_crashes(server, "own", Verb::Purge("1.1.0"), steps),
        |server, steps| {
            let done = slot_is(server, "own", "1.1.0", |slot| slot["state"]["name"] == "purged");
            log_tells(server, steps, "own", "purged 1.1.0", done);
        },
    );
}

/// A retry that finds nothing to do must not take away the note that the first attempt left.
#[test]
fn the_log_tells_of_a_deletion_that_died_and_was_done_again() {
    at_every_step(
        published,
        |server, steps| owner_crashes(server, "own", Verb::Delete("1.2.0"), steps),
        |server, steps| {
            server.advance(2);
            owner_retries(server, "own", Verb::Delete("1.2.0")).unwrap();
            log_tells(server, steps, "own", "deleted 1.2.0", true);
        },
    );
}
