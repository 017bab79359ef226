//! How a record is found by its number: sorted pages, one behind the other.
//!
//! Numbers are issued in ascending order, and what came first mostly goes first. So a new one is
//! put behind the last, whole pages empty at the front, and what is used at the same time lies on
//! the same page: the cost is the same with a thousand tasks and with millions, where a hash table
//! would touch cold memory for each. No record is read to find another.

use std::cell::Cell;
use std::collections::VecDeque;

use super::slab::{NONE, Slot};

/// Entries of a page before a new one begins.
const PAGE_MAX: usize = 512;

/// A page with fewer that are in use is put together with a neighbour, if both have few.
const FEW: usize = PAGE_MAX / 4;

/// Entries that are worth no tidying up.
const TIDY: usize = 16;

#[derive(Clone, Copy)]
struct Entry {
    /// The number, less the page's first.
    beyond: u32,
    /// Where its record is; `NONE` once that was removed.
    slot: Slot,
}

/// What came of adding a number to a page.
enum Put {
    Done,
    /// It needs a page of its own before this one.
    Before,
    /// It needs a page of its own behind this one.
    Behind,
    /// It belongs between others, and there is no room.
    Full,
}

struct Page {
    /// No number of the page is less, and every one of the pages before is.
    first: u64,
    /// In ascending order; never empty.
    entries: Vec<Entry>,
    /// How many of them are in use.
    used: usize,
}

impl Page {
    fn of(number: u64, slot: Slot) -> Self {
        Self { first: number, entries: vec![Entry { beyond: 0, slot }], used: 1 }
    }

    /// How far a number is beyond the first, if the page can hold it.
    fn beyond(&self, number: u64) -> Option<u32> {
        u32::try_from(number.checked_sub(self.first)?).ok()
    }

    /// Where a number stands, or would.
    fn place(&self, beyond: u32) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&beyond, |entry| entry.beyond)
    }

    fn last(&self) -> u64 {
        self.first + self.entries.last().map_or(0, |entry| u64::from(entry.beyond))
    }

    /// Drops the entries that are not in use.
    fn tidy(&mut self) {
        self.entries.retain(|entry| entry.slot != NONE);
        self.entries.shrink_to(self.used.next_power_of_two());
    }

    /// Adds a number, if it belongs here and there is room.
    fn put(&mut self, number: u64, slot: Slot) -> Put {
        if self.entries.len() >= PAGE_MAX && self.used < PAGE_MAX {
            self.tidy();
        }
        let is_full = self.entries.len() >= PAGE_MAX;
        if number < self.first {
            let reaches = u32::try_from(self.last() - number).is_ok();
            if is_full || !reaches {
                return Put::Before;
            }
            self.begin_at(number);
        }
        let Some(beyond) = self.beyond(number) else { return Put::Behind };
        let entry = Entry { beyond, slot };
        if self.entries.last().is_some_and(|last| last.beyond < beyond) {
            // In order, pages are filled to the end.
            if is_full {
                return Put::Behind;
            }
            self.entries.push(entry);
        } else {
            match self.place(beyond) {
                Err(_) if is_full => return Put::Full,
                Err(place) => self.entries.insert(place, entry),
                // It was there, and was removed.
                Ok(place) => self.entries.iter_mut().skip(place).take(1).for_each(|e| *e = entry),
            }
        }
        self.used += 1;
        Put::Done
    }

    /// The page begins at this number, which is less than all of its own.
    fn begin_at(&mut self, number: u64) {
        let shift = (self.first - number) as u32;
        self.entries.iter_mut().for_each(|entry| entry.beyond += shift);
        self.first = number;
    }

    /// The second half of the entries becomes a page of its own.
    fn split(&mut self) -> Self {
        let mut entries = self.entries.split_off(self.entries.len() / 2);
        let shift = entries.first().map_or(0, |entry| entry.beyond);
        entries.iter_mut().for_each(|entry| entry.beyond -= shift);
        let in_use = |entries: &[Entry]| entries.iter().filter(|e| e.slot != NONE).count();
        self.used = in_use(&self.entries);
        Self { first: self.first + u64::from(shift), used: in_use(&entries), entries }
    }

    /// Whether another page, which follows this one, is better part of it.
    fn should_take(&self, next: &Self) -> bool {
        self.used + next.used <= 2 * FEW && self.beyond(next.last()).is_some()
    }

    /// Takes over what is in use of the page that follows.
    fn take(&mut self, next: &Self) {
        self.tidy();
        let shift = (next.first - self.first) as u32;
        let moved = next.entries.iter().filter(|entry| entry.slot != NONE);
        self.entries.extend(moved.map(|entry| Entry { beyond: entry.beyond + shift, ..*entry }));
        self.used += next.used;
    }
}

/// Slots by number.
#[derive(Default)]
pub struct Numbered {
    pages: VecDeque<Page>,
    len: u64,
    /// The page that was asked for last: the next number is mostly on it too.
    hint: Cell<usize>,
}

impl Numbered {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot of a number.
    #[must_use]
    pub fn find(&self, number: u64) -> Option<Slot> {
        let page = self.pages.get(self.page_of(number))?;
        let place = page.place(page.beyond(number)?).ok()?;
        page.entries.get(place).map(|entry| entry.slot).filter(|slot| *slot != NONE)
    }

    /// Adds a number that is not there.
    pub fn insert(&mut self, number: u64, slot: Slot) {
        self.len += 1;
        loop {
            let at = self.page_of(number);
            let Some(page) = self.pages.get_mut(at) else {
                return self.pages.push_back(Page::of(number, slot));
            };
            match page.put(number, slot) {
                Put::Done => return,
                Put::Before => return self.pages.insert(at, Page::of(number, slot)),
                Put::Behind => return self.pages.insert(at + 1, Page::of(number, slot)),
                Put::Full => {
                    let half = page.split();
                    self.pages.insert(at + 1, half);
                }
            }
        }
    }

    /// Removes a number; tells whether it was there.
    pub fn remove(&mut self, number: u64) -> bool {
        let at = self.page_of(number);
        let Some(page) = self.pages.get_mut(at) else { return false };
        let place = page.beyond(number).and_then(|beyond| page.place(beyond).ok());
        let entry = place.and_then(|place| page.entries.get_mut(place));
        let Some(entry) = entry.filter(|entry| entry.slot != NONE) else { return false };
        entry.slot = NONE;
        page.used -= 1;
        self.len -= 1;
        if page.used == 0 {
            self.pages.remove(at);
        } else if page.used * 2 <= page.entries.len() && page.entries.len() > TIDY {
            page.tidy();
            self.join(at);
        }
        true
    }

    /// Puts a page together with the one behind it or before it, if both have few entries.
    fn join(&mut self, at: usize) {
        for at in [Some(at), at.checked_sub(1)].into_iter().flatten() {
            let (page, next) = (self.pages.get(at), self.pages.get(at + 1));
            let Some((page, next)) = page.zip(next) else { continue };
            if page.should_take(next) {
                let next = self.pages.remove(at + 1);
                let page = self.pages.get_mut(at);
                page.zip(next).into_iter().for_each(|(page, next)| page.take(&next));
                return;
            }
        }
    }

    /// The page that holds a number if any does; the first one for numbers before all.
    fn page_of(&self, number: u64) -> usize {
        let begins_by = |at: usize| self.pages.get(at).is_some_and(|page| page.first <= number);
        let hint = self.hint.get();
        if begins_by(hint) && !begins_by(hint + 1) {
            return hint;
        }
        let behind = self.pages.partition_point(|page| page.first <= number);
        let at = behind.saturating_sub(1);
        self.hint.set(at);
        at
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let entries: usize = self.pages.iter().map(|page| page.entries.capacity()).sum();
        self.pages.capacity() * size_of::<Page>() + entries * size_of::<Entry>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The same numbers in a map beside.
    #[derive(Default)]
    struct Both {
        numbered: Numbered,
        map: BTreeMap<u64, Slot>,
    }

    impl Both {
        fn insert(&mut self, number: u64) {
            let slot = self.map.len() as Slot;
            self.numbered.insert(number, slot);
            assert!(self.map.insert(number, slot).is_none(), "{number} twice");
        }

        fn remove(&mut self, number: u64) {
            assert_eq!(self.numbered.remove(number), self.map.remove(&number).is_some());
        }

        fn check(&self) {
            let Numbered { pages, len, .. } = &self.numbered;
            assert_eq!(*len, self.map.len() as u64);
            let mut last = None;
            for page in pages {
                assert!(page.used > 0 && page.entries.len() <= PAGE_MAX);
                for entry in &page.entries {
                    let number = page.first + u64::from(entry.beyond);
                    assert!(last.is_none_or(|last| last < number), "{number} stands wrong");
                    last = Some(number);
                    let known = self.map.get(&number).copied();
                    assert_eq!((entry.slot != NONE).then_some(entry.slot), known);
                }
            }
            for (number, slot) in &self.map {
                assert_eq!(self.numbered.find(*number), Some(*slot));
            }
        }
    }

    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *state >> 33
    }

    #[test]
    fn it_finds_what_a_map_finds_whatever_comes_and_goes() {
        for (seed, spread) in [(1, 1), (2, 3), (3, 1 << 20), (4, 1 << 30)] {
            let (mut both, mut state) = (Both::default(), seed);
            for round in 0..30_000 {
                let number = 1 + random(&mut state) % 4_000 * spread;
                if both.map.contains_key(&number) || random(&mut state).is_multiple_of(3) {
                    both.remove(number);
                } else {
                    both.insert(number);
                }
                if round % 1_000 == 0 {
                    both.check();
                }
            }
            both.check();
            let all: Vec<u64> = both.map.keys().copied().collect();
            all.into_iter().for_each(|number| both.remove(number));
            assert!(both.numbered.is_empty() && both.numbered.pages.is_empty());
        }
    }

    #[test]
    fn in_order_pages_are_full_and_what_came_first_goes_whole() {
        let mut both = Both::default();
        (0..100_000).for_each(|n| both.insert(1_000 + n * 7));
        let per_entry = both.numbered.heap_bytes() as f64 / 1e5;
        assert!(per_entry < 8.5, "{per_entry} bytes per entry");
        (0..90_000).for_each(|n| both.remove(1_000 + n * 7));
        both.check();
        assert!(both.numbered.pages.len() <= 21, "{} pages", both.numbered.pages.len());
    }

    #[test]
    fn the_few_that_stay_take_little() {
        let mut both = Both::default();
        (0..200_000).for_each(|n| both.insert(1 + n));
        (0..200_000).filter(|n| n % 100 != 0).for_each(|n| both.remove(1 + n));
        both.check();
        let per_entry = both.numbered.heap_bytes() as f64 / 2e3;
        assert!(per_entry < 64.0, "{per_entry} bytes per entry");
    }

    #[test]
    fn backwards_pages_are_filled_too() {
        let mut both = Both::default();
        (0..50_000).rev().for_each(|n| both.insert(1 + n * 3));
        both.check();
        assert!(both.numbered.pages.len() <= 99, "{} pages", both.numbered.pages.len());
    }
}
