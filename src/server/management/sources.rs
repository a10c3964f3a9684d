//! Upstream sources in bodies: read, checked, and matched with those a feed has.

use super::credentials::{self, Sealer, Wish};
use super::destinations::{VIEW_ADDRESS, is_view, target};
use super::message;
use crate::error::{Error, Result};
use crate::model::{Feed, OrganizationName, ProtocolId, SourceId, SourceKind, UpstreamSource};
use crate::platform::Platform;
use crate::protocol::{
    self,
    catalogue::{STOCK_SOURCES, StockSource},
};
use crate::service::{self, Settings};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// As in Azure Artifacts.
const PER_PROTOCOL: usize = 20;

/// 30 days: whoever wants a source to be asked less often had better disable it.
const FRESHNESS_LIMIT: u32 = 30 * 24 * 3600;

/// A source in a body. Other fields Azure sends, such as `displayLocation`, say nothing these do not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceBody {
    id: Option<String>,
    name: String,
    protocol: String,
    location: Option<String>,
    upstream_source_type: Option<String>,
    status: Option<String>,
    freshness_seconds: Option<u32>,
    deleted_date: Option<Value>,
    #[serde(default, deserialize_with = "credentials::present")]
    credentials: Option<Value>,
}

impl SourceBody {
    /// One that is tried out. Its address, in which somebody may have written credentials, is not its name: names are told.
    pub(super) fn at(
        protocol: &str,
        location: String,
        kind: Option<String>,
        credentials: Option<Value>,
    ) -> Self {
        Self {
            id: None,
            name: "candidate".to_owned(),
            protocol: protocol.to_owned(),
            location: Some(location),
            upstream_source_type: kind,
            status: None,
            freshness_seconds: None,
            deleted_date: None,
            credentials,
        }
    }
}

/// A source that was checked, with the id it came with and the one it gets if it is new.
#[derive(Clone, Debug)]
pub(super) struct Proposed {
    pub(super) source: UpstreamSource,
    pub(super) credentials: Wish,
    known_as: Option<SourceId>,
}

/// Who proposes sources, for which feed.
pub(super) struct Proposer<'a, P> {
    pub(super) platform: &'a P,
    pub(super) settings: Settings,
    pub(super) organization: &'a OrganizationName,
    /// The feed they are for, if it is there already.
    pub(super) feed: Option<&'a Feed>,
}

impl<P: Platform> Proposer<'_, P> {
    /// Checks the sources of a body, all of them.
    pub(super) async fn check(&self, bodies: Vec<SourceBody>) -> Result<Vec<Proposed>> {
        let mut proposed = Vec::new();
        for body in bodies {
            // Azure keeps removed sources in the list, dated.
            if body.deleted_date.as_ref().is_none_or(Value::is_null) {
                proposed.push(self.one(body).await?);
            }
        }
        check_set(&proposed)?;
        Ok(proposed)
    }

    /// Adds the stock public sources of the protocols there are, as far as they are not there.
    pub(super) fn add_stock(&self, proposed: &mut Vec<Proposed>) -> Result<()> {
        for stock in STOCK_SOURCES {
            let Some(ecosystem) = protocol::ecosystem(stock.protocol) else { continue };
            let protocol = ecosystem.protocol();
            let source = self.source(stock.name, protocol, stock.location.to_owned(), SourceKind::Public);
            if !proposed.iter().any(|other| other.source.leads_where(&source)) {
                proposed.push(Proposed { source, credentials: Wish::Keep, known_as: None });
            }
        }
        check_set(proposed)
    }

    /// Checks one source.
    pub(super) async fn one(&self, body: SourceBody) -> Result<Proposed> {
        let name = body.name.trim();
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(Error::Invalid(
                "an upstream source needs a `name` of 1 to 64 printable characters".to_owned(),
            )
            .into());
        }
        let refuse = |reason: &str| Error::Invalid(format!("upstream source `{name}`: {reason}"));
        let protocol = protocol::ecosystem(&body.protocol).ok_or_else(|| {
            let known =
                protocol::PROTOCOLS.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join(", ");
            refuse(&format!("protocol `{}` is not spoken here; known: {known}", body.protocol))
        })?;
        let protocol = protocol.protocol();
        let stock = || stock(protocol.as_str(), name).map(|stock| stock.location.to_owned());
        let location =
            body.location.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).or_else(stock);
        let location = location.ok_or_else(|| {
            refuse("`location` is missing: a URL, or `azure-feed://organization/feed@view`")
        })?;
        let kind = kind(body.upstream_source_type.as_deref(), &location).map_err(|reason| refuse(&reason))?;
        let credentials = Wish::read(body.credentials.as_ref()).map_err(&refuse)?;
        let wants_to_be_sealed = matches!(credentials, Wish::Set(_));
        let freshness_seconds = body.freshness_seconds.unwrap_or(UpstreamSource::DEFAULT_FRESHNESS_SECONDS);
        if freshness_seconds > FRESHNESS_LIMIT {
            return Err(refuse(&format!("`freshnessSeconds` is at most {FRESHNESS_LIMIT}")).into());
        }
        let mut source = self.source(name, protocol, location, kind);
        source.enabled = !body.status.is_some_and(|status| status.eq_ignore_ascii_case("disabled"));
        source.freshness_seconds = freshness_seconds;
        let checked = if source.is_neighbour() {
            let target = self.check_feed(&source, wants_to_be_sealed).await?;
            target.map(|target| source.target = Some(target))
        } else {
            self.check_url(&source, wants_to_be_sealed)
        };
        checked.map_err(|reason| refuse(&reason))?;
        Ok(Proposed { source, credentials, known_as: body.id.as_deref().and_then(SourceId::parse) })
    }

    /// A source as it is unless something else is said of it.
    fn source(&self, name: &str, protocol: ProtocolId, location: String, kind: SourceKind) -> UpstreamSource {
        UpstreamSource {
            id: SourceId::from_random(message::random(self.platform)),
            name: name.to_owned(),
            protocol: protocol.as_str().to_owned(),
            location,
            target: None,
            kind,
            enabled: true,
            freshness_seconds: UpstreamSource::DEFAULT_FRESHNESS_SECONDS,
            credentials: None,
            deleted: None,
        }
    }

    fn check_url(&self, source: &UpstreamSource, sealed: bool) -> std::result::Result<(), String> {
        let (location, allow_private) = (&source.location, self.settings.allow_private_upstreams);
        let url = Url::parse(location).map_err(|error| format!("`location` is not a URL: {error}"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("`location` may have neither a query nor a fragment".to_owned());
        }
        service::permitted_address(&url, allow_private).map_err(|fault| format!("`location` {fault}"))?;
        if source.kind == SourceKind::Internal && !is_view(&url) {
            return Err(format!(
                "an internal source is `azure-feed://organization/feed@view`, or {VIEW_ADDRESS}"
            ));
        }
        if !sealed {
            return Ok(());
        }
        if !service::is_confidential(&url, allow_private) {
            return Err("credentials are sent by https only".to_owned());
        }
        if self.settings.keyring.can_seal() { Ok(()) } else { Err(NO_KEY.to_owned()) }
    }

    /// The ids of the feed and view it leads to.
    async fn check_feed(
        &self,
        source: &UpstreamSource,
        sealed: bool,
    ) -> Result<std::result::Result<String, String>> {
        if sealed {
            return Ok(Err("a feed of this deployment wants no credentials: who may use a view says its \
                           visibility"
                .to_owned()));
        }
        let target = target(self.platform, self.organization, source).await?;
        Ok(target.and_then(|(feed, view)| match self.feed {
            Some(own) if own.id == feed.id => Err("a feed cannot be its own upstream source".to_owned()),
            _ => Ok(format!("{}@{}", feed.id.as_str(), view.id.as_str())),
        }))
    }
}

const NO_KEY: &str = "this deployment cannot keep credentials: it has no key to seal them with. Whoever runs it sets the \
                      secret CREDENTIALS_KEY, of at least 32 characters (npx wrangler secret put CREDENTIALS_KEY)";

/// The sources a feed then has; one that was removed and comes back is the one it was. One keeps its id only while it keeps its
/// place: what is stored under an id is what that place said, and must never be taken for another's word.
/// Credentials go with the place as well, or an owner could have them sent to another.
pub(super) fn settle<P: Platform>(
    proposed: &[Proposed],
    present: &[UpstreamSource],
    removed: &[UpstreamSource],
    sealer: &Sealer<'_, P>,
) -> Vec<UpstreamSource> {
    let settled = proposed.iter().map(|Proposed { source, credentials, known_as }| {
        let known = present.iter().chain(removed).find(|known| {
            known.leads_where(source) && (known_as.as_ref() == Some(&known.id) || known.name == source.name)
        });
        let id = known.map_or_else(|| source.id.clone(), |known| known.id.clone());
        let mut settled = UpstreamSource { id, ..source.clone() };
        let stored = known.and_then(|known| known.credentials.as_ref());
        settled.credentials = sealer.settle(&settled, stored, credentials);
        settled
    });
    settled.collect()
}

fn stock(protocol: &str, name: &str) -> Option<&'static StockSource> {
    STOCK_SOURCES.iter().find(|stock| stock.protocol == protocol && stock.name.eq_ignore_ascii_case(name))
}

fn kind(declared: Option<&str>, location: &str) -> std::result::Result<SourceKind, String> {
    let internal = location.starts_with("azure-feed://");
    match declared.map(str::to_ascii_lowercase).as_deref() {
        None if internal => Ok(SourceKind::Internal),
        Some("internal") => Ok(SourceKind::Internal),
        Some("public" | "custom") if internal => Err("a feed is an `internal` source".to_owned()),
        None | Some("public" | "custom") => Ok(SourceKind::Public),
        Some(other) => Err(format!("`upstreamSourceType` is `public` or `internal`, not `{other}`")),
    }
}

/// What the sources of a feed must be together.
fn check_set(proposed: &[Proposed]) -> Result<()> {
    for (index, Proposed { source, .. }) in proposed.iter().enumerate() {
        let before = proposed.iter().take(index).map(|other| &other.source);
        let (mut count, mut named, mut placed) = (1, false, false);
        for other in before.filter(|other| other.protocol == source.protocol) {
            count += 1;
            named |= other.name.eq_ignore_ascii_case(&source.name);
            placed |= other.leads_where(source);
        }
        let (name, protocol) = (&source.name, &source.protocol);
        if count > PER_PROTOCOL {
            return Err(Error::Invalid(format!(
                "a feed has at most {PER_PROTOCOL} upstream sources for {protocol}"
            ))
            .into());
        }
        if named {
            return Err(
                Error::Invalid(format!("two upstream sources for {protocol} are called `{name}`")).into()
            );
        }
        if placed {
            return Err(Error::Invalid(format!(
                "upstream source `{name}` leads to where another one leads: {}",
                source.location
            ))
            .into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credentials, FeedId, Keyring};
    use crate::platform::memory::MemoryPlatform;

    fn source(random: u8, name: &str, location: &str) -> UpstreamSource {
        UpstreamSource {
            id: SourceId::from_random([random; 16]),
            name: name.to_owned(),
            protocol: "npm".to_owned(),
            location: location.to_owned(),
            target: None,
            kind: SourceKind::Public,
            enabled: true,
            freshness_seconds: 60,
            credentials: None,
            deleted: None,
        }
    }

    const KEY: &str = "a key of at least thirty-two characters";

    fn settled(
        proposed: UpstreamSource,
        credentials: Wish,
        known_as: Option<u8>,
        present: &[UpstreamSource],
        keyring: Keyring,
    ) -> UpstreamSource {
        let (platform, feed) = (MemoryPlatform::new(), FeedId::from_random([0; 16]));
        let known_as = known_as.map(|random| SourceId::from_random([random; 16]));
        let sealer = Sealer { platform: &platform, keyring, feed: &feed };
        settle(&[Proposed { source: proposed, credentials, known_as }], present, &[], &sealer).remove(0)
    }

    #[test]
    fn an_id_goes_with_its_place() {
        let present = [source(1, "one", "https://one.example/"), source(2, "two", "https://two.example/")];
        let settled = |proposed: UpstreamSource, known_as: Option<u8>| {
            settled(proposed, Wish::Keep, known_as, &present, Keyring::default()).id
        };
        let new = SourceId::from_random([9; 16]);
        assert_eq!(settled(source(9, "one", "https://one.example"), None), present[0].id, "name and place");
        assert_eq!(
            settled(source(9, "renamed", "https://one.example/"), Some(1)),
            present[0].id,
            "id and place"
        );
        assert_eq!(settled(source(9, "one", "https://evil.example/"), Some(1)), new, "another place");
        assert_eq!(settled(source(9, "one", "https://one.example/"), Some(2)), present[0].id, "another's id");
        assert_eq!(settled(source(9, "new", "https://new.example/"), Some(7)), new, "an id from elsewhere");
    }

    #[test]
    fn credentials_go_with_their_place() {
        let keyring = Keyring::new(Some(KEY), None).unwrap();
        let secret = || Wish::Set(Credentials::bearer("t0ken").unwrap());
        let at = |location: &str| source(1, "one", location);
        let first = settled(at("https://one.example/"), secret(), None, &[], keyring);
        let present = [first.clone()];
        let sent = |location: &str, wish: Wish, keyring: Keyring| {
            settled(at(location), wish, Some(1), &present, keyring).credentials
        };
        assert!(first.credentials.is_some());
        assert_eq!(sent("https://one.example/", Wish::Keep, keyring), first.credentials);
        assert_eq!(sent("https://one.example", Wish::Keep, keyring), first.credentials, "the same place");
        assert_eq!(sent("https://one.example/", secret(), keyring), first.credentials, "a write repeated");
        assert_eq!(sent("https://one.example/", Wish::Remove, keyring), None);
        assert_eq!(sent("https://evil.example/", Wish::Keep, keyring), None);
        assert_eq!(sent("http://one.example/", Wish::Keep, keyring), None);
        let other = Wish::Set(Credentials::bearer("other").unwrap());
        assert_ne!(sent("https://one.example/", other, keyring), first.credentials);
        let key = "another key of at least 32 characters";
        let rotated = Keyring::new(Some(key), Some(KEY)).unwrap();
        let again = sent("https://one.example/", Wish::Keep, rotated).unwrap();
        let place = first.sealed_for(&FeedId::from_random([0; 16]));
        let opened = Keyring::new(Some(key), None).unwrap().open(&again, &place);
        assert_eq!(opened.unwrap().credentials.expose(), "Bearer t0ken", "sealed anew");
        let without = sent("https://one.example/", Wish::Keep, Keyring::default());
        assert_eq!(without, first.credentials, "no key, no change");
    }

    #[test]
    fn the_kind_follows_the_location_unless_it_is_said() {
        assert_eq!(kind(None, "azure-feed://a/b@c"), Ok(SourceKind::Internal));
        assert_eq!(kind(Some("Public"), "https://x.example/"), Ok(SourceKind::Public));
        assert_eq!(kind(Some("internal"), "https://x.example/"), Ok(SourceKind::Internal));
        assert!(kind(Some("public"), "azure-feed://a/b@c").is_err());
        assert!(kind(Some("nope"), "https://x.example/").is_err());
    }
}
