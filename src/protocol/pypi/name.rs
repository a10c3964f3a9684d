//! Names: of packages ([normalisation](https://packaging.python.org/en/latest/specifications/name-normalization/)), of
//! versions ([version specifiers](https://packaging.python.org/en/latest/specifications/version-specifiers/)), of files
//! ([wheels](https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention),
//! [sdists](https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name)).
//!
//! Out of scope: eggs and installers, which no installer of today takes from an index.

use super::PyPi;
use crate::error::{Error, Result};
use crate::model::{PackageName, Version};
use crate::service::Package;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::str::FromStr;

/// Bytes of a package's name.
const NAME_LIMIT: usize = 214;

/// Bytes of a version.
const VERSION_LIMIT: usize = 128;

/// How the file is called that has a wheel's metadata.
pub(super) const METADATA: &str = ".metadata";

/// How the file is called that has a file's provenance.
pub(super) const PROVENANCE: &str = ".provenance";

/// Endings of source archives that installers take.
const SDISTS: [&str; 10] =
    [".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tlz", ".tar"];

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What kind of distribution a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Built.
    Wheel,
    /// Source.
    Sdist,
}

impl Kind {
    /// Its name in forms and in project JSON.
    pub(super) const fn form_name(self) -> &'static str {
        match self {
            Self::Wheel => "bdist_wheel",
            Self::Sdist => "sdist",
        }
    }
}

/// A distribution, as far as its file's name tells.
#[derive(Clone, Debug)]
pub(super) struct Distribution {
    /// Wheel or sdist.
    pub(super) kind: Kind,
    /// Of which version.
    pub(super) version: Version,
}

/// Reads a package's name.
pub(super) fn parse(text: &str) -> Result<Package> {
    let inner = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    let ends = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    let mut characters = text.chars();
    let valid = text.len() <= NAME_LIMIT
        && text.chars().all(inner)
        && ends(characters.next())
        && ends(text.chars().next_back());
    if !valid {
        let shown: String = text.chars().take(80).collect();
        return Err(Error::Invalid(format!(
            "`{}` is not a project name: letters, digits, `.`, `-` and `_`, at most {NAME_LIMIT}",
            shown.escape_debug()
        ))
        .into());
    }
    Ok(Package::new(&PyPi, PackageName::new(normalize(text), text)))
}

/// The form names are compared by: lower case, runs of `.`, `-` and `_` made one `-`.
pub(super) fn normalize(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for character in text.chars() {
        if !matches!(character, '.' | '-' | '_') {
            normal.push(character.to_ascii_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
}

/// Reads a version number. Its key is the canonical form, in which `1.0` and `1.0.0` are one number; it is printed
/// normalised, with the zeros its author wrote.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    parse_pep440(text).map(|version| Version::new(key(&version), version.to_string()))
}

/// Reads a version number for comparing.
pub(super) fn parse_pep440(text: &str) -> Option<pep440_rs::Version> {
    if text.len() > VERSION_LIMIT || !text.is_ascii() {
        return None;
    }
    pep440_rs::Version::from_str(text).ok()
}

fn key(version: &pep440_rs::Version) -> String {
    let release = version.release();
    let length = release.iter().rposition(|part| *part != 0).map_or(1, |last| last + 1);
    let trimmed: Vec<u64> = release.iter().copied().take(length).collect();
    version.clone().with_release(trimmed).to_string()
}

/// Reads the name of a wheel or sdist of that package.
pub(super) fn parse_file(package: &PackageName, file: &str) -> Option<Distribution> {
    if let Some(stem) = file.strip_suffix(".whl") {
        return Some(Distribution { kind: Kind::Wheel, version: wheel_version(package, stem)? });
    }
    let stem = SDISTS.iter().find_map(|ending| file.strip_suffix(ending))?;
    // Old names have dashes in the project's part too.
    let dashes = stem.match_indices('-').map(|(at, _)| at);
    let version = dashes.into_iter().find_map(|at| {
        let (project, version) = (stem.get(..at)?, stem.get(at + 1..)?);
        if normalize(project) != package.key() {
            return None;
        }
        parse_version(version)
    });
    Some(Distribution { kind: Kind::Sdist, version: version? })
}

fn wheel_version(package: &PackageName, stem: &str) -> Option<Version> {
    let parts: Vec<&str> = stem.split('-').collect();
    let build = match parts.as_slice() {
        [_, _, _, _, _] => "0",
        [_, _, build, _, _, _] => build,
        _ => return None,
    };
    let tagged = parts.iter().all(|part| !part.is_empty()) && build.starts_with(|c: char| c.is_ascii_digit());
    if !tagged || normalize(parts[0]) != package.key() {
        return None;
    }
    // Where a version has a `-` its file has a `_`.
    parse_version(parts[1]).or_else(|| parse_version(&parts[1].replace('_', "-")))
}

/// Reads the name of a distribution or of a file beside one: its metadata, its provenance.
pub(super) fn version_of_file(package: &PackageName, file: &str) -> Option<Version> {
    let distribution = file
        .strip_suffix(PROVENANCE)
        .or_else(|| file.strip_suffix(METADATA).filter(|wheel| wheel.strip_suffix(".whl").is_some()))
        .unwrap_or(file);
    parse_file(package, distribution).map(|distribution| distribution.version)
}

/// Does a file stand beside a distribution, as opposed to being one?
pub(super) fn is_companion(file: &str) -> bool {
    file.ends_with(METADATA) || file.ends_with(PROVENANCE)
}

/// A path segment.
pub(super) fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_normalise() {
        for (text, key) in [
            ("Django", "django"),
            ("my.pkg_x", "my-pkg-x"),
            ("my__.--pkg", "my-pkg"),
            ("a", "a"),
            ("zope.interface", "zope-interface"),
            ("0x", "0x"),
        ] {
            assert_eq!(parse(text).unwrap().key(), key);
        }
        for bad in
            ["", "-a", "a-", ".a", "_", "a b", "a/b", "ä", "a\0", "a%2fb", "..", &"x".repeat(215), "a\n"]
        {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn versions_normalise_and_equal_ones_have_one_key() {
        for (text, key, shown) in [
            ("1.0.0", "1", "1.0.0"),
            ("1.0", "1", "1.0"),
            ("v1.2.0-RC.1", "1.2rc1", "1.2.0rc1"),
            ("1!1.0.1+r1234", "1!1.0.1+r1234", "1!1.0.1+r1234"),
            ("1.0+ubuntu-1", "1+ubuntu.1", "1.0+ubuntu.1"),
            ("2020.01.02", "2020.1.2", "2020.1.2"),
            ("1.0.post0.dev3", "1.post0.dev3", "1.0.post0.dev3"),
            ("0.0.0", "0", "0.0.0"),
            ("1.0-1", "1.post1", "1.0.post1"),
        ] {
            let version = parse_version(text).unwrap();
            assert_eq!((version.key(), version.as_str()), (key, shown), "{text}");
            assert_eq!(parse_version(version.key()).unwrap().key(), key, "a key is its own key");
        }
        for bad in ["", "latest", "1.0-x-y", "1..0", "2004d", "1.0/2", &"1".repeat(200)] {
            assert!(parse_version(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn file_names_tell_the_version() {
        let package = parse("my-pkg").unwrap();
        for (file, expected) in [
            ("my_pkg-1.0-py3-none-any.whl", Some("1.0")),
            ("My.Pkg-1.0-2abc-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", Some("1.0")),
            ("my_pkg-1.0+cu118-cp310-cp310-linux_x86_64.whl", Some("1.0+cu118")),
            ("my-pkg-1.0.tar.gz", Some("1.0")),
            ("my_pkg-1!2.0.zip", Some("1!2.0")),
            ("my-pkg-1.0-py3-none-any.whl", None),
            ("my_pkg-1.0-x-py3-none-any.whl", None),
            ("other-1.0.tar.gz", None),
            ("my_pkg-1.0.egg", None),
            ("my_pkg-1.0.win32.exe", None),
            ("my_pkg.tar.gz", None),
            ("my_pkg-.tar.gz", None),
            ("my_pkg-1.0--none-any.whl", None),
        ] {
            let version = parse_file(&package, file).map(|found| found.version.as_str().to_owned());
            assert_eq!(version.as_deref(), expected, "{file}");
        }
        let of = |file: &str| version_of_file(&package, file).is_some();
        assert!(of("my_pkg-1.0-py3-none-any.whl.metadata"));
        assert!(of("my_pkg-1.0.tar.gz.provenance"));
        assert!(!of("my_pkg-1.0.tar.gz.metadata"), "sdists have none");
        assert!(!of("my_pkg-1.0-py3-none-any.whl.metadata.metadata"));
        let numbered = parse("foo-2").unwrap();
        assert_eq!(parse_file(&numbered, "foo-2-1.0.tar.gz").unwrap().version.as_str(), "1.0");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_normalising_twice_is_once(text: String) {
            let once = normalize(&text);
            prop_assert_eq!(&normalize(&once), &once);
            let _ = parse(&text);
            let _ = parse_version(&text);
            let _ = version_of_file(&parse("a").unwrap(), &text);
        }

        #[test]
        fn keys_agree_with_the_order(one in "[0-2](\\.[0-2]){0,3}(rc[0-2])?", other in "[0-2](\\.[0-2]){0,3}(rc[0-2])?") {
            let equal = parse_pep440(&one) == parse_pep440(&other);
            let keys = |text: &str| parse_version(text).unwrap().key().to_owned();
            prop_assert_eq!(keys(&one) == keys(&other), equal);
        }
    }
}
