//! Feeds: list, create, read, change, delete.

use super::Call;
use super::credentials::{self, Sealer};
use super::feed_json::FeedPrinter;
use super::message::{self, Precondition, Reply, etag};
use super::rename;
use super::route::{Listing, Place};
use super::sources::{self, Proposer, SourceBody};
use crate::error::{Error, Missing, Result};
use crate::model::{
    Feed, FeedId, FeedName, Grant, GrantTarget, ListingMode, Principal, Role, Token, View, ViewName,
    Visibility,
};
use crate::platform::Platform;
use crate::service::{FeedContext, feed_bin};
use crate::store::{self, feeds, organizations};
use http::StatusCode;
use serde::Deserialize;

/// As in Azure Artifacts.
const DESCRIPTION_LIMIT: usize = 255;

/// What a caller wants a feed to be; what is absent stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    name: Option<String>,
    description: Option<String>,
    is_enabled: Option<bool>,
    is_public: Option<bool>,
    badges_enabled: Option<bool>,
    hide_deleted_package_versions: Option<bool>,
    upstream_enabled: Option<bool>,
    upstream_sources: Option<Vec<SourceBody>>,
    #[serde(default)]
    include_common_public_sources: bool,
    allow_upstream_name_conflict: Option<bool>,
    listing: Option<ListingMode>,
    default_view_id: Option<String>,
}

/// One page of the feeds the caller may read, or of those in the recycle bin that it may restore.
pub(super) async fn list<P: Platform>(call: Call<'_, P>, place: &Place, listing: &Listing) -> Result<Reply> {
    let (platform, organization, cursor) = (call.platform, &place.organization, listing.cursor.as_deref());
    let (page, next) =
        feeds::list(platform, organization, place.project.as_ref(), cursor, listing.limit).await?;
    let printer = FeedPrinter::<P> {
        look_up: None,
        origin: &call.origin,
        links: listing.urls,
        removed: listing.removed,
    };
    let mut shown = Vec::new();
    for feed in &page {
        let there = if listing.deleted { feed.is_in_bin() } else { feed.deleted.is_none() };
        let authority = call.principal.authority(feed, None);
        // Who is an owner is told what is in the bin, even if the token's scope does not go as far as restoring it.
        if there && authority.effective().is_some() && authority.role >= listing.role {
            shown.push(printer.feed(feed, None).await?);
        }
    }
    let nothing = shown.is_empty() && cursor.is_none() && next.is_none();
    if nothing && *call.principal == Principal::Anonymous {
        let text =
            format!("organization `{organization}` has no public feed, or does not exist; send a token");
        return Err(Error::Unauthenticated(text).into());
    }
    if nothing && !organizations::exists(platform, organization).await? {
        return Err(Error::NotFound(Missing::Organization(organization.to_string())).into());
    }
    Ok(Reply::list(&shown, next))
}

/// Makes a feed. A feed creator becomes its owner; administrators are owners of every feed.
pub(super) async fn create<P: Platform>(call: Call<'_, P>, place: Place, creator: &Token) -> Result<Reply> {
    let platform = call.platform;
    let wish: Wish = message::read(call.body).await?;
    let text = wish.name.as_deref().ok_or_else(|| Error::Invalid("a feed needs a `name`".to_owned()))?;
    let name = feed_name(text)?;
    let proposer =
        Proposer { platform, settings: call.config.settings, organization: &place.organization, feed: None };
    let mut wish = wish;
    let mut proposed = proposer.check(wish.upstream_sources.take().unwrap_or_default()).await?;
    if wish.include_common_public_sources {
        proposer.add_stock(&mut proposed)?;
    }
    let id = FeedId::from_random(message::random(platform));
    let sealer = Sealer { platform, keyring: call.config.settings.keyring, feed: &id };
    let upstream_sources = sources::settle(&proposed, &[], &[], &sealer);
    let feed = Feed {
        id,
        organization: place.organization,
        project: place.project,
        name,
        description: String::new(),
        is_public: false,
        upstream_enabled: true,
        upstream_sources,
        removed_sources: Vec::new(),
        views: first_views(platform)?,
        allow_upstream_name_conflict: false,
        listing: ListingMode::default(),
        is_disabled: wish.is_enabled == Some(false),
        shows_deleted_package_versions: false,
        badges_enabled: false,
        default_view_id: None,
        permissions: Vec::new(),
        upstreaming_rules: Vec::new(),
        retention: None,
        created: platform.now(),
        renaming: None,
        renamed: None,
        deleted: None,
        purged: None,
        sequence: 1,
    };
    let feed = settled(&wish, feed)?;
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
    let reply = told(&call.origin, platform, &feed, None, false).await?;
    Ok(Reply { status: StatusCode::CREATED, ..reply })
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

/// The feed as the caller wishes it to be, its name and its upstream sources left aside.
fn settled(wish: &Wish, before: Feed) -> Result<Feed> {
    let mut next = before;
    if let Some(text) = &wish.description {
        if text.chars().count() > DESCRIPTION_LIMIT {
            let text = format!("`description` has at most {DESCRIPTION_LIMIT} characters");
            return Err(Error::Invalid(text).into());
        }
        next.description.clone_from(text);
    }
    for (place, value) in [
        (&mut next.is_public, wish.is_public),
        (&mut next.badges_enabled, wish.badges_enabled),
        (&mut next.shows_deleted_package_versions, wish.hide_deleted_package_versions.map(|hide| !hide)),
        (&mut next.upstream_enabled, wish.upstream_enabled),
        (&mut next.allow_upstream_name_conflict, wish.allow_upstream_name_conflict),
    ] {
        *place = value.unwrap_or(*place);
    }
    next.listing = wish.listing.unwrap_or(next.listing);
    if let Some(text) = &wish.default_view_id {
        let view = ViewName::parse(text).ok().and_then(|name| next.view(&name).cloned());
        let unknown = || Error::Invalid("`defaultViewId`: the feed has no such view".to_owned());
        let view = view.ok_or_else(unknown)?;
        next.default_view_id = (!view.name.is_local()).then_some(view.id);
    }
    Ok(next)
}

/// Reads what a feed is to be called.
fn feed_name(text: &str) -> Result<FeedName> {
    let name =
        FeedName::parse(text).map_err(|reason| Error::Invalid(format!("`name` of the feed: {reason}")))?;
    if FeedId::parse(text).is_some() {
        let text = "`name` of the feed: a GUID is no name, because feeds are addressed by name or by id";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    Ok(name)
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
    Ok(View { id, name, visibility, permissions: Vec::new() })
}

/// A feed's settings, as they are stored now: who changes them must not be shown those of ten seconds ago.
pub(super) async fn get<P: Platform>(
    call: &Call<'_, P>,
    context: &FeedContext<P>,
    removed: bool,
) -> Result<Reply> {
    let feed = stored(context).await?;
    told(&call.origin, call.platform, &feed, context.view.as_deref(), removed).await
}

/// A feed as it is stored now.
pub(super) async fn stored<P: Platform>(context: &FeedContext<P>) -> Result<Feed> {
    let missing = || Error::NotFound(Missing::Feed(context.feed.name.to_string()));
    Ok(feeds::get(&context.platform, &context.feed.id).await?.ok_or_else(missing)?.value)
}

async fn told<P: Platform>(
    origin: &str,
    platform: &P,
    feed: &Feed,
    view: Option<&View>,
    removed: bool,
) -> Result<Reply> {
    let body = FeedPrinter { look_up: Some(platform), origin, links: true, removed }.feed(feed, view).await?;
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::ok(&body) })
}

/// Changes a feed's settings. They take effect here at once, elsewhere within `FEED_REUSE`.
pub(super) async fn update<P: Platform>(call: Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let (platform, now) = (call.platform, call.platform.now());
    let mut precondition = Precondition::of(&call.headers);
    let mut wish: Wish = message::read(call.body).await?;
    let name = wish.name.as_deref().map(feed_name).transpose()?;
    let proposed = match wish.upstream_sources.take() {
        Some(bodies) => {
            let organization = &context.feed.organization;
            let feed = Some(&*context.feed);
            let proposer = Proposer { platform, settings: call.config.settings, organization, feed };
            Some(proposer.check(bodies).await?)
        }
        None => None,
    };
    let sealer = Sealer { platform, keyring: call.config.settings.keyring, feed: &context.feed.id };
    let edit = |before: &Feed| {
        let mut next = settled(&wish, before.clone())?;
        if let Some(proposed) = &proposed {
            // One that comes back is what it was.
            let (present, removed) = (&before.upstream_sources, &before.removed_sources);
            next.replace_sources(sources::settle(proposed, present, removed, &sealer), now);
        }
        let is_disabled = wish.is_enabled.map_or(before.is_disabled, |enabled| !enabled);
        let renamed = name.as_ref().is_some_and(|name| name.as_str() != before.name.as_str());
        if is_disabled != before.is_disabled && (next != *before || renamed) {
            let text = "`isEnabled` cannot be changed together with anything else; send it alone";
            return Err(Error::Invalid(text.to_owned()).into());
        }
        for source in &mut next.upstream_sources {
            source.credentials = sealer.settle(source, source.credentials.as_ref(), &credentials::Wish::Keep);
        }
        Ok(Feed { is_disabled, ..next })
    };
    let left = match &name {
        Some(name) => rename::begin(context, name, &mut precondition, &edit).await?,
        None => None,
    };
    let feed = change(platform, &context.feed, &precondition, &|before| match &name {
        Some(name) => rename::finish(edit(before)?, name, now),
        None => edit(before),
    })
    .await?;
    if let Some(left) = left {
        feeds::release(platform, &feed, &left).await?;
    }
    told(&call.origin, platform, &feed, None, false).await
}

/// Moves a feed to the recycle bin: its name stays taken, nothing of it is served.
pub(super) async fn delete<P: Platform>(call: &Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let now = call.platform.now();
    let precondition = Precondition::of(&call.headers);
    feed_bin::announce(call.platform, &context.feed, now).await?;
    change(call.platform, &context.feed, &precondition, &|before| {
        let mut next = before.clone();
        next.deleted = Some(now);
        Ok(next)
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
