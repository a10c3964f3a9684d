//! What owners do through the REST surface, done through the services it stands on.

use super::server::TestServer;
use edgefeed::error::Result;
use edgefeed::model::{Address, Principal, Role, TokenText, UpstreamingBehavior, Version, ViewName};
use edgefeed::platform::memory::MemoryPlatform;
use edgefeed::protocol;
use edgefeed::service::{self, Settings, decide, delete, promote};
use edgefeed::store::tokens;
use futures_executor::block_on;
use std::rc::Rc;

/// A verb with its object.
pub(crate) enum Verb {
    Allow(UpstreamingBehavior),
    Delete(&'static str),
    Restore(&'static str),
    Purge(&'static str),
    Promote(&'static str, &'static str),
    Demote(&'static str, &'static str),
}

/// Does it as the owner of a feed.
pub(crate) fn owner_does(server: &TestServer, feed: &str, package: &str, verb: Verb) -> Result<()> {
    block_on(deed(server, &server.platform.for_request(), feed, package, verb))
}

/// The deed as a future, to be joined with others or to be dropped half-way.
pub(crate) fn deed<'a>(
    server: &TestServer,
    platform: &'a MemoryPlatform,
    feed: &'a str,
    package: &'a str,
    verb: Verb,
) -> impl Future<Output = Result<()>> + 'a {
    let text = TokenText::parse(&server.token_of(feed, Role::Owner)).expect("a token");
    perform(platform, text, feed, package, verb)
}

async fn perform(
    platform: &MemoryPlatform,
    text: TokenText,
    feed: &str,
    package: &str,
    verb: Verb,
) -> Result<()> {
    let token = tokens::find(platform, &text).await?.expect("a token that was made");
    let address = Address::parse_path(&format!("acme/{feed}")).expect("an address");
    let principal = Rc::new(Principal::Token(Box::new((*token).clone())));
    let root: Rc<str> = "https://edge.test/".into();
    let context = service::open(platform.clone(), &address, principal, root, Settings::default()).await?;
    // `protocol:package`, where it is not npm's.
    let (protocol, package) = package.split_once(':').unwrap_or(("npm", package));
    let ecosystem = protocol::ecosystem(protocol).expect("a protocol that is there");
    let package = ecosystem.package(package)?;
    let version = |text: &str| -> Version { ecosystem.version(text).expect("a version") };
    let view = |text: &str| ViewName::parse(text).expect("a view");
    match verb {
        Verb::Allow(behavior) => decide::set_behavior(&context, &package, behavior).await,
        Verb::Delete(number) => delete::delete(&context, &package, &version(number)).await,
        Verb::Restore(number) => delete::restore(&context, &package, &version(number)).await,
        Verb::Purge(number) => delete::purge(&context, &package, &version(number)).await,
        Verb::Promote(number, to) => {
            promote::promote(&context, &package, &version(number), &view(to), true).await
        }
        Verb::Demote(number, from) => {
            promote::promote(&context, &package, &version(number), &view(from), false).await
        }
    }
}
