//! Lists whose links lie in the records themselves: moving a record from one list to another, or
//! out of the middle of one, costs the same for the first and the millionth and allocates nothing.

use super::slab::{NONE, Slab, Slot};

/// The neighbours of a record in the one list it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Links {
    prev: Slot,
    next: Slot,
}

impl Default for Links {
    fn default() -> Self {
        Self { prev: NONE, next: NONE }
    }
}

/// A record that can stand in a list.
pub trait Linked {
    /// Its neighbours.
    fn links(&self) -> &Links;
    /// The same, to be changed by the list only.
    fn links_mut(&mut self) -> &mut Links;
}

/// Both ends of a list of records that live in a slab.
#[derive(Clone, Debug)]
pub struct List {
    head: Slot,
    tail: Slot,
    len: u64,
}

impl Default for List {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, len: 0 }
    }
}

impl List {
    /// How many records stand in the list.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing stands in the list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first record's slot.
    #[must_use]
    pub fn first(&self) -> Option<Slot> {
        some(self.head)
    }

    /// The last record's slot.
    #[must_use]
    pub fn last(&self) -> Option<Slot> {
        some(self.tail)
    }

    /// Appends a record that stands in no list.
    pub fn push_back<T: Linked>(&mut self, slab: &mut Slab<T>, slot: Slot) {
        *slab.get_mut(slot).links_mut() = Links { prev: self.tail, next: NONE };
        match some(self.tail) {
            Some(tail) => slab.get_mut(tail).links_mut().next = slot,
            None => self.head = slot,
        }
        self.tail = slot;
        self.len += 1;
    }

    /// Takes out a record that stands in this list.
    pub fn remove<T: Linked>(&mut self, slab: &mut Slab<T>, slot: Slot) {
        let Links { prev, next } = std::mem::take(slab.get_mut(slot).links_mut());
        match some(prev) {
            Some(prev) => slab.get_mut(prev).links_mut().next = next,
            None => self.head = next,
        }
        match some(next) {
            Some(next) => slab.get_mut(next).links_mut().prev = prev,
            None => self.tail = prev,
        }
        self.len -= 1;
    }

    /// The slots from first to last.
    pub fn iter<'a, T: Linked>(
        &self,
        slab: &'a Slab<T>,
    ) -> impl Iterator<Item = Slot> + use<'a, T> {
        walk(slab, self.first())
    }
}

/// The slots from one on, itself included, to the end of its list.
pub fn walk<T: Linked>(slab: &Slab<T>, from: Option<Slot>) -> impl Iterator<Item = Slot> {
    std::iter::successors(from, |slot| some(slab.get(*slot).links().next))
}

/// The slots from one on, itself included, back to the start of its list.
pub fn walk_back<T: Linked>(slab: &Slab<T>, from: Option<Slot>) -> impl Iterator<Item = Slot> {
    std::iter::successors(from, |slot| some(slab.get(*slot).links().prev))
}

/// The slot after one in its list.
pub fn after<T: Linked>(slab: &Slab<T>, slot: Slot) -> Option<Slot> {
    some(slab.get(slot).links().next)
}

fn some(slot: Slot) -> Option<Slot> {
    (slot != NONE).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(u32, Links);

    impl Linked for Item {
        fn links(&self) -> &Links {
            &self.1
        }
        fn links_mut(&mut self) -> &mut Links {
            &mut self.1
        }
    }

    fn numbers(list: &List, slab: &Slab<Item>) -> Vec<u32> {
        let forth: Vec<u32> = list.iter(slab).map(|slot| slab.get(slot).0).collect();
        let mut back: Vec<u32> =
            walk_back(slab, list.last()).map(|slot| slab.get(slot).0).collect();
        back.reverse();
        assert_eq!(forth, back);
        assert_eq!(forth.len() as u64, list.len());
        forth
    }

    #[test]
    fn a_record_leaves_from_the_head_the_middle_and_the_tail() {
        let mut slab = Slab::default();
        let mut list = List::default();
        let slots: Vec<Slot> = (0..5).map(|n| slab.insert(Item(n, Links::default()))).collect();
        slots.iter().for_each(|slot| list.push_back(&mut slab, *slot));
        assert_eq!(numbers(&list, &slab), [0, 1, 2, 3, 4]);
        list.remove(&mut slab, slots[2]);
        assert_eq!(numbers(&list, &slab), [0, 1, 3, 4]);
        list.remove(&mut slab, slots[0]);
        list.remove(&mut slab, slots[4]);
        assert_eq!(numbers(&list, &slab), [1, 3]);
        list.push_back(&mut slab, slots[0]);
        assert_eq!(numbers(&list, &slab), [1, 3, 0]);
        for slot in [slots[1], slots[0], slots[3]] {
            list.remove(&mut slab, slot);
        }
        assert_eq!(numbers(&list, &slab), [0_u32; 0]);
        assert!(list.is_empty());
    }
}
