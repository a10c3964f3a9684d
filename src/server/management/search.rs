//! Searching the packages of all feeds that the caller may read, by name.
//!
//! A search reads names, in the order of feeds, and opens what it shows; it reads at most [`LISTS`] thousand of them, and
//! then says where to go on. With facets it reads on when there are enough results: facets, and the number of results, are
//! of the names that were read. Out of scope: descriptions, and other orders: both would take an index of their own.

use super::Call;
use super::catalog::{opened, read_token, token};
use super::message::{self, Reply};
use super::package_json::{Opened, Printer};
use super::route::known;
use crate::error::{Error, Missing, Result};
use crate::model::{Feed, FeedLocator, OrganizationName, ProtocolId};
use crate::platform::Platform;
use crate::service::{self, FeedContext, catalog};
use crate::store::{feeds, keys, organizations};
use serde_json::{Map, Value, json};
use std::rc::Rc;

/// Calls that list 1,000 names each, one per feed at least.
const LISTS: usize = 30;

/// Feeds that are looked at, by their names; each takes two reads.
const FEEDS: usize = 200;

/// Results of one answer.
const TOP: usize = 25;
const TOP_LIMIT: usize = 100;
const SKIP_LIMIT: usize = 10_000;

/// What is looked for.
struct Wish {
    text: String,
    feeds: Vec<String>,
    protocols: Vec<ProtocolId>,
    skip: usize,
    top: usize,
    facets: bool,
    after: Option<String>,
}

impl Wish {
    fn read(body: &Value) -> Result<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_lowercase);
        let number = |name: &str, absent: usize, limit: usize| match body.get(name).and_then(Value::as_u64) {
            None => Ok(absent),
            Some(number) => usize::try_from(number).ok().filter(|number| *number <= limit).ok_or_else(|| {
                Error::Invalid(format!(
                    "`{name}` is at most {limit}; for more go on with `continuationToken`"
                ))
            }),
        };
        let mut wish = Self {
            text: text("searchText").unwrap_or_default().replace('*', ""),
            feeds: Vec::new(),
            protocols: Vec::new(),
            skip: number("$skip", 0, SKIP_LIMIT)?,
            top: number("$top", TOP, TOP_LIMIT)?,
            facets: body.get("includeFacets").and_then(Value::as_bool).unwrap_or_default(),
            after: body.get("continuationToken").and_then(Value::as_str).map(str::to_owned),
        };
        for (name, values) in body.get("filters").and_then(Value::as_object).into_iter().flatten() {
            for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
                match name.to_ascii_lowercase().as_str() {
                    "feed" | "feeds" => wish.feeds.push(value.to_lowercase()),
                    "protocoltype" | "protocol" => wish.protocols.push(known(value)?),
                    _ => {
                        let text = format!("`filters` are `Feed` and `ProtocolType`, not `{name}`");
                        return Err(Error::Invalid(text).into());
                    }
                }
            }
        }
        Ok(wish)
    }

    fn wants_feed(&self, feed: &Feed) -> bool {
        let names = [feed.name.key(), feed.id.as_str().to_owned()];
        self.feeds.is_empty() || self.feeds.iter().any(|wanted| names.contains(wanted))
    }

    fn wants(&self, path: &keys::PackagePath) -> bool {
        let protocols = &self.protocols;
        let spoken = protocols.is_empty() || protocols.iter().any(|id| id.as_str() == path.protocol());
        spoken && path.package_key().to_lowercase().contains(&self.text)
    }
}

/// What was found.
#[derive(Default)]
struct Found {
    results: Vec<Value>,
    count: usize,
    by_feed: Map<String, Value>,
    by_protocol: Map<String, Value>,
    next: Option<(String, usize)>,
}

/// Answers a search.
pub(super) async fn answer<P: Platform>(call: Call<'_, P>, organization: &OrganizationName) -> Result<Reply> {
    let body: Value = message::read(call.body).await?;
    let wish = Wish::read(&body)?;
    let mut contexts = Vec::new();
    for feed in feeds::list(call.platform, organization, None, None, FEEDS).await?.0 {
        if feed.deleted.is_some() || feed.is_disabled || !wish.wants_feed(&feed) {
            continue;
        }
        let locator = FeedLocator { feed: feed.name.clone(), view: None };
        let (platform, principal) = (call.platform.clone(), Rc::clone(&call.principal));
        let settings = call.config.settings;
        let opened = service::enter(platform, Rc::new(feed), locator, principal, "".into(), settings);
        contexts.extend(opened.ok().filter(|context| context.authority.effective().is_some()));
    }
    if contexts.is_empty() && !organizations::exists(call.platform, organization).await? {
        return Err(Error::NotFound(Missing::Organization(organization.to_string())).into());
    }
    let found = search(call.platform, &call.origin, &contexts, &wish).await?;
    let mut body = json!({ "count": found.count, "results": found.results, "infoCode": 0 });
    if wish.facets {
        body["facets"] = json!({ "Feed": facet(&found.by_feed), "ProtocolType": facet(&found.by_protocol) });
    }
    let continuation = found.next.as_ref().map(token);
    if let Some(continuation) = &continuation {
        body["continuationToken"] = json!(continuation);
    }
    Ok(Reply { continuation, ..Reply::ok(&body) })
}

async fn search<P: Platform>(
    platform: &P,
    origin: &str,
    contexts: &[FeedContext<P>],
    wish: &Wish,
) -> Result<Found> {
    let (mut found, mut lists) = (Found::default(), LISTS);
    let (mut after, mut skip) = match &wish.after {
        Some(token) => read_token(token).map(|(after, skip)| (Some(after), skip))?,
        None => (None, wish.skip),
    };
    for context in contexts {
        let prefix = keys::in_feed(keys::CATALOG, &context.feed.id, None);
        // A page goes on in the feed in which the one before stopped.
        if after.as_ref().is_some_and(|after| !after.starts_with(&prefix)) {
            continue;
        }
        let (start, mut last) = (after.take(), prefix.clone());
        let mut paths = Vec::new();
        let ended = catalog::visit(platform, &prefix, start, &mut lists, &mut |key, path| {
            if let Some(path) = path.filter(|path| wish.wants(path)) {
                let full = found.results.len() + paths.len() == wish.top;
                if full && !wish.facets {
                    found.next = Some((last.clone(), 0));
                    return false;
                }
                found.count += 1;
                tally(&mut found.by_feed, context.feed.id.as_str(), context.feed.name.as_str());
                tally(&mut found.by_protocol, path.protocol(), path.protocol());
                if skip > 0 {
                    skip -= 1;
                } else if !full {
                    paths.push(path);
                } else if found.next.is_none() {
                    found.next = Some((last.clone(), 0));
                }
            }
            last = key;
            true
        })
        .await?;
        for (path, index) in catalog::open(platform, paths).await? {
            let result = opened(path, index).and_then(|opened| print(context, origin, wish, &opened));
            found.results.extend(result);
        }
        if !ended {
            found.next = found.next.or(Some((last, skip)));
            return Ok(found);
        }
    }
    Ok(found)
}

fn print<P: Platform>(context: &FeedContext<P>, origin: &str, wish: &Wish, opened: &Opened) -> Option<Value> {
    let shown = opened.versions(&|entry| entry.slot.is_live() && context.shows(&entry.slot.views));
    let latest = opened.latest(&shown)?;
    let printer = Printer::new(context, origin, true);
    let mut printed = printer.package(opened, &[]);
    let described = printer.minimal(opened, latest, true, true);
    let name = printed["name"].take();
    let marked = name
        .as_str()
        .unwrap_or_default()
        .to_lowercase()
        .replace(&wish.text, &format!("<highlighthit>{}</highlighthit>", wish.text));
    Some(json!({
        "id": printed["id"].take(),
        "name": name,
        "protocolType": printed["protocolType"].take(),
        "description": described["packageDescription"],
        "hits": if wish.text.is_empty() { json!([]) } else { json!([{ "fieldReferenceName": "name", "highlights": [marked] }]) },
        "feeds": [{
            "collectionName": context.feed.organization,
            "feedId": context.feed.id,
            "feedName": context.feed.name,
            "latestVersion": latest.slot.version,
            "latestMatchedVersion": latest.slot.version,
            "packageUrl": printed["url"].take(),
            "views": described["views"].as_array().into_iter().flatten().map(|view| view["name"].clone()).collect::<Value>(),
        }],
    }))
}

fn tally(counts: &mut Map<String, Value>, id: &str, name: &str) {
    let count = counts.get(id).and_then(|facet| facet["resultCount"].as_u64()).unwrap_or_default();
    counts.insert(id.to_owned(), json!({ "id": id, "name": name, "resultCount": count + 1 }));
}

fn facet(counts: &Map<String, Value>) -> Value {
    counts.values().cloned().collect()
}
