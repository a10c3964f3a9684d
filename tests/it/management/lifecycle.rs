//! What a feed is called and how it is set: renaming, disabling, the default view; and what is left when it dies half-way.

use super::rest::Server;
use super::{FEEDS, at_every_step, on, roles};
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::{Fault, Operation};
use edgefeed::store::feeds::{FEED_REUSE, RENAMING};
use futures_executor::block_on;
use serde_json::{Value, json};
use std::time::Duration;

fn get(server: &Server, what: &str) -> u16 {
    let elsewhere = server.platform.elsewhere();
    server.call_at(&elsewhere, &format!("GET {what}"), &server.admin, Value::Null, &[]).status
}

fn names(server: &Server) -> Vec<String> {
    let list = server.call(&format!("GET {FEEDS}"), &server.admin, Value::Null).expect(200).body;
    list["value"].as_array().unwrap().iter().map(|feed| feed["name"].as_str().unwrap().to_owned()).collect()
}

fn rename(server: &Server, feed: &str, name: &str) -> super::rest::Answer {
    server.call(&format!("PATCH {FEEDS}/{feed}"), &server.admin, json!({ "name": name }))
}

#[test]
fn a_renamed_feed_answers_to_its_new_name_and_its_id() {
    let server = Server::new();
    let id = server.feed(json!({ "name": "main" }));
    server.publish(&id, "own", "1.0.0");
    let elsewhere = server.platform.elsewhere();
    let there = |feed: &str| {
        server.call_at(&elsewhere, &format!("GET {FEEDS}/{feed}"), &server.admin, Value::Null, &[]).status
    };
    assert_eq!(there("main"), 200);
    let etag =
        server.call(&format!("GET {FEEDS}/main"), &server.admin, Value::Null).header("etag").to_owned();
    let body = json!({ "name": "Core", "description": "renamed" });
    let what = format!("PATCH {FEEDS}/main");
    server.call_with(&what, &server.admin, body.clone(), &[("if-match", "\"7\"")]).expect(412);
    let renamed = server.call_with(&what, &server.admin, body, &[("if-match", &etag)]).expect(200);
    assert_eq!((&renamed.body["name"], &renamed.body["description"]), (&json!("Core"), &json!("renamed")));
    assert_eq!((&renamed.body["id"], &renamed.body["fullyQualifiedName"]), (&json!(id), &json!("Core")));
    for (feed, status) in [("main", 404), ("core", 200), (id.as_str(), 200)] {
        let address = format!("/acme/_packaging/{feed}/npm/registry/own");
        assert_eq!(get(&server, &format!("{FEEDS}/{feed}")), status, "{feed}");
        assert_eq!(get(&server, &address), status, "{address}");
    }
    assert_eq!(there("main"), 200, "another isolate remembers it");
    server.platform.advance(FEED_REUSE);
    assert_eq!(there("main"), 404, "for so long");
    assert_eq!(names(&server), ["Core"]);
    assert!(
        !server.platform.stored_keys().contains(&"v1/names/acme/main".to_owned()),
        "the name is released"
    );
    server.feed(json!({ "name": "main" }));
    rename(&server, "main", "CORE").expect(409);
    rename(&server, "core", "cORE").expect(200);
    assert_eq!(names(&server), ["cORE", "main"], "case is changed without another name");
    rename(&server, "core", "other").expect(200);
    rename(&server, "other", "core").expect(200);
    assert_eq!(get(&server, &format!("{FEEDS}/core")), 200, "there and back");
    for bad in ["a b", "11111111-1111-4111-8111-111111111111", ""] {
        rename(&server, "core", bad).expect(400);
    }
    let before =
        server.call(&format!("GET {FEEDS}/core"), &server.admin, Value::Null).header("etag").to_owned();
    rename(&server, "core", "main").expect(409);
    let after = server.call(&format!("GET {FEEDS}/core"), &server.admin, Value::Null);
    assert_eq!(after.header("etag"), before, "what was refused changed nothing");
}

#[test]
fn a_project_has_names_of_its_own() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    server.call("POST /acme/web/_apis/packaging/feeds", &server.admin, json!({ "name": "site" })).expect(201);
    let what = "PATCH /acme/web/_apis/packaging/feeds/site";
    server.call(what, &server.admin, json!({ "name": "main" })).expect(200);
    assert_eq!(get(&server, "/acme/web/_apis/packaging/feeds/main"), 200);
    assert_eq!(names(&server), ["main", "main"]);
}

fn one_feed() -> (Server, String) {
    let server = Server::new();
    let id = server.feed(json!({ "name": "main" }));
    (server, id)
}

#[test]
fn a_renaming_that_died_half_way_is_completed_by_its_retry() {
    let attempt = |(server, id): &(Server, String), steps: usize| {
        super::crash(server, &format!("PATCH {FEEDS}/{id}"), json!({ "name": "core" }), steps)
    };
    at_every_step(one_feed, attempt, |(server, id), steps| {
        let answers = [get(server, &format!("{FEEDS}/main")), get(server, &format!("{FEEDS}/core"))];
        assert!(matches!(answers, [200, 404] | [404, 200]), "after {steps}: {answers:?}");
        assert_eq!(get(server, &format!("{FEEDS}/{id}")), 200, "after {steps}");
        assert_eq!(names(server).len(), 1, "after {steps}");
        server.platform.advance(FEED_REUSE);
        rename(server, id, "core").expect(200);
        let answers = [get(server, &format!("{FEEDS}/main")), get(server, &format!("{FEEDS}/core"))];
        assert_eq!(answers, [404, 200], "after {steps}");
        server.platform.advance(RENAMING);
        server.feed(json!({ "name": "main" }));
        assert_eq!(get(server, &format!("{FEEDS}/main")), 200, "after {steps}: its old name is free");
    });
}

#[test]
fn a_name_that_a_dead_renaming_claimed_is_free_after_a_minute() {
    let attempt = |(server, id): &(Server, String), steps: usize| {
        super::crash(server, &format!("PATCH {FEEDS}/{id}"), json!({ "name": "core" }), steps)
    };
    at_every_step(one_feed, attempt, |(server, id), steps| {
        server.platform.advance(RENAMING);
        let free = if names(server) == ["main"] { "core" } else { "main" };
        let second = server.feed(json!({ "name": free }));
        let found = server.call(&format!("GET {FEEDS}/{free}"), &server.admin, Value::Null).expect(200).body;
        assert_eq!(found["id"], second, "after {steps}");
        rename(server, id, free).expect(409);
        assert_eq!(names(server), ["core", "main"], "after {steps}");
    });
}

#[test]
fn of_two_that_want_one_name_one_gets_it() {
    for delayed in 0..12 {
        let server = Server::new();
        for name in ["one", "two"] {
            server.feed(json!({ "name": name }));
        }
        let request = async |feed: &str, pauses: usize| {
            for _ in 0..pauses {
                futures_util::future::join(std::future::ready(()), yield_once()).await;
            }
            let what = format!("PATCH {FEEDS}/{feed}");
            let elsewhere = server.platform.elsewhere();
            server.fetch(&elsewhere, &what, &server.admin, json!({ "name": "core" }), &[]).await.0.as_u16()
        };
        let both = futures_util::future::join(request("one", 0), request("two", delayed));
        let mut statuses = <[u16; 2]>::from(block_on(both));
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{delayed}");
        assert_eq!(names(&server).iter().filter(|name| *name == "core").count(), 1, "{delayed}");
        assert_eq!(get(&server, &format!("{FEEDS}/core")), 200, "{delayed}");
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn writes_of_a_renaming_that_were_reported_lost_are_repeated() {
    for (operation, key) in [
        (Operation::Replace, "/feeds/"),
        (Operation::Create, "/names/acme/core"),
        (Operation::Delete, "/names/"),
    ] {
        let (server, id) = one_feed();
        server.platform.faults().add(Fault::of(operation).on(key).after(PlatformError::TimedOut));
        let what = format!("PATCH {FEEDS}/{id}");
        let first =
            block_on(server.fetch(&server.platform, &what, &server.admin, json!({ "name": "core" }), &[]));
        assert!(matches!(first.0.as_u16(), 200 | 503), "{key}: {}", first.0);
        rename(&server, &id, "core").expect(200);
        assert_eq!(names(&server), ["core"], "{key}");
    }
}

#[test]
fn all_of_it_fits_one_write_per_second_and_key() {
    let (server, id) = one_feed();
    server.platform.advance(Duration::from_secs(5));
    rename(&server, &id, "core").expect(200);
    let body = json!([{ "identityDescriptor": "alice", "role": "reader" }]);
    server.call(&format!("PATCH {FEEDS}/core/permissions"), &server.admin, body).expect(200);
    rename(&server, "core", "main").expect(200);
    server.call(&format!("DELETE {FEEDS}/main"), &server.admin, Value::Null).expect(204);
    let bin = format!("/acme/_apis/packaging/feedrecyclebin/{id}");
    let restore = json!([{ "op": "replace", "path": "/isDeleted", "value": false }]);
    server.call(&format!("PATCH {bin}"), &server.admin, restore).expect(204);
    server.call(&format!("DELETE {FEEDS}/main"), &server.admin, Value::Null).expect(204);
    server.call(&format!("DELETE {bin}"), &server.admin, Value::Null).expect(204);
}

#[test]
fn a_disabled_feed_refuses_all_but_its_settings() {
    let server = Server::new();
    let id = server.feed(json!({ "name": "main", "isPublic": true }));
    server.publish(&id, "own", "1.0.0");
    let feed = format!("{FEEDS}/main");
    let patch = |body: Value| server.call(&format!("PATCH {feed}"), &server.admin, body);
    let mixed = patch(json!({ "isEnabled": false, "description": "x" })).expect(400);
    assert!(mixed.message().contains("send it alone"), "{}", mixed.message());
    patch(json!({ "isEnabled": false, "name": "other" })).expect(400);
    assert_eq!(patch(json!({ "isEnabled": false })).expect(200).body["isEnabled"], false);
    for path in [
        "npm/registry/own",
        "pypi/simple/own/",
        "nuget/v3/index.json",
        "maven/v1/a/b/maven-metadata.xml",
        "Cargo/index/config.json",
    ] {
        for token in [server.admin.as_str(), ""] {
            let what = format!("GET /acme/_packaging/main/{path}");
            let (status, _, body) = block_on(server.fetch(&server.platform, &what, token, Value::Null, &[]));
            assert_eq!(status, 403, "{path}");
            let text = String::from_utf8_lossy(&body);
            assert!(text.contains("feed `main` is disabled"), "{path}: {text}");
        }
    }
    let version = format!("{feed}/npm/packages/own/versions/1.0.0");
    for what in
        [format!("GET {version}"), format!("DELETE {version}"), format!("POST {feed}/npm/packagesbatch")]
    {
        let refused =
            server.call(&what, &server.admin, json!({ "operation": "delete", "packages": [] })).expect(403);
        assert!(refused.message().contains("is disabled"), "{what}");
    }
    for what in [format!("GET {feed}"), format!("GET {feed}/views"), format!("GET {feed}/permissions")] {
        server.call(&what, &server.admin, Value::Null).expect(200);
    }
    patch(json!({ "description": "x" })).expect(200);
    let whole = server.call(&format!("GET {feed}"), &server.admin, Value::Null).expect(200).body;
    patch(whole).expect(200);
    let reader = server.token("manage", on("main", "contributor"));
    server.call(&format!("PATCH {feed}"), &reader, json!({ "isEnabled": true })).expect(403);
    patch(json!({ "isEnabled": true })).expect(200);
    server.call(&format!("GET {version}"), &server.admin, Value::Null).expect(200);
}

#[test]
fn a_disabled_feed_is_no_source() {
    let server = Server::new();
    let id = server.feed(json!({ "name": "inner" }));
    server.publish(&id, "own", "1.0.0");
    let source = json!({ "name": "inner", "protocol": "npm", "location": "azure-feed://acme/inner@Local" });
    server.feed(json!({ "name": "outer", "upstreamSources": [source] }));
    server.call(&format!("PATCH {FEEDS}/inner"), &server.admin, json!({ "isEnabled": false })).expect(200);
    let what = "GET /acme/_packaging/outer/npm/registry/own";
    let (status, _, body) = block_on(server.fetch(&server.platform, what, &server.admin, Value::Null, &[]));
    assert_eq!(status, 502);
    assert!(String::from_utf8_lossy(&body).contains("its feed is disabled"));
    let outer = server.call(&format!("GET {FEEDS}/outer"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(outer["upstreamSources"][0]["health"]["reason"], "its feed is disabled");
}

#[test]
fn a_source_is_the_feed_it_was_whatever_that_is_called_now() {
    let server = Server::new();
    let id = server.feed(json!({ "name": "inner" }));
    server.publish(&id, "own", "1.0.0");
    let source = json!({ "name": "inner", "protocol": "npm", "location": "azure-feed://acme/inner@Local" });
    server.feed(json!({ "name": "outer", "upstreamSources": [source] }));
    let outer = || server.call(&format!("GET {FEEDS}/outer"), &server.admin, Value::Null).expect(200).body;
    let before = outer()["upstreamSources"][0]["id"].clone();
    server.call(&format!("PATCH {FEEDS}/inner"), &server.admin, json!({ "name": "core" })).expect(200);
    server.feed(json!({ "name": "inner" }));
    let what = "GET /acme/_packaging/outer/npm/registry/own";
    let (status, ..) = block_on(server.fetch(&server.platform, what, &server.admin, Value::Null, &[]));
    assert_eq!(status, 200, "it leads where it led");
    let told = outer();
    assert_eq!(told["upstreamSources"][0]["location"], "azure-feed://acme/core@Local");
    server.call(&format!("PATCH {FEEDS}/outer"), &server.admin, told).expect(200);
    let after = &outer()["upstreamSources"][0];
    assert_eq!((&after["id"], &after["internalUpstreamFeedId"]), (&before, &json!(id)), "and is the same");
}

#[test]
fn settings_are_kept_and_shown() {
    let server = Server::new();
    let id = server.feed(json!({ "name": "main", "badgesEnabled": true, "defaultViewId": "Release" }));
    let feed = format!("{FEEDS}/main");
    let views = server.call(&format!("GET {feed}/views"), &server.admin, Value::Null).expect(200).body;
    let view = |index: usize| views["value"][index]["id"].clone();
    let get = || server.call(&format!("GET {feed}"), &server.admin, Value::Null).expect(200).body;
    assert_eq!((&get()["badgesEnabled"], &get()["defaultViewId"]), (&json!(true), &view(2)));
    let patch = |body: Value| server.call(&format!("PATCH {feed}"), &server.admin, body);
    patch(json!({ "defaultViewId": view(1), "hideDeletedPackageVersions": false, "badgesEnabled": false }))
        .expect(200);
    assert_eq!(
        (&get()["defaultViewId"], &get()["hideDeletedPackageVersions"], &get()["badgesEnabled"]),
        (&view(1), &json!(false), &json!(false))
    );
    let refused =
        server.call(&format!("DELETE {feed}/views/Prerelease"), &server.admin, Value::Null).expect(409);
    assert!(refused.message().contains("default view"), "{}", refused.message());
    patch(json!({ "defaultViewId": "nope" })).expect(400);
    patch(json!({ "defaultViewId": "local" })).expect(200);
    assert_eq!(get()["defaultViewId"], view(0));
    let stale = [("if-match", "\"1\"")];
    server
        .call_with(&format!("DELETE {feed}/views/Prerelease"), &server.admin, Value::Null, &stale)
        .expect(412);
    server
        .call_with(&format!("POST {feed}/views"), &server.admin, json!({ "name": "QA" }), &stale)
        .expect(412);
    server
        .call(&format!("DELETE {feed}/views/{}", view(1).as_str().unwrap()), &server.admin, Value::Null)
        .expect(204);

    let through = server.call(&format!("GET {feed}@Release"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(
        (&through["viewName"], &through["viewId"], &through["isReadOnly"]),
        (&json!("Release"), &view(2), &json!(true))
    );
    assert_eq!(through["_links"]["self"]["href"], through["url"]);
    let by_id = format!("{FEEDS}/{id}@{}", view(2).as_str().unwrap());
    assert_eq!(
        server.call(&format!("GET {by_id}"), &server.admin, Value::Null).expect(200).body["viewName"],
        "Release"
    );
    let read_only = server
        .call(&format!("PATCH {feed}@Release"), &server.admin, json!({ "description": "x" }))
        .expect(409);
    assert!(read_only.message().contains("read-only"), "{}", read_only.message());
}

#[test]
fn lists_of_feeds_come_in_pages_of_bounded_cost() {
    let server = Server::new();
    for number in 0..25 {
        server.feed(json!({ "name": format!("feed-{number:02}") }));
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        server.platform.clear_operation_log();
        let page =
            server.call(&format!("GET {FEEDS}?$top=10{next}"), &server.admin, Value::Null).expect(200).body;
        assert!(server.platform.operation_log().len() <= 23, "{:?}", server.platform.operation_log().len());
        seen.extend(page["value"].as_array().unwrap().iter().map(|feed| feed["name"].clone()));
        let Some(token) = page["continuationToken"].as_str() else { break };
        next = format!(
            "&continuationToken={}",
            percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC)
        );
    }
    assert_eq!(seen.len(), 25);
    for bad in ["$top=0", "$top=401", "$top=x", "feedRole=king"] {
        server.call(&format!("GET {FEEDS}?{bad}"), &server.admin, Value::Null).expect(400);
    }
    let list = |query: &str, token: &str| {
        server.call(&format!("GET {FEEDS}?{query}"), token, Value::Null).expect(200).body
    };
    let plain = list("includeUrls=false&includeDeletedUpstreams=true", &server.admin);
    assert!(plain["value"][0].get("_links").is_none() && plain["value"][0].get("url").is_none());
    for (index, (role, token)) in roles(&server, "feed-07").iter().enumerate() {
        for (least, wanted) in ["reader", "Collaborator", "contributor", "administrator"].iter().enumerate() {
            let count = list(&format!("feedRole={wanted}"), token)["count"].as_u64().unwrap();
            assert_eq!(count, u64::from(index >= least), "{role} asks for {wanted}");
        }
    }
}
