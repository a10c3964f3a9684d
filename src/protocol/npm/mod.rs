//! npm: the registry API that npm, pnpm, yarn, bun and deno speak.
//!
//! | Path below `npm/registry/` | What |
//! |---|---|
//! | `{name}` | listing: full, or abbreviated for installing; publish, deprecate, star (`PUT`) |
//! | `{name}/{version or tag}` | one manifest |
//! | `{name}/-/{file}` | tarball |
//! | `{name}/-rev/{rev}`, `{name}/-/{file}/-rev/{rev}` | unpublish |
//! | `-/package/{name}/dist-tags[/{tag}]` | dist-tags |
//! | `-/v1/search`, `-/whoami`, `-/ping`, `-/user/…`, `-/npm/v1/…` | search, login, audit, keys, attestations |
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
use crate::model::{Action, PackageName, ProtocolId, Version};
use crate::platform::{Body, Platform};
use crate::service::{Ecosystem, FeedContext};
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

impl Ecosystem for Npm {
    const PROTOCOL: ProtocolId = ProtocolId::new("npm");
    type Form = Form;
    const RESOLVING_FORM: Form = Form::Abbreviated;
    const FORMS: &'static [Form] = &[Form::Abbreviated, Form::Full];
    type Decoder = upstream::PackumentDecoder;
    type Renderer = listing::PackumentRenderer;

    fn form_name(form: Form) -> &'static str {
        match form {
            Form::Abbreviated => "abbreviated",
            Form::Full => "full",
        }
    }

    fn content_type(form: Form) -> &'static str {
        match form {
            Form::Abbreviated => wire::ABBREVIATED,
            Form::Full => "application/json",
        }
    }

    fn listing_request(location: &Url, package: &PackageName, form: Form) -> Option<(Url, &'static str)> {
        upstream::listing_request(location, package, form)
    }

    fn decoder(
        package: &PackageName,
        form: Form,
        url: &Url,
        content_type: &str,
    ) -> std::result::Result<Self::Decoder, UpstreamFault> {
        upstream::PackumentDecoder::new(package, form, url, content_type)
    }

    fn renderer(package: &PackageName, form: Form, root: &str) -> Self::Renderer {
        listing::PackumentRenderer::new(package, form, root)
    }

    fn version(text: &str) -> Option<Version> {
        name::parse_version(text).ok()
    }
}

impl Protocol for Npm {
    const ROOT: &'static str = "npm/registry/";
    const AT_HOST_ROOT: bool = true;
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

    fn package_name(text: &str) -> Result<PackageName> {
        name::parse(text)
    }
}
