//! Favourites: who likes which package. A note per user and package, and a copy with the package's settings, so that its
//! listing shows them without asking for more.

use super::{FeedContext, Package, publish, tags};
use crate::error::{Error, Result};
use crate::model::Principal;
use crate::platform::Platform;
use crate::store::packages;

/// Makes a package the caller's favourite, or takes that back.
pub async fn set<P: Platform>(context: &FeedContext<P>, package: &Package, starred: bool) -> Result<()> {
    publish::refuse_view(context)?;
    let Principal::Token(caller) = &*context.principal else {
        return Err(Error::Unauthenticated("a favourite is somebody's: send a token".to_owned()).into());
    };
    let (platform, path) = (&context.platform, context.path(package));
    packages::star(platform, &path, &caller.subject, starred).await?;
    // Favourites are no news of a package.
    tags::change_at(platform, &path, package.as_str(), &[], &|settings| {
        if starred {
            settings.stars.insert(caller.subject.clone());
        } else {
            settings.stars.remove(&caller.subject);
        }
    })
    .await
}
