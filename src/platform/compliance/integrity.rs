//! Checks that [`BlobStore`] stores content whole and verified, or not at all.

use super::blobs::{assert_absent, assert_content, create, open, remove, sample};
use super::{Check, ensure, equal, failed, patiently};
use crate::model::{Algorithm, Digest};
use crate::platform::{
    BlobStore, Body, ByteStream, Expected, Hashing as _, Platform, PlatformError, PutOutcome, UploadPart,
};
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
        (
            "a part has the length it was declared to have",
            Box::pin(part_lengths(platform, key("part-lengths"))),
        ),
        ("an aborted upload leaves nothing", Box::pin(abort(platform, key("abort")))),
        ("content hashes to what it does anywhere", Box::pin(hashing(platform))),
    ]
}

async fn hashing<P: Platform>(platform: &P) -> Result<(), String> {
    let bytes = sample(1, 200_000);
    for pieces in [&[][..], &[&bytes[..0]], &[&bytes[..]], &[&bytes[..1], &bytes[1..], &bytes[..9]]] {
        let whole = pieces.concat();
        for algorithms in [&Algorithm::ALL[..], &[Algorithm::Sha1]] {
            let mut hashing = platform.hashing(algorithms);
            for piece in pieces {
                hashing.update(piece).await.map_err(|error| failed(&error))?;
            }
            let digests = hashing.finish().await.map_err(|error| failed(&error))?;
            let expected: Vec<Digest> =
                algorithms.iter().map(|algorithm| Digest::of(*algorithm, &whole)).collect();
            equal("digests", &digests, &expected)?;
        }
    }
    Ok(())
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

/// Uploads a part of what is there, whatever it is declared to be.
async fn upload<P: Platform>(
    platform: &P,
    place: (&str, &str, u16),
    body: Body,
    length: usize,
) -> Result<(UploadPart, Bytes), PlatformError> {
    let ((key, upload, number), mut seen) = (place, Vec::new());
    let show = &mut |piece: &[u8]| seen.extend_from_slice(piece);
    let part = platform.blobs().upload_part(key, upload, number, body, length as u64, show).await?;
    Ok((part, seen.into()))
}

async fn parts<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let parts = [sample(1, PART), sample(2, 1_000)];
    let source = format!("{key}/source");
    create(platform, &source, &parts[0]).await?;
    let stored = open(platform, &source, None).await?.ok_or("absent")?.body;
    let blobs = platform.blobs();
    let work = async {
        let id = blobs.begin_upload(&key).await?;
        let second = upload(platform, (&key, &id, 2), Body::from(parts[1].clone()), parts[1].len()).await?;
        let first = upload(platform, (&key, &id, 1), stored, PART).await?;
        blobs.complete_upload(&key, &id, &[first.0, second.0]).await?;
        Ok((first.1, second.1))
    };
    let (first, second) = work.await.map_err(|error: PlatformError| failed(&error))?;
    ensure([first, second] == parts, || "other bytes were seen than passed".to_owned())?;
    assert_content(platform, &key, &Bytes::from(parts.concat())).await?;
    remove(platform, &source).await?;
    remove(platform, &key).await
}

/// A part of another length fails, and can be sent again.
async fn part_lengths<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let (source, bytes) = (format!("{key}/source"), sample(1, 300_000));
    create(platform, &source, &bytes).await?;
    let id = platform.blobs().begin_upload(&key).await.map_err(|error| failed(&error))?;
    for length in [1, 299_999, 300_001] {
        let stored = open(platform, &source, None).await?.ok_or("absent")?.body;
        for body in [stored, Body::Stream(pieces(&bytes, None))] {
            let outcome = upload(platform, (&key, &id, 1), body, length).await;
            ensure(matches!(outcome, Err(PlatformError::Cut(_))), || format!("{length}: {outcome:?}"))?;
        }
    }
    let broken = Body::Stream(pieces(&bytes, Some(PlatformError::Cut("on purpose".to_owned()))));
    let outcome = upload(platform, (&key, &id, 1), broken, bytes.len() + 1).await;
    ensure(matches!(outcome, Err(PlatformError::Cut(_))), || format!("broken: {outcome:?}"))?;
    let work = async {
        let body = Body::Stream(pieces(&bytes, None));
        let (part, seen) = upload(platform, (&key, &id, 1), body, bytes.len()).await?;
        platform.blobs().complete_upload(&key, &id, &[part]).await?;
        Ok(seen)
    };
    let seen = work.await.map_err(|error: PlatformError| failed(&error))?;
    ensure(seen == bytes, || "other bytes were seen than passed".to_owned())?;
    assert_content(platform, &key, &bytes).await?;
    remove(platform, &source).await?;
    remove(platform, &key).await
}

async fn abort<P: Platform>(platform: &P, key: String) -> Result<(), String> {
    let blobs = platform.blobs();
    let work = async {
        let id = blobs.begin_upload(&key).await?;
        let (part, _) = upload(platform, (&key, &id, 1), Body::from(sample(1, 1_000)), 1_000).await?;
        blobs.abort_upload(&key, &id).await?;
        Ok((id, part))
    };
    let (upload, part) = work.await.map_err(|error: PlatformError| failed(&error))?;
    let completed = blobs.complete_upload(&key, &upload, &[part]).await;
    ensure(completed.is_err(), || "an aborted upload was completed".to_owned())?;
    assert_absent(platform, &key).await
}
