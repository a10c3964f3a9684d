//! Publishing: drafts, commits, and whose number it is.

use super::support::{Files, TOOLS, Universal, encoded, message, named, sha256};
use crate::support::Client;
use crate::support::server::TestServer;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::platform::memory::Fault;
use edgefeed::platform::{Body, PlatformError};
use futures_executor::block_on;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

fn server() -> TestServer {
    let server = TestServer::empty();
    server.add_feed("main", Vec::new());
    server
}

#[test]
fn a_version_is_there_once_it_was_committed_and_not_before() {
    let server = server();
    let (contributor, reader) = (server.contributor().universal(), server.reader().universal());
    for file in TOOLS {
        let reply = contributor.put_file("my-tools/1.0.0", *file).expect(201).json();
        assert_eq!((&reply["path"], &reply["sha256"]), (&json!(file.0), &json!(sha256(file.1))));
    }
    assert!(reader.numbers("my-tools").is_empty());
    reader.get("my-tools/1.0.0").expect(404);
    let draft = contributor.get("my-tools/1.0.0?draft").expect(200).json();
    assert_eq!(draft["files"].as_array().unwrap().len(), 3);
    let made = contributor.commit("my-tools/1.0.0").expect(201).json();
    assert_eq!(made, json!({ "name": "my-tools", "version": "1.0.0", "files": 3, "size": 19 }));
    assert_eq!(contributor.get("my-tools/1.0.0?draft").expect(200).json(), json!({ "files": [] }));
    let reader = reader.elsewhere();
    assert_eq!(reader.numbers("my-tools"), ["1.0.0"]);
    let manifest: Value = reader.get("my-tools/1.0.0").expect(200).json();
    let mut expected = named(TOOLS);
    for file in expected["files"].as_array_mut().unwrap() {
        if file["executable"] == false {
            file.as_object_mut().unwrap().remove("executable");
        }
    }
    assert_eq!(manifest, expected);
    insta::assert_snapshot!("keys", server.local_keys().join("\n"));
    assert_eq!(server.deeds("main", "my-tools"), ["published 1.0.0"]);
}

#[test]
fn a_draft_can_be_changed_and_given_up() {
    let server = server();
    let contributor = server.contributor().universal();
    contributor.put_file("a/1.0.0", ("x", b"one", false)).expect(201);
    server.advance(1);
    contributor.put_file("a/1.0.0", ("x", b"two", true)).expect(201);
    let draft = contributor.get("a/1.0.0?draft").expect(200).json();
    let expected = json!({ "path": "x", "size": 3, "sha256": sha256(b"two"), "executable": true });
    assert_eq!(draft["files"], json!([expected]));
    contributor.delete("a/1.0.0?draft").expect(204);
    let refused = contributor.commit("a/1.0.0").expect(400);
    assert!(message(&refused).contains("at least one file"), "{}", refused.text());
    contributor.push("a/1.0.0", &[("y", b"three", false)]).expect(201);
    contributor.get("a/1.0.0/x").expect(404);
    assert_eq!(contributor.get("a/1.0.0/y").expect(200).bytes(), &b"three"[..]);
}

#[test]
fn what_a_client_declares_must_be_true() {
    let server = server();
    let contributor = server.contributor().universal();
    let put = |declared: &str, content: &[u8]| {
        let headers = [("x-checksum-sha256", declared)];
        contributor.send(Method::PUT, "a/1.0.0/x", &headers, content.to_vec().into())
    };
    put(&sha256(b"text").to_uppercase(), b"text").expect(201);
    let refused = put(&sha256(b"text"), b"other").expect(400);
    assert!(message(&refused).contains("nothing was kept"), "{}", refused.text());
    put("00", b"text").expect(400);
    contributor.commit("a/1.0.0").expect(201);
    assert_eq!(contributor.get("a/1.0.0/x").expect(200).bytes(), &b"text"[..]);
}

#[test]
fn a_repeated_commit_succeeds_and_another_one_does_not() {
    let server = server();
    let contributor = server.contributor().universal();
    contributor.push("my-tools/1.0.0", TOOLS).expect(201);
    contributor.commit("my-tools/1.0.0").expect(200);
    contributor.post("my-tools/1.0.0", &named(TOOLS)).expect(200);
    let refused = contributor.post("my-tools/1.0.0", &named(&TOOLS[..2])).expect(409);
    assert!(message(&refused).contains("already in this feed"), "{}", refused.text());
    // A file that it has, sent again by a client that repeats all of it.
    let headers = [("x-checksum-sha256", sha256(b""))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    contributor.send(Method::PUT, "my-tools/1.0.0/empty", &headers, Body::Bytes("".into())).expect(200);
    contributor.put_file("my-tools/1.0.0", ("empty", b"not", false)).expect(409);
    contributor.put_file("my-tools/1.0.0", ("more", b"", false)).expect(409);
    assert_eq!(contributor.get("my-tools/1.0.0?draft").expect(200).json(), json!({ "files": [] }));
}

#[test]
fn a_commit_that_lacks_contents_names_them() {
    let server = server();
    let contributor = server.contributor().universal();
    contributor.push("my-tools/1.0.0", &TOOLS[..1]).expect(201);
    let refused = contributor.post("my-tools/1.1.0", &named(TOOLS)).expect(409);
    assert!(message(&refused).contains("2 of the files"), "{}", refused.text());
    let missing = refused.json()["missing"].clone();
    let paths: Vec<_> = missing.as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["docs/a b.txt", "empty"]);
    assert_eq!(contributor.numbers("my-tools"), ["1.0.0"]);
    for file in &TOOLS[1..] {
        contributor.put_file("my-tools/1.1.0", *file).expect(201);
    }
    let mut lying = named(TOOLS);
    lying["files"][1]["size"] = json!(1_000);
    let refused = contributor.post("my-tools/1.1.0", &lying).expect(400);
    assert!(message(&refused).contains("has 9 bytes, not 1000"), "{}", refused.text());
    contributor.post("my-tools/1.1.0", &named(TOOLS)).expect(201);
    assert_eq!(contributor.get("my-tools/1.1.0/bin/run.sh").expect(200).bytes(), TOOLS[0].1);
}

#[test]
fn only_what_a_package_does_not_hold_need_be_sent() {
    let server = server();
    let contributor = server.contributor().universal();
    contributor.push("my-tools/1.0.0", TOOLS).expect(201);
    contributor.push("other/1.0.0", &[("secret", b"of another package", false)]).expect(201);
    let asked = [sha256(b"some text"), sha256(b"of another package"), sha256(b"new")];
    let missing = |client: &Client<'_>, name: &str| {
        let reply = client.post(&format!("{name}/missing"), &json!({ "sha256": asked }));
        reply.expect(200).json()["missing"].clone()
    };
    let mut expected = vec![sha256(b"of another package"), sha256(b"new")];
    expected.sort();
    assert_eq!(missing(&contributor, "my-tools"), json!(expected));
    assert_eq!(missing(&contributor, "not-there").as_array().unwrap().len(), 3);
    server.collaborator().universal().post("my-tools/missing", &json!({ "sha256": asked })).expect(403);
    let files: Files<'_> = &[("moved.txt", b"some text", false), ("new.txt", b"new", false)];
    contributor.put_file("my-tools/2.0.0", files[1]).expect(201);
    contributor.post("my-tools/2.0.0", &named(files)).expect(201);
    assert_eq!(contributor.get("my-tools/2.0.0/moved.txt").expect(200).bytes(), &b"some text"[..]);
    contributor.post("my-tools/missing", &json!({ "sha256": "x" })).expect(400);
}

#[test]
fn what_cannot_be_a_tree_is_refused() {
    let server = server();
    let contributor = server.contributor().universal();
    for paths in [["a", "a/b"], ["README", "readme"], ["x/Y", "X/y"]] {
        let files: Vec<_> = paths.iter().map(|path| (*path, &b""[..], false)).collect();
        let refused = contributor.post("my-tools/1.0.0", &named(&files)).expect(400);
        assert!(message(&refused).contains("cannot be beside each other"), "{}", refused.text());
    }
    for body in ["[]", "{\"files\": [{\"path\": \"../x\"}]}", "nothing"] {
        contributor.send(Method::POST, "my-tools/1.0.0", &[], body.into()).expect(400);
    }
    for path in ["../x", "a//b", "a/./b", "a\\b", "%2e%2e/x", "x%00"] {
        contributor.send(Method::PUT, &format!("my-tools/1.0.0/{path}"), &[], "x".into()).expect(400);
    }
    for name in ["My-Tools/1.0.0/x", "my--tools/1.0.0/x", "my-tools/1.0/x", "my-tools/1.0.0+b/x"] {
        contributor.send(Method::PUT, name, &[], "x".into()).expect(400);
    }
    assert!(server.local_keys().is_empty(), "{:?}", server.local_keys());
}

#[test]
fn a_number_is_used_once() {
    let server = server();
    let (contributor, owner) = (server.contributor().universal(), server.owner().universal());
    contributor.push("my-tools/1.0.0", TOOLS).expect(201);
    contributor.push("my-tools/1.1.0", TOOLS).expect(201);
    contributor.delete("my-tools/1.0.0").expect(403);
    owner.delete("my-tools/1.0.0").expect(204);
    owner.get("my-tools/1.0.0").expect(404);
    owner.get("my-tools/1.0.0/empty").expect(404);
    owner.get("my-tools/1.0.0?format=tar").expect(404);
    let refused = contributor.put_file("my-tools/1.0.0", TOOLS[0]).expect(409);
    assert!(message(&refused).contains("never used again"), "{}", refused.text());
    contributor.post("my-tools/1.0.0", &named(TOOLS)).expect(409);
    owner_does(&server, "main", "upack:my-tools", Verb::Restore("1.0.0")).unwrap();
    assert_eq!(owner.get("my-tools/1.0.0/bin/run.sh").expect(200).bytes(), TOOLS[0].1);
    owner.delete("my-tools/1.0.0").expect(204);
    owner_does(&server, "main", "upack:my-tools", Verb::Purge("1.0.0")).unwrap();
    contributor.commit("my-tools/1.0.0").expect(409);
    assert_eq!(owner.numbers("my-tools"), ["1.1.0"]);
}

#[test]
fn contents_go_with_the_last_version_that_has_them() {
    let server = server();
    let (contributor, owner) = (server.contributor().universal(), server.owner().universal());
    let (shared, own): (&[u8], &[u8]) = (b"shared", b"own");
    contributor.push("a/1.0.0", &[("shared", shared, false), ("own", own, false)]).expect(201);
    contributor.push("a/2.0.0", &[("renamed", shared, false)]).expect(201);
    owner.delete("a/1.0.0").expect(204);
    server.advance(31 * 24 * 3600);
    for _ in 0..4 {
        server.housekeeping();
        server.advance(3600);
    }
    let contents: Vec<String> =
        server.local_keys().into_iter().filter(|key| key.contains("/contents/")).collect();
    assert_eq!(contents, [format!("v1/pkg/main/upack/a/contents/{}", sha256(shared))]);
    assert_eq!(owner.get("a/2.0.0/renamed").expect(200).bytes(), shared);
}

#[test]
fn of_two_commits_at_once_one_wins() {
    let server = server();
    let client = server.contributor().universal();
    let bodies: Vec<String> = (0..4)
        .map(|serial: u8| {
            let content = [serial];
            client.put_file("a/1.0.0", (&format!("f{serial}"), &content, false)).expect(201);
            named(&[(&format!("f{serial}"), &content, false)]).to_string()
        })
        .collect();
    let commits = bodies.into_iter().map(|body| client.start(Method::POST, "a/1.0.0", &[], body.into()));
    let mut statuses: Vec<u16> = block_on(join_all(commits)).iter().map(|reply| reply.status).collect();
    block_on(server.platform.run_background());
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201, "{statuses:?}");
    assert!(statuses[1..].iter().all(|status| matches!(status, 409 | 503)), "{statuses:?}");
    assert_eq!(client.get("a/1.0.0").expect(200).json()["files"].as_array().unwrap().len(), 1);
}

#[test]
fn a_commit_that_died_on_the_way_can_be_repeated() {
    let mut died = 0;
    for polls in 0..80 {
        let server = server();
        let client = server.contributor().universal();
        for file in TOOLS {
            client.put_file("my-tools/1.0.0", *file).expect(201);
        }
        let done = client.crash_after(polls, Method::POST, "my-tools/1.0.0", Body::Empty);
        died += usize::from(done.is_none());
        let repeated = client.clone().elsewhere().commit("my-tools/1.0.0");
        assert!(matches!(repeated.status, 200 | 201), "after {polls} polls: {}", repeated.text());
        server.advance(3);
        assert_eq!(server.reader().universal().numbers("my-tools"), ["1.0.0"], "after {polls} polls");
        let manifest = server.reader().universal().get("my-tools/1.0.0").expect(200).json();
        assert_eq!(manifest["files"].as_array().unwrap().len(), 3, "after {polls} polls");
        assert_eq!(client.get("my-tools/1.0.0?draft").expect(200).json(), json!({ "files": [] }));
    }
    assert!(died > 5, "it died only {died} times");
}

#[test]
fn a_description_is_shown_to_people() {
    let server = server();
    let contributor = server.contributor().universal();
    contributor.put_file("my-tools/1.0.0", TOOLS[0]).expect(201);
    contributor.post("my-tools/1.0.0", &json!({ "description": "Tools \"of ours\"" })).expect(201);
    let versions = contributor.get("my-tools").expect(200).json();
    assert_eq!(versions["versions"][0]["description"], "Tools \"of ours\"");
    let long = json!({ "description": "x".repeat(5_000) });
    contributor.post("my-tools/1.1.0", &long).expect(413);
}

#[test]
fn a_large_file_comes_in_parts_to_where_it_belongs() {
    let server = server();
    let contributor = server.contributor().universal();
    let content: Vec<u8> = (0..(64 << 20) + 10).map(|number: u32| (number % 251) as u8).collect();
    let wish = json!({ "size": content.len(), "sha256": sha256(&content), "executable": true });
    let begun = contributor.post("my-tools/1.0.0/large.bin?upload", &wish).expect(201).json();
    assert_eq!(
        (&begun["partSize"], &begun["parts"], &begun["received"]),
        (&json!(64 << 20), &json!(2), &json!(0))
    );
    let address = format!("my-tools/1.0.0/large.bin?upload={}", begun["id"].as_str().unwrap());
    let part = |client: &Client<'_>, number: usize| {
        let bytes = content[(number - 1) * (64 << 20)..].iter().take(64 << 20).copied().collect::<Vec<_>>();
        client.send(Method::PUT, &format!("{address}&part={number}"), &[], bytes.into())
    };
    let refused = part(&contributor, 2).expect(409);
    assert!(message(&refused).contains("part 1 of 2"), "{}", refused.text());
    assert_eq!(part(&contributor, 1).expect(200).json()["received"], 1);
    let refused = contributor.commit("my-tools/1.0.0").expect(409);
    assert_eq!(refused.json()["missing"][0]["path"], "large.bin");
    assert_eq!(contributor.get(&address).expect(200).json()["received"], 1);
    server.owner().universal().get(&address).expect(404);
    assert_eq!(part(&contributor, 1).expect(200).json()["received"], 1, "the same part again");
    for _ in 0..2 {
        assert_eq!(part(&contributor, 2).expect(200).json()["sha256"], sha256(&content));
    }
    contributor.commit("my-tools/1.0.0").expect(201);
    let reader = server.reader().universal();
    let range = format!("bytes={}-", (64 << 20) - 5);
    let read = reader.get_with("my-tools/1.0.0/large.bin", &[("range", &range)]).expect(206);
    assert_eq!(read.bytes(), content[(64 << 20) - 5..]);
    assert_eq!(reader.get("my-tools/1.0.0").json()["files"][0]["executable"], true);
    // What is here need not come again.
    let known = contributor.post("my-tools/2.0.0/moved.bin?upload", &wish).expect(200).json();
    assert_eq!((&known["path"], &known["id"]), (&json!("moved.bin"), &Value::Null));
    contributor.commit("my-tools/2.0.0").expect(201);
    contributor.post("my-tools/2.0.0/more.bin?upload", &wish).expect(409);
}

#[test]
fn an_upload_can_be_given_up_and_must_be_what_was_declared() {
    let server = server();
    let contributor = server.contributor().universal();
    let begin = |content: &[u8]| {
        let wish = json!({ "size": content.len(), "sha256": sha256(content) });
        let begun = contributor.post("a/1.0.0/x?upload", &wish).expect(201).json();
        format!("a/1.0.0/x?upload={}", begun["id"].as_str().unwrap())
    };
    let address = begin(b"text");
    contributor.delete(&address).expect(204);
    contributor.get(&address).expect(404);
    let address = begin(b"text");
    let put = |content: &'static str| {
        contributor.send(Method::PUT, &format!("{address}&part=1"), &[], content.into())
    };
    put("longer").expect(400);
    let refused = put("tixt").expect(400);
    assert!(message(&refused).contains("not the one declared"), "{}", refused.text());
    contributor.commit("a/1.0.0").expect(409);
    for wish in ["", "{}", "{\"size\": 1}", "{\"size\": 1, \"sha256\": \"00\"}"] {
        contributor.send(Method::POST, "a/1.0.0/x?upload", &[], wish.into()).expect(400);
    }
}

#[test]
fn whichever_write_fails_all_of_it_can_be_repeated() {
    let mut fired = 0;
    for nth in 1..40 {
        for after in [false, true] {
            let server = server();
            let client = server.contributor().universal();
            let fault = Fault::any_write().nth(nth);
            let error = PlatformError::TimedOut;
            server.platform.faults().add(if after { fault.after(error) } else { fault.before(error) });
            let publish = |client: &Client<'_>| {
                let sent = TOOLS.iter().all(|file| {
                    let headers = [("x-checksum-sha256", sha256(file.1))];
                    let headers: Vec<_> =
                        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    let path = format!("my-tools/1.0.0/{}?executable={}", encoded(file.0), file.2);
                    matches!(
                        client.send(Method::PUT, &path, &headers, file.1.to_vec().into()).status,
                        200 | 201
                    )
                });
                sent && matches!(client.commit("my-tools/1.0.0").status, 200 | 201)
            };
            let first = publish(&client);
            fired += server.platform.faults().fired();
            server.platform.faults().clear();
            let client = client.elsewhere();
            assert!(first || publish(&client), "write {nth} failed, after it took effect: {after}");
            server.advance(3);
            assert_eq!(client.numbers("my-tools"), ["1.0.0"], "write {nth}, {after}");
            for (path, content, _) in TOOLS {
                assert_eq!(
                    client.get(&format!("my-tools/1.0.0/{}", encoded(path))).expect(200).bytes(),
                    *content
                );
            }
        }
    }
    assert!(fired > 20, "only {fired} writes failed");
}
