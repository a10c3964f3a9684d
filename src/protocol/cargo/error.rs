//! Refusals as cargo prints them: `{"errors": [{"detail": "…"}]}`
//! ([web API](https://doc.rust-lang.org/cargo/reference/registry-web-api.html)).

use crate::error::Error;
use bytes::Bytes;

/// Media type and body of a refusal. cargo shows the texts of its API's answers, and whole bodies of its index's.
pub(super) fn body(_error: &Error, message: &str) -> (&'static str, Bytes) {
    let body = serde_json::json!({ "errors": [{ "detail": message }] });
    ("application/json", body.to_string().into())
}
