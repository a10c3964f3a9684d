//! Saving: the first download by whoever may save keeps a copy; listings never do.

use crate::support::client::file;
use crate::support::server::{internal, public};
use crate::support::{INSTALL, Registry, TestServer, tarball};
use edgefeed::model::Role;
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::{Fault, Operation, Reply};
use futures_executor::block_on;
use futures_util::future::join_all;
use http::Method;

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0").add("@scope/lib", "2.0.0");
    server
}

#[test]
fn a_reader_is_refused_until_a_collaborator_has_saved() {
    let server = server();
    let refused = server.reader().download("lib", "1.0.0").expect(403);
    assert_eq!(
        refused.error(),
        "`lib` 1.0.0 is not in this feed yet; saving it from an upstream source needs Collaborator on feed \
         `main`; this token is Reader. An owner of the feed can grant it."
    );
    assert_eq!(server.registry.asked(""), 0, "whoever may not save causes no work upstream");
    assert_eq!(server.package_keys(), [""; 0]);

    let saved = server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(saved.bytes(), tarball("lib", "1.0.0"));
    insta::assert_json_snapshot!("saved_keys", server.package_keys());

    let served = server.reader().download("lib", "1.0.0").expect(200);
    assert_eq!(served.bytes(), tarball("lib", "1.0.0"));
    assert_eq!(served.count("upstream"), 0);
    server.reader().download("lib", "1.1.0").expect(403);
}

#[test]
fn listings_save_nothing_and_show_a_reader_what_is_local() {
    let server = server();
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0"]);
    assert_eq!(server.local_keys(), [""; 0]);
    let refused = server.reader().get("lib").expect(404).error();
    assert!(refused.contains("no version in this feed yet") && refused.contains("Collaborator"), "{refused}");

    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(server.reader().versions("lib"), ["1.0.0"]);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0"]);
    assert_eq!(server.reader().get("lib/latest").expect(200).json()["version"], "1.0.0");
    assert_eq!(server.collaborator().get("lib/latest").expect(200).json()["version"], "1.1.0");
}

#[test]
fn a_feed_that_lists_as_azure_shows_readers_everything_and_still_saves_for_collaborators_only() {
    let server = server();
    server.edit_feed("main", |feed| feed.listing = edgefeed::model::ListingMode::Azure);
    assert_eq!(server.reader().versions("lib"), ["1.0.0", "1.1.0"]);
    server.reader().download("lib", "1.0.0").expect(403);
    assert_eq!(server.local_keys(), [""; 0]);
}

#[test]
fn the_first_fetch_costs_two_upstream_requests_and_none_after() {
    let server = server();
    let listing = server.collaborator().get_with("lib", &[("accept", INSTALL)]).expect(200);
    assert_eq!(listing.count("upstream"), 1);
    let saved = server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(saved.count("upstream"), 1, "the listing is known");
    let direct = server.collaborator().download("@scope/lib", "2.0.0").expect(200);
    assert_eq!(direct.count("upstream"), 2, "listing and archive");
    server.advance(3600);
    let again = server.collaborator().elsewhere().download("lib", "1.0.0").expect(200);
    assert_eq!(again.count("upstream"), 0);
}

#[test]
fn a_warm_listing_costs_one_kv_read_and_one_r2_head() {
    let server = server();
    let client = server.collaborator();
    client.get_with("lib", &[("accept", INSTALL)]).expect(200);
    let repeated = client.get_with("lib", &[("accept", INSTALL)]).expect(200);
    assert_eq!((repeated.count("r2"), repeated.count("kv"), repeated.count("upstream")), (0, 0, 0));
    server.advance(3);
    let warm = client.get_with("lib", &[("accept", INSTALL)]).expect(200);
    assert!(warm.count("r2") <= 1 && warm.count("kv") <= 1, "{}", warm.header("server-timing"));
    assert_eq!((warm.count("r2w"), warm.count("kvw"), warm.count("upstream")), (0, 0, 0));
}

#[test]
fn a_warm_download_costs_two_r2_reads_and_no_kv() {
    let server = server();
    let client = server.collaborator();
    client.download("lib", "1.0.0").expect(200);
    server.advance(3);
    for cached in [true, false] {
        if !cached {
            server.platform.disable_cache(true);
        }
        server.advance(3);
        let warm = client.download("lib", "1.0.0").expect(200);
        assert!(warm.count("r2") <= 2, "{}", warm.header("server-timing"));
        assert_eq!((warm.count("kv"), warm.count("r2w"), warm.count("upstream")), (0, 0, 0));
        let repeated = client.download("lib", "1.0.0").expect(200);
        assert!(repeated.count("r2") <= u32::from(!cached), "{}", repeated.header("server-timing"));
    }
}

#[test]
fn simultaneous_first_fetches_store_once() {
    let server = server();
    let clients: Vec<_> = (0..20).map(|_| server.collaborator()).collect();
    let path = file("lib", "1.0.0");
    let replies = block_on(join_all(
        clients.iter().map(|client| client.start(Method::GET, &path, &[], edgefeed::platform::Body::Empty)),
    ));
    block_on(server.platform.run_background());
    for reply in replies {
        assert_eq!(reply.expect(200).bytes(), tarball("lib", "1.0.0"));
    }
    server.key(&["/files/1.0.0/"]);
    server.key(&["/slots/"]);
    assert_eq!(server.reader().versions("lib"), ["1.0.0"]);
    assert_eq!(server.package_keys().iter().filter(|key| key.contains("repair")).count(), 0);
}

/// Every operation of a save that writes, once failing with nothing done and once failing although it was done.
#[test]
fn a_save_survives_every_write_that_fails() {
    for took_effect in [false, true] {
        for nth in 1..12 {
            let server = server();
            let error = PlatformError::Connection("lost".to_owned());
            let fault = Fault::any_write().on("lib").nth(nth);
            server.platform.faults().add(if took_effect { fault.after(error) } else { fault.before(error) });
            let first = server.collaborator().download("lib", "1.0.0");
            server.platform.faults().clear();
            assert!([200, 502, 503, 500].contains(&first.status), "{nth}: {}", first.text());
            let again = server.collaborator().download("lib", "1.0.0");
            assert_eq!(
                again.status,
                200,
                "{nth} {took_effect} {}: {:#?}",
                first.text(),
                server.platform.log_lines()
            );
            assert_eq!(again.bytes(), tarball("lib", "1.0.0"), "{nth}");
            server.housekeeping();
            server.advance(3);
            assert_eq!(server.reader().versions("lib"), ["1.0.0"], "write {nth}, took effect: {took_effect}");
            assert_eq!(server.reader().download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
        }
    }
}

#[test]
fn an_index_that_cannot_be_written_leaves_a_note_and_is_rebuilt() {
    let server = server();
    let outage = Fault::any_write().on("index.json").times(usize::MAX);
    server.platform.faults().add(outage.before(PlatformError::Other("no".to_owned())));
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(server.reader().download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
    server.key(&["v1/repair/", "/lib"]);
    server.platform.faults().clear();
    server.housekeeping();
    server.advance(3);
    assert_eq!(server.reader().versions("lib"), ["1.0.0"]);
    assert!(server.package_keys().iter().all(|key| !key.contains("repair")));
}

#[test]
fn a_version_deleted_while_it_is_saved_stays_deleted() {
    let server = server();
    server.collaborator().versions("lib");
    let platform = server.platform.clone();
    let tombstone = {
        let other = self::server();
        other.collaborator().versions("lib");
        crate::support::verbs::owner_does(
            &other,
            "main",
            "lib",
            crate::support::verbs::Verb::Delete("1.0.0"),
        )
        .unwrap();
        other.platform.object(&other.key(&["/slots/1.0.0"])).unwrap()
    };
    let feed = server.feed("main").id;
    let key = format!("v1/pkg/{}/npm/lib/slots/1.0.0", feed.as_str());
    server.platform.faults().add(Fault::of(Operation::Create).on("slots/1.0.0").meanwhile(move || {
        platform.put_object(&key, tombstone.clone());
    }));
    let refused = server.collaborator().download("lib", "1.0.0").expect(404).error();
    assert!(refused.contains("was deleted from this feed"), "{refused}");
    server.collaborator().download("lib", "1.0.0").expect(404);
    server.reader().download("lib", "1.0.0").expect(404);
}

#[test]
fn a_version_the_upstream_withdraws_stays_if_it_was_saved() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.registry.withdraw("lib", "1.0.0");
    server.registry.withdraw("@scope/lib", "2.0.0");
    server.advance(3600);
    assert_eq!(server.collaborator().versions("lib"), ["1.1.0", "1.0.0"]);
    assert_eq!(server.collaborator().download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
    server.registry.forget("lib");
    server.advance(3600);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0"]);
    server.collaborator().download("@scope/lib", "2.0.0").expect(404);
}

#[test]
fn what_the_upstream_says_later_of_a_saved_version_is_passed_on() {
    let server = server();
    server.collaborator().download("lib", "1.0.0").expect(200);
    server.registry.edit("lib", "1.0.0", |manifest| manifest["deprecated"] = "use 2".into());
    server.advance(3600);
    let document = server.collaborator().get("lib").expect(200).json();
    assert_eq!(document["versions"]["1.0.0"]["deprecated"], "use 2");
    assert_eq!(document["time"]["1.0.0"], "2020-01-01T00:00:00.000Z", "upstream's time, not ours");
}

#[test]
fn a_save_through_an_internal_source_copies_and_remembers_the_chain() {
    let server = TestServer::empty();
    server.registry.add("lib", "1.0.0");
    server.add_feed("other", vec![public("upstream", crate::support::server::UPSTREAM)]);
    server.add_feed("main", vec![internal("other", "azure-feed://acme/other@Local")]);
    server.collaborator().download("lib", "1.0.0").expect(404);
    server.role("other", Role::Collaborator).download("lib", "1.0.0").expect(200);
    server.reader().download("lib", "1.0.0").expect(403);
    let reply = server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(reply.bytes(), tarball("lib", "1.0.0"));
    let main = server.feed("main").id;
    let slot = server.platform.object(&server.key(&[main.as_str(), "/slots/1.0.0"])).unwrap();
    let slot: serde_json::Value = serde_json::from_slice(&slot).unwrap();
    let chain: Vec<_> =
        slot["origin"]["sourceChain"].as_array().unwrap().iter().map(|step| step["name"].clone()).collect();
    assert_eq!(chain, ["other", "upstream"]);
    assert_eq!(slot["firstPublished"], "external");
    assert_eq!(server.reader().download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
}

#[test]
fn a_body_of_unknown_length_is_saved_all_the_same() {
    let server = server();
    let bytes = tarball("lib", "1.0.0");
    server.registry.fault("/-/lib-1.0.0.tgz", Reply::ok(bytes.clone()).of_unknown_length());
    assert_eq!(server.collaborator().download("lib", "1.0.0").expect(200).bytes(), bytes);
    assert_eq!(server.reader().download("lib", "1.0.0").expect(200).bytes(), bytes);
    assert!(server.package_keys().iter().all(|key| !key.contains("staging")));
    assert_eq!(server.platform.open_uploads(), 0);
}

#[test]
fn a_large_body_of_unknown_length_goes_through_a_private_place() {
    let server = server();
    let bytes = b"0123456789abcdef".repeat(550_000);
    server.registry.replace_bytes("lib", "1.0.0", &bytes);
    server.registry.edit("lib", "1.0.0", |manifest| {
        manifest["dist"]["integrity"] = crate::support::documents::integrity(&bytes).into();
        manifest["dist"]["shasum"] = crate::support::documents::shasum(&bytes).into();
    });
    server.registry.fault("/-/lib-1.0.0.tgz", Reply::ok(bytes.clone()).of_unknown_length());
    let reply = server.collaborator().download("lib", "1.0.0").expect(200);
    assert!(reply.bytes() == bytes, "the bytes that were sent");
    assert!(server.package_keys().iter().all(|key| !key.contains("staging")));
    assert_eq!(server.platform.open_uploads(), 0);
}

#[test]
fn a_download_goes_on_although_the_client_hung_up() {
    let server = server();
    let client = server.collaborator().without_background();
    let path = file("lib", "1.0.0");
    {
        use std::task::{Context, Waker};
        let mut request = client.start(Method::GET, &path, &[], edgefeed::platform::Body::Empty);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..200 {
            assert!(request.as_mut().poll(&mut context).is_pending());
            if server.platform.upstream().urls().iter().any(|url| url.contains(".tgz")) {
                break;
            }
        }
    }
    block_on(server.platform.run_background());
    assert_eq!(server.reader().download("lib", "1.0.0").expect(200).bytes(), tarball("lib", "1.0.0"));
}

#[test]
fn archives_may_be_on_another_host() {
    let server = server();
    let elsewhere = Registry::new(server.platform.upstream(), "https://files.test/");
    server.registry.edit("lib", "1.0.0", |manifest| {
        manifest["dist"]["tarball"] = "https://files.test/lib/-/lib-1.0.0.tgz".into();
    });
    elsewhere.replace_bytes("lib", "1.0.0", &tarball("lib", "1.0.0"));
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(elsewhere.asked(".tgz"), 1);
}
