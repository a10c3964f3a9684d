//! Metadata of artifacts: order, merging, freshness, digests.

use super::support::{Maven, all, folder, hex, server, versions_document};
use edgefeed::model::Algorithm;
use edgefeed::platform::memory::Reply as Scripted;
use edgefeed::store::slots::CHECK_REUSE;

const LIB: &str = "org.example:lib";
const METADATA: &str = "org/example/lib/maven-metadata.xml";

#[test]
fn what_sources_have_and_what_is_here_is_one_document() {
    let (server, repository) = server();
    let collaborator = server.collaborator().maven();
    for version in ["1.10", "1.9", "2.0-rc1", "1.0"] {
        repository.add(LIB, version);
    }
    let contributor = server.contributor().maven();
    contributor.deploy("org.own:own", "2.0-SNAPSHOT", "jar").expect(201);
    contributor.release("org.own:own", "1.0");
    let document = collaborator.get(METADATA).expect(200);
    assert_eq!(document.header("content-type"), "application/xml");
    let text = document.text();
    assert_eq!(all(&text, "version"), ["1.0", "1.9", "1.10", "2.0-rc1"]);
    assert_eq!(
        (all(&text, "latest"), all(&text, "release")),
        (vec!["2.0-rc1".to_owned()], vec!["2.0-rc1".to_owned()])
    );
    assert_eq!(all(&text, "lastUpdated"), ["20200102030405"], "as the source says");
    for algorithm in Algorithm::ALL {
        let told = collaborator.get(&format!("{METADATA}.{}", algorithm.name())).expect(200).text();
        assert_eq!(told, hex(algorithm, text.as_bytes()));
    }
    let own = collaborator.get("org/own/own/maven-metadata.xml").expect(200).text();
    assert_eq!(
        (all(&own, "latest"), all(&own, "release")),
        (vec!["2.0-SNAPSHOT".to_owned()], vec!["1.0".to_owned()])
    );
}

#[test]
fn documents_have_validators_and_are_compressed_for_those_who_take_it() {
    let (server, repository) = server();
    repository.add(LIB, "1.0");
    let collaborator = server.collaborator().maven();
    let plain = collaborator.get(METADATA).expect(200);
    collaborator.get_with(METADATA, &[("if-none-match", plain.header("etag"))]).expect(304);
    let packed = collaborator.get_with(METADATA, &[("accept-encoding", "gzip")]).expect(200);
    assert_eq!((packed.header("content-encoding"), packed.text()), ("gzip", plain.text()));
    let head = collaborator.head(METADATA).expect(200);
    assert_eq!(head.header("etag"), plain.header("etag"));
    assert_eq!(repository.asked("maven-metadata.xml"), 1);
}

/// Maven sends `no-cache` with every request, which is no wish for a new look at every source.
#[test]
fn sources_are_asked_as_often_as_their_freshness_says() {
    let (server, repository) = server();
    repository.add(LIB, "1.0");
    let collaborator = server.collaborator().maven();
    let told = || {
        let headers = [("cache-control", "no-cache, no-store"), ("pragma", "no-cache")];
        all(&collaborator.get_with(METADATA, &headers).expect(200).text(), "version")
    };
    assert_eq!(told(), ["1.0"]);
    repository.add(LIB, "1.1");
    assert_eq!(told(), ["1.0"]);
    assert_eq!(repository.asked("maven-metadata.xml"), 1);
    server.advance(61);
    assert_eq!(told(), ["1.0", "1.1"]);
    assert_eq!(repository.asked("maven-metadata.xml"), 2);
}

/// Clients read a document and then what it hashes to: however old the former, the latter must be about it.
#[test]
fn a_document_and_its_digest_are_of_one_state_of_the_sources() {
    let (server, repository) = server();
    repository.add(LIB, "1.0");
    let collaborator = server.collaborator().maven();
    for version in ["1.1", "1.2", "1.3"] {
        collaborator.told(LIB);
        repository.add(LIB, version);
        server.advance(61);
        let document = collaborator.get(METADATA).expect(200).text();
        let digest = collaborator.clone().get(&format!("{METADATA}.sha1")).expect(200).text();
        assert_eq!(digest, hex(Algorithm::Sha1, document.as_bytes()));
        let digest = collaborator.clone().elsewhere().get(&format!("{METADATA}.sha1")).expect(200).text();
        assert_eq!(digest, hex(Algorithm::Sha1, document.as_bytes()), "elsewhere, too");
    }
}

/// Maven sends `no-cache` with every request: after a deploy elsewhere the document is the new one at once, and so is its
/// digest, whoever answers.
#[test]
fn whoever_insists_sees_a_deploy_everywhere_at_once() {
    let (server, _) = server();
    let (here, there) = (server.contributor().maven(), server.contributor().maven().elsewhere());
    let path = format!("{}/maven-metadata.xml", folder("org.own:own"));
    let insisting = [("cache-control", "no-cache, no-store"), ("pragma", "no-cache")];
    for versions in [vec!["1.0"], vec!["1.0", "1.1"], vec!["1.0", "1.1", "1.2"]] {
        here.release("org.own:own", versions.last().unwrap());
        assert_eq!(here.told("org.own:own"), versions, "who deploys need not insist");
        let document = there.get_with(&path, &insisting).expect(200).text();
        assert_eq!(all(&document, "version"), versions);
        for client in [&here, &there] {
            let digest = client.get_with(&format!("{path}.sha1"), &insisting).expect(200).text();
            assert_eq!(digest, hex(Algorithm::Sha1, document.as_bytes()));
        }
    }
}

/// Others see it within the reuse of a check, and until then a document and its digest of before.
#[test]
fn elsewhere_a_document_and_its_digest_change_together() {
    let (server, _) = server();
    let (here, there) = (server.contributor().maven(), server.contributor().maven().elsewhere());
    let path = format!("{}/maven-metadata.xml", folder("org.own:own"));
    here.release("org.own:own", "1.0");
    server.advance(1);
    let before = there.get(&path).expect(200).text();
    here.release("org.own:own", "1.1");
    let digest = || there.get(&format!("{path}.sha1")).expect(200).text();
    let warm = there.get(&path).expect(200);
    assert_eq!((warm.count("r2"), warm.count("kv")), (0, 0));
    assert_eq!((warm.text(), digest()), (before.clone(), hex(Algorithm::Sha1, before.as_bytes())));
    server.platform.advance(CHECK_REUSE);
    let after = there.get(&path).expect(200).text();
    assert_eq!(all(&after, "version"), ["1.0", "1.1"]);
    assert_eq!(digest(), hex(Algorithm::Sha1, after.as_bytes()));
}

#[test]
fn a_failing_source_hides_nothing_that_was_known() {
    let (server, repository) = server();
    repository.add(LIB, "1.0");
    let collaborator = server.collaborator().maven();
    assert_eq!(collaborator.told(LIB), ["1.0"]);
    repository.fault("", Scripted::status(503));
    server.advance(700);
    let stale = collaborator.get(METADATA).expect(200);
    assert!(stale.header("warning").starts_with("110"), "{:?}", stale.headers);
    collaborator.get("org/example/other/maven-metadata.xml").expect(502);
    repository.recover();
    server.advance(6);
    assert_eq!(collaborator.get(METADATA).expect(200).header("warning"), "");
}

#[test]
fn what_is_no_metadata_is_a_failure_and_not_an_absence() {
    for body in
        ["<html></html>", "", "<!DOCTYPE metadata [<!ENTITY a 'b'>]><metadata>&a;</metadata>", "<metadata>"]
    {
        let (server, repository) = server();
        repository.add(LIB, "1.0").fault("maven-metadata.xml", Scripted::ok(body));
        server.collaborator().maven().get(METADATA).expect(502);
        server.advance(6);
        server.collaborator().maven().fetch(LIB, "1.0", "jar").expect(200);
    }
}

#[test]
fn snapshots_of_a_source_are_not_told_of() {
    let (server, repository) = server();
    repository.put(METADATA, versions_document(&["1.0", "1.1-SNAPSHOT", "../x", "a b"]).as_bytes());
    assert_eq!(server.collaborator().maven().told(LIB), ["1.0"]);
}

#[test]
fn unlisted_versions_are_found_by_their_number_only() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    contributor.release("org.own:own", "1.0");
    contributor.release("org.own:own", "1.1");
    let body = serde_json::json!({ "listed": false });
    super::support::manage(&server, http::Method::PATCH, "groups/org.own/artifacts/own/versions/1.1", &body)
        .expect(200);
    server.advance(3);
    assert_eq!(server.reader().maven().told("org.own:own"), ["1.0"]);
    server.reader().maven().fetch("org.own:own", "1.1", "jar").expect(200);
}
