//! Permissions: roles of subjects and groups on a feed, on a view, in the whole organization.
//!
//! A subject or a group is named by its descriptor, `subject:<name>` or `group:<name>`; a text without either is a subject.

use super::Call;
use super::admit;
use super::feeds::{change, stored};
use super::message::{self, Precondition, Reply, etag};
use super::route::{PermissionOperation, PermissionQuery};
use crate::error::{Error, Missing, Result};
use crate::model::{Feed, Identity, OrganizationName, Permission, Role, View, guid_of};
use crate::platform::Platform;
use crate::service::FeedContext;
use crate::store::organizations::{self, Organization};
use serde_json::{Value, json};

/// How many there are at most, on a feed and its views taken together, and in an organization: they are read with every
/// request. Many people had better be a group.
const LIMIT: usize = 500;

const FEED_CREATOR: &str = "feedCreator";

/// Who has which role on the feed, or on the view that is addressed; those who have it from further up are marked.
pub(super) async fn get<P: Platform>(
    call: &Call<'_, P>,
    context: &FeedContext<P>,
    query: &PermissionQuery,
) -> Result<Reply> {
    // Reading a public feed, or a view shared with everybody, is not being told who else does.
    admit::member(&call.principal, &context.feed.organization)?;
    let feed = stored(context).await?;
    let mut shown = own(&feed, context.view.as_deref(), query.ids);
    if !query.own_only {
        if context.view.is_some() {
            shown.extend(feed.permissions.iter().map(|permission| entry(permission, true, query.ids)));
        }
        if let Some(organization) = organizations::find(call.platform, &feed.organization).await? {
            let owner = |identity: &Identity| Permission { identity: identity.clone(), role: Role::Owner };
            let administrators = organization.administrators.iter().map(owner);
            shown.extend(administrators.map(|permission| entry(&permission, true, query.ids)));
        }
    }
    if let Some(wanted) = query.identity.as_deref().and_then(Identity::parse) {
        shown.retain(|entry| entry["identityDescriptor"] == wanted.as_str());
    }
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::list(&shown, None) })
}

/// Gives roles and takes them, on the feed or on the view that is addressed; answers all that are there then.
pub(super) async fn set<P: Platform>(call: Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let precondition = Precondition::of(&call.headers);
    let mut wishes = Vec::new();
    for (identity, role) in read(call.body).await? {
        let known = "`role` is `reader`, `collaborator`, `contributor`, `administrator`, or `none` for no role any more";
        let role = match role.as_str() {
            "none" => None,
            name => Some(Role::named(name).ok_or_else(|| Error::Invalid(known.to_owned()))?),
        };
        wishes.push((identity, role));
    }
    let feed = change(call.platform, &context.feed, &precondition, &|before| {
        let mut next = before.clone();
        let list = match &context.view {
            Some(view) => {
                let missing = Missing::View { feed: before.name.to_string(), view: view.name.to_string() };
                let view = next.views.iter_mut().find(|known| known.id == view.id);
                &mut view.ok_or(Error::NotFound(missing))?.permissions
            }
            None => &mut next.permissions,
        };
        for (identity, role) in &wishes {
            list.retain(|permission| permission.identity != *identity);
            list.extend(role.map(|role| Permission { identity: identity.clone(), role }));
        }
        let of_views = next.views.iter().map(|view| view.permissions.len());
        refuse_too_many(of_views.sum::<usize>() + next.permissions.len())?;
        Ok(next)
    })
    .await?;
    let shown = own(&feed, context.view.as_deref(), false);
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::list(&shown, None) })
}

/// Who administers an organization and makes feeds in it: read, or changed.
pub(super) async fn global<P: Platform>(
    call: Call<'_, P>,
    name: &OrganizationName,
    operation: PermissionOperation,
) -> Result<Reply> {
    let (organization, ids) = match operation {
        PermissionOperation::Get(query) => {
            let missing = || Error::NotFound(Missing::Organization(name.to_string()));
            (organizations::stored(call.platform, name).await?.ok_or_else(missing)?, query.ids)
        }
        PermissionOperation::Set => {
            let precondition = Precondition::of(&call.headers);
            let wishes = read(call.body).await?;
            let change = &mut |before: &Organization| {
                if !precondition.admits(before.sequence) {
                    let text = format!("organization `{name}` has changed since it was read; read it again");
                    return Err(Error::PreconditionFailed(text).into());
                }
                changed(before, &wishes)
            };
            (organizations::update(call.platform, name, change).await?, false)
        }
    };
    let of = |list: &[Identity], role: &str| -> Vec<Value> {
        list.iter().map(|identity| print(identity, role, ids)).collect()
    };
    let mut shown = of(&organization.administrators, Role::Owner.name());
    shown.extend(of(&organization.feed_creators, FEED_CREATOR));
    Ok(Reply { etag: Some(etag(organization.sequence)), ..Reply::list(&shown, None) })
}

fn changed(before: &Organization, wishes: &[(Identity, String)]) -> Result<Organization> {
    let mut next = before.clone();
    for (identity, role) in wishes {
        for list in [&mut next.administrators, &mut next.feed_creators] {
            list.retain(|known| known != identity);
        }
        match role.as_str() {
            "administrator" => next.administrators.push(identity.clone()),
            "feedcreator" => next.feed_creators.push(identity.clone()),
            "none" => {}
            _ => {
                let text = "`role` is `administrator`, `feedCreator`, or `none` for no role any more";
                return Err(Error::Invalid(text.to_owned()).into());
            }
        }
    }
    refuse_too_many(next.administrators.len() + next.feed_creators.len())?;
    Ok(next)
}

/// Reads a list of descriptors and roles; roles in lower case.
async fn read(body: crate::platform::Body) -> Result<Vec<(Identity, String)>> {
    let entries: Vec<Value> = message::read(body).await?;
    let mut wishes = Vec::new();
    for entry in &entries {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        let identity = Identity::parse(text("identityDescriptor"));
        let needed = "each permission needs a `role` and an `identityDescriptor`: `subject:` or `group:` and a name of 1 to 200 \
                      printable characters";
        let identity = identity.ok_or_else(|| Error::Invalid(needed.to_owned()))?;
        wishes.push((identity, text("role").to_ascii_lowercase()));
    }
    refuse_too_many(wishes.len())?;
    Ok(wishes)
}

fn refuse_too_many(count: usize) -> Result<()> {
    if count <= LIMIT {
        return Ok(());
    }
    let text =
        format!("there are at most {LIMIT} permissions; give them to groups, and put tokens into these");
    Err(Error::Invalid(text).into())
}

/// The permissions of the feed, or of the view, itself.
fn own(feed: &Feed, view: Option<&View>, ids: bool) -> Vec<Value> {
    let list = match view {
        Some(view) => feed.views.iter().find(|known| known.id == view.id).map(|view| &view.permissions),
        None => Some(&feed.permissions),
    };
    list.into_iter().flatten().map(|permission| entry(permission, false, ids)).collect()
}

fn entry(permission: &Permission, inherited: bool, ids: bool) -> Value {
    let mut body = print(&permission.identity, permission.role.name(), ids);
    body["displayName"] = json!(permission.identity.name());
    body["isInheritedRole"] = json!(inherited);
    body
}

fn print(identity: &Identity, role: &str, ids: bool) -> Value {
    let mut body = json!({ "role": role, "identityDescriptor": identity });
    if ids {
        body["identityId"] = json!(guid_of(identity.as_str()));
    }
    body
}
