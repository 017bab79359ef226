//! The moves a task can make. Each leaves every list, index and counter as it must be, so that what
//! is made of them keeps the invariants without a thought.

use super::deadlines::Due;
use super::list::List;
use super::names::{Named, Names};
use super::numbers::{first_number, issued_ms, later};
use super::owner::{IDLE_OWNERS_KEPT, Owner};
use super::queue::Queue;
use super::slab::{NONE, Slot};
use super::task::{Bytes, Cause, Counter, State, Task};
use super::unique::Unique;

impl Queue {
    /// A record comes in; the caller puts it in a list.
    pub(super) fn admit(&mut self, task: Task) -> Slot {
        let id = task.id;
        self.payload_bytes += task.payload.len() as u64;
        let slot = self.tasks.insert(task);
        self.by_id.insert(id, slot);
        slot
    }

    /// A record that stands in no list goes for good.
    pub(super) fn drop_task(&mut self, slot: Slot) {
        let task = self.tasks.remove(slot);
        self.by_id.remove(task.id);
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
        let is_cancelling = task.is_cancelling();
        let record = self.owners.get_mut(owner);
        record.cancelling += u64::from(is_cancelling);
        record.unsettled += u64::from(fence <= record.void);
        let was_idle = record.running.is_empty();
        record.running.push_back(&mut self.tasks, slot);
        self.running += 1;
        if was_idle {
            self.idle.remove(self.owners.records_mut(), owner);
        }
        self.watch(owner);
        self.note(slot, State::Running, Cause::Taken);
    }

    /// A running task may run from this moment on for as long as its TIMEOUT says.
    pub(super) fn start_clock(&mut self, slot: Slot, at_ms: u64) {
        self.stop_clock(slot);
        let timeout_ms = self.timeout_ms(slot);
        if timeout_ms > 0 {
            self.stay_until(slot, later(at_ms, timeout_ms));
        }
    }

    /// A task stays in its state until a moment, and no longer by itself.
    pub(super) fn stay_until(&mut self, slot: Slot, until_ms: u64) {
        self.stop_clock(slot);
        let task = self.tasks.get_mut(slot);
        task.details_mut().until_ms = Some(until_ms);
        if let Some(due) = task.state.due() {
            self.deadlines.insert(until_ms, task.id, due, slot);
        }
    }

    /// A task does not leave its state by itself any more.
    pub(super) fn stop_clock(&mut self, slot: Slot) {
        let task = self.tasks.get_mut(slot);
        let until_ms = task.details.as_mut().and_then(|details| details.until_ms.take());
        if let (Some(ms), Some(due)) = (until_ms, task.state.due()) {
            self.deadlines.remove(ms, task.id, due);
        }
    }

    /// Sees to it that the backstop looks at an owner that holds something: not before its oldest
    /// task could have been silent for long enough.
    pub(super) fn watch(&mut self, owner: Slot) {
        let backstop_ms = self.settings.backstop_ms;
        let record = self.owners.get(owner);
        if backstop_ms == 0 || record.watched_ms.is_some() {
            return;
        }
        if let Some(first) = record.running.first() {
            let ms = self.tasks.get(first).taken_ms().saturating_add(backstop_ms);
            self.watch_at(owner, ms);
        }
    }

    /// The backstop looks at an owner at this moment.
    pub(super) fn watch_at(&mut self, owner: Slot, ms: u64) {
        self.unwatch(owner);
        self.owners.get_mut(owner).watched_ms = Some(ms);
        self.deadlines.insert(ms, owner.into(), Due::Silence, owner);
    }

    /// The backstop does not look at an owner any more.
    pub(super) fn unwatch(&mut self, owner: Slot) {
        if let Some(ms) = self.owners.get_mut(owner).watched_ms.take() {
            self.deadlines.remove(ms, owner.into(), Due::Silence);
        }
    }

    /// Every owner is looked at as the setting says now.
    pub(super) fn watch_all_anew(&mut self) {
        let owners = self.owners.records().iter();
        let holders = owners.filter(|(_, owner)| !owner.running.is_empty());
        for owner in holders.map(|(slot, _)| slot).collect::<Vec<Slot>>() {
            self.unwatch(owner);
            self.watch(owner);
        }
    }

    /// Takes a running task from its owner; it stands in no list then.
    pub(super) fn disown(&mut self, slot: Slot) -> Slot {
        self.stop_clock(slot);
        self.note_owner(slot);
        let task = self.tasks.get_mut(slot);
        let (owner, fence, id) = (task.owner, task.order, task.id);
        let was_cancelling = task.is_cancelling();
        task.owner = NONE;
        if let Some(details) = &mut task.details {
            details.taken = None;
            details.touched_ms = None;
        }
        let record = self.owners.get_mut(owner);
        record.running.remove(&mut self.tasks, slot);
        record.forget_request(fence, id);
        record.cancelling -= u64::from(was_cancelling);
        record.unsettled -= u64::from(fence <= record.void);
        self.running -= 1;
        if record.running.is_empty() {
            self.idle.push_back(self.owners.records_mut(), owner);
            self.unwatch(owner);
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

    /// A running task is pre-running again, at a place in line; unless it was to be cancelled.
    pub(super) fn give_back(
        &mut self,
        slot: Slot,
        order: u64,
        cause: Cause,
        until_ms: u64,
        at_ms: u64,
    ) {
        self.disown(slot);
        self.count_cause(slot, cause);
        if self.tasks.get(slot).is_cancelling() {
            self.totals.cancelled += 1;
            self.end(slot, State::Cancelled, Cause::Cancelled, at_ms);
        } else if self.is_barred(slot) {
            self.totals.cancelled += 1;
            self.end(slot, State::Cancelled, Cause::Parent, at_ms);
        } else if self.has_open_parents(slot) {
            // They were retried while it ran.
            self.totals.returned += 1;
            self.wait_again(slot, cause);
        } else {
            self.totals.returned += 1;
            self.await_taking(slot, order, cause, until_ms);
        }
    }

    /// Counts for a task what was the cause of its last move.
    pub(super) fn count_cause(&mut self, slot: Slot, cause: Cause) {
        if let Some(counter) = cause.counter() {
            self.count_one(slot, counter);
        }
    }

    /// Counts for a task.
    pub(super) fn count_one(&mut self, slot: Slot, counter: Counter) {
        let details = self.tasks.get_mut(slot).details_mut();
        let count = match counter {
            Counter::Failures => &mut details.failures,
            Counter::Crashes => &mut details.crashes,
            Counter::Interruptions => &mut details.interruptions,
        };
        *count = count.saturating_add(1);
    }

    /// A task that stands in no list becomes ready at a place in line.
    pub(super) fn line_up(&mut self, slot: Slot, order: u64, cause: Cause) {
        let task = self.tasks.get_mut(slot);
        task.order = order;
        task.state = State::Ready;
        task.cause = cause;
        self.lines.push(&mut self.tasks, slot);
        self.note(slot, State::Ready, cause);
    }

    /// A task that stands in no list waits for its time.
    pub(super) fn schedule(&mut self, slot: Slot, order: u64, cause: Cause, until_ms: u64) {
        let task = self.tasks.get_mut(slot);
        task.order = order;
        task.state = State::Scheduled;
        task.cause = cause;
        self.list_up(slot);
        self.stay_until(slot, until_ms);
        self.note(slot, State::Scheduled, cause);
    }

    /// A task that stands in no list is pre-running: until a moment, or (0) ready now.
    pub(super) fn await_taking(&mut self, slot: Slot, order: u64, cause: Cause, until_ms: u64) {
        if until_ms > 0 {
            self.schedule(slot, order, cause, until_ms);
        } else {
            self.line_up(slot, order, cause);
        }
    }

    /// A task that nobody holds leaves its list; one that somebody holds is disowned instead.
    pub(super) fn step_out(&mut self, slot: Slot) {
        self.stop_clock(slot);
        let list = match self.tasks.get(slot).state {
            State::Ready => return self.lines.remove(&mut self.tasks, slot),
            State::Running => return,
            State::Waiting => &mut self.waiting,
            State::Scheduled => &mut self.scheduled,
            State::Done => &mut self.done,
            State::Failed => &mut self.failed,
            State::Cancelled => &mut self.cancelled,
        };
        list.remove(&mut self.tasks, slot);
    }

    /// A task that stands in no list ends; it is kept as long as that end deserves, or dropped.
    pub(super) fn end(&mut self, slot: Slot, state: State, cause: Cause, at_ms: u64) {
        self.tell_end(slot, state, cause);
        self.note(slot, state, cause);
        let is_alone = self.tasks.get(slot).workflow == NONE;
        let keep_ms = self.keep_ms(slot, state);
        let may_run_again = state == State::Failed || state == State::Cancelled && !is_alone;
        self.release_unique(slot, at_ms, may_run_again);
        if is_alone && keep_ms == 0 {
            self.drop_task(slot);
            return;
        }
        let order = self.end_number(state, at_ms);
        let task = self.tasks.get_mut(slot);
        task.state = state;
        task.cause = cause;
        task.order = order;
        if let Some(details) = &mut task.details {
            details.cancelling = false;
        }
        self.list_up(slot);
        if is_alone {
            self.stay_until(slot, later(at_ms, keep_ms));
        } else {
            // It is kept as long as its workflow.
            self.settled.push(slot);
        }
    }

    /// The number of an end at this moment: greater than any in the list, also when many tasks end
    /// at once or the clock of another server was ahead.
    fn end_number(&self, state: State, at_ms: u64) -> u64 {
        let last = self.list(state).and_then(List::last);
        let after = last.map_or(0, |last| self.tasks.get(last).order + 1);
        first_number(at_ms).max(after)
    }

    /// An ended task goes for good.
    pub(super) fn expire(&mut self, slot: Slot) {
        self.step_out(slot);
        self.drop_task(slot);
    }

    /// A task joins the one list of its state.
    pub(super) fn list_up(&mut self, slot: Slot) {
        let list = match self.tasks.get(slot).state {
            State::Waiting => &mut self.waiting,
            State::Scheduled => &mut self.scheduled,
            State::Done => &mut self.done,
            State::Failed => &mut self.failed,
            State::Cancelled => &mut self.cancelled,
            State::Ready | State::Running => return,
        };
        list.push_back(&mut self.tasks, slot);
    }

    /// A task takes a UNIQUE key, from a tombstone if need be.
    pub(super) fn take_unique(&mut self, slot: Slot, key: &[u8], until_ms: u64) {
        self.dig_up_unique(key);
        let id = self.tasks.get(slot).id;
        let unique = self.uniques.insert(Unique::live(key, id, until_ms));
        self.tasks.get_mut(slot).details_mut().unique = Some(unique);
    }

    /// A task that ends lets go of its key, at once or as a tombstone for a while. One that may be
    /// retried remembers which it was.
    fn release_unique(&mut self, slot: Slot, at_ms: u64, remembers: bool) {
        let task = self.tasks.get_mut(slot);
        let id = task.id;
        let Some(details) = &mut task.details else { return };
        let Some(unique) = details.unique.take() else { return };
        if remembers {
            details.former_key = Some(self.uniques.get(unique).name().into());
        }
        self.bury_unique(unique, id, at_ms);
    }

    /// The key of what has ended is free, or a tombstone for a while.
    pub(super) fn bury_unique(&mut self, unique: Slot, id: u64, at_ms: u64) {
        let record = self.uniques.get_mut(unique);
        if record.until_ms > at_ms {
            record.live = false;
            self.deadlines.insert(record.until_ms, id, Due::Forgetting, unique);
        } else {
            self.uniques.remove(unique);
        }
    }

    /// The tombstone of a key goes for good, if there is one.
    pub(super) fn dig_up_unique(&mut self, key: &[u8]) {
        if let Some(old) = self.uniques.find(key) {
            self.forget_unique(old);
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
    /// Every server makes the copy by itself, so it is made at the time that the state tells.
    pub fn release_all(&mut self) {
        let at_ms = issued_ms(self.last_number);
        let mut held: Vec<(u64, Slot)> = (self.tasks.iter())
            .filter(|(_, task)| task.state == State::Running)
            .map(|(slot, task)| (task.order, slot))
            .collect();
        held.sort_unstable();
        for (_, slot) in held {
            self.last_number += 1;
            self.give_back(slot, self.last_number, Cause::Copied, 0, at_ms);
        }
        self.advance(at_ms);
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
