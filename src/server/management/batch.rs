//! Batches: one operation on many versions of one protocol. Not atomic: each item has its own result.

use super::message::{self, Reply};
use super::packages::{Change, Target, version_of, view_name};
use super::{Call, admit, status};
use crate::error::{Error, Result};
use crate::model::ProtocolId;
use crate::platform::Platform;
use crate::protocol;
use crate::service::{Ecosystem, FeedContext};
use serde::Deserialize;
use serde_json::{Value, json};

/// An item costs up to eight storage operations, and a request has 1,000.
const LIMIT: usize = 100;

#[derive(Deserialize)]
struct Batch {
    operation: String,
    #[serde(default)]
    data: Option<Data>,
    packages: Vec<Item>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    view_id: Option<String>,
    message: Option<String>,
    listed: Option<bool>,
    yanked: Option<bool>,
}

/// A version, by its package's name, or by the parts of it.
#[derive(Deserialize)]
struct Item {
    id: Option<String>,
    group: Option<String>,
    artifact: Option<String>,
    version: String,
}

impl Item {
    fn name(&self) -> String {
        match (&self.id, &self.group, &self.artifact) {
            (Some(id), ..) => id.clone(),
            (None, Some(group), Some(artifact)) => format!("{group}:{artifact}"),
            (None, ..) => String::new(),
        }
    }
}

/// Does one thing to many versions.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    protocol: ProtocolId,
) -> Result<Reply> {
    let batch: Batch = message::read(call.body).await?;
    let change = change(&batch.operation, batch.data.unwrap_or_default())?;
    admit::action_on(context, change.action())?;
    if batch.packages.len() > LIMIT {
        return Err(Error::Invalid(format!("a batch has at most {LIMIT} packages")).into());
    }
    let ecosystem = protocol::ecosystem(protocol.as_str()).ok_or_else(Error::no_endpoint)?;
    let results = perform(context, ecosystem, &change, &batch.packages).await;
    let failed = results.iter().filter(|result| result.get("error").is_some()).count();
    Ok(Reply::ok(&json!({ "count": results.len(), "failed": failed, "value": results })))
}

fn change(operation: &str, data: Data) -> Result<Change> {
    let needs = |field: &str| Error::Invalid(format!("`{operation}` needs `data.{field}`"));
    match operation.to_ascii_lowercase().as_str() {
        "promote" => Ok(Change::Promote(view_name(&data.view_id.ok_or_else(|| needs("viewId"))?)?)),
        "delete" | "unpublish" => Ok(Change::Delete),
        "deprecate" => Change::deprecate(data.message.ok_or_else(|| needs("message"))?),
        "list" => Ok(Change::Listed(data.listed.ok_or_else(|| needs("listed"))?)),
        "yank" => Ok(Change::Listed(data.listed.unwrap_or(!data.yanked.unwrap_or(true)))),
        other => {
            let known = "promote, delete, unpublish, deprecate, list, yank";
            Err(Error::Invalid(format!("`operation` is one of {known}, not `{other}`")).into())
        }
    }
}

async fn perform<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    change: &Change,
    items: &[Item],
) -> Vec<Value> {
    let mut results = Vec::new();
    // One after the other: two items may be of one package, whose index takes one write at a time.
    for item in items {
        let mut result = json!({ "id": item.name(), "version": item.version, "status": 200 });
        if let Err(error) = one(context, ecosystem, change, item).await {
            result["status"] = json!(status::status(&error).as_u16());
            result["error"] = json!(status::message(&error, "of this batch"));
        }
        results.push(result);
    }
    results
}

async fn one<P: Platform>(
    context: &FeedContext<P>,
    ecosystem: &'static dyn Ecosystem,
    change: &Change,
    item: &Item,
) -> Result<()> {
    let target = Target { context, package: ecosystem.package(&item.name())? };
    target.change(&version_of(ecosystem, &item.version)?, change.clone()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Action;

    #[test]
    fn each_operation_needs_its_right_and_its_data() {
        let parse = |text: &str| {
            let batch: Batch = serde_json::from_str(text).unwrap();
            change(&batch.operation, batch.data.unwrap_or_default())
        };
        for (text, action) in [
            (r#"{"operation":"promote","data":{"viewId":"Release"},"packages":[]}"#, Action::Promote),
            (r#"{"operation":"Delete","data":null,"packages":[]}"#, Action::Delete),
            (r#"{"operation":"unpublish","packages":[]}"#, Action::Delete),
            (r#"{"operation":"deprecate","data":{"message":""},"packages":[]}"#, Action::Relist),
            (r#"{"operation":"list","data":{"listed":false},"packages":[]}"#, Action::Relist),
            (r#"{"operation":"yank","packages":[]}"#, Action::Relist),
        ] {
            assert_eq!(parse(text).unwrap().action(), action, "{text}");
        }
        assert!(parse(r#"{"operation":"promote","packages":[]}"#).is_err());
        assert!(parse(r#"{"operation":"explode","packages":[]}"#).is_err());
    }
}
