//! Checks of [`RecordStore`].

use super::{Check, ensure, equal, failed, patiently};
use crate::platform::{Etag, Platform, PlatformError, RecordStore, Written};
use bytes::Bytes;
use futures_util::future::join_all;

/// How many write at the same time.
const WRITERS: usize = 20;

pub(super) fn checks<'a, P: Platform>(platform: &'a P, namespace: &str) -> Vec<(&'static str, Check<'a>)> {
    let key = |name: &str| format!("{namespace}/records/{name}");
    vec![
        ("of many creators of a record exactly one wins", Box::pin(one_creator(platform, key("create")))),
        ("a record is replaced in the stated state only", Box::pin(replace(platform, key("replace")))),
        ("of many replacers of a record exactly one wins", Box::pin(one_replacer(platform, key("race")))),
        ("an absent record cannot be replaced", Box::pin(replace_absent(platform, key("absent")))),
        ("overwriting a record needs no state", Box::pin(overwrite(platform, key("overwrite")))),
        (
            "a record is read back byte by byte, also an empty one",
            Box::pin(read_back(platform, key("bytes"))),
        ),
        ("a missing record is None", Box::pin(missing(platform, key("missing")))),
        ("equal content has equal etags and other content others", Box::pin(etags(platform, key("etags")))),
        ("deleting records takes many keys, present or not", Box::pin(delete(platform, key("delete")))),
        ("a listing ends at its prefix's separator", Box::pin(list_prefix(platform, key("list")))),
        ("a listing goes on at its cursor, in order", Box::pin(list_pages(platform, key("pages")))),
        ("notes are listed in the order of their keys", Box::pin(notes(platform, key("notes")))),
        ("keys may contain any character", Box::pin(characters(platform, key("characters")))),
    ]
}

fn text(number: usize) -> Bytes {
    Bytes::from(format!("writer {number}"))
}

async fn create<P: Platform>(platform: &P, key: &str, bytes: &Bytes) -> Result<Etag, String> {
    match patiently(platform, || platform.records().create(key, bytes.clone())).await? {
        Written::Yes(etag) => Ok(etag),
        Written::No => Err(format!("`{key}` exists before it was created")),
    }
}

async fn content<P: Platform>(platform: &P, key: &str) -> Result<Option<Bytes>, String> {
    let record = platform.records().get(key).await.map_err(|error| failed(&error))?;
    Ok(record.map(|record| record.bytes))
}

async fn remove<P: Platform>(platform: &P, keys: &[String]) -> Result<(), String> {
    platform.records().delete(keys).await.map_err(|error| failed(&error))
}

/// Who won of many; losing by contention is losing.
fn winners(outcomes: Vec<Result<Written, PlatformError>>) -> Result<Vec<(usize, Etag)>, String> {
    let mut winners = Vec::new();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(Written::Yes(etag)) => winners.push((number, etag)),
            Ok(Written::No) | Err(PlatformError::Contended) => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(winners)
}

async fn assert_one_winner<P: Platform>(
    platform: &P,
    key: String,
    outcomes: Vec<Result<Written, PlatformError>>,
) -> Result<(), String> {
    let winners = winners(outcomes)?;
    let [(number, etag)] = winners.as_slice() else {
        return Err(format!("{} winners", winners.len()));
    };
    equal("content", &content(platform, &key).await?, &Some(text(*number)))?;
    let head = platform.records().head(&key).await.map_err(|error| failed(&error))?;
    equal("etag", &head.as_ref(), &Some(etag))?;
    remove(platform, &[key]).await
}

async fn one_creator<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let writers = (0..WRITERS).map(|number| platform.records().create(&key, text(number)));
    let outcomes = join_all(writers).await;
    assert_one_winner(platform, key, outcomes).await
}

async fn one_replacer<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let etag = create(platform, &key, &Bytes::from_static(b"start")).await?;
    platform.sleep(std::time::Duration::from_millis(1_100)).await;
    let writers = (0..WRITERS).map(|number| platform.records().replace(&key, text(number), &etag));
    let outcomes = join_all(writers).await;
    assert_one_winner(platform, key, outcomes).await
}

async fn replace<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let first = create(platform, &key, &text(1)).await?;
    let replace = async |number, etag: &Etag| {
        patiently(platform, || platform.records().replace(&key, text(number), etag)).await
    };
    let Written::Yes(second) = replace(2, &first).await? else {
        return Err("refused in the stated state".to_owned());
    };
    ensure(first != second, || "the etag did not change".to_owned())?;
    equal("in a past state", &replace(3, &first).await?, &Written::No)?;
    equal("in a state that never was", &replace(3, &Etag::new("0".repeat(32))).await?, &Written::No)?;
    equal("content", &content(platform, &key).await?, &Some(text(2)))?;
    remove(platform, &[key]).await
}

async fn replace_absent<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let etag = Etag::new("0".repeat(32));
    let outcome = patiently(platform, || platform.records().replace(&key, text(1), &etag)).await?;
    equal("outcome", &outcome, &Written::No)?;
    equal("content", &content(platform, &key).await?, &None)
}

async fn overwrite<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    for number in 1..=2 {
        patiently(platform, || platform.records().overwrite(&key, text(number))).await?;
        equal("content", &content(platform, &key).await?, &Some(text(number)))?;
    }
    remove(platform, &[key]).await
}

async fn read_back<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let all = (0..=255_u8).cycle().take(100_000).collect::<Bytes>();
    for (name, bytes) in [("all", all), ("empty", Bytes::new())] {
        let key = format!("{key}/{name}");
        create(platform, &key, &bytes).await?;
        let stored = content(platform, &key).await?;
        ensure(stored.as_ref() == Some(&bytes), || format!("{name}: other bytes came back"))?;
        remove(platform, &[key]).await?;
    }
    Ok(())
}

async fn missing<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    equal("get", &content(platform, &key).await?, &None)?;
    equal("head", &platform.records().head(&key).await.map_err(|error| failed(&error))?, &None)
}

async fn etags<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let mut etags = Vec::new();
    for (name, number) in [("a", 1), ("b", 1), ("c", 2)] {
        let key = format!("{key}/{name}");
        let etag = create(platform, &key, &text(number)).await?;
        let record = platform.records().get(&key).await.map_err(|error| failed(&error))?;
        equal("etag of get", &record.map(|record| record.etag), &Some(etag.clone()))?;
        let head = platform.records().head(&key).await.map_err(|error| failed(&error))?;
        equal("etag of head", &head, &Some(etag.clone()))?;
        ensure(!etag.as_str().contains('"'), || format!("quoted etag {etag:?}"))?;
        etags.push(etag);
        remove(platform, &[key]).await?;
    }
    equal("etag of equal content", &etags[1], &etags[0])?;
    ensure(etags[0] != etags[2], || "other content has the same etag".to_owned())
}

async fn delete<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let keys: Vec<String> = ["a", "b", "never"].iter().map(|name| format!("{key}/{name}")).collect();
    for key in &keys[..2] {
        create(platform, key, &text(1)).await?;
    }
    for _ in 0..2 {
        remove(platform, &keys).await?;
    }
    remove(platform, &[]).await?;
    for key in &keys {
        equal(key, &content(platform, key).await?, &None)?;
    }
    Ok(())
}

async fn list<P: Platform>(platform: &P, prefix: &str, limit: usize) -> Result<Vec<Vec<String>>, String> {
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = platform.records().list(prefix, cursor.as_deref(), limit).await;
        let page = page.map_err(|error| failed(&error))?;
        pages.push(page.keys);
        cursor = page.cursor;
        if cursor.is_none() || pages.len() > 10 {
            return Ok(pages);
        }
    }
}

async fn list_prefix<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let keys: Vec<String> =
        ["b", "b-other/1", "b/1", "b/2/deep", "b0"].iter().map(|name| format!("{key}/{name}")).collect();
    for key in &keys {
        create(platform, key, &text(1)).await?;
    }
    let listed = list(platform, &format!("{key}/b/"), 1_000).await?.concat();
    equal("keys", &listed, &vec![keys[2].clone(), keys[3].clone()])?;
    for (after, first) in [("b/1x", 3), ("a", 2), ("b", 2), ("b/2/deep", 4), ("c", 4)] {
        let after = format!("{key}/{after}");
        let page = platform.records().list(&format!("{key}/b/"), Some(&after), 1_000).await;
        equal(&after, &page.map_err(|error| failed(&error))?.keys, &keys[first.min(4)..4].to_vec())?;
    }
    patiently(platform, || platform.records().overwrite(&keys[3], text(1_000))).await?;
    let page = platform.records().list(&format!("{key}/b/"), None, 1_000).await;
    equal(
        "sizes",
        &page.map_err(|error| failed(&error))?.sizes,
        &vec![text(1).len() as u64, text(1_000).len() as u64],
    )?;
    let none = list(platform, &format!("{key}/c/"), 1_000).await?.concat();
    equal("keys below nothing", &none, &Vec::new())?;
    remove(platform, &keys).await
}

async fn list_pages<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let keys: Vec<String> = (0..5).map(|number| format!("{key}/{number}")).collect();
    for key in keys.iter().rev() {
        create(platform, key, &text(1)).await?;
    }
    let pages = list(platform, &format!("{key}/"), 2).await?;
    ensure(pages.iter().all(|page| page.len() <= 2), || format!("pages over the limit: {pages:?}"))?;
    equal("keys", &pages.concat(), &keys)?;
    remove(platform, &keys).await
}

/// Every note, some pages of them, as a reader goes through them.
async fn notes<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let prefix = format!("{key}/");
    let long = format!("{{\"text\":\"\\u00e4{}\"}}", "x".repeat(1_900));
    let wanted: Vec<(String, String)> =
        (0..5).map(|number| (format!("{prefix}{number}"), long.clone())).collect();
    for (key, note) in wanted.iter().rev() {
        platform.records().append(key, note).await.map_err(|error| failed(&error))?;
    }
    create(platform, &format!("{prefix}plain"), &text(1)).await?;
    let (mut listed, mut after) = (Vec::new(), String::new());
    for _ in 0..10 {
        let page = platform.records().list_noted(&prefix, &after, 2).await.map_err(|error| failed(&error))?;
        ensure(page.notes.len() <= 2, || format!("{} notes, over the limit", page.notes.len()))?;
        listed.extend(page.notes);
        if !page.more {
            break;
        }
        after = listed.last().map(|(key, _)| key.clone()).unwrap_or_default();
    }
    let plain = [(format!("{prefix}plain"), String::new())];
    equal("notes", &listed, &[&wanted[..], &plain].concat())?;
    equal("its content", &content(platform, &wanted[0].0).await?, &Some(Bytes::from(long)))?;
    let page = platform.records().list_noted(&prefix, &format!("{prefix}2~"), 1_000).await;
    let keys: Vec<String> =
        page.map_err(|error| failed(&error))?.notes.into_iter().map(|note| note.0).collect();
    equal(
        "after a key that is not there",
        &keys,
        &["3", "4", "plain"].map(|name| format!("{prefix}{name}")).to_vec(),
    )?;
    remove(platform, &keys).await?;
    remove(platform, &[0, 1, 2].map(|number| format!("{prefix}{number}"))).await
}

async fn characters<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let keys: Vec<String> = ["@scope%2fname", "a+b ~!", "ä€𝄞", "x".repeat(600).as_str()]
        .iter()
        .map(|name| format!("{key}/{name}"))
        .collect();
    for key in &keys {
        create(platform, key, &text(1)).await?;
        equal(key, &content(platform, key).await?, &Some(text(1)))?;
    }
    let mut listed = list(platform, &format!("{key}/"), 1_000).await?.concat();
    listed.sort();
    let mut wanted = keys.clone();
    wanted.sort();
    equal("keys", &listed, &wanted)?;
    remove(platform, &keys).await
}
