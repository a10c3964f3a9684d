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

/// How precisely it is known when a token was last used: its use is noted at most once in this time.
pub const USE_INTERVAL: Duration = Duration::from_secs(3600);

/// The token of that text, valid or not; `None` if there is none.
pub async fn find<P: Platform>(platform: &P, text: &TokenText) -> Result<Option<Rc<Token>>> {
    get(platform, &text.hash()).await
}

/// The token of that hash, valid or not; `None` if there is none.
pub async fn get<P: Platform>(platform: &P, hash: &TokenHash) -> Result<Option<Rc<Token>>> {
    let key = keys::token(hash);
    let now = platform.now();
    if let Some(token) = platform.memo().get::<Token>(&key, now) {
        return Ok(Some(token));
    }
    let Some(stored) = super::read::<P, Token>(platform, &key).await? else { return Ok(None) };
    let token = Rc::new(stored.value);
    let weight = 512 + token.groups.iter().map(String::len).sum::<usize>();
    platform.memo().put(key, token.clone(), weight, now, TOKEN_REUSE);
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
        Some(token) => {
            let mut next = token.clone();
            next.revoked = Some(now);
            Ok(Change::To(next))
        }
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
    let missing = || Error::NotFound(Missing::Other("no such token".to_owned())).into();
    super::amend(platform, &key, &missing, change).await?;
    platform.memo().forget(&key);
    Ok(())
}

/// Notes, after the answer, that a token is used. The note is a record of its own, so that it meets no other write.
pub fn note_use<P: Platform>(platform: &P, token: &Token) {
    let (key, now) = (keys::token_use(&token.organization, &token.id), platform.now());
    if platform.memo().get::<()>(&key, now).is_some() {
        return;
    }
    platform.memo().put(key.clone(), Rc::new(()), 0, now, USE_INTERVAL);
    let world = platform.clone();
    platform.in_background(async move {
        // A use that goes unnoted is one of many.
        let _ = write_use(&world, &key, now).await;
    });
}

async fn write_use<P: Platform>(platform: &P, key: &str, now: Timestamp) -> Result<()> {
    let noted = super::read::<P, Timestamp>(platform, key).await?;
    if noted.is_none_or(|noted| now.since(noted.value) >= USE_INTERVAL) {
        platform.records().overwrite(key, super::encode(key, &now)?).await?;
    }
    Ok(())
}

/// When a token was last used, give or take [`USE_INTERVAL`].
pub async fn last_use<P: Platform>(platform: &P, token: &Token) -> Result<Option<Timestamp>> {
    let key = keys::token_use(&token.organization, &token.id);
    Ok(super::read::<P, Timestamp>(platform, &key).await?.map(|stored| stored.value))
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
    let ids = keys::token_ids(organization);
    let after = cursor.map(|cursor| format!("{ids}{cursor}"));
    let page = platform.records().list(&ids, after.as_deref(), 100).await?;
    let mut tokens = Vec::new();
    for key in page.keys {
        let Some(hash) = super::read::<P, TokenHash>(platform, &key).await? else { continue };
        if let Some(stored) = super::read::<P, Token>(platform, &keys::token(&hash.value)).await? {
            tokens.push(stored.value);
        }
    }
    let next = page.cursor.as_deref().and_then(|last| last.strip_prefix(&ids));
    Ok((tokens, next.map(str::to_owned)))
}
