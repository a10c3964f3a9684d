//! OData below `v2/`, as nuget 2, Chocolatey and PowerShell speak it
//! ([OData 2 conventions](https://www.odata.org/documentation/odata-version-2-0/uri-conventions/)).

use super::super::name;
use super::super::wire::filter::Filter;
use super::super::wire::odata::{Count, Order, Query, Question};
use super::{Endpoint, File, number, relist};
use crate::error::{Error, Result};
use crate::service::Package;
use http::Method;

/// Entries of one answer.
const PAGE: usize = 100;

/// Finds the endpoint; `segments` are those below `v2/`, decoded.
pub(super) fn route(method: &Method, segments: &[&str], query: Option<&str>) -> Result<Endpoint> {
    let is = |text: &str, fixed: &str| text.eq_ignore_ascii_case(fixed);
    match segments {
        [] | [""] => match *method {
            Method::PUT => Ok(Endpoint::Publish),
            _ => Ok(Endpoint::Service),
        },
        [metadata] if is(metadata, "$metadata") => Ok(Endpoint::Metadata),
        [batch] if is(batch, "$batch") => Ok(Endpoint::NotOffered("several requests in one")),
        [package] | [package, ""] if is(package, "package") => Ok(Endpoint::Publish),
        [package, id, version] if is(package, "package") => {
            if *method == Method::DELETE || *method == Method::POST {
                return relist(method, id, version);
            }
            let (package, version) = (name::parse(id)?, name::require_version(version)?);
            Ok(Endpoint::File(package, version, File::Archive))
        }
        [package, _] if is(package, "package") => Ok(Endpoint::NotOffered("packages without a version")),
        [function] => self::query(function, query, Count::None),
        [function, count] if is(count, "$count") => self::query(function, query, Count::Only),
        [id, version] => relist(method, id, version),
        _ => Err(Error::no_endpoint().into()),
    }
}

/// A function or a collection, with its options.
fn query(function: &str, options: Option<&str>, count: Count) -> Result<Endpoint> {
    let (name, rest) = function.split_once('(').unwrap_or((function, ")"));
    let key = rest.strip_suffix(')').ok_or_else(Error::no_endpoint)?;
    let options = Options::read(options);
    let id = || name::parse(&options.text("id").ok_or_else(|| missing("id"))?);
    let question = match (name.to_ascii_lowercase().as_str(), key.is_empty()) {
        ("findpackagesbyid", true) => Question::OfPackage(id()?),
        ("packages", true) => Question::Packages,
        ("packages", false) => one(key)?,
        ("search", true) => Question::Search {
            text: options.text("searchTerm").unwrap_or_default(),
            prerelease: options.is_true("includePrerelease"),
        },
        ("getupdates", true) => Question::Updates {
            installed: installed(&options)?,
            prerelease: options.is_true("includePrerelease"),
            all: options.is_true("includeAllVersions"),
        },
        _ => return Err(Error::no_endpoint().into()),
    };
    let top = options.get("$top").map(|top| number("$top", top)).transpose()?;
    let inline = options.get("$inlinecount").is_some_and(|text| text.eq_ignore_ascii_case("allpages"));
    let query = Query {
        question,
        filter: options
            .get("$filter")
            .filter(|text| !text.trim().is_empty())
            .map(Filter::parse)
            .transpose()?,
        order: options.get("$orderby").map(Order::parse).transpose()?.unwrap_or_default(),
        from: options.get("$skip").map(|skip| number("$skip", skip)).transpose()?.unwrap_or_default(),
        size: top.map_or(PAGE, |top| top.min(PAGE)),
        left: top,
        count: if inline && count == Count::None { Count::Inline } else { count },
        semver2: options.text("semVerLevel").is_some_and(|level| level.starts_with('2')),
        function: function.to_owned(),
        options: options.0,
    };
    Ok(Endpoint::Query(Box::new(query)))
}

/// `Packages(Id='X',Version='1.0')`.
fn one(key: &str) -> Result<Question> {
    let mut pairs = Options(Vec::new());
    for pair in key.split(',') {
        let (name, value) = pair.split_once('=').unwrap_or_default();
        pairs.0.push((name.trim().to_owned(), value.to_owned()));
    }
    let (id, version) = (pairs.text("Id"), pairs.text("Version"));
    let (id, version) = (id.ok_or_else(|| missing("Id"))?, version.ok_or_else(|| missing("Version"))?);
    Ok(Question::Version(name::parse(&id)?, name::require_version(&version)?))
}

/// Which packages a client has in which version, and which versions it would take.
fn installed(options: &Options) -> Result<Vec<(Package, String, String)>> {
    let list = |name: &str| options.text(name).unwrap_or_default();
    let (ids, versions, ranges) = (list("packageIds"), list("versions"), list("versionConstraints"));
    let (mut versions, mut ranges) = (versions.split('|'), ranges.split('|'));
    let mut installed = Vec::new();
    for id in ids.split('|') {
        let version = versions.next().unwrap_or_default().trim().to_owned();
        let range = ranges.next().unwrap_or_default().trim().to_owned();
        if !id.trim().is_empty() {
            installed.push((name::parse(id.trim())?, version, range));
        }
    }
    if installed.len() > PAGE {
        return Err(Error::Invalid(format!("`packageIds` has more than {PAGE} ids")).into());
    }
    Ok(installed)
}

fn missing(what: &str) -> Box<Error> {
    Error::Invalid(format!("`{what}` is missing")).into()
}

/// Options of a query, by name.
struct Options(Vec<(String, String)>);

impl Options {
    fn read(query: Option<&str>) -> Self {
        let mut pairs = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Self(pairs)
    }

    fn get(&self, wanted: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }

    /// A text in quotes, in which a quote is written twice; a text without quotes is taken too.
    fn text(&self, wanted: &str) -> Option<String> {
        let value = self.get(wanted)?.trim();
        let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        Some(quoted.map_or_else(|| value.to_owned(), |text| text.replace("''", "'")))
    }

    fn is_true(&self, wanted: &str) -> bool {
        self.get(wanted).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }
}
