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

use super::{Answer, Protocol};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Action, ProtocolId, Version};
use crate::platform::{Body, Platform};
use crate::service::{
    self, Ecosystem, FeedContext, ListingDecoder, ListingRenderer, Package, Registry, UpstreamForm,
};
use bytes::Bytes;
use http::{Method, Request};
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
        request: Request<Body>,
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
