//! Schemas and their validators, and a server in which everything has happened that stores something.

use super::FEEDS;
use super::documents::{archive, publish_document, tarball};
use super::registry::Registry;
use super::rest::Server;
use edgefeed::model::{
    Algorithm, Digest, Feed, FeedId, FeedName, OrganizationName, PackageName, ProtocolId, TreeFile, TreePath,
};
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::{Fault, Operation};
use edgefeed::service::leavings;
use edgefeed::store::keys::PackagePath;
use edgefeed::store::{drafts, feeds};
use futures_executor::block_on;
use jsonschema::{Draft, Resource, Validator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const NPM: &str = "/acme/_packaging/main/npm/registry";

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

pub(crate) fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

pub(crate) fn document(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

/// Validators of all schemas, and of the parts of the `OpenAPI` document.
pub(crate) struct Schemas {
    options: jsonschema::ValidationOptions,
    records: BTreeMap<String, Validator>,
}

impl Schemas {
    pub(crate) fn load() -> Self {
        let mut options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let names: Vec<String> = files("schema")
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| !matches!(name.as_str(), "keys" | "universal"))
            .collect();
        for name in &names {
            let resource: Resource =
                Draft::Draft202012.create_resource(document(format!("schema/{name}.json")));
            options = options.with_resource(urn(name), resource);
        }
        let records = names.iter().filter(|name| *name != "management").map(|name| {
            let validator = options.build(&json!({ "$ref": urn(name) }));
            (format!("{name}.json"), validator.unwrap_or_else(|error| panic!("{name}: {error}")))
        });
        Self { records: records.collect(), options }
    }

    #[track_caller]
    pub(crate) fn check(&self, schema: &str, what: &str, value: &Value) {
        insist(&self.records[schema], what, value);
    }

    #[track_caller]
    pub(crate) fn check_answer(&self, schema: &Value, what: &str, value: &Value) {
        let reference = schema["$ref"].as_str().expect("answers are described by reference");
        let validator = self.options.build(&json!({ "$ref": format!("{}{reference}", urn("management")) }));
        insist(&validator.unwrap(), what, value);
    }
}

pub(crate) fn urn(name: &str) -> String {
    format!("urn:edgefeed:schema:{name}")
}

#[track_caller]
pub(crate) fn insist(validator: &Validator, what: &str, value: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{value:#}");
}

/// Does a key, or a path, have this form? `{…}` stands for one segment or the beginning of one.
pub(crate) fn has_form(text: &str, form: &str) -> bool {
    let (text, form): (Vec<_>, Vec<_>) = (text.split('/').collect(), form.split('/').collect());
    text.len() == form.len()
        && text.iter().zip(form).all(|(segment, form)| match form.split_once('}') {
            Some((placeholder, rest)) => {
                let start = placeholder.split('{').next().unwrap_or_default();
                segment.len() > start.len() + rest.len()
                    && segment.starts_with(start)
                    && segment.ends_with(rest)
            }
            None => segment.eq_ignore_ascii_case(form),
        })
}

/// A deployment in which everything has happened that stores something.
pub(crate) fn eventful_server() -> Server {
    let mut server = Server::new();
    server.config.settings.allow_private_upstreams = true;
    let registry = Registry::new(server.platform.upstream(), "https://registry.test/");
    registry.add("left-pad", "1.0.0").add("left-pad", "1.1.0").add("@scope/deep", "2.0.0");
    let key = "a key of at least thirty-two characters";
    server.config.settings.keyring = edgefeed::model::Keyring::new(Some(key), None).unwrap();
    let source = json!({ "name": "registry", "protocol": "npm", "location": "https://registry.test/", "credentials": { "token": "t0ken" } });
    server.feed(json!({ "name": "main", "upstreamSources": [source], "description": "everything" }));
    server.call("POST /acme/web/_apis/packaging/feeds", &server.admin, json!({ "name": "main" })).expect(201);
    let inner = json!({ "name": "inner", "protocol": "npm", "location": "azure-feed://acme/main@Release" });
    server.feed(json!({ "name": "outer", "upstreamSources": [inner] }));
    server.token(
        "restore",
        json!([{ "feed": "main", "role": "collaborator" }, { "organization": true, "role": "reader" }]),
    );
    let body = json!({ "subject": "short", "name": "for a day", "scope": "manage", "grants": [{ "feed": "main@Release", "role": "owner" }], "expiresInDays": 1 });
    let short = server.call("POST /acme/_edgefeed/tokens", &server.admin, body).expect(201).body;
    let revoke = format!("DELETE /acme/_edgefeed/tokens/{}", short["id"].as_str().unwrap());
    server.call(&revoke, &server.admin, Value::Null).expect(204);

    let permission =
        |descriptor: &str, role: &str| json!([{ "identityDescriptor": descriptor, "role": role }]);
    for (path, role) in [
        ("feeds/main/permissions", "contributor"),
        ("feeds/main@Release/permissions", "reader"),
        ("globalpermissions", "administrator"),
        ("globalpermissions", "feedCreator"),
    ] {
        let what = format!("PATCH /acme/_apis/packaging/{path}");
        server.call(&what, &server.admin, permission(&format!("group:{role}"), role)).expect(200);
    }
    server.feed(json!({ "name": "deleted" }));
    let renamed = json!({ "name": "gone", "defaultViewId": "Release", "badgesEnabled": true });
    server.call(&format!("PATCH {FEEDS}/deleted"), &server.admin, renamed).expect(200);
    server.call(&format!("PATCH {FEEDS}/gone"), &server.admin, json!({ "isEnabled": false })).expect(200);
    server.call(&format!("DELETE {FEEDS}/gone"), &server.admin, Value::Null).expect(204);
    server.call("DELETE /acme/_apis/packaging/feedrecyclebin/gone", &server.admin, Value::Null).expect(204);
    let body = json!({ "subject": "alice", "scope": "read", "groups": ["builders"] });
    server.call("POST /acme/_edgefeed/tokens", &server.admin, body).expect(201);

    let npm = |what: &str, body: Value| {
        let (method, path) = what.split_once(' ').unwrap();
        let what = format!("{method} {NPM}/{path}");
        block_on(server.fetch(&server.platform, &what, &server.admin, body, &[])).0.as_u16()
    };
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let bytes = tarball("own", version);
        assert!(matches!(npm("PUT own", publish_document("own", version, &bytes)), 200 | 201));
    }
    publish_in_session(&server);
    let bytes = archive(&[
        ("package/package.json", br#"{"name":"described","version":"1.0.0"}"#),
        ("package/README.md", b"# Described"),
    ]);
    assert!(matches!(npm("PUT described", publish_document("described", "1.0.0", &bytes)), 200 | 201));
    let rules = json!([{ "pattern": "acme-*", "versionsFromExternalUpstreams": "allowExternalVersions" }]);
    server.call(&format!("PUT {FEEDS}/main/npm/upstreaming"), &server.admin, rules).expect(200);
    let behavior = json!({ "versionsFromExternalUpstreams": "auto" });
    let what = format!("PATCH {FEEDS}/main/npm/packages/decided/upstreaming");
    server.call(&what, &server.admin, behavior).expect(200);
    show_badges(&server);
    assert_eq!(
        npm("PUT own", json!({ "_id": "own", "users": { "administrator": true, "root": true } })),
        200
    );
    assert_eq!(npm("GET own", Value::Null), 200);
    assert_eq!(npm("GET left-pad", Value::Null), 200);
    assert_eq!(npm("GET left-pad/-/left-pad-1.0.0.tgz", Value::Null), 200);
    assert_eq!(npm("GET @scope%2fdeep/-/deep-2.0.0.tgz", Value::Null), 200);
    let version =
        |package: &str, version: &str| format!("{FEEDS}/main/npm/packages/{package}/versions/{version}");
    let change =
        json!({ "views": { "op": "add", "value": "Release" }, "deprecateMessage": "old", "listed": false });
    server.call(&format!("PATCH {}", version("left-pad", "1.0.0")), &server.admin, change).expect(200);
    for (package, number) in [("own", "1.0.0"), ("own", "1.1.0"), ("left-pad", "1.1.0")] {
        server.call(&format!("DELETE {}", version(package, number)), &server.admin, Value::Null).expect(200);
    }
    let bin = format!("DELETE {FEEDS}/main/npm/RecycleBin/packages/own/versions/1.0.0");
    server.call(&bin, &server.admin, Value::Null).expect(204);
    let through_feed = "/acme/_packaging/outer/npm/registry/left-pad/-/left-pad-1.0.0.tgz";
    block_on(server.fetch(&server.platform, &format!("GET {through_feed}"), &server.admin, Value::Null, &[]));
    registry.add("unused", "1.0.0").add("unused", "1.1.0");
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(npm(&format!("GET unused/-/unused-{version}.tgz"), Value::Null), 200);
    }
    let policy =
        json!({ "countLimit": 1, "daysToKeepRecentlyDownloadedPackages": 0, "dropSavedVersions": true });
    server.call(&format!("PUT {FEEDS}/main/retentionpolicies"), &server.admin, policy).expect(200);

    // What was downloaded so far is folded, what is downloaded from now on waits for that.
    block_on(server.platform.run_delayed());
    block_on(edgefeed::server::scheduled(server.platform.for_request()));
    assert_eq!(npm("GET left-pad/-/left-pad-1.0.0.tgz", Value::Null), 200);
    block_on(server.platform.run_delayed());

    registry.go_down();
    npm("GET unheard-of", Value::Null);
    let outage = Fault::of(Operation::Replace).on("/index.json").times(usize::MAX);
    server.platform.faults().add(outage.before(PlatformError::TimedOut));
    let bytes = tarball("own", "1.3.0");
    npm("PUT own", publish_document("own", "1.3.0", &bytes));
    server.platform.faults().clear();
    server.call(&format!("DELETE {FEEDS}/outer/RecycleBin/packages"), &server.admin, Value::Null).expect(202);
    server.call(&format!("DELETE {FEEDS}/outer"), &server.admin, Value::Null).expect(204);
    leave_contents(server)
}

/// Publishes what a build made, and begins an upload.
fn publish_in_session(server: &Server) {
    let said = json!({ "feed": "main", "source": "InternalBuild", "data": { "Build.BuildId": "7" } });
    let begin = "POST /acme/_apis/provenance/session/npm";
    let session = server.call(begin, &server.admin, said).expect(200).body["sessionId"].clone();
    let through = format!("PUT /acme/_packaging/{}/npm/registry/built", session.as_str().unwrap());
    let body = publish_document("built", "1.0.0", &tarball("built", "1.0.0"));
    let answer = block_on(server.fetch(&server.platform, &through, &server.admin, body, &[]));
    assert!(answer.0.is_success());
    server.call("POST /acme/_packaging/main/uploads", &server.admin, json!({ "size": 7 })).expect(201);
}

/// A file of a draft, and one that a draft left. No protocol of this list makes any.
fn leave_contents(server: Server) -> Server {
    let (id, name) = (FeedId::from_random([1; 16]), PackageName::new("tree", "tree"));
    let path = PackagePath::new(&id, ProtocolId::new("any"), &name);
    let digest = Digest::of(Algorithm::Sha256, b"text");
    let file =
        TreeFile { path: TreePath::parse("a").unwrap(), size: 4, digest: digest.clone(), executable: true };
    block_on(drafts::note(&server.platform, &path, "1.0.0", &file)).unwrap();
    server.platform.put_object(&path.content(&digest), "text");
    block_on(leavings::leave(&server.platform, &path, vec![digest])).unwrap();
    server
}

/// Has a feed hand out badges.
fn show_badges(server: &Server) {
    let (organization, name) = (OrganizationName::parse("acme").unwrap(), FeedName::parse("main").unwrap());
    let feed = block_on(feeds::find(&server.platform, &organization, None, &name)).unwrap().unwrap();
    let change = &mut |feed: &Feed| Ok(Feed { badges_enabled: true, ..feed.clone() });
    block_on(feeds::update(&server.platform, &feed, change)).unwrap();
}
