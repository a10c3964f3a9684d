//! Refusals: [problem details](https://www.rfc-editor.org/rfc/rfc9457), which Maven's resolver prints beside the status, and
//! which people read who see the body.

use crate::error::Error;
use bytes::Bytes;

/// Media type and body of a refusal.
pub(super) fn body(_error: &Error, message: &str) -> (&'static str, Bytes) {
    let body = serde_json::json!({ "title": message, "detail": message });
    ("application/problem+json", body.to_string().into())
}
