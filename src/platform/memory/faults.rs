//! Faults on demand: what the local simulator never does and production does.

use crate::platform::PlatformError;
use std::cell::RefCell;
use std::rc::Rc;

/// What is asked of the platform, one name per method of every port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `RecordStore::get`
    Get,
    /// `RecordStore::head`
    Head,
    /// `RecordStore::create`
    Create,
    /// `RecordStore::replace`
    Replace,
    /// `RecordStore::overwrite`
    Overwrite,
    /// `RecordStore::append`
    Append,
    /// `RecordStore::delete`
    Delete,
    /// `RecordStore::list` and `list_noted`; its key is the prefix.
    List,
    /// `BlobStore::create`
    PutBlob,
    /// `BlobStore::replace`
    ReplaceBlob,
    /// `BlobStore::open`
    OpenBlob,
    /// `BlobStore::info`
    BlobInfo,
    /// `BlobStore::delete`
    DeleteBlob,
    /// `BlobStore::begin_upload`
    BeginUpload,
    /// `BlobStore::upload_part`
    UploadPart,
    /// `BlobStore::complete_upload`
    CompleteUpload,
    /// `BlobStore::abort_upload`
    AbortUpload,
    /// `KeyValueStore::get`
    KvGet,
    /// `KeyValueStore::put`
    KvPut,
    /// `KeyValueStore::delete`
    KvDelete,
    /// `ResponseCache::get`; its key is the URL.
    CacheGet,
    /// `ResponseCache::put`
    CachePut,
    /// `ResponseCache::delete`
    CacheDelete,
    /// `HttpClient::send`; its key is the URL.
    Send,
}

impl Operation {
    /// Does it change what is stored?
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Replace
                | Self::Overwrite
                | Self::Append
                | Self::Delete
                | Self::PutBlob
                | Self::ReplaceBlob
                | Self::DeleteBlob
                | Self::BeginUpload
                | Self::UploadPart
                | Self::CompleteUpload
                | Self::AbortUpload
                | Self::KvPut
                | Self::KvDelete
        )
    }
}

#[derive(Clone)]
enum Effect {
    Before(PlatformError),
    After(PlatformError),
    Cut(u64),
    Meanwhile(Rc<dyn Fn()>),
}

/// One fault: which operation it meets, and what happens to it. Without [`Fault::on`] it meets every key, without
/// [`Fault::nth`] the next operation, without [`Fault::times`] one operation only.
#[derive(Clone)]
pub struct Fault {
    operation: Option<Operation>,
    writes_only: bool,
    key_part: String,
    to_pass: usize,
    times: usize,
    effect: Effect,
}

impl Fault {
    /// Meets operations of one kind.
    pub fn of(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::any() }
    }

    /// Meets operations of every kind.
    pub fn any() -> Self {
        Self {
            operation: None,
            writes_only: false,
            key_part: String::new(),
            to_pass: 0,
            times: 1,
            effect: Effect::Before(PlatformError::Other("injected fault".to_owned())),
        }
    }

    /// Meets operations of every kind that change what is stored.
    pub fn any_write() -> Self {
        Self { writes_only: true, ..Self::any() }
    }

    /// Only on keys that contain this text.
    #[must_use]
    pub fn on(mut self, key_part: &str) -> Self {
        key_part.clone_into(&mut self.key_part);
        self
    }

    /// Lets `n - 1` matching operations pass first.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.to_pass = n.saturating_sub(1);
        self
    }

    /// Meets so many operations; `usize::MAX` for an outage.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// The operation fails and nothing has happened.
    #[must_use]
    pub fn before(mut self, error: PlatformError) -> Self {
        self.effect = Effect::Before(error);
        self
    }

    /// The operation takes effect, and then a failure is reported.
    #[must_use]
    pub fn after(mut self, error: PlatformError) -> Self {
        self.effect = Effect::After(error);
        self
    }

    /// Somebody else has just written that key (R2 10058).
    #[must_use]
    pub fn contended(self) -> Self {
        self.before(PlatformError::Contended)
    }

    /// The content that is opened or received breaks off after so many bytes.
    #[must_use]
    pub fn cut(mut self, bytes: u64) -> Self {
        self.effect = Effect::Cut(bytes);
        self
    }

    /// Just before the operation, somebody else does something: a race, decided.
    #[must_use]
    pub fn meanwhile(mut self, action: impl Fn() + 'static) -> Self {
        self.effect = Effect::Meanwhile(Rc::new(action));
        self
    }

    fn meets(&self, operation: Operation, key: &str) -> bool {
        self.operation.is_none_or(|wanted| wanted == operation)
            && (!self.writes_only || operation.writes())
            && key.contains(&self.key_part)
    }
}

/// The faults that are waiting for their operation. Clones share them.
#[derive(Clone, Default)]
pub struct Faults(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    waiting: Vec<Fault>,
    fired: usize,
}

impl Faults {
    /// Adds a fault. Of several that match, the one added first is used.
    pub fn add(&self, fault: Fault) {
        self.0.borrow_mut().waiting.push(fault);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.0.borrow_mut().waiting.clear();
    }

    /// How many operations have met a fault so far.
    pub fn fired(&self) -> usize {
        self.0.borrow().fired
    }

    /// Carries an operation out as the faults will have it.
    pub(super) fn apply<T>(
        &self,
        operation: Operation,
        key: &str,
        action: impl FnOnce() -> Result<T, PlatformError>,
    ) -> Result<T, PlatformError> {
        match self.take(operation, key, |effect| !matches!(effect, Effect::Cut(_))) {
            Some(Effect::Before(error)) => Err(error),
            Some(Effect::After(error)) => action().and(Err(error)),
            Some(Effect::Meanwhile(other)) => {
                other();
                action()
            }
            Some(Effect::Cut(_)) | None => action(),
        }
    }

    /// After how many bytes the content of this operation breaks off, if it does.
    pub(super) fn cut(&self, operation: Operation, key: &str) -> Option<u64> {
        match self.take(operation, key, |effect| matches!(effect, Effect::Cut(_)))? {
            Effect::Cut(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn take(&self, operation: Operation, key: &str, wanted: impl Fn(&Effect) -> bool) -> Option<Effect> {
        let mut state = self.0.borrow_mut();
        let position =
            state.waiting.iter().position(|fault| fault.meets(operation, key) && wanted(&fault.effect))?;
        let fault = &mut state.waiting[position];
        if fault.to_pass > 0 {
            fault.to_pass -= 1;
            return None;
        }
        fault.times = fault.times.saturating_sub(1);
        let effect = fault.effect.clone();
        if fault.times == 0 {
            state.waiting.remove(position);
        }
        state.fired += 1;
        Some(effect)
    }
}
