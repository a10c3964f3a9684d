//! How far tasks of cron came that go through more than one run can: where the next one goes on.

use super::keys;
use crate::error::{Error, Result};
use crate::platform::{Platform, PlatformError};

/// The key after which a task goes on, unless it begins anew.
pub async fn get<P: Platform>(platform: &P, task: &str) -> Result<Option<String>> {
    let stored = super::read::<P, String>(platform, &keys::cursor(task)).await?;
    Ok(stored.map(|stored| stored.value).filter(|after| !after.is_empty()))
}

/// Remembers it.
pub async fn set<P: Platform>(platform: &P, task: &str, after: Option<String>) -> Result<()> {
    match super::put(platform, &keys::cursor(task), &after.unwrap_or_default()).await {
        // Another run is at it, too.
        Err(error) if matches!(*error, Error::Platform(PlatformError::Contended)) => Ok(()),
        outcome => outcome,
    }
}
