//! Sparse registries on good days and bad.

use super::support::{Cargo, INDEX, crate_file, crates, detail, line, server};
use edgefeed::platform::memory::Reply;

#[test]
fn an_unchanged_index_file_is_revalidated_by_its_etag() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    let client = server.collaborator().cargo();
    let first = client.index("lib").expect(200);
    server.advance(61);
    client.index("lib").expect(200);
    assert!(server.platform.upstream().sent().last().unwrap().headers.contains_key("if-none-match"));
    assert_eq!(client.index("lib").expect(200).header("etag"), first.header("etag"));
    assert_eq!(registry.asked("3/l/lib"), 2);
    assert_eq!(registry.asked("config.json"), 1, "a description is good for an hour");
    registry.add("lib", "1.1.0");
    server.advance(601);
    assert_eq!(client.crate_versions("lib"), ["1.0.0", "1.1.0"]);
}

#[test]
fn a_registry_that_is_down_is_served_stale_and_never_a_not_found() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    let client = server.collaborator().cargo();
    client.index("lib").expect(200);
    for part in ["", "3/l/lib"] {
        for reply in [Reply::connection_error(), Reply::status(500), Reply::time_out(), Reply::ok("<html>")] {
            registry.fault(part, reply);
            server.advance(7200);
            let stale = client.index("lib").expect(200);
            assert_eq!(stale.text(), format!("{}\n", line("lib", "1.0.0")));
            assert!(stale.header("warning").starts_with("110 "), "{:?}", stale.headers);
            let other = client.index("other");
            assert!(
                part == "3/l/lib" || matches!(other.status, 502 | 504),
                "{}: {}",
                other.status,
                other.text()
            );
            registry.recover();
        }
    }
    server.advance(7200);
    client.index("lib").expect(200);
    client.index("other").expect(404);
}

#[test]
fn documents_that_are_no_index_are_the_upstreams_fault() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0").add("other", "1.0.0");
    let client = server.collaborator().cargo();
    let cut = line("lib", "1.0.0");
    for (body, content_type) in [
        ("<html></html>".to_owned(), "text/html"),
        ("gone".to_owned(), "text/plain"),
        (line("other", "1.0.0"), "text/plain"),
        (cut[..cut.len() / 2].to_owned(), "text/plain"),
    ] {
        registry.fault("3/l/lib", Reply::ok(body.clone()).header("content-type", content_type));
        server.advance(10);
        let refused = client.index("lib").expect(502);
        assert!(detail(&refused).contains("cannot be read"), "{body}: {}", refused.text());
        registry.recover();
    }
    for description in ["{}", "{\"dl\":7}", "<html>"] {
        let (server, registry) = super::support::server();
        registry.add("lib", "1.0.0").fault("config.json", Reply::ok(description));
        server.collaborator().cargo().index("lib").expect(502);
        registry.recover();
        server.advance(10);
        server.collaborator().cargo().index("lib").expect(200);
    }
    server.advance(10);
    client.index("lib").expect(200);
}

#[test]
fn gone_and_forbidden_by_law_are_not_found() {
    for status in [404, 410, 451] {
        let (server, registry) = server();
        registry.fault("3/l/lib", Reply::status(status));
        server.collaborator().cargo().index("lib").expect(404);
    }
}

#[test]
fn archives_are_found_as_the_registry_describes_itself() {
    let (server, _) = server();
    let base = "https://plain.registry.example/";
    server.edit_feed("main", |feed| feed.upstream_sources = vec![crates("plain", base)]);
    server.advance(60);
    server.platform.upstream().route(base, move |request| match request.url.path() {
        "/config.json" => Reply::ok("{\"dl\":\"https://plain.registry.example/dl\",\"api\":null}"),
        "/li/ne/lines" => Reply::ok(line("lines", "1.0.0+b")),
        "/dl/lines/1.0.0+b/download" => Reply::ok(crate_file("lines", "1.0.0+b")).of_unknown_length(),
        _ => Reply::status(404),
    });
    let client = server.collaborator().cargo();
    assert_eq!(client.crate_versions("lines"), ["1.0.0+b"]);
    assert_eq!(client.fetch("lines", "1.0.0+b").expect(200).bytes(), crate_file("lines", "1.0.0+b"));
}

#[test]
fn an_earlier_source_decides_and_a_failing_one_is_not_skipped() {
    let (server, registry) = server();
    let first = "https://first.registry.example/";
    server.edit_feed("main", |feed| {
        feed.upstream_sources = vec![crates("first", first), crates("crates", INDEX)];
    });
    server.advance(60);
    registry.add("lib", "1.0.0").add("lib", "2.0.0");
    server.platform.upstream().route(first, |_| Reply::connection_error());
    let client = server.collaborator().cargo();
    assert_eq!(
        client.crate_versions("lib"),
        ["1.0.0", "2.0.0"],
        "one failing source hides nothing of the others"
    );
    client.fetch("lib", "1.0.0").expect(502);
}
