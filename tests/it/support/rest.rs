//! A caller of the REST surface, in process, and a way to put versions into a feed without a protocol.

use bytes::Bytes;
use edgefeed::model::{
    Algorithm, ArtifactName, ArtifactRecord, Digest, FeedId, FirstPublished, ListingState, Origin,
    PackageName, ProtocolId, Secret, Slot, SlotState, SourceId, SourceKind, SourceStep, Version,
};
use edgefeed::platform::memory::MemoryPlatform;
use edgefeed::platform::{BlobStore as _, Body, Expected, Platform as _};
use edgefeed::server::{Config, handle};
use edgefeed::store::{index, keys::PackagePath, slots};
use futures_executor::block_on;
use http::{HeaderMap, Request, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The bootstrap secret of every server here.
pub(crate) const ROOT: &str = "the-root-secret";

/// A deployment with organization `acme`.
pub(crate) struct Server {
    pub(crate) platform: MemoryPlatform,
    pub(crate) config: Config,
    /// The token of the first administrator.
    pub(crate) admin: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The refusal's text.
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Insists on a status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        let mut config =
            Config { root_token: Some(Secret::new(ROOT)), compliance: true, ..Config::default() };
        config.settings.allow_private_upstreams = false;
        let mut server = Self { platform: MemoryPlatform::new(), config, admin: String::new() };
        server.admin = server.organization("acme");
        server
    }

    /// Makes an organization; answers its administrator's token.
    pub(crate) fn organization(&self, name: &str) -> String {
        let answer = self.call("POST /_edgefeed/organizations", ROOT, json!({ "name": name })).expect(201);
        answer.body["administrator"]["token"].as_str().unwrap().to_owned()
    }

    /// `"METHOD /path"` with a token (or none, if empty) and a body (or none, if null).
    pub(crate) fn call(&self, what: &str, token: &str, body: Value) -> Answer {
        self.call_with(what, token, body, &[])
    }

    pub(crate) fn call_with(&self, what: &str, token: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        self.call_at(&self.platform, what, token, body, headers)
    }

    /// The same, in another isolate.
    pub(crate) fn call_at(
        &self,
        platform: &MemoryPlatform,
        what: &str,
        token: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let (status, headers, bytes) = block_on(self.fetch(platform, what, token, body, headers));
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: status.as_u16(), headers, body }
    }

    /// The same, whatever the answer is made of.
    pub(crate) async fn fetch(
        &self,
        platform: &MemoryPlatform,
        what: &str,
        token: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Bytes) {
        let (method, path) = what.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(format!("https://feeds.example{path}"));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Value::Null => Body::Empty,
            body => Body::Bytes(body.to_string().into()),
        };
        let response = handle(platform.for_request(), &self.config, request.body(body).unwrap().into()).await;
        let headers = HeaderMap::from(&response.headers);
        let bytes = response.body.collect(1 << 24).await.unwrap();
        platform.run_background().await;
        let last = platform.log_lines().pop();
        assert_ne!(response.status, StatusCode::INTERNAL_SERVER_ERROR, "{what}: {last:?}");
        (response.status, headers, bytes)
    }

    /// A feed of `acme`; answers its id.
    pub(crate) fn feed(&self, body: Value) -> String {
        let answer =
            self.call("POST /acme/_apis/packaging/feeds?api-version=7.1", &self.admin, body).expect(201);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// A token of `acme`.
    pub(crate) fn token(&self, scope: &str, grants: Value) -> String {
        let mut body = json!({ "subject": "someone", "scope": scope });
        body["grants"] = grants;
        let answer = self.call("POST /acme/_edgefeed/tokens", &self.admin, body).expect(201);
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// Puts a version into a feed as publishing does: bytes, slot, index.
    pub(crate) fn publish(&self, feed: &str, package: &str, version: &str) {
        self.put(feed, package, version, Origin::Published { by: "someone".to_owned(), session: None });
    }

    /// Puts a version into a feed as saving does.
    pub(crate) fn save(&self, feed: &str, package: &str, version: &str) {
        let source = SourceStep {
            id: SourceId::from_random([7; 16]),
            name: "registry".to_owned(),
            location: "https://registry.example/".to_owned(),
            kind: SourceKind::Public,
        };
        self.put(
            feed,
            package,
            version,
            Origin::Saved { source_chain: vec![source], by: "someone".to_owned() },
        );
    }

    fn put(&self, feed: &str, package: &str, version: &str, origin: Origin) {
        let (protocol, package) = (ProtocolId::new("npm"), PackageName::new(package, package));
        let path = PackagePath::new(&FeedId::parse(feed).unwrap(), protocol, &package);
        let version = Version::new(version, version);
        let name = ArtifactName::parse(&format!("x-{version}.tgz")).unwrap();
        let bytes = Bytes::from(format!("{package} {version}"));
        let digest = Digest::of(Algorithm::Sha512, &bytes);
        let record = ArtifactRecord {
            name: name.clone(),
            size: bytes.len() as u64,
            digests: vec![digest.clone()],
            manifest: None,
            place: None,
        };
        let external = matches!(origin, Origin::Saved { .. });
        let now = self.platform.now();
        let slot = Slot {
            version: version.as_str().to_owned(),
            state: SlotState::Live,
            origin,
            first_published: if external { FirstPublished::External } else { FirstPublished::Internal },
            listing: ListingState::default(),
            upstream_listing: ListingState::default(),
            views: edgefeed::model::SortedSet::new(),
            artifacts: vec![record],
            former: Vec::new(),
            added: now,
            restored: None,
            published: Some(now),
            manifest: RawValue::from_string(json!({ "version": version.as_str() }).to_string()).unwrap(),
            sequence: 1,
        };
        block_on(async {
            let expected = Expected { length: bytes.len() as u64, digest: Some(digest) };
            let key = path.file(version.key(), &name);
            self.platform.blobs().create(&key, Body::Bytes(bytes), &expected).await.unwrap();
            slots::create(&self.platform, &path, version.key(), &slot).await.unwrap();
            let entry = [(version.key().to_owned(), slot)];
            index::record(&self.platform, &path, package.as_str(), &entry, None).await.unwrap();
        });
    }
}
