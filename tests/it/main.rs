//! The whole server in process, as its clients see it: request in, response out, on the memory platform.
//!
//! In scope: who may do what, saving, resolving, publishing, deleting, under faults, races and crashes; the HTTP of it;
//! what is stored afterwards. Out of scope: real clients (`tests/e2e`), and what one module can test of itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod access;
mod accounts;
mod audit;
mod bad_requests;
mod cargo;
mod crashes;
mod deleting;
mod dropping;
mod guard;
mod hosts;
mod housekeeping;
mod http_rules;
mod integrity;
mod large;
mod large_pushes;
mod large_saves;
mod logs;
mod management;
mod maven;
mod nuget;
mod packuments;
mod publishing;
mod pypi;
mod saving;
mod search;
mod sources;
mod staleness;
mod stars;
mod support;
mod tags;
mod tokens;
mod universal;
mod unpublish;
mod uploads;
mod upstream_failures;
mod views;
mod withdrawals;
