//! Names of packages, versions, and which of a package's versions a request is about.
//!
//! The rules are those of
//! [Universal Packages](https://learn.microsoft.com/azure/devops/artifacts/quickstarts/universal-packages): names are
//! lower-case, versions are [SemVer 2](https://semver.org) in lower case without build metadata, and the highest version is
//! found by a wildcard. Out of scope: paths of files, which are `model/tree.rs`'s.

use super::Universal;
use crate::error::{Error, Result};
use crate::model::{ArtifactName, PackageName, TreePath, Version};
use crate::protocol::text::{self, invalid};
use crate::service::Package;
use std::cmp::Ordering;

/// Longest name.
const NAME_LIMIT: usize = 255;
/// Longest version.
const VERSION_LIMIT: usize = 128;

/// What a version's one file is called: it tells of all others.
pub(super) const MANIFEST: &str = "manifest.json";

/// Reads the name of a package. There is one spelling of each.
pub(super) fn parse(text: &str) -> Result<Package> {
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if text.len() <= NAME_LIMIT && text.split(['-', '_', '.']).all(is_segment) {
        return Ok(Package::new(&Universal, PackageName::new(text, text)));
    }
    let fault = "it has lower-case letters and digits in segments with one of `-_.` between two, up to 255 characters";
    Err(invalid("package name", text, fault))
}

/// Reads a version.
pub(super) fn parse_version(text: &str) -> Result<Version> {
    let number = semver::Version::parse(text).ok().filter(|number| number.build.is_empty());
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if number.is_some() && is_lower && text.len() <= VERSION_LIMIT {
        return Ok(Version::new(text, text));
    }
    let fault = "versions are `major.minor.patch`, see semver.org, in lower case and without build metadata";
    Err(invalid("version", text, fault))
}

/// Reads the path of a file, percent-decoded.
pub(super) fn parse_path(text: &str) -> Result<TreePath> {
    TreePath::parse(text).map_err(|error| Error::Invalid(error.to_string()).into())
}

/// The name of a version's one file.
pub(super) fn manifest() -> Result<ArtifactName> {
    ArtifactName::parse(MANIFEST).ok_or_else(|| invalid("file name", MANIFEST, "it is no name"))
}

/// Which version a request is about.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    /// That one.
    Exact(Version),
    /// The highest that is released and begins with these numbers: none for any, major, or major and minor.
    Highest(Vec<u64>),
}

impl Selector {
    /// Reads a version, `latest`, `*`, `1.*` or `1.2.*`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if matches!(text, "latest" | "*") {
            return Ok(Self::Highest(Vec::new()));
        }
        let Some(numbers) = text.strip_suffix(".*") else { return parse_version(text).map(Self::Exact) };
        let is_number = |number: &str| number == "0" || !number.starts_with('0') && !number.starts_with('+');
        let numbers = numbers.split('.').map(|number| number.parse().ok().filter(|_| is_number(number)));
        match numbers.collect::<Option<Vec<u64>>>() {
            Some(numbers) if numbers.len() <= 2 => Ok(Self::Highest(numbers)),
            _ => Err(invalid("version", text, "wildcards are `*`, `1.*` and `1.2.*`")),
        }
    }

    /// Could it be that version?
    pub(super) fn admits(&self, version: &str) -> bool {
        match self {
            Self::Exact(exact) => exact.key() == version,
            Self::Highest(numbers) => semver::Version::parse(version).is_ok_and(|version| {
                version.pre.is_empty() && [version.major, version.minor].starts_with(numbers)
            }),
        }
    }

    /// The highest of these versions that it could be.
    pub(super) fn choose<'a>(&self, versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        versions.filter(|version| self.admits(version)).max_by(|one, other| compare(one, other))
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(version) => version.fmt(formatter),
            Self::Highest(numbers) => {
                for number in numbers {
                    write!(formatter, "{number}.")?;
                }
                formatter.write_str("*")
            }
        }
    }
}

/// The order of two versions.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    text::compare_semver(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_one_spelling() {
        let long = "x".repeat(255);
        for good in ["a", "1", "my-tools", "my_tools.v2", "a.b-c_d", "0.1", long.as_str()] {
            assert_eq!(parse(good).unwrap().key(), good);
        }
        let overlong = "x".repeat(256);
        for bad in [
            "",
            ".",
            "..",
            "-a",
            "a-",
            "a--b",
            "a._b",
            "A",
            "a b",
            "a/b",
            "a\0",
            "é",
            "a%2d",
            overlong.as_str(),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_are_lower_case_and_have_no_build_metadata() {
        for good in ["1.0.0", "0.0.0", "1.2.3-rc.1", "10.20.30-a-b"] {
            assert_eq!(parse_version(good).unwrap().key(), good);
        }
        let long = format!("1.0.0-{}", "x".repeat(128));
        for bad in
            ["", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.3-RC", "1.2.3+b", "1.2.*", "latest", &long]
        {
            assert!(parse_version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_highest_released_version_that_fits_is_chosen() {
        let versions = ["1.9.0", "1.10.0", "1.10.1-rc.1", "0.9.0", "2.0.0-beta", "1.2.3", "1.2.10"];
        for (selector, expected) in [
            ("latest", Some("1.10.0")),
            ("*", Some("1.10.0")),
            ("1.*", Some("1.10.0")),
            ("1.2.*", Some("1.2.10")),
            ("0.*", Some("0.9.0")),
            ("2.*", None),
            ("1.3.*", None),
            ("2.0.0-beta", Some("2.0.0-beta")),
            ("3.0.0", None),
        ] {
            let read = Selector::parse(selector).unwrap();
            assert_eq!(read.choose(versions.into_iter()), expected, "{selector}");
        }
        for bad in [
            "", "1", "1.2", "**", "1*", "1.2.3.*", "01.*", "+1.*", "-1.*", "a.*", ".*", "1..*", "*.1",
            "LATEST",
        ] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Selector::parse("1.2.*").unwrap().to_string(), "1.2.*");
        assert_eq!(Selector::parse("latest").unwrap().to_string(), "*");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,70}") {
            let _ = (parse(&text), parse_version(&text), Selector::parse(&text));
        }

        #[test]
        fn a_version_selects_itself(major: u64, minor: u64, patch: u64) {
            let version = format!("{major}.{minor}.{patch}");
            for selector in [version.clone(), format!("{major}.{minor}.*"), format!("{major}.*"), "*".to_owned()] {
                let chosen = Selector::parse(&selector).unwrap();
                prop_assert_eq!(chosen.choose([version.as_str()].into_iter()), Some(version.as_str()));
            }
        }
    }
}
