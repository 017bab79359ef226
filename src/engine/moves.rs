//! The moves a task can make. Each leaves every list, index and counter as it must be, so that what
//! is made of them keeps the invariants without a thought.

use super::deadlines::Due;
use super::list::List;
use super::names::Names;
use super::numbers::{NUMBER_MAX, first_number};
use super::owner::{IDLE_OWNERS_KEPT, Owner};
use super::queue::{Queue, hash_of_id};
use super::slab::{NONE, Slot};
use super::task::{Bytes, Cause, State, Task};
use super::unique::Unique;

impl Queue {
    /// A record comes in; the caller puts it in a list.
    pub(super) fn admit(&mut self, task: Task) -> Slot {
        let id = task.id;
        self.payload_bytes += task.payload.len() as u64;
        let slot = self.tasks.insert(task);
        let tasks = &self.tasks;
        self.by_id.insert(hash_of_id(id), slot, |slot| hash_of_id(tasks.get(slot).id));
        slot
    }

    /// A record that stands in no list goes for good.
    pub(super) fn drop_task(&mut self, slot: Slot) {
        let task = self.tasks.get(slot);
        self.by_id.remove(hash_of_id(task.id), slot);
        let task = self.tasks.remove(slot);
        self.payload_bytes -= task.payload.len() as u64;
        self.lines.leave(task.line);
    }

    /// Gives a task that stands in no list to an owner, under a fence.
    pub(super) fn own(&mut self, slot: Slot, owner: Slot, fence: u64) {
        let task = self.tasks.get_mut(slot);
        task.owner = owner;
        task.order = fence;
        task.state = State::Running;
        task.cause = Cause::Taken;
        let record = self.owners.get_mut(owner);
        let was_idle = record.running.is_empty();
        record.running.push_back(&mut self.tasks, slot);
        self.running += 1;
        if was_idle {
            self.idle.remove(self.owners.records_mut(), owner);
        }
    }

    /// Takes a running task from its owner; it stands in no list then.
    pub(super) fn disown(&mut self, slot: Slot) -> Slot {
        let task = self.tasks.get_mut(slot);
        let (owner, fence, id) = (task.owner, task.order, task.id);
        task.owner = NONE;
        if let Some(details) = &mut task.details {
            details.taken = None;
        }
        let record = self.owners.get_mut(owner);
        record.running.remove(&mut self.tasks, slot);
        record.forget_request(fence, id);
        self.running -= 1;
        if record.running.is_empty() {
            self.idle.push_back(self.owners.records_mut(), owner);
        }
        owner
    }

    /// The record of an owner, made when it is not there; then the longest idle one may go.
    pub(super) fn owner_slot(&mut self, name: &[u8]) -> Slot {
        if let Some(slot) = self.owners.find(name) {
            return slot;
        }
        if self.idle.len() >= IDLE_OWNERS_KEPT
            && let Some(longest) = self.idle.first()
        {
            self.idle.remove(self.owners.records_mut(), longest);
            self.owners.remove(longest);
        }
        let slot = self.owners.insert(Owner::named(name));
        self.idle.push_back(self.owners.records_mut(), slot);
        slot
    }

    /// A task that stands in no list becomes ready at a place in line.
    pub(super) fn line_up(&mut self, slot: Slot, order: u64, cause: Cause) {
        let task = self.tasks.get_mut(slot);
        task.order = order;
        task.state = State::Ready;
        task.cause = cause;
        self.lines.push(&mut self.tasks, slot);
    }

    /// A task that stands in no list ends; it is kept for `keep_ms`, or dropped.
    pub(super) fn end(&mut self, slot: Slot, state: State, cause: Cause, at_ms: u64, keep_ms: u64) {
        self.release_unique(slot, at_ms);
        if keep_ms == 0 {
            self.drop_task(slot);
            return;
        }
        let expires_ms = at_ms.saturating_add(keep_ms).min(NUMBER_MAX);
        let order = self.end_number(state, at_ms);
        let task = self.tasks.get_mut(slot);
        task.state = state;
        task.cause = cause;
        task.order = order;
        task.details_mut().expires_ms = Some(expires_ms);
        let id = task.id;
        self.list_ended(slot, state);
        self.deadlines.insert(expires_ms, id, Due::Expiry, slot);
    }

    /// The number of an end at this moment: greater than any in the list, also when many tasks end
    /// at once or the clock of another server was ahead.
    fn end_number(&self, state: State, at_ms: u64) -> u64 {
        let last = self.ended(state).and_then(List::last);
        let after = last.map_or(0, |last| self.tasks.get(last).order + 1);
        first_number(at_ms).max(after)
    }

    /// An ended task goes for good.
    pub(super) fn expire(&mut self, slot: Slot) {
        let task = self.tasks.get(slot);
        let (id, state) = (task.id, task.state);
        if let Some(ms) = task.details.as_ref().and_then(|details| details.expires_ms) {
            self.deadlines.remove(ms, id, Due::Expiry);
        }
        match state {
            State::Done => self.done.remove(&mut self.tasks, slot),
            State::Failed => self.failed.remove(&mut self.tasks, slot),
            State::Ready | State::Running => return,
        }
        self.drop_task(slot);
    }

    pub(super) fn list_ended(&mut self, slot: Slot, state: State) {
        match state {
            State::Done => self.done.push_back(&mut self.tasks, slot),
            State::Failed => self.failed.push_back(&mut self.tasks, slot),
            State::Ready | State::Running => {}
        }
    }

    /// A task takes a UNIQUE key, from a tombstone if need be.
    pub(super) fn take_unique(&mut self, slot: Slot, key: &[u8], until_ms: u64) {
        if let Some(old) = self.uniques.find(key) {
            self.forget_unique(old);
        }
        let id = self.tasks.get(slot).id;
        let unique = self.uniques.insert(Unique::live(key, id, until_ms));
        self.tasks.get_mut(slot).details_mut().unique = Some(unique);
    }

    /// A task that ends lets go of its key, at once or as a tombstone for a while.
    fn release_unique(&mut self, slot: Slot, at_ms: u64) {
        let task = self.tasks.get_mut(slot);
        let id = task.id;
        let Some(unique) = task.details.as_mut().and_then(|details| details.unique.take()) else {
            return;
        };
        let record = self.uniques.get_mut(unique);
        if record.until_ms > at_ms {
            record.live = false;
            self.deadlines.insert(record.until_ms, id, Due::Forgetting, unique);
        } else {
            self.uniques.remove(unique);
        }
    }

    /// A tombstone goes for good.
    pub(super) fn forget_unique(&mut self, unique: Slot) {
        let record = self.uniques.remove(unique);
        if !record.live {
            self.deadlines.remove(record.until_ms, record.id, Due::Forgetting);
        }
    }

    /// Nobody holds the tasks of a copy: what ran goes back in line, in the order of the fences.
    pub fn release_all(&mut self) {
        let mut held: Vec<(u64, Slot)> = (self.tasks.iter())
            .filter(|(_, task)| task.state == State::Running)
            .map(|(slot, task)| (task.order, slot))
            .collect();
        held.sort_unstable();
        for (_, slot) in held {
            self.disown(slot);
            self.last_number += 1;
            self.totals.returned += 1;
            self.line_up(slot, self.last_number, Cause::Copied);
        }
        // What the owners of the original could repeat is not theirs to repeat here.
        self.owners = Names::default();
        self.idle = List::default();
    }

    /// Gives every payload to `mover`, from slot `from` on, until `mover` gives none back; tells
    /// where to go on. The way of a defragmentation.
    pub fn move_payloads(
        &mut self,
        from: Slot,
        mut mover: impl FnMut(Bytes) -> Bytes,
        mut stop: impl FnMut() -> bool,
    ) -> Option<Slot> {
        for slot in from..self.tasks.end() {
            if slot % 64 == 63 && stop() {
                return Some(slot);
            }
            if let Some(task) = self.tasks.used_mut(slot) {
                task.payload = mover(std::mem::take(&mut task.payload));
            }
        }
        None
    }
}
