//! Refusals as npm prints them: `{"error": "…"}`, whose text the clients show behind their own words.

use super::wire::ErrorBody;
use crate::error::{Conflict, Error};
use bytes::Bytes;

/// Media type and body of a refusal.
pub(super) fn body(error: &Error, message: &str) -> (&'static str, Bytes) {
    // npm makes `EPUBLISHCONFLICT` of a 409 that says "cannot publish over", and other clients look for the words too.
    let text = match error {
        Error::Conflict(Conflict::VersionExists(..) | Conflict::VersionDeleted(..)) => {
            format!("cannot publish over an existing version: {message}")
        }
        _ => message.to_owned(),
    };
    let body = serde_json::to_vec(&ErrorBody::new(text)).unwrap_or_default();
    ("application/json", body.into())
}
