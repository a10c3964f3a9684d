//! Tokens: who makes, sees and revokes which; nobody makes a greater one.

use super::rest::{ROOT, Server};
use super::{FEEDS, TOKENS, on};
use edgefeed::store::tokens::{TOKEN_REUSE, USE_INTERVAL};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn a_token_is_told_once() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let token = server.token("restore", on("main", "collaborator"));
    let list = server.call(&format!("GET {TOKENS}"), &server.admin, Value::Null).expect(200);
    assert_eq!(list.body["count"], 2);
    let everything = format!("{:?}{}", server.platform.log_lines(), list.body);
    let stored: String = server
        .platform
        .stored_keys()
        .iter()
        .map(|key| key.clone() + &String::from_utf8_lossy(&server.platform.object(key).unwrap()))
        .collect();
    for text in [everything, stored] {
        assert!(!text.contains(&token) && !text.contains(&server.admin) && !text.contains(ROOT));
    }
}

/// What a maker may put into a token.
#[test]
fn no_token_makes_a_greater_one() {
    let server = Server::new();
    for feed in ["mine", "theirs"] {
        server.feed(json!({ "name": feed }));
    }
    let owner = server.token("manage", on("mine", "administrator"));
    let wish = |scope: &str, grants: Value| json!({ "subject": "x", "scope": scope, "grants": grants });
    let make = |token: &str, body: Value| server.call(&format!("POST {TOKENS}"), token, body);

    make(&owner, wish("manage", on("mine", "administrator"))).expect(201);
    make(&owner, wish("read", on("mine@Release", "reader"))).expect(201);
    make(&owner, wish("read", json!([{ "feed": "mine", "view": "Release", "role": "reader" }]))).expect(201);
    for (what, body) in [
        ("another feed", wish("read", on("theirs", "reader"))),
        (
            "two feeds",
            wish(
                "read",
                json!([{ "feed": "mine", "role": "reader" }, { "feed": "theirs", "role": "reader" }]),
            ),
        ),
        ("the organization", wish("read", json!([{ "organization": true, "role": "reader" }]))),
        ("nothing, which sees every shared view", wish("read", json!([]))),
        (
            "administration",
            json!({ "subject": "x", "scope": "read", "grants": on("mine", "reader"), "administrator": true }),
        ),
        (
            "making feeds",
            json!({ "subject": "x", "scope": "read", "grants": on("mine", "reader"), "feedCreator": true }),
        ),
    ] {
        let status = make(&owner, body).status;
        assert!(matches!(status, 403 | 404), "{what}: {status}");
    }
    // A role below owner, a scope below manage, a role on a view: none of them makes tokens.
    for (scope, grants) in [("manage", on("mine", "contributor")), ("write", on("mine", "administrator"))] {
        let maker = server.token(scope, grants);
        let answer = make(&maker, wish("read", on("mine", "reader"))).expect(403);
        assert!(answer.message().contains("needs Owner on feed `mine`"), "{}", answer.message());
    }
    let viewer = server.token("manage", on("mine@Release", "administrator"));
    make(&viewer, wish("read", on("mine", "reader"))).expect(404);
    make(&viewer, wish("read", on("mine@Release", "reader"))).expect(404);
    // An administrator whose scope is less than `manage` is none.
    let body = json!({ "subject": "x", "scope": "write", "administrator": true });
    let weak = make(&server.admin, body).expect(201).body["token"].as_str().unwrap().to_owned();
    make(&weak, json!({ "subject": "x", "scope": "write", "administrator": true })).expect(403);
    make(&weak, wish("manage", on("mine", "administrator"))).expect(403);
}

#[test]
fn no_token_outlives_its_maker() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let body =
        json!({ "subject": "x", "scope": "manage", "grants": on("main", "owner"), "expiresInDays": 1 });
    let maker = server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201).body;
    assert_eq!(maker["expires"], "2026-11-23T12:00:00.000Z");
    let make = |more: Value| {
        let mut body = json!({ "subject": "x", "scope": "read", "grants": on("main", "reader") });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.call(&format!("POST {TOKENS}"), maker["token"].as_str().unwrap(), body)
    };
    assert_eq!(
        make(json!({})).expect(201).body["expires"],
        maker["expires"],
        "the maker's end, unless said otherwise"
    );
    make(json!({ "expires": "2026-11-22T13:00:00Z" })).expect(201);
    make(json!({ "expiresInDays": 2 })).expect(403);
    make(json!({ "expires": "2026-11-22T11:00:00Z" })).expect(400);
    server.platform.advance(Duration::from_secs(24 * 3600));
    make(json!({})).expect(401);
}

#[test]
fn tokens_are_listed_revoked_and_rotated_by_those_who_could_make_them() {
    let server = Server::new();
    for feed in ["mine", "theirs"] {
        server.feed(json!({ "name": feed }));
    }
    let owner = server.token("manage", on("mine", "administrator"));
    let make = |feed: &str| {
        let body = json!({ "subject": "x", "scope": "read", "grants": on(feed, "reader") });
        server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201).body
    };
    let (mine, theirs) = (make("mine"), make("theirs"));
    let text = |token: &Value, field: &str| token[field].as_str().unwrap().to_owned();
    let listed = server.call(&format!("GET {TOKENS}"), &owner, Value::Null).expect(200).body;
    let ids: Vec<_> = listed["value"].as_array().unwrap().iter().map(|token| text(token, "id")).collect();
    assert!(
        ids.contains(&text(&mine, "id")) && !ids.contains(&text(&theirs, "id")) && ids.len() == 2,
        "{ids:?}"
    );

    let reader = text(&mine, "token");
    let own = server.call(&format!("GET {TOKENS}"), &reader, Value::Null).expect(200).body;
    assert_eq!((&own["count"], &own["value"][0]["id"]), (&json!(1), &mine["id"]), "a reader sees its own");

    let rotate = |id: &Value, token: &str| {
        server.call(&format!("POST {TOKENS}/{}/rotate", id.as_str().unwrap()), token, Value::Null)
    };
    rotate(&theirs["id"], &owner).expect(404);
    let next = rotate(&mine["id"], &owner).expect(201).body;
    assert_eq!((&next["grants"], &next["subject"]), (&mine["grants"], &mine["subject"]));
    server.call(&format!("GET {FEEDS}/mine"), &reader, Value::Null).expect(401);
    server.call(&format!("GET {FEEDS}/mine"), &text(&next, "token"), Value::Null).expect(200);
    rotate(&mine["id"], &owner).expect(409);

    let revoke = |id: &Value, token: &str| {
        server.call(&format!("DELETE {TOKENS}/{}", id.as_str().unwrap()), token, Value::Null)
    };
    revoke(&theirs["id"], &owner).expect(404);
    revoke(&theirs["id"], &text(&next, "token")).expect(404);
    revoke(&json!("nonsense"), &server.admin).expect(404);
    revoke(&next["id"], &text(&next, "token")).expect(204);
    server.call(&format!("GET {FEEDS}/mine"), &text(&next, "token"), Value::Null).expect(401);
    revoke(&theirs["id"], &server.admin).expect(204);
}

#[test]
fn a_revoked_token_that_an_isolate_remembers_makes_no_new_ones() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let owner = server.token("manage", on("main", "administrator"));
    let elsewhere = server.platform.elsewhere();
    let at = |what: &str, body: Value| server.call_at(&elsewhere, what, &owner, body, &[]);
    let own = at(&format!("GET {TOKENS}"), Value::Null).expect(200).body["value"][0]["id"].clone();
    server.call(&format!("DELETE {TOKENS}/{}", own.as_str().unwrap()), &owner, Value::Null).expect(204);
    at(&format!("GET {FEEDS}/main"), Value::Null).expect(200);
    at(&format!("POST {TOKENS}"), json!({ "subject": "x", "scope": "read", "grants": on("main", "reader") }))
        .expect(401);
    at(&format!("POST {TOKENS}/{}/rotate", own.as_str().unwrap()), Value::Null).expect(401);
}

#[test]
fn tokens_of_another_organization_are_strangers() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let stranger = server.organization("globex");
    server.call(&format!("GET {FEEDS}/main"), &stranger, Value::Null).expect(404);
    server.call(&format!("POST {FEEDS}"), &stranger, json!({ "name": "x" })).expect(403);
    server.call(&format!("GET {TOKENS}"), &stranger, Value::Null).expect(403);
    assert_eq!(server.call(&format!("GET {FEEDS}"), &stranger, Value::Null).expect(200).body["count"], 0);
    server.call(&format!("GET {FEEDS}/main"), "", Value::Null).expect(401);
    server.call(&format!("GET {FEEDS}"), "", Value::Null).expect(401);
}

#[test]
fn a_feed_creator_owns_what_it_creates_and_nothing_else() {
    let server = Server::new();
    server.feed(json!({ "name": "other" }));
    let body = json!({ "subject": "ci", "scope": "manage", "feedCreator": true });
    let creator =
        server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201).body["token"].clone();
    let creator = creator.as_str().unwrap();
    server.call(&format!("POST {FEEDS}"), creator, json!({ "name": "other" })).expect(409);
    let feed = server.call(&format!("POST {FEEDS}"), creator, json!({ "name": "own" })).expect(201).body;
    server.call(&format!("PATCH {FEEDS}/own"), creator, json!({ "description": "x" })).expect(200);
    server.call(&format!("PATCH {FEEDS}/other"), creator, json!({ "description": "x" })).expect(404);
    let list = server.call(&format!("GET {TOKENS}"), creator, Value::Null).expect(200).body;
    assert_eq!(
        list["value"][0]["grants"],
        on(feed["id"].as_str().unwrap(), "administrator"),
        "nothing is left of the other"
    );
    for (scope, flags) in [("read", json!(true)), ("manage", json!(false))] {
        let body = json!({ "subject": "ci", "scope": scope, "feedCreator": flags });
        let token =
            server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201).body["token"].clone();
        server.call(&format!("POST {FEEDS}"), token.as_str().unwrap(), json!({ "name": "x" })).expect(403);
    }
}

#[test]
fn a_token_is_void_once_the_one_it_was_made_with_is_revoked() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let make = |token: &str| {
        let body = json!({ "subject": "x", "scope": "manage", "grants": on("main", "administrator") });
        server.call(&format!("POST {TOKENS}"), token, body)
    };
    let text = |token: &Value, field: &str| token[field].as_str().unwrap().to_owned();
    let first = make(&server.admin).expect(201).body;
    let mut chain = vec![first.clone()];
    for _ in 1..4 {
        chain.push(make(&text(chain.last().unwrap(), "token")).expect(201).body);
    }
    assert_eq!(chain[1]["madeWith"], first["id"]);
    let refused = make(&text(&chain[3], "token")).expect(403);
    assert!(refused.message().contains("4 times over"), "{}", refused.message());
    let elsewhere = server.platform.elsewhere();
    let what = format!("GET {FEEDS}/main");
    let last = text(&chain[3], "token");
    let there = || server.call_at(&elsewhere, &what, &last, Value::Null, &[]);
    there().expect(200);
    server.call(&what, &last, Value::Null).expect(200);
    server.call(&format!("DELETE {TOKENS}/{}", text(&first, "id")), &server.admin, Value::Null).expect(204);
    for token in &chain[1..] {
        let void = server.call(&what, &text(token, "token"), Value::Null).expect(401);
        assert!(void.message().contains("was made with one that was revoked"), "{}", void.message());
    }
    there().expect(200);
    server.platform.advance(TOKEN_REUSE);
    there().expect(401);
    // One that has its maker's end goes on to that end, though the maker is rotated no more.
    let body =
        json!({ "subject": "x", "scope": "manage", "grants": on("main", "owner"), "expiresInDays": 1 });
    let maker = server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201).body;
    let child = make(&text(&maker, "token")).expect(201).body;
    server
        .call(&format!("POST {TOKENS}/{}/rotate", text(&child, "id")), &server.admin, Value::Null)
        .expect(201);
    server.call(&what, &text(&child, "token"), Value::Null).expect(401);
}

#[test]
fn logging_in_again_and_again_makes_no_endless_chain() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let mut token = server.token("manage", on("main", "administrator"));
    for attempt in 1..=4 {
        let body = json!({ "name": "someone", "password": token });
        let what = "PUT /acme/_packaging/main/npm/registry/-/user/org.couchdb.user:someone";
        let answer = server.call(what, "", body);
        let answer = answer.expect(if attempt < 4 { 201 } else { 403 });
        token = answer.body["token"].as_str().unwrap_or_default().to_owned();
    }
}

#[test]
fn when_a_token_was_last_used_is_known_to_the_hour() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let body = json!({ "subject": "ci", "scope": "read", "grants": on("main", "reader") });
    let token = server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201).body;
    let path = format!("GET {TOKENS}/{}", token["id"].as_str().unwrap());
    let used = || server.call(&path, &server.admin, Value::Null).expect(200).body["lastUsed"].clone();
    assert_eq!(used(), Value::Null);
    let use_it = |isolate: &edgefeed::platform::memory::MemoryPlatform| {
        let what = format!("GET {FEEDS}/main");
        server.call_at(isolate, &what, token["token"].as_str().unwrap(), Value::Null, &[]).expect(200);
    };
    use_it(&server.platform);
    assert_eq!(used(), "2026-11-22T12:00:00.000Z");
    let key = format!("v1/organizations/acme/used/{}", token["id"].as_str().unwrap());
    let writes = || {
        let log = server.platform.operation_log();
        log.iter()
            .filter(|(operation, at)| {
                *at == key && *operation == edgefeed::platform::memory::Operation::Overwrite
            })
            .count()
    };
    server.platform.advance(USE_INTERVAL / 2);
    for _ in 0..3 {
        use_it(&server.platform.elsewhere());
        use_it(&server.platform);
    }
    assert_eq!((writes(), used()), (1, json!("2026-11-22T12:00:00.000Z")));
    server.platform.advance(USE_INTERVAL / 2);
    use_it(&server.platform.elsewhere());
    assert_eq!((writes(), used()), (2, json!("2026-11-22T13:00:00.000Z")));
    let listed =
        server.call(&format!("GET {TOKENS}?subject=ci"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(
        (&listed["count"], &listed["value"][0]["lastUsed"]),
        (&json!(1), &json!("2026-11-22T13:00:00.000Z"))
    );
    server.call(&format!("GET {TOKENS}/nonsense"), &server.admin, Value::Null).expect(404);
}
