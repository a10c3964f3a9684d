//! `npm token`: list, create, revoke.

use crate::support::{Grants, Reply, TestServer};
use edgefeed::model::{Grant, GrantTarget, Role, Scope};
use edgefeed::platform::Platform as _;
use serde_json::{Value, json};
use std::time::Duration;

const TOKENS: &str = "-/npm/v1/tokens";

/// What npm 12 sends for a token that may do all that its maker may.
fn wish(more: &Value) -> Value {
    let mut body = json!({ "name": "ci", "password": "anything" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn text(reply: &Reply, field: &str) -> String {
    reply.json()[field].as_str().unwrap_or_else(|| panic!("no {field}: {}", reply.text())).to_owned()
}

fn keys(server: &TestServer, token: &str) -> Vec<String> {
    let reply = server.with_token(token).get(TOKENS).expect(200).json();
    let key = |entry: &Value| entry["key"].as_str().unwrap().to_owned();
    reply["objects"].as_array().unwrap().iter().map(key).collect()
}

#[test]
fn a_token_is_made_told_once_listed_and_revoked() {
    let server = TestServer::new();
    let own = server.token_of("main", Role::Contributor);
    let made = server.with_token(&own).post(TOKENS, &wish(&json!({}))).expect(201);
    let (token, key) = (text(&made, "token"), text(&made, "key"));
    server.with_token(&token).publish("own", "1.0.0").expect(201);
    assert_eq!(server.with_token(&token).get("-/whoami").expect(200).json()["username"], "contributor");

    let listed = server.with_token(&own).get(TOKENS).expect(200);
    assert!(!listed.text().contains(&token) && !listed.text().contains(&own));
    let listed = listed.json()["objects"].as_array().unwrap().clone();
    let entry = listed.into_iter().find(|entry| entry["key"] == key.as_str()).unwrap();
    assert_eq!((&entry["name"], &entry["readonly"]), (&json!("ci"), &json!(false)));
    assert!(token.starts_with(entry["token"].as_str().unwrap()), "what clients compare a token's text with");

    server.with_token(&own).delete(&format!("{TOKENS}/token/{key}")).expect(200);
    server.with_token(&token).get("-/whoami").expect(401);
    assert!(!keys(&server, &own).contains(&key), "what was revoked is not listed");
    server.with_token(&own).get("-/whoami").expect(200);

    let made = server.with_token(&own).post(TOKENS, &wish(&json!({}))).expect(201);
    let token = text(&made, "token");
    server.with_token(&own).delete(&format!("{TOKENS}/token/{token}")).expect(200);
    server.with_token(&token).get("-/whoami").expect(401);
    assert!(!format!("{:?}", server.platform.log_lines()).contains(&token), "the path is not logged");
}

#[test]
fn a_token_may_be_for_reading_only() {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    server.contributor().publish("own", "1.0.0").expect(201);
    for narrowing in [json!({ "readonly": true }), json!({ "packages_and_scopes_permission": "read-only" })] {
        let made = server.contributor().post(TOKENS, &wish(&narrowing)).expect(201);
        assert_eq!(made.json()["readonly"], true);
        let token = text(&made, "token");
        let client = server.with_token(&token);
        client.get("own").expect(200);
        client.download("lib", "1.0.0").expect(403);
        client.publish("own", "1.1.0").expect(403);
        let greater = server.with_token(&token).post(TOKENS, &wish(&json!({}))).expect(201);
        assert_eq!(greater.json()["readonly"], true, "a token for reading makes no other");
    }
}

#[test]
fn no_token_lives_longer_or_may_do_more_than_its_maker() {
    let server = TestServer::new();
    let now = server.platform.now();
    let soon = now.plus(Duration::from_secs(36 * 3600));
    let grants = Grants { expires: Some(soon), scope: Scope::Write, ..server.grants("main", Role::Owner) };
    let maker = server.token(grants);
    let make = |more: Value| server.with_token(&maker).post(TOKENS, &wish(&more));
    assert_eq!(text(&make(json!({})).expect(201), "expires"), soon.to_string());
    let day = now.plus(Duration::from_secs(24 * 3600)).to_string();
    assert_eq!(text(&make(json!({ "expires": 1 })).expect(201), "expires"), day);
    assert_eq!(text(&make(json!({ "expires": day })).expect(201), "expires"), day);
    make(json!({ "expires": 2 })).expect(403);

    let made = text(&make(json!({})).expect(201), "token");
    server.with_token(&made).publish("own", "1.0.0").expect(201);
    server.with_token(&made).delete("own/-rev/1-edgefeed").expect(403);
    server.advance(37 * 3600);
    server.with_token(&made).get("-/whoami").expect(401);
    make(json!({})).expect(401);
}

#[test]
fn a_token_is_for_the_feed_it_was_made_on() {
    let server = TestServer::new();
    server.add_feed("other", vec![]);
    let everywhere = vec![Grant { target: GrantTarget::Organization, role: Role::Owner }];
    let maker = server.token(Grants { grants: everywhere, ..server.grants("main", Role::Owner) });
    let made = server.with_token(&maker).post(TOKENS, &wish(&json!({}))).expect(201);
    let token = text(&made, "token");
    server.with_token(&token).publish("own", "1.0.0").expect(201);
    server.with_token(&token).on("other").get("-/ping").expect(404);
    let made = server.with_token(&maker).on("main@Release").post(TOKENS, &wish(&json!({}))).expect(201);
    let token = text(&made, "token");
    server.with_token(&token).on("main@Release").get("-/ping").expect(200);
    server.with_token(&token).get("-/ping").expect(404);
}

#[test]
fn a_role_that_anybody_has_is_not_handed_on() {
    let server = TestServer::new();
    server.add_feed("other", vec![]);
    server.edit_feed("main", |feed| feed.is_public = true);
    let stranger = server.token(server.grants("other", Role::Owner));
    server.with_token(&stranger).get("-/ping").expect(200);
    let refusal = server.with_token(&stranger).post(TOKENS, &wish(&json!({}))).expect(403).error();
    assert!(refusal.contains("no role of its own"), "{refusal}");
    server.anonymous().post(TOKENS, &wish(&json!({}))).expect(401);
    server.anonymous().get(TOKENS).expect(401);
}

#[test]
fn everybody_reaches_their_own_tokens_and_owners_their_feeds() {
    let server = TestServer::new();
    server.add_feed("other", vec![]);
    let named = |subject: &str, feed: &str, role| {
        server.token(Grants { subject: subject.to_owned(), ..server.grants(feed, role) })
    };
    let (jo, mo) = (named("jo", "main", Role::Reader), named("mo", "main", Role::Reader));
    let (owner, other) = (named("boss", "main", Role::Owner), named("boss", "other", Role::Owner));
    let key = text(&server.with_token(&jo).post(TOKENS, &wish(&json!({}))).expect(201), "key");
    assert!(keys(&server, &jo).contains(&key) && keys(&server, &jo).len() == 2);
    assert!(!keys(&server, &mo).contains(&key));
    assert!(keys(&server, &owner).contains(&key));
    server.with_token(&mo).delete(&format!("{TOKENS}/token/{key}")).expect(403);
    server.with_token(&other).on("other").delete(&format!("{TOKENS}/token/{key}")).expect(404);
    server.with_token(&jo).delete("-/npm/v1/tokens/token/nonsense").expect(404);
    server.with_token(&owner).delete(&format!("{TOKENS}/token/{key}")).expect(200);
    // Somebody of the same name who may do more is out of reach.
    let greater = named("jo", "main", Role::Contributor);
    let key = keys(&server, &greater);
    assert_eq!(key.len(), 2, "its own, and the reader's of the same name");
    assert_eq!(keys(&server, &jo).len(), 1);
}

#[test]
fn what_a_token_cannot_be_narrowed_to_is_refused() {
    let server = TestServer::new();
    for narrowing in [
        json!({ "cidr_whitelist": ["10.0.0.0/8"] }),
        json!({ "packages": ["own"] }),
        json!({ "scopes": ["@s"] }),
        json!({ "orgs": ["acme"] }),
        json!({ "packages_and_scopes_permission": "no-access" }),
        json!({ "packages_and_scopes_permission": "read-write-stage-only" }),
        json!({ "expires": "tomorrow" }),
        json!({ "expires": 0 }),
        json!({ "expires": "2020-01-01T00:00:00Z" }),
        json!({ "name": "a\u{7}b" }),
    ] {
        let before = server.platform.stored_keys();
        server.contributor().post(TOKENS, &wish(&narrowing)).expect(400);
        let new = server.platform.stored_keys().iter().filter(|key| !before.contains(key)).count();
        assert!(new <= 3, "{narrowing}: only the caller's own token may have been made, and its use noted");
    }
    let harmless = json!({ "packages": [], "cidr_whitelist": [], "bypass_2fa": true, "packages_all": true });
    server.contributor().post(TOKENS, &wish(&harmless)).expect(201);
    server.contributor().put(TOKENS, &json!({})).expect(405);
    server.contributor().get("-/npm/v1/tokens/token/x").expect(405);
}

#[test]
fn a_long_list_comes_in_pages() {
    let server = TestServer::new();
    let owner = server.token_of("main", Role::Owner);
    for number in 0..105 {
        server.token(Grants { subject: format!("user {number}"), ..server.grants("main", Role::Reader) });
    }
    let first = server.with_token(&owner).get(TOKENS).expect(200).json();
    let next = first["urls"]["next"].as_str().unwrap().to_owned();
    assert!(
        next.starts_with("https://edge.test/acme/_packaging/main/npm/registry/-/npm/v1/tokens?"),
        "{next}"
    );
    let second = server.with_token(&owner).get(&next).expect(200).json();
    let count = |page: &Value| page["objects"].as_array().unwrap().len();
    assert_eq!(count(&first) + count(&second), 106);
    assert!(second["urls"]["next"].is_null());
}
