//! How an upstream listing is kept: gzip over lines of JSON, so that a document of 20 MB is written and read one version
//! at a time in bounded memory.
//!
//! ```text
//! line 1      head: validators and when it was fetched
//! lines       one offer each, in the upstream's order
//! last line   tail: tags and publish times, which registries send after the versions
//! ```
//!
//! JSON text has no raw line break inside, which is what makes lines safe.

use crate::model::{ArtifactName, Digest, FirstPublished, ListingState, SortedMap, Timestamp, gzip, json};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::io::{BufRead, BufReader, Write};

/// Line 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListingHead {
    /// The upstream's validator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The upstream's other validator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// When it was fetched, in milliseconds since 1970.
    pub fetched: i64,
}

/// One version an upstream source offers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The version as its protocol prints it.
    pub version: String,
    /// The normalised version.
    pub key: String,
    /// Its files.
    pub artifacts: Vec<OfferedArtifact>,
    /// Unlisted, yanked, deprecated there?
    #[serde(default)]
    pub listing: ListingState,
    /// Where its bytes were first published.
    pub first_published: FirstPublished,
    /// When it was published, where the upstream says so beside the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// What listings say of it, in the protocol's own form.
    pub manifest: Box<RawValue>,
}

/// A file of an offer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferedArtifact {
    /// Its name here.
    pub name: ArtifactName,
    /// Where it is, absolute.
    pub url: String,
    /// What it must hash to, as declared.
    pub digests: Vec<Digest>,
    /// Where the source says what it must hash to, if the listing does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Bytes, where the upstream says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The file it describes: it is saved together with that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companion_of: Option<ArtifactName>,
    /// What listings say of it, in the protocol's own form, where versions have several files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Box<RawValue>>,
}

/// The last line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingTail {
    /// Named pointers to versions.
    #[serde(default)]
    pub tags: SortedMap<String, String>,
    /// When versions were published, by version key.
    #[serde(default)]
    pub published: SortedMap<String, Timestamp>,
    /// When the document last changed there, where the upstream says: no version it lists was published later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Whatever else the protocol wants to pass on.
    #[serde(default)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// Writes a listing.
pub struct ListingWriter {
    encoder: gzip::Writer,
}

impl ListingWriter {
    /// Begins with the head.
    pub fn new(head: &ListingHead) -> std::io::Result<Self> {
        // The fastest level: these bytes go to R2 and back, never to a client, and CPU time is what is scarce.
        let mut writer = Self { encoder: gzip::Writer::new(1) };
        writer.line(head)?;
        Ok(writer)
    }

    /// Adds an offer.
    pub fn offer(&mut self, offer: &Offer) -> std::io::Result<()> {
        self.line(offer)
    }

    /// Ends with the tail; answers the bytes to store.
    pub fn finish(mut self, tail: &ListingTail) -> std::io::Result<Vec<u8>> {
        self.line(tail)?;
        self.encoder.finish()
    }

    fn line(&mut self, value: &impl Serialize) -> std::io::Result<()> {
        self.encoder.write_all(&serde_json::to_vec(value)?)?;
        self.encoder.write_all(b"\n")
    }
}

/// Reads a listing, one offer at a time.
pub struct ListingReader {
    lines: BufReader<gzip::Reader>,
    head: ListingHead,
    next: Vec<u8>,
}

impl ListingReader {
    /// Reads the head.
    pub fn new(bytes: Bytes) -> std::io::Result<Self> {
        let mut reader = Self {
            lines: BufReader::with_capacity(16 << 10, gzip::Reader::new(bytes)),
            head: ListingHead::default(),
            next: Vec::new(),
        };
        reader.advance()?;
        reader.head = parse(&reader.next)?;
        reader.advance()?;
        Ok(reader)
    }

    /// Line 1.
    pub fn head(&self) -> &ListingHead {
        &self.head
    }

    /// The next offer; `None` when only the tail is left.
    pub fn offer(&mut self) -> std::io::Result<Option<Offer>> {
        let line = std::mem::take(&mut self.next);
        self.advance()?;
        if self.next.is_empty() {
            self.next = line;
            return Ok(None);
        }
        parse(&line).map(Some)
    }

    /// The offer of that version key, skipping all others without parsing them.
    pub fn find(&mut self, key: &str) -> std::io::Result<Option<Offer>> {
        let needle = format!("\"key\":{},", serde_json::Value::from(key));
        loop {
            let line = std::mem::take(&mut self.next);
            self.advance()?;
            if self.next.is_empty() {
                self.next = line;
                return Ok(None);
            }
            if memchr::memmem::find(&line, needle.as_bytes()).is_some() {
                let offer: Offer = parse(&line)?;
                if offer.key == key {
                    return Ok(Some(offer));
                }
            }
        }
    }

    /// The tail, skipping offers not yet read.
    pub fn tail(mut self) -> std::io::Result<ListingTail> {
        loop {
            let line = std::mem::take(&mut self.next);
            self.advance()?;
            if self.next.is_empty() {
                return parse(&line);
            }
        }
    }

    fn advance(&mut self) -> std::io::Result<()> {
        self.next.clear();
        self.lines.read_until(b'\n', &mut self.next).map(drop)
    }
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> std::io::Result<T> {
    json::read(line).map_err(std::io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(version: &str) -> Offer {
        Offer {
            version: version.to_owned(),
            key: version.to_owned(),
            artifacts: Vec::new(),
            listing: ListingState::default(),
            first_published: FirstPublished::External,
            published: None,
            manifest: RawValue::from_string(format!("{{\"version\":{version:?}}}")).unwrap(),
        }
    }

    #[test]
    fn a_listing_reads_back() {
        let head = ListingHead { etag: Some("\"x\"".into()), last_modified: None, fetched: 7 };
        let tail = ListingTail { tags: [("latest".into(), "2.0.0".into())].into(), ..ListingTail::default() };
        let mut writer = ListingWriter::new(&head).unwrap();
        writer.offer(&offer("1.0.0")).unwrap();
        writer.offer(&offer("2.0.0")).unwrap();
        let bytes = Bytes::from(writer.finish(&tail).unwrap());

        let mut reader = ListingReader::new(bytes.clone()).unwrap();
        assert_eq!(reader.head(), &head);
        let mut versions = Vec::new();
        while let Some(offer) = reader.offer().unwrap() {
            versions.push((offer.version, offer.manifest.get().to_owned()));
        }
        assert_eq!(versions[1], ("2.0.0".to_owned(), "{\"version\":\"2.0.0\"}".to_owned()));
        assert_eq!(versions.len(), 2);
        assert_eq!(reader.tail().unwrap(), tail);
        assert_eq!(
            ListingReader::new(bytes.clone()).unwrap().tail().unwrap(),
            tail,
            "the tail alone can be had"
        );

        let mut reader = ListingReader::new(bytes.clone()).unwrap();
        assert_eq!(reader.find("2.0.0").unwrap().unwrap().version, "2.0.0");
        assert_eq!(reader.tail().unwrap(), tail);
        assert!(ListingReader::new(bytes.clone()).unwrap().find("3.0.0").unwrap().is_none());
    }

    #[test]
    fn damage_is_an_error_and_not_an_empty_listing() {
        assert!(ListingReader::new(Bytes::from_static(b"not gzip")).is_err());
        let bytes =
            ListingWriter::new(&ListingHead::default()).unwrap().finish(&ListingTail::default()).unwrap();
        let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
        assert!(ListingReader::new(half).and_then(ListingReader::tail).is_err());
    }
}
