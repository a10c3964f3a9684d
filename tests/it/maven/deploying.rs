//! Deploying releases: in the order of clients, again, at the same time, under failing writes, and wrong.

use super::support::{Maven, content, detail, folder, hex, path, server};
use crate::support::verbs::{Verb, owner_does};
use edgefeed::model::Algorithm;
use edgefeed::platform::memory::{Fault, Reply as Scripted};
use edgefeed::platform::{Body, PlatformError};
use futures_executor::block_on;
use futures_util::future::join_all;
use http::Method;
use serde_json::Value;

const OWN: &str = "org.own:own";

/// What Maven 3.8 does: each file, what it hashes to, then metadata, merged with what is there.
#[test]
fn a_release_is_deployed_in_the_order_of_maven() {
    let (server, _) = server();
    let (contributor, reader) = (server.contributor().maven(), server.reader().maven());
    let metadata = format!("{}/maven-metadata.xml", folder(OWN));
    for ending in ["jar", "pom", "-sources.jar", "jar.asc", "module"] {
        let (file, bytes) = (path(OWN, "1.0", ending), content(OWN, "1.0", ending));
        contributor.deploy_at(&file, &bytes).expect(201);
        for algorithm in [Algorithm::Sha1, Algorithm::Md5] {
            contributor
                .deploy_at(&format!("{file}.{}", algorithm.name()), hex(algorithm, &bytes).as_bytes())
                .expect(201);
        }
    }
    let told = contributor.get(&metadata).expect(200).text();
    let sha1 = contributor.get(&format!("{metadata}.sha1")).expect(200).text();
    assert_eq!(sha1, hex(Algorithm::Sha1, told.as_bytes()), "metadata and its digest are of one document");
    let merged = told.replace("</versions>", "<version>99</version></versions>");
    contributor.deploy_at(&metadata, merged.as_bytes()).expect(201);
    contributor
        .deploy_at(&format!("{metadata}.sha1"), hex(Algorithm::Sha1, merged.as_bytes()).as_bytes())
        .expect(201);
    contributor.deploy_at(&format!("{metadata}.md5"), b"nonsense").expect(201);
    assert_eq!(reader.told(OWN), ["1.0"], "metadata is ours");
    assert_eq!(
        told,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>org.own</groupId>\n  \
         <artifactId>own</artifactId>\n  <versioning>\n    <latest>1.0</latest>\n    <release>1.0</release>\n    \
         <versions>\n      <version>1.0</version>\n    </versions>\n    <lastUpdated>20261122120000</lastUpdated>\n  \
         </versioning>\n</metadata>\n"
    );
    for (ending, media_type) in [
        ("jar", "application/java-archive"),
        ("pom", "application/xml"),
        ("-sources.jar", "application/java-archive"),
        ("jar.asc", "text/plain; charset=utf-8"),
        ("module", "application/json"),
    ] {
        let reply = reader.fetch(OWN, "1.0", ending).expect(200);
        assert_eq!(reply.bytes(), content(OWN, "1.0", ending));
        assert_eq!(reply.header("content-type"), media_type, "{ending}");
        for algorithm in Algorithm::ALL {
            let digest = hex(algorithm, &content(OWN, "1.0", ending));
            assert_eq!(reply.header(&format!("x-checksum-{}", algorithm.name())), digest);
            let told = reader.fetch(OWN, "1.0", &format!("{ending}.{}", algorithm.name())).expect(200);
            assert_eq!(told.text(), digest);
            assert_eq!(told.count("r2"), 0, "the slot is remembered: {}", told.header("server-timing"));
        }
    }
    let slot: Value =
        serde_json::from_slice(&server.platform.object(&server.key(&["/slots/1.0"])).unwrap()).unwrap();
    assert_eq!(slot["artifacts"][1]["manifest"]["name"], "own by a test", "a POM says what it is");
    assert!(
        server.platform.stored_keys().iter().all(|key| key.strip_suffix(".sha1").is_none()),
        "digests are no files"
    );
}

#[test]
fn a_file_of_a_release_never_changes_and_more_may_come() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    contributor.release(OWN, "1.0");
    let before = server.package_keys();
    contributor.deploy(OWN, "1.0", "jar").expect(200);
    let refused = contributor.deploy_at(&path(OWN, "1.0", "jar"), b"other bytes").expect(409);
    assert!(detail(&refused).contains("never changes"), "{}", refused.text());
    assert_eq!(server.package_keys(), before);
    server.advance(3600);
    contributor.deploy(OWN, "1.0", "-javadoc.jar").expect(201);
    let reader = server.reader().maven();
    assert_eq!(reader.fetch(OWN, "1.0", "jar").expect(200).bytes(), content(OWN, "1.0", "jar"));
    reader.fetch(OWN, "1.0", "-javadoc.jar").expect(200);
    contributor.deploy_at(&path(OWN, "1.0", "-empty.txt"), b"").expect(201);
    assert!(reader.fetch(OWN, "1.0", "-empty.txt").expect(200).bytes().is_empty());
}

#[test]
fn a_deployed_digest_must_be_true() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    let file = path(OWN, "1.0", "jar");
    let bytes = content(OWN, "1.0", "jar");
    let put = |ending: &str, text: &str| contributor.deploy_at(&format!("{file}{ending}"), text.as_bytes());
    let early = put(".sha1", &hex(Algorithm::Sha1, &bytes)).expect(409);
    assert!(detail(&early).contains("before what it hashes to"), "{}", early.text());
    contributor.deploy_at(&file, &bytes).expect(201);
    let sha1 = hex(Algorithm::Sha1, &bytes);
    for (ending, text, status) in [
        (".sha1", sha1.clone(), 201),
        (".sha1", format!("{}  own-1.0.jar\n", sha1.to_uppercase()), 201),
        (".md5", hex(Algorithm::Md5, &bytes), 201),
        (".sha256", hex(Algorithm::Sha256, &bytes), 201),
        (".sha512", hex(Algorithm::Sha512, &bytes), 201),
        (".sha1.md5", hex(Algorithm::Md5, sha1.as_bytes()), 201),
        (".sha1", hex(Algorithm::Sha1, b"other"), 400),
        (".sha512", hex(Algorithm::Sha512, b"other"), 400),
        (".sha1.md5", hex(Algorithm::Md5, &bytes), 400),
        (".sha1", hex(Algorithm::Md5, &bytes), 400),
        (".sha1", String::new(), 400),
        (".asc.sha1", sha1.clone(), 409),
    ] {
        let reply = put(ending, &text);
        assert_eq!(reply.status, status, "{ending} {text}: {}", reply.text());
    }
    assert_eq!(
        server.reader().maven().get(&format!("{file}.sha1.md5")).expect(200).text(),
        hex(Algorithm::Md5, sha1.as_bytes())
    );
    put(".asc", "signature").expect(201);
    put(".asc.sha1", &hex(Algorithm::Sha1, b"signature")).expect(201);
    assert_eq!(
        server.reader().maven().get(&format!("{file}.asc.sha1")).expect(200).text(),
        hex(Algorithm::Sha1, b"signature")
    );
}

#[test]
fn numbers_that_cannot_be_had_are_refused() {
    let (server, repository) = server();
    repository.add("org.example:lib", "1.0").add("org.example:lib", "1.1");
    let contributor = server.contributor().maven();
    let refused = contributor.deploy("org.example:lib", "1.0", "jar").expect(409);
    assert!(detail(&refused).contains("exists in the upstream source `repository`"), "{}", refused.text());
    contributor.fetch("org.example:lib", "1.0", "jar").expect(200);
    contributor.deploy("org.example:lib", "1.0", "-extra.jar").expect(409);
    contributor.release(OWN, "1.0");
    owner_does(&server, "main", "maven:org.own:own", Verb::Delete("1.0")).unwrap();
    server.advance(3);
    for ending in ["jar", "-sources.jar"] {
        let refused = contributor.deploy(OWN, "1.0", ending).expect(409);
        assert!(detail(&refused).contains("deleted"), "{}", refused.text());
    }
    contributor
        .deploy_at(
            &path(OWN, "1.0", "jar.sha1"),
            hex(Algorithm::Sha1, &content(OWN, "1.0", "jar")).as_bytes(),
        )
        .expect(409);
}

/// A repository need not list what it has: it is asked whether it has the project's description, once for a new version.
#[test]
fn a_version_that_a_source_has_untold_is_a_conflict() {
    let (server, repository) = server();
    repository.add("org.example:lib", "1.0").add_untold("org.example:lib", "1.1").add_untold(OWN, "2.0");
    let contributor = server.contributor().maven();
    for (name, version) in [("org.example:lib", "1.1"), (OWN, "2.0")] {
        let refused = contributor.deploy(name, version, "jar").expect(409);
        assert!(
            detail(&refused).contains("exists in the upstream source `repository`"),
            "{}",
            refused.text()
        );
    }
    let asked = |version: &str| repository.asked(&path(OWN, version, "pom"));
    contributor.release(OWN, "1.0");
    contributor.deploy(OWN, "1.0", "-sources.jar").expect(201);
    contributor.deploy(OWN, "3.0-SNAPSHOT", "jar").expect(201);
    assert_eq!((asked("1.0"), asked("2.0"), asked("3.0-SNAPSHOT")), (1, 1, 0));
    repository.fault("own-4.0.pom", Scripted::status(500));
    contributor.deploy(OWN, "4.0", "jar").expect(502);
    server.edit_feed("main", |feed| feed.allow_upstream_name_conflict = true);
    contributor.clone().elsewhere().release(OWN, "2.0");
}

#[test]
fn paths_that_are_no_places_are_refused() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    for (path, status) in [
        ("a.jar", 404),
        ("g/a/a.jar", 404),
        ("org.own/own/1.0/own-1.0.jar", 404),
        ("g/a/1.0/%2e%2e", 400),
        ("g/a/1.0/a%2fb.jar", 400),
        ("g/a/1%00/a.jar", 400),
        ("g/a/[1.0,2.0)/a.jar", 404),
        ("g//a/1.0/a.jar", 404),
        ("archetype-catalog.xml", 405),
        ("", 405),
        ("g/a/1.0/", 404),
    ] {
        let reply = contributor.deploy_at(path, b"x");
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    contributor.deploy_at("g/a/maven-metadata.xml", b"not XML").expect(400);
    contributor.deploy_at("g/a/maven-metadata.xml", b"<!DOCTYPE x [<!ENTITY y 'z'>]><metadata/>").expect(400);
    let large = vec![b'x'; (8 << 20) + 1];
    contributor.deploy_at("g/a/maven-metadata.xml", &large).expect(413);
    contributor.deploy_at("g/a/1.0/a-1.0.jar.sha1", &large).expect(413);
    assert_eq!(server.local_keys(), [""; 0]);
}

#[test]
fn a_body_that_breaks_off_leaves_nothing() {
    let (server, _) = server();
    let pieces = vec![Ok(bytes::Bytes::from_static(b"half")), Err(PlatformError::Cut("gone".to_owned()))];
    let body = Body::Stream(Box::pin(futures_util::stream::iter(pieces)));
    server.contributor().maven().send(Method::PUT, &path(OWN, "1.0", "jar"), &[], body).expect(400);
    assert_eq!(server.local_keys(), [""; 0]);
}

/// Maven 4 and Gradle send the files of a version side by side, and R2 takes one write per second and key.
#[test]
fn files_that_are_deployed_at_the_same_time_are_all_there() {
    // Without the limit states of the records decide every race.
    for limited in [false, true] {
        let (server, _) = server();
        server.platform.limit_writes(limited);
        let contributor = server.contributor().maven();
        let endings: Vec<String> = (0..16).map(|number| format!("-c{number}.jar")).collect();
        let sent = endings.iter().map(|ending| {
            let body = Body::from(content(OWN, "1.0", ending));
            contributor.start(Method::PUT, &path(OWN, "1.0", ending), &[], body)
        });
        for reply in block_on(join_all(sent)) {
            reply.expect(201);
        }
        block_on(server.platform.run_background());
        let reader = server.reader().maven().elsewhere();
        for ending in &endings {
            assert_eq!(reader.fetch(OWN, "1.0", ending).expect(200).bytes(), content(OWN, "1.0", ending));
        }
        assert_eq!(reader.told(OWN), ["1.0"]);
    }
}

/// One after the other, without a pause, where every key takes one write per second.
#[test]
fn a_release_is_deployed_where_writes_are_limited() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    for ending in ["jar", "pom", "-sources.jar", "-javadoc.jar", "jar.asc", "pom.asc", "module"] {
        contributor.deploy(OWN, "1.0", ending).expect(201);
    }
    assert_eq!(contributor.told(OWN), ["1.0"]);
}

/// Of two that deploy one file at the same time, with other bytes, one wins.
#[test]
fn a_name_is_given_once() {
    let (server, _) = server();
    let contributor = server.contributor().maven();
    let file = path(OWN, "1.0", "jar");
    let sent =
        ["one", "two", "three"].map(|text| contributor.start(Method::PUT, &file, &[], Body::from(text)));
    let replies = block_on(join_all(sent));
    block_on(server.platform.run_background());
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(won.len(), 1, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    assert!(replies.iter().all(|reply| [201, 409, 503].contains(&reply.status)));
    server.reader().maven().get(&file).expect(200);
}

/// Whatever write fails, before or after it took effect: all files are there in the end.
#[test]
fn deploys_survive_every_write_that_fails() {
    for part in ["files/", "slots/", "package.json", "index.json", "catalog/", "published/", ""] {
        for (took_effect, times) in [(false, 1), (false, usize::MAX), (true, 1), (true, usize::MAX)] {
            let (server, _) = server();
            let (contributor, reader) = (server.contributor().maven(), server.reader().maven());
            for ending in ["jar", "pom"] {
                let error = PlatformError::Connection("lost".to_owned());
                let fault = Fault::any_write().on(part).times(times);
                let fault = if took_effect { fault.after(error) } else { fault.before(error) };
                server.platform.faults().add(fault);
                let first = contributor.deploy(OWN, "1.0", ending);
                server.platform.faults().clear();
                let what =
                    format!("{part} {ending}, took effect: {took_effect}, {times} times: {}", first.text());
                assert!([200, 201, 500, 503].contains(&first.status), "{what}");
                server.advance(2);
                let again = contributor.deploy(OWN, "1.0", ending);
                assert!([200, 201].contains(&again.status), "{what}: {}", again.text());
                server.housekeeping();
                server.advance(3);
            }
            assert_eq!(reader.told(OWN), ["1.0"], "{part}, took effect: {took_effect}, {times} times");
            for ending in ["jar", "pom"] {
                assert_eq!(reader.fetch(OWN, "1.0", ending).expect(200).bytes(), content(OWN, "1.0", ending));
            }
        }
    }
}

/// An isolate that dies at any moment of a deploy: the retry completes it.
#[test]
fn a_deploy_that_died_half_way_never_blocks_its_retry() {
    for steps in 1..200 {
        let (server, _) = server();
        let file = path(OWN, "1.0", "jar");
        let body = Body::from(content(OWN, "1.0", "jar"));
        let done = server.contributor().maven().crash_after(steps, Method::PUT, &file, body).is_some();
        let retry = server.contributor().maven().elsewhere().deploy(OWN, "1.0", "jar");
        assert!([200, 201].contains(&retry.status), "after {steps}: {}", retry.text());
        let reader = server.reader().maven().elsewhere();
        assert_eq!(reader.told(OWN), ["1.0"], "after {steps}");
        assert_eq!(reader.fetch(OWN, "1.0", "jar").expect(200).bytes(), content(OWN, "1.0", "jar"));
        if done {
            assert!(steps > 3, "a crash test that did not crash");
            return;
        }
    }
    panic!("never done");
}

/// The first file's note is gone when the second is deployed within the same second: it has one of its own.
#[test]
fn cron_indexes_a_file_whose_deploy_died_right_after_another() {
    for steps in 1..200 {
        let (server, _) = server();
        let contributor = server.contributor().maven();
        contributor.deploy(OWN, "1.0", "jar").expect(201);
        let body = Body::from(content(OWN, "1.0", "pom"));
        let done = contributor.crash_after(steps, Method::PUT, &path(OWN, "1.0", "pom"), body).is_some();
        server.advance(601);
        server.housekeeping();
        let has_pom = |place: &str| {
            let bytes = server.platform.object(&server.key(&["/maven/", place])).unwrap();
            String::from_utf8_lossy(&bytes).contains("own-1.0.pom")
        };
        assert_eq!(has_pom("/slots/"), has_pom("/index.json"), "after {steps}");
        if done {
            assert!(steps > 3, "a crash test that did not crash");
            return;
        }
    }
    panic!("never done");
}
