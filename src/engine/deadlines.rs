//! Everything of a queue that falls due, in one order; nothing looks at the clock to find it.

use std::collections::BTreeMap;

use super::slab::Slot;

/// What falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// An ended task was kept long enough; the slot is the task's.
    Expiry,
    /// A UNIQUE key was kept long enough after its task; the slot is the key's.
    Forgetting,
}

/// Deadlines by time, then by task id: the same order on every server.
#[derive(Default)]
pub struct Deadlines {
    entries: BTreeMap<(u64, u64, Due), Slot>,
}

impl Deadlines {
    /// Adds what falls due at `ms` for task `id`.
    pub fn insert(&mut self, ms: u64, id: u64, due: Due, slot: Slot) {
        self.entries.insert((ms, id, due), slot);
    }

    /// Takes it out again.
    pub fn remove(&mut self, ms: u64, id: u64, due: Due) {
        self.entries.remove(&(ms, id, due));
    }

    /// The earliest moment at which anything falls due.
    #[must_use]
    pub fn next_ms(&self) -> Option<u64> {
        self.entries.first_key_value().map(|((ms, ..), _)| *ms)
    }

    /// What is due at `now_ms`, earliest first.
    pub fn due(&self, now_ms: u64) -> impl Iterator<Item = (u64, u64, Due)> {
        self.entries.keys().copied().take_while(move |(ms, ..)| *ms <= now_ms)
    }

    /// Every entry: moment, task id, kind, slot.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, Due, Slot)> {
        self.entries.iter().map(|((ms, id, due), slot)| (*ms, *id, *due, *slot))
    }

    /// The slot of an entry.
    #[must_use]
    pub fn get(&self, ms: u64, id: u64, due: Due) -> Option<Slot> {
        self.entries.get(&(ms, id, due)).copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
