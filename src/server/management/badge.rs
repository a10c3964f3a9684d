//! Badges: the newest version of a package as a picture that anybody may see, where the feed's owner lets them.

use super::Call;
use super::catalog::open;
use super::message::Reply;
use crate::error::{Error, Missing, Result};
use crate::model::{Address, Principal};
use crate::platform::Platform;
use crate::service::{self, xml::escape};
use std::rc::Rc;

/// Wide enough for seven digits or letters of eleven pixels.
const LETTER: usize = 7;

/// The picture.
pub(super) async fn answer<P: Platform>(call: &Call<'_, P>, address: &Address, id: &str) -> Result<Reply> {
    // The same for all that is not shown: a badge must not tell which feeds there are.
    let hidden = |_| {
        let text = "no such badge; an owner of the feed can turn badges on (`badgesEnabled`)";
        Error::NotFound(Missing::Other(text.to_owned()))
    };
    let (platform, principal) = (call.platform.clone(), Rc::new(Principal::Anonymous));
    let opened = service::open(platform, address, principal, "".into(), call.config.settings).await;
    let context = opened.map_err(hidden)?;
    if !context.feed.badges_enabled {
        return Err(hidden(Error::no_endpoint().into()).into());
    }
    let opened = open(&context, id).await.map_err(hidden)?;
    let ecosystem = opened.package.ecosystem;
    let shown = opened.versions(&|entry| {
        let slot = &entry.slot;
        let released = !ecosystem.is_prerelease(&entry.key) && !slot.shown_listing().hidden;
        slot.is_live() && released && context.shows(&slot.views)
    });
    let version = shown.first().map_or("no release", |entry| &entry.slot.version);
    let feed = match &context.view {
        Some(view) => format!("{}@{}", context.feed.name, view.name),
        None => context.feed.name.to_string(),
    };
    Ok(Reply::text("image/svg+xml", draw(&feed, version).into()))
}

fn draw(feed: &str, version: &str) -> String {
    let width = |text: &str| (text.chars().count() + 2) * LETTER;
    let (left, right) = (width(feed), width(version));
    let (all, middle) = (left + right, left + right / 2);
    let (feed, version) = (escape(feed), escape(version));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" aria-label=\"{feed}: {version}\">\
         <title>{feed}: {version}</title><path fill=\"#555\" d=\"M0 0h{left}v20H0z\"/><path fill=\"#06c\" d=\"M{left} 0h{right}v20H{left}z\"/>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,sans-serif\" font-size=\"11\">\
         <text x=\"{}\" y=\"14\">{feed}</text><text x=\"{middle}\" y=\"14\">{version}</text></g></svg>",
        left / 2
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_text() {
        let picture = draw("a<b>&\"c", "1.0.0");
        assert!(picture.contains("<text x=\"31\" y=\"14\">a&lt;b&gt;&amp;&quot;c</text>"), "{picture}");
        assert_eq!(picture.matches("<svg").count(), 1);
    }
}
