//! Every endpoint of the REST surface, asked by every kind of caller. Whoever adds an endpoint says here who may call it.

use super::rest::{ROOT, Server};
use super::{FEEDS, on};
use crate::support::{Registry, documents::archive, publish_document};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The columns of the table: from who has no token to who administers the organization, and the bootstrap secret.
const CALLERS: [&str; 9] = [
    "anonymous",
    "of another organization",
    "a member",
    "reader",
    "collaborator",
    "contributor",
    "administrator of the feed",
    "administrator of the organization",
    "bootstrap secret",
];

/// A deployment in which every endpoint has something to do.
struct Stocked {
    server: Server,
    tokens: Vec<String>,
    token_id: String,
}

fn stocked() -> Stocked {
    let server = Server::new();
    Registry::new(server.platform.upstream(), "https://answers.test/").add("answering", "1.0.0");
    for name in ["main", "gone"] {
        server.feed(json!({ "name": name }));
    }
    let admin = |what: &str, body: Value| server.call(what, &server.admin, body);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let manifest = json!({ "name": "own", "version": version }).to_string();
        let files = [("package/package.json", manifest.as_bytes()), ("package/README.md", b"# own")];
        let document = publish_document("own", version, &archive(&files));
        admin("PUT /acme/_packaging/main/npm/registry/own", document).expect(201);
    }
    admin(&format!("PATCH {FEEDS}/main"), json!({ "badgesEnabled": true })).expect(200);
    admin(&format!("DELETE {FEEDS}/main/npm/packages/own/versions/1.2.0"), Value::Null).expect(200);
    admin(&format!("PUT {FEEDS}/main/retentionpolicies"), json!({ "countLimit": 9 })).expect(200);
    let mut tokens = vec![String::new(), server.organization("globex"), server.token("manage", json!([]))];
    for role in ["reader", "collaborator", "contributor", "administrator"] {
        let mut grants = on("main", role);
        grants.as_array_mut().unwrap().push(json!({ "feed": "gone", "role": role }));
        tokens.push(server.token("manage", grants));
    }
    tokens.extend([server.admin.clone(), ROOT.to_owned()]);
    let body = json!({ "subject": "someone", "scope": "read", "grants": on("main", "administrator") });
    let token_id =
        admin("POST /acme/_edgefeed/tokens", body).expect(201).body["id"].as_str().unwrap().to_owned();
    admin(&format!("DELETE {FEEDS}/gone"), Value::Null).expect(204);
    Stocked { server, tokens, token_id }
}

/// An endpoint's name, how it is called (`{token}` is the id of one), with what body, and the status of each caller.
type Row = (&'static str, &'static str, Value, [u16; 9]);

#[test]
fn every_endpoint_is_asked_by_every_caller() {
    let mut wrong = Vec::new();
    let table = table();
    for (name, what, body, expected) in &table {
        let mut stocked = stocked();
        for (index, caller) in CALLERS.iter().enumerate() {
            let what = what.replace("{feeds}", FEEDS).replace("{token}", &stocked.token_id);
            let (server, token) = (&stocked.server, &stocked.tokens[index]);
            let (status, _, bytes) =
                futures_executor::block_on(server.fetch(&server.platform, &what, token, body.clone(), &[]));
            let line: Value = serde_json::from_str(&server.platform.log_lines().pop().unwrap()).unwrap();
            assert_eq!(line["endpoint"], *name, "{what}");
            if status.as_u16() != expected[index] {
                wrong.push(format!(
                    "{name} as {caller}: {status}, not {}: {}",
                    expected[index],
                    String::from_utf8_lossy(&bytes)
                ));
            }
            // What was done is done: the next one finds all as it was.
            if status.is_success() && !what.starts_with("GET") {
                stocked = self::stocked();
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let api: Value = serde_json::from_str(include_str!("../../../schema/management.json")).unwrap();
    let operations =
        api["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let documented: BTreeSet<&str> =
        operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    assert_eq!(table.iter().map(|row| row.0).collect::<BTreeSet<_>>(), documented);
}

const MEMBER: usize = 2;
const READER: usize = 3;
const COLLABORATOR: usize = 4;
const CONTRIBUTOR: usize = 5;
const OWNER: usize = 6;
const ADMINISTRATOR: usize = 7;

/// What is asked of a feed: those without a role are not told that it exists.
fn of_feed(least: usize, status: u16) -> [u16; 9] {
    let mut row = [401, 404, 404, 403, 403, 403, 403, 403, 403];
    row[least..=ADMINISTRATOR].fill(status);
    row
}

/// What is asked of the organization.
fn of_organization(least: usize, status: u16) -> [u16; 9] {
    let mut row = [401, 403, 403, 403, 403, 403, 403, 403, 403];
    row[least..=ADMINISTRATOR].fill(status);
    row
}

fn table() -> Vec<Row> {
    [of_organizations(), of_tokens_and_feeds(), of_feeds(), of_versions(), of_packages(), of_uploads()]
        .concat()
}

fn of_organizations() -> Vec<Row> {
    vec![
        ("health", "GET /_edgefeed/health", Value::Null, [200; 9]),
        ("check-compliance", "POST /_edgefeed/compliance", Value::Null, [200; 9]),
        (
            "create-organization",
            "POST /_edgefeed/organizations",
            json!({ "name": "initech" }),
            [401, 403, 403, 403, 403, 403, 403, 403, 201],
        ),
        ("locations", "OPTIONS /acme/_apis", Value::Null, [200; 9]),
        (
            "list-resource-areas",
            "GET /acme/_apis/resourceAreas",
            Value::Null,
            [200, 200, 200, 200, 200, 200, 200, 200, 403],
        ),
        (
            "get-resource-area",
            "GET /acme/_apis/resourceAreas/7ab4e64e-c4d8-4f50-ae73-5ef2e21642a5",
            Value::Null,
            [200, 200, 200, 200, 200, 200, 200, 200, 403],
        ),
        (
            "get-connection-data",
            "GET /acme/_apis/connectionData",
            Value::Null,
            [200, 403, 200, 200, 200, 200, 200, 200, 403],
        ),
    ]
}

fn of_tokens_and_feeds() -> Vec<Row> {
    vec![
        ("list-tokens", "GET /acme/_edgefeed/tokens", Value::Null, of_organization(MEMBER, 200)),
        (
            "get-token",
            "GET /acme/_edgefeed/tokens/{token}",
            Value::Null,
            [401, 403, 404, 403, 403, 403, 200, 200, 403],
        ),
        (
            "create-token",
            "POST /acme/_edgefeed/tokens",
            json!({ "subject": "x", "scope": "read", "grants": on("main", "reader") }),
            [401, 403, 404, 403, 403, 403, 201, 201, 403],
        ),
        (
            "revoke-token",
            "DELETE /acme/_edgefeed/tokens/{token}",
            Value::Null,
            [401, 403, 404, 403, 403, 403, 204, 204, 403],
        ),
        (
            "rotate-token",
            "POST /acme/_edgefeed/tokens/{token}/rotate",
            Value::Null,
            [401, 403, 404, 403, 403, 403, 201, 201, 403],
        ),
        ("audit", "GET /acme/_edgefeed/audit", Value::Null, of_organization(ADMINISTRATOR, 200)),
        ("list-feeds", "GET {feeds}", Value::Null, [401, 200, 200, 200, 200, 200, 200, 200, 403]),
        ("create-feed", "POST {feeds}", json!({ "name": "next" }), of_organization(ADMINISTRATOR, 201)),
        (
            "list-deleted-feeds",
            "GET /acme/_apis/packaging/feedrecyclebin",
            Value::Null,
            [401, 200, 200, 200, 200, 200, 200, 200, 403],
        ),
        (
            "list-feed-changes",
            "GET /acme/_apis/packaging/feedchanges",
            Value::Null,
            of_organization(MEMBER, 200),
        ),
        (
            "validate-upstream",
            "POST /acme/_apis/packaging/npm/validateupstream",
            json!({ "packageName": "answering", "upstreamLocation": "https://answers.test/" }),
            of_organization(MEMBER, 200),
        ),
        (
            "get-global-permissions",
            "GET /acme/_apis/packaging/globalpermissions",
            Value::Null,
            of_organization(MEMBER, 200),
        ),
        (
            "set-global-permissions",
            "PATCH /acme/_apis/packaging/globalpermissions",
            json!([{ "identityDescriptor": "x", "role": "feedCreator" }]),
            of_organization(ADMINISTRATOR, 200),
        ),
        (
            "search-packages",
            "POST /acme/_apis/search/packagesearchresults",
            json!({ "searchText": "own", "$top": 1 }),
            [200, 200, 200, 200, 200, 200, 200, 200, 403],
        ),
        (
            "create-session",
            "POST /acme/_apis/provenance/session/npm",
            json!({ "feed": "main", "source": "InternalBuild" }),
            of_feed(CONTRIBUTOR, 200),
        ),
        (
            "get-badge",
            "GET /acme/_apis/public/packaging/Feeds/main/Packages/npm:own/badge",
            Value::Null,
            [200; 9],
        ),
    ]
}

fn of_feeds() -> Vec<Row> {
    vec![
        (
            "restore-feed",
            "PATCH /acme/_apis/packaging/feedrecyclebin/gone",
            json!([{ "op": "replace", "path": "/isDeleted", "value": false }]),
            of_feed(OWNER, 204),
        ),
        ("purge-feed", "DELETE /acme/_apis/packaging/feedrecyclebin/gone", Value::Null, of_feed(OWNER, 204)),
        ("get-feed", "GET {feeds}/main", Value::Null, of_feed(READER, 200)),
        ("update-feed", "PATCH {feeds}/main", json!({ "description": "changed" }), of_feed(OWNER, 200)),
        ("delete-feed", "DELETE {feeds}/main", Value::Null, of_feed(OWNER, 204)),
        ("get-feed-change", "GET /acme/_apis/packaging/feedchanges/main", Value::Null, of_feed(READER, 200)),
        ("list-package-changes", "GET {feeds}/main/packagechanges", Value::Null, of_feed(READER, 200)),
        ("audit-feed", "GET {feeds}/main/audit", Value::Null, of_feed(OWNER, 200)),
        ("get-retention", "GET {feeds}/main/retentionpolicies", Value::Null, of_feed(READER, 200)),
        (
            "set-retention",
            "PUT {feeds}/main/retentionpolicies",
            json!({ "countLimit": 3 }),
            of_feed(OWNER, 200),
        ),
        ("delete-retention", "DELETE {feeds}/main/retentionpolicies", Value::Null, of_feed(OWNER, 204)),
        ("preview-retention", "GET {feeds}/main/retentionpolicies/preview", Value::Null, of_feed(OWNER, 200)),
        ("get-feed-permissions", "GET {feeds}/main/permissions", Value::Null, of_feed(READER, 200)),
        (
            "set-feed-permissions",
            "PATCH {feeds}/main/permissions",
            json!([{ "identityDescriptor": "x", "role": "reader" }]),
            of_feed(OWNER, 200),
        ),
        ("list-views", "GET {feeds}/main/views", Value::Null, of_feed(READER, 200)),
        ("create-view", "POST {feeds}/main/views", json!({ "name": "QA" }), of_feed(OWNER, 201)),
        ("get-view", "GET {feeds}/main/views/Release", Value::Null, of_feed(READER, 200)),
        (
            "update-view",
            "PATCH {feeds}/main/views/Release",
            json!({ "visibility": "private" }),
            of_feed(OWNER, 200),
        ),
        ("delete-view", "DELETE {feeds}/main/views/Release", Value::Null, of_feed(OWNER, 204)),
    ]
}

fn of_versions() -> Vec<Row> {
    vec![
        (
            "get-version",
            "GET {feeds}/main/npm/packages/own/versions/1.0.0",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "update-version",
            "PATCH {feeds}/main/npm/packages/own/versions/1.0.0",
            json!({ "views": { "op": "add", "path": "/views/-", "value": "Release" } }),
            of_feed(CONTRIBUTOR, 200),
        ),
        (
            "delete-version",
            "DELETE {feeds}/main/npm/packages/own/versions/1.0.0",
            Value::Null,
            of_feed(OWNER, 200),
        ),
        (
            "get-deleted-version",
            "GET {feeds}/main/npm/RecycleBin/packages/own/versions/1.2.0",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "restore-version",
            "PATCH {feeds}/main/npm/RecycleBin/packages/own/versions/1.2.0",
            json!({ "deleted": false }),
            of_feed(OWNER, 200),
        ),
        (
            "purge-version",
            "DELETE {feeds}/main/npm/RecycleBin/packages/own/versions/1.2.0",
            Value::Null,
            of_feed(OWNER, 204),
        ),
        (
            "get-upstreaming",
            "GET {feeds}/main/npm/packages/own/upstreaming",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "set-upstreaming",
            "PATCH {feeds}/main/npm/packages/own/upstreaming",
            json!({ "versionsFromExternalUpstreams": "auto" }),
            of_feed(OWNER, 200),
        ),
        (
            "refresh-package",
            "POST {feeds}/main/npm/packages/own/refresh",
            Value::Null,
            of_feed(COLLABORATOR, 200),
        ),
        (
            "get-content",
            "GET {feeds}/main/npm/packages/own/versions/1.0.0/content",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "get-readme",
            "GET {feeds}/main/npm/packages/own/versions/1.0.0/readme",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "batch",
            "POST {feeds}/main/npm/packagesbatch",
            json!({ "operation": "promote", "data": { "viewId": "Release" }, "packages": [{ "id": "own", "version": "1.0.0" }] }),
            of_feed(CONTRIBUTOR, 200),
        ),
        (
            "bin-batch",
            "POST {feeds}/main/npm/RecycleBin/packagesbatch",
            json!({ "operation": "restoreToFeed", "packages": [{ "id": "own", "version": "1.2.0" }] }),
            of_feed(OWNER, 200),
        ),
        ("list-upstreaming-rules", "GET {feeds}/main/npm/upstreaming", Value::Null, of_feed(READER, 200)),
        ("set-upstreaming-rules", "PUT {feeds}/main/npm/upstreaming", json!([]), of_feed(OWNER, 200)),
        (
            "list-upstream-packages",
            "GET {feeds}/main/npm/upstreampackages?name=own",
            Value::Null,
            of_feed(COLLABORATOR, 200),
        ),
    ]
}

fn of_packages() -> Vec<Row> {
    vec![
        ("list-packages", "GET {feeds}/main/packages", Value::Null, of_feed(READER, 200)),
        ("get-package", "GET {feeds}/main/packages/npm:own", Value::Null, of_feed(READER, 200)),
        (
            "list-package-versions",
            "GET {feeds}/main/packages/npm:own/versions",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "get-package-version",
            "GET {feeds}/main/packages/npm:own/versions/1.0.0",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "get-provenance",
            "GET {feeds}/main/packages/npm:own/versions/1.0.0/provenance",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "package-metrics",
            "POST {feeds}/main/packagemetricsbatch",
            json!({ "packageIds": ["npm:own"] }),
            of_feed(READER, 200),
        ),
        (
            "version-metrics",
            "POST {feeds}/main/packages/npm:own/versionmetricsbatch",
            json!({ "packageVersionIds": ["1.0.0"] }),
            of_feed(READER, 200),
        ),
        ("list-bin", "GET {feeds}/main/RecycleBin/packages", Value::Null, of_feed(READER, 200)),
        (
            "get-bin-package",
            "GET {feeds}/main/RecycleBin/packages/npm:own",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "list-bin-versions",
            "GET {feeds}/main/RecycleBin/packages/npm:own/versions",
            Value::Null,
            of_feed(READER, 200),
        ),
        (
            "get-bin-version",
            "GET {feeds}/main/RecycleBin/packages/npm:own/versions/1.2.0",
            Value::Null,
            of_feed(READER, 200),
        ),
        ("empty-bin", "DELETE {feeds}/main/RecycleBin/packages", Value::Null, of_feed(OWNER, 202)),
    ]
}

fn of_uploads() -> Vec<Row> {
    let none = of_feed(CONTRIBUTOR, 404);
    vec![
        (
            "begin-upload",
            "POST /acme/_packaging/main/uploads",
            json!({ "size": 7 }),
            of_feed(CONTRIBUTOR, 201),
        ),
        ("get-upload", "GET /acme/_packaging/main/uploads/none", Value::Null, none),
        ("put-part", "PUT /acme/_packaging/main/uploads/none?part=1", json!("text"), none),
        ("abandon-upload", "DELETE /acme/_packaging/main/uploads/none", Value::Null, none),
    ]
}
