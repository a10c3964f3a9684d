//! Taking contents in, and which are here.

use super::*;
use crate::platform::PlatformError;
use crate::platform::memory::{Fault, Operation};

fn numbered(number: usize) -> Digest {
    Digest::of(Algorithm::Sha256, &number.to_le_bytes())
}

#[test]
fn what_is_missing_is_found_whatever_is_here() {
    let world = World::new();
    let path = world.path();
    for number in (0..2_500).filter(|number| number % 3 > 0) {
        world.platform.put_object(&path.content(&numbered(number)), "x");
    }
    for (count, most) in [(0, 0), (1, 1), (12, 12), (13, 5), (100, 5), (2_500, 5)] {
        let mut wanted: Vec<Digest> = (0..count).map(numbered).collect();
        wanted.sort();
        let mut expected: Vec<Digest> = (0..count).filter(|number| number % 3 == 0).map(numbered).collect();
        expected.sort();
        world.platform.clear_operation_log();
        assert_eq!(block_on(missing(&world.platform, &path, &wanted)).unwrap(), expected, "of {count}");
        let operations = world.platform.operation_log().len();
        assert!(operations <= most, "{operations} operations for {count}");
    }
}

#[test]
fn pages_on_which_nothing_is_wanted_are_passed_over() {
    let world = World::new();
    let path = world.path();
    // Twenty at the beginning of the key space, twenty at its end, and many in between.
    let of = |text: String| Digest::from_hex(Algorithm::Sha256, &format!("{text:0<64}")).unwrap();
    let ends = (0..20).map(|number| of(format!("00{number:02}")));
    let wanted: Vec<Digest> = ends.chain((0..20).map(|number| of(format!("ff{number:02}")))).collect();
    for digest in wanted.iter().cloned().chain((0..5_000).map(|number| of(format!("8{number:04}")))) {
        world.platform.put_object(&path.content(&digest), "x");
    }
    world.platform.clear_operation_log();
    assert_eq!(block_on(missing(&world.platform, &path, &wanted)).unwrap(), []);
    assert_eq!(world.platform.operation_log().len(), 2);
}

fn put(world: &World, text: &str, declared: Option<Digest>) -> Result<TreeFile> {
    let (context, version) = (world.main(), Version::new("1.0.0", "1.0.0"));
    let path = (TreePath::parse("a/b").unwrap(), true);
    block_on(super::super::drafts::put(
        &context,
        &world.package,
        &version,
        path,
        Body::from(text.as_bytes().to_vec()),
        declared,
    ))
}

#[test]
fn what_is_declared_is_verified_where_it_is_kept() {
    let world = World::new();
    let digest = Digest::of(Algorithm::Sha256, b"text");
    world.platform.clear_operation_log();
    let file = put(&world, "text", Some(digest.clone())).unwrap();
    assert_eq!((file.size, &file.digest, file.executable), (4, &digest, true));
    // The note, then the bytes, and nothing else once the feed is open.
    let operations: Vec<_> = world.platform.operation_log().into_iter().map(|(what, _)| what).collect();
    let other: Vec<_> = operations.into_iter().filter(|what| *what != Operation::Get).collect();
    assert_eq!(other, [Operation::Append, Operation::PutBlob]);
    assert_eq!(world.kept(), ["text"]);
    let error = put(&world, "other", Some(digest)).unwrap_err();
    assert!(matches!(*error, Error::Invalid(_)), "{error}");
    assert_eq!(world.kept(), ["text"]);
}

#[test]
fn what_is_not_declared_is_hashed_on_the_way() {
    let world = World::new();
    for _ in 0..2 {
        assert_eq!(put(&world, "text", None).unwrap().digest, Digest::of(Algorithm::Sha256, b"text"));
    }
    assert_eq!((world.kept(), world.notes("v1/drafts/")), (vec!["text".to_owned()], 1));
    // A body of unknown length whose digest is declared.
    let body = || Body::Stream(crate::platform::once("text".into()));
    let other = Digest::of(Algorithm::Sha256, b"other");
    let refused = block_on(Arriving::take(&world.main(), body(), Some(other)));
    assert!(refused.is_err_and(|error| matches!(*error, Error::Invalid(_))));
    let taken = block_on(Arriving::take(&world.main(), body(), Some(Digest::of(Algorithm::Sha256, b"text"))));
    assert_eq!(taken.unwrap().size, 4);
}

#[test]
fn a_write_that_is_reported_lost_is_found() {
    for declared in [None, Some(Digest::of(Algorithm::Sha256, b"text"))] {
        let world = World::new();
        let faults = world.platform.faults();
        faults.add(Fault::of(Operation::Append).after(PlatformError::TimedOut));
        faults.add(Fault::of(Operation::PutBlob).after(PlatformError::TimedOut));
        put(&world, "text", declared.clone()).unwrap();
        assert_eq!((world.kept().len(), faults.fired()), (1, 2));
    }
}

#[test]
fn a_write_that_fails_says_so_and_leaves_its_note() {
    let world = World::new();
    world.platform.faults().add(Fault::of(Operation::PutBlob).before(PlatformError::TimedOut));
    put(&world, "text", None).unwrap_err();
    assert_eq!((world.kept().len(), world.notes("v1/drafts/")), (0, 1));
    put(&world, "text", None).unwrap();
    assert_eq!((world.kept().len(), world.notes("v1/drafts/")), (1, 1));
}

/// Equal files of a version, which come side by side: R2 takes one write per second and key.
#[test]
fn equal_contents_do_not_contend() {
    let world = World::new();
    let key = world.path().content(&Digest::of(Algorithm::Sha256, b""));
    let other = world.platform.clone();
    world.platform.faults().add(Fault::of(Operation::PutBlob).contended());
    // The other one's write ends a little later.
    world
        .platform
        .faults()
        .add(Fault::of(Operation::BlobInfo).nth(2).meanwhile(move || other.put_object(&key, "")));
    put(&world, "", None).unwrap();
    assert_eq!(world.kept(), [""]);
    // Nobody else's ever came.
    world.platform.faults().add(Fault::of(Operation::PutBlob).contended());
    let error = put(&world, "text", None).unwrap_err();
    assert!(matches!(*error, Error::Platform(PlatformError::Contended)), "{error}");
}

/// A view is read-only for drafts as for whole versions.
#[test]
fn a_view_takes_no_files() {
    let world = World::new();
    let mut context = world.main();
    context.view = context.feed.views.first().cloned().map(Rc::new);
    let path = (TreePath::parse("a").unwrap(), false);
    let version = Version::new("1.0.0", "1.0.0");
    let put = super::super::drafts::put(&context, &world.package, &version, path, Body::from("x"), None);
    assert!(block_on(put).is_err_and(|error| matches!(*error, Error::Conflict(_))));
    assert_eq!(world.kept(), [""; 0]);
}
