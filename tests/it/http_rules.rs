//! The HTTP of it: conditional requests, `HEAD`, ranges, compression.

use crate::support::client::file;
use crate::support::{INSTALL, TestServer, tarball};

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.contributor().publish("own", "1.0.0").expect(201);
    server
}

const READABLE: [&str; 8] = [
    "",
    "own",
    "own/1.0.0",
    "own/-/own-1.0.0.tgz",
    "lib/-/lib-1.0.0.tgz",
    "-/package/own/dist-tags",
    "-/ping",
    "-/whoami",
];

#[test]
fn head_answers_as_get_does_without_a_body() {
    let server = server();
    for path in READABLE.into_iter().chain(["missing", "own/9.9.9", "lib/-/lib-9.9.9.tgz", "..", "-/none"]) {
        let get = server.reader().get(path);
        let head = server.reader().head(path);
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.bytes().is_empty(), "{path}");
        for name in [
            "content-type",
            "content-length",
            "etag",
            "last-modified",
            "cache-control",
            "accept-ranges",
            "vary",
        ] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        if !get.header("content-length").is_empty() {
            assert_eq!(get.header("content-length"), get.bytes().len().to_string(), "{path}");
        }
    }
}

#[test]
fn what_is_known_is_not_sent_again() {
    let server = server();
    for path in READABLE {
        let first = server.reader().get(path).expect(200);
        let etag = first.header("etag").to_owned();
        assert!(!etag.is_empty(), "{path}");
        let opaque = etag.trim_start_matches("W/").to_owned();
        let list = format!("\"x\", {opaque} , \"y\"");
        let weak = format!("W/{opaque}");
        for known in [etag.as_str(), &opaque, &weak, &list, "*"] {
            for reply in [
                server.reader().get_with(path, &[("if-none-match", known)]),
                server.reader().send(
                    http::Method::HEAD,
                    path,
                    &[("if-none-match", known)],
                    edgefeed::platform::Body::Empty,
                ),
            ] {
                assert_eq!(reply.status, 304, "{path}: {known}");
                assert!(reply.bytes().is_empty());
                assert_eq!(reply.header("etag"), etag);
                for name in ["content-type", "content-encoding", "content-length"] {
                    assert!(!reply.headers.contains_key(name), "{path}: {name} on a 304");
                }
            }
        }
        server.reader().get_with(path, &[("if-none-match", "\"other\"")]).expect(200);
    }
}

#[test]
fn a_write_is_never_answered_from_what_is_known() {
    let server = server();
    let document = crate::support::publish_document("own", "1.1.0", &tarball("own", "1.1.0"));
    let headers = [("if-none-match", "*")];
    let reply = server.contributor().send(http::Method::PUT, "own", &headers, document.to_string().into());
    reply.expect(201);
}

#[test]
fn a_listing_changes_its_etag_with_its_content_and_with_nothing_else() {
    let server = server();
    let etag = || server.reader().get("own").expect(200).header("etag").to_owned();
    let first = etag();
    server.advance(100);
    assert_eq!(etag(), first);
    assert_eq!(server.reader().elsewhere().get("own").expect(200).header("etag"), first);
    server.contributor().publish("own", "1.1.0").expect(201);
    assert_ne!(etag(), first);
    let short = server.reader().get_with("own", &[("accept", INSTALL)]).expect(200);
    assert_ne!(short.header("etag"), etag());
    assert_eq!(short.header("vary"), "Accept, Accept-Encoding, Authorization");
}

#[test]
fn parts_of_an_archive_are_served() {
    let server = server();
    let whole = tarball("lib", "1.0.0");
    let size = whole.len();
    let path = file("lib", "1.0.0");
    let ranges = [
        ("bytes=0-9", 0..10),
        ("bytes=10-", 10..size),
        ("bytes=-7", size - 7..size),
        ("bytes=5-99999999", 5..size),
        ("bytes=-99999999", 0..size),
    ];
    for (range, expected) in ranges {
        let reply = server.reader().get_with(&path, &[("range", range)]).expect(206);
        assert_eq!(reply.bytes(), whole[expected.clone()], "{range}");
        let content_range = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
        assert_eq!(reply.header("content-range"), content_range);
        assert_eq!(reply.header("content-length"), expected.len().to_string());
    }
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let reply = server.reader().get_with(&path, &[("range", &range)]).expect(416);
        assert_eq!(reply.header("content-range"), format!("bytes */{size}"));
    }
    for range in ["bytes=9-5", "bytes=0-1,5-6", "lines=1-2", "nonsense"] {
        let reply = server.reader().get_with(&path, &[("range", range)]).expect(200);
        assert_eq!(reply.bytes(), whole, "{range}");
    }
    let etag = server.reader().get(&path).expect(200).header("etag").to_owned();
    let with = |known: &str| server.reader().get_with(&path, &[("range", "bytes=0-9"), ("if-range", known)]);
    with(&etag).expect(206);
    assert_eq!(with("\"older\"").expect(200).bytes(), whole);
    assert_eq!(with("W/\"x\"").expect(200).bytes(), whole);
}

#[test]
fn archives_are_immutable_and_never_compressed() {
    let server = server();
    let headers = [("accept-encoding", "gzip, br")];
    let reply = server.reader().get_with(&file("own", "1.0.0"), &headers).expect(200);
    assert_eq!(reply.header("content-encoding"), "");
    assert_eq!(reply.header("content-type"), "application/octet-stream");
    assert_eq!(reply.header("cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(reply.header("accept-ranges"), "bytes");
    let strong = reply.header("etag");
    assert_eq!(strong.trim_matches('"').len(), 128, "the SHA-512: {strong}");
    assert_eq!(reply.bytes(), tarball("own", "1.0.0"));
}

#[test]
fn a_listing_is_compressed_for_those_who_take_it() {
    let server = server();
    for client in [server.reader(), server.collaborator()] {
        // The first one also teaches the saved version when its source published it.
        client.get("lib").expect(200);
        let plain = client.get("lib").expect(200);
        assert_eq!(plain.header("content-encoding"), "");
        let packed = client.get_with("lib", &[("accept-encoding", "gzip")]).expect(200);
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert_eq!(packed.header("content-length"), packed.bytes().len().to_string());
        assert_eq!(packed.plain(), plain.bytes());
        assert_eq!(packed.header("etag"), plain.header("etag"));
        for refusing in ["identity", "gzip;q=0", "br, deflate"] {
            let reply = client.get_with("lib", &[("accept-encoding", refusing)]).expect(200);
            assert_eq!(reply.header("content-encoding"), "", "{refusing}");
            assert_eq!(reply.bytes(), plain.bytes());
        }
    }
}

#[test]
fn the_full_listing_is_for_all_who_do_not_ask_for_the_other() {
    let server = server();
    for accept in ["", "*/*", "application/json", "text/html"] {
        let reply = server.reader().get_with("own", &[("accept", accept)]).expect(200);
        assert_eq!(reply.header("content-type"), "application/json", "{accept}");
        assert_eq!(reply.json()["_id"], "own");
    }
    let reply = server.reader().get_with("own", &[("accept", INSTALL)]).expect(200);
    assert_eq!(reply.header("content-type"), "application/vnd.npm.install-v1+json");
    assert_eq!(reply.json().get("_id"), None);
}

#[test]
fn every_answer_names_itself_and_is_not_sniffed() {
    let server = server();
    for path in ["own", "missing", "..", "-/ping"] {
        let reply = server.reader().get(path);
        assert_eq!(reply.header("x-request-id").len(), 16, "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.header("server-timing").starts_with("r2;desc="), "{path}");
        assert!(
            reply.header("cache-control").contains("private") || reply.header("cache-control") == "no-store"
        );
    }
}

#[test]
fn a_date_of_change_is_as_good_as_a_tag() {
    let server = server();
    let (listing, archive) = ("own", "own/-/own-1.0.0.tgz");
    let date = |path: &str| server.reader().get(path).expect(200).header("last-modified").to_owned();
    let since = |path: &str, date: &str| server.reader().get_with(path, &[("if-modified-since", date)]);
    for path in [listing, archive] {
        let first = date(path);
        let reply = since(path, &first).expect(304);
        assert!(reply.bytes().is_empty() && reply.header("last-modified") == first, "{path}");
        for name in ["content-type", "content-encoding", "content-length"] {
            assert!(!reply.headers.contains_key(name), "{path}: {name} on a 304");
        }
        since(path, "Thu, 01 Jan 1970 00:00:00 GMT").expect(200);
        since(path, "yesterday").expect(200);
        let both = [("if-modified-since", first.as_str()), ("if-none-match", "\"other\"")];
        server.reader().get_with(path, &both).expect(200);
    }
}

/// Saving, yanking and deleting change listings and not when anything was published: the header tells the former.
#[test]
fn no_change_of_a_listing_hides_behind_its_date() {
    let server = server();
    // What the source says of 1.0.0 goes into its index now and not in the second that this is about.
    server.collaborator().get("lib").expect(200);
    server.registry.add("lib", "1.1.0");
    server.advance(61);
    server.collaborator().get("lib").expect(200);
    let since = |date: &str| server.reader().get_with("lib", &[("if-modified-since", date)]);
    let first = server.reader().get("lib").expect(200).header("last-modified").to_owned();
    since(&first).expect(304);
    server.collaborator().download("lib", "1.1.0").expect(200);
    let second = since(&first).expect(200);
    assert_eq!(second.versions(), ["1.0.0", "1.1.0"], "in the same second by the clock");
    assert_eq!(second.header("last-modified"), "", "not yet: the date would be the first one's");
    server.advance(2);
    let second = server.reader().get("lib").expect(200);
    assert_ne!(second.header("last-modified"), first);
    since(&first).expect(200);
    since(second.header("last-modified")).expect(304);
    server.advance(60);
    since(second.header("last-modified")).expect(304);
    let revision = second.json()["_rev"].as_str().unwrap().to_owned();
    server.owner().delete(&format!("lib/-/lib-1.0.0.tgz/-rev/{revision}")).expect(200);
    let third = since(second.header("last-modified")).expect(200);
    assert_eq!(third.versions(), ["1.1.0"]);
}
