//! Snapshots: deployed again and again, by build or without one, told of by metadata, and cut back to the newest builds.

use super::support::{
    Maven, REPOSITORY, Repository, all, content, detail, hex, path, repository, server, versions_document,
};
use crate::support::TestServer;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::{Algorithm, Timestamp};
use edgefeed::platform::memory::Fault;
use edgefeed::platform::{Body, PlatformError};
use http::Method;

const OWN: &str = "org.own:own";
const FOLDER: &str = "org/own/own/1.0-SNAPSHOT";

fn metadata() -> String {
    format!("{FOLDER}/maven-metadata.xml")
}

/// The path of a file of a build.
fn build(timestamp: &str, number: u32, ending: &str) -> String {
    format!("{FOLDER}/own-1.0-{timestamp}-{number}{ending}")
}

/// What Maven does: reads which builds there are, sends the next one, then metadata.
fn deploy(server: &TestServer, timestamp: &str, endings: &[&str]) -> u32 {
    let contributor = server.contributor().maven();
    let known = contributor.get(&metadata());
    let number =
        if known.status == 200 { all(&known.text(), "buildNumber")[0].parse().unwrap() } else { 0 } + 1;
    for ending in endings {
        let file = build(timestamp, number, ending);
        contributor.deploy_at(&file, file.as_bytes()).expect(201);
        contributor
            .deploy_at(&format!("{file}.sha1"), hex(Algorithm::Sha1, file.as_bytes()).as_bytes())
            .expect(201);
    }
    contributor.deploy_at(&metadata(), b"<metadata/>").expect(201);
    contributor.deploy_at(&format!("{}.md5", metadata()), b"whatever").expect(201);
    number
}

#[test]
fn builds_are_deployed_and_told_of() {
    let (server, _) = server();
    let reader = server.reader().maven();
    reader.get(&metadata()).expect(404);
    assert_eq!(deploy(&server, "20260102.030405", &[".jar", ".pom", "-sources.jar"]), 1);
    assert_eq!(deploy(&server, "20260102.040506", &[".jar", ".pom"]), 2);
    let document = reader.get(&metadata()).expect(200).text();
    assert_eq!(
        document,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata modelVersion=\"1.1.0\">\n  <groupId>org.own</groupId>\n  \
         <artifactId>own</artifactId>\n  <version>1.0-SNAPSHOT</version>\n  <versioning>\n    <snapshot>\n      \
         <timestamp>20260102.040506</timestamp>\n      <buildNumber>2</buildNumber>\n    </snapshot>\n    \
         <lastUpdated>20260102040506</lastUpdated>\n    <snapshotVersions>\n      \
         <snapshotVersion>\n        <extension>jar</extension>\n        <value>1.0-20260102.040506-2</value>\n        \
         <updated>20260102040506</updated>\n      </snapshotVersion>\n      \
         <snapshotVersion>\n        <extension>pom</extension>\n        <value>1.0-20260102.040506-2</value>\n        \
         <updated>20260102040506</updated>\n      </snapshotVersion>\n      \
         <snapshotVersion>\n        <classifier>sources</classifier>\n        <extension>jar</extension>\n        \
         <value>1.0-20260102.030405-1</value>\n        <updated>20260102030405</updated>\n      </snapshotVersion>\n    \
         </snapshotVersions>\n  </versioning>\n</metadata>\n"
    );
    assert_eq!(
        reader.get(&format!("{}.sha1", metadata())).expect(200).text(),
        hex(Algorithm::Sha1, document.as_bytes())
    );
    assert_eq!(reader.told(OWN), ["1.0-SNAPSHOT"]);
    for (file, timestamp) in [
        (build("20260102.030405", 1, ".jar"), "Fri, 02 Jan 2026 03:04:05 GMT"),
        (build("20260102.040506", 2, ".jar"), "Fri, 02 Jan 2026 04:05:06 GMT"),
    ] {
        let reply = reader.get(&file).expect(200);
        assert_eq!(reply.bytes(), file.as_bytes());
        assert_eq!(reply.header("last-modified"), timestamp);
        assert!(reply.header("cache-control").contains("immutable"), "a build never changes");
    }
    let refused =
        server.contributor().maven().deploy_at(&build("20260102.030405", 1, ".jar"), b"other").expect(409);
    assert!(detail(&refused).contains("never changes"));
}

#[test]
fn the_newest_build_is_what_is_asked_for_without_one() {
    let (server, _) = server();
    let reader = server.reader().maven();
    deploy(&server, "20260102.030405", &[".jar", ".pom", "-sources.jar"]);
    deploy(&server, "20260102.040506", &[".jar", ".pom"]);
    let newest = reader.fetch(OWN, "1.0-SNAPSHOT", "jar").expect(200);
    let file = build("20260102.040506", 2, ".jar");
    assert_eq!(newest.bytes(), file.as_bytes());
    assert_eq!(newest.header("cache-control"), "private, no-cache");
    assert_eq!(newest.header("last-modified"), "Fri, 02 Jan 2026 04:05:06 GMT");
    assert_eq!(
        reader.fetch(OWN, "1.0-SNAPSHOT", "jar.sha1").expect(200).text(),
        hex(Algorithm::Sha1, file.as_bytes())
    );
    let sources = reader.fetch(OWN, "1.0-SNAPSHOT", "-sources.jar").expect(200);
    assert_eq!(sources.bytes(), build("20260102.030405", 1, "-sources.jar").as_bytes());
    reader.fetch(OWN, "1.0-SNAPSHOT", "-javadoc.jar").expect(404);
    reader.get(&build("20260102.040506", 2, "-sources.jar")).expect(404);
    deploy(&server, "20260102.050607", &[".jar"]);
    let elsewhere = server.reader().maven().elsewhere();
    assert_eq!(
        elsewhere.fetch(OWN, "1.0-SNAPSHOT", "jar").expect(200).bytes(),
        build("20260102.050607", 3, ".jar").as_bytes()
    );
}

/// Ivy, sbt and Maven 2 without unique versions send `own-1.0-SNAPSHOT.jar` each time.
#[test]
fn what_is_deployed_without_a_build_becomes_one() {
    let (server, _) = server();
    let (contributor, reader) = (server.contributor().maven(), server.reader().maven());
    let put =
        |ending: &str, text: &str| contributor.deploy_at(&path(OWN, "1.0-SNAPSHOT", ending), text.as_bytes());
    for (ending, text) in [("jar", "one"), ("pom", "<project/>"), ("-sources.jar", "s")] {
        put(ending, text).expect(201);
        put(&format!("{ending}.sha1"), &hex(Algorithm::Sha1, text.as_bytes())).expect(201);
        put(&format!("{ending}.md5"), &hex(Algorithm::Md5, b"another")).expect(400);
    }
    let values = |document: &str| {
        let mut values = all(document, "value");
        values.dedup();
        values
    };
    let first = reader.get(&metadata()).expect(200).text();
    assert_eq!(values(&first), ["1.0-20261122.120000-1"]);
    put("jar", "one").expect(200);
    assert_eq!(reader.get(&metadata()).expect(200).text(), first, "the same again is no new build");
    server.platform.set_now(Timestamp::parse("2026-11-22T12:01:00.000Z").unwrap());
    put("jar", "two").expect(201);
    put("pom", "<project> </project>").expect(201);
    let second = reader.get(&metadata()).expect(200).text();
    assert_eq!(
        all(&second, "value"),
        ["1.0-20261122.120100-2", "1.0-20261122.120100-2", "1.0-20261122.120000-1"]
    );
    assert_eq!(reader.fetch(OWN, "1.0-SNAPSHOT", "jar").expect(200).text(), "two");
    assert_eq!(
        reader.get(&build("20261122.120000", 1, ".jar")).expect(200).text(),
        "one",
        "the older build stays"
    );
    assert_eq!(deploy(&server, "20261123.000000", &[".jar"]), 3, "and Maven counts on");
}

#[test]
fn a_deleted_snapshot_is_not_deployed_again() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    contributor.deploy(OWN, "1.0-SNAPSHOT", "jar").expect(201);
    let view = server.contributor().maven_on("main@Local");
    assert!(detail(&view.deploy(OWN, "1.0-SNAPSHOT", "jar").expect(409)).contains("read-only"));
    let delete = Verb::Delete("1.0-SNAPSHOT");
    owner_does(&server, "main", "maven:org.own:own", delete).unwrap();
    server.advance(3);
    assert!(detail(&contributor.deploy(OWN, "1.0-SNAPSHOT", "jar").expect(409)).contains("deleted"));
    contributor.deploy_at(&build("20260102.030405", 9, ".jar"), b"x").expect(409);
    contributor.fetch(OWN, "1.0-SNAPSHOT", "jar").expect(404);
    contributor.get(&metadata()).expect(404);
}

#[test]
fn two_deployers_at_once_are_two_builds() {
    let (server, _) = server();
    deploy(&server, "20260102.030405", &[".jar"]);
    let contributor = server.contributor().maven();
    for timestamp in ["20260102.040506", "20260102.040507"] {
        let file = build(timestamp, 2, ".jar");
        contributor.deploy_at(&file, file.as_bytes()).expect(201);
    }
    let newest = server.reader().maven().fetch(OWN, "1.0-SNAPSHOT", "jar").expect(200);
    assert_eq!(newest.bytes(), build("20260102.040507", 2, ".jar").as_bytes());
    assert_eq!(deploy(&server, "20260102.050607", &[".jar"]), 3);
}

#[test]
fn snapshots_are_never_looked_for_elsewhere() {
    let (server, repository) = server();
    repository.put("org/example/lib/maven-metadata.xml", versions_document(&["1.0-SNAPSHOT"]).as_bytes());
    repository.add_untold("org.example:lib", "1.0-SNAPSHOT");
    let (owner, reader) = (server.owner().maven(), server.reader().maven());
    for ending in ["jar", "pom", "jar.sha1"] {
        owner.fetch("org.example:lib", "1.0-SNAPSHOT", ending).expect(404);
        reader.fetch("org.example:lib", "1.0-SNAPSHOT", ending).expect(404);
    }
    owner.get("org/example/lib/1.0-SNAPSHOT/lib-1.0-20260102.030405-1.jar").expect(404);
    owner.get("org/example/lib/1.0-SNAPSHOT/maven-metadata.xml").expect(404);
    repository.fault("", edgefeed::platform::memory::Reply::status(500));
    owner.deploy("org.example:lib", "1.0-SNAPSHOT", "jar").expect(201);
    assert_eq!(repository.asked(""), 0);
}

#[test]
fn the_newest_builds_are_kept_and_older_ones_go() {
    let (server, _) = server();
    let timestamp = |hour: u32| format!("202601{:02}.{:02}0000", hour / 24 + 1, hour % 24);
    for hour in 0..27 {
        assert_eq!(deploy(&server, &timestamp(hour), &[".jar", ".pom"]), hour + 1);
        server.advance(3);
    }
    let reader = server.reader().maven();
    for hour in [0, 1] {
        reader.get(&build(&timestamp(hour), hour + 1, ".jar")).expect(404);
        reader.get(&build(&timestamp(hour), hour + 1, ".pom")).expect(404);
    }
    for hour in [2, 26] {
        reader.get(&build(&timestamp(hour), hour + 1, ".jar")).expect(200);
    }
    let keys = server.platform.stored_keys();
    assert_eq!(
        keys.iter().filter(|key| key.contains("/files/")).count(),
        2 * 25,
        "their bytes are gone, too"
    );
    assert_eq!(all(&reader.get(&metadata()).expect(200).text(), "buildNumber"), ["27"]);
    assert_eq!(reader.told(OWN), ["1.0-SNAPSHOT"]);
}

/// A retirement that failed is made up for by the next deploy.
#[test]
fn retiring_survives_writes_that_fail() {
    for took_effect in [false, true] {
        let (server, _) = server();
        let timestamp = |minute: u32| format!("20260101.00{minute:02}00");
        for minute in 0..25 {
            deploy(&server, &timestamp(minute), &[".jar"]);
            server.advance(3);
        }
        let contributor = server.contributor().maven().without_background();
        let file = build(&timestamp(25), 26, ".jar");
        contributor.deploy_at(&file, file.as_bytes()).expect(201);
        let fault = Fault::any_write().on("/slots/").times(usize::MAX);
        let error = PlatformError::Connection("lost".to_owned());
        server.platform.faults().add(if took_effect { fault.after(error) } else { fault.before(error) });
        futures_executor::block_on(server.platform.run_background());
        server.platform.faults().clear();
        server.advance(3);
        deploy(&server, &timestamp(26), &[".jar"]);
        server.advance(3);
        let reader = server.reader().maven();
        for minute in [0, 1] {
            reader.get(&build(&timestamp(minute), minute + 1, ".jar")).expect(404);
        }
        assert_eq!(
            reader.fetch(OWN, "1.0-SNAPSHOT", "jar").expect(200).bytes(),
            build(&timestamp(26), 27, ".jar").as_bytes()
        );
    }
}

#[test]
fn files_of_no_build_are_kept_by_their_names() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    let file = format!("{FOLDER}/ivy-1.0-SNAPSHOT.xml");
    contributor.deploy_at(&file, b"<ivy-module/>").expect(201);
    contributor.deploy_at(&file, b"<ivy-module/>").expect(200);
    assert_eq!(server.reader().maven().get(&file).expect(200).text(), "<ivy-module/>");
    contributor.get(&metadata()).expect(404);
}

#[test]
fn a_crash_between_any_two_steps_of_a_deploy_loses_nothing() {
    for steps in 1..200 {
        let server = TestServer::empty();
        server.add_feed("main", vec![repository("repository", REPOSITORY)]);
        let _repository = Repository::new(server.platform.upstream(), REPOSITORY);
        let file = path(OWN, "1.0-SNAPSHOT", "jar");
        let bytes = content(OWN, "1.0-SNAPSHOT", "jar");
        let body = Body::from(bytes.clone());
        let done = server.contributor().maven().crash_after(steps, Method::PUT, &file, body).is_some();
        let retry = server.contributor().maven().elsewhere().deploy_at(&file, &bytes);
        assert!([200, 201].contains(&retry.status), "after {steps}: {}", retry.text());
        let reader = server.reader().maven().elsewhere();
        assert_eq!(reader.get(&file).expect(200).bytes(), bytes, "after {steps}");
        assert_eq!(all(&reader.get(&metadata()).expect(200).text(), "buildNumber"), ["1"], "after {steps}");
        assert_eq!(reader.told(OWN), ["1.0-SNAPSHOT"], "after {steps}");
        if done {
            return;
        }
    }
    panic!("never done");
}

/// Its number is gone like that of a release, until it is restored.
#[test]
fn a_deleted_snapshot_is_restored_before_it_is_deployed_to_again() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    contributor.deploy("org.own:gone", "1.0-SNAPSHOT", "jar").expect(201);
    owner_does(&server, "main", "maven:org.own:gone", Verb::Delete("1.0-SNAPSHOT")).unwrap();
    let again = || contributor.deploy_at(&path("org.own:gone", "1.0-SNAPSHOT", "jar"), b"other bytes");
    assert!(detail(&again().expect(409)).contains("deleted"));
    owner_does(&server, "main", "maven:org.own:gone", Verb::Restore("1.0-SNAPSHOT")).unwrap();
    again().expect(201);
    assert_eq!(
        contributor.fetch("org.own:gone", "1.0-SNAPSHOT", "jar").expect(200).bytes(),
        &b"other bytes"[..]
    );
}
