//! Text from clients: segments of paths, decoded once, and what to say of names that are none.
//!
//! Every protocol reads its own names; what no name of any of them may hide is refused here.

use crate::error::{Error, Result};
use crate::service::description::Find;
use serde_json::Value;
use std::cmp::Ordering;

/// Bytes of one decoded segment: a scoped name, a long file name, or a token, with room to spare.
const SEGMENT_LIMIT: usize = 1024;

/// Decodes one segment of a path. No name holds a slash or a `%`: one that remains was encoded
/// twice, or is a trick.
pub(super) fn segment(text: &str) -> Result<String> {
    let decoded = segment_with_slashes(text)?;
    let is_trick = decoded.contains('/') || matches!(&*decoded, "." | "..");
    if is_trick { Err(malformed()) } else { Ok(decoded) }
}

/// The same for names that have slashes in them. What an encoded slash stands between is for the caller to judge.
pub(super) fn segment_with_slashes(text: &str) -> Result<String> {
    let decoded = decode(text)?;
    // What another decoder or a file system might take for something else.
    let unsafe_character = |character: char| character.is_control() || matches!(character, '\\' | '%');
    if decoded.len() > SEGMENT_LIMIT || decoded.contains(unsafe_character) {
        return Err(malformed());
    }
    Ok(decoded)
}

/// Decodes text whose parser judges all that may be in it.
pub(super) fn decode(text: &str) -> Result<String> {
    let digits =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(digits) {
        return Err(malformed());
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| malformed())?;
    Ok(decoded.into_owned())
}

/// What is said of a segment that cannot be read: without the segment itself, which may be a token.
pub(super) fn malformed() -> Box<Error> {
    Error::Invalid("a segment of the path is malformed or encoded twice".to_owned()).into()
}

/// What is said of a name or a version that is none.
pub(super) fn invalid(what: &str, text: &str, fault: &str) -> Box<Error> {
    let shown: String = text.chars().take(160).collect();
    Error::Invalid(format!("`{}` is not a valid {what}: {fault}", shown.escape_debug())).into()
}

/// The text of a member; empty if there is none.
pub(super) fn said(manifest: &Value, name: &str) -> String {
    manifest.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The texts of a member that is an array.
pub(super) fn all_said(manifest: &Value, name: &str) -> Vec<String> {
    let items = manifest.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A package that a registry found, as most of them say it.
pub(super) fn find(found: &Value, name: &str, version: &str) -> Find {
    Find { name: said(found, name), version: said(found, version), description: said(found, "description") }
}

/// The order of two versions by [SemVer 2](https://semver.org).
pub(super) fn compare_semver(left: &str, right: &str) -> Ordering {
    semver::Version::parse(left).ok().cmp(&semver::Version::parse(right).ok())
}

/// Is that a pre-release by SemVer 2?
pub(super) fn is_semver_prerelease(version: &str) -> bool {
    semver::Version::parse(version).is_ok_and(|version| !version.pre.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_hide_nothing() {
        for bad in [
            "%", "%2", "%zz", "%25", "%2541", "a%5Cb", "%00", "%0a", "%ff", "%2e%2e", ".", "..", "a%2Fb",
            "a/b",
        ] {
            assert!(segment(bad).is_err(), "{bad:?}");
        }
        for (text, read) in
            [("", ""), ("a%20b", "a b"), ("%40scope", "@scope"), ("%C3%A4", "ä"), ("...", "...")]
        {
            assert_eq!(segment(text).unwrap(), read);
        }
        assert!(segment(&"x".repeat(1025)).is_err(), "too long");
        assert_eq!(segment_with_slashes("%40s%2Fn").unwrap(), "@s/n");
        assert!(segment_with_slashes("a%252Fb").is_err(), "encoded twice");
    }

    #[test]
    fn what_is_shown_of_a_name_is_printable_and_short() {
        let text = invalid("name", &format!("\u{7}{}", "x".repeat(500)), "too long").to_string();
        assert!(text.contains("\\u{7}xxx") && text.len() < 260, "{text}");
    }
}
