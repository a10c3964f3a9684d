//! Packages and versions as the core sees them: normalised for identity, as written for people.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A package's name within its protocol. Only the protocol's parser makes one.
#[derive(Clone, Debug)]
pub struct PackageName {
    key: String,
    display: String,
}

impl PackageName {
    /// `key` is the normalised form, equal for all spellings the protocol considers equal.
    pub fn new(key: impl Into<String>, display: impl Into<String>) -> Self {
        Self { key: key.into(), display: display.into() }
    }

    /// The form names are compared and stored by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The form people wrote.
    pub fn as_str(&self) -> &str {
        &self.display
    }
}

impl std::fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.display)
    }
}

/// A version number within its protocol. Only the protocol's parser makes one.
#[derive(Clone, Debug)]
pub struct Version {
    key: String,
    display: String,
}

impl Version {
    /// `key` is the normalised form, equal for all spellings that take the same number.
    pub fn new(key: impl Into<String>, display: impl Into<String>) -> Self {
        Self { key: key.into(), display: display.into() }
    }

    /// The form versions are compared and stored by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The form people wrote.
    pub fn as_str(&self) -> &str {
        &self.display
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.display)
    }
}

/// May versions from external sources be considered for a package: the guard against dependency confusion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UpstreamingBehavior {
    /// Not as soon as an internal version is known.
    #[default]
    #[serde(alias = "Auto")]
    Auto,
    /// Always.
    #[serde(alias = "AllowExternalVersions")]
    AllowExternalVersions,
}

/// What owners and publishers decided about a package as a whole; the stored record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageSettings {
    /// The guard.
    #[serde(default)]
    pub upstreaming_behavior: UpstreamingBehavior,
    /// Named pointers to versions, such as npm's dist-tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Who marked the package as a favourite.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stars: BTreeSet<String>,
    /// When guard or tags last changed; a favourite is no news of a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Grows with every change, so that two records are never equal by accident (an R2 etag is a hash of content).
    #[serde(default)]
    pub sequence: u64,
}
