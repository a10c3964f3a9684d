//! Promoting and demoting: adding a version to a view, and removing it again.

use super::{FeedContext, Package, log, relist};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{Deed, Version, ViewName};
use crate::platform::Platform;
use crate::store::index;
use serde_json::json;

/// Adds a local version to a view, or removes it.
pub async fn promote<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    view: &ViewName,
    member: bool,
) -> Result<()> {
    let feed = context.feed.name.to_string();
    let found = context.feed.view(view);
    let found = found.ok_or_else(|| Error::NotFound(Missing::View { feed, view: view.to_string() }))?;
    if found.name.is_local() {
        if member {
            return Ok(());
        }
        let text = "every local version is in `Local`; delete the version to take it out";
        return Err(Error::Conflict(Conflict::Other(text.to_owned())).into());
    }
    let deed = if member { Deed::Promoted } else { Deed::Demoted };
    let log_entry = log::about(context, deed, package, Some(version), json!({ "view": found.name }));
    let (slot, is_news) = relist::edit_slot(context, package, version, Some(&log_entry), !member, &|slot| {
        let mut next = slot.clone();
        let changes = if member { next.views.insert(found.id.clone()) } else { next.views.remove(&found.id) };
        changes.then_some(next)
    })
    .await?;
    let path = context.path(package);
    let entry = [(version.key().to_owned(), slot)];
    let log_entries: &[_] = if is_news { &[log_entry] } else { &[] };
    index::record_logged(&context.platform, &path, package.as_str(), &entry, None, log_entries).await
}
