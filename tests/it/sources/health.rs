//! How sources are doing: written when that changes, and once an hour besides.

use super::support::{deployment, rest, set_sources, source};
use crate::support::TestServer;
use crate::support::server::UPSTREAM;
use edgefeed::platform::Platform as _;
use edgefeed::platform::memory::{Operation, Reply as Scripted};
use http::Method;
use serde_json::{Value, json};

fn server() -> TestServer {
    let server = deployment();
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    server
}

fn health(server: &TestServer) -> Value {
    let feed = rest(server, Method::GET, "feeds/main", &Value::Null).expect(200).json();
    feed["upstreamSources"][0]["health"].clone()
}

/// How often a health was written since the log was cleared.
fn written(server: &TestServer) -> usize {
    let log = server.platform.operation_log();
    let health = log
        .iter()
        .filter(|(operation, key)| *operation == Operation::Overwrite && key.starts_with("v1/health/"));
    health.count()
}

#[test]
fn success_and_failure_are_told_with_their_times() {
    let server = server();
    assert_eq!(health(&server), json!({ "status": "ok" }), "it was not asked yet");
    let first = server.platform.now().to_string();
    server.collaborator().get("lib").expect(200);
    assert_eq!(health(&server), json!({ "status": "ok", "since": first, "lastSuccess": first }));
    server.advance(120);
    let failed = server.platform.now().to_string();
    server.registry.fault("", Scripted::status(500));
    server.collaborator().get("other").expect(502);
    let reason = "upstream source `upstream` answered 500";
    let mut failing =
        json!({ "status": "failing", "since": failed, "reason": reason, "lastFailure": failed });
    failing["lastSuccess"] = json!(first);
    assert_eq!(health(&server), failing);
    server.advance(60);
    server.collaborator().get("other").expect(502);
    assert_eq!(health(&server)["since"], failed.as_str(), "it has been failing since then");
    server.registry.recover();
    server.advance(60);
    let well = server.platform.now().to_string();
    server.collaborator().download("lib", "1.0.0").expect(200);
    let told = health(&server);
    assert_eq!((&told["status"], &told["since"]), (&json!("ok"), &json!(well)));
    assert_eq!((&told["lastSuccess"], &told["lastFailure"]), (&json!(well), &json!(failed)));
}

#[test]
fn an_hour_of_success_is_one_write() {
    let server = server();
    server.platform.clear_operation_log();
    for _ in 0..59 {
        server.collaborator().elsewhere().get_with("lib", &[("cache-control", "no-cache")]).expect(200);
        server.advance(60);
    }
    assert_eq!(written(&server), 1);
    server.advance(120);
    server.collaborator().elsewhere().get_with("lib", &[("cache-control", "no-cache")]).expect(200);
    assert_eq!(written(&server), 2);
    assert_eq!(health(&server)["lastSuccess"], server.platform.now().to_string());
}

#[test]
fn an_hour_of_the_same_failure_is_one_write() {
    let server = server();
    server.registry.go_down();
    server.platform.clear_operation_log();
    for _ in 0..59 {
        server.collaborator().elsewhere().get("lib").expect(502);
        server.advance(60);
    }
    assert_eq!(written(&server), 1);
    server.advance(120);
    server.collaborator().elsewhere().get("lib").expect(502);
    assert_eq!(written(&server), 2);
}
