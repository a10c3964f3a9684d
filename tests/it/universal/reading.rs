//! Reading: packages, versions by number and by wildcard, files, ranges, views.

use super::support::{TOOLS, Universal, message, named, sha256};
use crate::support::server::TestServer;
use crate::support::verbs::{Verb, owner_does};
use futures_executor::block_on;
use serde_json::{Value, json};

fn server() -> TestServer {
    let server = TestServer::empty();
    server.add_feed("main", Vec::new());
    server
}

#[test]
fn files_come_back_whole_and_in_ranges() {
    let server = server();
    server.contributor().universal().push("my-tools/1.0.0", TOOLS).expect(201);
    let reader = server.reader().universal().elsewhere();
    let path = "my-tools/1.0.0/docs/a%20b.txt";
    let whole = reader.get(path).expect(200);
    assert_eq!(whole.bytes(), &b"some text"[..]);
    let etag = format!("\"{}\"", sha256(b"some text"));
    assert_eq!(whole.header("etag"), etag);
    assert_eq!(whole.header("x-checksum-sha256"), sha256(b"some text"));
    assert_eq!(whole.header("content-length"), "9");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert!(whole.header("cache-control").contains("immutable"));
    let range = reader.get_with(path, &[("range", "bytes=5-"), ("if-range", &etag)]).expect(206);
    assert_eq!((range.bytes(), range.header("content-range")), ("text".into(), "bytes 5-8/9"));
    reader.get_with(path, &[("range", "bytes=9-")]).expect(416);
    reader.get_with(path, &[("if-none-match", &etag)]).expect(304);
    let head = reader.head(path).expect(200);
    assert_eq!((head.bytes().len(), head.header("content-length")), (0, "9"));
    assert_eq!(reader.get("my-tools/1.0.0/empty").expect(200).bytes(), &b""[..]);
    for absent in ["my-tools/1.0.0/docs", "my-tools/1.0.0/other", "my-tools/1.0.1/empty", "other/1.0.0/empty"]
    {
        let refused = reader.get(absent).expect(404);
        assert!(!message(&refused).is_empty());
    }
}

#[test]
fn a_manifest_is_a_file_with_a_validator() {
    let server = server();
    server.contributor().universal().push("my-tools/1.0.0", TOOLS).expect(201);
    let reader = server.reader().universal();
    let manifest = reader.get("my-tools/1.0.0").expect(200);
    assert_eq!(manifest.header("content-type"), "application/json");
    let etag = manifest.header("etag").to_owned();
    assert_eq!(etag, format!("\"{}\"", sha256(&manifest.bytes())));
    reader.get_with("my-tools/1.0.0", &[("if-none-match", &etag)]).expect(304);
    let versions = reader.get("my-tools").expect(200).json();
    assert_eq!(versions["versions"][0]["sha256"], sha256(&manifest.bytes()));
    assert_eq!(manifest.text().lines().count(), 5, "one file to a line");
}

#[test]
fn the_highest_version_that_fits_is_found() {
    let server = server();
    let (contributor, reader) = (server.contributor().universal(), server.reader().universal());
    for version in ["1.2.0", "1.10.0", "1.2.9", "2.0.0-rc.1", "1.10.1-a"] {
        contributor
            .push(&format!("my-tools/{version}"), &[("version", version.as_bytes(), false)])
            .expect(201);
    }
    for (selector, expected) in [
        ("latest", Some("1.10.0")),
        ("*", Some("1.10.0")),
        ("%2A", Some("1.10.0")),
        ("1.*", Some("1.10.0")),
        ("1.2.*", Some("1.2.9")),
        ("2.*", None),
        ("2.0.0-rc.1", Some("2.0.0-rc.1")),
        ("3.0.0", None),
    ] {
        let reply = reader.get(&format!("my-tools/{selector}/version"));
        assert_eq!(reply.status, if expected.is_some() { 200 } else { 404 }, "{selector}");
        if let Some(expected) = expected {
            assert_eq!(reply.text(), expected, "{selector}");
            let is_exact = selector == expected;
            assert_eq!(reply.header("cache-control").contains("immutable"), is_exact, "{selector}");
        }
    }
    contributor.push("my-tools/1.11.0", &[("version", b"1.11.0", false)]).expect(201);
    server.advance(3);
    assert_eq!(reader.get("my-tools/latest/version").text(), "1.11.0");
    assert_eq!(reader.get("my-tools").expect(200).json()["latest"], "1.11.0");
    server.owner().universal().delete("my-tools/1.11.0").expect(204);
    server.advance(3);
    assert_eq!(reader.get("my-tools/latest/version").text(), "1.10.0");
    reader.get("my-tools/1.2.3.*").expect(400);
    reader.get("not-there/latest").expect(404);
}

#[test]
fn versions_that_were_unlisted_are_found_by_number_only() {
    let server = server();
    let contributor = server.contributor().universal();
    for version in ["1.0.0", "1.1.0"] {
        contributor.push(&format!("my-tools/{version}"), TOOLS).expect(201);
    }
    let path = "https://edge.test/acme/_apis/packaging/feeds/main/upack/packages/my-tools/versions/1.1.0";
    contributor
        .send(http::Method::PATCH, path, &[], json!({ "listed": false }).to_string().into())
        .expect(200);
    assert_eq!(contributor.numbers("my-tools"), ["1.0.0", "1.1.0!"]);
    assert_eq!(contributor.get("my-tools").json()["latest"], "1.0.0");
    contributor.get("my-tools/1.1.*").expect(404);
    contributor.get("my-tools/1.1.0/empty").expect(200);
}

#[test]
fn packages_are_listed_a_page_at_a_time() {
    let server = server();
    let contributor = server.contributor().universal();
    for name in ["c", "a", "b.x", "d"] {
        contributor.push(&format!("{name}/1.0.0"), TOOLS).expect(201);
    }
    contributor.push("a/1.1.0", TOOLS).expect(201);
    contributor.put_file("drafted/1.0.0", TOOLS[0]).expect(201);
    let reader = server.reader().universal();
    let (mut names, mut query) = (Vec::new(), "?$top=2".to_owned());
    loop {
        let page: Value = reader.get(&query).expect(200).json();
        names.extend(page["packages"].as_array().unwrap().clone());
        assert!(page["packages"].as_array().unwrap().len() <= 2);
        let Some(token) = page["continuationToken"].as_str() else { break };
        query = format!("?$top=2&continuationToken={token}");
    }
    let told: Vec<_> =
        names.iter().map(|package| (package["name"].as_str().unwrap(), &package["latest"])).collect();
    let one = json!("1.0.0");
    assert_eq!(told, [("a", &json!("1.1.0")), ("b.x", &one), ("c", &one), ("d", &one)]);
    assert_eq!(names[0]["versions"], 2);
    assert_eq!(reader.get("").expect(200).json()["packages"].as_array().unwrap().len(), 4);
}

#[test]
fn a_view_shows_its_members_and_takes_nothing() {
    let server = server();
    let contributor = server.contributor().universal();
    for version in ["1.0.0", "1.1.0"] {
        contributor.push(&format!("my-tools/{version}"), TOOLS).expect(201);
    }
    contributor.push("other/1.0.0", TOOLS).expect(201);
    owner_does(&server, "main", "upack:my-tools", Verb::Promote("1.0.0", "Release")).unwrap();
    let view = server.contributor().universal_on("main@Release");
    assert_eq!(view.numbers("my-tools"), ["1.0.0"]);
    view.get("my-tools/1.0.0").expect(200);
    view.get("my-tools/latest/empty").expect(200);
    view.get("my-tools/1.0.0?format=tar").expect(200);
    for absent in
        ["my-tools/1.1.0", "my-tools/1.1.0/empty", "my-tools/1.1.*", "my-tools/1.1.0?format=tar", "other"]
    {
        view.get(absent).expect(404);
    }
    assert_eq!(view.get("").expect(200).json()["packages"].as_array().unwrap().len(), 1);
    for refused in [
        view.put_file("my-tools/1.2.0", TOOLS[0]),
        view.commit("my-tools/1.2.0"),
        view.delete("my-tools/1.2.0?draft"),
        server.owner().universal_on("main@Release").delete("my-tools/1.0.0"),
    ] {
        let refused = refused.expect(409);
        assert!(message(&refused).contains("read-only"), "{}", refused.text());
    }
    owner_does(&server, "main", "upack:my-tools", Verb::Demote("1.0.0", "Release")).unwrap();
    server.advance(3);
    view.get("my-tools/1.0.0/empty").expect(404);
}

#[test]
fn a_download_is_counted_once_for_a_version() {
    let server = server();
    server.contributor().universal().push("my-tools/1.0.0", TOOLS).expect(201);
    let reader = server.reader().universal();
    reader.get("my-tools/1.0.0").expect(200);
    for (path, ..) in TOOLS {
        reader.get(&format!("my-tools/1.0.0/{}", super::support::encoded(path))).expect(200);
    }
    reader.get("my-tools/1.0.0?format=tar").expect(200);
    reader.get_with("my-tools/1.0.0?format=tar", &[("range", "bytes=100-")]).expect(206);
    block_on(server.platform.run_delayed());
    server.housekeeping();
    let key = server.key(&["my-tools/downloads.json"]);
    let record: Value = serde_json::from_slice(&server.platform.object(&key).unwrap()).unwrap();
    assert!(record.to_string().contains("1.0.0"), "{record}");
    assert_eq!(record["versions"]["1.0.0"]["count"], 2, "{record}");
}

#[test]
fn a_file_is_found_in_a_manifest_that_is_too_large_to_be_held() {
    let server = server();
    let contributor = server.contributor().universal();
    contributor.push("many/1.0.0", &[("x", b"content", false)]).expect(201);
    let path = |number: usize| {
        format!("{}/{number:05}.{}", "folder".repeat(number % 9 + 1), "x".repeat(number % 60))
    };
    let files = (0..40_000).map(|number| {
        json!({ "path": path(number), "size": 7, "sha256": sha256(b"content"), "executable": number % 2 == 0 })
    });
    let made =
        contributor.post("many/2.0.0", &json!({ "files": files.collect::<Vec<_>>() })).expect(201).json();
    assert_eq!(made["files"], 40_000);
    let reader = server.reader().universal().elsewhere();
    let manifest = reader.get("many/2.0.0").expect(200);
    assert!(manifest.bytes().len() > 5 << 20, "{}", manifest.bytes().len());
    let manifest = manifest.json();
    let told = manifest["files"].as_array().unwrap();
    for at in (0..told.len()).step_by(1_999).chain([1, told.len() - 1]) {
        let path = told[at]["path"].as_str().unwrap();
        let reply = reader.get(&format!("many/2.0.0/{path}")).expect(200);
        assert_eq!(reply.bytes(), &b"content"[..], "{path}");
        assert!(reply.count("r2") < 16, "{path}: {}", reply.count("r2"));
    }
    for absent in ["a", "folder", "folder/00003.", "folderfolder/00001.xx", "zzz"] {
        reader.get(&format!("many/2.0.0/{absent}")).expect(404);
    }
}

#[test]
fn the_rest_surface_hands_out_the_same() {
    let server = server();
    let contributor = server.contributor().universal();
    let files = [("README.md", &b"# Tools\n"[..], false), TOOLS[0]];
    let made = named(&files);
    for file in files {
        contributor.put_file("my-tools/1.0.0", file).expect(201);
    }
    let mut described = made.clone();
    described["description"] = json!("Our tools");
    contributor.post("my-tools/1.0.0", &described).expect(201);
    let reader = server.reader();
    let feed = "https://edge.test/acme/_apis/packaging/feeds/main";
    let version = format!("{feed}/upack/packages/my-tools/versions/1.0.0");
    let manifest = contributor.get("my-tools/1.0.0").expect(200);
    assert_eq!(reader.get(&format!("{version}/content")).expect(200).bytes(), manifest.bytes());
    assert_eq!(reader.get(&format!("{version}/readme")).expect(200).text(), "# Tools\n");
    let file =
        reader.get_with(&format!("{version}/bin%2Frun.sh/content"), &[("range", "bytes=2-")]).expect(206);
    assert_eq!(file.text(), "/bin/sh\n");
    reader.get(&format!("{version}/nothing/content")).expect(404);
    let packages =
        reader.get(&format!("{feed}/packages?protocolType=UPack&includeDescription=true")).expect(200).json();
    let package = &packages["value"][0];
    assert_eq!((&package["name"], &package["protocolType"]), (&json!("my-tools"), &json!("UPack")));
    assert_eq!(package["versions"][0]["packageDescription"], "Our tools");
}
