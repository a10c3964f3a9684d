//! Trying sources out, and refreshing what is known of a package.

use super::support::{
    BASIC, PROTOCOLS, basic, deployment, far_credentials, far_deployment, rest, set_sources, shown, source,
};
use crate::nuget::support::{Gallery, INDEX};
use crate::support::TestServer;
use crate::support::server::UPSTREAM;
use edgefeed::model::{Grant, GrantTarget, Role, Scope};
use edgefeed::platform::Body;
use edgefeed::platform::memory::{Operation, Reply as Scripted};
use http::Method;
use serde_json::{Value, json};

fn validate(server: &TestServer, protocol: &str, body: &Value) -> crate::support::Reply {
    rest(server, Method::POST, &format!("{protocol}/validateupstream"), body)
}

fn at(package: &str, location: &str) -> Value {
    json!({ "packageName": package, "upstreamLocation": location })
}

fn package(protocol: &str) -> &'static str {
    if protocol == "maven" { "org.example:lib" } else { "lib" }
}

#[test]
fn a_registry_of_every_protocol_is_tried_out() {
    for (protocol, location, hosts) in PROTOCOLS {
        let server = deployment();
        for host in hosts {
            server.platform.upstream().want(host, BASIC);
        }
        let _token_made = server.owner();
        let stored = server.platform.stored_keys();
        let mut body = at(package(protocol), location);
        let refused = validate(&server, protocol, &body).expect(400).json();
        let said = refused["message"].as_str().unwrap().to_owned();
        assert!(said.contains("wants credentials"), "{location}: {said}");
        body["credentials"] = basic();
        let found = validate(&server, protocol, &body).expect(200).json();
        assert_eq!((&found["versions"], &found["lastVersion"]), (&json!(1), &json!("1.0.0")), "{location}");
        let mut nothing = body.clone();
        nothing["packageName"] = json!(if protocol == "maven" { "org.example:none" } else { "none" });
        let said = validate(&server, protocol, &nothing).expect(400).text();
        assert!(said.contains("has no package"), "{location}: {said}");
        let mut kept = server.platform.stored_keys();
        // But that the token was used.
        kept.retain(|key| !key.contains("/used/"));
        assert_eq!(kept, stored, "{location}: nothing is stored");
        assert!(server.platform.kv_keys().is_empty(), "{location}");
    }
}

/// Where a package has many versions its first document may have none.
#[test]
fn versions_on_pages_of_their_own_are_found() {
    let server = deployment();
    let gallery = Gallery::new(server.platform.upstream());
    gallery.add("Paged", "1.0.0").add("Paged", "2.0.0").page_from(1);
    let found = validate(&server, "nuget", &at("paged", INDEX)).expect(200).json();
    assert!(found["versions"].as_u64().unwrap() > 0, "{found}");
}

#[test]
fn what_is_no_registry_is_told_from_one() {
    let server = deployment();
    let upstream = server.platform.upstream();
    upstream.route("https://html.test/", |_| Scripted::ok("<html>").header("content-type", "text/html"));
    upstream.route("https://loop.test/", |_| Scripted::status(302).header("location", "http://127.0.0.1/"));
    for (location, reason) in [
        ("https://html.test/", "cannot be read"),
        ("https://gone.test/", "cannot be reached"),
        ("https://loop.test/", "not allowed"),
        ("http://127.0.0.1/", "private address"),
        ("http://169.254.169.254/latest", "private address"),
        ("ftp://registry.test/", "not HTTP"),
        ("https://user:s3cret@registry.test/", "credentials in a URL"),
        ("azure-feed://acme/main@Local", "when they become sources"),
        ("azure-feed://acme/none@Local", "does not exist"),
        ("", "`location` is missing"),
    ] {
        let said = validate(&server, "npm", &at("lib", location)).expect(400).text();
        assert!(said.contains(reason) && !said.contains("s3cret"), "{location}: {said}");
    }
    assert!(server.platform.upstream().urls().iter().all(|url| !url.contains("127.0.0.1")));
    validate(&server, "npm", &at("not/a/name", UPSTREAM)).expect(400);
    for bad in [
        json!({ "packageName": "lib" }),
        json!([]),
        json!({ "packageName": 1, "upstreamLocation": UPSTREAM }),
    ] {
        let said = validate(&server, "npm", &bad).expect(400).text();
        assert!(said.contains("`packageName` and `upstreamLocation`"), "{said}");
    }
    validate(&server, "cobol", &at("lib", UPSTREAM)).expect(404);
    assert_eq!(rest(&server, Method::GET, "npm/validateupstream", &Value::Null).status, 405);
}

#[test]
fn a_feed_on_another_host_is_tried_out_with_the_token_for_it() {
    let server = deployment();
    let there = far_deployment(&server);
    there.role("theirs", Role::Contributor).publish("own", "1.0.0").expect(201);
    let mut body = at("own", "https://far.test/acme/_packaging/theirs@Local");
    body["upstreamSourceType"] = json!("internal");
    assert!(validate(&server, "npm", &body).expect(400).text().contains("wants credentials"));
    body["credentials"] = far_credentials(there, Role::Reader);
    assert_eq!(validate(&server, "npm", &body).expect(200).json()["lastVersion"], "1.0.0");
}

#[test]
fn trying_out_takes_a_token_that_manages() {
    let server = deployment();
    let path = "https://edge.test/acme/_apis/packaging/npm/validateupstream";
    let body = at("lib", UPSTREAM).to_string();
    let status = |client: &crate::support::Client<'_>| {
        client.send(Method::POST, path, &[], body.clone().into()).status
    };
    assert_eq!(status(&server.anonymous()), 401);
    for (scope, expected) in
        [(Scope::Read, 403), (Scope::Restore, 403), (Scope::Write, 403), (Scope::Manage, 200)]
    {
        let mut grants = server.grants("main", Role::Owner);
        grants.scope = scope;
        let token = server.token(grants);
        assert_eq!(status(&server.with_token(&token)), expected, "{scope:?}");
    }
    server.add_organization("globex");
    let feed = server.add_feed_of("globex", "theirs", Vec::new()).id;
    let mut grants = server.grants("main", Role::Owner);
    grants.organization = "globex";
    grants.grants = vec![Grant { target: GrantTarget::Feed { feed }, role: Role::Owner }];
    let token = server.token(grants);
    assert_eq!(status(&server.with_token(&token)), 403, "a token of another organization");
}

fn refresh(client: &crate::support::Client<'_>, package: &str) -> crate::support::Reply {
    let path = format!("https://edge.test/acme/_apis/packaging/feeds/main/npm/packages/{package}/refresh");
    client.send(Method::POST, &path, &[], Body::Empty)
}

#[test]
fn a_refresh_shows_to_everybody_what_sources_have_now() {
    let server = deployment();
    let mut slow = source("npm", UPSTREAM, Value::Null);
    slow["freshnessSeconds"] = json!(86_400);
    set_sources(&server, &json!([slow])).expect(200);
    let there = server.collaborator().at("https://other.test/acme/_packaging/main/npm/registry/").elsewhere();
    for client in [server.collaborator(), there.clone()] {
        assert_eq!(client.versions("lib"), ["1.0.0"]);
    }
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.registry.add("lib", "1.1.0");
    server.advance(3_600);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0"], "fresh for a day");
    let told = refresh(&server.collaborator(), "lib").expect(200).json();
    assert_eq!(told["name"], "lib");
    assert_eq!(
        (&told["upstreamSources"][0]["status"], &told["upstreamSources"][0]["versions"]),
        (&json!("ok"), &json!(2))
    );
    server.advance(3);
    for client in [server.collaborator(), there] {
        assert_eq!(client.versions("lib"), ["1.0.0", "1.1.0"]);
    }
}

#[test]
fn a_refresh_forgets_that_nothing_was_there() {
    let server = deployment();
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    server.collaborator().get("new").expect(404);
    let keys = server.local_keys();
    assert_eq!(
        refresh(&server.collaborator(), "new").expect(200).json()["upstreamSources"][0]["versions"],
        0
    );
    assert_eq!(server.local_keys(), keys, "nothing is stored of a package that nobody has");
    server.registry.add("new", "1.0.0");
    server.collaborator().get("new").expect(404);
    refresh(&server.collaborator(), "new").expect(200);
    assert_eq!(server.collaborator().versions("new"), ["1.0.0"]);
}

#[test]
fn a_refresh_says_of_each_source_how_it_did() {
    let server = deployment();
    let down = json!({ "name": "down", "protocol": "npm", "location": "https://down.test/" });
    set_sources(&server, &json!([down, source("npm", UPSTREAM, Value::Null)])).expect(200);
    let told = refresh(&server.collaborator(), "lib").expect(200).json()["upstreamSources"].clone();
    assert_eq!((&told[0]["name"], &told[0]["status"]), (&json!("down"), &json!("failing")));
    assert!(told[0]["reason"].as_str().unwrap().contains("cannot be reached"), "{told}");
    assert_eq!((&told[1]["status"], &told[1]["versions"]), (&json!("ok"), &json!(1)));
}

#[test]
fn a_refresh_asks_nobody_for_what_is_blocked() {
    let server = deployment();
    server.contributor().publish("own", "1.0.0").expect(201);
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    let told = refresh(&server.collaborator(), "own").expect(200).json()["upstreamSources"].clone();
    assert_eq!(told[0]["status"], "blocked");
    assert!(shown(&server, UPSTREAM).is_empty(), "an internal name is not told to the registry");
}

#[test]
fn a_refresh_takes_a_collaborator() {
    let server = deployment();
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    refresh(&server.anonymous(), "lib").expect(401);
    refresh(&server.reader(), "lib").expect(403);
    assert_eq!(server.registry.asked("lib"), 0);
    for role in [Role::Collaborator, Role::Contributor, Role::Owner] {
        refresh(&server.role("main", role), "lib").expect(200);
    }
    let path = "https://edge.test/acme/_apis/packaging/feeds/main@Local/npm/packages/lib/refresh";
    server.owner().send(Method::POST, path, &[], Body::Empty).expect(409);
    let path = "https://edge.test/acme/_apis/packaging/feeds/main/npm/packages/lib/refresh";
    assert_eq!(server.owner().get(path).status, 405);
}

/// A forced refresh by a client's own means: of this listing, as ever.
#[test]
fn a_client_that_insists_refreshes_as_well() {
    let server = deployment();
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0"]);
    server.registry.add("lib", "1.1.0");
    let insisted = server.collaborator().get_with("lib", &[("cache-control", "no-cache")]).expect(200);
    assert_eq!(insisted.versions(), ["1.0.0", "1.1.0"]);
}

#[test]
fn taking_a_source_out_of_use_leaves_what_was_saved() {
    let server = deployment();
    server.registry.add("lib", "1.1.0");
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    server.collaborator().download("lib", "1.0.0").expect(200);
    let mut disabled = source("npm", UPSTREAM, Value::Null);
    disabled["status"] = json!("disabled");
    for sources in [json!([disabled]), json!([])] {
        set_sources(&server, &sources).expect(200);
        server.platform.upstream().clear_sent();
        for client in [server.reader(), server.collaborator()] {
            assert_eq!(client.versions("lib"), ["1.0.0"]);
            client.elsewhere().download("lib", "1.0.0").expect(200);
        }
        server.collaborator().download("lib", "1.1.0").expect(404);
        assert!(server.platform.upstream().urls().is_empty());
    }
    server.platform.clear_operation_log();
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0"]);
    let deleted =
        server.platform.operation_log().into_iter().filter(|(operation, _)| *operation == Operation::Delete);
    assert_eq!(deleted.count(), 0);
}

#[test]
fn order_decides_who_supplies_a_version_and_can_be_changed() {
    let server = deployment();
    let second = super::support::registry(&server, "https://second.test/");
    second.add("lib", "2.0.0");
    let sources = |names: [&str; 2]| {
        let sources = names.map(|name| {
            let location = if name == "first" { UPSTREAM } else { "https://second.test/" };
            json!({ "name": name, "protocol": "npm", "location": location })
        });
        json!(sources)
    };
    for names in [["first", "second"], ["second", "first"]] {
        let told = set_sources(&server, &sources(names)).expect(200).json();
        let order = told["upstreamSources"].as_array().unwrap().iter().map(|source| source["name"].clone());
        assert_eq!(order.collect::<Vec<_>>(), names);
    }
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!((second.asked(".tgz"), server.registry.asked(".tgz")), (1, 0));
}
