//! Time and chance.

use crate::model::Timestamp;
use std::time::Duration;

/// The time of the last input or output: the runtime's clock stands still while computing.
pub(super) fn now() -> Timestamp {
    #[allow(clippy::cast_possible_truncation, reason = "whole milliseconds since 1970")]
    Timestamp::from_millis(js_sys::Date::now() as i64)
}

/// `setTimeout` takes at most 2^31 - 1 milliseconds.
pub(super) async fn sleep(duration: Duration) {
    worker::Delay::from(duration.min(Duration::from_hours(24))).await;
}

/// Fills a buffer from `crypto.getRandomValues`.
pub(super) fn random(buffer: &mut [u8]) {
    if getrandom::fill(buffer).is_err() {
        std::process::abort(); // better no answer than a token that can be guessed
    }
}
