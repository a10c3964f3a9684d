//! Feeds, upstream sources and views.

use super::rest::Server;
use super::{FEEDS, roles};
use edgefeed::model::{SourceHealth, SourceId, SourceStatus};
use edgefeed::platform::Platform as _;
use edgefeed::store::feeds;
use futures_executor::block_on;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn a_new_feed_is_as_azure_makes_it() {
    let server = Server::new();
    let body = json!({ "name": "Main", "includeCommonPublicSources": true, "somethingElse": 1 });
    let created = server.call(&format!("POST {FEEDS}?api-version=7.1"), &server.admin, body).expect(201);
    let feed = created.body;
    let id = feed["id"].as_str().unwrap();
    assert_eq!(created.headers["etag"], "\"1\"");
    assert_eq!(feed["fullyQualifiedName"], "Main");
    assert_eq!(feed["url"], format!("https://feeds.example/acme/_apis/packaging/feeds/{id}"));
    assert_eq!((&feed["upstreamEnabled"], &feed["isReadOnly"]), (&json!(true), &json!(false)));
    let sources = feed["upstreamSources"].as_array().unwrap();
    let names: Vec<_> = sources.iter().map(|source| source["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "npmjs",
            "NuGet Gallery",
            "PowerShell Gallery",
            "PyPI",
            "Maven Central",
            "Google Maven Repository",
            "Gradle Plugins",
            "JitPack",
            "crates.io"
        ],
        "all there are, by one switch"
    );
    assert!(sources.iter().all(|source| source["status"] == "ok" && source["hasCredentials"] == false));
    for address in ["main", "MAIN", id] {
        assert_eq!(
            server.call(&format!("GET {FEEDS}/{address}"), &server.admin, Value::Null).expect(200).body["id"],
            id
        );
    }
    let views = server.call(&format!("GET {FEEDS}/main/views"), &server.admin, Value::Null).expect(200).body;
    let described: Vec<_> = views["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|view| (&view["name"], &view["type"], &view["visibility"]))
        .collect();
    assert_eq!(
        json!(described),
        json!([
            ["Local", "implicit", "collection"],
            ["Prerelease", "release", "collection"],
            ["Release", "release", "collection"]
        ])
    );
    assert_eq!(feed["defaultViewId"], views["value"][0]["id"]);
    let release =
        server.call(&format!("GET {FEEDS}/main@Release"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(
        (&release["isReadOnly"], &release["fullyQualifiedName"]),
        (&json!(true), &json!("Main@Release"))
    );
    assert_eq!(release["upstreamSources"], json!([]), "a view shows members only");

    server.call(&format!("POST {FEEDS}"), &server.admin, json!({ "name": "mAIN" })).expect(409);
    server.call("POST /acme/web/_apis/packaging/feeds", &server.admin, json!({ "name": "main" })).expect(201);
    assert_eq!(
        server.call("GET /acme/web/_apis/packaging/feeds/main", &server.admin, Value::Null).expect(200).body
            ["project"]["name"],
        "web"
    );
    assert_eq!(
        server.call("GET /acme/web/_apis/packaging/feeds", &server.admin, Value::Null).expect(200).body["count"],
        1
    );
    assert_eq!(server.call(&format!("GET {FEEDS}"), &server.admin, Value::Null).expect(200).body["count"], 2);
    for bad in ["", "a b", "_x", "x.", "a@b", "11111111-1111-4111-8111-111111111111", &"x".repeat(65)] {
        let answer = server.call(&format!("POST {FEEDS}"), &server.admin, json!({ "name": bad })).expect(400);
        assert!(answer.message().contains("`name` of the feed"), "{}", answer.message());
    }
    server.call(&format!("POST {FEEDS}"), &server.admin, json!({})).expect(400);
    server
        .call(&format!("POST {FEEDS}"), &server.admin, json!({ "name": "x", "description": "x".repeat(256) }))
        .expect(400);
}

#[test]
fn feeds_are_changed_in_the_state_that_was_read() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let feed = format!("{FEEDS}/main");
    let etag =
        server.call(&format!("GET {feed}"), &server.admin, Value::Null).expect(200).headers["etag"].clone();
    let etag = etag.to_str().unwrap();
    let patch = |body: Value, etag: &str| {
        server.call_with(&format!("PATCH {feed}"), &server.admin, body, &[("if-match", etag)])
    };
    let changed =
        patch(json!({ "description": "one", "isPublic": true, "listing": "azure" }), etag).expect(200);
    assert_eq!((&changed.body["description"], changed.header("etag")), (&json!("one"), "\"2\""));
    let stale = patch(json!({ "description": "two" }), etag).expect(412);
    assert!(stale.message().contains("its entity tag is now \"2\""), "{}", stale.message());
    patch(json!({ "description": "two" }), "*").expect(200);
    // A whole feed sent back as it was read changes nothing.
    let whole = server.call(&format!("GET {feed}"), &server.admin, Value::Null).expect(200).body;
    let mut again = patch(whole.clone(), "*").expect(200).body;
    again["created"] = whole["created"].clone();
    assert_eq!(again, whole);
    patch(json!({ "defaultViewId": "other" }), "*").expect(400);
    server.call(&format!("GET {feed}"), "", Value::Null).expect(200);

    server
        .call_with(&format!("DELETE {feed}"), &server.admin, Value::Null, &[("if-match", etag)])
        .expect(412);
    server.call(&format!("DELETE {feed}"), &server.admin, Value::Null).expect(204);
    server.call(&format!("GET {feed}"), &server.admin, Value::Null).expect(404);
    server.call(&format!("DELETE {feed}"), &server.admin, Value::Null).expect(404);
    server.call(&format!("POST {FEEDS}"), &server.admin, json!({ "name": "main" })).expect(409);
    assert_eq!(server.call(&format!("GET {FEEDS}"), &server.admin, Value::Null).expect(200).body["count"], 0);
}

#[test]
fn sources_lead_where_they_may() {
    let mut server = Server::new();
    let private = json!({ "name": "hidden" });
    server.feed(private);
    server
        .call(&format!("PATCH {FEEDS}/hidden/views/Local"), &server.admin, json!({ "visibility": "private" }))
        .expect(200);
    let other = server.organization("globex");
    for (name, visibility) in [("shared", "organization"), ("own", "collection")] {
        server.call("POST /globex/_apis/packaging/feeds", &other, json!({ "name": name })).expect(201);
        let path = format!("PATCH /globex/_apis/packaging/feeds/{name}/views/Release");
        server.call(&path, &other, json!({ "visibility": visibility })).expect(200);
    }
    let create = |server: &Server, name: &str, sources: Value| {
        let body = json!({ "name": name, "upstreamSources": sources });
        server.call(&format!("POST {FEEDS}"), &server.admin, body)
    };
    let at = |location: &str| json!([{ "name": "up", "protocol": "npm", "location": location }]);
    for (location, reason) in [
        ("nonsense", "not a URL"),
        ("http://127.0.0.1/", "private address"),
        ("http://169.254.169.254/latest", "private address"),
        ("https://user:secret@registry.example/", "credentials"),
        ("ftp://registry.example/", "not HTTP"),
        ("https://registry.example/?token=x", "query"),
        ("azure-feed://acme/main", "azure-feed://organization"),
        ("azure-feed://acme/nope@Local", "feed `nope` does not exist"),
        ("azure-feed://acme/hidden@Nope", "no such view"),
        ("azure-feed://acme/hidden@Local", "is private"),
        ("azure-feed://globex/own@Release", "not shared with organization `acme`"),
        ("azure-feed://globex/nope@Release", "not shared with organization `acme`"),
    ] {
        let answer = create(&server, "refused", at(location)).expect(400);
        assert!(answer.message().contains(reason), "{location}: {}", answer.message());
        assert!(!answer.message().contains("secret"), "{}", answer.message());
    }
    create(&server, "one", at("azure-feed://globex/shared@Release")).expect(201);
    let created = create(&server, "two", at("azure-feed://acme/hidden@Release")).expect(201).body;
    assert_eq!(created["upstreamSources"][0]["upstreamSourceType"], "internal");
    assert!(created["upstreamSources"][0]["internalUpstreamViewId"].is_string());
    let own = json!({ "upstreamSources": at("azure-feed://acme/two@Local") });
    assert!(
        server
            .call(&format!("PATCH {FEEDS}/two"), &server.admin, own)
            .expect(400)
            .message()
            .contains("its own")
    );

    let many = |count: usize| {
        let source = |index| json!({ "name": format!("s{index}"), "protocol": "NPM", "location": format!("https://r{index}.example/") });
        Value::Array((0..count).map(source).collect())
    };
    create(&server, "many", many(20)).expect(201);
    assert!(create(&server, "more", many(21)).expect(400).message().contains("at most 20"));
    let twice = json!([{ "name": "a", "protocol": "npm", "location": "https://r.example" }, { "name": "b", "protocol": "npm", "location": "https://r.example/" }]);
    create(&server, "twice", twice).expect(400);
    create(&server, "alien", json!([{ "name": "a", "protocol": "cobol", "location": "https://r.example" }]))
        .expect(400);
    let stock = create(&server, "stock", json!([{ "name": "npmjs", "protocol": "npm" }])).expect(201).body;
    assert!(stock["upstreamSources"][0]["location"].as_str().unwrap().starts_with("https://"));
    server.config.settings.allow_private_upstreams = true;
    create(&server, "development", at("http://127.0.0.1:4873/")).expect(201);
}

#[test]
fn a_source_keeps_its_id_and_shows_its_health() {
    let server = Server::new();
    let source =
        json!({ "name": "up", "protocol": "npm", "location": "https://r.example/", "freshnessSeconds": 0 });
    server.feed(json!({ "name": "main", "upstreamSources": [source] }));
    let get = || {
        server.call(&format!("GET {FEEDS}/main"), &server.admin, Value::Null).expect(200).body["upstreamSources"].clone()
    };
    let patch = |sources: Value| {
        let body = json!({ "upstreamSources": sources });
        server.call(&format!("PATCH {FEEDS}/main"), &server.admin, body).expect(200).body["upstreamSources"]
            .clone()
    };
    let first = get();
    assert_eq!(first[0]["freshnessSeconds"], 0);
    let health = SourceHealth {
        status: SourceStatus::Failing,
        reason: Some("answered 503".to_owned()),
        ..SourceHealth::default()
    };
    let id = SourceId::parse(first[0]["id"].as_str().unwrap()).unwrap();
    block_on(feeds::set_health(&server.platform, &id, &health)).unwrap();
    let failing = get();
    assert_eq!(
        (&failing[0]["status"], &failing[0]["statusDetails"][0]["reason"]),
        (&json!("failing"), &json!("answered 503"))
    );
    let sent_back = patch(failing);
    assert_eq!(sent_back[0]["id"], first[0]["id"]);
    assert_eq!(sent_back[0]["status"], "failing", "sending back a bad day does not disable a source");

    let reordered = patch(json!([
        { "name": "new", "protocol": "npm", "location": "https://other.example/" },
        { "name": "up", "protocol": "npm", "location": "https://r.example/", "status": "disabled" },
    ]));
    assert_eq!((&reordered[1]["id"], &reordered[1]["status"]), (&first[0]["id"], &json!("disabled")));
    let moved = patch(
        json!([{ "id": first[0]["id"], "name": "up", "protocol": "npm", "location": "https://evil.example/" }]),
    );
    assert_ne!(moved[0]["id"], first[0]["id"], "what one place said is not another's word");
}

#[test]
fn views_come_and_go_but_local_stays() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let views = format!("{FEEDS}/main/views");
    let call = |what: &str, body: Value| server.call(what, &server.admin, body);
    let created =
        call(&format!("POST {views}"), json!({ "name": "QA", "visibility": "private", "type": "release" }))
            .expect(201)
            .body;
    call(&format!("POST {views}"), json!({ "name": "qa" })).expect(409);
    call(&format!("POST {views}"), json!({ "name": "a b" })).expect(400);
    call(&format!("POST {views}"), json!({})).expect(400);
    let renamed = call(&format!("PATCH {views}/qa"), json!({ "name": "Tested", "visibility": "aadTenant" }))
        .expect(200)
        .body;
    assert_eq!((&renamed["id"], &renamed["visibility"]), (&created["id"], &json!("organization")));
    let by_id =
        call(&format!("GET {views}/{}", created["id"].as_str().unwrap()), Value::Null).expect(200).body;
    assert_eq!(by_id["name"], "Tested");
    call(&format!("PATCH {views}/Tested"), json!({ "name": "release" })).expect(409);
    call(&format!("DELETE {views}/Tested"), Value::Null).expect(204);
    call(&format!("GET {views}/Tested"), Value::Null).expect(404);
    call(&format!("PATCH {views}/Local"), json!({ "name": "Everything" })).expect(409);
    call(&format!("DELETE {views}/Local"), Value::Null).expect(409);
    for (role, token) in roles(&server, "main") {
        let status = server.call(&format!("POST {views}"), &token, json!({ "name": role })).status;
        assert_eq!(status, if role == "administrator" { 201 } else { 403 }, "{role}");
    }
}

#[test]
fn settings_written_by_others_at_the_same_time_are_all_kept() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let request = async |name: usize| {
        let body = json!({ "name": format!("view-{name}") });
        let elsewhere = server.platform.elsewhere();
        server.fetch(&elsewhere, &format!("POST {FEEDS}/main/views"), &server.admin, body, &[]).await.0
    };
    let statuses = block_on(futures_util::future::join_all((0..4).map(request)));
    assert!(statuses.iter().all(|status| *status == 201));
    server.platform.advance(feeds::FEED_REUSE);
    let views = server.call(&format!("GET {FEEDS}/main/views"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(views["count"], 7);
}

#[test]
fn removed_sources_are_shown_to_those_who_ask() {
    let server = Server::new();
    let at = |name: &str| json!({ "name": name, "protocol": "npm", "location": format!("https://{name}.example/") });
    server.feed(json!({ "name": "main", "upstreamSources": [at("one"), at("two"), at("three")] }));
    let shown = |path: &str| {
        let body = server.call(&format!("GET {FEEDS}{path}"), &server.admin, Value::Null).expect(200).body;
        let feed = if body["value"].is_array() { &body["value"][0] } else { &body };
        feed["upstreamSources"].as_array().unwrap().clone()
    };
    let names = |sources: &[Value]| {
        let name = |source: &Value| source["name"].as_str().unwrap().to_owned();
        sources.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let set = |sources: Value| {
        server.platform.advance(Duration::from_secs(1));
        let body = json!({ "upstreamSources": sources });
        let feed = server.call(&format!("PATCH {FEEDS}/main"), &server.admin, body).expect(200).body;
        names(feed["upstreamSources"].as_array().unwrap())
    };
    let one = shown("/main")[0].clone();
    assert_eq!(set(json!([at("three")])), "three");
    for path in ["/main", ""] {
        assert_eq!(names(&shown(path)), "three");
        let all = shown(&format!("{path}?includeDeletedUpstreams=true"));
        assert_eq!(names(&all), "three one two");
        assert_eq!(all[1]["deletedDate"], json!(server.platform.now()));
        assert_eq!((&all[1]["id"], &all[0]["deletedDate"]), (&one["id"], &Value::Null));
    }
    assert_eq!(shown("/main@Release?includeDeletedUpstreams=true"), Vec::<Value>::new());
    // Sent back as it was read, a feed is what it was.
    let all = shown("/main?includeDeletedUpstreams=true");
    assert_eq!(set(json!(all)), "three");
    assert_eq!(shown("/main?includeDeletedUpstreams=true"), all);
    // One that comes back is the one it was.
    assert_eq!(set(json!([at("three"), at("one")])), "three one");
    assert_eq!(shown("/main")[1]["id"], one["id"]);
    assert_eq!(names(&shown("/main?includeDeletedUpstreams=true")), "three one two");
}
