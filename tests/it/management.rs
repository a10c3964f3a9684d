//! The REST surface in process: what each caller may do, and what the answers say.

mod changes;
mod deployment;
mod discovery;
mod feed_bin;
mod feeds;
mod lifecycle;
mod packages;
mod permissions;
mod provenance;
#[path = "support/rest.rs"]
mod rest;
mod retention;
mod roles;
mod searching;
mod tokens;
mod versions;

use crate::support::is_done_within;
use rest::Server;
use serde_json::{Value, json};
use std::pin::pin;

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

/// Runs `attempt` with one more step each time, until it is done in spite of the crash; `check` follows each crash.
fn at_every_step<T>(prepare: impl Fn() -> T, attempt: impl Fn(&T, usize) -> bool, check: impl Fn(&T, usize)) {
    for steps in 1..400 {
        let prepared = prepare();
        let done = attempt(&prepared, steps);
        check(&prepared, steps);
        if done {
            assert!(steps > 3, "a crash test that did not crash");
            return;
        }
    }
    panic!("never done");
}

/// Lets the administrator's request die with its isolate after so many steps.
fn crash(server: &Server, what: &str, body: Value, steps: usize) -> bool {
    let isolate = server.platform.elsewhere();
    let done = is_done_within(steps, pin!(server.fetch(&isolate, what, &server.admin, body, &[])));
    server.platform.abandon_background();
    done
}
