//! Feeds on other hosts, read over HTTP.

use super::support::{
    PROTOCOLS, deployment, far_credentials, far_deployment, registry, rest, restore, set_sources, shown,
    source,
};
use crate::support::TestServer;
use crate::support::server::UPSTREAM;
use crate::universal::support::{Files, Universal, encoded};
use edgefeed::model::{FirstPublished, Role, UpstreamingBehavior};
use edgefeed::platform::memory::Reply as Scripted;
use http::Method;
use serde_json::{Value, json};

const THEIRS: &str = "https://far.test/acme/_packaging/theirs@Local";

fn far(protocol: &str, credentials: Value) -> Value {
    let mut source = source(protocol, THEIRS, credentials);
    source["upstreamSourceType"] = json!("internal");
    source["name"] = json!("far");
    source
}

/// Feed `theirs` there gets what its users restored from registries; feed `main` here gets it from there.
#[test]
fn every_protocol_restores_from_a_feed_on_another_host() {
    for (protocol, location, _) in PROTOCOLS {
        let server = deployment();
        let there = far_deployment(&server);
        let public = json!({ "upstreamSources": [source(protocol, location, Value::Null)] });
        let path = "https://edge.test/acme/_apis/packaging/feeds/theirs";
        there
            .role("theirs", Role::Owner)
            .send(Method::PATCH, path, &[], public.to_string().into())
            .expect(200);
        restore(there.role("theirs", Role::Collaborator), "theirs", protocol).expect(200);
        set_sources(&server, &json!([far(protocol, far_credentials(there, Role::Reader))])).expect(200);
        let restored = restore(server.collaborator(), "main", protocol).expect(200);
        let original = restore(there.role("theirs", Role::Reader), "theirs", protocol).expect(200);
        assert_eq!(restored.bytes(), original.bytes(), "{location}");
        assert!(shown(&server, "https://far.test/").iter().all(|(_, value)| value.is_some()), "{location}");
        restore(server.reader().elsewhere(), "main", protocol).expect(200);
    }
}

#[test]
fn members_of_the_view_are_offered_and_nothing_else() {
    let server = deployment();
    let there = far_deployment(&server);
    let contributor = there.role("theirs", Role::Contributor);
    contributor.publish("own", "1.0.0").expect(201);
    contributor.publish("own", "1.1.0").expect(201);
    let version = "https://edge.test/acme/_apis/packaging/feeds/theirs/npm/packages/own/versions/1.0.0";
    let promote = json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } });
    contributor.send(Method::PATCH, version, &[], promote.to_string().into()).expect(200);
    let mut source = far("npm", far_credentials(there, Role::Reader));
    source["location"] = json!("https://far.test/acme/_packaging/theirs@Release");
    set_sources(&server, &json!([source])).expect(200);
    assert_eq!(server.collaborator().versions("own"), ["1.0.0"]);
    server.collaborator().download("own", "1.0.0").expect(200);
    server.collaborator().download("own", "1.1.0").expect(404);
    let slot =
        String::from_utf8(server.platform.object(&server.key(&["own", "/slots/1.0.0"])).unwrap().to_vec());
    let slot: Value = serde_json::from_str(&slot.unwrap()).unwrap();
    assert_eq!(slot["firstPublished"], json!(FirstPublished::Internal), "{slot}");
    assert_eq!(slot["origin"]["sourceChain"][0]["kind"], "internal", "{slot}");
}

fn guarded() -> (TestServer, &'static TestServer) {
    let server = deployment();
    let there = far_deployment(&server);
    there.role("theirs", Role::Contributor).publish("own", "1.0.0").expect(201);
    server.registry.add("own", "9.9.9");
    // The registry comes first: order decides nothing about the guard.
    let sources =
        json!([source("npm", UPSTREAM, Value::Null), far("npm", far_credentials(there, Role::Reader))]);
    set_sources(&server, &sources).expect(200);
    (server, there)
}

#[test]
fn what_they_offer_blocks_what_registries_offer() {
    let (server, _) = guarded();
    assert_eq!(server.collaborator().versions("own"), ["1.0.0"]);
    server.collaborator().download("own", "9.9.9").expect(404);
    assert_eq!(server.registry.asked("own"), 0, "an internal name is not told to the registry");
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0"], "other names are not affected");
    server.collaborator().download("lib", "1.0.0").expect(200);
    let verb = crate::support::verbs::Verb::Allow(UpstreamingBehavior::AllowExternalVersions);
    crate::support::verbs::owner_does(&server, "main", "own", verb).unwrap();
    assert_eq!(server.collaborator().versions("own"), ["9.9.9", "1.0.0"]);
}

#[test]
fn while_they_are_silent_nothing_external_is_taken_in_their_place() {
    let (server, _) = guarded();
    server.platform.upstream().route("https://far.test/", |_| Scripted::connection_error());
    let refused = server.collaborator().download("own", "9.9.9").expect(502);
    assert!(refused.error().contains("`far` cannot be reached"), "{}", refused.text());
    server.collaborator().download("lib", "1.0.0").expect(502);
    assert!(server.local_keys().is_empty());
    let listed = server.collaborator().get("lib").expect(200);
    assert!(
        listed.header("warning").contains("`far` cannot be reached"),
        "one failing source hides no other"
    );
    let verb = crate::support::verbs::Verb::Allow(UpstreamingBehavior::AllowExternalVersions);
    crate::support::verbs::owner_does(&server, "main", "lib", verb).unwrap();
    server.collaborator().download("lib", "1.0.0").expect(200);
}

#[test]
fn their_last_word_counts_while_they_are_down() {
    let (server, _) = guarded();
    assert_eq!(server.collaborator().versions("own"), ["1.0.0"]);
    server.platform.upstream().route("https://far.test/", |_| Scripted::connection_error());
    server.advance(3600);
    server.collaborator().download("own", "9.9.9").expect(404);
    assert_eq!(server.collaborator().versions("own"), ["1.0.0"]);
}

/// Trees of files are asked file by file: the guard holds for them as well.
#[test]
fn the_guard_holds_for_trees_of_files() {
    use crate::maven::support::{Maven as _, REPOSITORY, Repository};
    let server = deployment();
    let there = far_deployment(&server);
    there.role("theirs", Role::Contributor).maven_on("theirs").release("org.own:own", "1.0");
    Repository::new(server.platform.upstream(), REPOSITORY)
        .add("org.own:own", "9.9")
        .add("org.example:lib", "1.0.0");
    let mut public = source("maven", REPOSITORY, Value::Null);
    public["name"] = json!("repository");
    set_sources(&server, &json!([public, far("maven", far_credentials(there, Role::Reader))])).expect(200);
    let client = server.collaborator().maven();
    client.fetch("org.own:own", "9.9", "jar").expect(404);
    client.fetch("org.own:own", "1.0", "jar").expect(200);
    client.fetch("org.example:lib", "1.0.0", "jar").expect(200);
    server.advance(61);
    server.platform.upstream().route("https://far.test/", |_| Scripted::connection_error());
    client.fetch("org.other:other", "9.9", "jar").expect(502);
    client.fetch("org.example:lib", "1.0.0", "jar").expect(200);
}

#[test]
fn a_view_must_be_named_and_the_address_be_that_of_a_feed() {
    let server = deployment();
    let refused = |location: &str| {
        let mut source = far("npm", Value::Null);
        source["location"] = json!(location);
        let reply = set_sources(&server, &json!([source])).expect(400);
        reply.json()["message"].as_str().unwrap().to_owned()
    };
    for location in [
        "https://far.test/acme/_packaging/theirs",
        "https://far.test/acme/_packaging/theirs@Local/npm/registry/",
        "https://far.test/",
    ] {
        let said = refused(location);
        assert!(said.contains("https://host/organization/_packaging/feed@view"), "{location}: {said}");
    }
    assert!(refused("https://10.0.0.1/acme/_packaging/theirs@Local").contains("private address"));
    let said = refused("azure-feed://nowhere/theirs@Local");
    assert!(said.contains("not of this deployment") && said.contains("_packaging/feed@view"), "{said}");
    let told = set_sources(&server, &json!([far("npm", Value::Null)])).expect(200).json();
    let told = &told["upstreamSources"][0];
    assert_eq!((&told["upstreamSourceType"], &told["location"]), (&json!("internal"), &json!(THEIRS)));
    let read = rest(&server, Method::GET, "feeds/main", &Value::Null).expect(200).json();
    let again = set_sources(&server, &read["upstreamSources"]).expect(200).json();
    assert_eq!(again["upstreamSources"][0]["id"], told["id"], "sent back as it was read");
    registry(&server, "https://far.test/acme/_packaging/theirs@Local/npm/registry/");
    server.collaborator().download("lib", "1.0.0").expect(200);
}

/// A tree is saved file by file, each by its own address there.
#[test]
fn a_tree_of_files_comes_from_a_feed_on_another_host() {
    let server = deployment();
    let there = far_deployment(&server);
    let theirs = there.role("theirs", Role::Contributor).universal_on("theirs");
    let files: Files<'_> =
        &[("a b#c?100%.txt", b"odd", false), ("bin/run", b"run", true), ("never", b"asked", false)];
    theirs.push("lib/1.0.0", files).expect(201);
    theirs.push("lib/1.1.0-rc.1", files).expect(201);
    set_sources(&server, &json!([far("upack", far_credentials(there, Role::Reader))])).expect(200);
    let (collaborator, reader) = (server.collaborator().universal(), server.reader().universal());
    assert_eq!(collaborator.numbers("lib"), ["1.0.0", "1.1.0-rc.1"]);
    let listed = collaborator.get("lib").expect(200).json();
    assert_eq!((&listed["versions"][0]["files"], &listed["versions"][0]["size"]), (&json!(3), &json!(11)));
    let manifest = collaborator.get("lib/latest").expect(200);
    assert_eq!(manifest.bytes(), theirs.get("lib/1.0.0").expect(200).bytes());
    reader.get("lib/1.0.0/bin/run").expect(403);
    for (path, content, _) in &files[..2] {
        let path = format!("lib/1.0.0/{}", encoded(path));
        assert_eq!(collaborator.get(&path).expect(200).bytes(), *content, "{path}");
        assert_eq!(reader.clone().elsewhere().get(&path).expect(200).bytes(), *content, "{path}");
    }
    assert!(shown(&server, "https://far.test/").iter().all(|(_, value)| value.is_some()));
    there.role("theirs", Role::Owner).universal_on("theirs").delete("lib/1.0.0").expect(204);
    let gone = collaborator.get("lib/1.0.0/never");
    assert!(matches!(gone.status, 404 | 502), "{}", gone.text());
    collaborator.get("lib/1.0.0/bin/run").expect(200);
}
