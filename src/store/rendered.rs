//! Rendered listings: compressed once per change, kept in KV, sent as they are.
//!
//! KV may be a minute old. A rendered listing is therefore served only if the token it carries, made of the etags of
//! everything it was rendered from here, is that of the present.

use super::keys::PackagePath;
use crate::error::{Error, Result};
use crate::model::{Timestamp, gzip, json};
use crate::platform::{Body, KeyValueStore as _, Platform};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::rc::Rc;
use std::time::Duration;

/// KV forgets what nobody re-rendered for a week.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Larger documents are not remembered in the isolate but read from KV each time.
const MEMO_LIMIT: u64 = 1 << 20;

/// For how long an isolate remembers a document; whether it is still the present one is checked separately.
const MEMO_LIFETIME: Duration = Duration::from_secs(300);

/// KV takes values of 25 MiB.
const KV_LIMIT: usize = 25 << 20;

/// Bytes of a document that is read back.
const PLAIN_LIMIT: u64 = 32 << 20;

/// What is known of a rendered listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedInfo {
    /// Hash of the document: its entity tag.
    pub etag: String,
    /// What it was rendered from.
    pub token: String,
    /// What the upstream sources offered, in short: rendered anew when that is something else.
    #[serde(default)]
    pub offers: String,
    /// When the upstream sources were last asked about it.
    pub checked: Timestamp,
    /// For how many seconds from `checked` it is fresh.
    pub fresh: u32,
    /// Its size, compressed.
    pub size: u64,
    /// Its media type.
    #[serde(rename = "type")]
    pub content_type: String,
    /// When the document last changed: what it says may be older.
    pub modified: Timestamp,
    /// When the source whose answer is oldest last answered, if one of them failed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Timestamp>,
    /// Why it may be incomplete or old, if it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// A rendered listing: gzip.
#[derive(Debug)]
pub struct Rendered {
    /// About it.
    pub info: RenderedInfo,
    /// Its bytes, compressed.
    pub body: Body,
}

impl Rendered {
    /// All of its bytes, still compressed: to read back what it shows, which is decided in one place.
    pub async fn collect(self) -> Result<Bytes> {
        let limit = usize::try_from(self.info.size).unwrap_or(usize::MAX).saturating_add(1);
        Ok(self.body.collect(limit).await?)
    }

    /// The document that it is.
    pub async fn plain(self) -> Result<Vec<u8>> {
        let (mut plain, compressed) = (Vec::new(), self.collect().await?);
        let damaged = |error: std::io::Error| Error::Damaged {
            key: "rendered listing".to_owned(),
            reason: error.to_string(),
        };
        gzip::Reader::new(compressed).take(PLAIN_LIMIT).read_to_end(&mut plain).map_err(damaged)?;
        Ok(plain)
    }
}

struct Remembered {
    info: RenderedInfo,
    bytes: Bytes,
}

/// The rendered listing of that variant, whatever its token; from the isolate's memory or from KV.
pub async fn get<P: Platform>(platform: &P, path: &PackagePath, variant: &str) -> Result<Option<Rendered>> {
    let key = path.rendered(variant);
    let now = platform.now();
    if let Some(remembered) = platform.memo().get::<Remembered>(&key, now) {
        let body = Body::Bytes(remembered.bytes.clone());
        return Ok(Some(Rendered { info: remembered.info.clone(), body }));
    }
    let Some(entry) = platform.kv().get(&key).await? else { return Ok(None) };
    let Ok(info) = json::read::<RenderedInfo>(entry.metadata.as_bytes()) else {
        return Ok(None);
    };
    if info.size > MEMO_LIMIT {
        return Ok(Some(Rendered { info, body: entry.body }));
    }
    let bytes = entry.body.collect(usize::try_from(MEMO_LIMIT).unwrap_or(usize::MAX)).await?;
    remember_as(platform, key, &info, &bytes);
    Ok(Some(Rendered { info, body: Body::Bytes(bytes) }))
}

/// Keeps a rendered listing. A document too large for KV is rendered each time.
pub async fn put<P: Platform>(
    platform: &P,
    path: &PackagePath,
    variant: &str,
    info: &RenderedInfo,
    bytes: Bytes,
) -> Result<()> {
    let key = path.rendered(variant);
    if bytes.len() > KV_LIMIT {
        return Ok(());
    }
    remember_as(platform, key.clone(), info, &bytes);
    let metadata = serde_json::to_string(info).unwrap_or_default();
    match platform.kv().put(&key, bytes, &metadata, LIFETIME).await {
        // Another isolate wrote it within this second: as good as ours.
        Ok(()) | Err(crate::platform::PlatformError::Contended) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps a rendered listing in this isolate only.
pub fn remember<P: Platform>(
    platform: &P,
    path: &PackagePath,
    variant: &str,
    info: &RenderedInfo,
    bytes: &Bytes,
) {
    remember_as(platform, path.rendered(variant), info, bytes);
}

fn remember_as<P: Platform>(platform: &P, key: String, info: &RenderedInfo, bytes: &Bytes) {
    if bytes.len() as u64 <= MEMO_LIMIT {
        let remembered = Rc::new(Remembered { info: info.clone(), bytes: bytes.clone() });
        platform.memo().put(key, remembered, bytes.len() + 512, platform.now(), MEMO_LIFETIME);
    }
}
