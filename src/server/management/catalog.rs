//! Packages of every protocol, by their ids: lists of them, one of them, its versions, how they got here, how often they
//! are downloaded.

use super::Call;
use super::bin::{self, is_in_bin};
use super::message::{self, Reply};
use super::metrics;
use super::package_json::{Opened, Printer};
use super::provenance;
use super::route::{CatalogOperation, PackagesQuery, Question};
use crate::error::{Error, Missing, Result};
use crate::model::ProtocolId;
use crate::platform::Platform;
use crate::protocol;
use crate::service::catalog::{self, Sought};
use crate::service::{Ecosystem, FeedContext};
use crate::store::index::{self, IndexedSlot, PackageIndex};
use crate::store::keys::{self, PackagePath};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Answers what is asked about packages.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    operation: CatalogOperation,
) -> Result<Reply> {
    match operation {
        CatalogOperation::ListPackages(query) => list(&call, context, &query).await,
        CatalogOperation::ListBin(query) => bin::list(&call, context, &query).await,
        CatalogOperation::EmptyBin => bin::empty(context).await,
        CatalogOperation::PackageMetrics => metrics::of_packages(call, context).await,
        CatalogOperation::VersionMetrics(id) => metrics::of_versions(call, context, &id).await,
        CatalogOperation::Ask(id, question, query) => {
            if question.is_about_bin() {
                bin::refuse_anonymous(context)?;
            }
            let opened = open(context, &id).await?;
            let said = match &question {
                Question::Provenance(version) => provenance::said(context, &opened, version).await?,
                _ => None,
            };
            about(&call.origin, context, &opened, &question, query, said)
        }
    }
}

/// Answers what is asked about a package that was opened: there is nothing more to wait for.
fn about<P: Platform>(
    origin: &str,
    context: &FeedContext<P>,
    opened: &Opened,
    question: &Question,
    query: PackagesQuery,
    said: Option<Map<String, Value>>,
) -> Result<Reply> {
    let mut printer = Printer::new(context, origin, query.urls);
    if question.is_about_bin() {
        printer.folder = bin::FOLDER;
    }
    let whole = |query: &PackagesQuery, is_wanted: &dyn Fn(&IndexedSlot) -> bool| {
        let body = print_package(context, &printer, opened, query, is_wanted);
        Ok(Reply::ok(&body.ok_or_else(|| missing(&opened.path.package_id()))?))
    };
    let query = PackagesQuery { counts_versions: false, ..query };
    match question {
        Question::Package => whole(&query, &live(&query)),
        Question::BinPackage => whole(&PackagesQuery { all_versions: true, ..query }, &is_in_bin),
        Question::Versions => Ok(versions(context, &printer, opened, &query, &kept(&query))),
        Question::BinVersions => Ok(versions(context, &printer, opened, &query, &is_in_bin)),
        Question::Version(version) => one_version(context, &printer, opened, version, &kept(&query)),
        Question::BinVersion(version) => one_version(context, &printer, opened, version, &is_in_bin),
        Question::Provenance(version) => provenance::get(context, opened, version, said),
    }
}

/// Those that are there, and deleted ones if they are asked for.
fn live(query: &PackagesQuery) -> impl Fn(&IndexedSlot) -> bool {
    let with_deleted = query.with_deleted;
    move |entry| entry.slot.is_live() || with_deleted && is_in_bin(entry)
}

/// Those whose bytes are there, deleted or not unless one of both is asked for.
fn kept(query: &PackagesQuery) -> impl Fn(&IndexedSlot) -> bool {
    let deleted = query.deleted;
    move |entry| {
        let in_bin = is_in_bin(entry);
        (in_bin || entry.slot.is_live()) && deleted.is_none_or(|deleted| deleted == in_bin)
    }
}

async fn list<P: Platform>(
    call: &Call<'_, P>,
    context: &FeedContext<P>,
    query: &PackagesQuery,
) -> Result<Reply> {
    let of_protocol = query.protocol.and_then(|id| protocol::ecosystem(id.as_str()));
    if (query.listed.is_some() || query.released.is_some())
        && !of_protocol.is_some_and(Ecosystem::filters_lists)
    {
        let names = protocol::PROTOCOLS.iter().filter(|entry| entry.ecosystem.filters_lists());
        let names: Vec<_> = names.map(|entry| entry.id.as_str()).collect();
        let text = format!("`isListed` and `isRelease` go with `protocolType={}` only", names.join("|"));
        return Err(Error::NotFound(Missing::Other(text)).into());
    }
    let printer = Printer::new(context, &call.origin, query.urls);
    pages(context, &printer, query, keys::CATALOG, &live(query)).await
}

/// A page of packages, with their versions that are wanted.
pub(super) async fn pages<P: Platform>(
    context: &FeedContext<P>,
    printer: &Printer<'_>,
    query: &PackagesQuery,
    root: &str,
    is_wanted: &dyn Fn(&IndexedSlot) -> bool,
) -> Result<Reply> {
    let (found, next) = if let Some(name) = &query.normalized_name {
        (named(context, query.protocol, name).await?, None)
    } else {
        let page = walk(context, query, root).await?;
        (page.packages, page.next.map(|next| token(&next)))
    };
    let mut shown = Vec::new();
    for (path, index) in found {
        // A protocol that is no longer spoken, or a name it no longer takes: not to be had otherwise, either.
        let Some(opened) = opened(path, index) else { continue };
        shown.extend(print_package(context, printer, &opened, query, is_wanted));
    }
    Ok(Reply::list(&shown, next))
}

async fn walk<P: Platform>(
    context: &FeedContext<P>,
    query: &PackagesQuery,
    root: &str,
) -> Result<catalog::Page> {
    let wanted = query.name.as_deref().unwrap_or_default();
    let (after, left) = match &query.continuation {
        Some(token) => read_token(token)?,
        None => (String::new(), query.skip),
    };
    let is_wanted = |key: &str| wanted.is_empty() || key.to_lowercase().contains(wanted);
    let sought = Sought {
        prefix: keys::in_feed(root, &context.feed.id, query.protocol),
        is_wanted: &is_wanted,
        after: Some(after).filter(|after| !after.is_empty()),
        skip: if query.counts_versions { 0 } else { left },
        top: query.top,
    };
    catalog::page(context, sought).await
}

/// Where a page stopped, in a text that survives being put into an address as it is.
pub(super) fn token(next: &(String, usize)) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", next.1, next.0))
}

/// Reads that text. Whoever makes one up gets to other keys below the same prefix.
pub(super) fn read_token(token: &str) -> Result<(String, usize)> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (skip, after) = text.split_once(' ')?;
        Some((after.to_owned(), skip.parse().ok()?))
    };
    read()
        .ok_or_else(|| Error::Invalid("`continuationToken` is not one that was given out here".to_owned()))
        .map_err(Box::new)
}

/// The packages of that very name: one in each protocol.
async fn named<P: Platform>(
    context: &FeedContext<P>,
    only: Option<ProtocolId>,
    name: &str,
) -> Result<Vec<(PackagePath, PackageIndex)>> {
    let mut found = Vec::new();
    for entry in protocol::PROTOCOLS.iter().filter(|entry| only.is_none_or(|only| only == entry.id)) {
        let Ok(package) = entry.ecosystem.package(name) else { continue };
        let path = context.path(&package);
        if let Some(stored) = index::get(&context.platform, &path).await? {
            found.push((path, stored.value));
        }
    }
    Ok(found)
}

/// A package of a protocol that is spoken here.
pub(super) fn opened(path: PackagePath, index: PackageIndex) -> Option<Opened> {
    let ecosystem = protocol::ecosystem(path.protocol())?;
    let package = ecosystem.package(&path.package_key()).ok()?;
    Some(Opened { package, path, index })
}

/// The package of that id, or by `{protocol}:{name}`.
pub(super) async fn open<P: Platform>(context: &FeedContext<P>, id: &str) -> Result<Opened> {
    let by_name =
        id.split_once(':').and_then(|(protocol, name)| Some((protocol::ecosystem(protocol)?, name)));
    let path = match by_name {
        Some((ecosystem, name)) => Some(context.path(&ecosystem.package(name)?)),
        None => index::find(&context.platform, &context.feed.id, &id.to_ascii_lowercase()).await?,
    };
    let path = path.ok_or_else(|| missing(id))?;
    let index = index::get(&context.platform, &path).await?.ok_or_else(|| missing(id))?;
    opened(path, index.value).ok_or_else(|| missing(id)).map_err(Box::new)
}

/// There is no such package for this caller.
fn missing(id: &str) -> Error {
    let shown: String = id.chars().take(160).collect();
    Error::NotFound(Missing::Other(format!("no package of this feed has the id `{shown}`")))
}

/// A package with its versions that are wanted; `None` if there are none.
fn print_package<P: Platform>(
    context: &FeedContext<P>,
    printer: &Printer<'_>,
    opened: &Opened,
    query: &PackagesQuery,
    is_wanted: &dyn Fn(&IndexedSlot) -> bool,
) -> Option<Value> {
    let ecosystem = opened.package.ecosystem;
    let wanted = |entry: &IndexedSlot| {
        let slot = &entry.slot;
        context.shows(&slot.views)
            && is_wanted(entry)
            && query.listed.is_none_or(|listed| listed != slot.shown_listing().hidden)
            && query.released.is_none_or(|released| released != ecosystem.is_prerelease(&entry.key))
            && query.cached.is_none_or(|cached| cached != slot.is_published())
            && query.source.as_ref().is_none_or(|source| {
                slot.saved_from().is_some_and(|id| id.as_str().eq_ignore_ascii_case(source))
            })
    };
    let shown = opened.versions(&wanted);
    let latest = opened.latest(&shown)?;
    let (skip, top) = if query.counts_versions { (query.skip, query.top) } else { (0, usize::MAX) };
    let versions = shown.iter().filter(|entry| query.all_versions || entry.key == latest.key);
    let versions = versions.skip(skip).take(top);
    let versions: Vec<_> = versions
        .map(|entry| printer.minimal(opened, entry, entry.key == latest.key, query.description))
        .collect();
    Some(printer.package(opened, &versions))
}

/// All that is known of the versions of a package that are wanted.
fn versions<P: Platform>(
    context: &FeedContext<P>,
    printer: &Printer<'_>,
    opened: &Opened,
    query: &PackagesQuery,
    is_wanted: &dyn Fn(&IndexedSlot) -> bool,
) -> Reply {
    let shown = opened.versions(&|entry| {
        let listed = query.listed.is_none_or(|listed| listed != entry.slot.shown_listing().hidden);
        listed && is_wanted(entry) && context.shows(&entry.slot.views)
    });
    let latest = opened.latest(&shown).map(|entry| &entry.key);
    let printed: Vec<_> =
        shown.iter().map(|entry| printer.version(opened, entry, latest == Some(&entry.key))).collect();
    Reply::list(&printed, None)
}

/// One version, with its brothers in short.
fn one_version<P: Platform>(
    context: &FeedContext<P>,
    printer: &Printer<'_>,
    opened: &Opened,
    version: &str,
    is_wanted: &dyn Fn(&IndexedSlot) -> bool,
) -> Result<Reply> {
    let shown = opened.versions(&|entry| is_wanted(entry) && context.shows(&entry.slot.views));
    let entry = find_version(opened, &shown, version)?;
    let latest = opened.latest(&shown).map(|entry| &entry.key);
    let others = shown.iter().filter(|other| other.key != entry.key);
    let others = others.map(|other| printer.minimal(opened, other, latest == Some(&other.key), false));
    let mut body = printer.version(opened, entry, latest == Some(&entry.key));
    body["otherVersions"] = others.collect();
    Ok(Reply::ok(&body))
}

/// The version of that id or number among these.
pub(super) fn find_version<'a>(
    opened: &Opened,
    shown: &[&'a IndexedSlot],
    version: &str,
) -> Result<&'a IndexedSlot> {
    // Ids are hashes: they are worked out only if it is none of the numbers.
    let by_id =
        || shown.iter().find(|entry| opened.path.version_id(&entry.key).eq_ignore_ascii_case(version));
    let found = find_number(opened, shown, version).or_else(|| by_id().copied());
    let missing = || {
        let shown = version.chars().take(160).collect();
        Error::NotFound(Missing::Version(opened.package.to_string(), shown))
    };
    found.ok_or_else(missing).map_err(Box::new)
}

/// The version of that number among these.
pub(super) fn find_number<'a>(
    opened: &Opened,
    shown: &[&'a IndexedSlot],
    text: &str,
) -> Option<&'a IndexedSlot> {
    let number = opened.package.ecosystem.version(text)?;
    shown.iter().find(|entry| entry.key == number.key()).copied()
}

/// The ids in the body of a question about several things.
pub(super) async fn read_ids<P: Platform>(
    call: Call<'_, P>,
    name: &str,
    limit: usize,
) -> Result<Vec<String>> {
    let body: Value = message::read(call.body).await?;
    let ids = body.get(name).and_then(Value::as_array);
    let ids = ids.ok_or_else(|| Error::Invalid(format!("`{name}` is missing: an array of ids")))?;
    if ids.len() > limit {
        return Err(Error::Invalid(format!("`{name}` has at most {limit} ids")).into());
    }
    Ok(ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
}
