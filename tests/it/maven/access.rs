//! Who may do what in a repository.

use super::support::{Maven, content, detail, path, server};
use crate::support::Client;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgefeed::model::Role;
use edgefeed::platform::Body;
use http::Method;

/// Anonymous on a private feed, anonymous on a public one, reader, collaborator, contributor, owner.
type Statuses = [u16; 6];

const READ: Statuses = [401, 200, 200, 200, 200, 200];
const SAVE: Statuses = [401, 401, 403, 200, 200, 200];
const WRITE: Statuses = [401, 401, 403, 403, 201, 201];

fn table() -> Vec<(Method, String, Vec<u8>, Statuses)> {
    let (get, put) = (Method::GET, Method::PUT);
    let none = Vec::new;
    let file = |package: &str, version: &str| path(package, version, "jar");
    let jar = content("org.own:own", "1.0", "jar");
    let digest = super::support::hex(edgefeed::model::Algorithm::Sha1, &jar).into_bytes();
    let metadata = b"<metadata/>".to_vec();
    vec![
        (get.clone(), String::new(), none(), READ),
        (get.clone(), "archetype-catalog.xml".to_owned(), none(), READ),
        (get.clone(), "archetype-catalog.xml.md5".to_owned(), none(), READ),
        (get.clone(), file("org.own:own", "1.0"), none(), READ),
        (Method::HEAD, file("org.own:own", "1.0"), none(), READ),
        (get.clone(), file("org.own:own", "1.0") + ".sha256", none(), READ),
        (get.clone(), file("org.example:lib", "1.0"), none(), READ),
        (get.clone(), file("org.example:lib", "1.1"), none(), SAVE),
        (get.clone(), file("org.example:lib", "1.1") + ".sha1", none(), SAVE),
        (get.clone(), file("org.example:lib", "9.9"), none(), [401, 401, 403, 404, 404, 404]),
        (get.clone(), "org/own/own/maven-metadata.xml".to_owned(), none(), READ),
        (get.clone(), "org/own/own/maven-metadata.xml.sha1".to_owned(), none(), READ),
        (get.clone(), "org/nobody/maven-metadata.xml".to_owned(), none(), [401, 401, 404, 404, 404, 404]),
        (get.clone(), "org/own/own/2-SNAPSHOT/maven-metadata.xml".to_owned(), none(), READ),
        (get, "org/own/own/3-SNAPSHOT/maven-metadata.xml".to_owned(), none(), [401, 404, 404, 404, 404, 404]),
        (put.clone(), file("org.own:own", "3.0"), b"x".to_vec(), WRITE),
        (put.clone(), file("org.own:own", "1.0") + ".sha1", digest, WRITE),
        (put.clone(), "org/own/own/maven-metadata.xml".to_owned(), metadata.clone(), WRITE),
        (put.clone(), "org/own/own/maven-metadata.xml.sha1".to_owned(), b"?".to_vec(), WRITE),
        (put, "org/own/own/2-SNAPSHOT/maven-metadata.xml".to_owned(), metadata, WRITE),
        (Method::DELETE, file("org.own:own", "1.0"), none(), [405; 6]),
        (Method::POST, "archetype-catalog.xml".to_owned(), none(), [405; 6]),
    ]
}

#[test]
fn every_role_may_do_what_the_table_says() {
    for column in 0..6 {
        let (server, repository) = server();
        repository.add("org.example:lib", "1.0").add("org.example:lib", "1.1");
        server.edit_feed("main", |feed| feed.is_public = column == 1);
        server.collaborator().maven().fetch("org.example:lib", "1.0", "jar").expect(200);
        let contributor = server.contributor().maven();
        contributor.release("org.own:own", "1.0");
        contributor.deploy("org.own:own", "2-SNAPSHOT", "jar").expect(201);
        for (method, path, body, statuses) in table() {
            let client = match column {
                0 | 1 => server.anonymous(),
                2 => server.reader(),
                3 => server.collaborator(),
                4 => server.contributor(),
                _ => server.owner(),
            };
            let reply = client.maven().send(method.clone(), &path, &[], Body::from(body));
            assert_eq!(reply.status, statuses[column], "{method} {path} by {column}: {}", reply.text());
            if reply.status == 401 {
                assert!(reply.header("www-authenticate").starts_with("Basic"), "{method} {path}");
            }
        }
    }
}

#[test]
fn a_refusal_says_what_is_missing_and_who_can_give_it() {
    let (server, repository) = server();
    repository.add("org.example:lib", "1.0");
    let refused = server.reader().maven().fetch("org.example:lib", "1.0", "pom").expect(403);
    assert_eq!(
        detail(&refused),
        "`org.example:lib` 1.0 is not in this feed yet; saving it from an upstream source needs Collaborator on feed \
         `main`; this token is Reader. An owner of the feed can grant it."
    );
    assert_eq!(repository.asked(""), 0, "whoever may not save makes no work upstream");
    let refused = server.reader().maven().get("org/example/lib/maven-metadata.xml").expect(404);
    assert!(detail(&refused).contains("needs Collaborator"), "{}", refused.text());
    let refused = server.reader().maven().deploy("org.own:own", "1.0", "jar").expect(403);
    assert!(detail(&refused).contains("Contributor"), "{}", refused.text());
}

#[test]
fn credentials_are_taken_before_they_are_asked_for() {
    let (server, _) = server();
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("anybody:{}", server.token_of("main", Role::Contributor)))
    );
    let headers = [("authorization", basic.as_str()), ("expect", "100-continue")];
    let client = server.anonymous().maven();
    let path = path("g:a", "1", "jar");
    client.send(Method::PUT, &path, &headers, Body::from("x")).expect(201);
    client.get_with(&path, &headers).expect(200);
    client.get(&path).expect(401);
}

#[test]
fn views_show_their_members_and_take_nothing() {
    let (server, repository) = server();
    repository.add("org.example:lib", "1.0");
    let contributor = server.contributor().maven();
    for version in ["1.0", "1.1", "2-SNAPSHOT"] {
        contributor.deploy("g:a", version, "jar").expect(201);
    }
    crate::support::verbs::owner_does(
        &server,
        "main",
        "maven:g:a",
        crate::support::verbs::Verb::Promote("1.0", "Release"),
    )
    .unwrap();
    server.advance(3);
    let view: Client<'_> = server.owner().maven_on("main@Release");
    assert_eq!(view.told("g:a"), ["1.0"]);
    view.fetch("g:a", "1.0", "jar").expect(200);
    view.fetch("g:a", "1.0", "jar.md5").expect(200);
    view.fetch("g:a", "1.1", "jar").expect(404);
    view.fetch("g:a", "2-SNAPSHOT", "jar").expect(404);
    view.get("g/a/2-SNAPSHOT/maven-metadata.xml").expect(404);
    view.fetch("org.example:lib", "1.0", "jar").expect(404);
    for (path, bytes) in [(path("g:a", "3", "jar"), "x"), (path("g:a", "1.0", "jar.md5"), "x")] {
        assert!(detail(&view.deploy_at(&path, bytes.as_bytes()).expect(409)).contains("read-only"));
    }
    assert!(
        detail(&view.deploy_at("g/a/maven-metadata.xml", b"<metadata/>").expect(409)).contains("read-only")
    );
}
