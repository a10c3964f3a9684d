//! The Cache API: one location's, and only on hosts of one's own (on `workers.dev` it keeps nothing).

use super::body::JsBody;
use super::convert;
use crate::platform::{Body, CachedResponse, PlatformError, ResponseCache};
use http::Response;
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
        let response = Response::builder().header("cache-control", CACHE_CONTROL);
        let response = match content.length() {
            Some(length) => response.header("content-length", length),
            None => response,
        };
        let response = response.body(content).map_err(|error| PlatformError::Other(error.to_string()))?;
        let response = convert::response(response).map_err(|error| failure(&error))?;
        Cache::default().put(url, response).await.map_err(|error| failure(&error))
    }

    async fn delete(&self, url: &str) -> Result<(), PlatformError> {
        Cache::default().delete(url, true).await.map_err(|error| failure(&error))?;
        Ok(())
    }
}
