//! Which source owns a version, and which versions are kept out: union, order, and the guard against confusion of names.

use crate::support::client::file;
use crate::support::documents::{integrity, shasum};
use crate::support::server::{UPSTREAM, internal, public};
use crate::support::verbs::{Verb, owner_does};
use crate::support::{Registry, TestServer, tarball};
use edgefeed::model::{Role, UpstreamingBehavior, UpstreamingRule};
use edgefeed::platform::memory::Reply;

const ALLOW: Verb = Verb::Allow(UpstreamingBehavior::AllowExternalVersions);
const GUARD: Verb = Verb::Allow(UpstreamingBehavior::Auto);

#[test]
fn a_published_name_shadows_the_public_one_until_that_is_allowed() {
    let server = TestServer::new();
    server.registry.add("own", "8.0.0").add("own", "9.9.9");
    server.contributor().publish("own", "1.0.0").expect(201);
    server.advance(3);
    server.platform.upstream().clear_sent();
    assert_eq!(server.owner().versions("own"), ["1.0.0"]);
    assert_eq!(server.owner().get("own/latest").expect(200).json()["version"], "1.0.0");
    server.owner().download("own", "9.9.9").expect(404);
    assert_eq!(server.registry.asked(""), 0, "an internal name is not told to the public registry");

    owner_does(&server, "main", "own", ALLOW).unwrap();
    assert_eq!(server.owner().versions("own"), ["8.0.0", "9.9.9", "1.0.0"]);
    assert_eq!(server.owner().get("own/latest").expect(200).json()["version"], "1.0.0", "our tag goes first");
    server.collaborator().download("own", "8.0.0").expect(200);

    owner_does(&server, "main", "own", GUARD).unwrap();
    assert_eq!(server.owner().versions("own"), ["1.0.0", "8.0.0"], "what was saved is not affected");
    server.reader().download("own", "8.0.0").expect(200);
    server.owner().download("own", "9.9.9").expect(404);
}

#[test]
fn the_guard_outlives_the_versions_it_guards() {
    let server = TestServer::new();
    server.registry.add("own", "9.9.9");
    server.contributor().publish("own", "1.0.0").expect(201);
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    server.owner().get("own").expect(404);
    server.owner().download("own", "9.9.9").expect(404);
}

#[test]
fn a_name_can_be_allowed_before_it_is_used() {
    let server = TestServer::new();
    server.registry.add("own", "9.9.9");
    owner_does(&server, "main", "own", ALLOW).unwrap();
    server.contributor().publish("own", "1.0.0").expect(201);
    assert_eq!(server.collaborator().versions("own"), ["9.9.9", "1.0.0"]);
}

/// The feed's rules hold for listings and for bytes, where no owner decided about the package itself.
#[test]
fn names_can_be_allowed_by_pattern() {
    let server = TestServer::new();
    for name in ["@acme/own", "@acme/kept", "other"] {
        server.registry.add(name, "9.9.9");
        server.contributor().publish(name, "1.0.0").expect(201);
        assert_eq!(server.owner().versions(name), ["1.0.0"]);
    }
    owner_does(&server, "main", "@acme/kept", GUARD).unwrap();
    server.edit_feed("main", |feed| {
        feed.upstreaming_rules = vec![UpstreamingRule {
            protocol: "npm".to_owned(),
            pattern: "@ACME/*".to_owned(),
            versions_from_external_upstreams: UpstreamingBehavior::AllowExternalVersions,
        }];
    });
    server.advance(60);
    for (name, versions) in
        [("@acme/own", &["9.9.9", "1.0.0"][..]), ("@acme/kept", &["1.0.0"]), ("other", &["1.0.0"])]
    {
        assert_eq!(server.owner().versions(name), versions, "{name}");
        let status = if versions.len() > 1 { 200 } else { 404 };
        server.owner().download(name, "9.9.9").expect(status);
    }
}

#[test]
fn saved_versions_do_not_block_others() {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "2.0.0");
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "2.0.0"]);
    server.collaborator().download("lib", "2.0.0").expect(200);
}

/// `other` has published `own` 1.0.0; `main` looks there, and at the public registry, which has 9.9.9.
fn with_internal_source() -> TestServer {
    let server = TestServer::empty();
    server.registry.add("own", "9.9.9").add("lib", "1.0.0");
    server.add_feed("other", vec![]);
    server.add_feed(
        "main",
        vec![public("upstream", UPSTREAM), internal("other", "azure-feed://acme/other@Local")],
    );
    server.role("other", Role::Contributor).publish("own", "1.0.0").expect(201);
    server
}

#[test]
fn an_internal_version_from_another_feed_blocks_external_ones() {
    let server = with_internal_source();
    assert_eq!(server.collaborator().versions("own"), ["1.0.0"]);
    server.collaborator().download("own", "9.9.9").expect(404);
    assert_eq!(server.registry.asked("own"), 0);
    let reply = server.collaborator().download("own", "1.0.0").expect(200);
    assert_eq!(reply.bytes(), tarball("own", "1.0.0"));
    assert_eq!(server.collaborator().versions("own"), ["1.0.0"], "the origin follows the version");
    owner_does(&server, "main", "own", ALLOW).unwrap();
    assert_eq!(server.collaborator().versions("own"), ["9.9.9", "1.0.0"]);
}

#[test]
fn an_internal_source_offers_the_members_of_its_view_only() {
    let server = with_internal_source();
    server.role("other", Role::Contributor).publish("own", "1.1.0").expect(201);
    server.edit_feed("other", |feed| feed.views[2].visibility = edgefeed::model::Visibility::Collection);
    server.edit_feed("main", |feed| {
        feed.upstream_sources[1].location = "azure-feed://acme/other@Release".to_owned();
    });
    server.advance(11);
    assert_eq!(server.collaborator().versions("own"), ["9.9.9"], "nothing is promoted yet");
    owner_does(&server, "other", "own", Verb::Promote("1.1.0", "Release")).unwrap();
    server.advance(3);
    assert_eq!(server.collaborator().versions("own"), ["1.1.0"]);
    server.collaborator().download("own", "1.0.0").expect(404);
    owner_does(&server, "other", "own", Verb::Delete("1.1.0")).unwrap();
    server.advance(3);
    server.collaborator().download("own", "1.1.0").expect(404);
}

#[test]
fn a_view_that_is_no_longer_shared_is_an_upstream_error() {
    let server = with_internal_source();
    server.collaborator().download("own", "1.0.0").expect(200);
    server.edit_feed("other", |feed| feed.views[0].visibility = edgefeed::model::Visibility::Private);
    server.advance(11);
    let refused = server.collaborator().download("own", "1.1.0").expect(502).error();
    assert!(refused.contains("no longer shared"), "{refused}");
    server.collaborator().download("own", "1.0.0").expect(200);
    server.edit_feed("other", |feed| feed.deleted = Some(feed.created));
    server.advance(11);
    server.collaborator().download("own", "1.1.0").expect(502);
}

#[test]
fn internal_sources_are_not_asked_for_their_own_sources() {
    let server = TestServer::empty();
    server.registry.add("lib", "1.0.0");
    server.add_feed(
        "other",
        vec![public("upstream", UPSTREAM), internal("back", "azure-feed://acme/main@Local")],
    );
    server.add_feed("main", vec![internal("other", "azure-feed://acme/other@Local")]);
    server.collaborator().get("lib").expect(404);
    server.collaborator().download("lib", "1.0.0").expect(404);
    assert_eq!(server.registry.asked(""), 0);
}

/// Two registries: the first has 1.0.0 and 1.1.0, the second 1.1.0 with other bytes and 2.0.0.
fn two_sources() -> (TestServer, Registry) {
    let server = TestServer::empty();
    let second = Registry::new(server.platform.upstream(), "https://second.test/");
    server.registry.add("lib", "1.0.0").add("lib", "1.1.0");
    let bytes = b"the second registry's bytes".to_vec();
    let declared = bytes.clone();
    second.add_with("lib", "1.1.0", move |manifest| {
        manifest["dist"]["integrity"] = integrity(&declared).into();
        manifest["dist"]["shasum"] = shasum(&declared).into();
    });
    second.replace_bytes("lib", "1.1.0", &bytes);
    second.add("lib", "2.0.0");
    server.add_feed("main", vec![public("upstream", UPSTREAM), public("second", "https://second.test/")]);
    (server, second)
}

#[test]
fn versions_are_the_union_and_order_decides_who_supplies() {
    let (server, second) = two_sources();
    assert_eq!(server.collaborator().versions("lib"), ["1.0.0", "1.1.0", "2.0.0"]);
    let document = server.collaborator().get("lib").expect(200).json();
    assert_eq!(document["versions"]["1.1.0"]["dist"]["integrity"], integrity(&tarball("lib", "1.1.0")));
    assert_eq!(document["dist-tags"]["latest"], "1.1.0", "the first source's");
    let reply = server.collaborator().download("lib", "1.1.0").expect(200);
    assert_eq!(reply.bytes(), tarball("lib", "1.1.0"));
    assert_eq!(second.asked(".tgz"), 0);
    assert_eq!(server.collaborator().download("lib", "2.0.0").expect(200).bytes(), tarball("lib", "2.0.0"));

    let (server, _) = two_sources();
    server.edit_feed("main", |feed| feed.upstream_sources.reverse());
    server.advance(11);
    let reply = server.collaborator().download("lib", "1.1.0").expect(200);
    assert_eq!(reply.bytes(), &b"the second registry's bytes"[..]);
}

#[test]
fn a_saved_version_keeps_its_digests_although_another_source_goes_first_later() {
    let (server, _) = two_sources();
    server.collaborator().download("lib", "1.1.0").expect(200);
    server.edit_feed("main", |feed| feed.upstream_sources.reverse());
    server.advance(61);
    let document = server.collaborator().get("lib").expect(200).json();
    assert_eq!(document["versions"]["1.1.0"]["dist"]["integrity"], integrity(&tarball("lib", "1.1.0")));
    assert_eq!(server.collaborator().download("lib", "1.1.0").expect(200).bytes(), tarball("lib", "1.1.0"));
}

#[test]
fn a_failing_first_source_is_never_answered_by_the_seconds_bytes() {
    for fault in [Reply::connection_error(), Reply::status(500), Reply::time_out(), Reply::ok("<html>")] {
        let (server, second) = two_sources();
        server.registry.fault("", fault);
        let reply = server.collaborator().download("lib", "1.1.0");
        assert!([502, 503, 504].contains(&reply.status), "{}", reply.text());
        assert!(!reply.header("retry-after").is_empty());
        assert_eq!(second.asked(".tgz"), 0);
        server.collaborator().download("lib", "2.0.0").expect(reply.status);
        let listing = server.collaborator().get("lib").expect(200);
        assert_eq!(listing.versions(), ["1.1.0", "2.0.0"], "the others' versions are not hidden");
        assert!(listing.header("warning").starts_with("110 edgefeed \"upstream source `upstream`"));
        assert_eq!(server.local_keys(), [""; 0]);
    }
}

#[test]
fn a_failing_first_source_decides_by_what_it_said_last() {
    let (server, second) = two_sources();
    server.collaborator().versions("lib");
    server.registry.fault("", Reply::status(503));
    server.advance(3600);
    server.collaborator().download("lib", "1.1.0").expect(502);
    let reply = server.collaborator().download("lib", "2.0.0").expect(200);
    assert_eq!(reply.bytes(), tarball("lib", "2.0.0"), "the first source did not have it when it last spoke");
    assert_eq!(second.asked(&file("lib", "2.0.0")), 1);
}

#[test]
fn sources_that_are_switched_off_are_not_asked() {
    let (server, second) = two_sources();
    server.edit_feed("main", |feed| feed.upstream_sources[0].enabled = false);
    server.advance(11);
    assert_eq!(server.collaborator().versions("lib"), ["1.1.0", "2.0.0"]);
    server.edit_feed("main", |feed| feed.upstream_enabled = false);
    server.advance(11);
    server.collaborator().get("lib").expect(404);
    server.collaborator().download("lib", "2.0.0").expect(404);
    assert_eq!((server.registry.asked(""), second.asked(".tgz")), (0, 0));
}

#[test]
fn a_number_an_upstream_offers_is_not_published_unless_the_feed_says_so() {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    let refused = server.contributor().publish("lib", "1.0.0").expect(409).error();
    assert!(refused.contains("exists in the upstream source `upstream`"), "{refused}");
    assert_eq!(server.local_keys(), [""; 0]);
    server.contributor().publish("lib", "1.0.1").expect(201);
    let refused = server.contributor().publish("lib", "1.0.0").expect(409).error();
    assert!(refused.contains("exists in the upstream source"), "past the guard, too: {refused}");
    server.edit_feed("main", |feed| feed.allow_upstream_name_conflict = true);
    server.advance(11);
    server.contributor().publish("lib", "1.0.0").expect(201);
}
