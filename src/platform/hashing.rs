//! Hashing of long content, by the platform: it is several times as fast at it as this program can be.

use super::PlatformError;
use crate::model::{Digest, Hasher};

/// Digests in the making.
pub trait Hashing {
    /// Takes the next bytes in.
    fn update(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), PlatformError>>;

    /// The digests, weakest algorithm first.
    fn finish(self) -> impl Future<Output = Result<Vec<Digest>, PlatformError>>;
}

impl Hashing for Hasher {
    async fn update(&mut self, bytes: &[u8]) -> Result<(), PlatformError> {
        Self::update(self, bytes);
        Ok(())
    }

    async fn finish(self) -> Result<Vec<Digest>, PlatformError> {
        Ok(Self::finish(self))
    }
}
