//! Favourites: `npm star`, `npm unstar`, `npm stars`.

use crate::support::{Grants, INSTALL, Reply, TestServer};
use edgefeed::model::Role;
use serde_json::{Value, json};

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    server.contributor().publish("own", "1.0.0").expect(201);
    server.contributor().publish("@s/n", "1.0.0").expect(201);
    server
}

/// As the client does it: reads the whole document, changes its own entry, sends all of them back.
fn star(server: &TestServer, token: &str, path: &str, starred: bool) -> Reply {
    let client = server.with_token(token);
    let user = client.get("-/whoami").expect(200).json()["username"].as_str().unwrap().to_owned();
    let document = client.get(&format!("{path}?write=true")).expect(200).json();
    let mut users = document.get("users").cloned().unwrap_or_else(|| json!({}));
    let users_map = users.as_object_mut().unwrap();
    if starred {
        users_map.insert(user, json!(true));
    } else {
        users_map.remove(&user);
    }
    client.put(path, &json!({ "_id": document["_id"], "_rev": document["_rev"], "users": users }))
}

fn starred(server: &TestServer, user: &str) -> Vec<String> {
    let path = format!("-/_view/starredByUser?key=%22{user}%22");
    let rows = server.reader().get(&path).expect(200).json()["rows"].clone();
    let text = |row: &Value| row["value"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(text).collect()
}

#[test]
fn a_star_is_shown_with_the_package_and_with_its_user() {
    let server = server();
    let jo =
        server.token(Grants { subject: "jo doe".to_owned(), ..server.grants("main", Role::Contributor) });
    let mo = server.token(Grants { subject: "mo".to_owned(), ..server.grants("main", Role::Owner) });
    let before = server.reader().get("own").expect(200);
    assert!(before.json().get("users").is_none());

    server.advance(60);
    star(&server, &jo, "own", true).expect(200);
    star(&server, &mo, "own", true).expect(200);
    star(&server, &jo, "@s%2fn", true).expect(200);
    let after = server.reader().get("own").expect(200);
    assert_eq!(after.json()["users"], json!({ "jo doe": true, "mo": true }));
    assert_ne!(after.header("etag"), before.header("etag"));
    assert_eq!(after.json()["time"], before.json()["time"], "a star is no news of a package");
    let short = server.reader().get_with("own", &[("accept", INSTALL)]).expect(200).json();
    assert!(short.get("users").is_none());
    assert_eq!(starred(&server, "jo%20doe"), ["@s/n", "own"]);
    assert_eq!(starred(&server, "mo"), ["own"]);
    assert_eq!(starred(&server, "nobody"), [""; 0]);

    star(&server, &jo, "own", false).expect(200);
    star(&server, &jo, "own", false).expect(200);
    assert_eq!(server.reader().get("own").expect(200).json()["users"], json!({ "mo": true }));
    assert_eq!(starred(&server, "jo%20doe"), ["@s/n"]);
    assert_eq!(server.reader().versions("own"), ["1.0.0"]);
}

#[test]
fn a_long_name_is_a_users_too() {
    let server = server();
    let name = "\u{1F34A}".repeat(200);
    let token = server.token(Grants { subject: name.clone(), ..server.grants("main", Role::Contributor) });
    star(&server, &token, "own", true).expect(200);
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    assert_eq!(starred(&server, &encoded), ["own"]);
    assert!(server.platform.stored_keys().iter().all(|key| key.len() <= 1024), "R2 takes no longer ones");
}

#[test]
fn nobody_changes_the_stars_of_others() {
    let server = server();
    let token =
        |subject: &str| Grants { subject: subject.to_owned(), ..server.grants("main", Role::Contributor) };
    let (jo, mo) = (server.token(token("jo")), server.token(token("mo")));
    star(&server, &jo, "own", true).expect(200);
    let forged = json!({ "_id": "own", "users": { "mo": true, "someone": true } });
    server.with_token(&mo).put("own", &forged).expect(200);
    assert_eq!(server.reader().get("own").expect(200).json()["users"], json!({ "jo": true, "mo": true }));
    let emptied = json!({ "_id": "own", "users": {} });
    server.with_token(&mo).put("own", &emptied).expect(200);
    assert_eq!(server.reader().get("own").expect(200).json()["users"], json!({ "jo": true }));
}

#[test]
fn an_upstreams_package_may_be_a_favourite_and_one_that_nobody_has_may_not() {
    let server = server();
    let token = server.token_of("main", Role::Contributor);
    star(&server, &token, "lib", true).expect(200);
    assert_eq!(server.collaborator().get("lib").expect(200).json()["users"], json!({ "contributor": true }));
    assert_eq!(starred(&server, "contributor"), ["lib"]);
    server.reader().get("lib").expect(404);
    let none = json!({ "_id": "none", "users": { "contributor": true } });
    server.contributor().put("none", &none).expect(404);
    assert_eq!(starred(&server, "contributor"), ["lib"]);
}

#[test]
fn what_is_malformed_or_not_the_callers_to_see_is_refused() {
    let server = server();
    for key in ["", "?key=", "?key=jo", "?key=%5B%5D", "?key=7"] {
        server.reader().get(&format!("-/_view/starredByUser{key}")).expect(400);
    }
    let star = json!({ "_id": "own", "users": { "reader": true } });
    let text = server.reader().put("own", &star).expect(403).error();
    assert!(text.contains("needs Contributor"), "{text}");
    server.contributor().put("own", &json!({ "_id": "own", "users": [] })).expect(400);
    server.contributor().on("main@Release").put("own", &star).expect(409);
    server.reader().on("main@Release").get("-/_view/starredByUser?key=%22jo%22").expect(404);
    server.reader().on("main@Local").get("-/_view/starredByUser?key=%22jo%22").expect(200);
}

#[test]
fn a_star_whose_writing_was_cut_short_is_finished_by_repeating_it() {
    let server = server();
    let token = server.token_of("main", Role::Contributor);
    let body = json!({ "_id": "own", "users": { "contributor": true } });
    for polls in 1..60 {
        let client = server.with_token(&token);
        let done = client.crash_after(polls, http::Method::PUT, "own", body.to_string().into());
        star(&server, &token, "own", true).expect(200);
        let users = server.reader().get("own").expect(200).json()["users"].clone();
        assert_eq!(users, json!({ "contributor": true }), "{polls}");
        assert_eq!(starred(&server, "contributor"), ["own"], "{polls}");
        star(&server, &token, "own", false).expect(200);
        assert_eq!(starred(&server, "contributor"), [""; 0], "{polls}");
        if done.is_some() {
            return;
        }
    }
    panic!("the request never ended");
}
