//! The index of a package: every slot with what listings need, in one record. Derived from the slots, rebuildable.

use super::keys::{self, PackagePath, REPAIRS};
use super::{Change, Stored, log};
use crate::error::{Error, Result};
use crate::model::{FeedId, PackageSettings, ProtocolId, Slot, Timestamp};
use crate::platform::{Etag, Platform, RecordStore as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;

/// The stored record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PackageIndex {
    /// The package's name as people write it.
    pub name: String,
    /// A copy of the package's settings.
    pub settings: PackageSettings,
    /// All slots, oldest first; tombstones too, because they hide a number from upstream sources.
    pub slots: Vec<IndexedSlot>,
    /// Grows with every change.
    pub sequence: u64,
}

/// A slot under its version key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IndexedSlot {
    /// The normalised version.
    pub key: String,
    /// A copy of the slot.
    pub slot: Slot,
}

impl PackageIndex {
    /// The slot of that version key.
    pub fn slot(&self, version_key: &str) -> Option<&Slot> {
        self.slots.iter().find(|entry| entry.key == version_key).map(|entry| &entry.slot)
    }

    /// Takes a slot in; `false` if this or a later state of it is known already.
    fn accept(&mut self, key: &str, slot: &Slot) -> bool {
        match self.slots.iter_mut().find(|entry| entry.key == key) {
            Some(entry) if entry.slot.sequence >= slot.sequence => false,
            Some(entry) => {
                entry.slot = slot.clone();
                true
            }
            None => {
                self.slots.push(IndexedSlot { key: key.to_owned(), slot: slot.clone() });
                true
            }
        }
    }
}

/// What identifies one state of an index, the absent one included.
pub type IndexEtag = Option<Etag>;

/// The index as it is now.
pub async fn get<P: Platform>(platform: &P, path: &PackagePath) -> Result<Option<Stored<PackageIndex>>> {
    super::read(platform, &path.index()).await
}

/// Its etag now, or as it was up to [`super::slots::CHECK_REUSE`] ago unless `always`.
pub async fn check<P: Platform>(platform: &P, path: &PackagePath, always: bool) -> Result<IndexEtag> {
    let now = platform.now();
    let key = path.index();
    if let Some(etag) = platform.memo().get::<IndexEtag>(&key, now).filter(|_| !always) {
        return Ok((*etag).clone());
    }
    let etag = platform.records().head(&key).await?;
    remember(platform, path, etag.clone());
    Ok(etag)
}

/// Remembers an etag that was just seen.
pub fn remember<P: Platform>(platform: &P, path: &PackagePath, etag: IndexEtag) {
    platform.memo().put(path.index(), Rc::new(etag), 64, platform.now(), super::slots::CHECK_REUSE);
}

/// An announced slot whose index shows no trace of it after this long belongs to a request that died.
const DEAD: Duration = Duration::from_secs(600);

/// Notes that a slot with that sequence number (0 if there is none) is about to be made or changed and what the log is to
/// say of it, so that what its maker does not live to write is written.
pub async fn announce<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    sequence: u64,
    log: &Value,
) -> Result<()> {
    let note = json!({ "announced": platform.now(), "sequence": sequence, "log": [log] });
    // A note that is there is somebody's who is at it now, too, and has the index looked at.
    leave_note(platform, path, version_key, &note, true).await
}

async fn leave_note<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
    note: &Value,
    yields: bool,
) -> Result<()> {
    super::put_patiently(platform, &path.repair(version_key), note.to_string().into(), yields).await
}

/// Puts changed slots and settings into the index. If it cannot be done a note is left for [`repair_all`].
pub async fn record<P: Platform>(
    platform: &P,
    path: &PackagePath,
    name: &str,
    slots: &[(String, Slot)],
    settings: Option<&PackageSettings>,
) -> Result<()> {
    record_logged(platform, path, name, slots, settings, &[]).await
}

/// The same, and writes entries to the feed's log side by side.
pub async fn record_logged<P: Platform>(
    platform: &P,
    path: &PackagePath,
    name: &str,
    slots: &[(String, Slot)],
    settings: Option<&PackageSettings>,
    entries: &[Value],
) -> Result<()> {
    let log = keys::feed_log(path.feed());
    let (outcome, logged) = futures_util::future::join(
        try_record(platform, path, name, slots, settings),
        log::append(platform, &log, entries),
    )
    .await;
    platform.memo().forget(&path.index());
    if outcome.is_err() || logged.is_err() {
        let version_key = slots.first().map_or("-", |(key, _)| key);
        let unlogged = if logged.is_err() { entries } else { &[] };
        let note = json!({ "failed": platform.now(), "log": unlogged });
        leave_note(platform, path, version_key, &note, false).await?;
        return outcome;
    }
    // Whoever has nothing to log repeats what somebody announced who died: the log still lacks it.
    if !entries.is_empty() {
        let notes: Vec<String> = slots.iter().map(|(key, _)| path.repair(key)).collect();
        let (records, task) = (platform.clone(), platform.clone());
        // A note that stays costs one look at an index that is complete.
        task.in_background(async move {
            let _ = records.records().delete(&notes).await;
        });
    }
    Ok(())
}

async fn try_record<P: Platform>(
    platform: &P,
    path: &PackagePath,
    name: &str,
    slots: &[(String, Slot)],
    settings: Option<&PackageSettings>,
) -> Result<()> {
    // Before the index: a push that is complete there is never repeated, so nothing may be left to do after it.
    if !slots.is_empty() && platform.records().head(&path.catalog()).await?.is_none() {
        create_notes(platform, path).await?;
    }
    let first_published = slots.iter().any(|(_, slot)| slot.is_published() && slot.sequence == 1);
    if first_published && platform.records().head(&path.published()).await?.is_none() {
        super::create(platform, &path.published(), &json!({})).await?;
        platform.memo().forget(&path.all_published());
    }
    super::update::<P, PackageIndex>(platform, &path.index(), &mut |before| {
        let mut next = before
            .cloned()
            .unwrap_or_else(|| PackageIndex { name: name.to_owned(), ..PackageIndex::default() });
        let mut changed = false;
        for (key, slot) in slots {
            changed |= next.accept(key, slot);
        }
        if let Some(settings) = settings.filter(|settings| settings.sequence > next.settings.sequence) {
            next.settings = (*settings).clone();
            changed = true;
        }
        next.sequence += 1;
        Ok(if changed { Change::To(next) } else { Change::None })
    })
    .await?;
    Ok(())
}

/// What says that the feed has a package, and what it is found by if only its id is known.
async fn create_notes<P: Platform>(platform: &P, path: &PackagePath) -> Result<()> {
    let (place, note) = (path.place().into(), json!({}));
    let (id, catalog) = (path.id(), path.catalog());
    let (found, listed) = futures_util::future::join(
        super::create::<P, Value>(platform, &id, &place),
        super::create::<P, Value>(platform, &catalog, &note),
    )
    .await;
    found.and(listed).map(|_| ())
}

/// The place of the package with that id in a feed.
pub async fn find<P: Platform>(platform: &P, feed: &FeedId, id: &str) -> Result<Option<PackagePath>> {
    let key = keys::package_of_id(feed, id);
    let place = super::read::<P, String>(platform, &key).await?;
    Ok(place.and_then(|place| Some(PackagePath::parse_after("", &place.value)?.0)))
}

/// Makes another state of an index, or the first one, that says the same: listings made from the one before are made anew.
pub async fn touch<P: Platform>(platform: &P, path: &PackagePath, name: &str) -> Result<()> {
    super::update::<P, PackageIndex>(platform, &path.index(), &mut |before| {
        let before = before.cloned();
        let before = before.unwrap_or_else(|| PackageIndex { name: name.to_owned(), ..Default::default() });
        Ok(Change::To(PackageIndex { sequence: before.sequence + 1, ..before }))
    })
    .await?;
    platform.memo().forget(&path.index());
    Ok(())
}

/// The packages of one protocol that were ever published to a feed, as it was up to a minute ago: names that are not
/// told to upstream sources.
pub async fn published_names<P: Platform>(
    platform: &P,
    feed: &FeedId,
    protocol: ProtocolId,
) -> Result<Rc<Vec<String>>> {
    let prefix = keys::published(feed, protocol);
    let now = platform.now();
    if let Some(names) = platform.memo().get::<Vec<String>>(&prefix, now) {
        return Ok(names);
    }
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = platform.records().list(&prefix, cursor.as_deref(), 1_000).await?;
        names.extend(page.keys.iter().filter_map(|key| keys::catalog_name(&prefix, key)));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let names = Rc::new(names);
    let weight = names.iter().map(|name| name.len() + 32).sum();
    platform.memo().put(prefix, names.clone(), weight, now, Duration::from_secs(60));
    Ok(names)
}

/// Was any version of a package ever published to its feed?
pub async fn is_published<P: Platform>(platform: &P, path: &PackagePath) -> Result<bool> {
    Ok(platform.records().head(&path.published()).await?.is_some())
}

/// One page of the packages of one protocol in a feed, by name, and where to go on.
pub async fn catalog<P: Platform>(
    platform: &P,
    feed: &FeedId,
    protocol: ProtocolId,
    cursor: Option<&str>,
) -> Result<(Vec<String>, Option<String>)> {
    let prefix = keys::catalog(feed, protocol);
    let page = platform.records().list(&prefix, cursor, 1_000).await?;
    let names = page.keys.iter().filter_map(|key| keys::catalog_name(&prefix, key)).collect();
    Ok((names, page.cursor))
}

/// Makes the index anew from the slots and the settings.
pub async fn rebuild<P: Platform>(platform: &P, path: &PackagePath) -> Result<()> {
    let settings = super::packages::settings(platform, path).await?;
    let mut slots = Vec::new();
    let mut cursor = None;
    loop {
        let page = platform.records().list(&path.slots(), cursor.as_deref(), 1_000).await?;
        for key in &page.keys {
            let version = key.strip_prefix(&path.slots()).unwrap_or_default();
            let version = percent_encoding::percent_decode_str(version).decode_utf8_lossy().into_owned();
            slots.extend(super::read::<P, Slot>(platform, key).await?.map(|stored| (version, stored.value)));
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    slots.sort_by_key(|(_, slot)| slot.added);
    if !slots.is_empty() {
        // One of the two may have been made, and the other not.
        create_notes(platform, path).await?;
    }
    try_record(platform, path, &path.package_key(), &slots, Some(&settings)).await?;
    platform.memo().forget(&path.index());
    Ok(())
}

/// Rebuilds what notes ask for; looks at one page of at most `limit` notes. Answers how many packages were rebuilt. One that does
/// not read back is told of and does not stop the others.
pub async fn repair_all<P: Platform>(platform: &P, limit: usize) -> Result<usize> {
    let page = platform.records().list(REPAIRS, None, limit).await?;
    let mut rebuilt: Vec<PackagePath> = Vec::new();
    let (mut done, mut outcome) = (Vec::new(), Ok(()));
    for key in page.keys {
        // A note that does not read back is a note all the same, and must not stop the others.
        let note = super::read::<P, Value>(platform, &key).await.unwrap_or(None);
        let mut note = note.map(|note| note.value).unwrap_or_default();
        if announced(&note).is_some_and(|at| platform.now().since(at) < DEAD) {
            continue;
        }
        if let Some((path, version)) = PackagePath::parse_after(REPAIRS, &key) {
            if !rebuilt.contains(&path) {
                match rebuild(platform, &path).await {
                    Ok(()) => rebuilt.push(path.clone()),
                    Err(error) if matches!(*error, Error::Damaged { .. }) => {
                        outcome = Err(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            log_late(platform, &path, version, &mut note).await?;
        }
        done.push(key);
    }
    if !done.is_empty() {
        platform.records().delete(&done).await?;
    }
    outcome.map(|()| rebuilt.len())
}

/// Writes what the log lacks of a change, if that was made.
async fn log_late<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version: &str,
    note: &mut Value,
) -> Result<()> {
    let sequence = note["sequence"].as_u64().unwrap_or_default();
    let is_announced = announced(note).is_some();
    let Some(entries) = note.get_mut("log").and_then(Value::as_array_mut) else { return Ok(()) };
    if is_announced {
        let key = percent_encoding::percent_decode_str(version).decode_utf8_lossy();
        let slot = super::slots::get(platform, path, &key).await?;
        if slot.is_none_or(|slot| slot.value.sequence <= sequence) {
            return Ok(());
        }
        // Whoever wrote this down did not live to see whether the change was made; the version has changed since.
        for entry in entries.iter_mut() {
            entry["late"] = true.into();
        }
    }
    log::append(platform, &keys::feed_log(path.feed()), entries).await
}

/// When a slot was about to be made or changed, if that is why the note was left.
fn announced(note: &Value) -> Option<Timestamp> {
    note["announced"].as_str().and_then(Timestamp::parse)
}
