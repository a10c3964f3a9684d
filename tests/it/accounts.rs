//! Who the caller is; `npm login` and `npm logout`.

use crate::support::{Grants, TestServer};
use edgefeed::model::{Role, Scope};
use edgefeed::platform::Platform as _;
use serde_json::{Value, json};

fn login(password: &str) -> Value {
    json!({ "name": "me", "password": password, "email": "me@x.test", "type": "user", "roles": [] })
}

#[test]
fn ping_whoami_and_profile() {
    let server = TestServer::new();
    assert_eq!(server.reader().get("-/ping").expect(200).json(), json!({}));
    assert_eq!(server.reader().get("-/whoami").expect(200).json(), json!({ "username": "reader" }));
    insta::assert_json_snapshot!("profile", server.reader().get("-/npm/v1/user").expect(200).json());
    insta::assert_json_snapshot!("user", server.reader().get("-/user/org.couchdb.user:x").expect(200).json());
    let tokens = server.reader().get("-/npm/v1/tokens").expect(200);
    insta::assert_json_snapshot!("tokens", tokens.json());
    assert!(!tokens.text().contains(&server.token_of("main", Role::Reader)));
}

#[test]
fn logging_in_makes_a_token_and_logging_out_takes_that_one_back() {
    let server = TestServer::new();
    server.contributor().publish("own", "1.0.0").expect(201);
    let password = server.token_of("main", Role::Reader);
    let path = "-/user/org.couchdb.user:me";
    let reply = server.anonymous().put(path, &login(&password)).expect(201).json();
    assert_eq!(reply["ok"], true);
    let session = reply["token"].as_str().unwrap().to_owned();
    assert_ne!(session, password);
    server.with_token(&session).get("own").expect(200);
    server.with_token(&session).publish("own", "1.1.0").expect(403);

    let another = server.anonymous().put(path, &login(&password)).expect(201).json();
    let another = another["token"].as_str().unwrap().to_owned();
    assert_ne!(another, session);

    server.with_token(&another).delete(&format!("-/user/token/{session}")).expect(403);
    server.with_token(&session).delete(&format!("-/user/token/{session}")).expect(200);
    server.with_token(&session).get("own").expect(401);
    server.with_token(&another).get("own").expect(200);
    server.with_token(&password).get("own").expect(200);
}

#[test]
fn a_session_has_no_more_rights_and_no_longer_life_than_its_password() {
    let server = TestServer::new();
    let expires = server.platform.now().plus(std::time::Duration::from_secs(60));
    let password = server.token(Grants {
        scope: Scope::Read,
        expires: Some(expires),
        ..server.grants("main", Role::Owner)
    });
    let reply = server.anonymous().put("-/user/org.couchdb.user:me", &login(&password)).expect(201).json();
    let session = server.with_token(reply["token"].as_str().unwrap());
    session.publish("own", "1.0.0").expect(403);
    session.get("-/whoami").expect(200);
    server.advance(61);
    session.get("-/whoami").expect(401);
    server.anonymous().put("-/user/org.couchdb.user:me", &login(&password)).expect(401);
}

#[test]
fn a_wrong_password_says_what_it_must_be() {
    let server = TestServer::new();
    server.add_feed("other", vec![]);
    let elsewhere = server.token_of("other", Role::Owner);
    for password in ["hunter2", "", "efp_0000", elsewhere.as_str(), crate::support::server::ROOT] {
        let reply = server.anonymous().put("-/user/org.couchdb.user:me", &login(password)).expect(401);
        assert!(reply.error().contains("send a token that has at least Reader on it"), "{}", reply.text());
        assert!(password.is_empty() || !reply.text().contains(password));
    }
    for body in [json!({}), json!([]), json!({ "password": 7 })] {
        server.anonymous().put("-/user/org.couchdb.user:me", &body).expect(400);
    }
    server.anonymous().put("-/user/me", &login("x")).expect(404);
    assert_eq!(server.package_keys(), [""; 0]);
}

#[test]
fn npm_falls_back_from_the_browser_to_the_password() {
    let server = TestServer::new();
    let reply = server.reader().post("-/v1/login", &json!({})).expect(404);
    assert_eq!(reply.error(), "login through a browser: not offered here");
}
