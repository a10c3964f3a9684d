//! What the runtime's errors mean. They are texts; those of R2 end with their number in parentheses.

use crate::platform::PlatformError;
use wasm_bindgen::{JsCast, JsValue};

/// R2: the bytes do not have the digest given.
const BAD_DIGEST: u32 = 10_037;
/// R2: more than one write per second to one key.
const TOO_MANY_WRITES: u32 = 10_058;

/// The message of anything thrown.
pub(super) fn text(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_else(|| "what is no error was thrown".to_owned()),
    }
}

/// The number in `... (10037)`.
fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.rsplit_once('(')?;
    rest.split_once(')')?.0.parse().ok()
}

pub(super) fn is_bad_digest(error: &worker::Error) -> bool {
    code(&error.to_string()) == Some(BAD_DIGEST)
}

/// `FixedLengthStream did not see all expected bytes before close().` and
/// `Attempt to write too many bytes through a FixedLengthStream.`
pub(super) fn is_wrong_length(text: &str) -> bool {
    text.contains("FixedLengthStream")
}

/// An error of R2.
#[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
pub(super) fn r2(error: worker::Error) -> PlatformError {
    let text = error.to_string();
    match code(&text) {
        Some(TOO_MANY_WRITES) => PlatformError::Contended,
        _ => PlatformError::Other(format!("R2: {text}")),
    }
}

/// An error of KV, such as `KV PUT failed: 429 Too Many Requests`.
pub(super) fn kv(error: worker::KvError) -> PlatformError {
    let text = text(&JsValue::from(error));
    if text.contains(" 429 ") {
        PlatformError::Contended
    } else {
        PlatformError::Other(format!("KV: {text}"))
    }
}

/// Anything else.
pub(super) fn other(error: &JsValue) -> PlatformError {
    PlatformError::Other(text(error))
}
