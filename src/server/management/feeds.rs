//! Feeds: list, create, read, change, delete.

use super::Call;
use super::credentials::{self, Sealer};
use super::feed_json::FeedPrinter;
use super::message::{self, Precondition, Reply, etag};
use super::route::Place;
use super::sources::{self, Proposer, SourceBody};
use crate::error::{Error, Missing, Result};
use crate::model::{
    Feed, FeedId, FeedName, Grant, GrantTarget, ListingMode, Principal, Role, Token, View, ViewName,
    Visibility,
};
use crate::platform::Platform;
use crate::service::FeedContext;
use crate::store::{self, feeds, organizations};
use serde::Deserialize;

/// As in Azure Artifacts.
const DESCRIPTION_LIMIT: usize = 255;

/// What a caller wants a feed to be; what is absent stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    name: Option<String>,
    description: Option<String>,
    is_public: Option<bool>,
    upstream_enabled: Option<bool>,
    upstream_sources: Option<Vec<SourceBody>>,
    #[serde(default)]
    include_common_public_sources: bool,
    allow_upstream_name_conflict: Option<bool>,
    listing: Option<ListingMode>,
    default_view_id: Option<String>,
}

/// The feeds the caller may read.
pub(super) async fn list<P: Platform>(call: Call<'_, P>, place: &Place) -> Result<Reply> {
    let all = feeds::list(call.platform, &place.organization, place.project.as_ref()).await?;
    let printer = FeedPrinter::<P> { look_up: None, origin: &call.origin };
    let mut shown = Vec::new();
    for feed in all.iter().filter(|feed| feed.deleted.is_none()) {
        if call.principal.authority(feed, None).effective().is_some() {
            shown.push(printer.feed(feed, None).await?);
        }
    }
    if shown.is_empty() && *call.principal == Principal::Anonymous {
        let text = format!(
            "organization `{}` has no public feed, or does not exist; send a token",
            place.organization
        );
        return Err(Error::Unauthenticated(text).into());
    }
    if shown.is_empty() && !organizations::exists(call.platform, &place.organization).await? {
        return Err(Error::NotFound(Missing::Organization(place.organization.to_string())).into());
    }
    Ok(Reply::list(&shown, None))
}

/// Makes a feed. A feed creator becomes its owner; administrators are owners of every feed.
pub(super) async fn create<P: Platform>(call: Call<'_, P>, place: Place, creator: &Token) -> Result<Reply> {
    let platform = call.platform;
    let wish: Wish = message::read(call.body).await?;
    let name = new_name(wish.name.as_deref())?;
    let proposer =
        Proposer { platform, settings: call.config.settings, organization: &place.organization, feed: None };
    let mut proposed = proposer.check(wish.upstream_sources.unwrap_or_default()).await?;
    if wish.include_common_public_sources {
        proposer.add_stock(&mut proposed)?;
    }
    let id = FeedId::from_random(message::random(platform));
    let sealer = Sealer { platform, keyring: call.config.settings.keyring, feed: &id };
    let upstream_sources = sources::settle(&proposed, &[], &sealer);
    let feed = Feed {
        id,
        organization: place.organization,
        project: place.project,
        name,
        description: description(wish.description)?.unwrap_or_default(),
        is_public: wish.is_public.unwrap_or_default(),
        upstream_enabled: wish.upstream_enabled.unwrap_or(true),
        upstream_sources,
        views: first_views(platform)?,
        allow_upstream_name_conflict: wish.allow_upstream_name_conflict.unwrap_or_default(),
        listing: wish.listing.unwrap_or_default(),
        created: platform.now(),
        deleted: None,
        sequence: 1,
    };
    let owner = (!creator.administrator)
        .then(|| Grant { target: GrantTarget::Feed { feed: feed.id.clone() }, role: Role::Owner });
    // The role first: a grant on a feed that never came to be is nothing, a feed without an owner is a nuisance.
    if let Some(grant) = &owner {
        set_grant(platform, creator, grant, true).await?;
    }
    if let Err(error) = feeds::create(platform, &feed).await {
        if let Some(grant) = &owner {
            // What is left behind if this fails too grants nothing.
            let _ = set_grant(platform, creator, grant, false).await;
        }
        return Err(error);
    }
    let body = FeedPrinter { look_up: Some(platform), origin: &call.origin }.feed(&feed, None).await?;
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::created(&body) })
}

async fn set_grant<P: Platform>(platform: &P, creator: &Token, grant: &Grant, present: bool) -> Result<()> {
    let hash = store::tokens::hash_of(platform, &creator.organization, &creator.id).await?;
    let hash = hash.ok_or_else(|| Error::NotFound(Missing::Other("this token is gone".to_owned())))?;
    let now = platform.now();
    store::tokens::update(platform, &hash, &mut |token| {
        if present && !token.is_valid(now) {
            return Err(Error::Unauthenticated("this token has expired or was revoked".to_owned()).into());
        }
        let mut next = token.clone();
        next.grants.retain(|known| known != grant);
        if present {
            next.grants.push(grant.clone());
        }
        Ok((next != *token).then_some(next))
    })
    .await
}

fn new_name(text: Option<&str>) -> Result<FeedName> {
    let text = text.ok_or_else(|| Error::Invalid("a feed needs a `name`".to_owned()))?;
    let name =
        FeedName::parse(text).map_err(|reason| Error::Invalid(format!("`name` of the feed: {reason}")))?;
    if FeedId::parse(text).is_some() {
        let text = "`name` of the feed: a GUID is no name, because feeds are addressed by name or by id";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    Ok(name)
}

fn description(text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > DESCRIPTION_LIMIT => {
            Err(Error::Invalid(format!("`description` has at most {DESCRIPTION_LIMIT} characters")).into())
        }
        other => Ok(other),
    }
}

fn first_views<P: Platform>(platform: &P) -> Result<Vec<View>> {
    let names = ["Local", "Prerelease", "Release"].into_iter();
    names.map(|name| new_view(platform, name, Visibility::Collection)).collect()
}

/// A view, with a GUID of its own.
pub(super) fn new_view<P: Platform>(platform: &P, name: &str, visibility: Visibility) -> Result<View> {
    let invalid = |reason| Error::Invalid(format!("`name` of the view: {reason}"));
    let name = ViewName::parse(name).map_err(invalid)?;
    if FeedId::parse(name.as_str()).is_some() {
        let text = "`name` of the view: a GUID is no name, because views are addressed by name or by id";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    let id = FeedId::from_random(message::random(platform)).as_str().to_owned();
    Ok(View { id, name, visibility })
}

/// A feed's settings, as they are stored now: who changes them must not be shown those of ten seconds ago.
pub(super) async fn get<P: Platform>(call: &Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let missing = || Error::NotFound(Missing::Feed(context.feed.name.to_string()));
    let feed = feeds::get(call.platform, &context.feed.id).await?.ok_or_else(missing)?.value;
    let printer = FeedPrinter { look_up: Some(call.platform), origin: &call.origin };
    let body = printer.feed(&feed, context.view.as_ref()).await?;
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::ok(&body) })
}

/// Changes a feed's settings. They take effect here at once, elsewhere within `FEED_REUSE`.
pub(super) async fn update<P: Platform>(call: Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let platform = call.platform;
    let precondition = Precondition::of(&call.headers);
    let wish: Wish = message::read(call.body).await?;
    refuse_unsupported(&wish, &context.feed)?;
    let text = description(wish.description.clone())?;
    let proposed = match wish.upstream_sources {
        Some(bodies) => {
            let organization = &context.feed.organization;
            let feed = Some(&*context.feed);
            let proposer = Proposer { platform, settings: call.config.settings, organization, feed };
            Some(proposer.check(bodies).await?)
        }
        None => None,
    };
    let sealer = Sealer { platform, keyring: call.config.settings.keyring, feed: &context.feed.id };
    let feed = change(platform, &context.feed, &precondition, &|before| {
        let mut next = before.clone();
        next.description = text.clone().unwrap_or(next.description);
        next.is_public = wish.is_public.unwrap_or(next.is_public);
        next.upstream_enabled = wish.upstream_enabled.unwrap_or(next.upstream_enabled);
        next.allow_upstream_name_conflict =
            wish.allow_upstream_name_conflict.unwrap_or(next.allow_upstream_name_conflict);
        next.listing = wish.listing.unwrap_or(next.listing);
        if let Some(proposed) = &proposed {
            next.upstream_sources = sources::settle(proposed, &before.upstream_sources, &sealer);
        }
        for source in &mut next.upstream_sources {
            source.credentials = sealer.settle(source, source.credentials.as_ref(), &credentials::Wish::Keep);
        }
        Ok(next)
    })
    .await?;
    let body = FeedPrinter { look_up: Some(platform), origin: &call.origin }.feed(&feed, None).await?;
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::ok(&body) })
}

/// What is asked for and cannot be done yet is refused, not passed over.
fn refuse_unsupported(wish: &Wish, feed: &Feed) -> Result<()> {
    let renamed =
        wish.name.as_ref().is_some_and(|name| FeedName::parse(name).ok().as_ref() != Some(&feed.name));
    if renamed {
        return Err(Error::Invalid("`name`: a feed cannot be renamed yet; make a new one".to_owned()).into());
    }
    let local = feed.views.iter().find(|view| view.name.is_local());
    let other = |id: &String| local.is_some_and(|local| !local.id.eq_ignore_ascii_case(id));
    if wish.default_view_id.as_ref().is_some_and(other) {
        return Err(Error::Invalid(
            "`defaultViewId`: the default view is `Local` and cannot be changed yet".to_owned(),
        )
        .into());
    }
    Ok(())
}

/// Moves a feed to the recycle bin: its name stays taken, nothing of it is served.
pub(super) async fn delete<P: Platform>(call: &Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let now = call.platform.now();
    let precondition = Precondition::of(&call.headers);
    change(call.platform, &context.feed, &precondition, &|before| {
        Ok(Feed { deleted: Some(now), ..before.clone() })
    })
    .await?;
    Ok(Reply::done())
}

/// Changes a feed that is still in the state the caller saw, and not deleted. `edit` may be called several times.
pub(super) async fn change<P: Platform>(
    platform: &P,
    feed: &Feed,
    precondition: &Precondition,
    edit: &dyn Fn(&Feed) -> Result<Feed>,
) -> Result<Feed> {
    feeds::update(platform, feed, &mut |before| {
        let next = edit(before)?;
        // A write may fail after it took effect: what is as it was to become is no conflict.
        if next == *before {
            return Ok(next);
        }
        if before.deleted.is_some() {
            return Err(Error::NotFound(Missing::Feed(feed.name.to_string())).into());
        }
        if !precondition.admits(before.sequence) {
            let text = format!(
                "feed `{}` has changed since it was read: its entity tag is now {}; read it again",
                feed.name,
                etag(before.sequence)
            );
            return Err(Error::PreconditionFailed(text).into());
        }
        Ok(next)
    })
    .await
}
