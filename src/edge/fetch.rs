//! Requests to the outside by `fetch`.

use super::body::{self, JsBody, Source};
use super::failure::text;
use super::{clock, convert};
use crate::platform::{Body, Headers, HttpClient, OutgoingRequest, OutgoingResponse, PlatformError, header};
use futures_util::future::{Either, select};
use http::StatusCode;
use std::pin::pin;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, RequestCache, RequestInit, RequestRedirect, Response, WorkerGlobalScope};

/// The runtime's `fetch`. Its `cf` options are left alone: `worker::CfProperties` sends every one of its fields, with
/// values that switch caching and host resolution around, as soon as one is set.
#[derive(Clone)]
pub struct FetchClient;

impl HttpClient for FetchClient {
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingResponse, PlatformError> {
        let patience = request.timeout;
        let controller = AbortController::new().map_err(|error| refused(&error))?;
        let (url, init) = prepare(request, &controller).map_err(|error| refused(&error))?;
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let fetched = JsFuture::from(global.fetch_with_str_and_init(&url, &init));
        // Without this a request waits for ever: the runtime has no time-out of its own.
        let response: Response = match select(fetched, pin!(clock::sleep(patience))).await {
            Either::Left((Ok(response), _)) => response.unchecked_into(),
            Either::Left((Err(error), _)) => return Err(PlatformError::Connection(text(&error))),
            Either::Right(((), fetched)) => {
                controller.abort();
                let _ = fetched.await; // an unhandled rejection would be logged
                return Err(PlatformError::TimedOut);
            }
        };
        let status = StatusCode::from_u16(response.status())
            .map_err(|_| PlatformError::Connection(format!("status {}", response.status())))?;
        let mut headers = convert::headers(&response.headers());
        undo_encoding(&mut headers);
        let length = convert::length_of(&headers);
        Ok(OutgoingResponse {
            status,
            body: JsBody::body(response.body(), length, Some(Source { patience, controller })),
            headers,
        })
    }
}

fn refused(error: &JsValue) -> PlatformError {
    PlatformError::Refused(text(error))
}

fn prepare(request: OutgoingRequest, controller: &AbortController) -> Result<(String, RequestInit), JsValue> {
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    init.set_headers(convert::js_headers(&request.headers)?.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&controller.signal()));
    // The runtime's own cache is keyed by address: what credentials opened is not for others who ask for the same one.
    if request.headers.contains(header::AUTHORIZATION) {
        init.set_cache(RequestCache::NoStore);
    }
    match request.body {
        Body::Empty => {}
        Body::Bytes(bytes) => init.set_body(&body::array(&bytes)),
        other => init.set_body(&body::into_js(other)),
    }
    Ok((request.url.into(), init))
}

/// The runtime undoes these encodings when the body is read, whoever reads it; its length is not known then. Others
/// stay, for the caller to refuse.
fn undo_encoding(headers: &mut Headers) {
    let is_undone = |value: &str| ["gzip", "br"].iter().any(|known| value.eq_ignore_ascii_case(known));
    if headers.get(header::CONTENT_ENCODING).is_some_and(is_undone) {
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
    }
}
