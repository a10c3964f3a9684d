//! Tokens over REST; who reaches which is `service/tokens.rs`'s to say.

use super::Call;
use super::message::{self, Reply};
use super::route::TokenOperation;
use crate::error::{Error, Missing, Result};
use crate::model::{
    Address, Grant, GrantTarget, OrganizationName, Role, Scope, Timestamp, Token, TokenText, ViewName,
};
use crate::platform::Platform;
use crate::service::tokens::{Maker, label};
use crate::store::{self, feeds};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// As many as anybody keeps track of: each is compared with each permission.
const GROUPS: usize = 50;

/// Answers what is asked about tokens. `holder` is the caller's own token.
pub(super) async fn answer<P: Platform>(
    call: Call<'_, P>,
    organization: &OrganizationName,
    holder: &Token,
    operation: TokenOperation,
) -> Result<Reply> {
    let mut maker = Maker::new(call.platform, holder).await?;
    match operation {
        TokenOperation::List { subject, cursor } => {
            let (tokens, next) = maker.list(organization, subject.as_deref(), cursor.as_deref()).await?;
            let mut described = Vec::new();
            for token in &tokens {
                described.push(with_use(call.platform, token).await?);
            }
            Ok(Reply::list(&described, next))
        }
        TokenOperation::Get(id) => {
            let token = maker.get(organization, &id).await?;
            Ok(Reply::ok(&with_use(call.platform, &token).await?))
        }
        TokenOperation::Create => {
            let wish: Wish = message::read(call.body).await?;
            let wish = judgeable(call.platform, organization, wish).await?;
            Ok(issued(&maker.make(wish).await?))
        }
        TokenOperation::Revoke(id) => {
            maker.revoke(organization, &id).await?;
            Ok(Reply::done())
        }
        TokenOperation::Rotate(id) => Ok(issued(&maker.rotate(organization, &id).await?)),
    }
}

/// A token that was just made, with its text.
pub(super) fn told((token, text): &(Token, TokenText)) -> Value {
    let mut body = describe(token);
    body["token"] = json!(text.secret().expose());
    body
}

fn issued(issued: &(Token, TokenText)) -> Reply {
    Reply { secret: true, ..Reply::created(&told(issued)) }
}

/// A token, and when it was last used.
async fn with_use<P: Platform>(platform: &P, token: &Token) -> Result<Value> {
    let mut body = describe(token);
    if let Some(used) = store::tokens::last_use(platform, token).await? {
        body["lastUsed"] = json!(used);
    }
    Ok(body)
}

/// What a caller wants.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    subject: String,
    name: Option<String>,
    scope: Scope,
    #[serde(default)]
    grants: Vec<GrantWish>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    administrator: bool,
    #[serde(default)]
    feed_creator: bool,
    expires: Option<Timestamp>,
    expires_in_days: Option<u32>,
}

/// A role on a feed (`feed`, `project/feed`, a feed's id), on one of its views (`feed@view`, or `view` beside it), or on
/// all feeds of the organization.
#[derive(Deserialize)]
struct GrantWish {
    feed: Option<String>,
    view: Option<String>,
    #[serde(default)]
    organization: bool,
    role: Role,
}

/// The token wished for, not yet judged.
async fn judgeable<P: Platform>(platform: &P, organization: &OrganizationName, wish: Wish) -> Result<Token> {
    let mut grants = Vec::new();
    for grant in &wish.grants {
        grants.push(Grant { target: target(platform, organization, grant).await?, role: grant.role });
    }
    if wish.groups.len() > GROUPS {
        return Err(Error::Invalid(format!("a token is in at most {GROUPS} groups")).into());
    }
    let groups = wish.groups.iter().map(|group| label(group, "in `groups` names")).collect::<Result<_>>()?;
    let now = platform.now();
    let in_days = wish.expires_in_days.map(|days| now.plus(Duration::from_secs(u64::from(days) * 24 * 3600)));
    Ok(Token {
        id: String::new(),
        organization: organization.clone(),
        subject: subject(&wish.subject)?,
        name: wish.name.as_deref().map(|name| label(name, "a `name`")).transpose()?,
        scope: wish.scope,
        grants,
        administrator: wish.administrator,
        feed_creator: wish.feed_creator,
        groups,
        vouched: true,
        parent: None,
        created: now,
        expires: wish.expires.or(in_days),
        revoked: None,
    })
}

async fn target<P: Platform>(
    platform: &P,
    organization: &OrganizationName,
    grant: &GrantWish,
) -> Result<GrantTarget> {
    let Some(text) = grant.feed.as_deref() else {
        let text = "a grant needs `feed`, or `organization: true` for all feeds of the organization";
        return if grant.organization {
            Ok(GrantTarget::Organization)
        } else {
            Err(Error::Invalid(text.to_owned()).into())
        };
    };
    let address = Address::parse_path(&format!("{organization}/{text}"))
        .map_err(|reason| Error::Invalid(format!("`feed` of a grant: {reason}")))?;
    let name = &address.locator.feed;
    let found = feeds::find(platform, organization, address.project.as_ref(), name).await?;
    let feed = found.filter(|feed| feed.deleted.is_none());
    let feed = feed.ok_or_else(|| Error::NotFound(Missing::Feed(text.to_owned())))?;
    let named = match &grant.view {
        Some(view) => {
            let reason = |reason| Error::Invalid(format!("`view` of a grant: {reason}"));
            Some(ViewName::parse(view).map_err(reason)?)
        }
        None => address.locator.view,
    };
    let Some(view) = named else { return Ok(GrantTarget::Feed { feed: feed.id.clone() }) };
    let missing = || Missing::View { feed: feed.name.to_string(), view: view.to_string() };
    let found = feed.view(&view).ok_or_else(|| Error::NotFound(missing()))?;
    Ok(GrantTarget::View { feed: feed.id.clone(), view: found.id.clone() })
}

/// Reads whom a token is for.
pub(super) fn subject(text: &str) -> Result<String> {
    label(text, "a `subject` (who holds it)")
}

/// What anybody is told of a token once it was made: all but the token.
fn describe(token: &Token) -> Value {
    let grants = token.grants.iter().map(|grant| match &grant.target {
        GrantTarget::Organization => json!({ "organization": true, "role": grant.role }),
        GrantTarget::Feed { feed } => json!({ "feed": feed, "role": grant.role }),
        GrantTarget::View { feed, view } => json!({ "feed": feed, "view": view, "role": grant.role }),
    });
    let mut body = json!({
        "id": token.id,
        "organization": token.organization,
        "subject": token.subject,
        "scope": token.scope,
        "grants": grants.collect::<Vec<_>>(),
        "administrator": token.administrator,
        "feedCreator": token.feed_creator,
        "groups": token.groups,
        "vouched": token.vouched,
        "created": token.created,
    });
    if let Some(name) = &token.name {
        body["name"] = json!(name);
    }
    if let Some(parent) = &token.parent {
        body["madeWith"] = json!(parent.id());
    }
    for (name, moment) in [("expires", token.expires), ("revoked", token.revoked)] {
        if let Some(moment) = moment {
            body[name] = json!(moment);
        }
    }
    body
}
