//! Views, withdrawing, deleting and the guard, on versions that have several files.

use super::support::{Upload, client, files, manage, page, path, server, wheel, wheel_name};
use crate::support::server::internal;
use edgefeed::model::Role;
use http::Method;
use serde_json::{Value, json};

#[test]
fn a_view_shows_its_members_with_all_their_files() {
    let (server, index) = server();
    index.wheel("lib", "1.0").wheel("lib", "2.0");
    let contributor = client(&server, Role::Contributor);
    for version in ["1.0", "1.1"] {
        Upload::wheel("own", version).send(&contributor).expect(200);
        Upload::sdist("own", version).send(&contributor).expect(200);
    }
    contributor.get(&path("lib", "1.0", &wheel_name("lib", "1.0"))).expect(200);
    let view = server.owner().at("https://edge.test/acme/_packaging/main@Release/pypi/");
    assert!(files(&view, "own").is_empty());
    let beside = |version: &str| path("own", version, &format!("{}.metadata", wheel_name("own", version)));
    view.get(&beside("1.0")).expect(404);
    let promote = json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } });
    manage(&server, Method::PATCH, "own/versions/1.0", &promote).expect(200);
    manage(&server, Method::PATCH, "lib/versions/1.0", &promote).expect(200);
    server.advance(3);
    assert_eq!(files(&view, "own"), [wheel_name("own", "1.0"), "own-1.0.tar.gz".to_owned()]);
    assert_eq!(
        view.get(&path("own", "1.0", &wheel_name("own", "1.0"))).expect(200).bytes(),
        wheel("own", "1.0")
    );
    view.get(&beside("1.0")).expect(200);
    view.get(&beside("1.1")).expect(404);
    assert_eq!(files(&view, "lib"), [wheel_name("lib", "1.0")], "a view asks no index");
    let link = page(&view, "own").expect(200).json()["files"][0]["url"].as_str().unwrap().to_owned();
    assert!(
        link.starts_with("https://edge.test/acme/_packaging/main@Release/pypi/download/own/1.0/"),
        "{link}"
    );
    view.get("own/json").expect(200);
    view.get("own/1.1/json").expect(404);
}

#[test]
fn a_version_is_withdrawn_with_a_reason_and_taken_back() {
    let (server, _) = server();
    Upload::wheel("own", "1.0").send(&client(&server, Role::Contributor)).expect(200);
    let reader = client(&server, Role::Reader);
    let yanked = || page(&reader, "own").expect(200).json()["files"][0].get("yanked").cloned();
    assert_eq!(yanked(), None);
    let body = json!({ "listed": false, "deprecateMessage": "it <breaks>" });
    manage(&server, Method::PATCH, "own/versions/1.0", &body).expect(200);
    server.advance(3);
    assert_eq!(yanked(), Some(json!("it <breaks>")));
    let html = reader.get("simple/own/").expect(200).text();
    assert!(html.contains("data-yanked=\"it &lt;breaks&gt;\""), "{html}");
    let about = reader.get("own/json").expect(200).json();
    assert_eq!(
        (&about["info"]["yanked"], &about["urls"][0]["yanked_reason"]),
        (&json!(true), &json!("it <breaks>"))
    );
    reader.get(&path("own", "1.0", &wheel_name("own", "1.0"))).expect(200);
    manage(&server, Method::PATCH, "own/versions/1.0", &json!({ "listed": true, "deprecateMessage": "" }))
        .expect(200);
    server.advance(3);
    assert_eq!(yanked(), None);
}

#[test]
fn what_is_deleted_is_gone_with_all_its_files_until_it_is_restored() {
    let (server, index) = server();
    index.wheel("lib", "1.0").wheel("lib", "2.0");
    let collaborator = client(&server, Role::Collaborator);
    let file = path("lib", "1.0", &wheel_name("lib", "1.0"));
    let beside = path("lib", "1.0", &format!("{}.metadata", wheel_name("lib", "1.0")));
    collaborator.get(&file).expect(200);
    manage(&server, Method::DELETE, "lib/versions/1.0", &Value::Null).expect(200);
    manage(&server, Method::DELETE, "lib/versions/2.0", &Value::Null).expect(200);
    server.advance(3);
    for path in [&file, &beside] {
        collaborator.get(path).expect(404);
    }
    collaborator.get(&path("lib", "2.0", &wheel_name("lib", "2.0"))).expect(404);
    assert!(files(&collaborator, "lib").is_empty());
    let bin = "https://edge.test/acme/_apis/packaging/feeds/main/pypi/RecycleBin/packages/lib/versions/1.0";
    let body = json!({ "deleted": false }).to_string();
    server.owner().send(Method::PATCH, bin, &[("content-type", "application/json")], body.into()).expect(200);
    server.advance(3);
    collaborator.get(&file).expect(200);
    collaborator.get(&beside).expect(200);
}

#[test]
fn a_published_name_shadows_the_public_one_until_that_is_allowed() {
    let (server, index) = server();
    index.wheel("own", "9.0");
    Upload::wheel("own", "1.0").send(&client(&server, Role::Contributor)).expect(200);
    server.advance(3);
    let collaborator = client(&server, Role::Collaborator);
    assert_eq!(files(&collaborator, "own"), [wheel_name("own", "1.0")]);
    collaborator.get(&path("own", "9.0", &wheel_name("own", "9.0"))).expect(404);
    let allow = json!({ "versionsFromExternalUpstreams": "AllowExternalVersions" });
    manage(&server, Method::PATCH, "own/upstreaming", &allow).expect(200);
    assert_eq!(files(&collaborator, "own").len(), 2);
    collaborator.get(&path("own", "9.0", &wheel_name("own", "9.0"))).expect(200);
}

#[test]
fn another_feeds_wheel_comes_with_its_metadata() {
    let (server, index) = server();
    server.add_feed("other", vec![]);
    let mut inner = internal("other", "azure-feed://acme/other@Local");
    inner.protocol = "pypi".to_owned();
    server.edit_feed("main", |feed| feed.upstream_sources.push(inner.clone()));
    server.advance(11);
    let publisher =
        server.role("other", Role::Contributor).at("https://edge.test/acme/_packaging/other/pypi/");
    Upload::wheel("own", "1.0").send(&publisher).expect(200);
    Upload::sdist("own", "1.0").send(&publisher).expect(200);
    let (reader, collaborator) = (client(&server, Role::Reader), client(&server, Role::Collaborator));
    let name = wheel_name("own", "1.0");
    assert_eq!(files(&collaborator, "own"), [name.clone(), "own-1.0.tar.gz".to_owned()]);
    collaborator.get(&path("own", "1.0", &name)).expect(200);
    let document = page(&reader, "own").expect(200).json();
    assert_eq!(document["files"].as_array().unwrap().len(), 1);
    assert!(document["files"][0]["core-metadata"]["sha256"].is_string());
    assert_eq!(document["files"][0]["requires-python"], ">=3.8");
    reader.get(&path("own", "1.0", &format!("{name}.metadata"))).expect(200);
    assert_eq!(files(&collaborator, "own").len(), 2);
    index.wheel("own", "9.0");
    collaborator.get(&path("own", "9.0", &wheel_name("own", "9.0"))).expect(404);
}
