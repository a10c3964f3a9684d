//! Conditions in OData: a closed grammar
//! ([OData 2, section 4.5](https://www.odata.org/documentation/odata-version-2-0/uri-conventions/)).
//!
//! What is not in it is refused: half a condition would be a wrong answer. A condition is read anew for every entry it is
//! asked about, in place of a form of its own. All texts are compared without case.

use super::super::listing::Entry;
use super::super::name::Number;
use crate::error::{Error, Result};
use std::cmp::Ordering;

/// Bytes of a condition.
const LENGTH_LIMIT: usize = 8 << 10;

/// Conditions within each other.
const DEPTH_LIMIT: usize = 40;

/// What conditions and orders may be about.
const PROPERTIES: [&str; 20] = [
    "Id",
    "Version",
    "NormalizedVersion",
    "IsLatestVersion",
    "IsAbsoluteLatestVersion",
    "IsPrerelease",
    "Listed",
    "Tags",
    "Title",
    "Description",
    "Summary",
    "Authors",
    "Published",
    "Created",
    "LastUpdated",
    "LastEdited",
    "DownloadCount",
    "VersionDownloadCount",
    "ProjectUrl",
    "Language",
];

/// A condition.
#[derive(Clone, Debug)]
pub(in crate::protocol::nuget) struct Filter {
    text: String,
    /// The ids of which an entry must have one, in lower case; `None` if it may have any.
    pub(in crate::protocol::nuget) ids: Option<Vec<String>>,
    /// Can a package have no more than one entry that fulfils it?
    pub(in crate::protocol::nuget) is_of_latest: bool,
}

impl Filter {
    /// Reads a condition.
    pub(in crate::protocol::nuget) fn parse(text: &str) -> Result<Self> {
        let nobody = Entry::default();
        let mut parser = Parser { rest: text, depth: 0, entry: &nobody };
        match parser.either() {
            Some(term) if text.len() <= LENGTH_LIMIT && parser.rest.trim().is_empty() => {
                Ok(Self { text: text.to_owned(), ids: term.ids, is_of_latest: term.is_of_latest })
            }
            _ => {
                let at: String = parser.rest.trim().chars().take(80).collect();
                Err(Error::Invalid(format!(
                    "`$filter` is not understood from `{}` on; it may compare properties (`eq ne gt ge lt le and or not`) and \
                     use `tolower`, `substringof`, `startswith` and `endswith`",
                    at.escape_debug()
                )).into())
            }
        }
    }

    /// Does an entry fulfil it?
    pub(in crate::protocol::nuget) fn admits(&self, entry: &Entry) -> bool {
        Parser { rest: &self.text, depth: 0, entry }.either().is_some_and(|term| term.is_true())
    }
}

/// What a part of a condition comes to for an entry; of what is true or false that word.
#[derive(Default)]
struct Term {
    /// `None` for null.
    text: Option<String>,
    is_version: bool,
    is_id: bool,
    ids: Option<Vec<String>>,
    is_of_latest: bool,
}

impl Term {
    fn text(text: &str) -> Self {
        Self { text: Some(text.to_lowercase()), ..Self::default() }
    }

    fn truth(value: bool) -> Self {
        Self::text(if value { "true" } else { "false" })
    }

    fn is_true(&self) -> bool {
        self.text.as_deref() == Some("true")
    }

    /// The text by which it is compared with something that is a version, or not.
    fn compared(&self, with_version: bool) -> Option<String> {
        match &self.text {
            Some(text) if with_version && !self.is_version => Some(Number::parse(text)?.order().to_owned()),
            text => text.clone(),
        }
    }

    fn compare(self, operator: &str, other: Self) -> Self {
        let versions = self.is_version || other.is_version;
        let (one, two) = (self.compared(versions), other.compared(versions));
        // What is nothing is equal to nothing else, and has no order.
        let order = if one.is_some() && two.is_some() { Some(one.cmp(&two)) } else { None };
        let equal = one == two;
        let mut term = Self::truth(match operator {
            "eq" => equal,
            "ne" => !equal,
            "gt" => order == Some(Ordering::Greater),
            "ge" => order.is_some_and(Ordering::is_ge),
            "lt" => order == Some(Ordering::Less),
            _ => order.is_some_and(Ordering::is_le),
        });
        if operator == "eq" && other.is_true() {
            (term.ids, term.is_of_latest) = (self.ids, self.is_of_latest);
        } else if operator == "eq" && self.is_id != other.is_id {
            let id = if self.is_id { other.text } else { self.text };
            term.ids = id.map(|id| vec![id]);
        }
        term
    }
}

/// Reads a condition from its beginning; `None` where it is not understood.
struct Parser<'a> {
    rest: &'a str,
    depth: usize,
    entry: &'a Entry,
}

impl<'a> Parser<'a> {
    fn either(&mut self) -> Option<Term> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return None;
        }
        let mut left = self.both()?;
        while self.word_of(&["or"]).is_some() {
            let right = self.both()?;
            let mut term = Term::truth(left.is_true() || right.is_true());
            term.ids = left.ids.zip(right.ids).map(|(one, other)| [one, other].concat());
            left = term;
        }
        self.depth -= 1;
        Some(left)
    }

    fn both(&mut self) -> Option<Term> {
        let mut left = self.comparison()?;
        while self.word_of(&["and"]).is_some() {
            let right = self.comparison()?;
            let mut term = Term::truth(left.is_true() && right.is_true());
            term.ids = left.ids.or(right.ids);
            term.is_of_latest = left.is_of_latest || right.is_of_latest;
            left = term;
        }
        Some(left)
    }

    fn comparison(&mut self) -> Option<Term> {
        let mut negated = false;
        while self.word_of(&["not"]).is_some() {
            negated = !negated;
        }
        let mut term = self.operand()?;
        if let Some(operator) = self.word_of(&["eq", "ne", "gt", "ge", "lt", "le"]) {
            let right = self.operand()?;
            term = term.compare(operator, right);
        }
        Some(if negated { Term::truth(!term.is_true()) } else { term })
    }

    fn operand(&mut self) -> Option<Term> {
        if self.mark('(') {
            let inner = self.either()?;
            return self.mark(')').then_some(inner);
        }
        if self.rest.starts_with('\'') {
            return Some(Term::text(&self.quoted()?));
        }
        let word = self.word()?;
        if self.rest.starts_with('(') {
            return self.call(word);
        }
        match word {
            "null" => Some(Term::default()),
            "datetime" | "datetimeoffset" => Some(Term::text(&self.quoted()?)),
            "true" | "false" => Some(Term::text(word)),
            _ if word.parse::<i64>().is_ok() => Some(Term::text(word)),
            _ => {
                let name = property(word)?;
                Some(Term {
                    text: self.entry.property(name).map(|text| text.to_lowercase()),
                    is_version: name.ends_with("Version") && !name.starts_with("Is"),
                    is_id: name == "Id",
                    ids: None,
                    is_of_latest: name.ends_with("LatestVersion"),
                })
            }
        }
    }

    fn call(&mut self, name: &str) -> Option<Term> {
        self.mark('(');
        let first = self.either()?;
        let second = if self.mark(',') { Some(self.either()?) } else { None };
        if !self.mark(')') {
            return None;
        }
        if matches!(name, "tolower" | "toupper") {
            return second.is_none().then_some(first);
        }
        let (one, other) = (first.text.unwrap_or_default(), second?.text.unwrap_or_default());
        Some(Term::truth(match name {
            "substringof" => other.contains(&one),
            "startswith" => one.starts_with(&other),
            "endswith" => one.ends_with(&other),
            _ => return None,
        }))
    }

    /// The next word.
    fn word(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let ends = |character: char| !character.is_ascii_alphanumeric() && !matches!(character, '_' | '-');
        let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The next word, if it is one of those.
    fn word_of(&mut self, wanted: &[&str]) -> Option<&'a str> {
        let before = self.rest;
        let word = self.word().filter(|word| wanted.contains(word));
        if word.is_none() {
            self.rest = before;
        }
        word
    }

    fn mark(&mut self, mark: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest).trim_start();
        rest.is_some()
    }

    /// A text in quotes, in which a quote is written twice.
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix('\'')?;
        loop {
            let (part, after) = rest.split_once('\'')?;
            text.push_str(part);
            let Some(next) = after.strip_prefix('\'') else {
                self.rest = after;
                return Some(text);
            };
            text.push('\'');
            rest = next;
        }
    }
}

/// The property of that name, in any case.
pub(in crate::protocol::nuget) fn property(text: &str) -> Option<&'static str> {
    PROPERTIES.into_iter().find(|name| name.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn entry(version: &str) -> Entry {
        let members = json!({ "id": "Az.Tool", "tags": ["PSModule", "x"], "published": "2020-05-01T00:00:00Z", "listed": true, "version": version });
        let mut entry = Entry::new(members.as_object().unwrap().clone()).unwrap();
        entry.is_latest = true;
        entry
    }

    #[test]
    fn conditions_that_clients_send() {
        let entry = entry("10.0");
        for yes in [
            "IsLatestVersion",
            "IsLatestVersion eq true and substringof('PSModule', Tags) eq true and Id eq 'az.tool'",
            "NormalizedVersion ge '2.0.0' and NormalizedVersion lt '11.0.0'",
            "(tolower(Id) eq 'b') or (tolower(Id) eq 'az.tool')",
            "((((Id ne null) and substringof('az.tool',tolower(Id))) or (Description ne null))) and IsLatestVersion",
            "not (Version lt '10.0') and startswith(Id,'AZ.') and endswith(Id, 'Tool') eq true",
            "DownloadCount ge 0 and Published gt datetime'2020-01-01T00:00:00' and Version eq '10.0.0.0'",
            "not IsPrerelease",
            "Title eq null or Title eq 'it''s'",
        ] {
            assert!(Filter::parse(yes).unwrap().admits(&entry), "{yes}");
        }
        for no in [
            "IsAbsoluteLatestVersion",
            "Id eq 'x' or Id eq 'y'",
            "Version gt '10.0.0'",
            "Tags eq null",
            "'x'",
        ] {
            assert!(!Filter::parse(no).unwrap().admits(&entry), "{no}");
        }
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        let deep = "(".repeat(50) + "Listed" + &")".repeat(50);
        for bad in [
            "",
            "Id eq",
            "Id = 'x'",
            "Nothing eq 1",
            "substringof('x')",
            "length(Id) gt 3",
            "Id eq 'x",
            "(Listed",
            "Listed)",
            "Id add 1 eq 2",
            "Listed xor Listed",
            "Id eq 'a' 'b'",
            &deep,
        ] {
            let error = Filter::parse(bad).map_err(|error| *error);
            assert!(matches!(error, Err(Error::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn what_a_condition_is_about() {
        let ids = |text: &str| Filter::parse(text).unwrap().ids;
        assert_eq!(ids("IsLatestVersion and Id eq 'A'"), Some(vec!["a".to_owned()]));
        assert_eq!(ids("(tolower(Id) eq 'a') or ('B' eq Id)"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(ids("Id eq 'a' or Listed"), None);
        assert_eq!(ids("not (Id eq 'a')"), None);
        let latest = |text: &str| Filter::parse(text).unwrap().is_of_latest;
        assert!(latest("Listed and IsLatestVersion eq true") && latest("IsAbsoluteLatestVersion"));
        assert!(
            !latest("Listed or IsLatestVersion")
                && !latest("not IsLatestVersion")
                && !latest("IsLatestVersion eq false")
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", words in "((Id|eq|and|or|not|\\(|\\)|'x'|tolower|,|true) ?){0,60}") {
            let _ = (Filter::parse(&text), Filter::parse(&words));
        }
    }
}
