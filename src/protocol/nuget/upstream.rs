//! Other registries: what to ask, and reading what they say. A source whose address is that of a service index speaks v3
//! (`upstream/registration.rs`), any other OData (`upstream/atom.rs`).

mod atom;
mod registration;

use super::name;
use super::route::Search;
use super::wire::{self, Members};
use crate::error::UpstreamFault;
use crate::model::{Digest, FirstPublished, ListingState, Timestamp, json};
use crate::platform::OutgoingRequest;
use crate::service::{ListingDecoder, Package, Registry, upstream_get};
use crate::store::listing_codec::{Offer, OfferedArtifact};
use serde_json::Value;
use url::Url;

/// Where registrations are, those that show most first.
const REGISTRATIONS: [&str; 6] = [
    "RegistrationsBaseUrl/3.6.0",
    "RegistrationsBaseUrl/Versioned",
    "RegistrationsBaseUrl/3.4.0",
    "RegistrationsBaseUrl/3.0.0-rc",
    "RegistrationsBaseUrl/3.0.0-beta",
    "RegistrationsBaseUrl",
];

/// Where searches go.
const SEARCHES: [&str; 5] = [
    "SearchQueryService/3.5.0",
    "SearchQueryService/Versioned",
    "SearchQueryService/3.0.0-rc",
    "SearchQueryService/3.0.0-beta",
    "SearchQueryService",
];

const JSON: &str = "application/json";
const ATOM: &str = "application/atom+xml, application/xml;q=0.5";

/// The service index of a registry that has one. Sources are given by its address; that of its folder is understood.
fn service_index(location: &Url) -> Option<Url> {
    let text = location.as_str().trim_end_matches('/');
    match text.rsplit('/').next()?.to_ascii_lowercase().as_str() {
        "index.json" => Url::parse(text).ok(),
        "v3" => Url::parse(&format!("{text}/index.json")).ok(),
        _ => None,
    }
}

/// Where a registry describes itself, and what to accept.
pub(super) fn description_request(location: &Url) -> Option<(Url, &'static str)> {
    Some((service_index(location)?, JSON))
}

/// Is that a service index with which something can be done?
pub(super) fn is_description(document: &[u8]) -> bool {
    wire::resource(document, &REGISTRATIONS).is_some()
}

/// Where a registry lists the versions of a package, and what to accept.
pub(super) fn listing_request(
    registry: Registry<'_>,
    package: &Package,
) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
    let malformed = || UpstreamFault::Malformed("its service index has no registrations".to_owned());
    if service_index(registry.location).is_some() {
        let base = wire::resource(registry.description, &REGISTRATIONS).ok_or_else(malformed)?;
        let address = format!("{}/{}/index.json", base.trim_end_matches('/'), package.key());
        return Ok(Some((Url::parse(&address).map_err(|_| malformed())?, JSON)));
    }
    let Ok(mut url) = registry.location.join("FindPackagesById()") else { return Ok(None) };
    url.query_pairs_mut()
        .append_pair("id", &format!("'{}'", package.as_str()))
        .append_pair("semVerLevel", "2.0.0");
    Ok(Some((url, ATOM)))
}

/// A decoder for what comes from there.
pub(super) fn decoder(
    registry: Registry<'_>,
    package: &Package,
    url: &Url,
    content_type: &str,
) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
    if content_type.contains("html") {
        return Err(UpstreamFault::Malformed("HTML instead of a list of versions".to_owned()));
    }
    Ok(match service_index(registry.location) {
        Some(_) => Box::new(registration::Decoder::new(package, url)),
        None => Box::new(atom::Decoder::new(package, url)),
    })
}

/// What a registry finds.
pub(super) struct Finds {
    /// What is said of each, with the numbers of its `versions`.
    pub(super) packages: Vec<Members>,
    /// How many there are in all.
    pub(super) total: usize,
}

/// How to search a registry; `None` if it does not offer that.
pub(super) fn search_request(registry: Registry<'_>, search: &Search) -> Option<OutgoingRequest> {
    let flag = |value| if value { "true" } else { "false" };
    let (skip, take) = (search.from.to_string(), search.size.to_string());
    if service_index(registry.location).is_some() {
        let mut url = Url::parse(&wire::resource(registry.description, &SEARCHES)?).ok()?;
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair("q", &search.text).append_pair("skip", &skip).append_pair("take", &take);
        pairs.append_pair("prerelease", flag(search.prerelease));
        if search.semver2 {
            pairs.append_pair("semVerLevel", "2.0.0");
        }
        if !search.package_type.is_empty() {
            pairs.append_pair("packageType", &search.package_type);
        }
        drop(pairs);
        return Some(upstream_get(url, JSON));
    }
    let mut url = registry.location.join("Search()").ok()?;
    let latest = if search.prerelease { "IsAbsoluteLatestVersion" } else { "IsLatestVersion" };
    let text = format!("'{}'", search.text.replace('\'', "''"));
    url.query_pairs_mut()
        .append_pair("$inlinecount", "allpages")
        .append_pair("$filter", latest)
        .append_pair("searchTerm", &text)
        .append_pair("targetFramework", "''")
        .append_pair("includePrerelease", flag(search.prerelease))
        .append_pair("$skip", &skip)
        .append_pair("$top", &take);
    Some(upstream_get(url, ATOM))
}

/// Reads what a registry found.
pub(super) fn read_search(answer: &[u8]) -> Option<Finds> {
    let mut packages = Vec::new();
    if !answer.trim_ascii_start().starts_with(b"{") {
        let page = atom::Page::read(answer).ok()?;
        for entry in page.entries {
            let mut members = entry.members;
            let version = members.get("version").cloned().unwrap_or_default();
            members.insert("versions".to_owned(), vec![version].into());
            packages.push(members);
        }
        return Some(Finds { total: page.count.unwrap_or(packages.len()), packages });
    }
    let answer: Members = json::read(answer).ok()?;
    for package in answer.get("data")?.as_array()?.iter().filter_map(Value::as_object) {
        let (mut members, mut versions) = (wire::kept(package), Vec::new());
        for version in package.get("versions").and_then(Value::as_array).into_iter().flatten() {
            versions.extend(version.get("version").cloned());
        }
        if versions.is_empty() {
            versions.extend(members.get("version").cloned());
        }
        members.insert("versions".to_owned(), versions.into());
        packages.push(members);
    }
    let total = answer.get("totalHits").and_then(Value::as_u64).unwrap_or_default();
    Some(Finds { packages, total: usize::try_from(total).unwrap_or(usize::MAX) })
}

/// What a registry says of a version.
struct Release {
    members: Members,
    content: Url,
    digest: Option<Digest>,
    /// Where its digest is to be found, if it is not here.
    checksum: Option<Url>,
    size: Option<u64>,
    hidden: bool,
    published: Option<Timestamp>,
}

impl Release {
    /// The version as an offer; `None` for what no client could use. What is about another package is a mistake of the source,
    /// and not a package without versions.
    fn offer(self, package: &Package) -> Result<Option<Offer>, UpstreamFault> {
        if wire::text(&self.members, "id").to_lowercase() != package.key() {
            return Err(malformed("it tells of another package"));
        }
        Ok(self.usable(package))
    }

    fn usable(self, package: &Package) -> Option<Offer> {
        let version = name::parse_version(wire::text(&self.members, "version"))?;
        Some(Offer {
            version: version.as_str().to_owned(),
            key: version.key().to_owned(),
            artifacts: vec![OfferedArtifact {
                name: name::archive(package, &version).ok()?,
                url: self.content.into(),
                digests: self.digest.map_or_else(Vec::new, |digest| vec![digest]),
                checksum: self.checksum.map(Into::into),
                size: self.size,
                manifest: None,
                companion_of: None,
            }],
            listing: ListingState { hidden: self.hidden, message: wire::deprecation(&self.members) },
            first_published: FirstPublished::External,
            published: self.published,
            manifest: serde_json::value::to_raw_value(&self.members).ok()?,
        })
    }
}

fn malformed(what: impl std::fmt::Display) -> UpstreamFault {
    UpstreamFault::Malformed(what.to_string())
}

#[cfg(test)]
mod tests;
