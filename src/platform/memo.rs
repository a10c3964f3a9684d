//! What an isolate remembers between requests.

use crate::model::Timestamp;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// Bytes of weight above which everything is forgotten: an eighth of an isolate's 128 MB.
const CAPACITY: usize = 16 << 20;

/// A bounded memory of values with a lifetime. It holds copies only, never truth, and may be lost at any time.
#[derive(Default)]
pub struct Memo {
    entries: RefCell<Entries>,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<String, Entry>,
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
        let entries = self.entries.borrow();
        let entry = entries.by_key.get(key).filter(|entry| now < entry.expires)?;
        Rc::clone(&entry.value).downcast().ok()
    }

    /// Remembers a value of about `weight` bytes for a while.
    pub fn put<T: 'static>(
        &self,
        key: String,
        value: Rc<T>,
        weight: usize,
        now: Timestamp,
        lifetime: Duration,
    ) {
        let weight = weight + key.len() + 128;
        let mut entries = self.entries.borrow_mut();
        entries.remove(&key);
        if entries.weight + weight > CAPACITY {
            entries.make_room(weight, now);
        }
        if weight <= CAPACITY / 4 {
            entries.weight += weight;
            entries.by_key.insert(key, Entry { value, expires: now.plus(lifetime), weight });
        }
    }

    /// Forgets one key.
    pub fn forget(&self, key: &str) {
        self.entries.borrow_mut().remove(key);
    }
}

impl Entries {
    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.by_key.remove(key) {
            self.weight -= entry.weight;
        }
    }

    /// Drops what has expired, and everything if that is not enough: no bookkeeping on the hot path.
    fn make_room(&mut self, weight: usize, now: Timestamp) {
        self.by_key.retain(|_, entry| now < entry.expires);
        self.weight = self.by_key.values().map(|entry| entry.weight).sum();
        if self.weight + weight > CAPACITY {
            self.by_key.clear();
            self.weight = 0;
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
    fn it_never_holds_more_than_its_capacity() {
        let memo = Memo::default();
        for index in 0..100 {
            memo.put(index.to_string(), Rc::new(index), CAPACITY / 8, NOW, Duration::from_secs(60));
            assert!(memo.entries.borrow().weight <= CAPACITY);
        }
        memo.put("huge".into(), Rc::new(0), CAPACITY, NOW, Duration::from_secs(60));
        assert_eq!(memo.get::<i32>("huge", NOW), None);
    }
}
