//! Routes of an organization's tokens: `/{org}/_edgefeed/tokens/...`.

use super::{collection, is, parameter, post};
use crate::error::{Error, Result};
use crate::model::Deed;
use http::Method;

/// What can be done with tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum TokenOperation {
    /// One page of them.
    List {
        /// Only those for this subject.
        subject: Option<String>,
        /// Where the page begins.
        cursor: Option<String>,
    },
    /// One of them.
    Get(String),
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
            Self::Get(_) => "get-token",
            Self::Create => "create-token",
            Self::Revoke(_) => "revoke-token",
            Self::Rotate(_) => "rotate-token",
        }
    }

    /// What the log is to say of it once it is done.
    pub(super) const fn deed(&self) -> Option<Deed> {
        match self {
            Self::List { .. } | Self::Get(_) => None,
            Self::Create => Some(Deed::TokenCreated),
            Self::Revoke(_) => Some(Deed::TokenRevoked),
            Self::Rotate(_) => Some(Deed::TokenRotated),
        }
    }

    /// The token it is about.
    pub(super) fn token(&self) -> Option<&str> {
        match self {
            Self::List { .. } | Self::Get(_) | Self::Create => None,
            Self::Revoke(token) | Self::Rotate(token) => Some(token),
        }
    }
}

/// Reads what comes after `tokens`.
pub(super) fn route(method: &Method, rest: &[&str], query: Option<&str>) -> Result<TokenOperation> {
    let operation = match rest {
        [] => {
            let cursor = parameter(query, "continuationToken").or_else(|| parameter(query, "cursor"));
            let subject = parameter(query, "subject");
            collection(method, TokenOperation::List { subject, cursor }, TokenOperation::Create)?
        }
        [id] => match *method {
            Method::GET | Method::HEAD => TokenOperation::Get((*id).to_owned()),
            Method::DELETE => TokenOperation::Revoke((*id).to_owned()),
            _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, DELETE" }.into()),
        },
        [id, verb] if is(verb, "rotate") => post(method, TokenOperation::Rotate((*id).to_owned()))?,
        _ => return Err(Error::no_endpoint().into()),
    };
    Ok(operation)
}
