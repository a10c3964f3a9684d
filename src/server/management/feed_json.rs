//! Feeds, views and sources as the REST surface prints them: Azure's fields, then ours.

use super::destinations;
use crate::error::Result;
use crate::model::{Feed, SourceHealth, SourceStatus, UpstreamSource, View};
use crate::platform::Platform;
use crate::service::feed_bin;
use crate::store::feeds;
use serde_json::{Value, json};

/// How a feed is printed.
pub(super) struct FeedPrinter<'a, P> {
    /// Where health and internal targets are looked up; `None` in lists, where they would cost a read per source.
    pub(super) look_up: Option<&'a P>,
    /// Scheme and host of links.
    pub(super) origin: &'a str,
    /// Are there links at all?
    pub(super) links: bool,
    /// Are the sources shown, too, that were removed?
    pub(super) removed: bool,
}

impl<P: Platform> FeedPrinter<'_, P> {
    /// A feed, or a feed seen through one of its views.
    pub(super) async fn feed(&self, feed: &Feed, view: Option<&View>) -> Result<Value> {
        let suffix = |text: &str| if text.is_empty() { String::new() } else { format!("@{text}") };
        let (view_name, view_id) = view.map_or(("", ""), |view| (view.name.as_str(), view.id.as_str()));
        let mut sources = Vec::new();
        // A view shows members only: upstream sources have no part in it.
        if view.is_none() {
            let removed = if self.removed { &feed.removed_sources[..] } else { &[] };
            for source in feed.upstream_sources.iter().chain(removed) {
                sources.push(self.source(feed, source).await?);
            }
        }
        let mut body = json!({
            "id": feed.id,
            "name": feed.name,
            "fullyQualifiedName": format!("{}{}", feed.name, suffix(view_name)),
            "fullyQualifiedId": format!("{}{}", feed.id.as_str(), suffix(view_id)),
            "description": feed.description,
            "isEnabled": !feed.is_disabled,
            "isReadOnly": view.is_some(),
            "capabilities": "defaultCapabilities",
            "upstreamEnabled": feed.upstream_enabled,
            "upstreamSources": sources,
            "defaultViewId": feed.default_view().map(|view| &view.id),
            "allowUpstreamNameConflict": feed.allow_upstream_name_conflict,
            "hideDeletedPackageVersions": !feed.shows_deleted_package_versions,
            "badgesEnabled": feed.badges_enabled,
            "isPublic": feed.is_public,
            "listing": feed.listing,
            "created": feed.created,
        });
        if let Some(view) = view {
            body["view"] = print_view(self.origin, feed, view);
            body["viewId"] = json!(view.id);
            body["viewName"] = json!(view.name);
        }
        if self.links {
            let url = feed_url(self.origin, feed) + &suffix(view_id);
            for (name, rest) in [("self", ""), ("packages", "/packages"), ("permissions", "/permissions")] {
                body["_links"][name]["href"] = json!(format!("{url}{rest}"));
            }
            body["url"] = json!(url);
        }
        if let Some(deleted) = feed.deleted {
            body["deletedDate"] = json!(deleted);
            body["scheduledPermanentDeleteDate"] = json!(feed_bin::restorable_until(deleted));
        }
        if let Some(project) = &feed.project {
            body["project"] = json!({ "name": project });
        }
        Ok(body)
    }

    async fn source(&self, feed: &Feed, source: &UpstreamSource) -> Result<Value> {
        let mut body = json!({
            "id": source.id,
            "name": source.name,
            "protocol": source.protocol,
            "location": source.location,
            "displayLocation": source.location,
            "upstreamSourceType": source.kind,
            "status": if source.enabled { "ok" } else { "disabled" },
            "freshnessSeconds": source.freshness_seconds,
            "hasCredentials": source.credentials.is_some(),
        });
        if let Some(deleted) = source.deleted {
            body["deletedDate"] = json!(deleted);
            return Ok(body);
        }
        let Some(platform) = self.look_up else { return Ok(body) };
        let failing = |reason| SourceHealth {
            status: SourceStatus::Failing,
            reason: Some(reason),
            ..SourceHealth::default()
        };
        let health = if source.is_neighbour() {
            match destinations::target(platform, &feed.organization, source).await? {
                Ok((target, view)) => {
                    body["internalUpstreamFeedId"] = json!(target.id);
                    body["internalUpstreamViewId"] = json!(view.id);
                    let location = destinations::location(source, &target, &view);
                    body["displayLocation"] = json!(location);
                    body["location"] = json!(location);
                    if target.is_disabled {
                        failing("its feed is disabled".to_owned())
                    } else {
                        SourceHealth::default()
                    }
                }
                Err(reason) => failing(reason),
            }
        } else {
            feeds::health(platform, &source.id).await?
        };
        if health.status == SourceStatus::Failing {
            if source.enabled {
                // Not `disabled`: whoever sends the feed back as it was read would disable a source that had a bad day.
                body["status"] = json!("failing");
            }
            body["statusDetails"] = json!([{ "reason": health.reason }]);
        }
        body["health"] = json!(health);
        Ok(body)
    }
}

/// A view.
pub(super) fn print_view(origin: &str, feed: &Feed, view: &View) -> Value {
    json!({
        "id": view.id,
        "name": view.name,
        "url": format!("{}/views/{}", feed_url(origin, feed), view.id),
        "type": if view.name.is_local() { "implicit" } else { "release" },
        "visibility": view.visibility,
    })
}

/// Where a feed's own resource is, by its id, which outlives renames.
pub(super) fn feed_url(origin: &str, feed: &Feed) -> String {
    let encode = |name: &str| {
        percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let project =
        feed.project.as_ref().map(|project| format!("/{}", encode(project.as_str()))).unwrap_or_default();
    format!(
        "{origin}/{}{project}/_apis/packaging/feeds/{}",
        encode(feed.organization.as_str()),
        feed.id.as_str()
    )
}
