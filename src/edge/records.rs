//! Records as R2 objects.

use super::failure;
use crate::platform::{Etag, KeyPage, PlatformError, Record, RecordStore, Written};
use bytes::Bytes;
use worker::{Bucket, Conditional};

/// R2's limit on entries of one page.
const PAGE: usize = 1_000;

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
        let limit = u32::try_from(limit.clamp(1, PAGE)).unwrap_or(u32::MAX);
        let list = self.0.list().prefix(prefix).limit(limit);
        let list = match after {
            Some(after) => list.start_after(after),
            None => list,
        };
        let page = list.execute().await.map_err(failure::r2)?;
        let keys: Vec<String> = page.objects().iter().map(worker::Object::key).collect();
        let cursor = keys.last().filter(|_| page.truncated()).cloned();
        Ok(KeyPage { keys, cursor })
    }
}
