//! Publishing crates: framing, what is checked, whose number and whose name it is.

use super::support::{Cargo, checksum, crate_file, detail, metadata, push, root, server};
use crate::support::documents::archive;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::platform::Body;
use futures_executor::block_on;
use futures_util::future::join_all;
use futures_util::stream;
use http::Method;
use serde_json::{Value, json};

#[test]
fn a_push_is_in_the_index_at_once_and_comes_back_as_it_went() {
    let (server, _) = server();
    let contributor = server.contributor().cargo();
    let mut pushed = metadata("Own_lib", "1.0.0+b");
    pushed["deps"] = json!([
        { "name": "rand", "version_req": "^0.6", "features": [], "optional": true, "default_features": true,
          "target": null, "kind": "normal", "registry": "https://other.example/index", "explicit_name_in_toml": "r" },
        { "name": "own-b", "version_req": "^1", "features": ["std"], "optional": false, "default_features": false,
          "target": "cfg(unix)", "kind": "build", "registry": format!("sparse+{}index/", root("main")) },
    ]);
    pushed["features"] = json!({ "default": ["x"], "x": ["dep:r"] });
    let bytes = crate_file("Own_lib", "1.0.0+b");
    let reply = contributor.push_body(push(&pushed, &bytes)).expect(200);
    assert_eq!(
        reply.json(),
        json!({ "warnings": { "invalid_categories": [], "invalid_badges": [], "other": [] } })
    );
    let line: Value = serde_json::from_str(&contributor.index("own_lib").expect(200).text()).unwrap();
    assert_eq!((&line["name"], &line["vers"]), (&json!("Own_lib"), &json!("1.0.0+b")));
    assert_eq!(line["cksum"], checksum(&bytes));
    assert_eq!(line["deps"][0]["name"], "r");
    assert_eq!(line["deps"][0]["package"], "rand");
    assert_eq!(line["deps"][0]["registry"], "https://other.example/index");
    assert_eq!(line["deps"][1]["registry"], Value::Null, "this very feed");
    assert_eq!((&line["features2"], &line["v"]), (&json!({ "x": ["dep:r"] }), &json!(2)));
    assert_eq!(line["yanked"], false);
    let pubtime = line["pubtime"].as_str().unwrap();
    assert!(pubtime.ends_with('Z') && pubtime.len() == "2020-01-02T03:04:05Z".len(), "{pubtime}");
    assert_eq!(contributor.fetch("Own_lib", "1.0.0+b").expect(200).bytes(), bytes);
    assert_eq!(server.reader().cargo().elsewhere().crate_versions("own_lib"), ["1.0.0+b"]);
}

#[test]
fn a_number_is_used_once_whatever_its_build_metadata() {
    let (server, _) = server();
    let contributor = server.contributor().cargo();
    contributor.push("own", "1.0.0").expect(200);
    for version in ["1.0.0", "1.0.0+b"] {
        let refused = contributor.push("own", version).expect(409);
        assert!(detail(&refused).contains("is already in this feed"), "{}", refused.text());
    }
    contributor.push("own", "1.0.1").expect(200);
    owner_does(&server, "main", "cargo:own", Verb::Delete("1.0.1")).unwrap();
    let refused = contributor.push("own", "1.0.1").expect(409);
    assert!(detail(&refused).contains("never used again"), "{}", refused.text());
    owner_does(&server, "main", "cargo:own", Verb::Purge("1.0.1")).unwrap();
    contributor.push("own", "1.0.1").expect(409);
    assert_eq!(contributor.crate_versions("own"), ["1.0.0"]);
}

#[test]
fn of_two_pushes_at_once_one_wins() {
    let (server, _) = server();
    let client = server.contributor().cargo();
    let bodies: Vec<Vec<u8>> = (0..4)
        .map(|serial: u8| {
            let archive = archive(&[("own-1.0.0/Cargo.toml", b"[package]"), ("own-1.0.0/serial", &[serial])]);
            push(&metadata("own", "1.0.0"), &archive)
        })
        .collect();
    let pushes =
        bodies.into_iter().map(|body| client.start(Method::PUT, "api/v1/crates/new", &[], body.into()));
    let mut statuses: Vec<u16> = block_on(join_all(pushes)).iter().map(|reply| reply.status).collect();
    block_on(server.platform.run_background());
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| matches!(status, 409 | 503)), "{statuses:?}");
    assert_eq!(client.crate_versions("own"), ["1.0.0"]);
}

#[test]
fn a_push_that_died_on_the_way_can_be_repeated() {
    for polls in 0..60 {
        let (server, _) = server();
        let client = server.contributor().cargo();
        let body = push(&metadata("own", "1.0.0"), &crate_file("own", "1.0.0"));
        let done = client.crash_after(polls, Method::PUT, "api/v1/crates/new", body.into());
        let repeated = client.elsewhere().push("own", "1.0.0");
        let complete = done.is_some() || repeated.status == 409;
        assert!(complete || repeated.status == 200, "after {polls} polls: {}", repeated.text());
        server.advance(3);
        assert_eq!(server.reader().cargo().crate_versions("own"), ["1.0.0"], "after {polls} polls");
        server.reader().cargo().fetch("own", "1.0.0").expect(200);
    }
}

#[test]
fn names_too_alike_do_not_stand_beside_each_other() {
    let (server, registry) = server();
    let contributor = server.contributor().cargo();
    contributor.push("foo-bar", "1.0.0").expect(200);
    for other in ["foo_bar", "Foo-Bar"] {
        let refused = contributor.push(other, "2.0.0").expect(409);
        assert!(detail(&refused).contains("too like `foo-bar`"), "{}", refused.text());
    }
    contributor.push("foo-bar", "1.0.1").expect(200);
    assert!(contributor.crate_versions("foo_bar").is_empty());

    registry.add("tool_kit", "1.0.0");
    server.collaborator().cargo().fetch("tool_kit", "1.0.0").expect(200);
    contributor.push("tool-kit", "1.0.0").expect(409);

    registry.add("Kebab", "1.0.0");
    server.collaborator().cargo().fetch("kebab", "1.0.0").expect(200);
    let refused = contributor.push("kebab", "9.0.0").expect(409);
    assert!(detail(&refused).contains("too like `Kebab`"), "{}", refused.text());
    contributor.push("Kebab", "9.0.0").expect(200);
    registry.add("later", "1.0.0");
    owner_does(&server, "main", "cargo:later", Verb::Delete("1.0.0")).unwrap();
    contributor.push("Later", "2.0.0").expect(200);

    let wrong = push(&metadata("a-b", "1.0.0"), b"no archive");
    contributor.push_body(wrong).expect(400);
    contributor.push("a_b", "1.0.0").expect(200);
    registry.add("c_d", "1.0.0");
    contributor.push("c_d", "1.0.0").expect(409);
    contributor.push("c-d", "1.0.0").expect(200);
}

#[test]
fn of_two_spellings_at_once_one_wins() {
    let (server, _) = server();
    let client = server.contributor().cargo();
    let spellings = ["foo-bar", "foo_bar", "Foo-bar"];
    let pushes = spellings.iter().map(|name| {
        let body = push(&metadata(name, "1.0.0"), &crate_file(name, "1.0.0"));
        client.start(Method::PUT, "api/v1/crates/new", &[], body.into())
    });
    let statuses: Vec<u16> = block_on(join_all(pushes)).iter().map(|reply| reply.status).collect();
    block_on(server.platform.run_background());
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    let there: Vec<_> = ["foo-bar", "foo_bar"].iter().flat_map(|name| client.crate_versions(name)).collect();
    assert_eq!(there, ["1.0.0"]);
}

#[test]
fn a_number_that_a_source_offers_is_taken() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    let refused = server.contributor().cargo().push("lib", "1.0.0").expect(409);
    assert!(detail(&refused).contains("exists in the upstream source `crates`"), "{}", refused.text());
    server.edit_feed("main", |feed| feed.allow_upstream_name_conflict = true);
    server.advance(60);
    server.contributor().cargo().push("lib", "1.0.0").expect(200);
}

#[test]
fn what_is_wrong_with_a_push_is_said() {
    let (server, _) = server();
    let contributor = server.contributor().cargo();
    let with = |path: &str, value: Value| {
        let mut metadata = metadata("own", "1.0.0");
        *metadata.pointer_mut(path).unwrap() = value;
        push(&metadata, &crate_file("own", "1.0.0"))
    };
    let archive_of = |files: &[(&str, &[u8])]| push(&metadata("own", "1.0.0"), &archive(files));
    let good = push(&metadata("own", "1.0.0"), &crate_file("own", "1.0.0"));
    let (mut long, mut longer) = (good.clone(), good.clone());
    long.push(0);
    longer[3] = 0x7f;
    for (body, status, says) in [
        (with("/name", json!("0own")), 400, "not a valid crate name"),
        (with("/name", json!("std")), 400, "reserved"),
        (with("/name", json!("a/b")), 400, "not a valid crate name"),
        (with("/vers", json!("-1.0.0")), 400, "not a valid version"),
        (with("/vers", json!("2.0.0")), 400, "outside the folder"),
        (with("/deps", json!([{ "name": "x", "version_req": "!" }])), 400, "version requirement"),
        (with("/features", json!({ "a b": [] })), 400, "not a valid feature"),
        (with("/vers", json!(1)), 400, "metadata cannot be read"),
        (archive_of(&[("other-1.0.0/Cargo.toml", b"")]), 400, "outside the folder"),
        (archive_of(&[("own-1.0.0/src/lib.rs", b"")]), 400, "has no `own-1.0.0/Cargo.toml`"),
        (push(&metadata("own", "1.0.0"), b"not gzip, not at all"), 400, "not gzip"),
        (push(&metadata("own", "1.0.0"), b""), 400, "not gzip"),
        (good[..good.len() - 1].to_vec(), 400, "ends before"),
        (good[..10].to_vec(), 400, "ends before"),
        (good[..3].to_vec(), 400, "ends before"),
        (Vec::new(), 400, "ends before"),
        (long, 400, "goes on after"),
        (longer, 413, "over the limit"),
    ] {
        let refused = contributor.push_body(body);
        assert_eq!(refused.status, status, "{says}: {}", refused.text());
        assert!(detail(&refused).contains(says), "{says}: {}", refused.text());
    }
    assert_eq!(server.local_keys(), [""; 0], "nothing is left of any of them");
    contributor.push_body(good).expect(200);
}

#[test]
fn a_body_may_come_in_any_pieces() {
    let body = push(&metadata("own", "1.0.0"), &crate_file("own", "1.0.0"));
    for piece in [1, 3, 5, 1000] {
        let (server, _) = server();
        let pieces: Vec<_> =
            body.chunks(piece).map(|piece| Ok(bytes::Bytes::copy_from_slice(piece))).collect();
        let body = Body::Stream(Box::pin(stream::iter(pieces)));
        server.contributor().cargo().send(Method::PUT, "api/v1/crates/new", &[], body).expect(200);
    }
}

#[test]
fn a_large_archive_is_never_held_and_a_bad_one_leaves_nothing() {
    let (server, _) = server();
    let contributor = server.contributor().cargo();
    let content: Vec<u8> =
        (0..20_u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let bytes = archive(&[("own-1.0.0/Cargo.toml", b"[package]"), ("own-1.0.0/content", &content)]);
    let body = push(&metadata("own", "1.0.0"), &bytes);
    contributor.push_body(body[..body.len() - 9].to_vec()).expect(400);
    assert_eq!(server.local_keys(), [""; 0]);
    contributor.push_body(body).expect(200);
    assert!(contributor.fetch("own", "1.0.0").expect(200).bytes() == bytes);
    let keys = server.platform.stored_keys();
    contributor.push_body(push(&metadata("own", "1.0.0"), &bytes)).expect(409);
    assert_eq!(server.platform.stored_keys(), keys);
}

#[test]
fn yanking_hides_a_version_from_new_builds_only() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    let contributor = server.contributor().cargo();
    contributor.push("own", "1.0.0").expect(200);
    contributor.push("own", "1.1.0").expect(200);
    server.collaborator().cargo().fetch("lib", "1.0.0").expect(200);
    for name in ["own", "lib"] {
        let before = server.reader().cargo().index(name).expect(200);
        let yanked = contributor.yank(name, "1.0.0", true).expect(200);
        assert_eq!(yanked.json()["ok"], true);
        let after = server.reader().cargo().index(name).expect(200);
        assert_ne!(before.header("etag"), after.header("etag"));
        assert_eq!(server.reader().cargo().crate_versions(name)[0], "1.0.0!");
        assert_eq!(after.text(), before.text().replacen("\"yanked\":false", "\"yanked\":true", 1));
        server.reader().cargo().fetch(name, "1.0.0").expect(200);
        contributor.yank(name, "1.0.0", true).expect(200);
        contributor.yank(name, "1.0.0", false).expect(200);
        assert_eq!(server.reader().cargo().index(name).expect(200).text(), before.text());
    }
    contributor.yank("own", "9.9.9", true).expect(404);
    contributor.yank("nothing", "1.0.0", true).expect(404);
}
