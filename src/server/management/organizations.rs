//! Organizations: made by whoever runs the deployment, together with their first administrator.

use super::message::{self, Reply};
use super::{Call, tokens};
use crate::error::{Conflict, Error, Result};
use crate::model::{OrganizationName, Scope, Token};
use crate::platform::Platform;
use crate::service;
use crate::store::{self, keys, organizations};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// An organization that is older than this and has no token was left by a creation that died.
const ABANDONED: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Wish {
    name: String,
    #[serde(default = "default_administrator")]
    administrator: String,
}

fn default_administrator() -> String {
    "administrator".to_owned()
}

/// Makes an organization and the token of its first administrator, which is told here and never again.
pub(super) async fn create<P: Platform>(call: Call<'_, P>) -> Result<Reply> {
    let platform = call.platform;
    let wish: Wish = message::read(call.body).await?;
    let name = OrganizationName::parse(&wish.name)
        .map_err(|reason| Error::Invalid(format!("`name` of the organization: {reason}")))?;
    let subject = tokens::subject(&wish.administrator)?;
    let organization = organizations::Organization::new(name.clone(), platform.now());
    claim(platform, &organization).await?;
    let wish = Token {
        id: String::new(),
        organization: name.clone(),
        subject,
        name: None,
        scope: Scope::Manage,
        grants: Vec::new(),
        administrator: true,
        feed_creator: true,
        groups: Vec::new(),
        vouched: true,
        parent: None,
        created: platform.now(),
        expires: None,
        revoked: None,
    };
    let issued = service::tokens::issue(platform, wish).await?;
    let administrator = tokens::told(&issued);
    let body = json!({ "name": name, "created": organization.created, "administrator": administrator });
    Ok(Reply { secret: true, ..Reply::created(&body) })
}

async fn claim<P: Platform>(platform: &P, organization: &organizations::Organization) -> Result<()> {
    let name = &organization.name;
    let taken = organizations::exists(platform, name).await?;
    if !taken && organizations::create(platform, organization).await? {
        return Ok(());
    }
    let key = keys::organization(name);
    let stored = store::read::<P, organizations::Organization>(platform, &key).await?;
    let age = stored.map_or(Duration::ZERO, |stored| platform.now().since(stored.value.created));
    if age >= ABANDONED && store::tokens::list(platform, name, None).await?.0.is_empty() {
        return Ok(());
    }
    Err(Error::Conflict(Conflict::NameTaken(format!("organization `{name}`"))).into())
}
