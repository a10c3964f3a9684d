//! Packages of every protocol, and their versions, as the REST surface prints them.

use super::feed_json::feed_url;
use super::version_json;
use crate::model::{Feed, PackageName};
use crate::service::description::{self, Description};
use crate::service::{FeedContext, Package};
use crate::store::index::{IndexedSlot, PackageIndex};
use crate::store::keys::PackagePath;
use serde_json::{Value, json};

/// A package, opened.
pub(super) struct Opened {
    /// Its name and protocol.
    pub(super) package: Package,
    /// Where it lives.
    pub(super) path: PackagePath,
    /// Its versions.
    pub(super) index: PackageIndex,
}

impl Opened {
    /// The versions of these that are wanted, highest first.
    pub(super) fn versions(&self, is_wanted: &dyn Fn(&IndexedSlot) -> bool) -> Vec<&IndexedSlot> {
        let versions: Vec<_> = self.index.slots.iter().filter(|entry| is_wanted(entry)).collect();
        let keys: Vec<&str> = versions.iter().map(|entry| entry.key.as_str()).collect();
        let places = description::highest_first(self.package.ecosystem, &keys);
        places.into_iter().filter_map(|place| versions.get(place).copied()).collect()
    }

    /// The version to look at among those.
    pub(super) fn latest<'a>(&self, shown: &[&'a IndexedSlot]) -> Option<&'a IndexedSlot> {
        description::latest(self.package.ecosystem, shown)
    }
}

/// How packages are printed.
pub(super) struct Printer<'a> {
    /// Scheme and host of links.
    pub(super) origin: &'a str,
    /// The feed they are in.
    pub(super) feed: &'a Feed,
    /// With addresses?
    pub(super) urls: bool,
    /// Below which word of the feed: `Packages`, or `RecycleBin/Packages`.
    pub(super) folder: &'static str,
}

impl<'a> Printer<'a> {
    /// For the caller of this feed.
    pub(super) fn new<P>(context: &'a FeedContext<P>, origin: &'a str, urls: bool) -> Self {
        Self { origin, feed: &context.feed, urls, folder: "Packages" }
    }

    fn url(&self, opened: &Opened) -> String {
        format!("{}/{}/{}", feed_url(self.origin, self.feed), self.folder, opened.path.package_id())
    }

    fn add_links(&self, body: &mut Value, url: &str, other: &str, other_url: &str) {
        if self.urls {
            body["url"] = json!(url);
            let feed = json!({ "href": feed_url(self.origin, self.feed) });
            let mut links = json!({ "self": { "href": url }, "feed": feed });
            links[other] = json!({ "href": other_url });
            body["_links"] = links;
        }
    }

    /// A package with some of its versions.
    pub(super) fn package(&self, opened: &Opened, versions: &[Value]) -> Value {
        let slots = &opened.index.slots;
        let mut body = json!({
            "id": opened.path.package_id(),
            "name": name(opened),
            "normalizedName": opened.path.package_key(),
            "protocolType": opened.package.ecosystem.title(),
            "isCached": slots.iter().all(|entry| !entry.slot.is_published()),
            "versions": versions,
        });
        let url = self.url(opened);
        self.add_links(&mut body, &url, "versions", &format!("{url}/versions"));
        body
    }

    /// A version in short.
    pub(super) fn minimal(
        &self,
        opened: &Opened,
        entry: &IndexedSlot,
        latest: bool,
        described: bool,
    ) -> Value {
        let slot = &entry.slot;
        let mut body = json!({
            "id": opened.path.version_id(&entry.key),
            "version": slot.version,
            "normalizedVersion": entry.key,
            "isLatest": latest,
            "isListed": !slot.shown_listing().hidden,
            "isCachedVersion": !slot.is_published(),
            "isDeleted": !slot.is_live(),
            "publishDate": slot.added,
            "views": version_json::views(self.feed, slot),
        });
        if let Some(source) = slot.saved_from() {
            body["directUpstreamSourceId"] = json!(source);
        }
        if described {
            let said = Self::described(opened, entry);
            let text = if said.description.is_empty() { said.summary } else { said.description };
            body["packageDescription"] = json!(text);
        }
        body
    }

    fn described(opened: &Opened, entry: &IndexedSlot) -> Description {
        opened.package.ecosystem.describe(&description::manifest(&entry.slot))
    }

    /// All that is known of a version.
    pub(super) fn version(&self, opened: &Opened, entry: &IndexedSlot, latest: bool) -> Value {
        let said = Self::described(opened, entry);
        let mut body = version_json::print(self.feed, &opened.path, name(opened), &entry.key, &entry.slot);
        body["isLatest"] = json!(latest);
        for (member, text) in
            [("author", said.author), ("description", said.description), ("summary", said.summary)]
        {
            if !text.is_empty() {
                body[member] = json!(text);
            }
        }
        body["tags"] = json!(said.tags);
        let dependencies = said.dependencies.iter().map(|dependency| {
            json!({
                "group": dependency.group,
                "packageName": dependency.name,
                "versionRange": dependency.range,
            })
        });
        body["dependencies"] = dependencies.collect();
        body["protocolMetadata"] = json!({ "schemaVersion": 1, "data": description::manifest(&entry.slot) });
        let package = self.url(opened);
        let url = format!("{package}/Versions/{}", opened.path.version_id(&entry.key));
        self.add_links(&mut body, &url, "package", &package);
        body
    }
}

fn name(opened: &Opened) -> &str {
    let written = &opened.index.name;
    if written.is_empty() { PackageName::as_str(&opened.package) } else { written }
}
