//! Routes of packages of one protocol: `.../feeds/{feed}/{protocol}/...`.

use super::{BatchPlace, FeedOperation, Sought, flag, get, is, parameter, post, resource};
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
    /// A file of a version, by its name where versions have several.
    GetContent(String, Option<String>),
    /// The readme of a version.
    GetReadme(String),
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
            Self::Get { .. }
            | Self::GetContent(..)
            | Self::GetReadme(_)
            | Self::Update(_)
            | Self::GetDeleted(_)
            | Self::GetBehavior => Action::Read,
            Self::Delete(_) | Self::Restore(_) | Self::Purge(_) => Action::Delete,
            Self::Refresh => Action::Save,
            Self::SetBehavior => Action::Administer,
        }
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "get-version",
            Self::GetContent(..) => "get-content",
            Self::GetReadme(_) => "get-readme",
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
    let protocol = ecosystem.protocol();
    let (name, operation) = match rest {
        [batch] if is(batch, "packagesbatch") => {
            return post(method, FeedOperation::Batch(protocol, BatchPlace::Feed));
        }
        [bin, batch] if is(bin, "RecycleBin") && is(batch, "packagesbatch") => {
            return post(method, FeedOperation::Batch(protocol, BatchPlace::Bin));
        }
        [rules] if is(rules, "upstreaming") => {
            return match *method {
                Method::GET | Method::HEAD => Ok(FeedOperation::ListRules(protocol)),
                Method::PUT => Ok(FeedOperation::SetRules(protocol)),
                _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT" }.into()),
            };
        }
        [packages] if is(packages, "upstreampackages") => {
            let name = parameter(query, "name").map(Sought::Name);
            let sought = name.or_else(|| parameter(query, "query").map(Sought::Text));
            let text = "`name` is missing, the exact name of a package; or `query`, a text";
            let sought = sought.ok_or_else(|| Error::Invalid(text.to_owned()))?;
            return get(method, FeedOperation::ListOffers(protocol, sought));
        }
        [bin, name @ .., versions, version] if is(bin, "RecycleBin") && is(versions, "versions") => {
            let version = || (*version).to_owned();
            let restore = PackageOperation::Restore(version());
            let get = PackageOperation::GetDeleted(version());
            (name, resource(method, get, restore, PackageOperation::Purge(version()))?)
        }
        [name @ .., versions, version] if is(versions, "versions") => {
            let version = || (*version).to_owned();
            let deleted = flag(query, "showDeleted", false);
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
        [name @ .., last] => {
            let (name, operation) = file(ecosystem, name, last).ok_or_else(Error::no_endpoint)?;
            return Ok(FeedOperation::Package(protocol, name, get(method, operation)?));
        }
        [] => return Err(Error::no_endpoint().into()),
    };
    let name = package_name(ecosystem.management_words(), name).ok_or_else(Error::no_endpoint)?;
    Ok(FeedOperation::Package(protocol, name, operation))
}

/// `{package}/versions/{version}/content`, or `/readme`, or with a file before `content`; and, where names have several parts,
/// `{part}/{part}/{version}/{file}/content`.
fn file(ecosystem: &dyn Ecosystem, before: &[&str], last: &str) -> Option<(String, PackageOperation)> {
    let words = ecosystem.management_words();
    let named = |name: &[&str], operation| Some((package_name(words, name)?, operation));
    let text = |text: &str| text.to_owned();
    match before {
        [name @ .., versions, version] if is(versions, "versions") && is(last, "content") => {
            named(name, PackageOperation::GetContent(text(version), None))
        }
        [name @ .., versions, version] if is(versions, "versions") && is(last, "readme") => {
            named(name, PackageOperation::GetReadme(text(version)))
        }
        [name @ .., versions, version, file] if is(versions, "versions") && is(last, "content") => {
            named(name, PackageOperation::GetContent(text(version), Some(text(file))))
        }
        [parts @ .., version, file]
            if parts.len() == words.len() && words.len() > 1 && is(last, "content") =>
        {
            Some((parts.join(":"), PackageOperation::GetContent(text(version), Some(text(file)))))
        }
        _ => None,
    }
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
