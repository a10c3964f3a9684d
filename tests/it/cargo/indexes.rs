//! The index: its description with and without tokens, its files, and their HTTP.

use super::support::{Cargo, detail, line, root, server};
use crate::support::verbs::{Verb, owner_does};

#[test]
fn a_private_feed_wants_a_token_everywhere() {
    let (server, _) = server();
    let refused = server.anonymous().cargo().get("index/config.json").expect(401);
    let challenges: Vec<_> =
        refused.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(challenges[0].starts_with("Basic "), "{challenges:?}");
    assert_eq!(challenges[1], format!("Cargo login_url=\"{}me\"", root("main")));
    assert!(detail(&refused).contains("token"));
    for index in ["index", "authenticated-index"] {
        let description = server.reader().cargo().get(&format!("{index}/config.json")).expect(200).json();
        assert_eq!(description["dl"], format!("{}api/v1/crates", root("main")));
        assert_eq!(description["api"], root("main").trim_end_matches('/'));
        assert_eq!(description["auth-required"], true);
    }
}

#[test]
fn a_public_feed_has_an_index_for_members_beside_the_one_for_everybody() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    server.edit_feed("main", |feed| feed.is_public = true);
    let anonymous = server.anonymous().cargo();
    let description = anonymous.get("index/config.json").expect(200).json();
    assert_eq!(description["auth-required"], false);
    let refused = anonymous.get("authenticated-index/config.json").expect(401);
    assert!(refused.headers.get_all("www-authenticate").iter().count() == 2);
    anonymous.get("authenticated-index/3/l/lib").expect(401);
    let member = server.collaborator().cargo();
    assert_eq!(member.get("authenticated-index/config.json").expect(200).json()["auth-required"], true);
    member.get("authenticated-index/3/l/lib").expect(200);
    anonymous.index("lib").expect(401);
    member.fetch("lib", "1.0.0").expect(200);
    anonymous.index("lib").expect(200);
    anonymous.fetch("lib", "1.0.0").expect(200);
}

#[test]
fn lines_are_as_the_upstream_wrote_them() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0").add("lib", "1.1.0-rc.1").add("lib", "2.0.0+build.7");
    let expected: String =
        ["1.0.0", "1.1.0-rc.1", "2.0.0+build.7"].iter().map(|version| line("lib", version) + "\n").collect();
    let client = server.collaborator().cargo();
    let reply = client.index("lib").expect(200);
    assert_eq!(reply.text(), expected);
    assert!(reply.header("content-type").starts_with("text/plain"));
    client.fetch("lib", "1.0.0").expect(200);
    client.fetch("lib", "2.0.0+build.7").expect(200);
    server.advance(3);
    assert_eq!(client.index("lib").expect(200).text(), expected, "saved, and as it was");
    let saved = format!("{}\n{}\n", line("lib", "1.0.0"), line("lib", "2.0.0+build.7"));
    assert_eq!(server.reader().cargo().index("lib").expect(200).text(), saved);
}

#[test]
fn index_files_are_conditional_compressed_and_answer_head() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    let client = server.collaborator().cargo();
    let first = client.index("lib").expect(200);
    let etag = first.header("etag").to_owned();
    assert!(!etag.is_empty() && !first.header("last-modified").is_empty());
    let again = client.get_with("index/3/l/lib", &[("if-none-match", &etag)]).expect(304);
    assert!(again.bytes().is_empty() && again.header("content-type").is_empty());
    let packed = client.get_with("index/3/l/lib", &[("accept-encoding", "gzip")]).expect(200);
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.text(), first.text());
    assert!(client.head("index/3/l/lib").expect(200).bytes().is_empty());
    server.contributor().cargo().yank("lib", "1.0.0", true).expect(404);
    client.fetch("lib", "1.0.0").expect(200);
    server.contributor().cargo().yank("lib", "1.0.0", true).expect(200);
    let changed = client.get_with("index/3/l/lib", &[("if-none-match", &etag)]).expect(200);
    assert_ne!(changed.header("etag"), etag);
}

#[test]
fn names_are_compared_without_case_and_paths_are_exact() {
    let (server, registry) = server();
    registry.add("Inflector", "0.11.4");
    let client = server.collaborator().cargo();
    client.get("Index/in/fl/inflector").expect(200);
    for wrong in
        ["index/In/fl/Inflector", "index/in/fl/Inflector", "index/2/inflector", "index/in/fl/inflector/"]
    {
        client.get(wrong).expect(404);
    }
    for spelling in ["Inflector", "inflector", "INFLECTOR"] {
        client.fetch(spelling, "0.11.4").expect(200);
    }
    let keys = server.local_keys().into_iter().filter(|key| key.contains("/files/")).count();
    assert_eq!(keys, 1, "saved once");
    for bad in ["a..b", "a%2fb", "%2e%2e", "a%00", "é", &"x".repeat(65)] {
        let reply = client.fetch(bad, "1.0.0");
        assert!(reply.status == 400 && !detail(&reply).is_empty(), "{bad}: {}", reply.status);
    }
    let reply = client.fetch("inflector", "1.0").expect(400);
    assert!(detail(&reply).contains("not a valid version"), "{}", reply.text());
}

#[test]
fn a_warm_index_file_costs_one_kv_read_and_one_r2_head() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    let client = server.collaborator().cargo();
    let first = client.index("lib").expect(200);
    assert_eq!(first.count("upstream"), 2, "description and index file");
    server.advance(3);
    let warm = client.index("lib").expect(200);
    assert!(warm.count("r2") <= 1 && warm.count("kv") <= 1, "{}", warm.header("server-timing"));
    assert_eq!((warm.count("r2w"), warm.count("kvw"), warm.count("upstream")), (0, 0, 0));
}

#[test]
fn a_view_shows_its_members_and_takes_no_pushes() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0").add("lib", "2.0.0");
    server.collaborator().cargo().fetch("lib", "1.0.0").expect(200);
    server.contributor().cargo().push("own", "1.0.0").expect(200);
    server.contributor().cargo().push("own", "1.1.0").expect(200);
    let view = server.owner().cargo_on("main@Release");
    assert!(view.crate_versions("own").is_empty());
    view.fetch("own", "1.0.0").expect(404);
    owner_does(&server, "main", "cargo:own", Verb::Promote("1.0.0", "Release")).unwrap();
    owner_does(&server, "main", "cargo:lib", Verb::Promote("1.0.0", "Release")).unwrap();
    assert_eq!(view.crate_versions("own"), ["1.0.0"]);
    assert_eq!(view.crate_versions("lib"), ["1.0.0"]);
    view.fetch("own", "1.0.0").expect(200);
    view.fetch("own", "1.1.0").expect(404);
    view.fetch("lib", "2.0.0").expect(404);
    let description = view.get("index/config.json").expect(200).json();
    assert_eq!(description["dl"], format!("{}api/v1/crates", root("main@Release")));
    let refused = view.push("own", "1.2.0").expect(409);
    assert!(detail(&refused).contains("a view is read-only"), "{}", refused.text());
    view.yank("own", "1.0.0", true).expect(409);
    assert_eq!(server.reader().cargo_on("main@Local").crate_versions("own"), ["1.0.0", "1.1.0"]);
}

#[test]
fn a_feed_answers_at_the_root_of_a_host_too() {
    let (mut server, _) = server();
    let address = edgefeed::model::Address::parse_path("acme/main").unwrap();
    server.config.hosts = [("crates.test".to_owned(), address)].into();
    let client = server.reader().at("https://crates.test/");
    let description = client.get("Cargo/index/config.json").expect(200).json();
    assert_eq!(description["dl"], "https://crates.test/Cargo/api/v1/crates");
}
