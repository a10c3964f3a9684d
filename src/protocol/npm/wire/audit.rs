//! Audits: what is asked and answered.

use crate::model::SortedMap;
use serde_json::{Map, Value};

/// Body of a bulk audit: versions by package.
pub(in crate::protocol::npm) type AuditRequest = SortedMap<String, Vec<String>>;

/// Answer of a bulk audit: advisories by package; empty when all is well.
pub(in crate::protocol::npm) type BulkAuditAnswer = SortedMap<String, Vec<Advisory>>;

/// An advisory in a bulk audit: `id`, `severity`, `vulnerable_versions` and more, which is passed on.
pub(in crate::protocol::npm) type Advisory = Map<String, Value>;
