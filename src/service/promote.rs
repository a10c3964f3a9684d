//! Promoting and demoting: adding a version to a view, and removing it again.

use super::{FeedContext, Package, relist};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{Slot, Version, ViewName};
use crate::platform::Platform;
use crate::store::index;

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
    let slot = relist::edit_slot(context, package, version, !member, &|slot| {
        let mut views = slot.views.clone();
        let changes = if member { views.insert(found.id.clone()) } else { views.remove(&found.id) };
        changes.then(|| Slot { views, ..slot.clone() })
    })
    .await?;
    let path = context.path(package);
    let entry = [(version.key().to_owned(), slot)];
    index::record(&context.platform, &path, package.as_str(), &entry, None).await
}
