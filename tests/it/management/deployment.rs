//! What is answered beside any feed: health, organizations, the bootstrap secret.

use super::rest::{ROOT, Server};
use super::{FEEDS, TOKENS};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn health_needs_nothing_and_touches_nothing() {
    let server = Server::new();
    server.platform.clear_operation_log();
    assert_eq!(server.call("GET /_edgefeed/health", "garbage", Value::Null).expect(200).body["status"], "ok");
    assert_eq!(server.platform.operation_log(), []);
    server.call("PUT /_edgefeed/health", "", Value::Null).expect(405);
}

#[test]
fn compliance_is_checked_where_it_is_switched_on() {
    let mut server = Server::new();
    let body = server.call("POST /_edgefeed/compliance", "", Value::Null).expect(200).body;
    assert_eq!(body["failed"], 0, "{body}");
    assert!(body["passed"].as_u64().unwrap() > 20 && body["checks"][0]["ok"] == true);
    server.config.compliance = false;
    server.call("POST /_edgefeed/compliance", "", Value::Null).expect(404);
}

#[test]
fn only_the_bootstrap_secret_makes_organizations() {
    let server = Server::new();
    let create = "POST /_edgefeed/organizations";
    let answer = server.call(create, ROOT, json!({ "name": "Globex", "administrator": "homer" })).expect(201);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body["administrator"]["subject"], "homer");
    let conflict = server.call(create, ROOT, json!({ "name": "GLOBEX" })).expect(409);
    assert!(conflict.message().contains("already exists"));
    let refused = server.call(create, &server.admin, json!({ "name": "other" })).expect(403);
    assert!(refused.message().contains("ROOT_TOKEN"), "{}", refused.message());
    let anonymous = server.call(create, "", json!({ "name": "other" })).expect(401);
    assert!(anonymous.header("www-authenticate").starts_with("Basic"));
    for bad in ["", "a b", "_x", "a/b"] {
        server.call(create, ROOT, json!({ "name": bad })).expect(400);
    }
    server.call(create, ROOT, json!("nonsense")).expect(400);
}

#[test]
fn an_organization_whose_creation_died_is_completed_by_the_retry() {
    let server = Server::new();
    let key = "v1/organizations/globex.json";
    server.platform.put_object(key, r#"{"name":"globex","created":"2026-11-22T12:00:00.000Z"}"#);
    let create = || server.call("POST /_edgefeed/organizations", ROOT, json!({ "name": "globex" }));
    create().expect(409);
    server.platform.advance(Duration::from_secs(61));
    create().expect(201);
    create().expect(409);
}

#[test]
fn the_bootstrap_secret_opens_nothing() {
    let server = Server::new();
    server.feed(json!({ "name": "main", "isPublic": true }));
    for what in [
        format!("GET {FEEDS}"),
        format!("GET {FEEDS}/main"),
        format!("DELETE {FEEDS}/main"),
        format!("GET {TOKENS}"),
    ] {
        let answer = server.call(&what, ROOT, Value::Null).expect(403);
        assert!(answer.message().contains("bootstrap secret"), "{what}: {}", answer.message());
    }
    server.call(&format!("POST {FEEDS}"), ROOT, json!({ "name": "x" })).expect(403);
    server.call(&format!("POST {TOKENS}"), ROOT, json!({ "subject": "x", "scope": "read" })).expect(403);
}
