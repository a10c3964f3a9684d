//! Favourites: `npm star`, `npm unstar`, `npm stars`.

use super::super::{Form, Npm, wire::Accepted};
use crate::error::Result;
use crate::platform::Platform;
use crate::protocol::{Answer, Protocol as _};
use crate::service::{FeedContext, Package, list, stars};
use crate::store::packages;
use http::StatusCode;
use serde_json::{Map, Value, json};

/// `PUT N` with everybody whose favourite it is to be: the caller's own star is the only one it changes.
pub(super) async fn put<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    users: &Map<String, Value>,
) -> Result<Answer<P>> {
    // What is not there for the caller cannot be a favourite.
    list::listing(context, package, Form::Full.document()).await?;
    let starred = users.get(context.principal.subject()).is_some_and(|star| *star != Value::Bool(false));
    stars::set(context, package, starred).await?;
    Answer::json(StatusCode::OK, &Accepted::new(Some(package.to_string()), None))
}

/// `GET /-/_view/starredByUser?key="{user}"`.
pub(super) async fn of<P: Platform>(context: &FeedContext<P>, user: &str) -> Result<Answer<P>> {
    // Favourites are the whole feed's: whoever sees one view only must not learn the names of other packages.
    if context.view.as_ref().is_some_and(|view| !view.name.is_local()) {
        return Err(super::not_offered("favourites in a view"));
    }
    let found = packages::starred(&context.platform, &context.feed.id, Npm::ID, user).await?;
    let rows: Vec<Value> =
        found.into_iter().map(|name| json!({ "id": name, "key": user, "value": name })).collect();
    Answer::json(StatusCode::OK, &json!({ "rows": rows }))
}
