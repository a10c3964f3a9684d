//! Searches and completions of v3.

use super::support::{LEGACY, NuGet, atom, feed, nuspec, package, server, server_with};
use crate::support::Client;
use edgefeed::platform::memory::Reply as Scripted;
use serde_json::{Value, json};

fn found(client: &Client<'_>, query: &str) -> Value {
    client.get(&format!("v3/query?{query}")).expect(200).json()
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[test]
fn local_packages_are_found_as_clients_may_see_them() {
    let (server, gallery) = server();
    gallery.add("Other.Lib", "3.0.0");
    let contributor = server.contributor().nuget();
    for version in ["1.0.0", "1.1.0", "1.2.0", "2.0.0-beta", "2.0.0-beta.1"] {
        contributor.push("Own.Lib", version).expect(201);
    }
    contributor.list("own.lib", "1.2.0", false).expect(204);
    let tool = "<packageTypes><packageType name=\"DotnetTool\" /></packageTypes>";
    contributor
        .push_bytes("v3/package", &package("Own.Tool", &nuspec("Own.Tool", "1.0.0", tool)))
        .expect(201);
    contributor.push("Hidden.Lib", "1.0.0").expect(201);
    contributor.list("hidden.lib", "1.0.0", false).expect(204);
    server.collaborator().nuget().fetch("other.lib", "3.0.0").expect(200);
    let reader = server.reader().nuget();
    let root = "https://edge.test/acme/_packaging/main/nuget/v3";
    let index = format!("{root}/registrations-gz/own.lib/index.json");
    assert_eq!(
        found(&reader, "q=own.lib"),
        json!({ "totalHits": 1, "data": [{
            "@id": index, "@type": "Package", "registration": index, "tags": ["one", "two"], "authors": ["me & you"],
            "packageTypes": [{ "name": "Dependency" }],
            "versions": [
                { "version": "1.0.0", "downloads": 0, "@id": format!("{root}/registrations-gz/own.lib/1.0.0.json") },
                { "version": "1.1.0", "downloads": 0, "@id": format!("{root}/registrations-gz/own.lib/1.1.0.json") },
            ],
            "totalDownloads": 0, "verified": false, "id": "Own.Lib", "version": "1.1.0", "description": "made by a test",
            "iconUrl": format!("{root}/flat2/own.lib/1.1.0/icon"), "licenseUrl": format!("{root}/flat2/own.lib/1.1.0/license"),
        }] })
    );
    let version = |query: &str| found(&reader, query)["data"][0]["version"].clone();
    assert_eq!(version("q=own.lib&prerelease=true"), "2.0.0-beta");
    assert_eq!(version("q=OWN%20packageid:own.lib&prerelease=true&semVerLevel=2.0.0"), "2.0.0-beta.1");
    let all = found(&reader, "q=");
    assert_eq!((ids(&all), &all["totalHits"]), (vec!["Own.Lib", "Own.Tool", "Other.Lib"], &json!(3)));
    let page = found(&reader, "q=own&skip=1&take=1");
    assert_eq!((ids(&page), &page["totalHits"]), (vec!["Own.Tool"], &json!(2)));
    assert_eq!(ids(&found(&reader, "q=&packageType=dotnettool")), ["Own.Tool"]);
    assert!(ids(&found(&reader, "q=nothing")).is_empty());
    assert_eq!(gallery.asked("search.gallery"), 0, "a reader searches nothing upstream");
}

#[test]
fn whoever_may_save_searches_upstream_too() {
    let (server, gallery) = server();
    server.contributor().nuget().push("lib.own", "1.0.0").expect(201);
    let answer = json!({ "totalHits": 2, "data": [
        { "@id": "x", "id": "Lib.Own", "version": "9.9.9", "description": "another", "versions": [] },
        { "@id": "x", "id": "Lib", "version": "2.0.0", "description": "from upstream", "authors": ["a", "b"], "verified": true,
          "versions": [{ "version": "1.0.0", "@id": "y" }, { "version": "2.0.0", "@id": "y" }] },
    ] });
    gallery.answer_address(
        "https://search.gallery.example/query?q=lib&skip=0&take=19&prerelease=false",
        &answer.to_string(),
    );
    let collaborator = server.collaborator().nuget();
    let all = found(&collaborator, "q=lib");
    assert_eq!((ids(&all), &all["totalHits"]), (vec!["lib.own", "Lib"], &json!(2)));
    let lib = &all["data"][1];
    assert_eq!(
        lib["versions"][0]["@id"],
        "https://edge.test/acme/_packaging/main/nuget/v3/registrations-gz/lib/1.0.0.json"
    );
    assert_eq!((&lib["authors"], &lib["verified"]), (&json!(["a", "b"]), &json!(false)));
    let completed = collaborator.get("v3/autocomplete?q=lib").expect(200).json();
    assert_eq!(completed, json!({ "totalHits": 2, "data": ["lib.own", "Lib"] }));
    gallery.fault("search.gallery", Scripted::connection_error());
    server.advance(61);
    assert_eq!(ids(&found(&collaborator, "q=lib")), ["lib.own"]);
    assert_eq!(ids(&found(&server.collaborator().nuget_on("main@Local"), "q=lib")), ["lib.own"]);
}

#[test]
fn odata_sources_are_searched_as_well() {
    let (server, gallery) = server_with(LEGACY);
    let entry = atom(&json!({ "id": "Mod", "version": "1.0.0", "listed": true }));
    gallery.answer_address(
        &format!(
            "{LEGACY}Search()?%24inlinecount=allpages&%24filter=IsAbsoluteLatestVersion&searchTerm=%27mod%27"
        ),
        &feed(&entry, None),
    );
    let all = found(&server.collaborator().nuget(), "q=mod&prerelease=true");
    assert_eq!((ids(&all), &all["totalHits"]), (vec!["Mod"], &json!(7)));
    assert_eq!(
        (&all["data"][0]["tags"], &all["data"][0]["versions"][0]["version"]),
        (&json!(["one", "two"]), &json!("1.0.0"))
    );
}

#[test]
fn versions_are_completed() {
    let (server, gallery) = server();
    gallery.add("Lib", "1.0.0").add("Lib", "1.1.0-beta").add("Lib", "2.0.0+x");
    gallery.add_with("Lib", "3.0.0", |entry| entry["listed"] = false.into());
    let collaborator = server.collaborator().nuget();
    let complete = |query: &str| {
        collaborator.get(&format!("v3/autocomplete?{query}")).expect(200).json()["data"].clone()
    };
    assert_eq!(complete("id=lib"), json!(["1.0.0"]));
    assert_eq!(complete("id=LIB&prerelease=true"), json!(["1.0.0", "1.1.0-beta"]));
    assert_eq!(
        complete("id=lib&prerelease=true&semVerLevel=2.0.0"),
        json!(["1.0.0", "1.1.0-beta", "2.0.0+x"])
    );
    assert_eq!(complete("id=nothing"), json!([]));
}
