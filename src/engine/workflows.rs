//! The workflows of a queue, found by their numbers.

use super::numbered::Numbered;
use super::outcome::Phase;
use super::slab::{Slab, Slot};
use super::workflow::Workflow;

/// Every workflow of a queue.
#[derive(Default)]
pub struct Workflows {
    records: Slab<Workflow>,
    by_id: Numbered,
}

impl Workflows {
    /// A workflow's slot by its number.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<Slot> {
        self.by_id.find(id)
    }

    /// A workflow by its slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Workflow {
        self.records.get(slot)
    }

    /// The same, to be changed; its number stays.
    pub fn get_mut(&mut self, slot: Slot) -> &mut Workflow {
        self.records.get_mut(slot)
    }

    /// Adds a workflow whose number is not there yet.
    pub fn insert(&mut self, workflow: Workflow) -> Slot {
        let id = workflow.id;
        let slot = self.records.insert(workflow);
        self.by_id.insert(id, slot);
        slot
    }

    /// Takes a workflow out.
    pub fn remove(&mut self, slot: Slot) -> Workflow {
        let workflow = self.records.remove(slot);
        self.by_id.remove(workflow.id);
        workflow
    }

    /// Every workflow, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Workflow)> {
        self.records.iter()
    }

    /// The slots in the order of the numbers: the same on every server.
    #[must_use]
    pub fn sorted(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.records.iter().map(|(slot, _)| slot).collect();
        slots.sort_unstable_by_key(|slot| self.records.get(*slot).id);
        slots
    }

    /// How many there are, open or ended.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the index knows as many as there are.
    pub(super) fn is_indexed(&self) -> bool {
        self.by_id.len() == self.records.len()
    }

    /// How many have not ended. Looks at each.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.records.iter().filter(|(_, workflow)| workflow.phase == Phase::Open).count() as u64
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let own: usize = self.records.iter().map(|(_, workflow)| workflow.heap_bytes()).sum();
        self.records.heap_bytes() + self.by_id.heap_bytes() + own
    }
}
