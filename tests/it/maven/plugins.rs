//! What stands in no package: the plugins of groups, and archetypes.

use super::support::{Maven, all, hex, path, plugins_document, server};
use crate::support::documents::zip;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::Algorithm;
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::{Fault, Reply as Scripted};

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

const OWN: &str = "org.example.plugins:own-maven-plugin";
const PROJECT: &[u8] = b"<project><packaging>maven-plugin</packaging></project>";

/// The archive of a plugin.
fn archive(artifact: &str, prefix: &str) -> Vec<u8> {
    let about = format!("<artifactId>{artifact}</artifactId><goalPrefix>{prefix}</goalPrefix>");
    let descriptor = format!("<plugin><name>Own</name>{about}<mojos/></plugin>");
    zip(&[("META-INF/MANIFEST.MF", b""), ("META-INF/maven/plugin.xml", descriptor.as_bytes())])
}

/// Clients of today send no metadata of groups: the prefix stands in the archive, whichever file comes first.
#[test]
fn the_prefix_of_a_plugin_is_read_from_its_archive() {
    let (jar, main) = (archive("own-maven-plugin", "own"), ["jar", "pom"]);
    for (version, order) in [("1.0", main), ("1.0", ["pom", "jar"]), ("1.0-SNAPSHOT", main)] {
        let (server, _) = server();
        let contributor = server.contributor().maven();
        contributor.get(GROUP).expect(404);
        for ending in order {
            let bytes = if ending == "pom" { PROJECT } else { &jar[..] };
            contributor.deploy_at(&path(OWN, version, ending), bytes).expect(201);
        }
        let told = server.reader().maven().elsewhere().get(GROUP).expect(200).text();
        assert_eq!((all(&told, "prefix"), all(&told, "name")), (vec!["own".into()], vec!["Own".into()]));
        let other = archive("own-maven-plugin", "renamed");
        contributor.deploy_at(&path(OWN, "2.0", "pom"), PROJECT).expect(201);
        contributor.deploy_at(&path(OWN, "2.0", "-tests.jar"), &other).expect(201);
        assert_eq!(all(&contributor.get(GROUP).expect(200).text(), "prefix"), ["own"], "not of other files");
        contributor.deploy_at(&path(OWN, "2.0", "jar"), &other).expect(201);
        assert_eq!(all(&contributor.get(GROUP).expect(200).text(), "prefix"), ["renamed"]);
    }
}

#[test]
fn an_archive_that_says_nothing_of_a_prefix_is_deployed_all_the_same() {
    let descriptor = |content: &[u8]| zip(&[("META-INF/maven/plugin.xml", content)]);
    let mut torn = archive("own-maven-plugin", "own");
    torn.truncate(torn.len() - 30);
    for jar in [
        b"no archive".to_vec(),
        torn,
        zip(&[("a.class", b"")]),
        archive("another-plugin", "own"),
        descriptor(b"<plugin><artifactId>own-maven-plugin</artifactId></plugin>"),
        descriptor(b"<!DOCTYPE plugin [<!ENTITY a 'b'>]><plugin><goalPrefix>&a;</goalPrefix></plugin>"),
        descriptor(&vec![b' '; 5 << 20]),
        [&b"PK\x05\x06"[..], &[0xff; 18]].concat(),
    ] {
        let (server, _) = server();
        let contributor = server.contributor().maven();
        contributor.deploy_at(&path(OWN, "1.0", "pom"), PROJECT).expect(201);
        contributor.deploy_at(&path(OWN, "1.0", "jar"), &jar).expect(201);
        contributor.get(GROUP).expect(404);
        contributor.fetch(OWN, "1.0", "jar").expect(200);
    }
    let (server, _) = server();
    let contributor = server.contributor().maven();
    contributor.deploy(OWN, "1.0", "pom").expect(201);
    contributor.deploy_at(&path(OWN, "1.0", "jar"), &archive("own-maven-plugin", "own")).expect(201);
    contributor.get(GROUP).expect(404);
}

/// The prefix could not be kept: the client is told, and its retry keeps it.
#[test]
fn a_deploy_that_died_before_the_prefix_is_finished_by_its_retry() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    contributor.deploy_at(&path(OWN, "1.0", "pom"), PROJECT).expect(201);
    let outage = Fault::any_write().on("/marks/plugins").times(usize::MAX);
    server.platform.faults().add(outage.before(PlatformError::TimedOut));
    let jar = archive("own-maven-plugin", "own");
    assert!(contributor.deploy_at(&path(OWN, "1.0", "jar"), &jar).status >= 400);
    server.platform.faults().clear();
    contributor.deploy_at(&path(OWN, "1.0", "jar"), &jar).expect(200);
    assert_eq!(all(&contributor.get(GROUP).expect(200).text(), "prefix"), ["own"]);
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
