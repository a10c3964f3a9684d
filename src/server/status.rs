//! The one table of statuses.

use crate::error::{Conflict, Error, UpstreamFault};
use crate::platform::PlatformError;
use http::StatusCode;
use std::time::Duration;

/// The status an error is answered with.
pub(super) fn status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Conflict(Conflict::Contended(_)) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Conflict(_) => StatusCode::CONFLICT,
        // A body that broke on its way in is the client's doing.
        Error::Invalid(_) | Error::Platform(PlatformError::Cut(_)) => StatusCode::BAD_REQUEST,
        Error::TooLarge { .. } | Error::Platform(PlatformError::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Error::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
        Error::Upstream { fault, .. } => match fault {
            UpstreamFault::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            UpstreamFault::Throttled(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        },
        Error::Platform(PlatformError::Contended | PlatformError::TimedOut) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Error::Platform(_) | Error::Damaged { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// When the same request may succeed, if it may.
pub(super) fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Upstream { fault: UpstreamFault::Throttled(Some(after)), .. } => Some(*after),
        Error::Upstream { fault: UpstreamFault::Integrity(_), .. } => None,
        Error::Upstream { .. } => Some(Duration::from_secs(10)),
        Error::Conflict(Conflict::Contended(_))
        | Error::Platform(PlatformError::Contended | PlatformError::TimedOut) => Some(Duration::from_secs(1)),
        _ => None,
    }
}

/// What the caller is told: the error's own words, except where they are about our insides.
pub(super) fn message(error: &Error, request_id: &str) -> String {
    match error {
        Error::Platform(PlatformError::TooLong(_) | PlatformError::Cut(_)) => error.to_string(),
        Error::Platform(_) | Error::Damaged { .. } => {
            format!("Edgefeed failed to answer; the log has the cause under request {request_id}")
        }
        other => other.to_string(),
    }
}
