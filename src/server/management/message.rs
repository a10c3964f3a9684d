//! Bodies in and out.

use crate::error::{Error, Result};
use crate::model::json;
use crate::platform::{Body, Headers, Platform, PlatformError, Response, header};
use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Bodies of this surface are small: the largest are batches and lists of upstream sources.
const LIMIT: usize = 1 << 20;

/// What is answered.
pub(super) struct Reply {
    /// The status.
    pub(super) status: StatusCode,
    /// The body's media type.
    pub(super) content_type: &'static str,
    /// Without it the status is 204.
    pub(super) body: Option<Bytes>,
    /// An entity tag that stands for the stored record, for `If-Match`.
    pub(super) etag: Option<String>,
    /// Where a list goes on, for the header that tells it; it stands in the body, too.
    pub(super) continuation: Option<String>,
    /// Does it tell a token, so that nobody may keep it?
    pub(super) secret: bool,
    /// An answer that is made already, in place of all that.
    pub(super) ready: Option<Response>,
}

impl Reply {
    /// 200.
    pub(super) fn ok(value: &Value) -> Self {
        Self::with(StatusCode::OK, value)
    }

    /// 201.
    pub(super) fn created(value: &Value) -> Self {
        Self::with(StatusCode::CREATED, value)
    }

    /// 204.
    pub(super) fn done() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, ..Self::text(JSON, Bytes::new()) }
    }

    /// 200, with another body than JSON.
    pub(super) fn text(content_type: &'static str, body: Bytes) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            body: Some(body),
            etag: None,
            continuation: None,
            secret: false,
            ready: None,
        }
    }

    /// A collection, as Azure wraps them.
    pub(super) fn list(values: &[Value], continuation: Option<String>) -> Self {
        let mut body = serde_json::json!({ "count": values.len(), "value": values });
        if let Some(continuation) = &continuation {
            body["continuationToken"] = Value::String(continuation.clone());
        }
        Self { continuation, ..Self::ok(&body) }
    }

    /// 200, with JSON that is printed already.
    pub(super) fn printed(body: String) -> Self {
        Self::text(JSON, body.into())
    }

    fn with(status: StatusCode, value: &Value) -> Self {
        Self { status, ..Self::text(JSON, value.to_string().into()) }
    }
}

const JSON: &str = "application/json";

/// Reads a JSON body; fields that nobody knows are passed over, as in Azure Artifacts.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T> {
    let bytes = body.collect(LIMIT).await.map_err(|error| match error {
        PlatformError::TooLong(_) => Error::TooLarge { what: "the body", limit: LIMIT as u64 },
        other => other.into(),
    })?;
    if bytes.is_empty() {
        return Err(Error::Invalid("this request needs a body of JSON, and has none".to_owned()).into());
    }
    json::read(&bytes).map_err(|error| {
        Error::Invalid(format!("the body is not the JSON this request takes: {error}")).into()
    })
}

/// The sequence number that `If-Match` insists on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Precondition {
    /// Any state will do.
    None,
    /// One of these.
    OneOf(Vec<String>),
}

impl Precondition {
    /// Reads `If-Match` ([RFC 9110 section 13.1.1](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1)).
    pub(super) fn of(headers: &Headers) -> Self {
        let text = headers.contains(header::IF_MATCH).then(|| headers.get(header::IF_MATCH).unwrap_or("?"));
        match text {
            None | Some("*") => Self::None,
            Some(list) => Self::OneOf(list.split(',').map(|tag| tag.trim().to_owned()).collect()),
        }
    }

    /// Does a record with this sequence number meet it?
    pub(super) fn admits(&self, sequence: u64) -> bool {
        match self {
            Self::None => true,
            Self::OneOf(tags) => tags.contains(&etag(sequence)),
        }
    }
}

/// The entity tag of a record.
pub(super) fn etag(sequence: u64) -> String {
    format!("\"{sequence}\"")
}

/// Random bytes.
pub(super) fn random<const N: usize, P: Platform>(platform: &P) -> [u8; N] {
    let mut bytes = [0_u8; N];
    platform.random(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_a_list_of_entity_tags() {
        let of = |text: &'static str| Precondition::of(&[(header::IF_MATCH, text)].into_iter().collect());
        assert!(of("\"7\"").admits(7) && of("\"6\", \"7\"").admits(7) && of("*").admits(7));
        assert!(!of("\"6\"").admits(7) && !of("W/\"7\"").admits(7) && !of("").admits(7));
        assert!(Precondition::of(&Headers::new()).admits(7));
    }
}
