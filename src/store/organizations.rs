//! Organizations, and who may do what in all of one.

use super::{keys, tokens::TOKEN_REUSE};
use crate::error::{Error, Missing, Result};
use crate::model::{Identity, OrganizationName, Timestamp, Token};
use crate::platform::{Platform, RecordStore as _};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// The stored record of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Its name as first written.
    pub name: OrganizationName,
    /// When it was made.
    pub created: Timestamp,
    /// Subjects and groups that are administrators, beside the tokens that are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub administrators: Vec<Identity>,
    /// Subjects and groups that may create feeds, beside the tokens that may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feed_creators: Vec<Identity>,
    /// Grows with every change.
    #[serde(default)]
    pub sequence: u64,
}

impl Organization {
    /// A new one, in which only tokens say who may do what.
    pub fn new(name: OrganizationName, created: Timestamp) -> Self {
        Self { name, created, administrators: Vec::new(), feed_creators: Vec::new(), sequence: 0 }
    }

    /// A token with what the organization's permissions add to it.
    pub fn extend(&self, token: &mut Token) {
        let names = |list: &[Identity], token: &Token| list.iter().any(|identity| identity.is_of(token));
        token.administrator |= names(&self.administrators, token);
        token.feed_creator |= names(&self.feed_creators, token);
    }
}

/// Claims the name. `false` if it is taken.
pub async fn create<P: Platform>(platform: &P, organization: &Organization) -> Result<bool> {
    super::create(platform, &keys::organization(&organization.name), organization).await
}

/// Does it exist?
pub async fn exists<P: Platform>(platform: &P, name: &OrganizationName) -> Result<bool> {
    Ok(platform.records().head(&keys::organization(name)).await?.is_some())
}

/// The organization of that name, as it is stored now.
pub async fn stored<P: Platform>(platform: &P, name: &OrganizationName) -> Result<Option<Organization>> {
    Ok(super::read(platform, &keys::organization(name)).await?.map(|stored| stored.value))
}

/// The organization of that name, as an isolate may remember it for [`TOKEN_REUSE`].
pub async fn find<P: Platform>(platform: &P, name: &OrganizationName) -> Result<Option<Rc<Organization>>> {
    let (key, now) = (keys::organization(name), platform.now());
    if let Some(known) = platform.memo().get::<Organization>(&key, now) {
        return Ok(Some(known));
    }
    let Some(organization) = stored(platform, name).await? else { return Ok(None) };
    let organization = Rc::new(organization);
    let weight = 128 * (organization.administrators.len() + organization.feed_creators.len());
    platform.memo().put(key, organization.clone(), weight, now, TOKEN_REUSE);
    Ok(Some(organization))
}

/// Changes an organization's record. `change` may be called several times.
pub async fn update<P: Platform>(
    platform: &P,
    name: &OrganizationName,
    change: &mut dyn FnMut(&Organization) -> Result<Organization>,
) -> Result<Organization> {
    let missing = || Error::NotFound(Missing::Organization(name.to_string())).into();
    let key = keys::organization(name);
    let after = super::amend(platform, &key, &missing, &mut |before: &Organization| {
        Ok(Some(Organization { sequence: before.sequence + 1, ..change(before)? }))
    })
    .await?;
    platform.memo().forget(&key);
    Ok(after)
}
