//! The last good listing of each upstream source, per package and form.

use super::keys::PackagePath;
use super::listing_codec::ListingReader;
use crate::error::{Error, Result};
use crate::model::SourceId;
use crate::platform::{Platform, RecordStore as _};
use bytes::Bytes;
use std::rc::Rc;
use std::time::Duration;

/// Larger listings are read from the store each time.
const MEMO_LIMIT: usize = 1 << 20;

/// For how long an isolate keeps a listing at hand: its age is judged by what stands in it, not by this.
const MEMO_LIFETIME: Duration = Duration::from_secs(60);

/// A stored listing: the bytes `listing_codec` wrote.
#[derive(Clone, Debug)]
pub struct StoredListing {
    key: String,
    bytes: Bytes,
}

impl StoredListing {
    /// Reads it from its beginning.
    pub fn reader(&self) -> Result<ListingReader> {
        ListingReader::new(self.bytes.clone()).map_err(|error| self.damaged(&error))
    }

    /// Tells this document from others of the same source and package: its checksum and length, which end every gzip
    /// file ([RFC 1952 section 2.3.1](https://www.rfc-editor.org/rfc/rfc1952#page-5)). When it was fetched is part of it.
    pub fn fingerprint(&self) -> String {
        let end = &self.bytes[self.bytes.len().saturating_sub(8)..];
        end.iter().fold(String::with_capacity(16), |text, byte| text + &format!("{byte:02x}"))
    }

    /// What a failed read of it means.
    pub fn damaged(&self, error: &std::io::Error) -> Box<Error> {
        Error::Damaged { key: self.key.clone(), reason: error.to_string() }.into()
    }
}

/// What is stored of a source's listing.
pub async fn get<P: Platform>(
    platform: &P,
    path: &PackagePath,
    source: &SourceId,
    form: &str,
) -> Result<Option<StoredListing>> {
    let key = path.upstream(source, form);
    if let Some(known) = platform.memo().get::<StoredListing>(&key, platform.now()) {
        return Ok(Some((*known).clone()));
    }
    let record = platform.records().get(&key).await?;
    Ok(record.map(|record| remember(platform, StoredListing { key, bytes: record.bytes })))
}

/// Stores a source's listing. Two isolates may refresh at once: either result is good. One that cannot be stored is at
/// hand all the same, and is fetched again next time.
pub async fn put<P: Platform>(
    platform: &P,
    path: &PackagePath,
    source: &SourceId,
    form: &str,
    bytes: Vec<u8>,
) -> StoredListing {
    let key = path.upstream(source, form);
    let listing = remember(platform, StoredListing { key: key.clone(), bytes: Bytes::from(bytes) });
    let bytes = listing.bytes.clone();
    let writer = platform.clone();
    let write = async move {
        let _ = writer.records().overwrite(&key, bytes).await;
    };
    if listing.bytes.len() <= MEMO_LIMIT {
        platform.in_background(write);
    } else {
        write.await;
    }
    listing
}

/// Keeps a listing at hand for the downloads that follow it.
fn remember<P: Platform>(platform: &P, listing: StoredListing) -> StoredListing {
    if listing.bytes.len() <= MEMO_LIMIT {
        let (key, weight) = (listing.key.clone(), listing.bytes.len());
        platform.memo().put(key, Rc::new(listing.clone()), weight, platform.now(), MEMO_LIFETIME);
    }
    listing
}
