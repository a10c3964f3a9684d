//! Saving: a version grows file by file, and everybody sees exactly what they can download.

use super::support::{
    Index, PIP, client, files, manage, metadata, page, path, sdist, server, sha256, source, wheel, wheel_name,
};
use edgefeed::model::Role;
use edgefeed::platform::memory::Reply;
use http::Method;
use serde_json::{Value, json};

#[test]
fn one_wheel_is_saved_with_its_metadata_and_nothing_else() {
    let (server, index) = server();
    index.wheel("lib", "1.0").sdist("lib", "1.0").wheel("lib", "2.0");
    let (reader, collaborator) = (client(&server, Role::Reader), client(&server, Role::Collaborator));
    let name = wheel_name("lib", "1.0");
    let (file, beside) = (path("lib", "1.0", &name), path("lib", "1.0", &format!("{name}.metadata")));
    let refused = page(&reader, "lib").expect(404).text();
    assert!(refused.contains("Collaborator"), "{refused}");
    reader.get(&file).expect(403);
    reader.get(&beside).expect(403);
    assert_eq!(index.asked(""), 0);

    assert_eq!(files(&collaborator, "lib").len(), 3);
    assert_eq!(server.local_keys(), [""; 0], "a listing saves nothing");
    let reply = collaborator.get(&file).expect(200);
    assert_eq!(reply.bytes(), wheel("lib", "1.0"));
    assert_eq!(reply.header("etag"), format!("\"{}\"", sha256(&wheel("lib", "1.0"))));
    assert_eq!(reply.header("content-type"), "application/octet-stream");
    assert_eq!(reply.header("accept-ranges"), "bytes");

    let document = page(&reader, "lib").expect(200).json();
    assert_eq!(document["versions"], json!(["1.0"]));
    assert_eq!(document["files"].as_array().unwrap().len(), 1);
    assert_eq!(document["files"][0]["core-metadata"]["sha256"], sha256(&metadata("lib", "1.0")));
    assert_eq!(document["files"][0]["upload-time"], "2020-01-02T03:04:05.678901Z");
    assert_eq!(reader.get(&beside).expect(200).bytes(), metadata("lib", "1.0"));
    assert_eq!(reader.get(&file).expect(200).bytes(), wheel("lib", "1.0"));
    reader.get(&path("lib", "1.0", "lib-1.0.tar.gz")).expect(403);

    assert_eq!(files(&collaborator, "lib").len(), 3, "siblings are still there for those who may save them");
    let sibling = collaborator.get(&path("lib", "1.0", "lib-1.0.tar.gz")).expect(200);
    assert_eq!(sibling.bytes(), sdist("lib", "1.0"));
    server.advance(3);
    assert_eq!(files(&reader, "lib"), [name, "lib-1.0.tar.gz".to_owned()]);
    let slots: Vec<_> = server.local_keys().into_iter().filter(|key| key.contains("/slots/")).collect();
    assert_eq!(slots.len(), 1, "{slots:?}");
    let version = manage(&server, Method::GET, "lib/versions/1.0", &Value::Null).expect(200).json();
    assert_eq!(version["files"].as_array().unwrap().len(), 3, "{version}");
}

#[test]
fn metadata_alone_makes_no_version_for_readers() {
    let (server, index) = server();
    index.wheel("lib", "1.0");
    let (reader, collaborator) = (client(&server, Role::Reader), client(&server, Role::Collaborator));
    let beside = path("lib", "1.0", &format!("{}.metadata", wheel_name("lib", "1.0")));
    assert_eq!(collaborator.get(&beside).expect(200).bytes(), metadata("lib", "1.0"));
    assert!(files(&reader, "lib").is_empty());
    assert_eq!(reader.get(&beside).expect(200).bytes(), metadata("lib", "1.0"));
    assert_eq!(files(&collaborator, "lib"), [wheel_name("lib", "1.0")]);
    collaborator.get(&path("lib", "1.0", &wheel_name("lib", "1.0"))).expect(200);
    server.advance(3);
    assert_eq!(files(&reader, "lib"), [wheel_name("lib", "1.0")]);
}

#[test]
fn provenance_passes_through_our_own_address() {
    let (server, index) = server();
    index.wheel("lib", "1.0");
    let name = wheel_name("lib", "1.0");
    let provenance = json!({"version": 1, "attestation_bundles": []});
    index.edit(&name, |file| file.provenance = Some(provenance.clone()));
    let collaborator = client(&server, Role::Collaborator);
    let document = page(&collaborator, "lib").expect(200).json();
    let address = document["files"][0]["provenance"].as_str().unwrap().to_owned();
    assert!(address.starts_with(super::support::ROOT), "{address}");
    collaborator.get(&path("lib", "1.0", &name)).expect(200);
    let reader = client(&server, Role::Reader);
    let reply = reader.get(&address).expect(200);
    assert_eq!(reply.header("content-type"), "application/vnd.pypi.integrity.v1+json");
    assert_eq!(reply.json(), provenance);
    reader.get(&format!("integrity/lib/1.0/{name}/provenance")).expect(200);
}

#[test]
fn bytes_that_are_not_the_declared_ones_are_never_served() {
    let (server, index) = server();
    index.wheel("lib", "1.0");
    let name = wheel_name("lib", "1.0");
    index.edit(&name, |file| file.declared = sha256(b"something else"));
    let collaborator = client(&server, Role::Collaborator);
    let text = collaborator.get(&path("lib", "1.0", &name)).expect(502).text();
    assert!(text.contains("not those its listing declares"), "{text}");
    assert_eq!(server.local_keys(), [""; 0]);
}

#[test]
fn an_index_that_is_down_is_never_a_404() {
    for fault in
        [Reply::connection_error(), Reply::status(500), Reply::time_out(), Reply::ok("<html>hi</html>")]
    {
        let (server, index) = server();
        index.wheel("lib", "1.0").wheel("lib", "2.0");
        let collaborator = client(&server, Role::Collaborator);
        index.fault(fault.clone());
        assert!([502, 503, 504].contains(&page(&collaborator, "lib").status));

        let (server, index) = super::support::server();
        index.wheel("lib", "1.0").wheel("lib", "2.0");
        let collaborator = client(&server, Role::Collaborator);
        collaborator.get(&path("lib", "1.0", &wheel_name("lib", "1.0"))).expect(200);
        assert_eq!(files(&collaborator, "lib").len(), 2);
        index.fault(fault);
        server.advance(3600);
        let stale = collaborator.get_with("simple/lib/", &[("accept", PIP)]).expect(200);
        assert!(stale.header("warning").contains("index"), "{}", stale.header("warning"));
        assert_eq!(stale.json()["files"].as_array().unwrap().len(), 2);
        collaborator.get(&path("lib", "1.0", &wheel_name("lib", "1.0"))).expect(200);
        let refused = collaborator.get(&path("lib", "2.0", &wheel_name("lib", "2.0")));
        assert!([502, 503, 504].contains(&refused.status), "{}", refused.text());
        assert_eq!(files(&client(&server, Role::Reader), "lib").len(), 1);
    }
}

#[test]
fn what_the_index_withdraws_is_withdrawn_here() {
    let (server, index) = server();
    index.wheel("lib", "1.0").wheel("lib", "2.0");
    let (reader, collaborator) = (client(&server, Role::Reader), client(&server, Role::Collaborator));
    let name = wheel_name("lib", "1.0");
    collaborator.get(&path("lib", "1.0", &name)).expect(200);
    index.edit(&name, |file| file.yanked = json!("broken"));
    server.advance(700);
    assert_eq!(page(&collaborator, "lib").expect(200).json()["files"][0]["yanked"], "broken");
    server.advance(3);
    assert_eq!(page(&reader, "lib").expect(200).json()["files"][0]["yanked"], "broken");
    let html = reader.get("simple/lib/").expect(200).text();
    assert!(html.contains("data-yanked=\"broken\""), "{html}");
    reader.get(&path("lib", "1.0", &name)).expect(200);
}

#[test]
fn one_file_of_a_version_is_withdrawn_and_taken_back_here_as_there() {
    let (server, index) = server();
    index.wheel("lib", "1.0").sdist("lib", "1.0");
    let (reader, collaborator) = (client(&server, Role::Reader), client(&server, Role::Collaborator));
    let (name, source) = (wheel_name("lib", "1.0"), "lib-1.0.tar.gz");
    for file in [name.as_str(), source] {
        collaborator.get(&path("lib", "1.0", file)).expect(200);
    }
    let yanked = || {
        let told = page(&reader, "lib").expect(200).json()["files"].as_array().unwrap().clone();
        let of = |file: &str| {
            let found = told.iter().find(|entry| entry["filename"] == file).unwrap();
            found.get("yanked").cloned()
        };
        (of(&name), of(source))
    };
    assert_eq!(yanked(), (None, None));
    for (reason, expected) in
        [(json!("broken"), Some(json!("broken"))), (json!(true), Some(json!(true))), (json!(false), None)]
    {
        index.edit(&name, |file| file.yanked = reason.clone());
        server.advance(700);
        page(&collaborator, "lib").expect(200);
        server.advance(3);
        assert_eq!(yanked(), (expected, None), "{reason}");
    }
    let html = || reader.get("simple/lib/").expect(200).text();
    assert!(!html().contains("data-yanked"));
    // All of them: the version is.
    for file in [name.as_str(), source] {
        index.edit(file, |file| file.yanked = json!("all"));
    }
    server.advance(700);
    page(&collaborator, "lib").expect(200);
    server.advance(3);
    assert_eq!(yanked(), (Some(json!("all")), Some(json!("all"))));
    assert_eq!(html().matches("data-yanked=\"all\"").count(), 2);
}

#[test]
fn the_first_index_in_order_owns_a_number_with_all_its_files() {
    let (server, index) = server();
    let second = Index::new(server.platform.upstream(), "https://second.test/");
    index.wheel("lib", "1.0");
    second.sdist("lib", "1.0").wheel("lib", "1.0.0").wheel("lib", "2.0");
    server.edit_feed("main", |feed| feed.upstream_sources.push(source("second", "https://second.test/")));
    server.advance(11);
    let collaborator = client(&server, Role::Collaborator);
    assert_eq!(files(&collaborator, "lib"), [wheel_name("lib", "1.0"), wheel_name("lib", "2.0")]);
    collaborator.get(&path("lib", "1.0", "lib-1.0.tar.gz")).expect(404);
    collaborator.get(&path("lib", "2.0", &wheel_name("lib", "2.0"))).expect(200);
}

#[test]
fn a_file_that_was_added_to_a_known_version_is_found_by_its_address() {
    let (server, index) = server();
    index.wheel("lib", "1.0");
    let collaborator = client(&server, Role::Collaborator);
    assert_eq!(files(&collaborator, "lib").len(), 1);
    index.sdist("lib", "1.0");
    server.advance(61);
    collaborator.get(&path("lib", "1.0", "lib-1.0.tar.gz")).expect(200);
}
