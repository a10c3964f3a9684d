//! Owners of a crate, which are those who may publish to its feed; and where clients send people for a token.

use crate::error::{Error, Missing, Result};
use crate::model::{Action, Principal};
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::{FeedContext, Package};
use crate::store::{index, tokens};
use http::StatusCode;
use serde_json::json;

/// `GET api/v1/crates/{crate}/owners`: whoever holds a token that may publish here, as far as the first page of tokens
/// goes.
pub(super) async fn list<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Answer<P>> {
    if index::get(&context.platform, &context.path(package)).await?.is_none() {
        return Err(Error::NotFound(Missing::Package(package.to_string())).into());
    }
    let now = context.platform.now();
    let (tokens, _) = tokens::list(&context.platform, &context.feed.organization, None).await?;
    let mut names: Vec<String> = tokens
        .into_iter()
        .filter(|token| token.is_valid(now))
        .map(|token| Principal::Token(Box::new(token)))
        .filter(|holder| holder.authority(&context.feed, None).permits(Action::Publish))
        .map(|holder| holder.subject().to_owned())
        .collect();
    names.sort();
    names.dedup();
    let users =
        names.iter().enumerate().map(|(at, name)| json!({ "id": at + 1, "login": name, "name": null }));
    Answer::json(StatusCode::OK, &json!({ "users": users.collect::<Vec<_>>() }))
}

/// `PUT` and `DELETE api/v1/crates/{crate}/owners`.
pub(super) fn refuse_change() -> Box<Error> {
    let text =
        "owners of a crate are those with Contributor or more on its feed; an owner of the feed grants roles";
    Error::Invalid(text.to_owned()).into()
}

/// `GET me`.
pub(super) fn token_page<P: Platform>(context: &FeedContext<P>) -> Answer<P> {
    let feed = &context.locator.feed;
    let text = format!(
        "Tokens for feed `{feed}` are made by its owners and by administrators of its organization.\n\
         Paste one into `cargo login --registry <name>`, as it is or as `Bearer <token>` or `Basic <base64>`.\n\
         Asymmetric tokens are not supported.\n"
    );
    Answer::Document { status: StatusCode::OK, content_type: "text/plain; charset=utf-8", body: text.into() }
}
