//! Which upstream source supplies what (DESIGN section 4).
//!
//! Union of versions; order decides only who supplies a number that several offer. A source that fails is not a source
//! that has none. An internal source answers with the members of its view: local versions only, no recursion, so no
//! cycles.

use super::policy::Policy;
use super::upstream::{self, Need, Stale};
use super::{FeedContext, Package, UpstreamForm};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{
    Address, ArtifactName, FirstPublished, Slot, SourceKind, Timestamp, UpstreamSource, Version, View,
    Visibility,
};
use crate::platform::{Etag, Platform};
use crate::store::index::{self, PackageIndex};
use crate::store::keys::PackagePath;
use crate::store::listing_codec::{Offer, OfferedArtifact};
use crate::store::listings::StoredListing;
use crate::store::{feeds, packages};
use bytes::Bytes;

/// A source with what it says about a package.
pub(super) struct Candidate {
    /// The source.
    pub(super) source: UpstreamSource,
    /// Its word, or why there is none.
    pub(super) supply: Result<Supply>,
    /// Why its word may be old, if it may.
    pub(super) stale: Option<Stale>,
}

/// What a source offers.
pub(super) enum Supply {
    /// No such package, or nothing that could be admitted.
    Nothing,
    /// The listing of a registry.
    Registry(StoredListing),
    /// The members of a view of another feed.
    Feed(Box<FeedSupply>),
}

/// What another feed offers through one of its views.
pub(super) struct FeedSupply {
    /// The package's place there.
    pub(super) path: PackagePath,
    /// Its index there.
    pub(super) index: PackageIndex,
    view: View,
}

impl FeedSupply {
    /// The slots the view shows, by version key.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Slot)> {
        let local = self.view.name.is_local();
        self.index.slots.iter().filter_map(move |entry| {
            let member = local || entry.slot.views.contains(&self.view.id);
            (member && entry.slot.is_live()).then_some((entry.key.as_str(), &entry.slot))
        })
    }
}

/// A version that a source supplies.
pub(super) struct Found {
    /// Who supplies it.
    pub(super) source: UpstreamSource,
    /// How to get it.
    pub(super) goods: Goods,
}

/// A version, at its source.
pub(super) enum Goods {
    /// At a registry: its offer, and when it was published.
    Offer(Box<Offer>, Option<Timestamp>),
    /// At a registry, if it is there at all: where it would be.
    Unlisted(Box<OfferedArtifact>),
    /// In another feed: its slot, key and place.
    Slot(Box<Slot>, PackagePath),
}

impl Goods {
    fn has(&self, file: &ArtifactName) -> bool {
        match self {
            Self::Offer(offer, _) => offer.artifacts.iter().any(|offered| offered.name == *file),
            Self::Unlisted(offered) => offered.name == *file,
            Self::Slot(slot, _) => slot.artifact(file).is_some(),
        }
    }

    fn first_published(&self) -> FirstPublished {
        match self {
            Self::Offer(offer, _) => offer.first_published,
            Self::Unlisted(_) => FirstPublished::External,
            Self::Slot(slot, _) => slot.first_published,
        }
    }

    /// The files that describe this one.
    pub(super) fn companions(&self, file: &ArtifactName) -> Vec<ArtifactName> {
        match self {
            Self::Offer(offer, _) => {
                let beside = offer.artifacts.iter().filter(|other| other.companion_of.as_ref() == Some(file));
                beside.map(|companion| companion.name.clone()).collect()
            }
            Self::Unlisted(_) => Vec::new(),
            // A slot does not say what describes what, but names do: `{file}.{what}`.
            Self::Slot(slot, _) => {
                let prefix = format!("{file}.");
                let names = slot.artifacts.iter().map(|record| &record.name);
                names.filter(|name| name.as_str().starts_with(&prefix)).cloned().collect()
            }
        }
    }
}

/// All sources of this feed with what they say about a package; public ones are not asked when the guard blocks them
/// anyway.
pub(super) async fn candidates<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    form: UpstreamForm,
    index: &PackageIndex,
    need: Need,
) -> Vec<Candidate> {
    let mut candidates = internal_candidates(context, package).await;
    if Policy::new(index, internal_offered(&candidates)).blocks_external() {
        return candidates;
    }
    let public = candidates.iter_mut().filter(|candidate| candidate.source.kind == SourceKind::Public);
    futures_util::future::join_all(public.map(|candidate| ask(context, candidate, package, form, need)))
        .await;
    candidates
}

/// All sources of this feed, only the internal ones asked.
async fn internal_candidates<P: Platform>(context: &FeedContext<P>, package: &Package) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for source in context.feed.sources(package.protocol()) {
        let supply = match source.kind {
            SourceKind::Internal => internal(context, source, package).await,
            SourceKind::Public => Ok(Supply::Nothing),
        };
        candidates.push(Candidate { source: source.clone(), supply, stale: None });
    }
    candidates
}

async fn ask<P: Platform>(
    context: &FeedContext<P>,
    candidate: &mut Candidate,
    package: &Package,
    form: UpstreamForm,
    need: Need,
) {
    match upstream::listing(context, &candidate.source, package, form, need).await {
        Ok(answer) => {
            candidate.supply = Ok(answer.listing.map_or(Supply::Nothing, Supply::Registry));
            candidate.stale = answer.stale;
        }
        Err(error) => candidate.supply = Err(error),
    }
}

/// What internal sources keep of a package as a small fact of that name, in their order. A source that leads nowhere keeps
/// nothing.
pub async fn internal_marks<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    name: &str,
) -> Result<Vec<Bytes>> {
    let mut marks = Vec::new();
    for source in
        context.feed.sources(package.protocol()).filter(|source| source.kind == SourceKind::Internal)
    {
        if let Ok((path, _)) = internal_place(context, source, package).await {
            marks.extend(packages::mark(&context.platform, &path, name).await?);
        }
    }
    Ok(marks)
}

/// Does an internal source show any version of a package?
pub async fn is_internally_offered<P: Platform>(context: &FeedContext<P>, package: &Package) -> bool {
    let candidates = internal_candidates(context, package).await;
    candidates.iter().any(|candidate| {
        matches!(&candidate.supply, Ok(Supply::Feed(supply)) if supply.members().next().is_some())
    })
}

/// What the sources offer, in short: while that and the indexes stay the same a listing stays the same.
pub(super) fn offers(candidates: &[Candidate]) -> String {
    let words: Vec<String> = candidates
        .iter()
        .map(|candidate| match &candidate.supply {
            Ok(Supply::Registry(listing)) => listing.fingerprint(),
            // Their indexes are part of what a listing's token is made of.
            Ok(Supply::Feed(_)) => "feed".to_owned(),
            Ok(Supply::Nothing) => "-".to_owned(),
            Err(_) => "?".to_owned(),
        })
        .collect();
    words.join(" ")
}

/// Does one of these candidates offer an internal version?
pub(super) fn internal_offered(candidates: &[Candidate]) -> bool {
    candidates.iter().any(|candidate| {
        matches!(&candidate.supply, Ok(Supply::Feed(supply))
            if supply.members().any(|(_, slot)| slot.first_published == FirstPublished::Internal))
    })
}

/// The sources that may supply a version, or a file of it, in the order in which to try them; `here` is the version's
/// slot, if there is one. The next one is tried only if the one before turns out to have no such file.
pub(super) async fn suppliers<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: Option<&ArtifactName>,
    index: &PackageIndex,
    here: Option<&Slot>,
) -> Result<Vec<Result<Found>>> {
    if package.ecosystem.is_local_only(version) {
        return Ok(Vec::new());
    }
    let wanted = Wanted { package, version, index, here: here.or_else(|| index.slot(version.key())) };
    if let Some(file) = file
        && let Some(found) = wanted.unlisted(context, file).await?
    {
        return Ok(found);
    }
    // A file never changes, so that a listing of any age that has it will do. Versions may grow.
    let forms = package.ecosystem.upstream_forms();
    let known = forms.iter().map(|form| candidates(context, package, *form, index, Need::Known));
    for candidates in futures_util::future::join_all(known).await {
        if let Ok(Some(found)) = wanted.first_supplier(&candidates)
            && file.is_none_or(|file| found.goods.has(file))
        {
            return Ok(vec![Ok(found)]);
        }
    }
    let Some(least) = forms.first() else { return Ok(Vec::new()) };
    let now = candidates(context, package, *least, index, Need::Normal).await;
    Ok(wanted.first_supplier(&now)?.map(Ok).into_iter().collect())
}

/// A version that is looked for.
struct Wanted<'a> {
    package: &'a Package,
    version: &'a Version,
    index: &'a PackageIndex,
    here: Option<&'a Slot>,
}

impl Wanted<'_> {
    /// The first source in order that lists the version, as far as policy admits it.
    fn first_supplier(&self, candidates: &[Candidate]) -> Result<Option<Found>> {
        let policy = Policy::new(self.index, internal_offered(candidates));
        for candidate in candidates {
            let goods = match &candidate.supply {
                Err(error) => return Err(error.clone()),
                Ok(supply) => goods(supply, self.version.key())?,
            };
            if let Some(goods) = goods.filter(|goods| self.admits(policy, &candidate.source, goods)) {
                return Ok(Some(Found { source: candidate.source.clone(), goods }));
            }
        }
        Ok(None)
    }

    /// Where a file may be that listings need not tell of; `None` if all sources list what they have.
    async fn unlisted<P: Platform>(
        &self,
        context: &FeedContext<P>,
        file: &ArtifactName,
    ) -> Result<Option<Vec<Result<Found>>>> {
        let (package, version) = (self.package, self.version);
        let place = |source: &UpstreamSource| {
            let location = upstream::location(source).ok()?;
            package.ecosystem.unlisted(&location, package, version, Some(file))
        };
        let mut public =
            context.feed.sources(package.protocol()).filter(|source| source.kind == SourceKind::Public);
        if public.all(|source| place(source).is_none()) {
            return Ok(None);
        }
        let candidates = internal_candidates(context, package).await;
        let policy = Policy::new(self.index, internal_offered(&candidates));
        let mut found = Vec::new();
        for Candidate { source, supply, .. } in candidates {
            let goods = match (source.kind, supply) {
                (_, Err(error)) => {
                    found.push(Err(error));
                    break;
                }
                (SourceKind::Internal, Ok(supply)) => goods(&supply, version.key())?,
                (SourceKind::Public, Ok(_)) => place(&source).map(|file| Goods::Unlisted(Box::new(file))),
            };
            if let Some(goods) = goods.filter(|goods| self.admits(policy, &source, goods)) {
                // A version that a feed has is that feed's: nobody else supplies its files.
                let is_listed = matches!(goods, Goods::Slot(..));
                found.push(Ok(Found { source, goods }));
                if is_listed {
                    break;
                }
            }
        }
        Ok(Some(found))
    }

    fn admits(&self, policy: Policy<'_>, source: &UpstreamSource, goods: &Goods) -> bool {
        let first_published = goods.first_published();
        match self.here {
            Some(slot) => policy.admits_files(slot, &source.id, first_published),
            None => policy.admits(self.version.key(), first_published),
        }
    }
}

fn goods(supply: &Supply, version_key: &str) -> Result<Option<Goods>> {
    match supply {
        Supply::Nothing => Ok(None),
        Supply::Feed(supply) => Ok(supply
            .members()
            .find(|(key, _)| *key == version_key)
            .map(|(_, slot)| Goods::Slot(Box::new(slot.clone()), supply.path.clone()))),
        Supply::Registry(listing) => {
            let mut reader = listing.reader()?;
            let found = reader.find(version_key).map_err(|error| listing.damaged(&error))?;
            let Some(offer) = found else { return Ok(None) };
            let tail = reader.tail().map_err(|error| listing.damaged(&error))?;
            let published = offer.published.or_else(|| tail.published.get(version_key).copied());
            Ok(Some(Goods::Offer(Box::new(offer), published)))
        }
    }
}

/// The etags of what internal sources hold of a package: part of what a listing is rendered from.
pub(super) async fn internal_etags<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
) -> Result<Vec<Option<Etag>>> {
    let mut etags = Vec::new();
    for source in
        context.feed.sources(package.protocol()).filter(|source| source.kind == SourceKind::Internal)
    {
        let etag = match internal_place(context, source, package).await {
            Ok((path, _)) => index::check(&context.platform, &path, context.always_check).await?,
            Err(_) => None,
        };
        etags.push(etag);
    }
    Ok(etags)
}

async fn internal<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    package: &Package,
) -> Result<Supply> {
    let (path, view) = internal_place(context, source, package).await?;
    Ok(match index::get(&context.platform, &path).await? {
        Some(stored) => Supply::Feed(Box::new(FeedSupply { path, index: stored.value, view })),
        None => Supply::Nothing,
    })
}

/// Where an internal source leads; the view must still be shared with this feed's organization.
async fn internal_place<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    package: &Package,
) -> Result<(PackagePath, View)> {
    let fault = |reason: &str| Error::Upstream {
        name: source.name.clone(),
        fault: UpstreamFault::Malformed(reason.to_owned()),
    };
    let address = Address::parse_internal(&source.location).map_err(|error| fault(&error.to_string()))?;
    let name = &address.locator.feed;
    let feed = feeds::find(&context.platform, &address.organization, address.project.as_ref(), name).await?;
    let feed = feed
        .filter(|feed| feed.deleted.is_none())
        .ok_or_else(|| fault("its feed does not exist any more"))?;
    let view = address.locator.view.as_ref().and_then(|view| feed.view(view)).cloned();
    let view = view.ok_or_else(|| fault("its view does not exist any more"))?;
    let neighbour = feed.organization == context.feed.organization;
    let least = if neighbour { Visibility::Collection } else { Visibility::Organization };
    if view.visibility < least {
        return Err(fault("its view is no longer shared"));
    }
    Ok((PackagePath::new(&feed.id, package.protocol(), package), view))
}
