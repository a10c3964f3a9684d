//! Slots: the one record of a version number, never removed.

use super::{ArtifactName, ArtifactRecord, Digest, SortedSet, SourceId, SourceKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Where a version is in its life: live, then perhaps deleted (and restored), then perhaps purged for ever. A saved version
/// may also be dropped, and be saved again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StateRecord", into = "StateRecord")]
pub enum SlotState {
    /// Served.
    Live,
    /// In the recycle bin: a tombstone whose bytes are kept.
    Deleted {
        /// Since when.
        at: Timestamp,
        /// Who did it.
        by: String,
    },
    /// A tombstone whose bytes are gone.
    Purged {
        /// Since when.
        at: Timestamp,
    },
    /// A saved version that is not here any more, and no tombstone: whoever may save gets it again, if it is the same.
    Dropped {
        /// Since when it is so, and its bytes are where they are.
        at: Timestamp,
        /// Where its bytes are.
        remains: Remains,
    },
}

/// Where the bytes of a dropped version are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// Where they were: it may come back as it is.
    Kept,
    /// They are being removed at this time: nothing can be done.
    Going,
    /// Nowhere: they must be copied again.
    Gone,
}

/// Where the bytes were first published; follows the version through chains of feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FirstPublished {
    /// To some feed here.
    Internal,
    /// To a public registry.
    External,
}

/// One source a saved version came through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStep {
    /// Which source.
    pub id: SourceId,
    /// Its name then.
    pub name: String,
    /// Its address then.
    pub location: String,
    /// What it was.
    pub kind: SourceKind,
}

/// How a version got here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OriginRecord", into = "OriginRecord")]
pub enum Origin {
    /// Pushed to this feed.
    Published {
        /// Who pushed it.
        by: String,
        /// The provenance session through which it was pushed, if it was one.
        session: Option<String>,
    },
    /// Copied from an upstream source on first use.
    Saved {
        /// The sources it came through, nearest first.
        source_chain: Vec<SourceStep>,
        /// For whom it was saved.
        by: String,
    },
}

/// Shown, hidden, or shown with a warning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingState {
    /// Unlisted or yanked: restored by exact number only.
    #[serde(default)]
    pub hidden: bool,
    /// The deprecation message or the reason for yanking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl ListingState {
    /// Is there nothing to say?
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A version of a package in a feed: the stored record whose creation is the commit of a publish or a save.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// The version as its protocol prints it.
    pub version: String,
    /// Live, deleted or purged.
    pub state: SlotState,
    /// How it got here.
    pub origin: Origin,
    /// Internal or external.
    pub first_published: FirstPublished,
    /// Unlisted, yanked, deprecated by this feed?
    #[serde(default)]
    pub listing: ListingState,
    /// Unlisted, yanked, deprecated by the source it was saved from, as last heard.
    #[serde(default, skip_serializing_if = "ListingState::is_plain")]
    pub upstream_listing: ListingState,
    /// Ids of the views it was promoted to; `Local` is implied.
    #[serde(default)]
    pub views: SortedSet,
    /// Its files.
    pub artifacts: Vec<ArtifactRecord>,
    /// Files it had when it was dropped: what comes again under their names must be the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<ArtifactRecord>,
    /// When it came here.
    pub added: Timestamp,
    /// When somebody took it out of the recycle bin again: it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Timestamp>,
    /// When it was first published anywhere, as its source says; for a published version, when that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// What the protocol's listings say of it, in the protocol's own form.
    pub manifest: Box<RawValue>,
    /// Grows with every change.
    pub sequence: u64,
}

impl Slot {
    /// Is it served?
    pub fn is_live(&self) -> bool {
        self.state == SlotState::Live
    }

    /// The same in another state.
    #[must_use]
    pub fn in_state(&self, state: SlotState) -> Self {
        let mut next = self.clone();
        next.state = state;
        next
    }

    /// Was it deleted, so that its number is never used again?
    pub fn is_tombstone(&self) -> bool {
        matches!(self.state, SlotState::Deleted { .. } | SlotState::Purged { .. })
    }

    /// Is it as if it had never been saved, but that nothing else may be?
    pub fn is_dropped(&self) -> bool {
        matches!(self.state, SlotState::Dropped { .. })
    }

    /// Had it a file of this name with other bytes, before it was dropped?
    pub fn contradicts(&self, name: &ArtifactName, size: Option<u64>, digests: &[Digest]) -> bool {
        self.former.iter().any(|former| former.name == *name && former.differs_from(size, digests))
    }

    /// Was it pushed to this feed, as opposed to saved?
    pub fn is_published(&self) -> bool {
        matches!(self.origin, Origin::Published { .. })
    }

    /// The source it was saved from, if it was.
    pub fn saved_from(&self) -> Option<&SourceId> {
        match &self.origin {
            Origin::Saved { source_chain, .. } => source_chain.first().map(|step| &step.id),
            Origin::Published { .. } => None,
        }
    }

    /// What is shown: what this feed says of the version, and otherwise what its source says.
    pub fn shown_listing(&self) -> &ListingState {
        if self.listing.is_plain() { &self.upstream_listing } else { &self.listing }
    }

    /// Are the bytes of one of its files in that place of their own?
    pub fn occupies(&self, place: &str) -> bool {
        self.artifacts.iter().chain(&self.former).any(|record| record.place.as_deref() == Some(place))
    }

    /// The file of that name.
    pub fn artifact(&self, name: &ArtifactName) -> Option<&ArtifactRecord> {
        self.artifacts.iter().find(|artifact| artifact.name == *name)
    }
}

/// A [`SlotState`] as it is stored. Written out because serde's own reading of tagged enums is 30 KB of program.
#[derive(Serialize, Deserialize)]
struct StateRecord {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

impl From<SlotState> for StateRecord {
    fn from(state: SlotState) -> Self {
        let (name, at, by) = match state {
            SlotState::Live => ("live", None, None),
            SlotState::Deleted { at, by } => ("deleted", Some(at), Some(by)),
            SlotState::Purged { at } => ("purged", Some(at), None),
            SlotState::Dropped { at, remains: Remains::Kept } => ("dropped", Some(at), None),
            SlotState::Dropped { at, remains: Remains::Going } => ("emptying", Some(at), None),
            SlotState::Dropped { at, remains: Remains::Gone } => ("emptied", Some(at), None),
        };
        Self { name: name.to_owned(), at, by }
    }
}

impl TryFrom<StateRecord> for SlotState {
    type Error = &'static str;

    fn try_from(record: StateRecord) -> Result<Self, &'static str> {
        match (record.name.as_str(), record.at, record.by) {
            ("live", ..) => Ok(Self::Live),
            ("deleted", Some(at), Some(by)) => Ok(Self::Deleted { at, by }),
            ("purged", Some(at), _) => Ok(Self::Purged { at }),
            ("dropped", Some(at), _) => Ok(Self::Dropped { at, remains: Remains::Kept }),
            ("emptying", Some(at), _) => Ok(Self::Dropped { at, remains: Remains::Going }),
            ("emptied", Some(at), _) => Ok(Self::Dropped { at, remains: Remains::Gone }),
            _ => Err("not the state of a slot"),
        }
    }
}

/// An [`Origin`] as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OriginRecord {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_chain: Option<Vec<SourceStep>>,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

impl From<Origin> for OriginRecord {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Published { by, session } => {
                Self { kind: "published".to_owned(), source_chain: None, by, session }
            }
            Origin::Saved { source_chain, by } => {
                Self { kind: "saved".to_owned(), source_chain: Some(source_chain), by, session: None }
            }
        }
    }
}

impl TryFrom<OriginRecord> for Origin {
    type Error = &'static str;

    fn try_from(record: OriginRecord) -> Result<Self, &'static str> {
        match (record.kind.as_str(), record.source_chain) {
            ("published", _) => Ok(Self::Published { by: record.by, session: record.session }),
            ("saved", Some(source_chain)) => Ok(Self::Saved { source_chain, by: record.by }),
            _ => Err("not the origin of a version"),
        }
    }
}
