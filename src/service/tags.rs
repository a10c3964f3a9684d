//! Tags: named pointers to versions, such as npm's dist-tags.

use super::{FeedContext, Package};
use crate::error::{Error, Missing, Result};
use crate::model::{PackageSettings, Version};
use crate::platform::Platform;
use crate::store::{index, packages, slots};

/// Points a tag at a local version.
pub async fn set<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    tag: &str,
    version: &Version,
) -> Result<()> {
    super::publish::refuse_view(context)?;
    let path = context.path(package);
    let slot = slots::get(&context.platform, &path, version.key()).await?;
    if !slot.is_some_and(|stored| stored.value.is_live()) {
        return Err(Error::NotFound(Missing::Version(package.to_string(), version.to_string())).into());
    }
    change(context, package, &|settings| {
        settings.tags.insert(tag.to_owned(), version.as_str().to_owned());
    })
    .await
}

/// Removes a tag; one that is not there does not matter.
pub async fn remove<P: Platform>(context: &FeedContext<P>, package: &Package, tag: &str) -> Result<()> {
    super::publish::refuse_view(context)?;
    change(context, package, &|settings| {
        settings.tags.remove(tag);
    })
    .await
}

/// Changes the settings of a package, in their record and in its index.
pub(super) async fn change<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    edit: &dyn Fn(&mut PackageSettings),
) -> Result<()> {
    let path = context.path(package);
    let settings = packages::update(&context.platform, &path, &mut |settings| {
        let mut next = settings.clone();
        edit(&mut next);
        Ok((next != *settings).then_some(next))
    })
    .await?;
    index::record(&context.platform, &path, package.as_str(), &[], Some(&settings)).await
}
