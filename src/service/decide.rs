//! What owners decide about a package as a whole: its upstreaming behavior.

use super::{Ecosystem, FeedContext, tags};
use crate::error::Result;
use crate::model::{PackageName, UpstreamingBehavior};
use crate::platform::Platform;
use crate::store::packages;

/// The upstreaming behavior of a package, known here or not.
pub async fn behavior<E: Ecosystem, P: Platform>(
    context: &FeedContext<P>,
    package: &PackageName,
) -> Result<UpstreamingBehavior> {
    let path = context.path(E::PROTOCOL, package);
    Ok(packages::settings(&context.platform, &path).await?.upstreaming_behavior)
}

/// Sets it; it may be set before the package is first used.
pub async fn set_behavior<E: Ecosystem, P: Platform>(
    context: &FeedContext<P>,
    package: &PackageName,
    behavior: UpstreamingBehavior,
) -> Result<()> {
    tags::change::<E, P>(context, package, |settings| settings.upstreaming_behavior = behavior).await
}
