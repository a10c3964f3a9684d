//! The runtime: Workers' events, and one file per port. Nothing else in the crate names `worker` or JavaScript.
//!
//! In scope: translation between the ports and the runtime's objects, without looking into bytes that only pass.
//! Out of scope: every decision; those are `server/`'s and below.

mod background;
mod blobs;
mod body;
mod cache;
mod clock;
mod config;
mod convert;
mod failure;
mod fetch;
mod hashing;
mod kv;
mod records;

use crate::model::{Algorithm, Timestamp};
use crate::platform::{Memo, Metered, OperationCounts, Platform};
use crate::server;
use background::Background;
use std::rc::Rc;
use std::time::Duration;
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

thread_local! {
    /// An isolate has one thread, and lives through many requests.
    static MEMO: Rc<Memo> = Rc::default();
}

/// The Cloudflare platform as one request sees it.
#[derive(Clone)]
pub struct EdgePlatform(Rc<Ports>);

struct Ports {
    records: Metered<records::R2Records>,
    blobs: Metered<blobs::R2Blobs>,
    kv: Metered<kv::WorkersKv>,
    http: Metered<fetch::FetchClient>,
    cache: Metered<cache::LocationCache>,
    memo: Rc<Memo>,
    counts: OperationCounts,
    background: Background,
}

impl EdgePlatform {
    /// Binds the bucket `R2` and the namespace `KV`, with counts at zero.
    fn new(env: &Env, background: Background) -> worker::Result<Self> {
        let counts = OperationCounts::default();
        let bucket = env.bucket("R2")?;
        Ok(Self(Rc::new(Ports {
            records: Metered::new(records::R2Records(bucket.clone()), &counts),
            blobs: Metered::new(blobs::R2Blobs(bucket), &counts),
            kv: Metered::new(kv::WorkersKv(env.kv("KV")?), &counts),
            http: Metered::new(fetch::FetchClient, &counts),
            cache: Metered::new(cache::LocationCache, &counts),
            memo: MEMO.with(Rc::clone),
            counts,
            background,
        })))
    }
}

impl Platform for EdgePlatform {
    type Records = Metered<records::R2Records>;
    type Blobs = Metered<blobs::R2Blobs>;
    type Kv = Metered<kv::WorkersKv>;
    type Http = Metered<fetch::FetchClient>;
    type Cache = Metered<cache::LocationCache>;
    type Hashing = hashing::DigestStreams;

    fn records(&self) -> &Self::Records {
        &self.0.records
    }

    fn blobs(&self) -> &Self::Blobs {
        &self.0.blobs
    }

    fn kv(&self) -> &Self::Kv {
        &self.0.kv
    }

    fn http(&self) -> &Self::Http {
        &self.0.http
    }

    fn cache(&self) -> &Self::Cache {
        &self.0.cache
    }

    fn memo(&self) -> &Memo {
        &self.0.memo
    }

    fn counts(&self) -> &OperationCounts {
        &self.0.counts
    }

    fn hashing(&self, algorithms: &[Algorithm]) -> Self::Hashing {
        hashing::DigestStreams::new(algorithms)
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn memory(&self) -> Option<u64> {
        Some(core::arch::wasm32::memory_size::<0>() as u64 * 65_536)
    }

    fn log(&self, line: &str) {
        worker::console_log!("{line}");
    }

    fn random(&self, buffer: &mut [u8]) {
        clock::random(buffer);
    }

    async fn sleep(&self, duration: Duration) {
        clock::sleep(duration).await;
    }

    fn in_background(&self, task: impl Future<Output = ()> + 'static) {
        self.0.background.spawn(task);
    }
}

/// A request came in.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<worker::Response> {
    let config = match config::of(&env) {
        Ok(config) => config,
        Err(reason) => return convert::refusal(500, &format!("This deployment is misconfigured: {reason}")),
    };
    let platform = EdgePlatform::new(&env, Background::of_request(context))?;
    match convert::request(&request) {
        Ok(request) => convert::response(server::handle(platform, &config, request).await),
        Err(reason) => convert::refusal(400, &reason),
    }
}

/// The clock struck.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    match EdgePlatform::new(&env, Background::of_schedule(context)) {
        Ok(platform) => server::scheduled(platform).await,
        Err(error) => worker::console_error!("misconfigured: {error}"),
    }
}
