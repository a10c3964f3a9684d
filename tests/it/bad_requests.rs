//! What is not a request: precise refusals in npm's own shape, and nothing stored.

use crate::support::TestServer;
use edgefeed::platform::Body;
use http::Method;

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    server.contributor().publish("own", "1.0.0").expect(201);
    server
}

#[test]
fn paths_that_are_tricks_are_refused() {
    let server = server();
    let before = server.package_keys();
    let long = "a".repeat(3_000);
    let name = "a".repeat(215);
    let paths = [
        ("..", 400),
        ("%2e%2e", 400),
        ("%2E%2E/%2e%2e/v1/tokens/x", 400),
        ("../../../v1/tokens/x", 400),
        ("own/../lib", 400),
        ("own/%2e%2e/lib", 400),
        ("own/-/../own-1.0.0.tgz", 400),
        ("own/-/%2e%2e%2fown-1.0.0.tgz", 400),
        ("own/-/..%5cown-1.0.0.tgz", 400),
        ("own%00", 400),
        ("own/-/own-1.0.0.tgz%00", 400),
        ("own%0d%0ax", 400),
        ("@s%252fn", 400),
        ("%252e%252e", 400),
        ("own%", 400),
        ("own%zz", 400),
        ("own%ff", 400),
        ("own%5cx", 400),
        ("own//1.0.0", 400),
        ("own/", 400),
        ("/own", 400),
        ("./own", 400),
        (".own", 400),
        ("_own", 400),
        ("@", 400),
        ("@/own", 400),
        ("@s", 400),
        ("@s/", 400),
        ("@s%2f", 400),
        ("@s%2fn%2fx", 400),
        ("own%2f1.0.0", 400),
        ("node_modules", 400),
        ("favicon.ico", 400),
        ("own%20x", 400),
        ("%C3%A4", 400),
        (name.as_str(), 400),
        (long.as_str(), 400),
        ("own/1.0.0/more", 404),
        ("own/-/other-1.0.0.tgz", 404),
        ("own/-/own-1.0.0.zip", 404),
        ("own/-/own-1.0.tgz", 404),
        ("own/-/own-9.9.9.tgz", 404),
        ("own/-", 404),
        ("own/-/", 400),
        ("-/nonsense", 404),
        ("-/npm/v1/nonsense", 404),
        ("-/npm/v1/attestations/own", 404),
        ("-/npm/v1/attestations/own@", 400),
        ("-/v1/search?size=x", 400),
        ("-/v1/search?from=-1", 400),
        ("con", 404),
        ("nul", 404),
    ];
    for (path, expected) in paths {
        let reply = server.owner().get(path);
        assert_eq!(reply.status, expected, "{path:.80}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "application/json", "{path:.80}");
        assert!(!reply.error().is_empty(), "{path:.80}");
        assert!(reply.bytes().len() < 1_000, "{path:.80}: a refusal does not repeat what it was sent");
        for method in [Method::PUT, Method::DELETE, Method::POST] {
            let reply = server.owner().send(method.clone(), path, &[], "{}".into());
            assert!((400..500).contains(&reply.status), "{method} {path:.80}: {}", reply.status);
        }
    }
    let after: Vec<_> =
        server.package_keys().into_iter().filter(|key| !key.starts_with("v1/upstream/")).collect();
    assert_eq!(after, before);
}

#[test]
fn wrong_methods_are_told_the_right_ones() {
    let server = server();
    let cases = [
        (Method::POST, "own", "GET, HEAD, PUT"),
        (Method::DELETE, "own", "GET, HEAD, PUT"),
        (Method::PATCH, "own", "GET, HEAD, PUT"),
        (Method::PUT, "own/1.0.0", "GET, HEAD"),
        (Method::POST, "own/-/own-1.0.0.tgz", "GET, HEAD"),
        (Method::GET, "own/-rev/1", "PUT, DELETE"),
        (Method::PUT, "own/-/own-1.0.0.tgz/-rev/1", "DELETE"),
        (Method::PUT, "-/package/own/dist-tags", "GET, HEAD"),
        (Method::GET, "-/package/own/dist-tags/beta", "PUT, POST, DELETE"),
        (Method::POST, "-/v1/search", "GET, HEAD"),
        (Method::POST, "-/ping", "GET, HEAD"),
        (Method::GET, "-/npm/v1/security/advisories/bulk", "POST"),
        (Method::GET, "-/user/token/x", "DELETE"),
        (Method::PUT, "", "GET, HEAD"),
    ];
    for (method, path, allow) in cases {
        let reply = server.owner().send(method.clone(), path, &[], Body::Empty);
        assert_eq!(reply.status, 405, "{method} {path}: {}", reply.text());
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
        assert_eq!(reply.error(), format!("this address answers {allow} only"));
    }
}

#[test]
fn feeds_views_and_protocols_that_are_not_there() {
    let server = server();
    let root = "https://edge.test/acme/_packaging";
    for (path, expected) in [
        (format!("{root}/missing/npm/registry/own"), 404),
        (format!("{root}/main@Missing/npm/registry/own"), 404),
        (format!("{root}/main@Local@Release/npm/registry/own"), 404),
        (format!("{root}/main/nuget9/index.json"), 404),
        (format!("{root}/main/npm"), 404),
        (format!("{root}/main"), 404),
        (format!("{root}/"), 404),
        (format!("{root}/ma%2fin/npm/registry/own"), 404),
        (format!("{root}/..%2fmain/npm/registry/own"), 404),
        ("https://edge.test/nobody/_packaging/main/npm/registry/own".to_owned(), 404),
        ("https://edge.test/acme/nowhere/_packaging/main/npm/registry/own".to_owned(), 404),
        ("https://edge.test/own".to_owned(), 404),
        ("https://edge.test/".to_owned(), 404),
    ] {
        let reply = server.owner().get(&path);
        assert_eq!(reply.status, expected, "{path}: {}", reply.text());
        let text = reply.json();
        let message = text["error"].as_str().or(text["message"].as_str());
        assert!(message.is_some_and(|message| !message.is_empty()), "{path}: {text}");
    }
    let text = server.owner().on("main@Missing").get("own").expect(404).error();
    assert_eq!(text, "feed `main` has no view `Missing`");
    let text = server.owner().on("missing").get("own").expect(404).error();
    assert_eq!(text, "feed `missing` does not exist");
}

#[test]
fn addresses_are_read_in_any_case() {
    let server = server();
    for root in [
        "https://edge.test/ACME/_Packaging/Main/NPM/Registry/",
        "https://edge.test/acme/_packaging/MAIN@local/npm/registry/",
    ] {
        server.reader().at(root).get("own").expect(200);
    }
    server.reader().get("OWN").expect(404);
    let id = server.feed("main").id;
    server.reader().on(id.as_str()).get("own").expect(200);
}

#[test]
fn a_deleted_feed_is_gone() {
    let server = server();
    server.reader().get("own").expect(200);
    server.edit_feed("main", |feed| feed.deleted = Some(feed.created));
    server.reader().get("own").expect(404);
    server.owner().publish("own", "1.1.0").expect(404);
}

#[test]
fn bodies_that_are_too_large_are_refused_in_npms_shape() {
    let server = server();
    let large = format!("\"{}\"", "x".repeat(9 << 20));
    for path in ["-/package/own/dist-tags/beta", "-/user/org.couchdb.user:me"] {
        let reply = server.contributor().send(Method::PUT, path, &[], large.clone().into());
        assert_eq!(reply.status, 413, "{path}: {}", reply.text());
        assert!(!reply.error().is_empty());
    }
    let readme = format!("{{\"name\":\"own\",\"readme\":{large}}}");
    let reply = server.contributor().send(Method::PUT, "own", &[], readme.into()).expect(413);
    assert!(reply.error().contains("over the limit"));
}
