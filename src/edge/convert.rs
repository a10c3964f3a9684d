//! The runtime's requests, answers and headers, and ours.

use super::body::{self, JsBody};
use crate::platform::{Body, ByteStream};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;
use worker::{EncodeBody, Headers, ResponseBody, ResponseBuilder};

/// A request as it came: its URL undecoded, its headers all there, its body untouched.
pub(super) fn request(request: &web_sys::Request) -> Result<Request<Body>, String> {
    let method = Method::from_bytes(request.method().as_bytes()).map_err(|_| "unknown method".to_owned())?;
    let uri: Uri = request.url().parse().map_err(|error| format!("The address cannot be read: {error}"))?;
    let headers = headers(&request.headers());
    let body = JsBody::body(request.body(), length_of(&headers), None);
    let mut converted = Request::new(body);
    *converted.method_mut() = method;
    *converted.uri_mut() = uri;
    *converted.headers_mut() = headers;
    Ok(converted)
}

/// An answer. Its body goes out as it is: with `Content-Encoding` set here, the bytes have that encoding already, and
/// the runtime must not encode them again.
pub(super) fn response(response: Response<Body>) -> worker::Result<worker::Response> {
    let (parts, body) = response.into_parts();
    let encoding =
        if parts.headers.contains_key(CONTENT_ENCODING) { EncodeBody::Manual } else { EncodeBody::Automatic };
    let length = length_of(&parts.headers);
    let answer = ResponseBuilder::new()
        .with_status(parts.status.as_u16())
        .with_headers(Headers(js_headers(&parts.headers)?))
        .with_encode_body(encoding);
    if has_no_body(parts.status) {
        return Ok(answer.empty());
    }
    Ok(answer.body(match body {
        Body::Empty => ResponseBody::Empty,
        Body::Bytes(bytes) => ResponseBody::Body(Vec::from(bytes)),
        Body::Stream(stream) => ResponseBody::Stream(made_here(stream, length)?),
        raw @ Body::Raw(_) => ResponseBody::Stream(body::into_js(raw)),
    }))
}

/// A stream made here, with `Content-Length` in front of it where that is known; without it the answer is chunked.
fn made_here(stream: ByteStream, length: Option<u64>) -> worker::Result<ReadableStream> {
    let (stream, _) = body::from_rust(stream);
    let Some(length) = length else { return Ok(stream) };
    let (fixed, pump) = body::of_length(&stream, length)?;
    wasm_bindgen_futures::spawn_local(async move {
        let _ = pump.await; // fails when the client hangs up, or sees the failure itself
    });
    Ok(fixed)
}

/// Statuses that `new Response` takes no body with.
fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// An answer without the core.
pub(super) fn refusal(status: u16, text: &str) -> worker::Result<worker::Response> {
    worker::Response::error(text, status)
}

/// A copy of all headers; those that are no valid HTTP are left out.
pub(super) fn headers(headers: &web_sys::Headers) -> HeaderMap {
    let mut copy = HeaderMap::new();
    for (name, value) in Headers(headers.clone()).entries() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            copy.append(name, value);
        }
    }
    copy
}

/// The runtime's headers of ours.
pub(super) fn js_headers(headers: &HeaderMap) -> Result<web_sys::Headers, JsValue> {
    let copy = web_sys::Headers::new()?;
    for (name, value) in headers {
        copy.append(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))?;
    }
    Ok(copy)
}

/// The declared length.
pub(super) fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The declared length.
pub(super) fn content_length(headers: &web_sys::Headers) -> Option<u64> {
    headers.get(CONTENT_LENGTH.as_str()).ok()??.parse().ok()
}
