//! `npm search`: local packages first, then what the upstream finds, for those who may save it.

use crate::support::TestServer;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::platform::memory::Reply;
use serde_json::{Value, json};

fn server() -> TestServer {
    let server = TestServer::new();
    for name in ["alpha", "alpha-beta", "@team/alpha", "zeta"] {
        server.contributor().publish(name, "1.0.0").expect(201);
    }
    server.registry.answer_service("v1/search", json!({
        "objects": [
            { "package": { "name": "alpha", "version": "9.0.0", "maintainers": [] } },
            { "package": { "name": "alpha-upstream", "version": "3.0.0", "description": "d", "keywords": ["k"] } },
        ],
        "total": 2,
    }));
    server
}

fn names(answer: &Value) -> Vec<&str> {
    let objects = answer["objects"].as_array().unwrap();
    objects.iter().map(|object| object["package"]["name"].as_str().unwrap()).collect()
}

#[test]
fn local_packages_come_first_the_exact_one_before_all() {
    let server = server();
    let answer = server.reader().get("-/v1/search?text=alpha").expect(200).json();
    assert_eq!(names(&answer), ["alpha", "@team/alpha", "alpha-beta"]);
    assert_eq!(answer["total"], 3);
    assert_eq!(server.registry.asked("search"), 0, "a reader's words are not told to the upstream");
    let answer = server.collaborator().get("-/v1/search?text=alpha&size=20").expect(200).json();
    assert_eq!(names(&answer), ["alpha", "@team/alpha", "alpha-beta", "alpha-upstream"]);
    assert_eq!(answer["objects"][0]["package"]["version"], "1.0.0", "ours, not the upstream's of that name");
}

#[test]
fn results_have_the_shape_npm_reads() {
    let server = server();
    insta::assert_json_snapshot!("search", server.reader().get("-/v1/search?text=zeta").expect(200).json());
}

#[test]
fn pages_have_no_gaps_and_no_repeats() {
    let server = server();
    let mut seen = Vec::new();
    for from in 0..5 {
        let answer = server.reader().get(&format!("-/v1/search?text=alpha&size=1&from={from}")).expect(200);
        let answer = answer.json();
        assert_eq!(answer["total"], 3);
        seen.extend(names(&answer).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, ["alpha", "@team/alpha", "alpha-beta"]);
    let none = server.reader().get("-/v1/search?text=alpha&size=0").expect(200).json();
    assert_eq!((names(&none).len(), &none["total"]), (0, &json!(3)));
    server.reader().get("-/v1/search?text=&size=99999").expect(200);
}

#[test]
fn a_package_that_is_here_and_upstream_is_found_once_and_counted_once() {
    let server = server();
    let search = |from: usize, size: usize| {
        let path = format!("-/v1/search?text=alpha&size={size}&from={from}");
        server.collaborator().get(&path).expect(200).json()
    };
    let all = search(0, 20);
    assert_eq!(names(&all), ["alpha", "@team/alpha", "alpha-beta", "alpha-upstream"]);
    assert_eq!(all["total"], 4);
    let next = search(3, 20);
    assert_eq!(names(&next), ["alpha-upstream"], "`alpha` was on the page before");
    assert_eq!(next["total"], 4);
    // A name all of whose versions here are deleted is the upstream's again.
    owner_does(&server, "main", "alpha", Verb::Delete("1.0.0")).unwrap();
    let left = search(0, 20);
    assert_eq!(names(&left), ["@team/alpha", "alpha-beta", "alpha", "alpha-upstream"]);
    assert_eq!(left["total"], 4);
}

#[test]
fn qualifiers_are_understood() {
    let server = server();
    let search = |text: &str| {
        let answer = server.reader().get(&format!("-/v1/search?text={text}")).expect(200).json();
        names(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(search("scope:team"), ["@team/alpha"]);
    assert_eq!(search("scope:@team"), ["@team/alpha"]);
    assert_eq!(search("alpha+beta"), ["alpha-beta"]);
    assert_eq!(search("ALPHA%20beta"), ["alpha-beta"]);
    assert_eq!(search("nothing"), [""; 0]);
    assert_eq!(search("").len(), 4);
}

#[test]
fn what_is_deleted_or_not_in_the_view_is_not_found() {
    let server = server();
    owner_does(&server, "main", "zeta", Verb::Delete("1.0.0")).unwrap();
    owner_does(&server, "main", "alpha", Verb::Promote("1.0.0", "Release")).unwrap();
    let deleted = server.reader().get("-/v1/search?text=zeta").expect(200).json();
    assert_eq!(names(&deleted), [""; 0]);
    let view = server.owner().on("main@Release").get("-/v1/search?text=alpha").expect(200).json();
    assert_eq!(names(&view), ["alpha"]);
}

#[test]
fn an_upstream_that_fails_does_not_hide_local_packages() {
    for fault in [Reply::connection_error(), Reply::status(404), Reply::status(500), Reply::ok("<html>")] {
        let server = server();
        server.registry.fault("search", fault);
        let answer = server.collaborator().get("-/v1/search?text=alpha").expect(200).json();
        assert_eq!(names(&answer), ["alpha", "@team/alpha", "alpha-beta"]);
    }
}
