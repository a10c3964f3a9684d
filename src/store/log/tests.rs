use super::*;
use crate::model::FeedId;
use crate::platform::PlatformError;
use crate::platform::memory::{Fault, MemoryPlatform, Operation};
use futures_executor::block_on;
use proptest::prelude::*;
use serde_json::json;

fn log_of(number: u8) -> String {
    keys::feed_log(&FeedId::from_random([number; 16]))
}

fn write(platform: &MemoryPlatform, number: usize) {
    block_on(append(platform, &log_of(0), &[json!({ "action": "published", "number": number })])).unwrap();
}

const EVER: Timestamp = Timestamp::from_millis(9_999_999_999_999);

fn page(platform: &MemoryPlatform, after: Timestamp, limit: usize) -> LogPage {
    block_on(read(platform, &log_of(0), (after, EVER), limit, &|_| true)).unwrap()
}

fn numbers(page: &LogPage) -> Vec<u64> {
    page.entries.iter().filter_map(|entry| entry["number"].as_u64()).collect()
}

/// All entries, as a follower reads them page by page.
fn follow(platform: &MemoryPlatform, limit: usize) -> Vec<Vec<u64>> {
    let (mut pages, mut after) = (Vec::new(), Timestamp::from_millis(0));
    loop {
        let page = page(platform, after, limit);
        pages.push(numbers(&page));
        if !page.more {
            return pages;
        }
        assert!(page.until > after);
        after = page.until;
    }
}

#[test]
fn entries_of_one_millisecond_come_together() {
    let platform = MemoryPlatform::new();
    for number in 0..9 {
        write(&platform, number);
        if number % 3 == 2 {
            platform.advance(Duration::from_millis(1));
        }
    }
    platform.advance(SETTLE);
    for limit in 1..10 {
        let pages = follow(&platform, limit);
        assert!(pages.iter().all(|page| page.len() % 3 == 0), "{limit}: {pages:?}");
        let mut all = pages.concat();
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>(), "{limit}");
    }
}

#[test]
fn a_page_costs_one_operation_and_thousands_of_entries_are_read_in_order() {
    let platform = MemoryPlatform::new();
    for number in 0..2_500 {
        write(&platform, number);
        platform.advance(Duration::from_millis(1));
    }
    platform.advance(SETTLE);
    platform.clear_operation_log();
    assert_eq!(page(&platform, Timestamp::from_millis(0), 300).entries.len(), 300);
    assert_eq!(platform.operation_log().len(), 1);
    for limit in [100, 1_000, 2_000] {
        let pages = follow(&platform, limit);
        assert_eq!(pages.concat(), (0..2_500).collect::<Vec<_>>(), "{limit}");
        assert!(pages.iter().all(|page| page.len() <= limit), "{limit}");
    }
    let some = block_on(read(&platform, &log_of(0), (Timestamp::from_millis(0), EVER), 10, &|entry| {
        entry["number"] == 2_499
    }));
    assert_eq!(numbers(&some.unwrap()), [2_499], "what is not wanted is passed over");
}

#[test]
fn what_is_young_is_kept_back() {
    let platform = MemoryPlatform::new();
    write(&platform, 1);
    let start = Timestamp::from_millis(0);
    platform.advance(Duration::from_millis(4_999));
    let before = page(&platform, start, 10);
    assert_eq!((numbers(&before), before.until, before.more), (vec![], start, false));
    platform.advance(Duration::from_millis(1));
    assert_eq!(numbers(&page(&platform, before.until, 10)), [1]);
}

proptest! {
    /// Writers whose clocks are up to two seconds apart, and writes that take up to two and a half: whoever reads all the
    /// time reads everything, once, and in the order of the times that others read, too.
    #[test]
    fn a_follower_misses_nothing(steps in proptest::collection::vec((0_u64..2_000, 0_u64..2_500, 0_u64..800), 1..60)) {
        let platform = MemoryPlatform::new();
        let (mut true_time, mut after) = (platform.now(), Timestamp::from_millis(0));
        let (mut seen, mut pending) = (Vec::new(), Vec::new());
        for (number, (skew, slow, pause)) in steps.iter().enumerate() {
            // Begun by a clock that is late, seen by others only when it is done.
            let begun = Timestamp::from_millis(true_time.millis() - i64::try_from(*skew).unwrap());
            pending.push((true_time.plus(Duration::from_millis(*slow)), begun, number));
            true_time = true_time.plus(Duration::from_millis(*pause));
            pending.retain(|(done, begun, number)| {
                if *done <= true_time {
                    platform.set_now(*begun);
                    write(&platform, *number);
                }
                *done > true_time
            });
            platform.set_now(true_time);
            let read = page(&platform, after, 5);
            seen.extend(numbers(&read));
            after = read.until;
        }
        for (_, begun, number) in pending {
            platform.set_now(begun);
            write(&platform, number);
        }
        platform.set_now(true_time.plus(Duration::from_secs(60)));
        loop {
            let read = page(&platform, after, 5);
            seen.extend(numbers(&read));
            after = read.until;
            if !read.more {
                break;
            }
        }
        prop_assert_eq!(&seen, &follow(&platform, 1_000).concat(), "in one order");
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..steps.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn a_write_that_took_too_long_is_done_again() {
    let platform = MemoryPlatform::new();
    let slow = platform.clone();
    let fault = Fault::of(Operation::Append).meanwhile(move || slow.advance(Duration::from_secs(3)));
    platform.faults().add(fault);
    let begun = platform.now();
    write(&platform, 1);
    platform.advance(SETTLE);
    let all = page(&platform, Timestamp::from_millis(0), 10);
    assert_eq!(numbers(&all), [1, 1]);
    assert_eq!(
        all.entries[1]["time"],
        json!(begun.plus(Duration::from_secs(3))),
        "whoever passed the first finds this"
    );
}

#[test]
fn a_write_that_was_reported_lost_or_failed_is_there() {
    for fault in [
        Fault::of(Operation::Append).after(PlatformError::TimedOut),
        Fault::of(Operation::Append).before(PlatformError::TimedOut).times(2),
    ] {
        let platform = MemoryPlatform::new();
        platform.faults().add(fault);
        write(&platform, 1);
        platform.advance(SETTLE);
        let all = numbers(&page(&platform, Timestamp::from_millis(0), 10));
        assert!(!all.is_empty() && all.iter().all(|number| *number == 1), "{all:?}");
    }
    let platform = MemoryPlatform::new();
    platform.faults().add(Fault::of(Operation::Append).before(PlatformError::TimedOut).times(usize::MAX));
    assert!(block_on(append(&platform, &log_of(0), &[json!({})])).is_err());
}

#[test]
fn long_entries_lose_what_is_not_their_names() {
    let platform = MemoryPlatform::new();
    let entry =
        json!({ "package": "x".repeat(900), "details": { "text": "y".repeat(1_500) }, "client": "z" });
    block_on(append(&platform, &log_of(0), &[entry])).unwrap();
    platform.advance(SETTLE);
    let read = page(&platform, Timestamp::from_millis(0), 10).entries.remove(0);
    assert_eq!(read["package"], "x".repeat(900));
    assert_eq!(read["details"], Value::Null);
}

/// The platform counts text twice that has other characters, and shows it in headers.
#[test]
fn entries_say_what_is_not_ascii() {
    let platform = MemoryPlatform::new();
    let about =
        |length: usize| json!({ "package": "ä€𝄞\n\"", "details": { "message": "包".repeat(length) } });
    block_on(append(&platform, &log_of(0), &[about(200), about(1_100)])).unwrap();
    platform.advance(SETTLE);
    let read = page(&platform, Timestamp::from_millis(0), 10).entries;
    assert!(read.iter().all(|entry| entry["package"] == "ä€𝄞\n\""), "{read:?}");
    let mut told: Vec<bool> = read.iter().map(|entry| entry["details"] == about(200)["details"]).collect();
    told.sort_unstable();
    assert_eq!(told, [false, true], "what is too long is left out");
}

#[test]
fn old_entries_are_removed_step_by_step_in_every_log() {
    let platform = MemoryPlatform::new();
    let fill = |log: &str, many: usize| {
        for _ in 0..many {
            block_on(append(&platform, log, &[json!({})])).unwrap();
            platform.advance(Duration::from_millis(1));
        }
    };
    fill(&log_of(0), 1_300);
    for log in 1..20 {
        fill(&log_of(log), 3);
    }
    platform.advance(KEPT);
    fill(&log_of(7), 2);
    fill(&keys::organization_log(&crate::model::OrganizationName::parse("acme").unwrap()), 2);
    let entries = || platform.stored_keys().iter().filter(|key| key.starts_with(keys::LOGS)).count();
    let (mut removed, mut runs) = (0, 0);
    while entries() > 4 {
        platform.clear_operation_log();
        removed += block_on(expire(&platform, 4)).unwrap();
        assert!(platform.operation_log().len() <= 10, "a run is bounded");
        runs += 1;
        assert!(runs < 30, "{} are left", entries());
    }
    assert_eq!((removed, entries()), (1_300 + 19 * 3, 4));
    for _ in 0..10 {
        assert_eq!(block_on(expire(&platform, 4)).unwrap(), 0);
    }
    assert_eq!(entries(), 4);
}
