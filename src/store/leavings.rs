//! Notes of contents that perhaps no version of their package needs any more.

use super::keys::PackagePath;
use crate::error::Result;
use crate::model::{Algorithm, Digest, Timestamp, json};
use crate::platform::{Platform, RecordStore as _};
use bytes::Bytes;
use serde_json::{Value, json};

/// How many notes of a package are read at once.
const NOTES: usize = 1_000;

/// Such a note. Digests are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    /// Contents of which nobody was found yet who needs them.
    pub digests: Vec<Digest>,
    /// The version that named them, as it is spelt in keys; empty if it was a draft.
    pub version: String,
    /// The key up to which was looked for one; empty if nobody looked.
    pub after: String,
    /// Contents that are being removed at this time.
    pub going: Vec<Digest>,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl Leaving {
    fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        let stored: Value = json::read(bytes)?;
        let text = |name: &str| stored.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            digests: listed(text("digests")),
            version: text("version").to_owned(),
            after: text("after").to_owned(),
            going: listed(text("going")),
            since: Timestamp::parse(text("since")),
        })
    }

    fn stored(&self) -> Bytes {
        let mut stored = json!({ "digests": list(&self.digests) });
        for (name, text) in [("version", &self.version), ("after", &self.after)] {
            if !text.is_empty() {
                stored[name] = text.as_str().into();
            }
        }
        if !self.going.is_empty() {
            stored["going"] = list(&self.going).into();
            stored["since"] = json!(self.since);
        }
        stored.to_string().into()
    }
}

/// One text for all: a value for each would be three times as large.
fn list(digests: &[Digest]) -> String {
    let hex: Vec<String> = digests.iter().map(Digest::hex).collect();
    hex.join(" ")
}

fn listed(text: &str) -> Vec<Digest> {
    let words = text.split_ascii_whitespace();
    words.filter_map(|hex| Digest::from_hex(Algorithm::Sha256, hex).ok()).collect()
}

/// Adds a note.
pub async fn add<P: Platform>(platform: &P, path: &PackagePath, leaving: &Leaving) -> Result<()> {
    let mut random = [0_u8; 4];
    platform.random(&mut random);
    super::create_bytes(platform, &path.leaving(platform.now(), random), leaving.stored()).await?;
    Ok(())
}

/// The keys of all notes of a package, oldest first.
pub async fn all<P: Platform>(platform: &P, path: &PackagePath) -> Result<Vec<String>> {
    let (prefix, mut keys, mut after) = (path.leavings(), Vec::new(), None);
    loop {
        let page = platform.records().list(&prefix, after.as_deref(), NOTES).await?;
        keys.extend(page.keys);
        after = page.cursor;
        if after.is_none() {
            return Ok(keys);
        }
    }
}

/// A note, if it is still there.
pub async fn get<P: Platform>(platform: &P, key: &str) -> Result<Option<Leaving>> {
    let record = platform.records().get(key).await?;
    record.map(|record| Leaving::read(&record.bytes).map_err(|error| super::damaged(key, &error))).transpose()
}

/// Changes a note by compare-and-swap, if it is still there; `change` says whether it did anything, and may be called
/// several times.
pub async fn update<P: Platform>(
    platform: &P,
    key: &str,
    change: &mut dyn FnMut(&mut Leaving) -> Result<bool>,
) -> Result<()> {
    super::swap(platform, key, &mut |bytes| {
        let Some(bytes) = bytes else { return Ok(None) };
        let mut leaving = Leaving::read(bytes).map_err(|error| super::damaged(key, &error))?;
        Ok(change(&mut leaving)?.then(|| leaving.stored()))
    })
    .await
}

/// Removes a note of which nothing is left.
pub async fn remove<P: Platform>(platform: &P, key: &str) -> Result<()> {
    Ok(platform.records().delete(&[key.to_owned()]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_every_release_read_back() {
        let of = |text: &str| Digest::sha256(text.as_bytes());
        let left =
            Leaving { digests: vec![of("1"), of("2")], version: "1.0.0".to_owned(), ..Leaving::default() };
        let going = Leaving {
            digests: vec![of("2")],
            after: "v1/drafts/00000000-0000-4000-8000-000000000000/any/lib/".to_owned(),
            going: vec![of("1")],
            since: Timestamp::parse("2026-11-22T12:00:00.000Z"),
            ..Leaving::default()
        };
        let stored = [
            (left, include_str!("../../tests/golden/leaving.json")),
            (going, include_str!("../../tests/golden/leaving.going.json")),
        ];
        for (leaving, text) in stored {
            assert_eq!(Leaving::read(text.as_bytes()).unwrap(), leaving);
            assert_eq!(Leaving::read(&leaving.stored()).unwrap(), leaving);
        }
    }
}
