//! A host of its own: one feed at the root of a host.

use crate::support::client::file;
use crate::support::{TestServer, tarball};
use edgefeed::model::Address;
use serde_json::json;

const HOST: &str = "https://npm.example.test/";

fn server() -> TestServer {
    let mut server = TestServer::new();
    let feeds = [("npm.example.test", "acme/main"), ("localhost:8787", "acme/main@Release")];
    server.config.hosts =
        feeds.into_iter().map(|(host, feed)| (host.to_owned(), Address::parse_path(feed).unwrap())).collect();
    server.registry.add("lib", "1.0.0");
    server.contributor().publish("@s/own", "1.0.0").expect(201);
    server
}

#[test]
fn links_stay_on_the_host_by_which_the_client_came() {
    let server = server();
    let client = server.collaborator().at(HOST);
    let document = client.get("lib").expect(200).json();
    let link = document["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap().to_owned();
    assert_eq!(link, "https://npm.example.test/lib/-/lib-1.0.0.tgz");
    assert_eq!(client.get(&link).expect(200).bytes(), tarball("lib", "1.0.0"));
    let scoped = server.reader().at(HOST).get("@s%2fown").expect(200).json();
    let link = scoped["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap();
    assert_eq!(link, "https://npm.example.test/@s/own/-/own-1.0.0.tgz");
    let below = server.reader().at("https://npm.example.test/npm/registry/").get("lib").expect(200).text();
    assert!(below.contains("https://npm.example.test/npm/registry/lib/-/lib-1.0.0.tgz"));
    let usual = server.reader().get("lib").expect(200).text();
    assert!(usual.contains("https://edge.test/acme/_packaging/main/npm/registry/lib/-/lib-1.0.0.tgz"));
}

#[test]
fn everything_else_answers_there_too() {
    let server = server();
    let client = server.owner().at(HOST);
    client.get("").expect(200);
    client.get("-/ping").expect(200);
    client.publish("more", "1.0.0").expect(201);
    client.put("-/package/more/dist-tags/beta", &json!("1.0.0")).expect(200);
    assert_eq!(server.reader().versions("more"), ["1.0.0"]);
    server.registry.answer_service("npm/v1/attestations/lib@1.0.0", json!({ "attestations": [] }));
    client.get("-/npm/v1/attestations/lib@1.0.0").expect(200);
    let anonymous = server.anonymous().at(HOST).get("lib");
    assert_eq!(anonymous.expect(401).header("www-authenticate").split(' ').next(), Some("Basic"));
}

#[test]
fn a_host_may_show_a_view() {
    let server = server();
    let client = server.owner().at("http://LOCALHOST:8787/");
    client.get("@s%2fown").expect(404);
    crate::support::verbs::owner_does(
        &server,
        "main",
        "@s/own",
        crate::support::verbs::Verb::Promote("1.0.0", "Release"),
    )
    .unwrap();
    let document = client.get("@s%2fown").expect(200).text();
    assert!(document.contains("http://localhost:8787/@s/own/-/own-1.0.0.tgz"));
    client.publish("more", "1.0.0").expect(409);
}

#[test]
fn other_hosts_have_no_feed_at_their_root() {
    let server = server();
    for root in ["https://other.test/", "https://npm.example.test:8443/"] {
        server.owner().at(root).get(&file("lib", "1.0.0")).status.eq(&404).then_some(()).expect(root);
    }
}

/// Clients that exchange a pipeline's identity for a token go to the host's root, whatever the address of their feed.
#[test]
fn trusted_publishing_is_refused_in_each_clients_own_words() {
    let server = server();
    let says = "publish with a token that is Contributor";
    for root in [HOST, "https://edge.test/", "https://other.test/"] {
        let client = server.with_token("header.of.an-identity").at(root);
        let npm = client.post("-/npm/v1/oidc/token/exchange/package/@s%2fn", &json!({})).expect(404).json();
        assert!(npm["message"].as_str().unwrap().contains(says) && npm["error"] == npm["message"], "{npm}");
        client.get("_/oidc/audience").expect(404);
        let pypi = client.post("_/oidc/mint-token", &json!({ "token": "x" })).expect(404).json();
        assert_eq!(pypi["errors"][0]["code"], "not-offered");
        assert!(pypi["errors"][0]["description"].as_str().unwrap().contains(says), "{pypi}");
        let path = "api/v1/trusted_publishing/tokens";
        for reply in [client.put(path, &json!({ "jwt": "x" })), client.delete(path)] {
            let cargo = reply.expect(404).json();
            assert!(cargo["errors"][0]["detail"].as_str().unwrap().contains(says), "{cargo}");
        }
    }
    let below = "https://edge.test/acme/_packaging/main/";
    let client = server.anonymous().at(below);
    client.post("npm/registry/-/npm/v1/oidc/token/exchange/package/lib", &json!({})).expect(404);
    client.put("Cargo/api/v1/trusted_publishing/tokens", &json!({ "jwt": "x" })).expect(404);
}
