//! Routes of an organization's tokens: `/{org}/_edgefeed/tokens/...`.

use super::{is, parameter, post};
use crate::error::{Error, Result};
use http::Method;

/// What can be done with tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum TokenOperation {
    /// One page of them.
    List {
        /// Where the page begins.
        cursor: Option<String>,
    },
    /// A new one.
    Create,
    /// One less.
    Revoke(String),
    /// A new one in place of this one.
    Rotate(String),
}

impl TokenOperation {
    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "list-tokens",
            Self::Create => "create-token",
            Self::Revoke(_) => "revoke-token",
            Self::Rotate(_) => "rotate-token",
        }
    }
}

/// Reads what comes after `tokens`.
pub(super) fn route(method: &Method, rest: &[&str], query: Option<&str>) -> Result<TokenOperation> {
    let operation = match rest {
        [] => match *method {
            Method::GET | Method::HEAD => {
                let cursor = parameter(query, "continuationToken").or_else(|| parameter(query, "cursor"));
                TokenOperation::List { cursor }
            }
            Method::POST => TokenOperation::Create,
            _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, POST" }.into()),
        },
        [id] => match *method {
            Method::DELETE => TokenOperation::Revoke((*id).to_owned()),
            _ => return Err(Error::MethodNotAllowed { allow: "DELETE" }.into()),
        },
        [id, verb] if is(verb, "rotate") => post(method, TokenOperation::Rotate((*id).to_owned()))?,
        _ => return Err(Error::no_endpoint().into()),
    };
    Ok(operation)
}
