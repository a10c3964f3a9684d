//! Large listings: real packuments have 20 MB and more.

use crate::support::{INSTALL, TestServer};
use edgefeed::platform::memory::Reply;
use serde_json::{Value, json};

const COUNT: usize = 6_000;

/// A packument of about 20 MB.
fn packument() -> Value {
    let filler = "lorem ipsum dolor sit amet ".repeat(120);
    let versions: serde_json::Map<String, Value> = (0..COUNT)
        .map(|index| {
            let version = format!("{}.{}.{}", index / 100, index / 10 % 10, index % 10);
            let manifest = json!({
                "name": "huge",
                "version": version,
                "description": format!("number {index}"),
                "scripts": { "build": filler },
                "dependencies": { "dep": format!("^{index}.0.0") },
                "dist": {
                    "shasum": format!("{index:040x}"),
                    "tarball": format!("https://registry.test/huge/-/huge-{version}.tgz"),
                    "signatures": [{ "keyid": "k", "sig": format!("s{index}") }],
                },
            });
            (version, manifest)
        })
        .collect();
    let time: serde_json::Map<String, Value> =
        versions.keys().map(|version| (version.clone(), json!("2020-01-01T00:00:00.000Z"))).collect();
    json!({
        "_id": "huge", "name": "huge", "dist-tags": { "latest": "59.9.9", "next": "7.0.0" },
        "versions": versions, "time": time, "readme": "read me",
    })
}

#[test]
fn a_packument_of_20_mb_is_listed_as_it_should_be() {
    let server = TestServer::new();
    let document = packument();
    let text = document.to_string();
    assert!(text.len() > 19 << 20, "{} bytes", text.len());
    server.registry.fault("huge", Reply::ok(text).header("content-type", "application/json"));

    let reply = server.collaborator().get_with("huge", &[("accept-encoding", "gzip")]).expect(200);
    assert!(reply.bytes().len() < 2 << 20, "compressed: {} bytes", reply.bytes().len());
    assert_eq!(reply.count("upstream"), 1);
    let listed = reply.json();
    assert_eq!(listed["versions"].as_object().unwrap().len(), COUNT);
    assert_eq!(listed["dist-tags"], document["dist-tags"]);
    assert_eq!(listed["readme"], "read me");
    for version in ["0.0.0", "7.0.0", "31.4.1", "59.9.9"] {
        let mut expected = document["versions"][version].clone();
        expected["dist"]["tarball"] =
            format!("https://edge.test/acme/_packaging/main/npm/registry/huge/-/huge-{version}.tgz").into();
        assert_eq!(listed["versions"][version], expected, "{version}");
        assert_eq!(listed["time"][version], "2020-01-01T00:00:00.000Z");
    }
    let again = server.collaborator().get_with("huge", &[("accept-encoding", "gzip")]).expect(200);
    assert_eq!(again.bytes(), reply.bytes(), "the very same bytes, rendered once");
    assert_eq!((again.count("upstream"), again.count("r2w"), again.count("kvw")), (0, 0, 0));
    assert!(again.count("r2") <= 1 && again.count("kv") <= 1, "{}", again.header("server-timing"));

    let short = server.collaborator().get_with("huge", &[("accept", INSTALL)]).expect(200).json();
    let one = &short["versions"]["31.4.1"];
    assert_eq!(one.get("scripts"), None);
    assert_eq!(one["dependencies"], json!({ "dep": "^3141.0.0" }));
    assert_eq!(server.local_keys(), [""; 0]);
}
