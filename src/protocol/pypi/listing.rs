//! Our own pages of the simple index, written version by version.
//!
//! A file's facts are kept as the members they are in JSON (`wire::FileFacts`): JSON pages take them over as they are;
//! only HTML pages, which few ask for, read them. The metadata and the provenance of a file are files of its version, and
//! are announced where this caller can have them.

use super::name::{self, METADATA, PROVENANCE};
use super::wire::{self, FileFacts};
use crate::model::PackageName;
use crate::service::xml::escape;
use crate::service::{Listed, ListedFile, ListingRenderer, Summary};
use serde_json::Value;
use std::io::{self, Write};

/// How facts begin that say of the file itself that it was withdrawn.
const OWN_YANK: &str = "{\"yanked\":";

/// Writes a page.
pub(super) struct PageRenderer {
    name: String,
    root: String,
    html: bool,
    count: usize,
    versions: Vec<String>,
}

/// A file with what stands beside it.
struct Row<'a> {
    file: &'a ListedFile<'a>,
    metadata: Option<&'a ListedFile<'a>>,
    provenance: Option<String>,
    url: String,
    yanked: Option<&'a str>,
}

impl PageRenderer {
    /// A renderer; links begin with `root`.
    pub(super) fn new(package: &PackageName, html: bool, root: &str) -> Self {
        Self { name: package.key().to_owned(), root: root.to_owned(), html, count: 0, versions: Vec::new() }
    }

    fn row<'a>(&self, version: &Listed<'a>, file: &'a ListedFile<'a>) -> Row<'a> {
        let beside = |ending: &str| {
            let name = file.name.as_str();
            version.files.iter().find(|other| other.name.as_str().strip_suffix(ending) == Some(name))
        };
        let folder = format!("{}download/{}/{}/", self.root, self.name, name::encoded(version.version));
        let url = |name: &str| format!("{folder}{}", name::encoded(name));
        let reason = version.listing.message.as_deref().unwrap_or_default();
        Row {
            file,
            metadata: beside(METADATA),
            provenance: beside(PROVENANCE).map(|file| url(file.name.as_str())),
            url: url(file.name.as_str()),
            yanked: version.listing.hidden.then_some(reason),
        }
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.html {
            return write!(out, "{{\"name\":{},\"files\":[", Value::from(self.name.as_str()));
        }
        let name = escape(&self.name);
        write!(
            out,
            "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\"{}\">\n\
             <title>Links for {name}</title>\n</head>\n<body>\n<h1>Links for {name}</h1>\n",
            wire::API_VERSION
        )
    }
}

impl ListingRenderer for PageRenderer {
    fn version(&mut self, out: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        let files = version.files.iter().filter(|file| !name::is_companion(file.name.as_str()));
        let before = self.count;
        for file in files {
            if self.count == 0 {
                self.begin(out)?;
            } else if !self.html {
                out.write_all(b",")?;
            }
            self.count += 1;
            let row = self.row(&version, file);
            if self.html { html_row(out, &row)? } else { json_row(out, &row)? }
        }
        if self.count > before {
            self.versions.push(version.version.to_owned());
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        if self.count == 0 {
            self.begin(out)?;
        }
        if self.html {
            for (member, meta) in
                [("tracks", "pypi:tracks"), ("alternate-locations", "pypi:alternate-locations")]
            {
                let urls = summary.extra.get(member).and_then(Value::as_array);
                for url in urls.into_iter().flatten().filter_map(Value::as_str) {
                    writeln!(out, "<meta name=\"{meta}\" content=\"{}\">", escape(url))?;
                }
            }
            if let Some(status) = summary.extra.get("project-status") {
                for (member, meta) in
                    [("status", "pypi:project-status"), ("reason", "pypi:project-status-reason")]
                {
                    if let Some(text) = status.get(member).and_then(Value::as_str) {
                        writeln!(out, "<meta name=\"{meta}\" content=\"{}\">", escape(text))?;
                    }
                }
            }
            return out.write_all(b"</body>\n</html>\n");
        }
        write!(out, "],\"versions\":{}", Value::from(self.versions))?;
        write!(
            out,
            ",\"meta\":{{\"api-version\":\"{}\",\"_last-serial\":{}",
            wire::API_VERSION,
            summary.revision
        )?;
        if let Some(tracks) = summary.extra.get("tracks") {
            write!(out, ",\"tracks\":{tracks}")?;
        }
        out.write_all(b"}")?;
        for member in ["alternate-locations", "project-status"] {
            if let Some(value) = summary.extra.get(member) {
                write!(out, ",\"{member}\":{value}")?;
            }
        }
        out.write_all(b"}")
    }
}

fn json_row(out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
    let file = row.file;
    write!(
        out,
        "{{\"filename\":{},\"url\":{},\"hashes\":{{",
        Value::from(file.name.as_str()),
        Value::from(row.url.as_str())
    )?;
    for (index, digest) in file.digests.iter().enumerate() {
        let (algorithm, hex) = wire::hash(digest);
        write!(out, "{}\"{algorithm}\":\"{hex}\"", if index > 0 { "," } else { "" })?;
    }
    out.write_all(b"}")?;
    if let Some(size) = file.size {
        write!(out, ",\"size\":{size}")?;
    }
    if let Some(reason) = row.yanked {
        write!(out, ",\"yanked\":{}", wire::yanked(reason.to_owned()))?;
    }
    write_facts(out, row)?;
    if let Some(metadata) = row.metadata {
        let value = match metadata.digests.last() {
            Some(digest) => {
                let (algorithm, hex) = wire::hash(digest);
                format!("{{\"{algorithm}\":\"{hex}\"}}")
            }
            None => "true".to_owned(),
        };
        write!(out, ",\"core-metadata\":{value},\"data-dist-info-metadata\":{value}")?;
    }
    if let Some(provenance) = &row.provenance {
        write!(out, ",\"provenance\":{}", Value::from(provenance.as_str()))?;
    }
    out.write_all(b"}")
}

/// Takes the kept members over.
fn write_facts(out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
    let Some(manifest) = row.file.manifest else { return Ok(()) };
    let own_yank = row.yanked.is_some() && manifest.get().starts_with(OWN_YANK);
    let without_yank =
        own_yank.then(|| FileFacts { yanked: None, ..FileFacts::read(Some(manifest)) }.manifest());
    let text = match &without_yank {
        None => manifest.get(),
        Some(rest) => rest.as_ref().map_or("{}", |rest| rest.get()),
    };
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        Some(members) if !members.is_empty() => write!(out, ",{members}"),
        _ => Ok(()),
    }
}

fn html_row(out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
    let facts = FileFacts::read(row.file.manifest);
    write!(out, "<a href=\"{}", escape(&row.url))?;
    if let Some(digest) = row.file.digests.last() {
        // Installers know no other name for it than the fragment's.
        let best = row.file.digests.iter().find(|digest| wire::hash(digest).0 == "sha256").unwrap_or(digest);
        let (algorithm, hex) = wire::hash(best);
        write!(out, "#{algorithm}={hex}")?;
    }
    out.write_all(b"\"")?;
    if let Some(requires_python) = facts.requires_python {
        write!(out, " data-requires-python=\"{}\"", escape(&requires_python))?;
    }
    if let Some(metadata) = row.metadata {
        let value = metadata.digests.last().map_or_else(
            || "true".to_owned(),
            |digest| {
                let (algorithm, hex) = wire::hash(digest);
                format!("{algorithm}={hex}")
            },
        );
        write!(out, " data-core-metadata=\"{value}\" data-dist-info-metadata=\"{value}\"")?;
    }
    if let Some(reason) = row.yanked.or(facts.yanked.as_deref()) {
        write!(out, " data-yanked=\"{}\"", escape(reason))?;
    }
    if let Some(provenance) = &row.provenance {
        write!(out, " data-provenance=\"{}\"", escape(provenance))?;
    }
    writeln!(out, ">{}</a><br>", escape(row.file.name.as_str()))
}

#[cfg(test)]
mod tests;
