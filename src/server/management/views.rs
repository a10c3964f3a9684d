//! Views: list, create, read, change, delete. `Local` is always there and stays as it is, but for who may use it.

use super::Call;
use super::feed_json::print_view;
use super::feeds::{change, new_view};
use super::message::{self, Precondition, Reply, etag};
use crate::error::{Conflict, Error, Missing, Result};
use crate::model::{Feed, View, ViewName, Visibility};
use crate::platform::Platform;
use crate::service::FeedContext;
use serde::Deserialize;

/// As many as anybody promotes through; each version names those it is in.
const LIMIT: usize = 50;

#[derive(Deserialize)]
struct Wish {
    name: Option<String>,
    visibility: Option<Visibility>,
}

/// All views; through a view, that one.
pub(super) fn list<P: Platform>(call: &Call<'_, P>, context: &FeedContext<P>) -> Reply {
    let shown =
        context.feed.views.iter().filter(|view| context.view.as_ref().is_none_or(|only| only.id == view.id));
    let shown: Vec<_> = shown.map(|view| print_view(&call.origin, &context.feed, view)).collect();
    Reply::list(&shown, None)
}

/// One view.
pub(super) fn get<P: Platform>(call: &Call<'_, P>, context: &FeedContext<P>, name: &str) -> Result<Reply> {
    let view = find(&context.feed, name)?;
    if context.view.as_ref().is_some_and(|only| only.id != view.id) {
        return Err(missing(&context.feed, name));
    }
    Ok(Reply::ok(&print_view(&call.origin, &context.feed, view)))
}

/// A new view.
pub(super) async fn create<P: Platform>(call: Call<'_, P>, context: &FeedContext<P>) -> Result<Reply> {
    let wish: Wish = message::read(call.body).await?;
    let name = wish.name.ok_or_else(|| Error::Invalid("a view needs a `name`".to_owned()))?;
    let view = new_view(call.platform, &name, wish.visibility.unwrap_or(Visibility::Collection))?;
    let precondition = Precondition::of(&call.headers);
    let feed = change(call.platform, &context.feed, &precondition, &|before| {
        if before.views.iter().any(|known| known.id == view.id) {
            return Ok(before.clone());
        }
        refuse_taken(before, &view)?;
        if before.views.len() >= LIMIT {
            return Err(Error::Conflict(Conflict::Other(format!("a feed has at most {LIMIT} views"))).into());
        }
        let mut next = before.clone();
        next.views.push(view.clone());
        Ok(next)
    })
    .await?;
    let body = print_view(&call.origin, &feed, &view);
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::created(&body) })
}

/// Renames a view, or changes who may use it.
pub(super) async fn update<P: Platform>(
    call: Call<'_, P>,
    context: &FeedContext<P>,
    name: &str,
) -> Result<Reply> {
    let wish: Wish = message::read(call.body).await?;
    let present = find(&context.feed, name)?.clone();
    let visibility = wish.visibility.unwrap_or(present.visibility);
    let wanted = wish.name.as_deref().unwrap_or(present.name.as_str());
    let next = View { id: present.id.clone(), ..new_view(call.platform, wanted, visibility)? };
    if present.name.is_local() && next.name != present.name {
        return Err(Error::Conflict(Conflict::Other("view `Local` cannot be renamed".to_owned())).into());
    }
    let feed = change(call.platform, &context.feed, &Precondition::of(&call.headers), &|before| {
        refuse_taken(before, &next)?;
        let mut feed = before.clone();
        let view = feed.views.iter_mut().find(|view| view.id == next.id);
        let view = view.ok_or_else(|| missing(before, name))?;
        view.name = next.name.clone();
        view.visibility = next.visibility;
        Ok(feed)
    })
    .await?;
    let body = print_view(&call.origin, &feed, &next);
    Ok(Reply { etag: Some(etag(feed.sequence)), ..Reply::ok(&body) })
}

/// Removes a view. Its members stay in the feed; sources that lead to it fail from then on.
pub(super) async fn delete<P: Platform>(
    call: &Call<'_, P>,
    context: &FeedContext<P>,
    name: &str,
) -> Result<Reply> {
    let view = find(&context.feed, name)?.clone();
    if view.name.is_local() {
        let text = "view `Local` cannot be removed: it is what the feed holds";
        return Err(Error::Conflict(Conflict::Other(text.to_owned())).into());
    }
    change(call.platform, &context.feed, &Precondition::of(&call.headers), &|before| {
        if before.default_view_id.as_ref() == Some(&view.id) {
            let text = format!("view `{}` is the feed's default view; choose another one first", view.name);
            return Err(Error::Conflict(Conflict::Other(text)).into());
        }
        let mut next = before.clone();
        next.views.retain(|known| known.id != view.id);
        Ok(next)
    })
    .await?;
    Ok(Reply::done())
}

fn refuse_taken(feed: &Feed, view: &View) -> Result<()> {
    match feed.views.iter().find(|known| known.name == view.name && known.id != view.id) {
        Some(known) => Err(Error::Conflict(Conflict::NameTaken(format!("view `{}`", known.name))).into()),
        None => Ok(()),
    }
}

/// The view of that name or id.
fn find<'a>(feed: &'a Feed, name: &str) -> Result<&'a View> {
    let parsed = ViewName::parse(name).ok();
    parsed.and_then(|name| feed.view(&name)).ok_or_else(|| missing(feed, name))
}

fn missing(feed: &Feed, view: &str) -> Box<Error> {
    Error::NotFound(Missing::View { feed: feed.name.to_string(), view: view.chars().take(64).collect() })
        .into()
}
