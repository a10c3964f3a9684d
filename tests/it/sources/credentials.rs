//! Sources that want credentials: kept sealed, shown to the source itself and to nobody else.

use super::support::{
    BASIC, KEY, PROTOCOLS, basic, deployment, registry, rest, restore, set_sources, shown, source,
};
use crate::support::TestServer;
use crate::support::server::UPSTREAM;
use edgefeed::model::{Keyring, Role, SourceStatus};
use edgefeed::platform::memory::Reply as Scripted;
use http::Method;
use serde_json::{Value, json};

#[test]
fn every_protocol_restores_from_a_source_that_wants_credentials() {
    for (protocol, location, hosts) in PROTOCOLS {
        let server = deployment();
        for host in hosts {
            server.platform.upstream().want(host, BASIC);
        }
        set_sources(&server, &json!([source(protocol, location, basic())])).expect(200);
        restore(server.collaborator(), "main", protocol).expect(200);
        restore(server.reader().elsewhere(), "main", protocol).expect(200);
        for host in hosts {
            let shown = shown(&server, host);
            assert!(!shown.is_empty(), "{location}");
            assert!(shown.iter().all(|(_, value)| value.as_deref() == Some(BASIC)), "{location}: {shown:?}");
        }
        let sent = server.platform.upstream().sent();
        for request in
            sent.iter().filter(|sent| !hosts.iter().any(|host| sent.url.as_str().starts_with(host)))
        {
            assert!(!request.headers.contains_key("authorization"), "{location}: {}", request.url);
        }
    }
}

#[test]
fn every_role_restores_as_before_and_learns_nothing() {
    let server = deployment();
    server.platform.upstream().want(UPSTREAM, BASIC);
    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    server.reader().download("lib", "1.0.0").expect(403);
    server.anonymous().download("lib", "1.0.0").expect(401);
    server.collaborator().download("lib", "1.0.0").expect(200);
    for role in [Role::Reader, Role::Collaborator, Role::Contributor, Role::Owner] {
        let client = server.role("main", role);
        client.download("lib", "1.0.0").expect(200);
        let told = client.get("https://edge.test/acme/_apis/packaging/feeds/main").expect(200).text();
        assert!(told.contains("\"hasCredentials\":true"), "{told}");
        for secret in ["hunter2", "aHVudGVyMg", "\"credentials\"", "\"1:"] {
            assert!(!told.contains(secret), "{role:?}: {told}");
        }
        let change = json!({ "upstreamSources": [source("npm", UPSTREAM, basic())] });
        let path = "https://edge.test/acme/_apis/packaging/feeds/main";
        let changed = client.send(Method::PATCH, path, &[], change.to_string().into()).status;
        assert_eq!(changed, if role == Role::Owner { 200 } else { 403 }, "{role:?}");
    }
}

#[test]
fn nothing_stored_or_logged_has_the_secret() {
    let server = deployment();
    server.platform.upstream().want(UPSTREAM, BASIC);
    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.platform.upstream().want(UPSTREAM, "something else");
    server.advance(61);
    server.collaborator().get("other").expect(502);
    let keys = server.platform.stored_keys();
    let stored =
        keys.iter().map(|key| String::from_utf8_lossy(&server.platform.object(key).unwrap()).into_owned());
    let feed = server.platform.object(&server.key(&["v1/feeds/"])).unwrap();
    assert!(String::from_utf8_lossy(&feed).contains("\"credentials\":\"1:"), "the test sees what is stored");
    for text in stored.chain(server.platform.log_lines()).chain([format!("{:?}", server.feed("main"))]) {
        for secret in ["hunter2", "aHVudGVyMg", "bWU6"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// The key never reaches the source, and credentials never leave its origin.
#[test]
fn a_redirect_to_another_host_carries_no_credentials() {
    for elsewhere in [
        "https://files.example/lib.tgz",
        "https://registry.test:8443/lib.tgz",
        "https://sub.registry.test/lib.tgz",
        "http://registry.test/lib.tgz",
    ] {
        let server = deployment();
        server.platform.upstream().want(UPSTREAM, BASIC);
        set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
        // From the registry to another place, and from there back: what was left off stays off.
        let back = format!("{UPSTREAM}open.tgz");
        server.registry.fault(".tgz", Scripted::status(302).header("location", elsewhere));
        let home = back.clone();
        server.platform.upstream().route(elsewhere, move |_| Scripted::status(307).header("location", &home));
        let bytes = crate::support::tarball("lib", "1.0.0");
        let length = bytes.len().to_string();
        server
            .platform
            .upstream()
            .route(&back, move |_| Scripted::ok(bytes.clone()).header("content-length", &length));
        let refused = server.collaborator().download("lib", "1.0.0").expect(502);
        assert!(refused.error().contains("wants credentials (it answered 401)"), "{}", refused.text());
        let (there, home) = (shown(&server, elsewhere), shown(&server, &back));
        assert!(there.len() == 1 && there[0].1.is_none(), "{there:?}");
        assert!(home.len() == 1 && home[0].1.is_none(), "{home:?}");
        assert!(shown(&server, &format!("{UPSTREAM}lib")).iter().all(|(_, value)| value.is_some()));
    }
}

#[test]
fn a_redirect_within_the_source_carries_them() {
    let server = deployment();
    server.platform.upstream().want(UPSTREAM, BASIC);
    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    let bytes = crate::support::tarball("lib", "1.0.0");
    let length = bytes.len().to_string();
    server.registry.fault("-/lib-1.0.0.tgz", Scripted::status(302).header("location", "/cdn/lib.tgz"));
    server.platform.upstream().route(&format!("{UPSTREAM}cdn/"), move |_| {
        Scripted::ok(bytes.clone()).header("content-length", &length)
    });
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(shown(&server, &format!("{UPSTREAM}cdn/"))[0].1.as_deref(), Some(BASIC));
}

/// Files on another host that a listing links to are asked for without.
#[test]
fn a_link_to_another_host_carries_no_credentials() {
    let server = deployment();
    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    let there = "https://files.example/lib-1.0.0.tgz";
    server.registry.edit("lib", "1.0.0", |manifest| manifest["dist"]["tarball"] = json!(there));
    let bytes = crate::support::tarball("lib", "1.0.0");
    let length = bytes.len().to_string();
    server.platform.upstream().route("https://files.example/", move |_| {
        Scripted::ok(bytes.clone()).header("content-length", &length)
    });
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(shown(&server, there), [(there.to_owned(), None)]);
}

#[test]
fn a_source_that_lets_nobody_in_is_a_failure_that_says_so() {
    for (credentials, said) in [
        (Value::Null, "upstream source `upstream` wants credentials (it answered 401)"),
        (json!({ "token": "wrong" }), "upstream source `upstream` refuses our credentials (it answered 401)"),
    ] {
        let server = deployment();
        server.platform.upstream().want(UPSTREAM, BASIC);
        set_sources(&server, &json!([source("npm", UPSTREAM, credentials)])).expect(200);
        for reply in [server.collaborator().get("lib"), server.collaborator().download("lib", "1.0.0")] {
            assert_eq!(reply.expect(502).error(), said);
        }
        let told = rest(&server, Method::GET, "feeds/main", &Value::Null).expect(200).json();
        let told = &told["upstreamSources"][0];
        assert_eq!((&told["status"], &told["health"]["reason"]), (&json!("failing"), &json!(said)));
        assert_eq!(server.health("main", 0).status, SourceStatus::Failing);
        // What was remembered of an answer was remembered of these credentials.
        set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
        server.collaborator().download("lib", "1.0.0").expect(200);
    }
}

#[test]
fn absence_is_remembered_of_the_credentials_that_found_it() {
    let server = deployment();
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    server.registry.fault_times("private", 1, Scripted::status(404));
    server.collaborator().get("private").expect(404);
    server.registry.add("private", "1.0.0");
    server.collaborator().get("private").expect(404);
    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    server.collaborator().get("private").expect(200);
}

#[test]
fn credentials_stay_with_a_place_and_go_with_it() {
    let server = deployment();
    let evil = registry(&server, "https://evil.test/");
    let shown_credentials = |server: &TestServer, prefix: &str| {
        server.platform.upstream().clear_sent();
        server.advance(61);
        server.collaborator().get_with("lib", &[("cache-control", "no-cache")]);
        shown(server, prefix).pop().and_then(|(_, value)| value)
    };
    let read = || {
        rest(&server, Method::GET, "feeds/main", &Value::Null).expect(200).json()["upstreamSources"].clone()
    };
    let bearer = json!({ "token": "t0ken" });
    set_sources(&server, &json!([source("npm", UPSTREAM, bearer)])).expect(200);
    assert_eq!(shown_credentials(&server, UPSTREAM).as_deref(), Some("Bearer t0ken"));
    set_sources(&server, &read()).expect(200);
    rest(&server, Method::PATCH, "feeds/main", &json!({ "description": "another" })).expect(200);
    assert_eq!(
        shown_credentials(&server, UPSTREAM).as_deref(),
        Some("Bearer t0ken"),
        "sent back as it was read"
    );
    let whole = json!({ "authorization": "t0ken without a scheme" });
    set_sources(&server, &json!([source("npm", UPSTREAM, whole)])).expect(200);
    assert_eq!(shown_credentials(&server, UPSTREAM).as_deref(), Some("t0ken without a scheme"));

    let mut moved = read();
    moved[0]["location"] = json!("https://evil.test/");
    let told = set_sources(&server, &moved).expect(200).json();
    assert_eq!(told["upstreamSources"][0]["hasCredentials"], false);
    assert_eq!(shown_credentials(&server, "https://evil.test/"), None);
    assert!(evil.asked("lib") > 0);
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
    assert_eq!(shown_credentials(&server, UPSTREAM), None, "moved back: they are gone");

    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    let mut removed = read();
    removed[0]["credentials"] = Value::Null;
    assert_eq!(
        set_sources(&server, &removed).expect(200).json()["upstreamSources"][0]["hasCredentials"],
        false
    );
    assert_eq!(shown_credentials(&server, UPSTREAM), None);
}

#[test]
fn keys_are_rotated() {
    let new = "the key of next year, thirty-two characters";
    let mut server = deployment();
    server.platform.upstream().want(UPSTREAM, BASIC);
    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    let sealed = |server: &TestServer| server.feed("main").upstream_sources[0].credentials.clone().unwrap();
    let restores = |server: &TestServer| {
        server.advance(61);
        server
            .collaborator()
            .get_with("lib", &[("cache-control", "no-cache")])
            .expect(200)
            .header("warning")
            .to_owned()
    };
    let first = sealed(&server);
    assert_eq!(restores(&server), "");
    server.config.settings.keyring = Keyring::new(Some(new), Some(KEY)).unwrap();
    assert_eq!(restores(&server), "", "the previous key opens");
    assert_eq!(sealed(&server), first, "reading seals nothing");
    rest(&server, Method::PATCH, "feeds/main", &json!({ "description": "written" })).expect(200);
    let second = sealed(&server);
    assert_ne!(second, first, "sealed anew");
    rest(&server, Method::PATCH, "feeds/main", &json!({ "description": "again" })).expect(200);
    assert_eq!(sealed(&server), second, "once");
    server.config.settings.keyring = Keyring::new(Some(new), None).unwrap();
    assert_eq!(restores(&server), "");
    server.config.settings.keyring = Keyring::default();
    let warning = restores(&server);
    assert!(warning.contains("sealed under another CREDENTIALS_KEY"), "{warning}");
    server.collaborator().get("unheard-of").expect(502);
    rest(&server, Method::PATCH, "feeds/main", &json!({ "description": "without a key" })).expect(200);
    assert_eq!(sealed(&server), second, "what cannot be opened is kept");
}

#[test]
fn what_was_sealed_for_one_source_opens_for_no_other() {
    let server = deployment();
    registry(&server, "https://evil.test/");
    set_sources(&server, &json!([source("npm", UPSTREAM, basic())])).expect(200);
    let sealed = server.feed("main").upstream_sources[0].credentials.clone();
    server.add_feed("other", vec![crate::support::server::public("evil", "https://evil.test/")]);
    server.edit_feed("other", |feed| feed.upstream_sources[0].credentials.clone_from(&sealed));
    let refused = server.role("other", Role::Collaborator).get("lib").expect(502);
    assert!(refused.error().contains("another CREDENTIALS_KEY"), "{}", refused.text());
    assert!(shown(&server, "https://evil.test/").is_empty(), "it was not even asked");
}

#[test]
fn credentials_that_cannot_be_kept_are_refused() {
    let mut server = deployment();
    let refused = |server: &TestServer, source: Value| {
        let reply = set_sources(server, &json!([source])).expect(400);
        assert!(!reply.text().contains("hunter2") && !reply.text().contains("s3cret"), "{}", reply.text());
        reply.json()["message"].as_str().unwrap().to_owned()
    };
    let said = refused(&server, source("npm", "http://registry.example/", basic()));
    assert!(said.contains("https only"), "{said}");
    let said = refused(&server, source("npm", "azure-feed://acme/main@Local", basic()));
    assert!(said.contains("wants no credentials"), "{said}");
    for bad in [json!("s3cret"), json!({ "password": "s3cret" }), json!({ "token": "s3cret", "more": 1 })] {
        let said = refused(&server, source("npm", UPSTREAM, bad));
        assert!(said.contains("`credentials` is {"), "{said}");
    }
    for bad in [json!({ "credentials": { "token": "s3cret" } }), json!([[{ "token": "s3cret" }]])] {
        let said = set_sources(&server, &bad).expect(400).text();
        let logged = server.platform.log_lines().pop().unwrap();
        assert!(
            said.contains("expected") && !said.contains("s3cret") && !logged.contains("s3cret"),
            "{said}"
        );
    }
    server.config.settings.keyring = Keyring::default();
    let said = refused(&server, source("npm", UPSTREAM, basic()));
    assert!(said.contains("CREDENTIALS_KEY") && said.contains("32 characters"), "{said}");
    set_sources(&server, &json!([source("npm", UPSTREAM, Value::Null)])).expect(200);
}

#[test]
fn plain_text_is_for_private_addresses_of_development_only() {
    let mut server = deployment();
    server.config.settings.allow_private_upstreams = true;
    let private = registry(&server, "http://127.0.0.1:4873/");
    set_sources(&server, &json!([source("npm", "http://127.0.0.1:4873/", basic())])).expect(200);
    server.collaborator().get("lib").expect(200);
    assert_eq!(shown(&server, "http://127.0.0.1:4873/")[0].1.as_deref(), Some(BASIC));
    set_sources(&server, &json!([source("npm", "http://registry.example/", basic())])).expect(400);
    server.config.settings.allow_private_upstreams = false;
    server.advance(61);
    server.collaborator().get_with("lib", &[("cache-control", "no-cache")]);
    assert_eq!(private.asked("lib"), 1);
}
