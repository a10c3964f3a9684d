//! Publishing: the whole flow, what is refused, retries, races, and every write that fails.

use crate::support::client::file;
use crate::support::{INSTALL, Reply, TestServer, other_tarball, publish_document, tarball};
use edgefeed::platform::memory::Fault;
use edgefeed::platform::{Body, PlatformError};
use futures_executor::block_on;
use futures_util::future::join;
use http::Method;
use serde_json::{Value, json};

fn server() -> TestServer {
    let server = TestServer::empty();
    server.add_feed("main", vec![]);
    server
}

#[test]
fn a_push_is_seen_at_once_by_everybody_here() {
    let server = server();
    server.reader().get("own").expect(404);
    let reply = server.contributor().publish("own", "1.0.0").expect(201);
    assert_eq!(reply.json(), json!({ "ok": true, "success": true, "id": "own" }));
    insta::assert_json_snapshot!("published_keys", server.package_keys());
    assert_eq!(server.reader().versions("own"), ["1.0.0"]);
    assert_eq!(server.reader().download("own", "1.0.0").expect(200).bytes(), tarball("own", "1.0.0"));

    server.advance(1);
    server.contributor().publish("own", "1.1.0").expect(201);
    assert_eq!(server.reader().versions("own"), ["1.0.0", "1.1.0"]);
    let full = server.reader().get("own").expect(200);
    insta::assert_json_snapshot!("published_full", full.json());
    let short = server.reader().get_with("own", &[("accept", INSTALL)]).expect(200);
    insta::assert_json_snapshot!("published_abbreviated", short.json());
}

#[test]
fn the_same_number_again_is_a_conflict_in_npms_words() {
    let server = server();
    server.contributor().publish("own", "1.0.0").expect(201);
    let before = server.package_keys();
    let other = publish_document("own", "1.0.0", &other_tarball("own", "1.0.0", b"other"));
    for reply in [server.contributor().publish("own", "1.0.0"), server.contributor().put("own", &other)] {
        let text = reply.expect(409).error();
        assert!(
            text.starts_with("cannot publish over an existing version: `own` 1.0.0 is already"),
            "{text}"
        );
    }
    let spelled = publish_document("own", "1.0.0+build.7", &other_tarball("own", "1.0.0+build.7", b"other"));
    server.contributor().put("own", &spelled).expect(409);
    assert_eq!(server.package_keys(), before);
    assert_eq!(server.reader().download("own", "1.0.0").expect(200).bytes(), tarball("own", "1.0.0"));
}

#[test]
fn scoped_names_are_one_package_in_every_spelling() {
    let server = server();
    for (index, path) in ["@scope%2fown", "@scope%2Fown", "@scope/own"].into_iter().enumerate() {
        let version = format!("1.{index}.0");
        let document = publish_document("@scope/own", &version, &tarball("@scope/own", &version));
        server.contributor().put(path, &document).expect(201);
        server.contributor().put(path, &document).expect(409);
    }
    for path in ["@scope%2fown", "@scope%2Fown", "@scope/own"] {
        let document = server.reader().get(path).expect(200).json();
        assert_eq!(document["name"], "@scope/own");
        assert_eq!(document["versions"].as_object().unwrap().len(), 3);
        let link = document["versions"]["1.2.0"]["dist"]["tarball"].as_str().unwrap().to_owned();
        assert_eq!(link, "https://edge.test/acme/_packaging/main/npm/registry/@scope/own/-/own-1.2.0.tgz");
        server.reader().get(&link).expect(200);
        server.reader().get(&format!("{path}/-/own-1.0.0.tgz")).expect(200);
    }
    server.key(&["/@scope%2Fown/index.json"]);
}

type Change = fn(&mut Value);

/// What can be wrong with a push, and the status that says so.
fn wrong_pushes() -> Vec<(&'static str, Change, u16)> {
    vec![
        ("another name", |document| document["name"] = "other".into(), 400),
        (
            "another id",
            |document| {
                document.as_object_mut().unwrap().shift_remove("name");
                document["_id"] = "other".into();
            },
            400,
        ),
        ("manifest of another name", |document| document["versions"]["1.0.0"]["name"] = "other".into(), 400),
        (
            "manifest of another version",
            |document| document["versions"]["1.0.0"]["version"] = "1.0.1".into(),
            400,
        ),
        (
            "manifest without dist",
            |document| {
                document["versions"]["1.0.0"].as_object_mut().unwrap().shift_remove("dist");
            },
            201,
        ),
        (
            "integrity of other bytes",
            |document| {
                document["versions"]["1.0.0"]["dist"]["integrity"] =
                    crate::support::documents::integrity(b"other").into();
            },
            400,
        ),
        (
            "shasum of other bytes",
            |document| {
                document["versions"]["1.0.0"]["dist"]["shasum"] =
                    crate::support::documents::shasum(b"other").into();
            },
            400,
        ),
        ("wrong length", |document| document["_attachments"]["own-1.0.0.tgz"]["length"] = 7.into(), 400),
        ("bad base64", |document| document["_attachments"]["own-1.0.0.tgz"]["data"] = "!!!!".into(), 400),
        ("cut base64", |document| document["_attachments"]["own-1.0.0.tgz"]["data"] = "AAA".into(), 400),
        ("empty tarball", |document| document["_attachments"]["own-1.0.0.tgz"]["data"] = "".into(), 400),
        (
            "data that is no text",
            |document| document["_attachments"]["own-1.0.0.tgz"]["data"] = 7.into(),
            400,
        ),
        (
            "two attachments",
            |document| document["_attachments"]["own-1.0.1.tgz"] = json!({ "data": "AAAA" }),
            400,
        ),
        (
            "attachment of another name",
            |document| {
                let map = document["_attachments"].as_object_mut().unwrap();
                let file = map.shift_remove("own-1.0.0.tgz").unwrap();
                map.insert("../own-1.0.0.tgz".to_owned(), file);
            },
            400,
        ),
        (
            "no attachment, no version",
            |document| {
                let map = document.as_object_mut().unwrap();
                map.shift_remove("_attachments");
                map.shift_remove("versions");
            },
            400,
        ),
        (
            "two versions",
            |document| document["versions"]["1.0.1"] = json!({ "name": "own", "version": "1.0.1" }),
            400,
        ),
        ("a tag for another version", |document| document["dist-tags"]["beta"] = "2.0.0".into(), 400),
        ("a tag that is a range", |document| document["dist-tags"] = json!({ "1.x": "1.0.0" }), 400),
        ("versions that are no object", |document| document["versions"] = json!(["1.0.0"]), 400),
        ("a manifest that is no object", |document| document["versions"]["1.0.0"] = 7.into(), 400),
        (
            "a manifest over the limit",
            |document| {
                document["versions"]["1.0.0"]["description"] = "x".repeat(400 << 10).into();
            },
            413,
        ),
    ]
}

#[test]
fn a_push_that_is_wrong_says_so_and_stores_nothing() {
    for (what, change, expected) in wrong_pushes() {
        let server = server();
        let mut document = publish_document("own", "1.0.0", &tarball("own", "1.0.0"));
        change(&mut document);
        let reply = server.contributor().put("own", &document);
        assert_eq!(reply.status, expected, "{what}: {}", reply.text());
        if expected != 201 {
            assert!(!reply.error().is_empty());
            assert_eq!(server.package_keys(), [""; 0], "{what}");
            assert_eq!(server.platform.open_uploads(), 0, "{what}");
            server.contributor().publish("own", "1.0.0").expect(201);
        }
    }
}

#[test]
fn numbers_and_names_that_cannot_be_published_are_refused() {
    let server = server();
    let long = format!("1.0.0-{}", "a".repeat(260));
    for version in
        ["1", "1.0", "01.0.0", "1.0.0.0", "latest", "", "1.0.0-", "99999999999999999999.0.0", &long]
    {
        let document = publish_document("own", version, &tarball("own", version));
        let reply = server.contributor().put("own", &document);
        assert_eq!(reply.status, 400, "{version}: {}", reply.text());
    }
    let long = "a".repeat(215);
    for name in ["Upper", "_own", ".own", "own~", &long, "node_modules"] {
        let document = publish_document(name, "1.0.0", &tarball(name, "1.0.0"));
        let reply = server.contributor().put(name, &document);
        assert_eq!(reply.status, 400, "{name}: {}", reply.text());
    }
    assert_eq!(server.package_keys(), [""; 0]);
}

#[test]
fn an_archive_that_is_not_what_it_should_be_is_refused() {
    let server = server();
    for (what, bytes) in [
        ("no gzip", b"plain text".to_vec()),
        ("another package's", tarball("other", "1.0.0")),
        ("another version's", tarball("own", "1.0.1")),
    ] {
        let reply = server.contributor().put("own", &publish_document("own", "1.0.0", &bytes));
        assert_eq!(reply.status, 400, "{what}: {}", reply.text());
        assert_eq!(server.package_keys(), [""; 0], "{what}");
        assert_eq!(server.platform.open_uploads(), 0, "{what}");
    }
}

#[test]
fn a_body_that_is_no_document_is_refused() {
    let server = server();
    let twice = r#"{"name":"own","name":"own","versions":{},"_attachments":{}}"#;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in ["", "{", "[]", "null", "<xml/>", "{\"name\":", "\u{0}", twice, &deep] {
        let reply = server.contributor().send(Method::PUT, "own", &[], body.to_owned().into());
        assert_eq!(reply.status, 400, "{body:.40}: {}", reply.text());
        assert_eq!(server.package_keys(), [""; 0]);
    }
}

#[test]
fn a_view_takes_no_push() {
    let server = server();
    for view in ["main@Local", "main@Release"] {
        let text = server.owner().on(view).publish("own", "1.0.0").expect(409).error();
        assert!(text.contains("a view is read-only: publish to the feed itself"), "{text}");
        server.owner().on(view).put("-/package/own/dist-tags/beta", &json!("1.0.0")).expect(409);
    }
    assert_eq!(server.package_keys(), [""; 0]);
}

#[test]
fn a_tombstoned_number_is_never_published_again() {
    let server = server();
    server.contributor().publish("own", "1.0.0").expect(201);
    server.contributor().publish("own", "1.1.0").expect(201);
    server.owner().delete("own/-/own-1.0.0.tgz/-rev/2-edgefeed").expect(200);
    let text = server.contributor().publish("own", "1.0.0").expect(403).error();
    assert!(text.starts_with("cannot publish over") && text.contains("never used again"), "{text}");
    server
        .contributor()
        .put("own", &publish_document("own", "1.0.0", &other_tarball("own", "1.0.0", b"other")))
        .expect(403);
    server.contributor().publish("own", "1.2.0").expect(201);
    assert_eq!(server.reader().versions("own"), ["1.1.0", "1.2.0"]);
}

fn both(server: &TestServer, one: &Value, other: &Value) -> (Reply, Reply) {
    let (first, second) = (server.contributor(), server.owner());
    let replies = block_on(join(
        first.start(Method::PUT, "own", &[], one.to_string().into()),
        second.start(Method::PUT, "own", &[], other.to_string().into()),
    ));
    block_on(server.platform.run_background());
    replies
}

#[test]
fn of_two_writers_of_one_number_exactly_one_wins() {
    for equal in [true, false] {
        let server = server();
        let one = publish_document("own", "1.0.0", &tarball("own", "1.0.0"));
        let bytes = if equal { tarball("own", "1.0.0") } else { other_tarball("own", "1.0.0", b"other") };
        let other = publish_document("own", "1.0.0", &bytes);
        let (first, second) = both(&server, &one, &other);
        let statuses = [first.status, second.status];
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().any(|status| [409, 503].contains(status)), "{statuses:?}");
        let won = if first.status == 201 { tarball("own", "1.0.0") } else { bytes };
        assert_eq!(server.reader().versions("own"), ["1.0.0"]);
        assert_eq!(server.reader().download("own", "1.0.0").expect(200).bytes(), won);
        server.key(&["/files/"]);
    }
}

#[test]
fn writers_of_two_numbers_both_win() {
    // Without the limit states of the records decide every race.
    for limited in [false, true] {
        let server = server();
        server.platform.limit_writes(limited);
        let one = publish_document("own", "1.0.0", &tarball("own", "1.0.0"));
        let other = publish_document("own", "1.1.0", &tarball("own", "1.1.0"));
        let (first, second) = both(&server, &one, &other);
        assert_eq!((first.status, second.status), (201, 201), "{} {}", first.text(), second.text());
        let mut versions = server.reader().versions("own");
        versions.sort();
        assert_eq!(versions, ["1.0.0", "1.1.0"]);
    }
}

/// Every write of a push fails for as long as the request tries, before it took effect or after; the client's retry
/// finds its way, and exactly one version is there.
#[test]
fn a_push_survives_every_write_that_fails() {
    for part in ["files/", "slots/", "package.json", "index.json", "catalog/", "published/", ""] {
        for took_effect in [false, true] {
            for times in [1, usize::MAX] {
                let server = server();
                server.contributor().get("-/ping").expect(200);
                let error = PlatformError::Connection("lost".to_owned());
                let fault = Fault::any_write().on(part).times(times);
                let fault = if took_effect { fault.after(error) } else { fault.before(error) };
                server.platform.faults().add(fault);
                let first = server.contributor().publish("own", "1.0.0");
                assert!(server.platform.faults().fired() > 0, "{part}");
                server.platform.faults().clear();
                let what = format!("{part}, took effect: {took_effect}, {times} times: {}", first.text());
                assert!([201, 500, 503].contains(&first.status), "{what}");
                server.advance(2);
                let again = server.contributor().publish("own", "1.0.0");
                assert!([201, 409].contains(&again.status), "{what}: {}", again.text());
                assert!(first.status == 201 || again.status == 201 || !part.is_empty(), "{what}");
                server.housekeeping();
                server.advance(3);
                assert_eq!(server.reader().versions("own"), ["1.0.0"], "{what}");
                let bytes = server.reader().download("own", "1.0.0").expect(200).bytes();
                assert_eq!(bytes, tarball("own", "1.0.0"), "{what}");
                assert_eq!(server.reader().get("own/latest").expect(200).json()["version"], "1.0.0");
                assert_eq!(found(&server), 1, "{what}: not found by searching");
            }
        }
    }
}

fn found(server: &TestServer) -> usize {
    let answer = server.reader().get("-/v1/search?text=own").expect(200).json();
    answer["objects"].as_array().unwrap().len()
}

#[test]
fn a_retry_with_other_bytes_after_a_crash_is_refused_until_the_first_are_abandoned() {
    let server = server();
    let outage = Fault::any_write().on("slots/").times(usize::MAX);
    server.platform.faults().add(outage.before(PlatformError::TimedOut));
    server.contributor().publish("own", "1.0.0").expect(503);
    server.platform.faults().clear();
    let other = publish_document("own", "1.0.0", &other_tarball("own", "1.0.0", b"other"));
    let refused = server.contributor().put("own", &other).expect(503);
    assert!(!refused.header("retry-after").is_empty());
    server.advance(601);
    let _ = server.contributor().put("own", &other);
    server.contributor().put("own", &other).expect(201);
    assert_eq!(
        server.reader().download("own", "1.0.0").expect(200).bytes(),
        other_tarball("own", "1.0.0", b"other")
    );
}

#[test]
fn a_body_that_breaks_off_stores_nothing() {
    let server = server();
    let text = publish_document("own", "1.0.0", &tarball("own", "1.0.0")).to_string();
    let half = bytes::Bytes::from(text.as_bytes()[..text.len() / 2].to_vec());
    let broken: Vec<Result<_, PlatformError>> =
        vec![Ok(half.clone()), Err(PlatformError::Cut("the client hung up".to_owned()))];
    let body = Body::Stream(Box::pin(futures_util::stream::iter(broken)));
    server.contributor().send(Method::PUT, "own", &[], body).expect(400);
    server.contributor().send(Method::PUT, "own", &[], Body::Bytes(half)).expect(400);
    assert_eq!(server.package_keys(), [""; 0]);
}

#[test]
fn a_large_push_is_kept_where_it_was_taken_in_and_a_bad_one_leaves_nothing() {
    let server = server();
    let bytes = other_tarball("own", "1.0.0", &b"0123456789abcdef".repeat(550_000));
    assert!(bytes.len() > 8 << 20, "more than one part: {}", bytes.len());
    server.contributor().put("own", &publish_document("own", "1.0.0", &bytes)).expect(201);
    assert!(server.reader().get(&file("own", "1.0.0")).expect(200).bytes() == bytes);
    let keys = server.platform.stored_keys();
    assert_eq!(keys.iter().filter(|key| key.starts_with("v1/placed/")).count(), 1);
    let wrong = publish_document("own", "1.0.1", &bytes);
    server.contributor().put("own", &wrong).expect(400);
    assert_eq!(server.platform.stored_keys(), keys);
    assert_eq!(server.platform.open_uploads(), 0);
}

#[test]
fn an_attestation_is_kept_and_offered() {
    let server = server();
    let mut document = publish_document("own", "1.0.0", &tarball("own", "1.0.0"));
    document["_attachments"]["own-1.0.0.sigstore"] = json!({
        "content_type": "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "data": json!({ "bundle": true }).to_string(),
        "length": 15,
    });
    server.contributor().put("own", &document).expect(201);
    let listed = server.reader().get("own").expect(200).json();
    let url = listed["versions"]["1.0.0"]["dist"]["attestations"]["url"].as_str().unwrap().to_owned();
    assert_eq!(url, "https://edge.test/acme/_packaging/main/npm/registry/-/npm/v1/attestations/own@1.0.0");
    let kept = server.reader().get(&url).expect(200).json();
    assert_eq!(kept["attestations"][0]["bundle"], json!({ "bundle": true }));
}
