//! Opening a feed for a caller, and the one place where a caller's right is decided.

use super::{Package, feed_bin::not_in_bin, session};
use crate::error::{Error, Missing, Result};
use crate::model::{Action, Address, Authority, Feed, FeedLocator, Keyring, Principal, View};
use crate::platform::Platform;
use crate::store::{feeds, keys::PackagePath};
use std::cell::Cell;
use std::rc::Rc;

/// What the deployment decides for every feed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// May upstream sources be at private addresses? Development only.
    pub allow_private_upstreams: bool,
    /// What credentials of sources are sealed with.
    pub keyring: Keyring,
}

/// Where an answer came from, for the log line.
#[derive(Clone, Debug, Default)]
pub struct Trace(Rc<Cell<&'static str>>);

impl Trace {
    /// Notes it; the last note counts.
    pub fn note(&self, origin: &'static str) {
        self.0.set(origin);
    }

    /// What was noted, or nothing.
    pub fn origin(&self) -> &'static str {
        self.0.get()
    }
}

/// A feed opened for a caller: what every service works with. Cloning is cheap; clones move into background tasks.
#[derive(Clone)]
pub struct FeedContext<P> {
    /// The world.
    pub platform: P,
    /// The feed.
    pub feed: Rc<Feed>,
    /// The view named in the URL, if one was.
    pub view: Option<Rc<View>>,
    /// How the caller named the feed.
    pub locator: FeedLocator,
    /// The provenance session that was named in its place, if one was.
    pub session: Option<Rc<str>>,
    /// The caller.
    pub principal: Rc<Principal>,
    /// What the caller may do here.
    pub authority: Authority,
    /// The protocol's root on the caller's scheme, host and prefix, with a trailing slash: all links start with it.
    pub root: Rc<str>,
    /// The caller asked not to be served from memory.
    pub always_check: bool,
    /// What the deployment decides.
    pub settings: Settings,
    /// Where the answer came from.
    pub trace: Trace,
    /// What the client says of itself, for the log.
    pub client: Rc<str>,
}

impl<P: Platform> FeedContext<P> {
    /// Does the caller have the right to that?
    pub fn permits(&self, action: Action) -> bool {
        self.authority.permits(action)
    }

    /// Insists on a right; `what` names the deed for the refusal.
    pub fn require(&self, action: Action, what: &str) -> Result<()> {
        if self.permits(action) {
            return Ok(());
        }
        super::log::refused(self, action, action.describe());
        Err(Error::lacks(action, what, self.authority, &self.locator).into())
    }

    /// Where a package lives in this feed.
    pub fn path(&self, package: &Package) -> PackagePath {
        PackagePath::new(&self.feed.id, package.protocol(), package)
    }

    /// Does this context show a version that is in these views?
    pub fn shows(&self, views: &crate::model::SortedSet) -> bool {
        self.view.as_ref().is_none_or(|view| view.shows(views))
    }

    /// Are upstream sources part of what this caller sees here?
    pub fn sees_upstream(&self) -> bool {
        self.view.is_none() && self.permits(Action::Save)
    }
}

/// Opens a feed. Those who may not even read it learn no more than whether a token helps.
pub async fn open<P: Platform>(
    platform: P,
    address: &Address,
    principal: Rc<Principal>,
    root: Rc<str>,
    settings: Settings,
) -> Result<FeedContext<P>> {
    let locator = address.locator.clone();
    let now = platform.now();
    let (name, session) = session::named(&locator.feed, now).unzip();
    let name = name.as_ref().unwrap_or(&locator.feed);
    let found = feeds::find(&platform, &address.organization, address.project.as_ref(), name).await?;
    let Some(feed) = found else {
        return Err(session::ended(&locator.feed, now).unwrap_or_else(|| unknown(&principal, &locator)));
    };
    let mut context = enter(platform, feed, locator, principal, root, settings)?;
    context.session = session;
    Ok(context)
}

/// Opens a feed that was read already, as `locator` names it.
pub fn enter<P: Platform>(
    platform: P,
    feed: Rc<Feed>,
    locator: FeedLocator,
    principal: Rc<Principal>,
    root: Rc<str>,
    settings: Settings,
) -> Result<FeedContext<P>> {
    if feed.deleted.is_some() {
        return Err(deleted(&feed, &principal, &locator));
    }
    let view = locator.view.as_ref().map(|name| feed.view(name).cloned());
    if let (Some(name), Some(None)) = (&locator.view, &view) {
        let authority = principal.authority(&feed, None);
        if authority.effective().is_none() {
            return Err(unknown(&principal, &locator));
        }
        return Err(
            Error::NotFound(Missing::View { feed: feed.name.to_string(), view: name.to_string() }).into()
        );
    }
    let view = view.flatten().map(Rc::new);
    let authority = principal.authority(&feed, view.as_deref());
    Ok(FeedContext {
        platform,
        feed,
        view,
        locator,
        session: None,
        principal,
        authority,
        root,
        always_check: false,
        settings,
        trace: Trace::default(),
        client: Rc::from(""),
    })
}

/// A feed in the recycle bin, as it is stored now, for one of its owners.
pub async fn open_deleted<P: Platform>(
    platform: &P,
    address: &Address,
    principal: &Principal,
) -> Result<Feed> {
    let locator = &address.locator;
    let missing = || unknown(principal, locator);
    let found = feeds::find(platform, &address.organization, address.project.as_ref(), &locator.feed).await?;
    let id = found.filter(|_| locator.view.is_none()).ok_or_else(missing)?.id.clone();
    let feed = feeds::get(platform, &id).await?.ok_or_else(missing)?.value;
    let authority = principal.authority(&feed, None);
    if authority.effective().is_none() {
        return Err(missing());
    }
    if !authority.permits(Action::Administer) {
        return Err(
            Error::lacks(Action::Administer, Action::Administer.describe(), authority, locator).into()
        );
    }
    if feed.deleted.is_none() { Err(not_in_bin(&feed.name)) } else { Ok(feed) }
}

/// What a caller is told whose credentials open nothing here: the same, whether the feed exists or not.
pub fn refused_login(locator: &FeedLocator) -> Box<Error> {
    unknown(&Principal::Anonymous, locator)
}

/// A feed that is not there looks to callers without a token like one that is private.
fn unknown(principal: &Principal, locator: &FeedLocator) -> Box<Error> {
    match principal {
        Principal::Anonymous => Error::Unauthenticated(format!(
            "feed `{}` is not public or does not exist; send a token that has at least Reader on it",
            locator.feed
        ))
        .into(),
        _ => Error::NotFound(Missing::Feed(locator.feed.to_string())).into(),
    }
}

/// A feed in the recycle bin is not there; those who can restore it are told where it is.
fn deleted(feed: &Feed, principal: &Principal, locator: &FeedLocator) -> Box<Error> {
    if !(feed.is_in_bin() && principal.authority(feed, None).permits(Action::Administer)) {
        return unknown(principal, locator);
    }
    let text = "is in the recycle bin; its owners can restore it (PATCH feedrecyclebin/";
    Error::NotFound(Missing::Other(format!("feed `{}` {text}{})", feed.name, feed.id.as_str()))).into()
}

/// The single authorisation point: every request to a feed passes here before its handler runs.
pub fn authorize<P: Platform>(context: &FeedContext<P>, action: Option<Action>) -> Result<()> {
    authorize_settings(context, action)?;
    if context.feed.is_disabled {
        let text = "is disabled; an owner of it can enable it again (`isEnabled`)";
        return Err(Error::Forbidden(format!("feed `{}` {text}", context.locator.feed)).into());
    }
    Ok(())
}

/// The same for its settings, which can be read and changed while the feed is disabled.
pub fn authorize_settings<P: Platform>(context: &FeedContext<P>, action: Option<Action>) -> Result<()> {
    // Without any right, a token of another organization must not tell that the feed exists.
    if context.authority.effective().is_none() {
        return Err(unknown(&context.principal, &context.locator));
    }
    action.map_or(Ok(()), |action| context.require(action, action.describe()))
}
