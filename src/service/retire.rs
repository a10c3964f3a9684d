//! Retiring: taking files out of a published version that later ones have replaced, where a protocol lets versions change: of
//! versions that only feeds hold, which therefore nobody remembers for longer than a moment.
//!
//! The slot first: from then on nobody is led to the files, here at once and elsewhere within
//! [`CHECK_REUSE`](slots::CHECK_REUSE). What dies between slot and bytes leaves bytes that nothing refers to.

use super::{FeedContext, Package};
use crate::error::Result;
use crate::model::{ArtifactName, ArtifactRecord, Slot, Version};
use crate::platform::{BlobStore as _, Platform};
use crate::store::{index, slots};

/// Takes those files out of a live published version that `outdated` names, and drops their bytes.
pub async fn retire<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    outdated: &dyn Fn(&Slot) -> Vec<ArtifactName>,
) -> Result<()> {
    let (platform, path) = (&context.platform, context.path(package));
    let mut retired: Vec<ArtifactRecord> = Vec::new();
    let slot = slots::update(platform, &path, version.key(), &mut |slot| {
        let names = if slot.is_live() && slot.is_published() { outdated(slot) } else { Vec::new() };
        let mut next = slot.clone();
        let is_outdated = |record: &ArtifactRecord| names.contains(&record.name);
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut next.artifacts).into_iter().partition(is_outdated);
        next.artifacts = kept;
        let changes = !gone.is_empty();
        // A write may take effect and be reported lost: what an earlier attempt took out is taken out.
        retired.extend(gone);
        Ok(changes.then_some(next))
    })
    .await?;
    retired.retain(|record| slot.artifact(&record.name).is_none());
    if retired.is_empty() {
        return Ok(());
    }
    index::record(platform, &path, package.as_str(), &[(version.key().to_owned(), slot)], None).await?;
    for record in retired {
        platform.blobs().delete(&path.bytes(version.key(), &record)).await?;
    }
    Ok(())
}
