//! Everything of a queue that falls due, in one order; nothing looks at the clock to find it.
//!
//! What harms an agent (its task is taken from it) stands apart from what harms nobody: after a
//! restart or a promotion the former waits for the grace period, and the latter must not.

use std::collections::BTreeMap;

use super::slab::Slot;

/// What falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// A scheduled task becomes ready; the slot is the task's.
    Start,
    /// An ended task was kept long enough; the slot is the task's.
    Expiry,
    /// A workflow that has ended was kept long enough; the slot is the workflow's.
    Sweep,
    /// A UNIQUE key was kept long enough after its task; the slot is the key's.
    Forgetting,
    /// The time limit of a drain is over; no slot.
    Reset,
    /// A running task ran for too long; the slot is the task's.
    Timeout,
    /// It may be that nothing was heard of an owner's tasks for too long; the slot is the owner's.
    Silence,
}

impl Due {
    /// Whether it takes a task from an agent that may be alive, unasked.
    fn harms(self) -> bool {
        match self {
            Self::Start | Self::Expiry | Self::Sweep | Self::Forgetting | Self::Reset => false,
            Self::Timeout | Self::Silence => true,
        }
    }
}

type Entries = BTreeMap<(u64, u64, Due), Slot>;

/// Deadlines by time, then by id (of the task, or whatever else it is about).
#[derive(Default)]
pub struct Deadlines {
    harmless: Entries,
    harmful: Entries,
}

impl Deadlines {
    /// Adds what falls due at `ms` for `id`.
    pub fn insert(&mut self, ms: u64, id: u64, due: Due, slot: Slot) {
        self.entries_mut(due).insert((ms, id, due), slot);
    }

    /// Takes it out again.
    pub fn remove(&mut self, ms: u64, id: u64, due: Due) {
        self.entries_mut(due).remove(&(ms, id, due));
    }

    /// The earliest moment at which anything falls due, if nothing that harms an agent does before
    /// `spared_until_ms`.
    #[must_use]
    pub fn next_ms(&self, spared_until_ms: u64) -> Option<u64> {
        let first = |entries: &Entries| entries.first_key_value().map(|((ms, ..), _)| *ms);
        let harmful_ms = first(&self.harmful).map(|ms| ms.max(spared_until_ms));
        first(&self.harmless).into_iter().chain(harmful_ms).min()
    }

    /// What is due at `now_ms`: first what harms nobody, each earliest first.
    pub fn due(
        &self,
        now_ms: u64,
        spared_until_ms: u64,
    ) -> impl Iterator<Item = (u64, u64, Due, Slot)> {
        let spared = now_ms < spared_until_ms;
        let harmful = self.harmful.iter().take_while(move |_| !spared);
        let is_due = move |(ms, ..): &(u64, u64, Due, Slot)| *ms <= now_ms;
        flat(self.harmless.iter()).take_while(is_due).chain(flat(harmful).take_while(is_due))
    }

    /// Every entry: moment, id, kind, slot.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, Due, Slot)> {
        flat(self.harmless.iter().chain(&self.harmful))
    }

    /// The slot of an entry.
    #[must_use]
    pub fn get(&self, ms: u64, id: u64, due: Due) -> Option<Slot> {
        let entries = if due.harms() { &self.harmful } else { &self.harmless };
        entries.get(&(ms, id, due)).copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.harmless.len() + self.harmful.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn entries_mut(&mut self, due: Due) -> &mut Entries {
        if due.harms() { &mut self.harmful } else { &mut self.harmless }
    }
}

fn flat<'e>(
    entries: impl Iterator<Item = (&'e (u64, u64, Due), &'e Slot)>,
) -> impl Iterator<Item = (u64, u64, Due, Slot)> {
    entries.map(|((ms, id, due), slot)| (*ms, *id, *due, *slot))
}
