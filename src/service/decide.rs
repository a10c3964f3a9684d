//! What owners decide about a package as a whole: its upstreaming behavior.

use super::{FeedContext, Package, tags};
use crate::error::Result;
use crate::model::UpstreamingBehavior;
use crate::platform::Platform;
use crate::store::packages;

/// The upstreaming behavior of a package, known here or not: its own, or the one that a rule of the feed gives it.
pub async fn behavior<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
) -> Result<UpstreamingBehavior> {
    let path = context.path(package);
    let settings = packages::settings(&context.platform, &path).await?;
    Ok(context.feed.upstreaming_behavior(package.protocol(), package.key(), &settings))
}

/// Sets it; it may be set before the package is first used.
pub async fn set_behavior<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    behavior: UpstreamingBehavior,
) -> Result<()> {
    tags::change(context, package, &|settings| {
        settings.upstreaming_behavior = behavior;
        settings.behavior_decided = true;
    })
    .await
}
