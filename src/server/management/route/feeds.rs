//! Routes of the feeds of an organization or a project, of their recycle bin, and of permissions.

use super::{collection, flag, parameter};
use crate::error::{Error, Result};
use crate::model::{ProtocolId, Role};
use http::Method;

/// How many feeds are on one page, unless asked otherwise: each takes two reads of the 1,000 operations a request has.
const PAGE: usize = 200;

/// And at most.
const PAGE_LIMIT: usize = 400;

/// What can be done where feeds are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum FeedsOperation {
    /// Those the caller may read, or those it can restore.
    List(Listing),
    /// A new one.
    Create,
    /// Does a registry of that protocol answer at some address?
    ValidateSource(ProtocolId),
}

/// Which feeds are listed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Listing {
    /// Those in the recycle bin?
    pub(in super::super) deleted: bool,
    /// Only those where the caller has this role or a greater one.
    pub(in super::super) role: Option<Role>,
    /// With addresses?
    pub(in super::super) urls: bool,
    /// With the sources that were removed?
    pub(in super::super) removed: bool,
    /// How many are looked at for one page.
    pub(in super::super) limit: usize,
    /// Where the page begins.
    pub(in super::super) cursor: Option<String>,
}

impl FeedsOperation {
    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::List(Listing { deleted: false, .. }) => "list-feeds",
            Self::List(Listing { deleted: true, .. }) => "list-deleted-feeds",
            Self::Create => "create-feed",
            Self::ValidateSource(_) => "validate-upstream",
        }
    }
}

impl Listing {
    fn of(query: Option<&str>) -> Result<Self> {
        let role = parameter(query, "feedRole").map(|text| {
            let known = "`feedRole` is `reader`, `collaborator`, `contributor` or `administrator`";
            Role::named(&text).ok_or_else(|| Error::Invalid(known.to_owned()))
        });
        let limit = parameter(query, "$top").map(|text| {
            let known = || Error::Invalid(format!("`$top` is a number from 1 to {PAGE_LIMIT}"));
            text.parse().ok().filter(|limit| (1..=PAGE_LIMIT).contains(limit)).ok_or_else(known)
        });
        Ok(Self {
            deleted: false,
            role: role.transpose()?,
            urls: flag(query, "includeUrls", true),
            removed: flag(query, "includeDeletedUpstreams", false),
            limit: limit.transpose()?.unwrap_or(PAGE),
            cursor: parameter(query, "continuationToken"),
        })
    }

    /// The recycle bin, as far as its owners see it.
    pub(super) fn deleted(query: Option<&str>) -> Result<Self> {
        Ok(Self { deleted: true, role: Some(Role::Owner), ..Self::of(query)? })
    }
}

/// Reads what is done at `feeds`.
pub(super) fn route(method: &Method, query: Option<&str>) -> Result<FeedsOperation> {
    collection(method, FeedsOperation::List(Listing::of(query)?), FeedsOperation::Create)
}

/// What can be done with a feed in the recycle bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum DeletedFeedOperation {
    /// Take it out.
    Restore,
    /// Delete it for good.
    Purge,
}

impl DeletedFeedOperation {
    /// Reads the method.
    pub(super) fn of(method: &Method) -> Result<Self> {
        match *method {
            Method::PATCH => Ok(Self::Restore),
            Method::DELETE => Ok(Self::Purge),
            _ => Err(Error::MethodNotAllowed { allow: "PATCH, DELETE" }.into()),
        }
    }

    /// Its name in the log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Restore => "restore-feed",
            Self::Purge => "purge-feed",
        }
    }
}

/// What can be done with permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum PermissionOperation {
    /// Who has which role.
    Get(PermissionQuery),
    /// Give or take roles.
    Set,
}

/// Which permissions are shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct PermissionQuery {
    /// With ids?
    pub(in super::super) ids: bool,
    /// Only those of the very feed or view?
    pub(in super::super) own_only: bool,
    /// Only those of this subject or group.
    pub(in super::super) identity: Option<String>,
}

impl PermissionOperation {
    /// Reads method and query.
    pub(super) fn route(method: &Method, query: Option<&str>) -> Result<Self> {
        match *method {
            Method::GET | Method::HEAD => Ok(Self::Get(PermissionQuery {
                ids: flag(query, "includeIds", false),
                own_only: flag(query, "excludeInheritedPermissions", false),
                identity: parameter(query, "identityDescriptor"),
            })),
            Method::PATCH => Ok(Self::Set),
            _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, PATCH" }.into()),
        }
    }
}
