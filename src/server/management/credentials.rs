//! Credentials of upstream sources in bodies: written, never read back.

use super::message;
use crate::model::{Credentials, FeedId, Keyring, SealedCredentials, UpstreamSource};
use crate::platform::Platform;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A member of a body that says something else by being null than by being absent.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What becomes of a source's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// They stay as they are, while the source keeps its place.
    Keep,
    /// There are none.
    Remove,
    /// They are these.
    Set(Credentials),
}

impl Wish {
    /// Reads `{"username", "password"}`, `{"token"}` or `{"authorization"}`. What is refused is not repeated.
    pub(super) fn read(member: Option<&Value>) -> Result<Self, &'static str> {
        let body = match member {
            None => return Ok(Self::Keep),
            Some(Value::Null) => return Ok(Self::Remove),
            Some(body) => body,
        };
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let known = ["username", "password", "token", "authorization"].map(text);
        let is_read = body.as_object().is_some_and(|body| body.len() == known.iter().flatten().count());
        let read = match known {
            [Some(username), Some(password), None, None] => Credentials::basic(username, password),
            [None, None, Some(token), None] => Credentials::bearer(token),
            [None, None, None, Some(value)] => Credentials::verbatim(value),
            _ => return Err(SHAPE),
        };
        if is_read { read.map(Self::Set) } else { Err(SHAPE) }
    }
}

const SHAPE: &str =
    "`credentials` is {\"username\", \"password\"}, {\"token\"} or {\"authorization\"}, of texts, or null";

/// Seals credentials of the sources of a feed.
pub(super) struct Sealer<'a, P> {
    pub(super) platform: &'a P,
    pub(super) keyring: Keyring,
    pub(super) feed: &'a FeedId,
}

impl<P: Platform> Sealer<'_, P> {
    /// What a source is to be stored with that has this stored with it. Where that says the same it stays, nonce and
    /// all, because a write that took effect unnoticed is tried again; what was sealed under the previous key is sealed
    /// anew.
    pub(super) fn settle(
        &self,
        source: &UpstreamSource,
        stored: Option<&SealedCredentials>,
        wish: &Wish,
    ) -> Option<SealedCredentials> {
        let place = source.sealed_for(self.feed);
        let opened = stored.and_then(|stored| self.keyring.open(stored, &place));
        let is_settled = |wanted: &Credentials| {
            opened.as_ref().is_some_and(|opened| !opened.is_outdated && opened.credentials == *wanted)
        };
        let wanted = match wish {
            Wish::Remove => return None,
            Wish::Set(wanted) => Some(wanted),
            Wish::Keep => opened.as_ref().map(|opened| &opened.credentials),
        };
        let wanted = wanted.filter(|wanted| !is_settled(wanted));
        let sealed =
            wanted.and_then(|wanted| self.keyring.seal(wanted, &place, message::random(self.platform)));
        sealed.or_else(|| stored.cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_kind_of_credentials_and_nothing_else() {
        let read = |value: Value| Wish::read(Some(&value));
        let set = |credentials: Result<Credentials, &'static str>| credentials.map(Wish::Set);
        assert_eq!(
            read(json!({ "username": "me", "password": "s3cret" })),
            set(Credentials::basic("me", "s3cret"))
        );
        assert_eq!(read(json!({ "token": "s3cret" })), set(Credentials::bearer("s3cret")));
        assert_eq!(read(json!({ "authorization": "s3cret" })), set(Credentials::verbatim("s3cret")));
        assert_eq!((read(Value::Null), Wish::read(None)), (Ok(Wish::Remove), Ok(Wish::Keep)));
        for bad in [
            json!("s3cret"),
            json!({}),
            json!({ "password": "s3cret" }),
            json!({ "token": "s3cret", "authorization": "s3cret" }),
            json!({ "token": 5 }),
            json!({ "token": "s3cret", "scheme": "x" }),
            json!({ "token": "s3\ncret" }),
        ] {
            let refused = read(bad.clone()).unwrap_err();
            assert!(!refused.contains("s3"), "{bad}: {refused}");
        }
    }
}
