//! Unpublishing as npm does it: two requests for a version, one for a package; both leave tombstones.

use crate::support::TestServer;
use serde_json::{Value, json};

fn server() -> TestServer {
    let server = TestServer::empty();
    server.add_feed("main", vec![]);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        server.contributor().publish("own", version).expect(201);
    }
    server
}

/// What npm sends: the packument without the version, the tags moved.
fn without(document: &Value, version: &str) -> Value {
    let mut document = document.clone();
    document["versions"].as_object_mut().unwrap().shift_remove(version);
    document["dist-tags"] = json!({ "latest": "1.1.0" });
    document
}

fn revision(server: &TestServer) -> String {
    let document = server.owner().get_with("own?write=true", &[("accept", crate::support::INSTALL)]);
    document.expect(200).json()["_rev"].as_str().unwrap().to_owned()
}

#[test]
fn one_version_is_unpublished_as_npm_does_it() {
    let server = server();
    let document = server.owner().get("own?write=true").expect(200).json();
    let rev = document["_rev"].as_str().unwrap().to_owned();
    server.owner().put(&format!("own/-rev/{rev}"), &without(&document, "1.2.0")).expect(201);
    let after = revision(&server);
    assert_ne!(after, rev);
    server.owner().delete(&format!("own/-/own-1.2.0.tgz/-rev/{after}")).expect(200);
    assert_eq!(server.reader().versions("own"), ["1.0.0", "1.1.0"]);
    assert_eq!(server.reader().get("own/latest").expect(200).json()["version"], "1.1.0");
    server.reader().download("own", "1.2.0").expect(404);
    server.contributor().publish("own", "1.2.0").expect(403);
}

#[test]
fn npm_9_sends_the_prefix_twice() {
    let server = server();
    let rev = revision(&server);
    let twice = format!("acme/_packaging/main/npm/registry/own/-/own-1.0.0.tgz/-rev/{rev}");
    server.owner().delete(&twice).expect(200);
    assert_eq!(server.reader().versions("own"), ["1.1.0", "1.2.0"]);
}

#[test]
fn a_package_is_unpublished_whole_and_its_numbers_stay_taken() {
    let server = server();
    let rev = revision(&server);
    server.owner().delete(&format!("own/-rev/{rev}")).expect(200);
    server.reader().get("own").expect(404);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        server.owner().download("own", version).expect(404);
        server.contributor().publish("own", version).expect(403);
    }
    let now = server.owner().delete(&format!("own/-rev/{rev}"));
    assert_eq!(now.status, 409, "stale: {}", now.text());
    server.contributor().publish("own", "2.0.0").expect(201);
    assert_eq!(server.reader().versions("own"), ["2.0.0"]);
}

#[test]
fn a_stale_revision_is_a_conflict() {
    let server = server();
    let document = server.owner().get("own?write=true").expect(200).json();
    let rev = document["_rev"].as_str().unwrap().to_owned();
    server.contributor().publish("own", "1.3.0").expect(201);
    for stale in [rev.as_str(), "0-edgefeed", "nonsense"] {
        let text = server.owner().put(&format!("own/-rev/{stale}"), &without(&document, "1.2.0"));
        let text = text.expect(409).error();
        assert!(text.contains("was changed since revision"), "{text}");
        server.owner().delete(&format!("own/-rev/{stale}")).expect(409);
        server.owner().delete(&format!("own/-/own-1.2.0.tgz/-rev/{stale}")).expect(409);
    }
    assert_eq!(server.reader().versions("own").len(), 4);
}

#[test]
fn contributors_may_send_the_packument_back_but_take_nothing_out() {
    let server = server();
    let document = server.owner().get("own?write=true").expect(200).json();
    let path = format!("own/-rev/{}", document["_rev"].as_str().unwrap());
    server.contributor().put(&path, &document).expect(201);
    let text = server.contributor().put(&path, &without(&document, "1.2.0")).expect(403).error();
    assert!(text.contains("unpublishing a version needs Owner") && text.contains("is Contributor"), "{text}");
    let mut two = without(&document, "1.2.0");
    two["versions"].as_object_mut().unwrap().shift_remove("1.1.0");
    let text = server.owner().put(&path, &two).expect(400).error();
    assert!(text.contains("unpublish one at a time"), "{text}");
    assert_eq!(server.reader().versions("own").len(), 3);
}

#[test]
fn owners_of_packages_are_those_of_the_feed() {
    let server = server();
    let path = format!("own/-rev/{}", revision(&server));
    let document = json!({ "_id": "own", "maintainers": [{ "name": "me", "email": "me@x.test" }] });
    let text = server.owner().put(&path, &document).expect(400).error();
    assert!(text.contains("an administrator grants roles"), "{text}");
}

#[test]
fn views_are_not_unpublished_from() {
    let server = server();
    let rev = revision(&server);
    server.owner().on("main@Local").delete(&format!("own/-rev/{rev}")).expect(409);
    server.owner().on("main@Local").delete(&format!("own/-/own-1.0.0.tgz/-rev/{rev}")).expect(409);
    assert_eq!(server.reader().versions("own").len(), 3);
}

#[test]
fn a_deprecation_is_shown_and_taken_back() {
    let server = server();
    let mut document = server.contributor().get("own?write=true").expect(200).json();
    let before = server.reader().get("own").expect(200);
    for version in ["1.0.0", "1.1.0"] {
        document["versions"][version]["deprecated"] = "use 2".into();
    }
    server.contributor().put("own", &document).expect(200);
    for accept in [crate::support::INSTALL, "application/json"] {
        let listed = server.reader().get_with("own", &[("accept", accept)]).expect(200);
        assert_ne!(listed.header("etag"), before.header("etag"));
        let listed = listed.json();
        assert_eq!(listed["versions"]["1.0.0"]["deprecated"], "use 2");
        assert_eq!(listed["versions"]["1.1.0"]["deprecated"], "use 2");
        assert_eq!(listed["versions"]["1.2.0"].get("deprecated"), None);
    }
    assert_eq!(server.reader().get("own/1.0.0").expect(200).json()["deprecated"], "use 2");
    let mut document = server.contributor().get("own?write=true").expect(200).json();
    document["versions"]["1.0.0"]["deprecated"] = "".into();
    // Nothing else may change this way.
    document["versions"]["1.1.0"]["dist"]["integrity"] = "sha512-AAAA".into();
    document["versions"]["9.9.9"] = json!({ "deprecated": "not here" });
    server.contributor().put("own", &document).expect(200);
    let listed = server.reader().get("own").expect(200).json();
    assert_eq!(listed["versions"]["1.0.0"].get("deprecated"), None);
    assert_eq!(listed["versions"]["1.1.0"]["deprecated"], "use 2");
    assert_ne!(listed["versions"]["1.1.0"]["dist"]["integrity"], "sha512-AAAA");
    assert_eq!(listed["versions"].get("9.9.9"), None);
}

#[test]
fn a_saved_version_can_be_deprecated_here_and_one_that_is_not_here_cannot() {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0");
    let deprecate = |version: &str| json!({ "name": "lib", "versions": { version: { "deprecated": "no" } } });
    server.contributor().put("lib", &deprecate("1.0.0")).expect(404);
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.contributor().put("lib", &deprecate("1.0.0")).expect(200);
    server.contributor().put("lib", &deprecate("1.1.0")).expect(404);
    for client in [server.reader(), server.collaborator()] {
        assert_eq!(client.get("lib").expect(200).json()["versions"]["1.0.0"]["deprecated"], "no");
    }
}
