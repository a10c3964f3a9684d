//! Entries as OData has them: [Atom](https://www.rfc-editor.org/rfc/rfc4287) with properties, as the public gallery writes it.

use super::super::wire::{dependencies_text, joined};
use super::{Entry, encoded, entry::member};
use crate::model::Timestamp;
use crate::service::xml::escape;
use serde_json::Value;
use std::fmt::Write as _;

/// The namespaces of all that is written here, in one place.
const NAMESPACES: &str = "xmlns=\"http://www.w3.org/2005/Atom\" \
    xmlns:d=\"http://schemas.microsoft.com/ado/2007/08/dataservices\" \
    xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\"";

const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// `$metadata`: clients read from it which functions there are.
pub(in crate::protocol::nuget) const METADATA: &str = include_str!("metadata.xml");

/// Properties that are texts, by the members of the same name.
const TEXTS: [&str; 14] = [
    "Id",
    "Version",
    "Title",
    "Authors",
    "Description",
    "Summary",
    "Language",
    "IconUrl",
    "LicenseUrl",
    "ProjectUrl",
    "ReleaseNotes",
    "Copyright",
    "MinClientVersion",
    "PackageHashAlgorithm",
];

/// What there is: the document at the root.
pub(in crate::protocol::nuget) fn service(base: &str) -> String {
    format!(
        "{PROLOGUE}<service xml:base=\"{}\" xmlns=\"http://www.w3.org/2007/app\" \
         xmlns:atom=\"http://www.w3.org/2005/Atom\"><workspace><atom:title>Default</atom:title>\
         <collection href=\"Packages\"><atom:title>Packages</atom:title></collection></workspace></service>",
        escape(base)
    )
}

/// Several entries, with the number of all, and where to go on.
pub(in crate::protocol::nuget) fn feed(
    base: &str,
    function: &str,
    entries: &[Entry],
    count: Option<usize>,
    next: Option<&str>,
    now: Timestamp,
) -> String {
    let (base, title) = (escape(base), escape(function));
    let mut out = format!(
        "{PROLOGUE}<feed xml:base=\"{base}\" {NAMESPACES}><title type=\"text\">{title}</title><id>{base}{title}</id>\
         <updated>{now}</updated><link rel=\"self\" title=\"{title}\" href=\"{title}\" />"
    );
    // Printing to a text cannot fail, here and below.
    if let Some(count) = count {
        let _ = write!(out, "<m:count>{count}</m:count>");
    }
    if entries.is_empty() {
        out.push_str("<author><name></name></author>");
    }
    for entry in entries {
        write(&mut out, entry, &base, "");
    }
    if let Some(next) = next {
        let _ = write!(out, "<link rel=\"next\" href=\"{}\" />", escape(next));
    }
    out.push_str("</feed>");
    out
}

/// One entry, as a document.
pub(in crate::protocol::nuget) fn entry(base: &str, entry: &Entry) -> String {
    let (base, mut out) = (escape(base), PROLOGUE.to_owned());
    write(&mut out, entry, &base, &format!(" xml:base=\"{base}\" {NAMESPACES}"));
    out
}

/// Writes an entry; `base` and the attributes of its element are escaped already.
fn write(out: &mut String, entry: &Entry, base: &str, attributes: &str) {
    let (id, version) = (escape(entry.text("id")), entry.number.key());
    let key = format!("Packages(Id='{id}',Version='{version}')");
    let published = entry.text("published");
    let summary = escape(entry.text("summary"));
    let _ = write!(
        out,
        "<entry{attributes}><id>{base}{key}</id><category term=\"NuGetGallery.OData.V2FeedPackage\" \
         scheme=\"http://schemas.microsoft.com/ado/2007/08/dataservices/scheme\" />\
         <link rel=\"edit\" title=\"V2FeedPackage\" href=\"{key}\" /><link rel=\"edit-media\" title=\"V2FeedPackage\" \
         href=\"{key}/$value\" /><title type=\"text\">{id}</title><summary type=\"text\">{summary}</summary>\
         <updated>{}</updated><author><name>{}</name></author>\
         <content type=\"application/zip\" src=\"{base}package/{}/{version}\" /><m:properties>",
        if published.is_empty() { "1900-01-01T00:00:00Z" } else { published },
        escape(&joined(entry.members.get("authors"), ", ")),
        encoded(&id),
    );
    for name in TEXTS {
        property(out, name, "", &joined(entry.members.get(&member(name)), ", "));
    }
    property(out, "NormalizedVersion", "", version);
    property(out, "Tags", "", &joined(entry.members.get("tags"), " "));
    property(out, "Dependencies", "", &dependencies_text(&entry.members));
    property(out, "PackageHash", "", entry.text("packageHash"));
    let size = entry.members.get("packageSize").and_then(Value::as_u64).unwrap_or_default();
    property(out, "PackageSize", "Int64", &size.to_string());
    for name in ["DownloadCount", "VersionDownloadCount"] {
        property(out, name, "Int32", "0");
    }
    for name in ["Published", "Created", "LastUpdated"] {
        property(out, name, "DateTime", published.trim_end_matches('Z'));
    }
    property(out, "LastEdited", "DateTime", "");
    let accepts = entry.members.get("requireLicenseAcceptance") == Some(&Value::Bool(true));
    for (name, value) in [
        ("IsLatestVersion", entry.is_latest),
        ("IsAbsoluteLatestVersion", entry.is_absolute_latest),
        ("IsPrerelease", entry.number.is_prerelease()),
        ("Listed", entry.is_listed()),
        ("RequireLicenseAcceptance", accepts),
    ] {
        property(out, name, "Boolean", if value { "true" } else { "false" });
    }
    out.push_str("</m:properties></entry>");
}

/// A property; an empty one is null.
fn property(out: &mut String, name: &str, kind: &str, value: &str) {
    out.push_str("<d:");
    out.push_str(name);
    if !kind.is_empty() {
        out.push_str(" m:type=\"Edm.");
        out.push_str(kind);
        out.push('"');
    }
    if value.is_empty() {
        out.push_str(" m:null=\"true\" />");
        return;
    }
    out.push('>');
    out.push_str(&escape(value));
    out.push_str("</d:");
    out.push_str(name);
    out.push('>');
}
