//! Checks that [`BlobStore`] stores content whole and verified, or not at all.

use super::blobs::{assert_absent, assert_content, remove, sample};
use super::{Check, ensure, equal, failed, patiently};
use crate::model::{Algorithm, Digest};
use crate::platform::{BlobStore, Body, ByteStream, Expected, Platform, PlatformError, PutOutcome};
use bytes::Bytes;

/// The least size of a part.
const PART: usize = 5 << 20;

pub(super) fn checks<'a, P: Platform>(platform: &'a P, namespace: &str) -> Vec<(&'static str, Check<'a>)> {
    let key = |name: &str| format!("{namespace}/integrity/{name}");
    vec![
        ("content with another digest is not stored", Box::pin(wrong_digest(platform, key("digest")))),
        ("content with its digest is stored", Box::pin(right_digest(platform, key("right")))),
        ("content of another length is not stored", Box::pin(wrong_length(platform, key("length")))),
        ("content that breaks off is not stored", Box::pin(broken(platform, key("broken")))),
        ("parts become one content", Box::pin(parts(platform, key("parts")))),
        ("an aborted upload leaves nothing", Box::pin(abort(platform, key("abort")))),
    ]
}

async fn wrong_digest<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let bytes = sample(1, 1_000);
    for algorithm in Algorithm::ALL {
        let digest = Some(Digest::of(algorithm, b"something else"));
        let expected = Expected { length: bytes.len() as u64, digest };
        let put = || platform.blobs().create(&key, Body::from(bytes.clone()), &expected);
        equal(algorithm.name(), &patiently(platform, put).await?, &PutOutcome::Mismatch)?;
        assert_absent(platform, &key).await?;
    }
    Ok(())
}

async fn right_digest<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let bytes = sample(1, 1_000);
    for algorithm in Algorithm::ALL {
        let key = format!("{key}/{}", algorithm.name());
        let digest = Some(Digest::of(algorithm, &bytes));
        let expected = Expected { length: bytes.len() as u64, digest };
        let put = || platform.blobs().create(&key, Body::Stream(pieces(&bytes, None)), &expected);
        equal(algorithm.name(), &patiently(platform, put).await?, &PutOutcome::Created)?;
        assert_content(platform, &key, &bytes).await?;
        remove(platform, &key).await?;
    }
    Ok(())
}

/// The bytes in several pieces, and then perhaps a failure.
pub(super) fn pieces(bytes: &Bytes, failure: Option<PlatformError>) -> ByteStream {
    let piece = (bytes.len() / 3).max(1);
    let pieces: Vec<Bytes> = bytes.chunks(piece).map(Bytes::copy_from_slice).collect();
    let items = pieces.into_iter().map(Ok).chain(failure.map(Err));
    Box::pin(futures_util::stream::iter(items.collect::<Vec<_>>()))
}

/// `Mismatch` or a failure; either way nothing is stored.
pub(super) async fn assert_refused<P: Platform>(
    platform: &P,
    key: &str,
    what: &str,
    outcome: Result<PutOutcome, PlatformError>,
) -> Result<(), String> {
    let is_refused = matches!(outcome, Ok(PutOutcome::Mismatch) | Err(PlatformError::Cut(_)));
    ensure(is_refused, || format!("{what}: {outcome:?} instead of Mismatch or Cut"))?;
    assert_absent(platform, key).await
}

async fn wrong_length<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let bytes = sample(1, 1_000);
    for length in [0, 999, 1_001] {
        let expected = Expected { length, digest: None };
        let whole = platform.blobs().create(&key, Body::from(bytes.clone()), &expected).await;
        assert_refused(platform, &key, &format!("bytes of 1000 as {length}"), whole).await?;
        let streamed = platform.blobs().create(&key, Body::Stream(pieces(&bytes, None)), &expected).await;
        assert_refused(platform, &key, &format!("stream of 1000 as {length}"), streamed).await?;
    }
    Ok(())
}

async fn broken<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let bytes = sample(1, 1_000);
    for length in [1_000, 2_000] {
        let body = pieces(&bytes, Some(PlatformError::Cut("on purpose".to_owned())));
        let expected = Expected { length, digest: None };
        let outcome = platform.blobs().create(&key, Body::Stream(body), &expected).await;
        assert_refused(platform, &key, &format!("1000 of {length} bytes"), outcome).await?;
    }
    Ok(())
}

async fn parts<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let parts = [sample(1, PART), sample(2, 1_000)];
    let blobs = platform.blobs();
    let work = async {
        let upload = blobs.begin_upload(&key).await?;
        let second = blobs.upload_part(&key, &upload, 2, parts[1].clone()).await?;
        let first = blobs.upload_part(&key, &upload, 1, parts[0].clone()).await?;
        blobs.complete_upload(&key, &upload, &[first, second]).await
    };
    work.await.map_err(|error| failed(&error))?;
    assert_content(platform, &key, &Bytes::from(parts.concat())).await?;
    remove(platform, &key).await
}

async fn abort<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let blobs = platform.blobs();
    let work = async {
        let upload = blobs.begin_upload(&key).await?;
        let part = blobs.upload_part(&key, &upload, 1, sample(1, 1_000)).await?;
        blobs.abort_upload(&key, &upload).await?;
        Ok((upload, part))
    };
    let (upload, part) = work.await.map_err(|error: PlatformError| failed(&error))?;
    let completed = blobs.complete_upload(&key, &upload, &[part]).await;
    ensure(completed.is_err(), || "an aborted upload was completed".to_owned())?;
    assert_absent(platform, &key).await
}
