//! The documents of the v3 API.

use super::support::{NuGet, nuspec, package, server};
use serde_json::{Value, json};

#[test]
fn the_service_index_has_what_clients_look_for_below_its_own_folder() {
    let (server, _) = server();
    let index = server.reader().nuget().get("v3/index.json").expect(200).json();
    assert_eq!(index["version"], "3.0.0");
    let resources = index["resources"].as_array().unwrap();
    let address = |kind: &str| {
        let found: Vec<_> = resources.iter().filter(|resource| resource["@type"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind}");
        found[0]["@id"].as_str().unwrap().to_owned()
    };
    for kind in [
        "PackageBaseAddress/3.0.0",
        "RegistrationsBaseUrl",
        "RegistrationsBaseUrl/3.0.0-beta",
        "RegistrationsBaseUrl/3.0.0-rc",
        "RegistrationsBaseUrl/3.4.0",
        "RegistrationsBaseUrl/3.6.0",
        "RegistrationsBaseUrl/Versioned",
        "SearchQueryService",
        "SearchQueryService/3.0.0-beta",
        "SearchQueryService/3.0.0-rc",
        "SearchQueryService/3.5.0",
        "SearchAutocompleteService",
        "SearchAutocompleteService/3.0.0-beta",
        "SearchAutocompleteService/3.0.0-rc",
        "SearchAutocompleteService/3.5.0",
        "PackagePublish/2.0.0",
        "SymbolPackagePublish/4.9.0",
        "VulnerabilityInfo/6.7.0",
        "ReadmeUriTemplate/6.13.0",
        "PackageDetailsUriTemplate/5.1.0",
        "OwnerDetailsUriTemplate/6.11.0",
        "ReportAbuseUriTemplate/3.0.0",
    ] {
        let address = address(kind);
        assert!(address.starts_with("https://edge.test/acme/_packaging/main/nuget/v3/"), "{address}");
    }
    assert_eq!(address("LegacyGallery/2.0.0"), "https://edge.test/acme/_packaging/main/nuget/v2/");
    let absent =
        |kind: &str| resources.iter().all(|resource| !resource["@type"].as_str().unwrap().starts_with(kind));
    assert!(absent("RepositorySignatures") && absent("Catalog"));
}

#[test]
fn older_clients_do_not_see_what_they_cannot_read() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    for version in ["1.0.0", "1.1.0-beta", "1.1.0-beta.1", "2.0.0+git"] {
        contributor.push("own", version).expect(201);
    }
    let reader = server.reader().nuget();
    let versions = |hive: &str| -> Vec<String> {
        let index = reader.get(&format!("v3/{hive}/own/index.json")).expect(200).json();
        let page = &index["items"][0];
        assert_eq!(
            (&index["count"], &page["count"]),
            (&json!(1), &json!(page["items"].as_array().unwrap().len()))
        );
        assert_eq!(
            page["parent"],
            format!("https://edge.test/acme/_packaging/main/nuget/v3/{hive}/own/index.json")
        );
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["catalogEntry"]["version"].as_str().unwrap().to_owned()).collect()
    };
    for hive in ["registrations", "registrations-gz"] {
        assert_eq!(versions(hive), ["1.0.0", "1.1.0-beta"]);
        reader.get(&format!("v3/{hive}/own/2.0.0.json")).expect(404);
    }
    assert_eq!(versions("registrations-gz-semver2"), ["1.0.0", "1.1.0-beta", "1.1.0-beta.1", "2.0.0+git"]);
    assert_eq!(reader.numbers("own"), ["1.0.0", "1.1.0-beta", "1.1.0-beta.1", "2.0.0"]);
}

#[test]
fn two_hives_are_always_compressed() {
    let (server, _) = server();
    server.contributor().nuget().push("own", "1.0.0").expect(201);
    let reader = server.reader().nuget();
    for (hive, accept, encoding) in [
        ("registrations", "", ""),
        ("registrations", "gzip", "gzip"),
        ("registrations-gz", "", "gzip"),
        ("registrations-gz-semver2", "identity", "gzip"),
    ] {
        let path = format!("v3/{hive}/own/index.json");
        let reply = reader.get_with(&path, &[("accept-encoding", accept)]).expect(200);
        assert_eq!(
            (reply.header("content-encoding"), &reply.json()["count"]),
            (encoding, &json!(1)),
            "{hive} {accept}"
        );
        let again = reader.get_with(&path, &[("if-none-match", reply.header("etag"))]).expect(304);
        assert_eq!((again.bytes().len(), again.header("content-type")), (0, ""));
        assert_eq!(reader.head(&path).expect(200).header("content-type"), "application/json");
    }
}

#[test]
fn many_versions_are_on_pages_of_their_own() {
    let (server, gallery) = server();
    for minor in 0..128 {
        gallery.add("lib", &format!("1.{minor}.0"));
    }
    gallery.page_from(1);
    let collaborator = server.collaborator().nuget();
    let index = collaborator.get("v3/registrations-gz-semver2/lib/index.json").expect(200).json();
    let pages = index["items"].as_array().unwrap();
    assert_eq!(pages.len(), 2);
    assert_eq!((pages[0]["items"].as_array().unwrap().len(), &pages[1]["lower"]), (64, &json!("1.64.0")));
    gallery.add("lib", "1.128.0");
    server.advance(61);
    collaborator.registered("lib");
    let index = collaborator.get("v3/registrations-gz-semver2/lib/index.json").expect(200).json();
    let pages = index["items"].as_array().unwrap();
    let bounds: Vec<_> = pages
        .iter()
        .map(|page| (page["lower"].clone(), page["upper"].clone(), page["count"].clone()))
        .collect();
    assert_eq!(
        bounds,
        [
            (json!("1.0.0"), json!("1.63.0"), json!(64)),
            (json!("1.64.0"), json!("1.127.0"), json!(64)),
            (json!("1.128.0"), json!("1.128.0"), json!(1)),
        ]
    );
    assert!(pages.iter().all(|page| page.get("items").is_none()));
    let entries = collaborator.registered("lib");
    let versions: Vec<_> = entries.iter().map(|entry| entry["version"].as_str().unwrap()).collect();
    assert_eq!(
        (versions.len(), versions[0], versions[100], versions[128]),
        (129, "1.0.0", "1.100.0", "1.128.0")
    );
    let page = collaborator.get(pages[2]["@id"].as_str().unwrap()).expect(200).json();
    assert_eq!(
        (&page["count"], &page["items"][0]["catalogEntry"]["version"]),
        (&json!(1), &json!("1.128.0"))
    );
}

#[test]
fn a_leaf_says_what_the_registration_says() {
    let (server, gallery) = server();
    gallery.add("Lib", "1.0.0");
    let collaborator = server.collaborator().nuget();
    let entry = collaborator.registered("lib").remove(0);
    let leaf = collaborator.get(entry["@id"].as_str().unwrap()).expect(200).json();
    let mut inner = leaf["catalogEntry"].clone();
    inner["@type"] = "PackageDetails".into();
    assert_eq!(inner, entry);
    assert_eq!((&leaf["listed"], &leaf["published"]), (&json!(true), &json!("2020-01-02T03:04:05.678Z")));
    assert_eq!(leaf["packageContent"], entry["packageContent"]);
    collaborator.get(leaf["registration"].as_str().unwrap()).expect(200);
    collaborator.get("v3/registrations-gz-semver2/lib/9.9.9.json").expect(404);
}

#[test]
fn what_upstream_says_is_passed_on() {
    let (server, gallery) = server();
    gallery.add_with("Lib", "1.0.0", |entry| {
        entry["vulnerabilities"] =
            json!([{ "@id": "x", "advisoryUrl": "https://advisories.example/1", "severity": "2" }]);
        entry["iconUrl"] = "https://icons.example/x.png".into();
    });
    let entry = server.collaborator().nuget().registered("lib").remove(0);
    assert_eq!(
        entry["vulnerabilities"],
        json!([{ "advisoryUrl": "https://advisories.example/1", "severity": "2" }])
    );
    assert_eq!(entry["iconUrl"], "https://icons.example/x.png");
    assert_eq!(
        entry["dependencyGroups"],
        json!([{ "targetFramework": "net45", "dependencies": [{ "id": "Dep", "range": "[1.0.0, )" }] }])
    );
    assert_eq!(entry["tags"], json!(["one", "two"]));
}

#[test]
fn vulnerabilities_are_passed_through_and_remembered() {
    let (server, gallery) = server();
    let reader = server.reader().nuget();
    let empty = reader.get("v3/vulnerabilities/index.json").expect(200).json();
    assert_eq!(empty[0]["@id"], "https://edge.test/acme/_packaging/main/nuget/v3/vulnerabilities/base.json");
    assert_eq!(reader.get("v3/vulnerabilities/base.json").expect(200).json(), json!({}));
    reader.get("v3/vulnerabilities/update.json").expect(404);
    let page = |name: &str| format!("https://api.gallery.example/v3/vulnerabilities/2024/{name}.json");
    let index = json!([
        { "@name": "base", "@id": page("vulnerability.base"), "@updated": "2024-01-01T00:00:00Z", "comment": "all" },
        { "@name": "update", "@id": page("vulnerability.update"), "@updated": "2024-01-02T00:00:00Z" },
        { "@name": "../x", "@id": page("x"), "@updated": "2024-01-02T00:00:00Z" },
    ]);
    let known =
        json!({ "lib": [{ "url": "https://advisories.example/1", "severity": 2, "versions": "(, 1.0.0]" }] });
    gallery.answer_address("https://api.gallery.example/v3/vulnerabilities/index.json", &index.to_string());
    gallery.answer_address(&page("vulnerability.base"), &known.to_string());
    server.advance(61);
    let passed = reader.get("v3/vulnerabilities/index.json").expect(200).json();
    assert_eq!(passed.as_array().unwrap().len(), 2);
    assert_eq!((&passed[0]["@updated"], &passed[0]["comment"]), (&index[0]["@updated"], &json!("all")));
    assert_eq!(reader.get(passed[0]["@id"].as_str().unwrap()).expect(200).json(), known);
    let asked = gallery.asked("/vulnerabilities/");
    reader.get("v3/vulnerabilities/base.json").expect(200);
    assert_eq!(gallery.asked("/vulnerabilities/"), asked, "remembered");
}

#[test]
fn manifests_may_say_little() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    contributor.push_bytes("v3/package", &package("own", &nuspec("own", "1.0.0", ""))).expect(201);
    for file in ["icon", "readme", "license"] {
        contributor.get(&format!("v3/flat2/own/1.0.0/{file}")).expect(404);
    }
    let entry = contributor.registered("own").remove(0);
    assert_eq!((&entry["iconUrl"], &entry["dependencyGroups"]), (&Value::Null, &Value::Null));
    let lost = nuspec("own", "1.1.0", "<icon>no/such.png</icon>");
    contributor.push_bytes("v3/package", &package("own", &lost)).expect(201);
    contributor.get("v3/flat2/own/1.1.0/icon").expect(404);
}
