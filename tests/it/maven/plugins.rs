//! What stands in no package: the plugins of groups, and archetypes.

use super::support::{Maven, all, hex, path, plugins_document, server};
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::Algorithm;
use edgefeed::platform::memory::Reply as Scripted;

const GROUP: &str = "org/example/plugins/maven-metadata.xml";

#[test]
fn plugins_published_here_are_told_beside_those_of_sources() {
    let (server, repository) = server();
    repository
        .put(GROUP, plugins_document(&[("hello", "hello-maven-plugin"), ("own", "not-yours")]).as_bytes());
    let contributor = server.contributor().maven();
    let before = contributor.get(GROUP).expect(200).text();
    assert_eq!(all(&before, "prefix"), ["hello", "own"]);
    contributor.release("org.example.plugins:own-maven-plugin", "1.0");
    // A client sends all that it was told of, and its own.
    let sent = plugins_document(&[("hello", "hello-maven-plugin"), ("own", "own-maven-plugin")]);
    contributor.deploy_at(GROUP, sent.as_bytes()).expect(201);
    let after = server.collaborator().maven().elsewhere().get(GROUP).expect(200).text();
    assert_eq!(all(&after, "prefix"), ["own", "hello"], "a prefix published here is nobody else's");
    assert_eq!(all(&after, "artifactId"), ["own-maven-plugin", "hello-maven-plugin"]);
    let digest = contributor.get(&format!("{GROUP}.sha1")).expect(200).text();
    assert_eq!(digest, hex(Algorithm::Sha1, after.as_bytes()));
    assert_eq!(all(&server.reader().maven().get(GROUP).expect(200).text(), "prefix"), ["own"]);
    contributor.deploy_at(GROUP, plugins_document(&[("renamed", "own-maven-plugin")]).as_bytes()).expect(201);
    assert_eq!(all(&server.reader().maven().get(GROUP).expect(200).text(), "prefix"), ["renamed"]);
    owner_does(&server, "main", "maven:org.example.plugins:own-maven-plugin", Verb::Delete("1.0")).unwrap();
    let gone = contributor.get(GROUP).expect(200).text();
    assert_eq!(all(&gone, "artifactId"), ["hello-maven-plugin", "not-yours"]);
}

#[test]
fn two_deployers_at_once_lose_no_plugin() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    for name in ["a", "b", "c"] {
        contributor.release(&format!("org.example.plugins:{name}-maven-plugin"), "1.0");
    }
    let bodies = ["a", "b", "c"].map(|name| plugins_document(&[(name, &format!("{name}-maven-plugin"))]));
    let sent = bodies.iter().map(|body| {
        contributor.start(
            http::Method::PUT,
            GROUP,
            &[],
            edgefeed::platform::Body::from(body.clone().into_bytes()),
        )
    });
    for reply in futures_executor::block_on(futures_util::future::join_all(sent)) {
        reply.expect(201);
    }
    assert_eq!(all(&contributor.get(GROUP).expect(200).text(), "prefix"), ["a", "b", "c"]);
}

/// `org/example/plugins` is the folder of an artifact as well.
#[test]
fn a_folder_may_be_that_of_an_artifact_and_of_a_group() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    contributor.release("org.example:plugins", "1.0");
    contributor.release("org.example.plugins:own-maven-plugin", "2.0");
    contributor.deploy_at(GROUP, plugins_document(&[("own", "own-maven-plugin")]).as_bytes()).expect(201);
    let document = server.reader().maven().get(GROUP).expect(200).text();
    assert_eq!(
        (all(&document, "version"), all(&document, "prefix")),
        (vec!["1.0".to_owned()], vec!["own".to_owned()])
    );
    let digest = server.reader().maven().get(&format!("{GROUP}.md5")).expect(200).text();
    assert_eq!(digest, hex(Algorithm::Md5, document.as_bytes()));
}

#[test]
fn a_failing_source_does_not_hide_our_own_plugins() {
    let (server, repository) = server();
    let contributor = server.contributor().maven();
    contributor.release("com.own:own-maven-plugin", "1.0");
    contributor
        .deploy_at("com/own/maven-metadata.xml", plugins_document(&[("own", "own-maven-plugin")]).as_bytes())
        .expect(201);
    repository.fault("com/own", Scripted::status(500));
    contributor.get("com/own/maven-metadata.xml").expect(502);
    repository.recover();
    server.advance(6);
    assert_eq!(all(&contributor.get("com/own/maven-metadata.xml").expect(200).text(), "prefix"), ["own"]);
}

/// Plugins of a feed that is a source are told of as its versions are.
#[test]
fn plugins_of_another_feed_are_told() {
    let server = crate::support::TestServer::empty();
    server.add_feed("other", vec![]);
    let neighbour = edgefeed::model::UpstreamSource {
        protocol: "maven".to_owned(),
        ..crate::support::server::internal("other", "azure-feed://acme/other@Release")
    };
    server.add_feed("main", vec![neighbour]);
    server.edit_feed("other", |feed| {
        feed.views.iter_mut().for_each(|view| view.visibility = edgefeed::model::Visibility::Collection);
    });
    let other = server.role("other", edgefeed::model::Role::Contributor).maven_on("other");
    for name in ["a", "b"] {
        other.release(&format!("org.example.plugins:{name}-maven-plugin"), "1.0");
    }
    other
        .deploy_at(GROUP, plugins_document(&[("a", "a-maven-plugin"), ("b", "b-maven-plugin")]).as_bytes())
        .expect(201);
    let collaborator = server.collaborator().maven();
    collaborator.get(GROUP).expect(404);
    owner_does(&server, "other", "maven:org.example.plugins:b-maven-plugin", Verb::Promote("1.0", "Release"))
        .unwrap();
    assert_eq!(all(&collaborator.get(GROUP).expect(200).text(), "prefix"), ["b"]);
    server.reader().maven().get(GROUP).expect(404);
}

#[test]
fn a_view_tells_of_the_plugins_it_shows() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    for name in ["a", "b"] {
        contributor.release(&format!("org.example.plugins:{name}-maven-plugin"), "1.0");
    }
    contributor
        .deploy_at(GROUP, plugins_document(&[("a", "a-maven-plugin"), ("b", "b-maven-plugin")]).as_bytes())
        .expect(201);
    let view = server.owner().maven_on("main@Release");
    view.get(GROUP).expect(404);
    owner_does(&server, "main", "maven:org.example.plugins:b-maven-plugin", Verb::Promote("1.0", "Release"))
        .unwrap();
    assert_eq!(all(&view.get(GROUP).expect(200).text(), "prefix"), ["b"]);
}

#[test]
fn archetypes_published_here_are_in_the_catalog() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    let empty = contributor.get("archetype-catalog.xml").expect(200);
    assert_eq!(empty.header("content-type"), "application/xml");
    assert!(all(&empty.text(), "artifactId").is_empty());
    let pom = b"<project><packaging>maven-archetype</packaging></project>";
    contributor.deploy_at(&path("org.example:start", "1.0", "pom"), pom).expect(201);
    contributor.deploy_at(&path("org.example:start", "1.0", "pom"), pom).expect(200);
    contributor.release("org.example:lib", "1.0");
    let catalog = contributor.get("archetype-catalog.xml").expect(200).text();
    assert_eq!(
        (all(&catalog, "artifactId"), all(&catalog, "version")),
        (vec!["start".to_owned()], vec!["1.0".to_owned()])
    );
    let digest = contributor.get("archetype-catalog.xml.sha1").expect(200).text();
    assert_eq!(digest, hex(Algorithm::Sha1, catalog.as_bytes()));
    owner_does(&server, "main", "maven:org.example:start", Verb::Delete("1.0")).unwrap();
    assert!(all(&contributor.get("archetype-catalog.xml").expect(200).text(), "artifactId").is_empty());
}
