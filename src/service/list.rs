//! Listings: what a feed shows of a package to this caller here.
//!
//! A rendered listing is kept per package, form, audience and link root; it is served if it was rendered from the
//! present state of the index, and rendered anew if not. Upstream freshness is handled apart from that: a listing whose
//! sources were last asked too long ago is served while they are asked in the background.

use super::document::Document;
use super::relist::{self, Heard};
use super::resolve::{self, Candidate};
use super::upstream::{Need, STALE_LIMIT};
use super::{FeedContext, Form, Package, neighbours};
use crate::error::{Error, Missing, Result};
use crate::model::{Action, Digest, ListingMode, Timestamp};
use crate::platform::{Body, Platform};
use crate::store::index::{self, IndexEtag, PackageIndex};
use crate::store::keys::PackagePath;
use crate::store::rendered::{self, Rendered, RenderedInfo};
use bytes::Bytes;
use std::rc::Rc;
use std::time::Duration;

/// For how long a background refresh keeps others from starting.
const REFRESH_PAUSE: Duration = Duration::from_secs(10);

/// For how many seconds a listing is fresh that lacks a source's word because the source failed.
const FRESH_WHILE_FAILING: u32 = 5;

/// The listing of a package, rendered and compressed.
pub async fn listing<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    form: Form,
) -> Result<Rendered> {
    let list = List::new(context, package, form);
    let (known, token) = futures_util::future::join(
        rendered::get(&context.platform, &list.path, &list.variant),
        list.token(context.always_check),
    )
    .await;
    // KV may fail: a miss there is never an answer, and neither is an error.
    let (known, token) = (known.unwrap_or(None), token?);
    let known = match known {
        Some(known) if known.info.token == token => known,
        outdated => return list.render(outdated.map(|outdated| outdated.info)).await,
    };
    if !list.asks_sources() {
        context.trace.note("local");
        return Ok(known);
    }
    let age = context.platform.now().since(known.info.checked);
    let limit = if package.ecosystem.is_hashed_apart() { Duration::ZERO } else { STALE_LIMIT };
    if context.always_check || age >= limit.max(fresh_for(&known.info)) {
        let need = if context.always_check { Need::Now } else { Need::Normal };
        return list.revalidate(known, need).await;
    }
    if age >= fresh_for(&known.info) {
        list.revalidate_in_background();
        context.trace.note("stale");
    } else {
        context.trace.note("fresh");
    }
    Ok(known)
}

fn fresh_for(info: &RenderedInfo) -> Duration {
    Duration::from_secs(u64::from(info.fresh))
}

/// A text that is only compared with others of its kind: KV metadata has 1,024 bytes in all.
fn brief(text: String) -> String {
    if text.len() > 128 { Digest::sha256(text.as_bytes()).hex() } else { text }
}

/// How far the sources' word can be relied on, of which a document was made.
struct Standing {
    /// When the source whose answer is oldest last answered, if one of them failed since.
    confirmed: Option<Timestamp>,
    /// For how many seconds it need not be asked for again.
    fresh: u32,
    /// What failed.
    warning: Option<String>,
}

/// A document that is being made.
struct Begun {
    /// When it will have changed, if it is not the same as before.
    changed: Timestamp,
    /// What is known of the one before it.
    before: Option<RenderedInfo>,
}

/// Whom a listing is for, as far as that changes what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Audience {
    /// Members of a view; for `Local`, all local versions.
    View(String),
    /// Local versions, and what sources offer.
    Everything,
}

/// One listing to be made.
struct List<'a, P> {
    context: &'a FeedContext<P>,
    package: &'a Package,
    form: Form,
    path: PackagePath,
    audience: Audience,
    variant: String,
}

impl<'a, P: Platform> List<'a, P> {
    fn new(context: &'a FeedContext<P>, package: &'a Package, form: Form) -> Self {
        let shows_all = context.permits(Action::Save) || context.feed.listing == ListingMode::Azure;
        let audience = match &context.view {
            Some(view) => Audience::View(view.id.clone()),
            None if shows_all => Audience::Everything,
            None => Audience::View("local".to_owned()),
        };
        let shown = match &audience {
            Audience::View(view) => view,
            Audience::Everything => "*",
        };
        let variant = format!("{} {}\n{shown}\n{}", form.name, form.part, context.root);
        Self { context, package, form, path: context.path(package), audience, variant }
    }

    fn asks_sources(&self) -> bool {
        self.audience == Audience::Everything
            && self.context.feed.sources(self.package.protocol()).next().is_some()
    }

    /// What the listing is rendered from, here: the package's index, those of internal sources, the feed's settings.
    async fn token(&self, always: bool) -> Result<String> {
        let own = index::check(&self.context.platform, &self.path, always).await?;
        Ok(self.token_of(&own, &self.internal_etags().await?))
    }

    async fn internal_etags(&self) -> Result<Vec<IndexEtag>> {
        match self.audience {
            Audience::Everything => neighbours::etags(self.context, self.package).await,
            Audience::View(_) => Ok(Vec::new()),
        }
    }

    fn token_of(&self, own: &IndexEtag, internal: &[IndexEtag]) -> String {
        let mut text = format!("{}", self.context.feed.sequence);
        for etag in std::iter::once(own).chain(internal) {
            text.push(' ');
            text.push_str(etag.as_ref().map_or("-", |etag| etag.as_str()));
        }
        brief(text)
    }

    /// Asks the sources; renders anew only if they offer anything else than what it was rendered from. A source that
    /// fails, or is there again, changes what can be said of the document and not the document.
    async fn revalidate(&self, known: Rendered, need: Need) -> Result<Rendered> {
        let begun = self.begin(Some(known.info.clone()));
        let index = self.index().await?;
        let candidates = self.candidates(&index.0, need).await;
        if known.info.offers != brief(resolve::offers(&candidates)) {
            return self.assemble(&index.0, &index.1, candidates, begun).await;
        }
        let (platform, now) = (&self.context.platform, self.context.platform.now());
        let Standing { confirmed, fresh, warning } = self.standing(&candidates);
        let info = RenderedInfo { checked: now, confirmed, fresh, warning, ..known.info.clone() };
        self.context.trace.note("revalidated");
        if let Body::Bytes(bytes) = &known.body {
            // Other isolates need not learn at once that nothing changed: a write to KV costs more than their asking.
            if now.since(known.info.checked) > STALE_LIMIT / 2 {
                let _ = rendered::put(platform, &self.path, &self.variant, &info, bytes.clone()).await;
            } else {
                rendered::remember(platform, &self.path, &self.variant, &info, bytes);
            }
        }
        Ok(Rendered { info, body: known.body })
    }

    /// How far the sources' word can be relied on.
    fn standing(&self, candidates: &[Candidate]) -> Standing {
        let failure = candidates.iter().find_map(|candidate| match &candidate.supply {
            Err(error) => Some(error),
            Ok(_) => candidate.stale.as_ref().map(|stale| &stale.error),
        });
        let stale = candidates.iter().filter_map(|candidate| candidate.stale.as_ref());
        let sources = self.context.feed.sources(self.package.protocol());
        let freshness = sources.map(|source| source.freshness_seconds).min().unwrap_or(u32::MAX);
        Standing {
            confirmed: stale.map(|stale| stale.confirmed).min(),
            fresh: if failure.is_some() { FRESH_WHILE_FAILING } else { freshness },
            warning: failure.map(|error| error.to_string().chars().take(160).collect()),
        }
    }

    fn revalidate_in_background(&self) {
        let (context, package, form) = (self.context.clone(), self.package.clone(), self.form);
        let (memo, now) = (context.platform.memo(), context.platform.now());
        let key = format!("refreshing:{}", self.path.rendered(&self.variant));
        if memo.get::<()>(&key, now).is_some() {
            return;
        }
        memo.put(key, Rc::new(()), 16, now, REFRESH_PAUSE);
        let platform = context.platform.clone();
        platform.in_background(async move {
            let list = List::new(&context, &package, form);
            // The answer went out already; a failing source shows in its health.
            if let Ok(Some(known)) = rendered::get(&context.platform, &list.path, &list.variant).await {
                let _ = list.revalidate(known, Need::Normal).await;
            }
        });
    }

    async fn index(&self) -> Result<(PackageIndex, IndexEtag)> {
        let stored = index::get(&self.context.platform, &self.path).await?;
        let etag = stored.as_ref().map(|stored| stored.etag.clone());
        index::remember(&self.context.platform, &self.path, etag.clone());
        Ok((stored.map(|stored| stored.value).unwrap_or_default(), etag))
    }

    async fn candidates(&self, index: &PackageIndex, need: Need) -> Vec<Candidate> {
        if !self.asks_sources() {
            return Vec::new();
        }
        resolve::candidates(self.context, self.package, self.form.upstream, index, need).await
    }

    /// What will have been the moment of change of a document that is begun now in place of that one. It is before
    /// anything is read that goes into it, and no second has two states of a document: clients tell them apart by it.
    fn begin(&self, before: Option<RenderedInfo>) -> Begun {
        let now = self.context.platform.now();
        let next = before.as_ref().map(|before| before.modified.plus(Duration::from_secs(1)));
        Begun { changed: next.map_or(now, |next| now.max(next)), before }
    }

    async fn render(&self, before: Option<RenderedInfo>) -> Result<Rendered> {
        let begun = self.begin(before);
        let (index, etag) = self.index().await?;
        let need = if self.context.always_check { Need::Now } else { Need::Normal };
        let candidates = self.candidates(&index, need).await;
        self.assemble(&index, &etag, candidates, begun).await
    }

    async fn assemble(
        &self,
        index: &PackageIndex,
        etag: &IndexEtag,
        candidates: Vec<Candidate>,
        begun: Begun,
    ) -> Result<Rendered> {
        let platform = &self.context.platform;
        let internal = self.internal_etags().await?;
        let document = Document::new(self.context, self.package, self.form, index).build(&candidates)?;
        let Some(document) = document else { return Err(self.nothing(&candidates)) };
        let Standing { confirmed, fresh, warning } = self.standing(&candidates);
        let hash = Digest::sha256(&document.bytes).hex()[..32].to_owned();
        let same = begun.before.filter(|before| before.etag == hash);
        let info = RenderedInfo {
            etag: hash,
            token: self.token_of(etag, &internal),
            offers: brief(resolve::offers(&candidates)),
            checked: platform.now(),
            confirmed,
            fresh,
            size: document.bytes.len() as u64,
            content_type: self.form.content_type.to_owned(),
            modified: same.map_or(begun.changed, |before| before.modified),
            warning,
        };
        self.hear(document.outdated);
        let bytes = Bytes::from(document.bytes);
        self.context.trace.note("rendered");
        // KV is a copy: failing to write it costs time, not truth.
        let _ = rendered::put(platform, &self.path, &self.variant, &info, bytes.clone()).await;
        Ok(Rendered { info, body: Body::Bytes(bytes) })
    }

    /// Passes on to saved versions what their source now says of them, so that those see it who are shown local
    /// versions only.
    fn hear(&self, outdated: Vec<Heard>) {
        if outdated.is_empty() {
            return;
        }
        let (context, package) = (self.context.clone(), self.package.clone());
        let platform = context.platform.clone();
        platform.in_background(async move {
            // Should it fail, the next refresh finds the same difference.
            let _ = relist::hear(&context, &package, outdated).await;
        });
    }

    /// Why there is nothing to list: an upstream's failure is never a "not found".
    fn nothing(&self, candidates: &[Candidate]) -> Box<Error> {
        let failure = candidates.iter().find_map(|candidate| candidate.supply.as_ref().err().cloned());
        if let Some(failure) = failure {
            return failure;
        }
        let name = self.package.to_string();
        if self.context.view.is_none() && self.audience != Audience::Everything {
            let lacks = Error::lacks(
                Action::Save,
                "restoring versions that only an upstream source has",
                self.context.authority,
                &self.context.locator,
            );
            return match lacks {
                Error::Unauthenticated(text) => {
                    Error::Unauthenticated(format!("`{name}` has no version in this feed yet; {text}")).into()
                }
                other => Error::NotFound(Missing::PackageNotSaved(name, other.to_string())).into(),
            };
        }
        Error::NotFound(Missing::Package(name)).into()
    }
}
