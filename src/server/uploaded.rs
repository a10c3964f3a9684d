//! Publishing what was uploaded in parts: a request that refers to an upload has its content for a body.
//!
//! So it is for every protocol: what is uploaded is the body that its client would send, and the request is the one it would
//! send it with. Where that body is the file itself, it is not read again, and stays where it is.

use crate::error::{Error, Result};
use crate::model::Action;
use crate::platform::{Platform, Request};
use crate::service::{FeedContext, stage, uploads};

/// The header that refers to an upload.
const HEADER: &str = "edgefeed-upload";

/// Gives a request the body that it refers to, if it refers to one; answers the upload's id.
pub(super) async fn attach<P: Platform>(
    context: &FeedContext<P>,
    action: Option<Action>,
    request: &mut Request,
) -> Result<Option<String>> {
    let Some(id) = request.headers.get(HEADER).map(str::to_owned) else { return Ok(None) };
    if action != Some(Action::Publish) || request.body.length() != Some(0) {
        let text = "`Edgefeed-Upload` stands for the body of a request that publishes, and has none itself";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    request.body = stage::body(&context.platform, uploads::content(context, &id).await?);
    Ok(Some(id))
}

/// Removes an upload that was published.
pub(super) fn detach<P: Platform>(context: FeedContext<P>, id: String) {
    let platform = context.platform.clone();
    platform.in_background(async move {
        // What cannot be removed now is swept by the housekeeping.
        let _ = uploads::abandon(&context, &id).await;
    });
}
