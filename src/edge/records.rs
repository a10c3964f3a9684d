//! Records as R2 objects.

use super::failure;
use crate::platform::{Etag, KeyPage, NotedPage, PlatformError, Record, RecordStore, Written};
use bytes::Bytes;
use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::{Bucket, Conditional};

/// R2's limit on entries of one page.
const PAGE: usize = 1_000;

/// The custom metadata that listings show.
const NOTE: &str = "note";

/// Records in a bucket.
#[derive(Clone)]
pub struct R2Records(pub(super) Bucket);

/// The condition under which R2 creates but never overwrites.
pub(super) fn absent() -> Conditional {
    Conditional { etag_does_not_match: Some("*".to_owned()), ..Conditional::default() }
}

/// The condition under which R2 overwrites one state only. Quoted etags make it throw.
pub(super) fn in_state(etag: &Etag) -> Conditional {
    Conditional { etag_matches: Some(etag.as_str().to_owned()), ..Conditional::default() }
}

impl R2Records {
    /// Calls a method of the bucket.
    async fn call(&self, method: &str, arguments: &Array) -> Result<JsValue, PlatformError> {
        let bucket = self.0.as_ref();
        let method: Function = member(bucket, &method.into())?.unchecked_into();
        let promise = Reflect::apply(&method, bucket, arguments).map_err(thrown)?;
        JsFuture::from(Promise::resolve(&promise)).await.map_err(thrown)
    }

    /// One page of keys, `with` the notes of those that have one: R2 makes such pages shorter, down to a tenth.
    async fn page(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
        with: bool,
    ) -> Result<(NotedPage, Vec<u64>), PlatformError> {
        let limit = u32::try_from(limit.clamp(1, PAGE)).unwrap_or(u32::MAX);
        let after = if after.is_empty() { JsValue::UNDEFINED } else { after.into() };
        let include = if with { Array::of1(&"customMetadata".into()) } else { Array::new() }.into();
        let options =
            [("prefix", prefix.into()), ("limit", limit.into()), ("startAfter", after), ("include", include)];
        let page = self.call("list", &Array::of1(&object(&options)?)).await?;
        let (key, metadata, note) = ("key".into(), "customMetadata".into(), NOTE.into());
        let text = |value: JsValue| value.as_string().unwrap_or_default();
        let (mut notes, mut sizes) = (Vec::new(), Vec::new());
        for object in Array::from(&member(&page, &"objects".into())?) {
            let metadata = Some(member(&object, &metadata)?).filter(JsValue::is_object);
            let note = metadata.map(|metadata| member(&metadata, &note)).transpose()?;
            notes.push((text(member(&object, &key)?), note.map(text).unwrap_or_default()));
            sizes.push(whole(&member(&object, &"size".into())?));
        }
        Ok((NotedPage { notes, more: member(&page, &"truncated".into())?.is_truthy() }, sizes))
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Conditional) -> Result<Written, PlatformError> {
        let put = self.0.put(key, Vec::from(bytes)).only_if(condition);
        let stored = put.execute().await.map_err(failure::r2)?;
        Ok(stored.map_or(Written::No, |object| Written::Yes(Etag::new(object.etag()))))
    }
}

impl RecordStore for R2Records {
    async fn get(&self, key: &str) -> Result<Option<Record>, PlatformError> {
        let object = self.0.get(key).execute().await.map_err(failure::r2)?;
        let Some(object) = object else { return Ok(None) };
        let Some(body) = object.body() else {
            return Ok(None);
        };
        let bytes = Bytes::from(body.bytes().await.map_err(failure::r2)?);
        Ok(Some(Record { bytes, etag: Etag::new(object.etag()) }))
    }

    async fn head(&self, key: &str) -> Result<Option<Etag>, PlatformError> {
        let object = self.0.head(key).await.map_err(failure::r2)?;
        Ok(object.map(|object| Etag::new(object.etag())))
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<Written, PlatformError> {
        self.put(key, bytes, absent()).await
    }

    async fn replace(&self, key: &str, bytes: Bytes, etag: &Etag) -> Result<Written, PlatformError> {
        self.put(key, bytes, in_state(etag)).await
    }

    async fn overwrite(&self, key: &str, bytes: Bytes) -> Result<(), PlatformError> {
        self.0.put(key, Vec::from(bytes)).execute().await.map_err(failure::r2)?;
        Ok(())
    }

    async fn delete(&self, keys: &[String]) -> Result<(), PlatformError> {
        match keys {
            [] => Ok(()),
            [key] => self.0.delete(key).await.map_err(failure::r2),
            keys => self.0.delete_multiple(keys.to_vec()).await.map_err(failure::r2),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<KeyPage, PlatformError> {
        let (page, sizes) = self.page(prefix, after.unwrap_or_default(), limit, false).await?;
        let mut keys = Vec::new();
        for (key, _) in page.notes {
            keys.push(key);
        }
        let cursor = keys.last().filter(|_| page.more).cloned();
        Ok(KeyPage { keys, sizes, cursor })
    }

    async fn append(&self, key: &str, note: &str) -> Result<(), PlatformError> {
        let text = JsValue::from_str(note);
        let metadata = object(&[(NOTE, text.clone())])?;
        let options = object(&[("customMetadata", metadata)])?;
        self.call("put", &Array::of3(&key.into(), &text, &options)).await?;
        Ok(())
    }

    async fn list_noted(&self, prefix: &str, after: &str, limit: usize) -> Result<NotedPage, PlatformError> {
        Ok(self.page(prefix, after, limit, true).await?.0)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of bytes")]
fn whole(number: &JsValue) -> u64 {
    number.as_f64().unwrap_or_default() as u64
}

fn thrown(error: JsValue) -> PlatformError {
    failure::r2(error.into())
}

/// An object of the runtime. The bindings' own builders take custom metadata as hash maps, three kilobytes of program.
fn object(members: &[(&str, JsValue)]) -> Result<JsValue, PlatformError> {
    let object = js_sys::Object::new();
    for (name, value) in members {
        Reflect::set(&object, &(*name).into(), value).map_err(thrown)?;
    }
    Ok(object.into())
}

fn member(object: &JsValue, name: &JsValue) -> Result<JsValue, PlatformError> {
    Reflect::get(object, name).map_err(thrown)
}
