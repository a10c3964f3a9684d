//! Upstream registries by script.

use super::faults::Operation;
use super::world::{MemoryBody, World};
use crate::platform::{Body, Headers, HttpClient, OutgoingRequest, OutgoingResponse, PlatformError, header};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use url::Url;

/// No scripted request has a larger body.
const REQUEST_BYTES: usize = 64 << 20;

/// A request that was sent.
#[derive(Clone, Debug)]
pub struct SentRequest {
    /// Its method.
    pub method: Method,
    /// Its address.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What an upstream does on a request.
#[derive(Clone)]
pub struct Reply {
    outcome: Result<StatusCode, PlatformError>,
    headers: Headers,
    body: MemoryBody,
    delay: Duration,
}

impl Reply {
    /// Answers with this status and nothing else.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status);
        Self::with(status.map_err(|_| PlatformError::Other("a script replied no valid status".to_owned())))
    }

    /// Answers 200 with a body.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self::status(200).body(body)
    }

    /// Cannot be reached.
    pub fn connection_error() -> Self {
        Self::with(Err(PlatformError::Connection("connection refused".to_owned())))
    }

    /// Never answers: the request's time-out passes.
    pub fn time_out() -> Self {
        Self::with(Err(PlatformError::TimedOut))
    }

    fn with(outcome: Result<StatusCode, PlatformError>) -> Self {
        Self {
            outcome,
            headers: Headers::new(),
            body: MemoryBody::whole(Bytes::new()),
            delay: Duration::ZERO,
        }
    }

    /// Adds a header; an invalid one is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body.bytes = body.into();
        self
    }

    /// Does not declare how long the body is (chunked).
    #[must_use]
    pub fn of_unknown_length(mut self) -> Self {
        self.body.declares_length = false;
        self
    }

    /// The connection breaks after so many bytes of the body.
    #[must_use]
    pub fn cut_after(mut self, bytes: u64) -> Self {
        self.body = self.body.cut(Some(bytes));
        self
    }

    /// Nothing more comes after so many bytes of the body.
    #[must_use]
    pub fn stalls_after(mut self, bytes: u64) -> Self {
        self.body.breaks = Some((bytes, PlatformError::TimedOut));
        self
    }

    /// Takes its time, by the manual clock.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Handler = Rc<dyn Fn(&SentRequest) -> Reply>;

/// The script: who answers which addresses, and what was asked so far. Clones share it.
#[derive(Clone, Default)]
pub struct Upstream(Rc<Script>);

#[derive(Default)]
struct Script {
    routes: RefCell<Vec<(String, Handler)>>,
    wanted: RefCell<Vec<(String, String)>>,
    sent: RefCell<Vec<SentRequest>>,
}

impl Upstream {
    /// Answers every address no other route answers.
    pub fn on(&self, handler: impl Fn(&SentRequest) -> Reply + 'static) {
        self.route("", handler);
    }

    /// Answers the addresses that start with `prefix`. The longest prefix wins, then the route added last.
    pub fn route(&self, prefix: &str, handler: impl Fn(&SentRequest) -> Reply + 'static) {
        self.0.routes.borrow_mut().push((prefix.to_owned(), Rc::new(handler)));
    }

    /// Answers 401 below `prefix` to whoever does not show this `Authorization`, until something else is wanted there.
    pub fn want(&self, prefix: &str, authorization: &str) {
        let mut wanted = self.0.wanted.borrow_mut();
        wanted.retain(|(known, _)| known != prefix);
        wanted.push((prefix.to_owned(), authorization.to_owned()));
    }

    /// What was asked so far, in order.
    pub fn sent(&self) -> Vec<SentRequest> {
        self.0.sent.borrow().clone()
    }

    /// The addresses asked so far, in order.
    pub fn urls(&self) -> Vec<String> {
        self.0.sent.borrow().iter().map(|request| request.url.to_string()).collect()
    }

    /// Forgets what was asked.
    pub fn clear_sent(&self) {
        self.0.sent.borrow_mut().clear();
    }

    fn reply(&self, request: SentRequest) -> Reply {
        let handler = {
            let routes = self.0.routes.borrow();
            let matching = routes.iter().filter(|(prefix, _)| request.url.as_str().starts_with(prefix));
            matching.max_by_key(|(prefix, _)| prefix.len()).map(|(_, handler)| Rc::clone(handler))
        };
        let shown = request.headers.get(header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let refused = self.0.wanted.borrow().iter().any(|(prefix, wanted)| {
            request.url.as_str().starts_with(prefix) && shown != Some(wanted.as_bytes())
        });
        let reply = match handler {
            Some(_) if refused => Reply::status(401),
            Some(handler) => handler(&request),
            None => Reply::connection_error(),
        };
        self.0.sent.borrow_mut().push(request);
        reply
    }
}

/// An HTTP client whose whole internet is a script.
#[derive(Clone)]
pub struct MemoryHttp {
    pub(super) world: Rc<World>,
    pub(super) upstream: Upstream,
}

impl HttpClient for MemoryHttp {
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingResponse, PlatformError> {
        let OutgoingRequest { method, url, headers, body, timeout } = request;
        let headers = HeaderMap::from(&headers);
        let body = body.collect(REQUEST_BYTES).await?;
        let key = url.to_string();
        let is_head = method == Method::HEAD;
        let action = || {
            let reply = self.upstream.reply(SentRequest { method, url, headers, body });
            let waits = if reply.outcome == Err(PlatformError::TimedOut) { timeout } else { reply.delay };
            self.world.advance(waits.min(timeout));
            if reply.delay > timeout {
                return Err(PlatformError::TimedOut);
            }
            let status = reply.outcome?;
            let cut = self.world.faults.cut(Operation::Send, &key);
            let body = if is_head { Body::Empty } else { Body::Raw(Box::new(reply.body.cut(cut))) };
            Ok(OutgoingResponse { status, headers: reply.headers, body })
        };
        self.world.operate(Operation::Send, &key, action).await
    }
}
