//! Packages: a version read, promoted, relisted, deleted, restored, purged; and whether external versions are considered.

use super::message::{self, Reply};
use super::route::PackageOperation;
use super::{Call, admit, upstreams, version_json};
use crate::error::{Error, Missing, Result};
use crate::model::{Action, ListingState, ProtocolId, Slot, UpstreamingBehavior, Version, ViewName};
use crate::platform::{Body, Platform};
use crate::protocol;
use crate::service::{Ecosystem, FeedContext, Package, decide, delete, promote, relist};
use serde::Deserialize;
use serde_json::{Value, json};

/// Answers what is asked about a package.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    protocol: ProtocolId,
    name: &str,
    operation: PackageOperation,
) -> Result<Reply> {
    let body = call.body;
    let ecosystem = protocol::ecosystem(protocol.as_str()).ok_or_else(Error::no_endpoint)?;
    let package = ecosystem.package(name)?;
    let version_of = |text: &str| version_of(ecosystem, text);
    let target = Target { context, package };
    match operation {
        PackageOperation::Get { version, deleted } => {
            let version = version_of(&version)?;
            let slot = target.slot(&version).await?;
            if !slot.is_live() && !deleted {
                let name = target.package.to_string();
                return Err(Error::NotFound(Missing::Deleted(name, version.to_string())).into());
            }
            Ok(Reply::ok(&target.print(&version, &slot)))
        }
        PackageOperation::Update(version) => {
            let changes = Changes::read(body).await?;
            for change in &changes.0 {
                admit::action_on(context, change.action())?;
            }
            let version = version_of(&version)?;
            for change in changes.0 {
                target.change(&version, change).await?;
            }
            target.answer(&version).await
        }
        PackageOperation::Delete(version) => {
            let version = version_of(&version)?;
            delete::delete(context, &target.package, &version).await?;
            target.answer(&version).await
        }
        PackageOperation::GetDeleted(version) => {
            let version = version_of(&version)?;
            let slot = delete::deleted_slot(context, &target.package, &version).await?;
            target.refuse_hidden(&version, &slot)?;
            Ok(Reply::ok(&target.print(&version, &slot)))
        }
        PackageOperation::Restore(version) => {
            read_restore(body).await?;
            let version = version_of(&version)?;
            delete::restore(context, &target.package, &version).await?;
            target.answer(&version).await
        }
        PackageOperation::Purge(version) => {
            delete::purge(context, &target.package, &version_of(&version)?).await?;
            Ok(Reply::done())
        }
        PackageOperation::Refresh => upstreams::refresh(context, &target.package).await,
        PackageOperation::GetBehavior => {
            Ok(behavior_reply(decide::behavior(context, &target.package).await?))
        }
        PackageOperation::SetBehavior => {
            let behavior = read_behavior(body).await?;
            decide::set_behavior(context, &target.package, behavior).await?;
            Ok(behavior_reply(behavior))
        }
    }
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
        let slot = slot.ok_or_else(|| self.missing(version))?;
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
        version_json::print(&self.context.feed, &path, &self.package, version, slot)
    }

    /// The version as it now is.
    async fn answer(&self, version: &Version) -> Result<Reply> {
        let slot = self.slot(version).await?;
        Ok(Reply::ok(&self.print(version, &slot)))
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
}

impl Change {
    /// The right it needs. Users count on promoted versions: taking one away is the owner's.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Promote(_) => Action::Promote,
            Self::Demote(_) => Action::Administer,
            Self::Listed(_) | Self::Deprecate(_) => Action::Relist,
            Self::Delete => Action::Delete,
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
struct Changes(Vec<Change>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangesBody {
    /// One patch, or several of them.
    views: Option<Value>,
    deprecate_message: Option<String>,
    listed: Option<bool>,
}

impl Changes {
    async fn read(body: Body) -> Result<Self> {
        let body: ChangesBody = message::read(body).await?;
        let patches = match body.views {
            None => Vec::new(),
            Some(Value::Array(patches)) => patches,
            Some(patch) => vec![patch],
        };
        let mut changes = patches.iter().map(view_change).collect::<Result<Vec<_>>>()?;
        changes.extend(body.listed.map(Change::Listed));
        changes.extend(body.deprecate_message.map(Change::deprecate).transpose()?);
        if changes.is_empty() {
            let text = "the body asks for nothing: it takes `views`, `listed` or `deprecateMessage`";
            return Err(Error::Invalid(text.to_owned()).into());
        }
        Ok(Self(changes))
    }
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

async fn read_restore(body: Body) -> Result<()> {
    #[derive(Deserialize)]
    struct Wish {
        deleted: bool,
    }
    let wish: Wish = message::read(body).await?;
    let text = "to restore a version send {\"deleted\": false}";
    if wish.deleted { Err(Error::Invalid(text.to_owned()).into()) } else { Ok(()) }
}

async fn read_behavior(body: Body) -> Result<UpstreamingBehavior> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wish {
        versions_from_external_upstreams: String,
    }
    let wish: Wish = message::read(body).await?;
    let text = wish.versions_from_external_upstreams;
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
