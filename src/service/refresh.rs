//! Refreshing: asking every source what it has of a package, now, whatever is remembered.

use super::policy::Policy;
use super::resolve::{self, Supply};
use super::upstream::Need;
use super::{FeedContext, Package};
use crate::error::{Error, Result};
use crate::model::{SourceKind, UpstreamSource};
use crate::platform::Platform;
use crate::store::index;

/// What a source said.
pub struct Told {
    /// Which one.
    pub source: UpstreamSource,
    /// Its word.
    pub word: Word,
}

/// A source's word on a package.
pub enum Word {
    /// So many versions.
    Offers(usize),
    /// It was not asked, because external versions of this package are blocked.
    Blocked,
    /// None: it failed.
    Failed(Box<Error>),
}

/// Asks all sources, for every document that can be had of them, and makes listings be made anew.
pub async fn refresh<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Vec<Told>> {
    let path = context.path(package);
    let stored = index::get(&context.platform, &path).await?;
    let is_known = stored.is_some();
    let index = stored.map(|stored| stored.value).unwrap_or_default();
    let mut told: Vec<Told> = Vec::new();
    for form in package.ecosystem.upstream_forms() {
        let candidates = resolve::candidates(context, package, *form, &index, Need::Now).await;
        let blocks = Policy::new(&context.feed, package, &index, resolve::internal_offered(&candidates))
            .blocks_external();
        for (place, candidate) in candidates.into_iter().enumerate() {
            let error = candidate.stale.map(|stale| stale.error);
            let word = match (error, candidate.supply) {
                (Some(error), _) | (None, Err(error)) => Word::Failed(error),
                (None, Ok(_)) if blocks && candidate.source.kind == SourceKind::Public => Word::Blocked,
                (None, Ok(supply)) => Word::Offers(count(&supply)?),
            };
            match told.get_mut(place) {
                None => told.push(Told { source: candidate.source, word }),
                // Not every document tells of all versions; a failure counts, whichever was asked for.
                Some(before) if matches!(word, Word::Failed(_)) => before.word = word,
                Some(_) => {}
            }
        }
    }
    if is_known || told.iter().any(|told| matches!(told.word, Word::Offers(1..))) {
        index::touch(&context.platform, &path, package.as_str()).await?;
    }
    Ok(told)
}

fn count(supply: &Supply) -> Result<usize> {
    match supply {
        Supply::Nothing => Ok(0),
        Supply::Feed(supply) => Ok(supply.members().count()),
        Supply::Registry(listing) => {
            let mut reader = listing.reader()?;
            let mut count = 0;
            while reader.offer().map_err(|error| listing.damaged(&error))?.is_some() {
                count += 1;
            }
            Ok(count)
        }
    }
}
