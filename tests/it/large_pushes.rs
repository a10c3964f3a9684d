//! What is too large to be held: it stays where it was taken in, and goes when its version does.

use crate::maven::support::{path, root, server};
use crate::support::verbs::{Verb, owner_does};
use crate::support::{Client, Reply, TestServer};
use edgefeed::model::{Algorithm, Digest};
use edgefeed::platform::memory::Operation;
use futures_executor::block_on;
use futures_util::future::join;
use http::Method;

const DAY: u64 = 24 * 3600;

/// More than is held, which is 8 MiB.
fn large(seed: u8) -> Vec<u8> {
    let mut bytes = vec![seed; (8 << 20) + 100];
    bytes[..9].copy_from_slice(b"not a zip");
    bytes
}

fn jar() -> String {
    path("org.example:big", "1.0", "jar")
}

fn client(server: &TestServer) -> Client<'_> {
    server.contributor().at(&root("main"))
}

fn push(server: &TestServer, path: &str, seed: u8) -> Reply {
    client(server).send(Method::PUT, path, &[], large(seed).into())
}

fn served(server: &TestServer) -> Vec<u8> {
    server.reader().elsewhere().at(&root("main")).get(&jar()).expect(200).bytes().to_vec()
}

fn keys(server: &TestServer, part: &str) -> Vec<String> {
    server.platform.stored_keys().into_iter().filter(|key| key.contains(part)).collect()
}

#[test]
fn a_large_file_is_written_once_and_not_read_back() {
    let (server, _) = server();
    server.platform.clear_operation_log();
    push(&server, &jar(), 1).expect(201);
    let log = server.platform.operation_log();
    let of = |wanted: Operation| log.iter().filter(|(operation, _)| *operation == wanted).count();
    assert_eq!((of(Operation::UploadPart), of(Operation::PutBlob)), (2, 0));
    // The end of the archive is looked at, in case it is a plugin's.
    assert!(of(Operation::OpenBlob) <= 1, "{log:?}");
    assert!(keys(&server, "/files/").is_empty());
    assert!(served(&server) == large(1));
    for algorithm in Algorithm::ALL {
        let reply = client(&server).get(&format!("{}.{}", jar(), algorithm.name())).expect(200);
        assert_eq!(reply.text(), Digest::of(algorithm, &large(1)).hex());
    }
}

#[test]
fn the_same_bytes_again_succeed_and_others_do_not() {
    let (server, _) = server();
    push(&server, &jar(), 1).expect(201);
    let before = server.platform.stored_keys();
    push(&server, &jar(), 1).expect(200);
    push(&server, &jar(), 2).expect(409);
    assert_eq!(server.platform.stored_keys(), before, "nothing is left of them");
    assert!(served(&server) == large(1));
}

#[test]
fn its_bytes_go_when_the_version_does() {
    let (server, _) = server();
    push(&server, &jar(), 1).expect(201);
    let package = "maven:org.example:big";
    owner_does(&server, "main", package, Verb::Delete("1.0")).unwrap();
    assert_eq!(keys(&server, "v1/placed/").len(), 1, "it could be restored");
    owner_does(&server, "main", package, Verb::Restore("1.0")).unwrap();
    assert!(served(&server) == large(1));
    owner_does(&server, "main", package, Verb::Delete("1.0")).unwrap();
    owner_does(&server, "main", package, Verb::Purge("1.0")).unwrap();
    assert!(keys(&server, "v1/placed/").is_empty());
    server.advance(9 * DAY);
    server.housekeeping();
    assert!(keys(&server, "v1/staging/").is_empty());
}

#[test]
fn a_push_that_died_half_way_never_blocks_its_retry_and_leaves_nothing_in_the_end() {
    for steps in 1.. {
        let (server, _) = server();
        let done = client(&server).crash_after(steps, Method::PUT, &jar(), large(1).into()).is_some();
        let retry = client(&server).elsewhere().send(Method::PUT, &jar(), &[], large(1).into());
        assert!([200, 201].contains(&retry.status), "after {steps}: {}", retry.text());
        for days in [1, 9] {
            server.advance(days * DAY);
            server.housekeeping();
            assert!(served(&server) == large(1), "after {steps}");
        }
        let (placed, notes) = (keys(&server, "v1/placed/"), keys(&server, "v1/staging/"));
        assert_eq!((placed.len(), notes.len()), (1, 0), "after {steps}: {placed:?} {notes:?}");
        if done {
            assert!(steps > 10, "a crash test that did not crash");
            return;
        }
    }
}

#[test]
fn of_two_that_push_other_bytes_at_once_one_wins() {
    for other in [jar(), path("org.example:big", "1.0", "war")] {
        let (server, _) = server();
        push(&server, &other.replace("big-1.0", "big-1.0-first"), 9).expect(201);
        let (one, two) = (server.contributor(), server.contributor().elsewhere());
        let (one, two) = (one.at(&root("main")), two.at(&root("main")));
        let (first, second) = block_on(join(
            one.start(Method::PUT, &jar(), &[], large(1).into()),
            two.start(Method::PUT, &other, &[], large(2).into()),
        ));
        let mut statuses = [first.status, second.status];
        if other == jar() {
            let winner = if first.status == 201 { 1 } else { 2 };
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 409]);
            assert!(served(&server) == large(winner));
        } else {
            assert_eq!(statuses, [201, 201], "they are two files");
        }
    }
}

/// Without a number for the build, the name depends on what is there.
#[test]
fn of_two_builds_of_a_snapshot_at_once_one_is_to_try_again() {
    let (server, _) = server();
    let (one, two) = (server.contributor(), server.contributor().elsewhere());
    let (one, two) = (one.at(&root("main")), two.at(&root("main")));
    let snapshot = path("org.example:big", "1.0-SNAPSHOT", "jar");
    let (first, second) = block_on(join(
        one.start(Method::PUT, &snapshot, &[], large(1).into()),
        two.start(Method::PUT, &snapshot, &[], large(2).into()),
    ));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 503], "{} {}", first.text(), second.text());
    push(&server, &snapshot, 2).expect(201);
}

/// Uploads a body as one part, and answers the upload's id.
fn upload(client: &Client<'_>, bytes: &[u8]) -> String {
    let uploads = "https://edge.test/acme/_packaging/main/uploads";
    let wish = serde_json::json!({ "size": bytes.len() });
    let id = client.post(uploads, &wish).expect(201).json()["id"].as_str().unwrap().to_owned();
    client.send(Method::PUT, &format!("{uploads}/{id}?part=1"), &[], bytes.to_vec().into()).expect(200);
    id
}

#[test]
fn an_upload_becomes_one_file_and_no_other() {
    let (server, _) = server();
    let client = client(&server);
    let id = upload(&client, b"content");
    let publish = |path: &str| {
        block_on(client.start(
            Method::PUT,
            path,
            &[("edgefeed-upload", &id)],
            edgefeed::platform::Body::Empty,
        ))
    };
    server.platform.clear_operation_log();
    // Its request is over before the upload is removed: until then it can be referred to.
    publish(&jar()).expect(201);
    let reads = |(operation, key): &(Operation, String)| {
        *operation == Operation::OpenBlob && key.starts_with("v1/placed/")
    };
    assert!(server.platform.operation_log().iter().filter(|entry| reads(entry)).count() <= 1);
    publish(&jar()).expect(200);
    publish(&path("org.example:big", "1.0", "war")).expect(409);
    publish(&path("org.example:big", "1.1", "jar")).expect(409);
    block_on(server.platform.run_background());
    publish(&jar()).expect(404);
    server.advance(9 * DAY);
    server.housekeeping();
    assert_eq!((keys(&server, "v1/placed/").len(), keys(&server, "v1/staging/").len()), (1, 0));
    assert_eq!(served(&server), b"content");
}

#[test]
fn an_upload_that_nobody_publishes_goes() {
    let (server, _) = server();
    let client = client(&server);
    let (kept, given_up) = (upload(&client, b"content"), upload(&client, b"other"));
    let uploads = "https://edge.test/acme/_packaging/main/uploads";
    client.delete(&format!("{uploads}/{given_up}")).expect(204);
    assert_eq!(keys(&server, "v1/placed/").len(), 1);
    server.advance(6 * DAY);
    server.housekeeping();
    let headers = [("edgefeed-upload", kept.as_str())];
    let part = |path: &str| client.send(Method::PUT, path, &headers, edgefeed::platform::Body::Empty);
    server.advance(2 * DAY);
    part(&jar()).expect(409);
    server.advance(DAY);
    server.housekeeping();
    part(&jar()).expect(404);
    assert_eq!(keys(&server, "v1/placed/").len() + keys(&server, "v1/staging/").len(), 0);
}
