//! How often versions are downloaded, by how many, and when last.
//!
//! A write per download is out of the question: R2 takes one per second and key, and charges for it. An isolate counts in
//! memory, [`PATIENCE`] after the first count writes all it counted as one batch record, and cron folds batches into one
//! record per package. So counts lag cron, and an isolate that is evicted loses what it counted since its last batch.
//!
//! Subjects are counted, not kept: a subject sets one of 1,024 bits, and from how many are set follows how many there
//! were, to within a few per cent ([linear counting](https://dl.acm.org/doi/10.1145/78922.78925)).

use super::Change;
use super::keys::{self, PackagePath};
use crate::error::Result;
use crate::model::Timestamp;
use crate::platform::{Platform, RecordStore as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// How long an isolate counts before it writes: within the 30 s the platform grants after an answer.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// So many versions are written at once: they are written early when there are as many.
const LIMIT: usize = 200;

/// One cron run takes at most so many batches, and no more once it has so many packages to write: a fifth of the 10,000
/// operations that an invocation has.
const STEP: usize = 500;

/// Bits by which subjects are counted: good for some thousands.
const BITS: usize = 1024;

/// What an isolate has counted and not written.
type Buffer = RefCell<Vec<Counted>>;

const BUFFER: &str = "downloads";

struct Counted {
    path: PackagePath,
    version: String,
    usage: Usage,
}

/// Downloads of a version, or of several together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many.
    pub count: u64,
    /// The last one; `None` if there was none.
    pub last: Option<Timestamp>,
    bits: [u8; BITS / 8],
}

impl Default for Usage {
    fn default() -> Self {
        Self { count: 0, last: None, bits: [0; BITS / 8] }
    }
}

impl Usage {
    /// About how many different subjects there were: how many it takes on average to set so many bits.
    pub fn subjects(&self) -> u64 {
        let set: u32 = self.bits.iter().map(|byte| byte.count_ones()).sum();
        // In thousandths, rounded at the end: each new bit took BITS / (bits that were left) subjects.
        let bits = BITS as u64;
        (0..u64::from(set)).map(|before| bits * 1_000 / (bits - before)).sum::<u64>().saturating_add(500)
            / 1_000
    }

    /// Takes a subject in.
    fn see(&mut self, subject: &str) {
        // FNV-1a, and the end of MurmurHash3: spread is all that is asked of it.
        let hash = subject.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let bit = usize::try_from((hash >> 33) % BITS as u64).unwrap_or_default();
        self.bits[bit / 8] |= 1 << (bit % 8);
    }

    /// Adds others.
    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.last = self.last.max(other.last);
        for (ours, theirs) in self.bits.iter_mut().zip(other.bits) {
            *ours |= theirs;
        }
    }

    fn read(stored: &Value) -> Self {
        let text = |name: &str| stored.get(name).and_then(Value::as_str);
        let bits = text("subjects").and_then(|text| STANDARD.decode(text).ok()?.try_into().ok());
        Self {
            count: stored.get("count").and_then(Value::as_u64).unwrap_or_default(),
            last: text("last").and_then(Timestamp::parse),
            bits: bits.unwrap_or([0; BITS / 8]),
        }
    }

    fn stored(&self) -> Value {
        json!({ "count": self.count, "last": self.last, "subjects": STANDARD.encode(self.bits) })
    }
}

/// Downloads of a package, as far as they are folded.
#[derive(Clone, Debug, Default)]
pub struct Downloads(Map<String, Value>);

impl Downloads {
    /// Those of a version.
    pub fn version(&self, version_key: &str) -> Usage {
        self.0.get(version_key).map(Usage::read).unwrap_or_default()
    }

    /// Those of all versions together.
    pub fn all(&self) -> Usage {
        let mut all = Usage::default();
        for usage in self.0.values() {
            all.add(&Usage::read(usage));
        }
        all
    }
}

/// The downloads of a package.
pub async fn get<P: Platform>(platform: &P, path: &PackagePath) -> Result<Downloads> {
    let stored = super::read::<P, Map<String, Value>>(platform, &path.downloads()).await?;
    Ok(Downloads(stored.map(|mut stored| take(&mut stored.value, "versions")).unwrap_or_default()))
}

/// When a version was last downloaded, as far as that is folded. Whoever asks about many versions of one package reads
/// [`get`] once.
pub async fn last_download<P: Platform>(
    platform: &P,
    path: &PackagePath,
    version_key: &str,
) -> Result<Option<Timestamp>> {
    Ok(get(platform, path).await?.version(version_key).last)
}

/// Counts a download, in memory.
pub fn count<P: Platform>(platform: &P, path: &PackagePath, version_key: &str, subject: &str) {
    let (memo, now) = (platform.memo(), platform.now());
    let buffer = memo.get::<Buffer>(BUFFER, now).unwrap_or_else(|| {
        let buffer = Rc::new(Buffer::default());
        memo.put(BUFFER.to_owned(), buffer.clone(), LIMIT * 400, now, 2 * PATIENCE);
        platform.in_background_after(PATIENCE, write(platform.clone(), buffer.clone()));
        buffer
    });
    let mut counted = buffer.borrow_mut();
    let known = counted.iter().position(|known| known.version == version_key && known.path == *path);
    let at = known.unwrap_or_else(|| {
        let (path, version) = (path.clone(), version_key.to_owned());
        counted.push(Counted { path, version, usage: Usage::default() });
        counted.len() - 1
    });
    if let Some(counted) = counted.get_mut(at) {
        counted.usage.count += 1;
        counted.usage.last = Some(now);
        counted.usage.see(subject);
    }
    if counted.len() >= LIMIT {
        drop(counted);
        memo.forget(BUFFER);
        platform.in_background(write(platform.clone(), buffer));
    }
}

/// Writes a batch. What cannot be written is lost: counts are no truth that a request should wait for.
async fn write<P: Platform>(platform: P, buffer: Rc<Buffer>) {
    let present = platform.memo().get::<Buffer>(BUFFER, platform.now());
    if present.is_some_and(|present| Rc::ptr_eq(&present, &buffer)) {
        platform.memo().forget(BUFFER);
    }
    let mut batch = Map::new();
    for counted in buffer.take() {
        let package = batch.entry(counted.path.place()).or_insert_with(|| json!({}));
        package[counted.version] = counted.usage.stored();
    }
    if batch.is_empty() {
        return;
    }
    let mut random = [0_u8; 8];
    platform.random(&mut random);
    let key = keys::usage(platform.now(), &random);
    let bytes = Value::Object(batch).to_string();
    if let Err(error) = platform.records().overwrite(&key, bytes.into()).await {
        platform.log(&json!({ "endpoint": "downloads", "error": error.to_string() }).to_string());
    }
}

/// Folds batches into the records of packages; answers how many. A batch is folded into each of its packages once, however
/// often a run dies: a package's record names the batches it took that may still be there.
pub async fn fold<P: Platform>(platform: &P) -> Result<usize> {
    let page = platform.records().list(keys::USAGE, None, STEP).await?;
    let mut packages: Vec<(String, Vec<(String, Value)>)> = Vec::new();
    let mut done = Vec::new();
    for key in page.keys {
        if packages.len() >= STEP {
            break;
        }
        // A batch that does not read back tells nothing, and must not stop the others.
        let batch = super::read::<P, Map<String, Value>>(platform, &key).await.unwrap_or(None);
        for (place, versions) in batch.map(|batch| batch.value).unwrap_or_default() {
            let news = (key.clone(), versions);
            match packages.iter_mut().find(|(known, _)| *known == place) {
                Some((_, batches)) => batches.push(news),
                None => packages.push((place, vec![news])),
            }
        }
        done.push(key);
    }
    for (place, batches) in packages {
        let Some((path, _)) = PackagePath::parse_after("", &place) else { continue };
        super::update::<P, Map<String, Value>>(platform, &path.downloads(), &mut |before| {
            Ok(fold_into(before.cloned().unwrap_or_default(), &batches).map_or(Change::None, Change::To))
        })
        .await?;
    }
    if !done.is_empty() {
        platform.records().delete(&done).await?;
    }
    Ok(done.len())
}

/// A package's record with those batches; `None` if it has them.
fn fold_into(mut record: Map<String, Value>, batches: &[(String, Value)]) -> Option<Map<String, Value>> {
    let folded = record.get("folded").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut versions = take(&mut record, "versions");
    let news = batches.iter().filter(|(name, _)| !folded.iter().any(|known| known == name));
    let mut changed = false;
    for (version, usage) in news.filter_map(|(_, versions)| versions.as_object()).flatten() {
        let mut sum = versions.get(version).map(Usage::read).unwrap_or_default();
        sum.add(&Usage::read(usage));
        versions.insert(version.clone(), sum.stored());
        changed = true;
    }
    let names: Vec<Value> = batches.iter().map(|(name, _)| name.as_str().into()).collect();
    record.insert("versions".to_owned(), versions.into());
    record.insert("folded".to_owned(), names.into());
    changed.then_some(record)
}

fn take(record: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match record.get_mut(name) {
        Some(Value::Object(members)) => std::mem::take(members),
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FeedId, PackageName, ProtocolId};
    use crate::platform::PlatformError;
    use crate::platform::memory::{Fault, MemoryPlatform, Operation};
    use futures_executor::block_on;

    fn path(name: &str) -> PackagePath {
        PackagePath::new(&FeedId::from_random([0; 16]), ProtocolId::new("any"), &PackageName::new(name, name))
    }

    #[test]
    fn subjects_are_counted_to_within_a_few_per_cent() {
        for many in [0, 1, 2, 10, 100, 1_000, 3_000] {
            let mut usage = Usage::default();
            for subject in 0..many {
                usage.see(&format!("subject-{subject}"));
                usage.see(&format!("subject-{subject}"));
            }
            let close = usage.subjects().abs_diff(many) <= many / 12 + u64::from(many >= 10);
            assert!(close, "{many}: {}", usage.subjects());
            assert_eq!(Usage::read(&usage.stored()), usage);
        }
    }

    #[test]
    fn counting_costs_no_operation_and_is_written_once() {
        let platform = MemoryPlatform::new();
        for download in 0..50 {
            count(&platform, &path("lib"), "1.0.0", &format!("subject-{}", download % 3));
        }
        count(&platform, &path("other"), "2.0.0", "subject");
        assert!(platform.operation_log().is_empty());
        block_on(platform.run_delayed());
        assert_eq!(platform.stored_keys().len(), 1, "{:?}", platform.stored_keys());
        block_on(async {
            assert_eq!(fold(&platform).await.unwrap(), 1);
            assert_eq!(fold(&platform).await.unwrap(), 0);
            let downloads = get(&platform, &path("lib")).await.unwrap();
            assert_eq!((downloads.all().count, downloads.version("1.0.0").subjects()), (50, 3));
            assert_eq!(downloads.version("9.9.9"), Usage::default());
            assert_eq!(last_download(&platform, &path("lib"), "1.0.0").await.unwrap(), downloads.all().last);
            assert!(downloads.all().last.is_some());
        });
    }

    #[test]
    fn a_full_buffer_is_written_early() {
        let platform = MemoryPlatform::new();
        for version in 0..=LIMIT {
            count(&platform, &path("lib"), &version.to_string(), "subject");
        }
        block_on(platform.run_background());
        assert_eq!(platform.stored_keys().len(), 1);
        block_on(platform.run_delayed());
        assert_eq!(platform.stored_keys().len(), 2);
        block_on(async {
            fold(&platform).await.unwrap();
            assert_eq!(get(&platform, &path("lib")).await.unwrap().all().count, LIMIT as u64 + 1);
        });
    }

    /// Batches that are still there after they were folded are not folded again.
    #[test]
    fn a_run_that_dies_counts_nothing_twice() {
        let platform = MemoryPlatform::new();
        let download = |name: &str| {
            count(&platform, &path(name), "1.0.0", "subject");
            block_on(platform.run_delayed());
        };
        download("a");
        download("b");
        platform.faults().add(Fault::of(Operation::Delete).before(PlatformError::TimedOut));
        assert!(block_on(fold(&platform)).is_err());
        download("a");
        block_on(async {
            assert_eq!(fold(&platform).await.unwrap(), 3);
            for (name, expected) in [("a", 2), ("b", 1)] {
                assert_eq!(get(&platform, &path(name)).await.unwrap().all().count, expected, "{name}");
            }
        });
        assert_eq!(platform.stored_keys().len(), 2);
    }
}
