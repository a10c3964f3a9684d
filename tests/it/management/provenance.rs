//! Provenance sessions: begun by those who publish, named in the place of a feed, told of what was published through them.

use super::rest::{ROOT, Server};
use super::{FEEDS, on, roles};
use crate::support::{publish_document, tarball};
use edgefeed::platform::Platform as _;
use futures_executor::block_on;
use serde_json::{Value, json};
use std::time::Duration;

const BEGIN: &str = "POST /acme/_apis/provenance/session/npm";

fn said(feed: &str) -> Value {
    json!({ "feed": feed, "source": "InternalBuild", "data": { "Build.BuildId": "7" } })
}

fn begun(server: &Server, what: &str, feed: &str) -> String {
    let body = server.call(what, &server.admin, said(feed)).expect(200).body;
    assert_eq!(body["sessionId"], body["sessionName"]);
    body["sessionId"].as_str().unwrap().to_owned()
}

/// Publishes through what stands in the place of a feed.
fn publish(server: &Server, place: &str, token: &str, package: &str, version: &str) -> u16 {
    let what = format!("PUT /acme/{place}/npm/registry/{package}");
    let body = publish_document(package, version, &tarball(package, version));
    block_on(server.fetch(&server.platform, &what, token, body, &[])).0.as_u16()
}

fn provenance(server: &Server, feeds: &str, package: &str, version: &str) -> Value {
    let what = format!("GET {feeds}/packages/npm:{package}/versions/{version}/provenance");
    server.call(&what, &server.admin, Value::Null).expect(200).body["provenance"].clone()
}

#[test]
fn what_is_published_through_a_session_tells_so() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let contributor = server.token("manage", on("main", "contributor"));
    let session = begun(&server, BEGIN, "Main");
    assert!(session.len() <= 64, "{session}");
    assert_eq!(publish(&server, &format!("_packaging/{session}"), &contributor, "own", "1.0.0"), 201);
    let upper = format!("_packaging/{}", session.to_uppercase());
    assert_eq!(publish(&server, &upper, &contributor, "own", "1.1.0"), 201);
    assert_eq!(publish(&server, "_packaging/main", &contributor, "own", "1.2.0"), 201);
    let main = format!("{FEEDS}/main");
    let told = json!({ "provenanceSource": "InternalBuild", "publisherUserIdentity": "someone", "data": { "Build.BuildId": "7" } });
    assert_eq!(provenance(&server, &main, "own", "1.0.0"), told);
    assert_eq!(provenance(&server, &main, "own", "1.1.0"), told);
    let plain = json!({ "provenanceSource": "Published", "publisherUserIdentity": "someone", "data": {} });
    assert_eq!(provenance(&server, &main, "own", "1.2.0"), plain);
    // It is the feed, for those who may use that and as far as they may.
    let get = |place: &str, token: &str| {
        let what = format!("GET /acme/_packaging/{place}/npm/registry/own");
        block_on(server.fetch(&server.platform, &what, token, Value::Null, &[])).0.as_u16()
    };
    let reader = server.token("manage", on("main", "reader"));
    assert_eq!((get(&session, &reader), get(&session, "")), (200, 401));
    assert_eq!(publish(&server, &format!("_packaging/{session}"), &reader, "own", "1.3.0"), 403);
    let stranger = server.organization("globex");
    assert_eq!(get(&session, &stranger), 404);
    let elsewhere = format!("GET /globex/_packaging/{session}/npm/registry/own");
    assert_eq!(block_on(server.fetch(&server.platform, &elsewhere, &stranger, Value::Null, &[])).0, 404);
    // A name that nobody was given says nothing; what only looks like a session's is none.
    let (start, end) = (session.rsplit_once('-').unwrap().0, session.split_once('.').unwrap().1);
    let made_up = format!("{start}-000000000000");
    assert_eq!(publish(&server, &format!("_packaging/{made_up}"), &contributor, "own", "1.4.0"), 201);
    assert_eq!(provenance(&server, &main, "own", "1.4.0"), plain);
    for none in
        [format!("main.{end}"), format!("{start}-0"), session.replace('-', "."), format!("{session}.0")]
    {
        assert_eq!(get(&none, &contributor), 404, "{none}");
    }
    // It ends; what was said stays.
    server.platform.advance(Duration::from_secs(24 * 3600 + 1));
    assert_eq!(publish(&server, &format!("_packaging/{session}"), &contributor, "own", "1.3.0"), 404);
    assert_eq!(provenance(&server, &main, "own", "1.0.0"), told);
}

/// Builds that take too long are told why they cannot publish, and what to do, in the words of each protocol.
#[test]
fn a_session_that_ended_says_so() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    let session = begun(&server, BEGIN, "main");
    server.platform.advance(Duration::from_secs(24 * 3600));
    let ended = server.platform.now().to_string();
    for (what, token) in [
        (format!("PUT /acme/_packaging/{session}/npm/registry/own"), server.admin.as_str()),
        (format!("GET /acme/_packaging/{session}/npm/registry/own"), ""),
        (format!("PUT /acme/_packaging/{session}/nuget/v2/package"), ""),
        (format!("POST /acme/_packaging/{session}/pypi/upload/"), ""),
        (format!("PUT /acme/_packaging/{session}/maven/v1/com/own/own/1.0/own-1.0.jar"), ""),
        (format!("PUT /acme/_packaging/{session}/cargo/api/v1/crates/new"), ""),
        (format!("GET {FEEDS}/{session}"), &server.admin),
    ] {
        let (status, _, body) = block_on(server.fetch(&server.platform, &what, token, Value::Null, &[]));
        assert_eq!(status, 404, "{what}");
        let told = String::from_utf8_lossy(&body);
        assert!(told.contains(&format!("this provenance session ended at {ended}")), "{what}: {told}");
        assert!(told.contains("POST provenance/session/{protocol}"), "{what}: {told}");
    }
    // One that has time left, of a feed that is no more, says nothing of it.
    let session = begun(&server, BEGIN, "main");
    server.call(&format!("DELETE {FEEDS}/{feed}"), &server.admin, Value::Null).expect(204);
    server
        .call(&format!("DELETE /acme/_apis/packaging/feedrecyclebin/{feed}"), &server.admin, Value::Null)
        .expect(204);
    let refused = server.call(&format!("GET {FEEDS}/{session}"), &server.admin, Value::Null).expect(404);
    assert!(!refused.message().contains("ended"), "{}", refused.message());
}

#[test]
fn the_log_names_the_feed_of_a_session() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    begun(&server, BEGIN, "main");
    let line: Value = serde_json::from_str(&server.platform.log_lines().pop().unwrap()).unwrap();
    assert_eq!((&line["endpoint"], &line["feed"]), (&json!("create-session"), &json!("acme/main")));
}

#[test]
fn a_feed_of_a_project_has_its_sessions_there() {
    let server = Server::new();
    server.call("POST /acme/web/_apis/packaging/feeds", &server.admin, json!({ "name": "main" })).expect(201);
    let session = begun(&server, "POST /acme/web/_apis/provenance/session/npm", "main");
    assert_eq!(publish(&server, &format!("web/_packaging/{session}"), &server.admin, "own", "1.0.0"), 201);
    assert_eq!(publish(&server, &format!("_packaging/{session}"), &server.admin, "own", "1.1.0"), 404);
    let told = provenance(&server, "/acme/web/_apis/packaging/feeds/main", "own", "1.0.0");
    assert_eq!(told["provenanceSource"], "InternalBuild");
    server.call(BEGIN, &server.admin, said("main")).expect(404);
}

#[test]
fn a_session_is_begun_by_those_who_publish() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    for (role, token) in roles(&server, "main") {
        let status = if matches!(role, "reader" | "collaborator") { 403 } else { 200 };
        server.call(BEGIN, &token, said("main")).expect(status);
    }
    let outsider = server.token("manage", json!([]));
    for (token, status) in [("", 401), ("garbage", 401), (ROOT, 403), (&outsider, 404)] {
        server.call(BEGIN, token, said("main")).expect(status);
    }
    server.call(BEGIN, &server.token("restore", on("main", "owner")), said("main")).expect(403);
    let begin = |body: Value| server.call(BEGIN, &server.admin, body);
    begin(json!({ "feed": "main", "source": "x" })).expect(200);
    begin(said("nowhere")).expect(404);
    begin(said("main@Release")).expect(409);
    for bad in [
        json!({}),
        json!({ "feed": "main" }),
        json!({ "feed": 1, "source": "x" }),
        json!({ "feed": "main", "source": "x", "data": { "number": 1 } }),
        json!({ "feed": "main", "source": "x", "data": "text" }),
    ] {
        let refused = begin(bad).expect(400);
        assert!(refused.message().contains("a session needs"), "{}", refused.message());
    }
    begin(json!({ "feed": "main", "source": "x", "data": { "long": "x".repeat(9_000) } })).expect(413);
    server.call("POST /acme/_apis/provenance/session/punchcard", &server.admin, said("main")).expect(404);
    server.call("GET /acme/_apis/provenance/session/npm", &server.admin, Value::Null).expect(405);
}
