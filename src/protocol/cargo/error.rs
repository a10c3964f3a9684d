//! Refusals as cargo prints them: `{"errors": [{"detail": "…"}]}`
//! ([web API](https://doc.rust-lang.org/cargo/reference/registry-web-api.html)).

use crate::error::{Error, Missing};
use bytes::Bytes;
use http::StatusCode;

/// A crate that this caller could have if it had the right is 403 and not 404: of a 404 clients say no more than that no
/// crate of that name was found, and resolve to older versions of those that need it.
pub(super) fn status(error: &Error) -> Option<StatusCode> {
    matches!(error, Error::NotFound(Missing::PackageNotSaved(..))).then_some(StatusCode::FORBIDDEN)
}

/// Media type and body of a refusal. cargo shows the texts of its API's answers, and whole bodies of its index's.
pub(super) fn body(_error: &Error, message: &str) -> (&'static str, Bytes) {
    let body = serde_json::json!({ "errors": [{ "detail": message }] });
    ("application/json", body.to_string().into())
}
