//! How a record is found by its key: a hash index that grows a page at a time.
//!
//! An ordinary hash table doubles by moving every entry at once; with millions of names that is a
//! stall of a tenth of a second for everybody. Here (extendible hashing) a full page splits in
//! two, which touches some hundred entries, and only the small directory of pages ever doubles.
//! The index keeps slots only; the keys are read from the records, so nothing is stored twice.

use hashbrown::HashTable;

use super::slab::Slot;

/// Entries of a page before it splits: what a table of 512 buckets takes without growing.
const PAGE_MAX: usize = 448;

/// Bits of the hash that choose a page; the table inside uses the lowest and the highest ones.
const PAGE_SHIFT: u32 = 24;
/// 65,536 pages, 30 million entries; beyond that, or for keys of one hash, pages grow as they must.
const DEPTH_MAX: u32 = 16;

struct Page {
    /// How many bits of the hash all entries of this page share.
    depth: u32,
    slots: HashTable<Slot>,
}

/// An index from hashes to slots.
pub struct Index {
    /// 2^depth page numbers, chosen by as many bits of the hash.
    directory: Vec<u32>,
    pages: Vec<Page>,
    depth: u32,
    len: u64,
}

impl Default for Index {
    fn default() -> Self {
        let page = Page { depth: 0, slots: HashTable::new() };
        Self { directory: vec![0], pages: vec![page], depth: 0, len: 0 }
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "the directory names pages that exist, by construction"
)]
impl Index {
    /// How many slots the index knows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the index knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot with this hash for which `is_it` holds.
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(Slot) -> bool) -> Option<Slot> {
        self.page(hash).slots.find(hash, |slot| is_it(*slot)).copied()
    }

    /// Adds a slot that is not there yet. `hash_of` tells the hash of those already there.
    pub fn insert(&mut self, hash: u64, slot: Slot, hash_of: impl Fn(Slot) -> u64) {
        let mut at = self.page_number(hash);
        while self.pages[at].slots.len() >= PAGE_MAX && self.pages[at].depth < DEPTH_MAX {
            self.split(at, hash, &hash_of);
            at = self.page_number(hash);
        }
        self.pages[at].slots.insert_unique(hash, slot, |slot| hash_of(*slot));
        self.len += 1;
    }

    /// Removes a slot; tells whether it was there.
    pub fn remove(&mut self, hash: u64, slot: Slot) -> bool {
        let at = self.page_number(hash);
        let slots = &mut self.pages[at].slots;
        let Ok(entry) = slots.find_entry(hash, |kept| *kept == slot) else { return false };
        entry.remove();
        self.len -= 1;
        if self.len == 0 && self.depth > 0 {
            *self = Self::default();
        } else if self.depth > 0 && self.pages[at].slots.is_empty() {
            self.pages[at].slots = HashTable::new();
        }
        true
    }

    /// Bytes the index takes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let tables: usize = self.pages.iter().map(|page| page.slots.allocation_size()).sum();
        tables
            + self.directory.capacity() * size_of::<u32>()
            + self.pages.capacity() * size_of::<Page>()
    }

    fn page_number(&self, hash: u64) -> usize {
        let mask = (1_u64 << self.depth) - 1;
        self.directory[((hash >> PAGE_SHIFT) & mask) as usize] as usize
    }

    fn page(&self, hash: u64) -> &Page {
        &self.pages[self.page_number(hash)]
    }

    /// Splits the page that `hash` falls on.
    fn split(&mut self, at: usize, hash: u64, hash_of: &impl Fn(Slot) -> u64) {
        let depth = self.pages[at].depth;
        if depth == self.depth {
            self.directory.extend_from_within(..);
            self.depth += 1;
        }
        let bit = 1_u64 << (PAGE_SHIFT + depth);
        let old = std::mem::replace(&mut self.pages[at].slots, HashTable::with_capacity(PAGE_MAX));
        let mut other = HashTable::with_capacity(PAGE_MAX);
        for slot in old {
            let hash = hash_of(slot);
            let side = if hash & bit == 0 { &mut self.pages[at].slots } else { &mut other };
            side.insert_unique(hash, slot, |slot| hash_of(*slot));
        }
        self.pages[at].depth = depth + 1;
        let number = self.pages.len() as u32;
        self.pages.push(Page { depth: depth + 1, slots: other });
        // The directory entries of the old page share its low `depth` bits; those of them that
        // have the new bit set now lead to the new page.
        let shared = (hash >> PAGE_SHIFT) as usize & ((1 << depth) - 1);
        let first = shared | 1 << depth;
        for place in (first..self.directory.len()).step_by(1 << (depth + 1)) {
            self.directory[place] = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u32) -> u64 {
        u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
    }

    #[test]
    fn what_was_put_in_is_found_until_it_is_taken_out() {
        let mut index = Index::default();
        for n in 0..100_000 {
            index.insert(hash(n), n, hash);
        }
        assert_eq!(index.len(), 100_000);
        for n in (0..100_000).step_by(3) {
            assert!(index.remove(hash(n), n));
            assert!(!index.remove(hash(n), n));
        }
        for n in 0..100_000 {
            let found = index.find(hash(n), |slot| slot == n);
            assert_eq!(found, (n % 3 != 0).then_some(n));
        }
    }

    #[test]
    fn growing_splits_one_page_at_a_time_and_stays_compact() {
        let mut index = Index::default();
        for n in 0..200_000 {
            index.insert(hash(n), n, hash);
        }
        assert!(index.pages.iter().all(|page| page.slots.len() <= PAGE_MAX));
        let per_entry = index.heap_bytes() as f64 / 200_000.0;
        assert!(per_entry < 12.0, "{per_entry} bytes per entry");
        for n in 0..200_000 {
            assert!(index.remove(hash(n), n));
        }
        assert!(index.heap_bytes() < 1_000);
    }

    #[test]
    fn keys_of_one_hash_do_not_hang_it() {
        let mut index = Index::default();
        for n in 0..2_000 {
            index.insert(7, n, |_| 7);
        }
        assert_eq!(index.find(7, |slot| slot == 1_999), Some(1_999));
    }
}
