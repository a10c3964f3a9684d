//! Changes of versions and of feeds for those who follow them, and audits.

use super::rest::{Answer, ROOT, Server};
use super::{FEEDS, on, roles};
use crate::support::{publish_document, tarball};
use serde_json::{Value, json};
use std::time::Duration;

/// After this everything that was done can be read.
fn settle(server: &Server) {
    server.platform.advance(Duration::from_secs(5));
}

fn publish(server: &Server, feed: &str, version: &str) {
    let document = publish_document("lib", version, &tarball("lib", version));
    let path = format!("PUT /acme/_packaging/{feed}/npm/registry/lib");
    server.call_with(&path, &server.admin, document, &[("user-agent", "npm/10.9.0 node/v22")]).expect(201);
}

fn changes(server: &Server, query: &str) -> Value {
    let what = format!("GET {FEEDS}/main/packagechanges{query}");
    server.call(&what, &server.admin, Value::Null).expect(200).body
}

/// `addOrUpdate 1.0.0`, in order.
fn kinds(page: &Value) -> Vec<String> {
    let changes = page["packageChanges"].as_array().unwrap();
    let text = |change: &Value| {
        let change = &change["packageVersionChange"];
        format!("{} {}", change["changeType"], change["packageVersion"]["version"]).replace('"', "")
    };
    changes.iter().map(text).collect()
}

#[test]
fn a_follower_sees_the_latest_change_of_each_version() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        publish(&server, "main", version);
        server.platform.advance(Duration::from_millis(1));
    }
    let first = changes(&server, "");
    assert_eq!(kinds(&first), Vec::<String>::new(), "not yet");
    settle(&server);
    let first = changes(&server, &format!("?continuationToken={}", first["nextPackageContinuationToken"]));
    assert_eq!(kinds(&first), ["addOrUpdate 1.0.0", "addOrUpdate 1.1.0", "addOrUpdate 1.2.0"]);
    let version = |number: &str| format!("{FEEDS}/main/npm/packages/lib/versions/{number}");
    let bin = |number: &str| format!("{FEEDS}/main/npm/RecycleBin/packages/lib/versions/{number}");
    let admin = &server.admin;
    let promote = json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } });
    server.call(&format!("PATCH {}", version("1.0.0")), admin, promote).expect(200);
    server.platform.advance(Duration::from_millis(1));
    for number in ["1.1.0", "1.2.0"] {
        server.call(&format!("DELETE {}", version(number)), admin, Value::Null).expect(200);
        server.platform.advance(Duration::from_millis(1));
    }
    server.call(&format!("DELETE {}", bin("1.2.0")), admin, Value::Null).expect(204);
    settle(&server);
    let token = format!("?continuationToken={}", first["nextPackageContinuationToken"]);
    let second = changes(&server, &token);
    assert_eq!(kinds(&second), ["addOrUpdate 1.0.0", "delete 1.1.0", "permanentDelete 1.2.0"]);
    assert_eq!(kinds(&changes(&server, "")), kinds(&second), "from the beginning: the same, collapsed");
    let change = &second["packageChanges"][1];
    assert_eq!(change["package"]["normalizedName"], "lib");
    assert_eq!(change["packageVersionChange"]["packageVersion"]["isDeleted"], true);
    let deleted = server.call(&format!("GET {}", bin("1.1.0")), admin, Value::Null).expect(200).body;
    assert_eq!(change["packageVersionChange"]["packageVersion"]["id"], deleted["id"], "one id everywhere");
    server.call(&format!("PATCH {}", bin("1.1.0")), admin, json!({ "deleted": false })).expect(200);
    settle(&server);
    let token = format!("?continuationToken={}", second["nextPackageContinuationToken"]);
    let third = changes(&server, &token);
    assert_eq!(kinds(&third), ["addOrUpdate 1.1.0"]);
    let token = format!("?continuationToken={}", third["nextPackageContinuationToken"]);
    let last = changes(&server, &token);
    assert_eq!(
        (kinds(&last).len(), &last["nextPackageContinuationToken"]),
        (0, &third["nextPackageContinuationToken"])
    );
}

#[test]
fn pages_are_as_long_as_asked_for() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    for number in 0..7 {
        publish(&server, "main", &format!("1.{number}.0"));
        server.platform.advance(Duration::from_millis(1));
    }
    settle(&server);
    let (mut seen, mut token) = (Vec::new(), "0".to_owned());
    loop {
        let page = changes(&server, &format!("?batchSize=3&continuationToken={token}"));
        let kinds = kinds(&page);
        if kinds.is_empty() {
            break;
        }
        assert!(kinds.len() <= 3);
        seen.extend(kinds);
        token = page["nextPackageContinuationToken"].to_string();
    }
    assert_eq!(seen, (0..7).map(|number| format!("addOrUpdate 1.{number}.0")).collect::<Vec<_>>());
    for query in ["?continuationToken=x", "?batchSize=x", "?continuationToken=-1"] {
        let what = format!("GET {FEEDS}/main/packagechanges{query}");
        let answer = server.call(&what, &server.admin, Value::Null).expect(400);
        assert!(answer.message().contains("is not a number"), "{}", answer.message());
    }
    for query in ["?batchSize=0", "?batchSize=99999999", "?continuationToken=99999999999999999"] {
        changes(&server, query);
    }
}

#[test]
fn each_call_needs_its_role() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let callers = roles(&server, "main");
    let policy = json!({ "countLimit": 3 });
    let feed = format!("{FEEDS}/main");
    for (what, body, least) in [
        (format!("GET {feed}/packagechanges"), Value::Null, "reader"),
        ("GET /acme/_apis/packaging/feedchanges/main".to_owned(), Value::Null, "reader"),
        (format!("GET {feed}/audit"), Value::Null, "administrator"),
        (format!("GET {feed}/retentionpolicies"), Value::Null, "reader"),
        (format!("PUT {feed}/retentionpolicies"), policy.clone(), "administrator"),
        (format!("GET {feed}/retentionpolicies/preview"), Value::Null, "administrator"),
        (format!("POST {feed}/retentionpolicies/preview"), policy, "administrator"),
        (format!("DELETE {feed}/retentionpolicies"), Value::Null, "administrator"),
    ] {
        let least = callers.iter().position(|(role, _)| *role == least).unwrap();
        for (index, (role, token)) in callers.iter().enumerate() {
            let answer = server.call(&what, token, body.clone());
            let is_right = if index < least { answer.status == 403 } else { answer.status < 300 };
            assert!(is_right, "{what} as {role}: {} {}", answer.status, answer.body);
        }
        server.call(&what, "", body.clone()).expect(401);
        server.call(&what, ROOT, body).expect(403);
    }
    let narrow = server.token("read", on("main", "administrator"));
    server.call(&format!("PUT {feed}/retentionpolicies"), &narrow, json!({ "countLimit": 3 })).expect(403);
    let of_view = server.token("read", json!([{ "feed": "main@Release", "role": "reader" }]));
    server.call(&format!("GET {FEEDS}/main@Release/packagechanges"), &of_view, Value::Null).expect(400);
    server.call(&format!("GET {FEEDS}/main/packagechanges"), &of_view, Value::Null).expect(404);
    // The organization's own.
    let audit = "GET /acme/_edgefeed/audit";
    server.call(audit, &server.admin, Value::Null).expect(200);
    server.call(audit, &callers[3].1, Value::Null).expect(403);
    server.call(audit, "", Value::Null).expect(401);
    let other = server.organization("globex");
    server.call(audit, &other, Value::Null).expect(403);
    server.call("GET /acme/_apis/packaging/feedchanges", &other, Value::Null).expect(403);
    server.call("GET /acme/_apis/packaging/feedchanges", "", Value::Null).expect(401);
    server.call(&format!("GET {feed}/packagechanges"), &other, Value::Null).expect(404);
}

#[test]
fn followers_of_feeds_see_those_they_may_read() {
    let server = Server::new();
    for name in ["main", "secret", "gone"] {
        server.feed(json!({ "name": name }));
        server.platform.advance(Duration::from_millis(1));
    }
    let reader = server.token("read", on("main", "reader"));
    server.call(&format!("PATCH {FEEDS}/main"), &server.admin, json!({ "description": "new" })).expect(200);
    server.platform.advance(Duration::from_millis(1));
    server.call(&format!("DELETE {FEEDS}/gone"), &server.admin, Value::Null).expect(204);
    settle(&server);
    let names = |token: &str, query: &str| {
        let what = format!("GET /acme/_apis/packaging/feedchanges{query}");
        let page = server.call(&what, token, Value::Null).expect(200).body;
        let text =
            |change: &Value| format!("{} {}", change["changeType"], change["feed"]["name"]).replace('"', "");
        let names = page["feedChanges"].as_array().unwrap().iter().map(text);
        (names.collect::<Vec<_>>(), page["nextFeedContinuationToken"].clone())
    };
    let (all, token) = names(&server.admin, "");
    assert_eq!(all, ["addOrUpdate secret", "addOrUpdate main"], "in the order of their latest change");
    assert_eq!(names(&server.admin, "?includeDeleted=true").0.last().unwrap(), "delete gone");
    assert_eq!(names(&reader, "").0, ["addOrUpdate main"]);
    assert_eq!(names(&reader, "?includeDeleted=true").0, ["addOrUpdate main"]);
    let after = format!("?continuationToken={token}");
    assert_eq!(names(&server.admin, &after).0, Vec::<String>::new());
    let views = format!("POST {FEEDS}/main/views");
    server.call(&views, &server.admin, json!({ "name": "QA" })).expect(201);
    settle(&server);
    assert_eq!(names(&server.admin, &after).0, ["addOrUpdate main"]);
    let one =
        server.call("GET /acme/_apis/packaging/feedchanges/main", &reader, Value::Null).expect(200).body;
    assert_eq!((&one["changeType"], &one["feed"]["name"]), (&json!("addOrUpdate"), &json!("main")));
    // Followed from the token it gives, a feed shows what comes after.
    publish(&server, "main", "1.0.0");
    settle(&server);
    let after = format!("?continuationToken={}", one["latestPackageContinuationToken"]);
    assert_eq!(kinds(&changes(&server, &after)), ["addOrUpdate 1.0.0"]);
}

/// More feeds than are read side by side: in the order of their latest change all the same.
#[test]
fn many_changed_feeds_come_in_order() {
    let server = Server::new();
    let named = |number: usize| format!("feed-{number}");
    for number in (0..15).rev() {
        server.feed(json!({ "name": named(number) }));
        server.platform.advance(Duration::from_millis(1));
    }
    settle(&server);
    let page =
        server.call("GET /acme/_apis/packaging/feedchanges", &server.admin, Value::Null).expect(200).body;
    let changes = page["feedChanges"].as_array().unwrap().iter();
    let names: Vec<_> = changes.map(|change| change["feed"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, (0..15).rev().map(named).collect::<Vec<_>>());
    let tokens = page["feedChanges"].as_array().unwrap().iter();
    let tokens: Vec<_> = tokens.map(|change| change["feedContinuationToken"].as_i64().unwrap()).collect();
    assert!(tokens.is_sorted(), "each with its own moment");
}

fn actions(answer: &Answer) -> Vec<String> {
    let entries = answer.body["value"].as_array().unwrap();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_audit_tells_who_did_what_with_what() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    publish(&server, "main", "1.0.0");
    let version = format!("{FEEDS}/main/npm/packages/lib/versions/1.0.0");
    let admin = &server.admin;
    for (what, body) in [
        (
            format!("PATCH {version}"),
            json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } }),
        ),
        (format!("PATCH {version}"), json!({ "listed": false })),
        (format!("PATCH {version}"), json!({ "listed": false })),
        (
            format!("PATCH {FEEDS}/main/npm/packages/lib/upstreaming"),
            json!({ "versionsFromExternalUpstreams": "auto" }),
        ),
        (format!("PATCH {FEEDS}/main"), json!({ "description": "x" })),
        (format!("DELETE {FEEDS}/main/views/Prerelease"), Value::Null),
        (format!("PUT {FEEDS}/main/retentionpolicies"), json!({ "countLimit": 2 })),
    ] {
        server.platform.advance(Duration::from_millis(1));
        assert!(server.call(&what, admin, body).status < 300, "{what}");
    }
    settle(&server);
    let audit = server.call(&format!("GET {FEEDS}/main/audit"), admin, Value::Null).expect(200);
    assert_eq!(
        actions(&audit),
        [
            "feedCreated",
            "published",
            "promoted",
            "relisted",
            "behaviorSet",
            "feedUpdated",
            "viewsChanged",
            "retentionChanged"
        ],
        "what changed nothing is not told"
    );
    let published = &audit.body["value"][1];
    assert_eq!(published["client"], "npm/10.9.0 node/v22");
    assert_eq!((&published["package"], &published["version"]), (&json!("lib"), &json!("1.0.0")));
    assert_eq!(published["subject"], "administrator");
    assert!(published["token"].as_str().is_some_and(|token| token.len() == 32));
    assert_eq!(audit.body["value"][2]["details"]["view"], "Release");
    assert_eq!(audit.body["value"][6]["details"]["view"], "Prerelease");
    // A page at a time, and between two moments.
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let what = format!("GET {FEEDS}/main/audit?$top=2{token}");
        let page = server.call(&what, admin, Value::Null).expect(200);
        pages.extend(actions(&page));
        let Some(next) = page.body["continuationToken"].as_str() else { break };
        token = format!("&continuationToken={next}");
    }
    assert_eq!(pages, actions(&audit));
    let moment = audit.body["value"][4]["time"].as_str().unwrap();
    let between = format!("GET {FEEDS}/main/audit?from={moment}&to={moment}");
    assert_eq!(actions(&server.call(&between, admin, Value::Null).expect(200)), ["behaviorSet"]);
    server.call(&format!("GET {FEEDS}/main/audit?from=yesterday"), admin, Value::Null).expect(400);
    let whole = server.call("GET /acme/_edgefeed/audit", admin, Value::Null).expect(200);
    assert_eq!(actions(&whole), ["feedCreated", "feedUpdated", "viewsChanged", "retentionChanged"]);
}

#[test]
fn tokens_are_made_and_revoked_in_the_open() {
    let server = Server::new();
    let token =
        json!({ "subject": "ci", "scope": "read", "grants": [{ "organization": true, "role": "reader" }] });
    let made = server.call("POST /acme/_edgefeed/tokens", &server.admin, token).expect(201).body;
    let id = made["id"].as_str().unwrap();
    server.platform.advance(Duration::from_millis(1));
    let rotate = format!("POST /acme/_edgefeed/tokens/{id}/rotate");
    let next = server.call(&rotate, &server.admin, Value::Null).expect(201).body;
    server.platform.advance(Duration::from_millis(1));
    let revoke = format!("DELETE /acme/_edgefeed/tokens/{}", next["id"].as_str().unwrap());
    server.call(&revoke, &server.admin, Value::Null).expect(204);
    settle(&server);
    let audit = server.call("GET /acme/_edgefeed/audit", &server.admin, Value::Null).expect(200);
    assert_eq!(actions(&audit), ["tokenCreated", "tokenRotated", "tokenRevoked"]);
    let text = audit.body.to_string();
    assert_eq!(audit.body["value"][0]["details"]["subject"], "ci");
    for secret in [made["token"].as_str().unwrap(), next["token"].as_str().unwrap()] {
        assert!(!text.contains(secret));
    }
}

/// Nobody without a token writes, and nobody with one writes more than once a minute.
#[test]
fn refusals_are_told_and_cannot_fill_the_store() {
    let server = Server::new();
    server.feed(json!({ "name": "main", "isPublic": true }));
    server.platform.advance(Duration::from_millis(1));
    let reader = server.token("manage", on("main", "reader"));
    settle(&server);
    let before = server.platform.stored_keys();
    let delete = format!("DELETE {FEEDS}/main/npm/packages/lib/versions/1.0.0");
    let push = "PUT /acme/_packaging/main/npm/registry/lib";
    for what in [delete.as_str(), push, "POST /acme/_edgefeed/tokens", "POST /acme/_apis/packaging/feeds"] {
        server.call(what, "", json!({})).expect(401);
    }
    assert_eq!(server.platform.stored_keys(), before, "nobody in particular writes nothing");
    for _ in 0..20 {
        server.call(&delete, &reader, Value::Null).expect(403);
        server.call(push, &reader, json!({})).expect(403);
        server.call("POST /acme/_apis/packaging/feeds", &reader, json!({ "name": "x" })).expect(403);
        server.call(&format!("GET {FEEDS}/main/audit"), &reader, Value::Null).expect(403);
    }
    settle(&server);
    let of_feed = server.call(&format!("GET {FEEDS}/main/audit"), &server.admin, Value::Null).expect(200);
    assert_eq!(actions(&of_feed), ["feedCreated", "refused", "refused", "refused"]);
    let whole = server.call("GET /acme/_edgefeed/audit", &server.admin, Value::Null).expect(200);
    assert_eq!(actions(&whole), ["feedCreated", "tokenCreated", "refused"]);
    assert_eq!(whole.body["value"][2]["subject"], "someone");
    server.platform.advance(Duration::from_secs(61));
    server.call(&delete, &reader, Value::Null).expect(403);
    settle(&server);
    let of_feed = server.call(&format!("GET {FEEDS}/main/audit"), &server.admin, Value::Null).expect(200);
    assert_eq!(actions(&of_feed).len(), 5, "a minute later it is told again");
}

/// The log may fail for a while: what was done stands, and the log is told later.
#[test]
fn what_the_log_could_not_be_told_it_is_told_by_cron() {
    use edgefeed::platform::PlatformError;
    use edgefeed::platform::memory::{Fault, Operation};
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let outage = Fault::of(Operation::Append).times(usize::MAX).before(PlatformError::TimedOut);
    server.platform.faults().add(outage);
    publish(&server, "main", "1.0.0");
    server.platform.faults().clear();
    settle(&server);
    assert_eq!(kinds(&changes(&server, "")), Vec::<String>::new());
    futures_executor::block_on(edgefeed::server::scheduled(server.platform.for_request()));
    settle(&server);
    assert_eq!(kinds(&changes(&server, "")), ["addOrUpdate 1.0.0"]);
    futures_executor::block_on(edgefeed::server::scheduled(server.platform.for_request()));
    settle(&server);
    let audit = server.call(&format!("GET {FEEDS}/main/audit"), &server.admin, Value::Null).expect(200);
    assert_eq!(actions(&audit), ["feedCreated", "published"], "once");
}
