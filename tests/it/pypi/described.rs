//! How REST shows Python's packages, and serves their files.

use super::support::{Upload, client, metadata, sdist, server, wheel_name};
use edgefeed::model::Role;
use serde_json::json;

const FEED: &str = "https://edge.test/acme/_apis/packaging/feeds/main";

#[test]
fn versions_are_described_and_downloaded() {
    let (server, _) = server();
    let contributor = client(&server, Role::Contributor);
    let upload = Upload::sdist("own", "1.0")
        .with("keywords", "one, two")
        .with("author", "Somebody")
        .with("requires_dist", "Dep.x>=1; extra == 'y'");
    upload.send(&contributor).expect(200);
    for version in ["1.0.post1", "2.0rc1"] {
        Upload::wheel("own", version).send(&contributor).expect(200);
    }
    let get = |path: &str| server.reader().get(&format!("{FEED}/{path}"));
    let package = get("packages?protocolType=pypi").expect(200).json()["value"][0].clone();
    assert_eq!((&package["name"], &package["protocolType"]), (&json!("own"), &json!("PyPi")));
    assert_eq!(package["versions"][0]["version"], "1.0.post1", "the highest that is no pre-release");
    let version = get("packages/pypi:Own/versions/1.0.0").expect(200).json();
    assert_eq!(
        (&version["author"], &version["summary"], &version["tags"]),
        (&json!("Somebody"), &json!("made by a test"), &json!(["one", "two"]))
    );
    let dependency = json!({ "group": "extra == 'y'", "packageName": "Dep.x", "versionRange": ">=1" });
    assert_eq!(version["dependencies"], json!([dependency]));

    let content = get("pypi/packages/own/versions/1.0/own-1.0.tar.gz/content").expect(200);
    assert_eq!(&content.bytes()[..], &sdist("own", "1.0")[..]);
    assert!(
        get("pypi/packages/own/versions/1.0/content").expect(404).text().contains("with the name of a file")
    );
    let file = wheel_name("own", "2.0rc1");
    get(&format!("pypi/packages/own/versions/2.0rc1/{file}/content")).expect(200);
    get("pypi/packages/own/versions/1.0/readme").expect(404);
    let whole = metadata("own", "2.0rc1");
    let readme = get("pypi/packages/own/versions/2.0rc1/readme");
    match String::from_utf8(whole).unwrap().split_once("\n\n") {
        Some((_, text)) if !text.is_empty() => assert_eq!(readme.expect(200).text(), text),
        _ => drop(readme.expect(404)),
    }
}
