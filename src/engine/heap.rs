//! The smallest of many keys, where any entry can be re-keyed or taken out: a binary heap whose
//! items are told their place.

/// One key and whose it is.
#[derive(Clone, Copy, Debug)]
struct Node<K> {
    key: K,
    item: u32,
}

/// A min-heap of items, each known to its owner by its place.
pub struct Heap<K> {
    nodes: Vec<Node<K>>,
}

impl<K> Default for Heap<K> {
    fn default() -> Self {
        Self { nodes: Vec::new() }
    }
}

// Places are handed out by this file alone and kept up to date through `told`; one that is out of
// range is a broken invariant.
#[expect(clippy::indexing_slicing, reason = "a wrong place is a broken invariant")]
impl<K: Copy + Ord> Heap<K> {
    /// How many items stand in the heap.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing stands in the heap.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The item with the smallest key.
    #[must_use]
    pub fn first(&self) -> Option<(K, u32)> {
        self.nodes.first().map(|node| (node.key, node.item))
    }

    /// The key and the item at a place.
    #[must_use]
    pub fn at(&self, place: u32) -> Option<(K, u32)> {
        self.nodes.get(place as usize).map(|node| (node.key, node.item))
    }

    /// Every key with its item, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (K, u32)> {
        self.nodes.iter().map(|node| (node.key, node.item))
    }

    /// Adds an item. `told(item, place)` is called for every item that comes to a place.
    pub fn insert(&mut self, key: K, item: u32, mut told: impl FnMut(u32, u32)) {
        self.nodes.push(Node { key, item });
        self.rise(self.nodes.len() - 1, &mut told);
    }

    /// Gives the item at a place another key.
    pub fn rekey(&mut self, place: u32, key: K, mut told: impl FnMut(u32, u32)) {
        let place = place as usize;
        let old = std::mem::replace(&mut self.nodes[place].key, key);
        if key < old {
            self.rise(place, &mut told);
        } else {
            self.sink(place, &mut told);
        }
    }

    /// Takes out the item at a place.
    pub fn remove(&mut self, place: u32, mut told: impl FnMut(u32, u32)) {
        let place = place as usize;
        let gone = self.nodes.swap_remove(place);
        if let Some(moved) = self.nodes.get(place) {
            if moved.key < gone.key {
                self.rise(place, &mut told);
            } else {
                self.sink(place, &mut told);
            }
        }
    }

    fn rise(&mut self, mut place: usize, told: &mut impl FnMut(u32, u32)) {
        let node = self.nodes[place];
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.nodes[parent].key <= node.key {
                break;
            }
            self.put(place, self.nodes[parent], told);
            place = parent;
        }
        self.put(place, node, told);
    }

    fn sink(&mut self, mut place: usize, told: &mut impl FnMut(u32, u32)) {
        let node = self.nodes[place];
        loop {
            let left = 2 * place + 1;
            let Some(child) = self.nodes.get(left) else { break };
            let right = left + 1;
            let smaller = match self.nodes.get(right) {
                Some(other) if other.key < child.key => right,
                _ => left,
            };
            if node.key <= self.nodes[smaller].key {
                break;
            }
            self.put(place, self.nodes[smaller], told);
            place = smaller;
        }
        self.put(place, node, told);
    }

    fn put(&mut self, place: usize, node: Node<K>, told: &mut impl FnMut(u32, u32)) {
        told(node.item, place as u32);
        self.nodes[place] = node;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_knows_its_place_and_the_smallest_is_first() {
        let mut heap = Heap::default();
        let mut places = [u32::MAX; 64];
        let mut keys = [None; 64];
        let mut random: u64 = 0x5EED;
        println!("seed {random:#x}");
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let item = (random >> 33) as usize % 64;
            let key = (random >> 40) % 1_000;
            match keys[item] {
                None => heap.insert(key, item as u32, |it, place| places[it as usize] = place),
                Some(_) if key.is_multiple_of(3) => {
                    heap.remove(places[item], |it, place| places[it as usize] = place);
                }
                Some(_) => {
                    heap.rekey(places[item], key, |it, place| places[it as usize] = place);
                }
            }
            let removed = keys[item].is_some() && key.is_multiple_of(3);
            keys[item] = (!removed).then_some(key);
            assert_eq!(heap.first().map(|(key, _)| key), keys.iter().flatten().min().copied());
            for (item, key) in keys.iter().enumerate().filter(|(_, key)| key.is_some()) {
                assert_eq!(heap.at(places[item]), key.map(|key| (key, item as u32)));
            }
        }
    }
}
