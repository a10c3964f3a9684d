//! The recycle bin of feeds: restoring for 30 days, deleting for good, and what cron removes.

use super::rest::{ROOT, Server};
use super::{FEEDS, at_every_step, crash, roles};
use crate::support::is_done_within;
use edgefeed::platform::memory::{Fault, Operation};
use edgefeed::platform::{Platform as _, PlatformError};
use edgefeed::server;
use futures_executor::block_on;
use serde_json::{Value, json};
use std::pin::pin;
use std::time::Duration;

const BIN: &str = "/acme/_apis/packaging/feedrecyclebin";
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
/// A key is written once in it.
const SECOND: Duration = Duration::from_secs(1);

fn restore() -> Value {
    json!([{ "op": "replace", "path": "/isDeleted", "value": false }])
}

fn cron(server: &Server) -> Value {
    block_on(server::scheduled(server.platform.for_request()));
    block_on(server.platform.run_background());
    serde_json::from_str(&server.platform.log_lines().pop().unwrap()).unwrap()
}

fn keys_of(server: &Server, feed: &str) -> Vec<String> {
    server.platform.stored_keys().into_iter().filter(|key| key.contains(feed)).collect()
}

/// A feed with everything beside it that a feed can have.
fn full_feed(server: &Server) -> (String, String) {
    let source = json!({ "name": "up", "protocol": "npm", "location": "https://r.example/" });
    let id = server.feed(json!({ "name": "main", "upstreamSources": [source] }));
    server.publish(&id, "own", "1.0.0");
    server.save(&id, "left-pad", "1.0.0");
    let feed = server.call(&format!("GET {FEEDS}/main"), &server.admin, Value::Null).expect(200).body;
    let source = feed["upstreamSources"][0]["id"].as_str().unwrap().to_owned();
    for kind in ["repair", "bin", "catalog", "published", "stars"] {
        server.platform.put_object(&format!("v1/{kind}/{id}/npm/own/x"), "{}");
    }
    server.platform.put_object(&format!("v1/upstream/{source}/npm/own/full"), "{}");
    server.platform.put_object(&format!("v1/withdrawals/{id}"), r#""2026-11-22T12:00:00.000Z""#);
    server.platform.put_object(&format!("v1/health/{source}"), r#"{"status":"ok"}"#);
    (id, source)
}

fn delete(server: &Server) {
    server.call(&format!("DELETE {FEEDS}/main"), &server.admin, Value::Null).expect(204);
}

#[test]
fn only_owners_see_what_is_in_the_bin() {
    let server = Server::new();
    let id = server.feed(json!({ "name": "main", "isPublic": true }));
    server.feed(json!({ "name": "other", "isPublic": true }));
    let tokens = roles(&server, "main");
    let stranger = server.organization("globex");
    server.platform.advance(SECOND);
    delete(&server);
    let mut callers: Vec<(&str, &str, u16, u64)> = vec![
        ("anonymous", "", 401, 0),
        ("another organization", &stranger, 403, 0),
        ("root", ROOT, 403, 0),
        ("administrator of the organization", &server.admin, 204, 1),
    ];
    for (role, token) in &tokens {
        let owns = *role == "administrator";
        callers.push((role, token, if owns { 204 } else { 403 }, u64::from(owns)));
    }
    for (who, token, status, listed) in callers {
        server.platform.advance(SECOND);
        let list = server.call(&format!("GET {BIN}"), token, Value::Null);
        match (who, list.status) {
            ("root", 403) | ("anonymous", 401) => {}
            _ => assert_eq!(list.expect(200).body["count"], listed, "{who}"),
        }
        let (there, _, text) = block_on(server.fetch(
            &server.platform,
            "GET /acme/_packaging/main/npm/registry/own",
            token,
            Value::Null,
            &[],
        ));
        assert_eq!(there, if who == "anonymous" { 401 } else { 404 }, "{who}");
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(text.contains("recycle bin"), status == 204, "{who}: {text}");
        assert_eq!(
            server.call(&format!("PATCH {BIN}/{id}"), token, restore()).status,
            status,
            "{who} restores"
        );
        if status == 204 {
            server.call(&format!("GET {FEEDS}/main"), token, Value::Null).expect(200);
            server.call(&format!("PATCH {BIN}/main"), token, restore()).expect(404);
            server.platform.advance(SECOND);
            delete(&server);
            let deleted = server.platform.now();
            let reader =
                server.call(&format!("GET {BIN}?includeUrls=false"), token, Value::Null).expect(200).body;
            assert_eq!(reader["value"][0]["deletedDate"], json!(deleted));
            let goes = deleted.plus(30 * DAY);
            assert_eq!(reader["value"][0]["scheduledPermanentDeleteDate"], json!(goes));
        } else {
            assert_eq!(
                server.call(&format!("DELETE {BIN}/{id}"), token, Value::Null).status,
                status,
                "{who} purges"
            );
        }
    }
    for body in [json!([]), json!([{ "op": "replace", "path": "/name", "value": "x" }]), json!([7])] {
        server.call(&format!("PATCH {BIN}/main"), &server.admin, body).expect(400);
    }
    server.call(&format!("PATCH {BIN}/main"), &server.admin, json!({})).expect(400);
    server.call(&format!("PATCH {BIN}/other"), &server.admin, restore()).expect(404);
    server.call(&format!("DELETE {BIN}/other"), &server.admin, Value::Null).expect(404);
    server.call(&format!("DELETE {BIN}/nope"), &server.admin, Value::Null).expect(404);
    server.call(&format!("GET {BIN}/main"), &server.admin, Value::Null).expect(405);
    server.call(&format!("DELETE {BIN}/main"), &tokens[3].1, Value::Null).expect(204);
    server.call(&format!("PATCH {BIN}/{id}"), &server.admin, restore()).expect(404);
}

#[test]
fn a_feed_deleted_for_good_leaves_its_name_at_once_and_its_content_in_time() {
    let server = Server::new();
    let (id, source) = full_feed(&server);
    delete(&server);
    server.call(&format!("POST {FEEDS}"), &server.admin, json!({ "name": "main" })).expect(409);
    server.call(&format!("DELETE {BIN}/main"), &server.admin, Value::Null).expect(204);
    let list = server.call(&format!("GET {BIN}"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(list["count"], 0);
    let second = server.feed(json!({ "name": "main" }));
    server.publish(&second, "own", "1.0.0");
    cron(&server);
    assert!(keys_of(&server, &id).iter().any(|key| key.contains("/files/")), "uploads may be under way");
    for number in 0..3_500 {
        server.platform.put_object(&format!("v1/pkg/{id}/npm/many/slots/{number}"), "{}");
    }
    server.platform.advance(HOUR);
    let outage = Fault::of(Operation::Delete).on("/slots/").before(PlatformError::TimedOut);
    server.platform.faults().add(outage);
    assert!(cron(&server)["error"].is_string(), "a bad day");
    assert_eq!(cron(&server)["removed"], 1, "the next round goes on");
    assert_eq!(keys_of(&server, &id), [""; 0]);
    assert_eq!(keys_of(&server, &source), [""; 0]);
    let found = server.call(&format!("GET {FEEDS}/main"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(found["id"], second, "the one that has the name now is left alone");
    assert!(keys_of(&server, &second).iter().any(|key| key.contains("/files/")));
    assert_eq!(cron(&server)["removed"], 0);
}

#[test]
fn thirty_days_in_the_bin_and_not_one_less() {
    let server = Server::new();
    let (id, _) = full_feed(&server);
    delete(&server);
    server.platform.advance(29 * DAY);
    cron(&server);
    server.call(&format!("PATCH {BIN}/main"), &server.admin, restore()).expect(204);
    server.platform.advance(HOUR);
    delete(&server);
    server.platform.advance(2 * DAY);
    cron(&server);
    server.platform.advance(HOUR);
    cron(&server);
    assert!(!keys_of(&server, &id).is_empty(), "its first time in the bin does not count");
    server.call(&format!("PATCH {BIN}/main"), &server.admin, restore()).expect(204);
    server.platform.advance(60 * DAY);
    cron(&server);
    server.call(&format!("GET {FEEDS}/main"), &server.admin, Value::Null).expect(200);
    delete(&server);
    server.platform.advance(30 * DAY);
    cron(&server);
    server.feed(json!({ "name": "main" }));
    server.platform.advance(HOUR);
    assert_eq!(cron(&server)["removed"], 1);
    assert_eq!(keys_of(&server, &id), [""; 0]);
    assert!(!server.platform.stored_keys().iter().any(|key| key.starts_with("v1/expiry/")));
}

#[test]
fn a_deletion_for_good_that_died_half_way_is_finished() {
    let prepare = || {
        let server = Server::new();
        let (id, source) = full_feed(&server);
        delete(&server);
        (server, id, source)
    };
    let attempt = |(server, id, _): &(Server, String, String), steps: usize| {
        crash(server, &format!("DELETE {BIN}/{id}"), Value::Null, steps)
    };
    at_every_step(prepare, attempt, |(server, id, source), steps| {
        // By its retry, or, if that never comes, by cron.
        if steps % 2 == 0 {
            server.call(&format!("DELETE {BIN}/{id}"), &server.admin, Value::Null).expect(204);
            server.feed(json!({ "name": "main" }));
        }
        server.platform.advance(31 * DAY);
        cron(server);
        server.platform.advance(HOUR);
        cron(server);
        assert_eq!(keys_of(server, id), [""; 0], "after {steps}");
        assert_eq!(keys_of(server, source), [""; 0], "after {steps}");
        if steps % 2 == 1 {
            server.feed(json!({ "name": "main" }));
        }
        server.call(&format!("GET {FEEDS}/main"), &server.admin, Value::Null).expect(200);
    });
}

#[test]
fn a_removal_that_died_half_way_goes_on() {
    let prepare = || {
        let server = Server::new();
        let (id, source) = full_feed(&server);
        delete(&server);
        server.call(&format!("DELETE {BIN}/{id}"), &server.admin, Value::Null).expect(204);
        server.platform.advance(HOUR);
        (server, id, source)
    };
    let attempt = |(server, ..): &(Server, String, String), steps: usize| {
        is_done_within(steps, pin!(server::scheduled(server.platform.for_request())))
    };
    at_every_step(prepare, attempt, |(server, id, source), steps| {
        cron(server);
        assert_eq!(keys_of(server, id), [""; 0], "after {steps}");
        assert_eq!(keys_of(server, source), [""; 0], "after {steps}");
    });
}

#[test]
fn a_deletion_that_died_half_way_is_done_again() {
    let prepare = || {
        let server = Server::new();
        let id = server.feed(json!({ "name": "main" }));
        (server, id)
    };
    let attempt = |(server, id): &(Server, String), steps: usize| {
        crash(server, &format!("DELETE {FEEDS}/{id}"), Value::Null, steps)
    };
    at_every_step(prepare, attempt, |(server, id), steps| {
        server.platform.advance(HOUR);
        let again = server.call(&format!("DELETE {FEEDS}/{id}"), &server.admin, Value::Null).status;
        assert!(matches!(again, 204 | 404), "after {steps}: {again}");
        server.platform.advance(30 * DAY);
        cron(server);
        server.platform.advance(HOUR);
        cron(server);
        assert_eq!(keys_of(server, id), [""; 0], "after {steps}");
    });
}
