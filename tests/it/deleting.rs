//! Deleting: tombstones, the recycle bin, purging.

use crate::support::verbs::{Verb, owner_does};
use crate::support::{TestServer, tarball};
use edgefeed::error::{Conflict, Error};
use edgefeed::platform::memory::{Fault, Operation};

const DAY: u64 = 24 * 3600;

fn server() -> TestServer {
    let server = TestServer::new();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        server.registry.add("lib", version);
    }
    server
}

#[test]
fn a_deleted_saved_version_is_unavailable_for_ever_and_its_neighbours_are_untouched() {
    let server = server();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        server.collaborator().download("lib", version).expect(200);
    }
    owner_does(&server, "main", "lib", Verb::Delete("1.1.0")).unwrap();
    server.platform.upstream().clear_sent();
    for client in [server.reader(), server.collaborator(), server.contributor(), server.owner()] {
        for client in [client.clone(), client.elsewhere()] {
            let text = client.download("lib", "1.1.0").expect(404).error();
            assert_eq!(text, "`lib` 1.1.0 was deleted from this feed; its number is never used again");
            assert_eq!(client.versions("lib"), ["1.0.0", "1.2.0"]);
            client.get("lib/1.1.0").expect(404);
            assert_eq!(client.download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
            assert_eq!(client.download("lib", "1.2.0").expect(200).bytes(), tarball("lib", "1.2.0"));
        }
    }
    assert_eq!(server.registry.asked(".tgz"), 0);
    for _ in 0..3 {
        server.advance(100 * DAY);
        server.housekeeping();
        server.owner().download("lib", "1.1.0").expect(404);
        assert_eq!(server.owner().versions("lib"), ["1.0.0", "1.2.0"]);
    }
    assert_eq!(server.registry.asked(".tgz"), 0);
    server.contributor().publish("lib", "1.1.0").expect(403);
}

#[test]
fn a_version_only_the_upstream_has_can_be_deleted_before_anybody_saves_it() {
    let server = server();
    owner_does(&server, "main", "lib", Verb::Delete("1.2.0")).unwrap();
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0"]);
    assert_eq!(server.collaborator().get("lib/latest").expect(200).json()["version"], "1.1.0");
    server.platform.upstream().clear_sent();
    server.owner().download("lib", "1.2.0").expect(404);
    assert_eq!(server.registry.asked(".tgz"), 0);
    server.collaborator().download("lib", "1.1.0").expect(200);
    let refused = owner_does(&server, "main", "lib", Verb::Restore("1.2.0")).unwrap_err();
    assert!(matches!(*refused, Error::Conflict(Conflict::Other(_))), "{refused}");
    owner_does(&server, "main", "lib", Verb::Delete("9.9.9")).unwrap_err();
    owner_does(&server, "main", "nothing", Verb::Delete("1.0.0")).unwrap_err();
}

#[test]
fn a_version_comes_back_from_the_recycle_bin_as_it_was() {
    let server = server();
    server.contributor().publish("own", "1.0.0").expect(201);
    owner_does(&server, "main", "own", Verb::Promote("1.0.0", "Release")).unwrap();
    let before = server.reader().get("own").expect(200).json();
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    server.reader().get("own").expect(404);
    server.owner().on("main@Release").download("own", "1.0.0").expect(404);
    assert!(server.package_keys().contains(&"v1/bin/main/npm/own/1.0.0".to_owned()));
    server.advance(29 * DAY);
    server.housekeeping();
    owner_does(&server, "main", "own", Verb::Restore("1.0.0")).unwrap();
    let after = server.reader().get("own").expect(200).json();
    assert_eq!(after["versions"], before["versions"]);
    assert_eq!(after["dist-tags"]["latest"], "1.0.0");
    assert_eq!(server.reader().download("own", "1.0.0").expect(200).bytes(), tarball("own", "1.0.0"));
    server.owner().on("main@Release").download("own", "1.0.0").expect(200);
    assert!(server.package_keys().iter().all(|key| !key.contains("/bin/")));
    owner_does(&server, "main", "own", Verb::Restore("1.0.0")).unwrap_err();
    server.advance(60 * DAY);
    server.housekeeping();
    server.reader().download("own", "1.0.0").expect(200);
}

#[test]
fn after_thirty_days_the_bytes_go_and_the_tombstone_stays() {
    let server = server();
    server.contributor().publish("own", "1.0.0").expect(201);
    server.contributor().publish("own", "1.1.0").expect(201);
    server.collaborator().download("lib", "1.0.0").expect(200);
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    owner_does(&server, "main", "lib", Verb::Delete("1.0.0")).unwrap();
    owner_does(&server, "main", "lib", Verb::Delete("1.1.0")).unwrap();
    server.advance(30 * DAY - 60);
    server.housekeeping();
    assert_eq!(server.local_keys().iter().filter(|key| key.contains("/files/")).count(), 3);
    server.advance(60);
    server.housekeeping();
    insta::assert_json_snapshot!("purged_keys", server.local_keys());
    for (name, version) in [("own", "1.0.0"), ("lib", "1.0.0"), ("lib", "1.1.0")] {
        server.owner().download(name, version).expect(404);
        server.contributor().publish(name, version).expect(403);
        owner_does(&server, "main", name, Verb::Restore(version)).unwrap_err();
    }
    assert_eq!(server.owner().versions("lib"), ["1.2.0"]);
    assert_eq!(server.reader().download("own", "1.1.0").expect(200).bytes(), tarball("own", "1.1.0"));
}

#[test]
fn an_owner_can_purge_at_once() {
    let server = server();
    server.contributor().publish("own", "1.0.0").expect(201);
    owner_does(&server, "main", "own", Verb::Purge("1.0.0")).unwrap_err();
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    owner_does(&server, "main", "own", Verb::Purge("1.0.0")).unwrap();
    assert!(server.local_keys().iter().all(|key| !key.contains("/files/") && !key.contains("/bin/")));
    server.contributor().publish("own", "1.0.0").expect(403);
    owner_does(&server, "main", "own", Verb::Restore("1.0.0")).unwrap_err();
}

/// Incident that never happened: a purge that met a restore must not take the bytes of a live version.
#[test]
fn a_version_restored_while_it_is_purged_keeps_its_bytes() {
    let server = server();
    server.contributor().publish("own", "1.0.0").expect(201);
    let live = server.platform.object(&server.key(&["/slots/1.0.0"])).unwrap();
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    let key = server.key(&["/slots/1.0.0"]);
    let mut restored: serde_json::Value = serde_json::from_slice(&live).unwrap();
    restored["sequence"] = 3.into();
    let platform = server.platform.clone();
    server.platform.faults().add(
        Fault::of(Operation::Replace)
            .on("/slots/1.0.0")
            .meanwhile(move || platform.put_object(&key, restored.to_string())),
    );
    owner_does(&server, "main", "own", Verb::Purge("1.0.0")).ok();
    assert_eq!(
        server.reader().elsewhere().download("own", "1.0.0").expect(200).bytes(),
        tarball("own", "1.0.0")
    );
}

#[test]
fn deleting_twice_is_deleting_once() {
    let server = server();
    server.contributor().publish("own", "1.0.0").expect(201);
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    let keys = server.package_keys();
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    assert_eq!(server.package_keys(), keys);
}

/// Each of them sees to its note in the bin, and R2 takes one write per second and key.
#[test]
fn a_version_may_be_deleted_twice_within_a_second() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    for _ in 0..2 {
        owner_does(&server, "main", "lib", Verb::Delete("1.0.0")).unwrap();
    }
    server.key(&["v1/bin/", "1.0.0"]);
}
