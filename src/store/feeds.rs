//! Feeds: found by name or id, remembered by an isolate for [`FEED_REUSE`].

use super::{Stored, keys};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{Feed, FeedId, FeedName, OrganizationName, ProjectName, SourceHealth, SourceId};
use crate::platform::{Platform, RecordStore as _, Written, together};
use std::rc::Rc;
use std::time::Duration;

/// For how long an isolate trusts what it read of a feed: how long a change of settings may take to show elsewhere.
pub const FEED_REUSE: Duration = Duration::from_secs(10);

/// For how long a name that a renaming claimed or left stays with its feed, should the renaming have died. Nobody who renames
/// a feed goes on after half of it.
pub const RENAMING: Duration = Duration::from_secs(60);

/// How many feeds are read side by side: as many connections as a Worker has.
const SIDE_BY_SIDE: usize = 6;

/// The feed of that name or id, deleted or not.
pub async fn find<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    project: Option<&ProjectName>,
    name: &FeedName,
) -> Result<Option<Rc<Feed>>> {
    let key = keys::feed_name(organization, project, name);
    let now = platform.now();
    if let Some(feed) = platform.memo().get::<Feed>(&key, now) {
        return Ok(Some(feed));
    }
    let id = match holder(platform, &key).await? {
        Some(stored) => Some(stored.value),
        None => FeedId::parse(name.as_str()),
    };
    let Some(id) = id else { return Ok(None) };
    let feed = get(platform, &id).await?.map(|stored| stored.value);
    // A renaming that died leaves names that lead to a feed which is called otherwise.
    let is_asked_for = |feed: &Feed| {
        feed.organization == *organization && feed.project.as_ref() == project && feed.is_called(name)
    };
    let Some(feed) = feed.filter(is_asked_for) else { return Ok(None) };
    let feed = Rc::new(feed);
    let lists = feed.views.iter().map(|view| &view.permissions).chain([&feed.permissions]);
    let weight =
        4096 + lists.flatten().map(|permission| permission.identity.as_str().len() + 64).sum::<usize>();
    platform.memo().put(key, feed.clone(), weight, now, FEED_REUSE);
    Ok(Some(feed))
}

/// The feed of that id.
pub async fn get<P: Platform>(platform: &P, id: &FeedId) -> Result<Option<Stored<Feed>>> {
    super::read(platform, &keys::feed(id)).await
}

/// The feeds of those ids, in their order.
pub async fn get_all<P: Platform>(platform: &P, ids: &[FeedId]) -> Result<Vec<Option<Feed>>> {
    let mut feeds = Vec::new();
    for ids in ids.chunks(SIDE_BY_SIDE) {
        for found in together::all(ids.iter().map(|id| get(platform, id))).await {
            feeds.push(found?.map(|stored| stored.value));
        }
    }
    Ok(feeds)
}

/// Stores a new feed: first the record, which nobody finds, then the name, which is the commit.
pub async fn create<P: Platform>(platform: &P, feed: &Feed) -> Result<()> {
    super::create(platform, &keys::feed(&feed.id), feed).await?;
    if let Err(error) = claim(platform, feed, &feed.name).await {
        if matches!(*error, Error::Conflict(Conflict::NameTaken(_))) {
            platform.records().delete(&[keys::feed(&feed.id)]).await?;
        }
        return Err(error);
    }
    Ok(())
}

/// Takes a name for a feed, unless another one has it.
pub async fn claim<P: Platform>(platform: &P, feed: &Feed, name: &FeedName) -> Result<()> {
    let key = keys::feed_name(&feed.organization, feed.project.as_ref(), name);
    if super::create(platform, &key, &feed.id).await? {
        return Ok(());
    }
    let holder = available(platform, feed, name).await?.ok_or_else(|| taken(name))?;
    let own = super::encode(&key, &feed.id)?;
    let Written::Yes(etag) = platform.records().replace(&key, own, &holder.etag).await? else {
        return Err(taken(name));
    };
    if has_left(platform, &holder.value, name).await? {
        return Ok(());
    }
    // It came back to the name in the meantime, and found that it had it already.
    platform.records().replace(&key, super::encode(&key, &holder.value)?, &etag).await?;
    Err(taken(name))
}

/// Insists that a feed can have a name; answers what holds it, if anything does.
pub async fn available<P: Platform>(
    platform: &P,
    feed: &Feed,
    name: &FeedName,
) -> Result<Option<Stored<FeedId>>> {
    let key = keys::feed_name(&feed.organization, feed.project.as_ref(), name);
    let holder = holder(platform, &key).await?;
    match &holder {
        Some(other) if other.value != feed.id && !has_left(platform, &other.value, name).await? => {
            Err(taken(name))
        }
        _ => Ok(holder),
    }
}

/// Whom a name leads to, given by its key.
async fn holder<P: Platform>(platform: &P, key: &str) -> Result<Option<Stored<FeedId>>> {
    super::read(platform, key).await
}

fn taken(name: &FeedName) -> Box<Error> {
    Error::Conflict(Conflict::NameTaken(format!("feed `{name}`"))).into()
}

/// Does a name lead to a feed that is called otherwise, or is gone? That is what a renaming leaves that died.
async fn has_left<P: Platform>(platform: &P, holder: &FeedId, name: &FeedName) -> Result<bool> {
    let Some(stored) = get(platform, holder).await? else { return Ok(true) };
    let feed = stored.value;
    let settled = feed.renamed.is_some_and(|at| platform.now().since(at) >= RENAMING);
    Ok(settled && feed.name != *name && feed.purged.is_none())
}

/// Releases a name that leads to this feed, if the feed as it is now has no use for it.
pub async fn release<P: Platform>(platform: &P, feed: &Feed, name: &FeedName) -> Result<()> {
    let key = keys::feed_name(&feed.organization, feed.project.as_ref(), name);
    platform.memo().forget(&key);
    let holder = holder(platform, &key).await?;
    let now = get(platform, &feed.id).await?.map(|stored| stored.value);
    let in_use = now.is_some_and(|feed| {
        feed.purged.is_none() && (feed.name == *name || feed.renaming.as_ref() == Some(name))
    });
    if !in_use && holder.is_some_and(|holder| holder.value == feed.id) {
        platform.records().delete(&[key]).await?;
    }
    Ok(())
}

/// Changes a feed's record. `change` may be called several times.
pub async fn update<P: Platform>(
    platform: &P,
    feed: &Feed,
    change: &mut dyn FnMut(&Feed) -> Result<Feed>,
) -> Result<Feed> {
    let missing = || Error::NotFound(Missing::Feed(feed.name.to_string())).into();
    let after = super::amend(platform, &keys::feed(&feed.id), &missing, &mut |before: &Feed| {
        Ok(Some(Feed { sequence: before.sequence + 1, ..change(before)? }))
    })
    .await?;
    let project = feed.project.as_ref();
    platform.memo().forget(&keys::feed_name(&feed.organization, project, &feed.name));
    if let Ok(id) = FeedName::parse(feed.id.as_str()) {
        platform.memo().forget(&keys::feed_name(&feed.organization, project, &id));
    }
    Ok(after)
}

/// One page of the feeds of a project, or of an organization, deleted or not, and where to go on. It takes two reads per feed.
pub async fn list<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    project: Option<&ProjectName>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(Vec<Feed>, Option<String>)> {
    let page = platform.records().list(&keys::feed_names(organization, project), cursor, limit).await?;
    let mut feeds = Vec::new();
    for keys in page.keys.chunks(SIDE_BY_SIDE) {
        for found in together::all(keys.iter().map(|key| called(platform, key))).await {
            feeds.extend(found?);
        }
    }
    Ok((feeds, page.cursor))
}

/// The feed that has a name, given by its key.
async fn called<P: Platform>(platform: &P, key: &str) -> Result<Option<Feed>> {
    let Some(id) = holder(platform, key).await? else { return Ok(None) };
    let feed = get(platform, &id.value).await?.map(|stored| stored.value);
    Ok(feed.filter(|feed| keys::feed_name(&feed.organization, feed.project.as_ref(), &feed.name) == key))
}

/// How a source is doing.
pub async fn health<P: Platform>(platform: &P, source: &SourceId) -> Result<SourceHealth> {
    let stored = super::read::<P, SourceHealth>(platform, &keys::health(source)).await?;
    Ok(stored.map(|stored| stored.value).unwrap_or_default())
}

/// Records how a source is doing.
pub async fn set_health<P: Platform>(platform: &P, source: &SourceId, health: &SourceHealth) -> Result<()> {
    let key = keys::health(source);
    // If it was written within this second, what is newer counts.
    super::put_patiently(platform, &key, super::encode(&key, health)?, false).await
}
