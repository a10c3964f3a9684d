//! Uploads in parts: for what is larger than the platform takes in one request. What an upload is published as says the
//! publishing request of a protocol that refers to it (`server/uploaded.rs`).

use super::Call;
use super::message::{self, Reply};
use super::route::UploadOperation;
use crate::error::{Error, Result};
use crate::model::{Algorithm, Digest};
use crate::platform::Platform;
use crate::service::FeedContext;
use crate::service::uploads;
use serde_json::Value;

/// Answers.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    operation: UploadOperation,
) -> Result<Reply> {
    match operation {
        UploadOperation::Begin => {
            let (size, sha256) = wish(&message::read(call.body).await?)?;
            Ok(Reply::created(&uploads::begin(context, None, size, sha256).await?.print()))
        }
        UploadOperation::Get(id) => Ok(Reply::ok(&uploads::find(context, &id).await?.print())),
        UploadOperation::Put { id, part } => {
            Ok(Reply::ok(&uploads::put_part(context, &id, part, call.body).await?.print()))
        }
        UploadOperation::Abandon(id) => {
            uploads::abandon(context, &id).await?;
            Ok(Reply::done())
        }
    }
}

/// How many bytes are to come, and what they hash to, if that is said.
fn wish(body: &Value) -> Result<(u64, Option<Digest>)> {
    let (size, sha256) = (body["size"].as_u64(), &body["sha256"]);
    let digest = sha256.as_str().and_then(|hex| Digest::from_hex(Algorithm::Sha256, hex).ok());
    match size {
        Some(size) if digest.is_some() || sha256.is_null() => Ok((size, digest)),
        _ => {
            let text = "an upload needs a `size` in bytes, and may have a `sha256` of 64 hexadecimal digits";
            Err(Error::Invalid(text.to_owned()).into())
        }
    }
}
