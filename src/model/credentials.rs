//! Credentials that upstream sources want, and the seal under which they are stored.
//!
//! A seal is [XChaCha20-Poly1305](https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha) under a key of the
//! deployment, with a random nonce. The place it was made for, a feed and a source, is authenticated with it: moved to
//! another source, where it would be sent to another host, it does not open.

use super::Secret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Characters of a key's text at least.
const KEY_LENGTH: usize = 32;

/// Bytes of an `Authorization` header at most: more than any registry's tokens have.
const LENGTH_LIMIT: usize = 8_192;

/// Bytes of a nonce, which comes before what it sealed.
const NONCE: usize = 24;

/// What the stored text starts with: another way to seal gets another number.
const FORMAT: &str = "1:";

/// What an upstream source wants to see: the value of an `Authorization` header, which is never printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials(Secret);

impl Credentials {
    /// `Basic`, of a name and a password, of which one may be empty.
    pub fn basic(username: &str, password: &str) -> Result<Self, &'static str> {
        if username.contains(':') || username.is_empty() && password.is_empty() {
            return Err("`username` may not contain a colon, and it and `password` may not both be empty");
        }
        Self::verbatim(&format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }

    /// `Bearer`, of a token.
    pub fn bearer(token: &str) -> Result<Self, &'static str> {
        if token.is_empty() || token.contains(char::is_whitespace) {
            return Err("`token` is one word");
        }
        Self::verbatim(&format!("Bearer {token}"))
    }

    /// A whole value, as registries want it that have no scheme.
    pub fn verbatim(value: &str) -> Result<Self, &'static str> {
        let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if value.trim().is_empty() || !printable || value.len() > LENGTH_LIMIT {
            return Err("credentials are printable ASCII, and at most 8192 bytes of it");
        }
        Ok(Self(Secret::new(value.trim())))
    }

    /// The header's value. Call it only where it is sent to the source it belongs to, or sealed.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Sealed credentials, as they are stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedCredentials(String);

impl SealedCredentials {
    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SealedCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SealedCredentials(***)")
    }
}

/// Credentials of which the seal was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What was sealed.
    pub credentials: Credentials,
    /// Was it sealed under the previous key?
    pub is_outdated: bool,
}

/// The deployment's keys: the one that seals, and the one before it, under which much may still be sealed.
#[derive(Clone, Copy, Default)]
pub struct Keyring {
    present: Option<[u8; 32]>,
    previous: Option<[u8; 32]>,
}

impl Keyring {
    /// Derives keys of secrets; one that is too short to be a secret is refused.
    pub fn new(present: Option<&str>, previous: Option<&str>) -> Result<Self, String> {
        Ok(Self { present: key(present)?, previous: key(previous)? })
    }

    /// Is there a key to seal with?
    pub const fn can_seal(&self) -> bool {
        self.present.is_some()
    }

    /// Seals credentials for a place; `None` without a key. A nonce is never used twice.
    pub fn seal(
        &self,
        credentials: &Credentials,
        place: &str,
        nonce: [u8; NONCE],
    ) -> Option<SealedCredentials> {
        let payload = Payload { msg: credentials.expose().as_bytes(), aad: place.as_bytes() };
        let sealed = cipher(&self.present?).encrypt(&nonce.into(), payload).ok()?;
        let bytes = [&nonce[..], &sealed].concat();
        Some(SealedCredentials(format!("{FORMAT}{}", STANDARD.encode(bytes))))
    }

    /// Opens what was sealed for that place; `None` if no key opens it.
    pub fn open(&self, sealed: &SealedCredentials, place: &str) -> Option<Opened> {
        let bytes = STANDARD.decode(sealed.0.strip_prefix(FORMAT)?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let open = |key: [u8; 32]| {
            let payload = Payload { msg: sealed, aad: place.as_bytes() };
            let text = cipher(&key).decrypt(&(*nonce).into(), payload).ok()?;
            Credentials::verbatim(&String::from_utf8(text).ok()?).ok()
        };
        let present = self.present.and_then(open);
        let is_outdated = present.is_none();
        let credentials = present.or_else(|| self.previous.and_then(open))?;
        Some(Opened { credentials, is_outdated })
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keyring(***)")
    }
}

fn key(text: Option<&str>) -> Result<Option<[u8; 32]>, String> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) if text.chars().count() < KEY_LENGTH => {
            Err(format!("has fewer than {KEY_LENGTH} characters"))
        }
        Some(text) => Ok(Some(Sha256::digest(text).into())),
        None => Ok(None),
    }
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &str = "the key of last year, long enough";
    const NEW: &str = "the key of this year, long enough";

    fn ring(present: &str, previous: Option<&str>) -> Keyring {
        Keyring::new(Some(present), previous).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_where_it_was_sealed_and_nowhere_else() {
        let credentials = Credentials::basic("me", "hunter2").unwrap();
        assert_eq!(credentials.expose(), "Basic bWU6aHVudGVyMg==");
        let ring = ring(NEW, None);
        let sealed = ring.seal(&credentials, "feed source", [7; 24]).unwrap();
        let opened = ring.open(&sealed, "feed source").unwrap();
        assert_eq!((opened.credentials, opened.is_outdated), (credentials.clone(), false));
        assert_eq!(ring.open(&sealed, "feed other"), None, "moved to another source");
        let mut bytes = sealed.as_str().to_owned().into_bytes();
        bytes[40] ^= 1;
        let changed = SealedCredentials(String::from_utf8(bytes).unwrap());
        assert_eq!(ring.open(&changed, "feed source"), None, "changed");
        assert_ne!(ring.seal(&credentials, "feed source", [8; 24]).unwrap(), sealed, "another nonce");
        assert_eq!(Keyring::default().seal(&credentials, "feed source", [7; 24]), None);
        assert_eq!(Keyring::default().open(&sealed, "feed source"), None);
    }

    #[test]
    fn the_previous_key_opens_and_does_not_seal() {
        let credentials = Credentials::bearer("t0ken").unwrap();
        let sealed = ring(OLD, None).seal(&credentials, "place", [1; 24]).unwrap();
        let rotated = ring(NEW, Some(OLD));
        assert!(rotated.open(&sealed, "place").unwrap().is_outdated);
        let again = rotated.seal(&credentials, "place", [2; 24]).unwrap();
        assert_eq!(ring(NEW, None).open(&again, "place").unwrap().credentials, credentials);
        assert_eq!(ring(NEW, None).open(&sealed, "place"), None, "the old key was retired");
    }

    #[test]
    fn this_seal_opens_for_ever() {
        let stored = SealedCredentials(
            "1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBwEHrb2ul++QpZgCpSIbKfAyFdWr0ui0sDtx8rw==".to_owned(),
        );
        let credentials = Credentials::bearer("t0ken").unwrap();
        assert_eq!(ring(NEW, None).seal(&credentials, "place", [1; 24]).unwrap().as_str(), stored.as_str());
        assert_eq!(ring(NEW, None).open(&stored, "place").unwrap().credentials, credentials);
    }

    #[test]
    fn a_short_key_is_none_and_nothing_prints() {
        assert!(Keyring::new(Some("short"), None).is_err());
        assert!(!Keyring::new(Some(""), None).unwrap().can_seal());
        let credentials = Credentials::bearer("t0ken").unwrap();
        let sealed = ring(NEW, None).seal(&credentials, "place", [1; 24]).unwrap();
        let printed = format!("{credentials:?} {sealed:?} {:?}", ring(NEW, Some(OLD)));
        assert_eq!(printed, "Credentials(Secret(***)) SealedCredentials(***) Keyring(***)");
    }

    #[test]
    fn credentials_fit_into_a_header() {
        for bad in ["", " ", "a\nb", "a\r\nX-Other: 1", "é", &"x".repeat(9_000)] {
            assert!(Credentials::verbatim(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "two words", "a\tb"] {
            assert!(Credentials::bearer(bad).is_err(), "{bad:?}");
        }
        assert!(Credentials::basic("a:b", "c").is_err() && Credentials::basic("", "").is_err());
        assert!(Credentials::basic("", "pat").is_ok() && Credentials::basic("é", "ü").is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, bytes: Vec<u8>) {
            let ring = ring(NEW, Some(OLD));
            prop_assert_eq!(ring.open(&SealedCredentials(text), "place"), None);
            let sealed = SealedCredentials(format!("1:{}", STANDARD.encode(bytes)));
            prop_assert_eq!(ring.open(&sealed, "place"), None);
        }
    }
}
