//! What a version says of itself, for people who look for one; and which of several is the one to look at.

use super::Ecosystem;
use crate::model::{Slot, json};
use crate::store::index::IndexedSlot;
use serde_json::Value;

/// What a version's manifest says of it. What it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Who made it.
    pub author: String,
    /// What it is.
    pub description: String,
    /// What it is, in short.
    pub summary: String,
    /// Words by which it is found.
    pub tags: Vec<String>,
    /// What it needs.
    pub dependencies: Vec<Dependency>,
}

/// What a version needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependency {
    /// When, or for what: empty for always.
    pub group: String,
    /// Which package.
    pub name: String,
    /// Which versions of it; empty for any.
    pub range: String,
}

/// A package that a registry found, by its newest version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Find {
    /// Its name.
    pub name: String,
    /// The version.
    pub version: String,
    /// What it is.
    pub description: String,
}

/// Where the readme of a version is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readme {
    /// Nowhere.
    None,
    /// In the archive that is the version's one file: a gzipped tar archive with one folder at its top.
    InArchive,
    /// Behind the first blank line of the file whose name ends so.
    Behind(&'static str),
    /// At that path below the protocol's root.
    At(String),
}

/// A version's manifest; `null` if there is none.
pub fn manifest(slot: &Slot) -> Value {
    json::read(slot.manifest.get().as_bytes()).unwrap_or_default()
}

/// The places of these version keys, highest first.
pub fn highest_first(ecosystem: &dyn Ecosystem, keys: &[&str]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..keys.len()).collect();
    places.sort_unstable_by(|left, right| ecosystem.compare(keys[*right], keys[*left]));
    places
}

/// The one to look at among these: the highest that is listed and no pre-release, else the highest that is listed, else
/// the highest.
pub fn latest<'a>(ecosystem: &dyn Ecosystem, shown: &[&'a IndexedSlot]) -> Option<&'a IndexedSlot> {
    let rank = |entry: &IndexedSlot| {
        let (live, listed) = (entry.slot.is_live(), !entry.slot.shown_listing().hidden);
        (live, listed, !ecosystem.is_prerelease(&entry.key))
    };
    let mut best: Option<&IndexedSlot> = None;
    for entry in shown {
        let higher = best.is_none_or(|best| {
            rank(entry).cmp(&rank(best)).then_with(|| ecosystem.compare(&entry.key, &best.key)).is_gt()
        });
        if higher {
            best = Some(entry);
        }
    }
    best
}
