//! Audits: what is asked, and the two forms of answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Body of a bulk audit: versions by package.
pub(in crate::protocol::npm) type AuditRequest = BTreeMap<String, Vec<String>>;

/// Answer of a bulk audit: advisories by package; empty when all is well.
pub(in crate::protocol::npm) type BulkAuditAnswer = BTreeMap<String, Vec<Advisory>>;

/// An advisory in a bulk audit. What we do not know is passed on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::protocol::npm) struct Advisory {
    /// A number or a text.
    pub id: Value,
    /// About it.
    pub url: String,
    /// About it, in one line.
    pub title: String,
    /// `low`, `moderate`, `high`, `critical`.
    pub severity: String,
    /// A range.
    pub vulnerable_versions: String,
    /// `cwe`, `cvss` and what else there is.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Answer of a legacy audit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::protocol::npm) struct LegacyAuditAnswer {
    /// What to update.
    pub actions: Vec<Value>,
    /// Advisories by id.
    pub advisories: Map<String, Value>,
    /// Always empty.
    pub muted: Vec<Value>,
    /// Counts.
    pub metadata: AuditMetadata,
}

/// Counts in a [`LegacyAuditAnswer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::protocol::npm) struct AuditMetadata {
    /// By severity.
    pub vulnerabilities: SeverityCounts,
    /// Packages needed to run.
    pub dependencies: u64,
    /// Packages needed to develop.
    pub dev_dependencies: u64,
    /// Packages that may be missing.
    pub optional_dependencies: u64,
    /// All of them.
    pub total_dependencies: u64,
}

/// Vulnerabilities by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::protocol::npm) struct SeverityCounts {
    /// Good to know.
    pub info: u64,
    /// Low.
    pub low: u64,
    /// Moderate.
    pub moderate: u64,
    /// High.
    pub high: u64,
    /// Critical.
    pub critical: u64,
}
