//! Hashing by the runtime's own [`DigestStream`](https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors).

use super::{body, failure};
use crate::model::{Algorithm, Digest};
use crate::platform::{Hashing, PlatformError};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_streams::WritableStream;
use worker::worker_sys::DigestStream;

/// A stream for each algorithm.
pub struct DigestStreams(Vec<(Algorithm, DigestStream)>);

impl DigestStreams {
    /// For these algorithms, the weakest first.
    pub(super) fn new(algorithms: &[Algorithm]) -> Self {
        Self(algorithms.iter().map(|algorithm| (*algorithm, DigestStream::new(name(*algorithm)))).collect())
    }
}

impl Hashing for DigestStreams {
    async fn update(&mut self, bytes: &[u8]) -> Result<(), PlatformError> {
        let chunk = JsValue::from(body::array(bytes));
        for (_, stream) in &self.0 {
            let mut writable = writable(stream);
            let mut writer = writable.try_get_writer().map_err(|error| failure::other(&error))?;
            writer.write(chunk.clone()).await.map_err(|error| failure::other(&error))?;
        }
        Ok(())
    }

    async fn finish(self) -> Result<Vec<Digest>, PlatformError> {
        let mut digests = Vec::new();
        for (algorithm, stream) in self.0 {
            let mut writable = writable(&stream);
            let mut writer = writable.try_get_writer().map_err(|error| failure::other(&error))?;
            writer.close().await.map_err(|error| failure::other(&error))?;
            let value = JsFuture::from(stream.digest()).await.map_err(|error| failure::other(&error))?;
            let value = Uint8Array::new(&value).to_vec();
            let none = || PlatformError::Other("a digest has another length".to_owned());
            digests.push(Digest::of_value(algorithm, value).ok_or_else(none)?);
        }
        Ok(digests)
    }
}

fn writable(stream: &DigestStream) -> WritableStream {
    WritableStream::from_raw(stream.unchecked_ref::<JsValue>().clone().unchecked_into())
}

/// What [Web Crypto](https://www.w3.org/TR/webcrypto-2/#algorithm-overview) calls it; MD5 is the runtime's own.
const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    }
}
