//! Renaming a feed: the new name is claimed, the feed's record changed, the old name released.
//!
//! Before that the record says which name it is about to take, so that a claim can be told from what a renaming left behind
//! that died: until the record has the new name the feed answers to the old one, and from then on to the new one only. The
//! same request again completes it; whoever wants a name that was left behind gets it after
//! [`RENAMING`].

use super::feeds::{change, stored};
use super::message::Precondition;
use crate::error::{Conflict, Error, Result};
use crate::model::{Feed, FeedName, Timestamp};
use crate::platform::Platform;
use crate::service::FeedContext;
use crate::store::feeds::{self, RENAMING};

/// Claims the name, if the feed has another one; answers the name it will leave. `edit` says whether all that is asked for
/// can be done.
pub(super) async fn begin<P: Platform>(
    context: &FeedContext<P>,
    name: &FeedName,
    precondition: &mut Precondition,
    edit: &dyn Fn(&Feed) -> Result<Feed>,
) -> Result<Option<FeedName>> {
    let (platform, now) = (&context.platform, context.platform.now());
    let before = stored(context).await?;
    if before.name == *name {
        return Ok(None);
    }
    feeds::available(platform, &before, name).await?;
    change(platform, &before, precondition, &|before| {
        edit(before)?;
        let mut next = before.clone();
        next.renaming = Some(name.clone());
        next.renamed = Some(now);
        Ok(next)
    })
    .await?;
    // It was met, and the record has changed since, by this very request.
    *precondition = Precondition::None;
    feeds::claim(platform, &before, name).await?;
    Ok(Some(before.name))
}

/// The feed with its new name, if that is still the one it was about to take.
pub(super) fn finish(before: Feed, name: &FeedName, now: Timestamp) -> Result<Feed> {
    if before.name == *name {
        // Nothing but the case of its letters changes, or an earlier attempt took effect.
        return Ok(Feed { name: name.clone(), ..before });
    }
    let in_time = before.renamed.is_some_and(|begun| now.since(begun) < RENAMING / 2);
    if before.renaming.as_ref() != Some(name) || !in_time {
        return Err(Error::Conflict(Conflict::Contended(format!("feed {}", before.name))).into());
    }
    Ok(Feed { name: name.clone(), renaming: None, renamed: Some(now), ..before })
}
