//! Deeds: what a log says was done.

/// What was done, to a version, to a package, to a feed or in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A version was pushed, or a further file of one.
    Published,
    /// A version was copied from an upstream source, or a further file of one.
    Saved,
    /// A version was added to a view.
    Promoted,
    /// A version was removed from a view.
    Demoted,
    /// A version was unlisted, yanked, deprecated, or the reverse.
    Relisted,
    /// A version went to the recycle bin.
    Deleted,
    /// A version came back from there.
    Restored,
    /// The bytes of a deleted version were dropped for ever.
    Purged,
    /// Somebody had the recycle bin emptied.
    BinEmptied,
    /// A saved version was dropped, and may be saved again.
    Dropped,
    /// Tags of a package were set or removed.
    Tagged,
    /// It was decided whether external versions of a package are considered.
    BehaviorSet,
    /// A feed was made.
    FeedCreated,
    /// Settings of a feed were changed.
    FeedUpdated,
    /// A feed went to the recycle bin.
    FeedDeleted,
    /// A feed came back from there.
    FeedRestored,
    /// A feed was removed for ever.
    FeedPurged,
    /// Roles were granted or taken, on a feed or in the organization.
    PermissionsChanged,
    /// A view was made, changed or removed.
    ViewsChanged,
    /// It was decided what a feed keeps.
    RetentionChanged,
    /// A token was made.
    TokenCreated,
    /// A token was revoked.
    TokenRevoked,
    /// A token was replaced.
    TokenRotated,
    /// Somebody was not let do something.
    Refused,
}

/// What a deed is to those who follow changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// To those who follow the versions of a feed.
    Version(VersionChange),
    /// To those who follow the feeds of an organization.
    Feed,
}

/// What became of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionChange {
    /// The version is there, perhaps otherwise than before.
    AddOrUpdate,
    /// It is in the recycle bin.
    Delete,
    /// Its bytes are gone.
    PermanentDelete,
}

impl VersionChange {
    /// Its name in the REST API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddOrUpdate => "addOrUpdate",
            Self::Delete => "delete",
            Self::PermanentDelete => "permanentDelete",
        }
    }
}

impl Deed {
    const ALL: [Self; 24] = [
        Self::Published,
        Self::Saved,
        Self::Promoted,
        Self::Demoted,
        Self::Relisted,
        Self::Deleted,
        Self::Restored,
        Self::Purged,
        Self::BinEmptied,
        Self::Dropped,
        Self::Tagged,
        Self::BehaviorSet,
        Self::FeedCreated,
        Self::FeedUpdated,
        Self::FeedDeleted,
        Self::FeedRestored,
        Self::FeedPurged,
        Self::PermissionsChanged,
        Self::ViewsChanged,
        Self::RetentionChanged,
        Self::TokenCreated,
        Self::TokenRevoked,
        Self::TokenRotated,
        Self::Refused,
    ];

    /// Its name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Saved => "saved",
            Self::Promoted => "promoted",
            Self::Demoted => "demoted",
            Self::Relisted => "relisted",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
            Self::Purged => "purged",
            Self::BinEmptied => "binEmptied",
            Self::Dropped => "dropped",
            Self::Tagged => "tagged",
            Self::BehaviorSet => "behaviorSet",
            Self::FeedCreated => "feedCreated",
            Self::FeedUpdated => "feedUpdated",
            Self::FeedDeleted => "feedDeleted",
            Self::FeedRestored => "feedRestored",
            Self::FeedPurged => "feedPurged",
            Self::PermissionsChanged => "permissionsChanged",
            Self::ViewsChanged => "viewsChanged",
            Self::RetentionChanged => "retentionChanged",
            Self::TokenCreated => "tokenCreated",
            Self::TokenRevoked => "tokenRevoked",
            Self::TokenRotated => "tokenRotated",
            Self::Refused => "refused",
        }
    }

    /// The deed of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.name() == name)
    }

    /// What it is to those who follow changes, if it is anything to them.
    pub const fn news(self) -> Option<News> {
        match self {
            Self::Published
            | Self::Saved
            | Self::Promoted
            | Self::Demoted
            | Self::Relisted
            | Self::Restored => Some(News::Version(VersionChange::AddOrUpdate)),
            Self::Deleted => Some(News::Version(VersionChange::Delete)),
            Self::Purged | Self::Dropped => Some(News::Version(VersionChange::PermanentDelete)),
            Self::FeedCreated
            | Self::FeedUpdated
            | Self::FeedDeleted
            | Self::FeedRestored
            | Self::FeedPurged
            | Self::PermissionsChanged
            | Self::ViewsChanged
            | Self::RetentionChanged => Some(News::Feed),
            Self::Tagged
            | Self::BinEmptied
            | Self::BehaviorSet
            | Self::TokenCreated
            | Self::TokenRevoked
            | Self::TokenRotated
            | Self::Refused => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deed_reads_back_by_its_name() {
        for deed in Deed::ALL {
            assert_eq!(Deed::parse(deed.name()), Some(deed));
        }
        assert_eq!(Deed::parse("slept"), None);
    }
}
