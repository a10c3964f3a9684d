//! Places of their own: where large content goes before its length, name or digests are known, and where it then stays.
//!
//! A place is named in the record of the one file whose bytes are in it. Which file that is, or that nobody's are, is its fate,
//! which is decided once: so that what a version names is never removed, whoever fails, repeats himself or comes late.
//! Note and fate stay for as long as somebody could ask for them; cron removes them, and bytes that no version names.

use super::keys;
use crate::error::{Conflict, Error, Result};
use crate::model::{ArtifactName, FeedId, Slot};
use crate::platform::{BlobStore as _, Platform, RecordStore as _};
use bytes::Bytes;
use std::time::Duration;

/// How old content may be when a version takes it: R2 keeps uploads that are not complete for as long.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// After that a place has its fate.
const SETTLED: Duration = Duration::from_secs(8 * 24 * 3600);

/// Takes a new place.
pub async fn take<P: Platform>(platform: &P, feed: &FeedId) -> Result<String> {
    let mut random = [0_u8; 16];
    platform.random(&mut random);
    let place = keys::timed_id(platform.now(), &random);
    super::create_bytes(platform, &keys::staging(feed, &place), Bytes::new()).await?;
    Ok(place)
}

/// Gives what is in a place to a file of the version whose slot has that key, before the slot names it. It may be given once.
pub async fn give<P: Platform>(
    platform: &P,
    feed: &FeedId,
    place: &str,
    slot: &str,
    file: &ArtifactName,
) -> Result<()> {
    let given = format!("{slot}\n{file}").into();
    if is_fresh(platform, place) && super::create_bytes(platform, &keys::fate(feed, place), given).await? {
        return Ok(());
    }
    let text = "what was uploaded was published already as something else, or given up; upload it again";
    Err(Error::Conflict(Conflict::Other(text.to_owned())).into())
}

/// Removes what is in a place, unless it was given to a version. What is old is left to cron: its fate may be forgotten.
pub async fn discard<P: Platform>(platform: &P, feed: &FeedId, place: &str) -> Result<()> {
    if is_fresh(platform, place)
        && super::create_bytes(platform, &keys::fate(feed, place), Bytes::new()).await?
    {
        platform.blobs().delete(&keys::placed(feed, place)).await?;
    }
    Ok(())
}

fn is_fresh<P: Platform>(platform: &P, place: &str) -> bool {
    keys::began(place).is_some_and(|began| platform.now().since(began) <= LIFETIME)
}

/// Some of the places that nobody asks for any more, the oldest first.
pub async fn settled<P: Platform>(platform: &P, limit: usize) -> Result<Vec<(FeedId, String)>> {
    let page = platform.records().list(keys::STAGING, None, 2 * limit).await?;
    let mut places: Vec<(FeedId, String)> = Vec::new();
    for (feed, place, began) in page.keys.iter().filter_map(|key| keys::parse_staging(key)) {
        if platform.now().since(began) <= SETTLED {
            break;
        }
        if places.last().is_none_or(|(_, known)| known != place) {
            places.push((feed, place.to_owned()));
        }
    }
    places.truncate(limit);
    Ok(places)
}

/// Removes note and fate of a place that is settled, and what is in it if no version names it; `true` if none did.
pub async fn forget<P: Platform>(platform: &P, feed: &FeedId, place: &str) -> Result<bool> {
    let (note, fate) = (keys::staging(feed, place), keys::fate(feed, place));
    let slot = match platform.records().get(&fate).await? {
        Some(given) if !given.bytes.is_empty() => {
            let text = String::from_utf8_lossy(&given.bytes);
            super::read::<P, Slot>(platform, text.lines().next().unwrap_or_default()).await?
        }
        // Another run has just forgotten it: that nothing is known of it any more says nothing.
        None if platform.records().head(&note).await?.is_none() => return Ok(false),
        _ => None,
    };
    let is_named = slot.is_some_and(|slot| slot.value.occupies(place));
    if !is_named {
        platform.blobs().delete(&keys::placed(feed, place)).await?;
    }
    // One after the other: see above.
    platform.records().delete(&[note]).await?;
    platform.records().delete(&[fate]).await?;
    Ok(!is_named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json;
    use crate::platform::memory::MemoryPlatform;
    use futures_executor::block_on;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    struct World {
        platform: MemoryPlatform,
        feed: FeedId,
        place: String,
        file: ArtifactName,
    }

    impl World {
        /// A place with something in it.
        fn new() -> Self {
            let (platform, feed) = (MemoryPlatform::new(), FeedId::from_random([7; 16]));
            let place = block_on(take(&platform, &feed)).unwrap();
            platform.put_object(&keys::placed(&feed, &place), "bytes");
            Self { platform, feed, place, file: ArtifactName::parse("a.jar").unwrap() }
        }

        /// Has a slot name the place.
        fn commit(&self, slot: &str) {
            let mut named: Slot = json::read(include_bytes!("../../tests/golden/slot.placed.json")).unwrap();
            named.artifacts[0].place = Some(self.place.clone());
            self.platform.put_object(slot, serde_json::to_vec(&named).unwrap());
        }

        fn give(&self, slot: &str) -> Result<()> {
            block_on(give(&self.platform, &self.feed, &self.place, slot, &self.file))
        }

        fn discard(&self) {
            block_on(discard(&self.platform, &self.feed, &self.place)).unwrap();
        }

        fn forget(&self) -> bool {
            block_on(forget(&self.platform, &self.feed, &self.place)).unwrap()
        }

        fn settled(&self) -> usize {
            block_on(settled(&self.platform, 10)).unwrap().len()
        }

        fn is_there(&self) -> bool {
            self.platform.object(&keys::placed(&self.feed, &self.place)).is_some()
        }
    }

    #[test]
    fn a_place_is_given_once_or_given_up() {
        let world = World::new();
        world.give("slot").unwrap();
        world.give("slot").unwrap();
        assert!(world.give("other").is_err());
        world.discard();
        assert!(world.is_there(), "it is a version's");
        let world = World::new();
        world.discard();
        assert!(!world.is_there() && world.give("slot").is_err());
    }

    #[test]
    fn what_a_version_names_stays_whoever_comes_late() {
        let world = World::new();
        world.give("slot").unwrap();
        world.commit("slot");
        world.platform.advance(8 * DAY);
        assert_eq!(world.settled(), 0);
        world.platform.advance(DAY);
        assert_eq!(world.settled(), 1);
        // Two runs at once, and one that died between its two last steps.
        let (note, fate) = (keys::staging(&world.feed, &world.place), keys::fate(&world.feed, &world.place));
        block_on(world.platform.records().delete(&[note])).unwrap();
        assert_eq!(world.settled(), 1);
        assert!(!world.forget() && !world.forget());
        assert_eq!((world.platform.object(&fate), world.settled()), (None, 0));
        world.discard();
        assert!(world.give("other").is_err() && world.is_there());
    }

    #[test]
    fn what_no_version_names_goes() {
        for given in [false, true] {
            let world = World::new();
            if given {
                world.give("slot").unwrap();
            }
            world.platform.advance(9 * DAY);
            assert!(world.give("slot").is_err(), "too old");
            assert!(world.forget() && !world.is_there());
            assert_eq!(world.settled(), 0);
        }
    }
}
