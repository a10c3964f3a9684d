//! Audits, signing keys, attestations: passed through from the upstream registry, and remembered.
//!
//! Names of packages published here are not sent upstream: whoever runs the registry need not learn them.

use super::super::wire::{AuditRequest, BulkAuditAnswer};
use super::super::{Npm, listing};
use crate::error::{Error, Missing, Result};
use crate::model::{Action, SortedMap, Version, gzip, json};
use crate::platform::{Body, OutgoingRequest, Platform, Request, header};
use crate::protocol::{Answer, Protocol as _};
use crate::service::{FeedContext, Package, Registry, ask_first, delete, upstream_get};
use crate::store::{index, packages, passed};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use std::io::Read;
use std::time::Duration;

/// Bytes of an upstream's answer.
const ANSWER_LIMIT: usize = 8 << 20;

/// For how long the answer to an audit is remembered.
const AUDIT_LIFETIME: Duration = Duration::from_secs(600);

/// For how long keys are remembered. They change once in years, and their clients keep them for a day.
const KEYS_LIFETIME: Duration = Duration::from_secs(3600);

/// `POST /-/npm/v1/security/advisories/bulk`.
pub(super) async fn bulk<P: Platform>(context: &FeedContext<P>, request: Request) -> Result<Answer<P>> {
    let asked: AuditRequest = parse(&body(request).await?)?;
    Answer::json(StatusCode::OK, &advisories(context, asked).await?)
}

/// `POST /-/npm/v1/security/audits/quick`: the older form, with a tree of packages, answered from the newer one.
pub(super) async fn quick<P: Platform>(context: &FeedContext<P>, request: Request) -> Result<Answer<P>> {
    let tree: Value = parse(&body(request).await?)?;
    let mut asked = AuditRequest::new();
    flatten(&tree, &mut asked, 0);
    let found = advisories(context, asked.clone()).await?;
    let total: usize = asked.values().map(Vec::len).sum();
    let mut counts =
        SortedMap::from(["info", "low", "moderate", "high", "critical"].map(|name| (name, 0_u64)));
    let mut entries = Map::new();
    for (package, advisories) in found {
        for mut advisory in advisories {
            let text = |member| advisory.get(member).and_then(Value::as_str).unwrap_or_default();
            *counts.or_insert_with(severity(text("severity")), u64::default) += 1;
            let versions = asked.get(&package).cloned().unwrap_or_default();
            let findings: Vec<Value> = versions
                .iter()
                .filter(|version| is_vulnerable(version, text("vulnerable_versions")))
                .map(|version| json!({ "version": version, "paths": [package] }))
                .collect();
            let id = advisory.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
            advisory.insert("module_name".to_owned(), package.as_str().into());
            advisory.insert("findings".to_owned(), findings.into());
            advisory.entry("patched_versions").or_insert_with(|| "<0.0.0".into());
            entries.insert(id.unwrap_or_default(), advisory.into());
        }
    }
    let metadata = json!({
        "vulnerabilities": counts, "dependencies": 0, "devDependencies": 0, "optionalDependencies": 0,
        "totalDependencies": total,
    });
    let answer = json!({ "actions": [], "advisories": entries, "muted": [], "metadata": metadata });
    Answer::json(StatusCode::OK, &answer)
}

fn severity(text: &str) -> &'static str {
    match text {
        "critical" => "critical",
        "high" => "high",
        "moderate" => "moderate",
        "low" => "low",
        _ => "info",
    }
}

/// Is this version in that range? Advisories write ranges as `>=1.0.0 <1.2.3 || <0.4.0`; one that cannot be read counts.
fn is_vulnerable(version: &str, range: &str) -> bool {
    let Ok(version) = semver::Version::parse(version) else { return true };
    range.split("||").any(|alternative| {
        let alternative = alternative.trim().replace("< ", "<").replace("> ", ">").replace("= ", "=");
        let conditions = alternative.split_whitespace().collect::<Vec<_>>().join(", ");
        semver::VersionReq::parse(&conditions).map_or(true, |wanted| wanted.matches(&version))
    })
}

/// `GET /-/npm/v1/keys`.
pub(super) async fn keys<P: Platform>(context: &FeedContext<P>) -> Result<Answer<P>> {
    let make = |registry: Registry<'_>| {
        Some(upstream_get(registry.location.join("-/npm/v1/keys").ok()?, "application/json"))
    };
    let document = pass(context, "keys", KEYS_LIFETIME, &make).await?;
    let document = document.ok_or_else(|| super::not_offered("signing keys"))?;
    Ok(Answer::Document { status: StatusCode::OK, content_type: "application/json", body: document })
}

/// `GET /-/npm/v1/attestations/N@{version}`.
pub(super) async fn attestations<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
) -> Result<Answer<P>> {
    let slot = delete::any_slot(context, package, version).await?;
    let none = || Error::NotFound(Missing::Other(format!("`{package}` {version} has no attestations here")));
    let slot = slot.filter(|slot| !slot.is_dropped());
    if slot.as_ref().is_some_and(|slot| !slot.is_live() || !context.shows(&slot.views)) {
        return Err(none().into());
    }
    let path = context.path(package);
    let known = packages::mark(&context.platform, &path, &mark(version)).await?;
    let body = match known {
        Some(known) => known,
        None if slot.as_ref().is_some_and(crate::model::Slot::is_published) => return Err(none().into()),
        None => {
            if slot.is_none() {
                context.require(
                    Action::Save,
                    "reading attestations of a version that is not in this feed yet",
                )?;
            }
            let spec = format!("-/npm/v1/attestations/{}@{version}", listing::encoded_name(package));
            let make = |registry: Registry<'_>| {
                Some(upstream_get(registry.location.join(&spec).ok()?, "application/json"))
            };
            let document = pass(context, &spec, KEYS_LIFETIME, &make).await?.ok_or_else(none)?;
            if slot.is_some() {
                packages::set_mark(&context.platform, &path, &mark(version), document.clone()).await?;
            }
            document
        }
    };
    Ok(Answer::Document { status: StatusCode::OK, content_type: "application/json", body })
}

/// Under which name the attestations of a version are kept.
pub(super) fn mark(version: &Version) -> String {
    format!("attestations-{}", version.key())
}

async fn body(request: Request) -> Result<Bytes> {
    let compressed = request.headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "gzip");
    let bytes = request.body.collect(super::BODY_LIMIT).await?;
    if !compressed {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    let limit = super::BODY_LIMIT as u64;
    let read = gzip::Reader::new(bytes).take(limit + 1).read_to_end(&mut plain);
    read.map_err(|error| Error::Invalid(format!("the body is not gzip: {error}")))?;
    if plain.len() as u64 > limit {
        return Err(Error::TooLarge { what: "the decompressed body", limit }.into());
    }
    Ok(plain.into())
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    json::read(bytes).map_err(|error| Error::Invalid(format!("the body is not an audit: {error}")).into())
}

/// Names and versions of an older audit's tree.
fn flatten(tree: &Value, asked: &mut AuditRequest, depth: usize) {
    let Some(dependencies) = tree.get("dependencies").and_then(Value::as_object).filter(|_| depth < 64)
    else {
        return;
    };
    for (package, node) in dependencies {
        if let Some(version) = node.get("version").and_then(Value::as_str) {
            let versions = asked.or_insert_with(package.clone(), Vec::new);
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
        flatten(node, asked, depth + 1);
    }
}

/// What the upstream registry says of these packages. "Nothing known" must not look like "nothing wrong": if it cannot
/// be asked, that is said, with a 404, because clients retry 5xx for minutes.
async fn advisories<P: Platform>(
    context: &FeedContext<P>,
    mut asked: AuditRequest,
) -> Result<BulkAuditAnswer> {
    let unavailable =
        |reason: String| Error::NotFound(Missing::Other(format!("audits are not available: {reason}")));
    if !context.permits(Action::Save) {
        return Err(unavailable("asking the upstream source needs Collaborator".to_owned()).into());
    }
    for name in index::published_names(&context.platform, &context.feed.id, Npm::ID).await?.iter() {
        asked.remove(name);
    }
    if asked.is_empty() {
        return Ok(BulkAuditAnswer::new());
    }
    let body = Bytes::from(serde_json::to_vec(&asked).unwrap_or_default());
    let make = |registry: Registry<'_>| {
        let mut request = upstream_get(
            registry.location.join("-/npm/v1/security/advisories/bulk").ok()?,
            "application/json",
        );
        request.headers.insert(header::CONTENT_TYPE, "application/json");
        Some(OutgoingRequest { method: Method::POST, body: Body::Bytes(body.clone()), ..request })
    };
    let key = String::from_utf8_lossy(&body);
    let answer =
        pass(context, &key, AUDIT_LIFETIME, &make).await.map_err(|error| unavailable(error.to_string()))?;
    let answer = answer.ok_or_else(|| unavailable("no upstream source offers them".to_owned()))?;
    json::read(&answer).map_err(|error| unavailable(error.to_string()).into())
}

/// Passes a question on to the first source that answers it, and remembers the answer.
async fn pass<P: Platform>(
    context: &FeedContext<P>,
    question: &str,
    lifetime: Duration,
    make: &dyn Fn(Registry<'_>) -> Option<OutgoingRequest>,
) -> Result<Option<Bytes>> {
    if let Some(known) = passed::get(&context.platform, &context.feed, Npm::ID, question).await {
        return Ok(Some(known));
    }
    let Some(answer) = ask_first(context, &Npm, make, ANSWER_LIMIT).await? else { return Ok(None) };
    if !answer.trim_ascii_start().starts_with(b"{") || json::read::<IgnoredAny>(&answer).is_err() {
        return Ok(None);
    }
    passed::put(&context.platform, &context.feed, Npm::ID, question, answer.clone(), lifetime).await;
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use super::is_vulnerable;

    #[test]
    fn ranges_are_read_as_advisories_write_them() {
        let range = ">=1.0.0 <1.2.3 || < 0.4.0";
        for (version, expected) in
            [("1.0.0", true), ("1.2.3", false), ("0.3.9", true), ("0.4.0", false), ("2.0.0", false)]
        {
            assert_eq!(is_vulnerable(version, range), expected, "{version}");
        }
        assert!(is_vulnerable("1.0.0", "who knows"), "better one warning too many");
    }
}
