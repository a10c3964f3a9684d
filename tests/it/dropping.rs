//! Saved versions that retention drops, and that come again.

use crate::support::client::file;
use crate::support::documents::integrity;
use crate::support::{TestServer, is_done_within, tarball};
use edgefeed::model::Retention;
use edgefeed::platform::memory::Fault;
use edgefeed::platform::{Body, PlatformError};
use edgefeed::server;
use edgefeed::store::keys;
use futures_executor::block_on;
use http::Method;
use serde_json::Value;
use std::pin::pin;

const DAYS: u64 = 24 * 3600;

/// Feed `main` with two saved versions of `lib`, the older one unused for a month, and a policy that drops it.
fn with_unused() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0");
    for version in ["1.0.0", "1.1.0"] {
        server.collaborator().download("lib", version).expect(200);
        server.advance(1);
    }
    server.advance(31 * DAYS);
    server.edit_feed("main", |feed| {
        let days_to_keep_recently_downloaded_packages = 30;
        feed.retention = Some(Retention {
            count_limit: 1,
            days_to_keep_recently_downloaded_packages,
            drop_saved_versions: true,
        });
    });
    server.platform.put_object(&keys::retention(&server.feed("main").id), "{}");
    server
}

fn dropped() -> TestServer {
    let server = with_unused();
    server.housekeeping();
    assert_eq!(state(&server), "dropped");
    server.advance(1);
    server
}

/// Its bytes are removed, too.
fn emptied() -> TestServer {
    let server = dropped();
    server.advance(601);
    server.housekeeping();
    assert_eq!(state(&server), "emptied");
    server
}

fn slot(server: &TestServer) -> Value {
    let stored = server.platform.stored_keys().into_iter().find(|key| key.ends_with("/lib/slots/1.0.0"));
    serde_json::from_slice(&server.platform.object(&stored.unwrap()).unwrap()).unwrap()
}

fn state(server: &TestServer) -> String {
    slot(server)["state"]["name"].as_str().unwrap().to_owned()
}

fn has_bytes(server: &TestServer) -> bool {
    server.platform.stored_keys().iter().any(|key| key.contains("/lib/files/1.0.0/"))
}

#[test]
fn a_dropped_version_is_as_if_it_had_never_been_saved() {
    for server in [dropped(), emptied()] {
        let here = || server.reader().elsewhere();
        assert_eq!(here().versions("lib"), ["1.1.0"], "readers are shown what is here");
        here().download("lib", "1.0.0").expect(403);
        let all = server.collaborator().elsewhere();
        assert_eq!(all.versions("lib"), ["1.0.0", "1.1.0"], "who may save is offered it");
        assert_eq!(all.download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
        assert_eq!(here().versions("lib"), ["1.0.0", "1.1.0"]);
        assert_eq!(here().download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
        assert_eq!(
            server.deeds("main", "lib"),
            ["saved 1.0.0", "saved 1.1.0", "dropped 1.0.0", "saved 1.0.0"]
        );
        // It was used just now: it stays.
        for _ in 0..3 {
            server.advance(2 * DAYS);
            server.housekeeping();
        }
        assert_eq!(state(&server), "live");
        assert!(has_bytes(&server));
    }
}

#[test]
fn what_can_not_be_saved_again_goes_to_the_recycle_bin() {
    let server = with_unused();
    server.edit_feed("main", |feed| feed.upstream_sources.clear());
    server.housekeeping();
    assert_eq!(state(&server), "deleted");
    let server = with_unused();
    server.contributor().publish("own", "1.0.0").expect(201);
    server.contributor().publish("own", "1.1.0").expect(201);
    server.advance(31 * DAYS);
    server.housekeeping();
    assert_eq!(server.deeds("main", "own").last().unwrap(), "deleted 1.0.0");
}

#[test]
fn its_bytes_go_after_a_while_and_not_before() {
    let server = dropped();
    for _ in 0..3 {
        server.advance(150);
        server.housekeeping();
        assert!(has_bytes(&server));
    }
    server.advance(200);
    server.housekeeping();
    assert!(!has_bytes(&server));
    assert_eq!(state(&server), "emptied");
    assert!(server.platform.stored_keys().iter().all(|key| !key.contains("v1/dropped/")));
    assert_eq!(slot(&server)["former"].as_array().unwrap().len(), 1, "what it was is known for ever");
}

#[test]
fn while_its_bytes_are_there_they_are_not_fetched_again() {
    let server = dropped();
    let before = server.platform.upstream().sent().len();
    server.collaborator().elsewhere().download("lib", "1.0.0").expect(200);
    let sent = &server.platform.upstream().sent()[before..];
    assert!(sent.iter().all(|request| !format!("{request:?}").contains(".tgz")), "{sent:?}");
}

/// The registry has other bytes under the number, and says so, or says nothing of what they are.
fn replace(server: &TestServer, declares: bool) {
    let bytes = tarball("lib", "9.9.9-other");
    server.registry.add_with("lib", "1.0.0", |manifest| {
        let dist = manifest["dist"].as_object_mut().unwrap();
        dist.remove("shasum");
        dist.remove("integrity");
        if declares {
            dist.insert("integrity".to_owned(), integrity(&bytes).into());
        }
    });
    server.registry.replace_bytes("lib", "1.0.0", &bytes);
    server.advance(120);
    // Whoever lists it learns of it.
    server.collaborator().elsewhere().versions("lib");
}

/// One number means the same bytes for ever.
#[test]
fn other_bytes_are_not_taken_for_it() {
    for (server, declares) in [(dropped(), true), (emptied(), true), (emptied(), false)] {
        replace(&server, declares);
        let refused = server.collaborator().elsewhere().download("lib", "1.0.0").expect(502);
        assert!(
            refused.error().contains("other bytes than were saved from it before"),
            "{}",
            refused.error()
        );
        assert_ne!(state(&server), "live");
        server.reader().elsewhere().download("lib", "1.0.0").expect(403);
        // What was stored for it, if anything, is in nobody's way once the source is as it was.
        server.registry.add("lib", "1.0.0");
        server.advance(700);
        server.collaborator().elsewhere().versions("lib");
        let again = || server.collaborator().elsewhere().download("lib", "1.0.0");
        let again = (0..3).map(|_| again()).find(|reply| reply.status == 200);
        assert_eq!(again.unwrap().bytes(), tarball("lib", "1.0.0"), "{declares}");
    }
}

#[test]
fn its_number_is_not_published() {
    for server in [dropped(), emptied()] {
        server.edit_feed("main", |feed| feed.allow_upstream_name_conflict = true);
        let refused = server.contributor().elsewhere().publish("lib", "1.0.0");
        assert!(refused.status >= 400, "{}", refused.text());
        assert!(refused.error().contains("is already in this feed"), "{}", refused.error());
        assert_ne!(state(&server), "live");
    }
}

#[test]
fn an_owner_deletes_it_for_good() {
    use crate::support::verbs::{Verb, owner_does};
    let server = dropped();
    owner_does(&server, "main", "lib", Verb::Delete("1.0.0")).unwrap();
    assert_eq!(state(&server), "deleted");
    server.collaborator().elsewhere().download("lib", "1.0.0").expect(404);
    server.advance(601);
    server.housekeeping();
    assert!(has_bytes(&server), "they belong to the recycle bin now");
    owner_does(&server, "main", "lib", Verb::Restore("1.0.0")).unwrap();
    assert_eq!(
        server.reader().elsewhere().download("lib", "1.0.0").expect(200).bytes(),
        tarball("lib", "1.0.0")
    );
    let server = emptied();
    owner_does(&server, "main", "lib", Verb::Delete("1.0.0")).unwrap();
    server.collaborator().elsewhere().download("lib", "1.0.0").expect(404);
    assert!(owner_does(&server, "main", "lib", Verb::Restore("1.0.0")).is_err(), "nothing is left of it");
    for verb in [Verb::Promote("1.0.0", "Release"), Verb::Restore("1.0.0")] {
        assert!(owner_does(&dropped(), "main", "lib", verb).is_err());
    }
}

/// Lets cron die after so many steps.
fn cron_crashes(server: &TestServer, steps: usize) -> bool {
    let done = is_done_within(steps, pin!(server::scheduled(server.platform.for_request())));
    server.platform.abandon_background();
    done
}

/// Whatever was half done when cron died: nobody is served anything wrong meanwhile, and in the end the version is
/// dropped, its bytes are gone, the log tells of it, and it can be saved again.
#[test]
fn cron_may_die_at_any_step() {
    let crashes = |prepare: &dyn Fn() -> TestServer| {
        for steps in 1..400 {
            let server = prepare();
            let done = cron_crashes(&server, steps);
            for _ in 0..4 {
                server.advance(2_000);
                server.housekeeping();
            }
            server.advance(DAYS);
            server.housekeeping();
            server.advance(2_000);
            server.housekeeping();
            assert_eq!(state(&server), "emptied", "after {steps}");
            assert!(!has_bytes(&server), "after {steps}");
            assert!(server.deeds("main", "lib").contains(&"dropped 1.0.0".to_owned()), "after {steps}");
            assert_eq!(server.reader().elsewhere().versions("lib"), ["1.1.0"], "after {steps}");
            let again = server.collaborator().elsewhere().download("lib", "1.0.0").expect(200);
            assert_eq!(again.bytes(), tarball("lib", "1.0.0"), "after {steps}");
            if done {
                return;
            }
        }
        panic!("never done");
    };
    crashes(&with_unused);
    crashes(&|| {
        let server = dropped();
        server.advance(601);
        server
    });
}

/// At any moment of cron's work somebody downloads: what is answered is right, and what was answered stays.
#[test]
fn a_download_at_any_step_of_cron_is_right_or_asks_for_patience() {
    for prepare in [with_unused as fn() -> TestServer, dropped] {
        let mut patience = 0;
        for steps in 1..400 {
            let server = prepare();
            server.advance(601);
            let mut run = pin!(server::scheduled(server.platform.for_request()));
            let done = is_done_within(steps, run.as_mut());
            let reply = server.collaborator().elsewhere().download("lib", "1.0.0");
            match reply.status {
                200 => assert_eq!(reply.bytes(), tarball("lib", "1.0.0"), "after {steps}"),
                503 => patience += 1,
                other => panic!("{other} after {steps}: {}", reply.text()),
            }
            let was_served = reply.status == 200;
            if !done {
                block_on(run);
            }
            block_on(server.platform.run_background());
            for _ in 0..3 {
                server.advance(700);
                server.housekeeping();
            }
            if was_served && state(&server) == "live" {
                assert!(has_bytes(&server), "after {steps}");
                let reply = server.reader().elsewhere().download("lib", "1.0.0").expect(200);
                assert_eq!(reply.bytes(), tarball("lib", "1.0.0"), "after {steps}");
            }
            if done {
                break;
            }
        }
        assert!(patience < 20, "{patience} of them were turned away");
    }
}

/// A save that dies leaves nothing that the next one does not finish.
#[test]
fn a_save_of_it_may_die_at_any_step() {
    for prepare in [dropped as fn() -> TestServer, emptied] {
        for steps in 1..400 {
            let server = prepare();
            let path = file("lib", "1.0.0");
            let done = server.collaborator().crash_after(steps, Method::GET, &path, Body::Empty).is_some();
            let again = server.collaborator().elsewhere().download("lib", "1.0.0").expect(200);
            assert_eq!(again.bytes(), tarball("lib", "1.0.0"), "after {steps}");
            server.advance(601);
            server.housekeeping();
            server.advance(601);
            server.housekeeping();
            assert_eq!(state(&server), "live", "after {steps}");
            let reader = server.reader().elsewhere();
            assert_eq!(
                reader.download("lib", "1.0.0").expect(200).bytes(),
                tarball("lib", "1.0.0"),
                "after {steps}"
            );
            assert_eq!(reader.versions("lib"), ["1.0.0", "1.1.0"], "after {steps}");
            let deeds = server.deeds("main", "lib");
            let saved = deeds.iter().skip_while(|deed| *deed != "dropped 1.0.0");
            assert!(saved.clone().any(|deed| deed == "saved 1.0.0"), "after {steps}: {deeds:?}");
            if done {
                break;
            }
            assert!(steps < 399, "never done");
        }
    }
}

#[test]
fn two_may_save_it_at_once() {
    for prepare in [dropped as fn() -> TestServer, emptied] {
        let server = prepare();
        let (one, other) = (server.collaborator().elsewhere(), server.collaborator().elsewhere());
        let path = file("lib", "1.0.0");
        let replies = block_on(futures_util::future::join(
            one.start(Method::GET, &path, &[], Body::Empty),
            other.start(Method::GET, &path, &[], Body::Empty),
        ));
        block_on(server.platform.run_background());
        for reply in [replies.0, replies.1] {
            assert_eq!(reply.expect(200).bytes(), tarball("lib", "1.0.0"));
        }
        assert_eq!(state(&server), "live");
        assert_eq!(slot(&server)["artifacts"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_write_that_happened_and_was_reported_lost_is_found() {
    for prepare in [dropped as fn() -> TestServer, emptied] {
        for nth in 1..12 {
            let server = prepare();
            server.platform.faults().add(Fault::any_write().nth(nth).after(PlatformError::TimedOut));
            let reply = server.collaborator().elsewhere().download("lib", "1.0.0");
            server.platform.faults().clear();
            assert!([200, 500, 503].contains(&reply.status), "{nth}: {}", reply.text());
            let again = server.collaborator().elsewhere().download("lib", "1.0.0").expect(200);
            assert_eq!(again.bytes(), tarball("lib", "1.0.0"), "{nth}");
        }
    }
    for nth in 1..30 {
        let server = with_unused();
        server.platform.faults().add(Fault::any_write().nth(nth).after(PlatformError::TimedOut));
        server.housekeeping();
        server.platform.faults().clear();
        server.advance(2 * DAYS);
        server.housekeeping();
        server.advance(2_000);
        server.housekeeping();
        assert_eq!(state(&server), "emptied", "{nth}");
    }
}

/// Stale copies elsewhere: for two seconds a dropped version may be served, and its bytes are there.
#[test]
fn who_remembers_it_serves_it_for_a_moment() {
    let server = with_unused();
    let reader = server.reader().elsewhere();
    reader.download("lib", "1.0.0").expect(200);
    server.housekeeping();
    assert_eq!(reader.download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
    server.advance(3);
    reader.download("lib", "1.0.0").expect(403);
}

/// Somebody promotes it between any two steps of cron: `check` is told after how many, and whether that was done.
fn promoted_meanwhile(prepare: &dyn Fn() -> TestServer, check: &mut dyn FnMut(&TestServer, usize, bool)) {
    use crate::support::verbs::{Verb, deed};
    for steps in 1..200 {
        let server = prepare();
        server.token_of("main", edgefeed::model::Role::Owner);
        let mut run = pin!(server::scheduled(server.platform.for_request()));
        if is_done_within(steps, run.as_mut()) {
            return;
        }
        let here = server.platform.elsewhere();
        let done = block_on(deed(&server, &here, "main", "lib", Verb::Promote("1.0.0", "Release"))).is_ok();
        block_on(run);
        block_on(server.platform.run_background());
        check(&server, steps, done);
    }
}

#[test]
fn what_is_promoted_in_the_meantime_stays() {
    let mut promoted = false;
    promoted_meanwhile(&with_unused, &mut |server, steps, done| {
        promoted |= done;
        let expected = if done { "live" } else { "dropped" };
        assert_eq!(state(server), expected, "after {steps}");
    });
    assert!(promoted);
}

/// The same of one that goes to the recycle bin.
#[test]
fn what_is_promoted_before_it_is_binned_stays() {
    let mut wrong = Vec::new();
    let mut promoted = 0;
    let prepare = || {
        let server = with_unused();
        server.edit_feed("main", |feed| feed.retention.as_mut().unwrap().drop_saved_versions = false);
        server
    };
    promoted_meanwhile(&prepare, &mut |server, steps, done| {
        promoted += usize::from(done);
        if done && state(server) != "live" {
            wrong.push((steps, slot(server)["views"].clone()));
        }
    });
    assert!(wrong.is_empty(), "{promoted} promoted, wrong {wrong:?}");
}

/// A view that is no more keeps nothing: else cron would try again for ever.
#[test]
fn what_was_in_a_view_that_is_gone_goes() {
    use crate::support::verbs::{Verb, deed};
    let server = with_unused();
    server.token_of("main", edgefeed::model::Role::Owner);
    let here = server.platform.elsewhere();
    block_on(deed(&server, &here, "main", "lib", Verb::Promote("1.0.0", "Release"))).unwrap();
    server.advance(31 * DAYS);
    server.housekeeping();
    assert_eq!(state(&server), "live", "it is in a view");
    server.edit_feed("main", |feed| feed.views.retain(|view| view.name.to_string() != "Release"));
    server.advance(2 * DAYS);
    server.housekeeping();
    assert_eq!(state(&server), "dropped");
}
