//! npm: the registry API that npm, pnpm, yarn, bun and deno speak.
//!
//! | Path below `npm/registry/` | What |
//! |---|---|
//! | `{name}` | listing: full, or abbreviated for installing; publish, deprecate, star (`PUT`) |
//! | `{name}/{version or tag}` | one manifest |
//! | `{name}/-/{file}` | tarball |
//! | `{name}/-rev/{rev}`, `{name}/-/{file}/-rev/{rev}` | unpublish |
//! | `-/package/{name}/dist-tags[/{tag}]` | dist-tags |
//! | `-/v1/search`, `-/whoami`, `-/ping`, `-/user/…`, `-/npm/v1/…`, `-/_view/…` | search, login, tokens, audit, keys, attestations, stars |
//!
//! Specification: the [registry's own](https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md), and what the
//! clients were seen to send. In scope: all of the above. Out of scope: staged publishing, trusted publishing,
//! organizations and teams: a clean 404.
//!
//! `route` reads paths, `name` names, `wire` documents, `upstream` other registries' listings, `listing` writes ours,
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
    self, Ecosystem, FeedContext, ListingDecoder, ListingRenderer, Package, Registry, UpstreamForm,
};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use std::cmp::Ordering;
use url::Url;

/// The protocol.
pub(super) struct Npm;

/// Which of the two listings is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// What installing needs.
    Abbreviated,
    /// Everything.
    Full,
}

impl Form {
    const ABBREVIATED: UpstreamForm = UpstreamForm("abbreviated");
    const FULL: UpstreamForm = UpstreamForm("full");

    /// The document as services know it: what is rendered and what it is rendered from have one name.
    fn document(self) -> service::Form {
        match self {
            Self::Abbreviated => service::Form {
                name: "abbreviated",
                content_type: wire::ABBREVIATED,
                upstream: Self::ABBREVIATED,
                part: 0,
            },
            Self::Full => service::Form {
                name: "full",
                content_type: "application/json",
                upstream: Self::FULL,
                part: 0,
            },
        }
    }

    fn of(upstream: UpstreamForm) -> Self {
        if upstream == Self::FULL { Self::Full } else { Self::Abbreviated }
    }
}

impl Ecosystem for Npm {
    fn protocol(&self) -> ProtocolId {
        Self::ID
    }

    fn package(&self, text: &str) -> Result<Package> {
        name::parse(text)
    }

    fn source_root(&self) -> &'static str {
        "npm/registry/"
    }

    fn version(&self, text: &str) -> Option<Version> {
        name::parse_version(text).ok()
    }

    fn title(&self) -> &'static str {
        "Npm"
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
        let archive = name::tarball_name(package, version).ok()?;
        file.is_none().then(|| format!("{package}/-/{archive}"))
    }

    fn readme(&self, _: &Package, _: &Version) -> Readme {
        Readme::InArchive
    }

    fn search_request(&self, registry: Registry<'_>, text: &str, size: usize) -> Option<OutgoingRequest> {
        upstream::search_request(registry, text, size, 0)
    }

    fn found(&self, answer: &[u8]) -> Vec<Find> {
        let answer: Value = json::read(answer).unwrap_or_default();
        let objects = answer["objects"].as_array().into_iter().flatten();
        objects.map(|object| text::find(&object["package"], "name", "version")).collect()
    }

    fn upstream_forms(&self) -> &'static [UpstreamForm] {
        &[Form::ABBREVIATED, Form::FULL]
    }

    fn listing_request(
        &self,
        registry: Registry<'_>,
        package: &Package,
        form: UpstreamForm,
    ) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
        Ok(upstream::listing_request(registry.location, package, Form::of(form)))
    }

    fn decoder(
        &self,
        _: Registry<'_>,
        package: &Package,
        form: UpstreamForm,
        url: &Url,
        content_type: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
        Ok(Box::new(upstream::PackumentDecoder::new(package, Form::of(form), url, content_type)?))
    }

    fn renderer(&self, package: &Package, form: service::Form, root: &str) -> Box<dyn ListingRenderer> {
        Box::new(listing::PackumentRenderer::new(package, Form::of(form.upstream), root))
    }
}

impl Protocol for Npm {
    const ID: ProtocolId = ProtocolId::new("npm");
    const ECOSYSTEM: &'static dyn Ecosystem = &Self;
    const ROOT: &'static str = "npm/registry/";
    const RESOURCES: &'static str = include_str!("route/resources.txt");
    const AT_HOST_ROOT: bool = true;
    const IDENTITY_PATHS: &'static [&'static str] = &["-/npm/v1/oidc/"];
    type Endpoint = route::Endpoint;

    fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Self::Endpoint> {
        route::route(method, tail, query)
    }

    fn action(endpoint: &Self::Endpoint) -> Option<Action> {
        route::action(endpoint)
    }

    fn is_login(endpoint: &Self::Endpoint) -> bool {
        matches!(endpoint, route::Endpoint::LegacyLogin { .. })
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

    fn status_override(error: &Error) -> Option<http::StatusCode> {
        error::status(error)
    }
}
