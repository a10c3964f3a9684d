//! Deploying: a file, or what one hashes to.

use super::super::name;
use super::super::wire::{self, pom};
use super::{done, plugins, read, snapshots};
use crate::error::{Conflict, Error, Result};
use crate::model::{Algorithm, ArtifactName, ArtifactRecord, Version};
use crate::platform::{Body, ByteRange, Platform, PlatformError};
use crate::protocol::Answer;
use crate::service::publish::{self, Growth, Incoming, IncomingFile};
use crate::service::stage::{self, Intake, Staged};
use crate::service::{FeedContext, Package, download, retire};
use crate::store::slots;
use bytes::Bytes;
use http::StatusCode;
use serde_json::value::{RawValue, to_raw_value};

/// Bytes of a file, as for Azure Artifacts.
const FILE_LIMIT: u64 = 500 << 20;

/// Bytes of a project's description that is looked into.
const POM_LIMIT: u64 = 1 << 20;

/// Bytes of metadata that a client sends.
const SMALL_LIMIT: usize = 8 << 20;

/// How a project is packed from which others are begun.
const ARCHETYPE: &str = "maven-archetype";

/// Takes a file of a version. The same one again succeeds, another one under its name does not.
pub(super) async fn file<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
    body: Body,
) -> Result<Answer<P>> {
    // Taken in before anything is refused: clients listen only once they have sent everything.
    // SHA-512 takes as long as the other three together.
    let intake = Intake::new(context, &Algorithm::ALL, FILE_LIMIT).sparing(Algorithm::Sha512);
    let taken = stage::fill(intake, body).await;
    let content = taken.map_err(|error| too_large(error, "the file", FILE_LIMIT))?;
    let prepared = prepare(context, package, version, file, &content).await;
    let Prepared { name, manifest, packaging } = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            // What cannot be discarded now is swept by the housekeeping.
            let _ = content.discard(&context.platform).await;
            return Err(error);
        }
    };
    let is_placed = name != *file;
    let incoming = Incoming {
        version: version.clone(),
        file: IncomingFile { name, content, manifest },
        companions: Vec::new(),
        manifest: RawValue::NULL.to_owned(),
        tags: Vec::new(),
        growth: Growth::ByFile,
    };
    let status = match publish::publish(context, package, incoming).await.map_err(|error| *error) {
        Ok(()) => StatusCode::CREATED,
        // A client that repeats itself is told that it succeeded.
        Err(Error::Conflict(Conflict::FileExists { identical: true, .. })) => StatusCode::OK,
        // Somebody else began the same build at the same moment: the next attempt begins another.
        Err(Error::Conflict(Conflict::FileExists { .. })) if is_placed => {
            return Err(Error::Conflict(Conflict::Contended(file.to_string())).into());
        }
        Err(error) => return Err(error.into()),
    };
    context.trace.note("published");
    if packaging == ARCHETYPE {
        plugins::adopt_archetype(context, package, version).await?;
    } else if packaging == plugins::PLUGIN || file.as_str().strip_suffix(".jar").is_some() {
        plugins::adopt_archive(context, package, version).await?;
    }
    if name::is_snapshot(version.key()) {
        retire_in_background(context, package, version);
    }
    Ok(done(status))
}

/// What a file is kept as.
struct Prepared {
    name: ArtifactName,
    manifest: Option<Box<RawValue>>,
    /// How its project is packed, if it is a project that says so.
    packaging: String,
}

/// Under which name a file is kept, and what its content says of it.
async fn prepare<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
    content: &Staged,
) -> Result<Prepared> {
    let mut name = file.clone();
    let parts = name::snapshot_file(package, version.key(), file.as_str());
    if let Some(parts) = parts.filter(|parts| parts.build.is_none()) {
        let (platform, path) = (&context.platform, context.path(package));
        let slot = slots::get(platform, &path, version.key()).await?.map(|stored| stored.value);
        let placed =
            snapshots::place(package, version, slot.as_ref(), parts, content.digests(), platform.now());
        name = placed.ok_or_else(|| Error::Invalid("the name of the file is too long".to_owned()))?;
    }
    let mut facts = None;
    if file.as_str().strip_suffix(".pom").is_some() && content.size() <= POM_LIMIT {
        let range = ByteRange { start: 0, length: content.size() };
        facts = pom::facts(&content.range(&context.platform, range).await?);
    }
    let packaging = facts.as_ref().and_then(|facts| facts.get("packaging")?.as_str());
    let packaging = packaging.unwrap_or_default().to_owned();
    let manifest = facts.filter(|facts| !facts.is_empty()).and_then(|facts| to_raw_value(&facts).ok());
    Ok(Prepared { name, manifest, packaging })
}

/// Builds beyond those that are kept go, once the client has its answer.
fn retire_in_background<P: Platform>(context: &FeedContext<P>, package: &Package, version: &Version) {
    let (context, package, version) = (context.clone(), package.clone(), version.clone());
    let platform = context.platform.clone();
    platform.in_background(async move {
        // What could not be retired now is retired after the next deploy.
        let outdated = |slot: &crate::model::Slot| snapshots::outdated(&package, slot);
        let _ = retire::retire(&context, &package, &version, &outdated).await;
    });
}

/// Takes what a file hashes to: it must be true. Nothing is kept of it.
pub(super) async fn checksum<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
    checksums: &[Algorithm],
    body: Body,
) -> Result<Answer<P>> {
    let text = read_small(body, "a checksum").await?;
    publish::refuse_view(context)?;
    let (Some((first, further)), Some(last)) = (checksums.split_first(), checksums.last()) else {
        return Err(Error::no_endpoint().into());
    };
    let claimed = wire::read_checksum(&text, *last);
    let claimed =
        claimed.ok_or_else(|| Error::Invalid(format!("this is not a digest by {}", last.name())))?;
    let kept = kept(context, package, version, file).await?;
    let artifact = download::artifact(context, package, version, &kept.name).await?;
    let digest = artifact.digest(*first).await?;
    if read::again(&context.platform, digest, further).await? != claimed {
        let text = format!("`{file}` is here with other bytes than those of this digest by {}", last.name());
        return Err(Error::Invalid(text).into());
    }
    Ok(done(StatusCode::CREATED))
}

/// What is here under that name; of a snapshot, the newest of its kind.
async fn kept<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
) -> Result<ArtifactRecord> {
    let slot = slots::get(&context.platform, &context.path(package), version.key()).await?;
    let slot = slot.map(|stored| stored.value).filter(crate::model::Slot::is_live);
    let parts = name::snapshot_file(package, version.key(), file.as_str());
    let parts = parts.filter(|parts| parts.build.is_none());
    let found = slot.as_ref().and_then(|slot| match parts {
        Some(parts) => snapshots::newest(package, slot, parts).map(|(record, _)| record),
        None => slot.artifact(file),
    });
    found.cloned().ok_or_else(|| {
        let text = format!("`{file}` is not in this feed: deploy it before what it hashes to");
        Error::Conflict(Conflict::Other(text)).into()
    })
}

/// A small body.
pub(super) async fn read_small(body: Body, what: &'static str) -> Result<Bytes> {
    let limit = SMALL_LIMIT as u64;
    body.collect(SMALL_LIMIT).await.map_err(|error| too_large(error.into(), what, limit))
}

fn too_large(error: Box<Error>, what: &'static str, limit: u64) -> Box<Error> {
    match *error {
        Error::Platform(PlatformError::TooLong(_)) => Error::TooLarge { what, limit }.into(),
        _ => error,
    }
}
