//! Provenance sessions: what is published to a session in the place of its feed carries what was said when it was begun.
//!
//! Clients put a session's name where the feed's stands in a URL. The name tells the feed and when the session ends, so that
//! nothing is looked up, and gives nobody a right. Publishing through it ends after a day; what was said stays with the feed,
//! for the versions that refer to it. Out of scope: holding a session to one protocol.

use super::FeedContext;
use crate::error::{Error, Missing, Result};
use crate::model::{FeedId, FeedName, Timestamp};
use crate::platform::Platform;
use crate::store::{self, keys};
use serde_json::{Map, Value};
use std::rc::Rc;
use std::time::Duration;

/// For how long one can publish through a session: longer than any build.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Begins a session on a feed; answers its name. What is said is JSON.
pub async fn begin<P: Platform>(context: &FeedContext<P>, said: String) -> Result<String> {
    let (platform, feed) = (&context.platform, &context.feed.id);
    let mut random = [0_u8; 16];
    platform.random(&mut random);
    let random = FeedId::from_random(random);
    let ends = platform.now().plus(LIFETIME).millis();
    // A name has at most 64 characters.
    let id = format!("{ends}-{}", random.as_str().get(24..).unwrap_or_default());
    store::create_bytes(platform, &keys::session(feed, &id), said.into()).await?;
    Ok(format!("{}.{id}", feed.as_str()))
}

/// What was said when a session was begun.
pub async fn said<P: Platform>(platform: &P, feed: &FeedId, id: &str) -> Result<Option<Map<String, Value>>> {
    let key = keys::session(feed, id);
    Ok(store::read::<P, Map<String, Value>>(platform, &key).await?.map(|stored| stored.value))
}

/// The feed and the session that a name stands for, if it is that of a session which has not ended.
pub(super) fn named(name: &FeedName, now: Timestamp) -> Option<(FeedName, Rc<str>)> {
    let (feed, id, _) = parts(name).filter(|(.., ends)| now < *ends)?;
    Some((FeedName::parse(feed.as_str()).ok()?, id.to_lowercase().into()))
}

/// What those are told who name one that has ended: it says so itself, whoever asks.
pub(super) fn ended(name: &FeedName, now: Timestamp) -> Option<Box<Error>> {
    let (.., ends) = parts(name).filter(|(.., ends)| now >= *ends)?;
    let text = "begin another one (POST provenance/session/{protocol}) and publish through that";
    Some(Error::NotFound(Missing::Other(format!("this provenance session ended at {ends}; {text}"))).into())
}

/// The feed, the session's id in it, and when it ends.
fn parts(name: &FeedName) -> Option<(FeedId, &str, Timestamp)> {
    let (feed, id) = name.as_str().split_once('.')?;
    let (ends, random) = id.split_once('-')?;
    let ends = ends.parse().ok().filter(|_| random.len() == 12)?;
    Some((FeedId::parse(feed)?, id, Timestamp::from_millis(ends)))
}
