//! Questions in OData: what is asked for, which of it, in which order
//! ([OData 2](https://www.odata.org/documentation/odata-version-2-0/uri-conventions/)).

use super::super::listing::Entry;
use super::filter::{Filter, property};
use crate::error::{Error, Result};
use crate::service::Package;

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// What it is about.
    pub(in crate::protocol::nuget) question: Question,
    /// Which of it.
    pub(in crate::protocol::nuget) filter: Option<Filter>,
    /// In which order.
    pub(in crate::protocol::nuget) order: Order,
    /// Entries to pass over.
    pub(in crate::protocol::nuget) from: usize,
    /// Entries of this answer.
    pub(in crate::protocol::nuget) size: usize,
    /// Entries wanted in all, if the client says.
    pub(in crate::protocol::nuget) left: Option<usize>,
    /// Is the number of all entries wanted?
    pub(in crate::protocol::nuget) count: Count,
    /// Does the client understand SemVer 2?
    pub(in crate::protocol::nuget) semver2: bool,
    /// The function as it was written.
    pub(in crate::protocol::nuget) function: String,
    /// Its options as they were written.
    pub(in crate::protocol::nuget) options: Vec<(String, String)>,
}

/// What a question is about.
#[derive(Clone, Debug)]
pub(in crate::protocol::nuget) enum Question {
    /// `FindPackagesById()`: all versions of a package.
    OfPackage(Package),
    /// `Packages(Id=,Version=)`.
    Version(Package, crate::model::Version),
    /// `Packages()`.
    Packages,
    /// `Search()`.
    Search {
        /// Words, as typed.
        text: String,
        /// Are pre-releases wanted?
        prerelease: bool,
    },
    /// `GetUpdates()`.
    Updates {
        /// Packages, the versions that are there, and ranges of those wanted.
        installed: Vec<(Package, String, String)>,
        /// Are pre-releases wanted?
        prerelease: bool,
        /// All newer versions, or the newest one?
        all: bool,
    },
}

/// Is the number of all entries wanted?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol::nuget) enum Count {
    /// No.
    None,
    /// Beside the entries.
    Inline,
    /// And nothing else.
    Only,
}

/// An order: properties, and whether the greatest comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::protocol::nuget) struct Order(Vec<(&'static str, bool)>);

impl Order {
    /// Reads an order.
    pub(in crate::protocol::nuget) fn parse(text: &str) -> Result<Self> {
        let read = |item: &str| {
            let mut words = item.split_whitespace();
            let property = property(words.next()?)?;
            match (words.next(), words.next()) {
                (None | Some("asc"), None) => Some((property, false)),
                (Some("desc"), None) => Some((property, true)),
                _ => None,
            }
        };
        let items = text.split(',').filter(|item| !item.trim().is_empty()).map(read);
        items.collect::<Option<_>>().map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Error::Invalid(format!("`$orderby={}` is not understood", shown.escape_debug())).into()
        })
    }

    /// Is it the order of ids, backwards or not?
    pub(in crate::protocol::nuget) fn by_id(&self) -> Option<bool> {
        self.0.first().filter(|(property, _)| *property == "Id").map(|(_, descending)| *descending)
    }

    /// Puts entries into this order; those that are equal stay as they are.
    pub(in crate::protocol::nuget) fn sort(&self, entries: &mut Vec<Entry>) {
        for (property, descending) in self.0.iter().rev() {
            let text = |entry: &Entry| entry.property(property).unwrap_or_default().to_lowercase();
            // Turned round before and after, what is equal stays as it is.
            if *descending {
                entries.reverse();
            }
            Entry::sort(entries, &text);
            if *descending {
                entries.reverse();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn orders() {
        let entry = |id: &str, version: &str| {
            Entry::new(json!({ "id": id, "version": version }).as_object().unwrap().clone()).unwrap()
        };
        let sorted = |order: &str| {
            let mut entries =
                vec![entry("b", "2.0"), entry("A", "10.0"), entry("b", "10.0"), entry("c", "1.0")];
            Order::parse(order).unwrap().sort(&mut entries);
            let brief = |entry: &Entry| format!("{}{}", entry.text("id"), entry.text("version"));
            entries.iter().map(brief).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(sorted(""), "b2.0 A10.0 b10.0 c1.0");
        assert_eq!(sorted("Version"), "c1.0 b2.0 A10.0 b10.0");
        assert_eq!(sorted("Version desc"), "A10.0 b10.0 b2.0 c1.0");
        assert_eq!(sorted("Id desc,NormalizedVersion desc"), "c1.0 b10.0 b2.0 A10.0");
        assert_eq!(sorted("DownloadCount desc,Id"), "A10.0 b2.0 b10.0 c1.0");
        assert_eq!(Order::parse("Id desc").unwrap().by_id(), Some(true));
        for bad in ["Nothing", "Id up", "Id desc asc"] {
            assert!(Order::parse(bad).is_err(), "{bad}");
        }
    }
}
