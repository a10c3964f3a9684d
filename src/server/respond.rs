//! From answers to responses: conditional requests, ranges, `HEAD` and compression, once for all protocols.

use crate::error::{Error, Result};
use crate::model::{Algorithm, Digest, Timestamp, gzip};
use crate::platform::{Body, ByteRange, Headers, Platform, Response, header};
use crate::protocol::Answer;
use crate::service::download::Artifact;
use crate::store::rendered::Rendered;
use bytes::Bytes;
use http::{Method, StatusCode};
use std::io::Read;

/// What of a request decides about the form of its answer.
pub(super) struct Wanted {
    method: Method,
    headers: Headers,
}

impl Wanted {
    /// Takes note of a request.
    pub(super) fn new(method: &Method, headers: &Headers) -> Self {
        Self { method: method.clone(), headers: headers.clone() }
    }

    /// Is it a `HEAD`?
    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Does `If-None-Match` name this entity tag? Compared weakly, as lists, and `*`
    /// ([RFC 9110 section 13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2)).
    fn has(&self, etag: &str) -> bool {
        let opaque = |text: &str| text.trim().trim_start_matches("W/").to_owned();
        self.text(header::IF_NONE_MATCH).is_some_and(|list| {
            list.split(',').any(|known| known.trim() == "*" || opaque(known) == opaque(etag))
        })
    }

    /// Does the client have this state of a document? By `If-None-Match`; without it by `If-Modified-Since`, which must be
    /// the very `Last-Modified` that was sent: "not later than" would trust clocks of several machines.
    fn knows(&self, etag: &str, modified: &str) -> bool {
        if self.headers.contains(header::IF_NONE_MATCH) {
            return self.has(etag);
        }
        !modified.is_empty()
            && self.text(header::IF_MODIFIED_SINCE).is_some_and(|known| known.trim() == modified)
    }

    fn accepts_gzip(&self) -> bool {
        let accepted = self.text(header::ACCEPT_ENCODING).unwrap_or_default();
        accepted.split(',').any(|coding| {
            let mut parts = coding.trim().split(';');
            let name = parts.next().unwrap_or_default().trim();
            let refused = parts.any(|part| matches!(part.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
        })
    }
}

/// Makes the response.
pub(super) async fn respond<P: Platform>(
    wanted: &Wanted,
    answer: Answer<P>,
    now: Timestamp,
) -> Result<Response> {
    match answer {
        Answer::Listing(rendered) => listing(wanted, rendered, wanted.accepts_gzip(), now).await,
        Answer::CompressedListing(rendered) => listing(wanted, rendered, true, now).await,
        Answer::Artifact { artifact, content_type } => file(wanted, &artifact, content_type).await,
        Answer::Document { status, content_type, body } => Ok(document(wanted, status, content_type, body)),
        Answer::Moved { location } => Ok(moved(&location)),
    }
}

/// Sends clients to the right spelling of an address; they keep their credentials, since the host is the same.
fn moved(location: &str) -> Response {
    let mut headers = Headers::new();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, "private, no-cache");
    headers.insert(header::CONTENT_LENGTH, "0");
    Response { status: StatusCode::MOVED_PERMANENTLY, headers, body: Body::Empty }
}

/// A document made for this request; those that can be read again get a validator.
pub(super) fn document(
    wanted: &Wanted,
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
) -> Response {
    let reading = wanted.method == Method::GET || wanted.method == Method::HEAD;
    let mut headers = Headers::new();
    headers.insert(header::CACHE_CONTROL, "private, no-cache");
    if reading && status == StatusCode::OK {
        headers.insert(header::VARY, "Accept, Authorization");
        let etag = format!("\"{}\"", &Digest::sha256(&body).hex()[..32]);
        headers.insert(header::ETAG, &etag);
        if wanted.has(&etag) {
            return Response { status: StatusCode::NOT_MODIFIED, headers, body: Body::Empty };
        }
    }
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_LENGTH, &body.len().to_string());
    let body = if wanted.method == Method::HEAD { Body::Empty } else { Body::Bytes(body) };
    Response { status, headers, body }
}

async fn listing(wanted: &Wanted, rendered: Rendered, compressed: bool, now: Timestamp) -> Result<Response> {
    let info = &rendered.info;
    let mut headers = Headers::new();
    // Weak: the same tag stands for the compressed and the plain form.
    let etag = format!("W/\"{}\"", info.etag);
    headers.insert(header::ETAG, &etag);
    // A second has one state of a document: one that was made in the second of another has no date until the next one.
    let modified = if info.modified <= now { info.modified.http_date() } else { String::new() };
    if !modified.is_empty() {
        headers.insert(header::LAST_MODIFIED, &modified);
    }
    headers.insert(header::CACHE_CONTROL, "private, no-cache");
    headers.insert(header::VARY, "Accept, Accept-Encoding, Authorization");
    if let Some(warning) = &info.warning {
        headers.insert(header::AGE, &now.since(info.confirmed.unwrap_or(info.checked)).as_secs().to_string());
        headers.insert(header::WARNING, &format!("110 edgefeed \"{}\"", printable(warning).replace('"', "")));
    }
    // A 304 has no Content-Type: some clients take another one over into their cache.
    if wanted.knows(&etag, &modified) {
        return Ok(Response { status: StatusCode::NOT_MODIFIED, headers, body: Body::Empty });
    }
    headers.insert(header::CONTENT_TYPE, &info.content_type);
    if compressed {
        headers.insert(header::CONTENT_ENCODING, "gzip");
        headers.insert(header::CONTENT_LENGTH, &info.size.to_string());
    }
    if wanted.method == Method::HEAD {
        return Ok(Response { status: StatusCode::OK, headers, body: Body::Empty });
    }
    let body = if compressed { rendered.body } else { inflate(rendered).await? };
    Ok(Response { status: StatusCode::OK, headers, body })
}

/// The plain form, piece by piece: compressed it is small, plain it need not be.
async fn inflate(rendered: Rendered) -> Result<Body> {
    let limit = usize::try_from(rendered.info.size).unwrap_or(usize::MAX).saturating_add(1);
    let compressed = rendered.body.collect(limit).await?;
    let decoder = gzip::Reader::new(compressed);
    let pieces = futures_util::stream::unfold(Some(decoder), |decoder| async {
        let mut decoder = decoder?;
        let mut piece = vec![0; 64 << 10];
        match decoder.read(&mut piece) {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some((Ok(Bytes::from(piece)), Some(decoder)))
            }
            Err(error) => Some((Err(crate::platform::PlatformError::Cut(error.to_string())), None)),
        }
    });
    Ok(Body::Stream(Box::pin(pieces)))
}

async fn file<P: Platform>(
    wanted: &Wanted,
    artifact: &Artifact<P>,
    content_type: &'static str,
) -> Result<Response> {
    let size = artifact.size;
    let mut headers = Headers::new();
    let etag = format!("\"{}\"", artifact.tag());
    headers.insert(header::ETAG, &etag);
    let modified = artifact.added.http_date();
    headers.insert(header::LAST_MODIFIED, &modified);
    let lifetime =
        if artifact.may_change { "private, no-cache" } else { "private, max-age=31536000, immutable" };
    headers.insert(header::CACHE_CONTROL, lifetime);
    headers.insert(header::ACCEPT_RANGES, "bytes");
    for digest in &artifact.digests {
        headers.insert(checksum_header(digest.algorithm()), &digest.hex());
    }
    if wanted.knows(&etag, &modified) {
        return Ok(Response { status: StatusCode::NOT_MODIFIED, headers, body: Body::Empty });
    }
    headers.insert(header::CONTENT_TYPE, content_type);
    let applies = wanted.text(header::IF_RANGE).is_none_or(|known| known == etag);
    let range = match wanted.text(header::RANGE).filter(|_| applies) {
        Some(text) => match range(text, size) {
            Requested::Whole => None,
            Requested::Part(range) => Some(range),
            Requested::Unsatisfiable => {
                headers.insert(header::CONTENT_RANGE, &format!("bytes */{size}"));
                return Ok(Response {
                    status: StatusCode::RANGE_NOT_SATISFIABLE,
                    headers,
                    body: Body::Empty,
                });
            }
        },
        None => None,
    };
    let length = range.map_or(size, |range| range.length);
    headers.insert(header::CONTENT_LENGTH, &length.to_string());
    let status = match range {
        Some(ByteRange { start, length }) => {
            let last = start + length - 1;
            headers.insert(header::CONTENT_RANGE, &format!("bytes {start}-{last}/{size}"));
            StatusCode::PARTIAL_CONTENT
        }
        None => StatusCode::OK,
    };
    let body = if wanted.method == Method::HEAD { Body::Empty } else { artifact.hand_out(range).await? };
    Ok(Response { status, headers, body })
}

/// Where clients look for what a file hashes to, so that they need not ask for it by itself.
fn checksum_header(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "x-checksum-md5",
        Algorithm::Sha1 => "x-checksum-sha1",
        Algorithm::Sha256 => "x-checksum-sha256",
        Algorithm::Sha512 => "x-checksum-sha512",
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Requested {
    Whole,
    Part(ByteRange),
    Unsatisfiable,
}

/// Reads a `Range` header ([RFC 9110 section 14.2](https://www.rfc-editor.org/rfc/rfc9110#section-14.2)). Several ranges,
/// and text that is no range, are answered with the whole file, as the specification allows.
fn range(text: &str, size: u64) -> Requested {
    let Some(spec) = text.strip_prefix("bytes=").filter(|spec| !spec.contains(',')) else {
        return Requested::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Requested::Whole };
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.min(size.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, size.saturating_sub(1)),
        (Err(_), Ok(suffix)) if first.is_empty() && suffix > 0 => {
            (size.saturating_sub(suffix), size.saturating_sub(1))
        }
        (Err(_), Ok(0)) if first.is_empty() => return Requested::Unsatisfiable,
        _ => return Requested::Whole,
    };
    if start >= size {
        return Requested::Unsatisfiable;
    }
    Requested::Part(ByteRange { start, length: end - start + 1 })
}

/// What of a text may stand in a header.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|character| character.is_ascii() && !character.is_control()).collect()
}

/// An error while answering, before a body was begun.
pub(super) fn refuse(
    status: StatusCode,
    error: &Error,
    content_type: &'static str,
    body: Bytes,
    head: bool,
) -> Response {
    let mut headers = Headers::new();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, "no-store");
    headers.insert(header::CONTENT_LENGTH, &body.len().to_string());
    if status == StatusCode::UNAUTHORIZED {
        headers
            .insert(header::WWW_AUTHENTICATE, "Basic realm=\"Edgefeed: any user name, a token as password\"");
    }
    if let Error::MethodNotAllowed { allow } = error {
        headers.insert(header::ALLOW, allow);
    }
    if let Some(after) = super::status::retry_after(error) {
        headers.insert(header::RETRY_AFTER, &after.as_secs().max(1).to_string());
    }
    Response { status, headers, body: if head { Body::Empty } else { Body::Bytes(body) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let part = |start, length| Requested::Part(ByteRange { start, length });
        let table = [
            ("bytes=0-4", part(0, 5)),
            ("bytes=5-", part(5, 5)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=8-99", part(8, 2)),
            ("bytes=10-", Requested::Unsatisfiable),
            ("bytes=-0", Requested::Unsatisfiable),
            ("bytes=4-2", Requested::Whole),
            ("bytes=0-1,3-4", Requested::Whole),
            ("items=0-1", Requested::Whole),
            ("bytes=x-y", Requested::Whole),
        ];
        for (text, expected) in table {
            assert_eq!(range(text, 10), expected, "{text}");
        }
        assert_eq!(range("bytes=0-0", 0), Requested::Unsatisfiable);
    }

    fn wanted(name: &str, value: &str) -> Wanted {
        let mut headers = Headers::new();
        headers.insert(name, value);
        Wanted::new(&Method::GET, &headers)
    }

    #[test]
    fn entity_tags_compare_weakly_in_lists() {
        for list in ["\"a\"", "W/\"a\"", "\"x\", W/\"a\"", "*"] {
            assert!(wanted(header::IF_NONE_MATCH, list).has("W/\"a\""), "{list}");
        }
        assert!(!wanted(header::IF_NONE_MATCH, "\"ab\"").has("\"a\""));
    }

    #[test]
    fn a_date_counts_if_it_is_the_one_that_was_sent_and_no_tag_came() {
        let date = "Mon, 09 Apr 2018 00:01:02 GMT";
        assert!(wanted(header::IF_MODIFIED_SINCE, date).knows("\"a\"", date));
        for other in ["Mon, 09 Apr 2018 00:01:03 GMT", "Mon, 09 Apr 2018 00:01:01 GMT", "yesterday", ""] {
            assert!(!wanted(header::IF_MODIFIED_SINCE, other).knows("\"a\"", date), "{other}");
        }
        let mut both = wanted(header::IF_MODIFIED_SINCE, date);
        both.headers.insert(header::IF_NONE_MATCH, "\"b\"");
        assert!(!both.knows("\"a\"", date) && both.knows("\"b\"", "another"));
    }

    #[test]
    fn gzip_is_sent_only_to_those_who_take_it() {
        for (value, accepted) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("", false),
        ] {
            assert_eq!(wanted(header::ACCEPT_ENCODING, value).accepts_gzip(), accepted, "{value}");
        }
    }
}
