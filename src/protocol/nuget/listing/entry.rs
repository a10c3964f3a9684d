//! A version as it is shown: what its author said of it, and what is true of it here.

use super::super::name::Number;
use super::super::wire::filter::Value as Operand;
use super::super::wire::{self, Members, joined, text};
use super::file_address;
use crate::model::{PackageName, Slot, json};
use crate::service::{Listed, ListedFile};
use serde_json::{Value, json};

/// A version as it is shown.
#[derive(Clone, Debug)]
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
        let mut entries: Vec<Self> =
            slots.iter().filter_map(|(key, slot)| Self::of_slot(key, slot, package, root)).collect();
        entries.sort_by(|one, other| one.number.cmp(&other.number));
        entries
    }

    fn of_slot(key: &str, slot: &Slot, package: &PackageName, root: &str) -> Option<Self> {
        let files = slot.artifacts.iter().map(|record| ListedFile {
            name: &record.name,
            size: Some(record.size),
            digests: &record.digests,
            manifest: None,
        });
        let (listing, files) = (slot.shown_listing(), files.collect::<Vec<_>>());
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

    /// What a condition may ask about; the names are those of OData.
    pub(in crate::protocol::nuget) fn property(&self, name: &str) -> Operand<'_> {
        match name {
            "Version" | "NormalizedVersion" => Operand::Version(self.text("version").into()),
            "IsLatestVersion" => Operand::Bool(self.is_latest),
            "IsAbsoluteLatestVersion" => Operand::Bool(self.is_absolute_latest),
            "IsPrerelease" => Operand::Bool(self.number.is_prerelease()),
            "Listed" => Operand::Bool(self.is_listed()),
            "Tags" => Operand::Text(joined(self.members.get("tags"), " ").into()),
            "Published" | "Created" | "LastUpdated" | "LastEdited" => {
                Operand::Text(self.text("published").into())
            }
            "DownloadCount" | "VersionDownloadCount" => Operand::Integer(0),
            other => match self.text(&member(other)) {
                "" => Operand::Null,
                text => Operand::Text(text.into()),
            },
        }
    }
}

/// Says of the highest versions that they are; `entries` come lowest first.
pub(in crate::protocol::nuget) fn mark_latest(entries: &mut [Entry]) {
    if let Some(entry) = entries.iter_mut().rev().find(|entry| entry.is_listed()) {
        entry.is_absolute_latest = true;
    }
    if let Some(entry) =
        entries.iter_mut().rev().find(|entry| entry.is_listed() && !entry.number.is_prerelease())
    {
        entry.is_latest = true;
    }
}

/// The member that an OData property is: `ProjectUrl` is `projectUrl`.
pub(in crate::protocol::nuget) fn member(property: &str) -> String {
    let mut characters = property.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
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
