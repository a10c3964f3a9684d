//! What is done to feeds and in organizations, written to their logs once it is done, and what was refused.
//!
//! What is done to packages is written by the services that do it.

use super::super::client;
use super::message::Reply;
use crate::error::{Error, Result};
use crate::model::{Deed, Feed, FeedId, OrganizationName, Principal, json};
use crate::platform::{Headers, Platform};
use crate::service;
use crate::store::keys;
use serde_json::{Value, json};
use std::rc::Rc;

/// Whoever asked, for the log.
pub(super) struct Scribe<'a, P> {
    platform: &'a P,
    principal: Rc<Principal>,
    client: Rc<str>,
    deed: Option<Deed>,
}

impl<'a, P: Platform> Scribe<'a, P> {
    /// For one request, which does that.
    pub(super) fn new(
        platform: &'a P,
        principal: &Rc<Principal>,
        headers: &Headers,
        deed: Option<Deed>,
    ) -> Self {
        Self { platform, principal: Rc::clone(principal), client: client(headers), deed }
    }

    /// It is done: in an organization, perhaps to a feed of it, to the view or token of the name or id `about`.
    pub(super) fn done(
        &self,
        organization: &OrganizationName,
        feed: Option<&Feed>,
        about: Option<&str>,
        reply: &Reply,
    ) {
        let Some(deed) = self.deed else { return };
        // What the answer says that was made.
        let body = reply.body.as_deref().unwrap_or_default();
        let made: Value = json::read(body).unwrap_or_default();
        let mut details = json!({});
        let mut say = |name: &str, what: Value| details[name] = what;
        let mut id = feed.map(|feed| feed.id.clone());
        if let Some(feed) = feed {
            say("feed", feed.id.as_str().into());
            say("name", feed.name.as_str().into());
        }
        match deed {
            Deed::FeedCreated => {
                id = made["id"].as_str().and_then(FeedId::parse);
                say("feed", made["id"].clone());
                say("name", made["name"].clone());
            }
            Deed::FeedUpdated => say("name", made["name"].clone()),
            Deed::PermissionsChanged | Deed::BehaviorSet => say("now", made["value"].clone()),
            Deed::ViewsChanged => say("view", made.get("name").cloned().unwrap_or_else(|| about.into())),
            Deed::TokenCreated | Deed::TokenRevoked | Deed::TokenRotated => {
                say("token", about.map_or_else(|| made["id"].clone(), Value::from));
                say("subject", made["subject"].clone());
            }
            _ => {}
        }
        let mut logs = vec![keys::organization_log(organization)];
        logs.extend(id.as_ref().map(keys::feed_log));
        let entry = service::log::entry(deed, &self.principal, &self.client, details);
        service::log::write(self.platform, logs, entry);
    }

    /// It was refused. What is refused on a feed its own log is told.
    pub(super) fn refused<T>(&self, organization: Option<&OrganizationName>, outcome: &Result<T>) {
        if let (Some(organization), Err(error), Some(deed)) = (organization, outcome, self.deed)
            && matches!(**error, Error::Forbidden(_))
        {
            let (platform, principal) = (self.platform, &self.principal);
            service::log::refused_in_organization(
                platform,
                organization,
                principal,
                &self.client,
                deed.name(),
            );
        }
    }
}
