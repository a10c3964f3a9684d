//! Saving from other feeds: the manifest when a version is first asked for, each file when it is.

use super::support::{TOOLS, Universal, message, neighbour};
use crate::support::server::TestServer;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::Role;

/// Feed `main` has feed `other` as its source.
fn server() -> TestServer {
    let server = TestServer::empty();
    server.add_feed("other", Vec::new());
    server.add_feed("main", vec![neighbour("other", "azure-feed://acme/other@Local")]);
    server.role("other", Role::Contributor).universal_on("other").push("lib/1.0.0", TOOLS).expect(201);
    server
}

fn contents(server: &TestServer, feed: &str) -> usize {
    let prefix = format!("v1/pkg/{feed}/upack/lib/contents/");
    server.local_keys().iter().filter(|key| key.starts_with(&prefix)).count()
}

#[test]
fn files_are_copied_when_they_are_asked_for() {
    let server = server();
    let (collaborator, reader) = (server.collaborator().universal(), server.reader().universal());
    assert_eq!(collaborator.numbers("lib"), ["1.0.0"]);
    assert!(reader.numbers("lib").is_empty());
    let theirs = server.role("other", Role::Reader).universal_on("other");
    let manifest = collaborator.get("lib/latest").expect(200);
    assert_eq!(manifest.bytes(), theirs.get("lib/1.0.0").expect(200).bytes());
    assert_eq!(contents(&server, "main"), 0);
    assert_eq!(reader.get("lib/1.0.0").expect(200).bytes(), manifest.bytes());
    let refused = reader.get("lib/1.0.0/bin/run.sh").expect(403);
    assert!(message(&refused).contains("needs Collaborator"), "{}", refused.text());
    assert_eq!(collaborator.get("lib/1.0.0/bin/run.sh").expect(200).bytes(), TOOLS[0].1);
    assert_eq!(contents(&server, "main"), 1);
    assert_eq!(reader.elsewhere().get("lib/1.0.0/bin/run.sh").expect(200).bytes(), TOOLS[0].1);
    let range = collaborator.get_with("lib/1.0.0/docs/a%20b.txt", &[("range", "bytes=5-")]).expect(206);
    assert_eq!(range.text(), "text");
    collaborator.get("lib/1.0.0?format=tar").expect(200);
    assert_eq!(contents(&server, "main"), TOOLS.len());
    server.reader().universal().elsewhere().get("lib/1.0.0?format=tar").expect(200);
    assert_eq!(server.deeds("main", "lib"), ["saved 1.0.0"]);
}

#[test]
fn what_is_gone_there_stays_here() {
    let server = server();
    let collaborator = server.collaborator().universal();
    collaborator.get("lib/1.0.0/bin/run.sh").expect(200);
    owner_does(&server, "other", "upack:lib", Verb::Delete("1.0.0")).unwrap();
    server.advance(3);
    collaborator.get("lib/1.0.0/bin/run.sh").expect(200);
    let gone = collaborator.get("lib/1.0.0/empty").expect(404);
    assert!(message(&gone).contains("saved from"), "{}", gone.text());
    owner_does(&server, "other", "upack:lib", Verb::Restore("1.0.0")).unwrap();
    server.advance(3);
    collaborator.get("lib/1.0.0/empty").expect(200);
}

#[test]
fn a_number_that_a_source_has_is_not_published() {
    let server = server();
    let contributor = server.contributor().universal();
    contributor.put_file("lib/1.0.0", TOOLS[0]).expect(201);
    let refused = contributor.commit("lib/1.0.0").expect(409);
    assert!(message(&refused).contains("upstream source `other`"), "{}", refused.text());
    contributor.push("lib/1.0.1", TOOLS).expect(201);
    assert_eq!(contributor.numbers("lib"), ["1.0.0", "1.0.1"]);
    contributor.get("lib/1.0.0").expect(200);
    let refused = contributor.put_file("lib/1.0.0", TOOLS[0]).expect(409);
    assert!(message(&refused).contains("already in this feed"), "{}", refused.text());
}

#[test]
fn a_version_passes_through_several_feeds() {
    let server = server();
    server.add_feed("third", vec![neighbour("main", "azure-feed://acme/main@Local")]);
    let third = server.role("third", Role::Collaborator).universal_on("third");
    third.get("lib/1.0.0").expect(404);
    server.collaborator().universal().get("lib/1.0.0").expect(200);
    server.advance(120);
    assert_eq!(
        third.get("lib/1.0.0/bin/run.sh").expect(200).bytes(),
        TOOLS[0].1,
        "which feed `main` does not have"
    );
}
