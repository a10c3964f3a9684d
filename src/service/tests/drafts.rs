//! Drafts: what they have, and what becomes of them.

use super::super::drafts::{KEPT, discard, files};
use super::*;

fn names(world: &World, version: &str) -> Vec<(String, u64)> {
    let version = Version::new(version, version);
    let files = block_on(files(&world.platform, &world.path(), &version)).unwrap();
    files.iter().map(|file| (file.path.to_string(), file.size)).collect()
}

fn put(world: &World, version: &str, files: &[(&str, &str)]) -> Vec<TreeFile> {
    block_on(draft(&world.main(), &world.package, version, files))
}

#[test]
fn the_last_file_of_a_path_counts_and_none_is_forgotten() {
    let world = World::new();
    put(&world, "1.0.0", &[("b", "1"), ("a", "x")]);
    world.platform.advance(Duration::from_secs(1));
    put(&world, "1.0.0", &[("b", "22")]);
    world.platform.advance(Duration::from_secs(1));
    put(&world, "1.0.0", &[("b", "333"), ("c", "x")]);
    world.platform.advance(Duration::from_secs(1));
    put(&world, "1.0.0", &[("b", "22")]);
    put(&world, "2.0.0", &[("z", "other")]);
    let expected = [("a", 1), ("b", 2), ("c", 1)].map(|(name, size)| (name.to_owned(), size));
    assert_eq!(names(&world, "1.0.0"), expected);
    // All contents that ever came are noted.
    let version = Version::new("1.0.0", "1.0.0");
    block_on(discard(&world.platform, &world.path(), &version, &[])).unwrap();
    assert_eq!((names(&world, "1.0.0"), names(&world, "2.0.0").len()), (vec![], 1));
    assert_eq!((world.kept().len(), world.cron().cleared), (5, 4));
    assert_eq!(world.kept(), ["other"]);
}

#[test]
fn a_draft_may_have_more_files_than_a_page() {
    let world = World::new();
    let paths: Vec<String> = (0..1_234).map(|number| format!("f{number:04}")).collect();
    let many: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "x")).collect();
    put(&world, "1.0.0", &many);
    assert_eq!(names(&world, "1.0.0").len(), 1_234);
    block_on(discard(&world.platform, &world.path(), &Version::new("1.0.0", "1.0.0"), &[])).unwrap();
    assert_eq!(names(&world, "1.0.0"), []);
}

/// What a commit leaves of its draft is garbage only where its version does not name it.
#[test]
fn a_commit_leaves_what_it_does_not_name() {
    let world = World::new();
    let context = world.main();
    let mut files = put(&world, "1.0.0", &[("a", "1"), ("b", "2"), ("c", "3")]);
    files.pop();
    block_on(commit(&context, &world.package, "1.0.0", &files)).unwrap();
    assert_eq!((names(&world, "1.0.0"), world.kept().len()), (vec![], 3));
    assert_eq!(world.cron().cleared, 1);
    assert_eq!((world.kept(), world.notes("v1/leavings/")), (vec!["1".to_owned(), "2".to_owned()], 0));
}

#[test]
fn a_draft_to_which_nothing_comes_is_given_up() {
    let world = World::new();
    put(&world, "1.0.0", &[("a", "1"), ("b", "2")]);
    put(&world, "2.0.0", &[("a", "1"), ("c", "3")]);
    world.platform.advance(KEPT / 2);
    assert_eq!(world.cron().given_up, 0);
    // One file that is young keeps the whole draft: it may be committed as it is.
    put(&world, "2.0.0", &[("d", "4")]);
    world.platform.advance(KEPT / 2);
    let done = world.cron();
    assert_eq!((done.given_up, done.cleared), (2, 1), "the other draft has the same content");
    assert_eq!((names(&world, "1.0.0").len(), names(&world, "2.0.0").len()), (0, 3));
    assert_eq!(world.kept(), ["1", "3", "4"]);
    world.platform.advance(KEPT);
    let done = world.cron();
    assert_eq!((done.given_up, done.cleared), (3, 3));
    assert_eq!((world.kept(), world.notes("v1/drafts/"), world.notes("v1/leavings/")), (vec![], 0, 0));
}

/// Each round looks at a bounded number of drafts, and the next one goes on.
#[test]
fn rounds_go_on_where_the_last_one_stopped() {
    let world = World::new();
    for number in 0..5 {
        put(&world, &format!("1.0.{number}"), &[("a", "1")]);
    }
    world.platform.advance(KEPT);
    put(&world, "1.0.0", &[("b", "2")]);
    let mut removed = Vec::new();
    for _ in 0..4 {
        removed.push(block_on(super::super::drafts::sweep(&world.platform, 2)).unwrap());
    }
    assert_eq!(removed, [1, 2, 1, 0]);
    assert_eq!(names(&world, "1.0.0").len(), 2);
}
