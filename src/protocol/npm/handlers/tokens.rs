//! `npm token`: the tokens a caller reaches, in the words of npm.
//!
//! One made here is for this feed, or this view of it, with the caller's own role or less; what a token of ours cannot
//! be narrowed to is refused, because whoever asks for it counts on it. The token that is sent is the proof that npm
//! otherwise asks a password for.

use super::account::caller;
use crate::error::{Error, Result};
use crate::model::{Deed, Grant, GrantTarget, Scope, Secret, Timestamp, Token, TokenText};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::tokens::{Maker, label};
use crate::service::{FeedContext, log};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How every token begins: clients look for that in the text of one that is to be revoked.
const BEGINNING: &str = "efp_";

/// What is asked about tokens.
pub(super) enum Operation {
    /// `GET /-/npm/v1/tokens`: a page of those that still work.
    List(Option<String>),
    /// `POST /-/npm/v1/tokens`.
    Create(Body),
    /// `DELETE /-/npm/v1/tokens/token/{key}`.
    Revoke(Secret),
}

/// Answers it.
pub(super) async fn answer<P: Platform>(context: &FeedContext<P>, operation: Operation) -> Result<Answer<P>> {
    let holder = caller(context)?;
    let mut maker = Maker::new(&context.platform, holder).await?;
    match operation {
        Operation::List(cursor) => {
            let (tokens, next) = maker.list(&holder.organization, None, cursor.as_deref()).await?;
            let now = context.platform.now();
            let objects: Vec<_> = tokens.iter().filter(|token| token.is_valid(now)).map(describe).collect();
            let next = next.map(|next| {
                let next = utf8_percent_encode(&next, NON_ALPHANUMERIC);
                format!("{}-/npm/v1/tokens?cursor={next}", context.root)
            });
            Answer::json(StatusCode::OK, &json!({ "objects": objects, "urls": { "next": next } }))
        }
        Operation::Create(body) => {
            let wish = wish(context, &maker.token, &super::json(body).await?)?;
            let (token, text) = maker.make(wish).await?;
            log::about_token(context, Deed::TokenCreated, &context.principal, &token.id);
            let mut body = describe(&token);
            body["token"] = text.secret().expose().into();
            Answer::json(StatusCode::CREATED, &body)
        }
        Operation::Revoke(key) => {
            let text = TokenText::parse(key.expose());
            let id = text.map_or_else(|| key.expose().to_owned(), |text| text.hash().id());
            maker.revoke(&holder.organization, &id).await?;
            log::about_token(context, Deed::TokenRevoked, &context.principal, &id);
            Answer::json(StatusCode::OK, &json!({ "ok": true }))
        }
    }
}

/// The token wished for, not yet judged.
fn wish<P: Platform>(context: &FeedContext<P>, own: &Token, wish: &Map<String, Value>) -> Result<Token> {
    let feed = context.feed.id.clone();
    let target = match &context.view {
        Some(view) => GrantTarget::View { feed, view: view.id.clone() },
        None => GrantTarget::Feed { feed },
    };
    let role = own.role_on(&context.feed, context.view.as_deref()).ok_or_else(|| {
        let text = "this token has no role of its own here that it could hand on; ask an owner of the feed";
        Error::Forbidden(text.to_owned())
    })?;
    let name = wish.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
    Ok(Token {
        name: name.map(|name| label(name, "a `name`")).transpose()?,
        scope: scope(wish, own.scope)?,
        grants: vec![Grant { target, role }],
        administrator: false,
        feed_creator: false,
        groups: Vec::new(),
        vouched: false,
        expires: expires(wish, context.platform.now())?,
        ..own.clone()
    })
}

/// What the token may be used for at most: all that the caller's may, or only reading.
fn scope(wish: &Map<String, Value>, own: Scope) -> Result<Scope> {
    for field in ["cidr_whitelist", "packages", "scopes", "orgs"] {
        if wish.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            return Err(refused(field));
        }
    }
    let readonly = wish.get("readonly").and_then(Value::as_bool) == Some(true);
    let permission = wish.get("packages_and_scopes_permission").and_then(Value::as_str);
    match permission {
        _ if readonly => Ok(Scope::Read),
        Some("read-only") => Ok(Scope::Read),
        None | Some("read-write") => Ok(own),
        Some(_) => Err(refused("packages_and_scopes_permission")),
    }
}

fn refused(field: &str) -> Box<Error> {
    Error::Invalid(format!(
        "tokens cannot be narrowed by `{field}` here: a token made with npm is for this feed, with the caller's role, or \
         for reading only (`packages_and_scopes_permission` is `read-only`)"
    )).into()
}

/// In so many days, or at a moment.
fn expires(wish: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>> {
    let invalid = || Error::Invalid("`expires` is a number of days, or a moment of RFC 3339".to_owned());
    match wish.get("expires") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Timestamp::parse(text).ok_or_else(invalid)?)),
        Some(value) => {
            let days = value.as_u64().and_then(|days| u32::try_from(days).ok()).ok_or_else(invalid)?;
            Ok(Some(now.plus(Duration::from_secs(u64::from(days) * 24 * 3600))))
        }
    }
}

/// A token as npm prints one, without its text.
fn describe(token: &Token) -> Value {
    json!({
        "token": BEGINNING,
        "key": token.id,
        "name": token.name.as_ref().unwrap_or(&token.subject),
        "created": token.created,
        "updated": token.created,
        "expires": token.expires,
        "readonly": token.scope <= Scope::Restore,
        "cidr_whitelist": null,
    })
}
