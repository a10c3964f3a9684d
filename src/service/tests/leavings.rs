//! What versions leave behind when they go.

use super::super::leavings::{leave, rescue, sweep};
use super::*;
use crate::error::Conflict;
use crate::model::{Slot, SlotState};
use crate::platform::PlatformError;
use crate::platform::memory::{Fault, Operation};
use crate::store::slots;
use std::pin::pin;

fn of(text: &str) -> Digest {
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

#[test]
fn a_version_that_is_purged_leaves_what_no_other_names() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "shared"), ("b", "first")]);
    world.publish("2.0.0", &[("x/y", "shared"), ("b", "second")]);
    assert_eq!(world.kept(), ["first", "second", "shared"]);
    let version = Version::new("1.0.0", "1.0.0");
    block_on(delete::delete(&world.main(), &world.package, &version)).unwrap();
    world.cron();
    assert_eq!(world.kept().len(), 3, "it can be restored");
    block_on(delete::purge(&world.main(), &world.package, &version)).unwrap();
    assert_eq!((world.kept().len(), world.cron().cleared), (3, 1));
    assert_eq!(world.kept(), ["second", "shared"]);
    world.purge("2.0.0");
    assert_eq!(world.cron().cleared, 2);
    assert_eq!((world.kept(), world.notes("v1/leavings/")), (vec![], 0));
}

#[test]
fn cron_purges_and_clears_in_one_round() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    block_on(delete::delete(&world.main(), &world.package, &Version::new("1.0.0", "1.0.0"))).unwrap();
    world.platform.advance(delete::RECYCLE_BIN);
    let done = world.cron();
    assert_eq!((done.purged, done.cleared, world.kept().len()), (1, 1, 0));
}

/// A purge that dies after any of its writes is finished by cron, and so is what it left.
#[test]
fn a_purge_that_dies_is_finished() {
    for nth in 1..20 {
        let world = World::new();
        world.publish("1.0.0", &[("a", "1"), ("b", "shared")]);
        world.publish("2.0.0", &[("b", "shared")]);
        let (context, version) = (world.main(), Version::new("1.0.0", "1.0.0"));
        block_on(delete::delete(&context, &world.package, &version)).unwrap();
        world
            .platform
            .faults()
            .add(Fault::any_write().nth(nth).before(PlatformError::TimedOut).times(usize::MAX));
        let died = block_on(delete::purge(&context, &world.package, &version)).is_err();
        world.platform.faults().clear();
        world.platform.advance(delete::RECYCLE_BIN);
        world.cron();
        world.cron();
        assert_eq!(world.kept(), ["shared"], "{nth}");
        assert_eq!((world.notes("v1/leavings/"), world.notes("v1/bin/")), (0, 0), "{nth}");
        if !died {
            assert!(nth > 4);
            return;
        }
    }
    panic!("a purge has fewer writes");
}

/// Its manifest is still there when cron looks, because the purge goes on at this moment.
#[test]
fn the_manifest_of_a_version_that_goes_keeps_nothing() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    let (context, version) = (world.main(), Version::new("1.0.0", "1.0.0"));
    block_on(delete::delete(&context, &world.package, &version)).unwrap();
    let other = world.platform.clone();
    let fault = Fault::of(Operation::DeleteBlob).meanwhile(move || {
        assert_eq!(finish(pin!(sweep(&other, 100))).unwrap(), 1);
    });
    world.platform.faults().add(fault);
    block_on(delete::purge(&context, &world.package, &version)).unwrap();
    assert_eq!((world.kept(), world.platform.faults().fired()), (vec![], 1));
}

#[test]
fn a_draft_keeps_what_it_has() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1"), ("b", "2")]);
    let files = block_on(draft(&world.main(), &world.package, "2.0.0", &[("c", "2")]));
    world.purge("1.0.0");
    assert_eq!((world.cron().cleared, world.kept()), (1, vec!["2".to_owned()]));
    block_on(commit(&world.main(), &world.package, "2.0.0", &files)).unwrap();
    world.cron();
    assert_eq!(world.kept(), ["2"]);
}

/// A manifest without a slot is that of a commit under way.
#[test]
fn a_manifest_that_is_only_claimed_keeps_what_it_names() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    let text = tree::write(&[file("z", "1")]).unwrap();
    world.platform.put_object(&world.path().tree("2.0.0"), text);
    world.purge("1.0.0");
    assert_eq!(
        (world.cron().cleared, world.kept(), world.notes("v1/leavings/")),
        (0, vec!["1".to_owned()], 0)
    );
}

/// What somebody else wrote, in a version that was saved, names nothing and stops nothing.
#[test]
fn a_manifest_that_is_none_stops_nothing() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    for (version, bytes) in [("0.1.0", &b"\xff\xfe"[..]), ("0.2.0", b"{}"), ("3.0.0", b"")] {
        world.platform.put_object(&world.path().tree(version), bytes);
    }
    world.purge("1.0.0");
    assert_eq!((world.cron().cleared, world.kept()), (1, vec![]));
}

#[test]
fn a_dropped_version_leaves_what_was_copied_for_it() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    // As if it had been saved, and dropped by a policy.
    let path = world.path();
    let source = json!({ "id": crate::model::guid_of("s"), "name": "s", "location": "x", "kind": "public" });
    block_on(slots::update(&world.platform, &path, "1.0.0", &mut |slot| {
        let origin = json!({ "kind": "saved", "sourceChain": [source], "by": "somebody" });
        Ok(Some(Slot { origin: serde_json::from_value(origin).unwrap(), ..slot.clone() }))
    }))
    .unwrap();
    let state = SlotState::Dropped { at: world.platform.now(), remains: crate::model::Remains::Kept };
    let entry = json!({ "action": "dropped" });
    let version = Version::new("1.0.0", "1.0.0");
    let target = delete::Target {
        platform: &world.platform,
        path: &path,
        name: "lib",
        version: &version,
        views: None,
    };
    assert!(block_on(target.remove(&state, &entry)).unwrap());
    assert_eq!((world.cron().emptied, world.kept().len()), (0, 1));
    world.platform.advance(Duration::from_secs(900));
    let done = world.cron();
    assert_eq!((done.emptied, done.cleared, world.kept()), (1, 1, vec![]));
}

/// Protocols whose versions have no contents are not looked at.
#[test]
fn others_pay_nothing() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    block_on(delete::delete(&world.main(), &world.package, &Version::new("1.0.0", "1.0.0"))).unwrap();
    world.platform.advance(delete::RECYCLE_BIN);
    world.platform.clear_operation_log();
    block_on(housekeeping::run(&world.platform, |_| None)).unwrap();
    let log = world.platform.operation_log();
    assert!(log.iter().all(|(what, _)| *what != Operation::OpenBlob), "{log:?}");
    assert_eq!((world.kept().len(), world.notes("v1/leavings/")), (1, 0));
}

#[test]
fn rounds_are_bounded_and_go_on() {
    let world = World::new();
    for number in 0..12 {
        world.publish(&format!("1.0.{number:02}"), &[("a", &format!("{number}")), ("b", "shared")]);
    }
    world.purge("1.0.00");
    world.purge("1.0.07");
    let (mut rounds, mut removed) = (0, 0);
    while world.notes("v1/leavings/") > 0 {
        world.platform.clear_operation_log();
        removed += block_on(sweep(&world.platform, 6)).unwrap();
        // Where it came to is written once a second at most.
        world.platform.advance(Duration::from_secs(1));
        let operations = world.platform.operation_log().len();
        assert!(operations < 30, "{operations}");
        rounds += 1;
        assert!(rounds < 20, "it does not end");
        if rounds == 2 {
            // In the middle of it one more goes: it is looked into when the others are done.
            world.purge("1.0.05");
        }
    }
    assert!(rounds > 3, "{rounds}");
    assert_eq!(removed, 3);
    let expected = ["1", "10", "11", "2", "3", "4", "6", "8", "9", "shared"];
    assert_eq!(world.kept(), expected);
}

/// One package that cannot be swept keeps no other waiting.
#[test]
fn a_package_that_fails_is_passed_by() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    world.purge("1.0.0");
    let other = World { platform: world.platform.clone(), package: Trees.package("abc").unwrap() };
    let note = other.path().leaving(world.platform.now(), [0; 4]);
    world.platform.put_object(&note, "not JSON");
    assert!(
        block_on(sweep(&world.platform, 100)).is_err_and(|error| matches!(*error, Error::Damaged { .. }))
    );
    assert_eq!(block_on(sweep(&world.platform, 100)).unwrap(), 1);
    assert_eq!(world.kept(), [""; 0]);
}

/// More than what is removed between two changes of a note.
#[test]
fn much_is_removed_in_batches() {
    let world = World::new();
    let path = world.path();
    let digests: Vec<Digest> = (0..10_500)
        .map(|number| Digest::from_hex(Algorithm::Sha256, &format!("{number:064}")).unwrap())
        .collect();
    for digest in &digests {
        world.platform.put_object(&path.content(digest), "x");
    }
    block_on(leave(&world.platform, &path, digests)).unwrap();
    assert_eq!(block_on(sweep(&world.platform, 100)).unwrap(), 10_500);
    assert_eq!((world.notes(&path.contents()), world.notes("v1/leavings/")), (0, 0));
}

/// A run that died between its two changes: nobody gets what it was removing until another run has done it again.
#[test]
fn what_a_dead_run_was_removing_is_removed_again() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    world.purge("1.0.0");
    let path = world.path();
    world
        .platform
        .faults()
        .add(Fault::of(Operation::Delete).on("/contents/").before(PlatformError::TimedOut));
    assert!(block_on(sweep(&world.platform, 100)).is_err());
    let contended = |outcome: Result<()>| {
        matches!(outcome.map_err(|error| *error), Err(Error::Conflict(Conflict::Contended(_))))
    };
    assert!(contended(block_on(rescue(&world.platform, &path, &[of("1")]))));
    block_on(rescue(&world.platform, &path, &[of("2")])).unwrap();
    // It may be alive.
    for _ in 0..2 {
        assert_eq!(block_on(sweep(&world.platform, 100)).unwrap(), 0);
    }
    assert!(contended(block_on(rescue(&world.platform, &path, &[of("1")]))));
    world.platform.advance(Duration::from_secs(1_800));
    let mut removed = 0;
    for _ in 0..3 {
        removed += block_on(sweep(&world.platform, 100)).unwrap();
    }
    assert_eq!((removed, world.kept(), world.notes("v1/leavings/")), (1, vec![], 0));
    block_on(rescue(&world.platform, &path, &[of("1")])).unwrap();
}

#[test]
fn nothing_of_a_feed_is_left_when_it_is_removed() {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1")]);
    world.publish("2.0.0", &[("a", "1"), ("b", "2")]);
    world.purge("1.0.0");
    block_on(draft(&world.main(), &world.package, "3.0.0", &[("a", "3")]));
    let feed = (*world.main().feed).clone();
    let removed = crate::store::keys::below_feed(&feed.id, &[]);
    for key in world.platform.stored_keys() {
        let is_removed = removed.iter().any(|prefix| key.starts_with(prefix));
        let is_single = ["v1/feeds/", "v1/names/", "v1/housekeeping/", "v1/withdrawals/"];
        assert!(is_removed || is_single.iter().any(|prefix| key.starts_with(prefix)), "{key}");
    }
}
