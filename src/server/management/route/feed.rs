//! Routes of one feed: `/{org}[/{project}]/_apis/packaging/feeds/{feed}/...`.

use super::catalog::{self, CatalogOperation};
use super::log::{self, LogQuery};
use super::package::{self, PackageOperation};
use super::{PermissionOperation, UploadOperation, collection, flag, get, is, parameter, resource};
use crate::error::{Error, Missing, Result};
use crate::model::{Action, Deed, ProtocolId};
use crate::protocol;
use crate::service::Ecosystem;
use http::Method;

/// Where the versions of a batch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum BatchPlace {
    /// In the feed.
    Feed,
    /// In its recycle bin.
    Bin,
}

/// What is asked for of upstream sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Sought {
    /// The package of that very name.
    Name(String),
    /// Packages, by text.
    Text(String),
}

/// What can be done with a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum FeedOperation {
    /// Read its settings.
    Get {
        /// With the sources that were removed?
        removed: bool,
    },
    /// Change them.
    Update,
    /// Move it to the recycle bin.
    Delete,
    /// The state it is in, as one who follows changes of feeds sees it.
    GetChange,
    /// Which versions changed.
    PackageChanges(LogQuery),
    /// What was done to it, by whom.
    Audit(LogQuery),
    /// What it keeps of each package.
    GetRetention,
    /// Decide that.
    SetRetention,
    /// Keep everything.
    DeleteRetention,
    /// What would be removed, by the policy there is or by one that is only thought of; where to begin.
    PreviewRetention(Option<String>),
    /// All views.
    ListViews,
    /// A new view.
    CreateView,
    /// One view, by name or id.
    GetView(String),
    /// Rename a view, or change who may use it.
    UpdateView(String),
    /// Remove a view.
    DeleteView(String),
    /// Roles of subjects and groups on the feed, or on the view that is addressed.
    Permissions(PermissionOperation),
    /// Something about packages by their ids.
    Catalog(CatalogOperation),
    /// Something about one package.
    Package(ProtocolId, String, PackageOperation),
    /// One operation on many versions.
    Batch(ProtocolId, BatchPlace),
    /// Upstreaming behavior by names.
    ListRules(ProtocolId),
    /// Decide that.
    SetRules(ProtocolId),
    /// What upstream sources offer of a package.
    ListOffers(ProtocolId, Sought),
    /// Something about an upload in parts.
    Upload(UploadOperation),
}

impl FeedOperation {
    /// The right it needs.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Get { .. }
            | Self::GetChange
            | Self::PackageChanges(_)
            | Self::GetRetention
            | Self::ListViews
            | Self::GetView(_)
            | Self::Batch(..)
            | Self::ListRules(_)
            // Asking sources takes more, which is said by who asks them.
            | Self::ListOffers(..)
            | Self::Permissions(PermissionOperation::Get(_)) => Action::Read,
            Self::Update
            | Self::Delete
            | Self::Audit(_)
            | Self::SetRetention
            | Self::DeleteRetention
            | Self::PreviewRetention(_)
            | Self::CreateView
            | Self::UpdateView(_)
            | Self::DeleteView(_)
            | Self::SetRules(_)
            | Self::Permissions(PermissionOperation::Set) => Action::Administer,
            Self::Upload(_) => Action::Publish,
            Self::Catalog(operation) => operation.action(),
            Self::Package(_, _, operation) => operation.action(),
        }
    }

    /// Is it about what a feed is, and not about what it holds? That much can be done with a disabled feed.
    pub(super) const fn is_about_settings(&self) -> bool {
        !matches!(
            self,
            Self::Package(..)
                | Self::Batch(..)
                | Self::GetChange
                | Self::PackageChanges(_)
                | Self::Audit(_)
                | Self::PreviewRetention(_)
                | Self::Catalog(_)
                | Self::ListRules(_)
                | Self::SetRules(_)
                | Self::ListOffers(..)
                | Self::Upload(_)
        )
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "get-feed",
            Self::Update => "update-feed",
            Self::Delete => "delete-feed",
            Self::GetChange => "get-feed-change",
            Self::PackageChanges(_) => "list-package-changes",
            Self::Audit(_) => "audit-feed",
            Self::GetRetention => "get-retention",
            Self::SetRetention => "set-retention",
            Self::DeleteRetention => "delete-retention",
            Self::PreviewRetention(_) => "preview-retention",
            Self::ListViews => "list-views",
            Self::CreateView => "create-view",
            Self::GetView(_) => "get-view",
            Self::UpdateView(_) => "update-view",
            Self::DeleteView(_) => "delete-view",
            Self::Permissions(PermissionOperation::Get(_)) => "get-feed-permissions",
            Self::Permissions(PermissionOperation::Set) => "set-feed-permissions",
            Self::Batch(_, BatchPlace::Feed) => "batch",
            Self::Batch(_, BatchPlace::Bin) => "bin-batch",
            Self::ListRules(_) => "list-upstreaming-rules",
            Self::SetRules(_) => "set-upstreaming-rules",
            Self::ListOffers(..) => "list-upstream-packages",
            Self::Upload(operation) => operation.name(),
            Self::Catalog(operation) => operation.name(),
            Self::Package(_, _, operation) => operation.name(),
        }
    }

    /// What the log is to say of it once it is done. What is done to packages is said where it is done.
    pub(super) const fn deed(&self) -> Option<Deed> {
        match self {
            Self::Update => Some(Deed::FeedUpdated),
            Self::Delete => Some(Deed::FeedDeleted),
            Self::CreateView | Self::UpdateView(_) | Self::DeleteView(_) => Some(Deed::ViewsChanged),
            Self::SetRetention | Self::DeleteRetention => Some(Deed::RetentionChanged),
            Self::SetRules(_) => Some(Deed::BehaviorSet),
            Self::Permissions(PermissionOperation::Set) => Some(Deed::PermissionsChanged),
            Self::Catalog(CatalogOperation::EmptyBin) => Some(Deed::BinEmptied),
            Self::Get { .. }
            | Self::GetChange
            | Self::PackageChanges(_)
            | Self::Audit(_)
            | Self::GetRetention
            | Self::PreviewRetention(_)
            | Self::ListViews
            | Self::GetView(_)
            | Self::Permissions(PermissionOperation::Get(_))
            | Self::ListRules(_)
            | Self::ListOffers(..)
            | Self::Upload(_)
            | Self::Catalog(_)
            | Self::Package(..)
            | Self::Batch(..) => None,
        }
    }

    /// The view it is about.
    pub(super) fn view(&self) -> Option<&str> {
        match self {
            Self::UpdateView(view) | Self::DeleteView(view) => Some(view),
            _ => None,
        }
    }
}

/// Reads what comes after the feed.
pub(super) fn route(method: &Method, rest: &[&str], query: Option<&str>) -> Result<FeedOperation> {
    let operation = match rest {
        [] => {
            let get = FeedOperation::Get { removed: flag(query, "includeDeletedUpstreams", false) };
            resource(method, get, FeedOperation::Update, FeedOperation::Delete)?
        }
        [changes] if is(changes, "packagechanges") => {
            get(method, FeedOperation::PackageChanges(log::query(query, 1_000, 2_000)?))?
        }
        [audit] if is(audit, "audit") => {
            get(method, FeedOperation::Audit(log::query(query, super::AUDIT_PAGE, 1_000)?))?
        }
        [policies] if is(policies, "retentionpolicies") => match *method {
            Method::GET | Method::HEAD => FeedOperation::GetRetention,
            Method::PUT => FeedOperation::SetRetention,
            Method::DELETE => FeedOperation::DeleteRetention,
            _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT, DELETE" }.into()),
        },
        [policies, preview] if is(policies, "retentionpolicies") && is(preview, "preview") => {
            let preview = || FeedOperation::PreviewRetention(parameter(query, "continuationToken"));
            collection(method, preview(), preview())?
        }
        [views] if is(views, "views") => {
            collection(method, FeedOperation::ListViews, FeedOperation::CreateView)?
        }
        [views, view] if is(views, "views") => {
            let view = || (*view).to_owned();
            let update = FeedOperation::UpdateView(view());
            resource(method, FeedOperation::GetView(view()), update, FeedOperation::DeleteView(view()))?
        }
        [permissions] if is(permissions, "permissions") => {
            FeedOperation::Permissions(PermissionOperation::route(method, query)?)
        }
        [first, ..] if catalog::WORDS.iter().any(|word| is(first, word)) => {
            FeedOperation::Catalog(catalog::route(method, rest, query)?)
        }
        [protocol, rest @ ..] => package::route(method, known(protocol)?, rest, query)?,
    };
    Ok(operation)
}

fn known(protocol: &str) -> Result<&'static dyn Ecosystem> {
    let names = protocol::PROTOCOLS.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join(", ");
    let hint = format!("; after the feed comes `views`, `permissions`, or one of {names}");
    protocol::ecosystem(protocol).ok_or(Error::NotFound(Missing::Endpoint(hint)).into())
}
