//! The one error of every layer above the platform: what is true, never a status.
//!
//! Statuses are `server/status.rs`'s, bodies are each protocol's `error.rs`'s, the log line is `server/log.rs`'s.

use crate::model::{Action, Authority, FeedLocator, UpstreamSource};
use crate::platform::PlatformError;
use std::time::Duration;

/// What every fallible function above the platform answers. The error is boxed because it is handed through every `?` of
/// every caller, by code that is the larger the larger the error is: it was 3 % of the program.
pub type Result<T, E = Box<Error>> = std::result::Result<T, E>;

/// Why a request could not be served. The text is for the caller, except [`Error::Platform`]'s, which is never sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The caller must say who it is.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller may not do that.
    #[error("{0}")]
    Forbidden(String),
    /// It is not there.
    #[error("{0}")]
    NotFound(Missing),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(Conflict),
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The request is too large.
    #[error("{what} is over the limit of {limit} bytes")]
    TooLarge {
        /// What is.
        what: &'static str,
        /// Bytes.
        limit: u64,
    },
    /// That path does not take this method.
    #[error("this address answers {allow} only")]
    MethodNotAllowed {
        /// For the `Allow` header.
        allow: &'static str,
    },
    /// The state the caller described is not the present one.
    #[error("{0}")]
    PreconditionFailed(String),
    /// An upstream source did not do its part.
    #[error("upstream source `{name}` {fault}")]
    Upstream {
        /// The source's name.
        name: String,
        /// What it did.
        fault: UpstreamFault,
    },
    /// Our own storage did not do its part.
    #[error("{0}")]
    Platform(#[from] PlatformError),
    /// A stored record does not read back: our fault, whatever the caller sent.
    #[error("stored record `{key}` is damaged: {reason}")]
    Damaged {
        /// Its key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No such address.
    #[error("nothing answers on this address{0}")]
    Endpoint(String),
    /// No such organization.
    #[error("organization `{0}` does not exist")]
    Organization(String),
    /// No such feed, or none this caller may know of.
    #[error("feed `{0}` does not exist")]
    Feed(String),
    /// No such view.
    #[error("feed `{feed}` has no view `{view}`")]
    View {
        /// The feed.
        feed: String,
        /// The view.
        view: String,
    },
    /// No such package.
    #[error("package `{0}` is not in this feed, nor in its upstream sources")]
    Package(String),
    /// No such package for a caller who sees local versions only.
    #[error("package `{0}` has no version in this feed yet; {1}")]
    PackageNotSaved(String, String),
    /// No such version.
    #[error("`{0}` has no version `{1}` here")]
    Version(String, String),
    /// The version is in the recycle bin, or beyond.
    #[error("`{0}` {1} was deleted from this feed; its number is never used again")]
    Deleted(String, String),
    /// No such file.
    #[error("`{0}` has no file `{1}`")]
    Artifact(String, String),
    /// Tokens in exchange for the identity of a pipeline.
    #[error(
        "trusted publishing is not offered here: publish with a token that is Contributor on the feed, kept among the \
         secrets of the pipeline"
    )]
    TrustedPublishing,
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// What a write contradicts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The number is taken.
    #[error("`{0}` {1} is already in this feed; a version never changes, publish a new number")]
    VersionExists(String, String),
    /// The name of a file is taken within its version.
    #[error("`{name}` is already in this feed; a file never changes, publish a new version")]
    FileExists {
        /// The file.
        name: String,
        /// Was the very same file pushed again?
        identical: bool,
    },
    /// The number was used once.
    #[error("`{0}` {1} was deleted from this feed; its number is never used again, publish a new one")]
    VersionDeleted(String, String),
    /// An upstream source offers the number.
    #[error(
        "`{package}` {version} exists in the upstream source `{source_name}`; publishing it here would hide that one \
         (an owner can set `allowUpstreamNameConflict`)"
    )]
    ExistsUpstream {
        /// The package.
        package: String,
        /// The number.
        version: String,
        /// Who offers it.
        source_name: String,
    },
    /// The name is taken.
    #[error("{0} already exists")]
    NameTaken(String),
    /// Views are read-only.
    #[error("a view is read-only: publish to the feed itself, without `@{0}`, and promote")]
    ReadOnlyView(String),
    /// Somebody else changed it at the same time, again and again.
    #[error("`{0}` is being changed by others; try again")]
    Contended(String),
    /// Another state than the operation needs.
    #[error("{0}")]
    Other(String),
}

/// What an upstream source did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    /// No connection, or it broke.
    #[error("cannot be reached ({0})")]
    Unreachable(String),
    /// No answer in time.
    #[error("did not answer in time")]
    TimedOut,
    /// An answer that is no answer.
    #[error("answered {0}")]
    Status(u16),
    /// It does not let us in, although it was shown credentials.
    #[error("refuses our credentials (it answered {0})")]
    Denied(u16),
    /// It does not let us in, and was shown no credentials.
    #[error("wants credentials (it answered {0})")]
    WantsCredentials(u16),
    /// Nobody here can read the credentials that are stored for it.
    #[error(
        "cannot be asked: its credentials were sealed under another CREDENTIALS_KEY than this deployment has; an owner of \
         the feed can send them again"
    )]
    Locked,
    /// Asks for patience.
    #[error("asks to slow down")]
    Throttled(Option<Duration>),
    /// An answer we cannot read.
    #[error("sent an answer that cannot be read ({0})")]
    Malformed(String),
    /// Bytes that are not what its listing declared: nothing was stored.
    #[error("sent `{0}` with bytes that are not those its listing declares; nothing was saved")]
    Integrity(String),
    /// Other bytes than it had before: nothing was stored.
    #[error("now has `{0}` with other bytes than were saved from it before; nothing was saved")]
    Changed(String),
    /// Over our limits.
    #[error("sent more than {0} bytes")]
    TooLarge(u64),
    /// An address we do not go to.
    #[error("leads to an address that is not allowed ({0})")]
    Refused(String),
}

impl From<PlatformError> for Box<Error> {
    fn from(error: PlatformError) -> Self {
        Self::new(Error::Platform(error))
    }
}

impl Error {
    /// The caller lacks a right: a challenge for those without a token, a refusal for the others. Says what is
    /// missing and who can give it.
    pub fn lacks(action: Action, what: &str, authority: Authority, feed: &FeedLocator) -> Self {
        let role = action.least_role().title();
        let text = format!(
            "{what} needs {role} on feed `{}`; {}. An owner of the feed can grant it.",
            feed.feed,
            authority.describe()
        );
        if authority.scope.is_none() { Self::Unauthenticated(text) } else { Self::Forbidden(text) }
    }

    /// A source did not do its part.
    pub fn upstream(source: &UpstreamSource, fault: UpstreamFault) -> Box<Self> {
        Box::new(Self::Upstream { name: source.name.clone(), fault })
    }

    /// A source sent something that cannot be read, or leads nowhere.
    pub fn malformed(source: &UpstreamSource, what: impl Into<String>) -> Box<Self> {
        Self::upstream(source, UpstreamFault::Malformed(what.into()))
    }

    /// Nothing at this address, with a remark.
    pub fn no_endpoint() -> Self {
        Self::NotFound(Missing::Endpoint(String::new()))
    }

    /// Is this our fault or an upstream's, so that the same request may succeed later?
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Upstream { .. } | Self::Platform(_) | Self::Conflict(Conflict::Contended(_)))
    }
}
