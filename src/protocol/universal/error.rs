//! Refusals: `{"message": "…"}`, for people who read what `curl` prints.

use crate::error::Error;
use bytes::Bytes;

/// Media type and body of a refusal.
pub(super) fn body(_error: &Error, message: &str) -> (&'static str, Bytes) {
    let body = serde_json::json!({ "message": message });
    ("application/json", body.to_string().into())
}
