//! Feeds and the names they are found by.

use super::{
    Digest, PackageSettings, Permission, ProtocolId, Retention, SourceId, Timestamp, UpstreamSource,
    UpstreamingBehavior, UpstreamingRule, View, ViewName,
};
use serde::{Deserialize, Serialize};

/// Why a name was refused. The rules are Azure Artifacts': at most 64 characters, none of the reserved ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing there.
    #[error("a name may not be empty")]
    Empty,
    /// Over 64 characters.
    #[error("a name has at most 64 characters, this one has {0}")]
    TooLong(usize),
    /// One of the characters that URLs or locators need.
    #[error("a name may not contain `{0}`")]
    Character(char),
    /// Leading `_` or `.`, trailing `.`.
    #[error("a name may not start with `_` or `.` nor end with `.`")]
    Edge,
}

/// Checks a name against the rules every kind of name shares.
pub(super) fn check_name(text: &str) -> Result<(), InvalidName> {
    let forbidden = |character: &char| {
        character.is_whitespace()
            || character.is_control()
            || "@~;{}\\+=<>|/?:&$*\"#[]%'".contains(*character)
    };
    let length = text.chars().count();
    match text.chars().find(forbidden) {
        _ if text.is_empty() => Err(InvalidName::Empty),
        _ if length > 64 => Err(InvalidName::TooLong(length)),
        Some(character) => Err(InvalidName::Character(character)),
        None if text.starts_with(['_', '.']) || text.ends_with('.') => Err(InvalidName::Edge),
        None => Ok(()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the name.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                check_name(text)?;
                Ok(Self(text.to_owned()))
            }

            /// The name as first written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The form names are compared and stored by.
            pub fn key(&self) -> String {
                self.0.to_lowercase()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key() == other.key()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name_type! {
    /// The name of an organization.
    OrganizationName
}
name_type! {
    /// The name of a project within an organization.
    ProjectName
}
name_type! {
    /// The name of a feed, or its id: both address it.
    FeedName
}

/// A feed's identity: a GUID in lower case, never reused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedId(String);

impl FeedId {
    /// Makes an id of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(guid(bytes))
    }

    /// Reads a GUID; `None` for other text.
    pub fn parse(text: &str) -> Option<Self> {
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        let hexadecimal = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        (groups == [8, 4, 4, 4, 12] && hexadecimal).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The GUID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A GUID that follows from a text.
pub fn guid_of(text: &str) -> String {
    let digest = Digest::sha256(text.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest.value()).for_each(|(byte, value)| *byte = *value);
    guid(bytes)
}

/// Prints 16 bytes as a GUID with the version and variant bits of a random one.
pub(super) fn guid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..4], &hex[4..6], &hex[6..8], &hex[8..10], &hex[10..]].map(<[String]>::concat).join("-")
}

/// What listings on the base URL show to callers who may not save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListingMode {
    /// Only what the caller may download.
    #[default]
    CallerAware,
    /// Everything, as Azure Artifacts does.
    Azure,
}

/// How many removed sources a feed remembers: it is read with every request.
const REMOVED_LIMIT: usize = 20;

/// A feed: settings, views, upstream sources. The stored record, in REST terms where it has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Feed {
    /// Identity.
    pub id: FeedId,
    /// The organization it belongs to.
    pub organization: OrganizationName,
    /// The project it is scoped to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// Its name.
    pub name: FeedName,
    /// At most 255 characters.
    #[serde(default)]
    pub description: String,
    /// May anonymous callers read it?
    #[serde(default)]
    pub is_public: bool,
    /// Are the upstream sources consulted at all?
    pub upstream_enabled: bool,
    /// In order of precedence.
    pub upstream_sources: Vec<UpstreamSource>,
    /// Those it had, as far as they are remembered, the last one removed at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_sources: Vec<UpstreamSource>,
    /// All views, `Local` first.
    pub views: Vec<View>,
    /// May a version be published that an upstream source offers?
    #[serde(default)]
    pub allow_upstream_name_conflict: bool,
    /// What callers who may not save are shown.
    #[serde(default)]
    pub listing: ListingMode,
    /// What it keeps of each package; everything, if nobody decided otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Does it refuse all but reading and changing its settings?
    #[serde(default)]
    pub is_disabled: bool,
    /// Are deleted versions shown to people who look at the feed?
    #[serde(default)]
    pub shows_deleted_package_versions: bool,
    /// May anybody ask which version is the newest, for a badge?
    #[serde(default)]
    pub badges_enabled: bool,
    /// The view that readers are pointed to, by its id; `Local` unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_view_id: Option<String>,
    /// Roles of subjects and groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
    /// Upstreaming behavior by the names of packages; the first rule that covers a name counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreaming_rules: Vec<UpstreamingRule>,
    /// When it was made.
    pub created: Timestamp,
    /// The name it is about to take, while its renaming is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renaming: Option<FeedName>,
    /// When its name last changed, or was about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed: Option<Timestamp>,
    /// When it went to the recycle bin, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
    /// When it was deleted for good: what it held is being removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged: Option<Timestamp>,
    /// Grows with every change, so that two records are never equal by accident (an R2 etag is a hash of content).
    pub sequence: u64,
}

impl Feed {
    /// The enabled upstream sources of one protocol, in order.
    pub fn sources(&self, protocol: ProtocolId) -> impl Iterator<Item = &UpstreamSource> {
        let enabled = self.upstream_enabled;
        self.upstream_sources.iter().filter(move |source| {
            enabled && source.enabled && source.protocol.eq_ignore_ascii_case(protocol.as_str())
        })
    }

    /// Gives it other sources. Those it has no more are remembered, without their credentials, until others take their place.
    pub fn replace_sources(&mut self, sources: Vec<UpstreamSource>, now: Timestamp) {
        let mut removed = Vec::new();
        for source in self.removed_sources.iter().chain(&self.upstream_sources) {
            if !sources.iter().any(|other| other.id == source.id) {
                let deleted = source.deleted.or(Some(now));
                removed.push(UpstreamSource { credentials: None, deleted, ..source.clone() });
            }
        }
        let surplus = removed.len().saturating_sub(REMOVED_LIMIT);
        self.removed_sources = removed.split_off(surplus);
        self.upstream_sources = sources;
    }

    /// The ids of the sources it has, and of those it remembers.
    pub fn known_sources(&self) -> Vec<&SourceId> {
        let mut ids = Vec::new();
        for sources in [&self.upstream_sources, &self.removed_sources] {
            ids.extend(sources.iter().map(|source| &source.id));
        }
        ids
    }

    /// The upstreaming behavior of a package: what was decided about it, or else what the feed's rules say.
    pub fn upstreaming_behavior(
        &self,
        protocol: ProtocolId,
        package_key: &str,
        settings: &PackageSettings,
    ) -> UpstreamingBehavior {
        let own = settings.upstreaming_behavior;
        if settings.behavior_decided || own != UpstreamingBehavior::Auto {
            return own;
        }
        let rule = self.upstreaming_rules.iter().find(|rule| rule.covers(protocol, package_key));
        rule.map_or(own, |rule| rule.versions_from_external_upstreams)
    }

    /// The view of that name or id.
    pub fn view(&self, name: &ViewName) -> Option<&View> {
        self.views.iter().find(|view| view.name == *name || view.id == name.key())
    }

    /// The view that readers are pointed to.
    pub fn default_view(&self) -> Option<&View> {
        let chosen = self.default_view_id.as_ref();
        self.views.iter().find(|view| chosen.map_or(view.name.is_local(), |id| view.id == *id))
    }

    /// Is that its name, or its id?
    pub fn is_called(&self, name: &FeedName) -> bool {
        self.name == *name || FeedId::parse(name.as_str()).as_ref() == Some(&self.id)
    }

    /// Is it in the recycle bin, from which it can be restored?
    pub fn is_in_bin(&self) -> bool {
        self.deleted.is_some() && self.purged.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_published_rules() {
        for good in ["main", "Fabrikam.Feed", "a-b_c", "Füße"] {
            assert!(FeedName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "_x", ".x", "x.", "a b", "a@b", "a/b", "a%2fb", "a\0b", &"x".repeat(65)] {
            assert!(FeedName::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(FeedName::parse("Main"), FeedName::parse("mAIN"));
    }

    #[test]
    fn removed_sources_are_remembered_within_bounds_until_they_return() {
        let golden = include_str!("../../tests/golden/feed.removed.json");
        let mut feed: Feed = crate::model::json::read(golden.as_bytes()).unwrap();
        let (now, [mine]) = (Timestamp::from_millis(7), &feed.upstream_sources[..]) else { panic!() };
        let mine = mine.clone();
        let source = |number: usize| {
            let number = u8::try_from(number).unwrap();
            UpstreamSource { id: SourceId::from_random([number; 16]), ..mine.clone() }
        };
        feed.replace_sources((0..=REMOVED_LIMIT).map(source).collect(), now);
        assert_eq!(feed.removed_sources.len(), 2);
        let removed = feed.removed_sources[1].clone();
        assert_eq!(removed, UpstreamSource { deleted: Some(now), credentials: None, ..mine.clone() });
        feed.replace_sources(vec![source(1), mine.clone()], now);
        assert_eq!(feed.removed_sources.len(), REMOVED_LIMIT, "the one from before fell out");
        assert!(!feed.removed_sources.contains(&removed), "it is back");
        let same = feed.clone();
        feed.replace_sources(feed.upstream_sources.clone(), Timestamp::from_millis(8));
        assert_eq!(feed, same, "a write repeated");
    }

    #[test]
    fn ids_are_guids() {
        let id = FeedId::from_random([0xff; 16]);
        assert_eq!(id.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(FeedId::parse(&id.as_str().to_uppercase()), Some(id));
        assert_eq!(FeedId::parse("main"), None);
    }
}
