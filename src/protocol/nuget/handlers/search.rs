//! `GET v3/query`: local packages first, then what an upstream registry finds, for those who may save it.

use super::super::NuGet;
use super::super::listing::{Entry, Hive};
use super::super::name::Number;
use super::super::route::Search;
use super::super::upstream::{self, Finds};
use super::super::wire::{Members, joined, text};
use crate::error::Result;
use crate::platform::Platform;
use crate::protocol::{Answer, Protocol};
use crate::service::search::{Hit, Hits};
use crate::service::{FeedContext, Registry, ask_first, search};
use http::StatusCode;
use serde_json::{Value, json};

/// Bytes of an upstream's answer.
const ANSWER_LIMIT: usize = 8 << 20;

/// What is shown of a package that was found.
const SHOWN: [&str; 8] =
    ["id", "version", "title", "description", "summary", "iconUrl", "licenseUrl", "projectUrl"];

/// One page of what was found.
pub(super) struct Found {
    /// Packages: what is said of the highest version, and all that may be shown.
    pub(super) packages: Vec<(Members, Vec<String>)>,
    /// How many there are in all, as far as is known.
    pub(super) total: usize,
}

/// Finds packages.
pub(super) async fn search<P: Platform>(context: &FeedContext<P>, wanted: &Search) -> Result<Answer<P>> {
    let found = find(context, wanted).await?;
    let hive = if wanted.semver2 { Hive::SemVer2 } else { Hive::Compressed };
    let data = found.packages.iter().map(|(members, versions)| datum(members, versions, hive, &context.root));
    let data: Vec<Value> = data.collect();
    Answer::json(StatusCode::OK, &json!({ "totalHits": found.total, "data": data }))
}

/// Finds packages here, and then upstream.
pub(super) async fn find<P: Platform>(context: &FeedContext<P>, wanted: &Search) -> Result<Found> {
    let local =
        search::search(context, NuGet::ECOSYSTEM, &words(&wanted.text), wanted.from, wanted.size).await?;
    let packages: Vec<_> = local.page.iter().filter_map(|hit| highest(hit, wanted, &context.root)).collect();
    let total = local.shown().count() - (local.page.len() - packages.len());
    let mut found = Found { packages, total };
    let room = wanted.size - local.names.len().saturating_sub(wanted.from).min(wanted.size);
    if context.sees_upstream() && room > 0 {
        let from = wanted.from.saturating_sub(local.names.len());
        // An upstream that fails does not hide local packages.
        if let Ok(Some(more)) = upstream(context, &Search { from, size: room, ..wanted.clone() }).await {
            add(&mut found, more, &local);
        }
    }
    Ok(found)
}

/// Adds what is not here, on whichever page.
fn add(found: &mut Found, more: Finds, local: &Hits) {
    let is_here = |members: &Members| {
        let id = text(members, "id").to_lowercase();
        local.names.contains(&id)
    };
    let (twice, new): (Vec<_>, Vec<_>) = more.packages.into_iter().partition(is_here);
    found.total += more.total.saturating_sub(twice.len());
    found.packages.extend(new.into_iter().map(|members| {
        let versions = members.get("versions").and_then(Value::as_array).into_iter().flatten();
        let mut versions: Vec<String> =
            versions.filter_map(|version| version.get("version")?.as_str().map(str::to_owned)).collect();
        if versions.is_empty() {
            versions.push(text(&members, "version").to_owned());
        }
        (members, versions)
    }));
}

/// What the first registry that answers finds.
pub(super) async fn upstream<P: Platform>(
    context: &FeedContext<P>,
    wanted: &Search,
) -> Result<Option<Finds>> {
    let request = |registry: Registry<'_>| upstream::search_request(registry, wanted);
    let answer = ask_first(context, NuGet::ECOSYSTEM, &request, ANSWER_LIMIT).await?;
    Ok(answer.and_then(|answer| upstream::read_search(&answer)))
}

/// Words of a query; of the qualifiers only those of ids say something about names.
pub(super) fn words(query: &str) -> Vec<String> {
    let word = |word: &str| {
        let (qualifier, value) = word.split_once(':').unwrap_or(("id", word));
        let is_id = ["id", "packageid"].iter().any(|known| qualifier.eq_ignore_ascii_case(known));
        Some(value.trim_matches('"').to_lowercase()).filter(|value| is_id && !value.is_empty())
    };
    query.split_whitespace().filter_map(word).collect()
}

/// The highest version that may be shown, and all of them.
fn highest(hit: &Hit, wanted: &Search, root: &str) -> Option<(Members, Vec<String>)> {
    let package = NuGet::ECOSYSTEM.package(&hit.name).ok()?;
    let entries = Entry::of_slots(&hit.slots, &package, root).into_iter();
    let shown = |entry: &Entry| {
        entry.is_listed()
            && entry.suits(wanted.prerelease, wanted.semver2)
            && is_of_type(entry, &wanted.package_type)
    };
    let entries: Vec<Entry> = entries.filter(shown).collect();
    let versions = entries.iter().map(|entry| entry.text("version").to_owned()).collect();
    Some((entries.into_iter().next_back()?.members, versions))
}

fn is_of_type(entry: &Entry, wanted: &str) -> bool {
    wanted.is_empty() || types(&entry.members).iter().any(|kind| kind.eq_ignore_ascii_case(wanted))
}

/// A package that does not say is a dependency.
fn types(members: &Members) -> Vec<&str> {
    let types = members.get("packageTypes").and_then(Value::as_array).into_iter().flatten();
    let types: Vec<&str> = types.filter_map(|kind| kind.get("name")?.as_str()).collect();
    if types.is_empty() { vec!["Dependency"] } else { types }
}

/// A package as clients show it.
fn datum(members: &Members, versions: &[String], hive: Hive, root: &str) -> Value {
    let id = text(members, "id").to_lowercase();
    let index = hive.address(root, &id, "index");
    let versions = versions.iter().filter_map(|version| {
        let leaf = hive.address(root, &id, Number::parse(version)?.key());
        Some(json!({ "version": version, "downloads": 0, "@id": leaf }))
    });
    let list = |member: &str, separator: char| -> Vec<String> {
        let text = joined(members.get(member), &separator.to_string());
        text.split(separator).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let types = types(members).into_iter().map(|name| json!({ "name": name }));
    let mut datum = json!({
        "@id": index, "@type": "Package", "registration": index, "tags": list("tags", ' '), "authors": list("authors", ','),
        "packageTypes": types.collect::<Vec<_>>(), "versions": versions.collect::<Vec<_>>(), "totalDownloads": 0,
        "verified": false,
    });
    for name in SHOWN {
        if let Some(value) = members.get(name) {
            datum[name] = value.clone();
        }
    }
    datum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_query_the_words_about_names_count() {
        assert_eq!(words("Json  packageid:\"Newtonsoft.Json\" tags:x author:y"), ["json", "newtonsoft.json"]);
        assert!(words(" owner:me id: ").is_empty());
    }
}
