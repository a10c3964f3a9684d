//! The builds of a snapshot, as far as its slot tells: which is the newest, what is said of them, which are too old.
//!
//! Each kind of file (main, sources, signature) has its own newest build: not every deploy has all of them.

use super::super::name::{self, Build, SnapshotFile};
use super::super::wire;
use super::KEPT_BUILDS;
use crate::model::{ArtifactName, ArtifactRecord, Digest, PackageName, Slot, Timestamp, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The files of builds.
fn files<'a>(
    package: &PackageName,
    slot: &'a Slot,
) -> impl Iterator<Item = (&'a ArtifactRecord, Build<'a>, SnapshotFile<'a>)> {
    slot.artifacts.iter().filter_map(move |record| {
        let parts = name::snapshot_file(package, &slot.version, record.name.as_str())?;
        Some((record, parts.build?, parts))
    })
}

/// The newest file of that kind.
pub(super) fn newest<'a>(
    package: &PackageName,
    slot: &'a Slot,
    kind: SnapshotFile<'_>,
) -> Option<(&'a ArtifactRecord, Build<'a>)> {
    let same = files(package, slot)
        .filter(|(_, _, parts)| parts.classifier == kind.classifier && parts.extension == kind.extension);
    same.map(|(record, build, _)| (record, build)).max_by_key(|(_, build)| *build)
}

/// What clients read to find the newest files; `None` if there is not one build.
pub(super) fn document(package: &PackageName, slot: &Slot) -> io::Result<Option<Vec<u8>>> {
    let Some(last) = files(package, slot).map(|(_, build, _)| build).max() else { return Ok(None) };
    let mut newest: BTreeMap<(&str, &str), Build<'_>> = BTreeMap::new();
    for (_, build, parts) in files(package, slot) {
        let known = newest.entry((parts.classifier, parts.extension)).or_insert(build);
        *known = build.max(*known);
    }
    let updated = |build: Build<'_>| build.timestamp.replace('.', "");
    let mut out = Vec::new();
    wire::begin(&mut out, package, Some(&slot.version))?;
    wire::tag(&mut out, 2, "versioning")?;
    wire::tag(&mut out, 4, "snapshot")?;
    wire::element(&mut out, 6, "timestamp", last.timestamp)?;
    wire::element(&mut out, 6, "buildNumber", &last.number.to_string())?;
    wire::tag(&mut out, 4, "/snapshot")?;
    wire::element(&mut out, 4, "lastUpdated", &updated(last))?;
    wire::tag(&mut out, 4, "snapshotVersions")?;
    for ((classifier, extension), build) in newest {
        wire::tag(&mut out, 6, "snapshotVersion")?;
        if !classifier.is_empty() {
            wire::element(&mut out, 8, "classifier", classifier)?;
        }
        wire::element(&mut out, 8, "extension", extension)?;
        let value = name::build_version(&slot.version, build).unwrap_or_default();
        wire::element(&mut out, 8, "value", &value)?;
        wire::element(&mut out, 8, "updated", &updated(build))?;
        wire::tag(&mut out, 6, "/snapshotVersion")?;
    }
    wire::tag(&mut out, 4, "/snapshotVersions")?;
    wire::tag(&mut out, 2, "/versioning")?;
    wire::end(&mut out)?;
    Ok(Some(out))
}

/// Where a file goes that was pushed without saying of which build it is.
pub(super) enum Place {
    /// Nowhere: the newest file of its kind is this very one.
    There,
    /// Under this name.
    Under(ArtifactName),
    /// Its name would be too long.
    TooLong,
}

/// Such a file joins the newest build, or begins another where that has one of its kind already.
pub(super) fn place(
    package: &PackageName,
    version: &Version,
    slot: Option<&Slot>,
    pushed: SnapshotFile<'_>,
    digests: &[Digest],
    now: Timestamp,
) -> Place {
    let newest_file = slot.and_then(|slot| newest(package, slot, pushed));
    if newest_file.is_some_and(|(record, _)| record.digests.iter().any(|digest| digests.contains(digest))) {
        return Place::There;
    }
    let builds = || slot.into_iter().flat_map(|slot| files(package, slot)).map(|(_, build, _)| build);
    let last = builds().max();
    let timestamp = name::build_timestamp(now);
    let build = match last {
        Some(last) if newest_file.is_none_or(|(_, build)| build != last) => last,
        _ => {
            let number = builds().map(|build| build.number).max().unwrap_or(0).saturating_add(1);
            Build { timestamp: &timestamp, number }
        }
    };
    name::build_file(package, version.key(), build, pushed).map_or(Place::TooLong, Place::Under)
}

/// The files of builds beyond those that are kept.
pub(super) fn outdated(package: &PackageName, slot: &Slot) -> Vec<ArtifactName> {
    let builds: BTreeSet<Build<'_>> = files(package, slot).map(|(_, build, _)| build).collect();
    let Some(oldest_kept) = builds.iter().rev().nth(KEPT_BUILDS - 1) else { return Vec::new() };
    let old = files(package, slot).filter(|(_, build, _)| build < oldest_kept);
    old.map(|(record, ..)| record.name.clone()).collect()
}
