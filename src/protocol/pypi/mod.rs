//! PyPI: the index that pip, uv, poetry and pdm install from, and the upload API of twine, uv, poetry, flit and hatch.
//!
//! | Path below `pypi/` | What |
//! |---|---|
//! | `simple/`, `simple/{name}/` | the index, as HTML and as JSON |
//! | `download/{name}/{version}/{file}` | wheels and sdists; beside them `{wheel}.metadata` and `{file}.provenance` |
//! | `upload/`, `legacy/` | uploads |
//! | `{name}/json`, `{name}/{version}/json` | project JSON; below `pypi/pypi/`, too |
//! | `integrity/{name}/{version}/{file}/provenance` | provenance, by its address on the public index |
//!
//! Specification: [the simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/)
//! (PEP 503, 592, 658, 691, 700, 708, 714, 740, 792), [the upload API](https://docs.pypi.org/api/upload/). In scope: all
//! of that. Out of scope: XML-RPC (a clean fault), signatures by GPG, trusted publishing, search.
//!
//! A version has several files. Metadata and provenance are files of it as well, companions of theirs, so that views,
//! deleting and saving hold for them without another word.
//!
//! `route` reads paths, `name` names, `wire` documents, `upstream` other indexes' pages, `listing` writes ours,
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
pub(super) struct PyPi;

impl PyPi {
    /// The one document that indexes have of a package: a page, in whichever form they have it.
    const PAGE: UpstreamForm = UpstreamForm("page");
}

impl Ecosystem for PyPi {
    fn protocol(&self) -> ProtocolId {
        Self::ID
    }

    fn package(&self, text: &str) -> Result<Package> {
        name::parse(text)
    }

    fn source_root(&self) -> &'static str {
        "pypi/simple/"
    }

    fn version(&self, text: &str) -> Option<Version> {
        name::parse_version(text)
    }

    fn title(&self) -> &'static str {
        "PyPi"
    }

    fn compare(&self, left: &str, right: &str) -> Ordering {
        name::parse_pep440(left).cmp(&name::parse_pep440(right))
    }

    fn is_prerelease(&self, version: &str) -> bool {
        name::parse_pep440(version).is_some_and(|version| version.any_prerelease())
    }

    fn describe(&self, manifest: &Value) -> Description {
        wire::describe(manifest)
    }

    fn content_path(&self, package: &Package, version: &Version, file: Option<&str>) -> Option<String> {
        Some(format!("download/{}/{version}/{}", package.key(), file?))
    }

    fn readme(&self, _: &Package, _: &Version) -> Readme {
        Readme::Behind(name::METADATA)
    }

    fn upstream_forms(&self) -> &'static [UpstreamForm] {
        &[Self::PAGE]
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
        _: Registry<'_>,
        package: &Package,
        _: UpstreamForm,
        url: &Url,
        content_type: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
        upstream::decoder(package, url, content_type)
    }

    fn renderer(&self, package: &Package, form: Form, root: &str) -> Box<dyn ListingRenderer> {
        Box::new(listing::PageRenderer::new(package, form.content_type != wire::JSON, root))
    }
}

impl Protocol for PyPi {
    const ID: ProtocolId = ProtocolId::new("pypi");
    const ECOSYSTEM: &'static dyn Ecosystem = &Self;
    const ROOT: &'static str = "pypi/";
    const RESOURCES: &'static str = include_str!("route/resources.txt");
    const IDENTITY_PATHS: &'static [&'static str] = &["_/oidc/"];
    type Endpoint = route::Endpoint;

    fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Self::Endpoint> {
        route::route(method, tail, query)
    }

    fn action(endpoint: &Self::Endpoint) -> Option<Action> {
        route::action(endpoint)
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
