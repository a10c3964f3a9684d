//! Listings of upstream packages: what is passed on, what is rewritten.

use crate::support::{INSTALL, TestServer};
use edgefeed::platform::Platform as _;
use edgefeed::platform::memory::Reply;
use serde_json::json;

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0").add("@scope/lib", "1.0.0");
    server
}

#[test]
fn an_upstream_listing_is_passed_on_with_our_links() {
    let server = server();
    let full = server.collaborator().get("lib").expect(200);
    insta::assert_json_snapshot!("upstream_full", full.json());
    let short = server.collaborator().get_with("lib", &[("accept", INSTALL)]).expect(200);
    insta::assert_json_snapshot!("upstream_abbreviated", short.json());
    for text in [full.text(), short.text()] {
        assert!(!text.contains("registry.test"), "no link leads to the upstream: {text}");
    }
}

#[test]
fn each_form_is_asked_for_by_its_own_name() {
    let server = server();
    server.collaborator().get_with("@scope%2flib", &[("accept", INSTALL)]).expect(200);
    let sent = server.platform.upstream().sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].url.as_str(), "https://registry.test/@scope%2flib");
    assert!(sent[0].headers["accept"].to_str().unwrap().starts_with("application/vnd.npm.install-v1+json"));
    server.collaborator().get("@scope/lib").expect(200);
    assert_eq!(server.platform.upstream().sent()[1].headers["accept"], "application/json");
}

#[test]
fn a_reader_sees_a_saved_version_as_the_collaborator_does() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    let of = |client: crate::support::Client<'_>| {
        let document = client.get_with("lib", &[("accept", INSTALL)]).expect(200).json();
        document["versions"]["1.0.0"].clone()
    };
    assert_eq!(of(server.reader()), of(server.collaborator()));
    let signatures = of(server.reader())["dist"]["signatures"].clone();
    assert_eq!(signatures, json!([{ "keyid": "SHA256:key", "sig": "signed lib@1.0.0" }]));
}

#[test]
fn a_reader_is_told_when_a_saved_version_was_published_upstream() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    let time =
        |client: crate::support::Client<'_>| client.get("lib").expect(200).json()["time"]["1.0.0"].clone();
    assert_eq!(time(server.collaborator()), "2020-01-01T00:00:00.000Z");
    assert_eq!(time(server.reader()), "2020-01-01T00:00:00.000Z");
}

#[test]
fn a_save_changes_nothing_about_when_a_package_was_modified() {
    let server = server();
    let told = |client: crate::support::Client<'_>| {
        let short = client.get_with("lib", &[("accept", INSTALL)]).expect(200);
        let full = client.get("lib").expect(200);
        assert_eq!(full.header("last-modified"), short.header("last-modified"));
        let (short, full) = (short.json()["modified"].clone(), full.json()["time"]["modified"].clone());
        assert_eq!(short, full);
        short
    };
    let upstream = "2020-02-01T00:00:00.000Z";
    assert_eq!(told(server.collaborator()), upstream);
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(told(server.collaborator()), upstream);
    server.advance(3600);
    assert_eq!(told(server.collaborator()), upstream);
    // Those who are shown saved versions only: when the version was published is known by now.
    assert_eq!(told(server.reader()), "2020-01-01T00:00:00.000Z");
    server.owner().put("-/package/lib/dist-tags/ours", &json!("1.0.0")).expect(200);
    let tagged = server.platform.now().to_string();
    assert_eq!(told(server.collaborator()), tagged);
    server.advance(3600);
    assert_eq!(told(server.collaborator()), tagged);
}

#[test]
fn no_version_looks_older_than_it_may_be() {
    let server = server();
    let modified = |client: crate::support::Client<'_>| {
        client.get_with("lib", &[("accept", INSTALL)]).expect(200).json()["modified"].clone()
    };
    // A saved version of which nobody said when it was published.
    server.collaborator().versions("lib");
    server.advance(3600);
    let saved = server.platform.now().to_string();
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.advance(3600);
    assert_eq!(modified(server.reader()), saved);
    assert_eq!(modified(server.collaborator()), "2020-02-01T00:00:00.000Z", "its source speaks for it");
    // A source that does not say when its document changed.
    let server = TestServer::new();
    let mut document = {
        server.registry.add("lib", "1.0.0");
        server.registry.packument("lib", true).unwrap()
    };
    document.as_object_mut().unwrap().remove("modified");
    let silent = Reply::ok(document.to_string()).header("content-type", "application/json");
    server.registry.fault("lib", silent);
    let fetched = server.platform.now().to_string();
    assert_eq!(modified(server.collaborator()), fetched);
    server.advance(30);
    assert_eq!(
        modified(server.collaborator().at("http://other.test/acme/_packaging/main/npm/registry/")),
        fetched
    );
}

#[test]
fn one_manifest_is_answered_by_number_or_tag() {
    let server = server();
    server.registry.tag("lib", "next", "1.1.0");
    server.registry.tag("lib", "latest", "1.0.0");
    let client = server.collaborator();
    for (selector, version) in
        [("1.0.0", "1.0.0"), ("latest", "1.0.0"), ("next", "1.1.0"), ("1.1.0", "1.1.0")]
    {
        let manifest = client.get(&format!("lib/{selector}")).expect(200).json();
        assert_eq!(manifest["version"], version, "{selector}");
        assert!(manifest["dist"]["tarball"].as_str().unwrap().starts_with("https://edge.test/"));
    }
    for missing in ["9.9.9", "beta", "^1.0.0", "1"] {
        client.get(&format!("lib/{missing}")).expect(404);
    }
    assert_eq!(client.get("@scope%2flib/latest").expect(200).json()["name"], "@scope/lib");
    client.get("@scope/lib/1.0.0").expect(200);
}

#[test]
fn odd_documents_of_odd_registries_are_read_as_far_as_they_make_sense() {
    let server = server();
    server.registry.add_with("odd", "1.0.0", |manifest| {
        manifest["deprecated"] = false.into();
        manifest["dist"]["tarball"] = "odd/-/odd-1.0.0.tgz".into();
        manifest["bin"] = "cli.js".into();
        manifest["x-unknown"] = json!({ "deep": [1, { "er": null }], "text": "\u{2028}\u{fffd}\"\\" });
    });
    server.registry.add_with("odd", "1.0.1", |manifest| *manifest = json!({ "version": "1.0.1" }));
    server.registry.add_with("odd", "not-a-version", |_| {});
    server.registry.add_with("odd", "v1.2", |_| {});
    server.registry.tag("odd", "latest", "not-a-version");
    let document = server.collaborator().get("odd").expect(200).json();
    assert_eq!(document["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0.0"]);
    assert_eq!(document["dist-tags"], json!({ "latest": "1.0.0" }));
    assert_eq!(
        document["versions"]["1.0.0"]["x-unknown"],
        json!({ "deep": [1, { "er": null }], "text": "\u{2028}\u{fffd}\"\\" })
    );
    assert_eq!(document["versions"]["1.0.0"].get("deprecated"), None);
    server.collaborator().download("odd", "1.0.0").expect(200);
    server.collaborator().download("odd", "1.0.1").expect(404);
}

#[test]
fn a_package_with_no_version_left_is_not_found() {
    let server = server();
    server.registry.withdraw("@scope/lib", "1.0.0");
    server.collaborator().get("@scope%2flib").expect(404);
}

#[test]
fn capital_letters_make_another_package() {
    let server = server();
    server.registry.add("JSONStream", "1.0.0");
    assert_eq!(server.collaborator().get("JSONStream").expect(200).json()["name"], "JSONStream");
    server.collaborator().download("JSONStream", "1.0.0").expect(200);
    server.collaborator().get("jsonstream").expect(404);
}
