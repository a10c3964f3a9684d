//! The one log line of a request. Never a secret, never a query, never a path that may hold a token.

use crate::platform::OperationCounts;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

/// What is known of a request when it is answered.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct RequestLog {
    /// Also sent as `X-Request-Id`.
    pub(super) request: String,
    /// Method.
    pub(super) method: String,
    /// Which feed, as addressed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) feed: String,
    /// Which protocol, or `management`.
    pub(super) protocol: &'static str,
    /// Which endpoint.
    pub(super) endpoint: &'static str,
    /// Who asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) principal: String,
    /// The answer's status.
    pub(super) status: u16,
    /// Where the answer came from.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) origin: &'static str,
    /// Why it failed, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl RequestLog {
    /// Begins the line.
    pub(super) fn new(request_id: &str, method: &Method) -> Self {
        Self { request: request_id.to_owned(), method: method.to_string(), ..Self::default() }
    }

    /// Ends it.
    pub(super) fn line(&self, status: StatusCode, counts: &OperationCounts) -> String {
        let line = Self { status: status.as_u16(), ..self.clone() };
        let mut value = serde_json::to_value(line).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            let used = counts.list().into_iter().filter(|(_, count)| *count > 0);
            let operations: Map<String, Value> =
                used.map(|(name, count)| (name.to_owned(), Value::from(count))).collect();
            fields.insert("operations".to_owned(), Value::Object(operations));
        }
        value.to_string()
    }
}
