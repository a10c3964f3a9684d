//! The Cache API: one location's, and only on hosts of one's own (on `workers.dev` it keeps nothing).

use super::body::JsBody;
use super::convert;
use crate::platform::{Body, CachedResponse, Headers, PlatformError, Response, ResponseCache, header};
use http::StatusCode;
use worker::Cache;

/// A day: what was deleted leaves every location's cache by then.
const CACHE_CONTROL: &str = "public, max-age=86400";

/// The cache of the location this runs in.
#[derive(Clone)]
pub struct LocationCache;

fn failure(error: &worker::Error) -> PlatformError {
    PlatformError::Other(format!("cache: {error}"))
}

impl ResponseCache for LocationCache {
    async fn get(&self, url: &str) -> Result<Option<CachedResponse>, PlatformError> {
        let found = Cache::default().get(url, false).await.map_err(|error| failure(&error))?;
        Ok(found.map(|response| {
            let response = web_sys::Response::from(response);
            let length = convert::content_length(&response.headers());
            CachedResponse { body: JsBody::body(response.body(), length, None) }
        }))
    }

    async fn put(&self, url: &str, content: Body) -> Result<(), PlatformError> {
        let mut headers = Headers::new();
        headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
        if let Some(length) = content.length() {
            headers.insert(header::CONTENT_LENGTH, &length.to_string());
        }
        let response = Response { status: StatusCode::OK, headers, body: content };
        let response = convert::response(response).map_err(|error| failure(&error))?;
        Cache::default().put(url, response).await.map_err(|error| failure(&error))
    }

    async fn delete(&self, url: &str) -> Result<(), PlatformError> {
        Cache::default().delete(url, true).await.map_err(|error| failure(&error))?;
        Ok(())
    }
}
