//! Refusals as npm prints them: `{"error": "…"}`, whose text the clients show behind their own words.

use super::wire::ErrorBody;
use crate::error::{Conflict, Error, Missing};
use bytes::Bytes;
use http::StatusCode;

/// A number that was deleted is 403 and not 409: clients take a 409 for a race, ask for the listing and push again
/// ([libnpmpublish](https://github.com/npm/cli/blob/latest/workspaces/libnpmpublish/lib/publish.js)), and the listing of
/// a package without a live version is a 404, which is then all its user sees.
pub(super) fn status(error: &Error) -> Option<StatusCode> {
    matches!(error, Error::Conflict(Conflict::VersionDeleted(..))).then_some(StatusCode::FORBIDDEN)
}

/// Media type and body of a refusal.
pub(super) fn body(error: &Error, message: &str) -> (&'static str, Bytes) {
    // npm makes `EPUBLISHCONFLICT` of a 409 that says "cannot publish over", and other clients look for the words too.
    let text = match error {
        Error::Conflict(Conflict::VersionExists(..) | Conflict::VersionDeleted(..)) => {
            format!("cannot publish over an existing version: {message}")
        }
        _ => message.to_owned(),
    };
    let exchange = matches!(error, Error::NotFound(Missing::TrustedPublishing));
    let body = ErrorBody { message: exchange.then(|| text.clone()), ..ErrorBody::new(text) };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    ("application/json", body.into())
}
