//! Metadata: the versions of an artifact, the plugins of a group, the builds of a snapshot.

use super::super::METADATA;
use super::super::wire::{self, Metadata};
use super::read::Content;
use super::{done, plugins, publish, snapshots};
use crate::error::{Error, Missing, Result};
use crate::model::Version;
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::publish::refuse_view;
use crate::service::{FeedContext, Package, list};
use crate::store::rendered::Rendered;
use crate::store::{index, slots};
use bytes::Bytes;
use http::StatusCode;

/// What is in a folder, which may be an artifact's, a group's, or both.
pub(super) async fn get<P: Platform>(
    context: &FeedContext<P>,
    artifact: Option<&Package>,
    group: Option<&Package>,
    insists: bool,
) -> Result<Content<P>> {
    let own = plugins::own(context, group).await?;
    let versions = versions(context, artifact, insists).await?;
    let rendered = match (versions, group) {
        (Ok(rendered), _) => Ok(rendered),
        // What sources have of a group stands in a listing of its own.
        (Err(error), Some(group)) => match listing(context, group, insists).await {
            Err(absent) if matches!(*absent, Error::NotFound(_)) && artifact.is_some() => Err(error),
            other => other,
        },
        (Err(error), None) => Err(error),
    };
    match rendered {
        Ok(rendered) if own.is_empty() => Ok(Content::Listing(rendered)),
        Ok(rendered) => {
            let document = rendered.plain().await?;
            let offered = Metadata::read(&document).map(|read| (read.versions.is_empty(), read.plugins));
            let (is_plugins_only, offered) = offered.unwrap_or_default();
            let merged = plugins::merge(own, offered);
            let begin = (!is_plugins_only).then_some(&document[..]);
            document_of(wire::with_plugins(begin, &merged))
        }
        // Whatever became of the sources: ours are here.
        Err(_) if !own.is_empty() => document_of(wire::with_plugins(None, &own)),
        Err(error) => Err(error),
    }
}

/// The versions of an artifact, or why there are none. A source that fails is not one that has nothing.
async fn versions<P: Platform>(
    context: &FeedContext<P>,
    artifact: Option<&Package>,
    insists: bool,
) -> Result<Result<Rendered>> {
    let Some(package) = artifact else { return Ok(Err(Error::no_endpoint().into())) };
    match listing(context, package, insists).await {
        Err(error) if !matches!(*error, Error::NotFound(_)) => Err(error),
        outcome => Ok(outcome),
    }
}

fn document_of<P>(written: std::io::Result<Vec<u8>>) -> Result<Content<P>> {
    Ok(Content::Document(wire::XML, written.map_err(|error| unwritten(&error))?.into()))
}

/// A document that could not be written.
pub(super) fn unwritten(error: &std::io::Error) -> Box<Error> {
    Error::Damaged { key: "metadata".to_owned(), reason: error.to_string() }.into()
}

/// The listing of an artifact or a group. Clients read metadata and then what it hashes to: both come from one rendered record
/// here. Maven, which insists, is told at once what was deployed anywhere, so that both are of one document although two
/// isolates answered.
async fn listing<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    insists: bool,
) -> Result<Rendered> {
    if insists {
        index::check(&context.platform, &context.path(package), true).await?;
    }
    list::listing(context, package, METADATA).await
}

/// The builds of a snapshot.
pub(super) async fn builds<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Bytes> {
    let missing = || Error::NotFound(Missing::Version(package.to_string(), version.to_string()));
    let slot = slots::get(&context.platform, &context.path(package), version.key()).await?;
    let slot = slot.ok_or_else(missing)?.value;
    if !slot.is_live() {
        return Err(Error::NotFound(Missing::Deleted(package.to_string(), version.to_string())).into());
    }
    let shown = Some(slot).filter(|slot| context.shows(&slot.views)).ok_or_else(missing)?;
    let document = snapshots::document(package, &shown).map_err(|error| unwritten(&error))?;
    Ok(document.ok_or_else(missing)?.into())
}

/// Takes what a client says of a folder: nothing counts of it but which plugins a group has, since their prefixes stand nowhere
/// else.
pub(super) async fn put<P: Platform>(
    context: &FeedContext<P>,
    group: Option<Package>,
    body: crate::platform::Body,
) -> Result<Answer<P>> {
    let document = publish::read_small(body, "a document of metadata").await?;
    refuse_view(context)?;
    let metadata = Metadata::read(&document);
    let metadata = metadata.ok_or_else(|| Error::Invalid("this is not `maven-metadata.xml`".to_owned()))?;
    if let Some(group) = group.filter(|_| !metadata.plugins.is_empty()) {
        plugins::adopt(context, &group, metadata.plugins).await?;
    }
    Ok(done(StatusCode::CREATED))
}
