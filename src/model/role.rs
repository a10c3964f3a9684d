//! Roles, actions and scopes: the table of who may do what (DESIGN section 3).

use serde::{Deserialize, Serialize};

/// What a principal is to a feed or view, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Lists and restores local versions.
    Reader,
    /// Also restores versions only an upstream has, which saves them.
    Collaborator,
    /// Also publishes, promotes and relists.
    Contributor,
    /// Everything; `administrator` in the REST API.
    #[serde(rename = "administrator", alias = "owner")]
    Owner,
}

impl Role {
    /// The name people know it by.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Reader => "Reader",
            Self::Collaborator => "Collaborator",
            Self::Contributor => "Contributor",
            Self::Owner => "Owner",
        }
    }

    /// The role of that name in REST, in any case; `owner` is one for `administrator`.
    pub fn named(text: &str) -> Option<Self> {
        let named = |role: &Self| text.eq_ignore_ascii_case(role.name());
        let owner = text.eq_ignore_ascii_case("owner").then_some(Self::Owner);
        owner.or_else(|| {
            [Self::Reader, Self::Collaborator, Self::Contributor, Self::Owner].into_iter().find(named)
        })
    }

    /// The name it has in REST.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Collaborator => "collaborator",
            Self::Contributor => "contributor",
            Self::Owner => "administrator",
        }
    }

    /// May this role do that?
    pub fn permits(self, action: Action) -> bool {
        self >= action.least_role()
    }
}

/// What a request does to a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// List or restore local versions, read settings.
    Read,
    /// Restore a version only an upstream has; search or refresh upstreams.
    Save,
    /// Accept a pushed version; change tags.
    Publish,
    /// Add to, or remove from, a view.
    Promote,
    /// Unlist, yank, deprecate, and back.
    Relist,
    /// Delete, restore from the recycle bin, purge.
    Delete,
    /// Change settings, upstreams, views, permissions, behavior; delete the feed.
    Administer,
}

impl Action {
    /// The weakest role that may do it.
    pub const fn least_role(self) -> Role {
        match self {
            Self::Read => Role::Reader,
            Self::Save => Role::Collaborator,
            Self::Publish | Self::Promote | Self::Relist => Role::Contributor,
            Self::Delete | Self::Administer => Role::Owner,
        }
    }

    /// The action as a verb phrase for refusals.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Read => "reading this feed",
            Self::Save => "saving a version from an upstream source",
            Self::Publish => "publishing to this feed",
            Self::Promote => "changing the views of a version",
            Self::Relist => "unlisting, yanking or deprecating",
            Self::Delete => "deleting or restoring versions",
            Self::Administer => "administering this feed",
        }
    }
}

/// What a token may be used for at most, whatever its subject's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Read.
    Read,
    /// Read, and save from upstream: what a build needs.
    Restore,
    /// Also publish, promote, relist.
    Write,
    /// Everything the subject's role permits.
    Manage,
}

impl Scope {
    /// The strongest role this scope lets through.
    pub const fn cap(self) -> Role {
        match self {
            Self::Read => Role::Reader,
            Self::Restore => Role::Collaborator,
            Self::Write => Role::Contributor,
            Self::Manage => Role::Owner,
        }
    }

    /// The scope's name, as in the token API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Restore => "restore",
            Self::Write => "write",
            Self::Manage => "manage",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_design_section_3() {
        use Action::{Administer, Delete, Promote, Publish, Read, Relist, Save};
        let table = [
            (Role::Reader, vec![Read]),
            (Role::Collaborator, vec![Read, Save]),
            (Role::Contributor, vec![Read, Save, Publish, Promote, Relist]),
            (Role::Owner, vec![Read, Save, Publish, Promote, Relist, Delete, Administer]),
        ];
        for (role, permitted) in table {
            for action in [Read, Save, Publish, Promote, Relist, Delete, Administer] {
                assert_eq!(role.permits(action), permitted.contains(&action), "{role:?} {action:?}");
            }
        }
    }

    #[test]
    fn rest_calls_the_owner_administrator() {
        assert_eq!(serde_json::to_string(&Role::Owner).unwrap(), "\"administrator\"");
        assert_eq!(serde_json::from_str::<Role>("\"owner\"").unwrap(), Role::Owner);
        for text in ["owner", "Administrator", "administrator"] {
            assert_eq!(Role::named(text), Some(Role::Owner));
        }
        assert_eq!((Role::named("READER"), Role::named("none")), (Some(Role::Reader), None));
    }
}
