//! Unpublishing: npm sends the listing without a version, then deletes the tarball; or it deletes the package.
//!
//! Both need Owner, and both make tombstones. A revision the client has not seen is a conflict, so that a version
//! published in between is not taken for one that was removed.

use super::super::wire::Accepted;
use super::super::{listing, name};
use super::receive;
use crate::error::{Error, Missing, Result};
use crate::model::{Action, SortedSet, Version};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::{FeedContext, Package, delete, publish};
use crate::store::index::{self, PackageIndex};
use http::StatusCode;

/// `PUT N/-rev/{rev}`.
pub(super) async fn update<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    rev: &str,
    body: Body,
) -> Result<Answer<P>> {
    publish::refuse_view(context)?;
    let document = receive::receive(context, body).await?.document;
    if document.versions.is_empty() {
        let text = "owners of a package are those with a role on its feed; an administrator grants roles";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    let index = at_revision(context, package, rev).await?;
    let kept: SortedSet = document
        .versions
        .keys()
        .filter_map(|number| Some(name::parse_version(number).ok()?.key().to_owned()))
        .collect();
    let live = index.slots.iter().filter(|entry| entry.slot.is_live());
    let gone: Vec<_> = live.filter(|entry| !kept.contains(&entry.key)).collect();
    if gone.len() > 1 {
        let text = format!("the document lacks {} versions; unpublish one at a time", gone.len());
        return Err(Error::Invalid(text).into());
    }
    for entry in gone {
        context.require(Action::Delete, "unpublishing a version")?;
        let version = Version::new(&entry.key, &entry.slot.version);
        delete::delete(context, package, &version).await?;
    }
    Answer::json(StatusCode::CREATED, &Accepted::new(Some(package.to_string()), Some(rev.to_owned())))
}

/// `DELETE N/-/{file}/-rev/{rev}`: the version is deleted already, unless only an upstream source has it.
pub(super) async fn version<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    rev: &str,
) -> Result<Answer<P>> {
    let slot = delete::any_slot(context, package, version).await?;
    if slot.is_none_or(|slot| !slot.is_tombstone()) {
        at_revision(context, package, rev).await?;
        delete::delete(context, package, version).await?;
    }
    Answer::json(StatusCode::OK, &Accepted::new(Some(package.to_string()), None))
}

/// `DELETE N/-rev/{rev}`: every local version.
pub(super) async fn package<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    rev: &str,
) -> Result<Answer<P>> {
    let index = at_revision(context, package, rev).await?;
    let live: Vec<_> = index.slots.iter().filter(|entry| entry.slot.is_live()).collect();
    if live.is_empty() {
        return Err(Error::NotFound(Missing::Package(package.to_string())).into());
    }
    for entry in live {
        let version = Version::new(&entry.key, &entry.slot.version);
        delete::delete(context, package, &version).await?;
    }
    Answer::json(StatusCode::OK, &Accepted::new(Some(package.to_string()), None))
}

/// The package's index, if it is at the revision the client has seen.
async fn at_revision<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    rev: &str,
) -> Result<PackageIndex> {
    let path = context.path(package);
    let index = index::get(&context.platform, &path).await?.map(|stored| stored.value).unwrap_or_default();
    if listing::revision(index.sequence) != rev {
        let text = format!("`{package}` was changed since revision {rev}; try again");
        return Err(Error::Conflict(crate::error::Conflict::Other(text)).into());
    }
    Ok(index)
}
