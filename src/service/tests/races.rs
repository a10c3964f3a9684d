//! A commit beside cron, in every order of their steps: no version loses a content, and no garbage stays.

use super::super::leavings::sweep;
use super::*;
use crate::error::Conflict;
use std::pin::pin;

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Became {
    Version,
    /// What it needs is being removed at this moment.
    Refused,
    /// What it needs was removed.
    Missing,
}

fn became(outcome: &Result<()>) -> Became {
    match outcome.as_ref().map_err(|error| &**error) {
        Ok(()) => Became::Version,
        Err(Error::Conflict(Conflict::Contended(_))) => Became::Refused,
        Err(Error::Conflict(Conflict::Other(_)) | Error::Invalid(_)) => Became::Missing,
        Err(other) => panic!("{other}"),
    }
}

/// Of the version that is committed. The first is garbage unless it is.
const WANTED: [(&str, &str); 3] = [("a", "1"), ("b", "shared"), ("c", "new")];

/// A version that goes, one that shares a content with it, and what else the third one needs.
fn world() -> World {
    let world = World::new();
    world.publish("1.0.0", &[("a", "1"), ("b", "shared"), ("c", "2")]);
    world.publish("2.0.0", &[("x", "shared"), ("y", "4")]);
    block_on(draft(&world.main(), &world.package, "3.0.0", &[("c", "new")]));
    world
}

fn files() -> Vec<TreeFile> {
    WANTED.iter().map(|(path, text)| file(path, text)).collect()
}

/// What everybody does who was refused, and what must be true in the end.
fn settle(world: &World, outcome: &Result<()>, what: &str) -> Became {
    let wanted = ["1", "new", "shared"].map(str::to_owned);
    let is_whole = || wanted.iter().all(|text| world.kept().contains(text));
    let became = became(outcome);
    assert!(became != Became::Version || is_whole(), "{what}: a version lost a content: {:?}", world.kept());
    let context = world.main();
    if became != Became::Version {
        let again = block_on(async {
            draft(&context, &world.package, "3.0.0", &WANTED).await;
            commit(&context, &world.package, "3.0.0", &files()).await
        });
        again.unwrap_or_else(|error| panic!("{what}, {became:?}, again: {error}"));
    }
    block_on(world.platform.run_background());
    for _ in 0..2 {
        block_on(sweep(&world.platform, 100)).unwrap();
    }
    assert_eq!(world.kept(), ["1", "4", "new", "shared"], "{what}: {became:?}");
    assert_eq!(world.notes("v1/leavings/"), 0, "{what}");
    became
}

/// Runs both in that order: so many steps of the first, so many of the other, then both to their ends. Answers also whether
/// the first one, and the other one, were over before.
fn interleaved(first: usize, other: usize, commit_is_first: bool) -> (Became, bool, bool) {
    let world = world();
    world.purge("1.0.0");
    let (context, files) = (world.main(), files());
    let platform = world.platform.elsewhere();
    let mut commit = pin!(commit(&context, &world.package, "3.0.0", &files));
    let mut cron = pin!(sweep(&platform, 100));
    let (mut committed, mut swept) = (None, None);
    if commit_is_first {
        committed = go_on(commit.as_mut(), first);
        swept = go_on(cron.as_mut(), other);
    } else {
        swept = swept.or_else(|| go_on(cron.as_mut(), first));
        committed = committed.or_else(|| go_on(commit.as_mut(), other));
    }
    let (commit_is_over, cron_is_over) = (committed.is_some(), swept.is_some());
    // Whoever was interrupted first goes on first.
    if commit_is_first {
        committed = committed.or_else(|| Some(finish(commit.as_mut())));
    }
    swept.unwrap_or_else(|| finish(cron.as_mut())).unwrap();
    let outcome = committed.unwrap_or_else(|| finish(commit.as_mut()));
    let became = settle(&world, &outcome, &format!("{first} {other} {commit_is_first}"));
    if commit_is_first {
        (became, commit_is_over, cron_is_over)
    } else {
        (became, cron_is_over, commit_is_over)
    }
}

#[test]
fn no_order_of_a_commit_and_cron_takes_a_content_from_a_version() {
    let mut seen = Vec::new();
    for commit_is_first in [true, false] {
        let (mut first, mut is_first_over) = (0, false);
        while !is_first_over {
            let (mut other, mut is_other_over) = (0, false);
            while !is_other_over {
                let became;
                (became, is_first_over, is_other_over) = interleaved(first, other, commit_is_first);
                seen.push(became);
                other += 1;
            }
            first += 1;
            assert!(first < 100 && other < 100, "it does not end");
        }
    }
    assert!(seen.len() > 200, "{}", seen.len());
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [Became::Version, Became::Refused, Became::Missing], "the test shows nothing");
}

/// The version goes, and cron comes, while the commit waits anywhere.
#[test]
fn a_version_that_goes_meanwhile_takes_nothing_from_a_commit() {
    let mut seen = Vec::new();
    for steps in 0.. {
        let world = world();
        let (context, files) = (world.main(), files());
        let mut commit = pin!(commit(&context, &world.package, "3.0.0", &files));
        let early = go_on(commit.as_mut(), steps);
        world.purge("1.0.0");
        block_on(sweep(&world.platform, 100)).unwrap();
        let is_over = early.is_some();
        let outcome = early.unwrap_or_else(|| finish(commit.as_mut()));
        seen.push(settle(&world, &outcome, &steps.to_string()));
        if is_over {
            break;
        }
    }
    assert!(
        seen.len() > 10 && seen.contains(&Became::Version) && seen.contains(&Became::Missing),
        "{seen:?}"
    );
}

/// Two runs of cron beside each other, in every order.
#[test]
fn two_runs_do_what_one_does() {
    for first in 0..40 {
        let world = world();
        world.purge("1.0.0");
        {
            let (here, there) = (world.platform.elsewhere(), world.platform.elsewhere());
            let (mut one, mut other) = (pin!(sweep(&here, 100)), pin!(sweep(&there, 100)));
            let mut done = go_on(one.as_mut(), first);
            finish(other.as_mut()).unwrap();
            done = done.or_else(|| Some(finish(one.as_mut())));
            done.unwrap().unwrap();
        }
        assert_eq!(world.kept(), ["4", "new", "shared"], "{first}");
        assert_eq!(world.notes("v1/leavings/"), 0, "{first}");
    }
}

/// A file is added to a draft while what it consists of is removed: a commit says what is missing.
#[test]
fn what_is_drafted_while_it_goes_is_found_missing() {
    for steps in 0..30 {
        let world = world();
        world.purge("1.0.0");
        {
            let platform = world.platform.elsewhere();
            let mut cron = pin!(sweep(&platform, 100));
            let swept = go_on(cron.as_mut(), steps);
            let context = world.main();
            finish(pin!(draft(&context, &world.package, "3.0.0", &[("a", "1")])));
            swept.unwrap_or_else(|| finish(cron.as_mut())).unwrap();
        }
        let outcome = block_on(commit(&world.main(), &world.package, "3.0.0", &files()));
        settle(&world, &outcome, &steps.to_string());
    }
}
