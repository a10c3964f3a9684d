//! The edge cache of one location. On Cloudflare: the Cache API.

use super::{Body, PlatformError};

/// Cached content.
#[derive(Debug)]
pub struct CachedResponse {
    /// The content, untouched.
    pub body: Body,
}

/// Immutable content close to the client. It may forget anything at any time, and on hosts without the Cache API
/// (`workers.dev`) it keeps nothing.
pub trait ResponseCache {
    /// Content stored under this URL.
    fn get(&self, url: &str) -> impl Future<Output = Result<Option<CachedResponse>, PlatformError>>;

    /// Keeps content that never changes, of known length, for at most a day.
    fn put(&self, url: &str, content: Body) -> impl Future<Output = Result<(), PlatformError>>;

    /// Forgets content, in this location only.
    fn delete(&self, url: &str) -> impl Future<Output = Result<(), PlatformError>>;
}
