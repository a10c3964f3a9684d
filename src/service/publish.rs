//! Publishing: accepting a pushed version.
//!
//! Content first, then the slot, which is the commit, then tags and the index. A push that died on the way never blocks
//! its retry: equal bytes go on where it stopped. Other bytes, or a number that was ever used, are refused.

use super::resolve::{self, Supply};
use super::save::{self, Claim};
use super::stage::Staged;
use super::upstream::Need;
use super::{Ecosystem, FeedContext};
use crate::error::{Conflict, Error, Result};
use crate::model::{
    ArtifactName, ArtifactRecord, FirstPublished, ListingState, Origin, PackageName, Slot, SlotState, Version,
};
use crate::platform::{Expected, Platform};
use crate::store::index::{self, PackageIndex};
use crate::store::keys::PackagePath;
use crate::store::packages;
use crate::store::slots::{self, Created};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::time::Duration;

/// What was pushed.
pub struct Incoming {
    /// Which version.
    pub version: Version,
    /// Its file.
    pub artifact: ArtifactName,
    /// Its bytes, already taken in.
    pub content: Staged,
    /// What listings shall say of it, in the protocol's own form.
    pub manifest: Box<RawValue>,
    /// Tags that shall point to it.
    pub tags: Vec<String>,
}

/// Publishes a version of one file.
pub async fn publish<E: Ecosystem, P: Platform>(
    context: &FeedContext<P>,
    package: &PackageName,
    incoming: Incoming,
) -> Result<()> {
    let outcome = publish_staged::<E, P>(context, package, &incoming).await;
    // What cannot be discarded now is swept by the housekeeping.
    let _ = incoming.content.discard(&context.platform).await;
    outcome
}

/// Refuses a push whose number cannot be had, before its bytes are taken in.
pub async fn check_number<E: Ecosystem, P: Platform>(
    context: &FeedContext<P>,
    package: &PackageName,
    version: &Version,
) -> Result<()> {
    let path = context.path(E::PROTOCOL, package);
    let slot = slots::get(&context.platform, &path, version.key()).await?;
    match slot.map(|stored| stored.value.state) {
        Some(SlotState::Deleted { .. } | SlotState::Purged { .. }) => Err(deleted(package, version)),
        Some(SlotState::Live) | None => Ok(()),
    }
}

/// A view takes no pushes.
pub fn refuse_view<P: Platform>(context: &FeedContext<P>) -> Result<()> {
    match &context.view {
        Some(view) => Err(Error::Conflict(Conflict::ReadOnlyView(view.name.to_string()))),
        None => Ok(()),
    }
}

async fn publish_staged<E: Ecosystem, P: Platform>(
    context: &FeedContext<P>,
    package: &PackageName,
    incoming: &Incoming,
) -> Result<()> {
    refuse_view(context)?;
    let (platform, version) = (&context.platform, &incoming.version);
    let path = context.path(E::PROTOCOL, package);
    let index = index::get(platform, &path).await?.map(|stored| stored.value).unwrap_or_default();
    let slot = if let Some(stored) = slots::get(platform, &path, version.key()).await? {
        continuation(package, incoming, stored.value, &index)?
    } else {
        refuse_upstream_conflict::<E, P>(context, package, version, &index).await?;
        store(context, &path, package, incoming).await?
    };
    finish(context, &path, package, incoming, slot).await
}

/// A number that is taken: by this very push, which died on the way, or by something else.
fn continuation(
    package: &PackageName,
    incoming: &Incoming,
    slot: Slot,
    index: &PackageIndex,
) -> Result<Slot> {
    if !slot.is_live() {
        return Err(deleted(package, &incoming.version));
    }
    let equal = slot
        .artifact(&incoming.artifact)
        .is_some_and(|kept| kept.digests.iter().any(|digest| incoming.content.digests().contains(digest)));
    let complete = index.slot(incoming.version.key()).is_some();
    if slot.is_published() && equal && !complete {
        return Ok(slot);
    }
    Err(exists(package, &incoming.version))
}

/// A number that some enabled source offers is not published, unless the feed says so.
async fn refuse_upstream_conflict<E: Ecosystem, P: Platform>(
    context: &FeedContext<P>,
    package: &PackageName,
    version: &Version,
    index: &PackageIndex,
) -> Result<()> {
    if context.feed.allow_upstream_name_conflict {
        return Ok(());
    }
    // The guard hides what sources offer, but a number they offer is a conflict all the same: ask past it.
    let mut unguarded = PackageIndex { name: index.name.clone(), ..PackageIndex::default() };
    unguarded.settings.upstreaming_behavior = crate::model::UpstreamingBehavior::AllowExternalVersions;
    let form = E::RESOLVING_FORM;
    for candidate in resolve::candidates::<E, P>(context, package, form, &unguarded, Need::Normal).await {
        let offered = match candidate.supply? {
            Supply::Nothing => false,
            Supply::Feed(supply) => supply.members().any(|(key, _)| key == version.key()),
            Supply::Registry(listing) => {
                let mut reader = listing.reader()?;
                reader.find(version.key()).map_err(|error| listing.damaged(&error))?.is_some()
            }
        };
        if offered {
            return Err(Error::Conflict(Conflict::ExistsUpstream {
                package: package.to_string(),
                version: version.to_string(),
                source_name: candidate.source.name,
            }));
        }
    }
    Ok(())
}

/// Bytes, then slot.
async fn store<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    package: &PackageName,
    incoming: &Incoming,
) -> Result<Slot> {
    let (platform, content) = (&context.platform, &incoming.content);
    let key = path.file(incoming.version.key(), &incoming.artifact);
    let expected = Expected { length: content.size(), digest: content.digests().last().cloned() };
    let body = content.open(platform).await?;
    // Side by side: the note costs no time.
    let (claimed, announced) = futures_util::future::join(
        save::claim(context, &key, body, &expected),
        index::announce(platform, path, incoming.version.key()),
    )
    .await;
    announced?;
    if let Err(Error::Conflict(Conflict::Contended(_))) = &claimed {
        await_rival(platform, path, package, &incoming.version).await?;
    }
    if claimed? == Claim::Mismatch {
        return Err(Error::Invalid("the bytes changed on their way to the store; try again".to_owned()));
    }
    let now = platform.now();
    let slot = Slot {
        version: incoming.version.as_str().to_owned(),
        state: SlotState::Live,
        origin: Origin::Published { by: context.principal.subject().to_owned() },
        first_published: FirstPublished::Internal,
        listing: ListingState::default(),
        upstream_listing: ListingState::default(),
        views: BTreeSet::new(),
        artifacts: vec![ArtifactRecord {
            name: incoming.artifact.clone(),
            size: content.size(),
            digests: content.digests().to_vec(),
        }],
        added: now,
        published: Some(now),
        manifest: incoming.manifest.clone(),
        sequence: 1,
    };
    match slots::create(platform, path, incoming.version.key(), &slot).await? {
        Created::Yes => Ok(slot),
        Created::No(other) if !other.is_live() => Err(deleted(package, &incoming.version)),
        Created::No(_) => Err(exists(package, &incoming.version)),
    }
}

/// Other bytes hold the name, and no slot did when we looked: another push is under way, or died. Waits a little for its
/// slot, which tells.
async fn await_rival<P: Platform>(
    platform: &P,
    path: &PackagePath,
    package: &PackageName,
    version: &Version,
) -> Result<()> {
    for _ in 0..8 {
        match slots::get(platform, path, version.key()).await? {
            Some(stored) if stored.value.is_live() => return Err(exists(package, version)),
            Some(_) => return Err(deleted(package, version)),
            None => platform.sleep(Duration::from_millis(250)).await,
        }
    }
    Ok(())
}

/// Tags, then index: what a push that died before them does when it is repeated.
async fn finish<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    package: &PackageName,
    incoming: &Incoming,
    slot: Slot,
) -> Result<()> {
    let version = incoming.version.as_str();
    let settings = packages::update(&context.platform, path, |settings| {
        let set =
            incoming.tags.iter().all(|tag| settings.tags.get(tag).is_some_and(|known| known == version));
        let mut next = settings.clone();
        next.tags.extend(incoming.tags.iter().map(|tag| (tag.clone(), version.to_owned())));
        Ok((!set).then_some(next))
    })
    .await?;
    let entry = [(incoming.version.key().to_owned(), slot)];
    index::record(&context.platform, path, package.as_str(), &entry, Some(&settings)).await
}

fn exists(package: &PackageName, version: &Version) -> Error {
    Error::Conflict(Conflict::VersionExists(package.to_string(), version.to_string()))
}

fn deleted(package: &PackageName, version: &Version) -> Error {
    Error::Conflict(Conflict::VersionDeleted(package.to_string(), version.to_string()))
}
