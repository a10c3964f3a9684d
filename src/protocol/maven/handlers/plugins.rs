//! What is kept of groups: the plugins published in them, by prefix; and of the feed: the archetypes published in it.
//!
//! Both are marks: small documents beside the packages, changed by compare-and-swap. They tell only where to look: whether a
//! caller is shown what they name is asked of the packages each time.

use super::super::name;
use super::super::wire::{self, Metadata, Plugin};
use super::metadata::unwritten;
use super::snapshots;
use crate::error::{Error, Result};
use crate::model::{Version, json};
use crate::platform::Platform;
use crate::service::stage::Staged;
use crate::service::{FeedContext, Package, download, internal_marks, is_internally_offered, zip};
use crate::store::{index, packages, slots};
use bytes::Bytes;
use serde_json::Value;
use std::rc::Rc;
use std::time::Duration;

/// The mark of a group that has its plugins.
const PLUGINS: &str = "plugins";

/// The mark that has the archetypes of a feed, a line of `group artifact version` each; beside that of no group.
const ARCHETYPES: &str = "archetypes";

/// For how long it is remembered that a group has none: most folders are of artifacts, and their metadata is asked for often.
/// Where a plugin is published it is seen at once.
const NO_PLUGINS_REUSE: Duration = Duration::from_secs(60);

/// How a project is packed that is a plugin.
pub(super) const PLUGIN: &str = "maven-plugin";

/// Where a plugin's archive describes it.
const DESCRIPTOR: &str = "META-INF/maven/plugin.xml";

/// Bytes of that; the largest known have 1 MB.
const DESCRIPTOR_LIMIT: u64 = 4 << 20;

/// A client that adds a plugin to a group sends all that it was told of before.
const PLUGINS_LIMIT: usize = 500;

/// So many archetypes are told of, the latest.
const ARCHETYPES_LIMIT: usize = 200;

/// The plugins of a group that were published to this feed or to one that is a source of it, as far as this caller is shown
/// any version of them.
pub(super) async fn own<P: Platform>(
    context: &FeedContext<P>,
    group: Option<&Package>,
) -> Result<Vec<Plugin>> {
    let Some(group) = group else { return Ok(Vec::new()) };
    let (platform, path) = (&context.platform, context.path(group));
    let (memo, absent) = (platform.memo(), path.mark("no plugins"));
    let mut marks: Vec<Bytes> = Vec::new();
    if memo.get::<()>(&absent, platform.now()).is_none() {
        marks.extend(packages::mark(platform, &path, PLUGINS).await?);
        if marks.is_empty() {
            memo.put(absent, Rc::new(()), 16, platform.now(), NO_PLUGINS_REUSE);
        }
    }
    if context.sees_upstream() {
        marks.extend(internal_marks(context, group, PLUGINS).await?);
    }
    let mut known = Vec::new();
    for mark in &marks {
        known = merge(known, Metadata::read(mark).unwrap_or_default().plugins);
    }
    let mut plugins = Vec::new();
    for plugin in known {
        if is_shown(context, group.key(), &plugin.artifact, None).await? {
            plugins.push(plugin);
        }
    }
    Ok(plugins)
}

/// Our own plugins, and those offered whose prefixes and artifacts are not ours.
pub(super) fn merge(mut own: Vec<Plugin>, offered: Vec<Plugin>) -> Vec<Plugin> {
    for plugin in offered {
        if own.iter().all(|known| known.prefix != plugin.prefix && known.artifact != plugin.artifact) {
            own.push(plugin);
        }
    }
    own
}

/// Keeps the plugins of a group that were published here. Clients send along what they were told of others.
pub(super) async fn adopt<P: Platform>(
    context: &FeedContext<P>,
    group: &Package,
    plugins: Vec<Plugin>,
) -> Result<()> {
    let platform = &context.platform;
    let mut published = Vec::new();
    for plugin in plugins.into_iter().take(PLUGINS_LIMIT) {
        let Some(package) = name::package(group.key(), &plugin.artifact) else { continue };
        if index::is_published(platform, &context.path(&package)).await? {
            published.push(plugin);
        }
    }
    if published.is_empty() {
        return Ok(());
    }
    let outcome = packages::update_mark(platform, &context.path(group), PLUGINS, &mut |before| {
        let known = before.and_then(Metadata::read).unwrap_or_default().plugins;
        // What a client says of a plugin replaces what was said of it before.
        let mut next: Vec<Plugin> = Vec::new();
        for plugin in merge(published.clone(), known.clone()) {
            let place = next.partition_point(|before| before.artifact < plugin.artifact);
            next.insert(place, plugin);
        }
        let written = wire::with_plugins(None, &next).ok();
        Ok(written.filter(|_| next != known).map(Bytes::from))
    })
    .await;
    platform.memo().forget(&context.path(group).mark("no plugins"));
    outcome
}

/// Keeps the prefix of a plugin that was published here, once both its project and its archive are: the descriptor in the archive
/// says it, and today's clients do not.
pub(super) async fn adopt_archive<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<()> {
    let platform = &context.platform;
    let slot = slots::get(platform, &context.path(package), version.key()).await?.map(|stored| stored.value);
    let main = |extension: &str| snapshots::main(package, version, slot.as_ref()?, extension);
    let (Some(project), Some(archive)) = (main("pom"), main("jar")) else { return Ok(()) };
    let facts = project.manifest.as_ref().map(|facts| json::read::<Value>(facts.get().as_bytes()));
    if facts.and_then(std::result::Result::ok).is_none_or(|facts| facts["packaging"] != PLUGIN) {
        return Ok(());
    }
    let archive = download::artifact(context, package, version, &archive.name).await?.content();
    let plugin = match descriptor(platform, &archive).await {
        // Whatever else it is: it is no plugin that could be called.
        Err(error) if matches!(*error, Error::Invalid(_) | Error::TooLarge { .. }) => None,
        outcome => outcome?,
    };
    let (group, artifact) = name::coordinates(package);
    let plugin = plugin.filter(|plugin| artifact == Some(&plugin.artifact));
    match (name::group(group), plugin) {
        (Some(group), Some(plugin)) => adopt(context, &group, vec![plugin]).await,
        _ => Ok(()),
    }
}

async fn descriptor<P: Platform>(platform: &P, archive: &Staged) -> Result<Option<Plugin>> {
    let found = zip::find(platform, archive, &|path| path == DESCRIPTOR).await?;
    let Some(entry) = found.first() else { return Ok(None) };
    Ok(wire::descriptor(&zip::read(platform, archive, entry, DESCRIPTOR_LIMIT).await?))
}

/// Notes that a version is an archetype.
pub(super) async fn adopt_archetype<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<()> {
    let Some(place) = name::group(ARCHETYPES) else { return Ok(()) };
    let (group, artifact) = name::coordinates(package);
    let line = format!("{group} {} {version}", artifact.unwrap_or_default());
    packages::update_mark(&context.platform, &context.path(&place), ARCHETYPES, &mut |before| {
        let text = before.map(String::from_utf8_lossy).unwrap_or_default();
        if text.lines().any(|known| known == line) {
            return Ok(None);
        }
        let known: Vec<&str> = text.lines().collect();
        let kept = known.get(known.len().saturating_sub(ARCHETYPES_LIMIT - 1)..).unwrap_or_default();
        Ok(Some(kept.iter().copied().chain([line.as_str()]).collect::<Vec<_>>().join("\n").into()))
    })
    .await
}

/// `archetype-catalog.xml`: the archetypes published here, as far as this caller is shown them.
pub(super) async fn archetypes<P: Platform>(context: &FeedContext<P>) -> Result<Bytes> {
    let mark = match name::group(ARCHETYPES) {
        Some(place) => packages::mark(&context.platform, &context.path(&place), ARCHETYPES).await?,
        None => None,
    };
    let mut catalog = wire::HEAD.as_bytes().to_vec();
    write_catalog(context, &mut catalog, &String::from_utf8_lossy(&mark.unwrap_or_default())).await?;
    Ok(catalog.into())
}

async fn write_catalog<P: Platform>(context: &FeedContext<P>, out: &mut Vec<u8>, lines: &str) -> Result<()> {
    let tag = |out: &mut Vec<u8>, indentation, name| {
        wire::tag(out, indentation, name).map_err(|error| unwritten(&error))
    };
    tag(out, 0, "archetype-catalog")?;
    tag(out, 2, "archetypes")?;
    for line in lines.lines() {
        let parts: Vec<&str> = line.split(' ').collect();
        let [group, artifact, version] = parts[..] else { continue };
        if !is_shown(context, group, artifact, Some(version)).await? {
            continue;
        }
        tag(out, 4, "archetype")?;
        for (field, text) in [("groupId", group), ("artifactId", artifact), ("version", version)] {
            wire::element(out, 6, field, text).map_err(|error| unwritten(&error))?;
        }
        tag(out, 4, "/archetype")?;
    }
    tag(out, 2, "/archetypes")?;
    tag(out, 0, "/archetype-catalog")
}

/// Is this caller shown that version of a package, or any of those that feeds have?
async fn is_shown<P: Platform>(
    context: &FeedContext<P>,
    group: &str,
    artifact: &str,
    version: Option<&str>,
) -> Result<bool> {
    let Some(package) = name::package(group, artifact) else { return Ok(false) };
    let index = index::get(&context.platform, &context.path(&package)).await?;
    let slots = index.map(|stored| stored.value.slots).unwrap_or_default();
    let shown = slots.iter().any(|entry| {
        let wanted = version.is_none_or(|version| entry.key == version);
        wanted && entry.slot.is_live() && context.shows(&entry.slot.views)
    });
    let asks_feeds = !shown && version.is_none() && context.sees_upstream();
    Ok(shown || asks_feeds && is_internally_offered(context, &package).await)
}
