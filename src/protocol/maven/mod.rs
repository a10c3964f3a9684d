//! Maven: a repository as Maven, Gradle, Ivy, sbt and others use it, for reading and for deploying.
//!
//! | Path below `maven/v1/` | What |
//! |---|---|
//! | `{group}/{artifact}/{version}/{file}` | a file of a version: read, deployed (`PUT`); dots of the group are slashes |
//! | `{group}/{artifact}/maven-metadata.xml` | the versions of an artifact |
//! | `{group}/maven-metadata.xml` | the plugins of a group, by the prefixes they are called by |
//! | `{group}/{artifact}/{version}-SNAPSHOT/maven-metadata.xml` | the builds of a snapshot |
//! | any of these with `.md5`, `.sha1`, `.sha256`, `.sha512` | what it hashes to |
//! | `archetype-catalog.xml` | the archetypes published here |
//!
//! Specification: [layout](https://maven.apache.org/repository/layout.html),
//! [metadata](https://maven.apache.org/ref/current/maven-repository-metadata/repository-metadata.html),
//! [checksums](https://maven.apache.org/resolver/about-checksums.html). In scope: all of that; signatures, classifiers and
//! Gradle's module metadata are files like others. Out of scope: listings of folders, the index of a repository, staging,
//! remote repository filters: a clean 404.
//!
//! A file of a release never changes, and more files may come. A snapshot keeps every deployed build, up to
//! [`handlers::KEPT_BUILDS`] of them, and is never looked for in any source. Metadata is ours: what clients deploy of it is
//! accepted and thrown away, but for the plugins that it names. Checksums are never stored: they are what the slot knows, and a
//! deployed one is compared with that.
//!
//! `route` reads paths, `name` names, `wire` documents, `upstream` other repositories, `listing` writes metadata, `handlers`
//! answer, `error` words refusals.

mod error;
mod handlers;
mod listing;
mod name;
mod route;
mod upstream;
mod wire;

use super::{Answer, Protocol};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Action, ArtifactName, Digest, ProtocolId, Version};
use crate::platform::{Headers, Platform, Request};
use crate::service::{
    Ecosystem, FeedContext, Form, ListingDecoder, ListingRenderer, Package, Registry, UpstreamForm,
};
use crate::store::listing_codec::OfferedArtifact;
use bytes::Bytes;
use http::Method;
use std::cmp::Ordering;
use url::Url;

/// The protocol.
pub(super) struct Maven;

/// The one document that repositories have of an artifact, or of a group.
const UPSTREAM_METADATA: UpstreamForm = UpstreamForm("metadata");
/// And ours.
const METADATA: Form =
    Form { name: "metadata", content_type: wire::XML, upstream: UPSTREAM_METADATA, part: 0 };

impl Ecosystem for Maven {
    fn protocol(&self) -> ProtocolId {
        Self::ID
    }

    fn package(&self, text: &str) -> Result<Package> {
        name::parse(text)
    }

    fn management_words(&self) -> &'static [&'static str] {
        &["groups", "artifacts"]
    }

    fn source_root(&self) -> &'static str {
        "maven/v1/"
    }

    fn version(&self, text: &str) -> Option<Version> {
        name::parse_version(text)
    }

    fn is_local_only(&self, version: &Version) -> bool {
        name::is_snapshot(version.key())
    }

    fn title(&self) -> &'static str {
        "Maven"
    }

    fn compare(&self, left: &str, right: &str) -> Ordering {
        name::order::Order::of(left).compare(&name::order::Order::of(right))
    }

    fn is_prerelease(&self, version: &str) -> bool {
        name::is_snapshot(version)
    }

    fn content_path(&self, package: &Package, version: &Version, file: Option<&str>) -> Option<String> {
        let folder: Vec<&str> = name::folder(package).collect();
        Some(format!("{}/{version}/{}", folder.join("/"), file?))
    }

    fn upstream_forms(&self) -> &'static [UpstreamForm] {
        &[UPSTREAM_METADATA]
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
        _: &Url,
        _: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
        Ok(Box::new(upstream::MetadataDecoder::new(package)))
    }

    fn unlisted(
        &self,
        location: &Url,
        package: &Package,
        version: &Version,
        file: Option<&ArtifactName>,
    ) -> Option<OfferedArtifact> {
        match file {
            Some(file) => upstream::file(location, package, version, file),
            None => upstream::file(location, package, version, &name::main_file(package, version, "pom")?),
        }
    }

    fn declared(&self, headers: &Headers) -> Vec<Digest> {
        upstream::declared(headers)
    }

    fn read_checksum(&self, document: &[u8]) -> Option<Digest> {
        wire::read_checksum(document, crate::model::Algorithm::Sha1)
    }

    fn is_hashed_apart(&self) -> bool {
        true
    }

    fn renderer(&self, package: &Package, _: Form, _: &str) -> Box<dyn ListingRenderer> {
        match name::coordinates(package) {
            (_, Some(_)) => Box::new(listing::VersionsRenderer::new(package)),
            (_, None) => Box::new(listing::PluginsRenderer::default()),
        }
    }
}

impl Protocol for Maven {
    const ID: ProtocolId = ProtocolId::new("maven");
    const ECOSYSTEM: &'static dyn Ecosystem = &Self;
    const ROOT: &'static str = "maven/v1/";
    const RESOURCES: &'static str = include_str!("route/resources.txt");
    type Endpoint = route::Endpoint;

    fn route(method: &Method, tail: &str, _: Option<&str>) -> Result<Self::Endpoint> {
        route::route(method, tail)
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
        handlers::handle(context, endpoint, request.body).await
    }

    fn error_body(error: &Error, message: &str) -> (&'static str, Bytes) {
        error::body(error, message)
    }
}
