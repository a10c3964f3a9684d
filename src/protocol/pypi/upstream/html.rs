//! Pages as HTML ([PEP 503](https://peps.python.org/pep-0503/)), as every index has had them since there were any.
//!
//! A tokenizer of tags that forgives what browsers forgive and is done with each tag at once; text between tags says
//! nothing, since a file's name is the last part of its address.

use super::release::{Link, Releases};
use crate::error::UpstreamFault;
use crate::model::{Algorithm, Digest};
use crate::service::{ListingDecoder, Package};
use crate::store::listing_codec::{ListingTail, Offer};
use memchr::{memchr, memmem};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::io;
use url::Url;

/// Bytes of one tag.
const TAG_LIMIT: usize = 64 << 10;

/// Reads a page.
pub(super) struct HtmlDecoder {
    releases: Releases,
    /// What addresses are relative to.
    base: Url,
    /// What was not understood yet: part of one tag or comment.
    buffer: Vec<u8>,
    tail: ListingTail,
    /// Does it say which version of the index it is of?
    is_versioned: bool,
    /// Was `<html>` opened, and not closed?
    is_open: bool,
}

impl HtmlDecoder {
    /// A decoder for a page that came from `url`.
    pub(super) fn new(package: &Package, url: &Url) -> Self {
        Self {
            releases: Releases::new(package),
            base: url.clone(),
            buffer: Vec::new(),
            tail: ListingTail::default(),
            is_versioned: false,
            is_open: false,
        }
    }

    fn tag(&mut self, text: &str) -> Result<(), UpstreamFault> {
        let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
        let attributes = &text[end..];
        match text[..end].trim_end_matches('/').to_ascii_lowercase().as_str() {
            "a" => self.anchor(attributes)?,
            "html" => self.is_open = true,
            "/html" => self.is_open = false,
            "base" => {
                let href = attribute(attributes, "href");
                if let Some(base) = href.and_then(|href| self.base.join(&href).ok()) {
                    self.base = base;
                }
            }
            "meta" => return self.meta(attributes),
            _ => {}
        }
        Ok(())
    }

    fn meta(&mut self, attributes: &str) -> Result<(), UpstreamFault> {
        let (Some(name), Some(content)) = (attribute(attributes, "name"), attribute(attributes, "content"))
        else {
            return Ok(());
        };
        match name.as_str() {
            "pypi:repository-version" if content.starts_with("1.") => self.is_versioned = true,
            "pypi:repository-version" => {
                return Err(UpstreamFault::Malformed("a page of an unknown version of the index".to_owned()));
            }
            "pypi:tracks" => self.pass_on("tracks", content),
            "pypi:alternate-locations" => self.pass_on("alternate-locations", content),
            "pypi:project-status" => self.status("status", content),
            "pypi:project-status-reason" => self.status("reason", content),
            _ => {}
        }
        Ok(())
    }

    fn pass_on(&mut self, member: &str, url: String) {
        let list = self.tail.extra.entry(member).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::from(url));
        }
    }

    fn status(&mut self, member: &str, text: String) {
        let status =
            self.tail.extra.entry("project-status").or_insert_with(|| Value::Object(serde_json::Map::new()));
        status[member] = Value::from(text);
    }

    fn anchor(&mut self, attributes: &str) -> Result<(), UpstreamFault> {
        let Some(mut url) = attribute(attributes, "href").and_then(|href| self.base.join(href.trim()).ok())
        else {
            return Ok(());
        };
        let fragment = url.fragment().map(str::to_owned).unwrap_or_default();
        url.set_fragment(None);
        let encoded = url.path().rsplit('/').next().unwrap_or_default();
        let Ok(name) = percent_decode_str(encoded).decode_utf8() else { return Ok(()) };
        let metadata = attribute(attributes, "data-core-metadata")
            .or_else(|| attribute(attributes, "data-dist-info-metadata"))
            .filter(|value| value != "false");
        self.releases.add(Link {
            name: name.into_owned(),
            digests: fragment.split('&').filter_map(digest).collect(),
            size: None,
            requires_python: attribute(attributes, "data-requires-python").filter(|text| !text.is_empty()),
            upload_time: None,
            yanked: attribute(attributes, "data-yanked"),
            metadata: metadata.map(|value| digest(&value).into_iter().collect()),
            provenance: attribute(attributes, "data-provenance").and_then(|url| self.base.join(&url).ok()),
            url: Some(url),
        })
    }
}

impl ListingDecoder for HtmlDecoder {
    fn push(
        &mut self,
        bytes: &[u8],
        _: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(found) = memchr(b'<', &buffer[at..]) {
            at += found;
            let Some(length) = markup(&buffer[at..]) else {
                if buffer.len() - at > TAG_LIMIT {
                    return Err(UpstreamFault::Malformed("a tag without an end".to_owned()));
                }
                self.buffer = buffer.split_off(at);
                return Ok(());
            };
            let inner = buffer.get(at + 1..(at + length).saturating_sub(1)).unwrap_or_default();
            if !inner.starts_with(b"!") {
                self.tag(&String::from_utf8_lossy(inner))?;
            }
            at += length;
        }
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        if self.is_open || !self.buffer.is_empty() {
            return Err(UpstreamFault::Malformed("a page without an end".to_owned()));
        }
        // Anything may be HTML: a page for people, or of a gateway. One without files says what it is.
        if self.releases.is_empty() && !self.is_versioned {
            return Err(UpstreamFault::Malformed("HTML without links to files of the package".to_owned()));
        }
        self.releases.finish(sink)?;
        Ok(self.tail)
    }
}

/// How long the tag or comment at the beginning is; `None` if its end is not there yet.
fn markup(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"<!--") {
        return memmem::find(text, b"-->").map(|at| at + 3);
    }
    if text.len() < 4 && b"<!--".starts_with(text) {
        return None;
    }
    // A `<` in text is no tag.
    let begins = text.get(1)?;
    if !begins.is_ascii_alphabetic() && !matches!(begins, b'/' | b'!' | b'?') {
        return Some(1);
    }
    let mut quote = None;
    // A quote counts where a value may begin: behind `=`.
    let mut before = 0;
    for (at, byte) in text.iter().enumerate() {
        match (quote, *byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') if before == b'=' => quote = Some(*byte),
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = *byte;
        }
    }
    None
}

/// The value of an attribute, with its character references undone; empty if it has none.
fn attribute(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end =
            rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/')).unwrap_or(rest.len());
        // A stray `=` begins a name.
        let end = if end == 0 { rest.chars().next().map_or(1, char::len_utf8) } else { end };
        let (name, after) = rest.split_at(end);
        let (value, next) = match after.trim_start().strip_prefix('=') {
            None => ("", after),
            Some(value) => quoted(value.trim_start()),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(unescaped(value));
        }
        rest = next;
    }
}

fn quoted(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len()))
}

/// Undoes character references: the named ones that are needed in attributes, and numbers.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let read = reference.and_then(|(name, next)| Some((character(name)?, next)));
        let (character, next) = read.unwrap_or(('&', after));
        plain.push(character);
        rest = next;
    }
    plain + rest
}

fn character(name: &str) -> Option<char> {
    let number = name.strip_prefix('#');
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => match number?.strip_prefix(['x', 'X']) {
            Some(hex) => char::from_u32(u32::from_str_radix(hex, 16).ok()?),
            None => char::from_u32(number?.parse().ok()?),
        },
    }
}

/// Reads `sha256=…`.
fn digest(text: &str) -> Option<Digest> {
    let (name, hex) = text.split_once('=')?;
    Digest::from_hex(Algorithm::named(name)?, hex).ok()
}
