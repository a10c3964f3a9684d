//! How often packages and versions are downloaded, by how many, and when last: as far as cron has counted.

use super::Call;
use super::catalog::{find_number, open, read_ids};
use super::message::Reply;
use crate::error::{Error, Result};
use crate::model::SortedMap;
use crate::platform::Platform;
use crate::service::FeedContext;
use crate::store::downloads::{self, Usage};
use serde_json::{Value, json};

/// Each package costs three reads.
const PACKAGES_LIMIT: usize = 100;

/// Versions cost none.
const VERSIONS_LIMIT: usize = 5_000;

/// Those of packages; ids of none are passed over.
pub(super) async fn of_packages<P: Platform>(call: Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let ids = read_ids(call, "packageIds", PACKAGES_LIMIT).await?;
    let mut metrics = Vec::new();
    for id in ids {
        let opened = match open(context, &id).await {
            Ok(opened) => opened,
            Err(error) if matches!(*error, Error::NotFound(_) | Error::Invalid(_)) => continue,
            Err(error) => return Err(error),
        };
        if opened.index.slots.iter().any(|entry| context.shows(&entry.slot.views)) {
            let downloads = downloads::get(&context.platform, &opened.path).await?;
            metrics.push(print(&opened.path.package_id(), None, &downloads.all()));
        }
    }
    Ok(Reply::list(&metrics, None))
}

/// Those of versions of a package, by id or number; those that are none are passed over.
pub(super) async fn of_versions<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    id: &str,
) -> Result<Reply> {
    let ids = read_ids(call, "packageVersionIds", VERSIONS_LIMIT).await?;
    let opened = open(context, id).await?;
    let downloads = downloads::get(&context.platform, &opened.path).await?;
    let shown = opened.versions(&|entry| context.shows(&entry.slot.views));
    // Ids are hashes: each is worked out once, however many are asked for.
    let known: SortedMap<_, _> =
        shown.iter().map(|entry| (opened.path.version_id(&entry.key), *entry)).collect();
    let find = |id: &String| known.get(&id.to_ascii_lowercase()).copied();
    let found = ids.iter().filter_map(|id| find(id).or_else(|| find_number(&opened, &shown, id)));
    let metrics: Vec<_> = found
        .map(|entry| {
            let version = opened.path.version_id(&entry.key);
            print(&opened.path.package_id(), Some(version), &downloads.version(&entry.key))
        })
        .collect();
    Ok(Reply::list(&metrics, None))
}

fn print(package: &str, version: Option<String>, usage: &Usage) -> Value {
    let mut body = json!({
        "packageId": package,
        "downloadCount": usage.count,
        "downloadUniqueUsers": usage.subjects(),
    });
    if let Some(last) = usage.last {
        body["lastDownloaded"] = json!(last);
    }
    if let Some(version) = version {
        body["packageVersionId"] = json!(version);
    }
    body
}
