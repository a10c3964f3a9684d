//! The REST surface: the paths and bodies of Azure Artifacts' REST specification where it has them, our own otherwise.
//!
//! `route.rs` says what is answered and what right it needs, `admit.rs` checks it, one file per resource answers,
//! `*_json.rs` writes what several answers share. In scope: organizations, tokens, feeds and their recycle bin, upstream
//! sources, views, permissions, packages, versions, their files, provenance and recycle bin, batches, downloads, badges,
//! search, retention, change feeds, audit.

mod admit;
mod api_version;
mod badge;
mod batch;
mod bin;
mod catalog;
mod content;
mod credentials;
mod destinations;
mod feed_bin;
mod feed_json;
mod feeds;
mod locations;
mod logs;
mod message;
mod metrics;
mod organizations;
mod package_json;
mod packages;
mod permissions;
mod provenance;
mod rename;
mod retention;
mod route;
mod scribe;
mod search;
mod sources;
mod tokens;
mod uploads;
mod upstreaming;
mod upstreams;
mod version_json;
mod views;

use super::auth;
use super::config::Config;
use super::log::RequestLog;
use super::respond::{self, Wanted};
use super::status;
use crate::error::{Error, Result};
use crate::model::Principal;
use crate::platform::{Body, Headers, Platform, Request, Response, header};
use crate::protocol;
use crate::service::{self, FeedContext};
use crate::store::keys;
use http::StatusCode;
use message::Reply;
use route::{Endpoint, FeedOperation, FeedsOperation, Need, PermissionOperation, Sought};
use scribe::Scribe;
use serde_json::{Value, json};
use std::rc::Rc;

/// Answers a request to the REST surface.
pub(super) async fn serve<P: Platform>(
    platform: &P,
    config: &Config,
    request: Request,
    wanted: &Wanted,
    line: &mut RequestLog,
) -> Response {
    line.protocol = "management";
    match answer(platform, config, request, wanted, line).await {
        Ok(response) => response,
        Err(error) => {
            line.error = Some(error.to_string());
            refuse(&error, &line.request, wanted)
        }
    }
}

/// One request, as those who answer it see it.
struct Call<'a, P> {
    platform: &'a P,
    config: &'a Config,
    principal: Rc<Principal>,
    /// Scheme and host by which the caller came: links start with it.
    origin: String,
    /// What of the request decides about the form of its answer.
    wanted: &'a Wanted,
    headers: Headers,
    body: Body,
}

async fn answer<P: Platform>(
    platform: &P,
    config: &Config,
    request: Request,
    wanted: &Wanted,
    line: &mut RequestLog,
) -> Result<Response> {
    let Request { method, url, headers, body } = request;
    let endpoint = route::route(&method, &url.path, url.query.as_deref())?;
    line.endpoint = endpoint.name();
    let version = api_version::asked(url.query.as_deref(), &headers)?;
    let principal = match endpoint.need() {
        Need::Nothing => Principal::Anonymous,
        _ => auth::principal(platform, config, &headers).await?,
    };
    if principal != Principal::Anonymous {
        principal.id().clone_into(&mut line.principal);
    }
    let principal = Rc::new(principal);
    let mut scribe = Scribe::new(platform, &principal, &headers, &endpoint);
    let call = Call { platform, config, principal, origin: url.origin(), wanted, headers, body };
    let reply = dispatch(call, endpoint, line, &mut scribe).await;
    scribe.tell(&reply);
    let mut response = respond(wanted, reply?);
    if let (Some(version), Some("application/json")) = (version, response.headers.get(header::CONTENT_TYPE)) {
        let told = format!("application/json; charset=utf-8; api-version={version}");
        response.headers.insert(header::CONTENT_TYPE, &told);
    }
    Ok(response)
}

async fn dispatch<P: Platform>(
    call: Call<'_, P>,
    endpoint: Endpoint,
    line: &mut RequestLog,
    scribe: &mut Scribe<'_, P>,
) -> Result<Reply> {
    let need = endpoint.need();
    admit::caller(&call.principal, &endpoint)?;
    match endpoint {
        Endpoint::Health => Ok(Reply::ok(&json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "memory": call.platform.memory(),
        }))),
        Endpoint::CheckCompliance => check_compliance(call).await,
        Endpoint::CreateOrganization => organizations::create(call).await,
        Endpoint::Locations => Ok(locations::all()),
        Endpoint::Areas(place, id) => locations::areas(&call.origin, &place, id.as_deref()),
        Endpoint::Connection(organization) => {
            locations::connection(&call.origin, &organization, &call.principal)
        }
        Endpoint::Tokens(organization, operation) => {
            let holder = admit::member(&call.principal, &organization)?.clone();
            tokens::answer(call, &organization, &holder, operation).await
        }
        Endpoint::Feeds(place, FeedsOperation::List(listing)) => feeds::list(call, &place, &listing).await,
        Endpoint::Feeds(place, FeedsOperation::Create) => {
            let creator = admit::feed_creator(&call.principal, &place.organization)?.clone();
            feeds::create(call, place, &creator).await
        }
        Endpoint::Audit(organization, query) => {
            logs::audit(call.platform, &keys::organization_log(&organization), &query).await
        }
        Endpoint::FeedChanges(place, query) => logs::feeds(&call, &place, &query).await,
        Endpoint::Feeds(place, FeedsOperation::ValidateSource(protocol)) => {
            upstreams::validate(call, &place.organization, protocol).await
        }
        Endpoint::GlobalPermissions(organization, operation) => {
            permissions::global(call, &organization, operation).await
        }
        Endpoint::DeletedFeed(address, operation) => {
            line.feed = address.to_string();
            let feed = Rc::new(service::open_deleted(call.platform, &address, &call.principal).await?);
            scribe.feed = Some(Rc::clone(&feed));
            feed_bin::answer(call, &feed, operation).await
        }
        Endpoint::Feed(address, operation) => {
            line.feed = address.to_string();
            let context = admit::feed(&call, &address, need).await?;
            scribe.feed = Some(Rc::clone(&context.feed));
            feed(call, &context, operation).await
        }
        Endpoint::Search(organization) => search::answer(call, &organization).await,
        Endpoint::BeginSession(place, protocol) => provenance::begin(call, place, protocol, line).await,
        Endpoint::Badge(address, package) => {
            line.feed = address.to_string();
            badge::answer(&call, &address, &package).await
        }
    }
}

async fn feed<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    operation: FeedOperation,
) -> Result<Reply> {
    match operation {
        FeedOperation::Get { removed } => feeds::get(&call, context, removed).await,
        FeedOperation::Update => feeds::update(call, context).await,
        FeedOperation::Delete => feeds::delete(&call, context).await,
        FeedOperation::GetChange => logs::feed(&call, context).await,
        FeedOperation::PackageChanges(query) => logs::packages(context, &query).await,
        FeedOperation::Audit(query) => {
            logs::audit(call.platform, &keys::feed_log(&context.feed.id), &query).await
        }
        FeedOperation::GetRetention => Ok(retention::get(context)),
        FeedOperation::SetRetention => retention::set(call, context).await,
        FeedOperation::DeleteRetention => retention::delete(context).await,
        FeedOperation::PreviewRetention(after) => retention::preview(call, context, after.as_deref()).await,
        FeedOperation::ListViews => Ok(views::list(&call, context)),
        FeedOperation::CreateView => views::create(call, context).await,
        FeedOperation::GetView(view) => views::get(&call, context, &view),
        FeedOperation::UpdateView(view) => views::update(call, context, &view).await,
        FeedOperation::DeleteView(view) => views::delete(&call, context, &view).await,
        FeedOperation::Permissions(PermissionOperation::Get(query)) => {
            permissions::get(&call, context, &query).await
        }
        FeedOperation::Permissions(PermissionOperation::Set) => permissions::set(call, context).await,
        FeedOperation::Catalog(operation) => catalog::answer(call, context, operation).await,
        FeedOperation::Package(protocol, name, operation) => {
            packages::answer(call, context, protocol, &name, operation).await
        }
        FeedOperation::Upload(operation) => uploads::answer(call, context, operation).await,
        FeedOperation::Batch(protocol, place) => batch::answer(call, context, protocol, place).await,
        FeedOperation::ListRules(protocol) => Ok(upstreaming::list(&context.feed, protocol)),
        FeedOperation::SetRules(protocol) => upstreaming::set(call, context, protocol).await,
        FeedOperation::ListOffers(protocol, sought) => {
            let ecosystem = protocol::ecosystem(protocol.as_str()).ok_or_else(Error::no_endpoint)?;
            match sought {
                Sought::Name(name) => upstreaming::offered(context, ecosystem, &name).await,
                Sought::Text(text) => upstreaming::found(context, ecosystem, &text).await,
            }
        }
    }
}

/// The release build has no room for the suite.
#[cfg(all(target_arch = "wasm32", not(feature = "compliance")))]
#[expect(clippy::unused_async, reason = "stands in for the function that is left out")]
async fn check_compliance<P: Platform>(_call: Call<'_, P>) -> Result<Reply> {
    Err(Error::no_endpoint().into())
}

/// The contracts of the ports, checked on the platform that serves: for development and tests.
#[cfg(any(not(target_arch = "wasm32"), feature = "compliance"))]
async fn check_compliance<P: Platform>(call: Call<'_, P>) -> Result<Reply> {
    use crate::platform::compliance;
    if !call.config.compliance {
        return Err(Error::no_endpoint().into());
    }
    assert!(!call.headers.contains("x-panic"), "asked to, by a test that looks whether the isolate recovers");
    let unused = crate::model::FeedId::from_random(message::random(call.platform));
    let namespace = format!("compliance/{}", unused.as_str());
    let outcomes = compliance::run(call.platform, &namespace).await;
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    let checks = outcomes.iter().map(|outcome| match &outcome.result {
        Ok(()) => json!({ "name": outcome.name, "ok": true }),
        Err(error) => json!({ "name": outcome.name, "ok": false, "error": error }),
    });
    let checks: Vec<_> = checks.collect();
    Ok(Reply::ok(&json!({ "passed": checks.len() - failed, "failed": failed, "checks": checks })))
}

/// Makes the response.
fn respond(wanted: &Wanted, reply: Reply) -> Response {
    let Reply { status, content_type, body, etag, continuation, secret, ready } = reply;
    if let Some(response) = ready {
        return response;
    }
    let mut response = match body {
        Some(body) => respond::document(wanted, status, content_type, body),
        None => Response { status: StatusCode::NO_CONTENT, headers: Headers::new(), body: Body::Empty },
    };
    if let Some(etag) = etag {
        response.headers.insert(header::ETAG, &etag);
    }
    if let Some(continuation) = continuation {
        response.headers.insert("x-ms-continuationtoken", &continuation);
    }
    if secret {
        response.headers.insert(header::CACHE_CONTROL, "no-store");
    }
    response
}

/// Words a refusal as Azure DevOps does, with our own precise message.
pub(super) fn refuse(error: &Error, request_id: &str, wanted: &Wanted) -> Response {
    let status = status::status(error);
    let body = envelope(status, &status::message(error, request_id));
    respond::refuse(status, error, "application/json", body.to_string().into(), wanted.is_head())
}

/// A refusal in Azure DevOps' form.
fn envelope(status: StatusCode, message: &str) -> Value {
    json!({
        "$id": "1",
        "innerException": null,
        "message": message,
        "typeName": "Edgefeed",
        "typeKey": status.canonical_reason().unwrap_or("Error").replace(' ', ""),
        "errorCode": 0,
        "eventId": 3000,
    })
}
