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

pub use config::{Config, HostFeeds};

use crate::error::{Error, Result};
use crate::model::{Address, Principal, hexadecimal};
use crate::platform::{Body, Platform};
use crate::protocol::{self, Protocol, Visit};
use crate::service::{self, housekeeping};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use log::RequestLog;
use respond::Wanted;
use route::Target;
use std::rc::Rc;

/// Answers a request.
pub async fn handle<P: Platform>(platform: P, config: &Config, request: Request<Body>) -> Response<Body> {
    let mut id = [0_u8; 8];
    platform.random(&mut id);
    let id = hexadecimal(&id);
    let mut line = RequestLog::new(&id, request.method());
    let wanted = Wanted::new(request.method(), request.headers());
    let mut response = match route::split(&request.uri().clone(), &config.hosts) {
        Ok(Target::Management) => management::serve(&platform, config, request, &wanted, &mut line).await,
        Ok(Target::Feed { address, protocol, root, tail }) => {
            line.protocol = protocol.as_str();
            line.feed = format!("{}/{}", address.organization, address.locator.feed);
            let visit = Serve {
                platform: &platform,
                config,
                address,
                root,
                tail,
                wanted: &wanted,
                line: &mut line,
                request,
            };
            let answer = protocol::visit(protocol.as_str(), visit).await;
            answer.unwrap_or_else(|| management::refuse(&Error::no_endpoint(), &id, &wanted))
        }
        Err(error) => {
            line.error = Some(error.to_string());
            management::refuse(&error, &id, &wanted)
        }
    };
    finish(&platform, &line, response.headers_mut());
    if !config.logs_failures_only || response.status().is_server_error() {
        platform.log(&line.line(response.status(), platform.counts()));
    }
    response
}

/// Does what is to be done from time to time.
pub async fn scheduled<P: Platform>(platform: P) {
    let line = match housekeeping::run(&platform).await {
        Ok(done) => serde_json::json!({
            "endpoint": "housekeeping", "purged": done.purged, "rebuilt": done.rebuilt, "swept": done.swept,
        }),
        Err(error) => serde_json::json!({ "endpoint": "housekeeping", "error": error.to_string() }),
    };
    platform.log(&line.to_string());
}

/// What every answer carries.
fn finish<P: Platform>(platform: &P, line: &RequestLog, headers: &mut HeaderMap) {
    let counts = platform.counts().list();
    let timing: Vec<String> = counts.iter().map(|(name, count)| format!("{name};desc=\"{count}\"")).collect();
    respond::set(headers, header::HeaderName::from_static("server-timing"), &timing.join(", "));
    respond::set(headers, header::HeaderName::from_static("x-request-id"), &line.request);
    respond::set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
}

/// A request to a feed, once its protocol is known.
struct Serve<'a, P> {
    platform: &'a P,
    config: &'a Config,
    address: Address,
    root: String,
    tail: &'a str,
    wanted: &'a Wanted,
    line: &'a mut RequestLog,
    request: Request<Body>,
}

impl<P: Platform> Visit for Serve<'_, P> {
    type Output = Response<Body>;

    async fn visit<T: Protocol>(self) -> Response<Body> {
        let Self { platform, config, address, root, tail, wanted, line, request } = self;
        let head = *request.method() == Method::HEAD;
        let challenge = T::challenge(&root);
        match serve::<T, P>(platform, config, &address, root, tail, wanted, line, request).await {
            Ok(response) => response,
            Err(error) => {
                line.error = Some(error.to_string());
                let status = T::status_override(&error).unwrap_or_else(|| status::status(&error));
                let message = status::message(&error, &line.request);
                let (content_type, body) = T::error_body(&error, &message);
                let mut response = respond::refuse(status, &error, content_type, body, head);
                let challenge = challenge.filter(|_| status == StatusCode::UNAUTHORIZED);
                if let Some(Ok(challenge)) = challenge.map(|text| HeaderValue::from_str(&text)) {
                    response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
                }
                response
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one request, taken apart once")]
async fn serve<T: Protocol, P: Platform>(
    platform: &P,
    config: &Config,
    address: &Address,
    root: String,
    tail: &str,
    wanted: &Wanted,
    line: &mut RequestLog,
    request: Request<Body>,
) -> Result<Response<Body>> {
    let query = request.uri().query();
    let endpoint = T::route(request.method(), tail, query)?;
    line.endpoint = T::endpoint_name(&endpoint);
    let principal = auth::principal(platform, config, request.headers()).await?;
    if principal != Principal::Anonymous {
        principal.id().clone_into(&mut line.principal);
    }
    let root: Rc<str> = root.into();
    let mut context =
        service::open(platform.clone(), address, Rc::new(principal), root, config.settings).await?;
    context.always_check = always_check(request.headers(), query);
    if !T::is_login(&endpoint) {
        service::authorize(&context, T::action(&endpoint))?;
    }
    let answer = T::handle(&context, endpoint, request).await;
    line.origin = context.trace.origin();
    respond::respond(wanted, answer?, platform.now()).await
}

/// Did the caller ask not to be answered from memory? `?write=true` is how npm asks before it changes a package.
fn always_check(headers: &HeaderMap, query: Option<&str>) -> bool {
    let cache_control =
        headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    cache_control.to_ascii_lowercase().contains("no-cache")
        || query.is_some_and(|query| query.split('&').any(|pair| pair == "write=true"))
}
