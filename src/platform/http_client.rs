//! Requests to the outside. On Cloudflare: `fetch`.

use super::{Body, PlatformError};
use crate::platform::Headers;
use http::{Method, StatusCode};
use std::time::Duration;
use url::Url;

/// A request to an upstream source.
#[derive(Debug)]
pub struct OutgoingRequest {
    /// `GET`, `HEAD` or `POST`.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers; `Accept-Encoding: identity` must be set for content that is stored as it comes.
    pub headers: Headers,
    /// The body, for `POST`.
    pub body: Body,
    /// How long to wait for the answer's headers, and then for each further piece of its body.
    pub timeout: Duration,
}

/// The answer to it.
#[derive(Debug)]
pub struct OutgoingResponse {
    /// Status; redirects are answers like others.
    pub status: StatusCode,
    /// Headers.
    pub headers: Headers,
    /// The body, with any content encoding undone by the runtime.
    pub body: Body,
}

/// Sends one request; follows no redirect, keeps no cookie, adds no credentials.
pub trait HttpClient {
    /// Sends it and waits for the headers of the answer.
    fn send(&self, request: OutgoingRequest)
    -> impl Future<Output = Result<OutgoingResponse, PlatformError>>;
}
