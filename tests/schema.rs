//! What is stored and what the REST surface answers, held to `schema/`.
//!
//! In scope: every stored key has a place in `schema/keys.json` and every record its schema; records of earlier releases
//! (`tests/golden/`) read back; every answer is as `schema/management.json` documents it, and nothing is documented that
//! is not there, or there and not documented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "it/support/documents.rs"]
mod documents;
#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
#[path = "it/support/registry.rs"]
mod registry;
#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
#[path = "it/support/rest.rs"]
mod rest;
#[path = "schema/support.rs"]
mod support;

use bytes::Bytes;
use edgefeed::model::{
    Feed, FeedId, PackageSettings, Slot, SourceHealth, SourceId, Timestamp, Token, TokenHash,
};
use edgefeed::platform::{KeyValueStore as _, Platform as _};
use edgefeed::store::index::PackageIndex;
use edgefeed::store::keys::below_feed;
use edgefeed::store::listing_codec::{ListingHead, ListingReader, ListingTail, Offer};
use edgefeed::store::organizations::Organization;
use edgefeed::store::rendered::RenderedInfo;
use futures_executor::block_on;
use registry::Registry;
use rest::{Answer, ROOT, Server};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use support::{Schemas, document, eventful_server, files, has_form, text};

const FEEDS: &str = "/acme/_apis/packaging/feeds";

#[test]
fn everything_stored_is_as_its_schema_says() {
    let (schemas, keys, server) = (Schemas::load(), document("schema/keys.json"), eventful_server());
    let forms = |store: &str| -> Vec<&Value> {
        keys.as_array().unwrap().iter().filter(|form| form["store"] == store).collect()
    };
    let mut seen = BTreeSet::new();
    let mut form_of = |store: &str, key: &str| -> Value {
        let form = forms(store).into_iter().find(|form| has_form(key, form["key"].as_str().unwrap()));
        let form = form.unwrap_or_else(|| panic!("`{key}` is stored, and is not in schema/keys.json"));
        seen.insert(form["key"].to_string());
        form.clone()
    };
    for key in server.platform.stored_keys() {
        let form = form_of("R2", &key);
        let Some(schema) = form["schema"].as_str() else { continue };
        let bytes = server.platform.object(&key).unwrap();
        let record = match schema {
            "upstream-listing.json" => listing(&bytes),
            _ => serde_json::from_slice(&bytes).unwrap(),
        };
        schemas.check(schema, &key, &record);
    }
    for key in server.platform.kv_keys() {
        let form = form_of("KV", &key);
        let Some(schema) = form["schema"].as_str() else { continue };
        let metadata = block_on(server.platform.kv().get(&key)).unwrap().unwrap().metadata;
        assert!(metadata.len() <= 1_024, "KV takes no more metadata");
        schemas.check(schema, &key, &serde_json::from_str(&metadata).unwrap());
    }
    for form in keys.as_array().unwrap().iter().filter(|form| form["schema"].is_string()) {
        assert!(
            seen.contains(&form["key"].to_string()),
            "nothing stored {form}: the test shows nothing about it"
        );
    }
}

/// The lines of a stored listing, taken together.
fn listing(bytes: &[u8]) -> Value {
    let mut reader = ListingReader::new(Bytes::copy_from_slice(bytes)).unwrap();
    let head = json!(reader.head());
    let mut offers = Vec::new();
    while let Some(offer) = reader.offer().unwrap() {
        offers.push(json!(offer));
    }
    json!({ "head": head, "offers": offers, "tail": reader.tail().unwrap() })
}

#[test]
fn the_key_space_is_the_one_drawn_in_the_code() {
    let (code, readme) = (text("src/store/keys.rs"), text("schema/README.md"));
    let drawn: BTreeSet<&str> = code
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .flat_map(str::split_ascii_whitespace)
        .filter_map(|word| {
            word.split_once('/').filter(|(version, _)| version.ends_with('1')).map(|(_, rest)| rest)
        })
        .filter_map(|rest| rest.split(['/', '{']).next())
        .collect();
    let keys = document("schema/keys.json");
    let mut listed = BTreeSet::new();
    for form in keys.as_array().unwrap() {
        let key = form["key"].as_str().unwrap();
        assert!(readme.contains(&format!("`{key}`")), "schema/README.md lacks {key}");
        listed.insert(key.split_once('/').unwrap().1.split(['/', '{']).next().unwrap());
    }
    assert_eq!(drawn, listed);
}

/// What is kept of a feed is removed with it: no kind of key may be forgotten.
#[test]
fn everything_of_a_feed_or_a_source_is_removed_with_the_feed() {
    let (feed, source) = (FeedId::from_random([1; 16]), SourceId::from_random([2; 16]));
    let removed = below_feed(&feed, &[&source]);
    for form in document("schema/keys.json").as_array().unwrap() {
        let key = form["key"].as_str().unwrap();
        let kind = key.split('/').nth(1).unwrap();
        // Single keys, which go last, and notes for cron, which removes them.
        if ["feeds", "health", "withdrawals", "expiry", "retention", "staging"].contains(&kind) {
            continue;
        }
        if key.contains("{feed-id}") {
            assert!(removed.contains(&format!("v1/{kind}/{}/", feed.as_str())), "{key}");
        }
        if key.contains("{source-id}") {
            assert!(removed.contains(&format!("v1/{kind}/{}/", source.as_str())), "{key}");
        }
    }
}

/// Records as releases wrote them must read back for ever.
#[test]
fn records_of_every_release_read_back() {
    let schemas = Schemas::load();
    let mut kinds = BTreeSet::new();
    for path in files("tests/golden") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind = name.split('.').next().unwrap().to_owned();
        let value = document(Path::new("tests/golden").join(name));
        schemas.check(&format!("{kind}.json"), name, &value);
        match kind.as_str() {
            "organization" => reads::<Organization>(name, &value),
            "token-id" => reads::<TokenHash>(name, &value),
            "feed-name" => reads::<FeedId>(name, &value),
            "feed" => reads::<Feed>(name, &value),
            "token" => reads::<Token>(name, &value),
            "slot" => reads::<Slot>(name, &value),
            "package-index" => reads::<PackageIndex>(name, &value),
            "package-settings" => reads::<PackageSettings>(name, &value),
            "log-entry" | "repair-note" | "retention-run" | "dropped-note" | "leaving" | "upload" => {
                reads::<Value>(name, &value);
            }
            "source-health" => reads::<SourceHealth>(name, &value),
            "token-use" | "withdrawals" => reads::<Timestamp>(name, &value),
            "rendered-info" => reads::<RenderedInfo>(name, &value),
            "usage" | "downloads" | "session" => reads::<serde_json::Map<String, Value>>(name, &value),
            "package-place" | "emptying" => reads::<String>(name, &value),
            "upstream-listing" => {
                reads::<ListingHead>(name, &value["head"]);
                reads::<ListingTail>(name, &value["tail"]);
                reads::<Vec<Offer>>(name, &value["offers"]);
            }
            other => panic!("{name}: `{other}` is no record"),
        }
        kinds.insert(format!("{kind}.json"));
    }
    let recorded = document("schema/keys.json");
    for form in recorded.as_array().unwrap() {
        let schema = form["schema"].as_str().filter(|schema| *schema != "note.json");
        assert!(
            schema.is_none_or(|schema| kinds.contains(schema)),
            "tests/golden has no example of {schema:?}"
        );
    }
}

fn reads<T: DeserializeOwned>(name: &str, value: &Value) {
    // From text, as they are read: raw values cannot be had from a tree.
    if let Err(error) = serde_json::from_str::<T>(&value.to_string()) {
        panic!("{name} does not read back: {error}");
    }
}

/// Calls the REST surface and holds every answer to its description.
struct Documented {
    server: Server,
    api: Value,
    schemas: Schemas,
    seen: RefCell<BTreeSet<String>>,
}

impl Documented {
    /// What is answered with something else than JSON.
    fn fetch(&self, what: &str, token: &str) {
        let answer = block_on(self.server.fetch(&self.server.platform, what, token, Value::Null, &[]));
        let operation = self.operation(what);
        let content = &operation["responses"][answer.0.as_u16().to_string()]["content"];
        let kind = answer.1["content-type"].to_str().unwrap();
        assert!(content[kind].is_object(), "{what}: {} {kind} is not documented", answer.0);
        self.seen.borrow_mut().insert(operation["operationId"].to_string());
    }

    /// What is documented of the call that was answered last.
    fn operation(&self, what: &str) -> Value {
        let (method, path) = what.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let paths = self.api["paths"].as_object().unwrap();
        let (_, item) = paths
            .iter()
            .filter(|(form, _)| has_form(path, form))
            // OpenAPI: of several forms the more concrete one counts.
            .min_by_key(|(form, _)| form.matches('{').count())
            .unwrap_or_else(|| panic!("{path} answers and is not documented"));
        let operation = &item[method.to_ascii_lowercase()];
        let line: Value = serde_json::from_str(self.server.platform.log_lines().last().unwrap()).unwrap();
        assert_eq!(operation["operationId"], line["endpoint"], "{what}");
        operation.clone()
    }

    fn call(&self, what: &str, token: &str, body: Value) -> Answer {
        let answer = self.server.call(what, token, body);
        let operation = self.operation(what);
        let schema = if answer.status < 400 {
            self.seen.borrow_mut().insert(operation["operationId"].to_string());
            let response = &operation["responses"][answer.status.to_string()];
            assert!(response.is_object(), "{what}: {} is not documented", answer.status);
            &response["content"]["application/json"]["schema"]
        } else {
            &self.api["components"]["responses"]["Refusal"]["content"]["application/json"]["schema"]
        };
        if schema.is_null() {
            assert!(answer.body.is_null(), "{what}: {}", answer.body);
        } else {
            self.schemas.check_answer(schema, what, &answer.body);
        }
        answer
    }
}

#[test]
fn the_rest_surface_is_as_documented() {
    let server = eventful_server();
    Registry::new(server.platform.upstream(), "https://answers.test/").add("answering", "1.0.0");
    let admin = server.admin.clone();
    let documented = Documented {
        server,
        api: document("schema/management.json"),
        schemas: Schemas::load(),
        seen: RefCell::default(),
    };
    let call = |what: &str, body: Value| documented.call(what, &admin, body);

    call("GET /_edgefeed/health", Value::Null).expect(200);
    call("POST /_edgefeed/compliance", Value::Null).expect(200);
    documented.call("POST /_edgefeed/organizations", ROOT, json!({ "name": "globex" })).expect(201);
    documented.call("POST /_edgefeed/organizations", "", json!({ "name": "globex" })).expect(401);
    call("OPTIONS /acme/_apis", Value::Null).expect(200);
    call("GET /acme/_apis/resourceAreas", Value::Null).expect(200);
    call("GET /acme/_apis/resourceAreas/7ab4e64e-c4d8-4f50-ae73-5ef2e21642a5", Value::Null).expect(200);
    let session = json!({ "feed": "main", "source": "InternalBuild", "data": { "Build.BuildId": "7" } });
    call("POST /acme/_apis/provenance/session/npm", session).expect(200);
    for token in [&admin, ""] {
        documented.call("GET /acme/_apis/connectionData", token, Value::Null).expect(200);
    }
    call("GET /acme/_edgefeed/tokens", Value::Null).expect(200);
    let grants = json!([{ "feed": "main", "role": "reader" }, { "feed": "main", "view": "Release", "role": "reader" }]);
    let body = json!({ "subject": "x", "scope": "read", "grants": grants, "expiresInDays": 3 });
    let token = call("POST /acme/_edgefeed/tokens", body).expect(201).body;
    let token_path = format!("/acme/_edgefeed/tokens/{}", token["id"].as_str().unwrap());
    call(&format!("GET {token_path}"), Value::Null).expect(200);
    call(&format!("POST {token_path}/rotate"), Value::Null).expect(201);
    call(&format!("DELETE {token_path}"), Value::Null).expect(204);
    call("GET /acme/_edgefeed/tokens", Value::Null).expect(200);

    call(&format!("GET {FEEDS}"), Value::Null).expect(200);
    let body = json!({ "name": "next", "includeCommonPublicSources": true });
    call(&format!("POST {FEEDS}"), body.clone()).expect(201);
    call(&format!("POST {FEEDS}"), body).expect(409);
    let feed = format!("{FEEDS}/main");
    for address in [feed.clone(), format!("{feed}@Release")] {
        call(&format!("GET {address}"), Value::Null).expect(200);
    }
    let without = json!({ "isPublic": true, "upstreamSources": [] });
    call(&format!("PATCH {feed}"), without).expect(200);
    let shown = call(&format!("GET {feed}?includeDeletedUpstreams=true"), Value::Null).expect(200).body;
    assert!(shown["upstreamSources"][0]["deletedDate"].is_string());
    call(&format!("PATCH {feed}"), json!({ "upstreamSources": shown_again(&shown) })).expect(200);
    let policies = format!("{feed}/retentionpolicies");
    call(&format!("GET {policies}"), Value::Null).expect(200);
    call(&format!("PUT {policies}"), json!({ "countLimit": 1 })).expect(200);
    call(&format!("GET {policies}"), Value::Null).expect(200);
    call(&format!("GET {policies}/preview"), Value::Null).expect(200);
    let tried = json!({ "countLimit": 1, "daysToKeepRecentlyDownloadedPackages": 0 });
    call(&format!("POST {policies}/preview"), tried).expect(200);
    call(&format!("DELETE {policies}"), Value::Null).expect(204);
    call(&format!("DELETE {FEEDS}/next"), Value::Null).expect(204);
    call(&format!("GET {FEEDS}/next"), Value::Null).expect(404);
    feed_bin_and_permissions(&call);
    call(&format!("GET {feed}/views"), Value::Null).expect(200);
    call(&format!("POST {feed}/views"), json!({ "name": "QA" })).expect(201);
    call(&format!("GET {feed}/views/QA"), Value::Null).expect(200);
    call(&format!("PATCH {feed}/views/QA"), json!({ "visibility": "private" })).expect(200);
    call(&format!("DELETE {feed}/views/QA"), Value::Null).expect(204);

    let saved = format!("{feed}/npm/packages/left-pad/versions/1.0.0");
    let own = format!("{feed}/npm/packages/own/versions/1.2.0");
    let bin = format!("{feed}/npm/RecycleBin/packages/own/versions/1.2.0");
    for version in [&saved, &own] {
        call(&format!("GET {version}"), Value::Null).expect(200);
    }
    call(&format!("GET {feed}/npm/packages/own/versions/1.0.0?showDeleted=true"), Value::Null).expect(200);
    call(&format!("PATCH {own}"), json!({ "deprecateMessage": "old" })).expect(200);
    call(&format!("DELETE {own}"), Value::Null).expect(200);
    call(&format!("GET {bin}"), Value::Null).expect(200);
    call(&format!("PATCH {bin}"), json!({ "deleted": false })).expect(200);
    call(&format!("DELETE {own}"), Value::Null).expect(200);
    call(&format!("DELETE {bin}"), Value::Null).expect(204);
    let upstreaming = format!("{feed}/npm/packages/left-pad/upstreaming");
    call(&format!("GET {upstreaming}"), Value::Null).expect(200);
    call(&format!("PATCH {upstreaming}"), json!({ "versionsFromExternalUpstreams": "auto" })).expect(200);
    call(&format!("POST {feed}/npm/packages/left-pad/refresh"), Value::Null).expect(200);
    let there = json!({ "packageName": "answering", "upstreamLocation": "https://answers.test/" });
    call("POST /acme/_apis/packaging/npm/validateupstream", there).expect(200);
    let nowhere = json!({ "packageName": "left-pad", "upstreamLocation": "https://nowhere.test/" });
    call("POST /acme/_apis/packaging/npm/validateupstream", nowhere).expect(400);
    let items = json!([{ "id": "left-pad", "version": "1.0.0" }, { "id": "left-pad", "version": "9.0.0" }]);
    let batch = |place: &str, operation: &str, items: &Value, status: u16| {
        let body = json!({ "operation": operation, "data": { "viewId": "Prerelease" }, "packages": items });
        call(&format!("POST {feed}/npm/{place}"), body).expect(status);
    };
    batch("packagesbatch", "promote", &items, 409);
    batch("packagesbatch", "promote", &json!([items[0]]), 200);
    batch("RecycleBin/packagesbatch", "restoreToFeed", &json!([]), 200);
    packages_are_as_documented(&documented, &admin, &feed);
    uploads_are_as_documented(&call);

    logs_are_as_documented(&documented, &call, &feed);

    let seen = documented.seen.borrow();
    for name in operations(&documented.api) {
        assert!(
            seen.contains(&json!(name).to_string()),
            "`{name}` is documented, and no answer of it was seen"
        );
    }
}

/// The sources of a feed that lost them, to give them back.
fn shown_again(feed: &Value) -> Value {
    let mut sources = feed["upstreamSources"].clone();
    sources.as_array_mut().unwrap().iter_mut().for_each(|source| source["deletedDate"] = Value::Null);
    sources
}

fn logs_are_as_documented(documented: &Documented, call: &dyn Fn(&str, Value) -> Answer, feed: &str) {
    documented.server.platform.advance(std::time::Duration::from_secs(6));
    for log in ["/acme/_edgefeed/audit", &format!("{feed}/audit?$top=5")] {
        assert!(call(&format!("GET {log}"), Value::Null).expect(200).body["count"].as_u64() > Some(3));
    }
    let changes = call(&format!("GET {feed}/packagechanges"), Value::Null).expect(200).body;
    assert!(changes["count"].as_u64() > Some(3), "{changes}");
    let changes = "/acme/_apis/packaging/feedchanges";
    let changed = call(&format!("GET {changes}?includeDeleted=true"), Value::Null).expect(200).body;
    let changed = changed["feedChanges"].as_array().unwrap().iter();
    let mut changed: Vec<&str> = changed.map(|change| change["feed"]["name"].as_str().unwrap()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["after-next", "gone", "main", "main", "outer"]);
    call(&format!("GET {changes}/main"), Value::Null).expect(200);
}

/// Beside what is in the bin already, `next` is.
fn feed_bin_and_permissions(call: &dyn Fn(&str, Value) -> Answer) {
    let bin = "/acme/_apis/packaging/feedrecyclebin";
    call(&format!("GET {bin}"), Value::Null).expect(200);
    let restore = json!([{ "op": "replace", "path": "/isDeleted", "value": false }]);
    call(&format!("PATCH {bin}/next"), restore).expect(204);
    call(&format!("PATCH {FEEDS}/next"), json!({ "name": "after-next", "badgesEnabled": true })).expect(200);
    call(&format!("PATCH {FEEDS}/after-next"), json!({ "isEnabled": false })).expect(200);
    call(&format!("DELETE {FEEDS}/after-next"), Value::Null).expect(204);
    call(&format!("DELETE {bin}/after-next"), Value::Null).expect(204);
    call(&format!("GET {FEEDS}?feedRole=administrator&includeUrls=false"), Value::Null).expect(200);
    let give = |descriptor: &str, role: &str| json!([{ "identityDescriptor": descriptor, "role": role }]);
    for address in ["main", "main@Release"] {
        let permissions = format!("{FEEDS}/{address}/permissions");
        call(&format!("PATCH {permissions}"), give("group:builders", "contributor")).expect(200);
        call(&format!("GET {permissions}?includeIds=true"), Value::Null).expect(200);
    }
    let global = "/acme/_apis/packaging/globalpermissions";
    call(&format!("PATCH {global}"), give("alice", "feedCreator")).expect(200);
    call(&format!("GET {global}?includeIds=true"), Value::Null).expect(200);
}

fn packages_are_as_documented(documented: &Documented, admin: &str, feed: &str) {
    let call = |what: &str, body: Value| documented.call(what, admin, body);
    let get = |path: &str| call(&format!("GET {feed}/{path}"), Value::Null).expect(200).body;
    let page = get("packages?includeDescription=true&includeAllVersions=true&includeDeleted=true&$top=1");
    assert!(page["continuationToken"].is_string());
    let saved = get("packages?normalizedPackageName=left-pad")["value"][0]["id"].as_str().unwrap().to_owned();
    get(&format!("packages/{saved}"));
    get(&format!("packages/{saved}/versions"));
    for package in [saved.as_str(), "npm:own"] {
        let versions = get(&format!("packages/{package}/versions?isDeleted=true"));
        let version = versions["value"][0]["id"].as_str().unwrap();
        get(&format!("packages/{package}/versions/{version}"));
        get(&format!("packages/{package}/versions/{version}/provenance"));
    }
    let body = json!({ "packageIds": [saved] });
    call(&format!("POST {feed}/packagemetricsbatch"), body).expect(200);
    let body = json!({ "packageVersionIds": ["1.0.0", "1.1.0"] });
    call(&format!("POST {feed}/packages/{saved}/versionmetricsbatch"), body).expect(200);
    get("RecycleBin/packages?$top=1");
    get("RecycleBin/packages/npm:own");
    get("RecycleBin/packages/npm:own/versions");
    get("RecycleBin/packages/npm:own/versions/1.1.0");
    call(&format!("DELETE {feed}/RecycleBin/packages"), Value::Null).expect(202);
    let rules = json!([{ "pattern": "acme-*", "versionsFromExternalUpstreams": "auto" }]);
    call(&format!("PUT {feed}/npm/upstreaming"), rules).expect(200);
    get("npm/upstreaming");
    get("npm/upstreampackages?name=left-pad");
    documented.fetch(&format!("GET {feed}/npm/packages/left-pad/versions/1.0.0/content"), admin);
    documented.fetch(&format!("GET {feed}/npm/packages/described/versions/1.0.0/readme"), admin);
    let badge = format!("GET /acme/_apis/public/packaging/Feeds/main/Packages/{saved}/badge");
    documented.fetch(&badge, "");
    let search = "POST /acme/_apis/search/packagesearchresults";
    let body = json!({ "searchText": "o", "includeFacets": true, "$top": 1 });
    assert!(call(search, body).expect(200).body["continuationToken"].is_string());
}

fn uploads_are_as_documented(call: &dyn Fn(&str, Value) -> Answer) {
    let uploads = "/acme/_packaging/main/uploads";
    let content = json!("text");
    let begun =
        call(&format!("POST {uploads}"), json!({ "size": content.to_string().len() })).expect(201).body;
    let upload = format!("{uploads}/{}", begun["id"].as_str().unwrap());
    call(&format!("GET {upload}"), Value::Null).expect(200);
    call(&format!("PUT {upload}?part=2"), content.clone()).expect(409);
    let complete = call(&format!("PUT {upload}?part=1"), content).expect(200).body;
    assert!(complete["sha256"].is_string());
    call(&format!("DELETE {upload}"), Value::Null).expect(204);
}

fn operations(api: &Value) -> BTreeSet<String> {
    let items = api["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    operations.filter_map(|operation| operation["operationId"].as_str().map(str::to_owned)).collect()
}

/// Every endpoint of `route.rs` and of what is below it has its name between `=> "` and `"`.
#[test]
fn every_endpoint_is_documented_and_every_documented_one_exists() {
    let files = std::fs::read_dir("src/server/management/route").unwrap();
    let files = files.map(|file| file.unwrap().path()).filter(|path| !path.ends_with("tests.rs"));
    let code: String = files.map(|path| text(path.to_str().unwrap())).collect();
    let code = text("src/server/management/route.rs") + &code;
    let named =
        code.split("=> \"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned());
    assert_eq!(named.collect::<BTreeSet<_>>(), operations(&document("schema/management.json")));
}

#[test]
fn every_protocol_has_its_management_paths() {
    let api = document("schema/management.json");
    let ids: Vec<_> = edgefeed::protocol::PROTOCOLS.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(api["components"]["parameters"]["protocol"]["schema"]["enum"], json!(ids));
}
