//! Files that are too large for one request: they come in parts, straight to where their content belongs.

use super::super::route::Verb;
use super::super::wire;
use super::{done, draft, read_body};
use crate::error::Result;
use crate::model::{TreePath, Version};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::publish::exists;
use crate::service::{FeedContext, Package, contents, drafts, uploads};
use http::StatusCode;

/// Bytes of what is said of a file.
const WISH_LIMIT: usize = 64 << 10;

/// `POST {name}/{version}/{path}?upload`. The file belongs to the draft from now on; a content that is here need not come.
pub(super) async fn begin<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    path: TreePath,
    body: Body,
) -> Result<Answer<P>> {
    let file = wire::wish(path, &read_body(body, WISH_LIMIT).await?)?;
    if draft::committed(context, package, version).await?.is_some() {
        return Err(exists(package, version));
    }
    drafts::note(context, package, version, &file).await?;
    let place = context.path(package);
    let wanted = std::slice::from_ref(&file.digest);
    if contents::missing(&context.platform, &place, wanted).await?.is_empty() {
        return Answer::json(StatusCode::OK, &wire::shown(&file));
    }
    let target = Some(place.content(&file.digest));
    let begun = uploads::begin(context, target, file.size, Some(file.digest)).await?;
    Answer::json(StatusCode::CREATED, &begun.print())
}

/// `?upload={id}`.
pub(super) async fn go_on<P: Platform>(
    context: &FeedContext<P>,
    id: &str,
    verb: Verb,
    body: Body,
) -> Result<Answer<P>> {
    let progress = match verb {
        Verb::Show => uploads::find(context, id).await?,
        Verb::PutPart(part) => uploads::put_part(context, id, part, body).await?,
        Verb::Abandon => {
            uploads::abandon(context, id).await?;
            return Ok(done(StatusCode::NO_CONTENT));
        }
    };
    Answer::json(StatusCode::OK, &progress.print())
}
