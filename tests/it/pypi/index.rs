//! The index: its forms, its spellings, what pages say.

use super::support::{
    PIP, ROOT, Upload, client, files, manage, metadata, page, path, server, sha256, wheel, wheel_name,
};
use edgefeed::model::Role;
use http::Method;
use serde_json::{Value, json};

#[test]
fn a_page_is_json_or_html_as_the_client_wants() {
    let (server, index) = server();
    index.wheel("lib", "1.0").sdist("lib", "1.0").wheel("lib", "2.0rc1");
    let collaborator = client(&server, Role::Collaborator);
    let reply = page(&collaborator, "lib").expect(200);
    assert_eq!(reply.header("content-type"), "application/vnd.pypi.simple.v1+json");
    assert!(reply.header("vary").contains("Accept"));
    let document = reply.json();
    assert_eq!(document["versions"], json!(["1.0", "2.0rc1"]));
    assert_eq!(document["alternate-locations"], json!(["https://more.test/simple/lib/"]));
    let name = wheel_name("lib", "1.0");
    let digest = json!({"sha256": sha256(&metadata("lib", "1.0"))});
    assert_eq!(
        document["files"][0],
        json!({
            "filename": name,
            "url": format!("{ROOT}{}", path("lib", "1.0", &name)),
            "hashes": {"sha256": sha256(&wheel("lib", "1.0"))},
            "size": wheel("lib", "1.0").len(),
            "requires-python": ">=3.8",
            "upload-time": "2020-01-02T03:04:05.678901Z",
            "core-metadata": digest, "data-dist-info-metadata": digest,
        })
    );
    let unchanged = [("accept", PIP), ("if-none-match", reply.header("etag"))];
    let again = collaborator.get_with("simple/lib/", &unchanged).expect(304);
    assert_eq!((again.header("content-type"), again.bytes().len()), ("", 0));

    for (accept, media) in [
        ("text/html", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("application/vnd.pypi.simple.latest+html", "application/vnd.pypi.simple.v1+html"),
        ("application/vnd.pypi.simple.latest+json", "application/vnd.pypi.simple.v1+json"),
    ] {
        let reply = collaborator.get_with("simple/lib/", &[("accept", accept)]).expect(200);
        assert_eq!(reply.header("content-type"), media, "{accept}");
    }
    let html = collaborator.get("simple/lib/").expect(200).text();
    assert!(html.contains(&format!(
        "{name}#sha256={}\" data-requires-python=\"&gt;=3.8\"",
        sha256(&wheel("lib", "1.0"))
    )));
    assert!(html.contains(&format!("data-core-metadata=\"sha256={}\"", sha256(&metadata("lib", "1.0")))));
    assert_eq!(index.asked("/simple/lib/"), 1, "every form is made from one document");
    collaborator.get_with("simple/lib/?format=application/vnd.pypi.simple.v1%2Bjson", &[]).expect(200).json();
}

#[test]
fn other_spellings_lead_to_the_right_one() {
    let (server, index) = server();
    index.wheel("my-pkg", "1.0");
    let collaborator = client(&server, Role::Collaborator);
    for (spelled, right) in [
        ("simple/My.Pkg/", "simple/my-pkg/"),
        ("simple/my-pkg", "simple/my-pkg/"),
        ("simple/my__pkg", "simple/my-pkg/"),
        ("simple", "simple/"),
    ] {
        let reply = collaborator.get(spelled).expect(301);
        assert_eq!(reply.header("location"), format!("{ROOT}{right}"), "{spelled}");
        collaborator.head(spelled).expect(301);
    }
    server.anonymous().at(ROOT).get("simple/My.Pkg/").expect(401);
}

#[test]
fn an_index_that_speaks_html_only_is_read_too() {
    let (server, index) = server();
    index.wheel("lib", "1.0").sdist("lib", "1.1");
    index.speak_html();
    let collaborator = client(&server, Role::Collaborator);
    let document = page(&collaborator, "lib").expect(200).json();
    assert_eq!(document["versions"], json!(["1.0", "1.1"]));
    assert_eq!(document["files"][0]["hashes"]["sha256"], sha256(&wheel("lib", "1.0")));
    assert_eq!(document["files"][0]["requires-python"], ">=3.8");
    assert!(document["files"][0].get("size").is_none());
    let file = path("lib", "1.0", &wheel_name("lib", "1.0"));
    assert_eq!(collaborator.get(&file).expect(200).bytes(), wheel("lib", "1.0"));
    let saved = client(&server, Role::Reader);
    let document = page(&saved, "lib").expect(200).json();
    assert_eq!(document["files"][0]["size"], wheel("lib", "1.0").len());
    assert!(document["files"][0]["core-metadata"]["sha256"].is_string());
}

#[test]
fn the_project_list_has_what_the_feed_holds() {
    let (server, index) = server();
    index.wheel("lib", "1.0");
    Upload::wheel("own_pkg", "1.0").send(&client(&server, Role::Contributor)).expect(200);
    Upload::wheel("other", "1.0").send(&client(&server, Role::Contributor)).expect(200);
    let reader = client(&server, Role::Reader);
    let list = reader.get_with("simple/", &[("accept", PIP)]).expect(200);
    assert_eq!(list.header("content-type"), "application/vnd.pypi.simple.v1+json");
    assert_eq!(list.json()["projects"], json!([{"name": "other"}, {"name": "own-pkg"}]));
    let html = reader.get("simple/").expect(200).text();
    assert!(html.contains("<a href=\"own-pkg/\">own-pkg</a>"), "{html}");
    let promote = json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } });
    manage(&server, Method::PATCH, "other/versions/1.0", &promote).expect(200);
    let view = server.owner().at("https://edge.test/acme/_packaging/main@Release/pypi/");
    assert_eq!(
        view.get_with("simple/", &[("accept", PIP)]).expect(200).json()["projects"],
        json!([{"name": "other"}])
    );
    assert_eq!(index.asked(""), 2, "about the numbers that were pushed, and no more");
}

#[test]
fn project_json_says_what_the_index_does() {
    let (server, index) = server();
    index.wheel("lib", "1.0").wheel("lib", "2.0").wheel("lib", "3.0rc1").sdist("lib", "2.0");
    let collaborator = client(&server, Role::Collaborator);
    let document = collaborator.get("lib/json").expect(200).json();
    assert_eq!((&document["info"]["version"], &document["info"]["name"]), (&json!("2.0"), &json!("lib")));
    assert_eq!(document["info"]["requires_python"], ">=3.8");
    assert_eq!(document["urls"].as_array().unwrap().len(), 2);
    assert_eq!(document["urls"][1]["packagetype"], "sdist");
    assert_eq!(document["releases"].as_object().unwrap().len(), 3);
    assert_eq!(document["releases"]["1.0"][0]["digests"]["sha256"], sha256(&wheel("lib", "1.0")));
    assert_eq!(document["releases"]["1.0"][0]["upload_time"], "2020-01-02T03:04:05");
    collaborator.get(&path("lib", "1.0", &wheel_name("lib", "1.0"))).expect(200);
    let one = collaborator.get("Lib/1.0.0/json").expect(200).json();
    assert_eq!(one["info"]["summary"], "made by a test");
    assert_eq!(one["info"]["description"], "A long description.\n");
    assert_eq!(one["info"]["requires_dist"], json!(["dep>=1"]));
    assert!(one.get("releases").is_none());
    collaborator.get("lib/9.0/json").expect(404);
    collaborator.get("pypi/lib/json").expect(200);
    let reader = client(&server, Role::Reader).get("lib/json").expect(200).json();
    assert_eq!(reader["releases"].as_object().unwrap().len(), 1);
    assert_eq!(reader["vulnerabilities"], Value::Array(Vec::new()));
}

#[test]
fn what_is_not_there_is_said_in_plain_text() {
    let (server, _) = server();
    let collaborator = client(&server, Role::Collaborator);
    let reply = page(&collaborator, "missing").expect(404);
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    assert!(reply.text().contains("`missing` is not in this feed"), "{}", reply.text());
    for (path, status) in [
        ("simple/-x/", 400),
        ("simple/a%2fb/", 400),
        ("simple/a%252fb/", 400),
        ("simple/x/y/", 404),
        ("download/x/1.0/y-1.0.tar.gz", 404),
        ("download/x/1.0/..%2f..%2fx-1.0.tar.gz", 400),
        ("download/x/1.0/x-1.0.exe", 404),
        ("nothing/here", 404),
    ] {
        collaborator.get(path).expect(status);
    }
    assert_eq!(collaborator.get("upload/").expect(405).header("allow"), "POST");
    assert_eq!(collaborator.delete("simple/x/").expect(405).header("allow"), "GET, HEAD");
    let fault = client(&server, Role::Reader).send(Method::POST, "", &[], "<methodCall/>".into()).expect(200);
    assert!(fault.text().contains("<fault>"));
    assert!(client(&server, Role::Reader).get("").expect(200).text().contains(&format!("{ROOT}simple/")));
    assert!(files(&collaborator, "missing").is_empty());
}
