//! Uploads: who may, what is refused and how, repeating, and what readers see afterwards.

use super::support::{
    INDEX, ROOT, Upload, client, files, manage, metadata, page, path, sdist, server, sha256, wheel,
    wheel_name,
};
use crate::support::documents::zip;
use edgefeed::model::Role;
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::Fault;
use futures_executor::block_on;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

#[test]
fn those_who_may_publish_upload() {
    let (server, _) = server();
    for (role, status) in
        [(Role::Reader, 403), (Role::Collaborator, 403), (Role::Contributor, 200), (Role::Owner, 200)]
    {
        let project = format!("own-{}", role.title().to_lowercase());
        let upload = Upload::sdist(&project, "1.0");
        let reply = upload.send(&client(&server, role)).expect(status);
        assert!(reply.header("content-type").starts_with("text/plain"));
    }
    let refused = Upload::wheel("own", "1.0").send(&server.anonymous().at(ROOT)).expect(401);
    assert!(refused.header("www-authenticate").starts_with("Basic"));
    let view = server.owner().at("https://edge.test/acme/_packaging/main@Release/pypi/");
    assert!(Upload::wheel("own", "1.0").send(&view).expect(409).text().contains("read-only"));
}

#[test]
fn a_version_grows_file_by_file_and_is_seen_at_once() {
    let (server, _) = server();
    let (contributor, reader) = (client(&server, Role::Contributor), client(&server, Role::Reader));
    Upload::wheel("my_pkg", "1.0").with("name", "My.Pkg").send(&contributor).expect(200);
    let document = page(&reader, "my-pkg").expect(200).json();
    let digest = json!({"sha256": sha256(&metadata("my_pkg", "1.0"))});
    let name = wheel_name("my_pkg", "1.0");
    assert_eq!(
        document["files"],
        json!([{
            "filename": name,
            "url": format!("{ROOT}{}", path("my-pkg", "1.0", &name)),
            "hashes": {"sha256": sha256(&wheel("my_pkg", "1.0"))},
            "size": wheel("my_pkg", "1.0").len(),
            "requires-python": ">=3.8",
            "upload-time": document["files"][0]["upload-time"],
            "core-metadata": digest, "data-dist-info-metadata": digest,
        }])
    );
    Upload::sdist("my_pkg", "1.0").send(&contributor).expect(200);
    Upload::sdist("my_pkg", "1.0.1").send(&contributor).expect(200);
    assert_eq!(
        files(&reader, "my-pkg"),
        [name.clone(), "my_pkg-1.0.tar.gz".to_owned(), "my_pkg-1.0.1.tar.gz".to_owned()]
    );
    assert_eq!(reader.get(&path("my-pkg", "1.0", &name)).expect(200).bytes(), wheel("my_pkg", "1.0"));
    assert_eq!(
        reader.get(&path("my-pkg", "1.0", "my_pkg-1.0.tar.gz")).expect(200).bytes(),
        sdist("my_pkg", "1.0")
    );
    let beside = reader.get(&path("my-pkg", "1.0", &format!("{name}.metadata"))).expect(200);
    assert_eq!(beside.bytes(), metadata("my_pkg", "1.0"));
    let about = reader.get("my-pkg/1.0.1/json").expect(200).json();
    assert_eq!(
        about["info"]["classifiers"],
        json!(["A :: B", "C :: D"]),
        "from the form, where there is no wheel"
    );
}

#[test]
fn repeating_an_upload_succeeds_and_changing_a_file_does_not() {
    let (server, _) = server();
    let contributor = client(&server, Role::Contributor);
    let upload = Upload::wheel("own", "1.0");
    upload.send(&contributor).expect(200);
    let before = server.package_keys();
    upload.send(&contributor).expect(200);
    let other = zip(&[("own-1.0.dist-info/METADATA", &metadata("own", "1.0")), ("own.py", b"other")]);
    let refused = upload.clone().containing(&other).send(&contributor).expect(409).text();
    assert!(refused.contains("File already exists"), "{refused}");
    assert_eq!(server.package_keys(), before);
    let kept = client(&server, Role::Reader).get(&path("own", "1.0", &wheel_name("own", "1.0"))).expect(200);
    assert_eq!(kept.bytes(), wheel("own", "1.0"));
}

#[test]
fn equal_numbers_are_one_version() {
    let (server, _) = server();
    let contributor = client(&server, Role::Contributor);
    Upload::wheel("own", "1.0").send(&contributor).expect(200);
    Upload::sdist("own", "1.0.0").send(&contributor).expect(200);
    Upload::wheel("own", "1!1.0.1+r1234").send(&contributor).expect(200);
    let document = page(&contributor, "own").expect(200).json();
    assert_eq!(document["versions"], json!(["1.0", "1!1.0.1+r1234"]));
    for file in document["files"].as_array().unwrap() {
        contributor.get(file["url"].as_str().unwrap()).expect(200);
    }
    manage(&server, Method::DELETE, "own/versions/1.0.0", &Value::Null).expect(200);
    for number in ["1.0", "1", "1.0.0"] {
        let refused = Upload::sdist("own", number).send(&contributor).expect(400).text();
        assert!(refused.contains("deleted") && !refused.contains("already exist"), "{refused}");
    }
    server.advance(3);
    assert_eq!(files(&contributor, "own"), [wheel_name("own", "1!1.0.1+r1234")]);
    contributor.get(&path("own", "1.0", &wheel_name("own", "1.0"))).expect(404);
    contributor.get(&path("own", "1.0", &format!("{}.metadata", wheel_name("own", "1.0")))).expect(404);
}

/// Uploads with one thing wrong, and a word of the refusal.
fn wrong() -> Vec<(Upload, &'static str)> {
    let wheel = || Upload::wheel("own", "1.0");
    let named = |name: &str| Upload { name: name.to_owned(), ..wheel() };
    let metadata = |text: &str| {
        wheel().containing(&zip(&[("own-1.0.dist-info/METADATA", text.as_bytes()), ("own.py", b"")]))
    };
    vec![
        (wheel().with(":action", "submit"), "file_upload"),
        (wheel().with(":action", ""), ":action"),
        (wheel().with("protocol_version", "2"), "version 1"),
        (wheel().with("name", ""), "`name`"),
        (wheel().with("name", "-own"), "project name"),
        (wheel().with("name", "other"), "not the name of a wheel"),
        (wheel().with("version", ""), "`version`"),
        (wheel().with("version", "latest"), "PEP 440"),
        (wheel().with("version", "1.1"), "not a file of version"),
        (wheel().with("filetype", "sdist"), "bdist_wheel"),
        (wheel().with("sha256_digest", &sha256(b"x")), "sha256_digest"),
        (wheel().with("md5_digest", "d41d8cd98f00b204e9800998ecf8427e"), "md5_digest"),
        (wheel().with("blake2_256_digest", &sha256(b"x")), "blake2_256_digest"),
        (wheel().with("attestations", "{}"), "attestations"),
        (named("own-1.0.exe"), "not the name"),
        (named("own-1.0.tar.bz2"), "sdist"),
        (named("own-1.0.tar.gz"), "kind of archive"),
        (named("../own-1.0-py3-none-any.whl"), "not the name"),
        (named("own-1.0-py3-none-ä.whl"), "not the name"),
        (named(""), "not the name"),
        (wheel().containing(b""), "kind of archive"),
        (wheel().containing(b"PK\x03\x04 and nonsense"), "zip"),
        (wheel().containing(&zip(&[("own.py", b"")])), "dist-info"),
        (wheel().containing(&zip(&[("x/own-1.0.dist-info/METADATA", b"")])), "dist-info"),
        (
            wheel().containing(&zip(&[("a-1.0.dist-info/METADATA", b"Name: own\nVersion: 1.0\n")])),
            "dist-info",
        ),
        (
            wheel()
                .containing(&zip(&[("own-1.0.dist-info/METADATA", b""), ("b-1.0.dist-info/METADATA", b"")])),
            "one",
        ),
        (metadata("Name: other\nVersion: 1.0\n"), "metadata"),
        (metadata("Name: own\nVersion: 1.1\n"), "metadata"),
        (metadata(""), "metadata"),
    ]
}

#[test]
fn what_is_wrong_with_an_upload_is_said_and_nothing_is_kept() {
    let (server, _) = server();
    let contributor = client(&server, Role::Contributor);
    for (upload, word) in wrong() {
        let text = upload.send(&contributor).expect(400).text();
        assert!(text.contains(word), "{word}: {text}");
    }
    let post = |media: &str, body: &str| {
        contributor.send(Method::POST, "upload/", &[("content-type", media)], body.to_owned().into())
    };
    post("application/json", "{}").expect(400);
    post("multipart/form-data; boundary=b", "--b--").expect(400);
    post(
        "multipart/form-data; boundary=b",
        "--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"x\"\r\n\r\ncut",
    )
    .expect(400);
    assert_eq!(server.package_keys(), [""; 0]);
}

#[test]
fn declared_digests_are_checked_whatever_they_are() {
    let (server, _) = server();
    let contributor = client(&server, Role::Contributor);
    let upload = Upload::new("own", "1.0", "sdist", "own-1.0.zip", b"PK\x03\x04 abc".to_vec());
    let upload = upload.with("md5_digest", "C6CC4BC3E5D71B14CC02D4A5C43DCD0B").with("blake2_256_digest", "x");
    let text = upload.send(&contributor).expect(400).text();
    assert!(text.contains("md5_digest") || text.contains("blake2_256_digest"), "{text}");
    // The last field comes behind the file in some clients: the digests are known all the same.
    let upload = Upload::sdist("own", "1.0").with("sha256_digest", "");
    upload.send(&contributor).expect(200);
}

#[test]
fn the_other_addresses_take_uploads_too() {
    let (server, _) = server();
    let contributor = client(&server, Role::Contributor);
    for (index, path) in ["upload", "upload/", "legacy/", "legacy"].into_iter().enumerate() {
        let headers = [("content-type", "multipart/form-data; boundary=b0undary")];
        let body = Upload::sdist("own", &format!("1.{}", index + 1)).body();
        contributor.send(Method::POST, path, &headers, body.into()).expect(200);
    }
}

#[test]
fn attestations_are_kept_as_provenance() {
    let (server, _) = server();
    let attestations = json!([{"version": 1, "envelope": {"statement": "x"}}]);
    let upload = Upload::wheel("own", "1.0").with("attestations", &attestations.to_string());
    upload.send(&client(&server, Role::Contributor)).expect(200);
    let reader = client(&server, Role::Reader);
    let document = page(&reader, "own").expect(200).json();
    let provenance = reader.get(document["files"][0]["provenance"].as_str().unwrap()).expect(200).json();
    assert_eq!(provenance["attestation_bundles"][0]["attestations"], attestations);
}

#[test]
fn a_large_file_passes_in_parts() {
    let (server, _) = server();
    let filler: Vec<u8> =
        (0..20_u32 << 20).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[2]).collect();
    let content = zip(&[("own/data", &filler), ("own-1.0.dist-info/METADATA", &metadata("own", "1.0"))]);
    let upload = Upload::wheel("own", "1.0").containing(&content);
    upload.send(&client(&server, Role::Contributor)).expect(200);
    let reader = client(&server, Role::Reader);
    assert_eq!(reader.get(&path("own", "1.0", &wheel_name("own", "1.0"))).expect(200).bytes(), content);
    let beside = path("own", "1.0", &format!("{}.metadata", wheel_name("own", "1.0")));
    assert_eq!(reader.get(&beside).expect(200).bytes(), metadata("own", "1.0"));
}

#[test]
fn a_number_the_index_has_is_not_taken() {
    let (server, index) = server();
    index.wheel("lib", "1.0");
    let contributor = client(&server, Role::Contributor);
    let text = Upload::sdist("lib", "1.0.0").send(&contributor).expect(409).text();
    assert!(text.contains("exists in the upstream source `index`"), "{text}");
    client(&server, Role::Collaborator).get(&path("lib", "1.0", &wheel_name("lib", "1.0"))).expect(200);
    Upload::sdist("lib", "1.0").send(&contributor).expect(409);
    assert_eq!(index.asked("simple/lib"), 1, "{INDEX}");
}

/// Whatever write fails, before or after it took effect: a wheel, then an sdist of the same version, are there in the
/// end, with the wheel's metadata.
#[test]
fn uploads_survive_every_write_that_fails() {
    for part in ["files/", ".metadata", "slots/", "package.json", "index.json", "catalog/", "published/", ""]
    {
        for (took_effect, times) in [(false, 1), (false, usize::MAX), (true, 1), (true, usize::MAX)] {
            let (server, _) = server();
            let (contributor, reader) = (client(&server, Role::Contributor), client(&server, Role::Reader));
            assert!(files(&contributor, "own").is_empty());
            for upload in [Upload::wheel("own", "1.0"), Upload::sdist("own", "1.0")] {
                let error = PlatformError::Connection("lost".to_owned());
                let fault = Fault::any_write().on(part).times(times);
                server.platform.faults().add(if took_effect {
                    fault.after(error)
                } else {
                    fault.before(error)
                });
                let first = upload.send(&contributor);
                server.platform.faults().clear();
                let what = format!(
                    "{part} {}, took effect: {took_effect}, {times} times: {}",
                    upload.name,
                    first.text()
                );
                assert!([200, 500, 503].contains(&first.status), "{what}");
                server.advance(2);
                upload.send(&contributor).expect(200);
                server.housekeeping();
                server.advance(3);
            }
            let what = format!("{part}, took effect: {took_effect}, {times} times");
            let document = page(&reader, "own").expect(200).json();
            assert_eq!(document["files"].as_array().unwrap().len(), 2, "{what}");
            assert!(document["files"][0]["core-metadata"]["sha256"].is_string(), "{what}");
            let beside = path("own", "1.0", &format!("{}.metadata", wheel_name("own", "1.0")));
            assert_eq!(reader.get(&beside).expect(200).bytes(), metadata("own", "1.0"), "{what}");
            assert_eq!(
                reader.get(&path("own", "1.0", "own-1.0.tar.gz")).expect(200).bytes(),
                sdist("own", "1.0")
            );
        }
    }
}

#[test]
fn files_that_are_pushed_at_the_same_time_are_all_there() {
    let (server, _) = server();
    let contributor = client(&server, Role::Contributor);
    let headers = [("content-type", "multipart/form-data; boundary=b0undary")];
    let uploads = [Upload::wheel("own", "1.0"), Upload::sdist("own", "1.0"), Upload::sdist("own", "1.0.0")];
    let sent = uploads
        .iter()
        .map(|upload| contributor.start(Method::POST, "upload/", &headers, upload.body().into()));
    for reply in block_on(join_all(sent)) {
        reply.expect(200);
    }
    block_on(server.platform.run_background());
    server.housekeeping();
    server.advance(3);
    let mut found = files(&client(&server, Role::Reader), "own");
    found.sort();
    assert_eq!(found, [wheel_name("own", "1.0"), "own-1.0.0.tar.gz".to_owned(), "own-1.0.tar.gz".to_owned()]);
}
