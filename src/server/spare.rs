//! Buffers for events, used again: most calls need one, and an allocation is not free.

use std::cell::RefCell;

thread_local! {
    /// Buffers for events, empty but with room: most calls need no more than one was made for.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Buffers that are kept, and how large one may be.
const SPARE_MAX: usize = 4;
const SPARE_BYTES_MAX: usize = 4_096;

/// An empty buffer, used before if there is one.
pub(super) fn spare() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(128))
}

/// A buffer that is not needed any more.
pub(super) fn keep(mut buffer: Vec<u8>) {
    buffer.clear();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < SPARE_MAX && buffer.capacity() <= SPARE_BYTES_MAX {
            spare.push(buffer);
        }
    });
}
