//! Every write of a commit, of cron, and of giving up a draft: lost, failed, and the last one before the isolate died.

use super::super::leavings::sweep;
use super::*;
use crate::platform::PlatformError;
use crate::platform::memory::Fault;

/// What happens to one write, or to it and all after it.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Lost,
    Fails,
    Contended,
    Dies,
}

const ALL: [Happens; 4] = [Happens::Lost, Happens::Fails, Happens::Contended, Happens::Dies];

/// Does something with that write going wrong; `true` if there was such a write.
fn with_fault(world: &World, happens: Happens, nth: usize, work: impl FnOnce()) -> bool {
    let fault = Fault::any_write().nth(nth);
    let faults = world.platform.faults();
    let before = faults.fired();
    faults.add(match happens {
        Happens::Lost => fault.after(PlatformError::TimedOut),
        Happens::Fails => fault.before(PlatformError::TimedOut),
        Happens::Contended => fault.contended(),
        Happens::Dies => fault.before(PlatformError::TimedOut).times(usize::MAX),
    });
    work();
    faults.clear();
    faults.fired() > before
}

/// For every write, with everything that may happen to it.
fn everywhere(least: usize, check: impl Fn(Happens, usize) -> bool) {
    for happens in ALL {
        let writes = (1..200).take_while(|nth| check(happens, *nth)).count();
        assert!(writes >= least && writes < 199, "{happens:?}: {writes} writes");
    }
}

fn rounds(world: &World) {
    for _ in 0..3 {
        // A run that died keeps the next one waiting for half an hour.
        world.platform.advance(Duration::from_secs(1_800));
        block_on(sweep(&world.platform, 100)).unwrap();
    }
}

#[test]
fn a_commit_goes_on_where_it_died() {
    everywhere(5, |happens, nth| {
        let world = World::new();
        world.publish("1.0.0", &[("a", "1"), ("b", "2")]);
        world.purge("1.0.0");
        let files = block_on(draft(&world.main(), &world.package, "2.0.0", &[("c", "3"), ("d", "4")]));
        let files = [&files[..1], &[file("a", "1")]].concat();
        let context = world.main();
        let mut is_done = false;
        let fired = with_fault(&world, happens, nth, || {
            is_done = block_on(commit(&context, &world.package, "2.0.0", &files)).is_ok();
            block_on(world.platform.run_background());
        });
        // Cron comes before whoever tries again.
        rounds(&world);
        let kept = world.kept();
        if is_done {
            assert!(kept.contains(&"1".to_owned()) && kept.contains(&"3".to_owned()), "{happens:?} {nth}");
        }
        let key = Version::new("2.0.0", "2.0.0");
        let slot = block_on(crate::store::slots::get(&world.platform, &world.path(), key.key())).unwrap();
        if slot.is_some() {
            assert!(kept.contains(&"1".to_owned()) && kept.contains(&"3".to_owned()), "{happens:?} {nth}");
        } else {
            block_on(draft(&context, &world.package, "2.0.0", &[("a", "1")]));
            block_on(commit(&context, &world.package, "2.0.0", &files)).unwrap();
        }
        // What is left of its draft is forgotten in time.
        world.platform.advance(super::super::drafts::KEPT);
        world.cron();
        rounds(&world);
        assert_eq!(world.kept(), ["1", "3"], "{happens:?} {nth}");
        assert_eq!((world.notes("v1/drafts/"), world.notes("v1/leavings/")), (0, 0), "{happens:?} {nth}");
        fired
    });
}

#[test]
fn cron_goes_on_where_it_died() {
    everywhere(4, |happens, nth| {
        let world = World::new();
        world.publish("1.0.0", &[("a", "1"), ("b", "2"), ("c", "shared")]);
        world.publish("2.0.0", &[("c", "shared")]);
        world.purge("1.0.0");
        let fired = with_fault(&world, happens, nth, || {
            // Rounds that are cut short, so that how far they came is written, too.
            for _ in 0..3 {
                let _ = block_on(sweep(&world.platform, 3));
            }
        });
        rounds(&world);
        assert_eq!(
            (world.kept(), world.notes("v1/leavings/")),
            (vec!["shared".to_owned()], 0),
            "{happens:?} {nth}"
        );
        fired
    });
}

#[test]
fn a_draft_that_is_given_up_leaves_nothing_unseen() {
    everywhere(2, |happens, nth| {
        let world = World::new();
        world.publish("1.0.0", &[("a", "1")]);
        block_on(draft(&world.main(), &world.package, "2.0.0", &[("a", "1"), ("b", "2"), ("c", "3")]));
        let version = Version::new("2.0.0", "2.0.0");
        let fired = with_fault(&world, happens, nth, || {
            let _ = block_on(super::super::drafts::discard(&world.platform, &world.path(), &version, &[]));
        });
        world.platform.advance(super::super::drafts::KEPT);
        world.cron();
        rounds(&world);
        assert_eq!(world.kept(), ["1"], "{happens:?} {nth}");
        assert_eq!((world.notes("v1/drafts/"), world.notes("v1/leavings/")), (0, 0), "{happens:?} {nth}");
        fired
    });
}

/// A file is noted before its bytes are there: whatever is kept is found again.
#[test]
fn an_upload_that_dies_leaves_nothing_unseen() {
    everywhere(2, |happens, nth| {
        let world = World::new();
        let (context, version) = (world.main(), Version::new("1.0.0", "1.0.0"));
        let fired = with_fault(&world, happens, nth, || {
            let path = (TreePath::parse("a").unwrap(), false);
            let put =
                super::super::drafts::put(&context, &world.package, &version, path, Body::from("1"), None);
            let _ = block_on(put);
        });
        world.platform.advance(super::super::drafts::KEPT);
        world.cron();
        rounds(&world);
        assert_eq!((world.kept(), world.notes("v1/drafts/")), (vec![], 0), "{happens:?} {nth}");
        fired
    });
}
