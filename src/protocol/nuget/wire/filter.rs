//! Conditions in OData: a closed grammar
//! ([OData 2, section 4.5](https://www.odata.org/documentation/odata-version-2-0/uri-conventions/)).
//!
//! What is not in it is refused: half a condition would be a wrong answer.

use super::super::listing::Entry;
use super::super::name::Number;
use crate::error::{Error, Result};
use std::borrow::Cow;
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocol::nuget) enum Expression {
    Either(Box<Self>, Box<Self>),
    Both(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Box<Self>, Operator, Box<Self>),
    Call(Function, Vec<Self>),
    Property(&'static str),
    Literal(Value<'static>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol::nuget) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol::nuget) enum Function {
    /// All texts are compared without case.
    Lower,
    Contains,
    StartsWith,
    EndsWith,
}

/// What a property is, or a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocol::nuget) enum Value<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Text(Cow<'a, str>),
    Version(Cow<'a, str>),
}

impl Expression {
    /// Reads a condition.
    pub(in crate::protocol::nuget) fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { rest: text, depth: 0 };
        match parser.either() {
            Some(expression) if text.len() <= LENGTH_LIMIT && parser.rest.trim().is_empty() => Ok(expression),
            _ => {
                let at: String = parser.rest.trim().chars().take(80).collect();
                Err(Error::Invalid(format!(
                    "`$filter` is not understood from `{}` on; it may compare properties (`eq ne gt ge lt le and or not`) and \
                     use `tolower`, `substringof`, `startswith` and `endswith`",
                    at.escape_debug()
                )))
            }
        }
    }

    /// Does an entry fulfil it?
    pub(in crate::protocol::nuget) fn admits(&self, entry: &Entry) -> bool {
        self.value(entry) == Value::Bool(true)
    }

    /// The ids of which an entry must have one, in lower case; `None` if it may have any.
    pub(in crate::protocol::nuget) fn ids(&self) -> Option<Vec<String>> {
        match self {
            Self::Both(one, other) => one.ids().or_else(|| other.ids()),
            Self::Either(one, other) => Some([one.ids()?, other.ids()?].concat()),
            Self::Compare(one, Operator::Equal, other) => match (one.plain(), other.plain()) {
                (Self::Property("Id"), Self::Literal(Value::Text(id)))
                | (Self::Literal(Value::Text(id)), Self::Property("Id")) => Some(vec![id.to_lowercase()]),
                (inner, Self::Literal(Value::Bool(true))) => inner.ids(),
                _ => None,
            },
            _ => None,
        }
    }

    /// Can a package have no more than one entry that fulfils it?
    pub(in crate::protocol::nuget) fn is_of_latest(&self) -> bool {
        match self {
            Self::Both(one, other) => one.is_of_latest() || other.is_of_latest(),
            Self::Compare(one, Operator::Equal, other) => {
                **other == Self::Literal(Value::Bool(true)) && one.is_of_latest()
            }
            other => matches!(other, Self::Property("IsLatestVersion" | "IsAbsoluteLatestVersion")),
        }
    }

    /// Without a change of case.
    fn plain(&self) -> &Self {
        match self {
            Self::Call(Function::Lower, inner) => inner.first().unwrap_or(self),
            other => other,
        }
    }

    fn value<'a>(&'a self, entry: &'a Entry) -> Value<'a> {
        let is_true = |expression: &Self| expression.admits(entry);
        match self {
            Self::Either(one, other) => Value::Bool(is_true(one) || is_true(other)),
            Self::Both(one, other) => Value::Bool(is_true(one) && is_true(other)),
            Self::Not(inner) => Value::Bool(!is_true(inner)),
            Self::Compare(one, operator, other) => {
                Value::Bool(operator.holds(one.value(entry).compare(&other.value(entry))))
            }
            Self::Call(Function::Lower, inner) => {
                inner.first().map_or(Value::Null, |inner| inner.value(entry))
            }
            Self::Call(function, texts) => {
                let text =
                    |at: usize| texts.get(at).and_then(|text| text.value(entry).text()).unwrap_or_default();
                let (one, other) = (text(0), text(1));
                Value::Bool(match function {
                    Function::StartsWith => one.starts_with(&other),
                    Function::EndsWith => one.ends_with(&other),
                    _ => other.contains(&one),
                })
            }
            Self::Property(name) => entry.property(name),
            Self::Literal(value) => value.clone(),
        }
    }
}

impl Value<'_> {
    /// The text in lower case.
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Version(text) => Some(text.to_lowercase()),
            _ => None,
        }
    }

    /// `None` if the two have no order.
    pub(in crate::protocol::nuget) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Version(one), Self::Version(other) | Self::Text(other))
            | (Self::Text(one), Self::Version(other)) => {
                Some(Number::parse(one)?.cmp(&Number::parse(other)?))
            }
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(other)),
            (Self::Null, Self::Null) => Some(Ordering::Equal),
            _ => Some(self.text()?.cmp(&other.text()?)),
        }
    }
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }

    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
        }
    }
}

/// Reads a condition from its beginning; `None` where it is not understood.
struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn either(&mut self) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return None;
        }
        let mut left = self.both()?;
        while self.word_if(|word| word == "or").is_some() {
            left = Expression::Either(Box::new(left), Box::new(self.both()?));
        }
        self.depth -= 1;
        Some(left)
    }

    fn both(&mut self) -> Option<Expression> {
        let mut left = self.comparison()?;
        while self.word_if(|word| word == "and").is_some() {
            left = Expression::Both(Box::new(left), Box::new(self.comparison()?));
        }
        Some(left)
    }

    fn comparison(&mut self) -> Option<Expression> {
        if self.word_if(|word| word == "not").is_some() {
            self.depth += 1;
            let inner = if self.depth > DEPTH_LIMIT { None } else { self.comparison() };
            self.depth -= 1;
            return Some(Expression::Not(Box::new(inner?)));
        }
        let left = self.operand()?;
        match self.word_if(|word| Operator::parse(word).is_some()).and_then(Operator::parse) {
            Some(operator) => Some(Expression::Compare(Box::new(left), operator, Box::new(self.operand()?))),
            None => Some(left),
        }
    }

    fn operand(&mut self) -> Option<Expression> {
        if self.mark('(') {
            let inner = self.either()?;
            return self.mark(')').then_some(inner);
        }
        if self.rest.starts_with('\'') {
            return Some(Expression::Literal(Value::Text(self.quoted()?.into())));
        }
        let word = self.word_if(|_| true)?;
        if self.rest.starts_with('(') {
            return self.call(word);
        }
        let literal = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "datetime" | "datetimeoffset" => Value::Text(self.quoted()?.into()),
            _ => match word.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => return property(word).map(Expression::Property),
            },
        };
        Some(Expression::Literal(literal))
    }

    fn call(&mut self, name: &str) -> Option<Expression> {
        let (function, count) = match name {
            "tolower" | "toupper" => (Function::Lower, 1),
            "substringof" => (Function::Contains, 2),
            "startswith" => (Function::StartsWith, 2),
            "endswith" => (Function::EndsWith, 2),
            _ => return None,
        };
        self.mark('(');
        let mut arguments = vec![self.either()?];
        while self.mark(',') {
            arguments.push(self.either()?);
        }
        (self.mark(')') && arguments.len() == count).then_some(Expression::Call(function, arguments))
    }

    /// The next word, if it is one of those wanted.
    fn word_if(&mut self, is_wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let ends = |character: char| !character.is_ascii_alphanumeric() && !matches!(character, '_' | '-');
        let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        if word.is_empty() || !is_wanted(word) {
            return None;
        }
        self.rest = rest;
        Some(word)
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
    use super::super::odata::Order;
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
            assert!(Expression::parse(yes).unwrap().admits(&entry), "{yes}");
        }
        for no in [
            "IsAbsoluteLatestVersion",
            "Id eq 'x' or Id eq 'y'",
            "Version gt '10.0.0'",
            "Tags eq null",
            "'x'",
            "Id gt 1",
        ] {
            assert!(!Expression::parse(no).unwrap().admits(&entry), "{no}");
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
            &"not ".repeat(50),
        ] {
            let error = Expression::parse(bad);
            assert!(matches!(error, Err(Error::Invalid(_))), "{bad}");
        }
        for bad in ["Nothing", "Id up", "Id desc asc"] {
            assert!(Order::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_condition_is_about() {
        let ids = |text: &str| Expression::parse(text).unwrap().ids();
        assert_eq!(ids("IsLatestVersion and Id eq 'A'"), Some(vec!["a".to_owned()]));
        assert_eq!(ids("(tolower(Id) eq 'a') or ('B' eq Id)"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(ids("Id eq 'a' or Listed"), None);
        assert_eq!(ids("not (Id eq 'a')"), None);
        let latest = |text: &str| Expression::parse(text).unwrap().is_of_latest();
        assert!(latest("Listed and IsLatestVersion eq true") && latest("IsAbsoluteLatestVersion"));
        assert!(
            !latest("Listed or IsLatestVersion")
                && !latest("not IsLatestVersion")
                && !latest("IsLatestVersion eq false")
        );
    }

    #[test]
    fn orders() {
        let (one, other) = (entry("2.0"), entry("10.0"));
        let order = |text: &str| Order::parse(text).unwrap().compare(&one, &other);
        assert_eq!((order("Version"), order("Id,Version desc")), (Ordering::Less, Ordering::Greater));
        assert_eq!((order("Id desc"), order("")), (Ordering::Equal, Ordering::Equal));
        assert_eq!(Order::parse("Id desc").unwrap().by_id(), Some(true));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", words in "((Id|eq|and|or|not|\\(|\\)|'x'|tolower|,|true) ?){0,60}") {
            let _ = (Expression::parse(&text), Order::parse(&text), Expression::parse(&words));
        }
    }
}
