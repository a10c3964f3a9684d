//! What a feed keeps of each package: read, set, taken back, tried.

use super::Call;
use super::feeds::change;
use super::message::{self, Precondition, Reply};
use crate::error::{Error, Result};
use crate::model::{Feed, Retention};
use crate::platform::{Body, Platform};
use crate::protocol;
use crate::service::{FeedContext, retain};
use crate::store::keys;
use serde_json::{Value, json};

/// As many versions as Azure Artifacts lets a package have.
const COUNT_LIMIT: u64 = 5_000;

/// Ten years.
const DAYS_LIMIT: u64 = 3_650;

/// For how many days a version stays that was used, unless somebody decides otherwise.
const USUAL_DAYS: u64 = 30;

/// Packages that one page of a trial looks at: two operations each.
const PREVIEW_PACKAGES: usize = 200;

/// The policy; without one its numbers are missing.
pub(super) fn get<P: Platform>(context: &FeedContext<P>) -> Reply {
    Reply::ok(&print(context.feed.retention.as_ref()))
}

fn print(policy: Option<&Retention>) -> Value {
    json!({
        "ageLimitInDays": null,
        "countLimit": policy.map(|policy| policy.count_limit),
        "daysToKeepRecentlyDownloadedPackages":
            policy.map(|policy| policy.days_to_keep_recently_downloaded_packages),
        "dropSavedVersions": policy.is_some_and(|policy| policy.drop_saved_versions),
    })
}

/// Sets the policy.
pub(super) async fn set<P: Platform>(call: Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let policy = read(call.body).await?;
    retain::announce(call.platform, &context.feed).await?;
    store(call.platform, &context.feed, Some(policy)).await
}

/// Keeps everything from now on.
pub(super) async fn delete<P: Platform>(context: &FeedContext<P>) -> Result<Reply> {
    store(&context.platform, &context.feed, None).await?;
    Ok(Reply::done())
}

async fn store<P: Platform>(platform: &P, feed: &Feed, policy: Option<Retention>) -> Result<Reply> {
    change(platform, feed, &Precondition::None, &|before| {
        let mut next = before.clone();
        next.retention.clone_from(&policy);
        Ok(next)
    })
    .await?;
    Ok(Reply::ok(&print(policy.as_ref())))
}

async fn read(body: Body) -> Result<Retention> {
    let body: Value = message::read(body).await?;
    let number = |name: &str, usual: Option<u64>, least: u64, most: u64| {
        let given = body.get(name).filter(|value| !value.is_null());
        let number = given.map_or(usual, Value::as_u64).filter(|number| (least..=most).contains(number));
        number
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| Error::Invalid(format!("`{name}` is a number from {least} to {most}")))
    };
    Ok(Retention {
        count_limit: number("countLimit", None, 1, COUNT_LIMIT)?,
        days_to_keep_recently_downloaded_packages: number(
            "daysToKeepRecentlyDownloadedPackages",
            Some(USUAL_DAYS),
            0,
            DAYS_LIMIT,
        )?,
        drop_saved_versions: body.get("dropSavedVersions").and_then(Value::as_bool).unwrap_or_default(),
    })
}

/// What the policy would remove now, or one that is sent to be tried.
pub(super) async fn preview<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    after: Option<&str>,
) -> Result<Reply> {
    let feed = &context.feed;
    let policy = match (&call.body, &feed.retention) {
        (Body::Empty, Some(policy)) => policy.clone(),
        (Body::Empty, None) => {
            let text = "this feed has no retention policy: send one to see what it would remove";
            return Err(Error::Invalid(text.to_owned()).into());
        }
        _ => read(call.body).await?,
    };
    let all = keys::in_feed(keys::CATALOG, &feed.id, None);
    let after = after.map(|after| format!("{all}{after}"));
    let (doomed, next) = retain::preview(
        call.platform,
        feed,
        &policy,
        protocol::ecosystem,
        after.as_deref(),
        PREVIEW_PACKAGES,
    )
    .await?;
    let mut versions = Vec::new();
    for doomed in doomed {
        versions.push(json!({
            "protocolType": doomed.path.protocol(),
            "packageId": doomed.path.package_id(),
            "package": doomed.name,
            "id": doomed.path.version_id(doomed.version.key()),
            "version": doomed.version.as_str(),
            "lastUsed": doomed.last_used,
            "dropped": doomed.is_dropped,
        }));
    }
    let next = next.and_then(|key| key.strip_prefix(&all).map(str::to_owned));
    Ok(Reply::list(&versions, next))
}
