//! Versions: promoted, relisted, deleted, restored, one by one and in batches.

use super::rest::Server;
use super::{FEEDS, on, roles};
use edgefeed::platform::Platform as _;
use serde_json::{Value, json};
use std::time::Duration;

/// Role by role, with the message that says what is missing.
#[test]
fn versions_are_changed_by_those_who_may() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    server.publish(&feed, "lib", "1.0.0");
    let version = format!("{FEEDS}/main/npm/packages/lib/versions/1.0.0");
    let bin = format!("{FEEDS}/main/npm/RecycleBin/packages/lib/versions/1.0.0");
    let promote = json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } });
    let demote = json!({ "views": { "op": "remove", "path": "/views/Release" } });
    let deprecate = json!({ "deprecateMessage": "old" });
    let table = [
        (format!("GET {version}"), Value::Null, "reader"),
        (format!("PATCH {version}"), promote, "contributor"),
        (format!("PATCH {version}"), deprecate, "contributor"),
        (format!("PATCH {version}"), json!({ "listed": false }), "contributor"),
        (format!("PATCH {version}"), demote, "administrator"),
        (format!("GET {FEEDS}/main/npm/packages/lib/upstreaming"), Value::Null, "reader"),
        (
            format!("PATCH {FEEDS}/main/npm/packages/lib/upstreaming"),
            json!({ "versionsFromExternalUpstreams": "AllowExternalVersions" }),
            "administrator",
        ),
        (format!("DELETE {version}"), Value::Null, "administrator"),
        (format!("GET {bin}"), Value::Null, "reader"),
        (format!("PATCH {bin}"), json!({ "deleted": false }), "administrator"),
        (format!("PATCH {FEEDS}/main"), json!({ "description": "x" }), "administrator"),
    ];
    let callers = roles(&server, "main");
    for (what, body, least) in table {
        let least = callers.iter().position(|(role, _)| *role == least).unwrap();
        for (index, (role, token)) in callers.iter().enumerate() {
            let answer = server.call(&what, token, body.clone());
            if index < least {
                assert_eq!(answer.status, 403, "{what} {body} as {role}: {}", answer.body);
                assert!(
                    answer.message().contains("An owner of the feed can grant it"),
                    "{}",
                    answer.message()
                );
            } else {
                assert_eq!(answer.status, 200, "{what} {body} as {role}: {}", answer.body);
            }
        }
        server.call(&what, "", body).expect(401);
    }
}

#[test]
fn a_version_tells_what_became_of_it() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    server.publish(&feed, "@scope/lib", "1.0.0");
    server.save(&feed, "@scope/lib", "0.9.0");
    let versions = format!("{FEEDS}/main/npm/packages/@scope%2flib/versions");
    let call = |what: &str, body: Value| {
        server.platform.advance(Duration::from_secs(1));
        server.call(what, &server.admin, body)
    };
    let body = json!({ "views": [{ "op": "add", "path": "/views/-", "value": "Release" }], "listed": false, "deprecateMessage": "old" });
    let changed = call(&format!("PATCH {versions}/1.0.0"), body).expect(200).body;
    assert_eq!(changed["views"].as_array().unwrap().len(), 2);
    assert_eq!((&changed["isListed"], &changed["deprecateMessage"]), (&json!(false), &json!("old")));
    let undone = call(&format!("PATCH {versions}/1.0.0"), json!({ "deprecateMessage": "", "listed": true }))
        .expect(200)
        .body;
    assert_eq!((&undone["isListed"], &undone["deprecateMessage"]), (&json!(true), &Value::Null));
    let saved = call(&format!("GET {versions}/0.9.0"), Value::Null).expect(200).body;
    assert_eq!(
        (&saved["isCachedVersion"], &saved["sourceChain"][0]["name"]),
        (&json!(true), &json!("registry"))
    );
    assert_eq!(saved["directUpstreamSourceId"], saved["sourceChain"][0]["id"]);
    let through_view = format!("GET {FEEDS}/main@Release/npm/packages/@scope/lib/versions");
    call(&format!("{through_view}/1.0.0"), Value::Null).expect(200);
    call(&format!("{through_view}/0.9.0"), Value::Null).expect(404);

    let deleted = call(&format!("DELETE {versions}/1.0.0"), Value::Null).expect(200).body;
    let goes = server.platform.now().plus(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(deleted["scheduledPermanentDeleteDate"], json!(goes));
    let gone = call(&format!("GET {versions}/1.0.0"), Value::Null).expect(404);
    assert!(gone.message().contains("never used again"));
    assert_eq!(
        call(&format!("GET {versions}/1.0.0?showDeleted=true"), Value::Null).expect(200).body["isDeleted"],
        true
    );
    let bin = format!("{FEEDS}/main/npm/RecycleBin/packages/@scope/lib/versions/1.0.0");
    call(&format!("PATCH {bin}"), json!({ "deleted": true })).expect(400);
    let restored = call(&format!("PATCH {bin}"), json!({ "deleted": false })).expect(200).body;
    assert_eq!((&restored["isDeleted"], restored["views"].as_array().unwrap().len()), (&json!(false), 2));
    call(&format!("GET {bin}"), Value::Null).expect(404);
    call(&format!("DELETE {bin}"), Value::Null).expect(404);
    call(&format!("DELETE {versions}/1.0.0"), Value::Null).expect(200);
    call(&format!("DELETE {bin}"), Value::Null).expect(204);
    call(&format!("PATCH {bin}"), json!({ "deleted": false })).expect(404);
    let purged = call(&format!("GET {versions}/1.0.0?showDeleted=true"), Value::Null).expect(200).body;
    assert!(purged["permanentlyDeletedDate"].is_string());
    for (what, status) in [("1.2.3", 404), ("nonsense", 400)] {
        call(&format!("GET {versions}/{what}"), Value::Null).expect(status);
    }
    call(&format!("PATCH {versions}/0.9.0"), json!({})).expect(400);
    call(&format!("PATCH {versions}/0.9.0"), json!({ "views": { "op": "add", "value": "Nope" } }))
        .expect(404);
}

/// A role on a view, however high, is none on the feed.
#[test]
fn owning_a_view_is_not_owning_the_feed() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    server.publish(&feed, "lib", "1.0.0");
    let viewer = server.token("manage", on("main@Release", "administrator"));
    for path in ["main", "main@Release"] {
        let version = format!("{FEEDS}/{path}/npm/packages/lib/versions/1.0.0");
        for (what, body) in [
            (format!("PATCH {FEEDS}/{path}"), json!({ "isPublic": true })),
            (format!("DELETE {FEEDS}/{path}"), Value::Null),
            (format!("POST {FEEDS}/{path}/views"), json!({ "name": "x" })),
            (format!("PATCH {version}"), json!({ "views": { "op": "add", "value": "Release" } })),
            (format!("DELETE {version}"), Value::Null),
            (
                format!("POST {FEEDS}/{path}/npm/packagesbatch"),
                json!({ "operation": "delete", "packages": [{ "id": "lib", "version": "1.0.0" }] }),
            ),
        ] {
            let status = server.call(&what, &viewer, body).status;
            assert!(matches!(status, 403 | 404 | 409), "{what}: {status}");
        }
    }
    let views =
        server.call(&format!("GET {FEEDS}/main@Release/views"), &viewer, Value::Null).expect(200).body;
    assert_eq!((&views["count"], &views["value"][0]["name"]), (&json!(1), &json!("Release")));
}

#[test]
fn a_batch_answers_for_each_of_its_items() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    for version in ["1.0.0", "2.0.0"] {
        server.publish(&feed, "lib", version);
    }
    let batch =
        |token: &str, body: Value| server.call(&format!("POST {FEEDS}/main/npm/packagesbatch"), token, body);
    let items = json!([{ "id": "lib", "version": "1.0.0" }, { "id": "lib", "version": "3.0.0" }, { "id": "lib", "version": "2.0.0" }]);
    let promote = json!({ "operation": "promote", "data": { "viewId": "Release" }, "packages": items });
    let done = batch(&server.admin, promote.clone()).expect(409).body;
    let results = done["customProperties"]["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|item| item["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 404, 200]);
    for (operation, data) in [
        ("deprecate", json!({ "message": "old" })),
        ("list", json!({ "listed": false })),
        ("yank", Value::Null),
        ("unpublish", Value::Null),
    ] {
        let body = json!({ "operation": operation, "data": data, "packages": [{ "id": "lib", "version": "1.0.0" }] });
        let answer = batch(&server.admin, body).expect(200).body;
        assert_eq!(answer["failed"], 0, "{operation}: {answer}");
    }
    let [(_, reader), _, (_, contributor), _] = roles(&server, "main");
    batch(&reader, promote.clone()).expect(403);
    batch(&contributor, promote).expect(409);
    batch(&contributor, json!({ "operation": "delete", "packages": [] })).expect(403);
    batch(&server.admin, json!({ "operation": "explode", "packages": [] })).expect(400);
    let many: Vec<_> = (0..101).map(|_| json!({ "id": "lib", "version": "1.0.0" })).collect();
    batch(&server.admin, json!({ "operation": "delete", "packages": many })).expect(400);
}

#[test]
fn behavior_may_be_set_before_first_use() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let path = format!("{FEEDS}/main/npm/packages/@s/unseen/upstreaming");
    let get = || server.call(&format!("GET {path}"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(get(), json!({ "versionsFromExternalUpstreams": "auto" }));
    let body = json!({ "versionsFromExternalUpstreams": "AllowExternalVersions" });
    server.call(&format!("PATCH {path}"), &server.admin, body).expect(200);
    assert_eq!(get(), json!({ "versionsFromExternalUpstreams": "allowExternalVersions" }));
    server
        .call(&format!("PATCH {path}"), &server.admin, json!({ "versionsFromExternalUpstreams": "never" }))
        .expect(400);
}
