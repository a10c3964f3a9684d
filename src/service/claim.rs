//! Claiming: bytes put under a name that nobody else has.

use super::{FeedContext, hash};
use crate::error::{Conflict, Error, Result};
use crate::platform::{BlobStore as _, Body, Expected, Platform, PutOutcome};
use std::time::Duration;

/// Bytes without a slot that are older than this belong to nobody any more.
const ABANDONED: Duration = Duration::from_secs(600);

/// How claiming a file's name ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The bytes are there, and they are these.
    Ours,
    /// The bytes are not what was expected; nothing was stored.
    Mismatch,
}

/// Puts bytes under a name that is not taken. Bytes that are there already are ours if they are the same; bytes of
/// nobody are replaced once they are [`ABANDONED`]; otherwise somebody is at work right now.
pub(super) async fn claim<P: Platform>(
    context: &FeedContext<P>,
    key: &str,
    body: Body,
    expected: &Expected,
) -> Result<Claim> {
    let blobs = context.platform.blobs();
    match blobs.create(key, body, expected).await {
        Ok(PutOutcome::Created) => return Ok(Claim::Ours),
        Ok(PutOutcome::Mismatch) => return Ok(Claim::Mismatch),
        Ok(PutOutcome::Exists) => {}
        // The write may have happened all the same; what is there tells.
        Err(error) => match blobs.info(key).await? {
            Some(_) => {}
            None => return Err(error.into()),
        },
    }
    if same_bytes(context, key, expected).await? {
        return Ok(Claim::Ours);
    }
    evict_abandoned(context, key).await?;
    Err(Error::Conflict(Conflict::Contended(key.to_owned())).into())
}

/// Removes bytes that belong to no slot, if they have been there long enough to belong to no writer either; the claim
/// that met them has seen that there is no slot, and succeeds when it is repeated.
async fn evict_abandoned<P: Platform>(context: &FeedContext<P>, key: &str) -> Result<()> {
    let blobs = context.platform.blobs();
    let info = blobs.info(key).await?;
    if info.is_some_and(|info| context.platform.now().since(info.uploaded) > ABANDONED) {
        blobs.delete(key).await?;
    }
    Ok(())
}

async fn same_bytes<P: Platform>(context: &FeedContext<P>, key: &str, expected: &Expected) -> Result<bool> {
    let Some(blob) = context.platform.blobs().open(key, None).await? else { return Ok(false) };
    let Some(digest) = expected.digest.as_ref().filter(|_| blob.info.size == expected.length) else {
        return Ok(false);
    };
    Ok(hash::one(&context.platform, blob.body, digest.algorithm()).await? == *digest)
}
