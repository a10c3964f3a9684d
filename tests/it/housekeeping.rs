//! Cron as a whole: what each of its steps does, and that none waits for another.

use crate::support::TestServer;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::{OrganizationName, Retention, Role, Timestamp};
use edgefeed::platform::Platform as _;
use edgefeed::platform::memory::{Fault, Operation};
use edgefeed::service::feed_bin;
use edgefeed::store::keys;
use futures_executor::block_on;
use serde_json::{Value, json};

const DAYS: u64 = 24 * 3600;

/// Something that is due, which the step `task` of cron does.
struct Due {
    task: &'static str,
    /// Where that step looks first.
    place: &'static str,
    /// What is stored, in full or in part of its key, until it was done.
    left: String,
}

/// A server with something due for every step, and what that is.
fn with_work() -> (TestServer, Vec<Due>) {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0");
    for version in ["1.0.0", "1.1.0"] {
        server.collaborator().download("lib", version).expect(200);
        server.advance(1);
    }
    server.advance(31 * DAYS);
    let days_to_keep_recently_downloaded_packages = 30;
    let policy =
        Retention { count_limit: 1, days_to_keep_recently_downloaded_packages, drop_saved_versions: true };
    server.edit_feed("main", |feed| feed.retention = Some(policy.clone()));
    let main = server.feed("main").id;
    let put = |key: &str, content: &Value| server.platform.put_object(key, content.to_string());
    put(&keys::retention(&main), &json!({}));
    server.housekeeping();
    for (name, version) in [("binned", "1.0.0"), ("unused", "1.0.0"), ("unused", "1.1.0")] {
        server.contributor().publish(name, version).expect(201);
    }
    owner_does(&server, "main", "binned", Verb::Delete("1.0.0")).unwrap();
    let gone = server.add_feed("gone", vec![]);
    let now = server.platform.now();
    block_on(feed_bin::announce(&server.platform, &gone, now)).unwrap();
    server.edit_feed("gone", |feed| (feed.deleted, feed.purged) = (Some(now), Some(now)));
    let abandoned = keys::staging(&main, &keys::timed_id(now, &[7]));
    put(&abandoned, &Value::Null);
    server.advance(32 * DAYS);
    let now = server.platform.now();
    let emptying = keys::emptying(&server.add_feed("other", vec![]).id, now);
    put(&emptying, &json!(""));
    let log = keys::organization_log(&OrganizationName::parse("acme").unwrap());
    let entry = keys::log_entry(&log, Timestamp::from_millis(now.millis() - 400 * 24 * 3_600_000), [7; 4]);
    put(&entry, &json!({}));
    let repair = format!("v1/repair/{}/npm/lib/1.1.0", main.as_str());
    put(&repair, &json!({ "failed": now }));
    let usage = keys::usage(now, &[7]);
    let subjects = "A".repeat(171) + "=";
    let counted = json!({ "1.1.0": { "count": 1, "last": now, "subjects": subjects } });
    put(&usage, &json!({ (format!("{}/npm/lib", main.as_str())): counted }));
    let due = |task, place, left: &str| Due { task, place, left: left.to_owned() };
    let all = vec![
        due("rebuild indexes", keys::REPAIRS, &repair),
        due("fold counted downloads", keys::USAGE, &usage),
        due("remove bytes of dropped versions", "v1/housekeeping/dropped", "/npm/lib/files/1.0.0/"),
        due("empty recycle bins", keys::EMPTYING, &emptying),
        due("purge after 30 days", "v1/housekeeping/bins", "/npm/binned/files/1.0.0/"),
        due("sweep uploads", keys::STAGING, &abandoned),
        due("forget log entries", "v1/housekeeping/log", &entry),
        due("remove deleted feeds", keys::EXPIRIES, &keys::feed(&gone.id)),
        due("apply retention policies", "v1/housekeeping/retention", "/npm/unused/slots/1.0.0 live"),
    ];
    (server, all)
}

/// What was not done.
fn left(server: &TestServer, all: &[Due]) -> Vec<&'static str> {
    // A version that is removed keeps its slot: its state tells.
    let stored = server.platform.stored_keys().into_iter().map(|key| {
        let bytes = server.platform.object(&key).unwrap_or_default();
        let live = serde_json::from_slice(&bytes).is_ok_and(|slot: Value| slot["state"]["name"] == "live");
        if live { format!("{key} live") } else { key }
    });
    let stored: Vec<String> = stored.collect();
    let is_left = |due: &&Due| stored.iter().any(|key| key.contains(&due.left));
    all.iter().filter(is_left).map(|due| due.task).collect()
}

#[test]
fn a_step_that_fails_does_not_keep_the_others() {
    let (server, all) = with_work();
    assert_eq!(left(&server, &all).len(), all.len(), "all of it is due");
    server.housekeeping();
    assert_eq!(left(&server, &all), [""; 0], "and is done");
    for (index, failing) in all.iter().enumerate() {
        let (server, all) = with_work();
        // Lists are made once. What is read is tried again.
        let is_cursor = failing.place.starts_with("v1/housekeeping/");
        let fault = if is_cursor { Fault::any().times(usize::MAX) } else { Fault::of(Operation::List) };
        server.platform.faults().add(fault.on(failing.place));
        server.housekeeping();
        assert_eq!(left(&server, &all), [all[index].task]);
        let lines = server.platform.log_lines();
        let told =
            lines.iter().any(|line| line.contains("\"housekeeping\"") && line.contains("injected fault"));
        assert!(told, "{}: {lines:?}", failing.task);
        server.platform.faults().clear();
        server.housekeeping();
        assert_eq!(left(&server, &all), [""; 0], "{}: done next time", failing.task);
    }
}

/// Neither an order that does not read back nor a slot that does not.
#[test]
fn a_bin_that_cannot_be_emptied_does_not_keep_the_others() {
    let server = TestServer::empty();
    for damaged in ["order", "slot", "nothing"] {
        let feed = server.add_feed(damaged, vec![]).id;
        server.role(damaged, Role::Owner).publish("lib", "1.0.0").expect(201);
        owner_does(&server, damaged, "lib", Verb::Delete("1.0.0")).unwrap();
        let order = if damaged == "order" { "not JSON" } else { "\"\"" };
        server.platform.put_object(&keys::emptying(&feed, server.platform.now()), order);
        if damaged == "slot" {
            let slot = server.key(&[feed.as_str(), "/slots/1.0.0"]);
            server.platform.put_object(&slot, "not JSON");
        }
    }
    server.housekeeping();
    let feed = server.feed("slot").id;
    server.key(&[feed.as_str(), keys::EMPTYING]);
    server.key(&[feed.as_str(), keys::BINS]);
    let stored = server.platform.stored_keys();
    let left = |place: &str| stored.iter().filter(|key| key.starts_with(place)).count();
    assert_eq!((left(keys::EMPTYING), left(keys::BINS)), (1, 1), "the others are done");
    assert!(server.platform.log_lines().iter().any(|line| line.contains("/slots/1.0.0")), "and it is told");
}

#[test]
fn a_slot_that_does_not_read_back_does_not_keep_the_others() {
    let server = TestServer::empty();
    let main = server.add_feed("main", vec![]).id;
    for name in ["damaged", "other"] {
        server.contributor().publish(name, "1.0.0").expect(201);
        owner_does(&server, "main", name, Verb::Delete("1.0.0")).unwrap();
        block_on(server.platform.run_background());
        let note = format!("v1/repair/{}/npm/{name}/1.0.0", main.as_str());
        server.platform.put_object(&note, json!({ "failed": server.platform.now() }).to_string());
    }
    server.platform.put_object(&server.key(&["/damaged/slots/"]), "not JSON");
    server.platform.remove_object(&server.key(&["/other/index.json"]));
    server.advance(31 * DAYS);
    server.housekeeping();
    server.key(&["/other/index.json"]);
    server.key(&[keys::REPAIRS]);
    assert!(server.platform.log_lines().iter().any(|line| line.contains("/damaged/slots/")), "it is told");
    server.housekeeping();
    let files: Vec<_> =
        server.platform.stored_keys().into_iter().filter(|key| key.contains("/files/")).collect();
    assert!(files.len() == 1 && files[0].contains("/damaged/"), "{files:?}");
}
