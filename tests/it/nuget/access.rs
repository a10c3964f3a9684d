//! Who may do what, and in which form tokens come.

use super::support::{NuGet, form, nupkg, server, symbols};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgefeed::model::Role;
use edgefeed::platform::Body;
use http::Method;

/// Anonymous on a private feed, anonymous on a public one, reader, collaborator, contributor, owner.
type Statuses = [u16; 6];

const READ: Statuses = [401, 200, 200, 200, 200, 200];
const WRITE: Statuses = [401, 401, 403, 403, 201, 201];

fn table() -> Vec<(Method, &'static str, Option<Vec<u8>>, Statuses)> {
    let (get, put) = (Method::GET, Method::PUT);
    let (delete, post) = (Method::DELETE, Method::POST);
    let new = || Some(nupkg("fresh", "1.0.0"));
    vec![
        (get.clone(), "v3/index.json", None, READ),
        (get.clone(), "v3/flat2/own/index.json", None, READ),
        (get.clone(), "v3/flat2/nothing/index.json", None, [401, 401, 404, 404, 404, 404]),
        (get.clone(), "v3/flat2/own/1.0.0/own.1.0.0.nupkg", None, READ),
        (get.clone(), "v3/flat2/own/1.0.0/own.nuspec", None, READ),
        (get.clone(), "v3/flat2/lib/1.0.0/lib.1.0.0.nupkg", None, READ),
        (get.clone(), "v3/flat2/lib/1.1.0/lib.1.1.0.nupkg", None, [401, 401, 403, 200, 200, 200]),
        (get.clone(), "v3/flat2/lib/1.1.0/readme", None, [401, 401, 403, 200, 200, 200]),
        (get.clone(), "v3/registrations/own/index.json", None, READ),
        (get.clone(), "v3/registrations-gz/own/index.json", None, READ),
        (get.clone(), "v3/registrations-gz-semver2/own/index.json", None, READ),
        (get.clone(), "v3/registrations-gz-semver2/own/1.0.0.json", None, READ),
        (get.clone(), "v3/query?q=own", None, READ),
        (get.clone(), "v3/autocomplete?q=own", None, READ),
        (get.clone(), "v3/autocomplete?id=own", None, READ),
        (get.clone(), "v3/vulnerabilities/index.json", None, READ),
        (get.clone(), "v3/vulnerabilities/base.json", None, READ),
        (get.clone(), "v3/about/own/1.0.0", None, READ),
        (get.clone(), "v3/symbols/a.pdb/x/a.pdb", None, [401, 404, 404, 404, 404, 404]),
        (get.clone(), "v2/", None, READ),
        (get.clone(), "v2/$metadata", None, READ),
        (get.clone(), "v2/FindPackagesById()?id='own'", None, READ),
        (get.clone(), "v2/Packages(Id='own',Version='1.0.0')", None, READ),
        (get.clone(), "v2/Search()?searchTerm=''", None, READ),
        (get, "v2/package/lib/1.1.0", None, [401, 401, 403, 200, 200, 200]),
        (put.clone(), "v3/package/", new(), WRITE),
        (put.clone(), "v2/", new(), WRITE),
        (put, "v3/symbolpackage/", Some(symbols("own", "1.0.0")), WRITE),
        (delete.clone(), "v3/package/own/1.0.0", None, [401, 401, 403, 403, 204, 204]),
        (delete, "v2/own/1.0.0", None, [401, 401, 403, 403, 204, 204]),
        (post, "v3/package/own/1.0.0", None, [401, 401, 403, 403, 200, 200]),
    ]
}

#[test]
fn every_role_may_do_what_the_table_says() {
    for column in 0..6 {
        for (method, path, content, statuses) in table() {
            let (server, gallery) = server();
            gallery.add("lib", "1.0.0").add("lib", "1.1.0");
            server.edit_feed("main", |feed| feed.is_public = column == 1);
            server.collaborator().nuget().fetch("lib", "1.0.0").expect(200);
            server.contributor().nuget().push("own", "1.0.0").expect(201);
            let client = match column {
                0 | 1 => server.anonymous(),
                2 => server.reader(),
                3 => server.collaborator(),
                4 => server.contributor(),
                _ => server.owner(),
            };
            let (media, body) = content.map_or(("text/plain", Vec::new()), |content| form(&content));
            let body = if body.is_empty() { Body::Empty } else { Body::from(body) };
            let reply = client.nuget().send(method.clone(), path, &[("content-type", media)], body);
            assert_eq!(reply.status, statuses[column], "{method} {path} as {column}: {}", reply.text());
            if reply.status == 401 {
                assert!(reply.header("www-authenticate").starts_with("Basic "));
                assert_eq!(reply.header("x-nuget-warning"), "", "clients ask for credentials and try again");
            }
            if reply.status == 403 {
                assert_eq!(reply.header("x-nuget-warning"), reply.text().trim());
            }
        }
    }
}

#[test]
fn keys_come_in_their_own_header_and_credentials_go_before_them() {
    let (server, _) = server();
    let token = server.token_of("main", Role::Contributor);
    let basic = format!("Basic {}", STANDARD.encode(format!("PAT:{token}")));
    let client = server.anonymous().nuget();
    let push = |id: &str, headers: &[(&str, &str)]| {
        let (media, body) = form(&nupkg(id, "1.0.0"));
        let headers = [&[("content-type", media)], headers].concat();
        client.send(Method::PUT, "v3/package/", &headers, body.into())
    };
    push("a", &[("x-nuget-apikey", &token)]).expect(201);
    // With credentials in their configuration people type anything for a key.
    push("b", &[("x-nuget-apikey", "az")]).expect(401);
    push("b", &[("x-nuget-apikey", "az"), ("authorization", &basic)]).expect(201);
    client.get_with("v3/index.json", &[("x-nuget-apikey", &token)]).expect(200);
}

#[test]
fn readers_are_told_whom_to_ask() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0");
    let reader = server.reader().nuget();
    let refused = reader.get("v3/flat2/lib/index.json").expect(404);
    assert!(refused.header("x-nuget-warning").contains("Collaborator"), "{}", refused.text());
    let refused = reader.fetch("lib", "1.0.0").expect(403);
    assert!(
        refused.header("x-nuget-warning").contains("saving it from an upstream source needs Collaborator")
    );
    assert_eq!(gallery.asked(""), 0);
    let missing = server.collaborator().nuget().get("v3/flat2/nothing/index.json").expect(404);
    assert_eq!(missing.header("x-nuget-warning"), "", "clients look in other places, too");
    let empty = reader.get("v2/FindPackagesById()?id='lib'").expect(200);
    assert!(!empty.text().contains("<entry"), "{}", empty.text());
}
