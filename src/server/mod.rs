//! The front: [`handle`] is the one path of every request.
//!
//! URL to target (`route.rs`), headers to principal (`auth.rs`), the single authorisation point
//! (`service::authorize`), the protocol's handler, answer to response (`respond.rs`), error to status (`status.rs`), one
//! log line (`log.rs`).

mod auth;
mod config;
mod log;
pub mod management;
mod respond;
mod route;
mod status;
mod uploaded;

pub use config::{Config, HostFeeds};

use crate::error::{Error, Missing, Result};
use crate::model::{Address, Principal, hexadecimal};
use crate::platform::{Headers, Platform, Request, Response, header};
use crate::protocol::{self, Entry};
use crate::service::{self, housekeeping};
use http::{Method, StatusCode};
use log::RequestLog;
use respond::Wanted;
use route::Target;
use std::rc::Rc;

/// Answers a request.
pub async fn handle<P: Platform>(platform: P, config: &Config, request: Request) -> Response {
    let mut id = [0_u8; 8];
    platform.random(&mut id);
    let id = hexadecimal(&id);
    let mut line = RequestLog::new(&id, &request.method);
    let wanted = Wanted::new(&request.method, &request.headers);
    let mut response = match route::split(&request.url.clone(), &config.hosts) {
        Ok(Target::Management) => management::serve(&platform, config, request, &wanted, &mut line).await,
        Ok(Target::Feed { address, protocol, root, tail }) => {
            line.protocol = protocol.id.as_str();
            line.feed = format!("{}/{}", address.organization, address.locator.feed);
            let head = request.method == Method::HEAD;
            let called = Call { platform: &platform, config, protocol, address, root, tail, wanted: &wanted };
            match called.serve(&mut line, request).await {
                Ok(response) => response,
                Err(error) => refuse(protocol, &called.root, &mut line, &error, head),
            }
        }
        Ok(Target::Identity(protocol)) => {
            line.protocol = protocol.id.as_str();
            line.endpoint = "identity";
            let error = Error::NotFound(Missing::TrustedPublishing);
            refuse(protocol, "", &mut line, &error, wanted.is_head())
        }
        Err(error) => {
            line.error = Some(error.to_string());
            management::refuse(&error, &id, &wanted)
        }
    };
    finish(&platform, &line, &mut response.headers);
    if !config.logs_failures_only || response.status.is_server_error() {
        platform.log(&line.line(response.status, platform.counts()));
    }
    response
}

/// Does what is to be done from time to time.
pub async fn scheduled<P: Platform>(platform: P) {
    let line = match housekeeping::run(&platform, protocol::ecosystem).await {
        Ok(done) => serde_json::json!({
            "endpoint": "housekeeping", "purged": done.purged, "rebuilt": done.rebuilt, "counted": done.counted,
            "swept": done.swept, "retired": done.retired, "emptied": done.emptied, "forgotten": done.forgotten,
            "removed": done.removed, "givenUp": done.given_up, "cleared": done.cleared,
        }),
        Err(error) => serde_json::json!({ "endpoint": "housekeeping", "error": error.to_string() }),
    };
    platform.log(&line.to_string());
}

/// What every answer carries.
fn finish<P: Platform>(platform: &P, line: &RequestLog, headers: &mut Headers) {
    let counts = platform.counts().list();
    let timing: Vec<String> = counts.iter().map(|(name, count)| format!("{name};desc=\"{count}\"")).collect();
    headers.insert("server-timing", &timing.join(", "));
    headers.insert("x-request-id", &line.request);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
}

/// A request to a feed, taken apart.
struct Call<'a, P> {
    platform: &'a P,
    config: &'a Config,
    protocol: &'static Entry,
    address: Address,
    root: String,
    tail: &'a str,
    wanted: &'a Wanted,
}

impl<P: Platform> Call<'_, P> {
    async fn serve(&self, line: &mut RequestLog, mut request: Request) -> Result<Response> {
        let query = request.url.query.as_deref();
        let asked = protocol::route(self.protocol, &request.method, self.tail, query)?;
        line.endpoint = asked.name;
        let principal = auth::principal(self.platform, self.config, &request.headers).await?;
        if principal != Principal::Anonymous {
            principal.id().clone_into(&mut line.principal);
        }
        let (platform, root) = (self.platform.clone(), self.root.as_str().into());
        let settings = self.config.settings;
        let mut context = service::open(platform, &self.address, Rc::new(principal), root, settings).await?;
        context.always_check = always_check(&request.headers, query);
        context.client = client(&request.headers);
        if !asked.is_login {
            service::authorize(&context, asked.action)?;
        }
        let upload = uploaded::attach(&context, asked.action, &mut request).await?;
        let (trace, published) = (context.trace.clone(), upload.is_some().then(|| context.clone()));
        let answer = asked.answer(context, request).await;
        if let (Some(context), Some(id), Ok(_)) = (published, upload, &answer) {
            uploaded::detach(context, id);
        }
        line.origin = trace.origin();
        respond::respond(self.wanted, answer?, self.platform.now()).await
    }
}

/// Words a refusal as the clients of a protocol show it; `root` is the protocol's root as the caller came to it.
fn refuse(protocol: &Entry, root: &str, line: &mut RequestLog, error: &Error, head: bool) -> Response {
    line.error = Some(error.to_string());
    let status = (protocol.status_override)(error).unwrap_or_else(|| status::status(error));
    let message = status::message(error, &line.request);
    let (content_type, body) = (protocol.error_body)(error, &message);
    let mut response = respond::refuse(status, error, content_type, body, head);
    let headers = &mut response.headers;
    let challenge = (protocol.challenge)(root).filter(|_| status == StatusCode::UNAUTHORIZED);
    if let Some(challenge) = challenge {
        headers.append(header::WWW_AUTHENTICATE, &challenge);
    }
    if let Some(name) = (protocol.warning_header)(error) {
        headers.insert(name, &respond::printable(&message));
    }
    response
}

/// What the client says of itself, as far as it may stand in a log.
fn client(headers: &Headers) -> Rc<str> {
    service::log::client(headers.get(header::USER_AGENT))
}

/// Did the caller ask not to be answered from memory? `?write=true` is how npm asks before it changes a package.
fn always_check(headers: &Headers, query: Option<&str>) -> bool {
    let cache_control = headers.get(header::CACHE_CONTROL).unwrap_or_default();
    cache_control.to_ascii_lowercase().contains("no-cache")
        || query.is_some_and(|query| query.split('&').any(|pair| pair == "write=true"))
}
