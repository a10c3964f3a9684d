//! Who may call what: the needs of `route.rs`, checked before anything is done.

use super::super::client;
use super::Call;
use super::route::{Endpoint, Need};
use crate::error::{Conflict, Error, Result};
use crate::model::{Action, Address, OrganizationName, Principal, Scope, Token};
use crate::platform::Platform;
use crate::service::{self, FeedContext};
use std::rc::Rc;

/// Insists on what an endpoint needs, as far as no feed must be opened to know it.
pub(super) fn caller(principal: &Principal, endpoint: &Endpoint) -> Result<()> {
    match (endpoint.need(), endpoint.organization()) {
        (Need::Root, _) => root(principal),
        (Need::Member, Some(organization)) => member(principal, organization).map(drop),
        (Need::Manager, Some(organization)) => manager(principal, organization),
        (Need::FeedCreator, Some(organization)) => feed_creator(principal, organization).map(drop),
        (Need::Administrator, Some(organization)) => administrator(principal, organization),
        (Need::Reader | Need::DeletedFeed, _) => not_root(principal),
        (Need::Nothing | Need::Settings(_) | Need::Owner | Need::Feed(_), _) => Ok(()),
        // Each of these is asked of an organization; should one ever not, nobody may.
        (Need::Member | Need::Manager | Need::FeedCreator | Need::Administrator, None) => {
            Err(Error::no_endpoint().into())
        }
    }
}

/// The deployment's bootstrap secret.
fn root(principal: &Principal) -> Result<()> {
    let text = "creating an organization needs the deployment's bootstrap secret; whoever runs this deployment has it \
                as ROOT_TOKEN";
    match principal {
        Principal::Root => Ok(()),
        Principal::Anonymous => Err(Error::Unauthenticated(text.to_owned()).into()),
        Principal::Token(_) => Err(Error::Forbidden(text.to_owned()).into()),
    }
}

/// Anybody, but the bootstrap secret opens nothing.
fn not_root(principal: &Principal) -> Result<()> {
    let text =
        "the bootstrap secret creates organizations and opens nothing; use a token of the organization";
    if *principal == Principal::Root { Err(Error::Forbidden(text.to_owned()).into()) } else { Ok(()) }
}

/// A token of the organization.
pub(super) fn member<'a>(principal: &'a Principal, organization: &OrganizationName) -> Result<&'a Token> {
    not_root(principal)?;
    let text = || {
        format!("this needs a token of organization `{organization}`; an administrator of it can make one")
    };
    match principal {
        Principal::Token(token) if token.organization == *organization => Ok(token),
        Principal::Token(_) => Err(Error::Forbidden(text()).into()),
        Principal::Anonymous | Principal::Root => Err(Error::Unauthenticated(text()).into()),
    }
}

/// One whose token's scope is that of managing; what it may manage is another question.
fn manager(principal: &Principal, organization: &OrganizationName) -> Result<()> {
    let token = member(principal, organization)?;
    if token.scope == Scope::Manage {
        return Ok(());
    }
    let text = format!(
        "trying out upstream sources needs a token of scope `manage`; this one's is `{}`",
        token.scope.name()
    );
    Err(Error::Forbidden(text).into())
}

/// An administrator of the organization, by a token whose scope lets it.
fn administrator(principal: &Principal, organization: &OrganizationName) -> Result<()> {
    let token = member(principal, organization)?;
    if token.administrator && token.scope == Scope::Manage {
        return Ok(());
    }
    let text = format!(
        "this needs an administrator of organization `{organization}`, and a token of scope `manage`"
    );
    Err(Error::Forbidden(text).into())
}

/// One who may create feeds, by a token whose scope lets it.
pub(super) fn feed_creator<'a>(
    principal: &'a Principal,
    organization: &OrganizationName,
) -> Result<&'a Token> {
    let token = member(principal, organization)?;
    if !token.administrator && !token.feed_creator {
        let text = format!(
            "creating a feed in `{organization}` needs an administrator or a feed creator; this token is neither. An \
             administrator of the organization can make a token that is."
        );
        return Err(Error::Forbidden(text).into());
    }
    if token.scope < Scope::Write {
        let text = format!(
            "creating a feed needs a token of scope `write` or `manage`; this one's is `{}`",
            token.scope.name()
        );
        return Err(Error::Forbidden(text).into());
    }
    Ok(token)
}

/// Opens a feed for the caller and insists on the right that is needed.
pub(super) async fn feed<P: Platform>(
    call: &Call<'_, P>,
    address: &Address,
    need: Need,
) -> Result<FeedContext<P>> {
    not_root(&call.principal)?;
    let (platform, principal) = (call.platform.clone(), Rc::clone(&call.principal));
    let root = call.origin.as_str().into();
    let mut context = service::open(platform, address, principal, root, call.config.settings).await?;
    context.always_check = true;
    context.client = client(&call.headers);
    match need {
        Need::Feed(action) => action_on(&context, action)?,
        Need::Settings(action) => {
            service::authorize_settings(&context, Some(action))?;
            refuse_view(&context, action)?;
        }
        Need::Owner => {
            context.authority = context.principal.authority(&context.feed, None);
            service::authorize_settings(&context, Some(Action::Administer))?;
        }
        // `route.rs` asks for a right on every feed endpoint; should one ever not, an owner is asked for.
        _ => action_on(&context, Action::Administer)?,
    }
    Ok(context)
}

/// Insists on a right; everything but reading is done to the feed itself, because a role on one of its views is none on
/// the feed.
pub(super) fn action_on<P: Platform>(context: &FeedContext<P>, action: Action) -> Result<()> {
    service::authorize(context, Some(action))?;
    refuse_view(context, action)
}

fn refuse_view<P: Platform>(context: &FeedContext<P>, action: Action) -> Result<()> {
    match &context.view {
        Some(view) if action != Action::Read => {
            Err(Error::Conflict(Conflict::ReadOnlyView(view.name.to_string())).into())
        }
        _ => Ok(()),
    }
}
