//! Files of saved versions: copied when they are asked for, from where the version came from.

use super::super::contents;
use super::*;
use crate::model::{Slot, SlotState};
use crate::platform::ByteRange;
use crate::platform::memory::{Fault, Operation, Reply};
use crate::store::slots;
use serde_json::Value;

fn source(name: &str, location: &str, kind: &str) -> Value {
    json!([{
        "id": crate::model::guid_of(&format!("to {name}")), "name": name, "protocol": "trees",
        "location": location, "kind": kind, "enabled": true,
    }])
}

/// Feeds `second` and `third`, each with the one before as its source; the first has a version.
fn chained() -> World {
    let world = World::new();
    world.feed("second", &source("main", "azure-feed://acme/main@Local", "internal"));
    world.feed("third", &source("second", "azure-feed://acme/second@Local", "internal"));
    world.publish("1.0.0", &[("a", "text"), ("b/c", "other")]);
    world
}

/// Saves the manifest of the version.
fn save(world: &World, feed: &str) {
    let context = world.context(feed, "restore");
    let name = ArtifactName::parse(crate::store::keys::TREE).unwrap();
    let version = Version::new("1.0.0", "1.0.0");
    block_on(async {
        let artifact = download::artifact(&context, &world.package, &version, &name).await.unwrap();
        let text = artifact.open(None).await.unwrap().collect(1 << 20).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert_eq!(tree::files(&text).map(|file| file.path.to_string()).collect::<Vec<_>>(), ["a", "b/c"]);
        world.platform.run_background().await;
    });
}

fn open(world: &World, feed: &str, scope: &str, file: &TreeFile) -> Result<String> {
    let context = world.context(feed, scope);
    let version = Version::new("1.0.0", "1.0.0");
    block_on(async {
        let body = contents::open(&context, &world.package, &version, file, None).await?;
        let bytes = body.collect(1 << 20).await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    })
}

fn kept(world: &World, feed: &str) -> usize {
    world.notes(&world.context(feed, "read").path(&world.package).contents())
}

#[test]
fn a_file_is_copied_for_who_may_save_and_is_there_for_all() {
    let world = chained();
    save(&world, "second");
    assert_eq!(kept(&world, "second"), 0);
    let refused = open(&world, "second", "read", &file("a", "text")).unwrap_err();
    assert!(matches!(&*refused, Error::Forbidden(text) if text.contains("`a` of `lib` 1.0.0")), "{refused}");
    assert_eq!(open(&world, "second", "restore", &file("a", "text")).unwrap(), "text");
    assert_eq!(kept(&world, "second"), 1);
    // From the feed's own from now on, for everybody.
    world.platform.remove_object(&world.path().content(&file("a", "text").digest));
    let elsewhere = World { platform: world.platform.elsewhere(), package: world.package.clone() };
    assert_eq!(open(&elsewhere, "second", "read", &file("a", "text")).unwrap(), "text");
}

#[test]
fn a_range_is_answered_from_what_was_copied_whole() {
    let world = chained();
    save(&world, "second");
    let context = world.context("second", "restore");
    let (version, range) = (Version::new("1.0.0", "1.0.0"), Some(ByteRange { start: 1, length: 2 }));
    let wanted = file("a", "text");
    let body = block_on(contents::open(&context, &world.package, &version, &wanted, range)).unwrap();
    assert_eq!(block_on(body.collect(9)).unwrap(), "ex");
    assert_eq!(open(&world, "second", "read", &wanted).unwrap(), "text");
}

/// The feed in between has the manifest only: its own source is looked into.
#[test]
fn a_file_is_found_through_several_feeds() {
    let world = chained();
    save(&world, "second");
    save(&world, "third");
    assert_eq!(open(&world, "third", "restore", &file("b/c", "other")).unwrap(), "other");
    assert_eq!((kept(&world, "second"), kept(&world, "third")), (0, 1));
    // What the nearest has is taken from there.
    open(&world, "second", "restore", &file("a", "text")).unwrap();
    world.platform.remove_object(&world.path().content(&file("a", "text").digest));
    assert_eq!(open(&world, "third", "restore", &file("a", "text")).unwrap(), "text");
}

#[test]
fn a_version_that_went_at_its_source_gives_no_more_files() {
    let world = chained();
    save(&world, "second");
    let version = Version::new("1.0.0", "1.0.0");
    open(&world, "second", "restore", &file("a", "text")).unwrap();
    block_on(delete::delete(&world.main(), &world.package, &version)).unwrap();
    let elsewhere = World { platform: world.platform.elsewhere(), package: world.package.clone() };
    let gone = open(&elsewhere, "second", "restore", &file("b/c", "other")).unwrap_err();
    assert!(matches!(*gone, Error::NotFound(_)), "{gone}");
    assert_eq!(open(&elsewhere, "second", "read", &file("a", "text")).unwrap(), "text");
}

#[test]
fn other_bytes_are_not_kept() {
    let world = chained();
    save(&world, "second");
    world.platform.put_object(&world.path().content(&file("a", "text").digest), "TEXT");
    open(&world, "second", "restore", &file("a", "text")).unwrap_err();
    assert_eq!(kept(&world, "second"), 0);
}

/// A published version that lost a file is our fault, whoever asks.
#[test]
fn nobody_is_asked_for_what_was_published_here() {
    let world = chained();
    world.platform.remove_object(&world.path().content(&file("a", "text").digest));
    let lost = open(&world, "main", "manage", &file("a", "text")).unwrap_err();
    assert!(matches!(*lost, Error::Damaged { .. }), "{lost}");
}

/// Cron is removing that very content, left by another version.
#[test]
fn a_copy_waits_for_what_is_being_removed() {
    let world = chained();
    save(&world, "second");
    let wanted = file("a", "text");
    let path = world.context("second", "read").path(&world.package);
    let note = json!({ "digests": "", "going": wanted.digest.hex(), "since": world.platform.now() });
    world.platform.put_object(&path.leaving(world.platform.now(), [0; 4]), note.to_string());
    let refused = open(&world, "second", "restore", &wanted).unwrap_err();
    assert!(matches!(*refused, Error::Conflict(crate::error::Conflict::Contended(_))), "{refused}");
    world.platform.advance(Duration::from_secs(1_800));
    world.cron();
    assert_eq!(open(&world, "second", "restore", &wanted).unwrap(), "text");
    world.cron();
    assert_eq!(kept(&world, "second"), 1);
}

/// A feed whose source is on another host, with a version saved from it.
fn remote() -> World {
    let world = World::new();
    let sources = source("far", "https://far.test/org/_packaging/feed/", "internal");
    world.feed("second", &sources);
    let origin = json!({ "kind": "saved", "by": "somebody", "sourceChain": [{
        "id": sources[0]["id"], "name": "far", "location": sources[0]["location"], "kind": "internal",
    }] });
    let text = include_str!("../../../tests/golden/slot.published.json");
    let mut slot: Slot = serde_json::from_str(text).unwrap();
    slot.origin = serde_json::from_value(origin).unwrap();
    slot.state = SlotState::Live;
    let path = world.context("second", "read").path(&world.package);
    assert!(matches!(
        block_on(slots::create(&world.platform, &path, "1.0.0", &slot)).unwrap(),
        slots::Created::Yes
    ));
    world
}

#[test]
fn a_feed_on_another_host_is_asked() {
    let world = remote();
    let url = "https://far.test/org/_packaging/feed/trees/lib/1.0.0/a";
    world.platform.upstream().route(url, |_| Reply::ok("text"));
    assert!(matches!(*open(&world, "second", "read", &file("a", "text")).unwrap_err(), Error::Forbidden(_)));
    assert!(world.platform.upstream().urls().is_empty(), "whoever may not save makes no work");
    assert_eq!(open(&world, "second", "restore", &file("a", "text")).unwrap(), "text");
    assert_eq!(world.platform.upstream().urls(), [url]);
    assert_eq!(open(&world, "second", "read", &file("a", "text")).unwrap(), "text");
    assert_eq!((world.platform.upstream().urls().len(), kept(&world, "second")), (1, 1));
}

#[test]
fn what_another_host_sends_is_verified() {
    let replies = [
        Reply::ok("TEXT"),
        Reply::ok("longer"),
        Reply::ok("text").cut_after(2),
        Reply::status(500),
        Reply::status(404),
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        let world = remote();
        world.platform.upstream().on(move |_| reply.clone());
        let error = open(&world, "second", "restore", &file("a", "text")).unwrap_err();
        let is_right = match number {
            0 => matches!(*error, Error::Upstream { fault: UpstreamFault::Integrity(_), .. }),
            4 => matches!(*error, Error::NotFound(_)),
            _ => matches!(*error, Error::Upstream { .. }),
        };
        assert!(is_right, "{number}: {error}");
        assert_eq!(kept(&world, "second"), 0, "{number}");
    }
}

#[test]
fn a_copy_goes_on_although_the_client_hangs_up_and_writes_are_lost() {
    let world = remote();
    world.platform.upstream().on(|_| Reply::ok("text"));
    world
        .platform
        .faults()
        .add(Fault::of(Operation::PutBlob).after(crate::platform::PlatformError::TimedOut));
    let (context, version, wanted) =
        (world.context("second", "restore"), Version::new("1.0.0", "1.0.0"), file("a", "text"));
    {
        let mut opened = std::pin::pin!(contents::open(&context, &world.package, &version, &wanted, None));
        assert!(go_on(opened.as_mut(), 8).is_none());
    }
    block_on(world.platform.run_background());
    assert_eq!(kept(&world, "second"), 1);
}
