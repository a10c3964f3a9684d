//! Permissions of subjects and groups: on feeds, on views, in the organization; and that no token comes by more than its maker.

use super::rest::{Answer, ROOT, Server};
use super::{FEEDS, TOKENS, on, roles};
use edgefeed::store::feeds::FEED_REUSE;
use edgefeed::store::tokens::TOKEN_REUSE;
use futures_executor::block_on;
use serde_json::{Value, json};

const GLOBAL: &str = "/acme/_apis/packaging/globalpermissions";

fn give(descriptor: &str, role: &str) -> Value {
    json!([{ "identityDescriptor": descriptor, "role": role }])
}

fn permit(server: &Server, feed: &str, descriptor: &str, role: &str) -> Answer {
    let what = format!("PATCH {FEEDS}/{feed}/permissions");
    server.call(&what, &server.admin, give(descriptor, role)).expect(200)
}

/// A token that carries nothing but whom it is for.
fn bare(server: &Server, subject: &str, scope: &str, groups: &[&str]) -> String {
    let body = json!({ "subject": subject, "scope": scope, "groups": groups });
    made(&server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201))
}

fn made(answer: &Answer) -> String {
    answer.body["token"].as_str().unwrap().to_owned()
}

fn npm(server: &Server, feed: &str, token: &str) -> u16 {
    let what = format!("GET /acme/_packaging/{feed}/npm/registry/own");
    block_on(server.fetch(&server.platform, &what, token, Value::Null, &[])).0.as_u16()
}

/// The greatest thing a token may do on a feed.
fn right(server: &Server, feed: &str, token: &str) -> &'static str {
    let status = |what: String, body: Value| server.call(&what, token, body).status;
    let version = format!("{FEEDS}/{feed}/npm/packages/own/versions/1.0.0");
    if status(format!("GET {FEEDS}/{feed}"), Value::Null) != 200 {
        return "nothing";
    }
    if status(format!("PATCH {FEEDS}/{feed}"), json!({ "description": "x" })) == 200 {
        return "administrator";
    }
    if status(format!("PATCH {version}"), json!({ "listed": true })) == 200 {
        "contributor"
    } else {
        "reader"
    }
}

fn main_feed() -> Server {
    let server = Server::new();
    let id = server.feed(json!({ "name": "main" }));
    server.publish(&id, "own", "1.0.0");
    server
}

#[test]
fn roles_of_subjects_and_groups_hold_within_the_scope_of_the_token() {
    let server = main_feed();
    let alice = bare(&server, "alice", "manage", &[]);
    let builder = bare(&server, "robot", "manage", &["builders", "people"]);
    let weak = bare(&server, "alice", "read", &[]);
    assert_eq!((right(&server, "main", &alice), npm(&server, "main", &alice)), ("nothing", 404));
    for (role, expected) in [
        ("reader", "reader"),
        ("collaborator", "reader"),
        ("contributor", "contributor"),
        ("Administrator", "administrator"),
        ("owner", "administrator"),
    ] {
        permit(&server, "main", "alice", role);
        permit(&server, "main", "group:builders", role);
        assert_eq!(right(&server, "main", &alice), expected, "{role}");
        assert_eq!(right(&server, "main", &builder), expected, "{role}");
        assert_eq!(right(&server, "main", &weak), "reader", "{role}");
        assert_eq!(npm(&server, "main", &alice), 200);
    }
    permit(&server, "main", "group:people", "reader");
    permit(&server, "main", "group:builders", "none");
    assert_eq!(right(&server, "main", &builder), "reader", "the greatest of what is left");
    let listed = server.call(&format!("GET {FEEDS}"), &builder, Value::Null).expect(200).body;
    assert_eq!(listed["count"], 1);
    permit(&server, "main", "group:people", "none");
    permit(&server, "main", "subject:alice", "none");
    assert_eq!((right(&server, "main", &builder), right(&server, "main", &alice)), ("nothing", "nothing"));
    // With a grant of its own, whichever is greater counts.
    let body = json!({ "subject": "alice", "scope": "manage", "grants": on("main", "contributor") });
    let both = made(&server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201));
    permit(&server, "main", "alice", "reader");
    assert_eq!(right(&server, "main", &both), "contributor");
    permit(&server, "main", "alice", "administrator");
    assert_eq!(right(&server, "main", &both), "administrator");
    // The same names mean nothing elsewhere.
    let stranger = server.organization("globex");
    let body = json!({ "subject": "alice", "scope": "manage", "groups": ["people", "builders"] });
    let other = made(&server.call("POST /globex/_edgefeed/tokens", &stranger, body).expect(201));
    assert_eq!(right(&server, "main", &other), "nothing");
}

#[test]
fn a_permission_on_a_view_is_none_on_the_feed() {
    let server = main_feed();
    let hide = json!({ "visibility": "private" });
    server.call(&format!("PATCH {FEEDS}/main/views/Release"), &server.admin, hide).expect(200);
    let alice = bare(&server, "alice", "manage", &[]);
    assert_eq!(npm(&server, "main@Release", &alice), 404);
    permit(&server, "main@Release", "alice", "administrator");
    // The package has no version in the view: that is another 404 than not being let in.
    server.call(&format!("GET {FEEDS}/main@Release"), &alice, Value::Null).expect(200);
    server
        .call(&format!("GET {FEEDS}/main@Prerelease"), &bare(&server, "bob", "read", &[]), Value::Null)
        .expect(200);
    server
        .call(&format!("GET {FEEDS}/main@Release"), &bare(&server, "bob", "read", &[]), Value::Null)
        .expect(404);
    assert_eq!(right(&server, "main", &alice), "nothing");
    let set = |token: &str| {
        server.call(&format!("PATCH {FEEDS}/main@Release/permissions"), token, give("eve", "reader")).status
    };
    assert_eq!(set(&alice), 404, "a role on the view gives none away");
    // Renaming a view, or changing who sees it, leaves its permissions.
    let change = json!({ "name": "Stable", "visibility": "private" });
    server.call(&format!("PATCH {FEEDS}/main/views/release"), &server.admin, change).expect(200);
    server.call(&format!("GET {FEEDS}/main@Stable"), &alice, Value::Null).expect(200);
    let shown =
        server.call(&format!("GET {FEEDS}/main@stable/permissions"), &alice, Value::Null).expect(200).body;
    assert_eq!(shown["value"][0]["identityDescriptor"], "subject:alice");
}

#[test]
fn permissions_are_read_by_members_and_changed_by_owners() {
    let server = Server::new();
    server.feed(json!({ "name": "main", "isPublic": true }));
    let stranger = server.organization("globex");
    let outsider = bare(&server, "nobody", "manage", &[]);
    let tokens = roles(&server, "main");
    let mut callers = vec![
        ("anonymous", "", 401, 401),
        ("another organization", stranger.as_str(), 403, 403),
        ("root", ROOT, 403, 403),
        ("a member without a role", &outsider, 200, 403),
        ("administrator of the organization", &server.admin, 200, 200),
    ];
    for (role, token) in &tokens {
        callers.push((role, token, 200, if *role == "administrator" { 200 } else { 403 }));
    }
    for address in ["main", "main@Release"] {
        for (who, token, read, write) in &callers {
            let path = format!("{FEEDS}/{address}/permissions");
            assert_eq!(
                server.call(&format!("GET {path}"), token, Value::Null).status,
                *read,
                "{who} {address}"
            );
            let set = server.call(&format!("PATCH {path}"), token, give(who, "reader"));
            assert_eq!(set.status, *write, "{who} {address}: {}", set.body);
        }
    }
    for (who, token, _, _) in &callers {
        let read = server.call(&format!("GET {GLOBAL}"), token, Value::Null).status;
        let write = server.call(&format!("PATCH {GLOBAL}"), token, give("x", "feedCreator")).status;
        let expected = match *who {
            "anonymous" => (401, 401),
            "another organization" | "root" => (403, 403),
            "administrator of the organization" => (200, 200),
            _ => (200, 403),
        };
        assert_eq!((read, write), expected, "{who}");
    }
    let body = json!({ "subject": "x", "scope": "write", "administrator": true });
    let weak = made(&server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201));
    server.call(&format!("PATCH {GLOBAL}"), &weak, give("x", "administrator")).expect(403);
    server.call(&format!("DELETE {GLOBAL}"), &server.admin, Value::Null).expect(405);
    server.call("GET /acme/web/_apis/packaging/globalpermissions", &server.admin, Value::Null).expect(404);
}

#[test]
fn permissions_are_shown_as_azure_shows_them() {
    let server = main_feed();
    server.call(&format!("PATCH {GLOBAL}"), &server.admin, give("group:admins", "administrator")).expect(200);
    let answer = permit(&server, "main", "alice", "contributor");
    let alice = json!({ "role": "contributor", "identityDescriptor": "subject:alice", "displayName": "alice", "isInheritedRole": false });
    assert_eq!(answer.body, json!({ "count": 1, "value": [alice] }));
    permit(&server, "main@Release", "bob", "reader");
    let get = |path: &str| {
        let body = server.call(&format!("GET {FEEDS}/{path}"), &server.admin, Value::Null).expect(200).body;
        let entries = body["value"].as_array().unwrap().clone();
        entries
            .iter()
            .map(|entry| {
                (entry["displayName"].as_str().unwrap().to_owned(), entry["isInheritedRole"] == true)
            })
            .collect::<Vec<_>>()
    };
    let named = |list: &[(&str, bool)]| {
        list.iter().map(|(name, inherited)| ((*name).to_owned(), *inherited)).collect::<Vec<_>>()
    };
    assert_eq!(get("main/permissions"), named(&[("alice", false), ("admins", true)]));
    assert_eq!(get("main@Release/permissions"), named(&[("bob", false), ("alice", true), ("admins", true)]));
    assert_eq!(get("main/permissions?excludeInheritedPermissions=true"), named(&[("alice", false)]));
    assert_eq!(get("main/permissions?identityDescriptor=group%3Aadmins"), named(&[("admins", true)]));
    let ids = server
        .call(&format!("GET {FEEDS}/main/permissions?includeIds=true"), &server.admin, Value::Null)
        .expect(200);
    let id = ids.body["value"][0]["identityId"].as_str().unwrap();
    assert_eq!(id.len(), 36, "{id}");

    let path = format!("PATCH {FEEDS}/main/permissions");
    let etag = ids.header("etag").to_owned();
    server.call_with(&path, &server.admin, give("carol", "reader"), &[("if-match", "\"1\"")]).expect(412);
    let set =
        server.call_with(&path, &server.admin, give("carol", "reader"), &[("if-match", &etag)]).expect(200);
    assert_ne!(set.header("etag"), etag);
    for (body, what) in [
        (give("", "reader"), "identityDescriptor"),
        (give("group:", "reader"), "identityDescriptor"),
        (json!([{ "role": "reader" }]), "identityDescriptor"),
        (give("x", "king"), "`role` is"),
        (json!([{ "identityDescriptor": "x" }]), "`role` is"),
        (give("x", "feedCreator"), "`role` is"),
        (json!({ "role": "reader" }), "not the JSON"),
    ] {
        let refused = server.call(&path, &server.admin, body).expect(400);
        assert!(refused.message().contains(what), "{}", refused.message());
    }
    let many = |count: usize| {
        let entry = |number| json!({ "identityDescriptor": format!("user-{number}"), "role": "reader" });
        Value::Array((0..count).map(entry).collect())
    };
    server.call(&path, &server.admin, many(497)).expect(200);
    let full = server.call(&path, &server.admin, give("one more", "reader")).expect(400);
    assert!(full.message().contains("at most 500"), "{}", full.message());
    server
        .call(&format!("PATCH {FEEDS}/main@Local/permissions"), &server.admin, give("x", "reader"))
        .expect(400);
    server.call(&path, &server.admin, many(501)).expect(400);
    server.call(&path, &server.admin, give("user-7", "contributor")).expect(200);
    // The last owner may go: administrators of the organization remain.
    server.call(&path, &server.admin, give("alice", "none")).expect(200);
}

#[test]
fn settings_and_permissions_written_at_the_same_time_are_all_kept() {
    let server = main_feed();
    let request = async |number: usize| {
        let what = format!("PATCH {FEEDS}/main/permissions");
        let body = give(&format!("user-{number}"), "reader");
        server.fetch(&server.platform.elsewhere(), &what, &server.admin, body, &[]).await.0
    };
    let statuses = block_on(futures_util::future::join_all((0..4).map(request)));
    assert!(statuses.iter().all(|status| *status == 200));
    server.platform.advance(FEED_REUSE);
    let all =
        server.call(&format!("GET {FEEDS}/main/permissions"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(all["count"], 4);
}

#[test]
fn who_administers_an_organization_is_seen_elsewhere_within_half_a_minute() {
    let server = main_feed();
    let alice = bare(&server, "alice", "manage", &[]);
    let maker = bare(&server, "robot", "manage", &["makers"]);
    let elsewhere = server.platform.elsewhere();
    let update = format!("PATCH {FEEDS}/main");
    let there = || server.call_at(&elsewhere, &update, &alice, json!({ "description": "x" }), &[]).status;
    assert_eq!(there(), 404);
    let set = |descriptor: &str, role: &str| {
        server.call(&format!("PATCH {GLOBAL}"), &server.admin, give(descriptor, role)).expect(200)
    };
    set("alice", "administrator");
    let both = set("group:makers", "feedCreator").body;
    assert_eq!((&both["count"], &both["value"][1]["role"]), (&json!(2), &json!("feedCreator")));
    assert_eq!(right(&server, "main", &alice), "administrator");
    assert_eq!(there(), 404, "remembered there");
    server.platform.advance(TOKEN_REUSE);
    assert_eq!(there(), 200);
    server.call(&format!("POST {FEEDS}"), &maker, json!({ "name": "own" })).expect(201);
    assert_eq!(
        (right(&server, "own", &maker), right(&server, "main", &maker)),
        ("administrator", "nothing"),
        "its own, and no other"
    );
    server.call(&format!("PATCH {FEEDS}/own"), &maker, json!({ "description": "x" })).expect(200);
    let body = json!({ "subject": "carol", "scope": "manage", "administrator": true });
    server.call(&format!("POST {TOKENS}"), &alice, body).expect(201);
    set("alice", "feedCreator");
    assert_eq!(right(&server, "main", &alice), "nothing");
    server.call(&format!("POST {FEEDS}"), &alice, json!({ "name": "hers" })).expect(201);
    set("alice", "none");
    server.call(&format!("POST {FEEDS}"), &alice, json!({ "name": "more" })).expect(403);
    let stale = [("if-match", "\"0\"")];
    server.call_with(&format!("PATCH {GLOBAL}"), &server.admin, give("x", "none"), &stale).expect(412);
    server.call(&format!("PATCH {GLOBAL}"), &server.admin, give("x", "reader")).expect(400);
    let ids =
        server.call(&format!("GET {GLOBAL}?includeIds=true"), &server.admin, Value::Null).expect(200).body;
    assert!(ids["value"][0]["identityId"].is_string());
}

/// A subject's name in a token is whatever its maker wrote: it must not be worth another's permissions.
#[test]
fn nobody_makes_a_token_with_permissions_that_are_not_its_own() {
    let server = main_feed();
    server.feed(json!({ "name": "mine" }));
    permit(&server, "main", "bob", "administrator");
    permit(&server, "main", "group:builders", "administrator");
    server.call(&format!("PATCH {GLOBAL}"), &server.admin, give("carol", "administrator")).expect(200);
    let owner = server.token("manage", on("mine", "administrator"));
    let make = |token: &str, body: Value| server.call(&format!("POST {TOKENS}"), token, body);
    let wish = |subject: &str, groups: Value| json!({ "subject": subject, "scope": "manage", "grants": on("mine", "owner"), "groups": groups });
    for subject in ["bob", "carol"] {
        let named = make(&owner, wish(subject, json!([]))).expect(201);
        assert_eq!(named.body["vouched"], false);
        let token = made(&named);
        assert_eq!(right(&server, "main", &token), "nothing", "{subject}");
        server.call(&format!("PATCH {GLOBAL}"), &token, give("x", "administrator")).expect(403);
        // Nor does it reach the tokens of the one whose name it has.
        let real = bare(&server, subject, "manage", &[]);
        let listed = server.call(&format!("GET {TOKENS}"), &token, Value::Null).expect(200).body;
        assert!(
            listed["value"].as_array().unwrap().iter().all(|token| token["grants"] != json!([])),
            "{listed}"
        );
        let id = server.call(&format!("GET {TOKENS}?subject={subject}"), &real, Value::Null).expect(200).body;
        let id = id["value"].as_array().unwrap().iter().find(|token| token["vouched"] == true).unwrap()["id"]
            .clone();
        for what in ["GET", "DELETE", "POST"] {
            let rotate = if what == "POST" { "/rotate" } else { "" };
            let path = format!("{what} {TOKENS}/{}{rotate}", id.as_str().unwrap());
            server.call(&path, &token, Value::Null).expect(403);
        }
    }
    let refused = make(&owner, wish("x", json!(["builders"]))).expect(403);
    assert!(refused.message().contains("only an administrator"), "{}", refused.message());
    // What an administrator made for a feed its owner may manage, but not get the subject's permissions by it.
    let body = json!({ "subject": "bob", "scope": "manage", "grants": on("mine", "reader") });
    let bob = make(&server.admin, body).expect(201);
    assert_eq!(right(&server, "main", &made(&bob)), "administrator");
    let rotate = format!("POST {TOKENS}/{}/rotate", bob.body["id"].as_str().unwrap());
    let rotated = server.call(&rotate, &owner, Value::Null).expect(201);
    assert_eq!(rotated.body["vouched"], false);
    assert_eq!(right(&server, "main", &made(&rotated)), "nothing");
    let grouped = make(&server.admin, wish("robot", json!(["builders"]))).expect(201);
    let rotate = format!("POST {TOKENS}/{}/rotate", grouped.body["id"].as_str().unwrap());
    server.call(&rotate, &owner, Value::Null).expect(403);
    // The holder's own tokens may have what the holder has, and no more.
    let grouped = made(&grouped);
    assert_eq!(right(&server, "main", &grouped), "administrator");
    make(&grouped, wish("robot", json!(["builders"]))).expect(201);
    make(&grouped, wish("robot", json!(["builders", "admins"]))).expect(403);
    for bad in [json!([""]), json!(["a\nb"]), json!(vec!["x"; 51])] {
        make(&server.admin, wish("x", bad)).expect(400);
    }
}

#[test]
fn an_owner_by_permission_makes_tokens_for_the_feed() {
    let server = main_feed();
    permit(&server, "main", "alice", "administrator");
    let alice = bare(&server, "alice", "manage", &[]);
    let wish =
        |feed: &str| json!({ "subject": "ci", "scope": "restore", "grants": on(feed, "collaborator") });
    let token = server.call(&format!("POST {TOKENS}"), &alice, wish("main")).expect(201);
    server.feed(json!({ "name": "other" }));
    server.call(&format!("POST {TOKENS}"), &alice, wish("other")).expect(404);
    assert_eq!(right(&server, "main", &made(&token)), "reader");
}
