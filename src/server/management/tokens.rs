//! Tokens: who may see, make, revoke and rotate which.
//!
//! One rule, [`Maker::covers`]: a token reaches the tokens it could make. Administrators of the organization reach all
//! of it; owners of feeds reach tokens that are for nothing but their feeds; nobody makes one that may do more, or live
//! longer, than the maker's own. Everybody sees and may give up their own token.

use super::Call;
use super::message::{self, Reply};
use super::route::TokenOperation;
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{
    Action, Address, Feed, FeedId, FeedLocator, Grant, GrantTarget, OrganizationName, Principal, Role, Scope,
    Timestamp, Token, TokenHash, TokenText, ViewName,
};
use crate::platform::Platform;
use crate::store::{self, feeds, keys};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Answers what is asked about tokens. `holder` is the caller's own token.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    organization: &OrganizationName,
    holder: &Token,
    operation: TokenOperation,
) -> Result<Reply> {
    let mut maker = Maker::new(call.platform, holder).await?;
    match operation {
        TokenOperation::List { cursor } => list(&mut maker, organization, cursor.as_deref()).await,
        TokenOperation::Create => {
            let wish: Wish = message::read(call.body).await?;
            let token = maker.grant(organization, wish).await?;
            maker.covers(&token).await?;
            issue(call.platform, token).await
        }
        TokenOperation::Revoke(id) => {
            let (hash, _) = maker.reach(organization, &id).await?;
            store::tokens::revoke(call.platform, &hash, call.platform.now()).await?;
            Ok(Reply::done())
        }
        TokenOperation::Rotate(id) => {
            let (hash, old) = maker.reach(organization, &id).await?;
            if !old.is_valid(call.platform.now()) {
                let text = format!("token `{id}` has expired or was revoked; make a new one");
                return Err(Error::Conflict(Conflict::Other(text)));
            }
            let reply = issue(call.platform, old).await?;
            // The new one first: a failure in between leaves two that work, not none.
            store::tokens::revoke(call.platform, &hash, call.platform.now()).await?;
            Ok(reply)
        }
    }
}

/// Stores a token under a new secret, and tells it: here and never again.
async fn issue<P: Platform>(platform: &P, wish: Token) -> Result<Reply> {
    let text = TokenText::from_random(message::random(platform));
    let token = Token { id: text.hash().id(), created: platform.now(), revoked: None, ..wish };
    store::tokens::create(platform, &text.hash(), &token).await?;
    let mut body = describe(&token);
    body["token"] = json!(text.secret().expose());
    Ok(Reply { secret: true, ..Reply::created(&body) })
}

async fn list<P: Platform>(
    maker: &mut Maker<'_, P>,
    organization: &OrganizationName,
    cursor: Option<&str>,
) -> Result<Reply> {
    let (tokens, next) = store::tokens::list(maker.platform, organization, cursor).await?;
    let mut reached = Vec::new();
    for token in tokens {
        if token.id == maker.token.id || is_yes(maker.covers(&token).await)? {
            reached.push(describe(&token));
        }
    }
    Ok(Reply::list(&reached, next))
}

/// A refusal is an answer here; a failure is not.
fn is_yes(outcome: Result<()>) -> Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(Error::Forbidden(_) | Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a caller wants.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    subject: String,
    scope: Scope,
    #[serde(default)]
    grants: Vec<GrantWish>,
    #[serde(default)]
    administrator: bool,
    #[serde(default)]
    feed_creator: bool,
    expires: Option<Timestamp>,
    expires_in_days: Option<u32>,
}

/// A role on a feed (`feed`, `project/feed`, a feed's id), on one of its views (`feed@view`, or `view` beside it), or on
/// all feeds of the organization.
#[derive(Deserialize)]
struct GrantWish {
    feed: Option<String>,
    view: Option<String>,
    #[serde(default)]
    organization: bool,
    role: Role,
}

/// The caller, as far as tokens go.
struct Maker<'a, P> {
    platform: &'a P,
    /// As it is stored now: what another isolate remembers of a token that was revoked must not make new ones.
    token: Token,
    feeds: BTreeMap<FeedId, Option<Feed>>,
}

impl<'a, P: Platform> Maker<'a, P> {
    async fn new(platform: &'a P, holder: &Token) -> Result<Self> {
        let (_, token) = find(platform, &holder.organization, &holder.id).await?;
        if !token.is_valid(platform.now()) {
            let text = format!("this token (`{}`) has expired or was revoked; ask for a new one", token.id);
            return Err(Error::Unauthenticated(text));
        }
        Ok(Self { platform, token, feeds: BTreeMap::new() })
    }

    /// A token of the organization that the caller reaches, or its own.
    async fn reach(&mut self, organization: &OrganizationName, id: &str) -> Result<(TokenHash, Token)> {
        let (hash, token) = find(self.platform, organization, id).await?;
        if token.id != self.token.id {
            self.covers(&token).await?;
        }
        Ok((hash, token))
    }

    /// May the caller make this token?
    async fn covers(&mut self, wish: &Token) -> Result<()> {
        let own = &self.token;
        if wish.scope > own.scope {
            let (scope, limit) = (wish.scope.name(), own.scope.name());
            return Err(Error::Forbidden(format!(
                "a token of scope `{limit}` cannot make or manage one of scope `{scope}`"
            )));
        }
        if own.expires.is_some_and(|limit| wish.expires.is_none_or(|expires| expires > limit)) {
            let text = "a token cannot make or manage one that outlives it; set `expires` to no later than its own end";
            return Err(Error::Forbidden(text.to_owned()));
        }
        if own.administrator && own.scope == Scope::Manage {
            return Ok(());
        }
        let everywhere = wish.grants.iter().any(|grant| grant.target == GrantTarget::Organization);
        if wish.administrator || wish.feed_creator || everywhere || wish.grants.is_empty() {
            let text = format!(
                "tokens that are not for certain feeds only are made and managed by administrators of organization `{}` \
                 (scope `manage`)",
                own.organization
            );
            return Err(Error::Forbidden(text));
        }
        for grant in &wish.grants {
            self.owns(&grant.target).await?;
        }
        Ok(())
    }

    /// Only who owns the whole feed hands out roles on it or its views: an owner's own role is the highest there is.
    async fn owns(&mut self, target: &GrantTarget) -> Result<()> {
        let (GrantTarget::Feed { feed: id } | GrantTarget::View { feed: id, .. }) = target else {
            return Ok(());
        };
        let principal = Principal::Token(Box::new(self.token.clone()));
        let unknown = || Error::NotFound(Missing::Feed(id.as_str().to_owned()));
        let feed = self.feed(id).await?.ok_or_else(unknown)?;
        let authority = principal.authority(feed, None);
        if authority.effective().is_none() {
            return Err(unknown());
        }
        if authority.permits(Action::Administer) {
            return Ok(());
        }
        let locator = FeedLocator { feed: feed.name.clone(), view: None };
        Err(Error::lacks(Action::Administer, "making and managing tokens for it", authority, &locator))
    }

    async fn feed(&mut self, id: &FeedId) -> Result<Option<&Feed>> {
        if !self.feeds.contains_key(id) {
            let feed = feeds::get(self.platform, id).await?.map(|stored| stored.value);
            self.feeds.insert(id.clone(), feed);
        }
        Ok(self.feeds.get(id).and_then(Option::as_ref))
    }

    /// The token wished for, not yet judged.
    async fn grant(&self, organization: &OrganizationName, wish: Wish) -> Result<Token> {
        let mut grants = Vec::new();
        for grant in &wish.grants {
            grants.push(Grant { target: self.target(organization, grant).await?, role: grant.role });
        }
        let now = self.platform.now();
        let in_days =
            wish.expires_in_days.map(|days| now.plus(Duration::from_secs(u64::from(days) * 24 * 3600)));
        let expires = wish.expires.or(in_days);
        if expires.is_some_and(|expires| expires <= now) {
            return Err(Error::Invalid("`expires` lies in the past".to_owned()));
        }
        Ok(Token {
            id: String::new(),
            organization: self.token.organization.clone(),
            subject: subject(&wish.subject)?,
            scope: wish.scope,
            grants,
            administrator: wish.administrator,
            feed_creator: wish.feed_creator,
            created: now,
            expires: expires.or(self.token.expires),
            revoked: None,
        })
    }

    async fn target(&self, organization: &OrganizationName, grant: &GrantWish) -> Result<GrantTarget> {
        let Some(text) = grant.feed.as_deref() else {
            let text = "a grant needs `feed`, or `organization: true` for all feeds of the organization";
            return if grant.organization {
                Ok(GrantTarget::Organization)
            } else {
                Err(Error::Invalid(text.to_owned()))
            };
        };
        let address = Address::parse_path(&format!("{organization}/{text}"))
            .map_err(|reason| Error::Invalid(format!("`feed` of a grant: {reason}")))?;
        let name = &address.locator.feed;
        let found = feeds::find(self.platform, organization, address.project.as_ref(), name).await?;
        let feed = found.filter(|feed| feed.deleted.is_none());
        let feed = feed.ok_or_else(|| Error::NotFound(Missing::Feed(text.to_owned())))?;
        let named = match &grant.view {
            Some(view) => {
                let reason = |reason| Error::Invalid(format!("`view` of a grant: {reason}"));
                Some(ViewName::parse(view).map_err(reason)?)
            }
            None => address.locator.view,
        };
        let Some(view) = named else { return Ok(GrantTarget::Feed { feed: feed.id.clone() }) };
        let missing = || Missing::View { feed: feed.name.to_string(), view: view.to_string() };
        let found = feed.view(&view).ok_or_else(|| Error::NotFound(missing()))?;
        Ok(GrantTarget::View { feed: feed.id.clone(), view: found.id.clone() })
    }
}

async fn find<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    id: &str,
) -> Result<(TokenHash, Token)> {
    let shown: String = id.chars().take(64).collect();
    let missing =
        || Error::NotFound(Missing::Other(format!("organization `{organization}` has no token `{shown}`")));
    let hash = store::tokens::hash_of(platform, organization, id).await?.ok_or_else(missing)?;
    let stored = store::read::<P, Token>(platform, &keys::token(&hash)).await?.ok_or_else(missing)?;
    Ok((hash, stored.value))
}

/// Reads whom a token is for.
pub(super) fn subject(text: &str) -> Result<String> {
    let text = text.trim();
    let printable = !text.is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
    let refusal = || {
        Error::Invalid("a token needs a `subject` of 1 to 200 printable characters: who holds it".to_owned())
    };
    if printable { Ok(text.to_owned()) } else { Err(refusal()) }
}

/// What anybody is told of a token once it was made: all but the token.
pub(super) fn describe(token: &Token) -> Value {
    let grants = token.grants.iter().map(|grant| match &grant.target {
        GrantTarget::Organization => json!({ "organization": true, "role": grant.role }),
        GrantTarget::Feed { feed } => json!({ "feed": feed, "role": grant.role }),
        GrantTarget::View { feed, view } => json!({ "feed": feed, "view": view, "role": grant.role }),
    });
    let mut body = json!({
        "id": token.id,
        "organization": token.organization,
        "subject": token.subject,
        "scope": token.scope,
        "grants": grants.collect::<Vec<_>>(),
        "administrator": token.administrator,
        "feedCreator": token.feed_creator,
        "created": token.created,
    });
    for (name, moment) in [("expires", token.expires), ("revoked", token.revoked)] {
        if let Some(moment) = moment {
            body[name] = json!(moment);
        }
    }
    body
}
