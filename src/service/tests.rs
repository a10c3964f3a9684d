//! Versions whose files are kept one by one, in an ecosystem that is nothing else: what services do of themselves.

mod contents;
mod drafts;
mod faults;
mod leavings;
mod races;
mod saving;

use super::contents::{Arriving, missing};
use super::publish::{Growth, Incoming, IncomingFile, publish_naming};
use super::*;
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{
    Algorithm, ArtifactName, Digest, Feed, FeedLocator, FeedName, PackageName, Principal, ProtocolId, Token,
    TreeFile, TreePath, Version, arrange,
};
use crate::platform::memory::MemoryPlatform;
use crate::platform::{Body, Platform as _};
use crate::store::feeds;
use crate::store::keys::PackagePath;
use futures_executor::block_on;
use serde_json::json;
use serde_json::value::RawValue;
use std::cmp::Ordering;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use url::Url;

/// Packages of files, nothing else.
struct Trees;

impl Ecosystem for Trees {
    fn protocol(&self) -> ProtocolId {
        ProtocolId::new("trees")
    }

    fn package(&self, text: &str) -> Result<Package> {
        Ok(Package::new(&Trees, PackageName::new(text, text)))
    }

    fn source_root(&self) -> &'static str {
        "trees/"
    }

    fn version(&self, text: &str) -> Option<Version> {
        Some(Version::new(text, text))
    }

    fn title(&self) -> &'static str {
        "Trees"
    }

    fn compare(&self, left: &str, right: &str) -> Ordering {
        left.cmp(right)
    }

    fn is_prerelease(&self, _: &str) -> bool {
        false
    }

    fn has_contents(&self) -> bool {
        true
    }

    fn content_path(&self, package: &Package, version: &Version, file: Option<&str>) -> Option<String> {
        Some(format!("{package}/{version}/{}", file?))
    }

    fn upstream_forms(&self) -> &'static [UpstreamForm] {
        &[FORM]
    }

    fn listing_request(
        &self,
        _: Registry<'_>,
        _: &Package,
        _: UpstreamForm,
    ) -> Result<Option<(Url, &'static str)>, UpstreamFault> {
        Ok(None)
    }

    fn decoder(
        &self,
        _: Registry<'_>,
        _: &Package,
        _: UpstreamForm,
        _: &Url,
        _: &str,
    ) -> Result<Box<dyn ListingDecoder>, UpstreamFault> {
        Err(UpstreamFault::Malformed("nothing is listed".to_owned()))
    }

    fn renderer(&self, _: &Package, _: Form, _: &str) -> Box<dyn ListingRenderer> {
        panic!("nothing is rendered")
    }
}

const FORM: UpstreamForm = UpstreamForm("versions");

fn ecosystems(protocol: &str) -> Option<&'static dyn Ecosystem> {
    (protocol == "trees").then_some(&Trees)
}

/// A feed as a token of that id sees it.
pub(super) fn context_of(platform: &MemoryPlatform, holder: &str) -> FeedContext<MemoryPlatform> {
    let mut feed: Feed = crate::model::json::read(include_bytes!("../../tests/golden/feed.json")).unwrap();
    let mut token: Token = crate::model::json::read(include_bytes!("../../tests/golden/token.json")).unwrap();
    feed.deleted = None;
    token.id = holder.to_owned();
    let (locator, principal) = (FeedLocator::parse("main").unwrap(), Principal::Token(Box::new(token)));
    let (feed, root) = (Rc::new(feed), Rc::from("https://edge.test/"));
    enter(platform.clone(), feed, locator, Rc::new(principal), root, Settings::default()).unwrap()
}

/// A platform with feeds of one organization, whose callers may do anything that their scope allows.
struct World {
    platform: MemoryPlatform,
    package: Package,
}

impl World {
    fn new() -> Self {
        let world = Self { platform: MemoryPlatform::new(), package: Trees.package("lib").unwrap() };
        world.feed("main", &json!([]));
        world
    }

    /// Adds a feed.
    fn feed(&self, name: &str, sources: &serde_json::Value) {
        let view = |id: &str, name: &str| json!({ "id": id, "name": name, "visibility": "collection" });
        let feed = json!({
            "id": crate::model::guid_of(name), "organization": "acme", "name": name, "description": "",
            "isPublic": false, "upstreamEnabled": true, "upstreamSources": sources,
            "views": [view("1", "Local"), view("2", "Release")], "allowUpstreamNameConflict": false,
            "listing": "azure", "created": self.platform.now(), "sequence": 1,
        });
        let feed: Feed = serde_json::from_str(&feed.to_string()).unwrap();
        block_on(feeds::create(&self.platform, &feed)).unwrap();
    }

    /// A feed as a caller of that scope sees it.
    fn context(&self, feed: &str, scope: &str) -> FeedContext<MemoryPlatform> {
        let token = json!({
            "id": "t", "organization": "acme", "subject": "somebody", "scope": scope, "administrator": false,
            "grants": [{ "target": { "kind": "organization" }, "role": "administrator" }],
            "feedCreator": false, "created": self.platform.now(), "expires": "2036-01-01T00:00:00.000Z",
        });
        let token: Token = serde_json::from_str(&token.to_string()).unwrap();
        let principal = Rc::new(Principal::Token(Box::new(token)));
        let organization = crate::model::OrganizationName::parse("acme").unwrap();
        let name = FeedName::parse(feed).unwrap();
        let platform = self.platform.for_request();
        let feed = block_on(feeds::find(&platform, &organization, None, &name)).unwrap().unwrap();
        let locator = FeedLocator { feed: name, view: None };
        let settings = Settings { allow_private_upstreams: true, ..Settings::default() };
        enter(platform, feed, locator, principal, "https://edge.test/".into(), settings).unwrap()
    }

    /// The feed that every world has, as its owner sees it.
    fn main(&self) -> FeedContext<MemoryPlatform> {
        self.context("main", "manage")
    }

    fn path(&self) -> PackagePath {
        self.main().path(&self.package)
    }

    /// What is kept of the package: the contents' own text, which is the first that was put for it.
    fn kept(&self) -> Vec<String> {
        let contents = self.path().contents();
        let keys = self.platform.stored_keys();
        let texts = keys.iter().filter(|key| key.starts_with(&contents)).map(|key| {
            let bytes = self.platform.object(key).unwrap();
            assert!(key.ends_with(&Digest::of(Algorithm::Sha256, &bytes).hex()), "kept under another name");
            String::from_utf8(bytes.to_vec()).unwrap()
        });
        let mut texts: Vec<String> = texts.collect();
        texts.sort();
        texts
    }

    /// How many notes of a kind there are.
    fn notes(&self, kind: &str) -> usize {
        self.platform.stored_keys().iter().filter(|key| key.starts_with(kind)).count()
    }

    /// Adds files to a draft and commits it as a version.
    fn publish(&self, version: &str, files: &[(&str, &str)]) {
        let context = self.main();
        block_on(async {
            let files = draft(&context, &self.package, version, files).await;
            commit(&context, &self.package, version, &files).await.unwrap();
        });
        block_on(self.platform.run_background());
    }

    /// Deletes a version for good.
    fn purge(&self, version: &str) {
        let context = self.main();
        let version = Version::new(version, version);
        block_on(async {
            delete::delete(&context, &self.package, &version).await.unwrap();
            delete::purge(&context, &self.package, &version).await.unwrap();
        });
    }

    /// One round of cron.
    fn cron(&self) -> housekeeping::Done {
        block_on(housekeeping::run(&self.platform, ecosystems)).unwrap()
    }
}

/// A file of that text.
fn file(path: &str, text: &str) -> TreeFile {
    let digest = Digest::of(Algorithm::Sha256, text.as_bytes());
    let path = TreePath::parse(path).unwrap();
    TreeFile { path, size: text.len() as u64, digest, executable: false }
}

/// Adds files to a draft.
async fn draft(
    context: &FeedContext<MemoryPlatform>,
    package: &Package,
    version: &str,
    files: &[(&str, &str)],
) -> Vec<TreeFile> {
    let version = Version::new(version, version);
    let mut put = Vec::new();
    for (path, text) in files {
        let path = (TreePath::parse(path).unwrap(), false);
        let body = Body::from(text.as_bytes().to_vec());
        put.push(super::drafts::put(context, package, &version, path, body, None).await.unwrap());
    }
    put
}

/// Commits a version of these files, and gives its draft up.
async fn commit(
    context: &FeedContext<MemoryPlatform>,
    package: &Package,
    version: &str,
    files: &[TreeFile],
) -> Result<()> {
    let (version, mut files) = (Version::new(version, version), files.to_vec());
    arrange(&mut files).unwrap();
    let text = tree::write(&files)?;
    let named = tree::digests(&text);
    let lacking = missing(&context.platform, &context.path(package), &named).await?;
    if !lacking.is_empty() {
        return Err(Error::Invalid(format!("{} are missing", lacking.len())).into());
    }
    let content = stage::hold(&context.platform, text.into_bytes().into(), &[Algorithm::Sha256]);
    let file = IncomingFile {
        name: ArtifactName::parse(crate::store::keys::TREE).unwrap(),
        content: content.await?,
        manifest: None,
    };
    let incoming = Incoming {
        version: version.clone(),
        file,
        companions: Vec::new(),
        manifest: RawValue::NULL.to_owned(),
        tags: Vec::new(),
        growth: Growth::Whole,
    };
    publish_naming(context, package, incoming, &named).await?;
    super::drafts::discard(&context.platform, &context.path(package), &version, &named).await
}

/// Goes on with something for so many steps; what it answers if it is over by then.
fn go_on<T>(mut work: Pin<&mut impl Future<Output = T>>, steps: usize) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    (0..steps).find_map(|_| match work.as_mut().poll(&mut context) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

/// Goes on with something to its end.
fn finish<T>(work: Pin<&mut impl Future<Output = T>>) -> T {
    go_on(work, 100_000).expect("it does not end")
}
