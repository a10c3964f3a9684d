//! Where things live: typed records over the ports.
//!
//! In scope: the key space (`keys.rs`), reading and writing records, updates by compare-and-swap. Out of scope: what
//! the records mean to a request (`service/`).

pub mod cursors;
pub mod downloads;
pub mod drafts;
pub mod feeds;
pub mod index;
pub mod keys;
pub mod leavings;
pub mod listing_codec;
pub mod listings;
pub mod log;
pub mod organizations;
pub mod packages;
pub mod passed;
pub mod places;
pub mod rendered;
pub mod slots;
pub mod tokens;
pub mod uploads;
mod withdrawals;

use crate::error::{Conflict, Error, Result};
use crate::model::json;
use crate::platform::{Etag, Platform, PlatformError, RecordStore, Written};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// How often a write is tried again. R2 takes one write per second and key, so that with the pauses below a writer outlasts
/// about sixteen seconds of contention, within the 30 s the platform grants after an answer: the files of a version may come
/// through as many isolates.
const ATTEMPTS: u32 = 16;

/// A record as it was read.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    /// The record.
    pub value: T,
    /// Which state of it.
    pub etag: Etag,
}

/// Reads a record.
pub async fn read<P: Platform, T: DeserializeOwned>(platform: &P, key: &str) -> Result<Option<Stored<T>>> {
    let Some(record) = platform.records().get(key).await? else { return Ok(None) };
    let value = decode(key, &record.bytes)?;
    Ok(Some(Stored { value, etag: record.etag }))
}

/// Writes a record that must not exist yet. `false` if another one is there; one of the very same content is taken
/// for ours, because a write may fail after it took effect.
pub async fn create<P: Platform, T: Serialize>(platform: &P, key: &str, value: &T) -> Result<bool> {
    create_bytes(platform, key, encode(key, value)?).await
}

/// The same for a record that is printed already.
pub async fn create_bytes<P: Platform>(platform: &P, key: &str, bytes: Bytes) -> Result<bool> {
    for attempt in 0.. {
        match platform.records().create(key, bytes.clone()).await {
            Ok(Written::Yes(_)) => return Ok(true),
            Ok(Written::No) => return is_ours(platform, key, &bytes).await,
            // Somebody has just written it: what is there tells.
            Err(PlatformError::Contended) if platform.records().head(key).await?.is_some() => {
                return is_ours(platform, key, &bytes).await;
            }
            Err(error) if attempt >= 2 => return Err(error.into()),
            // If it was removed within this second, a second must pass.
            Err(error) => pause(platform, attempt + 2, &error).await,
        }
    }
    Ok(false)
}

async fn is_ours<P: Platform>(platform: &P, key: &str, bytes: &Bytes) -> Result<bool> {
    let record = platform.records().get(key).await?;
    Ok(record.is_some_and(|record| record.bytes == *bytes))
}

/// Writes a record whatever was there: only for what one writer writes, or what may be lost.
pub async fn put<P: Platform, T: Serialize>(platform: &P, key: &str, value: &T) -> Result<()> {
    Ok(platform.records().overwrite(key, encode(key, value)?).await?)
}

/// The same, waiting where the key was written within this second; `yields` says that what is there then is as good.
pub async fn put_patiently<P: Platform>(platform: &P, key: &str, bytes: Bytes, yields: bool) -> Result<()> {
    let mut attempt = 2;
    loop {
        match platform.records().overwrite(key, bytes.clone()).await {
            Err(PlatformError::Contended) if yields && platform.records().head(key).await?.is_some() => {
                return Ok(());
            }
            Err(error @ PlatformError::Contended) if attempt < 5 => {
                pause(platform, attempt, &error).await;
                attempt += 1;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// What an update makes of a record.
pub enum Change<T> {
    /// This.
    To(T),
    /// Nothing: it is as it should be.
    None,
}

/// Changes a record by compare-and-swap, creating it if need be. `change` may be called several times and must give
/// the same answer for a record that already shows its effect. Answers the record as it then is.
pub async fn update<P: Platform, T: Serialize + DeserializeOwned>(
    platform: &P,
    key: &str,
    change: &mut dyn FnMut(Option<&T>) -> Result<Change<T>>,
) -> Result<Option<T>> {
    let mut now = None;
    swap(platform, key, &mut |bytes| {
        let before = bytes.map(|bytes| decode::<T>(key, bytes)).transpose()?;
        let (bytes, after) = match change(before.as_ref())? {
            Change::To(next) => (Some(encode(key, &next)?), Some(next)),
            Change::None => (None, before),
        };
        now = after;
        Ok(bytes)
    })
    .await?;
    Ok(now)
}

/// Changes a record that must be there, as [`update`] does; `change` answers `None` if it is as it should be.
async fn amend<P: Platform, T: Serialize + DeserializeOwned>(
    platform: &P,
    key: &str,
    missing: &dyn Fn() -> Box<Error>,
    change: &mut dyn FnMut(&T) -> Result<Option<T>>,
) -> Result<T> {
    let after = update(platform, key, &mut |before: Option<&T>| {
        Ok(change(before.ok_or_else(missing)?)?.map_or(Change::None, Change::To))
    })
    .await?;
    after.ok_or_else(missing)
}

/// What a record's bytes become; `None` to leave them.
pub type Swap<'a> = dyn FnMut(Option<&[u8]>) -> Result<Option<Bytes>> + 'a;

/// The loop of every update, on bytes: there is one of it in the program.
async fn swap<P: Platform>(platform: &P, key: &str, change: &mut Swap<'_>) -> Result<()> {
    for attempt in 0..ATTEMPTS {
        let before = platform.records().get(key).await?;
        let Some(bytes) = change(before.as_ref().map(|record| &record.bytes[..]))? else { return Ok(()) };
        let written = match &before {
            Some(record) => platform.records().replace(key, bytes, &record.etag).await,
            None => platform.records().create(key, bytes).await,
        };
        match written {
            Ok(Written::Yes(_)) => return Ok(()),
            Ok(Written::No) => pause(platform, attempt, &PlatformError::Contended).await,
            Err(error) => pause(platform, attempt, &error).await,
        }
    }
    Err(Error::Conflict(Conflict::Contended(key.to_owned())).into())
}

/// Waits before another attempt: at first briefly, then, where the platform counts writes per second, a second and more.
async fn pause<P: Platform>(platform: &P, attempt: u32, error: &PlatformError) {
    let mut noise = [0_u8; 1];
    platform.random(&mut noise);
    let jitter = u64::from(noise[0]);
    let base = if *error == PlatformError::Contended && attempt > 1 { 1_000 } else { 20 << attempt.min(5) };
    platform.sleep(Duration::from_millis(base + jitter)).await;
}

fn encode<T: Serialize>(key: &str, value: &T) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| damaged(key, &error))
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T> {
    json::read(bytes).map_err(|error| damaged(key, &error))
}

fn damaged(key: &str, error: &dyn std::fmt::Display) -> Box<Error> {
    Error::Damaged { key: key.to_owned(), reason: error.to_string() }.into()
}
