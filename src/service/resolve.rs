//! Which upstream source supplies what (DESIGN section 4).
//!
//! Union of versions; order decides only who supplies a number that several offer. A source that fails is not a source
//! that has none. Feeds of this deployment are read in process (`neighbours.rs`), all others asked over HTTP.

use super::neighbours::{self, FeedSupply};
use super::policy::Policy;
use super::upstream::{self, Need, Stale};
use super::{FeedContext, Package, UpstreamForm};
use crate::error::{Error, Result};
use crate::model::{
    ArtifactName, Feed, FirstPublished, Slot, SourceKind, Timestamp, UpstreamSource, Version,
};
use crate::platform::{Platform, together};
use crate::store::index::PackageIndex;
use crate::store::keys::PackagePath;
use crate::store::listing_codec::{Offer, OfferedArtifact};
use crate::store::listings::StoredListing;

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

    fn first_published(&self, source: &UpstreamSource) -> FirstPublished {
        match self {
            Self::Offer(offer, _) => offer.first_published,
            Self::Unlisted(_) => source.kind.origin(),
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
    let question = Question { package, form, need };
    let mut candidates = internal_candidates(context, question).await;
    if !Policy::new(&context.feed, package, index, internal_offered(&candidates)).blocks_external() {
        ask_all(context, &mut candidates, SourceKind::Public, question).await;
    }
    candidates
}

/// What is asked of sources.
#[derive(Clone, Copy)]
struct Question<'a> {
    package: &'a Package,
    form: UpstreamForm,
    need: Need,
}

/// All sources of this feed, only the internal ones asked: what they say decides whether the others are.
async fn internal_candidates<P: Platform>(
    context: &FeedContext<P>,
    question: Question<'_>,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for source in context.feed.sources(question.package.protocol()) {
        let supply = if source.is_neighbour() {
            let supply = neighbours::supply(context, source, question.package).await;
            supply.map(|supply| supply.map_or(Supply::Nothing, |supply| Supply::Feed(Box::new(supply))))
        } else {
            Ok(Supply::Nothing)
        };
        candidates.push(Candidate { source: source.clone(), supply, stale: None });
    }
    ask_all(context, &mut candidates, SourceKind::Internal, question).await;
    candidates
}

/// Asks the sources of that kind that are asked over HTTP, all at once.
async fn ask_all<P: Platform>(
    context: &FeedContext<P>,
    candidates: &mut [Candidate],
    kind: SourceKind,
    question: Question<'_>,
) {
    let asked = candidates
        .iter_mut()
        .filter(|candidate| candidate.source.kind == kind && !candidate.source.is_neighbour());
    together::all(asked.map(|candidate| ask(context, candidate, question))).await;
}

async fn ask<P: Platform>(context: &FeedContext<P>, candidate: &mut Candidate, question: Question<'_>) {
    let Question { package, form, need } = question;
    match upstream::listing(context, &candidate.source, package, form, need).await {
        Ok(answer) => {
            candidate.supply = Ok(answer.listing.map_or(Supply::Nothing, Supply::Registry));
            candidate.stale = answer.stale;
        }
        Err(error) => candidate.supply = Err(error),
    }
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

/// Does one of these candidates offer an internal version? A feed on another host does if it knows the package.
pub(super) fn internal_offered(candidates: &[Candidate]) -> bool {
    candidates.iter().any(|candidate| match &candidate.supply {
        Ok(Supply::Feed(supply)) => {
            supply.members().any(|(_, slot)| slot.first_published == FirstPublished::Internal)
        }
        Ok(Supply::Registry(_)) => candidate.source.kind == SourceKind::Internal,
        Ok(Supply::Nothing) | Err(_) => false,
    })
}

/// The failure of an internal source of whose word nothing is known: whether it offers an internal version is not either.
fn silent(candidates: &[Candidate]) -> Option<Box<Error>> {
    let mut internal = candidates.iter().filter(|candidate| candidate.source.kind == SourceKind::Internal);
    internal.find_map(|candidate| candidate.supply.as_ref().err()).cloned()
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
    let wanted = Wanted {
        feed: &context.feed,
        package,
        version,
        index,
        here: here.or_else(|| index.slot(version.key())),
    };
    if let Some(file) = file
        && let Some(found) = wanted.unlisted(context, file).await?
    {
        return Ok(found);
    }
    // A file never changes, so that a listing of any age that has it will do. Versions may grow.
    let forms = package.ecosystem.upstream_forms();
    let known = forms.iter().map(|form| candidates(context, package, *form, index, Need::Known));
    for candidates in together::all(known).await {
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
    feed: &'a Feed,
    package: &'a Package,
    version: &'a Version,
    index: &'a PackageIndex,
    here: Option<&'a Slot>,
}

impl Wanted<'_> {
    /// The first source in order that lists the version, as far as policy admits it.
    fn first_supplier(&self, candidates: &[Candidate]) -> Result<Option<Found>> {
        let (policy, silent) = (self.policy(candidates), silent(candidates));
        for candidate in candidates {
            let (source, supply) = (&candidate.source, candidate.supply.as_ref().map_err(Clone::clone)?);
            if let Some(goods) =
                goods(supply, self.version.key())?.filter(|goods| self.admits(policy, source, goods))
            {
                self.insist_on_word(policy, silent.as_deref(), source, &goods)?;
                return Ok(Some(Found { source: source.clone(), goods }));
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
            let location = upstream::location(source, package.ecosystem).ok()?;
            package.ecosystem.unlisted(&location, package, version, Some(file))
        };
        let mut asked = context.feed.sources(package.protocol()).filter(|source| !source.is_neighbour());
        let forms = package.ecosystem.upstream_forms();
        let Some(form) = forms.first().filter(|_| asked.any(|source| place(source).is_some())) else {
            return Ok(None);
        };
        let question = Question { package, form: *form, need: Need::Normal };
        let candidates = internal_candidates(context, question).await;
        let (policy, silent) = (self.policy(&candidates), silent(&candidates));
        let mut found = Vec::new();
        for Candidate { source, supply, .. } in candidates {
            let goods = match supply {
                Err(error) => {
                    found.push(Err(error));
                    break;
                }
                Ok(supply) if source.is_neighbour() => goods(&supply, version.key())?,
                Ok(_) => place(&source).map(|file| Goods::Unlisted(Box::new(file))),
            };
            if let Some(goods) = goods.filter(|goods| self.admits(policy, &source, goods)) {
                let insisted = self.insist_on_word(policy, silent.as_deref(), &source, &goods);
                // A version that a feed has is that feed's: nobody else supplies its files.
                let is_last = insisted.is_err() || matches!(goods, Goods::Slot(..));
                found.push(insisted.map(|()| Found { source, goods }));
                if is_last {
                    break;
                }
            }
        }
        Ok(Some(found))
    }

    fn policy(&self, candidates: &[Candidate]) -> Policy<'_> {
        Policy::new(self.feed, self.package, self.index, internal_offered(candidates))
    }

    /// An external version is not taken while an internal source that might block it says nothing: whoever can silence that one
    /// could otherwise put his own in its place. A version of which files are here was admitted before.
    fn insist_on_word(
        &self,
        policy: Policy<'_>,
        silent: Option<&Error>,
        source: &UpstreamSource,
        goods: &Goods,
    ) -> Result<()> {
        let is_new = self.here.is_none() && policy.guards(goods.first_published(source));
        silent.filter(|_| is_new).map_or(Ok(()), |error| Err(error.clone().into()))
    }

    fn admits(&self, policy: Policy<'_>, source: &UpstreamSource, goods: &Goods) -> bool {
        let first_published = goods.first_published(source);
        match self.here {
            Some(slot) if slot.is_dropped() => policy.admits_again(first_published),
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
