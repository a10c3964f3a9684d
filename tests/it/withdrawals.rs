//! Versions that are deleted or taken out of views while isolates elsewhere remember them as live, which they may for minutes
//! as long as nobody withdraws anything from the feed.

use crate::support::client::file;
use crate::support::verbs::{Verb, deed, owner_does};
use crate::support::{Client, TestServer};
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::{Fault, Operation};
use edgefeed::store::slots::{CHECK_REUSE, LIVE_REUSE};
use futures_util::FutureExt;

const RECORD: &str = "v1/withdrawals/";
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"];

fn server() -> TestServer {
    let server = TestServer::new();
    for version in VERSIONS {
        server.contributor().publish("own", version).expect(201);
        owner_does(&server, "main", "own", Verb::Promote(version, "Release")).unwrap();
    }
    server
}

/// Somebody elsewhere who has had every version, some time ago.
fn old_hand(server: &TestServer) -> Client<'_> {
    let client = server.reader().elsewhere();
    for version in VERSIONS {
        client.download("own", version).expect(200);
    }
    server.advance(30);
    client.download("own", "1.0.0").expect(200);
    server.advance(30);
    client
}

/// How many records of R2 are read to serve these versions, token and feed aside.
fn reads(client: &Client<'_>, versions: &[&str]) -> u32 {
    client.versions("own");
    versions.iter().map(|version| client.download("own", version).expect(200).count("r2")).sum()
}

#[test]
fn while_nothing_is_withdrawn_one_look_does_for_all_versions() {
    let server = server();
    let client = old_hand(&server);
    assert_eq!(reads(&client, &VERSIONS), 1);
    assert_eq!(reads(&client, &VERSIONS), 0);
    server.platform.advance(CHECK_REUSE);
    assert_eq!(reads(&client, &VERSIONS), 1);
    server.platform.advance(LIVE_REUSE);
    let unhurried = reads(&client, &VERSIONS);
    assert!(unhurried >= 4, "past that nothing is believed any more: {unhurried}");
}

#[test]
fn a_deletion_is_seen_elsewhere_within_the_reuse_of_a_check() {
    let server = server();
    let client = old_hand(&server);
    client.download("own", "1.1.0").expect(200);
    owner_does(&server, "main", "own", Verb::Delete("1.1.0")).unwrap();
    client.get_with(&file("own", "1.1.0"), &[("cache-control", "no-cache")]).expect(404);
    server.platform.advance(CHECK_REUSE);
    client.download("own", "1.1.0").expect(404);
    client.download("own", "1.0.0").expect(200);
    server.reader().download("own", "1.1.0").expect(404);
}

#[test]
fn so_is_taking_a_version_out_of_a_view_and_putting_it_into_one() {
    let server = server();
    let view = server.owner().on("main@Release").elsewhere();
    view.download("own", "1.1.0").expect(200);
    server.advance(300);
    view.download("own", "1.1.0").expect(200);
    owner_does(&server, "main", "own", Verb::Demote("1.1.0", "Release")).unwrap();
    server.platform.advance(CHECK_REUSE);
    view.download("own", "1.1.0").expect(404);
    server.advance(300);
    view.download("own", "1.1.0").expect(404);
    owner_does(&server, "main", "own", Verb::Promote("1.1.0", "Release")).unwrap();
    server.platform.advance(CHECK_REUSE);
    view.download("own", "1.1.0").expect(200);
}

/// After a deletion versions are looked at again each time; once its announcement is over, and each was looked at, they are not.
#[test]
fn after_a_while_a_deletion_costs_nothing_any_more() {
    let server = server();
    let client = old_hand(&server);
    owner_does(&server, "main", "own", Verb::Delete("1.3.0")).unwrap();
    let left = &VERSIONS[..3];
    server.advance(3);
    assert_eq!(reads(&client, left), 1 + 3);
    server.advance(3);
    assert_eq!(reads(&client, left), 1 + 3);
    server.advance(70);
    assert_eq!(reads(&client, left), 1 + 3);
    for _ in 0..5 {
        server.advance(3);
        assert_eq!(reads(&client, left), 1);
    }
}

/// It dies between its announcement and the slot: versions are looked at for a while, and the retry deletes.
#[test]
fn a_deletion_that_dies_half_way_has_announced_itself_only() {
    let server = server();
    let client = old_hand(&server);
    let outage = Fault::of(Operation::Replace).on("/slots/1.1.0").times(usize::MAX);
    server.platform.faults().add(outage.before(PlatformError::TimedOut));
    owner_does(&server, "main", "own", Verb::Delete("1.1.0")).unwrap_err();
    server.platform.faults().clear();
    server.advance(3);
    assert_eq!(reads(&client, &["1.1.0"]), 2);
    owner_does(&server, "main", "own", Verb::Delete("1.1.0")).unwrap();
    server.platform.advance(CHECK_REUSE);
    client.download("own", "1.1.0").expect(404);
}

/// Wherever a deletion dies: if the slot is deleted, everybody knows in time.
#[test]
fn a_deletion_that_dies_anywhere_is_seen_if_it_happened() {
    for polls in 0..60 {
        let server = server();
        let client = old_hand(&server);
        let platform = server.platform.for_request();
        let mut deletion = Box::pin(deed(&server, &platform, "main", "own", Verb::Delete("1.1.0")));
        let done = (0..polls).any(|_| deletion.as_mut().now_or_never().is_some());
        drop(deletion);
        server.platform.advance(CHECK_REUSE);
        let truth = server.reader().elsewhere().download("own", "1.1.0").status;
        assert_eq!(client.download("own", "1.1.0").status, truth, "after {polls} polls");
        if done {
            assert_eq!(truth, 404);
            return;
        }
    }
    panic!("it never ended");
}

#[test]
fn an_announcement_that_was_reported_lost_or_met_another_is_made_all_the_same() {
    for fault in [
        Fault::of(Operation::Create).on(RECORD).after(PlatformError::TimedOut),
        Fault::of(Operation::Create).on(RECORD).before(PlatformError::TimedOut),
        Fault::of(Operation::Create).on(RECORD).contended(),
    ] {
        let server = server();
        let client = old_hand(&server);
        server.platform.faults().add(fault);
        owner_does(&server, "main", "own", Verb::Delete("1.1.0")).unwrap();
        assert_eq!(server.platform.faults().fired(), 1);
        server.platform.advance(CHECK_REUSE);
        client.download("own", "1.1.0").expect(404);
    }
}

#[test]
fn what_cannot_be_announced_does_not_happen() {
    let server = server();
    let outage = Fault::any_write().on(RECORD).times(usize::MAX).before(PlatformError::TimedOut);
    server.platform.faults().add(outage);
    owner_does(&server, "main", "own", Verb::Delete("1.1.0")).unwrap_err();
    server.reader().elsewhere().download("own", "1.1.0").expect(200);
}

/// R2 takes one write per second and key, and batches are long.
#[test]
fn one_announcement_does_for_many_deletions() {
    let server = server();
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    let outage = Fault::any_write().on(RECORD).times(usize::MAX).before(PlatformError::TimedOut);
    server.platform.faults().add(outage);
    for version in &VERSIONS[1..] {
        server.advance(9);
        owner_does(&server, "main", "own", Verb::Delete(version)).unwrap();
    }
    server.platform.faults().clear();
    server.advance(9);
    server.contributor().publish("own", "2.0.0").expect(201);
    let client = server.reader().elsewhere();
    client.download("own", "2.0.0").expect(200);
    server.advance(3);
    owner_does(&server, "main", "own", Verb::Delete("2.0.0")).unwrap();
    server.platform.advance(CHECK_REUSE);
    client.download("own", "2.0.0").expect(404);
}

/// Where it cannot be known whether anything was withdrawn, the slot tells.
#[test]
fn without_that_record_slots_are_looked_at() {
    let server = server();
    let client = old_hand(&server);
    let outage = Fault::of(Operation::Get).on(RECORD).times(usize::MAX).before(PlatformError::TimedOut);
    server.platform.faults().add(outage);
    client.download("own", "1.1.0").expect(200);
}
