//! Cargo's names: crates, versions, dependencies, features, and where an index keeps a crate.
//!
//! The rules are those of the [index format](https://doc.rust-lang.org/cargo/reference/registry-index.html#name-restrictions)
//! and of the [manifest](https://doc.rust-lang.org/cargo/reference/manifest.html#the-name-field). Reading is lenient,
//! because other registries have rules of their own; publishing is strict.
//!
//! Out of scope: how a name is spelled in stored keys.

use super::Cargo;
use crate::error::Result;
use crate::model::{ArtifactName, PackageName, Version};
use crate::protocol::text::invalid;
use crate::service::Package;

/// Longest name.
const NAME_LIMIT: usize = 64;
/// Longest version.
const VERSION_LIMIT: usize = 150;
/// Longest name of a feature, and longest value of one.
const FEATURE_LIMIT: usize = 256;

/// Names of crates that come with the compiler: a crate of that name could never be used.
const SYSROOT: [&str; 6] = ["alloc", "core", "proc-macro", "std", "test", "compiler-builtins"];

/// Reads the name of a crate that may exist. Names are compared without case; `-` and `_` make two names here, because
/// an index keeps a file under only one of them, and clients try the other one themselves.
pub(super) fn parse(text: &str) -> Result<Package> {
    let fault = if text.is_empty() {
        "it is empty"
    } else if text.len() > NAME_LIMIT {
        "it is over 64 characters"
    } else if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        "it may contain only ASCII letters, digits, `-` and `_`"
    } else {
        return Ok(Package::new(&Cargo, PackageName::new(text.to_ascii_lowercase(), text)));
    };
    Err(invalid("crate name", text, fault))
}

/// Reads the name of a crate that is being published.
pub(super) fn parse_new(text: &str) -> Result<Package> {
    let name = parse(text)?;
    let canonical = canonical(&name);
    if !text.starts_with(|character: char| character.is_ascii_alphabetic()) {
        Err(invalid("crate name", text, "it must begin with a letter"))
    } else if SYSROOT.contains(&&*canonical) || is_device(&canonical) {
        Err(invalid("crate name", text, "it is reserved"))
    } else {
        Ok(name)
    }
}

/// The form that all spellings share which are too alike to exist beside each other.
pub(super) fn canonical(name: &Package) -> String {
    name.key().replace('_', "-")
}

/// Is this a device on Windows, so that no file can have the name?
fn is_device(name: &str) -> bool {
    let numbered = |device: &str| {
        let number = name.strip_prefix(device);
        number.is_some_and(|number| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(name, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// The folder an index keeps a crate's file in: `1`, `2`, `3/s` or `se/rd`; `None` for what is no name. The case is
/// kept: downloads are to be found in folders of either.
pub(super) fn folder(name: &str) -> Option<String> {
    let part = |range: std::ops::Range<usize>| name.get(range);
    Some(match name.len() {
        0 => return None,
        length @ 1..=2 => length.to_string(),
        3 => format!("3/{}", part(0..1)?),
        _ => format!("{}/{}", part(0..2)?, part(2..4)?),
    })
}

/// Reads a version: [SemVer 2](https://semver.org). Build metadata is kept for display and is no part of the key:
/// `1.0.0+a` and `1.0.0+b` are one number.
pub(super) fn parse_version(text: &str) -> Result<Version> {
    let number = semver::Version::parse(text).ok().filter(|_| text.len() <= VERSION_LIMIT);
    let mut number =
        number.ok_or_else(|| invalid("version", text, "versions are `major.minor.patch`, see semver.org"))?;
    number.build = semver::BuildMetadata::EMPTY;
    Ok(Version::new(number.to_string(), text))
}

/// The name of a version's archive, for every spelling of both the same.
pub(super) fn archive(package: &Package, version: &Version) -> Result<ArtifactName> {
    let file = format!("{}-{}.crate", package.key(), version.key());
    ArtifactName::parse(&file).ok_or_else(|| invalid("file name", &file, "it is too long"))
}

/// Checks the name by which a manifest calls a dependency.
pub(super) fn check_dependency(text: &str) -> Result<()> {
    let begins = |character: char| character.is_ascii_alphabetic() || character == '_';
    if parse(text).is_ok() && text.starts_with(begins) {
        return Ok(());
    }
    Err(invalid("dependency name", text, "it has letters, digits, `-` and `_`, and begins with no digit"))
}

/// Checks the name of a feature.
pub(super) fn check_feature(text: &str) -> Result<()> {
    let begins = |character: char| character.is_alphanumeric() || character == '_';
    let goes_on = |character: char| begins(character) || matches!(character, '-' | '+' | '.');
    if text.len() <= FEATURE_LIMIT && text.starts_with(begins) && text.chars().all(goes_on) {
        return Ok(());
    }
    Err(invalid(
        "feature",
        text,
        "it has letters, digits and `_-+.`, and begins with a letter, a digit or `_`",
    ))
}

/// Checks what a feature turns on: `feature`, `dep:name`, `name/feature` or `name?/feature`.
pub(super) fn check_feature_value(text: &str) -> Result<()> {
    if let Some(dependency) = text.strip_prefix("dep:") {
        return check_dependency(dependency);
    }
    match text.split_once('/') {
        Some((dependency, feature)) => {
            check_dependency(dependency.strip_suffix('?').unwrap_or(dependency))?;
            check_feature(feature)
        }
        None => check_feature(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_crates() {
        let long = "x".repeat(64);
        for good in ["a", "serde", "Inflector", "foo_bar", "foo-bar", "a1", "core-foundation", long.as_str()]
        {
            assert!(parse_new(good).is_ok(), "{good}");
        }
        for old in ["0test", "_x", "-", "std", "con", "COM1", "proc_macro"] {
            assert!(parse(old).is_ok(), "{old}");
            assert!(parse_new(old).is_err(), "{old}");
        }
        let overlong = "x".repeat(65);
        for bad in ["", ".", "..", "a.b", "a b", "a/b", "é", "a\0", "a%2d", "a+b", overlong.as_str()] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("Foo").unwrap().key(), "foo");
        assert_ne!(parse("foo_bar").unwrap().key(), parse("foo-bar").unwrap().key());
        assert_eq!(canonical(&parse("Foo_Bar").unwrap()), canonical(&parse("foo-bar").unwrap()));
    }

    #[test]
    fn folders_are_those_of_the_index_format() {
        for (name, expected) in
            [("a", "1"), ("ab", "2"), ("abc", "3/a"), ("abcd", "ab/cd"), ("Serde", "Se/rd")]
        {
            assert_eq!(folder(name).as_deref(), Some(expected));
        }
        assert_eq!(folder(""), None);
    }

    #[test]
    fn versions() {
        let key = |text| parse_version(text).ok().map(|version| version.key().to_owned());
        assert_eq!(key("1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(key("1.2.3-rc.1+build.5").as_deref(), Some("1.2.3-rc.1"));
        assert_eq!(parse_version("1.0.0+a").unwrap().as_str(), "1.0.0+a");
        let long = format!("1.0.0-{}", "x".repeat(150));
        for bad in ["", "1", "1.2", "v1.2.3", "-1.0.0", "01.2.3", "1.2.3-", " 1.2.3", "1.2.x", long.as_str()]
        {
            assert_eq!(key(bad), None, "{bad}");
        }
        let archive = archive(&parse("Foo").unwrap(), &parse_version("1.0.0+a").unwrap()).unwrap();
        assert_eq!(archive.as_str(), "foo-1.0.0.crate");
    }

    #[test]
    fn features_and_what_they_turn_on() {
        for good in ["default", "std", "c++20", "1.0", "_x", "größe", "a-b.c"] {
            assert!(check_feature(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a b", "a/b", "dep:x", "a?", &"x".repeat(257)] {
            assert!(check_feature(bad).is_err(), "{bad}");
        }
        for good in ["std", "dep:serde", "serde/std", "serde?/std"] {
            assert!(check_feature_value(good).is_ok(), "{good}");
        }
        for bad in ["", "dep:", "dep:a/b", "/std", "a/", "a/b/c", "a??/b", "1x/y"] {
            assert!(check_feature_value(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,70}") {
            let _ = (parse_new(&text), parse_version(&text), check_feature_value(&text), folder(&text));
        }

        #[test]
        fn every_name_has_a_folder(name in "[A-Za-z][A-Za-z0-9_-]{0,63}") {
            prop_assert!(parse(&name).is_ok());
            prop_assert!(folder(&name).is_some());
        }
    }
}
