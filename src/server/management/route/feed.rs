//! Routes of one feed: `/{org}[/{project}]/_apis/packaging/feeds/{feed}/...`.

use super::package::{self, PackageOperation};
use super::{collection, is, resource};
use crate::error::{Error, Missing, Result};
use crate::model::{Action, ProtocolId};
use crate::protocol;
use crate::service::Ecosystem;
use http::Method;

/// What can be done with a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum FeedOperation {
    /// Read its settings.
    Get,
    /// Change them.
    Update,
    /// Move it to the recycle bin.
    Delete,
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
    /// Something about one package.
    Package(ProtocolId, String, PackageOperation),
    /// One operation on many versions.
    Batch(ProtocolId),
}

impl FeedOperation {
    /// The right it needs.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Get | Self::ListViews | Self::GetView(_) | Self::Batch(_) => Action::Read,
            Self::Update | Self::Delete | Self::CreateView | Self::UpdateView(_) | Self::DeleteView(_) => {
                Action::Administer
            }
            Self::Package(_, _, operation) => operation.action(),
        }
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Get => "get-feed",
            Self::Update => "update-feed",
            Self::Delete => "delete-feed",
            Self::ListViews => "list-views",
            Self::CreateView => "create-view",
            Self::GetView(_) => "get-view",
            Self::UpdateView(_) => "update-view",
            Self::DeleteView(_) => "delete-view",
            Self::Batch(_) => "batch",
            Self::Package(_, _, operation) => operation.name(),
        }
    }
}

/// Reads what comes after the feed.
pub(super) fn route(method: &Method, rest: &[&str], query: Option<&str>) -> Result<FeedOperation> {
    let operation = match rest {
        [] => resource(method, FeedOperation::Get, FeedOperation::Update, FeedOperation::Delete)?,
        [views] if is(views, "views") => {
            collection(method, FeedOperation::ListViews, FeedOperation::CreateView)?
        }
        [views, view] if is(views, "views") => {
            let view = || (*view).to_owned();
            let update = FeedOperation::UpdateView(view());
            resource(method, FeedOperation::GetView(view()), update, FeedOperation::DeleteView(view()))?
        }
        [protocol, rest @ ..] => package::route(method, known(protocol)?, rest, query)?,
    };
    Ok(operation)
}

fn known(protocol: &str) -> Result<&'static dyn Ecosystem> {
    let names = protocol::PROTOCOLS.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join(", ");
    let hint = format!("; after the feed comes `views`, or one of {names}");
    protocol::ecosystem(protocol).ok_or(Error::NotFound(Missing::Endpoint(hint)).into())
}
