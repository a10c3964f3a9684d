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
    let is_fresh = keys::began(place).is_some_and(|began| platform.now().since(began) <= LIFETIME);
    let given = format!("{slot}\n{file}").into();
    if is_fresh && super::create_bytes(platform, &keys::fate(feed, place), given).await? {
        return Ok(());
    }
    let text = "what was uploaded was published already as something else, or given up; upload it again";
    Err(Error::Conflict(Conflict::Other(text.to_owned())).into())
}

/// Removes what is in a place, unless it was given to a version.
pub async fn discard<P: Platform>(platform: &P, feed: &FeedId, place: &str) -> Result<()> {
    if super::create_bytes(platform, &keys::fate(feed, place), Bytes::new()).await? {
        platform.blobs().delete(&keys::placed(feed, place)).await?;
    }
    Ok(())
}

/// Some of the places that nobody asks for any more, the oldest first.
pub async fn settled<P: Platform>(platform: &P, limit: usize) -> Result<Vec<(FeedId, String)>> {
    let page = platform.records().list(keys::STAGING, None, 2 * limit).await?;
    let mut places: Vec<(FeedId, String)> = Vec::new();
    for (feed, place) in page.keys.iter().filter_map(|key| keys::parse_staging(key)) {
        if keys::began(place).is_none_or(|began| platform.now().since(began) <= SETTLED) {
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
    let fate = keys::fate(feed, place);
    let slot = match platform.records().get(&fate).await? {
        Some(given) if !given.bytes.is_empty() => {
            let text = String::from_utf8_lossy(&given.bytes);
            super::read::<P, Slot>(platform, text.lines().next().unwrap_or_default()).await?
        }
        _ => None,
    };
    let is_named = slot.is_some_and(|slot| slot.value.occupies(place));
    if !is_named {
        platform.blobs().delete(&keys::placed(feed, place)).await?;
    }
    platform.records().delete(&[keys::staging(feed, place), fate]).await?;
    Ok(!is_named)
}
