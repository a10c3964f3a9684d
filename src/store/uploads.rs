//! Uploads that come in parts over several requests: how far each of them came.

use super::keys;
use crate::error::{Error, Missing, Result};
use crate::model::{Algorithm, Digest, FeedId, Sha256State, json};
use crate::platform::{Platform, RecordStore as _, UploadPart};
use bytes::Bytes;
use serde_json::{Map, Value};

/// An upload in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Who began it, and alone may go on with it.
    pub holder: String,
    /// Where its bytes go.
    pub target: String,
    /// What the store calls it.
    pub upload: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part_size: u64,
    /// What the bytes must hash to.
    pub sha256: Option<Digest>,
    /// What the store calls the parts that are there: from the first one on, without a gap.
    pub parts: Vec<String>,
    /// SHA-256 of them, as far as it got.
    pub state: Sha256State,
}

impl Upload {
    /// How many parts it has, once it is complete.
    pub fn part_count(&self) -> u64 {
        self.size.div_ceil(self.part_size)
    }

    /// Are all parts there?
    pub fn is_complete(&self) -> bool {
        self.parts.len() as u64 == self.part_count()
    }

    /// Bytes of a part, from 1; nothing if there is no such part.
    pub fn length_of(&self, number: u64) -> u64 {
        let before = number.saturating_sub(1).saturating_mul(self.part_size);
        self.size.saturating_sub(before).min(self.part_size)
    }

    /// The parts, as they are put together.
    pub fn uploaded(&self) -> Vec<UploadPart> {
        (1..).zip(&self.parts).map(|(number, etag)| UploadPart { number, etag: etag.clone() }).collect()
    }

    fn print(&self) -> Bytes {
        let sha256 = self.sha256.as_ref().map(Digest::hex);
        let texts = [&self.holder, &self.target, &self.upload].map(|text| Value::from(text.as_str()));
        let [holder, target, upload] = texts;
        let (sha256, parts) = (Value::from(sha256), Value::from(self.parts.clone()));
        let Self { size, part_size, state, .. } = self;
        let text = format!(
            "{{\"holder\":{holder},\"target\":{target},\"upload\":{upload},\"size\":{size},\"partSize\":{part_size},\
             \"sha256\":{sha256},\"parts\":{parts},\"state\":\"{state}\"}}"
        );
        text.into()
    }

    fn parse(value: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let number = |name: &str| value.get(name)?.as_u64();
        let parts = value.get("parts")?.as_array()?.iter();
        Some(Self {
            holder: text("holder")?,
            target: text("target")?,
            upload: text("upload")?,
            size: number("size")?,
            part_size: number("partSize").filter(|size| *size > 0)?,
            sha256: text("sha256").map(|hex| Digest::from_hex(Algorithm::Sha256, &hex)).transpose().ok()?,
            parts: parts.map(|etag| etag.as_str().map(str::to_owned)).collect::<Option<_>>()?,
            state: Sha256State::parse(&text("state")?)?,
        })
    }
}

/// Reads an upload's record.
pub async fn get<P: Platform>(platform: &P, feed: &FeedId, id: &str) -> Result<Upload> {
    let key = keys::upload(feed, id);
    let record = platform.records().get(&key).await?;
    decode(&key, record.as_ref().map(|record| &record.bytes[..]))
}

/// Writes the record of a new upload.
pub async fn create<P: Platform>(platform: &P, feed: &FeedId, id: &str, upload: &Upload) -> Result<()> {
    super::create_bytes(platform, &keys::upload(feed, id), upload.print()).await.map(|_| ())
}

/// Changes an upload's record by compare-and-swap, and answers it as it then is; `change` tells whether it did anything.
pub async fn update<P: Platform>(
    platform: &P,
    feed: &FeedId,
    id: &str,
    change: &dyn Fn(&mut Upload) -> Result<bool>,
) -> Result<Upload> {
    let (key, mut now) = (keys::upload(feed, id), None);
    super::swap(platform, &key, &mut |bytes| {
        let mut upload = decode(&key, bytes)?;
        let bytes = change(&mut upload)?.then(|| upload.print());
        now = Some(upload);
        Ok(bytes)
    })
    .await?;
    now.ok_or_else(missing)
}

/// Removes an upload's record.
pub async fn delete<P: Platform>(platform: &P, feed: &FeedId, id: &str) -> Result<()> {
    Ok(platform.records().delete(&[keys::upload(feed, id)]).await?)
}

fn decode(key: &str, bytes: Option<&[u8]>) -> Result<Upload> {
    let value: Map<String, Value> =
        json::read(bytes.ok_or_else(missing)?).map_err(|error| super::damaged(key, &error))?;
    Upload::parse(&value).ok_or_else(|| super::damaged(key, &"a member is missing"))
}

/// What is said of an upload that is not there, or is another's.
pub fn missing() -> Box<Error> {
    let text =
        "there is no such upload: it was given up or used, or is more than seven days old; begin another";
    Error::NotFound(Missing::Other(text.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_every_release_read_back() {
        let mut state = Sha256State::default();
        state.update(b"a part");
        let upload = Upload {
            holder: "0123456789abcdef".to_owned(),
            target: "v1/staging/0123".to_owned(),
            upload: "upload-1".to_owned(),
            size: 100_000_000,
            part_size: 67_108_864,
            sha256: Some(Digest::sha256(b"all parts")),
            parts: vec!["etag-1".to_owned()],
            state,
        };
        let golden = include_str!("../../tests/golden/upload.json");
        for text in [golden.as_bytes(), &upload.print()] {
            assert_eq!(decode("upload", Some(text)).unwrap(), upload, "{}", String::from_utf8_lossy(text));
        }
    }
}
