//! Searching the packages of a feed by name.
//!
//! Names come from the catalogue, a page of keys at a time, and only the packages of one page of results are opened, so
//! that the cost does not grow with what the feed holds beyond reading its names.

use super::{Ecosystem, FeedContext, catalog};
use crate::error::Result;
use crate::model::{Slot, SortedMap};
use crate::platform::Platform;
use crate::store::index::{self, PackageIndex};

/// How many pages of 1,000 names one search reads.
const PAGES: usize = 5;

/// A package found, with the versions this caller is shown, oldest first.
pub struct Hit {
    /// Its name.
    pub name: String,
    /// Its visible versions, by key.
    pub slots: Vec<(String, Slot)>,
    /// Where its tags point.
    pub tags: SortedMap<String, String>,
}

/// One page of results.
pub struct Hits {
    /// The packages.
    pub page: Vec<Hit>,
    /// All names that match, in order: what `from` and `size` count.
    pub names: Vec<String>,
    /// Names of this page of which this caller is shown no version.
    pub hidden: Vec<String>,
}

impl Hits {
    /// The names that match, without those of which it is known that this caller is shown no version.
    pub fn shown(&self) -> impl Iterator<Item = &String> {
        self.names.iter().filter(|name| !self.hidden.contains(name))
    }
}

/// Packages whose name contains all `words`: those published here before those saved, of each the exact one first, then
/// by name.
pub async fn search<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    words: &[String],
    from: usize,
    size: usize,
) -> Result<Hits> {
    let mut names = matching(context, ecosystem, words).await?;
    let exact = |name: &String| words.len() == 1 && *name == words[0];
    let published = index::published_names(&context.platform, &context.feed.id, ecosystem.protocol()).await?;
    names.sort_by_key(|name| (!published.contains(name), !exact(name)));
    let (mut page, mut hidden) = (Vec::new(), Vec::new());
    let wanted = names.get(from.min(names.len())..).unwrap_or_default();
    let wanted = wanted.get(..size.min(wanted.len())).unwrap_or_default();
    for (hit, name) in open(context, ecosystem, wanted).await?.into_iter().zip(wanted) {
        match hit {
            Some(hit) => page.push(hit),
            None => hidden.push(name.clone()),
        }
    }
    Ok(Hits { page, names, hidden })
}

/// The packages of these names, as far as this caller is shown any version of them.
pub async fn open<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    names: &[String],
) -> Result<Vec<Option<Hit>>> {
    // Names that are none are in no feed.
    let paths = names.iter().map(|name| Some(context.path(&ecosystem.package(name).ok()?)));
    let paths: Vec<_> = paths.collect();
    let known = paths.iter().flatten().cloned().collect();
    let mut indexes = catalog::open(&context.platform, known).await?.into_iter().peekable();
    let mut opened = Vec::new();
    for (name, path) in names.iter().zip(paths) {
        let index = indexes.next_if(|(known, _)| Some(known) == path.as_ref());
        opened.push(index.and_then(|(_, index)| hit(context, name, index)));
    }
    Ok(opened)
}

/// A package, if this caller is shown any version of it.
fn hit<P: Platform>(context: &FeedContext<P>, name: &str, index: PackageIndex) -> Option<Hit> {
    let visible = |slot: &Slot| slot.is_live() && context.shows(&slot.views);
    let slots = index.slots.into_iter().filter(|entry| visible(&entry.slot));
    let slots: Vec<_> = slots.map(|entry| (entry.key, entry.slot)).collect();
    let hit = Hit { name: name.to_owned(), slots, tags: index.settings.tags };
    (!hit.slots.is_empty()).then_some(hit)
}

async fn matching<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    words: &[String],
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES {
        let (page, next) =
            index::catalog(&context.platform, &context.feed.id, ecosystem.protocol(), cursor.as_deref())
                .await?;
        names.extend(page.into_iter().filter(|name| {
            let name = name.to_lowercase();
            words.iter().all(|word| name.contains(&word.to_lowercase()))
        }));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(names)
}
