//! Work after the answer. The platform grants it 30 s in all per request, also if the client hung up.

use futures_util::FutureExt as _;
use std::rc::Rc;
use worker::{Context, ScheduleContext};

/// What keeps the instance running for unfinished tasks.
#[derive(Clone)]
pub(super) enum Background {
    Request(Rc<Context>),
    Schedule(ScheduleContext),
}

impl Background {
    pub(super) fn of_request(context: Context) -> Self {
        Self::Request(Rc::new(context))
    }

    pub(super) fn of_schedule(context: ScheduleContext) -> Self {
        Self::Schedule(context)
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        // Boxed: everything below is there once, not once per task.
        let task = task.boxed_local();
        match self {
            Self::Request(context) => context.wait_until(task),
            Self::Schedule(context) => context.wait_until(task),
        }
    }
}
