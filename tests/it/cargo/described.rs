//! How REST shows crates, and serves their archives.

use super::support::{Cargo, crate_file, metadata, push, server};
use serde_json::json;

const FEED: &str = "https://edge.test/acme/_apis/packaging/feeds/main";

#[test]
fn versions_are_described_and_downloaded() {
    let (server, registry) = server();
    let contributor = server.contributor().cargo();
    let mut document = metadata("own", "1.0.0");
    document["deps"] = json!([{
        "name": "dep", "version_req": "^1.0", "features": [], "optional": false, "default_features": true,
        "target": null, "kind": "dev", "registry": null, "explicit_name_in_toml": "called",
    }]);
    contributor.push_body(push(&document, &crate_file("own", "1.0.0"))).expect(200);
    contributor.push("own", "2.0.0").expect(200);
    contributor.yank("own", "2.0.0", true).expect(200);
    registry.add("saved", "1.0.0");
    server.collaborator().cargo().fetch("saved", "1.0.0").expect(200);
    let get = |path: &str| server.reader().get(&format!("{FEED}/{path}"));
    let body = get("packages?protocolType=cargo").expect(200).json();
    let shown: Vec<_> = body["value"].as_array().unwrap().iter().collect();
    assert_eq!((&shown[0]["name"], &shown[1]["name"]), (&json!("own"), &json!("saved")));
    assert_eq!(shown[0]["versions"][0]["version"], "1.0.0", "the highest that is not yanked");
    assert_eq!((&shown[0]["protocolType"], &shown[1]["isCached"]), (&json!("Cargo"), &json!(true)));
    let version = get("packages/cargo:own/versions/1.0.0").expect(200).json();
    let dependency = json!({ "group": "dev", "packageName": "dep", "versionRange": "^1.0" });
    assert_eq!(version["dependencies"], json!([dependency]));

    let content = get("cargo/packages/own/versions/1.0.0/content").expect(200);
    assert_eq!(&content.bytes()[..], &crate_file("own", "1.0.0")[..]);
    get("cargo/packages/own/versions/1.0.0/readme").expect(404);
    get("cargo/packages/own/versions/1.0.0/own-1.0.0.crate/content").expect(404);
}
