//! The builds of a snapshot, as far as its slot tells: which is the newest, what is said of them, which are too old.
//!
//! Each kind of file (main, sources, signature) has its own newest build: not every deploy has all of them.

use super::super::name::{self, Build, SnapshotFile};
use super::super::wire;
use super::KEPT_BUILDS;
use crate::model::{ArtifactName, ArtifactRecord, Digest, PackageName, Slot, Timestamp, Version};
use std::io;

/// A file of a build.
#[derive(Clone, Copy)]
struct Kept<'a> {
    record: &'a ArtifactRecord,
    build: Build<'a>,
    parts: SnapshotFile<'a>,
}

impl Kept<'_> {
    fn is_like(&self, kind: SnapshotFile<'_>) -> bool {
        self.parts.classifier == kind.classifier && self.parts.extension == kind.extension
    }
}

/// The files of builds, in the order in which they came.
fn files<'a>(package: &PackageName, slot: &'a Slot) -> Vec<Kept<'a>> {
    let mut files = Vec::new();
    for record in &slot.artifacts {
        if let Some(parts) = name::snapshot_file(package, &slot.version, record.name.as_str())
            && let Some(build) = parts.build
        {
            files.push(Kept { record, build, parts });
        }
    }
    files
}

/// The newest file of each kind.
fn newest_of_each<'a>(files: &[Kept<'a>]) -> Vec<Kept<'a>> {
    let mut newest: Vec<Kept<'a>> = Vec::new();
    for file in files {
        match newest.iter_mut().find(|known| known.is_like(file.parts)) {
            Some(known) if known.build < file.build => *known = *file,
            Some(_) => {}
            None => newest.push(*file),
        }
    }
    newest
}

/// The newest file of that kind.
pub(super) fn newest<'a>(
    package: &PackageName,
    slot: &'a Slot,
    kind: SnapshotFile<'_>,
) -> Option<(&'a ArtifactRecord, Build<'a>)> {
    let newest = newest_of_each(&files(package, slot));
    newest.into_iter().find(|file| file.is_like(kind)).map(|file| (file.record, file.build))
}

/// The file of a version that has no classifier, and that extension; of a snapshot, the newest.
pub(super) fn main<'a>(
    package: &PackageName,
    version: &Version,
    slot: &'a Slot,
    extension: &str,
) -> Option<&'a ArtifactRecord> {
    let file = name::main_file(package, version, extension)?;
    match name::snapshot_file(package, version.key(), file.as_str()) {
        Some(kind) => newest(package, slot, kind).map(|(record, _)| record),
        None => slot.artifact(&file),
    }
}

/// What clients read to find the newest files; `None` if there is not one build.
pub(super) fn document(package: &PackageName, slot: &Slot) -> io::Result<Option<Vec<u8>>> {
    let newest = newest_of_each(&files(package, slot));
    let Some(last) = last_build(&newest) else { return Ok(None) };
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
    for Kept { build, parts, .. } in newest {
        wire::tag(&mut out, 6, "snapshotVersion")?;
        if !parts.classifier.is_empty() {
            wire::element(&mut out, 8, "classifier", parts.classifier)?;
        }
        let value = name::build_version(&slot.version, build).unwrap_or_default();
        for (field, text) in [("extension", parts.extension), ("value", &value), ("updated", &updated(build))]
        {
            wire::element(&mut out, 8, field, text)?;
        }
        wire::tag(&mut out, 6, "/snapshotVersion")?;
    }
    wire::tag(&mut out, 4, "/snapshotVersions")?;
    wire::tag(&mut out, 2, "/versioning")?;
    wire::end(&mut out)?;
    Ok(Some(out))
}

fn last_build<'a>(files: &[Kept<'a>]) -> Option<Build<'a>> {
    files.iter().map(|file| file.build).max()
}

/// Under which name a file is kept that was pushed without saying of which build it is: its own, if it is the newest of its
/// kind already; else it joins the newest build, or begins another where that has one of its kind. `None` if the name would be
/// too long.
pub(super) fn place(
    package: &PackageName,
    version: &Version,
    slot: Option<&Slot>,
    pushed: SnapshotFile<'_>,
    digests: &[Digest],
    now: Timestamp,
) -> Option<ArtifactName> {
    let files = slot.map(|slot| files(package, slot)).unwrap_or_default();
    let newest = newest_of_each(&files).into_iter().find(|file| file.is_like(pushed));
    let is_this = |file: &Kept<'_>| file.record.digests.iter().any(|digest| digests.contains(digest));
    if let Some(file) = newest.filter(is_this) {
        return Some(file.record.name.clone());
    }
    let timestamp = name::build_timestamp(now);
    let build = match last_build(&files) {
        Some(last) if newest.is_none_or(|file| file.build != last) => last,
        _ => {
            let greatest = files.iter().map(|file| file.build.number).max().unwrap_or(0);
            Build { timestamp: &timestamp, number: greatest.saturating_add(1) }
        }
    };
    name::build_file(package, version.key(), build, pushed)
}

/// The files of builds beyond those that are kept.
pub(super) fn outdated(package: &PackageName, slot: &Slot) -> Vec<ArtifactName> {
    let files = files(package, slot);
    let mut builds: Vec<Build<'_>> = Vec::new();
    for file in &files {
        if !builds.contains(&file.build) {
            builds.push(file.build);
        }
    }
    let is_old = |file: &Kept<'_>| builds.iter().filter(|build| **build > file.build).count() >= KEPT_BUILDS;
    let mut old = Vec::new();
    for file in files.iter().filter(|file| is_old(file)) {
        old.push(file.record.name.clone());
    }
    old
}
