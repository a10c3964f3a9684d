//! Audits, signing keys, attestations: passed through, remembered, and no internal name told to the upstream.

use crate::support::TestServer;
use edgefeed::platform::memory::Reply;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write as _;

const BULK: &str = "-/npm/v1/security/advisories/bulk";
const QUICK: &str = "-/npm/v1/security/audits/quick";

fn server() -> TestServer {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    server.registry.answer_service(
        "npm/v1/security/advisories/bulk",
        json!({ "lib": [{
            "id": 7, "url": "https://advisories.test/7", "title": "bad", "severity": "high",
            "vulnerable_versions": "<2.0.0", "cwe": ["CWE-1"], "cvss": { "score": 7.5 },
        }] }),
    );
    server.contributor().publish("secret-project", "1.0.0").expect(201);
    server.contributor().publish("@acme/secret", "1.0.0").expect(201);
    server
}

fn asked() -> Value {
    json!({ "lib": ["1.0.0"], "secret-project": ["1.0.0"], "@acme/secret": ["1.0.0"] })
}

fn sent(server: &TestServer) -> Vec<Value> {
    let sent = server.platform.upstream().sent();
    let audits = sent.iter().filter(|request| request.url.path().contains("/security/"));
    audits.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[test]
fn a_bulk_audit_is_passed_through_without_internal_names() {
    let server = server();
    let reply = server.collaborator().post(BULK, &asked()).expect(200);
    insta::assert_json_snapshot!("advisories", reply.json());
    assert_eq!(sent(&server), [json!({ "lib": ["1.0.0"] })]);
    server.collaborator().elsewhere().post(BULK, &asked()).expect(200);
    assert_eq!(sent(&server).len(), 1, "remembered");
    server.advance(700);
    server.collaborator().post(BULK, &asked()).expect(200);
    assert_eq!(sent(&server).len(), 2, "not for ever");
    let clean = server.collaborator().post(BULK, &json!({ "secret-project": ["1.0.0"] })).expect(200);
    assert_eq!(clean.json(), json!({}));
    assert_eq!(sent(&server).len(), 2, "nothing to ask");
    for request in server.platform.upstream().sent() {
        let said = format!("{} {}", request.url, String::from_utf8_lossy(&request.body));
        assert!(request.url.path().contains("secret") || !said.contains("secret"), "{said}");
    }
}

#[test]
fn an_older_audit_is_answered_from_the_newer_one() {
    let server = server();
    let tree = json!({
        "name": "app", "version": "1.0.0",
        "requires": { "lib": "^1.0.0" },
        "dependencies": {
            "lib": { "version": "1.0.0", "dependencies": { "lib": { "version": "0.9.0" } } },
            "@acme/secret": { "version": "1.0.0" },
        },
    });
    let reply = server.collaborator().post(QUICK, &tree).expect(200);
    insta::assert_json_snapshot!("older_audit", reply.json());
    assert_eq!(sent(&server), [json!({ "lib": ["1.0.0", "0.9.0"] })]);
    server.collaborator().post("-/npm/v1/security/audits", &tree).expect(200);
}

#[test]
fn a_compressed_body_is_read_and_a_bomb_is_not() {
    let server = server();
    let pack = |bytes: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let headers = [("content-encoding", "gzip"), ("content-type", "application/json")];
    let post = |body: Vec<u8>| server.collaborator().send(http::Method::POST, BULK, &headers, body.into());
    assert_eq!(post(pack(asked().to_string().as_bytes())).expect(200).json()["lib"][0]["id"], 7);
    post(pack(&vec![b' '; 20 << 20])).expect(413);
    post(b"no gzip".to_vec()).expect(400);
    post(pack(b"{\"lib\":")).expect(400);
    for body in [json!([]), json!({ "lib": "1.0.0" }), json!("x")] {
        server.collaborator().post(BULK, &body).expect(400);
    }
}

#[test]
fn an_audit_that_cannot_be_answered_is_not_a_clean_one() {
    let refusals = [
        Reply::connection_error(),
        Reply::status(500),
        Reply::status(404),
        Reply::status(405),
        Reply::ok("<html>"),
        Reply::ok("[]"),
    ];
    for fault in refusals {
        let server = server();
        server.registry.fault("advisories", fault);
        let reply = server.collaborator().post(BULK, &asked()).expect(404);
        assert!(reply.error().contains("audits are not available"), "{}", reply.text());
        server.registry.recover();
        server.advance(6);
        server.collaborator().post(BULK, &asked()).expect(200);
    }
    let text = server().reader().post(BULK, &asked()).expect(404).error();
    assert!(text.contains("needs Collaborator"), "{text}");
}

#[test]
fn keys_are_passed_through_and_remembered() {
    let server = server();
    server.reader().get("-/npm/v1/keys").expect(404);
    server.advance(61);
    let keys =
        json!({ "keys": [{ "keyid": "SHA256:key", "keytype": "ecdsa-sha2-nistp256", "key": "AAAA" }] });
    server.registry.answer_service("npm/v1/keys", keys.clone());
    assert_eq!(server.reader().get("-/npm/v1/keys").expect(200).json(), keys);
    server.registry.go_down();
    assert_eq!(server.reader().elsewhere().get("-/npm/v1/keys").expect(200).json(), keys);
    server.advance(3601);
    server.reader().get("-/npm/v1/keys").expect(502);
}

#[test]
fn attestations_of_a_saved_version_are_kept_with_it() {
    let server = server();
    let path = "-/npm/v1/attestations/lib@1.0.0";
    let document = json!({ "attestations": [{ "predicateType": "p", "bundle": {} }] });
    server.registry.answer_service("npm/v1/attestations/lib@1.0.0", document.clone());
    let text = server.reader().get(path).expect(403).error();
    assert!(text.contains("needs Collaborator"), "{text}");
    assert_eq!(server.collaborator().get(path).expect(200).json(), document);
    server.collaborator().download("lib", "1.0.0").expect(200);
    assert_eq!(server.reader().get(path).expect(200).json(), document);
    server.registry.go_down();
    server.advance(30 * 24 * 3600);
    assert_eq!(server.reader().elsewhere().get(path).expect(200).json(), document);
    server.reader().get("-/npm/v1/attestations/secret-project@1.0.0").expect(404);
    let said = server.platform.upstream().urls();
    assert!(said.iter().all(|url| !url.contains("attestations/secret")), "{said:?}");
    server.owner().delete("lib/-/lib-1.0.0.tgz/-rev/1-edgefeed").expect(200);
    server.reader().get(path).expect(404);
}

#[test]
fn attestation_addresses_lead_here() {
    let server = TestServer::new();
    server.registry.add_with("@s/lib", "1.0.0", |manifest| {
        manifest["dist"]["attestations"] = json!({
            "url": "https://registry.test/-/npm/v1/attestations/@s%2flib@1.0.0",
            "provenance": { "predicateType": "https://slsa.dev/provenance/v1" },
        });
    });
    server.registry.answer_service("npm/v1/attestations/@s%2flib@1.0.0", json!({ "attestations": [] }));
    let listed = server.collaborator().get("@s%2flib").expect(200).json();
    let attestations = &listed["versions"]["1.0.0"]["dist"]["attestations"];
    assert_eq!(attestations["provenance"]["predicateType"], "https://slsa.dev/provenance/v1");
    let url = attestations["url"].as_str().unwrap();
    assert!(url.starts_with("https://edge.test/acme/_packaging/main/npm/registry/-/npm/v1/attestations/"));
    server.collaborator().get(url).expect(200);
}

fn attestations(number: usize) -> String {
    format!("-/npm/v1/attestations/lib@1.0.{number}")
}

#[test]
fn a_source_out_of_reach_is_not_asked_for_one_attestation_after_the_other() {
    for fault in [Reply::connection_error(), Reply::time_out(), Reply::status(429)] {
        let server = server();
        let client = server.collaborator();
        server.registry.fault("", fault);
        server.platform.upstream().clear_sent();
        let status = client.get(&attestations(0)).status;
        let so_far = server.registry.asked("");
        for number in 1..20 {
            assert_eq!(client.get(&attestations(number)).status, status);
        }
        assert_eq!(client.get("lib").status, status, "listings know of it");
        client.post(BULK, &asked()).expect(404);
        assert_eq!(server.registry.asked(""), so_far);
        client.get_with(&attestations(0), &[("cache-control", "no-cache")]);
        assert_eq!(server.registry.asked(""), 2 * so_far, "unless somebody insists");
        server.registry.recover();
        server.advance(6);
        client.get(&attestations(0)).expect(404);
        client.get("lib").expect(200);
    }
}

#[test]
fn a_source_whose_listings_fail_is_not_asked_for_attestations() {
    let server = server();
    server.registry.go_down();
    server.collaborator().get("lib").expect(502);
    server.collaborator().get(&attestations(0)).expect(502);
    assert_eq!(server.registry.asked("attestations"), 0);
}

#[test]
fn a_service_that_a_source_does_not_offer_says_nothing_about_its_listings() {
    for status in [400, 401, 403, 405, 500, 501, 503] {
        let server = server();
        server.registry.fault("-/", Reply::status(status));
        server.collaborator().post(BULK, &asked()).expect(404);
        server.collaborator().get(&attestations(0)).expect(502);
        server.collaborator().get("lib").expect(200);
    }
}

#[test]
fn that_there_are_no_attestations_is_remembered_for_a_minute_and_no_longer() {
    let server = server();
    let path = attestations(0);
    for _ in 0..5 {
        server.collaborator().get(&path).expect(404);
        server.advance(10);
    }
    assert_eq!(server.registry.asked("attestations"), 1);
    server.registry.go_down();
    server.collaborator().get(&path).expect(404);
    server.registry.recover();
    server.registry.answer_service("npm/v1/attestations/lib@1.0.0", json!({ "attestations": [] }));
    server.collaborator().get(&path).expect(404);
    server.advance(11);
    server.collaborator().get(&path).expect(200);
    let other = attestations(1);
    server.collaborator().get(&other).expect(404);
    server.registry.answer_service("npm/v1/attestations/lib@1.0.1", json!({ "attestations": [] }));
    server.collaborator().get(&other).expect(404);
    server.collaborator().get_with(&other, &[("cache-control", "no-cache")]).expect(200);
}
