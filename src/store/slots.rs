//! Slots: the one record of a version number. Created once, changed by compare-and-swap, never removed.

use super::keys::PackagePath;
use super::{Change, Stored};
use crate::error::{Error, Missing, Result};
use crate::model::{ArtifactRecord, Slot};
use crate::platform::Platform;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// For how long an isolate may reuse a positive check: the bound on how long a deleted version can still be served,
/// and a new one be missing from listings, at another location. Where the change was made it is seen at once.
pub const CHECK_REUSE: Duration = Duration::from_secs(2);

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

/// The slot of a version, perhaps as it was up to [`CHECK_REUSE`] ago if it was live then.
pub async fn get_recent<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
) -> Result<Option<Rc<Slot>>> {
    let key = path.slot_of_key(version_key);
    let now = platform.now();
    if let Some(slot) = platform.memo().get::<Slot>(&key, now) {
        return Ok(Some(slot));
    }
    let Some(stored) = super::read::<P, Slot>(platform, &key).await? else { return Ok(None) };
    let slot = Rc::new(stored.value);
    remember(platform, path, version_key, &slot);
    Ok(Some(slot))
}

/// Remembers a slot that was just seen, if it was live.
pub fn remember<P: Platform>(platform: &P, path: &PackagePath, version_key: &str, slot: &Rc<Slot>) {
    if slot.is_live() {
        let weight = slot.manifest.get().len() + 512;
        let key = path.slot_of_key(version_key);
        platform.memo().put(key, slot.clone(), weight, platform.now(), CHECK_REUSE);
    }
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
        None => Err(Error::Damaged { key, reason: "a slot vanished".to_owned() }),
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
    let missing = || Error::NotFound(Missing::Other(format!("no version `{version_key}` here")));
    let stored = super::update::<P, Slot>(platform, &key, &mut |before| {
        let before = before.ok_or_else(missing)?;
        Ok(match change(before)? {
            Some(next) => Change::To(Slot { sequence: before.sequence + 1, ..next }),
            None => Change::None,
        })
    })
    .await?;
    platform.memo().forget(&key);
    stored.ok_or_else(missing)
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
    refusal: &dyn Fn(&Slot) -> Error,
) -> Result<Slot> {
    let (key, now) = (format!("growing:{published}:{}", path.slot_of_key(version_key)), platform.now());
    let growing = platform.memo().get::<Growing>(&key, now).unwrap_or_default();
    growing.borrow_mut().extend_from_slice(records);
    platform.memo().put(key, growing.clone(), 1_024, now, GROWING);
    let outcome = update(platform, path, version_key, &mut |slot| {
        if !slot.is_live() || slot.is_published() != published {
            return Err(refusal(slot));
        }
        let mut growing = growing.borrow_mut();
        growing.retain(|record| slot.artifact(&record.name).is_none());
        let mut next = slot.clone();
        // One name may come twice, with the same bytes: other bytes would not have got their name.
        for record in growing.iter().chain(records) {
            if next.artifact(&record.name).is_none() {
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
    use crate::model::{Digest, FeedId, PackageName, ProtocolId};
    use crate::platform::memory::MemoryPlatform;
    use futures_executor::block_on;

    fn record(name: &str) -> ArtifactRecord {
        let digests = Digest::all_of(name.as_bytes());
        ArtifactRecord { name: name.to_owned().try_into().unwrap(), size: 1, digests, manifest: None }
    }

    #[test]
    fn what_was_published_grows_by_what_is_pushed_only() {
        let platform = MemoryPlatform::new();
        let name = PackageName::new("lib", "lib");
        let path = PackagePath::new(&FeedId::from_random([0; 16]), ProtocolId::new("any"), &name);
        let slot =
            serde_json::from_str::<Slot>(include_str!("../../tests/golden/slot.published.json")).unwrap();
        let grown = block_on(async {
            create(&platform, &path, "1.0.0", &slot).await.unwrap();
            let refusal = |_: &Slot| Error::Invalid("refused".to_owned());
            let saved = [record("saved.jar")];
            let refused = grow(&platform, &path, "1.0.0", &saved, false, &refusal).await;
            assert!(matches!(refused, Err(Error::Invalid(_))));
            grow(&platform, &path, "1.0.0", &[record("pushed.jar")], true, &refusal).await.unwrap()
        });
        let names: Vec<_> = grown.artifacts.iter().map(|record| record.name.as_str()).collect();
        assert!(names.contains(&"pushed.jar") && !names.contains(&"saved.jar"), "{names:?}");
    }
}
