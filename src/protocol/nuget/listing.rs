//! Our own documents of versions: the numbers of all of them, registrations in three hives, and, for what is put together
//! per request, all entries line by line.
//!
//! Registrations of up to [`INLINE`] versions are one document; of more, an index and pages of [`PAGE`] versions beside it
//! ([registrations](https://learn.microsoft.com/nuget/api/registration-base-url-resource)).

mod atom;
mod entry;

pub(super) use atom::{METADATA, entry as atom_entry, feed as atom_feed, service as atom_service};
pub(super) use entry::{Entry, mark_latest, member};

use super::name::{Number, in_order};
use super::{VERSIONS, wire::Members};
use crate::model::{PackageName, Timestamp};
use crate::service::{Form, Listed, ListingRenderer, Summary};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde_json::Value;
use std::io::{self, Write};

/// The folder of packages, below `v3/`.
pub(super) const FLAT: &str = "flat2";

/// The most pages of a registration.
pub(super) const PAGES_LIMIT: u32 = 400;

/// Versions of a page.
const PAGE: usize = 64;

/// Up to so many versions are in the index itself.
const INLINE: usize = 128;

/// When what is not shown was published, as clients expect it.
const HIDDEN: &str = "1900-01-01T00:00:00.000Z";

/// The numbers of all versions.
pub(super) const NUMBERS: Form = form("numbers", 0);

/// All entries, one per line, lowest version first.
pub(super) const ENTRIES: Form = form("entries", 0);

const fn form(name: &'static str, part: u32) -> Form {
    Form { name, content_type: "application/json", upstream: VERSIONS, part }
}

/// A set of registrations, by what clients understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hive {
    /// The first clients.
    Plain,
    /// Those that take compressed documents.
    Compressed,
    /// Those that understand SemVer 2, too.
    SemVer2,
}

impl Hive {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Compressed, Self::SemVer2];

    /// Its folder below `v3/`.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Plain => "registrations",
            Self::Compressed => "registrations-gz",
            Self::SemVer2 => "registrations-gz-semver2",
        }
    }

    /// The hive in that folder.
    pub(super) fn of_folder(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hive| hive.folder() == folder)
    }

    /// Its documents: the index, or a page, counted from 1.
    pub(super) const fn form(self, page: u32) -> Form {
        form(self.folder(), page)
    }

    /// The address of a document about a package.
    pub(super) fn address(self, root: &str, id: &str, document: &str) -> String {
        format!("{root}v3/{}/{}/{document}.json", self.folder(), encoded(id))
    }
}

/// The address of a file of a version, or of what is in its archive.
pub(super) fn file_address(root: &str, id: &str, version: &str, file: &str) -> String {
    format!("{root}v3/{FLAT}/{}/{version}/{}", encoded(id), encoded(file))
}

/// An id in an address.
pub(super) fn encoded(id: &str) -> String {
    utf8_percent_encode(id, CONTROLS).to_string()
}

/// Writes one of the documents.
pub(super) struct VersionsRenderer {
    package: PackageName,
    form: Form,
    root: String,
    rows: Vec<Row>,
}

/// A version to be shown.
#[derive(Default)]
struct Row {
    number: Number,
    is_hidden: bool,
    /// Its entry but for when it was published, and the last bracket.
    entry: String,
}

impl VersionsRenderer {
    /// A renderer of that form; links begin with `root`.
    pub(super) fn new(package: &PackageName, form: Form, root: &str) -> Self {
        Self { package: package.clone(), form, root: root.to_owned(), rows: Vec::new() }
    }
}

impl ListingRenderer for VersionsRenderer {
    fn version(&mut self, _: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        let Some(number) = Number::parse(version.version) else { return Ok(()) };
        let hive = Hive::of_folder(self.form.name);
        if hive.is_some_and(|hive| hive != Hive::SemVer2) && number.needs_semver2(version.version) {
            return Ok(());
        }
        let mut entry = String::new();
        if self.form != NUMBERS {
            entry = Value::from(entry::members(&version, &self.package, &self.root)).to_string();
            entry.pop();
        }
        self.rows.push(Row { number, is_hidden: version.listing.hidden, entry });
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let mut orders = Vec::new();
        for row in &self.rows {
            orders.push(row.number.order().to_owned());
        }
        let mut rows = Vec::new();
        for at in in_order(orders) {
            rows.extend(self.rows.get_mut(at).map(std::mem::take));
        }
        self.rows = rows;
        if let Some(hive) = Hive::of_folder(self.form.name) {
            return self.registration(out, hive, summary);
        }
        if self.form != NUMBERS {
            for row in &self.rows {
                write_entry(out, row, summary)?;
                out.write_all(b"}\n")?;
            }
            return Ok(());
        }
        out.write_all(b"{\"versions\":[")?;
        for (at, row) in self.rows.iter().enumerate() {
            write!(out, "{}\"{}\"", if at > 0 { "," } else { "" }, row.number.key())?;
        }
        out.write_all(b"]}")
    }
}

impl VersionsRenderer {
    fn registration(&self, out: &mut dyn Write, hive: Hive, summary: &Summary) -> io::Result<()> {
        let pages: Vec<&[Row]> = self.rows.chunks(PAGE).collect();
        if let Some(page) = usize::try_from(self.form.part).ok().and_then(|part| part.checked_sub(1)) {
            let rows = pages.get(page).copied().unwrap_or_default();
            return self.page(out, hive, page, rows, Some(summary));
        }
        let index = hive.address(&self.root, self.package.key(), "index");
        write!(out, "{{\"@id\":\"{index}\",\"@type\":[\"catalog:CatalogRoot\",\"PackageRegistration\"],")?;
        write!(out, "\"count\":{},\"items\":[", pages.len())?;
        let inline = self.rows.len() <= INLINE;
        for (at, rows) in pages.iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            self.page(out, hive, at, rows, inline.then_some(summary))?;
        }
        out.write_all(b"]}")
    }

    /// A page, with what is on it if `summary` is there to say when that was published.
    fn page(
        &self,
        out: &mut dyn Write,
        hive: Hive,
        page: usize,
        rows: &[Row],
        summary: Option<&Summary>,
    ) -> io::Result<()> {
        let address = |document: &str| hive.address(&self.root, self.package.key(), document);
        let (first, last) = (rows.first(), rows.last());
        let bound = |row: Option<&Row>| row.map(|row| row.number.key().to_owned()).unwrap_or_default();
        write!(
            out,
            "{{\"@id\":\"{}\",\"@type\":\"catalog:CatalogPage\",",
            address(&format!("page/{}", page + 1))
        )?;
        write!(out, "\"count\":{},\"lower\":\"{}\",\"upper\":\"{}\"", rows.len(), bound(first), bound(last))?;
        let Some(summary) = summary else { return out.write_all(b"}") };
        let index = address("index");
        write!(out, ",\"parent\":\"{index}\",\"items\":[")?;
        for (at, row) in rows.iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            let (key, id) = (row.number.key(), self.package.key());
            let leaf = address(key);
            let content = file_address(&self.root, id, key, &format!("{id}.{key}.nupkg"));
            write!(out, "{{\"@id\":\"{leaf}\",\"@type\":\"Package\",\"packageContent\":\"{content}\",")?;
            write!(out, "\"registration\":\"{index}\",\"catalogEntry\":")?;
            write_entry(out, row, summary)?;
            write!(
                out,
                ",\"@id\":\"{leaf}\",\"@type\":\"PackageDetails\",\"packageContent\":\"{content}\"}}}}"
            )?;
        }
        out.write_all(b"]}")
    }
}

/// Writes an entry without its last bracket.
fn write_entry(out: &mut dyn Write, row: &Row, summary: &Summary) -> io::Result<()> {
    out.write_all(row.entry.as_bytes())?;
    match summary.published.get(row.number.key()) {
        _ if row.is_hidden => write!(out, ",\"published\":\"{HIDDEN}\""),
        Some(published) => write!(out, ",\"published\":\"{published}\""),
        None => Ok(()),
    }
}

/// Says in an entry when its version was published.
pub(super) fn set_published(members: &mut Members, is_hidden: bool, published: Option<Timestamp>) {
    let published =
        if is_hidden { Some(HIDDEN.to_owned()) } else { published.map(|moment| moment.to_string()) };
    members.extend(published.map(|text| ("published".to_owned(), text.into())));
}

#[cfg(test)]
mod tests;
