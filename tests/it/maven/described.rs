//! How REST shows artifacts, and serves their files.

use super::support::{Maven, content, server};
use serde_json::json;

const FEED: &str = "https://edge.test/acme/_apis/packaging/feeds/main";

#[test]
fn versions_are_described_and_downloaded() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    for version in ["1.9", "1.10", "1.10-rc1"] {
        contributor.release("org.own:own", version);
    }
    contributor.deploy("org.own:own", "2.0-SNAPSHOT", "jar").expect(201);
    let get = |path: &str| server.reader().get(&format!("{FEED}/{path}"));
    let body = get("packages?protocolType=maven&packageNameQuery=own:").expect(200).json();
    let package = &body["value"][0];
    assert_eq!((&package["name"], &package["protocolType"]), (&json!("org.own:own"), &json!("Maven")));
    assert_eq!(package["versions"][0]["version"], "1.10", "the highest that is no snapshot");
    let id = package["id"].as_str().unwrap();
    let versions = get(&format!("packages/{id}/versions")).expect(200).json();
    let numbers: Vec<_> =
        versions["value"].as_array().unwrap().iter().map(|version| &version["version"]).collect();
    assert_eq!(numbers, ["2.0-SNAPSHOT", "1.10", "1.10-rc1", "1.9"]);
    assert_eq!(versions["value"][1]["files"].as_array().unwrap().len(), 2);

    for path in [
        "maven/org.own/own/1.9/own-1.9.jar/content",
        "maven/groups/org.own/artifacts/own/versions/1.9/own-1.9.jar/content",
    ] {
        assert_eq!(&get(path).expect(200).bytes()[..], &content("org.own:own", "1.9", "jar")[..], "{path}");
    }
    get("maven/groups/org.own/artifacts/own/versions/1.9/readme").expect(404);
    get("maven/org.own/own/1.9/own-1.9.zip/content").expect(404);
}
