//! Questions in OData: entries of the packages they are about, which of them, in which order, a page at a time.

use super::super::NuGet;
use super::super::listing::{self, Entry};
use super::super::name::{self, Number, Range};
use super::super::route::Search;
use super::super::wire::odata::{Count, Query, Question};
use super::{read, search};
use crate::error::{Error, Missing, Result};
use crate::platform::Platform;
use crate::protocol::{Answer, Protocol};
use crate::service::{FeedContext, Package, search as catalogue};
use http::StatusCode;
use url::form_urlencoded::Serializer;

/// Packages that are opened for one answer.
const OPEN_LIMIT: usize = 300;

/// What was found.
struct Found {
    entries: Vec<Entry>,
    /// How many there are in all.
    total: usize,
    /// Are these only the ones asked for, the ones before them passed over already?
    is_page: bool,
}

/// Answers a question.
pub(super) async fn query<P: Platform>(context: &FeedContext<P>, query: &Query) -> Result<Answer<P>> {
    let found = match &query.question {
        Question::Version(package, version) => {
            let entries = versions(context, package, true).await?;
            let entry = entries.iter().find(|entry| entry.number.key() == version.key());
            let missing = || Error::NotFound(Missing::Version(package.to_string(), version.to_string()));
            let document = listing::atom_entry(&super::base(context), entry.ok_or_else(missing)?);
            return Ok(super::xml(document, "application/atom+xml;type=entry;charset=utf-8"));
        }
        Question::OfPackage(package) => all(query, versions(context, package, query.semver2).await?),
        Question::Packages => match query.filter.as_ref().and_then(|filter| filter.ids.as_ref()) {
            Some(ids) => all(query, of_ids(context, ids, query.semver2).await?),
            None => local(context, query, &[]).await?,
        },
        Question::Search { text, prerelease } => {
            let found = local(context, query, &search::words(text)).await?;
            with_upstream(context, query, found, text, *prerelease).await
        }
        Question::Updates { installed, prerelease, all: every } => {
            let mut newer = Vec::new();
            for (package, version, range) in installed {
                let entries = versions(context, package, query.semver2).await?;
                newer.append(&mut updates(entries, version, range, *prerelease, *every));
            }
            all(query, newer)
        }
    };
    Ok(print(context, query, &found))
}

/// All versions of a package that a client may see who understands SemVer 2, or not, lowest first; none if there is no
/// such package.
pub(super) async fn versions<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    semver2: bool,
) -> Result<Vec<Entry>> {
    let mut entries = match read::entries(context, package).await {
        Err(error)
            if matches!(*error, Error::NotFound(Missing::Package(_) | Missing::PackageNotSaved(..))) =>
        {
            Vec::new()
        }
        entries => entries?,
    };
    Entry::keep(&mut entries, &|entry| entry.suits(true, semver2));
    listing::mark_latest(&mut entries);
    Ok(entries)
}

async fn of_ids<P: Platform>(context: &FeedContext<P>, ids: &[String], semver2: bool) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for id in ids.iter().take(OPEN_LIMIT) {
        if let Ok(package) = name::parse(id) {
            entries.append(&mut versions(context, &package, semver2).await?);
        }
    }
    Ok(entries)
}

/// Those of the entries that are asked for, in order.
fn all(query: &Query, mut entries: Vec<Entry>) -> Found {
    if let Some(filter) = &query.filter {
        Entry::keep(&mut entries, &|entry| filter.admits(entry));
    }
    query.order.sort(&mut entries);
    let total = entries.len();
    Found { entries, total, is_page: false }
}

/// What is asked for of the packages here whose names contain these words. Of too many packages no more can be answered
/// than one entry of each.
async fn local<P: Platform>(context: &FeedContext<P>, query: &Query, words: &[String]) -> Result<Found> {
    let mut names = catalogue::search(context, NuGet::ECOSYSTEM, words, 0, 0).await?.names;
    if let Some(descending) = query.order.by_id() {
        names.sort();
        if descending {
            names.reverse();
        }
    }
    let is_page = names.len() > OPEN_LIMIT;
    if is_page && query.filter.as_ref().is_none_or(|filter| !filter.is_of_latest) {
        return Err(Error::Invalid(format!(
            "{} packages are asked for, of which all versions cannot be told at once: say more in `searchTerm`, or ask for \
             those with `IsLatestVersion`",
            names.len()
        )).into());
    }
    let (from, size) = if is_page { (query.from, query.size) } else { (0, names.len()) };
    let wanted = names.get(from.min(names.len())..).unwrap_or_default();
    let wanted = wanted.get(..size.min(wanted.len())).unwrap_or_default();
    let (searches, mut entries) = (matches!(query.question, Question::Search { .. }), Vec::new());
    for hit in catalogue::open(context, NuGet::ECOSYSTEM, wanted).await?.into_iter().flatten() {
        let mut of_package = Entry::of_slots(&hit.slots, &*name::parse(&hit.name)?, &context.root);
        Entry::keep(&mut of_package, &|entry| entry.suits(true, query.semver2));
        listing::mark_latest(&mut of_package);
        Entry::keep(&mut of_package, &|entry| !searches || entry.is_listed());
        entries.append(&mut of_package);
    }
    if let Question::Search { prerelease: false, .. } = query.question {
        Entry::keep(&mut entries, &|entry| !entry.number.is_prerelease());
    }
    let found = all(query, entries);
    Ok(if is_page { Found { total: names.len(), is_page, ..found } } else { found })
}

/// Adds what an upstream registry finds, for those who may save it.
async fn with_upstream<P: Platform>(
    context: &FeedContext<P>,
    query: &Query,
    mut found: Found,
    text: &str,
    prerelease: bool,
) -> Found {
    let room = query.size - found.total.saturating_sub(query.from).min(query.size);
    if !context.sees_upstream() || room == 0 && query.count == Count::None {
        return found;
    }
    let wanted = Search {
        text: text.to_owned(),
        from: query.from.saturating_sub(found.total),
        size: room.max(1),
        prerelease,
        semver2: query.semver2,
        package_type: String::new(),
    };
    // An upstream that fails does not hide local packages.
    let Ok(Some(more)) = search::upstream(context, &wanted).await else { return found };
    let mut entries = Vec::new();
    let mut twice = 0;
    for members in more.packages {
        let Some(mut entry) = Entry::new(members) else { continue };
        entry.is_absolute_latest = true;
        entry.is_latest = !entry.number.is_prerelease();
        let is_here = found.entries.iter().any(|here| here.text("id").eq_ignore_ascii_case(entry.text("id")));
        twice += usize::from(is_here);
        if !is_here && query.filter.as_ref().is_none_or(|filter| filter.admits(&entry)) {
            entries.push(entry);
        }
    }
    if room > 0 {
        found.entries.append(&mut entries);
    }
    found.total += more.total.saturating_sub(twice);
    found
}

/// The versions that a client may take in place of one it has.
fn updates(
    mut entries: Vec<Entry>,
    installed: &str,
    range: &str,
    prerelease: bool,
    every: bool,
) -> Vec<Entry> {
    let Some(installed) = Number::parse(installed.trim()) else { return Vec::new() };
    let range = Range::parse(range);
    let is_newer = |entry: &Entry| {
        entry.number > installed
            && entry.is_listed()
            && entry.suits(prerelease, true)
            && range.as_ref().is_none_or(|range| range.contains(&entry.number))
    };
    Entry::keep(&mut entries, &is_newer);
    if every { entries } else { entries.split_off(entries.len().saturating_sub(1)) }
}

/// A page of what was found, or how much that is.
fn print<P: Platform>(context: &FeedContext<P>, query: &Query, found: &Found) -> Answer<P> {
    if query.count == Count::Only {
        return super::text(StatusCode::OK, found.total.to_string());
    }
    let from = if found.is_page { 0 } else { query.from };
    let page = found.entries.get(from.min(found.entries.len())..).unwrap_or_default();
    let page = page.get(..query.size.min(page.len())).unwrap_or_default();
    let base = super::base(context);
    let goes_on = query.size > 0
        && found.total > query.from.saturating_add(query.size)
        && query.left.is_none_or(|left| left > query.size);
    let next = goes_on.then(|| next(&base, query));
    let count = (query.count == Count::Inline).then_some(found.total);
    let now = context.platform.now();
    let document = listing::atom_feed(&base, &query.function, page, count, next.as_deref(), now);
    super::xml(document, "application/atom+xml;type=feed;charset=utf-8")
}

/// Where it goes on.
fn next(base: &str, query: &Query) -> String {
    let mut options = Serializer::new(String::new());
    for (name, value) in &query.options {
        if !name.eq_ignore_ascii_case("$skip") && !name.eq_ignore_ascii_case("$top") {
            options.append_pair(name, value);
        }
    }
    options.append_pair("$skip", &query.from.saturating_add(query.size).to_string());
    if let Some(left) = query.left {
        options.append_pair("$top", &left.saturating_sub(query.size).to_string());
    }
    format!("{base}{}?{}", query.function, options.finish())
}
