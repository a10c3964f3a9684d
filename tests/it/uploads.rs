//! Uploads in parts, and publishing what was uploaded by every protocol's own request.

use crate::cargo::support as cargo;
use crate::maven::support as maven;
use crate::nuget::support as nuget;
use crate::pypi::support as pypi;
use crate::support::client::file;
use crate::support::{Client, Reply, TestServer, publish_document, tarball};
use edgefeed::model::{Algorithm, Digest};
use edgefeed::platform::Body;
use edgefeed::platform::memory::Operation;
use http::Method;
use serde_json::{Value, json};

const UPLOADS: &str = "https://edge.test/acme/_packaging/main/uploads";

/// A request that publishes, as a protocol's client sends it, and where what it publishes is then.
struct Push {
    server: TestServer,
    root: String,
    method: Method,
    path: String,
    media: &'static str,
    body: Vec<u8>,
    content: (String, Vec<u8>),
}

impl Push {
    fn client(&self) -> Client<'_> {
        self.server.contributor().at(&self.root)
    }

    fn publish(&self, id: &str) -> Reply {
        let headers = [("content-type", self.media), ("edgefeed-upload", id)];
        self.client().send(self.method.clone(), &self.path, &headers, Body::Empty)
    }
}

fn npm_push() -> Push {
    let bytes = tarball("big", "1.0.0");
    Push {
        server: TestServer::new(),
        root: "https://edge.test/acme/_packaging/main/npm/registry/".to_owned(),
        method: Method::PUT,
        path: "big".to_owned(),
        media: "application/json",
        body: publish_document("big", "1.0.0", &bytes).to_string().into(),
        content: (file("big", "1.0.0"), bytes),
    }
}

fn cargo_push() -> Push {
    let bytes = cargo::crate_file("big", "1.0.0");
    Push {
        server: cargo::server().0,
        root: cargo::root("main"),
        method: Method::PUT,
        path: "api/v1/crates/new".to_owned(),
        media: "",
        body: cargo::push(&cargo::metadata("big", "1.0.0"), &bytes),
        content: ("api/v1/crates/big/1.0.0/download".to_owned(), bytes),
    }
}

fn pypi_push() -> Push {
    let path = pypi::path("big", "1.0", &pypi::wheel_name("big", "1.0"));
    Push {
        server: pypi::server().0,
        root: pypi::ROOT.to_owned(),
        method: Method::POST,
        path: "upload/".to_owned(),
        media: "multipart/form-data; boundary=b0undary",
        body: pypi::Upload::wheel("big", "1.0").body(),
        content: (path, pypi::wheel("big", "1.0")),
    }
}

fn nuget_push() -> Push {
    let bytes = nuget::nupkg("big", "1.0.0");
    let (media, body) = nuget::form(&bytes);
    Push {
        server: nuget::server().0,
        root: nuget::root("main"),
        method: Method::PUT,
        path: "v3/package/".to_owned(),
        media,
        body,
        content: ("v3/flat2/big/1.0.0/big.1.0.0.nupkg".to_owned(), bytes),
    }
}

fn maven_push() -> Push {
    let path = maven::path("org.example:big", "1.0", "jar");
    let bytes = maven::content("org.example:big", "1.0", "jar");
    Push {
        server: maven::server().0,
        root: maven::root("main"),
        method: Method::PUT,
        path: path.clone(),
        media: "",
        body: bytes.clone(),
        content: (path, bytes),
    }
}

/// A protocol, and what its client sends.
type Pushing = (&'static str, fn() -> Push);

const PUSHES: [Pushing; 5] = [
    ("npm", npm_push),
    ("cargo", cargo_push),
    ("pypi", pypi_push),
    ("nuget", nuget_push),
    ("maven", maven_push),
];

fn begin(client: &Client<'_>, body: &[u8]) -> Value {
    let sha256 = Digest::of(Algorithm::Sha256, body).hex();
    client.post(UPLOADS, &json!({ "size": body.len(), "sha256": sha256 })).expect(201).json()
}

/// Uploads a body as a client does that knows nothing but what it is answered.
fn upload(client: &Client<'_>, body: &[u8]) -> String {
    let begun = begin(client, body);
    let id = begun["id"].as_str().unwrap().to_owned();
    let size = usize::try_from(begun["partSize"].as_u64().unwrap()).unwrap();
    for (index, part) in body.chunks(size).enumerate() {
        let path = format!("{UPLOADS}/{id}?part={}", index + 1);
        let answer = client.send(Method::PUT, &path, &[], part.to_vec().into()).expect(200).json();
        assert_eq!(answer["received"], index + 1);
    }
    id
}

#[test]
fn what_was_uploaded_in_parts_is_published_by_every_protocol() {
    for (protocol, push) in PUSHES {
        let push = push();
        let id = upload(&push.client(), &push.body);
        let reply = push.publish(&id);
        assert!((200..300).contains(&reply.status), "{protocol}: {} {}", reply.status, reply.text());
        let (path, bytes) = &push.content;
        assert_eq!(push.client().get(path).expect(200).bytes(), bytes, "{protocol}");
        assert_eq!(push.client().get(&format!("{UPLOADS}/{id}")).status, 404, "{protocol}: it is used");
        let left = push.server.platform.stored_keys();
        assert!(left.iter().all(|key| !key.contains("/uploads/")), "{protocol}: {left:?}");
        // Where the body is the file itself, it stays where it is.
        let placed = left.iter().filter(|key| key.starts_with("v1/placed/")).count();
        assert_eq!(placed, usize::from(protocol == "maven"), "{protocol}");
        push.server.advance(9 * 24 * 3600);
        push.server.housekeeping();
        let left = push.server.platform.stored_keys();
        assert!(left.iter().all(|key| !key.contains("/staging/")), "{protocol}: {left:?}");
        assert_eq!(push.client().get(path).expect(200).bytes(), bytes, "{protocol}");
    }
}

#[test]
fn an_upload_that_could_not_be_published_can_be_published_again() {
    for (protocol, push) in PUSHES {
        let push = push();
        let id = upload(&push.client(), &push.body);
        let reader = push.server.reader().at(&push.root);
        let headers = [("content-type", push.media), ("edgefeed-upload", id.as_str())];
        let reply = reader.send(push.method.clone(), &push.path, &headers, Body::Empty);
        assert_eq!(reply.status, 403, "{protocol}");
        let other = push.server.owner().at(&push.root);
        let reply = other.send(push.method.clone(), &push.path, &headers, Body::Empty);
        assert_eq!(reply.status, 404, "{protocol}: it is another's");
        let reply = push.publish("nonsense");
        assert_eq!(reply.status, 404, "{protocol}: {}", reply.text());
        assert!(push.publish(&id).status < 300, "{protocol}");
    }
}

#[test]
fn a_body_of_several_parts_is_put_together() {
    let push = maven_push();
    let body: Vec<u8> = (0..(64_u32 << 20) + 1_000).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let id = upload(&push.client(), &body);
    let answer = push.client().get(&format!("{UPLOADS}/{id}")).expect(200).json();
    assert_eq!((&answer["parts"], &answer["received"]), (&json!(2), &json!(2)));
    assert_eq!(answer["sha256"], Digest::of(Algorithm::Sha256, &body).hex());
    assert!(push.publish(&id).status < 300);
    assert!(push.client().get(&push.path).expect(200).bytes() == body);
}

#[test]
fn only_those_who_may_publish_upload() {
    let server = TestServer::new();
    for (client, status) in [
        (server.anonymous(), 401),
        (server.reader(), 403),
        (server.collaborator(), 403),
        (server.contributor(), 201),
        (server.owner(), 201),
    ] {
        assert_eq!(client.post(UPLOADS, &json!({ "size": 1 })).status, status);
    }
    let view = UPLOADS.replace("main", "main@Release");
    let reply = server.contributor().post(&view, &json!({ "size": 1 }));
    assert_eq!(reply.status, 409, "{}", reply.text());
}

#[test]
fn what_is_no_upload_is_refused() {
    let server = TestServer::new();
    let client = server.contributor();
    for body in [json!({}), json!({ "size": -1 }), json!({ "size": 0 }), json!({ "size": 1, "sha256": "x" })]
    {
        assert_eq!(client.post(UPLOADS, &body).status, 400, "{body}");
    }
    assert_eq!(client.post(UPLOADS, &json!({ "size": u64::MAX })).status, 413);
    assert_eq!(client.get(UPLOADS).status, 405);
    assert_eq!(client.get(&format!("{UPLOADS}/x/y")).status, 404);
    let id = begin(&client, b"content")["id"].as_str().unwrap().to_owned();
    let part = |number: &str, bytes: &'static [u8]| {
        client.send(Method::PUT, &format!("{UPLOADS}/{id}?part={number}"), &[], bytes.into()).status
    };
    assert_eq!(part("", b"content"), 400, "no number");
    assert_eq!(part("2", b"content"), 409, "the first one is expected");
    assert_eq!(part("1", b"contents"), 400, "too long");
    assert_eq!(part("1", b"c0ntent"), 400, "another digest");
    assert_eq!(part("1", b"content"), 404, "it was given up");
    // An upload stands for the body of what publishes, and for nothing else.
    let id = upload(&client, b"content");
    let headers = [("edgefeed-upload", id.as_str())];
    assert_eq!(client.get_with("-/ping", &headers).status, 400);
    assert_eq!(client.send(Method::PUT, "big", &headers, b"{}"[..].into()).status, 400, "two bodies");
    client.delete(&format!("{UPLOADS}/{id}")).expect(204);
    client.delete(&format!("{UPLOADS}/{id}")).expect(404);
}

#[test]
fn a_part_costs_five_operations() {
    let server = TestServer::new();
    let client = server.contributor();
    let id = begin(&client, b"content")["id"].as_str().unwrap().to_owned();
    server.advance(2);
    server.platform.clear_operation_log();
    client.send(Method::PUT, &format!("{UPLOADS}/{id}?part=1"), &[], b"content"[..].into()).expect(200);
    let operations: Vec<_> =
        server.platform.operation_log().into_iter().map(|(operation, _)| operation).collect();
    let [.., record, part, again, replaced, completed] = operations[..] else { panic!("{operations:?}") };
    assert_eq!(
        [record, part, again, replaced, completed],
        [
            Operation::Get,
            Operation::UploadPart,
            Operation::Get,
            Operation::Replace,
            Operation::CompleteUpload
        ]
    );
}
