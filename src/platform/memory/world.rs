//! What all ports of one memory platform share: clock, faults, log, and bodies that arrive in pieces.

use super::faults::{Faults, Operation};
use crate::model::Timestamp;
use crate::platform::{ByteStream, PlatformError, RawBody};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// 2026-11-22T12:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_795_348_800_000);

/// Size of the pieces in which stored content arrives.
const PIECE: usize = 64 << 10;

/// So many operations of a request may wait for the beginning of their answer; those that come after wait for one of them.
pub(super) const CONNECTIONS: usize = 6;

pub(super) struct World {
    now: Cell<Timestamp>,
    pub(super) faults: Faults,
    pub(super) log: RefCell<Vec<(Operation, String)>>,
    /// Is a second write to one key within a second refused?
    pub(super) limits_writes: Cell<bool>,
    /// How many operations are under way. Here all requests share what in production each has.
    pub(super) connections: Cell<usize>,
}

/// An operation that is under way; one that is given up is none any more.
struct Connection<'a>(&'a Cell<usize>);

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: Cell::new(BEGINNING),
            faults: Faults::default(),
            log: RefCell::default(),
            limits_writes: Cell::new(true),
            connections: Cell::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now.get()
    }

    pub(super) fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    pub(super) fn advance(&self, duration: Duration) {
        self.now.set(self.now().plus(duration));
    }

    /// One operation: lets others go first, is logged, meets its faults, and takes effect at once.
    pub(super) async fn operate<T>(
        &self,
        operation: Operation,
        key: &str,
        action: impl FnOnce() -> Result<T, PlatformError>,
    ) -> Result<T, PlatformError> {
        let _connection = self.connect().await;
        yield_once().await;
        self.log.borrow_mut().push((operation, key.to_owned()));
        self.faults.apply(operation, key, action)
    }

    async fn connect(&self) -> Connection<'_> {
        while self.connections.get() >= CONNECTIONS {
            yield_once().await;
        }
        self.connections.set(self.connections.get() + 1);
        Connection(&self.connections)
    }

    /// May a key that was last written at `last` be written now?
    pub(super) fn check_write(&self, last: Option<Timestamp>) -> Result<(), PlatformError> {
        let too_soon = last.is_some_and(|last| self.now().since(last) < Duration::from_secs(1));
        if self.limits_writes.get() && too_soon { Err(PlatformError::Contended) } else { Ok(()) }
    }
}

/// Lets every other future that is ready go first.
pub(super) async fn yield_once() {
    let mut yielded = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A body that arrives in pieces and may break off.
#[derive(Clone)]
pub(super) struct MemoryBody {
    pub(super) bytes: Bytes,
    pub(super) declares_length: bool,
    /// After so many bytes comes this error.
    pub(super) breaks: Option<(u64, PlatformError)>,
}

impl MemoryBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { bytes, declares_length: true, breaks: None }
    }

    pub(super) fn cut(mut self, after: Option<u64>) -> Self {
        if let Some(after) = after {
            self.breaks = Some((after, PlatformError::Cut(format!("injected after {after} bytes"))));
        }
        self
    }
}

impl RawBody for MemoryBody {
    fn length(&self) -> Option<u64> {
        self.declares_length.then_some(self.bytes.len() as u64)
    }

    fn into_stream(self: Box<Self>) -> ByteStream {
        let Self { bytes, breaks, .. } = *self;
        let end = breaks
            .as_ref()
            .map_or(bytes.len(), |(after, _)| usize::try_from(*after).unwrap_or(usize::MAX).min(bytes.len()));
        let mut error = breaks.map(|(_, error)| error);
        let mut rest = bytes.slice(..end);
        Box::pin(futures_util::stream::poll_fn({
            let mut waited = false;
            move |context| {
                waited = !waited;
                if waited {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if rest.is_empty() {
                    return Poll::Ready(error.take().map(Err));
                }
                Poll::Ready(Some(Ok(rest.split_to(rest.len().min(PIECE)))))
            }
        }))
    }
}
