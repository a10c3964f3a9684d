//! Packages on the REST surface, by the paths that Azure documents and by the generic ones.

use super::support::{Maven, manage, server};
use http::Method;
use serde_json::{Value, json};

#[test]
fn versions_are_managed_by_group_and_artifact() {
    let (server, _) = server();
    server.contributor().maven().release("org.own:own", "1.0");
    let version = "groups/org.own/artifacts/own/versions/1.0";
    let found = manage(&server, Method::GET, version, &Value::Null).expect(200).json();
    assert_eq!((&found["name"], &found["version"]), (&json!("org.own:own"), &json!("1.0")));
    let names: Vec<_> =
        found["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["own-1.0.jar", "own-1.0.pom"]);
    assert_eq!(found["files"][0]["hashes"].as_object().unwrap().len(), 4);
    assert_eq!(
        manage(&server, Method::GET, "packages/org.own:own/versions/1.0", &Value::Null).expect(200).json(),
        found
    );
    assert_eq!(
        manage(&server, Method::GET, "Groups/org.own/Artifacts/own/Versions/1.0", &Value::Null)
            .expect(200)
            .json(),
        found
    );
    let promote = json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } });
    manage(&server, Method::PATCH, version, &promote).expect(200);
    server.advance(3);
    assert_eq!(server.owner().maven_on("main@Release").told("org.own:own"), ["1.0"]);
    manage(&server, Method::DELETE, version, &Value::Null).expect(200);
    server.advance(3);
    server.reader().maven().fetch("org.own:own", "1.0", "jar").expect(404);
    let bin = format!("RecycleBin/{version}");
    manage(&server, Method::GET, &bin, &Value::Null).expect(200);
    manage(&server, Method::PATCH, &bin, &json!({ "deleted": false })).expect(200);
    server.advance(3);
    server.reader().maven().fetch("org.own:own", "1.0", "jar").expect(200);
    manage(&server, Method::DELETE, version, &Value::Null).expect(200);
    manage(&server, Method::DELETE, &bin, &Value::Null).expect(204);
    let kept = server.platform.stored_keys().into_iter().filter(|key| key.contains("/files/")).count();
    assert_eq!(kept, 0);
}

#[test]
fn the_guard_is_set_by_group_and_artifact() {
    let (server, repository) = server();
    repository.add("org.own:own", "9.0");
    server.contributor().maven().release("org.own:own", "1.0");
    let path = "groups/org.own/artifacts/own/upstreaming";
    let get = || manage(&server, Method::GET, path, &Value::Null).expect(200).json();
    assert_eq!(get(), json!({ "versionsFromExternalUpstreams": "auto" }));
    let allow = json!({ "versionsFromExternalUpstreams": "allowExternalVersions" });
    manage(&server, Method::PATCH, path, &allow).expect(200);
    assert_eq!(get(), allow);
    server.advance(3);
    assert_eq!(server.collaborator().maven().told("org.own:own"), ["1.0", "9.0"]);
}

#[test]
fn batches_name_groups_and_artifacts() {
    let (server, _) = server();
    for version in ["1.0", "2.0"] {
        server.contributor().maven().release("org.own:own", version);
    }
    let items = json!([
        { "group": "org.own", "artifact": "own", "version": "1.0" },
        { "id": "org.own:own", "version": "2.0" },
        { "group": "org.own", "version": "2.0" },
    ]);
    let body = json!({ "operation": "promote", "data": { "viewId": "Release" }, "packages": items });
    let done = manage(&server, Method::POST, "packagesbatch", &body).expect(409).json();
    let results = &done["customProperties"]["results"];
    let statuses: Vec<_> =
        results.as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 400]);
    assert_eq!(results[0]["id"], "org.own:own");
    server.advance(3);
    assert_eq!(server.owner().maven_on("main@Release").told("org.own:own"), ["1.0", "2.0"]);
}

#[test]
fn names_that_are_none_are_refused() {
    let (server, _) = server();
    for (path, status) in [
        ("packages/own/versions/1.0", 400),
        ("groups/org.own/artifacts/a%2fb/versions/1.0", 400),
        ("groups/org..own/artifacts/own/versions/1.0", 400),
        ("groups/org.own/own/versions/1.0", 404),
        ("artifacts/own/groups/org.own/versions/1.0", 404),
        ("groups/org.own/artifacts/own/versions/1%2f2", 400),
        ("groups/org.own/artifacts/own/versions/7", 404),
    ] {
        let reply = manage(&server, Method::GET, path, &Value::Null);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
}
