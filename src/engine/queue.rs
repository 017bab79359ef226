//! The queue: every task in every state, and the one truth about who owns what.
//!
//! This file holds the state and how it is read, and the few moves a task can make. What may happen
//! is decided by the verbs (`push`, `pop`, `finish`, ...); what did happen is applied in `apply`.

use std::cell::Cell;

use super::deadlines::{Deadlines, Due};
use super::event::Ids;
use super::index::Index;
use super::lines::Lines;
use super::list::List;
use super::names::{Named, Names};
use super::numbers::{Moment, NUMBER_MAX, Numbers, first_number};
use super::owner::{IDLE_OWNERS_KEPT, Owner};
use super::settings::Settings;
use super::slab::{NONE, Slab, Slot};
use super::task::{Bytes, Cause, Details, State, Task};
use super::unique::Unique;

/// How many tasks of each kind of fate there were since the queue was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pushed.
    pub pushed: u64,
    /// Taken; a task may be taken more than once.
    pub taken: u64,
    /// Completed.
    pub completed: u64,
    /// Failed for good.
    pub failed: u64,
    /// Back to ready, for whatever cause.
    pub returned: u64,
}

/// Tasks of one queue, with all that is known of them.
#[derive(Default)]
pub struct Queue {
    pub(super) tasks: Slab<Task>,
    pub(super) by_id: Index,
    /// The slot found last: deciding, applying and replying look for the same task in turn.
    pub(super) found: Cell<Slot>,
    pub(super) lines: Lines,
    pub(super) owners: Names<Owner>,
    /// Owners that hold nothing, the longest idle first.
    pub(super) idle: List,
    pub(super) done: List,
    pub(super) failed: List,
    pub(super) uniques: Names<Unique>,
    pub(super) deadlines: Deadlines,
    pub(super) settings: Settings,
    pub(super) totals: Totals,
    /// The greatest number issued: task id, fence or place in line.
    pub(super) last_number: u64,
    /// Whether this server issued it. If not, another may have gone on from there: see `numbers`.
    pub(super) issued_here: bool,
    pub(super) running: u64,
    pub(super) payload_bytes: u64,
    pub(super) diverged: bool,
}

impl Queue {
    /// How many tasks are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        match state {
            State::Ready => self.lines.ready(),
            State::Running => self.running,
            State::Done => self.done.len(),
            State::Failed => self.failed.len(),
        }
    }

    /// How many tasks may still run.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        State::ALL.into_iter().filter(|state| state.is_unfinished()).map(|s| self.count(s)).sum()
    }

    /// How many tasks there are in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.tasks.len()
    }

    /// Whether there is no task.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// A task by its number.
    #[must_use]
    pub fn task(&self, id: u64) -> Option<&Task> {
        self.slot_of(id).map(|slot| self.tasks.get(slot))
    }

    /// The type of a task.
    #[must_use]
    pub fn kind_of(&self, task: &Task) -> &[u8] {
        self.lines.kind_name(task.line)
    }

    /// The priority of a task.
    #[must_use]
    pub fn priority_of(&self, task: &Task) -> u16 {
        self.lines.line(task.line).priority
    }

    /// The name of who holds a task.
    #[must_use]
    pub fn owner_of(&self, task: &Task) -> Option<&[u8]> {
        (task.owner != NONE).then(|| self.owners.get(task.owner).name())
    }

    /// The UNIQUE key of an unfinished task.
    #[must_use]
    pub fn unique_of(&self, task: &Task) -> Option<&[u8]> {
        task.unique().map(|slot| self.uniques.get(slot).name())
    }

    /// Whether the task's fence was voided by a recovery and not given anew yet.
    #[must_use]
    pub fn is_void(&self, task: &Task) -> bool {
        task.owner != NONE && task.order <= self.owners.get(task.owner).void
    }

    /// The record of an owner.
    #[must_use]
    pub fn owner(&self, name: &[u8]) -> Option<&Owner> {
        self.owners.find(name).map(|slot| self.owners.get(slot))
    }

    /// Owners that hold something, in the order of their names.
    pub fn holders(&self) -> impl Iterator<Item = &Owner> {
        let owners = self.owners.sorted().into_iter().map(|slot| self.owners.get(slot));
        owners.filter(|owner| !owner.running.is_empty())
    }

    /// How many types have a task.
    #[must_use]
    pub fn kinds(&self) -> u64 {
        self.lines.kinds()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What happened here so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How many UNIQUE keys are remembered.
    #[must_use]
    pub fn unique_keys(&self) -> u64 {
        self.uniques.len()
    }

    /// When something falls due next, Unix time in milliseconds.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        if self.diverged { None } else { self.deadlines.next_ms() }
    }

    /// Whether an event did not fit: this copy does not follow its primary any more.
    #[must_use]
    pub fn is_diverged(&self) -> bool {
        self.diverged
    }

    /// An event did not fit.
    pub fn mark_diverged(&mut self) {
        self.diverged = true;
    }

    /// The greatest number issued.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Every task.
    #[must_use]
    pub fn tasks(&self) -> &Slab<Task> {
        &self.tasks
    }

    /// The types, priorities, and ready tasks.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The owner records.
    #[must_use]
    pub fn owners(&self) -> &Names<Owner> {
        &self.owners
    }

    /// Owners that hold nothing, the longest idle first.
    #[must_use]
    pub fn idle(&self) -> &List {
        &self.idle
    }

    /// The list of an ended state.
    #[must_use]
    pub fn ended(&self, state: State) -> Option<&List> {
        match state {
            State::Done => Some(&self.done),
            State::Failed => Some(&self.failed),
            State::Ready | State::Running => None,
        }
    }

    /// The UNIQUE keys.
    #[must_use]
    pub fn uniques(&self) -> &Names<Unique> {
        &self.uniques
    }

    /// UNIQUE keys whose tasks have ended, the first to be forgotten first.
    pub fn tombstones(&self) -> impl Iterator<Item = &Unique> {
        let graves = self.deadlines.iter().filter(|(_, _, due, _)| *due == Due::Forgetting);
        graves.map(|(.., slot)| self.uniques.get(slot))
    }

    /// Bytes on the heap; the details of tasks are estimated from `samples` of them.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let samples = if samples == 0 { usize::MAX } else { samples };
        let (mut seen, mut sampled) = (0_usize, 0_usize);
        for (_, task) in self.tasks.iter().take(samples) {
            seen += 1;
            sampled += task.details.as_ref().map_or(0, |details| details.heap_bytes());
        }
        let details = sampled as u64 * self.tasks.len() / seen.max(1) as u64;
        let owners: usize = self.owners.records().iter().map(|(_, o)| o.heap_bytes()).sum();
        self.tasks.heap_bytes()
            + self.by_id.heap_bytes()
            + self.lines.heap_bytes()
            + self.owners.heap_bytes()
            + self.uniques.heap_bytes()
            + owners
            + self.deadlines.len() * 48
            + (self.payload_bytes + details) as usize
    }

    /// How many allocations freeing the queue takes, roughly.
    #[must_use]
    pub fn free_effort(&self) -> u64 {
        self.tasks.len() + self.owners.len() + self.uniques.len()
    }

    pub(super) fn numbers(&self, at: Moment) -> Numbers {
        Numbers::after(self.last_number, self.issued_here, at)
    }

    pub(super) fn slot_of(&self, id: u64) -> Option<Slot> {
        let last = self.found.get();
        if self.tasks.used(last).is_some_and(|task| task.id == id) {
            return Some(last);
        }
        let found = self.by_id.find(hash_of_id(id), |slot| self.tasks.get(slot).id == id);
        found.inspect(|slot| self.found.set(*slot))
    }
}

/// Moves. Each leaves every list, index and counter as it must be.
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

    /// The ids of tasks as one event names them.
    pub(super) fn ids_of(&self, slots: impl Iterator<Item = Slot>) -> Ids {
        slots.inspect(|slot| self.found.set(*slot)).map(|slot| self.tasks.get(slot).id).collect()
    }

    pub(super) fn details_of(&self, slot: Slot) -> Option<&Details> {
        self.tasks.get(slot).details.as_deref()
    }
}

/// Ids carry a clock in their high bits and count in their low ones: mix them well.
pub(super) fn hash_of_id(id: u64) -> u64 {
    let mixed = (id ^ (id >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(17)
}
