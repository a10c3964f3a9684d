//! The runtime's requests, answers and headers, and ours.

use super::body::{self, JsBody};
use crate::platform::{Body, ByteStream, Headers, Request, RequestUrl, Response, header};
use http::{Method, StatusCode};
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;
use worker::{EncodeBody, ResponseBody, ResponseBuilder};

/// A request as it came: its URL undecoded, its headers all there, its body untouched.
pub(super) fn request(request: &web_sys::Request) -> Result<Request, String> {
    let method = Method::from_bytes(request.method().as_bytes()).map_err(|_| "unknown method".to_owned())?;
    let url = RequestUrl::parse(&request.url()).ok_or_else(|| "the address cannot be read".to_owned())?;
    let headers = headers(&request.headers());
    let body = JsBody::body(request.body(), length_of(&headers), None);
    Ok(Request { method, url, headers, body })
}

/// An answer. Its body goes out as it is: with `Content-Encoding` set here, the bytes have that encoding already, and
/// the runtime must not encode them again.
pub(super) fn response(response: Response) -> worker::Result<worker::Response> {
    let Response { status, headers, body } = response;
    let encoding =
        if headers.contains(header::CONTENT_ENCODING) { EncodeBody::Manual } else { EncodeBody::Automatic };
    let length = length_of(&headers);
    let answer = ResponseBuilder::new()
        .with_status(status.as_u16())
        .with_headers(worker::Headers(js_headers(&headers)?))
        .with_encode_body(encoding);
    if has_no_body(status) {
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
pub(super) fn headers(headers: &web_sys::Headers) -> Headers {
    let mut copy = Headers::new();
    for (name, value) in worker::Headers(headers.clone()).entries() {
        copy.append(&name, &value);
    }
    copy
}

/// The runtime's headers of ours.
pub(super) fn js_headers(headers: &Headers) -> Result<web_sys::Headers, JsValue> {
    let copy = web_sys::Headers::new()?;
    for (name, value) in headers.iter() {
        copy.append(name, value)?;
    }
    Ok(copy)
}

/// The declared length.
pub(super) fn length_of(headers: &Headers) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.parse().ok()
}

/// The declared length.
pub(super) fn content_length(headers: &web_sys::Headers) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).ok()??.parse().ok()
}
