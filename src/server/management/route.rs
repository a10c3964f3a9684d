//! Routes of the REST surface as values: a closed set of endpoints, and what each needs.
//!
//! Fixed segments match in any case. Names are percent-decoded here and judged by their own parsers.

mod catalog;
mod feed;
mod feeds;
mod log;
mod package;
mod segment;
mod token;
mod upload;

pub(super) use catalog::{CatalogOperation, PackagesQuery, Question, known};
pub(super) use feed::{BatchPlace, FeedOperation, Sought};
pub(super) use feeds::{DeletedFeedOperation, FeedsOperation, Listing, PermissionOperation, PermissionQuery};
pub(super) use log::LogQuery;
pub(super) use package::PackageOperation;
pub(super) use segment::parameter;
pub(super) use token::TokenOperation;
pub(super) use upload::UploadOperation;

use crate::error::{Error, Missing, Result};
use crate::model::{Action, Address, Deed, FeedLocator, OrganizationName, ProjectName, ProtocolId};
use crate::protocol;
use http::Method;
use segment::{
    collection, decode, flag, get, is, number, organization_name, post, project_name, resource, short,
};

/// Entries of one page of an audit, unless more are asked for.
const AUDIT_PAGE: usize = 100;

/// Changes of feeds on one page: each feed is read.
const FEED_CHANGES_PAGE: usize = 200;

/// Where feeds are made and listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The organization.
    pub(super) organization: OrganizationName,
    /// The project, if one is named.
    pub(super) project: Option<ProjectName>,
}

impl Place {
    /// The address of a feed here.
    pub(super) fn feed(self, feed: &str) -> Result<Address> {
        let locator = FeedLocator::parse(feed).map_err(|_| Error::NotFound(Missing::Feed(short(feed))))?;
        Ok(Address { organization: self.organization, project: self.project, locator })
    }
}

/// All the REST surface answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Is anybody there?
    Health,
    /// Check the platform against the contracts of the ports.
    CheckCompliance,
    /// Make an organization and its first administrator.
    CreateOrganization,
    /// Where everything is.
    Locations,
    /// Where an area is, or all.
    Areas(Place, Option<String>),
    /// Who the caller is, and where that is known.
    Connection(OrganizationName),
    /// Something about an organization's tokens.
    Tokens(OrganizationName, TokenOperation),
    /// Something about the feeds of an organization or a project.
    Feeds(Place, FeedsOperation),
    /// What was done in an organization.
    Audit(OrganizationName, LogQuery),
    /// Which feeds changed.
    FeedChanges(Place, LogQuery),
    /// Who administers an organization and makes feeds in it.
    GlobalPermissions(OrganizationName, PermissionOperation),
    /// Something about one feed.
    Feed(Address, FeedOperation),
    /// Something about a feed in the recycle bin.
    DeletedFeed(Address, DeletedFeedOperation),
    /// Packages of all feeds of an organization that the caller may read.
    Search(OrganizationName),
    /// Begin a provenance session on a feed, which the body names.
    BeginSession(Place, ProtocolId),
    /// The newest version of a package, as a picture for everybody.
    Badge(Address, String),
}

/// What an endpoint needs of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it is the same for everybody.
    Nothing,
    /// The deployment's bootstrap secret.
    Root,
    /// A token of the organization; which tokens it may see, make and revoke is decided one by one in `tokens.rs`.
    Member,
    /// A token of the organization that may manage whatever it has a right to.
    Manager,
    /// An administrator of the organization, or a feed creator.
    FeedCreator,
    /// Nothing; the answer shows only what the caller may read.
    Reader,
    /// An administrator of the organization.
    Administrator,
    /// An owner of a feed in the recycle bin.
    DeletedFeed,
    /// A right on the settings of a feed, which is there even while the feed is disabled.
    Settings(Action),
    /// An owner of the feed, though one of its views is addressed.
    Owner,
    /// A right on the feed. Where the body decides what is done, this is the least of it, and the body's own action is
    /// authorised when it has been read.
    Feed(Action),
}

impl Endpoint {
    /// What it needs.
    pub(super) const fn need(&self) -> Need {
        match self {
            Self::Health | Self::CheckCompliance | Self::Locations | Self::Badge(..) => Need::Nothing,
            Self::CreateOrganization => Need::Root,
            Self::Tokens(..)
            | Self::FeedChanges(..)
            | Self::GlobalPermissions(_, PermissionOperation::Get(_)) => Need::Member,
            // What a feed asks for is checked when the body has been read.
            Self::Areas(..)
            | Self::BeginSession(..)
            | Self::Connection(_)
            | Self::Feeds(_, FeedsOperation::List(_))
            | Self::Search(_) => Need::Reader,
            Self::Feeds(_, FeedsOperation::Create) => Need::FeedCreator,
            Self::Feeds(_, FeedsOperation::ValidateSource(_)) => Need::Manager,
            Self::Audit(..) | Self::GlobalPermissions(_, PermissionOperation::Set) => Need::Administrator,
            Self::DeletedFeed(..) => Need::DeletedFeed,
            Self::Feed(_, FeedOperation::Permissions(PermissionOperation::Set)) => Need::Owner,
            Self::Feed(_, operation) if operation.is_about_settings() => Need::Settings(operation.action()),
            Self::Feed(_, operation) => Need::Feed(operation.action()),
        }
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::CheckCompliance => "check-compliance",
            Self::CreateOrganization => "create-organization",
            Self::Locations => "locations",
            Self::Areas(_, None) => "list-resource-areas",
            Self::Areas(_, Some(_)) => "get-resource-area",
            Self::Connection(_) => "get-connection-data",
            Self::Tokens(_, operation) => operation.name(),
            Self::Audit(..) => "audit",
            Self::FeedChanges(..) => "list-feed-changes",
            Self::Feeds(_, operation) => operation.name(),
            Self::GlobalPermissions(_, PermissionOperation::Get(_)) => "get-global-permissions",
            Self::GlobalPermissions(_, PermissionOperation::Set) => "set-global-permissions",
            Self::DeletedFeed(_, operation) => operation.name(),
            Self::Feed(_, operation) => operation.name(),
            Self::Search(_) => "search-packages",
            Self::BeginSession(..) => "create-session",
            Self::Badge(..) => "get-badge",
        }
    }

    /// What the log is to say of it once it is done, if nobody else says so.
    pub(super) const fn deed(&self) -> Option<Deed> {
        match self {
            Self::Tokens(_, operation) => operation.deed(),
            Self::Feeds(_, FeedsOperation::Create) => Some(Deed::FeedCreated),
            Self::GlobalPermissions(_, PermissionOperation::Set) => Some(Deed::PermissionsChanged),
            Self::DeletedFeed(_, DeletedFeedOperation::Restore) => Some(Deed::FeedRestored),
            Self::DeletedFeed(_, DeletedFeedOperation::Purge) => Some(Deed::FeedPurged),
            Self::Feed(_, operation) => operation.deed(),
            Self::Health
            | Self::CheckCompliance
            | Self::CreateOrganization
            | Self::Locations
            | Self::Areas(..)
            | Self::Connection(_)
            | Self::BeginSession(..)
            | Self::Search(_)
            | Self::Badge(..)
            | Self::GlobalPermissions(_, PermissionOperation::Get(_))
            | Self::Feeds(_, FeedsOperation::List(_) | FeedsOperation::ValidateSource(_))
            | Self::Audit(..)
            | Self::FeedChanges(..) => None,
        }
    }

    /// The view or token it is about, by name or id.
    pub(super) fn about(&self) -> Option<&str> {
        match self {
            Self::Tokens(_, operation) => operation.token(),
            Self::Feed(_, operation) => operation.view(),
            _ => None,
        }
    }

    /// The organization it is about, as a whole.
    pub(super) const fn organization(&self) -> Option<&OrganizationName> {
        match self {
            Self::Tokens(organization, _)
            | Self::Audit(organization, _)
            | Self::GlobalPermissions(organization, _)
            | Self::Connection(organization)
            | Self::Search(organization) => Some(organization),
            Self::Feeds(place, _)
            | Self::FeedChanges(place, _)
            | Self::Areas(place, _)
            | Self::BeginSession(place, _) => Some(&place.organization),
            Self::DeletedFeed(address, _) => Some(&address.organization),
            Self::Health
            | Self::CheckCompliance
            | Self::CreateOrganization
            | Self::Locations
            | Self::Badge(..)
            | Self::Feed(..) => None,
        }
    }
}

/// Reads method, path and query.
pub(super) fn route(method: &Method, path: &str, query: Option<&str>) -> Result<Endpoint> {
    let path = path.trim_start_matches('/').trim_end_matches('/');
    let segments = path.split('/').map(decode).collect::<Result<Vec<_>>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // Of the organization, of a project, of the host; of one area only, where all do no harm.
    if *method == Method::OPTIONS && segments.iter().rev().take(2).any(|segment| is(segment, "_apis")) {
        return Ok(Endpoint::Locations);
    }
    match &segments[..] {
        [own, rest @ ..] if is(own, "_edgefeed") => deployment(method, rest),
        [organization, own, rest @ ..] if is(own, "_edgefeed") => {
            own_surface(&organization_name(organization)?, method, rest, query)
        }
        [organization, packaging, feed, uploads, rest @ ..]
            if is(packaging, "_packaging") && is(uploads, "uploads") =>
        {
            let place = Place { organization: organization_name(organization)?, project: None };
            below_uploads(method, place, feed, rest, query)
        }
        [organization, project, packaging, feed, uploads, rest @ ..]
            if is(packaging, "_packaging") && is(uploads, "uploads") =>
        {
            let project = Some(project_name(project)?);
            let place = Place { organization: organization_name(organization)?, project };
            below_uploads(method, place, feed, rest, query)
        }
        [organization, apis, area, rest @ ..] if is(apis, "_apis") => {
            let place = Place { organization: organization_name(organization)?, project: None };
            below_apis(method, place, area, rest, query)
        }
        [organization, project, apis, area, rest @ ..] if is(apis, "_apis") => {
            let place = Place {
                organization: organization_name(organization)?,
                project: Some(project_name(project)?),
            };
            below_apis(method, place, area, rest, query)
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

/// `/{org}[/{project}]/_packaging/{feed}/uploads/...`.
fn below_uploads(
    method: &Method,
    place: Place,
    feed: &str,
    rest: &[&str],
    query: Option<&str>,
) -> Result<Endpoint> {
    let operation = FeedOperation::Upload(upload::route(method, rest, query)?);
    Ok(Endpoint::Feed(place.feed(feed)?, operation))
}

fn deployment(method: &Method, rest: &[&str]) -> Result<Endpoint> {
    match rest {
        [name] if is(name, "health") => get(method, Endpoint::Health),
        [name] if is(name, "organizations") => post(method, Endpoint::CreateOrganization),
        [name] if is(name, "compliance") => post(method, Endpoint::CheckCompliance),
        _ => Err(Error::no_endpoint().into()),
    }
}

/// `/{org}/_edgefeed/...`: what REST has no name for.
fn own_surface(
    organization: &OrganizationName,
    method: &Method,
    rest: &[&str],
    query: Option<&str>,
) -> Result<Endpoint> {
    match rest {
        [tokens, rest @ ..] if is(tokens, "tokens") => {
            Ok(Endpoint::Tokens(organization.clone(), token::route(method, rest, query)?))
        }
        [audit] if is(audit, "audit") => {
            get(method, Endpoint::Audit(organization.clone(), log::query(query, AUDIT_PAGE, 1_000)?))
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

/// Areas of which we have a resource or two.
fn beside_packaging(method: &Method, place: Place, area: &str, rest: &[&str]) -> Result<Endpoint> {
    match rest {
        [] if is(area, "connectionData") => get(method, Endpoint::Connection(place.organization)),
        [session, protocol] if is(area, "provenance") && is(session, "session") => {
            let ecosystem = protocol::ecosystem(protocol).ok_or_else(Error::no_endpoint)?;
            post(method, Endpoint::BeginSession(place, ecosystem.protocol()))
        }
        [results] if is(area, "search") && is(results, "packagesearchresults") => {
            post(method, Endpoint::Search(place.organization))
        }
        [packaging, feeds, feed, packages, package, badge]
            if is(area, "public")
                && is(packaging, "packaging")
                && is(feeds, "feeds")
                && is(packages, "packages")
                && is(badge, "badge") =>
        {
            get(method, Endpoint::Badge(place.feed(feed)?, (*package).to_owned()))
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

/// `/{org}[/{project}]/_apis/{area}/...`.
fn below_apis(
    method: &Method,
    place: Place,
    area: &str,
    rest: &[&str],
    query: Option<&str>,
) -> Result<Endpoint> {
    if is(area, "resourceAreas") {
        let area = match rest {
            [] => None,
            [id] => Some((*id).to_owned()),
            _ => return Err(Error::no_endpoint().into()),
        };
        return get(method, Endpoint::Areas(place, area));
    }
    if !is(area, "packaging") {
        return beside_packaging(method, place, area, rest);
    }
    match rest {
        [feeds] if is(feeds, "feeds") => Ok(Endpoint::Feeds(place, feeds::route(method, query)?)),
        [bin] if is(bin, "feedrecyclebin") => {
            let operation = get(method, FeedsOperation::List(Listing::deleted(query)?))?;
            Ok(Endpoint::Feeds(place, operation))
        }
        [changes] if is(changes, "feedchanges") => {
            let query = log::query(query, FEED_CHANGES_PAGE, FEED_CHANGES_PAGE)?;
            get(method, Endpoint::FeedChanges(place, query))
        }
        [changes, feed] if is(changes, "feedchanges") => {
            get(method, Endpoint::Feed(place.feed(feed)?, FeedOperation::GetChange))
        }
        [protocol, validate] if is(validate, "validateupstream") => {
            let ecosystem = protocol::ecosystem(protocol).ok_or_else(Error::no_endpoint)?;
            let operation = post(method, FeedsOperation::ValidateSource(ecosystem.protocol()))?;
            Ok(Endpoint::Feeds(place, operation))
        }
        [bin, feed] if is(bin, "feedrecyclebin") => {
            Ok(Endpoint::DeletedFeed(place.feed(feed)?, DeletedFeedOperation::of(method)?))
        }
        [permissions] if is(permissions, "globalpermissions") && place.project.is_none() => {
            let operation = PermissionOperation::route(method, query)?;
            Ok(Endpoint::GlobalPermissions(place.organization, operation))
        }
        [feeds, feed, rest @ ..] if is(feeds, "feeds") => {
            let operation = feed::route(method, rest, query)?;
            Ok(Endpoint::Feed(place.feed(feed)?, operation))
        }
        _ => Err(Error::no_endpoint().into()),
    }
}

#[cfg(test)]
mod tests;
