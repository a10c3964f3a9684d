//! Batches: one operation on many versions of one protocol. Not atomic: each item has its own result.

use super::message::{self, Reply};
use super::packages::{Change, Target, version_of, view_name};
use super::route::BatchPlace;
use super::{Call, admit, envelope, status};
use crate::error::{Error, Result};
use crate::model::ProtocolId;
use crate::platform::Platform;
use crate::protocol;
use crate::service::{Ecosystem, FeedContext};
use http::StatusCode;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// An item costs up to fifteen storage operations, and a request has 10,000 (1,000 on the free plan, where batches must be smaller).
const LIMIT: usize = 100;

/// A version in a body, by its package's name, or by the parts of it.
struct Item {
    name: String,
    version: String,
}

impl Item {
    fn read(item: &Value) -> Result<Self> {
        let text = |member: &str| item.get(member).and_then(Value::as_str);
        let name = match (text("id"), text("group"), text("artifact")) {
            (Some(id), ..) => id.to_owned(),
            (None, Some(group), Some(artifact)) => format!("{group}:{artifact}"),
            (None, ..) => String::new(),
        };
        let version = text("version").ok_or_else(|| missing("a `version` for each of `packages`"))?;
        Ok(Self { name, version: version.to_owned() })
    }
}

fn missing(what: &str) -> Error {
    Error::Invalid(format!("a batch needs {what}"))
}

/// Does one thing to many versions.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    protocol: ProtocolId,
    place: BatchPlace,
) -> Result<Reply> {
    let batch: Value = message::read(call.body).await?;
    let change = change(place, &batch)?;
    admit::action_on(context, change.action())?;
    let items = batch.get("packages").and_then(Value::as_array).ok_or_else(|| missing("`packages`"))?;
    let items = items.iter().map(Item::read).collect::<Result<Vec<_>>>()?;
    if items.len() > LIMIT {
        return Err(Error::Invalid(format!("a batch has at most {LIMIT} packages")).into());
    }
    let ecosystem = protocol::ecosystem(protocol.as_str()).ok_or_else(Error::no_endpoint)?;
    let results = perform(context, ecosystem, &change, &items).await;
    Ok(answer_with(&results))
}

/// 200 if all went well. Otherwise a refusal, because that is what scripts notice: of the one status there is, or 409, with
/// what became of each item.
fn answer_with(results: &[Value]) -> Reply {
    let failed: Vec<_> = results.iter().filter(|result| result.get("error").is_some()).collect();
    let Some(first) = failed.first() else {
        return Reply::ok(&json!({ "count": results.len(), "failed": 0, "value": results }));
    };
    let code = |result: &Value| result.get("status").and_then(Value::as_u64).unwrap_or_default();
    let same = failed.iter().all(|result| code(result) == code(first));
    let status = u16::try_from(code(first)).ok().filter(|_| same && failed.len() == results.len());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::CONFLICT);
    let mut message = format!("{} of {} packages failed", failed.len(), results.len());
    for result in &failed {
        let text = |member: &str| result.get(member).and_then(Value::as_str).unwrap_or_default();
        let _ = write!(message, "; `{}` {}: {}", text("id"), text("version"), text("error"));
    }
    let mut body = envelope(status, &message);
    body["customProperties"] = json!({ "results": results });
    Reply { status, ..Reply::ok(&body) }
}

fn change(place: BatchPlace, batch: &Value) -> Result<Change> {
    let operation =
        batch.get("operation").and_then(Value::as_str).ok_or_else(|| missing("an `operation`"))?;
    let data = batch.get("data").unwrap_or(&Value::Null);
    let text = |member: &str| data.get(member).and_then(Value::as_str);
    let flag = |member: &str| data.get(member).and_then(Value::as_bool);
    if place == BatchPlace::Bin {
        return match operation.to_ascii_lowercase().as_str() {
            "permanentdelete" => Ok(Change::Purge),
            "restoretofeed" => Ok(Change::Restore),
            other => {
                let known = "permanentDelete, restoreToFeed";
                Err(Error::Invalid(format!("`operation` is one of {known}, not `{other}`")).into())
            }
        };
    }
    let needs = |field: &str| Error::Invalid(format!("`{operation}` needs `data.{field}`"));
    match operation.to_ascii_lowercase().as_str() {
        "promote" => Ok(Change::Promote(view_name(text("viewId").ok_or_else(|| needs("viewId"))?)?)),
        "delete" | "unpublish" => Ok(Change::Delete),
        "deprecate" => Change::deprecate(text("message").ok_or_else(|| needs("message"))?.to_owned()),
        "list" => Ok(Change::Listed(flag("listed").ok_or_else(|| needs("listed"))?)),
        "yank" => Ok(Change::Listed(flag("listed").unwrap_or(!flag("yanked").unwrap_or(true)))),
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
        let mut result = json!({ "id": item.name, "version": item.version, "status": 200 });
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
    let target = Target { context, package: ecosystem.package(&item.name)? };
    target.change(&version_of(ecosystem, &item.version)?, change.clone()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Action;

    #[test]
    fn each_operation_needs_its_right_and_its_data() {
        let parse = |text: &str| change(BatchPlace::Feed, &serde_json::from_str::<Value>(text).unwrap());
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
