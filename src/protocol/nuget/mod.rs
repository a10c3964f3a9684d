//! NuGet: the v3 API of nuget.exe, dotnet, Visual Studio and Paket, and the OData of nuget 2, Chocolatey and PowerShell.
//!
//! | Path below `nuget/` | What |
//! |---|---|
//! | `v3/index.json` | where everything is |
//! | `v3/flat2/{id}/index.json` | the numbers of all versions |
//! | `v3/flat2/{id}/{version}/{id}.{version}.nupkg` | a package; `….snupkg`: its symbols; `{id}.nuspec`, `icon`, `readme`, `license`: what is in it |
//! | `v3/registrations…/{id}/index.json` | what is known of all versions, in three hives, beyond 128 versions in pages |
//! | `v3/query`, `v3/autocomplete` | search |
//! | `v3/package`, `v3/symbolpackage` | push (`PUT`) |
//! | `v3/package/{id}/{version}` | unlist (`DELETE`), relist (`POST`) |
//! | `v3/vulnerabilities/index.json` | known vulnerabilities, passed through from upstream |
//! | `v3/about/…` | pages for people |
//! | `v2/`, `v2/$metadata` | what OData offers |
//! | `v2/FindPackagesById()`, `v2/Packages()`, `v2/Search()`, `v2/GetUpdates()` | questions; with `/$count`, their number |
//! | `v2/package/{id}/{version}` | a package |
//!
//! Specification: [the server API](https://learn.microsoft.com/nuget/api/overview), [the manifest](https://learn.microsoft.com/nuget/reference/nuspec),
//! [OData 2](https://www.odata.org/documentation/odata-version-2-0/uri-conventions/). All of v3 is below the folder of its
//! index, since clients send credentials only there unasked. Out of scope: a symbol server, the catalog, signatures of a
//! repository, `$batch`: a clean 404.
//!
//! What is in a package (manifest, icon, readme, license) is read from it when it is asked for, not kept beside it.
//!
//! `route` reads paths, `name` ids and versions, `wire` documents, `upstream` other registries, `listing` writes ours,
//! `handlers` answer, `error` words refusals.

mod error;
mod handlers;
mod listing;
mod name;
mod route;
mod upstream;
mod wire;

use super::{Answer, Protocol, text};
use crate::error::{Error, Missing, Result, UpstreamFault};
use crate::model::{Action, Digest, ProtocolId, Version, json};
use crate::platform::{OutgoingRequest, Platform, Request};
use crate::service::description::{Description, Find, Readme};
use crate::service::{
    Ecosystem, FeedContext, Form, ListingDecoder, ListingRenderer, Package, Registry, UpstreamForm,
};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use std::cmp::Ordering;
use url::Url;

/// The protocol.
pub(super) struct NuGet;

/// The one document of versions there is: all that is known of them.
const VERSIONS: UpstreamForm = UpstreamForm("versions");

impl Ecosystem for NuGet {
    fn protocol(&self) -> ProtocolId {
        Self::ID
    }

    fn package(&self, text: &str) -> Result<Package> {
        name::parse(text)
    }

    fn source_root(&self) -> &'static str {
        "nuget/v3/index.json"
    }

    fn version(&self, text: &str) -> Option<Version> {
        name::parse_version(text)
    }

    fn title(&self) -> &'static str {
        "NuGet"
    }

    fn compare(&self, left: &str, right: &str) -> Ordering {
        let order = |version| name::Number::parse(version).map(|number| number.order().to_owned());
        order(left).cmp(&order(right))
    }

    fn is_prerelease(&self, version: &str) -> bool {
        name::Number::parse(version).is_some_and(|number| number.is_prerelease())
    }

    fn describe(&self, manifest: &Value) -> Description {
        wire::describe(manifest)
    }

    fn filters_lists(&self) -> bool {
        true
    }

    fn content_path(&self, package: &Package, version: &Version, file: Option<&str>) -> Option<String> {
        let archive = name::archive(package, version).ok()?;
        file.is_none().then(|| format!("v3/flat2/{}/{}/{archive}", package.key(), version.key()))
    }

    fn readme(&self, package: &Package, version: &Version) -> Readme {
        Readme::At(format!("v3/flat2/{}/{}/readme", package.key(), version.key()))
    }

    fn search_request(&self, registry: Registry<'_>, text: &str, size: usize) -> Option<OutgoingRequest> {
        let (text, package_type) = (text.to_owned(), String::new());
        let search = route::Search { text, from: 0, size, prerelease: true, semver2: true, package_type };
        upstream::search_request(registry, &search)
    }

    fn found(&self, answer: &[u8]) -> Vec<Find> {
        let found = upstream::read_search(answer).map(|found| found.packages).unwrap_or_default();
        found.into_iter().map(|members| text::find(&members.into(), "id", "version")).collect()
    }

    fn upstream_forms(&self) -> &'static [UpstreamForm] {
        &[VERSIONS]
    }

    fn description_request(&self, location: &Url) -> Option<(Url, &'static str)> {
        upstream::description_request(location)
    }

    fn is_description(&self, document: &[u8]) -> bool {
        upstream::is_description(document)
    }

    fn listing_request(
        &self,
        registry: Registry<'_>,
        package: &Package,
        _: UpstreamForm,
    ) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
        upstream::listing_request(registry, package)
    }

    fn decoder(
        &self,
        registry: Registry<'_>,
        package: &Package,
        _: UpstreamForm,
        url: &Url,
        content_type: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
        upstream::decoder(registry, package, url, content_type)
    }

    fn read_checksum(&self, document: &[u8]) -> Option<Digest> {
        wire::declared(&json::read(document).ok()?)
    }

    fn renderer(&self, package: &Package, form: Form, root: &str) -> Box<dyn ListingRenderer> {
        Box::new(listing::VersionsRenderer::new(package, form, root))
    }
}

impl Protocol for NuGet {
    const ID: ProtocolId = ProtocolId::new("nuget");
    const ECOSYSTEM: &'static dyn Ecosystem = &Self;
    const ROOT: &'static str = "nuget/";
    const RESOURCES: &'static str = include_str!("route/resources.txt");
    type Endpoint = route::Endpoint;

    fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Self::Endpoint> {
        route::route(method, tail, query)
    }

    fn action(endpoint: &Self::Endpoint) -> Option<Action> {
        endpoint.action()
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

    /// Not of what is only not here: clients look in several places, and find it in another one. Not of a 401, on which
    /// they ask for credentials and try again.
    fn warning_header(error: &Error) -> Option<&'static str> {
        match error {
            Error::NotFound(Missing::PackageNotSaved(..)) => Some(error::WARNING),
            Error::NotFound(_) | Error::Unauthenticated(_) => None,
            _ => Some(error::WARNING),
        }
    }
}
