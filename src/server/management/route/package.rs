//! Routes of packages of one protocol: `.../feeds/{feed}/{protocol}/...`.

use super::{FeedOperation, is, parameter, post, resource};
use crate::error::{Error, Result};
use crate::model::Action;
use crate::service::Ecosystem;
use http::Method;

/// What can be done with a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum PackageOperation {
    /// A version.
    Get {
        /// Its number.
        version: String,
        /// Also if it was deleted?
        deleted: bool,
    },
    /// Promote, demote, relist a version.
    Update(String),
    /// Move a version to the recycle bin.
    Delete(String),
    /// A version in the recycle bin.
    GetDeleted(String),
    /// Take a version out of the recycle bin.
    Restore(String),
    /// Drop a version's bytes for ever.
    Purge(String),
    /// Ask the sources what they have of it, now.
    Refresh,
    /// Are external versions considered?
    GetBehavior,
    /// Decide that.
    SetBehavior,
}

impl PackageOperation {
    /// The right it needs.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Get { .. } | Self::Update(_) | Self::GetDeleted(_) | Self::GetBehavior => Action::Read,
            Self::Delete(_) | Self::Restore(_) | Self::Purge(_) => Action::Delete,
            Self::Refresh => Action::Save,
            Self::SetBehavior => Action::Administer,
        }
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "get-version",
            Self::Update(_) => "update-version",
            Self::Delete(_) => "delete-version",
            Self::GetDeleted(_) => "get-deleted-version",
            Self::Restore(_) => "restore-version",
            Self::Purge(_) => "purge-version",
            Self::Refresh => "refresh-package",
            Self::GetBehavior => "get-upstreaming",
            Self::SetBehavior => "set-upstreaming",
        }
    }
}

/// Reads what comes after the protocol.
pub(super) fn route(
    method: &Method,
    ecosystem: &dyn Ecosystem,
    rest: &[&str],
    query: Option<&str>,
) -> Result<FeedOperation> {
    let (name, operation) = match rest {
        [batch] if is(batch, "packagesbatch") => {
            return post(method, FeedOperation::Batch(ecosystem.protocol()));
        }
        [bin, name @ .., versions, version] if is(bin, "RecycleBin") && is(versions, "versions") => {
            let version = || (*version).to_owned();
            let restore = PackageOperation::Restore(version());
            let get = PackageOperation::GetDeleted(version());
            (name, resource(method, get, restore, PackageOperation::Purge(version()))?)
        }
        [name @ .., versions, version] if is(versions, "versions") => {
            let version = || (*version).to_owned();
            let deleted = parameter(query, "showDeleted").is_some_and(|value| is(&value, "true"));
            let get = PackageOperation::Get { version: version(), deleted };
            let update = PackageOperation::Update(version());
            (name, resource(method, get, update, PackageOperation::Delete(version()))?)
        }
        // Of a package of that name it is the name.
        [name @ .., refresh] if is(refresh, "refresh") && name.len() > 1 => {
            (name, post(method, PackageOperation::Refresh)?)
        }
        [name @ .., upstreaming] if is(upstreaming, "upstreaming") => {
            let operation = match *method {
                Method::GET | Method::HEAD => PackageOperation::GetBehavior,
                Method::PATCH => PackageOperation::SetBehavior,
                _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PATCH" }.into()),
            };
            (name, operation)
        }
        _ => return Err(Error::no_endpoint().into()),
    };
    let name = package_name(ecosystem.management_words(), name).ok_or_else(Error::no_endpoint)?;
    Ok(FeedOperation::Package(ecosystem.protocol(), name, operation))
}

/// `packages/{name}` for all, and each part of the name behind its word where the protocol's paths have it so.
fn package_name(words: &[&str], segments: &[&str]) -> Option<String> {
    match segments {
        [packages, name] if is(packages, "packages") => Some((*name).to_owned()),
        // `@scope/name` may be written in two segments, or in one with the slash encoded.
        [packages, scope, name] if is(packages, "packages") && scope.starts_with('@') => {
            Some(format!("{scope}/{name}"))
        }
        // As Azure's paths of versions have it in one protocol.
        [name] if words.len() == 1 => Some((*name).to_owned()),
        [scope, name] if scope.starts_with('@') => Some(format!("{scope}/{name}")),
        _ if segments.len() == 2 * words.len() => {
            let pairs = words.iter().zip(segments.chunks(2));
            let parts = pairs.map(|(word, pair)| pair.get(1).filter(|_| is(pair[0], word)).copied());
            Some(parts.collect::<Option<Vec<_>>>()?.join(":"))
        }
        _ => None,
    }
}
