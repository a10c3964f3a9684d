//! What a feed keeps of each package: the policy, its trial, and cron's runs.

use super::FEEDS;
use super::rest::Server;
use edgefeed::model::{FeedId, PackageName, ProtocolId};
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::Fault;
use edgefeed::store::keys::PackagePath;
use futures_executor::block_on;
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn policy(server: &Server, body: Value) {
    server.call(&format!("PUT {FEEDS}/main/retentionpolicies"), &server.admin, body).expect(200);
}

fn cron(server: &Server) -> Value {
    block_on(edgefeed::server::scheduled(server.platform.for_request()));
    block_on(server.platform.run_background());
    serde_json::from_str(&server.platform.log_lines().pop().unwrap()).unwrap()
}

fn version(package: &str, number: &str) -> String {
    format!("{FEEDS}/main/npm/packages/{package}/versions/{number}")
}

/// The versions that are still there.
fn left(server: &Server, package: &str, numbers: &[&'static str]) -> Vec<&'static str> {
    let is_there = |number: &&&str| {
        let what = format!("GET {}", version(package, number));
        server.call(&what, &server.admin, Value::Null).status == 200
    };
    numbers.iter().filter(is_there).copied().collect()
}

fn doomed(server: &Server, method: &str, body: Value) -> Vec<String> {
    let what = format!("{method} {FEEDS}/main/retentionpolicies/preview");
    let page = server.call(&what, &server.admin, body).expect(200).body;
    let versions = page["value"].as_array().unwrap().iter();
    versions
        .map(|version| format!("{} {}", version["package"], version["version"]).replace('"', ""))
        .collect()
}

#[test]
fn a_policy_is_set_read_and_taken_back() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let call = |method: &str, body: Value| {
        server.call(&format!("{method} {FEEDS}/main/retentionpolicies"), &server.admin, body)
    };
    let none = call("GET", Value::Null).expect(200).body;
    assert_eq!((&none["countLimit"], &none["dropSavedVersions"]), (&Value::Null, &json!(false)));
    for body in [
        json!({}),
        json!({ "countLimit": 0 }),
        json!({ "countLimit": 5_001 }),
        json!({ "countLimit": "many" }),
        json!({ "countLimit": 5, "daysToKeepRecentlyDownloadedPackages": -1 }),
    ] {
        assert!(call("PUT", body).expect(400).message().contains("is a number from"));
    }
    let set = json!({ "countLimit": 5, "ageLimitInDays": 7, "dropSavedVersions": true });
    let answer = call("PUT", set).expect(200).body;
    assert_eq!(answer["daysToKeepRecentlyDownloadedPackages"], 30);
    assert_eq!(call("GET", Value::Null).expect(200).body, answer);
    call("DELETE", Value::Null).expect(204);
    assert_eq!(call("GET", Value::Null).expect(200).body, none);
    let trial = format!("GET {FEEDS}/main/retentionpolicies/preview");
    server.call(&trial, &server.admin, Value::Null).expect(400);
    cron(&server);
    assert!(
        server.platform.stored_keys().iter().all(|key| !key.contains("v1/retention/")),
        "cron forgets it"
    );
}

#[test]
fn the_oldest_go_that_nobody_used_and_nothing_else() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    let numbers = ["1.0.0", "1.9.0", "1.10.0", "2.0.0-rc.1", "2.0.0"];
    for number in numbers {
        server.publish(&feed, "lib", number);
    }
    server.publish(&feed, "few", "1.0.0");
    let promote = json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } });
    server.call(&format!("PATCH {}", version("lib", "1.0.0")), &server.admin, promote).expect(200);
    let one = json!({ "countLimit": 1, "daysToKeepRecentlyDownloadedPackages": 10 });
    policy(&server, one.clone());
    assert_eq!(cron(&server)["retired"], 0, "just added");
    server.platform.advance(9 * DAY);
    assert_eq!(doomed(&server, "GET", Value::Null), Vec::<String>::new());
    server.platform.advance(DAY);
    // In a view: neither goes nor counts. 1.9.0 was downloaded yesterday.
    let name = PackageName::new("lib", "lib");
    let path = PackagePath::new(&FeedId::parse(&feed).unwrap(), ProtocolId::new("npm"), &name);
    edgefeed::store::downloads::count(&server.platform, &path, "1.9.0", "somebody");
    block_on(server.platform.run_delayed());
    cron(&server);
    assert_eq!(left(&server, "lib", &numbers), ["1.0.0", "1.9.0", "2.0.0"]);
    server.platform.advance(11 * DAY);
    let three = json!({ "countLimit": 3, "daysToKeepRecentlyDownloadedPackages": 10 });
    assert_eq!(doomed(&server, "POST", three), Vec::<String>::new(), "a policy is tried and not set");
    assert_eq!(doomed(&server, "GET", Value::Null), ["lib 1.9.0"]);
    assert_eq!(cron(&server)["retired"], 1);
    assert_eq!(left(&server, "lib", &numbers), ["1.0.0", "2.0.0"], "the newest stays");
    assert_eq!(left(&server, "few", &["1.0.0"]), ["1.0.0"]);
    // As any deletion: in the recycle bin, and in the log.
    let bin = format!("GET {FEEDS}/main/npm/RecycleBin/packages/lib/versions/1.9.0");
    assert_eq!(server.call(&bin, &server.admin, Value::Null).expect(200).body["deletedBy"], "retention");
    let restore = bin.replace("GET", "PATCH");
    server.call(&restore, &server.admin, json!({ "deleted": false })).expect(200);
    server.platform.advance(2 * DAY);
    assert_eq!(cron(&server)["retired"], 0, "whoever restores a version needs it");
    server.platform.advance(Duration::from_secs(5));
    let audit =
        server.call(&format!("GET {FEEDS}/main/audit?$top=100"), &server.admin, Value::Null).expect(200);
    let entries = audit.body["value"].as_array().unwrap();
    let by_cron: Vec<_> = entries.iter().filter(|entry| entry["subject"] == "retention").collect();
    assert_eq!(by_cron.len(), 3);
    assert!(by_cron.iter().all(|entry| entry["action"] == "deleted" && entry["token"].is_null()));
}

#[test]
fn the_newest_is_kept_even_where_older_ones_were_used() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    server.publish(&feed, "lib", "2.0.0");
    server.platform.advance(40 * DAY);
    server.publish(&feed, "lib", "1.0.1");
    policy(&server, json!({ "countLimit": 1 }));
    cron(&server);
    assert_eq!(left(&server, "lib", &["1.0.1", "2.0.0"]), ["1.0.1", "2.0.0"]);
}

/// A run is as long as its budget, the next one goes on; and once a day is enough.
#[test]
fn cron_goes_through_thousands_of_packages_in_bounded_steps() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    let quiet = server.feed(json!({ "name": "quiet" }));
    for number in 0..1_200 {
        let package = format!("lib-{number:04}");
        server.publish(&feed, &package, "1.0.0");
        if number % 10 == 0 {
            server.publish(&feed, &package, "1.1.0");
            server.publish(&feed, &package, "1.2.0");
        }
    }
    for number in ["1.0.0", "1.1.0"] {
        server.publish(&quiet, "other", number);
    }
    server.platform.advance(31 * DAY);
    policy(&server, json!({ "countLimit": 1 }));
    let other = json!({ "countLimit": 1 });
    server.call(&format!("PUT {FEEDS}/quiet/retentionpolicies"), &server.admin, other).expect(200);
    let (mut retired, mut runs) = (0, 0);
    while retired < 241 {
        server.platform.clear_operation_log();
        retired += cron(&server)["retired"].as_u64().unwrap();
        let operations = server.platform.operation_log().len();
        assert!(operations < 3_500, "{operations} operations in a run");
        runs += 1;
        assert!(runs < 12, "{retired} after {runs} runs");
    }
    assert_eq!((retired, runs >= 3), (241, true), "{runs} runs");
    for _ in 0..8 {
        cron(&server);
    }
    server.platform.clear_operation_log();
    assert_eq!(cron(&server)["retired"], 0);
    let looks = server.platform.operation_log();
    let looks = looks.iter().filter(|(_, key)| key.contains("index.json") || key.contains("catalog"));
    assert_eq!(looks.count(), 0, "nothing is due");
    server.publish(&feed, "lib-0001", "0.9.0");
    server.platform.advance(DAY);
    policy(&server, json!({ "countLimit": 1, "daysToKeepRecentlyDownloadedPackages": 1 }));
    let again: u64 = (0..8).map(|_| cron(&server)["retired"].as_u64().unwrap()).sum();
    assert_eq!(again, 1, "the day after");
}

#[test]
fn one_package_that_cannot_be_read_does_not_keep_the_others() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    for package in ["a", "b", "c"] {
        for number in ["1.0.0", "1.1.0"] {
            server.publish(&feed, package, number);
        }
    }
    let index = server.platform.stored_keys().into_iter().find(|key| key.ends_with("/b/index.json")).unwrap();
    server.platform.put_object(&index, "damaged");
    server.platform.advance(31 * DAY);
    policy(&server, json!({ "countLimit": 1 }));
    assert_eq!(cron(&server)["retired"], 2);
}

/// A run that dies is taken up where it was.
#[test]
fn a_run_that_fails_is_gone_on_with() {
    for nth in 1..40 {
        let server = Server::new();
        let feed = server.feed(json!({ "name": "main" }));
        for package in ["a", "b"] {
            for number in ["1.0.0", "1.1.0"] {
                server.publish(&feed, package, number);
            }
        }
        server.platform.advance(31 * DAY);
        policy(&server, json!({ "countLimit": 1 }));
        let fault = Fault::any_write().nth(nth);
        let fault = if nth % 2 == 0 {
            fault.before(PlatformError::TimedOut)
        } else {
            fault.after(PlatformError::TimedOut)
        };
        server.platform.faults().add(fault);
        cron(&server);
        server.platform.faults().clear();
        server.platform.advance(DAY + DAY);
        cron(&server);
        for package in ["a", "b"] {
            assert_eq!(left(&server, package, &["1.0.0", "1.1.0"]), ["1.1.0"], "{package} after {nth}");
        }
    }
}

#[test]
fn a_trial_shows_a_page_at_a_time() {
    let server = Server::new();
    let feed = server.feed(json!({ "name": "main" }));
    for number in 0..450 {
        let package = format!("lib-{number:04}");
        server.publish(&feed, &package, "1.0.0");
        server.publish(&feed, &package, "1.1.0");
    }
    server.platform.advance(31 * DAY);
    let (mut seen, mut token, mut pages) = (0, String::new(), 0);
    loop {
        let what = format!("POST {FEEDS}/main/retentionpolicies/preview{token}");
        server.platform.clear_operation_log();
        let page = server.call(&what, &server.admin, json!({ "countLimit": 1 })).expect(200).body;
        assert!(server.platform.operation_log().len() < 450);
        seen += page["count"].as_u64().unwrap();
        pages += 1;
        let Some(next) = page["continuationToken"].as_str() else { break };
        token = format!("?continuationToken={}", next.replace('/', "%2F"));
    }
    assert_eq!((seen, pages), (450, 3));
    assert_eq!(left(&server, "lib-0000", &["1.0.0"]), ["1.0.0"], "nothing was removed");
}
