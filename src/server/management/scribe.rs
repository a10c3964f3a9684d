//! What is done to feeds and in organizations, written to their logs once it is done, and what was refused.
//!
//! What is done to packages is written by the services that do it.

use super::super::client;
use super::message::Reply;
use super::route::Endpoint;
use crate::error::{Error, Result};
use crate::model::{Deed, Feed, FeedId, OrganizationName, Principal, json};
use crate::platform::{Headers, Platform};
use crate::service;
use crate::store::keys;
use serde_json::{Value, json};
use std::rc::Rc;

/// Whoever asked, and for what, for the log.
pub(super) struct Scribe<'a, P> {
    platform: &'a P,
    principal: Rc<Principal>,
    client: Rc<str>,
    deed: Option<Deed>,
    /// The organization that is asked as a whole.
    organization: Option<OrganizationName>,
    /// The view or token that is asked for.
    about: Option<String>,
    /// The feed it is done to, once that is known.
    pub(super) feed: Option<Rc<Feed>>,
}

impl<'a, P: Platform> Scribe<'a, P> {
    /// For one request.
    pub(super) fn new(
        platform: &'a P,
        principal: &Rc<Principal>,
        headers: &Headers,
        endpoint: &Endpoint,
    ) -> Self {
        Self {
            platform,
            principal: Rc::clone(principal),
            client: client(headers),
            deed: endpoint.deed(),
            organization: endpoint.organization().cloned(),
            about: endpoint.about().map(str::to_owned),
            feed: None,
        }
    }

    /// How it ended.
    pub(super) fn tell(&self, outcome: &Result<Reply>) {
        match (self.deed, outcome) {
            (Some(deed), Ok(reply)) => self.done(deed, reply),
            (Some(deed), Err(error)) if matches!(**error, Error::Forbidden(_)) => self.refused(deed),
            _ => {}
        }
    }

    fn done(&self, deed: Deed, reply: &Reply) {
        let (feed, about) = (self.feed.as_deref(), self.about.as_deref());
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
        let organization = feed.map(|feed| &feed.organization).or(self.organization.as_ref());
        let mut logs: Vec<String> = organization.map(keys::organization_log).into_iter().collect();
        logs.extend(id.as_ref().map(keys::feed_log));
        let entry = service::log::entry(deed, &self.principal, &self.client, details);
        service::log::write(self.platform, logs, entry);
    }

    /// What is refused on a feed its own log is told.
    fn refused(&self, deed: Deed) {
        if let Some(organization) = &self.organization {
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
