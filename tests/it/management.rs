//! The REST surface in process: what each caller may do, and what the answers say.

mod deployment;
mod discovery;
mod feeds;
#[path = "support/rest.rs"]
mod rest;
mod tokens;
mod versions;

use rest::Server;
use serde_json::{Value, json};

const FEEDS: &str = "/acme/_apis/packaging/feeds";
const TOKENS: &str = "/acme/_edgefeed/tokens";

fn on(feed: &str, role: &str) -> Value {
    json!([{ "feed": feed, "role": role }])
}

/// One token per role, scope `manage` throughout, so that the role alone decides.
fn roles(server: &Server, feed: &str) -> [(&'static str, String); 4] {
    ["reader", "collaborator", "contributor", "administrator"]
        .map(|role| (role, server.token("manage", on(feed, role))))
}
