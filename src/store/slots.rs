//! Slots: the one record of a version number. Created once, changed by compare-and-swap, never removed.

use super::keys::PackagePath;
use super::{Stored, withdrawals};
use crate::error::{Error, Missing, Result};
use crate::model::{ArtifactName, ArtifactRecord, Slot, Timestamp};
use crate::platform::Platform;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// For how long an isolate may reuse a positive check: the bound on how long a deleted version can still be served,
/// and a new one be missing from listings, at another location. Where the change was made it is seen at once.
pub const CHECK_REUSE: Duration = Duration::from_secs(2);

/// For how long an isolate may believe that a live slot is live, while it knows that nobody withdraws versions of the feed.
pub const LIVE_REUSE: Duration = Duration::from_secs(600);

/// A live slot, and since when that has been known.
struct Seen {
    slot: Rc<Slot>,
    at: Timestamp,
}

/// How creating a slot ended.
pub enum Created {
    /// It is ours.
    Yes,
    /// Another one holds the number.
    No(Box<Slot>),
}

/// The slot of a version, read now.
pub async fn get<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
) -> Result<Option<Stored<Slot>>> {
    super::read(platform, &path.slot_of_key(version_key)).await
}

/// The slot of a version, perhaps as it was up to [`CHECK_REUSE`] ago if it was live then. `grows` says that files only come to
/// it and none goes: then it need not be read again while no version of the feed was withdrawn.
pub async fn get_recent<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    grows: bool,
) -> Result<Option<Rc<Slot>>> {
    let key = path.slot_of_key(version_key);
    let now = platform.now();
    if let Some(seen) = platform.memo().get::<Seen>(&key, now) {
        let is_recent = now.since(seen.at) < CHECK_REUSE;
        // What cannot be known about withdrawals, the slot knows.
        if is_recent
            || grows && withdrawals::none_since(platform, path.feed(), seen.at).await.unwrap_or(false)
        {
            return Ok(Some(Rc::clone(&seen.slot)));
        }
    }
    let Some(stored) = super::read::<P, Slot>(platform, &key).await? else { return Ok(None) };
    let slot = Rc::new(stored.value);
    remember(platform, path, version_key, &slot, now);
    Ok(Some(slot))
}

/// Remembers a slot that was seen since then, if it was live.
pub fn remember<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    slot: &Rc<Slot>,
    at: Timestamp,
) {
    if slot.is_live() {
        let weight = slot.manifest.get().len() + 512;
        let seen = Rc::new(Seen { slot: Rc::clone(slot), at });
        platform.memo().put(path.slot_of_key(version_key), seen, weight, at, LIVE_REUSE);
    }
}

/// The slot of a version if it is remembered with that file, which another request of this isolate was saving.
pub fn remembered<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    file: &ArtifactName,
) -> Option<Rc<Slot>> {
    let seen = platform.memo().get::<Seen>(&path.slot_of_key(version_key), platform.now())?;
    Some(Rc::clone(&seen.slot)).filter(|slot| slot.artifact(file).is_some())
}

/// Claims a version number: the commit of a publish or a save.
pub async fn create<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    slot: &Slot,
) -> Result<Created> {
    let key = path.slot_of_key(version_key);
    if super::create(platform, &key, slot).await? {
        return Ok(Created::Yes);
    }
    match super::read::<P, Slot>(platform, &key).await? {
        Some(stored) => Ok(Created::No(Box::new(stored.value))),
        None => Err(Error::Damaged { key, reason: "a slot vanished".to_owned() }.into()),
    }
}

/// Changes a slot; `change` answers `None` for a slot that is already as it should be, and may be called several times.
pub async fn update<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    change: &mut dyn FnMut(&Slot) -> Result<Option<Slot>>,
) -> Result<Slot> {
    let key = path.slot_of_key(version_key);
    let missing = || Error::NotFound(Missing::Other(format!("no version `{version_key}` here"))).into();
    let after = super::amend(platform, &key, &missing, &mut |before: &Slot| {
        Ok(change(before)?.map(|next| Slot { sequence: before.sequence + 1, ..next }))
    })
    .await?;
    platform.memo().forget(&key);
    Ok(after)
}

/// Changes a slot so that what it showed is not shown any more: a version is deleted, or taken out of a view. Isolates that
/// remember it as live learn that they have to look.
pub async fn withdraw<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    change: &mut dyn FnMut(&Slot) -> Result<Option<Slot>>,
) -> Result<Slot> {
    let until = withdrawals::announce(platform, path.feed()).await?;
    let outcome = update(platform, path, version_key, change).await;
    if !withdrawals::covered(platform, until) {
        withdrawals::announce(platform, path.feed()).await?;
    }
    outcome
}

/// Files that are being added to one slot.
type Growing = RefCell<Vec<ArtifactRecord>>;

/// For how long files wait for one another at most: less than it takes for bytes without a slot to belong to nobody.
const GROWING: Duration = Duration::from_secs(60);

/// Adds files to a slot, and with them those that other requests of this isolate are adding: R2 takes one write per second
/// and key, and the files of a version come side by side. A version grows by what is pushed or by what is saved, as it began
/// (`published`); `refusal` says why it takes no such file.
pub async fn grow<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    records: &[ArtifactRecord],
    published: bool,
    refusal: &dyn Fn(&Slot) -> Box<Error>,
) -> Result<Slot> {
    let (key, now) = (format!("growing:{published}:{}", path.slot_of_key(version_key)), platform.now());
    let growing = platform.memo().get::<Growing>(&key, now).unwrap_or_default();
    growing.borrow_mut().extend_from_slice(records);
    platform.memo().put(key, growing.clone(), 1_024, now, GROWING);
    let outcome = update(platform, path, version_key, &mut |slot| {
        // Where bytes are under their name nobody else has it; where they are in a place of their own, the slot decides.
        let others = |record: &ArtifactRecord| {
            let (size, digests) = (Some(record.size), &record.digests[..]);
            let is_taken = slot.artifact(&record.name).is_some_and(|kept| kept.differs_from(size, digests));
            is_taken || slot.contradicts(&record.name, size, digests)
        };
        if !slot.is_live() || slot.is_published() != published || records.iter().any(others) {
            return Err(refusal(slot));
        }
        let mut growing = growing.borrow_mut();
        growing.retain(|record| slot.artifact(&record.name).is_none());
        let mut next = slot.clone();
        // One name may come twice: ours first, others' find it taken.
        for record in records.iter().chain(growing.iter()) {
            if next.artifact(&record.name).is_none() && !others(record) {
                next.artifacts.push(record.clone());
            }
        }
        Ok((next.artifacts.len() > slot.artifacts.len()).then_some(next))
    })
    .await;
    // Whoever was told that it failed must not be served by somebody else after all.
    growing.borrow_mut().retain(|record| records.iter().all(|ours| ours.name != record.name));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, FeedId, PackageName, ProtocolId, SlotState};
    use crate::platform::memory::MemoryPlatform;
    use futures_executor::block_on;
    use futures_util::FutureExt;

    fn record(name: &str) -> ArtifactRecord {
        let digests = Digest::all_of(name.as_bytes());
        ArtifactRecord {
            name: name.to_owned().try_into().unwrap(),
            size: 1,
            digests,
            manifest: None,
            place: None,
        }
    }

    fn published() -> (MemoryPlatform, PackagePath, Slot) {
        let name = PackageName::new("lib", "lib");
        let path = PackagePath::new(&FeedId::from_random([0; 16]), ProtocolId::new("any"), &name);
        let slot = include_str!("../../tests/golden/slot.published.json");
        (MemoryPlatform::new(), path, serde_json::from_str(slot).unwrap())
    }

    /// Its announcement is over when it happens at last, and somebody has just seen the version live.
    #[test]
    fn a_withdrawal_that_takes_too_long_announces_itself_again() {
        let (here, path, slot) = published();
        let there = here.elsewhere();
        block_on(async {
            create(&here, &path, "1.0.0", &slot).await.unwrap();
            withdraw(&here, &path, "1.0.0", &mut |slot| {
                here.advance(Duration::from_secs(90));
                let mut seen = std::pin::pin!(get_recent(&there, &path, "1.0.0", true));
                let seen = (0..9).find_map(|_| seen.as_mut().now_or_never()).unwrap().unwrap().unwrap();
                assert!(seen.is_live());
                here.advance(CHECK_REUSE);
                let state = SlotState::Deleted { at: here.now(), by: String::new() };
                Ok(slot.is_live().then(|| Slot { state, ..slot.clone() }))
            })
            .await
            .unwrap();
            assert!(!get_recent(&there, &path, "1.0.0", true).await.unwrap().unwrap().is_live());
        });
    }

    #[test]
    fn what_was_published_grows_by_what_is_pushed_only() {
        let (platform, path, slot) = published();
        let grown = block_on(async {
            create(&platform, &path, "1.0.0", &slot).await.unwrap();
            let refusal = |_: &Slot| Error::Invalid("refused".to_owned()).into();
            let saved = [record("saved.jar")];
            let refused = grow(&platform, &path, "1.0.0", &saved, false, &refusal).await;
            assert!(matches!(refused.map_err(|error| *error), Err(Error::Invalid(_))));
            grow(&platform, &path, "1.0.0", &[record("pushed.jar")], true, &refusal).await.unwrap()
        });
        let names: Vec<_> = grown.artifacts.iter().map(|record| record.name.as_str()).collect();
        assert!(names.contains(&"pushed.jar") && !names.contains(&"saved.jar"), "{names:?}");
    }
}
