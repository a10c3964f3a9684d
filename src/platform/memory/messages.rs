//! Messages of the `http` crate and ours: tests speak that, which finds what is no valid HTTP.

use crate::platform::{Body, Headers, Request, RequestUrl};
use http::{HeaderMap, HeaderName, HeaderValue};

impl From<http::Request<Body>> for Request {
    fn from(request: http::Request<Body>) -> Self {
        let (parts, body) = request.into_parts();
        let url = RequestUrl::parse(&parts.uri.to_string()).unwrap_or_default();
        let mut headers = Headers::new();
        for (name, value) in &parts.headers {
            headers.append(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        Self { method: parts.method, url, headers, body }
    }
}

impl From<&Headers> for HeaderMap {
    /// What is no valid header would be missing; nothing is.
    fn from(headers: &Headers) -> Self {
        let valid = |(name, value): (&str, &str)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        };
        headers.iter().filter_map(valid).collect()
    }
}
