//! How REST shows packages, and serves their files.

use super::support::{NuGet, nupkg, nuspec, package, server};
use serde_json::json;

const FEED: &str = "https://edge.test/acme/_apis/packaging/feeds/main";

#[test]
fn versions_are_described_and_downloaded() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    for version in ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc"] {
        contributor.push("Own.Lib", version).expect(201);
    }
    let dependencies = "<tags>a b</tags><dependencies><group targetFramework=\"net45\">\
        <dependency id=\"Dep\" version=\"1.0\"/></group></dependencies>";
    let manifest = nuspec("Own.Lib", "1.11.0", dependencies);
    contributor.push_bytes("v3/package/", &package("Own.Lib", &manifest)).expect(201);
    contributor.list("own.lib", "1.11.0", false).expect(204);
    let get = |path: &str| server.reader().get(&format!("{FEED}/{path}"));
    let listed = |query: &str| {
        let body =
            get(&format!("packages?protocolType=NuGet&includeAllVersions=true&{query}")).expect(200).json();
        let versions = body["value"][0]["versions"].as_array().unwrap().clone();
        versions.iter().map(|version| version["version"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(""), ["2.0.0-rc", "1.11.0", "1.10.0", "1.9.0", "1.0.0"]);
    assert_eq!(listed("isListed=false"), ["1.11.0"]);
    assert_eq!(listed("isListed=true&isRelease=true"), ["1.10.0", "1.9.0", "1.0.0"]);
    assert_eq!(listed("isRelease=false"), ["2.0.0-rc"]);
    let latest = get("packages?protocolType=nuget").expect(200).json();
    assert_eq!(latest["value"][0]["versions"][0]["version"], "1.10.0");
    assert_eq!(
        (&latest["value"][0]["name"], &latest["value"][0]["protocolType"]),
        (&json!("Own.Lib"), &json!("NuGet"))
    );

    let version = get("packages/nuget:own.lib/versions/1.11.0").expect(200).json();
    assert_eq!(
        (&version["author"], &version["description"], &version["tags"], &version["isListed"]),
        (&json!("me & you"), &json!("made by a test"), &json!(["a", "b"]), &json!(false))
    );
    let dependency = json!({ "group": "net45", "packageName": "Dep", "versionRange": "1.0" });
    assert_eq!(version["dependencies"], json!([dependency]));

    let below = "nuget/packages/OWN.lib/versions/1.0.0";
    let content = get(&format!("{below}/content?sourceProtocolVersion=nuget.org")).expect(200);
    assert_eq!(&content.bytes()[..], &nupkg("Own.Lib", "1.0.0")[..]);
    assert_eq!(get(&format!("{below}/readme")).expect(200).text(), "# read me");
}
