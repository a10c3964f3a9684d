//! Packages: a version read, promoted, relisted, deleted, restored, purged; and whether external versions are considered.

use super::message::{self, Reply};
use super::route::PackageOperation;
use super::{Call, admit, content, upstreams, version_json};
use crate::error::{Error, Missing, Result};
use crate::model::{
    Action, ListingState, ProtocolId, Slot, SlotState, UpstreamingBehavior, Version, ViewName,
};
use crate::platform::{Body, Platform};
use crate::protocol;
use crate::service::{Ecosystem, FeedContext, Package, decide, delete, promote, relist};
use serde_json::{Value, json};

/// Answers what is asked about a package.
pub(super) async fn answer<P: Platform>(
    mut call: Call<'_, P>,
    context: &FeedContext<P>,
    protocol: ProtocolId,
    name: &str,
    operation: PackageOperation,
) -> Result<Reply> {
    let ecosystem = protocol::ecosystem(protocol.as_str()).ok_or_else(Error::no_endpoint)?;
    let package = ecosystem.package(name)?;
    let target = Target { context, package };
    let body = match operation {
        PackageOperation::Update(_) | PackageOperation::Restore(_) | PackageOperation::SetBehavior => {
            message::read(std::mem::replace(&mut call.body, Body::Empty)).await?
        }
        _ => Value::Null,
    };
    let asked_for_live = matches!(operation, PackageOperation::Get { deleted: false, .. });
    let asked_for_deleted = matches!(operation, PackageOperation::GetDeleted(_));
    let (version, changes) = match operation {
        PackageOperation::Get { version, .. } | PackageOperation::GetDeleted(version) => {
            (version, Vec::new())
        }
        PackageOperation::GetContent(version, file) => {
            let version = version_of(ecosystem, &version)?;
            return content::content(&call, context, &target.package, &version, file.as_deref()).await;
        }
        PackageOperation::GetReadme(version) => {
            let version = version_of(ecosystem, &version)?;
            return content::readme(&call, context, &target.package, &version).await;
        }
        PackageOperation::Update(version) => {
            let changes = changes(&body)?;
            for change in &changes {
                admit::action_on(context, change.action())?;
            }
            (version, changes)
        }
        PackageOperation::Delete(version) => (version, vec![Change::Delete]),
        PackageOperation::Restore(version) => {
            refuse_other_than_restoring(&body)?;
            (version, vec![Change::Restore])
        }
        PackageOperation::Purge(version) => (version, vec![Change::Purge]),
        PackageOperation::Refresh => return upstreams::refresh(context, &target.package).await,
        PackageOperation::GetBehavior => {
            return Ok(behavior_reply(decide::behavior(context, &target.package).await?));
        }
        PackageOperation::SetBehavior => {
            let text = body.get("versionsFromExternalUpstreams").and_then(Value::as_str);
            let behavior = behavior_of(text.unwrap_or_default())?;
            decide::set_behavior(context, &target.package, behavior).await?;
            return Ok(behavior_reply(behavior));
        }
    };
    let version = version_of(ecosystem, &version)?;
    let purges = changes.contains(&Change::Purge);
    for change in changes {
        target.change(&version, change).await?;
    }
    if purges {
        return Ok(Reply::done());
    }
    let slot = target.slot(&version).await?;
    if asked_for_live && !slot.is_live() {
        return Err(Error::NotFound(Missing::Deleted(target.package.to_string(), version.to_string())).into());
    }
    if asked_for_deleted && !matches!(slot.state, SlotState::Deleted { .. }) {
        return Err(delete::not_in_bin(&target.package, &version));
    }
    Ok(Reply::ok(&target.print(&version, &slot)))
}

/// Reads a version number of that protocol.
pub(super) fn version_of(ecosystem: &dyn Ecosystem, text: &str) -> Result<Version> {
    ecosystem.version(text).ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        Error::Invalid(format!("`{shown}` is not a version number of {}", ecosystem.protocol())).into()
    })
}

/// A package in a feed opened for a caller.
pub(super) struct Target<'a, P> {
    pub(super) context: &'a FeedContext<P>,
    pub(super) package: Package,
}

impl<P: Platform> Target<'_, P> {
    async fn slot(&self, version: &Version) -> Result<Slot> {
        let slot = delete::any_slot(self.context, &self.package, version).await?;
        let slot = slot.filter(|slot| !slot.is_dropped()).ok_or_else(|| self.missing(version))?;
        self.refuse_hidden(version, &slot)?;
        Ok(slot)
    }

    /// Through a view only its members are there.
    fn refuse_hidden(&self, version: &Version, slot: &Slot) -> Result<()> {
        if self.context.shows(&slot.views) { Ok(()) } else { Err(self.missing(version)) }
    }

    fn missing(&self, version: &Version) -> Box<Error> {
        Error::NotFound(Missing::Version(self.package.to_string(), version.to_string())).into()
    }

    fn print(&self, version: &Version, slot: &Slot) -> Value {
        let path = self.context.path(&self.package);
        let name = self.package.as_str();
        let mut body = version_json::print(&self.context.feed, &path, name, version.key(), slot);
        let words = self.package.ecosystem.management_words();
        if words.len() > 1 {
            // Azure's fields are called as its paths are: `groups/{groupId}`.
            for (word, part) in words.iter().zip(name.split(':')) {
                body[format!("{}Id", word.trim_end_matches('s'))] = json!(part);
            }
        }
        body
    }

    /// Does one thing to a version; the right to it was checked before.
    pub(super) async fn change(&self, version: &Version, change: Change) -> Result<()> {
        let (context, package) = (self.context, &self.package);
        match change {
            Change::Promote(view) => promote::promote(context, package, version, &view, true).await,
            Change::Demote(view) => promote::promote(context, package, version, &view, false).await,
            Change::Listed(listed) => self.relist(version, |state| state.hidden = !listed).await,
            Change::Deprecate(message) => {
                self.relist(version, |state| state.message.clone_from(&message)).await
            }
            Change::Delete => delete::delete(context, package, version).await,
            Change::Restore => delete::restore(context, package, version).await,
            Change::Purge => delete::purge(context, package, version).await,
        }
    }

    async fn relist(&self, version: &Version, edit: impl Fn(&mut ListingState)) -> Result<()> {
        let slot = self.slot(version).await?;
        let mut state = slot.listing;
        edit(&mut state);
        relist::relist(self.context, &self.package, vec![(version.clone(), state)]).await
    }
}

/// One thing to be done to a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Add it to a view.
    Promote(ViewName),
    /// Remove it from a view.
    Demote(ViewName),
    /// Unlist or yank it, or the reverse.
    Listed(bool),
    /// Deprecate it; without a message, the reverse.
    Deprecate(Option<String>),
    /// Move it to the recycle bin.
    Delete,
    /// Take it out of the recycle bin.
    Restore,
    /// Drop its bytes for ever.
    Purge,
}

impl Change {
    /// The right it needs. Users count on promoted versions: taking one away is the owner's.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Promote(_) => Action::Promote,
            Self::Demote(_) => Action::Administer,
            Self::Listed(_) | Self::Deprecate(_) => Action::Relist,
            Self::Delete | Self::Restore | Self::Purge => Action::Delete,
        }
    }

    /// Deprecation by a message, which may be empty.
    pub(super) fn deprecate(message: String) -> Result<Self> {
        if message.chars().count() > 1_000 {
            return Err(Error::Invalid("a deprecation message has at most 1000 characters".to_owned()).into());
        }
        Ok(Self::Deprecate(Some(message).filter(|message| !message.is_empty())))
    }
}

/// Reads a view's name or id.
pub(super) fn view_name(text: &str) -> Result<ViewName> {
    ViewName::parse(text).map_err(|reason| Error::Invalid(format!("view: {reason}")).into())
}

/// What a body asks to be done to one version.
fn changes(body: &Value) -> Result<Vec<Change>> {
    let invalid = |text: &str| Error::Invalid(text.to_owned());
    let mut changes = match body.get("views") {
        None | Some(Value::Null) => Vec::new(),
        // One patch, or several of them.
        Some(Value::Array(patches)) => patches.iter().map(view_change).collect::<Result<_>>()?,
        Some(patch) => vec![view_change(patch)?],
    };
    match body.get("listed") {
        None | Some(Value::Null) => {}
        Some(Value::Bool(listed)) => changes.push(Change::Listed(*listed)),
        Some(_) => return Err(invalid("`listed` is `true` or `false`").into()),
    }
    match body.get("deprecateMessage") {
        None | Some(Value::Null) => {}
        Some(Value::String(message)) => changes.push(Change::deprecate(message.clone())?),
        Some(_) => return Err(invalid("`deprecateMessage` is a text").into()),
    }
    if changes.is_empty() {
        return Err(
            invalid("the body asks for nothing: it takes `views`, `listed` or `deprecateMessage`").into()
        );
    }
    Ok(changes)
}

/// `{"op": "add", "path": "/views/-", "value": "Release"}`, and `remove` with the view in either place.
fn view_change(patch: &Value) -> Result<Change> {
    let text = |member: &str| patch.get(member).and_then(Value::as_str);
    let in_path = text("path").and_then(|path| path.strip_prefix("/views/")).filter(|last| *last != "-");
    let view = text("value").or(in_path);
    let view = view
        .ok_or_else(|| Error::Invalid("`views`: `value` is missing: the name or id of a view".to_owned()))?;
    match text("op").unwrap_or_default().to_ascii_lowercase().as_str() {
        "add" => Ok(Change::Promote(view_name(view)?)),
        "remove" => Ok(Change::Demote(view_name(view)?)),
        other => Err(Error::Invalid(format!("`views`: `op` is `add` or `remove`, not `{other}`")).into()),
    }
}

fn refuse_other_than_restoring(body: &Value) -> Result<()> {
    let text = "to restore a version send {\"deleted\": false}";
    if body.get("deleted") == Some(&Value::Bool(false)) {
        Ok(())
    } else {
        Err(Error::Invalid(text.to_owned()).into())
    }
}

/// Reads a behavior.
pub(super) fn behavior_of(text: &str) -> Result<UpstreamingBehavior> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(UpstreamingBehavior::Auto),
        "allowexternalversions" => Ok(UpstreamingBehavior::AllowExternalVersions),
        _ => {
            let text = "`versionsFromExternalUpstreams` is `auto` or `allowExternalVersions`";
            Err(Error::Invalid(text.to_owned()).into())
        }
    }
}

fn behavior_reply(behavior: UpstreamingBehavior) -> Reply {
    Reply::ok(&json!({ "versionsFromExternalUpstreams": behavior }))
}
