//! Feeds: found by name or id, remembered by an isolate for [`FEED_REUSE`].

use super::{Change, Stored, keys};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{Feed, FeedId, FeedName, OrganizationName, ProjectName, SourceHealth, SourceId};
use crate::platform::{Platform, RecordStore as _};
use std::rc::Rc;
use std::time::Duration;

/// For how long an isolate trusts what it read of a feed: how long a change of settings may take to show elsewhere.
pub const FEED_REUSE: Duration = Duration::from_secs(10);

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
    let id = match super::read::<P, FeedId>(platform, &key).await? {
        Some(stored) => Some(stored.value),
        None => FeedId::parse(name.as_str()),
    };
    let Some(id) = id else { return Ok(None) };
    let feed = get(platform, &id).await?.map(|stored| stored.value);
    let Some(feed) =
        feed.filter(|feed| feed.organization == *organization && feed.project.as_ref() == project)
    else {
        return Ok(None);
    };
    let feed = Rc::new(feed);
    platform.memo().put(key, feed.clone(), 4096, now, FEED_REUSE);
    Ok(Some(feed))
}

/// The feed of that id.
pub async fn get<P: Platform>(platform: &P, id: &FeedId) -> Result<Option<Stored<Feed>>> {
    super::read(platform, &keys::feed(id)).await
}

/// Stores a new feed: first the record, which nobody finds, then the name, which is the commit.
pub async fn create<P: Platform>(platform: &P, feed: &Feed) -> Result<()> {
    super::create(platform, &keys::feed(&feed.id), feed).await?;
    let name = keys::feed_name(&feed.organization, feed.project.as_ref(), &feed.name);
    if super::create(platform, &name, &feed.id).await? {
        return Ok(());
    }
    platform.records().delete(&[keys::feed(&feed.id)]).await?;
    Err(Error::Conflict(Conflict::NameTaken(format!("feed `{}`", feed.name))).into())
}

/// Changes a feed's record. `change` may be called several times.
pub async fn update<P: Platform>(
    platform: &P,
    feed: &Feed,
    change: &mut dyn FnMut(&Feed) -> Result<Feed>,
) -> Result<Feed> {
    let missing = || Error::NotFound(Missing::Feed(feed.name.to_string()));
    let stored = super::update::<P, Feed>(platform, &keys::feed(&feed.id), &mut |before| {
        let before = before.ok_or_else(missing)?;
        let next = Feed { sequence: before.sequence + 1, ..change(before)? };
        Ok(Change::To(next))
    })
    .await?;
    let project = feed.project.as_ref();
    platform.memo().forget(&keys::feed_name(&feed.organization, project, &feed.name));
    if let Ok(id) = FeedName::parse(feed.id.as_str()) {
        platform.memo().forget(&keys::feed_name(&feed.organization, project, &id));
    }
    stored.ok_or_else(missing).map_err(Box::new)
}

/// All feeds of a project, or of an organization.
pub async fn list<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    project: Option<&ProjectName>,
) -> Result<Vec<Feed>> {
    let prefix = keys::feed_names(organization, project);
    let mut feeds = Vec::new();
    let mut cursor = None;
    loop {
        let page = platform.records().list(&prefix, cursor.as_deref(), 1_000).await?;
        for key in &page.keys {
            let Some(id) = super::read::<P, FeedId>(platform, key).await? else { continue };
            feeds.extend(get(platform, &id.value).await?.map(|stored| stored.value));
        }
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(feeds),
        }
    }
}

/// How a source is doing.
pub async fn health<P: Platform>(platform: &P, source: &SourceId) -> Result<SourceHealth> {
    let stored = super::read::<P, SourceHealth>(platform, &keys::health(source)).await?;
    Ok(stored.map(|stored| stored.value).unwrap_or_default())
}

/// Records how a source is doing.
pub async fn set_health<P: Platform>(platform: &P, source: &SourceId, health: &SourceHealth) -> Result<()> {
    let key = keys::health(source);
    platform.records().overwrite(&key, super::encode(&key, health)?).await?;
    Ok(())
}
