use super::*;
use crate::platform::{
    BlobStore as _, Body, Expected, Headers, HttpClient as _, KeyValueStore as _, OutgoingRequest,
    PlatformError, PutOutcome, RecordStore, Written,
};
use futures_executor::block_on;
use futures_util::future::join;

const MINUTE: Duration = Duration::from_mins(1);

async fn kv_text(platform: &MemoryPlatform, key: &str) -> Option<String> {
    let entry = platform.kv().get(key).await.unwrap()?;
    Some(String::from_utf8(entry.body.collect(100).await.unwrap().to_vec()).unwrap())
}

fn request(url: &str) -> OutgoingRequest {
    OutgoingRequest {
        method: ::http::Method::GET,
        url: url.parse().unwrap(),
        headers: Headers::new(),
        body: Body::Empty,
        timeout: Duration::from_secs(10),
    }
}

#[test]
fn stale_kv_answers_as_it_was_also_about_what_was_not_there() {
    let platform = MemoryPlatform::new();
    block_on(async {
        platform.set_kv_staleness(MINUTE);
        platform.kv().put("key", "one".into(), "{}", MINUTE * 10).await.unwrap();
        assert_eq!(kv_text(&platform, "key").await, None, "a minute ago it was not there");
        platform.advance(MINUTE);
        assert_eq!(kv_text(&platform, "key").await.as_deref(), Some("one"));
        platform.kv().delete("key").await.unwrap();
        assert_eq!(kv_text(&platform, "key").await.as_deref(), Some("one"), "a minute ago it was there");
        assert!(platform.kv_keys().is_empty());
        platform.advance(MINUTE);
        assert_eq!(kv_text(&platform, "key").await, None);
    });
}

#[test]
fn kv_values_expire() {
    let platform = MemoryPlatform::new();
    block_on(async {
        platform.kv().put("key", "one".into(), "{}", MINUTE).await.unwrap();
        platform.advance(MINUTE);
        assert_eq!(kv_text(&platform, "key").await, None);
        let long = "x".repeat(1_025);
        assert!(platform.kv().put("key", "one".into(), &long, MINUTE).await.is_err());
        assert!(platform.kv().put("key", "one".into(), "", MINUTE / 2).await.is_err());
        assert!(platform.kv().get(&"k".repeat(513)).await.is_err());
    });
}

#[test]
fn a_fault_before_changes_nothing_and_a_fault_after_does() {
    let platform = MemoryPlatform::new();
    block_on(async {
        let records = platform.records();
        platform.faults().add(Fault::of(Operation::Create).on("a/").before(PlatformError::TimedOut));
        platform.faults().add(Fault::of(Operation::Create).on("b/").nth(2).after(PlatformError::TimedOut));
        assert_eq!(records.create("a/1", "x".into()).await, Err(PlatformError::TimedOut));
        assert!(platform.object("a/1").is_none());
        assert!(matches!(records.create("a/1", "x".into()).await, Ok(Written::Yes(_))));
        assert!(matches!(records.create("b/1", "x".into()).await, Ok(Written::Yes(_))));
        assert_eq!(records.create("b/2", "x".into()).await, Err(PlatformError::TimedOut));
        assert_eq!(platform.stored_keys(), ["a/1", "b/1", "b/2"]);
        assert_eq!(platform.faults().fired(), 2);
        assert_eq!(platform.operation_log().len(), 4);
    });
}

#[test]
fn somebody_else_can_win_a_race() {
    let platform = MemoryPlatform::new();
    // Else it is refused because of the rival's write, and nobody sees who won.
    platform.limit_writes(false);
    let rival = platform.clone();
    platform.faults().add(Fault::of(Operation::Create).meanwhile(move || rival.put_object("key", "theirs")));
    assert_eq!(block_on(platform.records().create("key", "ours".into())), Ok(Written::No));
    assert_eq!(platform.object("key").as_deref(), Some(b"theirs".as_slice()));
}

#[test]
fn content_can_break_off() {
    let platform = MemoryPlatform::new();
    platform.put_object("blob", vec![7; 100_000]);
    platform.faults().add(Fault::of(Operation::OpenBlob).cut(70_000));
    block_on(async {
        let blob = platform.blobs().open("blob", None).await.unwrap().unwrap();
        assert_eq!(blob.body.length(), Some(100_000));
        let expected = Expected { length: 100_000, digest: None };
        let copied = platform.blobs().create("copy", blob.body, &expected).await;
        assert!(matches!(copied, Err(PlatformError::Cut(_))));
        assert_eq!(platform.stored_keys(), ["blob"]);
        let blob = platform.blobs().open("blob", None).await.unwrap().unwrap();
        assert_eq!(platform.blobs().create("copy", blob.body, &expected).await, Ok(PutOutcome::Created));
    });
}

#[test]
fn one_write_per_second_and_key() {
    let platform = MemoryPlatform::new();
    block_on(async {
        platform.records().overwrite("key", "1".into()).await.unwrap();
        assert_eq!(platform.records().overwrite("key", "2".into()).await, Err(PlatformError::Contended));
        platform.records().overwrite("other", "2".into()).await.unwrap();
        platform.sleep(Duration::from_secs(1)).await;
        platform.records().overwrite("key", "2".into()).await.unwrap();
    });
}

#[test]
fn joined_operations_interleave() {
    let platform = MemoryPlatform::new();
    let twice = async |name: &str| {
        platform.records().head(name).await.unwrap();
        platform.records().head(name).await.unwrap();
    };
    block_on(join(twice("left"), twice("right")));
    let keys: Vec<String> = platform.operation_log().into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, ["left", "right", "left", "right"]);
}

#[test]
fn background_tasks_run_when_told_and_may_start_others() {
    let platform = MemoryPlatform::new();
    let inner = platform.clone();
    platform.in_background(async move {
        let innermost = inner.clone();
        inner.in_background(async move { innermost.put_object("done", "") });
    });
    assert!(platform.stored_keys().is_empty());
    block_on(platform.run_background());
    assert_eq!(platform.stored_keys(), ["done"]);
}

#[test]
fn upstreams_follow_their_script() {
    let platform = MemoryPlatform::new();
    platform.upstream().on(|_| Reply::status(404));
    platform.upstream().route("https://a.example/x", |request| {
        Reply::ok(request.url.path().to_owned()).header("etag", "\"1\"").cut_after(1)
    });
    platform.upstream().route("https://slow.example/", |_| Reply::time_out());
    block_on(async {
        let before = platform.now();
        let answer = platform.http().send(request("https://slow.example/")).await;
        assert_eq!(answer.err(), Some(PlatformError::TimedOut));
        assert_eq!(platform.now().since(before), Duration::from_secs(10));
        assert_eq!(platform.http().send(request("https://a.example/")).await.unwrap().status, 404);
        let answer = platform.http().send(request("https://a.example/x")).await.unwrap();
        assert_eq!((answer.headers.get("etag"), answer.body.length()), (Some("\"1\""), Some(2)));
        assert!(matches!(answer.body.collect(10).await, Err(PlatformError::Cut(_))));
        assert_eq!(platform.upstream().urls().len(), 3);
    });
}

#[test]
fn counts_are_per_request_and_memory_is_per_location() {
    let platform = MemoryPlatform::new();
    let request = platform.for_request();
    block_on(request.records().get("key")).unwrap();
    assert_eq!(request.counts().list()[0], ("r2", 1));
    assert_eq!(platform.counts().list()[0], ("r2", 0));
    request.memo().put("key".into(), Rc::new(1), 1, platform.now(), MINUTE);
    assert!(platform.memo().get::<i32>("key", platform.now()).is_some());
    assert!(platform.elsewhere().memo().get::<i32>("key", platform.now()).is_none());
}

/// As in production, where the seventh of a request waits for one of six.
#[test]
fn six_operations_are_under_way_at_once() {
    let platform = MemoryPlatform::new();
    let under_way = || platform.shared.world.connections.get();
    let twenty = || futures_util::future::join_all((0..20).map(|_| platform.records().get("key")));
    let poll = |future: &mut _| {
        let waker = futures_util::task::noop_waker();
        let mut context = std::task::Context::from_waker(&waker);
        std::future::Future::poll(Pin::new(future), &mut context).is_pending()
    };
    let mut given_up = twenty();
    assert!(poll(&mut given_up));
    assert_eq!((under_way(), platform.operation_log().len()), (world::CONNECTIONS, 0));
    drop(given_up);
    assert_eq!(under_way(), 0);
    assert_eq!(block_on(twenty()).len(), 20);
    assert_eq!((under_way(), platform.operation_log().len()), (0, 20));
}
