//! Textual addresses of feeds and views.

use super::{FeedName, OrganizationName, ProjectName, ViewName, feed::InvalidName};

/// Why a locator could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocator {
    /// A part is not a name.
    #[error("`{0}`: {1}")]
    Name(String, InvalidName),
    /// Not `azure-feed://{org}/[{project}/]{feed}@{view}`.
    #[error("`{0}` is not `azure-feed://organization/[project/]feed@view`")]
    Shape(String),
}

/// What locators of feeds of this deployment start with.
pub(super) const SCHEME: &str = "azure-feed://";

/// `feed` or `feed@view`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedLocator {
    /// Name or id of the feed.
    pub feed: FeedName,
    /// The view, if one is named.
    pub view: Option<ViewName>,
}

impl FeedLocator {
    /// Reads `feed[@view]`.
    pub fn parse(text: &str) -> Result<Self, InvalidLocator> {
        let invalid = |reason| InvalidLocator::Name(text.chars().take(160).collect(), reason);
        let (feed, view) = match text.split_once('@') {
            Some((feed, view)) => (feed, Some(ViewName::parse(view).map_err(invalid)?)),
            None => (text, None),
        };
        Ok(Self { feed: FeedName::parse(feed).map_err(invalid)?, view })
    }
}

/// Where a feed lives: organization, project, feed, view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The organization.
    pub organization: OrganizationName,
    /// The project, for project-scoped feeds.
    pub project: Option<ProjectName>,
    /// Feed and view.
    pub locator: FeedLocator,
}

/// `organization/feed`, for logs.
impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.organization, self.locator.feed)
    }
}

impl Address {
    /// Reads Azure Artifacts' locator for feeds, `azure-feed://{org}/[{project}/]{feed}@{view}`. The view is required:
    /// it is what keeps internal sources free of cycles (DESIGN section 4).
    pub fn parse_internal(text: &str) -> Result<Self, InvalidLocator> {
        let shape = || InvalidLocator::Shape(text.chars().take(160).collect());
        let rest = text.strip_prefix(SCHEME).ok_or_else(shape)?;
        let address = Self::parse_path(rest)?;
        if address.locator.view.is_none() {
            return Err(shape());
        }
        Ok(address)
    }

    /// Reads `{org}/[{project}/]{feed}[@{view}]`.
    pub fn parse_path(text: &str) -> Result<Self, InvalidLocator> {
        let invalid = |reason| InvalidLocator::Name(text.chars().take(160).collect(), reason);
        let parts: Vec<&str> = text.split('/').collect();
        let (organization, project, feed) = match parts[..] {
            [organization, feed] => (organization, None, feed),
            [organization, project, feed] => (organization, Some(project), feed),
            _ => return Err(InvalidLocator::Shape(text.chars().take(160).collect())),
        };
        Ok(Self {
            organization: OrganizationName::parse(organization).map_err(invalid)?,
            project: project.map(ProjectName::parse).transpose().map_err(invalid)?,
            locator: FeedLocator::parse(feed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locators_read_as_azure_writes_them() {
        let address = Address::parse_internal("azure-feed://acme/web/main@Release").unwrap();
        assert_eq!(address.project, Some(ProjectName::parse("web").unwrap()));
        assert_eq!(address.locator.view, Some(ViewName::parse("release").unwrap()));
        for bad in
            ["acme/main@Local", "azure-feed://acme/main", "azure-feed://acme", "azure-feed://a/b/c/d@Local"]
        {
            assert!(Address::parse_internal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_locator_has_at_most_one_view() {
        assert!(FeedLocator::parse("main@a@b").is_err());
        assert_eq!(FeedLocator::parse("main").unwrap().view, None);
    }
}
