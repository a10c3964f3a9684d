//! The contract of every port, as checks that run on any implementation: in memory, in Miniflare, on a real account.
//!
//! A check writes below its namespace only and removes what it wrote. Out of scope: the HTTP client, which needs a
//! counterpart, and staleness, which no store shows on demand.

mod blobs;
mod copies;
mod integrity;
mod records;

use super::{Platform, PlatformError};
use std::pin::Pin;
use std::time::Duration;

/// What became of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    /// What the contract says.
    pub name: &'static str,
    /// What was observed instead, if it was.
    pub result: Result<(), String>,
}

type Check<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// Runs every check, one after the other, on keys below `namespace`, which must be unused and without `/` at its end.
pub async fn run<P: Platform>(platform: &P, namespace: &str) -> Vec<CheckOutcome> {
    let mut outcomes = Vec::new();
    let checks = records::checks(platform, namespace)
        .into_iter()
        .chain(blobs::checks(platform, namespace))
        .chain(integrity::checks(platform, namespace))
        .chain(copies::checks(platform, namespace));
    for (name, check) in checks {
        outcomes.push(CheckOutcome { name, result: check.await });
    }
    outcomes
}

/// Fails a check with a text unless the condition holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Fails a check unless both are equal.
fn equal<T: PartialEq + std::fmt::Debug>(what: &str, actual: &T, wanted: &T) -> Result<(), String> {
    ensure(actual == wanted, || format!("{what}: {actual:?} instead of {wanted:?}"))
}

fn failed(error: &PlatformError) -> String {
    format!("{error:?}")
}

/// Repeats an operation that meets a key written less than a second ago (R2 10058, KV 429).
async fn patiently<P, T, F>(platform: &P, operation: impl Fn() -> F) -> Result<T, String>
where
    P: Platform,
    F: Future<Output = Result<T, PlatformError>>,
{
    for _ in 0..5 {
        match operation().await {
            Err(PlatformError::Contended) => platform.sleep(Duration::from_millis(1_100)).await,
            other => return other.map_err(|error| failed(&error)),
        }
    }
    Err("contended five times in a row".to_owned())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use crate::platform::memory::MemoryPlatform;
    use futures_executor::block_on;

    #[test]
    fn memory_keeps_the_contract() {
        for limits_writes in [false, true] {
            let platform = MemoryPlatform::new();
            platform.limit_writes(limits_writes);
            let outcomes = block_on(super::run(&platform, "compliance/test"));
            let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
            assert!(failed.is_empty(), "{failed:#?}");
            assert!(outcomes.len() > 20);
            assert_eq!(platform.stored_keys(), [""; 0], "a check removes what it wrote");
            assert_eq!(platform.kv_keys(), [""; 0]);
        }
    }
}
