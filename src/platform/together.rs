//! Futures side by side.

use futures_util::future::maybe_done;
use std::future::{Future, poll_fn};
use std::task::Poll;

/// Runs futures side by side and answers what they answer, in their order. All are polled whenever one of them wakes the
/// task: of the dozens that we run at once that costs nothing, and a scheduler for more is 1 % of the program.
pub async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| Box::pin(maybe_done(future))).collect();
    poll_fn(|context| {
        let mut waits = false;
        for future in &mut running {
            waits |= future.as_mut().poll(context).is_pending();
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.iter_mut().filter_map(|future| future.as_mut().take_output()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_run_side_by_side_and_answer_in_order() {
        let polls = std::cell::Cell::new(0);
        let count = |until: i32| {
            let polls = &polls;
            poll_fn(move |context| {
                polls.set(polls.get() + 1);
                context.waker().wake_by_ref();
                if polls.get() >= until { Poll::Ready(until) } else { Poll::Pending }
            })
        };
        // The first is done only because the second runs meanwhile.
        assert_eq!(futures_executor::block_on(all([count(4), count(2)])), [4, 2]);
        assert_eq!(futures_executor::block_on(all(Vec::<std::future::Ready<u8>>::new())), [0; 0]);
    }
}
