//! Reading the segments of a path and the pairs of a query.

use super::SearchQuery;
use crate::error::{Error, Missing, Result};
use crate::model::{ArtifactName, Version, json};
use crate::protocol::{npm::name, text};
use crate::service::Package;

/// Most results per page of a search.
const SEARCH_LIMIT: usize = 250;
/// Results per page of a search that does not say.
const SEARCH_DEFAULT: usize = 20;

/// Decodes one segment. A slash in it stands between the two parts of a scoped name.
pub(super) fn decode(segment: &str) -> Result<String> {
    let decoded = text::segment_with_slashes(segment)?;
    let is_trick = decoded.split('/').any(|part| matches!(part, "" | "." | ".."));
    if is_trick { Err(text::malformed()) } else { Ok(decoded) }
}

/// A segment that must not hide an encoded slash.
pub(super) fn plain(segment: &str) -> Result<String> {
    if segment.contains('/') {
        return Err(Error::Invalid("an encoded `/` is for scoped names only".to_owned()).into());
    }
    Ok(segment.to_owned())
}

/// Takes a package's name off the front: one segment (`name`, `@scope%2fname`) or two (`@scope/name`).
pub(super) fn take_name<'a, 'b>(segments: &'a [&'b str]) -> Result<(Package, &'a [&'b str])> {
    match segments {
        [scope, base, rest @ ..] if scope.starts_with('@') && !scope.contains('/') => {
            Ok((name::parse(&format!("{scope}/{base}"))?, rest))
        }
        [name, rest @ ..] => Ok((name::parse(name)?, rest)),
        [] => Err(Error::no_endpoint().into()),
    }
}

/// npm 9 and older append the whole path of a tarball's address to the registry's, so that the prefix of the feed
/// arrives twice when they unpublish. The second one decides nothing: rights are those on the feed of the first.
pub(super) fn without_repeated_prefix<'a, 'b>(segments: &'a [&'b str]) -> &'a [&'b str] {
    let is = |segment: Option<&&str>, word: &str| {
        segment.is_some_and(|segment| segment.eq_ignore_ascii_case(word))
    };
    let Some(at) = [1, 2].into_iter().find(|at| is(segments.get(*at), "_packaging")) else {
        return segments;
    };
    if is(segments.get(at + 2), "npm") && is(segments.get(at + 3), "registry") {
        return segments.get(at + 4..).unwrap_or(segments);
    }
    segments
}

pub(super) fn tarball(name: &Package, file: &str) -> Result<(ArtifactName, Version)> {
    let version = name::version_of_tarball(name, file);
    ArtifactName::parse(file).zip(version).ok_or_else(|| {
        let file = file.chars().take(160).collect();
        Error::NotFound(Missing::Artifact(name.as_str().to_owned(), file)).into()
    })
}

pub(super) fn couch_user(segment: &str) -> Result<String> {
    let user = segment.strip_prefix("org.couchdb.user:").filter(|user| !user.is_empty());
    plain(user.ok_or_else(Error::no_endpoint)?)
}

pub(super) fn search_query(query: Option<&str>) -> Result<SearchQuery> {
    let mut wanted = SearchQuery { text: String::new(), size: SEARCH_DEFAULT, from: 0 };
    for (key, value) in pairs(query) {
        let number = || {
            let fault = |_| Error::Invalid(format!("`{key}` must be a number"));
            value.parse::<u32>().map(|number| number as usize).map_err(fault)
        };
        match &*key {
            "text" => wanted.text = value.into_owned(),
            "size" => wanted.size = number()?.min(SEARCH_LIMIT),
            "from" => wanted.from = number()?,
            _ => {}
        }
    }
    Ok(wanted)
}

/// Where a page of tokens begins.
pub(super) fn cursor(query: Option<&str>) -> Option<String> {
    pairs(query).find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
}

/// Whose favourites are asked for: the key is JSON, as in the database that npm's registry was made of.
pub(super) fn starred_by(query: Option<&str>) -> Result<String> {
    let key = pairs(query).find(|(name, _)| name == "key").map(|(_, value)| value);
    let user = key.and_then(|key| json::read::<String>(key.as_bytes()).ok());
    user.ok_or_else(|| Error::Invalid("`key` must be a user's name in double quotes".to_owned()).into())
}

fn pairs(query: Option<&str>) -> url::form_urlencoded::Parse<'_> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}
