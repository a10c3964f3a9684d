//! Audits: what is asked and answered.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Body of a bulk audit: versions by package.
pub(in crate::protocol::npm) type AuditRequest = BTreeMap<String, Vec<String>>;

/// Answer of a bulk audit: advisories by package; empty when all is well.
pub(in crate::protocol::npm) type BulkAuditAnswer = BTreeMap<String, Vec<Advisory>>;

/// An advisory in a bulk audit: `id`, `severity`, `vulnerable_versions` and more, which is passed on.
pub(in crate::protocol::npm) type Advisory = Map<String, Value>;
