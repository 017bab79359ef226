//! Numbers in a row, each in as few bytes as the greatest of them needs.
//!
//! Most workflows are small, and there are many: places among ten tasks fit in a byte each. A
//! number that does not fit widens all of them, which happens twice at the most.

use super::slab::NONE;

/// Numbers of 32 bits in a row. [`NONE`] counts as the least of them.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    /// How many bytes a number takes (1, 2 or 4), then the numbers, each one more than it says, so
    /// that `NONE` is 0. Nothing at all as long as there is no number.
    bytes: Vec<u8>,
}

impl Packed {
    /// No numbers.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// How many bytes a number takes.
    fn width(&self) -> usize {
        self.bytes.first().map_or(1, |width| usize::from(*width))
    }

    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len().saturating_sub(1) / self.width()
    }

    /// Whether there is no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a place, if there is one.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<u32> {
        let width = self.width();
        let kept = self.bytes.get(1 + at * width..)?;
        let kept = match width {
            1 => u32::from(*kept.first()?),
            2 => u32::from(u16::from_le_bytes(*kept.first_chunk()?)),
            _ => u32::from_le_bytes(*kept.first_chunk()?),
        };
        Some(kept.wrapping_sub(1))
    }

    /// Every number, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Changes the number at a place; tells what it was. Nothing happens where there is none.
    pub fn replace(&mut self, at: usize, number: u32) -> Option<u32> {
        let former = self.get(at)?;
        self.widen(number);
        let width = self.width();
        let start = 1 + at * width;
        let kept = number.wrapping_add(1).to_le_bytes();
        self.bytes.get_mut(start..start + width)?.copy_from_slice(kept.get(..width)?);
        Some(former)
    }

    /// Adds numbers at the end.
    pub fn extend<const N: usize>(&mut self, numbers: [u32; N]) {
        if self.bytes.is_empty() {
            self.bytes.push(1);
        }
        let greatest = numbers.iter().map(|number| number.wrapping_add(1)).max();
        self.widen(greatest.unwrap_or(0).wrapping_sub(1));
        let width = self.width();
        for number in numbers {
            self.bytes.extend(number.wrapping_add(1).to_le_bytes().iter().take(width));
        }
    }

    /// Takes out what stands behind the first so many numbers.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(1 + len * self.width());
    }

    /// So many numbers are about to be added, most of them small.
    pub fn make_room(&mut self, numbers: usize) {
        self.bytes.reserve_exact(1 + numbers);
    }

    /// What was kept free is given back.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Whether a further number would need more room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() + self.width() > self.bytes.capacity()
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Makes every number as wide as this one needs.
    fn widen(&mut self, number: u32) {
        let width = match number.wrapping_add(1) {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            _ => 4,
        };
        if width <= self.width() {
            return;
        }
        let mut wide = Vec::with_capacity(1 + width * (self.len() + 1));
        wide.push(width as u8);
        for number in self.iter() {
            wide.extend(number.wrapping_add(1).to_le_bytes().iter().take(width));
        }
        self.bytes = wide;
    }
}

const _: () = assert!(NONE.wrapping_add(1) == 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are_however_wide_the_others_get() {
        let mut packed = Packed::default();
        assert_eq!((packed.len(), packed.get(0), packed.replace(0, 1)), (0, None, None));
        packed.extend([0, NONE, 254]);
        assert_eq!(packed.bytes.len(), 4);
        packed.extend([255]);
        assert_eq!(packed.iter().collect::<Vec<_>>(), [0, NONE, 254, 255]);
        assert_eq!(packed.bytes.len(), 9);
        assert_eq!(packed.replace(1, 65_534), Some(NONE));
        assert_eq!(packed.bytes.len(), 9);
        assert_eq!(packed.replace(0, 65_535), Some(0));
        assert_eq!(packed.iter().collect::<Vec<_>>(), [65_535, 65_534, 254, 255]);
        packed.extend([u32::MAX - 1, NONE]);
        packed.truncate(5);
        assert_eq!(packed.iter().collect::<Vec<_>>(), [65_535, 65_534, 254, 255, u32::MAX - 1]);
        packed.truncate(0);
        assert!(packed.is_empty() && packed.get(0).is_none());
        packed.extend([7]);
        assert_eq!(packed.iter().collect::<Vec<_>>(), [7]);
    }
}
