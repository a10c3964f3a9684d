//! The documents: a line of an index, a registry's description of itself, the document of a push.
//!
//! Specification: [index format](https://doc.rust-lang.org/cargo/reference/registry-index.html#json-schema),
//! [publishing](https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish).

pub(super) mod push;

use crate::model::json;
use crate::protocol::text;
use crate::service::description::{Dependency, Description};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What we look at in a line of an index: one version. All else is passed on unread.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    /// The crate.
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    /// The version.
    #[serde(borrow)]
    pub(super) vers: Cow<'a, str>,
    /// SHA-256 of the archive.
    #[serde(borrow)]
    pub(super) cksum: Cow<'a, str>,
    /// `true` or `false`, where it stands.
    #[serde(borrow, default)]
    yanked: Option<&'a RawValue>,
    /// When it was published.
    #[serde(borrow, default)]
    pub(super) pubtime: Option<Cow<'a, str>>,
}

impl<'a> Line<'a> {
    /// Reads a line; `None` if clients could not read it either.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        json::read(text.as_bytes()).ok()
    }

    /// Was it yanked?
    pub(super) fn is_yanked(&self) -> bool {
        self.yanked.is_some_and(|yanked| yanked.get() == "true")
    }

    /// Where in its text the line says whether it was yanked.
    fn yanked_at(&self, text: &str) -> Option<std::ops::Range<usize>> {
        let value = self.yanked?.get();
        let start = (value.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        Some(start..start + value.len())
    }
}

/// A line as its author wrote it, but for whether it is yanked.
pub(super) fn with_yanked(text: &str, yanked: bool) -> Cow<'_, str> {
    let Some(line) = Line::parse(text).filter(|line| line.is_yanked() != yanked) else { return text.into() };
    let at = line.yanked_at(text);
    if let Some((before, after)) = at.and_then(|at| Some((text.get(..at.start)?, text.get(at.end..)?))) {
        return format!("{before}{yanked}{after}").into();
    }
    // It says nothing of it, or `null`, which means `false`.
    let Ok(mut members) = json::read::<serde_json::Map<String, Value>>(text.as_bytes()) else {
        return text.into();
    };
    members.insert("yanked".to_owned(), yanked.into());
    Value::Object(members).to_string().into()
}

/// What a line says of its version, for people: what it needs, and no more.
pub(super) fn describe(line: &Value) -> Description {
    let mut dependencies = Vec::new();
    for dependency in line["deps"].as_array().into_iter().flatten() {
        let name = if dependency["package"].is_string() { "package" } else { "name" };
        dependencies.push(Dependency {
            group: text::said(dependency, "kind"),
            name: text::said(dependency, name),
            range: text::said(dependency, "req"),
        });
    }
    Description { dependencies, ..Description::default() }
}

/// A registry's description of itself, `config.json`.
pub(super) fn description(downloads: &str, api: &str, auth_required: bool) -> Value {
    json!({ "dl": downloads, "api": api, "auth-required": auth_required })
}

/// What a registry's description says under that name.
pub(super) fn described(description: &[u8], name: &str) -> Option<String> {
    let value: Value = json::read(description).ok()?;
    value.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whether_it_is_yanked_changes() {
        let line = r#"{"name":"a", "vers":"1.0.0","cksum":"00","yanked" : false ,"features":{"yanked":[]},"new":[1]}"#;
        assert_eq!(with_yanked(line, false), line);
        let yanked = with_yanked(line, true);
        assert_eq!(yanked, line.replace("false", "true"));
        assert_eq!(with_yanked(&yanked, false), line);
        assert!(Line::parse(&yanked).unwrap().is_yanked());
        for silent in [
            r#"{"name":"a","vers":"1.0.0","cksum":"00"}"#,
            r#"{"yanked":null,"name":"a","vers":"1.0.0","cksum":"00"}"#,
        ] {
            assert_eq!(with_yanked(silent, false), silent);
            assert!(Line::parse(&with_yanked(silent, true)).unwrap().is_yanked());
        }
        assert_eq!(with_yanked("nonsense", true), "nonsense");
    }

    #[test]
    fn lines_are_read_as_clients_read_them() {
        assert!(Line::parse(r#"{"name":"\u0061","vers":"1.0.0","cksum":"00","yanked":null}"#).is_some());
        for bad in
            ["", "{}", "[]", r#"{"name":"a"}"#, r#"{"name":"a","name":"b","vers":"1.0.0","cksum":"0"}"#]
        {
            assert!(Line::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn descriptions() {
        let bytes = description("http://h/dl", "http://h", true).to_string();
        assert_eq!(described(bytes.as_bytes(), "dl").as_deref(), Some("http://h/dl"));
        assert_eq!(described(b"{}", "dl"), None);
        assert_eq!(described(b"", "dl"), None);
    }
}
