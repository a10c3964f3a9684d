//! Reading XML documents that are at hand, event by event, and writing text into them.
//!
//! Own code, because it is the fifth part of what the smallest crate for it brings along. In scope:
//! [XML 1.0](https://www.w3.org/TR/xml/) in UTF-8 as package tools write it, within bounds. Names come without their
//! prefixes: the documents that are read here are told apart by local names. Out of scope: document type definitions,
//! which are refused, and with them every entity but the five that XML has itself.

use std::borrow::Cow;

/// Bytes of a document.
const SIZE_LIMIT: usize = 64 << 20;

/// Elements within each other.
const DEPTH_LIMIT: usize = 64;

/// Attributes of one element.
const ATTRIBUTES_LIMIT: usize = 128;

/// Why a document could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the XML cannot be read: {0}")]
pub struct Malformed(&'static str);

impl Malformed {
    /// It is XML, but not the document that is wanted.
    pub fn other(what: &'static str) -> Self {
        Self(what)
    }
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An element begins.
    Start {
        /// Its name, without a prefix.
        name: &'a str,
        /// Its attributes, names without prefixes.
        attributes: Vec<(&'a str, Cow<'a, str>)>,
    },
    /// Text, or a part of it.
    Text(Cow<'a, str>),
    /// The innermost open element ends.
    End,
}

/// Reads a document. After an error it is of no more use.
pub struct Reader<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    /// The element that was begun last has no content: its end is due.
    ends: bool,
    /// Was the outermost element seen?
    began: bool,
    fault: Option<Malformed>,
}

impl<'a> Reader<'a> {
    /// Begins; what is wrong with all of the document is said by the first [`Reader::next`].
    pub fn new(bytes: &'a [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (rest, fault) = match str::from_utf8(bytes) {
            Ok(_) if bytes.len() > SIZE_LIMIT => ("", Some(Malformed("it is too large"))),
            Ok(text) => (text, None),
            Err(_) => ("", Some(Malformed("it is not UTF-8"))),
        };
        Self { rest, open: Vec::new(), ends: false, began: false, fault }
    }

    /// The next event; `None` at the end of a complete document.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if std::mem::take(&mut self.ends) {
            self.open.pop();
            return Ok(Some(Event::End));
        }
        while !self.rest.is_empty() {
            if let Some(event) = self.step()? {
                return Ok(Some(event));
            }
        }
        if self.began && self.open.is_empty() { Ok(None) } else { Err(Malformed("it ends too early")) }
    }

    /// The text of the element that just began, without that of elements within it; reads up to its end.
    pub fn text(&mut self) -> Result<String, Malformed> {
        let (mut text, mut depth) = (String::new(), 0_usize);
        loop {
            match self.next()? {
                Some(Event::Text(more)) if depth == 0 => text.push_str(&more),
                Some(Event::Start { .. }) => depth += 1,
                Some(Event::End) if depth > 0 => depth -= 1,
                Some(Event::End) | None => return Ok(text),
                Some(Event::Text(_)) => {}
            }
        }
    }

    fn step(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        if !self.rest.starts_with('<') {
            let text = self.until_markup();
            return self.characters(unescape(text)?);
        }
        if self.skip("<!--") {
            self.until("-->")?;
        } else if self.skip("<?") {
            self.until("?>")?;
        } else if self.skip("<![CDATA[") {
            let text = self.until("]]>")?;
            return self.characters(Cow::Borrowed(text));
        } else if self.skip("<!") {
            return Err(Malformed("document type definitions are not read"));
        } else if self.skip("</") {
            let name = self.until(">")?.trim_end();
            if self.open.pop() != Some(name) {
                return Err(Malformed("an end that no element has"));
            }
            return Ok(Some(Event::End));
        } else if self.skip("<") {
            return self.start().map(Some);
        }
        Ok(None)
    }

    /// Text counts within elements only.
    fn characters(&self, text: Cow<'a, str>) -> Result<Option<Event<'a>>, Malformed> {
        match (self.open.is_empty(), text.trim().is_empty()) {
            (true, true) => Ok(None),
            (true, false) => Err(Malformed("text outside of all elements")),
            (false, _) => Ok(Some(Event::Text(text))),
        }
    }

    fn start(&mut self) -> Result<Event<'a>, Malformed> {
        if self.open.is_empty() && self.began || self.open.len() >= DEPTH_LIMIT {
            return Err(Malformed("a second outermost element, or too many within each other"));
        }
        self.began = true;
        let qualified = self.name()?;
        self.open.push(qualified);
        let mut attributes: Vec<(&'a str, Cow<'a, str>)> = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            self.ends = self.skip("/>");
            if self.ends || self.skip(">") {
                return Ok(Event::Start { name: local(qualified), attributes });
            }
            let name = self.name()?;
            self.rest = self.rest.trim_start();
            let equals = self.skip("=");
            self.rest = self.rest.trim_start();
            let quote = if self.skip("\"") { "\"" } else { "'" };
            if !equals || quote == "'" && !self.skip("'") || attributes.len() >= ATTRIBUTES_LIMIT {
                return Err(Malformed("an attribute without a value, or too many of them"));
            }
            let value = unescape(self.until(quote)?)?;
            attributes.push((local(name), value));
        }
    }

    /// The name that comes next, with its prefix.
    fn name(&mut self) -> Result<&'a str, Malformed> {
        let ends = |character: char| character.is_whitespace() || "/>=<\"'&".contains(character);
        let end = self.rest.find(ends).filter(|end| *end > 0);
        let (name, rest) = self.rest.split_at(end.ok_or(Malformed("a name is missing"))?);
        self.rest = rest;
        Ok(name)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn until_markup(&mut self) -> &'a str {
        let (text, rest) = self.rest.split_at(self.rest.find('<').unwrap_or(self.rest.len()));
        self.rest = rest;
        text
    }

    /// What comes before that mark; goes on behind it.
    fn until(&mut self, mark: &str) -> Result<&'a str, Malformed> {
        let (text, rest) = self.rest.split_once(mark).ok_or(Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(text)
    }
}

/// The value of an attribute; empty if it is not there.
pub fn attribute<'a>(attributes: &'a [(&str, Cow<'_, str>)], wanted: &str) -> &'a str {
    attributes.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value)
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn unescape(text: &str) -> Result<Cow<'_, str>, Malformed> {
    let Some((before, mut rest)) = text.split_once('&') else { return Ok(Cow::Borrowed(text)) };
    let mut plain = before.to_owned();
    loop {
        let (entity, after) = rest.split_once(';').ok_or(Malformed("an entity without an end"))?;
        plain.push(character(entity).ok_or(Malformed("an entity that XML does not have"))?);
        let Some((text, next)) = after.split_once('&') else {
            plain.push_str(after);
            return Ok(Cow::Owned(plain));
        };
        plain.push_str(text);
        rest = next;
    }
}

fn character(entity: &str) -> Option<char> {
    let number = match entity {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => entity.strip_prefix('#')?,
    };
    let code = match number.strip_prefix('x') {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|character| is_allowed(*character))
}

/// May a document contain it, in whichever form ([production 2](https://www.w3.org/TR/xml/#NT-Char))?
fn is_allowed(character: char) -> bool {
    character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}')
        || matches!(character, '\t' | '\n' | '\r')
}

/// Text as it stands in a document, also within quotes. What no document may contain becomes the replacement character.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(if is_allowed(other) { other } else { '\u{fffd}' }),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A document in brief: `<a x=1>text</>`.
    fn brief(document: &str) -> Result<String, Malformed> {
        let mut reader = Reader::new(document.as_bytes());
        let mut text = String::new();
        while let Some(event) = reader.next()? {
            match event {
                Event::Start { name, attributes } => {
                    let attributes = attributes.iter().map(|(name, value)| format!(" {name}={value}"));
                    text.extend(std::iter::once(format!("<{name}")).chain(attributes));
                    text.push('>');
                }
                Event::Text(more) => text.push_str(&more),
                Event::End => text.push_str("</>"),
            }
        }
        Ok(text)
    }

    #[test]
    fn documents_are_read() {
        for (document, expected) in [
            ("<a/>", "<a></>"),
            (
                "\u{feff}<?xml version=\"1.0\"?>\n<!-- <b> --><p:a xmlns:p='u'> x </p:a >\n<!---->",
                "<a p=u> x </>",
            ),
            ("<a b = '\"' c=\"'&lt;&#x41;\" ><b/>&amp;&#228;</a>", "<a b=\" c='<A><b></>&ä</>"),
            ("<a><![CDATA[<&amp;]]>]]</a>", "<a><&amp;]]</>"),
        ] {
            assert_eq!(brief(document).as_deref(), Ok(expected), "{document}");
        }
    }

    #[test]
    fn what_is_no_document_is_malformed() {
        let deep = "<a>".repeat(65);
        let wide = format!("<a {}/>", "a='' ".repeat(129));
        for bad in [
            "",
            " ",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "</a>",
            "<a/>x",
            "<a",
            "<a b",
            "<a b=c/>",
            "<a b='",
            "< a/>",
            "<a>&nbsp;</a>",
            "<a>&amp</a>",
            "<a>&#0;</a>",
            "<a>&#xd800;</a>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            "<a><!DOCTYPE a></a>",
            "<!--",
            "<a><![CDATA[</a>",
            "<a/",
            &deep,
            &wide,
        ] {
            assert!(brief(bad).is_err(), "{bad}");
        }
        assert_eq!(Reader::new(b"<a>\xff</a>").next(), Err(Malformed("it is not UTF-8")));
    }

    #[test]
    fn the_text_of_an_element_is_had_at_once() {
        let mut reader = Reader::new(b"<a><b>x<c>no</c>y</b><d/></a>");
        let names: Vec<_> = (0..2).map(|_| reader.next().unwrap()).collect();
        assert!(matches!(names[1], Some(Event::Start { name: "b", .. })));
        assert_eq!(reader.text().unwrap(), "xy");
        assert!(matches!(reader.next().unwrap(), Some(Event::Start { name: "d", .. })));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\u{fffe}\\u{ffff}]*") {
            let document = format!("<a b=\"{0}\">{0}</a>", escape(&text));
            prop_assert_eq!(brief(&document), Ok(format!("<a b={text}>{text}</>")));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, markup in "[<>/!?a&;#x'\"= \\[\\]-]*") {
            for bytes in [&bytes[..], markup.as_bytes()] {
                let mut reader = Reader::new(bytes);
                while let Ok(Some(_)) = reader.next() {}
            }
            let escaped = format!("<a>{}</a>", escape(&String::from_utf8_lossy(&bytes)));
            prop_assert!(brief(&escaped).is_ok(), "{}", escaped);
        }
    }
}
