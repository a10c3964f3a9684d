//! Tokens: how callers prove who they are.

use super::digest::{Digest, hexadecimal};
use super::{Feed, FeedId, OrganizationName, Role, Scope, Secret, Timestamp, View};
use serde::{Deserialize, Serialize};

/// The prefix by which secret scanners recognise our tokens.
const PREFIX: &str = "efp_";

/// The text a caller sends: prefix, 256 random bits, checksum, in hexadecimal. Never stored, never printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenText(Secret);

impl TokenText {
    /// Makes a token of 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let body = hexadecimal(&bytes);
        Self(Secret::new(format!("{PREFIX}{body}{}", checksum(&body))))
    }

    /// Reads a token; `None` if it is not one of ours, so that a typing error costs no storage operation.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX).filter(|rest| rest.is_ascii() && rest.len() == 72)?;
        let (body, check) = rest.split_at(64);
        (checksum(body) == check).then(|| Self(Secret::new(text)))
    }

    /// The token itself, for its owner, once.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// What is stored in its place.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Digest::sha256(self.0.expose().as_bytes()).hex())
    }
}

fn checksum(body: &str) -> String {
    Digest::sha256(body.as_bytes()).hex().chars().take(8).collect()
}

/// SHA-256 of a token, in hexadecimal: the key of its record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hexadecimal text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A public name for the token, which gives nothing away.
    pub fn id(&self) -> String {
        self.0.chars().take(32).collect()
    }
}

/// What a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TargetRecord", into = "TargetRecord")]
pub enum GrantTarget {
    /// Every feed of the token's organization.
    Organization,
    /// One feed with all its views.
    Feed {
        /// Which.
        feed: FeedId,
    },
    /// One view of one feed.
    View {
        /// The feed.
        feed: FeedId,
        /// The view's id.
        view: String,
    },
}

/// A [`GrantTarget`] as it is stored.
#[derive(Serialize, Deserialize)]
struct TargetRecord {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feed: Option<FeedId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    view: Option<String>,
}

impl From<GrantTarget> for TargetRecord {
    fn from(target: GrantTarget) -> Self {
        let (kind, feed, view) = match target {
            GrantTarget::Organization => ("organization", None, None),
            GrantTarget::Feed { feed } => ("feed", Some(feed), None),
            GrantTarget::View { feed, view } => ("view", Some(feed), Some(view)),
        };
        Self { kind: kind.to_owned(), feed, view }
    }
}

impl TryFrom<TargetRecord> for GrantTarget {
    type Error = &'static str;

    fn try_from(record: TargetRecord) -> Result<Self, &'static str> {
        match (record.kind.as_str(), record.feed, record.view) {
            ("organization", ..) => Ok(Self::Organization),
            ("feed", Some(feed), _) => Ok(Self::Feed { feed }),
            ("view", Some(feed), Some(view)) => Ok(Self::View { feed, view }),
            _ => Err("not what a grant is for"),
        }
    }
}

/// A role on something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// On what.
    pub target: GrantTarget,
    /// Which role.
    pub role: Role,
}

/// The stored record of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Public name, safe in logs.
    pub id: String,
    /// The organization it belongs to.
    pub organization: OrganizationName,
    /// Who holds it.
    pub subject: String,
    /// What its maker calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it may be used for at most.
    pub scope: Scope,
    /// The roles it carries.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Owner of every feed of the organization, may make tokens.
    #[serde(default)]
    pub administrator: bool,
    /// May create feeds, of which it then is the owner.
    #[serde(default)]
    pub feed_creator: bool,
    /// The groups its holder is in, for permissions of groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Did one who may say so say that its holder is the subject, so that it has the permissions of that? A token that an
    /// owner of feeds made for somebody else has not.
    #[serde(default)]
    pub vouched: bool,
    /// The token it was made with: when that is revoked, this one is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TokenHash>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ceases to work, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
}

impl Token {
    /// Does it still work?
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }

    /// The role it carries on every feed of its organization, if any.
    pub fn everywhere(&self) -> Option<Role> {
        let grants = self.grants.iter().filter(|grant| grant.target == GrantTarget::Organization);
        grants.map(|grant| grant.role).chain(self.administrator.then_some(Role::Owner)).max()
    }

    /// The role it carries on a feed, or on one of its views: what was granted to it, and not what anybody has.
    pub fn role_on(&self, feed: &Feed, view: Option<&View>) -> Option<Role> {
        let here = self.grants.iter().filter(|grant| match &grant.target {
            GrantTarget::Organization => false,
            GrantTarget::Feed { feed: id } => *id == feed.id,
            GrantTarget::View { feed: id, view: name } => {
                *id == feed.id && view.is_some_and(|view| view.id == *name)
            }
        });
        let everywhere = self.everywhere().filter(|_| self.organization == feed.organization);
        here.map(|grant| grant.role).chain(everywhere).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_typing_error_does_not() {
        let token = TokenText::from_random([7; 32]);
        let text = token.secret().expose().to_owned();
        assert_eq!(TokenText::parse(&text), Some(token));
        assert_eq!(TokenText::parse(&text.replace("07", "17")), None);
        assert_eq!(TokenText::parse("efp_"), None);
        assert_eq!(TokenText::parse("npm_whatever"), None);
    }
}
