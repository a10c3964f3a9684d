//! The log of a feed or of an organization: one entry per change, in the order in which they are read.
//!
//! Entries are appended under keys that begin with the time, and never changed. Isolates write side by side and their
//! clocks differ, so that an entry may appear behind one that was written after it. Therefore readers are given only
//! what is older than [`SETTLE`]: whoever has read everything up to a moment will find nothing new before it. A write that
//! took too long to keep this promise is done again under a new time: an entry may appear twice, and is never missed.
//!
//! Listing shows what entries say, so that a page costs one operation however many entries it has.

use super::{cursors, keys};
use crate::error::Result;
use crate::model::{Timestamp, json};
use crate::platform::{Platform, RecordStore as _};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// How long entries are kept from readers: by how much clocks of two machines may differ, and how long a write may take.
pub const SETTLE: Duration = Duration::from_secs(5);

/// How long entries are kept.
pub const KEPT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The local simulator shows at most 2,048 characters of an entry in a listing, and half as many if one is not ASCII.
const ENTRY_BYTES: usize = 1_900;

/// How often an entry is written until it is there in time.
const ATTEMPTS: u32 = 4;

/// Removing old entries.
const TASK: &str = "log";

/// How many pages of keys one reading looks at before it answers with what it found.
const PAGES: usize = 10;

/// Writes entries to a log.
pub async fn append<P: Platform>(platform: &P, log: &str, entries: &[Value]) -> Result<()> {
    for entry in entries {
        let mut text = ascii(&entry.to_string());
        let mut brief = entry.clone();
        for name in ["details", "client", "subject"] {
            if text.len() > ENTRY_BYTES {
                // The rest, ids and names, is shorter.
                brief[name] = Value::Null;
                text = ascii(&brief.to_string());
            }
        }
        append_one(platform, log, &text).await?;
    }
    Ok(())
}

/// JSON whose other characters are escaped.
fn ascii(json: &str) -> String {
    let mut text = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

async fn append_one<P: Platform>(platform: &P, log: &str, text: &str) -> Result<()> {
    let mut outcome = Ok(());
    for attempt in 0..ATTEMPTS {
        let mut random = [0_u8; 4];
        platform.random(&mut random);
        let time = platform.now();
        outcome = platform.records().append(&keys::log_entry(log, time, random), text).await;
        match &outcome {
            Ok(()) if platform.now().since(time) <= SETTLE / 2 => return Ok(()),
            // Readers may have passed its place already.
            Ok(()) => {}
            Err(error) => super::pause(platform, attempt, error).await,
        }
    }
    Ok(outcome?)
}

/// One page of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPage {
    /// Entries, oldest first, each with the `time` when it was written.
    pub entries: Vec<Value>,
    /// Everything up to this moment, it included, was looked at: where the next page begins.
    pub until: Timestamp,
    /// Is there more already?
    pub more: bool,
}

/// The entries after one moment and up to another that `wanted` wants; at least `limit` of them if there are as many, and
/// never only some of those of one millisecond.
pub async fn read<P: Platform>(
    platform: &P,
    log: &str,
    (after, until): (Timestamp, Timestamp),
    limit: usize,
    wanted: &dyn Fn(&Value) -> bool,
) -> Result<LogPage> {
    let settled = Timestamp::from_millis(platform.now().millis() - millis(SETTLE)).min(until);
    let mut page = LogPage { entries: Vec::new(), until: after, more: false };
    let mut key = keys::log_after(log, after);
    // So many are of milliseconds that are over.
    let mut whole = 0;
    // One more, which tells that a millisecond is over.
    let mut left = (limit + 1).clamp(50, 1_000);
    for _ in 0..PAGES {
        let notes = platform.records().list_noted(log, &key, left).await?;
        for (key, text) in &notes.notes {
            let Some(time) = keys::log_time(log, key) else { continue };
            page.more = time <= settled;
            if time > settled || time != page.until && page.entries.len() >= limit {
                return Ok(page);
            }
            if time != page.until {
                (page.until, whole) = (time, page.entries.len());
            }
            if let Some(mut entry) =
                json::read::<Value>(text.as_bytes()).ok().filter(Value::is_object).filter(wanted)
            {
                entry["time"] = json!(time);
                page.entries.push(entry);
            }
        }
        page.more = notes.more;
        let last = notes.notes.last().filter(|_| notes.more);
        let Some((last, _)) = last else { return Ok(page) };
        key.clone_from(last);
        left = 1_000;
    }
    // The last millisecond may go on.
    page.entries.truncate(whole);
    page.until = Timestamp::from_millis(page.until.millis() - 1);
    Ok(page)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Removes entries that are older than [`KEPT`], in `steps` steps from where the last run stopped. Answers how many.
pub async fn expire<P: Platform>(platform: &P, steps: usize) -> Result<usize> {
    let limit = Timestamp::from_millis(platform.now().millis() - millis(KEPT));
    let mut after = cursors::get(platform, TASK).await?;
    let mut removed = 0;
    for _ in 0..steps {
        let page = platform.records().list(keys::LOGS, after.as_deref(), 1_000).await?;
        let Some(log) = page.keys.first().and_then(|key| keys::log_of(key)) else {
            after = None;
            break;
        };
        let mut old = Vec::new();
        for key in &page.keys {
            if !key.starts_with(log) || keys::log_time(log, key).is_some_and(|time| time >= limit) {
                break;
            }
            old.push(key.clone());
        }
        platform.records().delete(&old).await?;
        removed += old.len();
        // All that was listed was old: there may be more of it. Otherwise on to the next log.
        let all_old = page.cursor.is_some() && old.len() == page.keys.len();
        after = if all_old { old.pop() } else { Some(keys::end_of(log)) };
    }
    cursors::set(platform, TASK, after).await?;
    Ok(removed)
}

#[cfg(test)]
mod tests;
