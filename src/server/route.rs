//! From a URL to what it addresses. The path stays percent-encoded below a protocol's root: names there are the
//! protocol's to decode.

use super::config::HostFeeds;
use crate::error::{Error, Missing, Result};
use crate::model::{Address, FeedLocator, OrganizationName, ProjectName};
use crate::platform::RequestUrl;
use crate::protocol::{Entry, PROTOCOLS};
use percent_encoding::percent_decode_str;

/// What a URL addresses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// A protocol's root on a feed, and the undecoded path below it.
    Feed {
        /// Which feed.
        address: Address,
        /// Which protocol.
        protocol: &'static Entry,
        /// The root on the caller's scheme, host and prefix, with a trailing slash.
        root: String,
        /// The path below it, without a leading slash.
        tail: &'a str,
    },
    /// Where a protocol's clients exchange the identity of a pipeline for a token.
    Identity(&'static Entry),
    /// The REST surface and our own.
    Management,
}

/// Splits a URL.
pub(super) fn split<'a>(url: &'a RequestUrl, hosts: &HostFeeds) -> Result<Target<'a>> {
    let (path, host, origin) = (url.path.as_str(), &url.host, url.origin());
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is = |index: usize, fixed: &str| {
        segments.get(index).is_some_and(|segment| segment.eq_ignore_ascii_case(fixed))
    };
    for (packaging, project) in [(1, None), (2, Some(1))] {
        if is(packaging, "_packaging") {
            return feed(path, &segments, packaging, project, &origin);
        }
        if is(packaging, "_apis") || is(0, "_apis") || is(1, "_edgefeed") || is(0, "_edgefeed") {
            return Ok(Target::Management);
        }
    }
    let below = path.trim_start_matches('/');
    let exchanges = |entry: &&Entry| entry.identity_paths.iter().any(|prefix| below.starts_with(prefix));
    if let Some(entry) = PROTOCOLS.iter().find(exchanges) {
        return Ok(Target::Identity(entry));
    }
    let address = hosts.get(host).ok_or_else(|| no_endpoint(path))?;
    let (protocol, root, tail) = protocol_root(below)
        .or_else(|| {
            let entry = PROTOCOLS.iter().find(|entry| entry.at_host_root)?;
            Some((entry, "", below))
        })
        .ok_or_else(|| no_endpoint(path))?;
    Ok(Target::Feed { address: address.clone(), protocol, root: format!("{origin}/{root}"), tail })
}

fn feed<'a>(
    path: &'a str,
    segments: &[&'a str],
    packaging: usize,
    project: Option<usize>,
    origin: &str,
) -> Result<Target<'a>> {
    let unknown = |name: &str| Error::NotFound(Missing::Feed(name.chars().take(160).collect()));
    let decode = |index: usize| {
        let text = segments.get(index).copied().unwrap_or_default();
        percent_decode_str(text).decode_utf8().map_err(|_| unknown(text))
    };
    let (organization, locator) = (decode(0)?, decode(packaging + 1)?);
    let address = Address {
        organization: OrganizationName::parse(&organization)
            .map_err(|_| Error::NotFound(Missing::Organization(organization.into_owned())))?,
        project: project
            .map(|index| ProjectName::parse(&decode(index)?).map_err(|_| unknown(segments[index])))
            .transpose()?,
        locator: FeedLocator::parse(&locator).map_err(|_| unknown(&locator))?,
    };
    let prefix: usize = segments.iter().take(packaging + 2).map(|segment| segment.len() + 1).sum();
    let below = path.get(prefix + 1..).unwrap_or_default();
    if below.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case("uploads")) {
        return Ok(Target::Management);
    }
    let (protocol, root, tail) = protocol_root(below).ok_or_else(|| no_endpoint(path))?;
    let base = path.get(..prefix).unwrap_or_default();
    Ok(Target::Feed { address, protocol, root: format!("{origin}{base}/{root}"), tail })
}

/// Matches a protocol's root without case; answers it as it is written in links.
fn protocol_root(below: &str) -> Option<(&'static Entry, &'static str, &str)> {
    PROTOCOLS.iter().find_map(|entry| {
        let bare = entry.root.trim_end_matches('/');
        let head = below.get(..bare.len()).filter(|head| head.eq_ignore_ascii_case(bare))?;
        let rest = below.get(head.len()..)?;
        match rest.strip_prefix('/') {
            Some(tail) => Some((entry, entry.root, tail)),
            None if rest.is_empty() => Some((entry, entry.root, "")),
            None => None,
        }
    })
}

fn no_endpoint(path: &str) -> Box<Error> {
    let hint = if path.starts_with("/_") || path == "/" {
        String::new()
    } else {
        "; feeds are at /{organization}/_packaging/{feed}/{protocol}/".to_owned()
    };
    Error::NotFound(Missing::Endpoint(hint)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_text(text: &str) -> Option<(String, String, String)> {
        let hosts = [("npm.example.com".to_owned(), Address::parse_path("acme/main").unwrap())].into();
        match split(&RequestUrl::parse(text).unwrap(), &hosts) {
            Ok(Target::Feed { address, root, tail, .. }) => {
                Some((format!("{:?}", address.locator.feed.as_str()), root, tail.to_owned()))
            }
            Ok(Target::Identity(entry)) => Some(("identity".into(), entry.id.as_str().into(), String::new())),
            Ok(Target::Management) => Some(("management".into(), String::new(), String::new())),
            Err(_) => None,
        }
    }

    #[test]
    fn feeds_are_found_in_any_case_and_links_keep_the_callers_prefix() {
        let (_, root, tail) =
            split_text("http://h:1/acme/_Packaging/main@Release/NPM/Registry/@s%2fn/-/n-1.0.0.tgz").unwrap();
        assert_eq!(root, "http://h:1/acme/_Packaging/main@Release/npm/registry/");
        assert_eq!(tail, "@s%2fn/-/n-1.0.0.tgz");
        let (_, root, tail) = split_text("https://h/acme/web/_packaging/main/npm/registry").unwrap();
        assert_eq!((root.as_str(), tail.as_str()), ("https://h/acme/web/_packaging/main/npm/registry/", ""));
        for bad in [
            "https://h/acme/_packaging/main/nope/x",
            "https://h/acme/_packaging/",
            "https://h/acme/_packaging/a%2fb/npm/registry/x",
            "https://h/left-pad",
            "https://h/",
        ] {
            assert_eq!(split_text(bad), None, "{bad}");
        }
        assert_eq!(split_text("https://h/acme/_apis/packaging/feeds").unwrap().0, "management");
        assert_eq!(split_text("https://h/_edgefeed/health").unwrap().0, "management");
        assert_eq!(split_text("https://h/acme/web/_packaging/main/Uploads/x").unwrap().0, "management");
    }

    #[test]
    fn a_host_of_its_own_serves_a_feed_at_its_root() {
        let (feed, root, tail) = split_text("https://npm.example.com/left-pad").unwrap();
        assert_eq!(
            (feed.as_str(), root.as_str(), tail.as_str()),
            ("\"main\"", "https://npm.example.com/", "left-pad")
        );
        let (_, root, tail) = split_text("https://npm.example.com/npm/registry/left-pad").unwrap();
        assert_eq!((root.as_str(), tail.as_str()), ("https://npm.example.com/npm/registry/", "left-pad"));
        assert_eq!(split_text("https://npm.example.com/_edgefeed/health").unwrap().0, "management");
    }
}
