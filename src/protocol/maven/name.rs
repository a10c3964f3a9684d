//! Maven's names: coordinates, versions, the files of a version, and where a repository keeps them.
//!
//! The rules are those of the [repository layout](https://maven.apache.org/repository/layout.html) and of the
//! [coordinates](https://maven.apache.org/pom.html#Maven_Coordinates). A package is a group and an artifact, a version is a
//! folder below it, and both are compared as they are written: `1.0` and `1.0.0` are two folders. Reading is lenient, because
//! repositories hold what older tools wrote.
//!
//! Out of scope: the order of versions (`order`), how a name is spelled in stored keys.

pub(super) mod order;

use super::Maven;
use crate::error::Result;
use crate::model::{ArtifactName, PackageName, Timestamp, Version};
use crate::protocol::text::invalid;
use crate::service::Package;

/// Bytes of a group and of an artifact's id.
const ID_LIMIT: usize = 200;

/// Bytes of a version.
const VERSION_LIMIT: usize = 150;

/// What versions end in that are still changing.
const SNAPSHOT: &str = "SNAPSHOT";

/// The name of the document that tells what is in a folder.
pub(super) const METADATA: &str = "maven-metadata.xml";

/// Reads `group:artifact`.
pub(super) fn parse(text: &str) -> Result<Package> {
    let Some((group, artifact)) = text.split_once(':') else {
        return Err(invalid("package", text, "it is `group:artifact`"));
    };
    package(group, artifact)
        .ok_or_else(|| invalid("package", text, "its parts have letters, digits, `-`, `_` and `.`"))
}

/// The package of a group and an artifact.
pub(super) fn package(group: &str, artifact: &str) -> Option<Package> {
    let valid = is_group(group) && is_id(artifact);
    valid.then(|| {
        Package::new(&Maven, PackageName::new(format!("{group}:{artifact}"), format!("{group}:{artifact}")))
    })
}

/// A group by itself: what is said of it, such as the prefixes of its plugins, is kept and asked for like what is said of a
/// package. It has no versions.
pub(super) fn group(text: &str) -> Option<Package> {
    is_group(text).then(|| Package::new(&Maven, PackageName::new(text, text)))
}

/// Group and artifact of a package; of a group alone, the group.
pub(super) fn coordinates(package: &PackageName) -> (&str, Option<&str>) {
    match package.key().split_once(':') {
        Some((group, artifact)) => (group, Some(artifact)),
        None => (package.key(), None),
    }
}

/// The folder of a package or group in a repository, segment by segment.
pub(super) fn folder(package: &PackageName) -> impl Iterator<Item = &str> {
    let (group, artifact) = coordinates(package);
    group.split('.').chain(artifact)
}

/// The group whose folder has these segments. A dot within a segment would be another spelling of another folder.
pub(super) fn group_of(segments: &[&str]) -> Option<String> {
    let plain = !segments.is_empty() && segments.iter().all(|segment| !segment.contains('.'));
    plain.then(|| segments.join("."))
}

/// Reads a version: the name of a folder.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\\/:\"<>|?*[](){},%#;".contains(&byte);
    let named = !text.is_empty() && text.len() <= VERSION_LIMIT && !text.bytes().all(|byte| byte == b'.');
    (named && text.bytes().all(allowed)).then(|| Version::new(text, text))
}

/// Is this a version that is still changing?
pub(super) fn is_snapshot(version: &str) -> bool {
    version.ends_with(SNAPSHOT)
}

fn is_group(text: &str) -> bool {
    text.len() <= ID_LIMIT && text.split('.').all(|segment| !segment.is_empty() && is_id(segment))
}

fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    !text.is_empty()
        && text.len() <= ID_LIMIT
        && text.bytes().all(allowed)
        && !text.bytes().all(|byte| byte == b'.')
}

/// One build of a snapshot: when it was made, as `yyyyMMdd.HHmmss`, and which one it is. The one that was made last is the
/// newest: a client that could not read how many there are begins to count anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Build<'a> {
    pub(super) timestamp: &'a str,
    pub(super) number: u64,
}

/// A file of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SnapshotFile<'a> {
    /// Of which build; `None` for the newest, whichever that is.
    pub(super) build: Option<Build<'a>>,
    /// What kind of file: empty for the main one.
    pub(super) classifier: &'a str,
    /// Without its dot.
    pub(super) extension: &'a str,
}

/// The file of a version that has no classifier; of a snapshot, that of its newest build.
pub(super) fn main_file(package: &PackageName, version: &Version, extension: &str) -> Option<ArtifactName> {
    ArtifactName::parse(&format!("{}-{}.{extension}", coordinates(package).1?, version.key()))
}

/// Reads the name of a file of a snapshot: `a-1.0-20260102.030405-6-sources.jar`, or `a-1.0-SNAPSHOT-sources.jar`.
pub(super) fn snapshot_file<'a>(
    package: &PackageName,
    version: &str,
    file: &'a str,
) -> Option<SnapshotFile<'a>> {
    let (_, artifact) = coordinates(package);
    let base = version.strip_suffix(SNAPSHOT)?;
    let rest = file.strip_prefix(artifact?)?.strip_prefix('-')?.strip_prefix(base)?;
    let (build, rest) = if let Some(rest) = rest.strip_prefix(SNAPSHOT) {
        (None, rest)
    } else {
        let (build, rest) = build(rest)?;
        (Some(build), rest)
    };
    let (classifier, extension) = match rest.strip_prefix('-') {
        Some(rest) => split_extension(rest)?,
        None => ("", rest.strip_prefix('.')?),
    };
    (!extension.is_empty()).then_some(SnapshotFile { build, classifier, extension })
}

/// Reads `20260102.030405-6` from the beginning of a text.
fn build(text: &str) -> Option<(Build<'_>, &str)> {
    let (timestamp, rest) = text.split_at_checked(15)?;
    let shape = timestamp
        .bytes()
        .enumerate()
        .all(|(at, byte)| if at == 8 { byte == b'.' } else { byte.is_ascii_digit() });
    let rest = rest.strip_prefix('-').filter(|_| shape)?;
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(end);
    Some((Build { number: number.parse().ok()?, timestamp }, rest))
}

/// Splits `linux-x86_64.tar.gz.asc` into classifier and extension. Classifiers may contain dots, so that an extension is what
/// follows the last one, but for those known to have several parts.
fn split_extension(text: &str) -> Option<(&str, &str)> {
    let mut at = text.rfind('.')?;
    while let Some(before) = text[..at].rfind('.') {
        let (inner, extension) = (&text[before + 1..at], &text[at + 1..]);
        if extension != "asc" && !extension.starts_with("sigstore") && inner != "tar" && inner != "sigstore" {
            break;
        }
        at = before;
    }
    Some((&text[..at], &text[at + 1..])).filter(|(classifier, _)| !classifier.is_empty())
}

/// The name of a file of a build.
pub(super) fn build_file(
    package: &PackageName,
    version: &str,
    build: Build<'_>,
    file: SnapshotFile<'_>,
) -> Option<ArtifactName> {
    let mut name = format!("{}-{}", coordinates(package).1?, build_version(version, build)?);
    for part in [("-", file.classifier), (".", file.extension)] {
        if !part.1.is_empty() {
            name.push_str(part.0);
            name.push_str(part.1);
        }
    }
    ArtifactName::parse(&name)
}

/// `1.0-20260102.030405-6`.
pub(super) fn build_version(version: &str, build: Build<'_>) -> Option<String> {
    Some(format!("{}{}-{}", version.strip_suffix(SNAPSHOT)?, build.timestamp, build.number))
}

/// `20260102030405`.
pub(super) fn digits(moment: Timestamp) -> String {
    moment.to_string().chars().filter(char::is_ascii_digit).take(14).collect()
}

/// `20260102.030405`.
pub(super) fn build_timestamp(moment: Timestamp) -> String {
    let mut text = digits(moment);
    text.insert(8, '.');
    text
}

/// Reads either of them.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let digits: String = text.trim().chars().filter(|character| *character != '.').collect();
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| &digits[range];
    let (date, time) = ([part(0..4), part(4..6), part(6..8)], [part(8..10), part(10..12), part(12..14)]);
    Timestamp::parse(&format!("{}T{}Z", date.join("-"), time.join(":")))
}

/// The media type of a file.
pub(super) fn media_type(file: &str) -> &'static str {
    match file.rsplit('.').next().unwrap_or_default() {
        "jar" | "war" | "ear" | "aar" | "rar" | "sar" => "application/java-archive",
        "pom" | "xml" => "application/xml",
        "module" | "json" => "application/json",
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "asc" | "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packages() {
        let package = parse("org.example:lib-core_2.13").unwrap();
        assert_eq!(coordinates(&package), ("org.example", Some("lib-core_2.13")));
        assert_eq!(folder(&package).collect::<Vec<_>>(), ["org", "example", "lib-core_2.13"]);
        assert_ne!(parse("G:a").unwrap().key(), parse("g:a").unwrap().key(), "coordinates have case");
        let group = group("org.example").unwrap();
        assert_eq!((coordinates(&group), folder(&group).count()), (("org.example", None), 2));
        for bad in [
            "", "a", ":", "a:", ":a", "a:b:c", "a..b:c", ".a:b", "a.:b", "a/b:c", "a:b/c", "a:..", "a b:c",
            "ä:b",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(group_of(&["org", "example"]).as_deref(), Some("org.example"));
        assert_eq!(group_of(&["org.example"]), None, "the same group in another folder");
        assert_eq!(group_of(&[]), None);
    }

    #[test]
    fn versions() {
        for good in ["1", "1.0", "1.0-SNAPSHOT", "r09", "1.0+build~2", "2.0.0.RELEASE", "v1_0", "33.0.0-jre"]
        {
            assert_eq!(parse_version(good).unwrap().key(), good);
        }
        let long = "1".repeat(151);
        for bad in ["", ".", "..", "1/2", "1:2", "[1,2)", "1 2", "1%2e", "ä", "1\0", long.as_str()] {
            assert!(parse_version(bad).is_none(), "{bad}");
        }
        assert!(is_snapshot("1.0-SNAPSHOT") && is_snapshot("SNAPSHOT") && !is_snapshot("1.0-SNAPSHOT-1"));
    }

    #[test]
    fn files_of_snapshots() {
        let package = parse("g:a").unwrap();
        let read = |file| {
            let file = snapshot_file(&package, "1.0-SNAPSHOT", file)?;
            let build = file
                .build
                .map_or("newest".to_owned(), |build| format!("{} {}", build.timestamp, build.number));
            Some(format!("{build} {:?} {}", file.classifier, file.extension))
        };
        for (file, expected) in [
            ("a-1.0-20260102.030405-6.jar", Some("20260102.030405 6 \"\" jar")),
            ("a-1.0-20260102.030405-12-sources.jar", Some("20260102.030405 12 \"sources\" jar")),
            ("a-1.0-20260102.030405-6-bin.tar.gz.asc", Some("20260102.030405 6 \"bin\" tar.gz.asc")),
            ("a-1.0-20260102.030405-6-jdk1.5.jar", Some("20260102.030405 6 \"jdk1.5\" jar")),
            ("a-1.0-20260102.030405-6.pom.sigstore.json", Some("20260102.030405 6 \"\" pom.sigstore.json")),
            (
                "a-1.0-20260102.030405-6-x.jar.sigstore.json",
                Some("20260102.030405 6 \"x\" jar.sigstore.json"),
            ),
            ("a-1.0-SNAPSHOT.jar", Some("newest \"\" jar")),
            ("a-1.0-SNAPSHOT-sources.jar", Some("newest \"sources\" jar")),
            ("a-1.0-20260102.030405-.jar", None),
            ("a-1.0-2026010203040506.jar", None),
            ("a-1.0-20260102.030405-6", None),
            ("a-1.0-20260102.030405-6-sources", None),
            ("a-1.1-SNAPSHOT.jar", None),
            ("b-1.0-SNAPSHOT.jar", None),
            ("a-1.0-SNAPSHOT.", None),
            ("ivy-1.0-SNAPSHOT.xml", None),
        ] {
            assert_eq!(read(file).as_deref(), expected, "{file}");
            if let Some(SnapshotFile { build: Some(build), .. }) =
                snapshot_file(&package, "1.0-SNAPSHOT", file)
            {
                let parts = snapshot_file(&package, "1.0-SNAPSHOT", file).unwrap();
                assert_eq!(build_file(&package, "1.0-SNAPSHOT", build, parts).unwrap().as_str(), file);
            }
        }
        assert!(snapshot_file(&package, "SNAPSHOT", "a-SNAPSHOT.jar").is_some());
    }

    #[test]
    fn the_build_made_last_is_the_newest() {
        let build = |timestamp, number| Build { timestamp, number };
        assert!(build("20270101.000000", 1) > build("20260101.000000", 9));
        assert!(build("20260101.000000", 10) > build("20260101.000000", 9));
    }

    #[test]
    fn moments_read_back() {
        let moment_of = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        assert_eq!(digits(moment_of), "20260102030405");
        assert_eq!(build_timestamp(moment_of), "20260102.030405");
        assert_eq!(moment("20260102030405"), Some(moment_of));
        assert_eq!(moment("20260102.030405"), Some(moment_of));
        for bad in ["", "2026", "20261302030405", "2026010203040x", "ä0260102030405"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, file in "a-1\\.0-[0-9.A-Zäß-]*") {
            let package = parse("g:a").unwrap();
            let _ = (parse(&text), parse_version(&text), moment(&text));
            let _ = snapshot_file(&package, "1.0-SNAPSHOT", &text);
            let _ = snapshot_file(&package, "1.0-SNAPSHOT", &file);
        }
    }
}
