//! What an isolate remembers between requests.

use crate::model::Timestamp;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// Bytes of weight that are held at most: an eighth of an isolate's 128 MB.
const CAPACITY: usize = 16 << 20;

/// A bounded memory of values with a lifetime. It holds copies only, never truth, and may be lost at any time.
///
/// Two generations: what is used moves to the younger one; when that is full it becomes the older one, and what nobody
/// used since is dropped with the one before. No bookkeeping on the hot path.
#[derive(Default)]
pub struct Memo {
    generations: RefCell<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
    weight: usize,
}

struct Entry {
    value: Rc<dyn Any>,
    expires: Timestamp,
    weight: usize,
}

impl Memo {
    /// What was remembered under this key, if it has not expired.
    pub fn get<T: 'static>(&self, key: &str, now: Timestamp) -> Option<Rc<T>> {
        self.get_any(key, now)?.downcast().ok()
    }

    fn get_any(&self, key: &str, now: Timestamp) -> Option<Rc<dyn Any>> {
        let mut generations = self.generations.borrow_mut();
        if let Some((key, entry)) = generations.old.remove_entry(key) {
            generations.insert(key, entry);
        }
        let entry = generations.young.get(key).filter(|entry| now < entry.expires)?;
        Some(Rc::clone(&entry.value))
    }

    /// Remembers a value of about `weight` bytes for a while.
    pub fn put(&self, key: String, value: Rc<dyn Any>, weight: usize, now: Timestamp, lifetime: Duration) {
        let weight = weight + key.len() + 128;
        let mut generations = self.generations.borrow_mut();
        generations.remove(&key);
        if weight <= CAPACITY / 4 {
            generations.insert(key, Entry { value, expires: now.plus(lifetime), weight });
        }
    }

    /// Forgets one key.
    pub fn forget(&self, key: &str) {
        self.generations.borrow_mut().remove(key);
    }
}

impl Generations {
    fn insert(&mut self, key: String, entry: Entry) {
        if self.weight + entry.weight > CAPACITY / 2 {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += entry.weight;
        self.young.insert(key, entry);
    }

    fn remove(&mut self, key: &str) {
        self.old.remove(key);
        if let Some(entry) = self.young.remove(key) {
            self.weight -= entry.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn values_expire_and_can_be_forgotten() {
        let memo = Memo::default();
        memo.put("a".into(), Rc::new(1_u8), 1, NOW, Duration::from_secs(2));
        assert_eq!(memo.get::<u8>("a", NOW).as_deref(), Some(&1));
        assert_eq!(memo.get::<u16>("a", NOW), None, "another type is another value");
        assert_eq!(memo.get::<u8>("a", NOW.plus(Duration::from_secs(2))), None);
        memo.forget("a");
        assert_eq!(memo.get::<u8>("a", NOW), None);
    }

    #[test]
    fn it_never_holds_more_than_its_capacity_and_keeps_what_is_used() {
        let memo = Memo::default();
        let minute = Duration::from_secs(60);
        memo.put("used".into(), Rc::new(7), 1, NOW, minute);
        memo.put("unused".into(), Rc::new(8), 1, NOW, minute);
        for index in 0..100 {
            memo.put(index.to_string(), Rc::new(index), CAPACITY / 8, NOW, minute);
            let generations = memo.generations.borrow();
            let held = generations.young.values().chain(generations.old.values());
            assert!(held.map(|entry| entry.weight).sum::<usize>() <= CAPACITY);
            drop(generations);
            assert_eq!(memo.get::<i32>("used", NOW).as_deref(), Some(&7));
        }
        assert_eq!(memo.get::<i32>("unused", NOW), None);
        memo.put("huge".into(), Rc::new(0), CAPACITY, NOW, minute);
        assert_eq!(memo.get::<i32>("huge", NOW), None);
    }
}
