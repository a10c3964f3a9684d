use super::*;
use crate::model::Algorithm;
use crate::platform::memory::{Fault, MemoryPlatform, Operation};
use crate::platform::{ByteStream, once};
use crate::service::tests::context_of as context;
use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::join;
use std::time::Duration;

/// Bytes of a part here.
const SMALL: u64 = 1_000;

fn platform() -> MemoryPlatform {
    let platform = MemoryPlatform::new();
    platform.take_small_parts(true);
    platform
}

fn sample(length: u64) -> Bytes {
    (0..length).map(|index| u8::try_from(index * 31 % 251).unwrap()).collect()
}

fn part(bytes: &Bytes, number: u64) -> Bytes {
    let start = usize::try_from((number - 1) * SMALL).unwrap();
    bytes.slice(start..bytes.len().min(start + usize::try_from(SMALL).unwrap()))
}

fn stream(bytes: Bytes) -> Body {
    Body::Stream(once(bytes))
}

/// Where the bytes go.
fn target() -> String {
    "v1/pkg/target".to_owned()
}

async fn begin_small(
    context: &FeedContext<MemoryPlatform>,
    size: u64,
    sha256: Option<Digest>,
) -> Result<Progress> {
    begin_in_parts(context, Some(target()), size, sha256, SMALL).await
}

/// What a client does: it sends parts until all are there, and asks where it is whenever something failed.
async fn send(context: &FeedContext<MemoryPlatform>, bytes: &Bytes) -> Progress {
    let digest = Some(Digest::of(Algorithm::Sha256, bytes));
    let mut progress = None;
    for _ in 0..20 {
        let Some(Progress { id, received, parts, .. }) = &progress else {
            progress = begin_small(context, bytes.len() as u64, digest.clone()).await.ok();
            continue;
        };
        let number = (received + 1).min(*parts);
        match put_part(context, id, number, stream(part(bytes, number))).await {
            Ok(done) if done.received == done.parts => return done,
            Ok(next) => progress = Some(next),
            Err(_) => progress = find(context, id).await.ok().or(progress),
        }
    }
    panic!("twenty requests did not do: {progress:?}")
}

#[test]
fn parts_become_content_without_being_read_back() {
    let (platform, bytes) = (platform(), sample(2_500));
    let context = context(&platform, "one");
    let done = block_on(send(&context, &bytes));
    assert_eq!((done.received, done.parts), (3, 3));
    assert_eq!(done.digest, Some(Digest::of(Algorithm::Sha256, &bytes)));
    assert_eq!(platform.object(&target()), Some(bytes.clone()));
    let is_read =
        |(operation, key): &(Operation, String)| *operation == Operation::OpenBlob && *key == target();
    assert!(!platform.operation_log().iter().any(is_read), "nothing is read back");
    let staged = block_on(content(&context, &done.id)).unwrap();
    assert_eq!((staged.size(), staged.digests()), (2_500, &[done.digest.unwrap()][..]));
    assert_eq!(platform.open_uploads(), 0);
}

#[test]
fn whatever_fails_once_the_client_comes_through() {
    let bytes = sample(2_500);
    let counted = platform();
    block_on(send(&context(&counted, "one"), &bytes));
    let operations = counted.operation_log().len();
    assert!(operations > 10, "{operations}");
    for nth in 1..=operations {
        for is_after in [false, true] {
            let platform = platform();
            let error = PlatformError::Other("injected".to_owned());
            let fault = Fault::any().nth(nth);
            platform.faults().add(if is_after { fault.after(error) } else { fault.before(error) });
            block_on(send(&context(&platform, "one"), &bytes));
            assert_eq!(platform.faults().fired(), 1);
            assert_eq!(platform.object(&target()), Some(bytes.clone()), "operation {nth} {is_after}");
        }
    }
}

#[test]
fn a_part_that_breaks_off_is_sent_again() {
    let (platform, bytes) = (platform(), sample(1_500));
    let context = context(&platform, "one");
    let begun = block_on(begin_small(&context, 1_500, None)).unwrap();
    let cut: ByteStream = Box::pin(futures_util::stream::iter([
        Ok(bytes.slice(..300)),
        Err(PlatformError::Cut("the client hung up".to_owned())),
    ]));
    assert!(block_on(put_part(&context, &begun.id, 1, Body::Stream(cut))).is_err());
    assert!(block_on(put_part(&context, &begun.id, 1, stream(bytes.slice(..999)))).is_err());
    assert!(block_on(put_part(&context, &begun.id, 1, stream(bytes.slice(..1_001)))).is_err());
    assert_eq!(block_on(find(&context, &begun.id)).unwrap(), begun);
    for number in [1, 2] {
        block_on(put_part(&context, &begun.id, number, stream(part(&bytes, number)))).unwrap();
    }
    assert_eq!(platform.object(&target()), Some(bytes));
}

#[test]
fn only_the_next_part_is_taken_and_the_last_one_is_done() {
    let (platform, bytes) = (platform(), sample(2_500));
    let context = context(&platform, "one");
    let id = block_on(begin_small(&context, 2_500, None)).unwrap().id;
    let put =
        |number: u64| block_on(put_part(&context, &id, number, stream(part(&bytes, number.clamp(1, 3)))));
    for wrong in [0, 2, 3, 70_000] {
        let error = put(wrong).unwrap_err();
        assert_eq!(error.to_string(), "part 1 of 3 of this upload is expected", "{wrong}");
    }
    assert_eq!(put(1).unwrap(), put(1).unwrap(), "a repeated part");
    put(2).unwrap();
    assert_eq!(put(1).unwrap_err().to_string(), "part 3 of 3 of this upload is expected");
    assert!(block_on(content(&context, &id)).is_err(), "it is not complete");
    let done = put(3).unwrap();
    assert_eq!(put(3).unwrap(), done, "a repeated part");
    assert_eq!(put(4).unwrap_err().to_string(), "all 3 parts of this upload are there");
}

#[test]
fn one_part_sent_twice_at_the_same_time_counts_once() {
    let (platform, bytes) = (platform(), sample(1_500));
    let context = context(&platform, "one");
    let id = block_on(begin_small(&context, 1_500, None)).unwrap().id;
    let put = |number: u64| put_part(&context, &id, number, stream(part(&bytes, number)));
    for number in [1, 2] {
        let (one, other) = block_on(join(put(number), put(number)));
        assert_eq!((one.unwrap().received, other.unwrap().received), (number, number));
    }
    assert_eq!(platform.object(&target()), Some(bytes));
}

#[test]
fn other_bytes_than_were_declared_leave_nothing() {
    let (platform, bytes) = (platform(), sample(1_500));
    let context = context(&platform, "one");
    let digest = Digest::of(Algorithm::Sha256, b"something else");
    let id = block_on(begin_small(&context, 1_500, Some(digest))).unwrap().id;
    block_on(put_part(&context, &id, 1, stream(part(&bytes, 1)))).unwrap();
    let error = block_on(put_part(&context, &id, 2, stream(part(&bytes, 2)))).unwrap_err();
    assert!(error.to_string().contains("not the one declared"), "{error}");
    assert_eq!((platform.stored_keys(), platform.open_uploads()), (Vec::new(), 0));
    assert!(matches!(*block_on(find(&context, &id)).unwrap_err(), Error::NotFound(_)));
}

#[test]
fn uploads_are_their_holders_own() {
    let platform = platform();
    let (mine, theirs) = (context(&platform, "one"), context(&platform, "two"));
    let id = block_on(begin_small(&mine, 1_500, None)).unwrap().id;
    for outcome in [
        block_on(find(&theirs, &id)).map(|_| ()),
        block_on(put_part(&theirs, &id, 1, stream(sample(1_000)))).map(|_| ()),
        block_on(content(&theirs, &id)).map(|_| ()),
        block_on(abandon(&theirs, &id)),
        block_on(find(&mine, "../x")).map(|_| ()),
    ] {
        assert!(matches!(*outcome.unwrap_err(), Error::NotFound(_)));
    }
    block_on(abandon(&mine, &id)).unwrap();
    assert_eq!((platform.stored_keys(), platform.open_uploads()), (Vec::new(), 0));
}

#[test]
fn sizes_have_bounds() {
    let context = context(&platform(), "one");
    let ask = |size| block_on(begin(&context, None, size, None));
    assert!(matches!(*ask(0).unwrap_err(), Error::Invalid(_)));
    assert!(matches!(*ask(PART * PARTS + 1).unwrap_err(), Error::TooLarge { .. }));
    assert_eq!(ask(PART * PARTS).unwrap().parts, PARTS);
    assert_eq!(ask(1).unwrap().parts, 1);
}

#[test]
fn what_nobody_finishes_in_a_week_is_given_up() {
    let platform = platform();
    let context = context(&platform, "one");
    let old = block_on(begin_small(&context, 1_500, None)).unwrap().id;
    platform.advance(places::LIFETIME);
    let young = block_on(begin_small(&context, 1_500, None)).unwrap().id;
    assert_eq!(block_on(expire(&platform, 1)).unwrap(), 0, "not yet");
    platform.advance(Duration::from_secs(1));
    // A page of one: the second run looks at the other upload, the third begins anew.
    let expired: usize = (0..3).map(|_| block_on(expire(&platform, 1)).unwrap()).sum();
    assert_eq!((expired, platform.open_uploads()), (1, 1));
    assert!(block_on(find(&context, &old)).is_err());
    assert!(block_on(find(&context, &young)).is_ok());
}
