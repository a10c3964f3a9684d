//! Tokens: the truth in R2, remembered by an isolate for [`TOKEN_REUSE`]. There is no copy in KV: a read may be stale
//! there for a minute after a revocation, and a concurrent reader could write a revoked token back.

use super::{Change, keys};
use crate::error::{Error, Missing, Result};
use crate::model::{OrganizationName, Timestamp, Token, TokenHash, TokenText};
use crate::platform::{Platform, RecordStore as _};
use std::rc::Rc;
use std::time::Duration;

/// For how long an isolate trusts what it read of a token: the bound on how long a revoked token may live.
pub const TOKEN_REUSE: Duration = Duration::from_secs(30);

/// The token of that text, valid or not; `None` if there is none.
pub async fn find<P: Platform>(platform: &P, text: &TokenText) -> Result<Option<Rc<Token>>> {
    let key = keys::token(&text.hash());
    let now = platform.now();
    if let Some(token) = platform.memo().get::<Token>(&key, now) {
        return Ok(Some(token));
    }
    let Some(stored) = super::read::<P, Token>(platform, &key).await? else { return Ok(None) };
    let token = Rc::new(stored.value);
    platform.memo().put(key, token.clone(), 512, now, TOKEN_REUSE);
    Ok(Some(token))
}

/// Stores a new token: first its record, then its id, so that an id always leads somewhere.
pub async fn create<P: Platform>(platform: &P, hash: &TokenHash, token: &Token) -> Result<()> {
    super::create(platform, &keys::token(hash), token).await?;
    super::create(platform, &keys::token_id(&token.organization, &token.id), hash).await?;
    Ok(())
}

/// Revokes the token of that text or record.
pub async fn revoke<P: Platform>(platform: &P, hash: &TokenHash, now: Timestamp) -> Result<()> {
    let key = keys::token(hash);
    super::update::<P, Token>(platform, &key, &mut |token| match token {
        None => Err(Error::NotFound(Missing::Other("no such token".to_owned())).into()),
        Some(token) if token.revoked.is_some() => Ok(Change::None),
        Some(token) => Ok(Change::To(Token { revoked: Some(now), ..token.clone() })),
    })
    .await?;
    platform.memo().forget(&key);
    Ok(())
}

/// Changes a token's record; `change` answers `None` for one that is as it should be, and may be called several times.
pub async fn update<P: Platform>(
    platform: &P,
    hash: &TokenHash,
    change: &mut dyn FnMut(&Token) -> Result<Option<Token>>,
) -> Result<()> {
    let key = keys::token(hash);
    super::update::<P, Token>(platform, &key, &mut |token| {
        let token = token.ok_or_else(|| Error::NotFound(Missing::Other("no such token".to_owned())))?;
        Ok(change(token)?.map_or(Change::None, Change::To))
    })
    .await?;
    platform.memo().forget(&key);
    Ok(())
}

/// The hash of the token with that id.
pub async fn hash_of<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    id: &str,
) -> Result<Option<TokenHash>> {
    let key = keys::token_id(organization, id);
    Ok(super::read(platform, &key).await?.map(|stored| stored.value))
}

/// One page of an organization's tokens, and where to go on.
pub async fn list<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    cursor: Option<&str>,
) -> Result<(Vec<Token>, Option<String>)> {
    let page = platform.records().list(&keys::token_ids(organization), cursor, 100).await?;
    let mut tokens = Vec::new();
    for key in page.keys {
        let Some(hash) = super::read::<P, TokenHash>(platform, &key).await? else { continue };
        if let Some(stored) = super::read::<P, Token>(platform, &keys::token(&hash.value)).await? {
            tokens.push(stored.value);
        }
    }
    Ok((tokens, page.cursor))
}
