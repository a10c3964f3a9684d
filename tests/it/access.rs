//! Who may do what: every endpoint, for every kind of caller.

use crate::support::server::ROOT;
use crate::support::{Client, Grants, TestServer, publish_document, tarball};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgefeed::model::{Grant, GrantTarget, Role, Scope, TokenText};
use edgefeed::platform::{Body, Platform as _};
use edgefeed::store::tokens;
use futures_executor::block_on;
use http::Method;
use serde_json::{Value, json};

/// `lib` 1.0.0 is saved, 1.1.0 is upstream only; `own` 1.0.0 and 1.1.0 are published.
fn server(public: bool) -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0");
    server.registry.answer_service("npm/v1/keys", json!({ "keys": [] }));
    server.registry.answer_service("npm/v1/attestations/lib@1.0.0", json!({ "attestations": [] }));
    server.registry.answer_service("npm/v1/security/advisories/bulk", json!({}));
    server.registry.answer_service("v1/search", json!({ "objects": [], "total": 0 }));
    server.edit_feed("main", |feed| feed.is_public = public);
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.contributor().publish("own", "1.0.0").expect(201);
    server.contributor().publish("own", "1.1.0").expect(201);
    server
}

struct Row {
    what: &'static str,
    method: Method,
    path: &'static str,
    body: Option<Value>,
    /// Anonymous on a private feed, anonymous on a public one, reader, collaborator, contributor, owner.
    statuses: [u16; 6],
}

fn row(
    what: &'static str,
    method: Method,
    path: &'static str,
    body: Option<Value>,
    statuses: [u16; 6],
) -> Row {
    Row { what, method, path, body, statuses }
}

/// One row per endpoint, and one per case of it that asks for another right.
fn table() -> Vec<Row> {
    packages().into_iter().chain(people()).collect()
}

/// What is about people more than about packages.
fn people() -> Vec<Row> {
    let star = json!({ "_id": "own", "_rev": "2-edgefeed", "users": { "me": true } });
    let known = [401, 401, 200, 200, 200, 200];
    let starred = "-/_view/starredByUser?key=%22me%22";
    let unknown = "-/npm/v1/tokens/token/nonsense";
    vec![
        row("tokens", Method::GET, "-/npm/v1/tokens", None, known),
        row("make a token", Method::POST, "-/npm/v1/tokens", Some(json!({})), [401, 401, 201, 201, 201, 201]),
        row("revoke no token", Method::DELETE, unknown, None, [401, 401, 404, 404, 404, 404]),
        row("stars", Method::GET, starred, None, [401, 200, 200, 200, 200, 200]),
        row("star", Method::PUT, "own", Some(star), [401, 401, 403, 403, 200, 200]),
    ]
}

fn packages() -> Vec<Row> {
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let new = publish_document("fresh", "1.0.0", &tarball("fresh", "1.0.0"));
    let without_one = json!({ "_id": "own", "name": "own", "versions": { "1.0.0": {} } });
    let deprecation = json!({ "name": "own", "versions": { "1.0.0": { "deprecated": "old" } } });
    let audit = json!({ "lib": ["1.0.0"] });
    let tree = json!({ "dependencies": { "lib": { "version": "1.0.0" } } });
    let login = json!({ "name": "me", "password": "no token" });
    let read = [401, 200, 200, 200, 200, 200];
    let anyone = [401, 200, 200, 200, 200, 200];
    let known = [401, 401, 200, 200, 200, 200];
    let nothing = [401, 404, 404, 404, 404, 404];
    vec![
        row("root", get.clone(), "", None, read),
        row("packument", get.clone(), "own", None, read),
        row("packument of an upstream's", get.clone(), "nothing-saved", None, [401, 401, 404, 404, 404, 404]),
        row("manifest", get.clone(), "own/1.0.0", None, read),
        row("manifest by tag", get.clone(), "own/latest", None, read),
        row("tarball, published", get.clone(), "own/-/own-1.0.0.tgz", None, read),
        row("tarball, saved", get.clone(), "lib/-/lib-1.0.0.tgz", None, read),
        row("tarball, upstream's", get.clone(), "lib/-/lib-1.1.0.tgz", None, [401, 401, 403, 200, 200, 200]),
        row("tags", get.clone(), "-/package/own/dist-tags", None, read),
        row("search", get.clone(), "-/v1/search?text=own", None, read),
        row(
            "audit",
            post.clone(),
            "-/npm/v1/security/advisories/bulk",
            Some(audit),
            [401, 404, 404, 200, 200, 200],
        ),
        row(
            "older audit",
            post.clone(),
            "-/npm/v1/security/audits/quick",
            Some(tree),
            [401, 404, 404, 200, 200, 200],
        ),
        row("keys", get.clone(), "-/npm/v1/keys", None, read),
        row("attestations, saved", get.clone(), "-/npm/v1/attestations/lib@1.0.0", None, read),
        row(
            "attestations, upstream's",
            get.clone(),
            "-/npm/v1/attestations/lib@1.1.0",
            None,
            [401, 401, 403, 404, 404, 404],
        ),
        row("ping", get.clone(), "-/ping", None, anyone),
        row("whoami", get.clone(), "-/whoami", None, known),
        row("profile", get.clone(), "-/npm/v1/user", None, known),
        row("user", get.clone(), "-/user/org.couchdb.user:me", None, known),
        row(
            "logout with another's token",
            delete.clone(),
            "-/user/token/nonsense",
            None,
            [401, 403, 403, 403, 403, 403],
        ),
        row("login with a wrong password", put.clone(), "-/user/org.couchdb.user:me", Some(login), [401; 6]),
        row("web login", post.clone(), "-/v1/login", Some(json!({})), nothing),
        row("access", get.clone(), "-/package/own/visibility", None, nothing),
        row("trust", get.clone(), "-/package/own/trust", None, nothing),
        row("stage", get.clone(), "-/stage", None, nothing),
        row("publish", put.clone(), "fresh", Some(new), [401, 401, 403, 403, 201, 201]),
        row("deprecate", put.clone(), "own", Some(deprecation), [401, 401, 403, 403, 200, 200]),
        row(
            "set a tag",
            put.clone(),
            "-/package/own/dist-tags/beta",
            Some(json!("1.0.0")),
            [401, 401, 403, 403, 200, 200],
        ),
        row(
            "set a tag, posted",
            post,
            "-/package/own/dist-tags/beta",
            Some(json!("1.0.0")),
            [401, 401, 403, 403, 200, 200],
        ),
        row(
            "remove a tag",
            delete.clone(),
            "-/package/own/dist-tags/beta",
            None,
            [401, 401, 403, 403, 200, 200],
        ),
        row("unpublish one", put, "own/-rev/2-edgefeed", Some(without_one), [401, 401, 403, 403, 403, 201]),
        row(
            "delete a tarball",
            delete.clone(),
            "own/-/own-1.1.0.tgz/-rev/2-edgefeed",
            None,
            [401, 401, 403, 403, 403, 200],
        ),
        row("unpublish all", delete, "own/-rev/2-edgefeed", None, [401, 401, 403, 403, 403, 200]),
    ]
}

fn ask(client: &Client<'_>, row: &Row) -> crate::support::Reply {
    let body = row.body.as_ref().map_or(Body::Empty, |body| body.to_string().into());
    client.send(row.method.clone(), row.path, &[], body)
}

#[test]
fn every_endpoint_answers_every_caller_as_the_table_says() {
    let mut wrong = Vec::new();
    for row in table() {
        for (index, expected) in row.statuses.into_iter().enumerate() {
            let server = server(index == 1);
            let (caller, client) = match index {
                0 => ("anonymous", server.anonymous()),
                1 => ("anonymous, public", server.anonymous()),
                2 => ("reader", server.reader()),
                3 => ("collaborator", server.collaborator()),
                4 => ("contributor", server.contributor()),
                _ => ("owner", server.owner()),
            };
            let before = server.package_keys();
            let reply = ask(&client, &row);
            if reply.status != expected {
                let text = reply.text();
                wrong.push(format!(
                    "{} by {caller}: {} instead of {expected}: {text}",
                    row.what, reply.status
                ));
            }
            if reply.status >= 400 {
                assert!(!reply.error().is_empty());
                let after = server.local_keys();
                let new: Vec<_> = after.iter().filter(|key| !before.contains(key)).collect();
                assert!(new.is_empty(), "{} by {caller} stored {new:?}", row.what);
            }
            if reply.status == 401 {
                assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{}", row.what);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn strangers_learn_nothing_of_a_private_feed() {
    let server = server(false);
    server.add_organization("umbrella");
    let stranger = server.token(Grants {
        organization: "umbrella",
        grants: vec![Grant { target: GrantTarget::Organization, role: Role::Owner }],
        ..server.grants("main", Role::Owner)
    });
    let other_feed = server.add_feed("other", vec![]);
    let target = GrantTarget::Feed { feed: other_feed.id };
    let neighbour = server.token(Grants {
        grants: vec![Grant { target, role: Role::Owner }],
        ..server.grants("main", Role::Owner)
    });
    for row in table() {
        for token in [&stranger, &neighbour] {
            let reply = ask(&server.with_token(token), &row);
            let expected = if row.what.starts_with("login") { 401 } else { 404 };
            assert_eq!(reply.status, expected, "{}: {}", row.what, reply.text());
            if row.what.starts_with("login") {
                continue;
            }
            let missing = ask(&server.with_token(token).on("missing"), &row);
            assert_eq!(missing.text(), reply.text().replace("`main`", "`missing`"), "{}", row.what);
        }
        let anonymous = ask(&server.anonymous(), &row);
        let missing = ask(&server.anonymous().on("missing"), &row);
        if !row.what.starts_with("login") {
            assert_eq!(missing.text(), anonymous.text().replace("`main`", "`missing`"), "{}", row.what);
        }
    }
}

#[test]
fn a_refused_login_tells_nothing_of_a_private_feed() {
    let server = server(false);
    let login = json!({ "name": "me", "password": "no token" });
    let [here, missing] =
        ["main", "missing"].map(|feed| server.anonymous().on(feed).put("-/user/org.couchdb.user:me", &login));
    assert_eq!(here.status, missing.status);
    assert_eq!(here.text().replace("`main`", "`missing`"), missing.text());
}

#[test]
fn tokens_that_are_over_are_refused_even_where_anyone_is_welcome() {
    let server = server(true);
    let soon = server.platform.now().plus(std::time::Duration::from_secs(60));
    let expiring = server.token(Grants { expires: Some(soon), ..server.grants("main", Role::Contributor) });
    server.with_token(&expiring).get("own").expect(200);
    server.advance(61);
    let refused = server.with_token(&expiring).get("own").expect(401).error();
    assert!(refused.contains("has expired or was revoked") && !refused.contains(&expiring), "{refused}");

    let revoked = server.token(server.grants("main", Role::Contributor));
    server.with_token(&revoked).get("own").expect(200);
    let elsewhere = server.with_token(&revoked).elsewhere();
    elsewhere.get("own").expect(200);
    let hash = TokenText::parse(&revoked).unwrap().hash();
    block_on(tokens::revoke(&server.platform, &hash, server.platform.now())).unwrap();
    server.with_token(&revoked).get("own").expect(401);
    elsewhere.get("own").expect(200);
    server.advance(tokens::TOKEN_REUSE.as_secs() + 1);
    elsewhere.get("own").expect(401);

    let unknown = TokenText::from_random([9; 32]).secret().expose().to_owned();
    for nonsense in [unknown.as_str(), "npm_abcdef", "efp_zz", ROOT] {
        let reply = server.with_token(nonsense).get("-/whoami");
        assert_eq!(reply.status, 401, "{nonsense}: {}", reply.text());
    }
}

#[test]
fn the_scope_caps_what_the_role_allows() {
    let saving = [("read", Scope::Read, 403), ("restore", Scope::Restore, 200), ("write", Scope::Write, 200)];
    for (name, scope, expected) in saving {
        let server = server(false);
        let client = server.token(Grants { scope, ..server.grants("main", Role::Owner) });
        let client = server.with_token(&client);
        client.get("own").expect(200);
        let reply = client.download("lib", "1.1.0").expect(expected);
        if expected == 403 {
            let text = reply.error();
            assert!(
                text.contains(&format!("this token's scope is `{name}` (its holder is Owner)")),
                "{text}"
            );
        }
        client.publish("more", "1.0.0").expect(if scope == Scope::Write { 201 } else { 403 });
        client.delete("own/-rev/2-edgefeed").expect(403);
    }
}

#[test]
fn grants_reach_as_far_as_they_say() {
    let server = server(false);
    let whole = server.token(Grants {
        grants: vec![Grant { target: GrantTarget::Organization, role: Role::Contributor }],
        ..server.grants("main", Role::Reader)
    });
    server.with_token(&whole).publish("more", "1.0.0").expect(201);
    let feed = server.feed("main").id;
    let view = server.token(Grants {
        grants: vec![Grant {
            target: GrantTarget::View { feed, view: "release".to_owned() },
            role: Role::Reader,
        }],
        ..server.grants("main", Role::Reader)
    });
    server.with_token(&view).get("own").expect(404);
    server.with_token(&view).on("main@Release").get("-/ping").expect(200);
    server.with_token(&view).on("main@Prerelease").get("-/ping").expect(404);
    server.with_token(&view).on("main@Local").get("own").expect(200);
}

#[test]
fn every_form_of_credentials_is_taken() {
    let server = server(false);
    let token = server.token_of("main", Role::Reader);
    let anonymous = server.anonymous();
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", basic(&format!("anyone:{token}"))),
        ("authorization", basic(&format!(":{token}"))),
        ("authorization", basic(&format!("{token}:"))),
        ("authorization", token.clone()),
        ("x-nuget-apikey", token.clone()),
    ] {
        let reply = anonymous.get_with("-/whoami", &[(name, &value)]).expect(200);
        assert_eq!(reply.json()["username"], "reader");
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("x-vss")));
    }
}

#[test]
fn the_bootstrap_secret_opens_no_packages() {
    let server = server(false);
    for row in table() {
        let reply = ask(&server.with_token(ROOT), &row);
        assert!([401, 403, 404].contains(&reply.status), "{}: {}", row.what, reply.status);
    }
    let open = self::server(true);
    open.with_token(ROOT).get("own").expect(200);
    open.with_token(ROOT).publish("more", "1.0.0").expect(401);
    open.with_token(ROOT).download("lib", "1.1.0").expect(401);
}
