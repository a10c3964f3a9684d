//! Saving crates: the first download by whoever may save keeps a copy.

use super::support::{Cargo, INDEX, Registry, crate_file, crates, detail, server};
use crate::support::TestServer;
use crate::support::server::internal;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::{Role, SourceStatus, UpstreamSource, UpstreamingBehavior};

#[test]
fn a_reader_sees_and_gets_what_a_collaborator_has_saved() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0").add("lib", "1.1.0");
    let (reader, collaborator) = (server.reader().cargo(), server.collaborator().cargo());
    let refused = reader.index("lib").expect(403);
    assert!(
        detail(&refused).contains("has no version in this feed yet")
            && detail(&refused).contains("Collaborator")
    );
    let refused = reader.fetch("lib", "1.0.0").expect(403);
    assert_eq!(
        detail(&refused),
        "`lib` 1.0.0 is not in this feed yet; saving it from an upstream source needs Collaborator on feed `main`; \
         this token is Reader. An owner of the feed can grant it."
    );
    assert_eq!(registry.asked(""), 0);
    assert_eq!(collaborator.crate_versions("lib"), ["1.0.0", "1.1.0"]);
    assert_eq!(server.local_keys(), [""; 0], "listings save nothing");
    let saved = collaborator.fetch("lib", "1.0.0").expect(200);
    assert_eq!(saved.bytes(), crate_file("lib", "1.0.0"));
    assert_eq!(saved.count("upstream"), 1, "the index file is known");
    assert_eq!(reader.crate_versions("lib"), ["1.0.0"]);
    let served = reader.elsewhere().fetch("lib", "1.0.0").expect(200);
    assert_eq!(served.bytes(), crate_file("lib", "1.0.0"));
    assert!(served.header("cache-control").contains("immutable"));
}

#[test]
fn bytes_that_are_not_those_of_the_index_are_neither_saved_nor_served() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0").replace_bytes("lib", "1.0.0", b"something else");
    let refused = server.collaborator().cargo().fetch("lib", "1.0.0").expect(502);
    assert!(detail(&refused).contains("not those its listing declares"), "{}", refused.text());
    assert_eq!(server.local_keys(), [""; 0]);
    assert_eq!(server.health("main", 0).status, SourceStatus::Failing);
}

#[test]
fn yanks_of_the_source_reach_those_who_see_saved_versions_only() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0").add("lib", "1.1.0");
    let (reader, collaborator) = (server.reader().cargo(), server.collaborator().cargo());
    collaborator.fetch("lib", "1.0.0").expect(200);
    registry.yank("lib", "1.0.0", true);
    server.advance(61);
    collaborator.index("lib").expect(200);
    assert_eq!(collaborator.crate_versions("lib"), ["1.0.0!", "1.1.0"]);
    server.advance(3);
    assert_eq!(reader.crate_versions("lib"), ["1.0.0!"]);
    reader.fetch("lib", "1.0.0").expect(200);
    registry.yank("lib", "1.0.0", false);
    server.advance(61);
    collaborator.index("lib").expect(200);
    server.advance(3);
    assert_eq!(reader.crate_versions("lib"), ["1.0.0"]);
}

#[test]
fn a_saved_version_outlives_its_source() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0");
    server.collaborator().cargo().fetch("lib", "1.0.0").expect(200);
    registry.forget("lib");
    server.advance(3600);
    assert_eq!(server.collaborator().cargo().crate_versions("lib"), ["1.0.0"]);
    server.reader().cargo().fetch("lib", "1.0.0").expect(200);
}

#[test]
fn a_published_name_shadows_the_public_one_until_that_is_allowed() {
    let (server, registry) = server();
    registry.add("own", "8.0.0").add("own", "9.9.9");
    server.contributor().cargo().push("own", "1.0.0").expect(200);
    server.advance(3);
    let owner = server.owner().cargo();
    assert_eq!(owner.crate_versions("own"), ["1.0.0"]);
    owner.fetch("own", "9.9.9").expect(404);
    let allow = Verb::Allow(UpstreamingBehavior::AllowExternalVersions);
    owner_does(&server, "main", "cargo:own", allow).unwrap();
    assert_eq!(owner.crate_versions("own"), ["8.0.0", "9.9.9", "1.0.0"]);
    owner.fetch("own", "8.0.0").expect(200);
}

#[test]
fn deleted_versions_leave_tombstones() {
    let (server, registry) = server();
    registry.add("lib", "1.0.0").add("lib", "1.1.0");
    let collaborator = server.collaborator().cargo();
    collaborator.fetch("lib", "1.0.0").expect(200);
    owner_does(&server, "main", "cargo:lib", Verb::Delete("1.0.0")).unwrap();
    owner_does(&server, "main", "cargo:lib", Verb::Delete("1.1.0")).unwrap();
    server.advance(3);
    assert!(collaborator.crate_versions("lib").is_empty());
    collaborator.fetch("lib", "1.0.0").expect(404);
    collaborator.fetch("lib", "1.1.0+other.build").expect(404);
    owner_does(&server, "main", "cargo:lib", Verb::Restore("1.0.0")).unwrap();
    server.advance(3);
    assert_eq!(collaborator.crate_versions("lib"), ["1.0.0"]);
}

#[test]
fn another_feed_is_a_source_as_well() {
    let server = TestServer::empty();
    server.add_feed("other", vec![crates("crates", INDEX)]);
    let neighbour =
        UpstreamSource { protocol: "cargo".to_owned(), ..internal("other", "azure-feed://acme/other@Local") };
    server.add_feed("main", vec![neighbour]);
    let registry = Registry::new(server.platform.upstream());
    registry.add("lib", "1.0.0").add("lib", "2.0.0");
    server.role("other", Role::Contributor).cargo_on("other").push("own", "1.0.0").expect(200);
    server.role("other", Role::Collaborator).cargo_on("other").fetch("lib", "1.0.0").expect(200);
    let collaborator = server.collaborator().cargo();
    assert_eq!(collaborator.crate_versions("own"), ["1.0.0"]);
    assert_eq!(collaborator.crate_versions("lib"), ["1.0.0"], "what is local there, and nothing else");
    assert_eq!(collaborator.fetch("own", "1.0.0").expect(200).bytes(), crate_file("own", "1.0.0"));
    assert_eq!(collaborator.fetch("lib", "1.0.0").expect(200).bytes(), crate_file("lib", "1.0.0"));
    assert_eq!(server.reader().cargo().crate_versions("own"), ["1.0.0"]);
}
