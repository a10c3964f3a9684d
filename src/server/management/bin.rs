//! The recycle bin of a feed: what is in it, and emptying it.

use super::Call;
use super::catalog::pages;
use super::message::Reply;
use super::package_json::Printer;
use super::route::PackagesQuery;
use crate::error::{Error, Result};
use crate::model::{Principal, SlotState};
use crate::platform::Platform;
use crate::service::{FeedContext, delete};
use crate::store::index::IndexedSlot;
use crate::store::keys;
use http::StatusCode;
use serde_json::json;

/// Where packages of the recycle bin are, below a feed.
pub(super) const FOLDER: &str = "RecycleBin/Packages";

/// It is not public, even where the feed is.
pub(super) fn refuse_anonymous<P>(context: &FeedContext<P>) -> Result<()> {
    if *context.principal == Principal::Anonymous {
        let text = "the recycle bin is shown to those who have a token with at least Reader on the feed";
        return Err(Error::Unauthenticated(text.to_owned()).into());
    }
    Ok(())
}

/// A page of packages with versions in it.
pub(super) async fn list<P: Platform>(
    call: &Call<'_, P>,
    context: &FeedContext<P>,
    query: &PackagesQuery,
) -> Result<Reply> {
    refuse_anonymous(context)?;
    let printer = Printer { folder: FOLDER, ..Printer::new(context, &call.origin, query.urls) };
    pages(context, &printer, query, keys::BINS, &is_in_bin).await
}

/// Has it emptied of what is in it now.
pub(super) async fn empty<P: Platform>(context: &FeedContext<P>) -> Result<Reply> {
    let id = delete::queue_emptying(context).await?;
    let body = json!({ "id": id, "status": "queued" });
    Ok(Reply { status: StatusCode::ACCEPTED, ..Reply::ok(&body) })
}

/// Is it in the recycle bin?
pub(super) fn is_in_bin(entry: &IndexedSlot) -> bool {
    matches!(entry.slot.state, SlotState::Deleted { .. })
}
