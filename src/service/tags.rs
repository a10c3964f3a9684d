//! Tags: named pointers to versions, such as npm's dist-tags.

use super::{FeedContext, Package, log};
use crate::error::{Error, Missing, Result};
use crate::model::{Deed, PackageSettings, Version};
use crate::platform::Platform;
use crate::store::keys::PackagePath;
use crate::store::{index, packages, slots};
use serde_json::{Value, json};

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
    let details = json!({ "tag": tag });
    let entry = log::about(context, Deed::Tagged, package, Some(version), details);
    change(context, package, entry, &|settings| {
        settings.tags.insert(tag.to_owned(), version.as_str().to_owned());
    })
    .await
}

/// Removes a tag; one that is not there does not matter.
pub async fn remove<P: Platform>(context: &FeedContext<P>, package: &Package, tag: &str) -> Result<()> {
    super::publish::refuse_view(context)?;
    let entry = log::about(context, Deed::Tagged, package, None, json!({ "removed": tag }));
    change(context, package, entry, &|settings| {
        settings.tags.remove(tag);
    })
    .await
}

/// Changes the settings of a package, in their record and in its index, and says so in the log.
pub(super) async fn change<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    entry: Value,
    edit: &dyn Fn(&mut PackageSettings),
) -> Result<()> {
    let path = context.path(package);
    change_at(&context.platform, &path, package.as_str(), &[entry], edit).await
}

/// The same, wherever the package is.
pub(super) async fn change_at<P: Platform>(
    platform: &P,
    path: &PackagePath,
    name: &str,
    entries: &[Value],
    edit: &dyn Fn(&mut PackageSettings),
) -> Result<()> {
    let settings = packages::update(platform, path, &mut |settings| {
        let mut next = settings.clone();
        edit(&mut next);
        Ok((next != *settings).then_some(next))
    })
    .await?;
    index::record_logged(platform, path, name, &[], Some(&settings), entries).await
}
