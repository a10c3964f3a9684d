//! Who may do what with crates, and in which form tokens come.

use super::support::{Cargo, crate_file, detail, metadata, push, server};
use crate::support::Client;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgefeed::model::Role;
use edgefeed::platform::Body;
use edgefeed::platform::memory::Reply as Scripted;
use http::Method;
use serde_json::{Value, json};

/// Anonymous on a private feed, anonymous on a public one, reader, collaborator, contributor, owner.
type Statuses = [u16; 6];

const READ: Statuses = [401, 200, 200, 200, 200, 200];
const KNOWN: Statuses = [401, 401, 200, 200, 200, 200];
const WRITE: Statuses = [401, 401, 403, 403, 200, 200];

fn table() -> Vec<(Method, &'static str, Vec<u8>, Statuses)> {
    let (get, put, delete) = (Method::GET, Method::PUT, Method::DELETE);
    let none = Vec::new;
    let new = push(&metadata("fresh", "1.0.0"), &crate_file("fresh", "1.0.0"));
    let owners = json!({ "users": ["somebody"] }).to_string().into_bytes();
    vec![
        (get.clone(), "index/config.json", none(), READ),
        (get.clone(), "authenticated-index/config.json", none(), KNOWN),
        (get.clone(), "index/3/o/own", none(), READ),
        (get.clone(), "authenticated-index/3/o/own", none(), KNOWN),
        (get.clone(), "index/no/th/nothing", none(), [401, 401, 403, 404, 404, 404]),
        (get.clone(), "api/v1/crates/own/1.0.0/download", none(), READ),
        (get.clone(), "api/v1/crates/lib/1.0.0/download", none(), READ),
        (get.clone(), "api/v1/crates/lib/1.1.0/download", none(), [401, 401, 403, 200, 200, 200]),
        (get.clone(), "api/v1/crates?q=own", none(), READ),
        (get.clone(), "api/v1/crates/own/owners", none(), WRITE),
        (get.clone(), "api/v1/crates/own", none(), [401, 404, 404, 404, 404, 404]),
        (get.clone(), "me", none(), [200; 6]),
        (get, "", none(), [200; 6]),
        (put.clone(), "api/v1/crates/own/owners", owners.clone(), [401, 400, 400, 400, 400, 400]),
        (delete.clone(), "api/v1/crates/own/owners", owners, [401, 400, 400, 400, 400, 400]),
        (put.clone(), "api/v1/trusted_publishing/tokens", none(), [404; 6]),
        (put.clone(), "api/v1/crates/new", new, WRITE),
        (delete, "api/v1/crates/own/1.0.0/yank", none(), WRITE),
        (put, "api/v1/crates/own/1.0.0/unyank", none(), WRITE),
    ]
}

#[test]
fn every_role_may_do_what_the_table_says() {
    for column in 0..6 {
        for (method, path, body, statuses) in table() {
            let (server, registry) = server();
            registry.add("lib", "1.0.0").add("lib", "1.1.0");
            server.edit_feed("main", |feed| feed.is_public = column == 1);
            server.collaborator().cargo().fetch("lib", "1.0.0").expect(200);
            server.contributor().cargo().push("own", "1.0.0").expect(200);
            let client = match column {
                0 | 1 => server.anonymous(),
                2 => server.reader(),
                3 => server.collaborator(),
                4 => server.contributor(),
                _ => server.owner(),
            };
            let reply = client.cargo().send(method.clone(), path, &[], Body::from(body));
            assert_eq!(reply.status, statuses[column], "{method} {path} as {column}: {}", reply.text());
            if reply.status >= 400 {
                assert!(!detail(&reply).is_empty());
            }
        }
    }
}

#[test]
fn tokens_come_bare_or_as_basic_or_bearer() {
    let (server, _) = server();
    let token = server.token_of("main", Role::Reader);
    let basic = format!("Basic {}", STANDARD.encode(format!("PAT:{token}")));
    let client = server.anonymous().cargo();
    let ask = |value: &str| client.get_with("index/config.json", &[("authorization", value)]);
    for value in [token.clone(), format!("Bearer {token}"), basic] {
        ask(&value).expect(200);
    }
    let refused = ask("v3.public.eyJzdWIiOiJrZXkifQ.footer").expect(401);
    assert!(detail(&refused).contains("asymmetric tokens"), "{}", refused.text());
    assert!(detail(&ask("nonsense").expect(401)).contains("not known here"));
}

#[test]
fn owners_are_those_who_may_publish() {
    let (server, _) = server();
    server.contributor().cargo().push("own", "1.0.0").expect(200);
    let _ = (server.reader(), server.owner());
    let users = server.contributor().cargo().get("api/v1/crates/own/owners").expect(200).json();
    let logins: Vec<_> =
        users["users"].as_array().unwrap().iter().map(|user| user["login"].clone()).collect();
    assert_eq!(logins, ["contributor", "owner"]);
    server.contributor().cargo().get("api/v1/crates/nothing/owners").expect(404);
    let refused =
        server.owner().cargo().put("api/v1/crates/own/owners", &json!({ "users": ["x"] })).expect(400);
    assert!(detail(&refused).contains("grants roles"), "{}", refused.text());
    let page = server.anonymous().cargo().get("me").expect(200).text();
    assert!(page.contains("cargo login") && page.contains("`main`"), "{page}");
}

fn found(client: &Client<'_>, query: &str) -> Value {
    client.get(&format!("api/v1/crates?{query}")).expect(200).json()
}

#[test]
fn searches_find_local_crates() {
    let (server, registry) = server();
    registry.add("other_lib", "3.0.0").fault("/api/", Scripted::status(404));
    let contributor = server.contributor().cargo();
    for version in ["1.0.0", "2.0.0-rc.1", "1.2.0", "1.1.0"] {
        contributor.push("Own_lib", version).expect(200);
    }
    contributor.yank("own_lib", "1.2.0", true).expect(200);
    contributor.push("own-tool", "0.1.0").expect(200);
    server.collaborator().cargo().fetch("other_lib", "3.0.0").expect(200);
    let reader = server.reader().cargo();
    assert_eq!(
        found(&reader, "q=own_lib&per_page=10"),
        json!({
            "crates": [{ "name": "Own_lib", "max_version": "1.1.0", "description": "made by a test" }],
            "meta": { "total": 1 },
        })
    );
    let names = |answer: &Value| -> Vec<String> {
        let crates = answer["crates"].as_array().unwrap();
        crates.iter().map(|found| found["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = found(&reader, "q=o");
    assert_eq!(
        (names(&all), &all["meta"]["total"]),
        (vec!["own-tool".into(), "Own_lib".into(), "other_lib".into()], &json!(3))
    );
    let page = found(&reader, "q=o&per_page=1&page=2");
    assert_eq!((names(&page), &page["meta"]["total"]), (vec!["Own_lib".into()], &json!(3)));
    assert!(names(&found(&reader, "q=nothing")).is_empty());
    assert_eq!(registry.asked("/api/"), 0, "a reader searches nothing upstream");
}

#[test]
fn whoever_may_save_searches_upstream_too() {
    let (server, registry) = server();
    server.contributor().cargo().push("lib-own", "1.0.0").expect(200);
    let answer = json!({
        "crates": [
            { "name": "LIB-own", "max_version": "9.9.9", "description": "another", "id": "x" },
            { "name": "lib", "max_version": "1.0.0", "description": "from upstream", "downloads": 7 },
        ],
        "meta": { "total": 2 },
    });
    registry.fault("/api/v1/crates?q=lib&per_page=10&page=1", Scripted::ok(answer.to_string()));
    let collaborator = server.collaborator().cargo();
    assert_eq!(
        found(&collaborator, "q=lib"),
        json!({
            "crates": [
                { "name": "lib-own", "max_version": "1.0.0", "description": "made by a test" },
                { "name": "lib", "max_version": "1.0.0", "description": "from upstream" },
            ],
            "meta": { "total": 2 },
        })
    );
    registry.recover();
    registry.fault("/api/", Scripted::connection_error());
    assert_eq!(found(&collaborator, "q=lib")["meta"]["total"], 1);
    let asked = registry.asked("/api/");
    assert_eq!(found(&collaborator, "q=lib")["meta"]["total"], 1);
    assert_eq!(registry.asked("/api/"), asked, "a source out of reach is left alone for a while");
    let view = server.collaborator().cargo_on("main@Local");
    assert_eq!(found(&view, "q=lib")["meta"]["total"], 1);
}
