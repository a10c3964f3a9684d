//! The one policy stage every candidate version passes, for listings and for bytes alike, because lockfiles bypass
//! listings.
//!
//! In scope: tombstones, the guard against dependency confusion. Later: minimum age, block and allow lists.

use super::Package;
use crate::model::{Feed, FirstPublished, Slot, SourceId, UpstreamingBehavior};
use crate::store::index::PackageIndex;

/// What the feed holds of a package decides about what sources offer of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy<'a> {
    index: &'a PackageIndex,
    guarded: bool,
    blocks_external: bool,
}

impl<'a> Policy<'a> {
    /// The policy for a package; `internal_offered` says whether an internal source offers an internal version of it.
    pub(super) fn new(
        feed: &Feed,
        package: &Package,
        index: &'a PackageIndex,
        internal_offered: bool,
    ) -> Self {
        let behavior = feed.upstreaming_behavior(package.protocol(), package.key(), &index.settings);
        let guarded = behavior == UpstreamingBehavior::Auto;
        Self { index, guarded, blocks_external: guarded && (internal_offered || published_here(index)) }
    }

    /// Are external versions out of the question, so that public sources need not be asked?
    pub(super) fn blocks_external(self) -> bool {
        self.blocks_external
    }

    /// Would a version of that origin be blocked, were an internal one offered?
    pub(super) fn guards(self, first_published: FirstPublished) -> bool {
        self.guarded && first_published == FirstPublished::External
    }

    /// May a source supply this version?
    pub(super) fn admits(self, version_key: &str, first_published: FirstPublished) -> bool {
        self.admits_again(first_published) && self.index.slot(version_key).is_none_or(Slot::is_dropped)
    }

    /// May a source supply a version that was dropped, whatever the index says of it yet?
    pub(super) fn admits_again(self, first_published: FirstPublished) -> bool {
        !(self.blocks_external && first_published == FirstPublished::External)
    }

    /// May a source supply further files of a version that is here?
    pub(super) fn admits_files(
        self,
        slot: &Slot,
        source: &SourceId,
        first_published: FirstPublished,
    ) -> bool {
        self.admits_again(first_published) && slot.is_live() && slot.saved_from() == Some(source)
    }
}

/// Was any version ever published here? Deleted ones count: the name was, and is, internal.
fn published_here(index: &PackageIndex) -> bool {
    index.slots.iter().any(|entry| entry.slot.is_published())
}
