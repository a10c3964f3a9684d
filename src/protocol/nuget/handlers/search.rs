//! `GET v3/query`: local packages first, then what an upstream registry finds, for those who may save it.

use super::super::NuGet;
use super::super::listing::{Entry, Hive};
use super::super::name::Number;
use super::super::route::Search;
use super::super::upstream::{self, Finds};
use super::super::wire::{BETWEEN_TAGS, Members, items, joined, text};
use crate::error::Result;
use crate::platform::Platform;
use crate::protocol::{Answer, Protocol};
use crate::service::search::Hit;
use crate::service::{FeedContext, Registry, ask_first, search};
use http::StatusCode;
use serde_json::{Value, json};

/// Bytes of an upstream's answer.
const ANSWER_LIMIT: usize = 8 << 20;

/// What is shown of a package that was found.
const SHOWN: [&str; 8] =
    ["id", "version", "title", "description", "summary", "iconUrl", "licenseUrl", "projectUrl"];

/// Finds packages.
pub(super) async fn search<P: Platform>(context: &FeedContext<P>, wanted: &Search) -> Result<Answer<P>> {
    let found = find(context, wanted).await?;
    let hive = if wanted.semver2 { Hive::SemVer2 } else { Hive::Compressed };
    let mut data = Vec::new();
    for members in found.packages {
        data.push(datum(members, hive, &context.root));
    }
    Answer::json(StatusCode::OK, &json!({ "totalHits": found.total, "data": data }))
}

/// Finds packages here, and then upstream: of each what is said of its highest version, and the numbers of all that may be
/// shown.
pub(super) async fn find<P: Platform>(context: &FeedContext<P>, wanted: &Search) -> Result<Finds> {
    let local =
        search::search(context, NuGet::ECOSYSTEM, &words(&wanted.text), wanted.from, wanted.size).await?;
    let mut found = Finds { packages: Vec::new(), total: local.shown().count() };
    for hit in &local.page {
        match highest(hit, wanted, &context.root) {
            Some(members) => found.packages.push(members),
            None => found.total = found.total.saturating_sub(1),
        }
    }
    let room = wanted.size - local.names.len().saturating_sub(wanted.from).min(wanted.size);
    if context.sees_upstream() && room > 0 {
        let from = wanted.from.saturating_sub(local.names.len());
        // An upstream that fails does not hide local packages.
        if let Ok(Some(more)) = upstream(context, &Search { from, size: room, ..wanted.clone() }).await {
            found.total += more.total;
            for members in more.packages {
                // What is here, on whichever page, is there once.
                if local.names.contains(&text(&members, "id").to_lowercase()) {
                    found.total = found.total.saturating_sub(1);
                } else {
                    found.packages.push(members);
                }
            }
        }
    }
    Ok(found)
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
    let mut words = Vec::new();
    for word in query.split_whitespace() {
        let (qualifier, value) = word.split_once(':').unwrap_or(("id", word));
        let value = value.trim_matches('"').to_lowercase();
        let is_id = qualifier.eq_ignore_ascii_case("id") || qualifier.eq_ignore_ascii_case("packageid");
        if is_id && !value.is_empty() {
            words.push(value);
        }
    }
    words
}

/// The highest version that may be shown, with the numbers of all of them.
fn highest(hit: &Hit, wanted: &Search, root: &str) -> Option<Members> {
    let package = NuGet::ECOSYSTEM.package(&hit.name).ok()?;
    let mut entries = Entry::of_slots(&hit.slots, &package, root);
    Entry::keep(&mut entries, &|entry| {
        entry.is_listed()
            && entry.suits(wanted.prerelease, wanted.semver2)
            && is_of_type(&entry.members, &wanted.package_type)
    });
    let mut versions: Vec<Value> = Vec::new();
    for entry in &entries {
        versions.push(entry.text("version").into());
    }
    let mut members = entries.pop()?.members;
    members.insert("versions".to_owned(), versions.into());
    Some(members)
}

fn is_of_type(members: &Members, wanted: &str) -> bool {
    let types = types(members);
    wanted.is_empty()
        || types
            .iter()
            .any(|kind| kind["name"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)))
}

/// A package that does not say is a dependency.
fn types(members: &Members) -> Vec<Value> {
    let types = members.get("packageTypes").and_then(Value::as_array).cloned().unwrap_or_default();
    if types.is_empty() { vec![json!({ "name": "Dependency" })] } else { types }
}

/// A package as clients show it.
fn datum(mut members: Members, hive: Hive, root: &str) -> Value {
    let id = text(&members, "id").to_lowercase();
    let index = hive.address(root, &id, "index");
    let mut versions = Vec::new();
    let known = members.get("versions").and_then(Value::as_array);
    for version in known.into_iter().flatten().filter_map(Value::as_str) {
        if let Some(number) = Number::parse(version) {
            let leaf = hive.address(root, &id, number.key());
            versions.push(json!({ "version": version, "downloads": 0, "@id": leaf }));
        }
    }
    let mut datum = Members::new();
    for name in SHOWN {
        datum.extend(members.shift_remove(name).map(|value| (name.to_owned(), value)));
    }
    for (name, value) in [
        ("@id", Value::from(index.as_str())),
        ("@type", "Package".into()),
        ("registration", index.into()),
        ("tags", items(&joined(members.get("tags"), " "), &BETWEEN_TAGS).into()),
        ("authors", items(&joined(members.get("authors"), ","), &[',']).into()),
        ("packageTypes", types(&members).into()),
        ("versions", versions.into()),
        ("totalDownloads", 0.into()),
        ("verified", false.into()),
    ] {
        datum.insert(name.to_owned(), value);
    }
    datum.into()
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
