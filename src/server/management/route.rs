//! Routes of the REST surface as values: a closed set of endpoints, and what each needs.
//!
//! Fixed segments match in any case. Names are percent-decoded here and judged by their own parsers.

mod feed;
mod package;
mod token;

pub(super) use feed::FeedOperation;
pub(super) use package::PackageOperation;
pub(super) use token::TokenOperation;

use crate::error::{Error, Missing, Result};
use crate::model::{Action, Address, FeedLocator, OrganizationName, ProjectName, ProtocolId};
use crate::protocol;
use http::Method;
use percent_encoding::percent_decode_str;

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
    fn feed(self, feed: &str) -> Result<Address> {
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
    /// Something about an organization's tokens.
    Tokens(OrganizationName, TokenOperation),
    /// Something about the feeds of an organization or a project.
    Feeds(Place, FeedsOperation),
    /// Something about one feed.
    Feed(Address, FeedOperation),
}

/// What can be done where feeds are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FeedsOperation {
    /// Those the caller may read.
    List,
    /// A new one.
    Create,
    /// Does a registry of that protocol answer at some address?
    ValidateSource(ProtocolId),
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
    /// A right on the feed. Where the body decides what is done, this is the least of it, and the body's own action is
    /// authorised when it has been read.
    Feed(Action),
}

impl Endpoint {
    /// What it needs.
    pub(super) const fn need(&self) -> Need {
        match self {
            Self::Health | Self::CheckCompliance | Self::Locations => Need::Nothing,
            Self::CreateOrganization => Need::Root,
            Self::Tokens(..) => Need::Member,
            Self::Areas(..) | Self::Feeds(_, FeedsOperation::List) => Need::Reader,
            Self::Feeds(_, FeedsOperation::Create) => Need::FeedCreator,
            Self::Feeds(_, FeedsOperation::ValidateSource(_)) => Need::Manager,
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
            Self::Tokens(_, operation) => operation.name(),
            Self::Feeds(_, FeedsOperation::List) => "list-feeds",
            Self::Feeds(_, FeedsOperation::Create) => "create-feed",
            Self::Feeds(_, FeedsOperation::ValidateSource(_)) => "validate-upstream",
            Self::Feed(_, operation) => operation.name(),
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
        _ => Err(Error::no_endpoint()),
    }
}

fn deployment(method: &Method, rest: &[&str]) -> Result<Endpoint> {
    match rest {
        [name] if is(name, "health") => get(method, Endpoint::Health),
        [name] if is(name, "organizations") => post(method, Endpoint::CreateOrganization),
        [name] if is(name, "compliance") => post(method, Endpoint::CheckCompliance),
        _ => Err(Error::no_endpoint()),
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
        _ => Err(Error::no_endpoint()),
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
    match rest {
        [] if is(area, "resourceAreas") => get(method, Endpoint::Areas(place, None)),
        [id] if is(area, "resourceAreas") => get(method, Endpoint::Areas(place, Some((*id).to_owned()))),
        [feeds] if is(area, "packaging") && is(feeds, "feeds") => {
            let operation = collection(method, FeedsOperation::List, FeedsOperation::Create)?;
            Ok(Endpoint::Feeds(place, operation))
        }
        [protocol, validate] if is(area, "packaging") && is(validate, "validateupstream") => {
            let ecosystem = protocol::ecosystem(protocol).ok_or_else(Error::no_endpoint)?;
            let operation = post(method, FeedsOperation::ValidateSource(ecosystem.protocol()))?;
            Ok(Endpoint::Feeds(place, operation))
        }
        [feeds, feed, rest @ ..] if is(area, "packaging") && is(feeds, "feeds") => {
            let operation = feed::route(method, rest, query)?;
            Ok(Endpoint::Feed(place.feed(feed)?, operation))
        }
        _ => Err(Error::no_endpoint()),
    }
}

fn is(segment: &str, fixed: &str) -> bool {
    segment.eq_ignore_ascii_case(fixed)
}

fn short(text: &str) -> String {
    text.chars().take(160).collect()
}

fn decode(segment: &str) -> Result<String> {
    let invalid = |_| Error::Invalid("the path is not UTF-8 once percent-decoded".to_owned());
    Ok(percent_decode_str(segment).decode_utf8().map_err(invalid)?.into_owned())
}

fn organization_name(text: &str) -> Result<OrganizationName> {
    OrganizationName::parse(text).map_err(|_| Error::NotFound(Missing::Organization(short(text))))
}

fn project_name(text: &str) -> Result<ProjectName> {
    let missing = |_| Error::NotFound(Missing::Other(format!("project `{}` does not exist", short(text))));
    ProjectName::parse(text).map_err(missing)
}

/// The value of a query parameter, its name compared without case.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query?.as_bytes())
        .find(|(key, value)| is(key, name) && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

fn get<T>(method: &Method, endpoint: T) -> Result<T> {
    match *method {
        Method::GET | Method::HEAD => Ok(endpoint),
        _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD" }),
    }
}

fn post<T>(method: &Method, endpoint: T) -> Result<T> {
    if *method == Method::POST { Ok(endpoint) } else { Err(Error::MethodNotAllowed { allow: "POST" }) }
}

fn collection<T>(method: &Method, list: T, create: T) -> Result<T> {
    match *method {
        Method::GET | Method::HEAD => Ok(list),
        Method::POST => Ok(create),
        _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, POST" }),
    }
}

fn resource<T>(method: &Method, get: T, patch: T, delete: T) -> Result<T> {
    match *method {
        Method::GET | Method::HEAD => Ok(get),
        Method::PATCH => Ok(patch),
        Method::DELETE => Ok(delete),
        _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, PATCH, DELETE" }),
    }
}

#[cfg(test)]
mod tests;
