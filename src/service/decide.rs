//! What owners decide about a package as a whole: its upstreaming behavior.

use super::{FeedContext, Package, log, tags};
use crate::error::Result;
use crate::model::{Deed, UpstreamingBehavior};
use crate::platform::Platform;
use crate::store::packages;
use serde_json::json;

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
    let details = json!({ "versionsFromExternalUpstreams": behavior });
    let entry = log::about(context, Deed::BehaviorSet, package, None, details);
    tags::change(context, package, entry, &|settings| {
        settings.upstreaming_behavior = behavior;
        settings.behavior_decided = true;
    })
    .await
}
