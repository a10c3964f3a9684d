//! Packages and versions as the core sees them: normalised for identity, as written for people.

use super::{ProtocolId, SortedMap, SortedSet, Timestamp};
use serde::{Deserialize, Serialize};

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

/// Upstreaming behavior by the names of packages, for those about which nothing was decided by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamingRule {
    /// Of which protocol.
    pub protocol: String,
    /// Names, compared without case; `*` stands for any text.
    pub pattern: String,
    /// The behavior.
    pub versions_from_external_upstreams: UpstreamingBehavior,
}

impl UpstreamingRule {
    /// Is it about that package, by its key?
    pub fn covers(&self, protocol: ProtocolId, key: &str) -> bool {
        self.protocol == protocol.as_str() && matches(&self.pattern.to_lowercase(), &key.to_lowercase())
    }
}

/// Is that the text of a pattern in which `*` stands for any text?
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut pieces = rest.split('*');
    let last = pieces.next_back().unwrap_or_default();
    for piece in pieces {
        // The first place is as good as any: what comes after it may be any text.
        let Some((_, after)) = text.split_once(piece) else { return false };
        text = after;
    }
    text.ends_with(last)
}

/// What owners and publishers decided about a package as a whole; the stored record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageSettings {
    /// The guard.
    #[serde(default)]
    pub upstreaming_behavior: UpstreamingBehavior,
    /// Did an owner decide that about this very package, so that no rule of the feed does?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub behavior_decided: bool,
    /// Named pointers to versions, such as npm's dist-tags.
    #[serde(default)]
    pub tags: SortedMap<String, String>,
    /// Who marked the package as a favourite.
    #[serde(default, skip_serializing_if = "SortedSet::is_empty")]
    pub stars: SortedSet,
    /// When guard or tags last changed; a favourite is no news of a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Grows with every change, so that two records are never equal by accident (an R2 etag is a hash of content).
    #[serde(default)]
    pub sequence: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, expected) in [
            ("acme-*", "acme-lib", true),
            ("acme-*", "acme-", true),
            ("acme-*", "other-acme-lib", false),
            ("@acme/*", "@acme/lib", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("a*a", "a", false),
            ("a**a", "aa", true),
            ("*lib", "lib-lib", true),
            ("lib", "lib", true),
            ("lib", "libs", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
