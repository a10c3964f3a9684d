//! Logs, as they are read: changes of versions and of feeds for those who follow them, and audits.
//!
//! Continuation tokens are moments in milliseconds: whoever has a page has all that was written up to its token.

use super::Call;
use super::feed_json::FeedPrinter;
use super::message::Reply;
use super::route::{LogQuery, Place};
use crate::error::{Error, Result};
use crate::model::{Deed, Feed, FeedId, News, Principal, Role, SortedSet, Timestamp, VersionChange};
use crate::platform::Platform;
use crate::protocol;
use crate::service::FeedContext;
use crate::store::feeds;
use crate::store::keys::{self, PackagePath};
use crate::store::log::{self, LogPage};
use serde_json::{Value, json};

/// What was done, by whom, from the first to the last.
pub(super) async fn audit<P: Platform>(platform: &P, log: &str, query: &LogQuery) -> Result<Reply> {
    let page = read(platform, log, query, &|_| true).await?;
    Ok(Reply::list(&page.entries, page.more.then(|| page.until.millis().to_string())))
}

async fn read<P: Platform>(
    platform: &P,
    log: &str,
    query: &LogQuery,
    wanted: &dyn Fn(&Value) -> bool,
) -> Result<LogPage> {
    log::read(platform, log, (query.after, query.until), query.limit, wanted).await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn news(entry: &Value) -> Option<News> {
    Deed::parse(text(entry, "action"))?.news()
}

fn time(entry: &Value) -> Timestamp {
    Timestamp::parse(text(entry, "time")).unwrap_or(Timestamp::from_millis(0))
}

/// The latest entry about each thing, the latest first.
fn latest<'a>(page: &'a LogPage, thing: &dyn Fn(&Value) -> String) -> Vec<&'a Value> {
    let (mut seen, mut latest) = (SortedSet::new(), Vec::new());
    for entry in page.entries.iter().rev() {
        if seen.insert(thing(entry)) {
            latest.push(entry);
        }
    }
    latest
}

/// Which versions of a feed changed.
pub(super) async fn packages<P: Platform>(context: &FeedContext<P>, query: &LogQuery) -> Result<Reply> {
    if context.view.is_some() {
        let text = "changes are those of the feed: ask without a view";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    let log = keys::feed_log(&context.feed.id);
    let is_change = |entry: &Value| matches!(news(entry), Some(News::Version(_)));
    let page = read(&context.platform, &log, query, &is_change).await?;
    let version =
        |entry: &Value| [text(entry, "protocol"), text(entry, "package"), text(entry, "version")].join("\n");
    let mut changes = Vec::new();
    for entry in latest(&page, &version).into_iter().rev() {
        changes.extend(package_change(&context.feed, entry));
    }
    Ok(followed(&page, changes, "nextPackageContinuationToken", "packageChanges"))
}

fn followed(page: &LogPage, changes: Vec<Value>, token: &str, name: &str) -> Reply {
    let mut body = json!({ "count": changes.len() });
    body[token] = page.until.millis().into();
    body[name] = changes.into();
    Reply::ok(&body)
}

fn package_change(feed: &Feed, entry: &Value) -> Option<Value> {
    let Some(News::Version(change)) = news(entry) else { return None };
    let ecosystem = protocol::ecosystem(text(entry, "protocol"))?;
    let package = ecosystem.package(text(entry, "package")).ok()?;
    let version = ecosystem.version(text(entry, "version"))?;
    let path = PackagePath::new(&feed.id, package.protocol(), &package);
    let is_there = change == VersionChange::AddOrUpdate;
    Some(json!({
        "package": {
            "id": path.package_id(),
            "name": package.as_str(),
            "normalizedName": package.key(),
            "protocolType": package.protocol().as_str(),
            "versions": [],
        },
        "packageVersionChange": {
            "changeType": change.name(),
            "continuationToken": time(entry).millis(),
            "packageVersion": {
                "id": path.version_id(version.key()),
                "version": version.as_str(),
                "normalizedVersion": version.key(),
                "isDeleted": !is_there,
            },
        },
    }))
}

/// Which feeds changed, as far as the caller may know of them.
pub(super) async fn feeds<P: Platform>(call: &Call<'_, P>, place: &Place, query: &LogQuery) -> Result<Reply> {
    let log = keys::organization_log(&place.organization);
    let is_change = |entry: &Value| news(entry) == Some(News::Feed);
    let page = read(call.platform, &log, query, &is_change).await?;
    let feed_of = |entry: &Value| text(&entry["details"], "feed").to_owned();
    let changed = latest(&page, &feed_of).into_iter().rev();
    let (ids, entries): (Vec<FeedId>, Vec<&Value>) =
        changed.filter_map(|entry| Some((FeedId::parse(&feed_of(entry))?, entry))).unzip();
    let mut changes = Vec::new();
    let found = feeds::get_all(call.platform, &ids).await?;
    for ((id, entry), feed) in ids.iter().zip(entries).zip(found) {
        let is_shown = match &feed {
            Some(feed) => {
                let is_here = place.project.is_none() || feed.project == place.project;
                let may_read = call.principal.authority(feed, None).effective().is_some();
                is_here && may_read && (query.deleted || feed.deleted.is_none())
            }
            None => query.deleted && is_owner_everywhere(&call.principal),
        };
        if is_shown {
            let gone = json!({ "id": id, "name": entry["details"]["name"] });
            changes.push(feed_change(call, feed.as_ref(), gone, time(entry)).await?);
        }
    }
    Ok(followed(&page, changes, "nextFeedContinuationToken", "feedChanges"))
}

/// Of a feed that is gone for ever nobody can tell who might read it.
fn is_owner_everywhere(principal: &Principal) -> bool {
    matches!(principal, Principal::Token(token) if token.everywhere() == Some(Role::Owner))
}

/// One feed, as one who follows changes sees it now.
pub(super) async fn feed<P: Platform>(call: &Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let now = settled(call.platform);
    Ok(Reply::ok(&feed_change(call, Some(&context.feed), Value::Null, now).await?))
}

/// Everything written up to then can be read.
fn settled<P: Platform>(platform: &P) -> Timestamp {
    let settle = i64::try_from(log::SETTLE.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(platform.now().millis() - settle)
}

async fn feed_change<P: Platform>(
    call: &Call<'_, P>,
    feed: Option<&Feed>,
    gone: Value,
    time: Timestamp,
) -> Result<Value> {
    let change = match feed {
        None => "permanentDelete",
        Some(feed) if feed.deleted.is_some() => "delete",
        Some(_) => "addOrUpdate",
    };
    let printer = FeedPrinter::<P> { look_up: None, origin: &call.origin, links: false, removed: false };
    let printed = match feed {
        Some(feed) => printer.feed(feed, None).await?,
        None => gone,
    };
    Ok(json!({
        "changeType": change,
        "feed": printed,
        "feedContinuationToken": time.millis(),
        "latestPackageContinuationToken": settled(call.platform).millis(),
    }))
}
