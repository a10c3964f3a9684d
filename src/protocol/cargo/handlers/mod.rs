//! From endpoint to answer.

mod archive;
mod owners;
mod publish;
mod read;
mod receive;
mod search;

use super::route::{Endpoint, Target};
use crate::error::{Error, Missing, Result};
use crate::model::Principal;
use crate::platform::{Platform, Request};
use crate::protocol::Answer;
use crate::service::FeedContext;
use http::StatusCode;

/// Answers an endpoint.
pub(super) async fn handle<P: Platform>(
    context: &FeedContext<P>,
    endpoint: Endpoint,
    request: Request,
) -> Result<Answer<P>> {
    if endpoint.wants_token && *context.principal == Principal::Anonymous {
        let text = "this index is for callers with a token; the one without is `index/` in place of it";
        return Err(Error::Unauthenticated(text.to_owned()).into());
    }
    match endpoint.target {
        Target::Description => Ok(read::description(context, endpoint.wants_token)),
        Target::IndexFile(package) => read::index_file(context, &package).await,
        Target::Download(package, version) => read::archive(context, &package, &version).await,
        Target::Publish => publish::publish(context, request.body).await,
        Target::Yank(package, version, yanked) => publish::yank(context, &package, version, yanked).await,
        Target::Owners(package) => owners::list(context, &package).await,
        Target::ChangeOwners => Err(owners::refuse_change()),
        Target::Search { text, size, from } => search::search(context, &text, size, from).await,
        Target::TokenPage => Ok(owners::token_page(context)),
        Target::NotOffered(what) => {
            Err(Error::NotFound(Missing::Other(format!("{what}: not offered here"))).into())
        }
    }
}

/// `{"ok": true}`.
fn done<P>() -> Result<Answer<P>> {
    Answer::json(StatusCode::OK, &serde_json::json!({ "ok": true }))
}
