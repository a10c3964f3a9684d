//! NuGet's names: ids, versions with their order, and what a version's files are called.
//!
//! Ids are compared without case. Versions are those of NuGet, not of SemVer: up to four numbers, leading zeros, and a
//! fourth number that is zero, mean nothing; labels are compared without case; build metadata is no part of the number
//! ([versioning](https://learn.microsoft.com/nuget/concepts/package-versioning)).

use super::NuGet;
use crate::error::{Error, Result};
use crate::model::{ArtifactName, PackageName, Version};
use crate::service::Package;

/// Longest id.
const ID_LIMIT: usize = 100;

/// Longest version.
const VERSION_LIMIT: usize = 128;

/// Reads an id.
pub(super) fn parse(text: &str) -> Result<Package> {
    let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
    let apart =
        |text: &str| text.starts_with(['.', '-']) || text.ends_with(['.', '-']) || text.contains("..");
    if text.is_empty() || text.chars().count() > ID_LIMIT || !text.chars().all(allowed) || apart(text) {
        let shown: String = text.chars().take(160).collect();
        return Err(Error::Invalid(format!(
            "`{}` is not a valid package id: it has up to {ID_LIMIT} letters, digits, `_`, and `-` or `.` between them",
            shown.escape_debug()
        )).into());
    }
    Ok(Package::new(&NuGet, PackageName::new(text.to_lowercase(), text)))
}

/// Reads a version.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    Some(Version::new(Number::parse(text)?.key(), text))
}

/// Reads a version that a client sent.
pub(super) fn require_version(text: &str) -> Result<Version> {
    parse_version(text).ok_or_else(|| {
        let shown: String = text.chars().take(160).collect();
        Error::Invalid(format!(
            "`{}` is not a valid version: `1.2.3`, `1.2.3.4`, `1.2.3-beta`",
            shown.escape_debug()
        ))
        .into()
    })
}

/// A version as it is compared: as texts, whose order is that of the versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number {
    order: String,
    key: String,
}

/// What stands in an order for a version without labels: more than any label. And behind every label: less than what a
/// longer one goes on with.
const RELEASE: char = '~';
const LABEL_END: char = ' ';

impl Number {
    /// Reads a version; `None` for what is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (plain, metadata) = text.split_once('+').unwrap_or((text, "-"));
        if text.len() > VERSION_LIMIT || !metadata.split('.').all(is_label) {
            return None;
        }
        let (numbers, labels) =
            plain.split_once('-').map_or((plain, None), |(numbers, rest)| (numbers, Some(rest)));
        let mut number = Self { order: String::new(), key: String::new() };
        let mut count = 0;
        for part in numbers.split('.').chain(std::iter::repeat("0")) {
            let value =
                part.parse::<i32>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))?;
            number.push_digits(&value.to_string());
            if count < 3 || value > 0 {
                number.key.push_str(if count > 0 { "." } else { "" });
                number.key.push_str(&value.to_string());
            }
            count += 1;
            if count == 4 {
                break;
            }
        }
        if numbers.split('.').nth(4).is_some() {
            return None;
        }
        let Some(labels) = labels else {
            number.order.push(RELEASE);
            return Some(number);
        };
        number.key.push('-');
        for (at, label) in labels.split('.').enumerate() {
            number.key.push_str(if at > 0 { "." } else { "" });
            number.push_label(label)?;
        }
        Some(number)
    }

    /// Of two numbers the longer one is the greater.
    fn push_digits(&mut self, digits: &str) {
        self.order.push(char::from(b'0' + u8::try_from(digits.len()).unwrap_or(u8::MAX - b'0')));
        self.order.push_str(digits);
    }

    /// Numbers come before words.
    fn push_label(&mut self, label: &str) -> Option<()> {
        let digits = label.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        if !is_label(label) {
            return None;
        } else if label.bytes().all(|byte| byte.is_ascii_digit()) {
            self.order.push('0');
            self.push_digits(digits);
            self.key.push_str(digits);
        } else {
            let word = label.to_ascii_lowercase();
            self.order.push('1');
            self.order.push_str(&word);
            self.key.push_str(&word);
        }
        self.order.push(LABEL_END);
        Some(())
    }

    /// Is it a pre-release?
    pub(super) fn is_prerelease(&self) -> bool {
        !self.order.ends_with(RELEASE)
    }

    /// Is it one that only clients of [SemVer 2](https://semver.org) can read, if `text` is how it was written?
    pub(super) fn needs_semver2(&self, text: &str) -> bool {
        self.key.split_once('-').is_some_and(|(_, labels)| labels.contains('.')) || text.contains('+')
    }

    /// The normalised form, in lower case.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// A text whose order is that of the versions.
    pub(super) fn order(&self) -> &str {
        &self.order
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// In which order texts come, those that are equal as they stand.
pub(super) fn in_order(mut texts: Vec<String>) -> Vec<usize> {
    for (at, text) in texts.iter_mut().enumerate() {
        let place = at.to_string();
        text.push('\0');
        text.push_str(&"00000000"[..8_usize.saturating_sub(place.len())]);
        text.push_str(&place);
    }
    texts.sort();
    let mut places = Vec::new();
    for text in texts {
        places.extend(text.rsplit('\0').next().and_then(|place| place.parse::<usize>().ok()));
    }
    places
}

/// Versions from one to another, each of which may count or not ([version ranges](https://learn.microsoft.com/nuget/concepts/package-versioning#version-ranges)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    least: Option<(Number, bool)>,
    most: Option<(Number, bool)>,
}

impl Range {
    /// Reads a range.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some(inside) = text.strip_prefix(['[', '(']).and_then(|text| text.strip_suffix([']', ')']))
        else {
            return Some(Self { least: Some((Number::parse(text)?, true)), most: None });
        };
        let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
        let bound = |text: &str, counts| match text.trim() {
            "" => Some(None),
            text => Some(Some((Number::parse(text)?, counts))),
        };
        Some(Self { least: bound(least, text.starts_with('['))?, most: bound(most, text.ends_with(']'))? })
    }

    /// Is that version within?
    pub(super) fn contains(&self, number: &Number) -> bool {
        let above = |(least, counts): &(Number, bool)| number > least || *counts && number == least;
        let below = |(most, counts): &(Number, bool)| number < most || *counts && number == most;
        self.least.as_ref().is_none_or(above) && self.most.as_ref().is_none_or(below)
    }
}

/// The name of a version's package, the same for every spelling.
pub(super) fn archive(package: &Package, version: &Version) -> Result<ArtifactName> {
    file(package, version, "nupkg")
}

/// The name of a version's symbols.
pub(super) fn symbols(package: &Package, version: &Version) -> Result<ArtifactName> {
    file(package, version, "snupkg")
}

fn file(package: &Package, version: &Version, ending: &str) -> Result<ArtifactName> {
    let name = format!("{}.{}.{ending}", package.key(), version.key());
    ArtifactName::parse(&name)
        .ok_or_else(|| Error::Invalid(format!("`{name}` is too long for the name of a file")).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids() {
        let long = "x".repeat(100);
        for good in ["a", "Newtonsoft.Json", "_x", "a-b.c_d", "7zip", "Größe", long.as_str()] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let overlong = "x".repeat(101);
        for bad in
            ["", ".", "..", "a..b", ".a", "a.", "-a", "a b", "a/b", "a\0", "a%2e", "a+b", overlong.as_str()]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("Newtonsoft.JSON").unwrap().key(), "newtonsoft.json");
    }

    #[test]
    fn spellings_of_one_number() {
        for (text, expected) in [
            ("1", "1.0.0"),
            ("1.0", "1.0.0"),
            ("01.02.3.0", "1.2.3"),
            ("1.2.3.4", "1.2.3.4"),
            ("1.0.0-Beta", "1.0.0-beta"),
            ("1.0-rc.01+Build.5", "1.0.0-rc.1"),
            ("1.0.0+git", "1.0.0"),
            ("1.0.0-a-b", "1.0.0-a-b"),
        ] {
            let version = parse_version(text).unwrap();
            assert_eq!((version.key(), version.as_str()), (expected, text));
        }
        let long = format!("1.0.0-{}", "x".repeat(128));
        for bad in [
            "",
            "v1",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4.5",
            "-1",
            "1.0.0-",
            "1.0.0-a..b",
            "1.0.0+",
            "1.0.0+a..b",
            "+1",
            "1.0 ",
            "1.0.0-ä",
            "2147483648.0",
            "1.0.0-a_b",
            long.as_str(),
        ] {
            assert!(parse_version(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn order_is_nugets() {
        let ordered = [
            "0.9",
            "1.0.0-1",
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-alpha",
            "1.0.0-Alpha.1",
            "1.0.0-beta",
            "1.0",
            "1.0.0.1",
            "1.0.1",
            "1.10",
        ];
        let numbers: Vec<Number> = ordered.iter().map(|text| Number::parse(text).unwrap()).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
        assert_eq!(Number::parse("1.0.0-BETA+x"), Number::parse("1-beta"));
        let semver2 = |text| Number::parse(text).unwrap().needs_semver2(text);
        assert!(semver2("1.0.0+x") && semver2("1.0.0-a.1") && !semver2("1.0.0-a1") && !semver2("1.0.0.1"));
    }

    #[test]
    fn ranges() {
        for (range, inside, outside) in [
            ("1.0", "1.0.0", "0.9"),
            ("[1.0,2.0)", "1.0", "2.0"),
            ("(1.0, 2.0]", "2.0.0", "1.0"),
            ("[1.0]", "1.0.0.0", "1.0.1"),
            ("(,1.0)", "0.1", "1.0"),
            ("(1.0,)", "7", "1.0"),
        ] {
            let (read, number) = (Range::parse(range).unwrap(), |text| Number::parse(text).unwrap());
            assert!(read.contains(&number(inside)), "{range} {inside}");
            assert!(!read.contains(&number(outside)), "{range} {outside}");
        }
        assert_eq!(Range::parse("[1.0,x)"), None);
        assert_eq!(Range::parse("1.0,2.0"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = (parse(&text), parse_version(&text), Range::parse(&text));
        }

        #[test]
        fn keys_are_versions_of_that_key(text in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}(-[0-9A-Za-z]{1,5}(\\.[0-9A-Za-z]{1,5}){0,2})?") {
            let version = parse_version(&text).unwrap();
            let again = parse_version(version.key()).unwrap();
            prop_assert_eq!(again.key(), version.key());
        }
    }
}
