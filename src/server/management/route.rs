//! Routes of the REST surface as values: a closed set of endpoints, and what each needs.
//!
//! Fixed segments match in any case, and every `api-version` is taken. Names are percent-decoded here and judged by
//! their own parsers.

use crate::error::{Error, Missing, Result};
use crate::model::{Action, Address, FeedLocator, OrganizationName, ProjectName, ProtocolId};
use crate::protocol;
use crate::service::Ecosystem;
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

/// All the REST surface answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Is anybody there?
    Health,
    /// Check the platform against the contracts of the ports.
    CheckCompliance,
    /// Make an organization and its first administrator.
    CreateOrganization,
    /// Something about an organization's tokens.
    Tokens(OrganizationName, TokenOperation),
    /// The feeds a caller may read.
    ListFeeds(Place),
    /// Make a feed.
    CreateFeed(Place),
    /// Something about one feed.
    Feed(Address, FeedOperation),
}

/// What can be done with tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenOperation {
    /// One page of them.
    List {
        /// Where the page begins.
        cursor: Option<String>,
    },
    /// A new one.
    Create,
    /// One less.
    Revoke(String),
    /// A new one in place of this one.
    Rotate(String),
}

/// What can be done with a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FeedOperation {
    /// Read its settings.
    Get,
    /// Change them.
    Update,
    /// Move it to the recycle bin.
    Delete,
    /// All views.
    ListViews,
    /// A new view.
    CreateView,
    /// One view, by name or id.
    GetView(String),
    /// Rename a view, or change who may use it.
    UpdateView(String),
    /// Remove a view.
    DeleteView(String),
    /// Something about one package.
    Package(ProtocolId, String, PackageOperation),
    /// One operation on many versions.
    Batch(ProtocolId),
}

/// What can be done with a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PackageOperation {
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
    /// Are external versions considered?
    GetBehavior,
    /// Decide that.
    SetBehavior,
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
            Self::Health | Self::CheckCompliance => Need::Nothing,
            Self::CreateOrganization => Need::Root,
            Self::Tokens(..) => Need::Member,
            Self::ListFeeds(_) => Need::Reader,
            Self::CreateFeed(_) => Need::FeedCreator,
            Self::Feed(_, operation) => Need::Feed(operation.action()),
        }
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::CheckCompliance => "check-compliance",
            Self::CreateOrganization => "create-organization",
            Self::Tokens(_, TokenOperation::List { .. }) => "list-tokens",
            Self::Tokens(_, TokenOperation::Create) => "create-token",
            Self::Tokens(_, TokenOperation::Revoke(_)) => "revoke-token",
            Self::Tokens(_, TokenOperation::Rotate(_)) => "rotate-token",
            Self::ListFeeds(_) => "list-feeds",
            Self::CreateFeed(_) => "create-feed",
            Self::Feed(_, operation) => operation.name(),
        }
    }
}

impl FeedOperation {
    /// The right it needs.
    const fn action(&self) -> Action {
        match self {
            Self::Get | Self::ListViews | Self::GetView(_) | Self::Batch(_) => Action::Read,
            Self::Update | Self::Delete | Self::CreateView | Self::UpdateView(_) | Self::DeleteView(_) => {
                Action::Administer
            }
            Self::Package(_, _, operation) => match operation {
                PackageOperation::Get { .. }
                | PackageOperation::Update(_)
                | PackageOperation::GetDeleted(_)
                | PackageOperation::GetBehavior => Action::Read,
                PackageOperation::Delete(_) | PackageOperation::Restore(_) | PackageOperation::Purge(_) => {
                    Action::Delete
                }
                PackageOperation::SetBehavior => Action::Administer,
            },
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Get => "get-feed",
            Self::Update => "update-feed",
            Self::Delete => "delete-feed",
            Self::ListViews => "list-views",
            Self::CreateView => "create-view",
            Self::GetView(_) => "get-view",
            Self::UpdateView(_) => "update-view",
            Self::DeleteView(_) => "delete-view",
            Self::Batch(_) => "batch",
            Self::Package(_, _, operation) => match operation {
                PackageOperation::Get { .. } => "get-version",
                PackageOperation::Update(_) => "update-version",
                PackageOperation::Delete(_) => "delete-version",
                PackageOperation::GetDeleted(_) => "get-deleted-version",
                PackageOperation::Restore(_) => "restore-version",
                PackageOperation::Purge(_) => "purge-version",
                PackageOperation::GetBehavior => "get-upstreaming",
                PackageOperation::SetBehavior => "set-upstreaming",
            },
        }
    }
}

/// Reads method, path and query.
pub(super) fn route(method: &Method, path: &str, query: Option<&str>) -> Result<Endpoint> {
    let path = path.trim_start_matches('/').trim_end_matches('/');
    let segments = path.split('/').map(decode).collect::<Result<Vec<_>>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match &segments[..] {
        [own, rest @ ..] if is(own, "_edgefeed") => deployment(method, rest),
        [organization, own, rest @ ..] if is(own, "_edgefeed") => tokens(method, organization, rest, query),
        [organization, apis, packaging, feeds, rest @ ..]
            if is(apis, "_apis") && is(packaging, "packaging") && is(feeds, "feeds") =>
        {
            let place = Place { organization: organization_name(organization)?, project: None };
            below_feeds(method, place, rest, query)
        }
        [organization, project, apis, packaging, feeds, rest @ ..]
            if is(apis, "_apis") && is(packaging, "packaging") && is(feeds, "feeds") =>
        {
            let unknown =
                |_| Error::NotFound(Missing::Other(format!("project `{}` does not exist", short(project))));
            let project = Some(ProjectName::parse(project).map_err(unknown)?);
            below_feeds(
                method,
                Place { organization: organization_name(organization)?, project },
                rest,
                query,
            )
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

fn tokens(method: &Method, organization: &str, rest: &[&str], query: Option<&str>) -> Result<Endpoint> {
    let organization = organization_name(organization)?;
    let operation = match rest {
        [name] if is(name, "tokens") => match *method {
            Method::GET | Method::HEAD => {
                let cursor = parameter(query, "continuationToken").or_else(|| parameter(query, "cursor"));
                TokenOperation::List { cursor }
            }
            Method::POST => TokenOperation::Create,
            _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, POST" }),
        },
        [name, id] if is(name, "tokens") => match *method {
            Method::DELETE => TokenOperation::Revoke((*id).to_owned()),
            _ => return Err(Error::MethodNotAllowed { allow: "DELETE" }),
        },
        [name, id, verb] if is(name, "tokens") && is(verb, "rotate") => {
            post(method, TokenOperation::Rotate((*id).to_owned()))?
        }
        _ => return Err(Error::no_endpoint()),
    };
    Ok(Endpoint::Tokens(organization, operation))
}

fn below_feeds(method: &Method, place: Place, rest: &[&str], query: Option<&str>) -> Result<Endpoint> {
    let [feed, rest @ ..] = rest else {
        return match *method {
            Method::GET | Method::HEAD => Ok(Endpoint::ListFeeds(place)),
            Method::POST => Ok(Endpoint::CreateFeed(place)),
            _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, POST" }),
        };
    };
    let locator = FeedLocator::parse(feed).map_err(|_| Error::NotFound(Missing::Feed(short(feed))))?;
    let address = Address { organization: place.organization, project: place.project, locator };
    let operation = match rest {
        [] => resource(method, FeedOperation::Get, FeedOperation::Update, FeedOperation::Delete)?,
        [views] if is(views, "views") => match *method {
            Method::GET | Method::HEAD => FeedOperation::ListViews,
            Method::POST => FeedOperation::CreateView,
            _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, POST" }),
        },
        [views, view] if is(views, "views") => {
            let view = || (*view).to_owned();
            let update = FeedOperation::UpdateView(view());
            resource(method, FeedOperation::GetView(view()), update, FeedOperation::DeleteView(view()))?
        }
        [protocol, rest @ ..] => below_protocol(method, known(protocol)?, rest, query)?,
    };
    Ok(Endpoint::Feed(address, operation))
}

fn below_protocol(
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
        [name @ .., upstreaming] if is(upstreaming, "upstreaming") => {
            let operation = match *method {
                Method::GET | Method::HEAD => PackageOperation::GetBehavior,
                Method::PATCH => PackageOperation::SetBehavior,
                _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PATCH" }),
            };
            (name, operation)
        }
        _ => return Err(Error::no_endpoint()),
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
        _ if segments.len() == 2 * words.len() => {
            let pairs = words.iter().zip(segments.chunks(2));
            let parts = pairs.map(|(word, pair)| pair.get(1).filter(|_| is(pair[0], word)).copied());
            Some(parts.collect::<Option<Vec<_>>>()?.join(":"))
        }
        _ => None,
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

fn known(protocol: &str) -> Result<&'static dyn Ecosystem> {
    let names = protocol::PROTOCOLS.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join(", ");
    let hint = format!("; after the feed comes `views`, or one of {names}");
    protocol::ecosystem(protocol).ok_or(Error::NotFound(Missing::Endpoint(hint)))
}

/// The value of a query parameter, its name compared without case.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
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
