//! Universal: trees of files, over a protocol of our own that needs no client but one that speaks HTTP.
//!
//! | Path below `upack/` | What |
//! |---|---|
//! | (nothing) | packages, a page at a time |
//! | `{name}` | versions of a package |
//! | `{name}/{version}` | its manifest: every file with size and SHA-256; `?format=tar`: all of it as one archive |
//! | `{name}/{version}/{path}` | a file, or a range of it; `PUT` takes one into a draft |
//! | `{name}/{version}` (`PUT`) | publish an archive, each of its entries a file |
//! | `{name}/{version}` (`POST`) | commit: make a version of the draft, all or nothing |
//! | `{name}/{version}?draft` | what is in the draft (`GET`), forget it (`DELETE`) |
//! | `{name}/missing` (`POST`) | which contents are still to be sent |
//!
//! Where a version is read it may be `latest`, `*`, `1.*` or `1.2.*`. Specification: `schema/universal.json`. Names and versions are
//! those of [Universal Packages](https://learn.microsoft.com/azure/devops/artifacts/quickstarts/universal-packages); the
//! wire protocol of the vendor's own client is not public, and out of scope.
//!
//! `route` reads paths, `name` names, `wire` documents, `upstream` feeds on other hosts, `listing` writes our list of versions,
//! `handlers` answer, `error` words refusals. The tree itself is `service/tree.rs`'s: its contents are kept once per package,
//! whichever versions have them.

mod error;
mod handlers;
mod listing;
mod name;
mod route;
mod upstream;
mod wire;

use super::{Answer, Protocol, text};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Action, ProtocolId, Version};
use crate::platform::{Platform, Request};
use crate::service::description::{Description, Readme};
use crate::service::{
    Ecosystem, FeedContext, Form, ListingDecoder, ListingRenderer, Package, Registry, UpstreamForm,
};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use std::cmp::Ordering;
use url::Url;

/// The protocol.
pub(super) struct Universal;

/// The one document of versions there is.
const UPSTREAM_VERSIONS: UpstreamForm = UpstreamForm("versions");
/// And ours, which is the same.
const VERSIONS: Form =
    Form { name: "versions", content_type: "application/json", upstream: UPSTREAM_VERSIONS, part: 0 };

impl Ecosystem for Universal {
    fn protocol(&self) -> ProtocolId {
        Self::ID
    }

    fn package(&self, text: &str) -> Result<Package> {
        name::parse(text)
    }

    fn source_root(&self) -> &'static str {
        Self::ROOT
    }

    fn version(&self, text: &str) -> Option<Version> {
        name::parse_version(text).ok()
    }

    fn title(&self) -> &'static str {
        "UPack"
    }

    fn compare(&self, left: &str, right: &str) -> Ordering {
        name::compare(left, right)
    }

    fn is_prerelease(&self, version: &str) -> bool {
        text::is_semver_prerelease(version)
    }

    fn describe(&self, manifest: &Value) -> Description {
        wire::describe(manifest)
    }

    fn content_path(&self, package: &Package, version: &Version, file: Option<&str>) -> Option<String> {
        let file = file.map(|file| format!("/{file}")).unwrap_or_default();
        Some(format!("{package}/{version}{file}"))
    }

    fn readme(&self, package: &Package, version: &Version) -> Readme {
        Readme::At(format!("{package}/{version}/README.md"))
    }

    fn upstream_forms(&self) -> &'static [UpstreamForm] {
        &[UPSTREAM_VERSIONS]
    }

    fn has_contents(&self) -> bool {
        true
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
        _: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
        Ok(Box::new(upstream::VersionsDecoder::new(registry, package)))
    }

    fn renderer(&self, package: &Package, _: Form, _: &str) -> Box<dyn ListingRenderer> {
        Box::new(listing::VersionsRenderer::new(package))
    }
}

impl Protocol for Universal {
    const ID: ProtocolId = ProtocolId::new("upack");
    const ECOSYSTEM: &'static dyn Ecosystem = &Self;
    const ROOT: &'static str = "upack/";
    const RESOURCES: &'static str = include_str!("route/resources.txt");
    type Endpoint = route::Endpoint;

    fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Self::Endpoint> {
        route::route(method, tail, query)
    }

    fn action(endpoint: &Self::Endpoint) -> Option<Action> {
        Some(endpoint.action())
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
}
