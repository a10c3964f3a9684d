//! Refusals as NuGet's clients print them. They print the status line, whose reason phrase a Worker cannot choose, and the
//! text of the header `X-NuGet-Warning`; scripts and proxies print the body.

use crate::error::Error;
use bytes::Bytes;

/// Where clients look for a text to show, on whatever answer it comes.
pub(super) const WARNING: &str = "x-nuget-warning";

/// Media type and body of a refusal: its text.
pub(super) fn body(_error: &Error, message: &str) -> (&'static str, Bytes) {
    ("text/plain; charset=utf-8", format!("{message}\n").into())
}
