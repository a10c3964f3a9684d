//! Digests of content, and hashing while bytes flow by.
//!
//! Out of scope: BLAKE2, which only uploads declare and nothing is stored by.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest as _, Sha256, Sha512};

/// A hash algorithm, weakest first, so that the greatest of several is the one to verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// MD5: against accidents only, where nothing better was declared.
    Md5,
    /// SHA-1: only where nothing better was declared.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// The lower-case name, as in subresource integrity and in stored records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The one of that lower-case name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// Why a digest could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest")]
pub struct InvalidDigest(String);

/// An algorithm and the value it gave. Stored as `sha256:<hex>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    value: Vec<u8>,
}

impl Digest {
    /// Reads hexadecimal text of either case.
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Result<Self, InvalidDigest> {
        Self::checked(algorithm, bytes_of_hexadecimal(text), text)
    }

    /// The strongest digest in a [subresource integrity](https://www.w3.org/TR/SRI/#the-integrity-attribute) text
    /// such as `sha512-…`; algorithms we do not know are passed over.
    pub fn from_integrity(text: &str) -> Result<Self, InvalidDigest> {
        text.split_ascii_whitespace()
            .filter_map(|part| {
                let (name, rest) = part.split_once('-')?;
                let algorithm = Algorithm::named(name)?;
                let encoded = rest.split('?').next()?;
                Self::checked(algorithm, STANDARD.decode(encoded).ok(), part).ok()
            })
            .max()
            .ok_or_else(|| InvalidDigest(text.to_owned()))
    }

    /// SHA-256 of bytes that are all at hand: names and secrets. What content hashes to, the platform computes.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self { algorithm: Algorithm::Sha256, value: Sha256::digest(bytes).to_vec() }
    }

    /// Hashes bytes that are all at hand, on a machine of one's own.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(&[algorithm]);
        hasher.update(bytes);
        hasher.finish().remove(0)
    }

    /// All digests of bytes that are all at hand, weakest algorithm first.
    pub fn all_of(bytes: &[u8]) -> Vec<Self> {
        let mut hasher = Hasher::new(&Algorithm::ALL);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Which algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hexadecimal(&self.value)
    }

    /// Subresource integrity spelling, `sha512-<base64>`.
    pub fn integrity(&self) -> String {
        format!("{}-{}", self.algorithm.name(), STANDARD.encode(&self.value))
    }

    /// A value that was computed elsewhere; `None` if it is of another length.
    pub fn of_value(algorithm: Algorithm, value: Vec<u8>) -> Option<Self> {
        (value.len() == algorithm.length()).then_some(Self { algorithm, value })
    }

    fn checked(algorithm: Algorithm, value: Option<Vec<u8>>, text: &str) -> Result<Self, InvalidDigest> {
        let digest = value.and_then(|value| Self::of_value(algorithm, value));
        digest.ok_or_else(|| InvalidDigest(text.chars().take(160).collect()))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

impl std::str::FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let parts = text.split_once(':').and_then(|(name, hex)| Some((Algorithm::named(name)?, hex)));
        let (algorithm, hex) = parts.ok_or_else(|| InvalidDigest(text.chars().take(160).collect()))?;
        Self::from_hex(algorithm, hex)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Lower-case hexadecimal text.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of hexadecimal text of either case.
fn bytes_of_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(*pair.get(1)?)?)).collect()
}

/// Computes several digests in one pass.
#[derive(Clone, Default)]
pub struct Hasher {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

impl Hasher {
    /// A hasher for these algorithms.
    pub fn new(algorithms: &[Algorithm]) -> Self {
        let wanted = |algorithm| algorithms.contains(&algorithm);
        Self {
            md5: wanted(Algorithm::Md5).then(Md5::new),
            sha1: wanted(Algorithm::Sha1).then(Sha1::new),
            sha256: wanted(Algorithm::Sha256).then(Sha256::new),
            sha512: wanted(Algorithm::Sha512).then(Sha512::new),
        }
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.md5 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha1 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha256 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha512 {
            hasher.update(bytes);
        }
    }

    /// The digests, weakest algorithm first.
    pub fn finish(self) -> Vec<Digest> {
        let digest = |algorithm, value: Option<Vec<u8>>| value.map(|value| Digest { algorithm, value });
        [
            digest(Algorithm::Md5, self.md5.map(|hasher| hasher.finalize().to_vec())),
            digest(Algorithm::Sha1, self.sha1.map(|hasher| hasher.finalize().to_vec())),
            digest(Algorithm::Sha256, self.sha256.map(|hasher| hasher.finalize().to_vec())),
            digest(Algorithm::Sha512, self.sha512.map(|hasher| hasher.finalize().to_vec())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// SHA-256 of bytes that come in several requests: it can be put aside in between.
#[derive(Clone, Default)]
pub struct Sha256State(Sha256);

impl Sha256State {
    /// Reads one that was put aside.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = bytes_of_hexadecimal(text)?;
        Sha256::deserialize(bytes.as_slice().try_into().ok()?).ok().map(Self)
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    pub fn digest(&self) -> Digest {
        Digest { algorithm: Algorithm::Sha256, value: self.0.clone().finalize().to_vec() }
    }
}

impl std::fmt::Display for Sha256State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&hexadecimal(&self.0.serialize()))
    }
}

impl std::fmt::Debug for Sha256State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

impl PartialEq for Sha256State {
    fn eq(&self, other: &Self) -> bool {
        self.0.serialize() == other.0.serialize()
    }
}

impl Eq for Sha256State {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integrity_takes_the_strongest_known_algorithm() {
        let sha1 = Digest::of(Algorithm::Sha1, b"x").integrity();
        let sha512 = Digest::of(Algorithm::Sha512, b"x");
        let text = format!("{sha1} sha3-AAAA {}?opt", sha512.integrity());
        assert_eq!(Digest::from_integrity(&text), Ok(sha512));
        assert!(Digest::from_integrity("sha512-AAAA").is_err(), "too short a value");
        assert!(Digest::from_integrity("").is_err());
    }

    #[test]
    fn the_empty_text_has_its_published_digest() {
        assert_eq!(Digest::of(Algorithm::Md5, b"").hex(), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(Digest::of(Algorithm::Sha1, b"").hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(bytes: Vec<u8>) {
            for algorithm in Algorithm::ALL {
                let digest = Digest::of(algorithm, &bytes);
                prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest.clone());
                prop_assert_eq!(Digest::from_integrity(&digest.integrity()).unwrap(), digest);
            }
        }

        #[test]
        fn hashing_goes_on_where_it_stopped(bytes: Vec<u8>, cut: proptest::sample::Index) {
            let (first, second) = bytes.split_at(cut.index(bytes.len() + 1));
            let mut state = Sha256State::default();
            state.update(first);
            let mut resumed = Sha256State::parse(&state.to_string()).unwrap();
            prop_assert_eq!(&resumed, &state);
            resumed.update(second);
            prop_assert_eq!(resumed.digest(), Digest::sha256(&bytes));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = Sha256State::parse(&text);
            let _ = text.parse::<Digest>();
            let _ = Digest::from_integrity(&text);
        }
    }
}
