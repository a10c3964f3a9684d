//! [Registrations](https://learn.microsoft.com/nuget/api/registration-base-url-resource), taken apart while they arrive:
//! one version is held as text at a time. Pages that are not in the index are asked for after it.
//!
//! They do not say what a package hashes to; the catalog, from which some registries make them, does.

use super::{JSON, Release, malformed};
use crate::error::UpstreamFault;
use crate::model::json;
use crate::protocol::nuget::wire::{self, Members, text};
use crate::service::json_splitter::{Handling, SplitError, Splitter, Visitor};
use crate::service::{ListingDecoder, Package};
use crate::store::listing_codec::{ListingTail, Offer};
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use url::Url;

/// Bytes of what is said of one version.
const VERSION_LIMIT: usize = 1 << 20;

/// Bytes of an address.
const ADDRESS_LIMIT: usize = 8 << 10;

/// Reads a registration.
pub(super) struct Decoder {
    splitter: Splitter,
    document: Document,
}

struct Document {
    package: Package,
    url: Url,
    /// Is this a page, and not the index?
    is_page: bool,
    has_items: bool,
    /// The present page of the index: its address, and whether its versions are in the index.
    page: Option<(Option<Url>, bool)>,
    pages: VecDeque<Url>,
    offers: Vec<Offer>,
}

impl Decoder {
    /// A decoder for an index that came from `url`.
    pub(super) fn new(package: &Package, url: &Url) -> Self {
        let document = Document {
            package: package.clone(),
            url: url.clone(),
            is_page: false,
            has_items: false,
            page: None,
            pages: VecDeque::new(),
            offers: Vec::new(),
        };
        Self { splitter: Splitter::new(), document }
    }
}

impl ListingDecoder for Decoder {
    fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        self.splitter.push(bytes, &mut self.document).map_err(fault)?;
        self.document.offers.drain(..).try_for_each(sink).map_err(malformed)
    }

    fn next_document(&mut self) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
        std::mem::take(&mut self.splitter).finish::<UpstreamFault>().map_err(fault)?;
        let document = &mut self.document;
        document.end_of_page();
        if !std::mem::take(&mut document.has_items) {
            return Err(malformed("a registration without `items`"));
        }
        document.is_page = true;
        let next = document.pages.pop_front();
        if let Some(url) = &next {
            document.url.clone_from(url);
        }
        Ok(next.map(|url| (url, JSON)))
    }

    fn finish(
        self: Box<Self>,
        _: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        Ok(ListingTail::default())
    }
}

fn fault(error: SplitError<UpstreamFault>) -> UpstreamFault {
    match error {
        SplitError::Visitor(fault) => fault,
        other => malformed(other),
    }
}

impl Visitor for Document {
    type Error = UpstreamFault;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        match (path, key, self.is_page) {
            ([], "items", _) => {
                self.has_items = true;
                Handling::Elements
            }
            ([_], "", false) => {
                self.end_of_page();
                self.page = Some((None, false));
                Handling::Descend
            }
            ([_, _], "@id", false) => Handling::Capture { limit: ADDRESS_LIMIT },
            ([_, _], "items", false) => {
                self.page = self.page.take().map(|(url, _)| (url, true));
                Handling::Elements
            }
            ([_], "", true) | ([_, _, _], "", false) => Handling::Capture { limit: VERSION_LIMIT },
            _ => Handling::Skip,
        }
    }

    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<(), UpstreamFault> {
        match (path, key) {
            ([_, _], "@id") => {
                let address: String = json::read(raw).map_err(malformed)?;
                let url = self.url.join(&address).map_err(malformed)?;
                self.page = self.page.take().map(|(_, inline)| (Some(url), inline));
            }
            // `null` in place of versions: they are on a page of their own.
            ([_, _], "items") => self.page = self.page.take().map(|(url, _)| (url, false)),
            (_, "") => {
                let leaf: Members = json::read(raw).map_err(malformed)?;
                if let Some(release) = release(&self.url, &leaf) {
                    self.offers.extend(release.offer(&self.package)?);
                }
            }
            _ => return Err(malformed("a registration whose `items` are no array")),
        }
        Ok(())
    }

    fn string_piece(&mut self, _: &[String], _: &str, _: &[u8]) -> Result<(), UpstreamFault> {
        Ok(())
    }

    fn string_end(&mut self, _: &[String], _: &str) -> Result<(), UpstreamFault> {
        Ok(())
    }
}

impl Document {
    fn end_of_page(&mut self) {
        if let Some((Some(url), false)) = self.page.take() {
            self.pages.push_back(url);
        }
    }
}

/// What a leaf says; `None` if it is of no use.
fn release(base: &Url, leaf: &Members) -> Option<Release> {
    let entry = leaf.get("catalogEntry")?.as_object()?;
    let content = [text(leaf, "packageContent"), text(entry, "packageContent")];
    let content = content.into_iter().find(|content| !content.is_empty())?;
    let (published, digest) = (wire::published(text(entry, "published")), wire::declared(entry));
    let address = base.join(text(entry, "@id")).ok();
    Some(Release {
        members: wire::kept(entry),
        content: base.join(content).ok()?,
        checksum: address.filter(|address| digest.is_none() && address.path().contains("/catalog")),
        digest,
        size: entry.get("packageSize").and_then(Value::as_u64),
        // Before there was a word for it, the year 1900 said it.
        hidden: entry.get("listed") == Some(&Value::Bool(false))
            || text(entry, "published").starts_with("1900-"),
        published,
    })
}
