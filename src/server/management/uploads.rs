//! Uploads in parts: for what is larger than the platform takes in one request. What an upload is published as says the
//! publishing request of a protocol that refers to it (`server/uploaded.rs`).

use super::Call;
use super::message::{self, Reply};
use super::route::UploadOperation;
use crate::error::{Error, Result};
use crate::model::{Algorithm, Digest};
use crate::platform::Platform;
use crate::service::FeedContext;
use crate::service::uploads::{self, Progress};
use serde_json::{Value, json};

/// Answers.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    operation: UploadOperation,
) -> Result<Reply> {
    match operation {
        UploadOperation::Begin => {
            let (size, sha256) = wish(&message::read(call.body).await?)?;
            let target = uploads::private_place(context);
            Ok(Reply::created(&progress(uploads::begin(context, target, size, sha256).await?)))
        }
        UploadOperation::Get(id) => Ok(Reply::ok(&progress(uploads::find(context, &id).await?))),
        UploadOperation::Put { id, part } => {
            Ok(Reply::ok(&progress(uploads::put_part(context, &id, part, call.body).await?)))
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

fn progress(progress: Progress) -> Value {
    json!({
        "id": progress.id,
        "size": progress.size,
        "partSize": progress.part_size,
        "parts": progress.parts,
        "received": progress.received,
        "sha256": progress.digest.map(|digest| digest.hex()),
    })
}
