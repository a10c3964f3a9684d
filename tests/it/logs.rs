//! One line per request, with what an operator needs and never a secret.

use crate::support::server::ROOT;
use crate::support::{TestServer, publish_document, tarball};
use edgefeed::model::Role;
use edgefeed::platform::PlatformError;
use edgefeed::platform::memory::{Fault, Operation};
use serde_json::{Value, json};

fn last(server: &TestServer) -> Value {
    serde_json::from_str(server.platform.log_lines().last().unwrap()).unwrap()
}

#[test]
fn the_line_says_who_asked_what_and_what_it_cost() {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    let mut lines = Vec::new();
    let mut note = |reply: crate::support::Reply| {
        let mut line = last(&server);
        assert_eq!(line["request"], reply.header("x-request-id"));
        assert_eq!(line["status"], reply.status);
        line["request"] = "(id)".into();
        if let Some(principal) = line.get_mut("principal") {
            assert_eq!(principal.as_str().map(str::len), Some(32), "a token's public id");
            *principal = "(token id)".into();
        }
        let operations = line.as_object_mut().unwrap().shift_remove("operations").unwrap();
        for (name, count) in operations.as_object().unwrap() {
            assert!(*count == reply.count(name) && *count != 0, "{name}: the same as in `Server-Timing`");
        }
        lines.push(line);
    };
    note(server.collaborator().get("lib"));
    note(server.collaborator().get("lib"));
    note(server.collaborator().download("lib", "1.0.0"));
    note(server.collaborator().download("lib", "1.0.0"));
    note(server.reader().publish("own", "1.0.0"));
    note(server.contributor().publish("own", "1.0.0"));
    note(server.anonymous().get("own"));
    note(server.reader().get("missing"));
    note(server.reader().on("missing").get("own"));
    note(server.reader().get("%2e%2e"));
    note(server.reader().at("https://edge.test/nothing/").get("here"));
    insta::assert_json_snapshot!("log_lines", lines);
    assert_eq!(server.platform.log_lines().len(), 11, "one per request");
}

#[test]
fn what_failed_inside_is_in_the_log_and_not_in_the_answer() {
    let server = TestServer::new();
    server.contributor().publish("own", "1.0.0").expect(201);
    let outage = Fault::of(Operation::OpenBlob).before(PlatformError::Other("disk 7 is on fire".to_owned()));
    server.platform.faults().add(outage);
    let reply = server.reader().download("own", "1.0.0").expect(500);
    assert!(!reply.text().contains("disk 7"));
    assert!(reply.error().contains(reply.header("x-request-id")));
    assert!(last(&server)["error"].as_str().unwrap().contains("disk 7"));
}

#[test]
fn no_secret_is_ever_logged_or_sent_back() {
    let server = TestServer::new();
    server.registry.add("lib", "1.0.0");
    let roles = [Role::Reader, Role::Collaborator, Role::Contributor, Role::Owner];
    let mut secrets: Vec<String> = roles.iter().map(|role| server.token_of("main", *role)).collect();
    secrets.push(ROOT.to_owned());
    let mut replies = Vec::new();
    for secret in secrets.clone() {
        let client = server.with_token(&secret);
        let login = json!({ "name": "me", "password": secret });
        let entered = server.anonymous().put("-/user/org.couchdb.user:me", &login);
        if entered.status == 201 {
            let session = entered.json()["token"].as_str().unwrap().to_owned();
            replies.push(server.with_token(&session).delete(&format!("-/user/token/{session}")));
            replies.push(server.with_token(&session).delete(&format!("-/user/token/{session}")));
            secrets.push(session);
        } else {
            replies.push(entered);
        }
        let query = format!("lib?token={secret}");
        let paths = ["lib", "lib/-/lib-1.0.0.tgz", "-/npm/v1/tokens", "-/npm/v1/user", "-/whoami", &query];
        replies.extend(paths.map(|path| client.get(path)));
        for path in [
            format!("-/user/token/{secret}"),
            format!("-/user/token/{secret}%00"),
            format!("-/user/token/{secret}%252f"),
            format!("-/user/token/{secret}/more"),
        ] {
            replies.push(server.anonymous().delete(&path));
            replies.push(server.anonymous().get(&path));
            replies.push(server.reader().delete(&path));
        }
        replies.push(client.put("own", &publish_document("own", "1.0.0", &tarball("own", "1.0.0"))));
        replies.push(client.get_with("lib", &[("authorization", &format!("Basic {secret}"))]));
        replies.push(client.get_with("lib", &[("authorization", &format!("Digest {secret}"))]));
    }
    for reply in &replies {
        let sent = format!("{:?} {}", reply.headers, reply.text());
        assert!(secrets.iter().all(|secret| !sent.contains(secret.as_str())), "{sent}");
    }
    for line in server.platform.log_lines() {
        assert!(secrets.iter().all(|secret| !line.contains(secret.as_str())), "{line}");
        assert!(!line.contains("token="), "{line}");
    }
    let stored: Vec<_> = server.platform.stored_keys();
    for key in &stored {
        let bytes = server.platform.object(key).unwrap();
        let text = format!("{key} {}", String::from_utf8_lossy(&bytes));
        assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{key}");
    }
    for request in server.platform.upstream().sent() {
        let said = format!("{request:?}");
        assert!(secrets.iter().all(|secret| !said.contains(secret.as_str())), "{said}");
    }
}

#[test]
fn cron_logs_what_it_did() {
    let server = TestServer::new();
    server.housekeeping();
    let line = last(&server);
    assert_eq!(
        line,
        json!({
            "endpoint": "housekeeping", "purged": 0, "rebuilt": 0, "counted": 0, "swept": 0, "retired": 0,
            "emptied": 0, "forgotten": 0, "removed": 0, "givenUp": 0, "cleared": 0,
        })
    );
}
