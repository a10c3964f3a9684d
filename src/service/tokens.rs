//! Tokens: who may see, make, revoke and rotate which.
//!
//! One rule, `Maker::covers`: a token reaches the tokens it could make. Administrators of the organization reach all
//! of it; owners of feeds reach tokens that are for nothing but their feeds; everybody reaches tokens of the same holder
//! that may do no more than their own, as logging in makes them; nobody makes one that may do more, or live longer, than
//! the maker's own.

use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{
    Action, Feed, FeedId, FeedLocator, Grant, GrantTarget, OrganizationName, Principal, Scope, Token,
    TokenHash, TokenText,
};
use crate::platform::Platform;
use crate::store::{self, feeds, keys};
use std::collections::BTreeMap;

/// Stores a token under a new secret. That is told to its holder, here and never again.
pub async fn issue<P: Platform>(platform: &P, wish: Token) -> Result<(Token, TokenText)> {
    let mut random = [0_u8; 32];
    platform.random(&mut random);
    let text = TokenText::from_random(random);
    let token = Token { id: text.hash().id(), created: platform.now(), revoked: None, ..wish };
    store::tokens::create(platform, &text.hash(), &token).await?;
    Ok((token, text))
}

/// Reads what a token is called, or whom it is for.
pub fn label(text: &str, what: &str) -> Result<String> {
    let text = text.trim();
    let printable = !text.is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
    if printable {
        Ok(text.to_owned())
    } else {
        Err(Error::Invalid(format!("a token needs {what} of 1 to 200 printable characters")).into())
    }
}

/// The caller, as far as tokens go.
pub struct Maker<'a, P> {
    platform: &'a P,
    /// As it is stored now: what another isolate remembers of a token that was revoked must not make new ones.
    pub token: Token,
    feeds: BTreeMap<FeedId, Option<Feed>>,
}

impl<'a, P: Platform> Maker<'a, P> {
    /// The holder of that token.
    pub async fn new(platform: &'a P, holder: &Token) -> Result<Self> {
        let (_, token) = find(platform, &holder.organization, &holder.id).await?;
        if !token.is_valid(platform.now()) {
            let text = format!("this token (`{}`) has expired or was revoked; ask for a new one", token.id);
            return Err(Error::Unauthenticated(text).into());
        }
        Ok(Self { platform, token, feeds: BTreeMap::new() })
    }

    /// Makes a token, if it is no greater than it may be.
    pub async fn make(&mut self, wish: Token) -> Result<(Token, TokenText)> {
        let now = self.platform.now();
        if wish.expires.is_some_and(|expires| expires <= now) {
            return Err(Error::Invalid("`expires` lies in the past".to_owned()).into());
        }
        let wish = Token { expires: wish.expires.or(self.token.expires), ..wish };
        self.covers(&wish).await?;
        issue(self.platform, wish).await
    }

    /// One page of the tokens the caller reaches, its own among them, and where the next one begins.
    pub async fn list(
        &mut self,
        organization: &OrganizationName,
        cursor: Option<&str>,
    ) -> Result<(Vec<Token>, Option<String>)> {
        let (tokens, next) = store::tokens::list(self.platform, organization, cursor).await?;
        let mut reached = Vec::new();
        for token in tokens {
            if token.id == self.token.id || is_yes(self.covers(&token).await)? {
                reached.push(token);
            }
        }
        Ok((reached, next))
    }

    /// Revokes a token that the caller reaches.
    pub async fn revoke(&mut self, organization: &OrganizationName, id: &str) -> Result<()> {
        let (hash, _) = self.reach(organization, id).await?;
        store::tokens::revoke(self.platform, &hash, self.platform.now()).await
    }

    /// Makes a token with the same rights as one that the caller reaches, and revokes that.
    pub async fn rotate(&mut self, organization: &OrganizationName, id: &str) -> Result<(Token, TokenText)> {
        let (hash, old) = self.reach(organization, id).await?;
        if !old.is_valid(self.platform.now()) {
            let text = format!("token `{id}` has expired or was revoked; make a new one");
            return Err(Error::Conflict(Conflict::Other(text)).into());
        }
        let issued = issue(self.platform, old).await?;
        // The new one first: a failure in between leaves two that work, not none.
        store::tokens::revoke(self.platform, &hash, self.platform.now()).await?;
        Ok(issued)
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
            ))
            .into());
        }
        if own.expires.is_some_and(|limit| wish.expires.is_none_or(|expires| expires > limit)) {
            let text = "a token cannot make or manage one that outlives it; set `expires` to no later than its own end";
            return Err(Error::Forbidden(text.to_owned()).into());
        }
        if own.administrator && own.scope == Scope::Manage || self.is_like_own(wish).await? {
            return Ok(());
        }
        let own = &self.token;
        let everywhere = wish.grants.iter().any(|grant| grant.target == GrantTarget::Organization);
        if wish.administrator || wish.feed_creator || everywhere || wish.grants.is_empty() {
            let text = format!(
                "tokens that are not for certain feeds only are made and managed by administrators of organization `{}` \
                 (scope `manage`)",
                own.organization
            );
            return Err(Error::Forbidden(text).into());
        }
        for grant in &wish.grants {
            self.owns(&grant.target).await?;
        }
        Ok(())
    }

    /// Is this a token of the same holder with no role that the caller's own does not carry?
    async fn is_like_own(&mut self, wish: &Token) -> Result<bool> {
        if wish.subject != self.token.subject || wish.administrator || wish.feed_creator {
            return Ok(false);
        }
        for Grant { target, role } in &wish.grants {
            let everywhere = self.token.everywhere();
            let granted = match target {
                GrantTarget::Organization => everywhere,
                GrantTarget::Feed { feed: id } | GrantTarget::View { feed: id, .. } => {
                    self.feed(id).await?;
                    let feed = self.feeds.get(id).and_then(Option::as_ref);
                    let view = match target {
                        GrantTarget::View { view, .. } => {
                            feed.and_then(|feed| feed.views.iter().find(|known| known.id == *view))
                        }
                        _ => None,
                    };
                    feed.and_then(|feed| self.token.role_on(feed, view))
                }
            };
            if granted < Some(*role) {
                return Ok(false);
            }
        }
        Ok(true)
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
            return Err(unknown().into());
        }
        if authority.permits(Action::Administer) {
            return Ok(());
        }
        let locator = FeedLocator { feed: feed.name.clone(), view: None };
        Err(Error::lacks(Action::Administer, "making and managing tokens for it", authority, &locator).into())
    }

    async fn feed(&mut self, id: &FeedId) -> Result<Option<&Feed>> {
        if !self.feeds.contains_key(id) {
            let feed = feeds::get(self.platform, id).await?.map(|stored| stored.value);
            self.feeds.insert(id.clone(), feed);
        }
        Ok(self.feeds.get(id).and_then(Option::as_ref))
    }
}

/// A refusal is an answer here; a failure is not.
fn is_yes(outcome: Result<()>) -> Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if matches!(*error, Error::Forbidden(_) | Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
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
