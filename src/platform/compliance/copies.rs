//! Checks of [`KeyValueStore`], [`ResponseCache`], and of what an isolate has by itself.

use super::{Check, ensure, equal, failed, patiently};
use crate::platform::{Body, KeyValueStore, Platform, ResponseCache};
use bytes::Bytes;
use std::rc::Rc;
use std::time::Duration;

const LIFETIME: Duration = Duration::from_mins(1);
/// Larger than anything a check stores.
const LIMIT: usize = 16 << 20;

pub(super) fn checks<'a, P: Platform>(platform: &'a P, namespace: &str) -> Vec<(&'static str, Check<'a>)> {
    let key = |name: &str| format!("{namespace}/copies/{name}");
    let memo_key = key("memo");
    vec![
        ("a KV value comes back with its metadata, or not yet", Box::pin(kv(platform, key("kv")))),
        ("a missing KV value is None", Box::pin(kv_missing(platform, key("missing")))),
        ("the edge cache holds what was put, or nothing", Box::pin(cache(platform, key("cache")))),
        ("the memo remembers", Box::pin(async move { memo(platform, &memo_key) })),
        ("random bytes differ", Box::pin(async { random(platform) })),
        ("time passes while waiting", Box::pin(time(platform))),
    ]
}

async fn read<P: Platform>(platform: &P, key: &str) -> Result<Option<(Bytes, String)>, String> {
    let entry = platform.kv().get(key).await.map_err(|error| failed(&error))?;
    let Some(entry) = entry else { return Ok(None) };
    let bytes = entry.body.collect(LIMIT).await.map_err(|error| failed(&error))?;
    Ok(Some((bytes, entry.metadata)))
}

/// A value may not be visible yet (KV promises a minute at most), but it is never another one.
async fn kv<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let metadata = r#"{"etag":"1\"ä","n":[1]}"#;
    for (name, value) in [("text", Bytes::from_static(b"\x1f\x8b\x00\xff")), ("empty", Bytes::new())] {
        let key = format!("{key}/{name}");
        patiently(platform, || platform.kv().put(&key, value.clone(), metadata, LIFETIME)).await?;
        if let Some((bytes, found)) = read(platform, &key).await? {
            ensure(bytes == value, || format!("{name}: other bytes came back"))?;
            equal("metadata", &found.as_str(), &metadata)?;
        }
        patiently(platform, || platform.kv().delete(&key)).await?;
        patiently(platform, || platform.kv().delete(&key)).await?;
    }
    Ok(())
}

async fn kv_missing<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    equal("value", &read(platform, &key).await?, &None)
}

async fn cache<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let url = format!("https://compliance.invalid/{key}");
    let bytes = Bytes::from(vec![0x1f; 100_000]);
    platform.cache().put(&url, Body::from(bytes.clone())).await.map_err(|error| failed(&error))?;
    if let Some(cached) = platform.cache().get(&url).await.map_err(|error| failed(&error))? {
        equal("declared length", &cached.body.length(), &Some(bytes.len() as u64))?;
        let found = cached.body.collect(LIMIT).await.map_err(|error| failed(&error))?;
        ensure(found == bytes, || "other bytes came back".to_owned())?;
    }
    for _ in 0..2 {
        platform.cache().delete(&url).await.map_err(|error| failed(&error))?;
    }
    let found = platform.cache().get(&url).await.map_err(|error| failed(&error))?;
    ensure(found.is_none(), || "still there after its deletion".to_owned())
}

fn memo<P: Platform>(platform: &P, key: &str) -> Result<(), String> {
    let now = platform.now();
    platform.memo().put(key.to_owned(), Rc::new(7_u32), 4, now, LIFETIME);
    equal("value", &platform.memo().get::<u32>(key, now).as_deref(), &Some(&7))?;
    platform.memo().forget(key);
    equal("forgotten", &platform.memo().get::<u32>(key, now), &None)
}

fn random<P: Platform>(platform: &P) -> Result<(), String> {
    let mut buffers = [[0_u8; 40]; 2];
    for buffer in &mut buffers {
        platform.random(buffer);
    }
    ensure(buffers[0] != buffers[1], || "twice the same".to_owned())?;
    ensure(buffers[0][32..] != [0; 8], || "not filled to its end".to_owned())
}

async fn time<P: Platform>(platform: &P) -> Result<(), String> {
    let before = platform.now();
    platform.sleep(Duration::from_millis(20)).await;
    let passed = platform.now().since(before);
    ensure(passed >= Duration::from_millis(15), || format!("{passed:?} passed in 20 ms"))
}
