//! Checks of [`BlobStore`].

use super::integrity::{assert_refused, pieces};
use super::{Check, ensure, equal, failed, patiently};
use crate::model::Digest;
use crate::platform::{
    Blob, BlobStore, Body, ByteRange, Etag, Expected, Platform, PlatformError, PutOutcome,
};
use bytes::Bytes;
use futures_util::future::join_all;

/// How many write at the same time.
const WRITERS: usize = 20;
/// Larger than anything a check stores.
const LIMIT: usize = 16 << 20;

pub(super) fn checks<'a, P: Platform>(platform: &'a P, namespace: &str) -> Vec<(&'static str, Check<'a>)> {
    let key = |name: &str| format!("{namespace}/blobs/{name}");
    vec![
        ("of many creators of content exactly one wins", Box::pin(one_creator(platform, key("create")))),
        ("a stream of known length is stored", Box::pin(stream(platform, key("stream")))),
        ("content opened can be stored again", Box::pin(copy(platform, key("copy")))),
        ("empty content is content", Box::pin(empty(platform, key("empty")))),
        ("content is replaced in the stated state only", Box::pin(replace(platform, key("replace")))),
        ("ranges are what was asked for", Box::pin(ranges(platform, key("ranges")))),
        ("missing content is None", Box::pin(missing(platform, key("missing")))),
        ("deleting content twice is deleting it", Box::pin(delete(platform, key("delete")))),
    ]
}

pub(super) fn sample(seed: usize, length: usize) -> Bytes {
    (0..length).map(|index| u8::try_from((index * 31 + index / 251 + seed) % 256).unwrap_or(0)).collect()
}

fn expected(bytes: &Bytes) -> Expected {
    Expected { length: bytes.len() as u64, digest: None }
}

pub(super) async fn create<P: Platform>(platform: &P, key: &str, bytes: &Bytes) -> Result<(), String> {
    let expected = expected(bytes);
    let put = || platform.blobs().create(key, Body::from(bytes.clone()), &expected);
    equal("put", &patiently(platform, put).await?, &PutOutcome::Created)
}

pub(super) async fn open<P: Platform>(
    platform: &P,
    key: &str,
    range: Option<ByteRange>,
) -> Result<Option<Blob>, String> {
    platform.blobs().open(key, range).await.map_err(|error| failed(&error))
}

async fn content<P: Platform>(platform: &P, key: &str) -> Result<Option<Bytes>, String> {
    let Some(blob) = open(platform, key, None).await? else {
        return Ok(None);
    };
    let declared = blob.body.length();
    let bytes = blob.body.collect(LIMIT).await.map_err(|error| failed(&error))?;
    equal("size", &blob.info.size, &(bytes.len() as u64))?;
    equal("declared length", &declared, &Some(bytes.len() as u64))?;
    Ok(Some(bytes))
}

pub(super) async fn assert_content<P: Platform>(
    platform: &P,
    key: &str,
    wanted: &Bytes,
) -> Result<(), String> {
    let stored = content(platform, key).await?;
    ensure(stored.as_ref() == Some(wanted), || format!("`{key}`: other bytes came back"))
}

pub(super) async fn assert_absent<P: Platform>(platform: &P, key: &str) -> Result<(), String> {
    let info = platform.blobs().info(key).await.map_err(|error| failed(&error))?;
    ensure(info.is_none(), || format!("`{key}` was stored: {info:?}"))
}

pub(super) async fn remove<P: Platform>(platform: &P, key: &str) -> Result<(), String> {
    platform.blobs().delete(key).await.map_err(|error| failed(&error))
}

async fn one_creator<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let samples: Vec<Bytes> = (0..WRITERS).map(|seed| sample(seed, 10_000)).collect();
    let expectations: Vec<Expected> = samples.iter().map(expected).collect();
    let writers = samples
        .iter()
        .zip(&expectations)
        .map(|(bytes, expected)| platform.blobs().create(&key, Body::from(bytes.clone()), expected));
    let mut winners = Vec::new();
    for (number, outcome) in join_all(writers).await.into_iter().enumerate() {
        match outcome {
            Ok(PutOutcome::Created) => winners.push(number),
            Ok(PutOutcome::Exists) | Err(PlatformError::Contended) => {}
            other => return Err(format!("{other:?}")),
        }
    }
    let [winner] = winners.as_slice() else {
        return Err(format!("{} winners", winners.len()));
    };
    assert_content(platform, &key, &samples[*winner]).await?;
    remove(platform, &key).await
}

async fn stream<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let bytes = sample(1, 1 << 20);
    let expected = expected(&bytes);
    let put = || platform.blobs().create(&key, Body::Stream(pieces(&bytes, None)), &expected);
    equal("first", &patiently(platform, put).await?, &PutOutcome::Created)?;
    equal("again", &patiently(platform, put).await?, &PutOutcome::Exists)?;
    assert_content(platform, &key, &bytes).await?;
    remove(platform, &key).await
}

async fn copy<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let (from, to) = (format!("{key}/from"), format!("{key}/to"));
    let bytes = sample(1, 1 << 20);
    create(platform, &from, &bytes).await?;
    let whole = open(platform, &from, None).await?.ok_or("absent")?;
    let expected = Expected { length: whole.info.size, digest: Some(Digest::sha256(&bytes)) };
    let outcome =
        platform.blobs().create(&to, whole.body, &expected).await.map_err(|error| failed(&error))?;
    equal("copy", &outcome, &PutOutcome::Created)?;
    assert_content(platform, &to, &bytes).await?;
    remove(platform, &to).await?;
    let whole = open(platform, &from, None).await?.ok_or("absent")?;
    let longer = Expected { length: whole.info.size + 1, digest: None };
    let outcome = platform.blobs().create(&to, whole.body, &longer).await;
    assert_refused(platform, &to, "copy of another length", outcome).await?;
    remove(platform, &from).await
}

async fn empty<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    for (name, body) in [("none", Body::Empty), ("stream", Body::Stream(pieces(&Bytes::new(), None)))] {
        let key = format!("{key}/{name}");
        let expected = Expected { length: 0, digest: None };
        let outcome = platform.blobs().create(&key, body, &expected).await.map_err(|error| failed(&error))?;
        equal(name, &outcome, &PutOutcome::Created)?;
        assert_content(platform, &key, &Bytes::new()).await?;
        remove(platform, &key).await?;
    }
    Ok(())
}

async fn etag<P: Platform>(platform: &P, key: &str) -> Result<Etag, String> {
    let info = platform.blobs().info(key).await.map_err(|error| failed(&error))?.ok_or("absent")?;
    let opened = open(platform, key, None).await?.ok_or("absent")?;
    equal("info of open", &opened.info, &info)?;
    Ok(info.etag)
}

async fn replace<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let samples = [sample(1, 100), sample(2, 200), sample(3, 300)];
    create(platform, &key, &samples[0]).await?;
    let first = etag(platform, &key).await?;
    let replace = async |bytes: &Bytes, etag: &Etag| {
        let expected = expected(bytes);
        patiently(platform, || platform.blobs().replace(&key, Body::from(bytes.clone()), &expected, etag))
            .await
    };
    equal("in the stated state", &replace(&samples[1], &first).await?, &PutOutcome::Created)?;
    equal("in a past state", &replace(&samples[2], &first).await?, &PutOutcome::Exists)?;
    ensure(etag(platform, &key).await? != first, || "the etag did not change".to_owned())?;
    assert_content(platform, &key, &samples[1]).await?;
    remove(platform, &key).await?;
    equal("in no state", &replace(&samples[2], &first).await?, &PutOutcome::Exists)?;
    assert_absent(platform, &key).await
}

async fn ranges<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let bytes = sample(1, 100_000);
    create(platform, &key, &bytes).await?;
    for (start, length) in [(0, 10), (500, 70_000), (99_999, 1), (90_000, 10_000), (0, 100_000)] {
        let range = ByteRange { start: start as u64, length: length as u64 };
        let blob = open(platform, &key, Some(range)).await?.ok_or("absent")?;
        equal("size of all", &blob.info.size, &100_000)?;
        equal("declared length", &blob.body.length(), &Some(length as u64))?;
        let part = blob.body.collect(LIMIT).await.map_err(|error| failed(&error))?;
        ensure(part == bytes.slice(start..start + length), || format!("{range:?}: other bytes"))?;
    }
    remove(platform, &key).await
}

async fn missing<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    ensure(open(platform, &key, None).await?.is_none(), || "opened".to_owned())?;
    let range = ByteRange { start: 0, length: 1 };
    ensure(open(platform, &key, Some(range)).await?.is_none(), || "opened a range".to_owned())?;
    assert_absent(platform, &key).await
}

async fn delete<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    create(platform, &key, &sample(1, 10)).await?;
    remove(platform, &key).await?;
    assert_absent(platform, &key).await?;
    remove(platform, &key).await
}
