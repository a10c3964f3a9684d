//! Who the caller is; logging in and out.
//!
//! A password is a token of ours. Logging in with it makes a token of its own with the same rights, so that logging out
//! revokes that one and leaves the first to its other users.

use super::super::wire::{LoginAnswer, LoginRequest, Profile, UserDocument, Whoami};
use crate::error::{Error, Result};
use crate::model::{Deed, Principal, Secret, Token, TokenText};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::tokens::{Maker, authenticate};
use crate::service::{FeedContext, log, refused_login};
use crate::store::tokens;
use http::StatusCode;

/// `GET /-/whoami`.
pub(super) fn whoami<P: Platform>(context: &FeedContext<P>) -> Result<Answer<P>> {
    let username = caller(context)?.subject.clone();
    Answer::json(StatusCode::OK, &Whoami { username })
}

/// `PUT /-/user/org.couchdb.user:{name}`.
pub(super) async fn login<P: Platform>(
    context: &FeedContext<P>,
    user: &str,
    body: Body,
) -> Result<Answer<P>> {
    let request: LoginRequest = super::json(body).await?;
    let password = request.password.into_secret();
    let known = match TokenText::parse(password.expose()) {
        Some(text) => tokens::find(&context.platform, &text).await?,
        None => None,
    };
    let refused = || refused_login(&context.locator);
    let token = known.ok_or_else(refused)?;
    let token = authenticate(&context.platform, &token).await.map_err(|error| match *error {
        Error::Unauthenticated(_) => refused(),
        other => other.into(),
    })?;
    let principal = Principal::Token(Box::new(token.clone()));
    if principal.authority(&context.feed, context.view.as_deref()).effective().is_none() {
        return Err(refused());
    }
    let (_, text) = Maker::new(&context.platform, &token).await?.copy().await?;
    log::about_token(context, Deed::TokenCreated, &principal, &text.hash().id());
    let id = format!("org.couchdb.user:{user}");
    let token = text.secret().expose().to_owned();
    Answer::json(StatusCode::CREATED, &LoginAnswer { ok: true, id, token })
}

/// `DELETE /-/user/token/{token}`: revokes it, if the caller holds it.
pub(super) async fn logout<P: Platform>(context: &FeedContext<P>, token: &Secret) -> Result<Answer<P>> {
    let hash = TokenText::parse(token.expose()).map(|text| text.hash());
    let own = hash.filter(|hash| caller(context).is_ok_and(|caller| caller.id == hash.id()));
    let own = own.ok_or_else(|| {
        Error::Forbidden("a token is revoked by its holder, or by an administrator".to_owned())
    })?;
    tokens::revoke(&context.platform, &own, context.platform.now()).await?;
    log::about_token(context, Deed::TokenRevoked, &context.principal, &own.id());
    Answer::json(StatusCode::OK, &serde_json::json!({ "ok": true }))
}

/// `GET /-/npm/v1/user` and `GET /-/user/org.couchdb.user:{name}`.
pub(super) fn profile<P: Platform>(context: &FeedContext<P>, user: Option<&str>) -> Result<Answer<P>> {
    let caller = caller(context)?;
    match user {
        Some(user) => Answer::json(StatusCode::OK, &UserDocument::new(user)),
        None => Answer::json(StatusCode::OK, &Profile::new(&caller.subject)),
    }
}

/// The token that was sent.
pub(super) fn caller<P: Platform>(context: &FeedContext<P>) -> Result<&Token> {
    match &*context.principal {
        Principal::Token(token) => Ok(token),
        Principal::Anonymous | Principal::Root => Err(Error::Unauthenticated(
            "no token was sent: log in with one, or put it into .npmrc".to_owned(),
        )
        .into()),
    }
}
