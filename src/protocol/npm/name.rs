//! npm's names: packages, versions, tarballs, dist-tags.
//!
//! The rules are those of [validate-npm-package-name](https://github.com/npm/validate-npm-package-name) and
//! [node-semver](https://github.com/npm/node-semver#versions). Reading is lenient, because upstreams hold names that
//! could not be published today; publishing is strict.
//!
//! Out of scope: how a name is spelled in a URL (`route.rs`) and in stored keys.

use super::Npm;
use crate::error::Result;
use crate::model::{ArtifactName, PackageName, Version};
use crate::protocol::text::invalid;
use crate::service::Package;

/// Longest package name, scope included.
const NAME_LIMIT: usize = 214;
/// Longest version, as in node-semver.
const VERSION_LIMIT: usize = 256;
/// JavaScript's largest exact integer: clients refuse greater numbers in a version.
const NUMBER_LIMIT: u64 = 9_007_199_254_740_991;

/// Reads the name of a package that may exist, scoped (`@scope/name`) or not. Names are case-sensitive: `JSONStream`
/// and `jsonstream` are two packages of the public registry, so the key is the name itself.
pub(super) fn parse(text: &str) -> Result<Package> {
    match fault(text) {
        None => Ok(package(text)),
        Some(fault) => Err(invalid("npm package name", text, fault)),
    }
}

/// Reads the name of a package that is being published: what [`parse`] takes, without upper case and punctuation.
///
/// The names of Node.js core modules are not refused, unlike on the public registry: a patched `punycode` or
/// `buffer` in a feed of one's own is common, and installs as any other package does.
pub(super) fn parse_new(text: &str) -> Result<Package> {
    let name = parse(text)?;
    let fault = if text.chars().any(|character| character.is_ascii_uppercase()) {
        "new packages have lower-case names"
    } else if unscoped(&name).contains(['~', '\'', '!', '(', ')', '*']) {
        "it may not contain any of ~'!()*"
    } else if text.starts_with('-') {
        "it may not begin with `-`"
    } else {
        return Ok(name);
    };
    Err(invalid("npm package name", text, fault))
}

fn package(text: &str) -> Package {
    Package::new(&Npm, PackageName::new(text, text))
}

/// What is wrong with the name of a package, by the lenient rules.
fn fault(text: &str) -> Option<&'static str> {
    let (scope, base) = match text.strip_prefix('@') {
        Some(rest) => match rest.split_once('/') {
            Some((scope, base)) => (Some(scope), base),
            None => return Some("a scoped name is `@scope/name`"),
        },
        None => (None, text),
    };
    // Judged on its own, lest `@x/node_modules` become a folder of packages.
    let reserved = ["node_modules", "favicon.ico"].iter().any(|name| base.eq_ignore_ascii_case(name));
    if base.is_empty() || scope.is_some_and(str::is_empty) {
        Some("it is empty")
    } else if text.len() > NAME_LIMIT {
        Some("it is over 214 characters")
    } else if base.starts_with('.') || scope.is_some_and(|scope| scope.starts_with('.')) {
        Some("it may not begin with `.`")
    } else if text.starts_with('_') {
        Some("it may not begin with `_`")
    } else if reserved {
        Some("it is reserved")
    } else if !is_url_safe(base) || !scope.is_none_or(is_url_safe) {
        Some("it may contain only letters, digits and -_.~'!()*")
    } else {
        None
    }
}

/// The part of a name behind the scope.
pub(super) fn unscoped(name: &Package) -> &str {
    name.as_str().split_once('/').map_or(name.as_str(), |(_, base)| base)
}

/// Is this what `encodeURIComponent` leaves alone?
fn is_url_safe(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte))
}

/// Reads a version somebody asks for: SemVer, with or without a leading `v` or `=`, which are dropped as npm does.
pub(super) fn parse_version(text: &str) -> Result<Version> {
    let number = text.strip_prefix(['v', '=']).unwrap_or(text);
    strict(number)
        .ok_or_else(|| invalid("npm version", text, "versions are `major.minor.patch`, see semver.org"))
}

/// Reads a version that is being published: [SemVer 2](https://semver.org), nothing around it. Build metadata is kept
/// for display and is no part of the key: `1.0.0+a` and `1.0.0+b` are one number. Keys are ordered by
/// `semver::Version`'s own order.
pub(super) fn parse_new_version(text: &str) -> Result<Version> {
    strict(text).ok_or_else(|| {
        invalid("npm version", text, "a published version is `major.minor.patch`, see semver.org")
    })
}

fn strict(text: &str) -> Option<Version> {
    if text.len() > VERSION_LIMIT {
        return None;
    }
    let mut number = semver::Version::parse(text).ok()?;
    if [number.major, number.minor, number.patch].iter().any(|part| *part > NUMBER_LIMIT) {
        return None;
    }
    number.build = semver::BuildMetadata::EMPTY;
    Some(Version::new(number.to_string(), text))
}

/// The name of a version's tarball: `left-pad-1.3.0.tgz`, without the scope. An error if it would be too long to
/// store, which takes a name and a version of extraordinary length.
pub(super) fn tarball_name(name: &Package, version: &Version) -> Result<ArtifactName> {
    let file = format!("{}-{version}.tgz", unscoped(name));
    ArtifactName::parse(&file).ok_or_else(|| invalid("npm file name", &file, "it is over 255 characters"))
}

/// The version whose tarball of this package has that name.
pub(super) fn version_of_tarball(name: &Package, file: &str) -> Option<Version> {
    strict(file.strip_prefix(unscoped(name))?.strip_prefix('-')?.strip_suffix(".tgz")?)
}

/// Reads the name of a dist-tag that is being set. Whatever npm would read as a range of versions cannot be a tag,
/// because `npm install name@1.x` would never look at it.
pub(super) fn parse_tag(text: &str) -> Result<String> {
    let fault = if text.is_empty() || text.len() > NAME_LIMIT {
        "it has 1 to 214 characters"
    } else if is_range(text) {
        "it would be read as a range of versions"
    } else if !is_url_safe(text) || text.bytes().all(|byte| byte == b'.') {
        "it may contain only letters, digits and -_.~'!()*"
    } else {
        return Ok(text.to_owned());
    };
    Err(invalid("npm dist-tag", text, fault))
}

/// Would node-semver's `validRange` take this? Of URL-safe texts it says yes to every range, and to a few that only look
/// like one (`x.1`, `1.2.3-01`, any `*`): losing such a tag costs nothing. Other texts are no tags anyway.
fn is_range(text: &str) -> bool {
    let text = text.trim();
    let bare = ["^", "~>", "~", ">=", "<=", ">", "<"]
        .iter()
        .find_map(|operator| text.strip_prefix(operator))
        .unwrap_or(text)
        .trim_start_matches(['v', '=', ' ']);
    if text.is_empty() || text.contains('*') || semver::Version::parse(bare).is_ok() {
        return true;
    }
    let is_part = |part: &str| {
        matches!(part, "x" | "X" | "0")
            || (part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() && !part.starts_with('0'))
    };
    // Behind three parts, `x` among them, a pre-release may follow: `1.x.x-beta` is a range, `1.x-beta` is not.
    let mut parts = bare.splitn(3, '.');
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let third = third.map(|third| match third.split_once(['-', '+']) {
        Some((part, rest))
            if !rest.is_empty() && rest.split(['.', '+']).all(|identifier| !identifier.is_empty()) =>
        {
            part
        }
        _ => third,
    });
    [first, second, third].into_iter().flatten().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_as_validate_npm_package_name_judges_them() {
        let long = "x".repeat(214);
        for good in [
            "left-pad",
            "a",
            "1337",
            "some.name_with-all",
            "@npm/thingy",
            "@npm-zors/money_time.js",
            "con",
            "http",
            long.as_str(),
            "@_x/y",
            "@s/_y",
        ] {
            assert_eq!(parse_new(good).map(|name| name.key().to_owned()).ok().as_deref(), Some(good));
        }
        for old in
            ["JSONStream", "@Scope/Name", "crazy!", "@npm-zors/money!time.js", "-", "-x", "a*b", "it's(ok)~"]
        {
            assert!(parse(old).is_ok(), "{old}");
            assert!(parse_new(old).is_err(), "{old}");
        }
        let overlong = "x".repeat(215);
        for bad in [
            "",
            ".",
            "..",
            ".start",
            "_start",
            "@",
            "@/",
            "@s",
            "@s/",
            "@/n",
            "@s/.n",
            "@./n",
            "@../n",
            "@s/..",
            "s/n",
            "@s/n/m",
            "@s//n",
            "node_modules",
            "Favicon.ICO",
            "@s/node_modules",
            " a",
            "a ",
            "a b",
            "a\0",
            "a\\b",
            "a%2eb",
            "%2e%2e",
            "@s%2fn",
            "a:b",
            "a@b",
            "é",
            "a\n",
            "a?b",
            "a#b",
            overlong.as_str(),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
            assert!(parse_new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn case_makes_two_packages() {
        assert_ne!(parse("JSONStream").unwrap().key(), parse("jsonstream").unwrap().key());
    }

    #[test]
    fn versions() {
        let key = |text| parse_version(text).ok().map(|version| version.key().to_owned());
        assert_eq!(key("1.2.3"), Some("1.2.3".to_owned()));
        assert_eq!(key("v1.2.3-rc.1"), Some("1.2.3-rc.1".to_owned()));
        assert_eq!(key("=1.2.3+build.5"), Some("1.2.3".to_owned()));
        assert_eq!(parse_new_version("1.2.3+build.5").unwrap().as_str(), "1.2.3+build.5");
        let long = format!("1.0.0-{}", "x".repeat(251));
        let bad = [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "01.2.3",
            "1.2.3-",
            "1.2.3-01",
            " 1.2.3",
            "1.2.x",
            "latest",
            "1.2.3\0",
            "9007199254740992.0.0",
            "vv1.0.0",
            &long,
        ];
        for bad in bad {
            assert_eq!(key(bad), None, "{bad}");
        }
        for unclean in ["v1.2.3", "=1.2.3"] {
            assert!(parse_new_version(unclean).is_err());
        }
    }

    #[test]
    fn tarballs_carry_name_and_version() {
        for (name, version, file) in [
            ("left-pad", "1.3.0", "left-pad-1.3.0.tgz"),
            ("@types/node", "20.1.0-rc.1", "node-20.1.0-rc.1.tgz"),
            ("JSONStream", "1.0.0+b", "JSONStream-1.0.0+b.tgz"),
        ] {
            let name = parse(name).unwrap();
            assert_eq!(tarball_name(&name, &parse_version(version).unwrap()).unwrap().as_str(), file);
            assert_eq!(version_of_tarball(&name, file).unwrap().as_str(), version);
        }
        let name = parse("@s/lib").unwrap();
        for bad in [
            "lib-1.0.tgz",
            "lib-1.0.0.zip",
            "Lib-1.0.0.tgz",
            "lib-v1.0.0.tgz",
            "lib-x-1.0.0.tgz",
            "@s/lib-1.0.0.tgz",
            ".tgz",
            "",
        ] {
            assert!(version_of_tarball(&name, bad).is_none(), "{bad}");
        }
        let name = parse(&"x".repeat(200)).unwrap();
        assert!(tarball_name(&name, &parse_version(&format!("1.0.0-{}", "y".repeat(100))).unwrap()).is_err());
    }

    #[test]
    fn tags_are_no_ranges() {
        for good in [
            "latest",
            "next-11",
            "beta",
            "release.1",
            "v",
            "vnext",
            "1.0-beta",
            "01",
            "1.2.3.4",
            "x86",
            "next!",
        ] {
            assert!(parse_tag(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.0",
            "v1.0",
            "1.x",
            "X",
            "*",
            "x.x",
            "1.x.x",
            "1.x.x-beta",
            "^1",
            "~1",
            "~v1.2",
            ">=1",
            "=1.0.0",
            "1.0.0",
            "v1.0.0",
            "1.0.0-beta",
            "1.0.0+b",
            "1.2.3*",
            "a/b",
            "a b",
            "..",
            ".",
            "a%20",
            "é",
            &"t".repeat(215),
        ] {
            assert!(parse_tag(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", name in "[@a-z./_-]{0,12}") {
            let _ = (parse_new(&text), parse_version(&text), parse_tag(&text));
            if let Ok(name) = parse(&name) {
                let _ = version_of_tarball(&name, &text);
            }
        }

        #[test]
        fn a_tarball_names_its_version(
            name in "(@[a-z][a-z0-9-]{0,5}/)?[a-z][a-z0-9.-]{0,9}", version in "[0-9]\\.[1-9][0-9]\\.[0-9](-[a-z]{1,4}(\\.[1-9])?)?",
        ) {
            let (name, version) = (parse_new(&name).unwrap(), parse_new_version(&version).unwrap());
            let file = tarball_name(&name, &version).unwrap();
            let found = version_of_tarball(&name, file.as_str()).unwrap();
            prop_assert_eq!(found.key(), version.key());
        }

        #[test]
        fn no_version_is_a_tag(version in "v?[0-9]\\.[1-9][0-9]\\.[0-9](-[a-z]{1,4})?(\\+[a-z])?") {
            prop_assert!(parse_tag(&version).is_err());
        }
    }
}
