//! What was decided about packages as a whole: upstreaming behavior and tags; whose favourites they are.

use super::Change;
use super::keys::{self, PackagePath};
use crate::error::Result;
use crate::model::{FeedId, PackageSettings, ProtocolId};
use crate::platform::{Platform, PlatformError, RecordStore as _};
use bytes::Bytes;

/// The settings of a package; the defaults if nobody decided anything.
pub async fn settings<P: Platform>(platform: &P, path: &PackagePath) -> Result<PackageSettings> {
    let stored = super::read::<P, PackageSettings>(platform, &path.settings()).await?;
    Ok(stored.map(|stored| stored.value).unwrap_or_default())
}

/// Changes the settings; `change` answers `None` if they are already as they should be, and may be called several times.
pub async fn update<P: Platform>(
    platform: &P,
    path: &PackagePath,
    change: &mut dyn FnMut(&PackageSettings) -> Result<Option<PackageSettings>>,
) -> Result<PackageSettings> {
    let stored = super::update::<P, PackageSettings>(platform, &path.settings(), &mut |before| {
        let before = before.cloned().unwrap_or_default();
        Ok(match change(&before)? {
            Some(next) => {
                let starred = next.stars != before.stars;
                let modified = if starred { before.modified } else { Some(platform.now()) };
                Change::To(PackageSettings { sequence: before.sequence + 1, modified, ..next })
            }
            None => Change::None,
        })
    })
    .await?;
    Ok(stored.unwrap_or_default())
}

/// A small fact a protocol keeps about a package.
pub async fn mark<P: Platform>(platform: &P, path: &PackagePath, name: &str) -> Result<Option<Bytes>> {
    Ok(platform.records().get(&path.mark(name)).await?.map(|record| record.bytes))
}

/// Keeps a small fact.
pub async fn set_mark<P: Platform>(platform: &P, path: &PackagePath, name: &str, value: Bytes) -> Result<()> {
    Ok(platform.records().overwrite(&path.mark(name), value).await?)
}

/// Changes a small fact by compare-and-swap; `change` answers `None` if it is already as it should be, and may be called
/// several times.
pub async fn update_mark<P: Platform>(
    platform: &P,
    path: &PackagePath,
    name: &str,
    change: &mut super::Swap<'_>,
) -> Result<()> {
    super::swap(platform, &path.mark(name), change).await
}

/// Keeps a small fact unless one of that name is kept already; answers the one that is.
pub async fn claim_mark<P: Platform>(
    platform: &P,
    path: &PackagePath,
    name: &str,
    value: Bytes,
) -> Result<Bytes> {
    let key = path.mark(name);
    match super::create_bytes(platform, &key, value.clone()).await {
        Ok(true) => Ok(value),
        // The write may have happened all the same; what is there tells.
        outcome => match platform.records().get(&key).await? {
            Some(record) => Ok(record.bytes),
            None => Err(outcome.err().unwrap_or_else(|| PlatformError::Contended.into())),
        },
    }
}

/// Forgets a small fact.
pub async fn remove_mark<P: Platform>(platform: &P, path: &PackagePath, name: &str) -> Result<()> {
    Ok(platform.records().delete(&[path.mark(name)]).await?)
}

/// Notes that a package is somebody's favourite, or no longer.
pub async fn star<P: Platform>(platform: &P, path: &PackagePath, user: &str, starred: bool) -> Result<()> {
    let key = path.star(user);
    if starred {
        super::create(platform, &key, &serde_json::json!({})).await?;
        return Ok(());
    }
    Ok(platform.records().delete(&[key]).await?)
}

/// The keys of somebody's favourites of one protocol in a feed, at most 1,000.
pub async fn starred<P: Platform>(
    platform: &P,
    feed: &FeedId,
    protocol: ProtocolId,
    user: &str,
) -> Result<Vec<String>> {
    let prefix = keys::stars(feed, protocol, user);
    let page = platform.records().list(&prefix, None, 1000).await?;
    Ok(page.keys.iter().filter_map(|key| keys::catalog_name(&prefix, key)).collect())
}
