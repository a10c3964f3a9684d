//! Reading: files, and what anything hashes to.

use super::super::name::{self, SnapshotFile};
use super::super::route::{Endpoint, Target};
use super::super::wire;
use super::{metadata, plugins, snapshots};
use crate::error::{Error, Missing, Result};
use crate::model::{Algorithm, ArtifactName, Digest, Version};
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::download::{self, Artifact};
use crate::service::hash;
use crate::service::{FeedContext, Package};
use crate::store::rendered::Rendered;
use crate::store::slots;
use bytes::Bytes;
use http::StatusCode;

/// What is found at a place.
pub(super) enum Content<P> {
    /// Metadata as it is kept.
    Listing(Rendered),
    /// A file.
    File(Artifact<P>, &'static str),
    /// A document made for this request.
    Document(&'static str, Bytes),
}

/// Answers what is at a place, or what that hashes to; metadata from no memory if the caller insists.
pub(super) async fn get<P: Platform>(
    context: &FeedContext<P>,
    endpoint: &Endpoint,
    insists: bool,
) -> Result<Answer<P>> {
    let content = match &endpoint.target {
        Target::Root => {
            Content::Document("text/plain; charset=utf-8", format!("url: {}\n", context.root).into())
        }
        Target::Archetypes => Content::Document(wire::XML, plugins::archetypes(context).await?),
        Target::Metadata { artifact, group } => {
            metadata::get(context, artifact.as_ref(), group.as_ref(), insists).await?
        }
        Target::Builds { package, version } => {
            Content::Document(wire::XML, metadata::builds(context, package, version).await?)
        }
        Target::File { package, version, file } => {
            let artifact = artifact(context, package, version, file).await?;
            Content::File(artifact, name::media_type(file.as_str()))
        }
    };
    let (content_type, body) = match (content, endpoint.checksums.split_first()) {
        (Content::Listing(rendered), None) => return Ok(Answer::Listing(rendered)),
        (Content::File(artifact, content_type), None) => {
            return Ok(Answer::Artifact { artifact, content_type });
        }
        (Content::Document(content_type, body), None) => (content_type, body),
        (content, Some((first, further))) => {
            let digest = content.digest(&context.platform, *first).await?;
            ("text/plain; charset=utf-8", again(&context.platform, digest, further).await?.hex().into())
        }
    };
    Ok(Answer::Document { status: StatusCode::OK, content_type, body })
}

/// What the text of a digest hashes to, and so on.
pub(super) async fn again<P: Platform>(
    platform: &P,
    mut digest: Digest,
    further: &[Algorithm],
) -> Result<Digest> {
    for algorithm in further {
        digest = hash::one(platform, digest.hex().into(), *algorithm).await?;
    }
    Ok(digest)
}

impl<P: Platform> Content<P> {
    async fn digest(self, platform: &P, algorithm: Algorithm) -> Result<Digest> {
        match self {
            Self::Listing(rendered) => hash::one(platform, rendered.plain().await?.into(), algorithm).await,
            Self::File(artifact, _) => artifact.digest(algorithm).await,
            Self::Document(_, bytes) => hash::one(platform, bytes.into(), algorithm).await,
        }
    }
}

/// A file; one of a snapshot by its own name, or the newest of its kind.
async fn artifact<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
) -> Result<Artifact<P>> {
    let Some(parts) = name::snapshot_file(package, version.key(), file.as_str()) else {
        return download::artifact(context, package, version, file).await;
    };
    let Some(build) = parts.build else { return newest(context, package, version, file, parts).await };
    let mut artifact = download::artifact(context, package, version, file).await?;
    artifact.added = name::moment(build.timestamp).unwrap_or(artifact.added);
    Ok(artifact)
}

/// `a-1.0-SNAPSHOT.jar`: the newest build that has such a file.
async fn newest<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: &ArtifactName,
    parts: SnapshotFile<'_>,
) -> Result<Artifact<P>> {
    let slot = slots::get(&context.platform, &context.path(package), version.key()).await?;
    let slot = slot.map(|stored| stored.value).filter(|slot| slot.is_live() && context.shows(&slot.views));
    let newest = slot.as_ref().and_then(|slot| snapshots::newest(package, slot, parts));
    let Some((record, build)) = newest else {
        // Kept by that very name, or nowhere.
        return match slot {
            Some(slot) if slot.artifact(file).is_none() => {
                Err(Error::NotFound(Missing::Artifact(package.to_string(), file.to_string())).into())
            }
            _ => download::artifact(context, package, version, file).await,
        };
    };
    let mut artifact = download::artifact(context, package, version, &record.name).await?;
    artifact.added = name::moment(build.timestamp).unwrap_or(artifact.added);
    artifact.may_change = true;
    Ok(artifact)
}
