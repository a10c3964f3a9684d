//! Tokens: who may see, make, revoke and rotate which.
//!
//! One rule, `Maker::covers`: a token reaches the tokens it could make. Administrators of the organization reach all
//! of it; owners of feeds reach tokens that are for nothing but their feeds; everybody reaches tokens of the same holder
//! that may do no more than their own, as logging in makes them; nobody makes one that may do more, or live longer, than
//! the maker's own.
//!
//! Permissions of records count for the subject of a token only if that is vouched for: an administrator made the token, or
//! its holder made it for itself. A group counts if an administrator put the token into it, or the maker's own is in it. A token
//! is void once one that it descends from was revoked, but not when that has expired: its own end was no later.

use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{
    Action, Feed, FeedId, FeedLocator, Grant, GrantTarget, OrganizationName, Principal, Scope, SortedMap,
    Token, TokenHash, TokenText,
};
use crate::platform::Platform;
use crate::store::{self, feeds, keys, organizations};
use futures_util::future::join;

/// How many tokens one descends from at most: all of them are looked at when it is used.
const ANCESTORS: usize = 4;

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

/// A token that works, with what the permissions of its organization add to it.
pub async fn authenticate<P: Platform>(platform: &P, token: &Token) -> Result<Token> {
    Ok(examine(platform, token).await?.0)
}

/// The same, and how many tokens it descends from.
async fn examine<P: Platform>(platform: &P, token: &Token) -> Result<(Token, usize)> {
    let void = |why: &str| {
        Err(Error::Unauthenticated(format!("this token (`{}`) {why}; ask for a new one", token.id)).into())
    };
    if !token.is_valid(platform.now()) {
        return void("has expired or was revoked");
    }
    let (ancestors, extended) = join(ancestors(platform, token), extended(platform, token)).await;
    match ancestors? {
        Some(count) => Ok((extended?, count)),
        None => void("was made with one that was revoked"),
    }
}

/// How many tokens one descends from; `None` if one of them was revoked.
async fn ancestors<P: Platform>(platform: &P, token: &Token) -> Result<Option<usize>> {
    let (mut next, mut count) = (token.parent.clone(), 0);
    while let Some(hash) = next.take() {
        count += 1;
        match store::tokens::get(platform, &hash).await? {
            Some(parent) if parent.revoked.is_none() && count <= ANCESTORS => {
                next.clone_from(&parent.parent);
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(count))
}

async fn extended<P: Platform>(platform: &P, token: &Token) -> Result<Token> {
    let mut token = token.clone();
    if (token.vouched || !token.groups.is_empty())
        && let Some(organization) = organizations::find(platform, &token.organization).await?
    {
        organization.extend(&mut token);
    }
    Ok(token)
}

/// The caller, as far as tokens go.
pub struct Maker<'a, P> {
    platform: &'a P,
    /// As it is stored now: what another isolate remembers of a token that was revoked must not make new ones.
    pub token: Token,
    hash: TokenHash,
    /// Is the holder an administrator, with a token that may be used for everything?
    administrator: bool,
    ancestors: usize,
    feeds: SortedMap<FeedId, Option<Feed>>,
}

impl<'a, P: Platform> Maker<'a, P> {
    /// The holder of that token.
    pub async fn new(platform: &'a P, holder: &Token) -> Result<Self> {
        let (hash, token) = find(platform, &holder.organization, &holder.id).await?;
        let (extended, ancestors) = examine(platform, &token).await?;
        let administrator = extended.administrator && extended.scope == Scope::Manage;
        Ok(Self { platform, token, hash, administrator, ancestors, feeds: SortedMap::new() })
    }

    /// Makes a token, if it is no greater than it may be.
    pub async fn make(&mut self, wish: Token) -> Result<(Token, TokenText)> {
        let now = self.platform.now();
        if wish.expires.is_some_and(|expires| expires <= now) {
            return Err(Error::Invalid("`expires` lies in the past".to_owned()).into());
        }
        let vouched = wish.vouched && self.vouches_for(&wish);
        let wish = Token { expires: wish.expires.or(self.token.expires), vouched, ..wish };
        self.covers(&wish).await?;
        self.issue(wish).await
    }

    /// Makes a token that may do what the caller's own may.
    pub async fn copy(&self) -> Result<(Token, TokenText)> {
        self.issue(self.token.clone()).await
    }

    async fn issue(&self, wish: Token) -> Result<(Token, TokenText)> {
        if self.ancestors >= ANCESTORS {
            let text = format!(
                "this token (`{}`) was made with one that was made with another, {ANCESTORS} times over: use one of those \
                 to make tokens",
                self.token.id
            );
            return Err(Error::Forbidden(text).into());
        }
        issue(self.platform, Token { parent: Some(self.hash.clone()), ..wish }).await
    }

    /// May the caller say that the holder of a token is its subject?
    fn vouches_for(&self, wish: &Token) -> bool {
        self.administrator || self.token.vouched && wish.subject == self.token.subject
    }

    /// One page of the tokens the caller reaches, its own among them, and where the next one begins; with a subject, those of
    /// the page that are for it.
    pub async fn list(
        &mut self,
        organization: &OrganizationName,
        subject: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<(Vec<Token>, Option<String>)> {
        let (tokens, next) = store::tokens::list(self.platform, organization, cursor).await?;
        let mut reached = Vec::new();
        for token in tokens.into_iter().filter(|token| subject.is_none_or(|subject| token.subject == subject))
        {
            if token.id == self.token.id || is_yes(self.covers(&token).await)? {
                reached.push(token);
            }
        }
        Ok((reached, next))
    }

    /// A token that the caller reaches.
    pub async fn get(&mut self, organization: &OrganizationName, id: &str) -> Result<Token> {
        Ok(self.reach(organization, id).await?.1)
    }

    /// Revokes a token that the caller reaches, and with it those that were made with it.
    pub async fn revoke(&mut self, organization: &OrganizationName, id: &str) -> Result<()> {
        let (hash, _) = self.reach(organization, id).await?;
        store::tokens::revoke(self.platform, &hash, self.platform.now()).await
    }

    /// Makes a token with the same rights as one that the caller reaches, and revokes that. An owner of feeds does not come by
    /// the permissions that the subject has elsewhere.
    pub async fn rotate(&mut self, organization: &OrganizationName, id: &str) -> Result<(Token, TokenText)> {
        let (hash, old) = self.reach(organization, id).await?;
        if !old.is_valid(self.platform.now()) {
            let text = format!("token `{id}` has expired or was revoked; make a new one");
            return Err(Error::Conflict(Conflict::Other(text)).into());
        }
        let vouched = old.vouched && self.vouches_for(&old);
        let issued = issue(self.platform, Token { vouched, ..old }).await?;
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
        if self.administrator {
            return Ok(());
        }
        if let Some(group) = wish.groups.iter().find(|group| !own.groups.contains(group)) {
            let text = format!(
                "only an administrator makes or manages tokens in a group that its own token is not in: `{group}`"
            );
            return Err(Error::Forbidden(text).into());
        }
        if self.is_like_own(wish).await? {
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
        let own = &self.token;
        if wish.subject != own.subject
            || wish.vouched && !own.vouched
            || wish.administrator
            || wish.feed_creator
        {
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
