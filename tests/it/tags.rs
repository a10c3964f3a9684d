//! The dist-tags API.

use crate::support::TestServer;
use serde_json::json;

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "2.0.0");
    server.registry.tag("lib", "next", "2.0.0");
    server.registry.tag("lib", "latest", "1.0.0");
    for version in ["1.0.0", "1.1.0"] {
        server.contributor().publish("own", version).expect(201);
    }
    server
}

#[test]
fn tags_are_set_listed_and_removed() {
    let server = server();
    let path = "-/package/own/dist-tags";
    let before = server.reader().get("own").expect(200).header("etag").to_owned();
    let first = server.reader().get(path).expect(200);
    assert_eq!(first.json(), json!({ "latest": "1.1.0" }));
    server.contributor().put(&format!("{path}/beta"), &json!("1.0.0")).expect(200);
    server.contributor().post(&format!("{path}/old"), &json!("1.0.0")).expect(200);
    let listed = server.reader().get(path).expect(200);
    assert_eq!(listed.json(), json!({ "beta": "1.0.0", "latest": "1.1.0", "old": "1.0.0" }));
    assert_ne!(listed.header("etag"), first.header("etag"));
    assert_ne!(server.reader().get("own").expect(200).header("etag"), before);
    server.reader().get_with(path, &[("if-none-match", listed.header("etag"))]).expect(304);
    assert_eq!(server.reader().get("own/beta").expect(200).json()["version"], "1.0.0");
    server.contributor().delete(&format!("{path}/beta")).expect(200);
    server.contributor().delete(&format!("{path}/beta")).expect(200);
    server.contributor().delete(&format!("{path}/never-there")).expect(200);
    server.reader().get("own/beta").expect(404);
    server.contributor().put(&format!("{path}/latest"), &json!("1.0.0")).expect(200);
    assert_eq!(server.reader().get("own/latest").expect(200).json()["version"], "1.0.0");
}

#[test]
fn tags_that_cannot_be_are_refused() {
    let server = server();
    let path = "-/package/own/dist-tags";
    for tag in ["1.0", "v1.0", "1.0.0", "%5E1", "1.x", "*", "x", "%3E%3D1", "%20", "a%2fb"] {
        let reply = server.contributor().put(&format!("{path}/{tag}"), &json!("1.0.0"));
        assert_eq!(reply.status, 400, "{tag}: {}", reply.text());
    }
    server.contributor().put(&format!("{path}/beta"), &json!("9.9.9")).expect(404);
    server.contributor().put(&format!("{path}/beta"), &json!("latest")).expect(400);
    server.contributor().put(&format!("{path}/beta"), &json!({ "version": "1.0.0" })).expect(400);
    server.contributor().put("-/package/none/dist-tags/beta", &json!("1.0.0")).expect(404);
    let text = server.contributor().delete(&format!("{path}/latest")).expect(400).error();
    assert!(text.contains("`latest` cannot be removed"), "{text}");
    assert_eq!(server.reader().get(path).expect(200).json(), json!({ "latest": "1.1.0" }));
    server.reader().get("-/package/none/dist-tags").expect(404);
}

#[test]
fn a_scoped_package_has_tags_in_every_spelling() {
    let server = server();
    server.contributor().publish("@s/n", "1.0.0").expect(201);
    for (tag, name) in [("a", "@s%2fn"), ("b", "@s%2Fn"), ("c", "@s/n")] {
        server.contributor().put(&format!("-/package/{name}/dist-tags/{tag}"), &json!("1.0.0")).expect(200);
    }
    let listed = server.reader().get("-/package/@s%2fn/dist-tags").expect(200).json();
    assert_eq!(listed, json!({ "a": "1.0.0", "b": "1.0.0", "c": "1.0.0", "latest": "1.0.0" }));
}

#[test]
fn upstream_tags_are_shown_to_those_who_see_their_versions() {
    let server = server();
    let path = "-/package/lib/dist-tags";
    let upstream = json!({ "latest": "1.0.0", "next": "2.0.0" });
    assert_eq!(server.collaborator().get(path).expect(200).json(), upstream);
    server.collaborator().download("lib", "2.0.0").expect(200);
    assert_eq!(server.collaborator().get(path).expect(200).json(), upstream);
    assert_eq!(server.reader().get(path).expect(200).json(), json!({ "latest": "2.0.0" }));
    assert_eq!(server.collaborator().get("lib/next").expect(200).json()["version"], "2.0.0");
    // A tag set here goes before the upstream's.
    server.contributor().put(&format!("{path}/latest"), &json!("2.0.0")).expect(200);
    assert_eq!(server.collaborator().get(path).expect(200).json()["latest"], "2.0.0");
    server.contributor().put(&format!("{path}/stable"), &json!("1.0.0")).expect(404);
}

#[test]
fn a_tag_never_points_to_what_was_deleted() {
    let server = server();
    server.contributor().put("-/package/own/dist-tags/beta", &json!("1.1.0")).expect(200);
    server.owner().delete("own/-/own-1.1.0.tgz/-rev/3-edgefeed").expect(200);
    assert_eq!(
        server.reader().get("-/package/own/dist-tags").expect(200).json(),
        json!({ "latest": "1.0.0" })
    );
    server.reader().get("own/beta").expect(404);
}

#[test]
fn a_push_with_a_tag_moves_that_tag_only() {
    let server = server();
    let mut document =
        crate::support::publish_document("own", "2.0.0-rc.1", &crate::support::tarball("own", "2.0.0-rc.1"));
    document["dist-tags"] = json!({ "next": "2.0.0-rc.1" });
    server.contributor().put("own", &document).expect(201);
    let tags = server.reader().get("-/package/own/dist-tags").expect(200).json();
    assert_eq!(tags, json!({ "latest": "1.1.0", "next": "2.0.0-rc.1" }));
}
