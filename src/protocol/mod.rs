//! Languages: one folder per ecosystem, with identical files, and the table of them.
//!
//! A protocol parses paths into a closed set of endpoints, says what right each needs, calls services, and words its
//! errors. It never mentions another one, and nothing outside this folder names one.

mod cargo;
pub mod catalogue;
mod npm;
mod pypi;

use crate::error::{Error, Result};
use crate::model::{Action, ProtocolId};
use crate::platform::{Body, Platform};
use crate::service::download::Artifact;
use crate::service::{Ecosystem, FeedContext};
use crate::store::rendered::Rendered;
use bytes::Bytes;
use http::{Method, Request, StatusCode};

/// What a handler answers; `server/respond.rs` makes a response of it, so that conditional requests, ranges, `HEAD` and
/// compression are handled once for all protocols.
pub enum Answer<P> {
    /// A rendered listing.
    Listing(Rendered),
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

    /// Its root below a feed's base URL, lower case, with a trailing slash; compared without case.
    const ROOT: &'static str;

    /// Does it also answer at the very root of a host of its own?
    const AT_HOST_ROOT: bool = false;

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
        request: Request<Body>,
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
}

/// Something to be done with a protocol that is known only at run time.
pub trait Visit {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<T: Protocol>(self) -> impl Future<Output = Self::Output>;
}

/// What is known of a protocol at run time.
pub struct Entry {
    /// Its id.
    pub id: ProtocolId,
    /// Its root below a feed's base URL.
    pub root: &'static str,
    /// Does it also answer at the very root of a host of its own?
    pub at_host_root: bool,
    /// What services know of it.
    pub ecosystem: &'static dyn Ecosystem,
}

macro_rules! protocols {
    ($($protocol:ty),+ $(,)?) => {
        /// All protocols.
        pub const PROTOCOLS: &[Entry] = &[$(Entry {
            id: <$protocol>::ID,
            root: <$protocol>::ROOT,
            at_host_root: <$protocol>::AT_HOST_ROOT,
            ecosystem: <$protocol>::ECOSYSTEM,
        }),+];

        /// Does something with the protocol of that id; `None` if there is no such protocol.
        pub async fn visit<V: Visit>(id: &str, visitor: V) -> Option<V::Output> {
            $(
                if id.eq_ignore_ascii_case(<$protocol>::ID.as_str()) {
                    return Some(visitor.visit::<$protocol>().await);
                }
            )+
            None
        }
    };
}

protocols![npm::Npm, pypi::PyPi, cargo::Cargo];

/// The ecosystem of that id, in any case.
pub fn ecosystem(id: &str) -> Option<&'static dyn Ecosystem> {
    PROTOCOLS.iter().find(|entry| entry.id.as_str().eq_ignore_ascii_case(id)).map(|entry| entry.ecosystem)
}
