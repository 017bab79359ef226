//! Where records live: chunks that never move, so that growing costs the same at any size.
//!
//! A plain `Vec` doubles by copying everything it holds, which at millions of records stalls every
//! client of the server. A slab adds one chunk at a time and gives it back once it is empty.

const CHUNK_BITS: u32 = 10;
const CHUNK_LEN: usize = 1 << CHUNK_BITS;

/// The place of a record in its slab. `NONE` is no place.
pub type Slot = u32;

/// No record.
pub const NONE: Slot = u32::MAX;

enum Cell<T> {
    Used(T),
    Free { next: Slot },
}

struct Chunk<T> {
    cells: Vec<Cell<T>>,
    /// First free cell of this chunk, or `NONE`.
    free: Slot,
    used: u32,
    /// Whether the chunk stands in the slab's list of chunks with room.
    open: bool,
}

impl<T> Chunk<T> {
    const EMPTY: Self = Self { cells: Vec::new(), free: NONE, used: 0, open: false };

    fn has_room(&self) -> bool {
        self.free != NONE || self.cells.len() < CHUNK_LEN
    }
}

/// Records of one kind, each at a slot that stays its own until it is removed.
pub struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// Chunks that had room when they were put here; the last one is filled first.
    open: Vec<u32>,
    len: u64,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), open: Vec::new(), len: 0 }
    }
}

// A slot is named only by the lists and indexes of the same value; one that names nothing is a
// broken invariant, which must stop the server rather than corrupt the data.
#[expect(clippy::indexing_slicing, clippy::panic, reason = "a dangling slot is a broken invariant")]
impl<T> Slab<T> {
    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The record at a slot that is in use.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &T {
        let (chunk, cell) = split(slot);
        match &self.chunks[chunk].cells[cell] {
            Cell::Used(record) => record,
            Cell::Free { .. } => panic!("slot {slot} holds no record"),
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, slot: Slot) -> &mut T {
        let (chunk, cell) = split(slot);
        match &mut self.chunks[chunk].cells[cell] {
            Cell::Used(record) => record,
            Cell::Free { .. } => panic!("slot {slot} holds no record"),
        }
    }

    /// Keeps a record and tells where.
    pub fn insert(&mut self, record: T) -> Slot {
        let at = self.chunk_with_room();
        let chunk = &mut self.chunks[at];
        let cell = if chunk.free == NONE {
            if chunk.cells.capacity() == 0 && at > 0 {
                chunk.cells.reserve_exact(CHUNK_LEN);
            }
            chunk.cells.push(Cell::Used(record));
            chunk.cells.len() - 1
        } else {
            let cell = chunk.free as usize;
            let Cell::Free { next } = std::mem::replace(&mut chunk.cells[cell], Cell::Used(record))
            else {
                panic!("a cell in use stands in the list of free ones");
            };
            chunk.free = next;
            cell
        };
        chunk.used += 1;
        self.len += 1;
        ((at as u32) << CHUNK_BITS) | cell as u32
    }

    /// Takes a record out; its slot may be used again.
    pub fn remove(&mut self, slot: Slot) -> T {
        let (at, cell) = split(slot);
        let chunk = &mut self.chunks[at];
        let free = Cell::Free { next: chunk.free };
        let Cell::Used(record) = std::mem::replace(&mut chunk.cells[cell], free) else {
            panic!("slot {slot} holds no record");
        };
        chunk.free = cell as u32;
        chunk.used -= 1;
        self.len -= 1;
        if chunk.used == 0 && at > 0 {
            // The first chunk stays: a queue that swings between empty and one task is common.
            chunk.cells = Vec::new();
            chunk.free = NONE;
        }
        if !chunk.open {
            chunk.open = true;
            self.open.push(at as u32);
        }
        record
    }

    /// One more than the greatest slot that was ever in use.
    #[must_use]
    pub fn end(&self) -> Slot {
        (self.chunks.len() as u32) << CHUNK_BITS
    }

    /// The record at a slot that may be in use or not.
    #[must_use]
    pub fn used(&self, slot: Slot) -> Option<&T> {
        let (chunk, cell) = split(slot);
        match self.chunks.get(chunk)?.cells.get(cell)? {
            Cell::Used(record) => Some(record),
            Cell::Free { .. } => None,
        }
    }

    /// The same, to be changed.
    pub fn used_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let (chunk, cell) = split(slot);
        match self.chunks.get_mut(chunk)?.cells.get_mut(cell)? {
            Cell::Used(record) => Some(record),
            Cell::Free { .. } => None,
        }
    }

    /// Every record with its slot, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        self.chunks.iter().enumerate().flat_map(|(at, chunk)| {
            chunk.cells.iter().enumerate().filter_map(move |(cell, kept)| match kept {
                Cell::Used(record) => Some((((at as u32) << CHUNK_BITS) | cell as u32, record)),
                Cell::Free { .. } => None,
            })
        })
    }

    /// Bytes of the cells themselves; what the records own is not counted.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let cells: usize = self.chunks.iter().map(|chunk| chunk.cells.capacity()).sum();
        cells * size_of::<Cell<T>>() + self.chunks.capacity() * size_of::<Chunk<T>>()
    }

    fn chunk_with_room(&mut self) -> usize {
        while let Some(&at) = self.open.last() {
            if self.chunks[at as usize].has_room() {
                return at as usize;
            }
            self.chunks[at as usize].open = false;
            self.open.pop();
        }
        let at = self.chunks.len();
        self.chunks.push(Chunk { open: true, ..Chunk::EMPTY });
        self.open.push(at as u32);
        at
    }
}

fn split(slot: Slot) -> (usize, usize) {
    ((slot >> CHUNK_BITS) as usize, slot as usize & (CHUNK_LEN - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stays_at_its_slot_while_others_come_and_go() {
        let mut slab = Slab::default();
        let slots: Vec<Slot> = (0..5_000_u64).map(|n| slab.insert(n)).collect();
        for slot in slots.iter().step_by(2) {
            slab.remove(*slot);
        }
        for (n, slot) in slots.iter().enumerate().skip(1).step_by(2) {
            assert_eq!(*slab.get(*slot), n as u64);
        }
        assert_eq!(slab.len(), 2_500);
        let before = slab.chunks.len();
        (0..2_500).for_each(|n| _ = slab.insert(n));
        assert_eq!(slab.chunks.len(), before, "freed slots are used before a new chunk is added");
    }

    #[test]
    fn an_emptied_slab_gives_its_memory_back() {
        let mut slab = Slab::default();
        let slots: Vec<Slot> = (0..100_000_u64).map(|n| slab.insert(n)).collect();
        let full = slab.heap_bytes();
        slots.iter().for_each(|slot| _ = slab.remove(*slot));
        assert!(slab.is_empty());
        assert!(slab.heap_bytes() < full / 10, "{} of {full} bytes stayed", slab.heap_bytes());
        assert_eq!(slab.iter().count(), 0);
        let again: Vec<Slot> = (0..100_000_u64).map(|n| slab.insert(n)).collect();
        assert_eq!(again.len() as u64, slab.len());
    }
}
