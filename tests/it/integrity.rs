//! Bytes that are not those a listing declares: nothing is stored, nothing is served, the source is marked.

use crate::support::{TestServer, tarball};
use edgefeed::model::SourceStatus;
use edgefeed::platform::memory::Reply;
use serde_json::Value;

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    server
}

fn with_length(bytes: &[u8]) -> Reply {
    Reply::ok(bytes.to_vec()).header("content-length", &bytes.len().to_string())
}

#[test]
fn other_bytes_than_declared_are_neither_stored_nor_served() {
    let mut same_length = tarball("lib", "1.0.0");
    same_length[100] ^= 1;
    let longer = [tarball("lib", "1.0.0"), b"more".to_vec()].concat();
    for reply in [
        with_length(b"other bytes"),
        with_length(&same_length),
        with_length(&longer),
        with_length(b""),
        Reply::ok(same_length.clone()).of_unknown_length(),
        Reply::ok(Vec::new()).of_unknown_length(),
    ] {
        let server = server();
        server.registry.fault(".tgz", reply);
        let refused = server.collaborator().download("lib", "1.0.0").expect(502);
        assert!(refused.error().contains("are not those its listing declares; nothing was saved"));
        assert!(!refused.headers.contains_key("retry-after"), "the same bytes would come again");
        assert_eq!(server.local_keys(), [""; 0]);
        let health = server.health("main", 0);
        assert_eq!(health.status, SourceStatus::Failing);
        assert!(health.reason.unwrap().contains("lib-1.0.0.tgz"));
        assert!(health.last_failure.is_some());
        server.reader().download("lib", "1.0.0").expect(403);
        server.registry.recover();
        let saved = server.collaborator().download("lib", "1.0.0").expect(200);
        assert_eq!(saved.bytes(), tarball("lib", "1.0.0"));
    }
}

#[test]
fn a_body_that_breaks_off_is_not_stored() {
    let bytes = tarball("lib", "1.0.0");
    for (reply, status) in [
        (with_length(&bytes).cut_after(100), 502),
        (with_length(&bytes).cut_after(0), 502),
        (with_length(&bytes).stalls_after(100), 504),
        (Reply::ok(bytes.clone()).of_unknown_length().cut_after(100), 502),
        (Reply::ok(bytes[..100].to_vec()).header("content-length", &bytes.len().to_string()), 502),
    ] {
        let server = server();
        server.registry.fault(".tgz", reply);
        server.collaborator().download("lib", "1.0.0").expect(status);
        assert_eq!(server.local_keys(), [""; 0]);
        assert_eq!(server.health("main", 0).status, SourceStatus::Failing);
        server.registry.recover();
        assert_eq!(server.collaborator().download("lib", "1.0.0").expect(200).bytes(), bytes);
    }
}

#[test]
fn the_strongest_declared_digest_decides() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, u16); 5] = [
        (
            "sha1 only",
            |manifest| {
                manifest["dist"].as_object_mut().unwrap().shift_remove("integrity");
            },
            200,
        ),
        (
            "wrong sha1 only",
            |manifest| {
                manifest["dist"].as_object_mut().unwrap().shift_remove("integrity");
                manifest["dist"]["shasum"] = crate::support::documents::shasum(b"x").into();
            },
            502,
        ),
        (
            "wrong sha512, right sha1",
            |manifest| {
                manifest["dist"]["integrity"] = crate::support::documents::integrity(b"x").into();
            },
            502,
        ),
        (
            "several integrities",
            |manifest| {
                let good = manifest["dist"]["integrity"].as_str().unwrap().to_owned();
                manifest["dist"]["integrity"] = format!("sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA= {good}").into();
            },
            200,
        ),
        (
            "none",
            |manifest| {
                let dist = manifest["dist"].as_object_mut().unwrap();
                dist.shift_remove("integrity");
                dist.shift_remove("shasum");
            },
            200,
        ),
    ];
    for (what, change, expected) in cases {
        let server = server();
        server.registry.edit("lib", "1.0.0", change);
        let reply = server.collaborator().download("lib", "1.0.0");
        assert_eq!(reply.status, expected, "{what}: {}", reply.text());
        if expected == 200 {
            assert_eq!(reply.bytes(), tarball("lib", "1.0.0"), "{what}");
            assert!(!reply.header("etag").is_empty());
            assert_eq!(server.reader().download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
        }
    }
}

#[test]
fn an_upstream_that_changes_a_saved_versions_bytes_changes_nothing_here() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.registry.replace_bytes("lib", "1.0.0", b"evil");
    server.registry.edit("lib", "1.0.0", |manifest| {
        manifest["dist"]["integrity"] = crate::support::documents::integrity(b"evil").into();
        manifest["dist"]["shasum"] = crate::support::documents::shasum(b"evil").into();
    });
    server.advance(3600);
    let listed = server.collaborator().get("lib").expect(200).json();
    let declared = &listed["versions"]["1.0.0"]["dist"]["integrity"];
    assert_eq!(*declared, crate::support::documents::integrity(&tarball("lib", "1.0.0")));
    let kept = server.collaborator().elsewhere().download("lib", "1.0.0").expect(200);
    assert_eq!(kept.bytes(), tarball("lib", "1.0.0"));
}

#[test]
fn an_encoded_archive_is_hashed_as_it_was_packed() {
    let server = server();
    let bytes = tarball("lib", "1.0.0");
    // The runtime has undone the encoding; the length is that of the encoded bytes.
    let reply = Reply::ok(bytes.clone()).of_unknown_length();
    server.registry.fault(".tgz", reply.header("content-encoding", "gzip").header("content-length", "17"));
    assert_eq!(server.collaborator().download("lib", "1.0.0").expect(200).bytes(), bytes);
}

#[test]
fn archives_are_asked_for_without_encoding() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    let sent = server.platform.upstream().sent();
    let archive = sent.iter().find(|request| request.url.path().contains(".tgz")).unwrap();
    assert_eq!(archive.headers["accept-encoding"], "identity");
    assert!(sent.iter().all(|request| !request.headers.contains_key("authorization")), "no token leaves us");
}
