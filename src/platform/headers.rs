//! Headers of requests and answers: a short list in the order they came or were set, looked up by walking it.

use std::fmt;

/// The names that are used here, as they are written on the wire since HTTP/2.
#[allow(missing_docs, reason = "RFC 9110 and what it refers to say what they mean")]
pub mod header {
    pub const ACCEPT: &str = "accept";
    pub const ACCEPT_ENCODING: &str = "accept-encoding";
    pub const ACCEPT_RANGES: &str = "accept-ranges";
    pub const AGE: &str = "age";
    pub const ALLOW: &str = "allow";
    pub const AUTHORIZATION: &str = "authorization";
    pub const CACHE_CONTROL: &str = "cache-control";
    pub const CONTENT_ENCODING: &str = "content-encoding";
    pub const CONTENT_LENGTH: &str = "content-length";
    pub const CONTENT_RANGE: &str = "content-range";
    pub const CONTENT_TYPE: &str = "content-type";
    pub const ETAG: &str = "etag";
    pub const IF_MATCH: &str = "if-match";
    pub const IF_MODIFIED_SINCE: &str = "if-modified-since";
    pub const IF_NONE_MATCH: &str = "if-none-match";
    pub const IF_RANGE: &str = "if-range";
    pub const LAST_MODIFIED: &str = "last-modified";
    pub const LOCATION: &str = "location";
    pub const RANGE: &str = "range";
    pub const RETRY_AFTER: &str = "retry-after";
    pub const USER_AGENT: &str = "user-agent";
    pub const VARY: &str = "vary";
    pub const WARNING: &str = "warning";
    pub const WWW_AUTHENTICATE: &str = "www-authenticate";
    pub const X_CONTENT_TYPE_OPTIONS: &str = "x-content-type-options";
}

/// Headers. No value has a line break, a zero or another control character in it, whoever made it.
///
/// Names are compared without case. `Debug` shows names only: some values are credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first value of that name, if it is ASCII; what others are encoded in, nobody says.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.as_str()).filter(|value| value.is_ascii())
    }

    /// Is there a value of that name, ASCII or not?
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Sets the one value of that name. What is no header, or not ASCII, is left out, and what was there stays.
    pub fn insert(&mut self, name: &str, value: &str) {
        if is_name(name) && is_value(value) && value.is_ascii() {
            self.remove(name);
            self.0.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Adds a value. What is no header is left out.
    pub fn append(&mut self, name: &str, value: &str) {
        if is_name(name) && is_value(value) {
            self.0.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Removes all values of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Names, in lower case, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, _)| write!(formatter, "{name} "))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        let mut headers = Self::new();
        pairs.into_iter().for_each(|(name, value)| headers.append(name, value));
        headers
    }
}

/// A `token` ([RFC 9110 section 5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2)).
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A `field-value` ([RFC 9110 section 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)).
fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    #[test]
    fn names_are_compared_without_case_and_values_stay_in_order() {
        let mut headers: Headers = [("ETag", "\"1\""), ("X-A", "1"), ("x-a", "2")].into_iter().collect();
        assert_eq!((headers.get("etag"), headers.get("X-a")), (Some("\"1\""), Some("1")));
        headers.append("ETAG", "\"2\"");
        assert_eq!(headers.get(header::ETAG), Some("\"1\""), "the first one counts");
        headers.insert("eTaG", "\"3\"");
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("x-a", "1"), ("x-a", "2"), ("etag", "\"3\"")]);
        headers.remove("X-A");
        assert!(!headers.contains("x-a") && headers.contains("etag"));
    }

    #[test]
    fn what_is_not_ascii_is_there_and_cannot_be_read_or_set() {
        let mut headers: Headers = [("if-match", "\"é\"")].into_iter().collect();
        assert_eq!((headers.contains("if-match"), headers.get("if-match")), (true, None));
        headers.insert("if-match", "\"ö\"");
        assert_eq!(headers.iter().next(), Some(("if-match", "\"é\"")));
    }

    #[test]
    fn debug_output_keeps_values_to_itself() {
        let headers: Headers = [("authorization", "Bearer secret")].into_iter().collect();
        assert_eq!(format!("{headers:?}"), "authorization ");
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_the_http_crate_takes(name: String, value: String, byte: char) {
            for (name, value) in [
                ("x", value.as_str()),
                ("x", &format!("a{byte}b")),
                (name.as_str(), "1"),
                (&format!("a{byte}b"), "1"),
            ] {
                let valid = HeaderName::from_bytes(name.as_bytes()).is_ok()
                    && HeaderValue::from_bytes(value.as_bytes()).is_ok();
                let (mut received, mut set) = (Headers::new(), Headers::new());
                received.append(name, value);
                set.insert(name, value);
                prop_assert_eq!(received.contains(name), valid);
                prop_assert_eq!(set.contains(name), valid && value.is_ascii());
            }
        }
    }
}
