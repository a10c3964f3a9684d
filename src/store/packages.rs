//! What was decided about packages as a whole: upstreaming behavior and tags.

use super::Change;
use super::keys::PackagePath;
use crate::error::Result;
use crate::model::PackageSettings;
use crate::platform::{Platform, PlatformError, RecordStore as _, Written};
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
            Some(next) => Change::To(PackageSettings {
                sequence: before.sequence + 1,
                modified: Some(platform.now()),
                ..next
            }),
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

/// Keeps a small fact unless one of that name is kept already; answers the one that is.
pub async fn claim_mark<P: Platform>(
    platform: &P,
    path: &PackagePath,
    name: &str,
    value: Bytes,
) -> Result<Bytes> {
    let key = path.mark(name);
    match platform.records().create(&key, value.clone()).await {
        Ok(Written::Yes(_)) => Ok(value),
        // The write may have happened all the same; what is there tells.
        outcome => match platform.records().get(&key).await? {
            Some(record) => Ok(record.bytes),
            None => Err(outcome.err().unwrap_or(PlatformError::Contended).into()),
        },
    }
}

/// Forgets a small fact.
pub async fn remove_mark<P: Platform>(platform: &P, path: &PackagePath, name: &str) -> Result<()> {
    Ok(platform.records().delete(&[path.mark(name)]).await?)
}
