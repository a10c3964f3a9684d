//! What logs are told: who did what, with what client, to what.

use super::{FeedContext, Package};
use crate::model::{Action, Deed, OrganizationName, Principal, Token, Version};
use crate::platform::Platform;
use crate::store::keys::{self, PackagePath};
use crate::store::log;
use serde_json::{Map, Value, json};
use std::rc::Rc;
use std::time::Duration;

/// One refusal of a kind is written down in this time, per token and isolate: else a client that tries again and again
/// would fill the store.
const REFUSAL_PAUSE: Duration = Duration::from_secs(60);

/// So much of what a client says of itself stands in a log.
const CLIENT_LENGTH: usize = 100;

/// What a client says of itself, as far as it may stand in a log.
pub fn client(user_agent: Option<&str>) -> Rc<str> {
    let printable = |character: &char| character.is_ascii_graphic() || *character == ' ';
    let text: String = user_agent.unwrap_or_default().chars().filter(printable).take(CLIENT_LENGTH).collect();
    text.into()
}

/// An entry: who did what, and what else there is to say.
pub fn entry(deed: Deed, principal: &Principal, client: &str, details: Value) -> Value {
    written(deed, Some(principal.id()), principal.subject(), client, details)
}

fn written(deed: Deed, token: Option<&str>, subject: &str, client: &str, details: Value) -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    add("action", deed.name().into());
    add("token", token.into());
    add("subject", subject.into());
    if !client.is_empty() {
        add("client", client.into());
    }
    if !details.is_null() {
        add("details", details);
    }
    Value::Object(members)
}

/// An entry about a package, or one of its versions.
pub(super) fn about<P: Platform>(
    context: &FeedContext<P>,
    deed: Deed,
    package: &Package,
    version: Option<&Version>,
    details: Value,
) -> Value {
    let entry = entry(deed, &context.principal, &context.client, details);
    place(entry, package.protocol().as_str(), package.as_str(), version.map(Version::as_str))
}

/// An entry about what nobody asked for, but cron did.
pub(super) fn about_cron(deed: Deed, task: &str, path: &PackagePath, version: &str) -> Value {
    place(written(deed, None, task, "", Value::Null), path.protocol(), &path.package_key(), Some(version))
}

fn place(mut entry: Value, protocol: &str, package: &str, version: Option<&str>) -> Value {
    for (name, value) in [("protocol", Some(protocol)), ("package", Some(package)), ("version", version)] {
        if let Some(value) = value {
            entry[name] = value.into();
        }
    }
    entry
}

/// Writes down, after the answer, that the holder of a token was refused what would have changed a feed.
pub(super) fn refused<P: Platform>(context: &FeedContext<P>, action: Action, what: &str) {
    let Principal::Token(_) = &*context.principal else { return };
    if matches!(action, Action::Read | Action::Save) {
        return;
    }
    let log = keys::feed_log(&context.feed.id);
    note_refusal(&context.platform, log, &context.principal, &context.client, what);
}

/// The same, of what would have changed an organization, the holder's own.
pub fn refused_in_organization<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    principal: &Principal,
    client: &str,
    what: &str,
) {
    let is_member = |token: &Token| token.organization == *organization;
    if matches!(principal, Principal::Token(token) if is_member(token)) {
        note_refusal(platform, keys::organization_log(organization), principal, client, what);
    }
}

fn note_refusal<P: Platform>(platform: &P, log: String, principal: &Principal, client: &str, what: &str) {
    let what: String = what.chars().take(200).collect();
    let (known, now) = (format!("refused:{log}{} {what}", principal.id()), platform.now());
    if platform.memo().get::<()>(&known, now).is_some() {
        return;
    }
    platform.memo().put(known, Rc::new(()), 16, now, REFUSAL_PAUSE);
    let entry = entry(Deed::Refused, principal, client, json!({ "what": what }));
    write(platform, vec![log], entry);
}

/// Writes down, after the answer, what became of a token of that organization: made or revoked by `principal`.
pub fn about_token<P: Platform>(context: &FeedContext<P>, deed: Deed, principal: &Principal, token: &str) {
    let Principal::Token(holder) = principal else { return };
    let details = json!({ "token": token, "subject": holder.subject });
    let entry = entry(deed, principal, &context.client, details);
    write(&context.platform, vec![keys::organization_log(&holder.organization)], entry);
}

/// Writes an entry to logs, after the answer.
pub fn write<P: Platform>(platform: &P, logs: Vec<String>, entry: Value) {
    let task = platform.clone();
    platform.in_background(async move {
        for name in logs {
            if let Err(error) = log::append(&task, &name, std::slice::from_ref(&entry)).await {
                task.log(
                    &json!({ "endpoint": "log", "error": error.to_string(), "entry": entry }).to_string(),
                );
            }
        }
    });
}
