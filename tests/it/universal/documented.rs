//! `schema/universal.json`, held to what is answered: every endpoint is in it, and every answer is as it says.

use super::support::{TOOLS, Universal, named, sha256};
use crate::support::server::TestServer;
use crate::support::{Client, Reply};
use edgefeed::platform::Body;
use http::Method;
use jsonschema::{Draft, Resource};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

const ROOT: &str = "/{organization}/_packaging/{feed}/upack/";
const URN: &str = "urn:edgefeed:schema:universal";

struct Documented<'a> {
    server: &'a TestServer,
    client: Client<'a>,
    api: Value,
    seen: RefCell<BTreeSet<String>>,
}

impl Documented<'_> {
    /// A request whose answer must be as documented.
    fn ask(&self, what: &str, headers: &[(&str, &str)], body: Body) -> Reply {
        let (method, path) = what.split_once(' ').unwrap();
        let reply = self.client.send(Method::from_bytes(method.as_bytes()).unwrap(), path, headers, body);
        let operation = self.operation(method, path);
        let line: Value = serde_json::from_str(self.server.platform.log_lines().last().unwrap()).unwrap();
        assert_eq!(operation["operationId"], line["endpoint"], "{what}");
        let responses = &operation["responses"];
        let response = match &responses[reply.status.to_string()] {
            Value::Null if reply.status >= 400 => &self.api["components"]["responses"]["Refusal"],
            response => response,
        };
        assert!(response.is_object(), "{what}: {} is not documented", reply.status);
        if reply.status < 400 {
            self.seen.borrow_mut().insert(operation["operationId"].as_str().unwrap().to_owned());
        }
        let kind = reply.header("content-type").split(';').next().unwrap();
        if reply.bytes().is_empty() {
            assert!(matches!(reply.status, 204 | 304 | 416) || response["content"].is_null(), "{what}");
        } else {
            let content = &response["content"][kind];
            assert!(content.is_object(), "{what}: {kind} is not documented");
            if let Some(reference) = content["schema"]["$ref"].as_str() {
                self.check(reference, what, &reply.json());
            }
        }
        reply
    }

    /// The operation of a request: of those on its path the one that names most of its query.
    fn operation(&self, method: &str, path: &str) -> Value {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let names = |query: &str| -> Vec<(String, bool)> {
            let pairs = query.split('&').filter(|pair| !pair.is_empty());
            pairs
                .map(|pair| {
                    pair.split_once('=').map_or((pair.to_owned(), false), |(name, _)| (name.to_owned(), true))
                })
                .collect()
        };
        let segments = if path.is_empty() { 0 } else { path.split('/').count().min(3) };
        let form = ["", "{name}", "{name}/{version}", "{name}/{version}/{path}"][segments];
        let form = if path.ends_with("/missing") && segments == 2 { "{name}/missing" } else { form };
        let fitting = self.api["paths"].as_object().unwrap().iter().filter_map(|(known, item)| {
            let (known, wanted) =
                known.strip_prefix(ROOT)?.split_once('?').unwrap_or((known.strip_prefix(ROOT)?, ""));
            let wanted = names(wanted);
            let fits = known == form && wanted.iter().all(|name| names(query).contains(name));
            (fits && item[method.to_lowercase()].is_object())
                .then(|| (wanted.len(), &item[method.to_lowercase()]))
        });
        let best = fitting.max_by_key(|(names, _)| *names);
        best.unwrap_or_else(|| panic!("{method} {path}?{query} answers and is not documented")).1.clone()
    }

    fn check(&self, reference: &str, what: &str, value: &Value) {
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let resource: Resource = Draft::Draft202012.create_resource(self.api.clone());
        let options = options.with_resource(URN, resource);
        let validator = options.build(&json!({ "$ref": format!("{URN}{reference}") })).unwrap();
        let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{what}: {errors:#?}\n{value:#}");
    }
}

#[test]
fn every_answer_is_as_documented() {
    let server = TestServer::empty();
    server.add_feed("main", Vec::new());
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/universal.json")).unwrap();
    let api: Value = serde_json::from_str(&text).unwrap();
    let documented =
        Documented { server: &server, client: server.owner().universal(), api, seen: RefCell::default() };
    let ask = |what: &str, body: &str| documented.ask(what, &[], body.to_owned().into());
    let get = |path: &str| documented.ask(&format!("GET {path}"), &[], Body::Empty);

    for (path, content, executable) in TOOLS {
        let path = path.replace('/', "-").replace(' ', "");
        let what = format!("PUT my-tools/1.0.0/{path}?executable={executable}");
        documented.ask(&what, &[], content.to_vec().into()).expect(201);
    }
    get("my-tools/1.0.0?draft").expect(200);
    ask("POST my-tools/1.0.0", "").expect(201);
    ask("POST my-tools/1.0.0", r#"{"description": "other", "files": []}"#).expect(400);
    let empty = sha256(b"");
    documented
        .ask("PUT my-tools/1.0.0/empty", &[("x-checksum-sha256", &empty)], Body::Bytes("".into()))
        .expect(200);
    ask("POST my-tools/1.1.0", &named(TOOLS).to_string()).expect(201);
    ask("POST my-tools/1.2.0", &named(&[("x", b"not here", false)]).to_string()).expect(409);
    ask("POST my-tools/1.1.0", &named(&TOOLS[1..]).to_string()).expect(409);
    ask("POST my-tools/missing", &json!({ "sha256": [empty, sha256(b"x")] }).to_string()).expect(200);
    ask("POST my-tools/missing", "{}").expect(400);
    ask("DELETE my-tools/1.2.0?draft", "").expect(204);

    let wish = json!({ "size": 4, "sha256": sha256(b"text") }).to_string();
    let begun = ask("POST my-tools/2.0.0/text?upload", &wish).expect(201).json();
    let address = format!("my-tools/2.0.0/text?upload={}", begun["id"].as_str().unwrap());
    get(&address).expect(200);
    ask(&format!("PUT {address}&part=1"), "text").expect(200);
    get(&address).expect(200);
    ask("POST my-tools/2.0.0/more?upload", &wish).expect(200);
    ask(&format!("DELETE {address}"), "").expect(204);
    get(&address).expect(404);

    get("").expect(200);
    get("?$top=1").expect(200);
    get("my-tools").expect(200);
    get("nothing").expect(404);
    let manifest = get("my-tools/latest").expect(200);
    documented
        .ask("GET my-tools/latest", &[("if-none-match", manifest.header("etag"))], Body::Empty)
        .expect(304);
    get("my-tools/1.0.0/bin-run.sh").expect(200);
    documented.ask("GET my-tools/1.0.0/bin-run.sh", &[("range", "bytes=1-2")], Body::Empty).expect(206);
    documented.ask("GET my-tools/1.0.0/bin-run.sh", &[("range", "bytes=99-")], Body::Empty).expect(416);
    let archive = get("my-tools/1.0.0?format=tar").expect(200);
    documented.ask("GET my-tools/1.0.0?format=tar", &[("range", "bytes=1-2")], Body::Empty).expect(206);
    documented.ask("PUT my-tools/3.0.0", &[], archive.bytes().into()).expect(201);
    documented.ask("PUT my-tools/3.0.0", &[], archive.bytes().into()).expect(200);
    ask("PUT my-tools/3.1.0", "no archive").expect(400);
    ask("DELETE my-tools/3.0.0", "").expect(204);

    let paths = documented.api["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let operations: BTreeSet<String> =
        operations.filter_map(|operation| operation["operationId"].as_str().map(str::to_owned)).collect();
    assert_eq!(*documented.seen.borrow(), operations, "documented, and never answered");
    let code =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/protocol/universal/route.rs"))
            .unwrap();
    let names = code.split("=> \"").skip(1).filter_map(|rest| rest.split_once('"'));
    let endpoints: BTreeSet<String> = names.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(endpoints, operations);
}
