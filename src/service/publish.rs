//! Publishing: accepting a pushed version.
//!
//! Content first, then the slot, which is the commit, then tags and the index. A push that died on the way never blocks
//! its retry: equal bytes go on where it stopped. Other bytes, or a number that was ever used, are refused.

use super::claim::{Claim, claim};
use super::log;
use super::resolve::{self, Supply};
use super::stage::Staged;
use super::upstream::{self, Need};
use super::{FeedContext, Package, contents, copy};
use crate::error::{Conflict, Error, Result};
use crate::model::{
    ArtifactName, ArtifactRecord, Deed, Digest, FirstPublished, ListingState, Origin, Slot, SlotState,
    SortedSet, UpstreamSource, Version,
};
use crate::platform::{Expected, Platform};
use crate::store::index::{self, PackageIndex};
use crate::store::keys::PackagePath;
use crate::store::packages;
use crate::store::slots::{self, Created};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::Duration;

/// What was pushed.
pub struct Incoming {
    /// Which version.
    pub version: Version,
    /// Its file.
    pub file: IncomingFile,
    /// What describes the file and is kept beside it.
    pub companions: Vec<IncomingFile>,
    /// What listings shall say of the version, in the protocol's own form.
    pub manifest: Box<RawValue>,
    /// Tags that shall point to it.
    pub tags: Vec<String>,
    /// May the version be here already, with other files?
    pub growth: Growth,
}

/// A file that was pushed.
pub struct IncomingFile {
    /// Its name.
    pub name: ArtifactName,
    /// Its bytes, already taken in.
    pub content: Staged,
    /// What listings shall say of it, in the protocol's own form, where versions have several files.
    pub manifest: Option<Box<RawValue>>,
}

/// How versions of an ecosystem come into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// By one push.
    Whole,
    /// File by file.
    ByFile,
}

/// Publishes a version, or a further file of one.
pub async fn publish<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    incoming: Incoming,
) -> Result<()> {
    publish_naming(context, package, incoming, &[]).await
}

/// Publishes a version whose file names contents, sorted, that must be here.
pub async fn publish_naming<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    incoming: Incoming,
    named: &[Digest],
) -> Result<()> {
    let outcome = publish_staged(context, package, &incoming, named).await;
    for file in std::iter::once(incoming.file).chain(incoming.companions) {
        // What cannot be discarded now is swept by the housekeeping.
        let _ = file.content.discard(&context.platform).await;
    }
    outcome
}

/// Refuses a push whose number cannot be had, before its bytes are taken in; answers the version, if it is here.
pub async fn check_number<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Option<Slot>> {
    let path = context.path(package);
    let slot = slots::get(&context.platform, &path, version.key()).await?.map(|stored| stored.value);
    match slot.as_ref().map(|slot| &slot.state) {
        Some(SlotState::Deleted { .. } | SlotState::Purged { .. }) => Err(deleted(package, version)),
        // Of a saved version nothing but its bytes may come, and those come from its source.
        Some(SlotState::Dropped { .. }) => Err(exists(package, version)),
        Some(SlotState::Live) | None => Ok(slot),
    }
}

/// A view takes no pushes.
pub fn refuse_view<P: Platform>(context: &FeedContext<P>) -> Result<()> {
    match &context.view {
        Some(view) => Err(Error::Conflict(Conflict::ReadOnlyView(view.name.to_string())).into()),
        None => Ok(()),
    }
}

async fn publish_staged<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    incoming: &Incoming,
    named: &[Digest],
) -> Result<()> {
    refuse_view(context)?;
    let (platform, version) = (&context.platform, &incoming.version);
    let path = context.path(package);
    let index = index::get(platform, &path).await?.map(|stored| stored.value).unwrap_or_default();
    let entry = entry(context, package, incoming);
    let push = Push { context, path: &path, package, incoming, named, entry };
    let slot = if let Some(stored) = slots::get(platform, &path, version.key()).await? {
        match taken(package, incoming, &stored.value, &index)? {
            Taken::ByThisPush => stored.value,
            Taken::Grows => push.grow(stored.value.sequence).await?,
        }
    } else {
        refuse_upstream_conflict(context, package, version, &index).await?;
        push.store().await?
    };
    push.finish(slot).await
}

/// What the log is to say of a push.
fn entry<P: Platform>(context: &FeedContext<P>, package: &Package, incoming: &Incoming) -> Value {
    let details = json!({ "file": incoming.file.name });
    log::about(context, Deed::Published, package, Some(&incoming.version), details)
}

/// How a push may go on although its number is taken.
enum Taken {
    /// It is taken by this very push, which died on the way.
    ByThisPush,
    /// The version takes further files.
    Grows,
}

fn taken(package: &Package, incoming: &Incoming, slot: &Slot, index: &PackageIndex) -> Result<Taken> {
    if slot.is_tombstone() {
        return Err(deleted(package, &incoming.version));
    }
    let kept = slot.artifact(&incoming.file.name);
    if !slot.is_published() || kept.is_none() && incoming.growth == Growth::Whole {
        return Err(exists(package, &incoming.version));
    }
    let Some(kept) = kept else { return Ok(Taken::Grows) };
    let identical = kept.digests.iter().any(|digest| incoming.file.content.digests().contains(digest));
    let indexed = index.slot(incoming.version.key());
    if identical && indexed.is_none_or(|slot| slot.artifact(&incoming.file.name).is_none()) {
        return Ok(Taken::ByThisPush);
    }
    Err(match incoming.growth {
        Growth::Whole => exists(package, &incoming.version),
        Growth::ByFile => {
            Error::Conflict(Conflict::FileExists { name: incoming.file.name.to_string(), identical }).into()
        }
    })
}

/// A number that some enabled source offers is not published, unless the feed says so.
async fn refuse_upstream_conflict<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    index: &PackageIndex,
) -> Result<()> {
    if context.feed.allow_upstream_name_conflict || package.ecosystem.is_local_only(version) {
        return Ok(());
    }
    // The guard hides what sources offer, but a number they offer is a conflict all the same: ask past it.
    let mut unguarded = PackageIndex { name: index.name.clone(), ..PackageIndex::default() };
    unguarded.settings.upstreaming_behavior = crate::model::UpstreamingBehavior::AllowExternalVersions;
    let Some(form) = package.ecosystem.upstream_forms().first() else { return Ok(()) };
    let mut candidates = resolve::candidates(context, package, *form, &unguarded, Need::Normal).await;
    if candidates.iter().any(|candidate| candidate.supply.is_err()) {
        // Perhaps it is only left alone for a while: a push is worth asking again before it is refused for that.
        candidates = resolve::candidates(context, package, *form, &unguarded, Need::Now).await;
    }
    for candidate in candidates {
        let listed = match candidate.supply? {
            Supply::Nothing => false,
            Supply::Feed(supply) => supply.members().any(|(key, _)| key == version.key()),
            Supply::Registry(listing) => {
                let mut reader = listing.reader()?;
                reader.find(version.key()).map_err(|error| listing.damaged(&error))?.is_some()
            }
        };
        if listed || has_unlisted(context, &candidate.source, package, version).await? {
            return Err(Error::Conflict(Conflict::ExistsUpstream {
                package: package.to_string(),
                version: version.to_string(),
                source_name: candidate.source.name,
            })
            .into());
        }
    }
    Ok(())
}

/// Does a source have a version of which its listing need not tell?
async fn has_unlisted<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    package: &Package,
    version: &Version,
) -> Result<bool> {
    if source.is_neighbour() {
        return Ok(false);
    }
    let place =
        package.ecosystem.unlisted(&upstream::location(source, package.ecosystem)?, package, version, None);
    match place {
        Some(place) => copy::has(context, source, place).await,
        None => Ok(false),
    }
}

/// A push that is let in.
struct Push<'a, P> {
    context: &'a FeedContext<P>,
    path: &'a PackagePath,
    package: &'a Package,
    incoming: &'a Incoming,
    /// What its file names and must be here.
    named: &'a [Digest],
    /// What the log is to say of it.
    entry: Value,
}

impl<P: Platform> Push<'_, P> {
    /// Bytes, then slot.
    async fn store(&self) -> Result<Slot> {
        let (context, incoming) = (self.context, self.incoming);
        let platform = &context.platform;
        let artifacts = self.claim_announced(0).await?;
        contents::secure(platform, self.path, self.named).await?;
        let now = platform.now();
        let slot = Slot {
            version: incoming.version.as_str().to_owned(),
            state: SlotState::Live,
            origin: Origin::Published {
                by: context.principal.subject().to_owned(),
                session: context.session.as_deref().map(str::to_owned),
            },
            first_published: FirstPublished::Internal,
            listing: ListingState::default(),
            upstream_listing: ListingState::default(),
            views: SortedSet::new(),
            artifacts,
            former: Vec::new(),
            added: now,
            restored: None,
            published: Some(now),
            manifest: incoming.manifest.clone(),
            sequence: 1,
        };
        match slots::create(platform, self.path, incoming.version.key(), &slot).await? {
            Created::Yes => Ok(slot),
            Created::No(other) if other.is_tombstone() => Err(deleted(self.package, &incoming.version)),
            Created::No(other) if other.is_published() && incoming.growth == Growth::ByFile => {
                add_files(platform, self.path, self.package, incoming, slot.artifacts).await
            }
            Created::No(_) => Err(exists(self.package, &incoming.version)),
        }
    }

    /// Bytes, then one more file in the slot that is there.
    async fn grow(&self, sequence: u64) -> Result<Slot> {
        let records = self.claim_announced(sequence).await?;
        add_files(&self.context.platform, self.path, self.package, self.incoming, records).await
    }

    /// Puts the bytes of every file under its name. Side by side with the note, which therefore costs no time.
    async fn claim_announced(&self, sequence: u64) -> Result<Vec<ArtifactRecord>> {
        let (platform, key) = (&self.context.platform, self.incoming.version.key());
        let (records, announced) = futures_util::future::join(
            claim_files(self.context, self.path, self.package, self.incoming),
            index::announce(platform, self.path, key, sequence, &self.entry),
        )
        .await;
        announced?;
        records
    }

    /// Tags, then index: what a push that died before them does when it is repeated.
    async fn finish(self, slot: Slot) -> Result<()> {
        let (platform, incoming) = (&self.context.platform, self.incoming);
        let version = incoming.version.as_str();
        let settings = packages::update(platform, self.path, &mut |settings| {
            let set =
                incoming.tags.iter().all(|tag| settings.tags.get(tag).is_some_and(|known| known == version));
            let mut next = settings.clone();
            next.tags.extend(incoming.tags.iter().map(|tag| (tag.clone(), version.to_owned())));
            Ok((!set).then_some(next))
        })
        .await?;
        let slots = [(incoming.version.key().to_owned(), slot)];
        let (name, settings) = (self.package.as_str(), Some(&settings));
        index::record_logged(platform, self.path, name, &slots, settings, &[self.entry]).await
    }
}

async fn add_files<P: Platform>(
    platform: &P,
    path: &PackagePath,
    package: &Package,
    incoming: &Incoming,
    records: Vec<ArtifactRecord>,
) -> Result<Slot> {
    slots::grow(platform, path, incoming.version.key(), &records, true, &|slot| {
        let name = &incoming.file.name;
        if slot.is_tombstone() {
            deleted(package, &incoming.version)
        } else if slot.artifact(name).is_some() {
            Error::Conflict(Conflict::FileExists { name: name.to_string(), identical: false }).into()
        } else {
            exists(package, &incoming.version)
        }
    })
    .await
}

/// Puts the bytes of every file under its name, unless they are in a place of their own and may stay there.
async fn claim_files<P: Platform>(
    context: &FeedContext<P>,
    path: &PackagePath,
    package: &Package,
    incoming: &Incoming,
) -> Result<Vec<ArtifactRecord>> {
    let mut records = Vec::new();
    for file in std::iter::once(&incoming.file).chain(&incoming.companions) {
        let (size, digests) = (file.content.size(), file.content.digests().to_vec());
        let (name, manifest) = (file.name.clone(), file.manifest.clone());
        let slot = path.slot(&incoming.version);
        let place = file.content.give(&context.platform, &slot, &name).await?;
        if place.is_some() {
            records.push(ArtifactRecord { name, size, digests, manifest, place });
            continue;
        }
        let key = path.file(incoming.version.key(), &name);
        let expected = Expected { length: size, digest: digests.last().cloned() };
        let body = file.content.open(&context.platform).await?;
        let claimed = claim(context, &key, body, &expected).await;
        if claimed.as_ref().is_err_and(|error| matches!(**error, Error::Conflict(Conflict::Contended(_)))) {
            await_rival(&context.platform, path, package, incoming).await?;
        }
        if claimed? == Claim::Mismatch {
            return Err(
                Error::Invalid("the bytes changed on their way to the store; try again".to_owned()).into()
            );
        }
        records.push(ArtifactRecord { name, size, digests, manifest, place });
    }
    Ok(records)
}

/// Other bytes hold the name, and no slot did when we looked: another push is under way, or died. Waits a little for its
/// slot, which tells.
async fn await_rival<P: Platform>(
    platform: &P,
    path: &PackagePath,
    package: &Package,
    incoming: &Incoming,
) -> Result<()> {
    for _ in 0..8 {
        match slots::get(platform, path, incoming.version.key()).await?.map(|stored| stored.value) {
            Some(slot) if slot.is_tombstone() => return Err(deleted(package, &incoming.version)),
            Some(slot)
                if incoming.growth == Growth::Whole || slot.artifact(&incoming.file.name).is_some() =>
            {
                taken(package, incoming, &slot, &PackageIndex::default())?;
                return Err(exists(package, &incoming.version));
            }
            _ => platform.sleep(Duration::from_millis(250)).await,
        }
    }
    Ok(())
}

/// The number is taken, by other bytes.
pub fn exists(package: &Package, version: &Version) -> Box<Error> {
    Error::Conflict(Conflict::VersionExists(package.to_string(), version.to_string())).into()
}

fn deleted(package: &Package, version: &Version) -> Box<Error> {
    Error::Conflict(Conflict::VersionDeleted(package.to_string(), version.to_string())).into()
}
