//! Views: named, read-only subsets of a feed.

use crate::support::verbs::{Verb, owner_does};
use crate::support::{TestServer, tarball};
use edgefeed::model::{Role, Visibility};

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0").add("lib", "2.0.0");
    for version in ["1.0.0", "1.1.0"] {
        server.contributor().publish("own", version).expect(201);
    }
    server.collaborator().download("lib", "1.0.0").expect(200);
    server
}

#[test]
fn a_view_shows_its_members_and_nothing_else() {
    let server = server();
    let view = server.owner().on("main@Release");
    assert!(view.versions("own").is_empty());
    view.download("own", "1.0.0").expect(404);
    owner_does(&server, "main", "own", Verb::Promote("1.0.0", "Release")).unwrap();
    owner_does(&server, "main", "lib", Verb::Promote("1.0.0", "release")).unwrap();
    assert_eq!(view.versions("own"), ["1.0.0"]);
    assert_eq!(view.get("own/latest").expect(200).json()["version"], "1.0.0");
    assert_eq!(view.download("own", "1.0.0").expect(200).bytes(), tarball("own", "1.0.0"));
    view.download("own", "1.1.0").expect(404);
    assert_eq!(view.versions("lib"), ["1.0.0"], "a view asks no upstream");
    view.download("lib", "2.0.0").expect(404);
    assert!(server.owner().on("main@Prerelease").versions("own").is_empty());
    let links = view.get("own").expect(200).text();
    assert!(
        links.contains("https://edge.test/acme/_packaging/main@Release/npm/registry/own/-/own-1.0.0.tgz")
    );
    owner_does(&server, "main", "own", Verb::Demote("1.0.0", "Release")).unwrap();
    assert!(view.versions("own").is_empty());
    view.download("own", "1.0.0").expect(404);
}

#[test]
fn local_shows_every_local_version() {
    let server = server();
    let local = server.reader().on("main@Local");
    assert_eq!(local.versions("own"), ["1.0.0", "1.1.0"]);
    assert_eq!(local.versions("lib"), ["1.0.0"]);
    assert_eq!(server.collaborator().on("main@local").versions("lib"), ["1.0.0"]);
    server.collaborator().on("main@Local").download("lib", "2.0.0").expect(404);
    owner_does(&server, "main", "own", Verb::Promote("1.0.0", "Local")).unwrap();
    owner_does(&server, "main", "own", Verb::Demote("1.0.0", "Local")).unwrap_err();
}

#[test]
fn only_what_is_here_can_be_promoted() {
    let server = server();
    owner_does(&server, "main", "lib", Verb::Promote("2.0.0", "Release")).unwrap_err();
    owner_does(&server, "main", "own", Verb::Promote("9.9.9", "Release")).unwrap_err();
    owner_does(&server, "main", "own", Verb::Promote("1.0.0", "Missing")).unwrap_err();
    owner_does(&server, "main", "own", Verb::Delete("1.0.0")).unwrap();
    owner_does(&server, "main", "own", Verb::Promote("1.0.0", "Release")).unwrap_err();
}

#[test]
fn access_to_a_view_is_enough_to_use_it() {
    let server = server();
    server.add_feed("other", vec![]);
    server.add_organization("umbrella");
    let neighbour = server.token_of("other", Role::Reader);
    let stranger = server.token(crate::support::Grants {
        organization: "umbrella",
        grants: vec![],
        ..server.grants("main", Role::Reader)
    });
    for (visibility, near, far) in [
        (Visibility::Private, 404, 404),
        (Visibility::Collection, 200, 404),
        (Visibility::Organization, 200, 200),
    ] {
        server.edit_feed("main", |feed| feed.views[0].visibility = visibility);
        server.advance(11);
        let get = |token: &str| server.with_token(token).on("main@Local").get("own").status;
        assert_eq!((get(&neighbour), get(&stranger)), (near, far), "{visibility:?}");
        server.with_token(&neighbour).on("main").get("own").expect(404);
        server.anonymous().on("main@Local").get("own").expect(401);
        server
            .with_token(&neighbour)
            .on("main@Local")
            .publish("x", "1.0.0")
            .status
            .ge(&400)
            .then_some(())
            .unwrap();
    }
}
