//! What the tests are written with: a server with an organization, feeds, one token per role, and a scripted upstream.

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
