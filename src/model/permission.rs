//! Permissions: roles that records give to subjects and groups, rather than to one token.

use super::{Role, Token};
use serde::{Deserialize, Serialize};

const SUBJECT: &str = "subject:";
const GROUP: &str = "group:";

/// A subject or a group: `subject:<name>` or `group:<name>`, the descriptor by which REST calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(String);

impl Identity {
    /// Reads a descriptor; a plain text is a subject. `None` if nothing is named.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (kind, name) = match text.strip_prefix(GROUP) {
            Some(name) => (GROUP, name),
            None => (SUBJECT, text.strip_prefix(SUBJECT).unwrap_or(text)),
        };
        let name = name.trim();
        let printable =
            !name.is_empty() && name.chars().count() <= 200 && !name.chars().any(char::is_control);
        printable.then(|| Self(format!("{kind}{name}")))
    }

    /// The descriptor.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }

    /// Does the holder of that token answer to it? A subject's name counts only if somebody vouched for it who may.
    pub fn is_of(&self, token: &Token) -> bool {
        match self.0.strip_prefix(GROUP) {
            Some(group) => token.groups.iter().any(|own| own == group),
            None => token.vouched && self.name() == token.subject,
        }
    }
}

/// A role of a subject or a group on a feed or a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Whose.
    pub identity: Identity,
    /// Which.
    pub role: Role,
}

impl Permission {
    /// The greatest role that these give to the holder of a token.
    pub fn role_of(permissions: &[Self], token: &Token) -> Option<Role> {
        let own = permissions.iter().filter(|permission| permission.identity.is_of(token));
        own.map(|permission| permission.role).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_a_subject() {
        for (text, descriptor, name) in [
            ("alice", "subject:alice", "alice"),
            (" subject:alice", "subject:alice", "alice"),
            ("group:build agents", "group:build agents", "build agents"),
            ("Some.Type;id:7", "subject:Some.Type;id:7", "Some.Type;id:7"),
        ] {
            let identity = Identity::parse(text).unwrap();
            assert_eq!((identity.as_str(), identity.name()), (descriptor, name));
        }
        for bad in ["", "  ", "group:", "subject: ", "a\nb", &"x".repeat(201)] {
            assert_eq!(Identity::parse(bad), None, "{bad:?}");
        }
    }
}
