//! Where internal upstream sources lead: to feeds of this deployment, found by their locators, or to views on other hosts.

use crate::error::Result;
use crate::model::{Address, Feed, OrganizationName, UpstreamSource, View};
use crate::platform::Platform;
use crate::service;
use crate::store::organizations;
use std::rc::Rc;
use url::Url;

/// How views on other hosts are addressed.
pub(super) const VIEW_ADDRESS: &str =
    "the address of a view on another host, `https://host/organization/_packaging/feed@view`";

/// Is this the address of a feed's view?
pub(super) fn is_view(url: &Url) -> bool {
    let path = url.path().trim_end_matches('/');
    let mut last = path.rsplit('/');
    let (locator, packaging) = (last.next().unwrap_or_default(), last.next().unwrap_or_default());
    let named = locator.split_once('@').is_some_and(|(feed, view)| !feed.is_empty() && !view.is_empty());
    named && packaging.eq_ignore_ascii_case("_packaging")
}

/// The feed and view an internal source leads to, or why it leads nowhere.
pub(super) async fn target<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    source: &UpstreamSource,
) -> Result<std::result::Result<(Rc<Feed>, View), String>> {
    let location = &source.location;
    let address = match source.address() {
        Ok(address) => address,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let found = service::neighbour(platform, &address).await?;
    if address.organization != *organization {
        if found.is_none() && !organizations::exists(platform, &address.organization).await? {
            let organization = &address.organization;
            return Ok(Err(format!(
                "organization `{organization}` is not of this deployment; an `internal` source may also be {VIEW_ADDRESS}"
            )));
        }
        // Whether another organization has such a feed is its own business.
        let text =
            format!("`{location}` does not exist, or is not shared with organization `{organization}`");
        let shared = found.and_then(|(feed, view)| view.map(|view| (feed, view)));
        return Ok(shared.filter(|(_, view)| view.is_shared_with(false)).ok_or(text));
    }
    let name = &address.locator.feed;
    let Some((feed, view)) = found else { return Ok(Err(format!("feed `{name}` does not exist"))) };
    let Some(view) = view else { return Ok(Err(format!("`{location}`: feed `{name}` has no such view"))) };
    if !view.is_shared_with(true) {
        let text = "is private; an owner of that feed can set its visibility to `collection`";
        return Ok(Err(format!("view `{}` of feed `{name}` {text}", view.name)));
    }
    Ok(Ok((feed, view)))
}

/// The locator of an internal source, with the names that its feed and view have by now.
pub(super) fn location(source: &UpstreamSource, feed: &Feed, view: &View) -> String {
    let Ok(Address { locator, .. }) = Address::parse_internal(&source.location) else {
        return source.location.clone();
    };
    let is_current = feed.is_called(&locator.feed)
        && locator.view.and_then(|named| feed.view(&named)).is_some_and(|named| named.id == view.id);
    match source.location.rsplit_once('/') {
        Some((place, _)) if !is_current => format!("{place}/{}@{}", feed.name, view.name),
        _ => source.location.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_on_another_host_is_named() {
        for (address, good) in [
            ("https://h.example/acme/_packaging/main@Release", true),
            ("https://h.example/acme/web/_Packaging/main@Local/", true),
            ("https://h.example/_packaging/main@x", true),
            ("https://h.example/acme/_packaging/main", false),
            ("https://h.example/acme/_packaging/@Local", false),
            ("https://h.example/acme/_packaging/main@", false),
            ("https://h.example/acme/_packaging/main@Local/npm/registry/", false),
        ] {
            assert_eq!(is_view(&Url::parse(address).unwrap()), good, "{address}");
        }
    }
}
