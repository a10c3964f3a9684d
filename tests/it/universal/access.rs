//! Who may do what with universal packages.

use super::support::{TOOLS, Universal, message, named, neighbour};
use crate::support::server::TestServer;
use edgefeed::model::Role;
use edgefeed::platform::Body;
use http::Method;
use serde_json::json;

/// Anonymous on a private feed, anonymous on a public one, reader, collaborator, contributor, owner.
type Statuses = [u16; 6];

const READ: Statuses = [401, 200, 200, 200, 200, 200];
const SAVE: Statuses = [401, 401, 403, 200, 200, 200];

const fn write(status: u16) -> Statuses {
    [401, 401, 403, 403, status, status]
}

fn table() -> Vec<(Method, &'static str, Vec<u8>, Statuses)> {
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let none = Vec::new;
    let question = json!({ "sha256": [] }).to_string().into_bytes();
    let large = json!({ "size": 100 << 20, "sha256": "0".repeat(64) }).to_string().into_bytes();
    let files = named(&TOOLS[..1]).to_string().into_bytes();
    vec![
        (get.clone(), "", none(), READ),
        (get.clone(), "own", none(), READ),
        (get.clone(), "own/1.0.0", none(), READ),
        (get.clone(), "own/latest", none(), READ),
        (get.clone(), "own/1.0.0/empty", none(), READ),
        (get.clone(), "own/1.0.0?format=tar", none(), READ),
        (get.clone(), "nothing", none(), [401, 401, 404, 404, 404, 404]),
        (get.clone(), "saved/1.0.0", none(), READ),
        (get.clone(), "saved/1.0.0/bin/run.sh", none(), READ),
        (get.clone(), "saved/1.0.0/empty", none(), SAVE),
        (get.clone(), "saved/1.0.0?format=tar", none(), SAVE),
        (get.clone(), "saved/2.0.0", none(), SAVE),
        (get.clone(), "saved/2.0.0/empty", none(), SAVE),
        (put.clone(), "own/1.1.0/file", b"x".to_vec(), write(201)),
        (post.clone(), "own/1.1.0/large?upload", large, write(201)),
        (get.clone(), "own/1.1.0/large?upload=nothing", none(), write(404)),
        (put.clone(), "own/1.1.0/large?upload=nothing&part=1", b"x".to_vec(), write(404)),
        (delete.clone(), "own/1.1.0/large?upload=nothing", none(), write(404)),
        (get, "own/1.1.0?draft", none(), write(200)),
        (put, "own/1.1.0", b"no archive".to_vec(), write(400)),
        (post.clone(), "own/1.1.0", files, write(201)),
        (post, "own/missing", question, write(200)),
        (delete.clone(), "own/1.1.0?draft", none(), write(204)),
        (delete, "own/1.0.0", none(), [401, 401, 403, 403, 403, 204]),
    ]
}

#[test]
fn every_role_may_do_what_the_table_says() {
    for column in 0..6 {
        for (method, path, body, statuses) in table() {
            let server = TestServer::empty();
            server.add_feed("other", Vec::new());
            server.add_feed("main", vec![neighbour("other", "azure-feed://acme/other@Local")]);
            let theirs = server.role("other", Role::Contributor).universal_on("other");
            for version in ["saved/1.0.0", "saved/2.0.0"] {
                theirs.push(version, TOOLS).expect(201);
            }
            server.edit_feed("main", |feed| feed.is_public = column == 1);
            server.collaborator().universal().get("saved/1.0.0/bin/run.sh").expect(200);
            server.contributor().universal().push("own/1.0.0", TOOLS).expect(201);
            let client = match column {
                0 | 1 => server.anonymous(),
                2 => server.reader(),
                3 => server.collaborator(),
                4 => server.contributor(),
                _ => server.owner(),
            };
            let reply = client.universal().send(method.clone(), path, &[], Body::from(body));
            assert_eq!(reply.status, statuses[column], "{method} {path} as {column}: {}", reply.text());
            if reply.status >= 400 {
                assert!(!message(&reply).is_empty());
            }
        }
    }
}
