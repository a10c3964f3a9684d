//! A server with an organization, feeds, and one token per role and feed.

use super::client::Client;
use super::registry::Registry;
use edgefeed::model::{
    Feed, FeedId, FeedName, Grant, GrantTarget, ListingMode, OrganizationName, Role, Scope, Secret,
    SourceHealth, SourceId, SourceKind, Timestamp, Token, TokenText, UpstreamSource, View, ViewName,
    Visibility,
};
use edgefeed::platform::Platform as _;
use edgefeed::platform::memory::MemoryPlatform;
use edgefeed::server::{self, Config};
use edgefeed::store::{feeds, keys, log, organizations, tokens};
use futures_executor::block_on;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// The bootstrap secret of every test server.
pub(crate) const ROOT: &str = "root-secret-of-the-tests";

/// Where the scripted registry of a test server is.
pub(crate) const UPSTREAM: &str = "https://registry.test/";

/// A server in process.
pub(crate) struct TestServer {
    pub(crate) platform: MemoryPlatform,
    pub(crate) config: Config,
    /// The first source of feed `main`.
    pub(crate) registry: Registry,
    tokens: RefCell<BTreeMap<String, String>>,
    serial: Cell<u8>,
}

/// What a token is made with.
#[derive(Clone)]
#[expect(clippy::struct_field_names, reason = "`grants` is what the stored token calls them")]
pub(crate) struct Grants {
    pub(crate) organization: &'static str,
    pub(crate) subject: String,
    pub(crate) scope: Scope,
    pub(crate) grants: Vec<Grant>,
    pub(crate) expires: Option<Timestamp>,
}

impl TestServer {
    /// Organization `acme` with feed `main`, whose one source is the scripted registry.
    pub(crate) fn new() -> Self {
        let server = Self::empty();
        server.add_feed("main", vec![public("upstream", UPSTREAM)]);
        server
    }

    /// Organization `acme` and nothing in it.
    pub(crate) fn empty() -> Self {
        let platform = MemoryPlatform::new();
        let registry = Registry::new(platform.upstream(), UPSTREAM);
        let config = Config { root_token: Some(Secret::new(ROOT)), ..Config::default() };
        let server = Self { platform, config, registry, tokens: RefCell::default(), serial: Cell::new(1) };
        server.add_organization("acme");
        server
    }

    /// Makes an organization.
    pub(crate) fn add_organization(&self, name: &str) {
        let name = OrganizationName::parse(name).unwrap();
        let organization = organizations::Organization::new(name, self.platform.now());
        assert!(block_on(organizations::create(&self.platform, &organization)).unwrap());
    }

    /// Makes a feed of `acme`.
    pub(crate) fn add_feed(&self, name: &str, sources: Vec<UpstreamSource>) -> Feed {
        self.add_feed_of("acme", name, sources)
    }

    /// Makes a feed with the three views every feed has.
    pub(crate) fn add_feed_of(&self, organization: &str, name: &str, sources: Vec<UpstreamSource>) -> Feed {
        let feed = Feed {
            id: FeedId::from_random(self.bytes()),
            organization: OrganizationName::parse(organization).unwrap(),
            project: None,
            name: FeedName::parse(name).unwrap(),
            description: String::new(),
            is_public: false,
            upstream_enabled: true,
            upstream_sources: sources,
            views: vec![
                view("Local", Visibility::Collection),
                view("Prerelease", Visibility::Private),
                view("Release", Visibility::Private),
            ],
            allow_upstream_name_conflict: false,
            listing: ListingMode::CallerAware,
            retention: None,
            is_disabled: false,
            shows_deleted_package_versions: false,
            badges_enabled: false,
            default_view_id: None,
            permissions: vec![],
            removed_sources: Vec::new(),
            upstreaming_rules: Vec::new(),
            created: self.platform.now(),
            renaming: None,
            renamed: None,
            deleted: None,
            purged: None,
            sequence: 1,
        };
        block_on(feeds::create(&self.platform, &feed)).unwrap();
        feed
    }

    /// A feed as it is now.
    pub(crate) fn feed(&self, name: &str) -> Feed {
        let platform = self.platform.elsewhere();
        let organization = OrganizationName::parse("acme").unwrap();
        let found = block_on(feeds::find(&platform, &organization, None, &FeedName::parse(name).unwrap()));
        (*found.unwrap().expect("a feed that was made")).clone()
    }

    /// Changes a feed.
    pub(crate) fn edit_feed(&self, name: &str, change: impl Fn(&mut Feed)) {
        let feed = self.feed(name);
        let mut change = |before: &Feed| {
            let mut next = before.clone();
            change(&mut next);
            Ok(next)
        };
        let changed = feeds::update(&self.platform, &feed, &mut change);
        block_on(changed).unwrap();
    }

    /// Makes a token.
    pub(crate) fn token(&self, grants: Grants) -> String {
        let mut random = [0; 32];
        random[..16].copy_from_slice(&self.bytes());
        let text = TokenText::from_random(random);
        let token = Token {
            id: text.hash().id(),
            organization: OrganizationName::parse(grants.organization).unwrap(),
            subject: grants.subject,
            name: None,
            scope: grants.scope,
            grants: grants.grants,
            administrator: false,
            feed_creator: false,
            groups: vec![],
            vouched: false,
            parent: None,
            created: self.platform.now(),
            expires: grants.expires,
            revoked: None,
        };
        block_on(tokens::create(&self.platform, &text.hash(), &token)).unwrap();
        text.secret().expose().to_owned()
    }

    /// The token of a role on a feed, made on first use.
    pub(crate) fn token_of(&self, feed: &str, role: Role) -> String {
        let key = format!("{feed}/{}", role.title());
        if let Some(known) = self.tokens.borrow().get(&key) {
            return known.clone();
        }
        let token = self.token(self.grants(feed, role));
        self.tokens.borrow_mut().insert(key, token.clone());
        token
    }

    /// What a token of a role on a feed is made with.
    pub(crate) fn grants(&self, feed: &str, role: Role) -> Grants {
        let target = GrantTarget::Feed { feed: self.feed(feed).id };
        Grants {
            organization: "acme",
            subject: role.title().to_lowercase(),
            scope: Scope::Manage,
            grants: vec![Grant { target, role }],
            expires: None,
        }
    }

    /// A client of feed `main` without a token.
    pub(crate) fn anonymous(&self) -> Client<'_> {
        Client::new(self, None)
    }

    /// A client with that token.
    pub(crate) fn with_token(&self, token: &str) -> Client<'_> {
        Client::new(self, Some(token.to_owned()))
    }

    pub(crate) fn reader(&self) -> Client<'_> {
        self.role("main", Role::Reader)
    }

    pub(crate) fn collaborator(&self) -> Client<'_> {
        self.role("main", Role::Collaborator)
    }

    pub(crate) fn contributor(&self) -> Client<'_> {
        self.role("main", Role::Contributor)
    }

    pub(crate) fn owner(&self) -> Client<'_> {
        self.role("main", Role::Owner)
    }

    /// A client of a feed with a role there.
    pub(crate) fn role(&self, feed: &str, role: Role) -> Client<'_> {
        Client::new(self, Some(self.token_of(feed, role))).on(feed)
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, seconds: u64) {
        self.platform.advance(Duration::from_secs(seconds));
    }

    /// What cron does.
    pub(crate) fn housekeeping(&self) {
        block_on(server::scheduled(self.platform.for_request()));
        block_on(self.platform.run_background());
    }

    /// The health of a feed's source.
    pub(crate) fn health(&self, feed: &str, index: usize) -> SourceHealth {
        let source = self.feed(feed).upstream_sources[index].id.clone();
        block_on(feeds::health(&self.platform, &source)).unwrap()
    }

    /// All a feed's log says, once it can be read.
    pub(crate) fn log(&self, feed: &str) -> Vec<serde_json::Value> {
        self.platform.advance(log::SETTLE);
        let (start, now) = (Timestamp::from_millis(0), self.platform.now());
        let name = keys::feed_log(&self.feed(feed).id);
        let page = block_on(log::read(&self.platform, &name, (start, now), 1_000, &|_| true)).unwrap();
        page.entries
    }

    /// What was done to versions of a package, as a feed's log says: `published 1.0.0`.
    pub(crate) fn deeds(&self, feed: &str, package: &str) -> Vec<String> {
        let about = self.log(feed).into_iter().filter(|entry| entry["package"] == package);
        let deed = |entry: serde_json::Value| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("action"), text("version"))
        };
        about.map(deed).collect()
    }

    /// Keys of packages as stored, with ids made readable: `main` for the feed's, `source` for the source's.
    pub(crate) fn package_keys(&self) -> Vec<String> {
        let mut names = Vec::new();
        for feed in ["main", "other"] {
            let organization = OrganizationName::parse("acme").unwrap();
            let name = FeedName::parse(feed).unwrap();
            let platform = self.platform.elsewhere();
            if let Some(found) = block_on(feeds::find(&platform, &organization, None, &name)).unwrap() {
                let ids = format!("v1/ids/{}/", found.id.as_str());
                for key in self.platform.stored_keys().iter().filter(|key| key.starts_with(&ids)) {
                    names.push((key.clone(), format!("v1/ids/{feed}/package")));
                }
                names.push((found.id.as_str().to_owned(), feed.to_owned()));
                for source in &found.upstream_sources {
                    names.push((source.id.as_str().to_owned(), source.name.clone()));
                }
            }
        }
        let about_packages = |key: &String| {
            let others = [
                "v1/organizations/",
                "v1/names/",
                "v1/feeds/",
                "v1/tokens/",
                "v1/health/",
                "v1/withdrawals/",
                "v1/log/",
                "v1/housekeeping/",
            ];
            others.iter().all(|prefix| !key.starts_with(prefix))
        };
        let readable = |key: String| names.iter().fold(key, |key, (id, name)| key.replace(id, name));
        let mut keys: Vec<String> =
            self.platform.stored_keys().into_iter().filter(about_packages).map(readable).collect();
        keys.sort();
        keys
    }

    /// Those keys that belong to packages: not what upstreams said, nor notes that a slot was about to be made, which
    /// the housekeeping looks at and removes.
    pub(crate) fn local_keys(&self) -> Vec<String> {
        let others = ["v1/upstream/", "v1/repair/"];
        let local = |key: &String| others.iter().all(|prefix| !key.starts_with(prefix));
        self.package_keys().into_iter().filter(local).collect()
    }

    /// The one stored key that contains all these parts.
    pub(crate) fn key(&self, parts: &[&str]) -> String {
        let keys = self.platform.stored_keys();
        let found: Vec<_> =
            keys.into_iter().filter(|key| parts.iter().all(|part| key.contains(part))).collect();
        assert_eq!(found.len(), 1, "{parts:?}: {found:?}");
        found.into_iter().next().unwrap_or_default()
    }

    fn bytes(&self) -> [u8; 16] {
        let serial = self.serial.replace(self.serial.get() + 1);
        [serial; 16]
    }
}

fn view(name: &str, visibility: Visibility) -> View {
    View { id: name.to_lowercase(), name: ViewName::parse(name).unwrap(), visibility, permissions: vec![] }
}

/// A source that is a registry.
pub(crate) fn public(name: &str, location: &str) -> UpstreamSource {
    source(name, location, SourceKind::Public)
}

/// A source that is another feed's view.
pub(crate) fn internal(name: &str, location: &str) -> UpstreamSource {
    source(name, location, SourceKind::Internal)
}

fn source(name: &str, location: &str, kind: SourceKind) -> UpstreamSource {
    let mut id = [0xaa; 16];
    for (index, byte) in name.bytes().take(16).enumerate() {
        id[index] = byte;
    }
    UpstreamSource {
        id: SourceId::from_random(id),
        name: name.to_owned(),
        protocol: "npm".to_owned(),
        location: location.to_owned(),
        target: None,
        kind,
        enabled: true,
        freshness_seconds: 60,
        credentials: None,
        deleted: None,
    }
}
