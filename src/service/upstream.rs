//! What upstream registries say: their listings, kept fresh, and kept when they fail.
//!
//! Fresh for the source's `freshness`; then served stale while revalidated; after [`STALE_LIMIT`] revalidated before
//! it is served; served stale for as long as the source is down. "Not found" is remembered by the isolate only, for at
//! most [`ABSENT_REUSE`].

use super::fetch::{self, Fetched};
use super::{Ecosystem, FeedContext, ListingDecoder, Package, Registry, UpstreamForm, registry};
use crate::error::{Error, Result, UpstreamFault};
use crate::model::{SourceHealth, SourceKind, SourceStatus, Timestamp, UpstreamSource};
use crate::platform::{Body, Platform, header};
use crate::store::listing_codec::{ListingHead, ListingWriter, Offer};
use crate::store::listings::StoredListing;
use crate::store::{feeds, listings};
use futures_util::StreamExt;
use http::StatusCode;
use std::rc::Rc;
use std::time::Duration;
use url::Url;

/// A listing older than this is not served while it is revalidated, but after.
pub(super) const STALE_LIMIT: Duration = Duration::from_secs(600);

/// How long "not found" is remembered at most.
pub(super) const ABSENT_REUSE: Duration = Duration::from_secs(60);

/// How long a source that failed is left alone, so that not every request waits for its time-out.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The largest document read, decoded: several times the largest real ones, and what bounds a gzip bomb.
const DOCUMENT_LIMIT: u64 = 256 << 20;

/// In how many documents a listing may come.
const DOCUMENTS: usize = 200;

/// How much of a listing's age is acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// What the freshness rules say.
    Normal,
    /// Ask the source now.
    Now,
    /// What is known, of whatever age, without asking. A source of which nothing is known is an error then: it is not a
    /// source that has nothing.
    Known,
}

/// What a source says about a package.
pub(super) struct Answer {
    /// Its listing; `None` if it has no such package.
    pub(super) listing: Option<StoredListing>,
    /// Why the listing may be old, if it may.
    pub(super) stale: Option<Stale>,
}

/// Why and since when a listing is unconfirmed.
#[derive(Clone)]
pub(super) struct Stale {
    /// What happened when the source was asked.
    pub(super) error: Box<Error>,
    /// When it last answered.
    pub(super) confirmed: Timestamp,
}

/// The address of a source's registry, as a directory: of a feed on another host, the root of the protocol below it.
pub(super) fn location(source: &UpstreamSource, ecosystem: &dyn Ecosystem) -> Result<Url> {
    let mut text = source.location.clone();
    if !text.ends_with('/') {
        text.push('/');
    }
    if source.kind == SourceKind::Internal {
        text.push_str(ecosystem.source_root());
    }
    Url::parse(&text).map_err(|error| Error::malformed(source, format!("its address is not a URL: {error}")))
}

/// Asks a public source about a package, as far as `need` demands.
pub(super) async fn listing<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    package: &Package,
    form: UpstreamForm,
    need: Need,
) -> Result<Answer> {
    let asked = Asked { context, source, package, form };
    let (platform, now) = (&context.platform, context.platform.now());
    if need != Need::Now && platform.memo().get::<()>(&asked.memo("absent"), now).is_some() {
        return Ok(Answer { listing: None, stale: None });
    }
    let path = context.path(package);
    let stored = listings::get(platform, &path, &source.id, form.0).await?;
    let confirmed = stored.as_ref().map(|stored| asked.confirmed(stored, now)).transpose()?;
    let age = confirmed.map_or(Duration::MAX, |confirmed| now.since(confirmed));
    if stored.is_some() && (need == Need::Known || need == Need::Normal && age < source.freshness()) {
        return Ok(Answer { listing: stored, stale: None });
    }
    if need == Need::Known {
        return Err(asked.fault(UpstreamFault::Unreachable("it was not asked yet".to_owned())));
    }
    match (asked.refresh_unless_failing(stored.as_ref(), need).await, confirmed) {
        (Ok(answer), _) => Ok(answer),
        (Err(error), Some(confirmed)) => {
            Ok(Answer { listing: stored, stale: Some(Stale { error, confirmed }) })
        }
        (Err(error), None) => Err(error),
    }
}

/// One question to one source.
struct Asked<'a, P> {
    context: &'a FeedContext<P>,
    source: &'a UpstreamSource,
    package: &'a Package,
    form: UpstreamForm,
}

impl<P: Platform> Asked<'_, P> {
    fn memo(&self, fact: &str) -> String {
        let path = self.context.path(self.package).upstream(&self.source.id, self.form.0);
        format!("{fact}:{path}:{}", self.source.memory_key())
    }

    /// When the source last answered.
    fn confirmed(&self, stored: &StoredListing, now: Timestamp) -> Result<Timestamp> {
        let fetched = Timestamp::from_millis(stored.reader()?.head().fetched);
        let checked = self.context.platform.memo().get::<Timestamp>(&self.memo("checked"), now);
        Ok(checked.map_or(fetched, |checked| fetched.max(*checked)))
    }

    async fn refresh_unless_failing(&self, stored: Option<&StoredListing>, need: Need) -> Result<Answer> {
        let platform = &self.context.platform;
        if let Some(error) = paused(platform, self.source).filter(|_| need != Need::Now) {
            return Err(error.into());
        }
        let outcome = self.refresh(stored).await;
        // A failure of our own storage says nothing about the source.
        if outcome.as_ref().is_err_and(|error| !matches!(**error, Error::Upstream { .. })) {
            return outcome;
        }
        match &outcome {
            Ok(_) => platform.memo().forget(&failing(self.source)),
            Err(error) => pause(platform, self.source, error),
        }
        record_health(self.context, self.source, outcome.as_ref().err().map(AsRef::as_ref)).await;
        outcome
    }

    /// Asks the source and stores what it says.
    async fn refresh(&self, stored: Option<&StoredListing>) -> Result<Answer> {
        let (platform, now) = (&self.context.platform, self.context.platform.now());
        let absent = Answer { listing: None, stale: None };
        let (ecosystem, location) = (self.package.ecosystem, location(self.source, self.package.ecosystem)?);
        let description = registry::description(self.context, self.source, ecosystem, &location).await?;
        let registry = Registry { location: &location, description: &description };
        let request = ecosystem.listing_request(registry, self.package, self.form);
        let Some((url, accept)) = request.map_err(|fault| self.fault(fault))? else { return Ok(absent) };
        let mut request = fetch::get(url, accept, false);
        if let Some(stored) = stored {
            let reader = stored.reader()?;
            let validators = [
                (header::IF_NONE_MATCH, &reader.head().etag),
                (header::IF_MODIFIED_SINCE, &reader.head().last_modified),
            ];
            for (name, value) in validators {
                if let Some(value) = value {
                    request.headers.insert(name, value);
                }
            }
        }
        let fetched = fetch::fetch(self.context, self.source, request).await?;
        if fetched.is_absent() {
            let lifetime = ABSENT_REUSE.min(self.source.freshness());
            platform.memo().put(self.memo("absent"), Rc::new(()), 16, now, lifetime);
            return Ok(absent);
        }
        platform.memo().forget(&self.memo("absent"));
        let listing = match (fetched.status, stored) {
            (StatusCode::NOT_MODIFIED, Some(stored)) => stored.clone(),
            (StatusCode::NOT_MODIFIED, None) => return Err(self.fault(UpstreamFault::Status(304))),
            _ => self.store(registry, fetched, now).await?,
        };
        let lifetime = STALE_LIMIT.max(self.source.freshness());
        platform.memo().put(self.memo("checked"), Rc::new(now), 16, now, lifetime);
        Ok(Answer { listing: Some(listing), stale: None })
    }

    /// Reads the document as it comes, keeps it in our own form.
    async fn store(&self, registry: Registry<'_>, fetched: Fetched, now: Timestamp) -> Result<StoredListing> {
        let content_type = fetched.header(header::CONTENT_TYPE).unwrap_or_default().to_owned();
        let head = ListingHead {
            etag: fetched.header(header::ETAG).map(str::to_owned),
            last_modified: fetched.header(header::LAST_MODIFIED).map(str::to_owned),
            fetched: now.millis(),
        };
        let malformed = |error: std::io::Error| self.fault(UpstreamFault::Malformed(error.to_string()));
        let decoder =
            self.package.ecosystem.decoder(registry, self.package, self.form, &fetched.url, &content_type);
        let mut decoder = decoder.map_err(|fault| self.fault(fault))?;
        let mut writer = ListingWriter::new(&head).map_err(malformed)?;
        let (mut body, mut size) = (fetched.body, 0_u64);
        for _ in 0..DOCUMENTS {
            let mut stream = body.into_stream();
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|error| self.fault(fetch::fault_of(&error)))?;
                size += piece.len() as u64;
                if size > DOCUMENT_LIMIT {
                    return Err(self.fault(UpstreamFault::TooLarge(DOCUMENT_LIMIT)));
                }
                decoder
                    .push(&piece, &mut |offer| writer.offer(&self.of_source(offer)))
                    .map_err(|fault| self.fault(fault))?;
            }
            let next = decoder.next_document().map_err(|fault| self.fault(fault))?;
            let Some((url, accept)) = next else { return self.keep(writer, decoder).await };
            body = self.further(url, accept).await?;
        }
        Err(self.fault(UpstreamFault::Malformed(format!("its listing has over {DOCUMENTS} documents"))))
    }

    /// A further document of a listing: one that is not there makes the listing incomplete, which is not to be shown.
    async fn further(&self, url: Url, accept: &'static str) -> Result<Body> {
        let missing = UpstreamFault::Malformed(format!("it lists `{}` but does not have it", url.path()));
        let request = fetch::get(url, accept, false);
        let fetched = fetch::fetch(self.context, self.source, request).await?;
        if fetched.status == StatusCode::OK { Ok(fetched.body) } else { Err(self.fault(missing)) }
    }

    /// The last document is over: the listing is stored.
    async fn keep(
        &self,
        mut writer: ListingWriter,
        decoder: Box<dyn ListingDecoder>,
    ) -> Result<StoredListing> {
        let malformed = |error: std::io::Error| self.fault(UpstreamFault::Malformed(error.to_string()));
        let tail = decoder
            .finish(&mut |offer| writer.offer(&self.of_source(offer)))
            .map_err(|fault| self.fault(fault))?;
        let bytes = writer.finish(&tail).map_err(malformed)?;
        let path = self.context.path(self.package);
        Ok(listings::put(&self.context.platform, &path, &self.source.id, self.form.0, bytes).await)
    }

    /// An offer, with its origin. A feed on another host does not say what it saved and what was published to it: all of
    /// it counts as internal, which is the stricter of the two for what others offer.
    fn of_source(&self, offer: Offer) -> Offer {
        Offer { first_published: self.source.kind.origin(), ..offer }
    }

    fn fault(&self, fault: UpstreamFault) -> Box<Error> {
        Error::upstream(self.source, fault)
    }
}

fn failing(source: &UpstreamSource) -> String {
    format!("failing:{}", source.memory_key())
}

/// Why a source is left alone at present, if it is.
pub(super) fn paused<P: Platform>(platform: &P, source: &UpstreamSource) -> Option<Error> {
    platform.memo().get::<Error>(&failing(source), platform.now()).map(|error| (*error).clone())
}

/// Leaves a source alone from now on: it failed, whatever it was asked for.
pub(super) fn pause<P: Platform>(platform: &P, source: &UpstreamSource, error: &Error) {
    let error = Rc::new(error.clone());
    platform.memo().put(failing(source), error, 256, platform.now(), FAILURE_PAUSE);
}

/// How long a source's last success, or a failure that goes on, may be another one than the one that is written down.
const HEALTH_REST: Duration = Duration::from_secs(3_600);

/// Records how a source did: when that changes, and once an hour besides, since a write costs more than most of what is asked.
/// Nobody waits for that, and failing to is not worth failing the request.
pub(super) async fn record_health<P: Platform>(
    context: &FeedContext<P>,
    source: &UpstreamSource,
    error: Option<&Error>,
) {
    let (platform, now) = (&context.platform, context.platform.now());
    let key = format!("health:{}", source.id.as_str());
    let known = match platform.memo().get::<SourceHealth>(&key, now) {
        Some(known) => (*known).clone(),
        None => feeds::health(platform, &source.id).await.unwrap_or_default(),
    };
    let status = if error.is_some() { SourceStatus::Failing } else { SourceStatus::Ok };
    let reason = error.map(ToString::to_string).or(known.reason.clone());
    let last = if error.is_some() { known.last_failure } else { known.last_success };
    let is_news = status != known.status
        || reason != known.reason
        || last.is_none_or(|last| now.since(last) >= HEALTH_REST);
    let next = if is_news {
        let next = SourceHealth {
            status,
            since: if status == known.status { known.since.or(Some(now)) } else { Some(now) },
            last_failure: error.map(|_| now).or(known.last_failure),
            last_success: if error.is_none() { Some(now) } else { known.last_success },
            reason,
        };
        let (task, source, written) = (platform.clone(), source.id.clone(), next.clone());
        platform.in_background(async move {
            let _ = feeds::set_health(&task, &source, &written).await;
        });
        next
    } else {
        known
    };
    platform.memo().put(key, Rc::new(next), 256, now, Duration::from_secs(60));
}
