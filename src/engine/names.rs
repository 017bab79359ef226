//! Records with a name of bytes (types, owners, UNIQUE keys): each name is stored once, and what
//! refers to it holds a slot of four bytes.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use super::index::Index;
use super::slab::{Slab, Slot};

/// A record that has a name.
pub trait Named {
    /// The bytes it is found by.
    fn name(&self) -> &[u8];
}

/// Records of one kind, found by name or by slot.
pub struct Names<T> {
    records: Slab<T>,
    index: Index,
    /// Seeded per value: clients choose the names and must not be able to make them collide.
    hasher: DefaultHashBuilder,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            records: Slab::default(),
            index: Index::default(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<T: Named> Names<T> {
    /// The record of a name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Slot> {
        let hash = self.hasher.hash_one(name);
        self.index.find(hash, |slot| self.records.get(slot).name() == name)
    }

    /// Adds a record whose name is not there yet.
    pub fn insert(&mut self, record: T) -> Slot {
        let hash = self.hasher.hash_one(record.name());
        let slot = self.records.insert(record);
        let (records, hasher) = (&self.records, &self.hasher);
        self.index.insert(hash, slot, |slot| hasher.hash_one(records.get(slot).name()));
        slot
    }

    /// Takes a record out.
    pub fn remove(&mut self, slot: Slot) -> T {
        let hash = self.hasher.hash_one(self.records.get(slot).name());
        self.index.remove(hash, slot);
        self.records.remove(slot)
    }

    /// The record at a slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &T {
        self.records.get(slot)
    }

    /// The same, to be changed; its name stays.
    pub fn get_mut(&mut self, slot: Slot) -> &mut T {
        self.records.get_mut(slot)
    }

    /// The records themselves, for the lists that link them.
    pub fn records_mut(&mut self) -> &mut Slab<T> {
        &mut self.records
    }

    /// The records themselves.
    #[must_use]
    pub fn records(&self) -> &Slab<T> {
        &self.records
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The slots in the order of the names: the same on every server that holds the same names.
    #[must_use]
    pub fn sorted(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.records.iter().map(|(slot, _)| slot).collect();
        slots.sort_unstable_by(|a, b| self.get(*a).name().cmp(self.get(*b).name()));
        slots
    }

    /// Bytes of the table; what the records own is not counted.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.records.heap_bytes() + self.index.heap_bytes()
    }
}
