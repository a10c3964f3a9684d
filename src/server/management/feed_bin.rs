//! The recycle bin of feeds: restoring, and deleting for good. Listing is in `feeds.rs`.

use super::Call;
use super::message::{self, Reply};
use super::route::DeletedFeedOperation;
use crate::error::{Error, Result};
use crate::model::Feed;
use crate::platform::Platform;
use crate::service::feed_bin;
use serde_json::Value;

/// Answers what is asked about a feed in the recycle bin.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    feed: &Feed,
    operation: DeletedFeedOperation,
) -> Result<Reply> {
    match operation {
        DeletedFeedOperation::Restore => {
            let patch: Vec<Value> = message::read(call.body).await?;
            let restores = |step: &Value| {
                let path = step["path"].as_str().unwrap_or_default();
                path.eq_ignore_ascii_case("/isDeleted") && step["value"] == Value::Bool(false)
            };
            if patch.is_empty() || !patch.iter().all(restores) {
                let text = r#"only `[{"op": "replace", "path": "/isDeleted", "value": false}]` can be done to a feed in the recycle bin"#;
                return Err(Error::Invalid(text.to_owned()).into());
            }
            feed_bin::restore(call.platform, feed).await?;
        }
        DeletedFeedOperation::Purge => feed_bin::purge(call.platform, feed).await?,
    }
    Ok(Reply::done())
}
