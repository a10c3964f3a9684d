//! Cargo: a sparse registry, and the web API beside it.
//!
//! | Path below `cargo/` | What |
//! |---|---|
//! | `index/config.json` | where everything is, and whether a token is wanted |
//! | `index/{folder}/{crate}` | all versions of a crate, one line each |
//! | `authenticated-index/…` | the same with a token in any case: clients send one only to an index that wants it, so that members of a public feed who save what they restore use this one |
//! | `api/v1/crates/{crate}/{version}/download` | an archive |
//! | `api/v1/crates/new` | publish (`PUT`) |
//! | `api/v1/crates/{crate}/{version}/yank`, `…/unyank` | yank and take it back |
//! | `api/v1/crates/{crate}/owners` | who may publish; roles are changed by owners of the feed |
//! | `api/v1/crates?q=` | search |
//! | `me` | where clients send people who want a token |
//!
//! Specification: [index](https://doc.rust-lang.org/cargo/reference/registry-index.html),
//! [web API](https://doc.rust-lang.org/cargo/reference/registry-web-api.html),
//! [authentication](https://doc.rust-lang.org/cargo/reference/registry-authentication.html). It serves as a registry of
//! its own and in place of another one (source replacement): a line says nothing of where its index is. Out of scope:
//! git indexes, asymmetric tokens, trusted publishing, the pages of a registry's web site: a clean 404, or 401.
//!
//! `route` reads paths, `name` names, `wire` documents, `upstream` other registries' indexes, `listing` writes ours,
//! `handlers` answer, `error` words refusals.

mod error;
mod handlers;
mod listing;
mod name;
mod route;
mod upstream;
mod wire;

use super::{Answer, Protocol, text};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Action, ProtocolId, Version, json};
use crate::platform::{OutgoingRequest, Platform, Request};
use crate::service::description::{Description, Find, Readme};
use crate::service::{
    Ecosystem, FeedContext, Form, ListingDecoder, ListingRenderer, Package, Registry, UpstreamForm,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;
use std::cmp::Ordering;
use url::Url;

/// The protocol.
pub(super) struct Cargo;

/// The one document of versions there is.
const UPSTREAM_INDEX: UpstreamForm = UpstreamForm("index");
/// And ours.
const INDEX: Form =
    Form { name: "index", content_type: "text/plain; charset=utf-8", upstream: UPSTREAM_INDEX, part: 0 };

impl Ecosystem for Cargo {
    fn protocol(&self) -> ProtocolId {
        Self::ID
    }

    fn package(&self, text: &str) -> Result<Package> {
        name::parse(text)
    }

    fn source_root(&self) -> &'static str {
        "Cargo/index/"
    }

    fn version(&self, text: &str) -> Option<Version> {
        name::parse_version(text).ok()
    }

    fn title(&self) -> &'static str {
        "Cargo"
    }

    fn compare(&self, left: &str, right: &str) -> Ordering {
        text::compare_semver(left, right)
    }

    fn is_prerelease(&self, version: &str) -> bool {
        text::is_semver_prerelease(version)
    }

    fn describe(&self, manifest: &Value) -> Description {
        wire::describe(manifest)
    }

    fn content_path(&self, package: &Package, version: &Version, file: Option<&str>) -> Option<String> {
        file.is_none().then(|| format!("api/v1/crates/{package}/{version}/download"))
    }

    fn readme(&self, _: &Package, _: &Version) -> Readme {
        Readme::InArchive
    }

    fn search_request(&self, registry: Registry<'_>, text: &str, size: usize) -> Option<OutgoingRequest> {
        upstream::search_request(registry, text, size, 1)
    }

    fn found(&self, answer: &[u8]) -> Vec<Find> {
        let answer: Value = json::read(answer).unwrap_or_default();
        answer["crates"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|found| text::find(found, "name", "max_version"))
            .collect()
    }

    fn upstream_forms(&self) -> &'static [UpstreamForm] {
        &[UPSTREAM_INDEX]
    }

    fn description_request(&self, location: &Url) -> Option<(Url, &'static str)> {
        upstream::description_request(location)
    }

    fn is_description(&self, document: &[u8]) -> bool {
        wire::described(document, "dl").is_some()
    }

    fn listing_request(
        &self,
        registry: Registry<'_>,
        package: &Package,
        _: UpstreamForm,
    ) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
        Ok(upstream::listing_request(registry.location, package))
    }

    fn decoder(
        &self,
        registry: Registry<'_>,
        package: &Package,
        _: UpstreamForm,
        _: &Url,
        content_type: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
        Ok(Box::new(upstream::IndexDecoder::new(registry, package, content_type)?))
    }

    fn renderer(&self, _: &Package, _: Form, _: &str) -> Box<dyn ListingRenderer> {
        Box::new(listing::IndexRenderer)
    }
}

impl Protocol for Cargo {
    const ID: ProtocolId = ProtocolId::new("cargo");
    const ECOSYSTEM: &'static dyn Ecosystem = &Self;
    const ROOT: &'static str = "Cargo/";
    const RESOURCES: &'static str = include_str!("route/resources.txt");
    const IDENTITY_PATHS: &'static [&'static str] = &["api/v1/trusted_publishing/"];
    type Endpoint = route::Endpoint;

    fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Self::Endpoint> {
        route::route(method, tail, query)
    }

    fn action(endpoint: &Self::Endpoint) -> Option<Action> {
        endpoint.action()
    }

    fn is_login(endpoint: &Self::Endpoint) -> bool {
        endpoint.is_open()
    }

    fn endpoint_name(endpoint: &Self::Endpoint) -> &'static str {
        endpoint.name()
    }

    async fn handle<P: Platform>(
        context: &FeedContext<P>,
        endpoint: Self::Endpoint,
        request: Request,
    ) -> Result<Answer<P>> {
        handlers::handle(context, endpoint, request).await
    }

    fn error_body(error: &Error, message: &str) -> (&'static str, Bytes) {
        error::body(error, message)
    }

    fn status_override(error: &Error) -> Option<StatusCode> {
        error::status(error)
    }

    fn challenge(root: &str) -> Option<String> {
        Some(format!("Cargo login_url=\"{root}me\""))
    }
}
