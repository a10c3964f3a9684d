//! OData's feeds ([version 2](https://www.odata.org/documentation/odata-version-2-0/atom-format/)), page by page: a page
//! has a hundred versions at most, and is held.

use super::{ATOM, Release, malformed};
use crate::error::UpstreamFault;
use crate::protocol::nuget::listing::member;
use crate::protocol::nuget::wire::{self, FLAGS, Members, set_tags, set_text, text};
use crate::service::xml::{Event, Malformed, Reader, attribute};
use crate::service::{ListingDecoder, Package};
use crate::store::listing_codec::{ListingTail, Offer};
use std::io;
use url::Url;

/// Bytes of a page.
const PAGE_LIMIT: usize = 16 << 20;

/// Reads a feed.
pub(super) struct Decoder {
    package: Package,
    url: Url,
    page: Vec<u8>,
    offers: Vec<Offer>,
}

impl Decoder {
    /// A decoder for a feed that came from `url`.
    pub(super) fn new(package: &Package, url: &Url) -> Self {
        Self { package: package.clone(), url: url.clone(), page: Vec::new(), offers: Vec::new() }
    }
}

impl ListingDecoder for Decoder {
    fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        self.page.extend_from_slice(bytes);
        if self.page.len() > PAGE_LIMIT {
            return Err(UpstreamFault::TooLarge(PAGE_LIMIT as u64));
        }
        self.offers.drain(..).try_for_each(sink).map_err(malformed)
    }

    fn next_document(&mut self) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
        let page = Page::read(&std::mem::take(&mut self.page)).map_err(malformed)?;
        for entry in page.entries {
            if let Some(release) = entry.release(&self.url) {
                self.offers.extend(release.offer(&self.package)?);
            }
        }
        let Some(next) = page.next else { return Ok(None) };
        let next = self.url.join(&next).map_err(malformed)?;
        self.url.clone_from(&next);
        Ok(Some((next, ATOM)))
    }

    fn finish(
        mut self: Box<Self>,
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        self.offers.drain(..).try_for_each(sink).map_err(malformed)?;
        Ok(ListingTail::default())
    }
}

/// A page of a feed.
#[derive(Default)]
pub(super) struct Page {
    /// What it has.
    pub(super) entries: Vec<Entry>,
    /// Where it goes on.
    next: Option<String>,
    /// How many entries there are in all, where it says.
    pub(super) count: Option<usize>,
}

/// An entry: what of it is kept, and what is else said.
#[derive(Default)]
pub(super) struct Entry {
    /// The members of our own form.
    pub(super) members: Members,
    /// Properties, as they are called there.
    properties: Members,
    content: String,
}

impl Page {
    /// Reads a page.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (mut page, mut path) = (Self::default(), Vec::new());
        while let Some(event) = reader.next()? {
            let Event::Start { name, attributes } = event else {
                if event == Event::End && path.pop() == Some("entry") {
                    page.entries.last_mut().into_iter().for_each(Entry::take_over);
                }
                continue;
            };
            match (path.as_slice(), name) {
                ([], "feed") | ([_, _], "author") | ([_, _] | [_, _, _], "properties") => path.push(name),
                ([], _) => return Err(Malformed::other("it is no feed")),
                ([_], "entry") => {
                    page.entries.push(Entry::default());
                    path.push(name);
                }
                ([_], "link") => {
                    if attribute(&attributes, "rel") == "next" {
                        page.next = Some(attribute(&attributes, "href").to_owned());
                    }
                    path.push(name);
                }
                _ => {
                    let text = if name == "content" { String::new() } else { reader.text()? };
                    match (page.entries.last_mut(), path.as_slice(), name) {
                        (None, [_], "count") => page.count = text.trim().parse().ok(),
                        (Some(entry), [_, _], "content") => {
                            attribute(&attributes, "src").clone_into(&mut entry.content);
                            path.push(name);
                        }
                        (Some(entry), [_, _], "title") => set_text(&mut entry.members, "id", &text),
                        (Some(entry), [_, _], "summary") => set_text(&mut entry.members, name, &text),
                        (Some(entry), [_, _, _, ..], _) => set_text(&mut entry.properties, name, &text),
                        _ => {}
                    }
                }
            }
        }
        Ok(page)
    }
}

impl Entry {
    /// Makes members of the properties. Older servers say the id in the title only, and the authors as Atom does.
    fn take_over(&mut self) {
        if let Some(author) = self.properties.get("name").cloned() {
            self.members.insert("authors".to_owned(), author);
        }
        for (name, value) in &self.properties {
            self.members.insert(member(name), value.clone());
        }
        self.members = wire::kept(&self.members);
        set_tags(&mut self.members, text(&self.properties, "Tags"));
        for flag in FLAGS {
            if let Some(value) = self.members.get_mut(flag) {
                *value = value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")).into();
            }
        }
        wire::dependency_groups(text(&self.properties, "Dependencies")).set(&mut self.members);
    }

    fn release(self, base: &Url) -> Option<Release> {
        let property = |name: &str| text(&self.properties, name);
        let published = property("Published");
        Some(Release {
            content: base.join(&self.content).ok().filter(|_| !self.content.is_empty())?,
            digest: wire::digest(property("PackageHashAlgorithm"), property("PackageHash")),
            checksum: None,
            size: property("PackageSize").parse().ok(),
            hidden: property("Listed").eq_ignore_ascii_case("false") || published.starts_with("1900-"),
            published: wire::published(published),
            members: self.members,
        })
    }
}
