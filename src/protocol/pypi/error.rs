//! Refusals as installers and uploaders print them: the text itself. pip prints the status line only, whose reason
//! phrase a Worker cannot choose; uv and twine print the body, the former word by word.

use crate::error::{Conflict, Error, Missing};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

/// A number that was deleted is 400 and not 409: uploaders that skip what exists take every 409 for "already there"
/// ([twine](https://github.com/pypa/twine/blob/main/twine/commands/upload.py)), and it is not there.
pub(super) fn status(error: &Error) -> Option<StatusCode> {
    matches!(error, Error::Conflict(Conflict::VersionDeleted(..))).then_some(StatusCode::BAD_REQUEST)
}

/// Media type and body of a refusal.
pub(super) fn body(error: &Error, message: &str) -> (&'static str, Bytes) {
    let text = match error {
        // The words that uploaders look for.
        Error::Conflict(Conflict::FileExists { .. }) => format!("File already exists: {message}\n"),
        // Whoever asks for a token shows the reasons of this document, and takes text for a broken server.
        Error::NotFound(Missing::TrustedPublishing) => {
            let reason = json!({ "code": "not-offered", "description": message });
            let body = json!({ "message": message, "errors": [reason] });
            return ("application/json", body.to_string().into());
        }
        _ => format!("{message}\n"),
    };
    ("text/plain; charset=utf-8", text.into())
}
