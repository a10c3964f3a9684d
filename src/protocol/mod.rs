//! Languages: one folder per ecosystem, with identical files, and the table of them.
//!
//! A protocol parses paths into a closed set of endpoints, says what right each needs, calls services, and words its
//! errors. It never mentions another one, and nothing outside this folder names one.

mod cargo;
pub mod catalogue;
mod maven;
mod npm;
mod nuget;
mod pypi;
mod text;
mod universal;

use crate::error::{Error, Result};
use crate::model::{Action, ProtocolId};
use crate::platform::{Platform, Request};
use crate::service::download::Artifact;
use crate::service::{Ecosystem, FeedContext};
use crate::store::rendered::Rendered;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use http::{Method, StatusCode};

/// What a handler answers; `server/respond.rs` makes a response of it, so that conditional requests, ranges, `HEAD` and
/// compression are handled once for all protocols.
pub enum Answer<P> {
    /// A rendered listing.
    Listing(Rendered),
    /// A rendered listing for clients that take it compressed, whatever they say.
    CompressedListing(Rendered),
    /// A file.
    Artifact {
        /// The file.
        artifact: Artifact<P>,
        /// Its media type.
        content_type: &'static str,
    },
    /// A document made for this request.
    Document {
        /// The status.
        status: StatusCode,
        /// Its media type.
        content_type: &'static str,
        /// Its content.
        body: Bytes,
    },
    /// Another spelling of an address, for good.
    Moved {
        /// The right one, on the caller's own scheme, host and prefix.
        location: String,
    },
}

impl<P> Answer<P> {
    /// A JSON document.
    pub fn json(status: StatusCode, value: &impl serde::Serialize) -> Result<Self> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Error::Damaged { key: "answer".to_owned(), reason: error.to_string() })?;
        Ok(Self::Document { status, content_type: "application/json", body: body.into() })
    }
}

/// One protocol, seen from the server.
pub trait Protocol {
    /// Its id, as in URLs and stored keys.
    const ID: ProtocolId;

    /// What services know of it.
    const ECOSYSTEM: &'static dyn Ecosystem;

    /// Its root below a feed's base URL as links spell it, with a trailing slash; compared without case.
    const ROOT: &'static str;

    /// Does it also answer at the very root of a host of its own?
    const AT_HOST_ROOT: bool = false;

    /// Where clients exchange the identity of a pipeline for a token: prefixes of paths of the host itself, whatever
    /// the address of the feed.
    const IDENTITY_PATHS: &'static [&'static str] = &[];

    /// Where the REST surface has its packages, as clients discover it: a line with the id and the name of its area,
    /// then one per resource, with its id, its name, and its path below `/_apis/packaging/`.
    const RESOURCES: &'static str = "";

    /// All it answers.
    type Endpoint;

    /// Reads method, undecoded path below the root, and query.
    fn route(method: &Method, tail: &str, query: Option<&str>) -> Result<Self::Endpoint>;

    /// The right an endpoint needs; `None` if the caller need only have any right to the feed at all.
    fn action(endpoint: &Self::Endpoint) -> Option<Action>;

    /// Does this endpoint check credentials of its own, so that it is open to callers without any right?
    fn is_login(_endpoint: &Self::Endpoint) -> bool {
        false
    }

    /// The endpoint's name in the log.
    fn endpoint_name(endpoint: &Self::Endpoint) -> &'static str;

    /// Answers.
    fn handle<P: Platform>(
        context: &FeedContext<P>,
        endpoint: Self::Endpoint,
        request: Request,
    ) -> impl Future<Output = Result<Answer<P>>>;

    /// Words a refusal so that this protocol's clients show `message`: media type and body.
    fn error_body(error: &Error, message: &str) -> (&'static str, Bytes);

    /// Overrides the status of an error, where this protocol's clients need another than the table's.
    fn status_override(_error: &Error) -> Option<StatusCode> {
        None
    }

    /// A challenge of this protocol's own for a 401, beside `Basic`; `root` is its root as the caller came to it.
    fn challenge(_root: &str) -> Option<String> {
        None
    }

    /// A header in which this protocol's clients look for a text to show, if they should show that of this refusal.
    fn warning_header(_error: &Error) -> Option<&'static str> {
        None
    }
}

/// What a request asks of its protocol: a route as a value, with the one way to answer it.
pub struct Asked<P> {
    /// The endpoint's name in the log.
    pub name: &'static str,
    /// The right it needs; `None` if the caller need only have any right to the feed at all.
    pub action: Option<Action>,
    /// Does it check credentials of its own?
    pub is_login: bool,
    answer: Handler<P>,
}

type Handler<P> = Box<dyn FnOnce(FeedContext<P>, Request) -> Answering<P>>;
type Answering<P> = LocalBoxFuture<'static, Result<Answer<P>>>;

impl<P: Platform> Asked<P> {
    fn of<T: Protocol + 'static>(method: &Method, tail: &str, query: Option<&str>) -> Result<Self> {
        let endpoint = T::route(method, tail, query)?;
        Ok(Self {
            name: T::endpoint_name(&endpoint),
            action: T::action(&endpoint),
            is_login: T::is_login(&endpoint),
            answer: Box::new(|context, request| {
                async move { T::handle(&context, endpoint, request).await }.boxed_local()
            }),
        })
    }

    /// Answers it, once the caller's right was looked at.
    pub async fn answer(self, context: FeedContext<P>, request: Request) -> Result<Answer<P>> {
        (self.answer)(context, request).await
    }
}

/// What is known of a protocol at run time.
pub struct Entry {
    /// Its id.
    pub id: ProtocolId,
    /// Its root below a feed's base URL.
    pub root: &'static str,
    /// Does it also answer at the very root of a host of its own?
    pub at_host_root: bool,
    /// [`Protocol::IDENTITY_PATHS`].
    pub identity_paths: &'static [&'static str],
    /// [`Protocol::RESOURCES`].
    pub resources: &'static str,
    /// What services know of it.
    pub ecosystem: &'static dyn Ecosystem,
    /// [`Protocol::error_body`].
    pub error_body: fn(&Error, &str) -> (&'static str, Bytes),
    /// [`Protocol::status_override`].
    pub status_override: fn(&Error) -> Option<StatusCode>,
    /// [`Protocol::challenge`].
    pub challenge: fn(&str) -> Option<String>,
    /// [`Protocol::warning_header`].
    pub warning_header: fn(&Error) -> Option<&'static str>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Entry {}

impl std::fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.id.fmt(formatter)
    }
}

macro_rules! protocols {
    ($($protocol:ty),+ $(,)?) => {
        /// All protocols.
        pub const PROTOCOLS: &[Entry] = &[$(Entry {
            id: <$protocol>::ID,
            root: <$protocol>::ROOT,
            at_host_root: <$protocol>::AT_HOST_ROOT,
            identity_paths: <$protocol>::IDENTITY_PATHS,
            resources: <$protocol>::RESOURCES,
            ecosystem: <$protocol>::ECOSYSTEM,
            error_body: <$protocol>::error_body,
            status_override: <$protocol>::status_override,
            challenge: <$protocol>::challenge,
            warning_header: <$protocol>::warning_header,
        }),+];

        /// Reads method, undecoded path below the protocol's root, and query.
        pub fn route<P: Platform>(
            protocol: &Entry,
            method: &Method,
            tail: &str,
            query: Option<&str>,
        ) -> Result<Asked<P>> {
            $(
                if protocol.id == <$protocol>::ID {
                    return Asked::of::<$protocol>(method, tail, query);
                }
            )+
            Err(Error::no_endpoint().into())
        }
    };
}

protocols![npm::Npm, nuget::NuGet, pypi::PyPi, maven::Maven, cargo::Cargo, universal::Universal];

/// The ecosystem of that id, in any case.
pub fn ecosystem(id: &str) -> Option<&'static dyn Ecosystem> {
    PROTOCOLS.iter().find(|entry| entry.id.as_str().eq_ignore_ascii_case(id)).map(|entry| entry.ecosystem)
}
