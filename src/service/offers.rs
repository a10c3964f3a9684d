//! What upstream sources offer of a package, asked now: for people who look before they save, and for those who do not want
//! to wait until a listing is due.

use super::description::Find;
use super::resolve::{self, Supply};
use super::upstream::Need;
use super::{Ecosystem, FeedContext, Package, Registry, ask_first};
use crate::error::{Error, Result};
use crate::model::{Timestamp, UpstreamSource};
use crate::platform::Platform;
use crate::store::index;

/// So many packages are found by text.
const FOUND: usize = 50;

/// Bytes of a registry's answer to a search.
const ANSWER_LIMIT: usize = 4 << 20;

/// A source with what it offers.
pub struct Offers {
    /// The source.
    pub source: UpstreamSource,
    /// What it offers, or why that is not known.
    pub versions: Result<Vec<Offered>>,
    /// Why that may be old, if it may.
    pub stale: Option<Box<Error>>,
}

/// A version that a source offers.
pub struct Offered {
    /// As its protocol prints it.
    pub version: String,
    /// Normalised.
    pub key: String,
    /// Unlisted or yanked there?
    pub hidden: bool,
    /// When it was published, if the source says so.
    pub published: Option<Timestamp>,
}

/// What each source of the package's protocol offers of it. Sources that policy does not let ask offer nothing.
pub async fn of<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Vec<Offers>> {
    let stored = index::get(&context.platform, &context.path(package)).await?;
    let index = stored.map(|stored| stored.value).unwrap_or_default();
    let Some(form) = package.ecosystem.upstream_forms().first() else { return Ok(Vec::new()) };
    let candidates = resolve::candidates(context, package, *form, &index, Need::Now).await;
    let offers = candidates.into_iter().map(|candidate| Offers {
        source: candidate.source,
        versions: candidate.supply.and_then(|supply| versions(&supply)),
        stale: candidate.stale.map(|stale| stale.error),
    });
    Ok(offers.collect())
}

/// What the first source that answers finds by text; `None` if none can be searched.
pub async fn search<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    text: &str,
) -> Result<Option<Vec<Find>>> {
    let request = |registry: Registry<'_>| ecosystem.search_request(registry, text, FOUND);
    let answer = ask_first(context, ecosystem, &request, ANSWER_LIMIT).await?;
    Ok(answer.map(|answer| ecosystem.found(&answer)))
}

fn versions(supply: &Supply) -> Result<Vec<Offered>> {
    let mut versions = Vec::new();
    match supply {
        Supply::Nothing => {}
        Supply::Feed(supply) => {
            for (key, slot) in supply.members() {
                let (version, key) = (slot.version.clone(), key.to_owned());
                let hidden = slot.shown_listing().hidden;
                versions.push(Offered { version, key, hidden, published: slot.published });
            }
        }
        Supply::Registry(listing) => {
            let mut reader = listing.reader()?;
            while let Some(offer) = reader.offer().map_err(|error| listing.damaged(&error))? {
                let (version, key, hidden) = (offer.version, offer.key, offer.listing.hidden);
                versions.push(Offered { version, key, hidden, published: offer.published });
            }
            let tail = reader.tail().map_err(|error| listing.damaged(&error))?;
            for offered in &mut versions {
                offered.published = offered.published.or_else(|| tail.published.get(&offered.key).copied());
            }
        }
    }
    Ok(versions)
}
