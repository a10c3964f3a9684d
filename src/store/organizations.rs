//! Organizations.

use super::keys;
use crate::error::Result;
use crate::model::{OrganizationName, Timestamp};
use crate::platform::Platform;
use serde::{Deserialize, Serialize};

/// The stored record of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its name as first written.
    pub name: OrganizationName,
    /// When it was made.
    pub created: Timestamp,
}

/// Claims the name. `false` if it is taken.
pub async fn create<P: Platform>(platform: &P, organization: &Organization) -> Result<bool> {
    super::create(platform, &keys::organization(&organization.name), organization).await
}

/// Does it exist?
pub async fn exists<P: Platform>(platform: &P, name: &OrganizationName) -> Result<bool> {
    use crate::platform::RecordStore as _;
    Ok(platform.records().head(&keys::organization(name)).await?.is_some())
}
