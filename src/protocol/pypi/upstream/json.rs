//! Pages as JSON ([PEP 691](https://peps.python.org/pep-0691/), [PEP 700](https://peps.python.org/pep-0700/)), taken
//! apart while they arrive: only one file's member is held as text at a time.

use super::release::{Link, Releases};
use crate::error::UpstreamFault;
use crate::model::{Algorithm, Digest, json};
use crate::protocol::pypi::name;
use crate::protocol::pypi::wire::{take_text, take_yanked};
use crate::service::json_splitter::{Handling, SplitError, Splitter, Visitor};
use crate::service::{ListingDecoder, Package};
use crate::store::listing_codec::{ListingTail, Offer};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::io;
use url::Url;

/// Bytes of one file's member.
const FILE_LIMIT: usize = 256 << 10;

/// Bytes of any other member.
const MEMBER_LIMIT: usize = 1 << 20;

/// Reads a page.
pub(super) struct JsonDecoder {
    splitter: Splitter,
    page: Page,
}

struct Page {
    releases: Releases,
    url: Url,
    tail: ListingTail,
    has_files: bool,
}

impl JsonDecoder {
    /// A decoder for a page that came from `url`.
    pub(super) fn new(package: &Package, url: &Url) -> Self {
        let page = Page {
            releases: Releases::new(package),
            url: url.clone(),
            tail: ListingTail::default(),
            has_files: false,
        };
        Self { splitter: Splitter::new(), page }
    }
}

impl ListingDecoder for JsonDecoder {
    fn push(
        &mut self,
        bytes: &[u8],
        _: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<(), UpstreamFault> {
        self.splitter.push(bytes, &mut self.page).map_err(fault)
    }

    fn finish(
        self: Box<Self>,
        sink: &mut dyn FnMut(Offer) -> io::Result<()>,
    ) -> Result<ListingTail, UpstreamFault> {
        self.splitter.finish::<UpstreamFault>().map_err(fault)?;
        if !self.page.has_files {
            return Err(malformed("JSON without `files`"));
        }
        self.page.releases.finish(sink)?;
        Ok(self.page.tail)
    }
}

fn fault(error: SplitError<UpstreamFault>) -> UpstreamFault {
    match error {
        SplitError::Visitor(fault) => fault,
        other => malformed(&other.to_string()),
    }
}

fn malformed(what: &str) -> UpstreamFault {
    UpstreamFault::Malformed(what.to_owned())
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> Result<T, UpstreamFault> {
    json::read(raw).map_err(|error| malformed(&error.to_string()))
}

impl Visitor for Page {
    type Error = UpstreamFault;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        match (path, key) {
            ([], "files") => {
                self.has_files = true;
                Handling::Elements
            }
            ([_], "") => Handling::Capture { limit: FILE_LIMIT },
            ([], "name" | "meta" | "alternate-locations" | "project-status") => {
                Handling::Capture { limit: MEMBER_LIMIT }
            }
            _ => Handling::Skip,
        }
    }

    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<(), UpstreamFault> {
        match (path, key) {
            ([_], _) => {
                let link = link(&self.url, parse(raw)?).ok_or_else(|| malformed("a file without a name"))?;
                self.releases.add(link)
            }
            ([], "files") => Err(malformed("`files` is no array")),
            ([], "name") => {
                let name: String = parse(raw)?;
                if name::normalize(&name) == self.releases.package().key() {
                    return Ok(());
                }
                let name: String = name.escape_debug().take(80).collect();
                Err(malformed(&format!("the page of `{name}`")))
            }
            ([], "meta") => {
                let mut meta: Map<String, Value> = parse(raw)?;
                let version = meta.get("api-version").and_then(Value::as_str);
                if version.is_some_and(|version| !version.starts_with("1.")) {
                    return Err(malformed("a page of an unknown version of the index"));
                }
                self.pass_on("tracks", meta.remove("tracks"));
                // It stood here before it had a member of its own.
                self.pass_on("project-status", meta.remove("project-status"));
                Ok(())
            }
            _ => {
                self.pass_on(key, Some(parse(raw)?));
                Ok(())
            }
        }
    }

    fn string_piece(&mut self, _: &[String], _: &str, _: &[u8]) -> Result<(), UpstreamFault> {
        Ok(())
    }

    fn string_end(&mut self, _: &[String], _: &str) -> Result<(), UpstreamFault> {
        Ok(())
    }
}

impl Page {
    fn pass_on(&mut self, key: &str, value: Option<Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.tail.extra.insert(key.to_owned(), value);
        }
    }
}

/// A file of the page; `None` if it has no name. What is misshapen in what is optional counts as absent.
fn link(page: &Url, mut file: Map<String, Value>) -> Option<Link> {
    let text = |value: Option<String>| value.filter(|text| !text.is_empty());
    let metadata = ["core-metadata", "data-dist-info-metadata", "dist-info-metadata"];
    let metadata = metadata.iter().find_map(|name| file.get(*name).filter(|value| !value.is_null()));
    let metadata = match metadata {
        Some(Value::Bool(true)) => Some(Vec::new()),
        Some(hashes @ Value::Object(_)) => Some(digests(hashes)),
        _ => None,
    };
    Some(Link {
        name: take_text(&mut file, "filename")?,
        url: page.join(file.get("url")?.as_str()?).ok(),
        digests: file.get("hashes").map(digests).unwrap_or_default(),
        size: file.get("size").and_then(Value::as_u64),
        requires_python: text(take_text(&mut file, "requires-python")),
        upload_time: text(take_text(&mut file, "upload-time")),
        yanked: take_yanked(&mut file),
        metadata,
        provenance: text(take_text(&mut file, "provenance")).and_then(|url| page.join(&url).ok()),
    })
}

/// The digests of an object of them that we can verify, weakest first.
fn digests(hashes: &Value) -> Vec<Digest> {
    Algorithm::ALL
        .into_iter()
        .filter_map(|algorithm| Digest::from_hex(algorithm, hashes.get(algorithm.name())?.as_str()?).ok())
        .collect()
}
