//! A version as it is shown: what its author said of it, and what is true of it here.

use super::super::name::{Number, in_order};
use super::super::wire::{self, Members, joined, text};
use super::file_address;
use crate::model::{PackageName, Slot, json};
use crate::service::{Listed, ListedFile};
use serde_json::{Value, json};

/// A version as it is shown.
#[derive(Clone, Debug, Default)]
pub(in crate::protocol::nuget) struct Entry {
    /// Its number.
    pub(in crate::protocol::nuget) number: Number,
    /// What is said of it.
    pub(in crate::protocol::nuget) members: Members,
    /// Is it the highest one that is no pre-release?
    pub(in crate::protocol::nuget) is_latest: bool,
    /// Is it the highest one?
    pub(in crate::protocol::nuget) is_absolute_latest: bool,
}

impl Entry {
    /// A version; `None` if its number is none.
    pub(in crate::protocol::nuget) fn new(members: Members) -> Option<Self> {
        let number = Number::parse(text(&members, "version"))?;
        Some(Self { number, members, is_latest: false, is_absolute_latest: false })
    }

    /// The versions of a package among these slots that are there, lowest first.
    pub(in crate::protocol::nuget) fn of_slots(
        slots: &[(String, Slot)],
        package: &PackageName,
        root: &str,
    ) -> Vec<Self> {
        let mut entries = Vec::new();
        for (key, slot) in slots {
            entries.extend(Self::of_slot(key, slot, package, root));
        }
        Self::sort(&mut entries, &|entry| entry.number.order().to_owned());
        entries
    }

    fn of_slot(key: &str, slot: &Slot, package: &PackageName, root: &str) -> Option<Self> {
        let (listing, mut files) = (slot.shown_listing(), Vec::new());
        for record in &slot.artifacts {
            let size = Some(record.size);
            files.push(ListedFile { name: &record.name, size, digests: &record.digests, manifest: None });
        }
        let version = Listed {
            version: &slot.version,
            key,
            listing,
            is_local: true,
            manifest: &slot.manifest,
            files: &files,
        };
        let mut members = members(&version, package, root);
        super::set_published(&mut members, listing.hidden, slot.published);
        Self::new(members)
    }

    /// Is it shown in searches?
    pub(in crate::protocol::nuget) fn is_listed(&self) -> bool {
        self.members.get("listed") != Some(&Value::Bool(false))
    }

    /// May a client see it that asks for pre-releases, or not, and understands SemVer 2, or not?
    pub(in crate::protocol::nuget) fn suits(&self, prerelease: bool, semver2: bool) -> bool {
        (prerelease || !self.number.is_prerelease())
            && (semver2 || !self.number.needs_semver2(self.text("version")))
    }

    /// The text of a member; empty if there is none.
    pub(in crate::protocol::nuget) fn text(&self, name: &str) -> &str {
        text(&self.members, name)
    }

    /// Leaves those entries that are wanted.
    pub(in crate::protocol::nuget) fn keep(entries: &mut Vec<Self>, is_wanted: &dyn Fn(&Self) -> bool) {
        entries.retain(is_wanted);
    }

    /// Puts entries into the order of these texts; those that are equal stay as they are.
    pub(in crate::protocol::nuget) fn sort(entries: &mut Vec<Self>, text: &dyn Fn(&Self) -> String) {
        let mut texts = Vec::new();
        for entry in entries.iter() {
            texts.push(text(entry));
        }
        let mut sorted = Vec::new();
        for at in in_order(texts) {
            sorted.extend(entries.get_mut(at).map(std::mem::take));
        }
        *entries = sorted;
    }

    /// What a condition may ask about, by the names of OData; a version as the text by which it is compared.
    pub(in crate::protocol::nuget) fn property(&self, name: &str) -> Option<String> {
        let flag = match name {
            "Version" | "NormalizedVersion" => return Some(self.number.order().to_owned()),
            "Tags" => return Some(joined(self.members.get("tags"), " ")),
            "Published" | "Created" | "LastUpdated" | "LastEdited" => {
                return Some(self.text("published").to_owned());
            }
            "DownloadCount" | "VersionDownloadCount" => return Some("0".to_owned()),
            "IsLatestVersion" => self.is_latest,
            "IsAbsoluteLatestVersion" => self.is_absolute_latest,
            "IsPrerelease" => self.number.is_prerelease(),
            "Listed" => self.is_listed(),
            other => return Some(self.text(&member(other)).to_owned()).filter(|text| !text.is_empty()),
        };
        Some(if flag { "true" } else { "false" }.to_owned())
    }
}

/// Says of the highest versions that they are; `entries` come lowest first.
pub(in crate::protocol::nuget) fn mark_latest(entries: &mut [Entry]) {
    let (mut latest, mut absolute) = (None, None);
    for (at, entry) in entries.iter().enumerate() {
        if entry.is_listed() {
            absolute = Some(at);
            latest = if entry.number.is_prerelease() { latest } else { absolute };
        }
    }
    for (at, entry) in entries.iter_mut().enumerate() {
        entry.is_absolute_latest = absolute == Some(at);
        entry.is_latest = latest == Some(at);
    }
}

/// The member that an OData property is: `ProjectUrl` is `projectUrl`.
pub(in crate::protocol::nuget) fn member(property: &str) -> String {
    let mut member = property.to_owned();
    if let Some(first) = member.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    member
}

/// The members of an entry but for when it was published.
pub(super) fn members(version: &Listed<'_>, package: &PackageName, root: &str) -> Members {
    let mut members: Members = json::read(version.manifest.get().as_bytes()).unwrap_or_default();
    if text(&members, "id").is_empty() {
        members.insert("id".to_owned(), package.as_str().into());
    }
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("version", version.version.into());
    set("listed", (!version.listing.hidden).into());
    let archive = version.files.iter().find(|file| file.name.as_str().rsplit('.').next() == Some("nupkg"));
    if let Some(file) = archive {
        file.size.map(|size| set("packageSize", size.into()));
        if let Some(digest) = file.digests.last() {
            let (algorithm, hash) = wire::hash(digest);
            set("packageHash", hash.into());
            set("packageHashAlgorithm", algorithm.into());
        }
    }
    for (member, address) in [("icon", "iconUrl"), ("readme", "readmeUrl"), ("license", "licenseUrl")] {
        if !text(&members, member).is_empty() {
            let url = file_address(root, package.key(), version.key, member);
            members.insert(address.to_owned(), url.into());
        }
    }
    let said = wire::deprecation(&members);
    match version.listing.message.as_deref() {
        None => drop(members.shift_remove("deprecation")),
        message if message == said.as_deref() => {}
        Some(message) => {
            members.insert("deprecation".to_owned(), json!({ "reasons": ["Other"], "message": message }));
        }
    }
    members
}
