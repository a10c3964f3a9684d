//! Requests that come in, and the answers that go out.

use super::{Body, Headers};
use http::{Method, StatusCode};

/// A request.
#[derive(Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its URL.
    pub url: RequestUrl,
    /// Its headers.
    pub headers: Headers,
    /// Its body, untouched.
    pub body: Body,
}

/// The answer to it.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Body,
}

/// The parts of a URL, undecoded: names in it are a protocol's to decode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestUrl {
    /// `https`.
    pub scheme: String,
    /// Host and port, in lower case.
    pub host: String,
    /// From the first slash on.
    pub path: String,
    /// What follows the question mark, if there is one.
    pub query: Option<String>,
}

impl RequestUrl {
    /// Scheme and host, by which the caller came.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// Splits an absolute URL.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        let host = host.to_ascii_lowercase();
        Some(Self { scheme: scheme.to_owned(), host, path, query }).filter(|url| !url.host.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_split_and_not_decoded() {
        let split = |text: &str| {
            let url = RequestUrl::parse(text)?;
            Some(format!("{} {} {} {:?}", url.scheme, url.host, url.path, url.query))
        };
        for (text, expected) in [
            ("https://Feeds.Example/a%2Fb/?q=%20&r", "https feeds.example /a%2Fb/ Some(\"q=%20&r\")"),
            ("http://localhost:8787", "http localhost:8787 / None"),
            ("http://localhost?", "http localhost / Some(\"\")"),
            ("https://h/a?b?c#d", "https h /a Some(\"b?c\")"),
            ("https://h/a#b?c", "https h /a None"),
            ("https://h//x", "https h //x None"),
        ] {
            assert_eq!(split(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "/path", "https:/h", "https:///path", "https://?q"] {
            assert_eq!(split(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn urls_are_split_as_the_http_crate_does(text in "https?://[a-z0-9.]{1,9}(:[0-9]{1,4})?(/[a-z%0-9./@:_-]{0,9})*([?][a-z=&%?/]{0,9})?(#[a-z?/]{0,5})?") {
            let (own, other) = (RequestUrl::parse(&text), text.parse::<http::Uri>());
            if let Ok(other) = other {
                let own = own.unwrap();
                prop_assert_eq!(Some(own.scheme.as_str()), other.scheme_str());
                prop_assert_eq!(Some(own.host.as_str()), other.authority().map(http::uri::Authority::as_str));
                prop_assert_eq!(own.path.as_str(), other.path());
                prop_assert_eq!(own.query.as_deref(), other.query());
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = RequestUrl::parse(&text);
        }
    }
}
