//! Views: named read-only subsets of a feed's versions.

use super::feed::{InvalidName, check_name};
use super::{Permission, SortedSet};
use serde::{Deserialize, Serialize};

/// The name of a view, compared without case; printed as first written.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ViewName(String);

impl ViewName {
    /// Reads a view's name, with or without the leading `@`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.strip_prefix('@').unwrap_or(text);
        check_name(text)?;
        Ok(Self(text.to_owned()))
    }

    /// `Local`: everything published and everything saved. It always exists.
    pub fn local() -> Self {
        Self("Local".to_owned())
    }

    /// Is this the implicit view of all local versions?
    pub fn is_local(&self) -> bool {
        self.0.eq_ignore_ascii_case("local")
    }

    /// The name as first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form names are compared and stored by.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for ViewName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl std::fmt::Display for ViewName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for ViewName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<ViewName> for String {
    fn from(name: ViewName) -> Self {
        name.0
    }
}

/// Who may use a view without a role on its feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Visibility {
    /// Only those with a role on the feed or the view.
    Private,
    /// Everybody in the organization; feeds of the organization may use it as an upstream source.
    Collection,
    /// Every organization of this deployment.
    #[serde(alias = "aadTenant")]
    Organization,
}

/// One view of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Identity that outlives renames.
    pub id: String,
    /// Its name.
    pub name: ViewName,
    /// Who may use it.
    pub visibility: Visibility,
    /// Roles of subjects and groups that hold for this view only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
}

impl View {
    /// Is a version in it that is in these views?
    pub fn shows(&self, views: &SortedSet) -> bool {
        self.name.is_local() || views.contains(&self.id)
    }

    /// May those use it who have no role on its feed: members of the feed's organization, or others?
    pub fn is_shared_with(&self, members: bool) -> bool {
        self.visibility >= if members { Visibility::Collection } else { Visibility::Organization }
    }
}
