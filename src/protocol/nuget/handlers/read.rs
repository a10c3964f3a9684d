//! The service index, documents of versions, files.

use super::super::listing::{self, Entry, Hive};
use super::super::route::File;
use super::super::{name, wire};
use crate::error::{Error, Missing, Result};
use crate::model::{Version, gzip, json};
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::{FeedContext, Form, Package, download, list, zip};
use http::StatusCode;
use serde_json::json;
use std::io::{BufRead, BufReader};

/// The folder of registrations, as resources.
const REGISTRATIONS: &str = "RegistrationsBaseUrl";

/// What there is besides registrations: types of a resource, and its path below `nuget/`.
const RESOURCES: [(&[&str], &str); 12] = [
    (&["PackageBaseAddress/3.0.0"], "v3/flat2/"),
    (
        &[
            "SearchQueryService",
            "SearchQueryService/3.0.0-beta",
            "SearchQueryService/3.0.0-rc",
            "SearchQueryService/3.5.0",
        ],
        "v3/query",
    ),
    (
        &[
            "SearchAutocompleteService",
            "SearchAutocompleteService/3.0.0-beta",
            "SearchAutocompleteService/3.0.0-rc",
            "SearchAutocompleteService/3.5.0",
        ],
        "v3/autocomplete",
    ),
    (&["PackagePublish/2.0.0"], "v3/package"),
    (&["SymbolPackagePublish/4.9.0"], "v3/symbolpackage"),
    (&["LegacyGallery/2.0.0"], "v2/"),
    (&["VulnerabilityInfo/6.7.0"], "v3/vulnerabilities/index.json"),
    (&["ReadmeUriTemplate/6.13.0"], "v3/flat2/{lower_id}/{lower_version}/readme"),
    (&["PackageDetailsUriTemplate/5.1.0"], "v3/about/{id}/{version}"),
    (&["OwnerDetailsUriTemplate/6.11.0"], "v3/about/{owner}"),
    (&["ReportAbuseUriTemplate/3.0.0"], "v3/about/{id}/{version}"),
    (&["LegacyGallery"], "v2/"),
];

/// Bytes of a file of an archive that is served by itself.
const INNER_LIMIT: u64 = 4 << 20;

/// `GET v3/index.json`.
pub(super) fn service_index<P: Platform>(context: &FeedContext<P>) -> Result<Answer<P>> {
    let mut resources = Vec::new();
    let mut add = |kind: &str, path: &str| {
        resources.push(json!({ "@id": format!("{}{path}", context.root), "@type": kind }));
    };
    for (kinds, path) in RESOURCES {
        for kind in kinds {
            add(kind, path);
        }
    }
    for (version, hive) in [
        ("", Hive::Plain),
        ("/3.0.0-beta", Hive::Plain),
        ("/3.0.0-rc", Hive::Plain),
        ("/3.4.0", Hive::Compressed),
        ("/3.6.0", Hive::SemVer2),
        ("/Versioned", Hive::SemVer2),
    ] {
        add(&format!("{REGISTRATIONS}{version}"), &format!("v3/{}/", hive.folder()));
    }
    Answer::json(StatusCode::OK, &json!({ "version": "3.0.0", "resources": resources }))
}

/// `GET v3/flat2/{id}/index.json`, `GET v3/{hive}/{id}/index.json`, and pages.
pub(super) async fn listing<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    form: Form,
) -> Result<Answer<P>> {
    let rendered = list::listing(context, package, form).await?;
    let compressed = Hive::of_folder(form.name).is_some_and(|hive| hive != Hive::Plain);
    Ok(if compressed { Answer::CompressedListing(rendered) } else { Answer::Listing(rendered) })
}

/// `GET v3/{hive}/{id}/{version}.json`.
pub(super) async fn leaf<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    hive: Hive,
) -> Result<Answer<P>> {
    let entry =
        entries(context, package).await?.into_iter().find(|entry| entry.number.key() == version.key());
    let entry = entry.filter(|entry| entry.suits(true, hive == Hive::SemVer2));
    let missing = || Error::NotFound(Missing::Version(package.to_string(), version.to_string()));
    let mut members = entry.ok_or_else(missing)?.members;
    let (id, key, root) = (package.key(), version.key(), &*context.root);
    let (own, index) = (hive.address(root, id, key), hive.address(root, id, "index"));
    let content = listing::file_address(root, id, key, &format!("{id}.{key}.nupkg"));
    for (name, value) in [("@id", &own), ("packageContent", &content)] {
        members.insert(name.to_owned(), value.as_str().into());
    }
    Answer::json(
        StatusCode::OK,
        &json!({
            "@id": own, "@type": ["Package"], "listed": members.get("listed"), "published": members.get("published"),
            "packageContent": content, "registration": index, "catalogEntry": members,
        }),
    )
}

/// All that this caller is shown of a package, lowest version first: decided in one place, and read back from there.
pub(super) async fn entries<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Vec<Entry>> {
    let rendered = list::listing(context, package, listing::ENTRIES).await?;
    let compressed = rendered.collect().await?;
    let damaged = |reason: String| Error::Damaged { key: format!("entries of {package}"), reason };
    let mut entries = Vec::new();
    for line in BufReader::new(gzip::Reader::new(compressed)).split(b'\n') {
        let line = line.map_err(|error| damaged(error.to_string()))?;
        let members: wire::Members = json::read(&line).map_err(|error| damaged(error.to_string()))?;
        entries.extend(Entry::new(members));
    }
    Ok(entries)
}

/// A file of a version, or of its archive.
pub(super) async fn file<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    file: File,
) -> Result<Answer<P>> {
    let name = match file {
        File::Symbols => name::symbols(package, version)?,
        _ => name::archive(package, version)?,
    };
    let artifact = download::artifact(context, package, version, &name).await?;
    if matches!(file, File::Archive | File::Symbols) {
        return Ok(Answer::Artifact { artifact, content_type: "application/zip" });
    }
    let (platform, archive) = (&context.platform, artifact.content());
    let missing =
        || Error::NotFound(Missing::Artifact(format!("{package} {version}"), file.member().to_owned()));
    let manifest = zip::find(platform, &archive, &is_manifest).await?;
    let manifest = zip::read(platform, &archive, manifest.first().ok_or_else(missing)?, INNER_LIMIT).await?;
    if file == File::Manifest {
        return Ok(Answer::Document {
            status: StatusCode::OK,
            content_type: "application/xml",
            body: manifest,
        });
    }
    let path = wire::text(&wire::nuspec::parse(&manifest)?, file.member()).replace('\\', "/");
    let path = path.trim_start_matches("./").trim_start_matches('/');
    // Paths in packages are percent-encoded.
    let is_wanted = |other: &str| {
        let other = percent_encoding::percent_decode_str(other).decode_utf8_lossy();
        !path.is_empty() && other.eq_ignore_ascii_case(path)
    };
    let found = zip::find(platform, &archive, &is_wanted).await?;
    let body = zip::read(platform, &archive, found.first().ok_or_else(missing)?, INNER_LIMIT).await?;
    let content_type = match file {
        File::Icon if body.starts_with(b"\x89PNG") => "image/png",
        File::Icon => "image/jpeg",
        _ => "text/plain; charset=utf-8",
    };
    Ok(Answer::Document { status: StatusCode::OK, content_type, body })
}

/// Is this the manifest of an archive?
pub(super) fn is_manifest(path: &str) -> bool {
    !path.contains('/') && path.to_ascii_lowercase().ends_with(".nuspec")
}

impl File {
    /// The member of the manifest that says where it is.
    fn member(self) -> &'static str {
        match self {
            Self::Icon => "icon",
            Self::Readme => "readme",
            Self::License => "license",
            Self::Archive | Self::Symbols | Self::Manifest => ".nuspec",
        }
    }
}
