//! Other registries, on good and bad days.

use super::support::{INDEX, LEGACY, NuGet, gallery, nupkg, server, server_with};
use crate::support::TestServer;
use edgefeed::platform::memory::Reply as Scripted;

#[test]
fn pages_of_both_apis_are_followed() {
    for location in [INDEX, LEGACY] {
        let (server, gallery) = server_with(location);
        gallery.page_from(1);
        for minor in 0..8 {
            gallery.add("Lib", &format!("1.{minor}.0"));
        }
        let collaborator = server.collaborator().nuget();
        assert_eq!(collaborator.numbers("lib").len(), 8, "{location}");
        collaborator.fetch("lib", "1.7.0").expect(200);
    }
}

#[test]
fn a_page_that_is_missing_is_a_failure_and_not_fewer_versions() {
    for (location, page) in [(INDEX, "/page/1.json"), (LEGACY, "skip=4")] {
        let (server, gallery) = server_with(location);
        gallery.page_from(1);
        for minor in 0..6 {
            gallery.add("lib", &format!("1.{minor}.0"));
        }
        gallery.fault(page, Scripted::status(500));
        let collaborator = server.collaborator().nuget();
        let refused = collaborator.get("v3/flat2/lib/index.json").expect(502);
        assert!(refused.header("x-nuget-warning").contains("`gallery`"), "{}", refused.text());
        gallery.recover();
        server.advance(6);
        assert_eq!(collaborator.numbers("lib").len(), 6);
    }
}

#[test]
fn addresses_of_sources_are_understood_as_people_write_them() {
    for location in [INDEX, "https://api.gallery.example/v3/", "https://api.gallery.example/v3", LEGACY] {
        let (server, gallery) = server_with(location);
        gallery.add("lib", "1.0.0");
        assert_eq!(server.collaborator().nuget().numbers("lib"), ["1.0.0"], "{location}");
    }
}

#[test]
fn both_kinds_of_sources_stand_beside_each_other() {
    let server = TestServer::empty();
    server.add_feed("main", vec![gallery("gallery", INDEX), gallery("legacy", LEGACY)]);
    let gallery = super::support::Gallery::new(server.platform.upstream());
    gallery.add("lib", "1.0.0").fault("/registration/", Scripted::status(404));
    let collaborator = server.collaborator().nuget();
    assert_eq!(collaborator.fetch("lib", "1.0.0").expect(200).bytes(), nupkg("lib", "1.0.0"));
    assert_eq!((gallery.asked("files.gallery"), gallery.asked("legacy.gallery")), (0, 2));
}

#[test]
fn documents_are_asked_for_once_and_revalidated() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0");
    let collaborator = server.collaborator().nuget();
    collaborator.numbers("lib");
    collaborator.numbers("lib");
    collaborator.registered("lib");
    assert_eq!((gallery.asked("index.json"), gallery.asked("/registration/")), (2, 1));
    server.advance(61);
    collaborator.numbers("lib");
    collaborator.numbers("lib");
    assert_eq!((gallery.asked("/v3/index.json"), gallery.asked("/registration/")), (1, 2));
}

#[test]
fn a_source_that_is_down_changes_nothing_about_what_is_known() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0");
    let collaborator = server.collaborator().nuget();
    collaborator.numbers("lib");
    gallery.fault("", Scripted::connection_error());
    server.advance(3600);
    let reply = collaborator.get("v3/flat2/lib/index.json").expect(200);
    assert!(reply.header("warning").starts_with("110"), "{}", reply.header("warning"));
    assert_eq!(reply.json()["versions"][0], "1.0.0");
    collaborator.get("v3/flat2/unknown/index.json").expect(502);
    collaborator.get("v2/FindPackagesById()?id='unknown'").expect(502);
}

#[test]
fn nonsense_is_a_failure_and_not_an_empty_list() {
    for (location, part, body) in [
        (INDEX, "/v3/index.json", "{\"version\":\"3.0.0\",\"resources\":[]}"),
        (INDEX, "/v3/index.json", "<html>"),
        (INDEX, "/registration/", "{\"count\":0}"),
        (INDEX, "/registration/", "{\"items\":{}}"),
        (INDEX, "/registration/", "{\"items\":[{\"items\":[{\"catalogEntry\":"),
        (INDEX, "/registration/", "[]"),
        (LEGACY, "FindPackagesById", "{}"),
        (LEGACY, "FindPackagesById", "<html></html>"),
        (LEGACY, "FindPackagesById", "<feed><entry>"),
        (LEGACY, "FindPackagesById", "<!DOCTYPE feed [<!ENTITY a 'a'>]><feed>&a;</feed>"),
    ] {
        let (server, gallery) = server_with(location);
        gallery.fault(part, Scripted::ok(body));
        let reply = server.collaborator().nuget().get("v3/flat2/lib/index.json");
        assert_eq!(reply.status, 502, "{location} {body}: {}", reply.text());
    }
    let (server, gallery) = server_with(LEGACY);
    gallery.fault("FindPackagesById", Scripted::ok("<feed/>"));
    assert!(server.collaborator().nuget().numbers("lib").is_empty(), "no such package, as OData says it");
}

#[test]
fn versions_that_no_client_could_use_are_left_out() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0").add_with("lib", "1.1.0", |entry| entry["version"] = "latest".into());
    assert_eq!(server.collaborator().nuget().numbers("lib"), ["1.0.0"]);
}

#[test]
fn what_tells_of_another_package_is_a_mistake_of_the_source() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0").add_with("lib", "1.2.0", |entry| entry["id"] = "other".into());
    server.collaborator().nuget().get("v3/flat2/lib/index.json").expect(502);
}
