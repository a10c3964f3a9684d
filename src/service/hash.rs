//! What content hashes to, computed by the platform.

use crate::error::Result;
use crate::model::{Algorithm, Digest};
use crate::platform::{Body, Hashing as _, Platform, PlatformError};
use futures_util::StreamExt;

/// By several algorithms, given and answered the weakest first.
pub async fn all<P: Platform>(platform: &P, body: Body, algorithms: &[Algorithm]) -> Result<Vec<Digest>> {
    let (mut hashing, mut stream) = (platform.hashing(algorithms), body.into_stream());
    while let Some(piece) = stream.next().await {
        hashing.update(&piece?).await?;
    }
    Ok(hashing.finish().await?)
}

/// By one.
pub async fn one<P: Platform>(platform: &P, body: Body, algorithm: Algorithm) -> Result<Digest> {
    let digest = all(platform, body, &[algorithm]).await?.pop();
    Ok(digest.ok_or_else(|| PlatformError::Other("nothing was hashed".to_owned()))?)
}
