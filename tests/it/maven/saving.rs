//! Other repositories: what is asked of them, what is kept, what is refused.

use super::support::{
    Maven, PUBLISHED, REPOSITORY, Repository, Says, content, detail, hex, path, repository, server,
};
use crate::support::TestServer;
use crate::support::server::internal;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::{Algorithm, Role, SourceStatus, UpstreamSource, UpstreamingBehavior};
use edgefeed::platform::memory::{Operation, Reply as Scripted};
use edgefeed::store::slots::LIVE_REUSE;
use serde_json::Value;

const LIB: &str = "org.example:lib";

/// However a repository says what a file hashes to, it is asked twice at most, and the file is verified.
#[test]
fn a_file_is_saved_on_first_use_and_verified() {
    for (says, requests) in
        [(Says::InHeaders, 1), (Says::InItsTag, 1), (Says::BesideIt, 2), (Says::Nothing, 2)]
    {
        let (server, repository) = server();
        repository.add(LIB, "1.0").says(says);
        let (reader, collaborator) = (server.reader().maven(), server.collaborator().maven());
        assert_eq!(collaborator.told(LIB), ["1.0"], "{says:?}");
        assert_eq!(server.local_keys(), [""; 0], "listings save nothing");
        let saved = collaborator.fetch(LIB, "1.0", "jar").expect(200);
        assert_eq!(saved.bytes(), content(LIB, "1.0", "jar"));
        assert_eq!(saved.count("upstream"), requests, "{says:?}");
        let served = reader.clone().elsewhere().fetch(LIB, "1.0", "jar").expect(200);
        assert_eq!(served.bytes(), content(LIB, "1.0", "jar"));
        assert_eq!(served.count("upstream"), 0);
        assert_eq!(served.header("last-modified"), saved.header("last-modified"));
        reader.fetch(LIB, "1.0", "pom").expect(403);
        assert_eq!(reader.told(LIB), ["1.0"], "{says:?}");
        for algorithm in Algorithm::ALL {
            let ending = format!("jar.{}", algorithm.name());
            let told = reader.fetch(LIB, "1.0", &ending).expect(200);
            assert_eq!(told.text(), hex(algorithm, &content(LIB, "1.0", "jar")), "{says:?} {ending}");
            assert_eq!(told.header("content-type"), "text/plain; charset=utf-8");
        }
    }
}

#[test]
fn bytes_that_are_not_those_declared_are_neither_saved_nor_served() {
    for says in [Says::InHeaders, Says::BesideIt] {
        let (server, repository) = server();
        repository.add(LIB, "1.0").says(says);
        let wrong = Scripted::ok("other bytes").header("x-checksum-sha1", &hex(Algorithm::Sha1, b"these"));
        let beside = Scripted::ok(hex(Algorithm::Sha1, b"these"));
        repository.fault(
            if says == Says::InHeaders { "lib-1.0.jar" } else { ".sha1" },
            if says == Says::InHeaders { wrong } else { beside },
        );
        let refused = server.collaborator().maven().fetch(LIB, "1.0", "jar").expect(502);
        assert!(detail(&refused).contains("not those its listing declares"), "{}", refused.text());
        assert_eq!(server.local_keys(), [""; 0]);
        assert_eq!(server.health("main", 0).status, SourceStatus::Failing);
        repository.recover();
        server.advance(6);
        server.collaborator().maven().fetch(LIB, "1.0", "jar").expect(200);
    }
}

#[test]
fn what_beside_a_file_is_no_digest_saves_nothing() {
    let (server, repository) = server();
    repository.add(LIB, "1.0").says(Says::BesideIt).fault(".sha1", Scripted::ok("<html>"));
    server.collaborator().maven().fetch(LIB, "1.0", "jar").expect(502);
    assert_eq!(server.local_keys(), [""; 0]);
}

/// A digest that nobody declared is computed once and kept.
#[test]
fn what_was_not_declared_is_computed_once() {
    let (server, repository) = server();
    repository.add(LIB, "1.0");
    let collaborator = server.collaborator().maven();
    collaborator.fetch(LIB, "1.0", "jar").expect(200);
    let expected = hex(Algorithm::Sha512, &content(LIB, "1.0", "jar"));
    let opened = || {
        let log = server.platform.operation_log();
        log.iter().filter(|(operation, _)| *operation == Operation::OpenBlob).count()
    };
    collaborator.clone().elsewhere().fetch(LIB, "1.0", "jar.sha1").expect(200);
    let before = opened();
    server.platform.disable_cache(true);
    assert_eq!(collaborator.clone().elsewhere().fetch(LIB, "1.0", "jar.sha512").expect(200).text(), expected);
    assert_eq!(opened(), before + 1);
    for ending in ["jar.sha512", "jar.sha256"] {
        collaborator.clone().elsewhere().fetch(LIB, "1.0", ending).expect(200);
    }
    assert_eq!(opened(), before + 1, "the slot knows them now");
    let slot: Value =
        serde_json::from_slice(&server.platform.object(&server.key(&["/slots/1.0"])).unwrap()).unwrap();
    assert_eq!(slot["artifacts"][0]["digests"].as_array().unwrap().len(), 4);
    server.platform.advance(LIVE_REUSE);
    let file = collaborator.fetch(LIB, "1.0", "jar").expect(200);
    assert_eq!(file.header("x-checksum-sha512"), expected);
}

#[test]
fn when_a_version_was_published_is_when_its_file_last_changed() {
    let (server, repository) = server();
    repository.add(LIB, "1.0");
    server.collaborator().maven().fetch(LIB, "1.0", "pom").expect(200);
    let slot: Value =
        serde_json::from_slice(&server.platform.object(&server.key(&["/slots/1.0"])).unwrap()).unwrap();
    assert_eq!(slot["published"], "2020-01-02T03:04:05.000Z", "{PUBLISHED}");
}

#[test]
fn files_come_with_validators_ranges_and_digests() {
    let (server, repository) = server();
    repository.add(LIB, "1.0");
    let collaborator = server.collaborator().maven();
    let whole = collaborator.fetch(LIB, "1.0", "jar").expect(200);
    let bytes = content(LIB, "1.0", "jar");
    let file = path(LIB, "1.0", "jar");
    assert_eq!(whole.header("content-type"), "application/java-archive");
    assert_eq!(whole.header("content-length"), bytes.len().to_string());
    assert_eq!(whole.header("x-checksum-sha1"), hex(Algorithm::Sha1, &bytes));
    assert!(whole.header("cache-control").contains("immutable"));
    assert!(whole.header("last-modified").ends_with("GMT"));
    let head = collaborator.head(&file).expect(200);
    for name in ["content-type", "content-length", "etag", "last-modified", "x-checksum-sha1"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    assert!(head.bytes().is_empty());
    collaborator.get_with(&file, &[("if-none-match", whole.header("etag"))]).expect(304);
    let part = collaborator.get_with(&file, &[("range", "bytes=0-2")]).expect(206);
    assert_eq!(part.bytes(), bytes[..3]);
    assert_eq!(collaborator.fetch(LIB, "1.0", "pom").expect(200).header("content-type"), "application/xml");
}

/// Two repositories: what the first lacks the second supplies, and of what both have the first one's counts.
fn two() -> (TestServer, Repository, Repository) {
    let server = TestServer::empty();
    let other = "https://other.example.org/repo/";
    server.add_feed("main", vec![repository("first", REPOSITORY), repository("second", other)]);
    let first = Repository::new(server.platform.upstream(), REPOSITORY);
    let second = Repository::new(server.platform.upstream(), other);
    (server, first, second)
}

#[test]
fn sources_are_asked_in_order() {
    let (server, first, second) = two();
    first.add(LIB, "1.0");
    second.add(LIB, "1.0").add(LIB, "2.0").put(&path(LIB, "1.0", "jar"), b"not this one");
    let collaborator = server.collaborator().maven();
    assert_eq!(collaborator.fetch(LIB, "1.0", "jar").expect(200).bytes(), content(LIB, "1.0", "jar"));
    assert_eq!(second.asked("jar"), 0);
    assert_eq!(collaborator.fetch(LIB, "2.0", "jar").expect(200).bytes(), content(LIB, "2.0", "jar"));
    assert_eq!(collaborator.told(LIB), ["1.0", "2.0"]);
    second.put(&path(LIB, "1.0", "-sources.jar"), b"of another release");
    collaborator.fetch(LIB, "1.0", "-sources.jar").expect(404);
    assert_eq!(second.asked("sources"), 0, "the files of a version are of one source");
}

#[test]
fn a_source_that_fails_is_not_a_source_that_has_nothing() {
    for (reply, status) in [
        (Scripted::status(500), 502),
        (Scripted::status(401), 502),
        (Scripted::status(429), 503),
        (Scripted::time_out(), 504),
        (Scripted::connection_error(), 502),
    ] {
        let (server, first, second) = two();
        second.add(LIB, "1.0");
        first.fault("", reply);
        let refused = server.collaborator().maven().fetch(LIB, "1.0", "jar").expect(status);
        assert_ne!(refused.header("retry-after"), "");
        assert!(detail(&refused).contains("`first`"), "{}", refused.text());
        assert_eq!(server.local_keys(), [""; 0], "never another source's bytes");
        first.recover();
        server.advance(6);
        server.collaborator().maven().fetch(LIB, "1.0", "jar").expect(200);
    }
}

#[test]
fn files_of_which_no_metadata_tells_are_there_all_the_same() {
    let (server, repository) = server();
    repository.add_untold(LIB, "1.0");
    let collaborator = server.collaborator().maven();
    assert!(collaborator.told(LIB).is_empty());
    let saved = collaborator.fetch(LIB, "1.0", "jar").expect(200);
    assert_eq!(saved.bytes(), content(LIB, "1.0", "jar"));
    assert_eq!(
        repository.asked("maven-metadata.xml"),
        2,
        "as an artifact and as a group, and not for the file"
    );
    assert_eq!(collaborator.told(LIB), ["1.0"], "saved versions are told of");
}

/// Some sources build what they are asked for, and have nothing until then.
#[test]
fn what_is_not_there_yet_is_asked_for_again_soon() {
    let (server, repository) = server();
    let collaborator = server.collaborator().maven();
    for _ in 0..3 {
        collaborator.fetch(LIB, "1.0", "jar").expect(404);
    }
    assert_eq!(repository.asked("lib-1.0.jar"), 1, "not by every client of one moment");
    repository.add(LIB, "1.0");
    server.advance(11);
    collaborator.fetch(LIB, "1.0", "jar").expect(200);
}

#[test]
fn a_saved_version_outlives_its_source() {
    let (server, repository) = server();
    repository.add(LIB, "1.0").add(LIB, "1.1");
    let collaborator = server.collaborator().maven();
    collaborator.fetch(LIB, "1.0", "jar").expect(200);
    collaborator.fetch(LIB, "1.0", "pom").expect(200);
    repository.forget("");
    server.advance(3600);
    assert_eq!(collaborator.told(LIB), ["1.0"]);
    for ending in ["jar", "pom", "jar.sha1", "pom.md5"] {
        server.reader().maven().fetch(LIB, "1.0", ending).expect(200);
    }
    repository.fault("", Scripted::connection_error());
    server.advance(3600);
    assert_eq!(collaborator.told(LIB), ["1.0"], "nor does a failing source hide it");
    collaborator.fetch(LIB, "1.0", "jar").expect(200);
}

#[test]
fn a_published_name_shadows_the_public_one_until_that_is_allowed() {
    let (server, repository) = server();
    repository.add("org.own:own", "8.0").add("org.own:own", "9.9");
    server.contributor().maven().release("org.own:own", "1.0");
    server.advance(3);
    let owner = server.owner().maven();
    assert_eq!(owner.told("org.own:own"), ["1.0"]);
    owner.fetch("org.own:own", "9.9", "jar").expect(404);
    assert_eq!(repository.asked("9.9"), 0, "the name is not told to anybody");
    let allow = Verb::Allow(UpstreamingBehavior::AllowExternalVersions);
    owner_does(&server, "main", "maven:org.own:own", allow).unwrap();
    assert_eq!(owner.told("org.own:own"), ["1.0", "8.0", "9.9"]);
    owner.fetch("org.own:own", "9.9", "jar").expect(200);
    server.contributor().maven().fetch("org.own:own", "1.0", "-sources.jar").expect(404);
    assert_eq!(repository.asked("own-1.0-sources"), 0, "a published version takes no files from elsewhere");
}

#[test]
fn deleted_versions_leave_tombstones() {
    let (server, repository) = server();
    repository.add(LIB, "1.0").add(LIB, "1.1");
    let collaborator = server.collaborator().maven();
    collaborator.fetch(LIB, "1.0", "jar").expect(200);
    for version in ["1.0", "1.1"] {
        owner_does(&server, "main", "maven:org.example:lib", Verb::Delete(version)).unwrap();
    }
    server.advance(3);
    assert!(collaborator.told(LIB).is_empty());
    for (version, ending) in [("1.0", "jar"), ("1.0", "pom"), ("1.0", "jar.sha1"), ("1.1", "jar")] {
        assert!(detail(&collaborator.fetch(LIB, version, ending).expect(404)).contains("deleted"));
    }
    owner_does(&server, "main", "maven:org.example:lib", Verb::Restore("1.0")).unwrap();
    server.advance(3);
    assert_eq!(collaborator.told(LIB), ["1.0"]);
    collaborator.fetch(LIB, "1.0", "jar").expect(200);
}

#[test]
fn another_feed_is_a_source_as_well() {
    let server = TestServer::empty();
    server.add_feed("other", vec![repository("repository", REPOSITORY)]);
    let neighbour =
        UpstreamSource { protocol: "maven".to_owned(), ..internal("other", "azure-feed://acme/other@Local") };
    server.add_feed("main", vec![neighbour]);
    let repository = Repository::new(server.platform.upstream(), REPOSITORY);
    repository.add(LIB, "1.0").add(LIB, "2.0");
    let other = server.role("other", Role::Contributor).maven_on("other");
    other.release("org.own:own", "1.0");
    other.deploy("org.own:own", "2-SNAPSHOT", "jar").expect(201);
    other.fetch(LIB, "1.0", "jar").expect(200);
    let collaborator = server.collaborator().maven();
    assert_eq!(collaborator.told("org.own:own"), ["1.0"], "snapshots stay where they are");
    assert_eq!(collaborator.told(LIB), ["1.0"], "what is local there, and nothing else");
    collaborator.fetch("org.own:own", "1.0", "jar").expect(200);
    collaborator.fetch("org.own:own", "1.0", "pom.sha512").expect(200);
    collaborator.fetch(LIB, "1.0", "jar").expect(200);
    collaborator.fetch("org.own:own", "2-SNAPSHOT", "jar").expect(404);
    assert_eq!(server.reader().maven().told("org.own:own"), ["1.0"]);
}
