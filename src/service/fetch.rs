//! Fetching from upstream sources: credentials, redirects, refused addresses, and what failures mean.

use super::{FeedContext, Settings};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{Credentials, UpstreamSource};
use crate::platform::{
    Body, Headers, HttpClient as _, OutgoingRequest, OutgoingResponse, Platform, PlatformError, header,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use url::{Host, Url};

/// How long a source may take to answer, and then to go on.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// What says that there is nothing, as opposed to a failure.
const ABSENT: [StatusCode; 3] =
    [StatusCode::NOT_FOUND, StatusCode::GONE, StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS];

/// An answer that has a body or says that nothing changed.
pub(super) struct Fetched {
    /// 200, 304, 404, 410 or 451; other statuses are faults.
    pub(super) status: StatusCode,
    /// Headers.
    pub(super) headers: Headers,
    /// Where it came from in the end.
    pub(super) url: Url,
    /// The body.
    pub(super) body: Body,
}

impl Fetched {
    /// Is there nothing at that address?
    pub(super) fn is_absent(&self) -> bool {
        ABSENT.contains(&self.status)
    }

    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// Who goes to a source, with what it is shown: the one place through which everything goes to sources.
pub(super) struct Envoy<'a, P> {
    platform: &'a P,
    /// The source.
    pub(super) source: &'a UpstreamSource,
    credentials: Option<Credentials>,
    allow_private: bool,
}

/// Fetches from a source of a feed.
pub(super) async fn fetch<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    request: OutgoingRequest,
) -> Result<Fetched> {
    Envoy::of(context, source)?.fetch(request).await
}

impl<'a, P: Platform> Envoy<'a, P> {
    /// One who shows a source of a feed what is stored for it.
    pub(super) fn of(context: &'a FeedContext<P>, source: &'a UpstreamSource) -> Result<Self> {
        let Settings { keyring, allow_private_upstreams } = context.settings;
        let opened = |sealed| keyring.open(sealed, &source.sealed_for(&context.feed.id));
        let credentials = match source.credentials.as_ref().map(opened) {
            Some(None) => {
                return Err(Error::upstream(source, UpstreamFault::Locked));
            }
            Some(Some(opened)) => Some(opened.credentials),
            None => None,
        };
        Ok(Self::new(&context.platform, source, credentials, allow_private_upstreams))
    }

    /// One who shows a source these credentials.
    pub(super) const fn new(
        platform: &'a P,
        source: &'a UpstreamSource,
        credentials: Option<Credentials>,
        allow_private: bool,
    ) -> Self {
        Self { platform, source, credentials, allow_private }
    }

    /// Fetches. Redirects are followed, to allowed addresses only; credentials are shown to the source's own scheme, host
    /// and port, and never again after a redirect has led elsewhere.
    pub(super) async fn fetch(&self, request: OutgoingRequest) -> Result<Fetched> {
        let fault = |fault| Error::upstream(self.source, fault);
        let (method, headers) = (request.method.clone(), request.headers.clone());
        let mut credentials = self.credentials.as_ref();
        let mut next = request;
        for _ in 0..=REDIRECTS {
            let url = next.url.clone();
            permitted(&url, self.allow_private).map_err(fault)?;
            credentials = credentials.filter(|_| self.is_own(&url));
            if let Some(known) = credentials {
                next.headers.insert(header::AUTHORIZATION, known.expose());
            }
            let response = send(self.platform, next).await.map_err(|error| fault(fault_of(&error)))?;
            if !response.status.is_redirection() || response.status == StatusCode::NOT_MODIFIED {
                return settle(response, url, credentials.is_some()).map_err(fault);
            }
            let location = response.headers.get(header::LOCATION);
            let target = location.and_then(|location| url.join(location).ok());
            let target =
                target.ok_or_else(|| fault(UpstreamFault::Malformed("a redirect to nowhere".to_owned())))?;
            next = OutgoingRequest {
                method: method.clone(),
                url: target,
                headers: headers.clone(),
                body: Body::Empty,
                timeout: TIMEOUT,
            };
        }
        Err(fault(UpstreamFault::Malformed("too many redirects".to_owned())))
    }

    /// Is this an address of the source itself, at which nobody listens on the way?
    fn is_own(&self, url: &Url) -> bool {
        let own = Url::parse(&self.source.location).is_ok_and(|location| location.origin() == url.origin());
        own && is_confidential(url, self.allow_private)
    }
}

/// May credentials be sent to this address? In plain text only where development keeps its registries.
pub fn is_confidential(url: &Url, allow_private: bool) -> bool {
    url.scheme() == "https" || allow_private && is_private(url)
}

/// Sends a request; one without a body once more if its connection fails before there is an answer. A connection that was
/// kept open and has just been closed at its other end looks like that, and says nothing about the source.
async fn send<P: Platform>(
    platform: &P,
    request: OutgoingRequest,
) -> std::result::Result<OutgoingResponse, PlatformError> {
    let again = (request.method == Method::GET).then(|| OutgoingRequest {
        method: Method::GET,
        url: request.url.clone(),
        headers: request.headers.clone(),
        body: Body::Empty,
        timeout: request.timeout,
    });
    match (platform.http().send(request).await, again) {
        (Err(PlatformError::Connection(_)), Some(again)) => platform.http().send(again).await,
        (answer, _) => answer,
    }
}

/// A `GET` with an `Accept` header and the validators of what is known.
pub(super) fn get(url: Url, accept: &'static str, identity: bool) -> OutgoingRequest {
    let mut headers = Headers::new();
    headers.insert(header::ACCEPT, accept);
    headers.insert(header::USER_AGENT, concat!("edgefeed/", env!("CARGO_PKG_VERSION")));
    // Archives are stored as they come, and R2 takes no stream of unknown length, which decoding would make of them.
    let encoding = if identity { "identity" } else { "gzip" };
    headers.insert(header::ACCEPT_ENCODING, encoding);
    OutgoingRequest { method: Method::GET, url, headers, body: Body::Empty, timeout: TIMEOUT }
}

/// A `GET` of a document.
pub fn upstream_get(url: Url, accept: &'static str) -> OutgoingRequest {
    get(url, accept, false)
}

/// All of an answer's body, at most `limit` bytes.
pub(super) async fn collect(source: &UpstreamSource, body: Body, limit: usize) -> Result<Bytes> {
    body.collect(limit).await.map_err(|error| Error::upstream(source, fault_of(&error)))
}

/// What a failure of the platform means, said of a source.
pub(super) fn fault_of(error: &PlatformError) -> UpstreamFault {
    match error {
        PlatformError::TimedOut => UpstreamFault::TimedOut,
        PlatformError::TooLong(limit) => UpstreamFault::TooLarge(*limit),
        PlatformError::Refused(reason) => UpstreamFault::Refused(reason.clone()),
        PlatformError::Connection(reason) | PlatformError::Cut(reason) | PlatformError::Other(reason) => {
            UpstreamFault::Unreachable(reason.clone())
        }
        PlatformError::Contended => UpstreamFault::Unreachable("too many requests".to_owned()),
    }
}

fn settle(
    response: OutgoingResponse,
    url: Url,
    had_credentials: bool,
) -> std::result::Result<Fetched, UpstreamFault> {
    let OutgoingResponse { status, headers, body } = response;
    match status {
        StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(Fetched { status, headers, url, body }),
        absent if ABSENT.contains(&absent) => Ok(Fetched { status, headers, url, body }),
        StatusCode::TOO_MANY_REQUESTS => {
            let after = headers.get(header::RETRY_AFTER);
            Err(UpstreamFault::Throttled(after.and_then(retry_after)))
        }
        closed @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            let status = closed.as_u16();
            let fault = if had_credentials { UpstreamFault::Denied } else { UpstreamFault::WantsCredentials };
            Err(fault(status))
        }
        other => Err(UpstreamFault::Status(other.as_u16())),
    }
}

/// Seconds, as registries send it; a date is not worth a parser.
fn retry_after(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Is this an address a source may lead to? Private, link-local and loopback ones are not, or a redirect could make
/// the Worker read what only it can reach. Names are judged as written: the runtime resolves them, not we.
pub fn permitted(url: &Url, allow_private: bool) -> std::result::Result<(), UpstreamFault> {
    let refuse = |reason: &str| Err(UpstreamFault::Refused(format!("{reason}: {}", shown(url))));
    if !matches!(url.scheme(), "https" | "http") {
        return refuse("not HTTP");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("credentials in a URL");
    }
    if url.host().is_none() {
        return refuse("no host");
    }
    if is_private(url) && !allow_private { refuse("a private address") } else { Ok(()) }
}

fn is_private(url: &Url) -> bool {
    match url.host() {
        None => false,
        Some(Host::Ipv4(address)) => private_v4(address),
        Some(Host::Ipv6(address)) => private_v6(address),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost"
                || [".localhost", ".internal", ".local"].iter().any(|suffix| name.ends_with(suffix))
                || !name.contains('.')
        }
    }
}

fn private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second)) // shared address space, RFC 6598
}

fn private_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    // IPv4 in disguise: mapped, or by NAT64's well-known prefix.
    let embedded = address.to_ipv4_mapped().or_else(|| {
        let [a, b, c, d] =
            [address.octets()[12], address.octets()[13], address.octets()[14], address.octets()[15]];
        (first == 0x64 && address.segments()[1] == 0xff9b).then(|| Ipv4Addr::new(a, b, c, d))
    });
    embedded.is_some_and(private_v4)
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || first & 0xfe00 == 0xfc00 // unique local, RFC 4193
        || first & 0xffc0 == 0xfe80 // link-local, RFC 4291
}

/// A URL without its query, which may hold a signature.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_in_every_disguise() {
        for bad in [
            "http://localhost/",
            "http://x.localhost/",
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://metadata.internal/",
            "http://intranet/",
            "https://user:secret@example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
        ] {
            assert!(permitted(&Url::parse(bad).unwrap(), false).is_err(), "{bad}");
        }
        for good in ["https://example.com/", "http://93.184.216.34/", "https://[2606:4700::1111]/"] {
            assert!(permitted(&Url::parse(good).unwrap(), false).is_ok(), "{good}");
        }
        assert!(permitted(&Url::parse("http://127.0.0.1:4873/").unwrap(), true).is_ok(), "development");
        assert!(permitted(&Url::parse("file:///etc/passwd").unwrap(), true).is_err(), "not even then");
    }
}
