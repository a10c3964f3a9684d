//! What an SDK asks before anything else: where everything is, and in which version.

use super::rest::{ROOT, Server};
use super::{FEEDS, TOKENS, on};
use edgefeed::model::FeedId;
use edgefeed::protocol::PROTOCOLS;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn locations_are_told_to_everybody_without_a_look_at_the_store() {
    let server = Server::new();
    server.platform.clear_operation_log();
    let all = server.call("OPTIONS /acme/_apis", "", Value::Null).expect(200);
    assert_eq!(all.header("content-type"), "application/json");
    // An SDK sends its token along, and asks above the organization for what it did not find.
    for (path, token) in [
        ("/acme/web/_apis", "garbage"),
        ("/_apis", ROOT),
        ("/acme/_apis/packaging", ""),
        ("/nobody/_APIS/", ""),
    ] {
        assert_eq!(server.call(&format!("OPTIONS {path}"), token, Value::Null).expect(200).body, all.body);
    }
    assert_eq!(server.platform.operation_log(), []);

    let locations = all.body["value"].as_array().unwrap();
    assert_eq!(all.body["count"], locations.len());
    let ids: BTreeSet<&str> = locations.iter().map(|location| location["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), locations.len(), "an id is told twice");
    for location in locations {
        let id = location["id"].as_str().unwrap();
        // SDKs compare ids as texts.
        assert_eq!(FeedId::parse(id).unwrap().as_str(), id);
        let route = location["routeTemplate"].as_str().unwrap();
        assert!(route.starts_with("{project}/_apis/") || route.starts_with("_apis/"), "{route}");
        for segment in route.split('/').filter(|segment| segment.contains(['{', '}'])) {
            let name =
                segment.trim_start_matches('@').strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            assert!(name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic())), "{route}");
        }
    }
    let find = |id: &str| locations.iter().find(|location| location["id"] == id).unwrap();
    let feeds = find("c65009a7-474a-4ad1-8b42-7d852107ef8c");
    assert_eq!(
        feeds,
        &json!({
            "id": "c65009a7-474a-4ad1-8b42-7d852107ef8c",
            "area": "Packaging",
            "resourceName": "feeds",
            "routeTemplate": "{project}/_apis/packaging/feeds/{feedId}",
            "resourceVersion": 1,
            "minVersion": "1.0",
            "maxVersion": "7.2",
            "releasedVersion": "7.2",
        })
    );
    assert_eq!(
        find("c338d4b5-d30a-47e2-95b7-f157ef558833")["routeTemplate"],
        "{project}/_apis/packaging/feeds/{feedId}/maven/{groupId}/{artifactId}/{version}/{fileName}/content"
    );
    server.call("GET /acme/_apis", "", Value::Null).expect(404);
}

#[test]
fn every_area_is_here_and_the_list_names_none_elsewhere() {
    let server = Server::new();
    let areas = "/acme/_apis/resourceAreas";
    let list =
        |token: &str| server.call(&format!("GET {areas}?api-version=7.1-preview.1"), token, Value::Null);
    assert_eq!(list("").expect(200).body, json!({ "count": 0, "value": [] }));
    // An SDK's `authenticate()` is this call.
    list(&server.admin).expect(200);
    list("garbage").expect(401);
    list(ROOT).expect(403);
    let area = |id: &str| server.call(&format!("GET {areas}/{id}"), "", Value::Null);
    assert_eq!(
        area("7AB4E64E-c4d8-4f50-ae73-5ef2e21642a5").expect(200).body,
        json!({
            "id": "7ab4e64e-c4d8-4f50-ae73-5ef2e21642a5",
            "name": "Packaging",
            "locationUrl": "https://feeds.example/acme/",
        })
    );
    let named =
        |entry: &edgefeed::protocol::Entry| entry.resources.split_whitespace().next().unwrap().to_owned();
    for id in PROTOCOLS.iter().map(named) {
        assert_eq!(area(&id).expect(200).body["id"], id);
    }
    for other in ["4e080c62-fa21-4fbc-8fef-2a10a2b38049", "c65009a7-474a-4ad1-8b42-7d852107ef8c", "-", "x%00"]
    {
        let refused = area(other).expect(404);
        assert!(refused.message().contains("is not here"), "{}", refused.message());
    }
    server.call(&format!("POST {areas}"), &server.admin, json!({})).expect(405);
}

#[test]
fn a_caller_is_told_who_it_is() {
    let server = Server::new();
    server.feed(json!({ "name": "main" }));
    let data = "GET /acme/_apis/connectionData?connectOptions=1&lastChangeId=-1";
    let who = |token: &str| {
        let body = server.call(data, token, Value::Null).expect(200).body;
        assert_eq!(body["authenticatedUser"], body["authorizedUser"]);
        let point = &body["locationServiceData"]["accessMappings"][0]["accessPoint"];
        assert_eq!(point, "https://feeds.example/acme/");
        (body["authorizedUser"].clone(), body["instanceId"].clone())
    };
    let (nobody, instance) = who("");
    assert_eq!(nobody["id"], "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa");
    assert_eq!(nobody["descriptor"], "System:PublicAccess;aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa");
    let body = json!({ "subject": "Dan \"d\" Ört", "scope": "read", "grants": on("main", "reader") });
    let made = server.call(&format!("POST {TOKENS}"), &server.admin, body).expect(201).body;
    let (dan, same) = who(made["token"].as_str().unwrap());
    assert_eq!((&dan["providerDisplayName"], &same), (&json!("Dan \"d\" Ört"), &instance));
    // What is told is what permissions take, and tell.
    let give = json!([{ "identityDescriptor": dan["descriptor"], "role": "reader" }]);
    let permissions = format!("{FEEDS}/main/permissions?includeIds=true");
    server.call(&format!("PATCH {permissions}"), &server.admin, give).expect(200);
    let given = server.call(&format!("GET {permissions}"), &server.admin, Value::Null).expect(200).body;
    assert_eq!(given["value"][0]["identityId"], dan["id"]);
    assert_eq!(given["value"][0]["identityDescriptor"], dan["subjectDescriptor"]);
    for (token, status) in [("garbage", 401), (ROOT, 403), (&server.organization("globex"), 403)] {
        server.call(data, token, Value::Null).expect(status);
    }
    server.call("POST /acme/_apis/connectionData", &server.admin, json!({})).expect(405);
    server.call("GET /acme/_apis/connectionData/x", &server.admin, Value::Null).expect(404);
}

#[test]
fn any_version_there_was_is_taken_and_told_back() {
    let server = Server::new();
    let list = |query: &str, accept: &str| {
        let what = format!("GET {FEEDS}{query}");
        server.call_with(&what, &server.admin, Value::Null, &[("accept", accept)])
    };
    assert_eq!(list("", "*/*").expect(200).header("content-type"), "application/json");
    let told = |version: &str| format!("application/json; charset=utf-8; api-version={version}");
    let sdk = list("", "application/json;api-version=7.1-preview.1").expect(200);
    assert_eq!(sdk.header("content-type"), told("7.1-preview.1"));
    let both = list("?api-version=5.1", "application/json;api-version=7.1").expect(200);
    assert_eq!(both.header("content-type"), told("5.1"));
    for (query, accept) in
        [("?api-version=8.0", "*/*"), ("?API-Version=latest", "*/*"), ("", "*/*;api-version=7.3")]
    {
        let refused = list(query, accept).expect(400);
        assert!(refused.message().contains("from 1.0 to 7.2"), "{}", refused.message());
    }
}
