//! Saving packages: the first download by whoever may save keeps a copy.

use super::support::{Gallery, INDEX, LEGACY, NuGet, gallery, hash, nupkg, server, server_with};
use crate::support::TestServer;
use crate::support::server::internal;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::{Role, SourceStatus, UpstreamSource, UpstreamingBehavior};
use edgefeed::platform::memory::Reply as Scripted;

#[test]
fn a_reader_sees_and_gets_what_a_collaborator_has_saved() {
    for location in [INDEX, LEGACY] {
        let (server, gallery) = server_with(location);
        gallery.add("Lib", "1.0.0").add("Lib", "1.1.0");
        let (reader, collaborator) = (server.reader().nuget(), server.collaborator().nuget());
        assert_eq!(collaborator.numbers("lib"), ["1.0.0", "1.1.0"]);
        assert_eq!(server.local_keys(), [""; 0], "listings save nothing");
        let saved = collaborator.fetch("lib", "1.0.0").expect(200);
        assert_eq!(saved.bytes(), nupkg("Lib", "1.0.0"));
        assert!(saved.count("upstream") <= 2, "the listing is known: {}", saved.header("server-timing"));
        assert_eq!(reader.numbers("lib"), ["1.0.0"]);
        let entry = reader.registered("lib").remove(0);
        assert_eq!(entry["packageHash"], hash(&nupkg("Lib", "1.0.0")), "{location}");
        assert_eq!(entry["published"], "2020-01-02T03:04:05.678Z");
        let served = reader.elsewhere().fetch("lib", "1.0.0").expect(200);
        assert_eq!(served.bytes(), nupkg("Lib", "1.0.0"));
        assert!(served.header("cache-control").contains("immutable"));
        assert_eq!(served.header("etag").len(), 130, "SHA-512");
    }
}

#[test]
fn what_is_in_a_saved_package_is_there_too() {
    let (server, gallery) = server();
    gallery.add("Lib", "1.0.0");
    let text = server.collaborator().nuget().get("v3/flat2/lib/1.0.0/lib.nuspec").expect(200).text();
    assert!(text.contains("<id>Lib</id>"), "{text}");
    assert_eq!(server.reader().nuget().get("v3/flat2/lib/1.0.0/readme").expect(200).text(), "# read me");
}

#[test]
fn bytes_that_are_not_those_declared_are_neither_saved_nor_served() {
    for location in [INDEX, LEGACY] {
        let (server, gallery) = server_with(location);
        gallery.add("lib", "1.0.0").replace_bytes("1.0.0", &nupkg("lib", "6.6.6"));
        let refused = server.collaborator().nuget().fetch("lib", "1.0.0").expect(502);
        assert!(
            refused.header("x-nuget-warning").contains("not those its listing declares"),
            "{}",
            refused.text()
        );
        assert_eq!(server.local_keys(), [""; 0]);
        assert_eq!(server.health("main", 0).status, SourceStatus::Failing);
    }
}

#[test]
fn where_nobody_declares_a_hash_it_is_worked_out() {
    let (server, gallery) = server();
    gallery.add_with("lib", "1.0.0", |entry| drop(entry.as_object_mut().unwrap().shift_remove("@id")));
    gallery.add("lib", "1.1.0").fault("/catalog0/", Scripted::status(404));
    let collaborator = server.collaborator().nuget();
    for version in ["1.0.0", "1.1.0"] {
        collaborator.fetch("lib", version).expect(200);
    }
    let entries = server.reader().nuget().registered("lib");
    assert_eq!(entries[0]["packageHash"], hash(&nupkg("lib", "1.0.0")));
    assert_eq!(entries[1]["packageHash"], hash(&nupkg("lib", "1.1.0")));
    gallery.recover();
    gallery.add("lib", "1.2.0").fault("/catalog0/", Scripted::status(500));
    server.advance(61);
    collaborator.numbers("lib");
    collaborator.fetch("lib", "1.2.0").expect(502);
}

#[test]
fn a_hash_in_the_entry_itself_saves_a_request() {
    let (server, gallery) = server();
    gallery.add_with("lib", "1.0.0", |entry| {
        entry["packageHash"] = hash(&nupkg("lib", "1.0.0")).into();
        entry["packageHashAlgorithm"] = "SHA512".into();
    });
    let collaborator = server.collaborator().nuget();
    collaborator.numbers("lib");
    assert_eq!(collaborator.fetch("lib", "1.0.0").expect(200).count("upstream"), 1);
    assert_eq!(gallery.asked("/catalog0/"), 0);
}

#[test]
fn what_the_source_says_of_a_version_reaches_those_who_see_saved_ones_only() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0").add("lib", "1.1.0");
    let (reader, collaborator) = (server.reader().nuget(), server.collaborator().nuget());
    collaborator.fetch("lib", "1.0.0").expect(200);
    gallery.edit("lib", "1.0.0", |entry| {
        entry["listed"] = false.into();
        entry["deprecation"] = serde_json::json!({ "@id": "x", "reasons": ["Legacy"], "message": "old" });
    });
    server.advance(61);
    let seen = |entry: &serde_json::Value| (entry["listed"].clone(), entry["deprecation"]["message"].clone());
    collaborator.registered("lib");
    let entries = collaborator.registered("lib");
    assert_eq!(seen(&entries[0]), (false.into(), "old".into()));
    assert_eq!(entries[0]["deprecation"]["reasons"], serde_json::json!(["Legacy"]));
    assert_eq!(seen(&entries[1]).0, true);
    server.advance(3);
    assert_eq!(seen(&reader.registered("lib")[0]), (false.into(), "old".into()));
    reader.fetch("lib", "1.0.0").expect(200);
    gallery.edit("lib", "1.0.0", |entry| {
        entry["listed"] = true.into();
        entry.as_object_mut().unwrap().shift_remove("deprecation");
    });
    server.advance(61);
    collaborator.registered("lib");
    server.advance(3);
    assert_eq!(seen(&reader.registered("lib")[0]), (true.into(), serde_json::Value::Null));
}

#[test]
fn a_saved_version_outlives_its_source() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0");
    server.collaborator().nuget().fetch("lib", "1.0.0").expect(200);
    gallery.forget("lib");
    server.advance(3600);
    assert_eq!(server.collaborator().nuget().numbers("lib"), ["1.0.0"]);
    server.reader().nuget().fetch("lib", "1.0.0").expect(200);
}

#[test]
fn a_published_name_shadows_the_public_one_until_that_is_allowed() {
    let (server, gallery) = server();
    gallery.add("Own", "8.0.0").add("Own", "9.9.9");
    server.contributor().nuget().push("own", "9.9.9").expect(409);
    server.contributor().nuget().push("own", "1.0.0").expect(201);
    server.advance(3);
    let owner = server.owner().nuget();
    assert_eq!(owner.numbers("own"), ["1.0.0"]);
    owner.fetch("own", "9.9.9").expect(404);
    let allow = Verb::Allow(UpstreamingBehavior::AllowExternalVersions);
    owner_does(&server, "main", "nuget:OWN", allow).unwrap();
    assert_eq!(owner.numbers("own"), ["1.0.0", "8.0.0", "9.9.9"]);
    owner.fetch("own", "8.0.0").expect(200);
}

#[test]
fn deleted_versions_leave_tombstones() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0").add("lib", "1.1.0");
    let collaborator = server.collaborator().nuget();
    collaborator.fetch("lib", "1.0.0").expect(200);
    owner_does(&server, "main", "nuget:lib", Verb::Delete("1.0")).unwrap();
    owner_does(&server, "main", "nuget:lib", Verb::Delete("1.1.0.0")).unwrap();
    server.advance(3);
    assert!(collaborator.numbers("lib").is_empty());
    collaborator.fetch("lib", "1.0.0").expect(404);
    collaborator.fetch("lib", "1.1.0").expect(404);
    assert!(!collaborator.get("v2/FindPackagesById()?id='lib'").expect(200).text().contains("<entry"));
    owner_does(&server, "main", "nuget:lib", Verb::Restore("1.0.0")).unwrap();
    server.advance(3);
    assert_eq!(collaborator.numbers("lib"), ["1.0.0"]);
}

#[test]
fn views_show_their_members() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0").add("lib", "1.1.0");
    let contributor = server.contributor().nuget();
    contributor.fetch("lib", "1.0.0").expect(200);
    contributor.push("own", "1.0.0").expect(201);
    owner_does(&server, "main", "nuget:own", Verb::Promote("1.0.0", "Release")).unwrap();
    server.advance(3);
    let view = server.reader().nuget_on("main@Release");
    assert_eq!(view.numbers("own"), ["1.0.0"]);
    assert!(view.numbers("lib").is_empty());
    view.fetch("own", "1.0.0").expect(200);
    view.fetch("lib", "1.0.0").expect(404);
    let found = view.get("v3/query?q=").expect(200).json();
    assert_eq!((found["totalHits"].clone(), found["data"][0]["id"].clone()), (1.into(), "own".into()));
    let entry = view.registered("own").remove(0);
    assert!(entry["@id"].as_str().unwrap().contains("/main@Release/nuget/v3/"), "{entry}");
    assert_eq!(server.reader().nuget_on("main@Local").numbers("lib"), ["1.0.0"]);
}

#[test]
fn another_feed_is_a_source_as_well() {
    let server = TestServer::empty();
    server.add_feed("other", vec![gallery("gallery", INDEX)]);
    let neighbour =
        UpstreamSource { protocol: "nuget".to_owned(), ..internal("other", "azure-feed://acme/other@Local") };
    server.add_feed("main", vec![neighbour]);
    let gallery = Gallery::new(server.platform.upstream());
    gallery.add("lib", "1.0.0").add("lib", "2.0.0");
    server.role("other", Role::Contributor).nuget_on("other").push("own", "1.0.0").expect(201);
    server.role("other", Role::Collaborator).nuget_on("other").fetch("lib", "1.0.0").expect(200);
    let collaborator = server.collaborator().nuget();
    assert_eq!(collaborator.numbers("own"), ["1.0.0"]);
    assert_eq!(collaborator.numbers("lib"), ["1.0.0"], "what is local there, and nothing else");
    assert_eq!(collaborator.fetch("own", "1.0.0").expect(200).bytes(), nupkg("own", "1.0.0"));
    assert_eq!(collaborator.fetch("lib", "1.0.0").expect(200).bytes(), nupkg("lib", "1.0.0"));
    assert_eq!(server.reader().nuget().numbers("own"), ["1.0.0"]);
}
