//! What the tests are written with: a server with an organization, feeds, one token per role, and a scripted upstream.

use std::pin::Pin;
use std::task::{Context, Waker};

pub(crate) mod client;
pub(crate) mod documents;
pub(crate) mod registry;
pub(crate) mod server;
pub(crate) mod verbs;

pub(crate) use client::{Client, Reply};
pub(crate) use documents::{other_tarball, publish_document, tarball};
pub(crate) use registry::Registry;
pub(crate) use server::{Grants, TestServer};

/// What npm sends when it installs.
pub(crate) const INSTALL: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// Does so many steps of a task, at the most; is it done then?
pub(crate) fn is_done_within(steps: usize, mut task: Pin<&mut impl Future>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    (0..steps).any(|_| task.as_mut().poll(&mut context).is_ready())
}
