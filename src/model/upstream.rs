//! Upstream sources: where a feed looks for versions it lacks.

use super::{
    Address, FeedId, FeedLocator, FirstPublished, InvalidLocator, SealedCredentials, Timestamp, feed::guid,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Identity of an upstream source, which outlives renames: a GUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(String);

impl SourceId {
    /// Makes an id of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(guid(bytes))
    }

    /// Takes an id that a client sent back; it must be a GUID.
    pub fn parse(text: &str) -> Option<Self> {
        FeedId::parse(text).map(|id| Self(id.as_str().to_owned()))
    }

    /// The GUID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What kind of place a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    /// A registry, stock or custom, reached over HTTP: what it offers is external.
    Public,
    /// A view of another feed: of this deployment, where what it offers keeps its origin, or on another host, where it
    /// counts as internal.
    Internal,
}

impl SourceKind {
    /// What everything counts as that it offers without saying where it was first published.
    pub const fn origin(self) -> FirstPublished {
        match self {
            Self::Public => FirstPublished::External,
            Self::Internal => FirstPublished::Internal,
        }
    }
}

/// One upstream source of a feed; part of the feed's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamSource {
    /// Identity.
    pub id: SourceId,
    /// For people.
    pub name: String,
    /// The protocol it speaks, as stored.
    pub protocol: String,
    /// Its address: a URL, or an `azure-feed://` locator.
    pub location: String,
    /// The ids of the feed and view that its locator named when it became a source, as `feed@view`: names change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What it is.
    pub kind: SourceKind,
    /// Is it consulted?
    pub enabled: bool,
    /// For how many seconds its listings are fresh.
    #[serde(default = "default_freshness")]
    pub freshness_seconds: u32,
    /// What it wants to see before it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<SealedCredentials>,
    /// When it ceased to be a source of its feed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
}

/// 60 s: fresh upstreams are what users of Azure Artifacts miss most.
const fn default_freshness() -> u32 {
    60
}

impl UpstreamSource {
    /// How long its listings are fresh.
    pub const fn freshness(&self) -> Duration {
        Duration::from_secs(self.freshness_seconds as u64)
    }

    /// Is it a feed of this deployment, read in process? All others are asked over HTTP.
    pub fn is_neighbour(&self) -> bool {
        self.kind == SourceKind::Internal && self.location.starts_with(super::locator::SCHEME)
    }

    /// Where it leads, if it is a feed of this deployment.
    pub fn address(&self) -> Result<Address, InvalidLocator> {
        let named = Address::parse_internal(&self.location)?;
        let locator = self.target.as_deref().map(FeedLocator::parse).transpose()?;
        Ok(Address { locator: locator.unwrap_or(named.locator), ..named })
    }

    /// Do both lead to one place?
    pub fn leads_where(&self, other: &Self) -> bool {
        let place = |source: &Self| source.location.trim_end_matches('/').to_owned();
        let is_same = match (&self.target, &other.target) {
            (Some(one), Some(other)) => one == other,
            _ => place(self) == place(other),
        };
        self.protocol == other.protocol && self.kind == other.kind && is_same
    }

    /// Who answers, and to whom: what is remembered of its answers is what it said to these credentials.
    pub fn memory_key(&self) -> String {
        let credentials = self.credentials.as_ref().map_or("", SealedCredentials::as_str);
        format!("{} {credentials}", self.id.as_str())
    }

    /// The place for which its credentials are sealed.
    pub fn sealed_for(&self, feed: &FeedId) -> String {
        format!("{} {}", feed.as_str(), self.id.as_str())
    }

    /// The default of `freshness_seconds`.
    pub const DEFAULT_FRESHNESS_SECONDS: u32 = default_freshness();
}

/// How a source has been doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceStatus {
    /// As far as we know.
    #[default]
    Ok,
    /// The last request failed.
    Failing,
}

/// The stored record of a source's health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceHealth {
    /// Now.
    pub status: SourceStatus,
    /// Since when the status is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why the last failure was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the last failure was, give or take an hour in which it was the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Timestamp>,
    /// When it last did what it was asked for, give or take an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
}
