//! Putting a listing together: local versions, and what each source offers that policy admits, one version at a time.

use super::policy::Policy;
use super::relist::Heard;
use super::resolve::{self, Candidate, Supply};
use super::{Ecosystem, FeedContext, Form, Listed, ListedFile, ListingRenderer, Package, Summary};
use crate::error::{Error, Result};
use crate::model::{
    ArtifactName, ArtifactRecord, Digest, Feed, Slot, SortedMap, SortedSet, SourceId, Timestamp, Version,
    gzip,
};
use crate::platform::Platform;
use crate::store::index::PackageIndex;
use crate::store::listing_codec::Offer;
use crate::store::listings::StoredListing;
use serde_json::value::RawValue;
use std::io::{self, Write};

/// A document in the making.
pub(super) struct Document<'a> {
    ecosystem: &'static dyn Ecosystem,
    renderer: Box<dyn ListingRenderer>,
    out: gzip::Writer,
    index: &'a PackageIndex,
    feed: &'a Feed,
    package: &'a Package,
    local: Vec<(&'a str, &'a Slot)>,
    local_by_key: SortedMap<&'a str, &'a Slot>,
    shown: SortedSet,
    summary: Summary,
    count: usize,
    outdated: Vec<Heard>,
}

/// A document made.
pub(super) struct Made {
    /// Compressed.
    pub(super) bytes: Vec<u8>,
    /// Saved versions of which their source now says something else.
    pub(super) outdated: Vec<Heard>,
}

impl<'a> Document<'a> {
    /// A document of what this context shows of a package.
    pub(super) fn new<P: Platform>(
        context: &'a FeedContext<P>,
        package: &'a Package,
        form: Form,
        index: &'a PackageIndex,
    ) -> Self {
        let visible = |slot: &Slot| slot.is_live() && context.shows(&slot.views);
        let local = index.slots.iter().filter(|entry| visible(&entry.slot));
        let local: Vec<_> = local.map(|entry| (entry.key.as_str(), &entry.slot)).collect();
        Self {
            ecosystem: package.ecosystem,
            renderer: package.ecosystem.renderer(package, form, &context.root),
            // Level 6: written once per change, sent to every client.
            out: gzip::Writer::new(6),
            index,
            feed: &context.feed,
            package,
            local_by_key: local.iter().copied().collect(),
            local,
            shown: SortedSet::new(),
            summary: Summary {
                tags: index.settings.tags.clone(),
                stars: index.settings.stars.clone(),
                revision: index.sequence,
                ..Summary::default()
            },
            count: 0,
            outdated: Vec::new(),
        }
    }

    /// `None` if there is not one version to show.
    pub(super) fn build(mut self, candidates: &[Candidate]) -> Result<Option<Made>> {
        let policy = Policy::new(self.feed, self.package, self.index, resolve::internal_offered(candidates));
        for candidate in candidates {
            let source = &candidate.source.id;
            match &candidate.supply {
                Ok(Supply::Registry(listing)) => self.registry(listing, policy, source)?,
                Ok(Supply::Feed(supply)) => {
                    let shown_before = self.count;
                    let is_local_only = |key: &str| self.ecosystem.is_local_only(&Version::new(key, key));
                    for (key, slot) in supply.members().filter(|(key, _)| !is_local_only(key)) {
                        self.member(key, slot, policy, source).map_err(|error| broken(&error))?;
                    }
                    let settings = &supply.index.settings;
                    merge_tags(&mut self.summary.tags, settings.tags.clone());
                    if self.count > shown_before {
                        self.summary.modified = self.summary.modified.max(settings.modified);
                    }
                }
                Ok(Supply::Nothing) | Err(_) => {}
            }
        }
        for (key, slot) in self.local.clone() {
            self.slot(key, slot, &[]).map_err(|error| broken(&error))?;
        }
        if self.count == 0 {
            return Ok(None);
        }
        let (shown, ecosystem) = (self.shown, self.ecosystem);
        self.summary.tags.retain(|_, version| {
            ecosystem.version(version).is_some_and(|version| shown.contains(version.key()))
        });
        self.summary.published.retain(|key, _| shown.contains(key));
        let latest = self.summary.published.values().max().copied();
        self.summary.modified = self.summary.modified.max(latest).max(self.index.settings.modified);
        self.renderer.finish(&mut self.out, &self.summary).map_err(|error| broken(&error))?;
        let bytes = self.out.finish().map_err(|error| broken(&error))?;
        Ok(Some(Made { bytes, outdated: self.outdated }))
    }

    /// What a registry offers, and what it now says of versions saved from it: publish times, deprecation.
    fn registry(&mut self, listing: &StoredListing, policy: Policy<'_>, source: &SourceId) -> Result<()> {
        let damaged = |error: io::Error| listing.damaged(&error);
        let mut reader = listing.reader()?;
        let (fetched, shown_before) = (Timestamp::from_millis(reader.head().fetched), self.count);
        while let Some(offer) = reader.offer().map_err(damaged)? {
            let saved = self.local_by_key.get(offer.key.as_str()).copied();
            let admitted = match saved {
                Some(slot) => same_release(slot, &offer),
                None => policy.admits(&offer.key, offer.first_published),
            };
            if !admitted {
                continue;
            }
            let grows = saved.is_none_or(|slot| policy.admits_files(slot, source, offer.first_published));
            let files = offered_files(saved, &offer, grows);
            if let Some(slot) = saved {
                let files =
                    if slot.saved_from() == Some(source) { news_of_files(slot, &offer) } else { Vec::new() };
                if slot.upstream_listing != offer.listing || !files.is_empty() {
                    let (key, listing) = (offer.key.clone(), Some(offer.listing.clone()));
                    self.outdated.push(Heard { key, listing, published: None, files });
                }
            }
            // What this feed says of a saved version goes before what the source says.
            let listing = saved.map(|slot| &slot.listing).filter(|state| !state.is_plain());
            let listed = Listed {
                version: &offer.version,
                key: &offer.key,
                listing: listing.unwrap_or(&offer.listing),
                is_local: false,
                manifest: &offer.manifest,
                files: &files,
            };
            self.version(listed).map_err(|error| broken(&error))?;
            if let Some(published) = offer.published {
                self.summary.published.insert(offer.key, published);
            }
        }
        let tail = reader.tail().map_err(damaged)?;
        merge_tags(&mut self.summary.tags, tail.tags);
        for (key, slot) in self.local.iter().filter(|(_, slot)| slot.published.is_none()) {
            if let Some(published) = tail.published.get(*key).filter(|_| !slot.is_published()) {
                let key = (*key).to_owned();
                let published = Some(*published);
                self.outdated.push(Heard { key, listing: None, published, files: Vec::new() });
            }
        }
        for (key, published) in tail.published {
            self.summary.published.or_insert_with(key, || published);
        }
        if self.count > shown_before {
            // A source that does not say when its document changed has published nothing after it was fetched.
            let silent = tail.modified.is_none() && self.shown.iter().any(|key| !self.is_dated(key));
            let modified = tail.modified.or(silent.then_some(fetched));
            self.summary.modified = self.summary.modified.max(modified);
        }
        if self.summary.extra.is_empty() {
            self.summary.extra = tail.extra;
        }
        Ok(())
    }

    /// A version that another feed's view shows: one we lack, or further files of one saved from there.
    fn member(&mut self, key: &str, member: &Slot, policy: Policy<'_>, source: &SourceId) -> io::Result<()> {
        match self.local_by_key.get(key).copied() {
            Some(slot) if policy.admits_files(slot, source, member.first_published) => {
                let new = member.artifacts.iter().filter(|record| slot.artifact(&record.name).is_none());
                self.slot(key, slot, &new.map(kept_file).collect::<Vec<_>>())
            }
            None if policy.admits(key, member.first_published) => self.slot(key, member, &[]),
            _ => Ok(()),
        }
    }

    fn slot(&mut self, key: &str, slot: &Slot, more: &[ListedFile<'_>]) -> io::Result<()> {
        // When it was saved is not when it was published: clients' age gates had better know nothing.
        let published = slot.published.or_else(|| slot.is_published().then_some(slot.added));
        if let Some(published) = published {
            self.summary.published.or_insert_with(key.to_owned(), || published);
        }
        // A saved version changed nothing. Where nobody says when it was published, that was not after it was saved:
        // clients let all versions pass if `modified` is old enough, so that it must never be too early.
        let unknown = !self.is_dated(key) && !self.shown.contains(key);
        if slot.is_published() || unknown {
            self.summary.modified = self.summary.modified.max(Some(slot.added));
        }
        let (listing, manifest) = (slot.shown_listing(), &slot.manifest);
        let files: Vec<_> = slot.artifacts.iter().map(kept_file).chain(more.iter().copied()).collect();
        self.version(Listed { version: &slot.version, key, listing, is_local: true, manifest, files: &files })
    }

    /// Is it known when this version was published?
    fn is_dated(&self, key: &str) -> bool {
        self.summary.published.contains_key(key)
    }

    fn version(&mut self, listed: Listed<'_>) -> io::Result<()> {
        if self.shown.insert(listed.key.to_owned()) {
            self.count += 1;
            self.renderer.version(&mut self.out as &mut dyn Write, listed)?;
        }
        Ok(())
    }
}

/// Does this offer describe the very release that was saved? Files it no longer has do not matter.
fn same_release(slot: &Slot, offer: &Offer) -> bool {
    !slot.is_published()
        && slot.artifacts.iter().all(|kept| {
            let offered = offer.artifacts.iter().find(|offered| offered.name == kept.name);
            offered.is_none_or(|offered| offered.digests.iter().all(|digest| agrees(digest, &kept.digests)))
        })
}

/// What the source of a saved version now says of files that are kept, where that is something else than before.
fn news_of_files(slot: &Slot, offer: &Offer) -> Vec<(ArtifactName, Option<Box<RawValue>>)> {
    let text = |manifest: &Option<Box<RawValue>>| manifest.as_ref().map(|manifest| manifest.get().to_owned());
    let kept = slot.artifacts.iter().filter_map(|kept| {
        let offered = offer.artifacts.iter().find(|offered| offered.name == kept.name)?;
        (text(&offered.manifest) != text(&kept.manifest))
            .then(|| (kept.name.clone(), offered.manifest.clone()))
    });
    kept.collect()
}

/// The files of an offer as far as they can be downloaded, and those kept that it has no longer.
fn offered_files<'a>(saved: Option<&'a Slot>, offer: &'a Offer, grows: bool) -> Vec<ListedFile<'a>> {
    let kept = saved.map(|slot| slot.artifacts.as_slice()).unwrap_or_default();
    let is_kept = |name: &ArtifactName| kept.iter().any(|record| record.name == *name);
    let offered = offer.artifacts.iter().filter(|offered| grows || is_kept(&offered.name));
    let gone = kept.iter().filter(|record| offer.artifacts.iter().all(|offered| offered.name != record.name));
    let offered = offered.map(|offered| ListedFile {
        name: &offered.name,
        size: offered.size,
        digests: &offered.digests,
        manifest: offered.manifest.as_deref(),
    });
    offered.chain(gone.map(kept_file)).collect()
}

fn kept_file(record: &ArtifactRecord) -> ListedFile<'_> {
    ListedFile {
        name: &record.name,
        size: Some(record.size),
        digests: &record.digests,
        manifest: record.manifest.as_deref(),
    }
}

/// Is this digest one of those, or at least not contradicted by them?
fn agrees(digest: &Digest, known: &[Digest]) -> bool {
    known.iter().all(|other| other.algorithm() != digest.algorithm() || other == digest)
}

/// Earlier tags win: our own before sources', a source's before those after it.
fn merge_tags(tags: &mut SortedMap<String, String>, more: SortedMap<String, String>) {
    for (tag, version) in more {
        tags.or_insert_with(tag, || version);
    }
}

fn broken(error: &io::Error) -> Box<Error> {
    Error::Damaged { key: "rendered listing".to_owned(), reason: error.to_string() }.into()
}
