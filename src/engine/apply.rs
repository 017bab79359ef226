//! What did happen: the only code that changes a queue. It sees no clock and cannot refuse; a
//! replica and the append-only file run nothing else.
//!
//! `fits` is asked first where an event comes from outside: it tells whether the event belongs to
//! this state. Events that were decided on this very state fit by construction.

use super::deadlines::Due;
use super::event::{Batch, QueueEvent};
use super::owner::{Answer, Completion, Requests};
use super::queue::{Hold, Queue};
use super::settings::Setting;
use super::slab::{NONE, Slot};
use super::task::{Attribute, Cause, Counter, State, Task};

impl Queue {
    /// Applies every event of a batch that was decided on this state.
    pub fn apply(&mut self, batch: &Batch<'_, QueueEvent<'_>>) {
        for event in &batch.events {
            debug_assert_eq!(self.fits(event, batch.blobs.len()), Ok(()));
            let last = self.last_number;
            self.apply_event(event, batch.at_ms, &batch.blobs);
            // A place in line is no number that anybody was given.
            let lines_up =
                matches!(event, QueueEvent::Advanced | QueueEvent::WorkflowRetried { .. });
            self.issued_here |= self.last_number > last && !lines_up;
        }
        debug_assert!(self.settled.is_empty(), "the end of a task was not worked off");
    }

    /// Applies a batch that comes from outside. At the first event that does not fit, the rest is
    /// left out and the queue is marked: it does not follow its primary any more.
    pub fn follow(&mut self, batch: &Batch<'_, QueueEvent<'_>>) -> Result<(), String> {
        self.issued_here = false;
        for event in &batch.events {
            if let Err(why) = self.fits(event, batch.blobs.len()) {
                self.go_astray(batch.at_ms);
                return Err(why);
            }
            self.apply_event(event, batch.at_ms, &batch.blobs);
        }
        if self.settled.is_empty() {
            return Ok(());
        }
        self.go_astray(batch.at_ms);
        Err("the end of a task was not worked off".to_owned())
    }

    /// An event did not fit: what came before it is brought to an end, so that what is left can be
    /// stored and loaded.
    fn go_astray(&mut self, at_ms: u64) {
        self.mark_diverged();
        self.advance(at_ms);
        self.drop_empty_workflows();
    }

    fn apply_event(&mut self, event: &QueueEvent<'_>, at_ms: u64, blobs: &[&[u8]]) {
        match event {
            QueueEvent::Pushed { .. } => self.apply_pushed(event, blobs),
            QueueEvent::Taken { .. } => self.apply_taken(event, at_ms),
            QueueEvent::Completed { ids, results, batch } => {
                let results = results.iter().map(|(place, blob)| (*place, bytes(blobs, *blob)));
                self.apply_completed(ids, results, *batch, at_ms);
            }
            QueueEvent::Failed { ids, cause, error } => {
                self.each(ids, |queue, slot, _| queue.fail(slot, *cause, *error, at_ms));
            }
            QueueEvent::Returned { .. } => self.apply_returned(event, at_ms),
            QueueEvent::Touched { .. } => self.apply_touched(event, at_ms, blobs),
            QueueEvent::Recovered { owner, void, left } => {
                let owner = self.owner_slot(owner);
                let record = self.owners.get_mut(owner);
                (record.void, record.recovered_ms, record.left) = (*void, at_ms, *left);
                record.unsettled = record.running.len();
                self.last_number = self.last_number.max(*void);
            }
            QueueEvent::Settled { fence, ids } => {
                self.last_number = fence + ids.len() as u64 - 1;
                self.each(ids, |queue, slot, nth| queue.settle(slot, fence + nth, at_ms));
            }
            QueueEvent::Expired { ids } | QueueEvent::Purged { ids } => {
                self.each(ids, |queue, slot, _| queue.expire(slot));
            }
            QueueEvent::Forgotten { keys } => keys.iter().for_each(|(until_ms, id)| {
                if let Some(key) = self.deadlines.get(*until_ms, *id, Due::Forgetting) {
                    self.forget_unique(key);
                }
            }),
            QueueEvent::Set { setting, value } => {
                self.settings.set(*setting, *value);
                if *setting == Setting::Backstop {
                    self.watch_all_anew();
                }
            }
            QueueEvent::Submitted { .. }
            | QueueEvent::Added { .. }
            | QueueEvent::Advanced
            | QueueEvent::WorkflowHeld { .. }
            | QueueEvent::WorkflowCancelled { .. }
            | QueueEvent::WorkflowRetried { .. }
            | QueueEvent::Swept { .. } => self.apply_workflow(event, at_ms, blobs),
            QueueEvent::Readied { .. }
            | QueueEvent::Extended { .. }
            | QueueEvent::Edited { .. }
            | QueueEvent::Cancelled { .. }
            | QueueEvent::Retried { .. }
            | QueueEvent::Paused { .. }
            | QueueEvent::Resumed { .. }
            | QueueEvent::Drained { .. }
            | QueueEvent::Told { .. } => self.apply_unasked(event, at_ms),
        }
    }

    /// The same of what time or an operator does, not the agent that holds the task.
    fn apply_unasked(&mut self, event: &QueueEvent<'_>, at_ms: u64) {
        match event {
            QueueEvent::Readied { ids, order } => {
                self.last_number = order + ids.len() as u64 - 1;
                self.each(ids, |queue, slot, nth| {
                    queue.step_out(slot);
                    let cause = queue.tasks.get(slot).cause;
                    queue.line_up(slot, order + nth, cause);
                });
            }
            QueueEvent::Extended { id, until_ms } => {
                self.each(&[*id], |queue, slot, _| queue.stay_until(slot, *until_ms));
            }
            QueueEvent::Edited { .. } => self.apply_edited(event),
            QueueEvent::Cancelled { ids } => {
                self.each(ids, |queue, slot, _| queue.cancel(slot, at_ms));
            }
            QueueEvent::Retried { ids, order } => {
                self.last_number = order + ids.len() as u64 - 1;
                self.each(ids, |queue, slot, nth| queue.retry(slot, order + nth));
            }
            QueueEvent::Paused { kind: Some(kind) } => self.lines.pause(kind, true),
            QueueEvent::Resumed { kind: Some(kind) } => self.lines.pause(kind, false),
            QueueEvent::Paused { kind: None } => self.set_hold(Some(Hold::Paused)),
            QueueEvent::Resumed { kind: None } => self.set_hold(None),
            QueueEvent::Drained { reset_ms } => {
                let reset = self.reset_by_drain();
                self.set_hold(Some(Hold::Draining { reset_ms: *reset_ms, reset }));
            }
            QueueEvent::Told { stream } => self.history.tell_to(stream),
            _ => {}
        }
    }

    /// Calls `change` for the slot of every id, with its number among them.
    fn each(&mut self, ids: &[u64], mut change: impl FnMut(&mut Self, Slot, u64)) {
        for (nth, id) in ids.iter().enumerate() {
            if let Some(slot) = self.slot_of(*id) {
                change(self, slot, nth as u64);
            }
        }
    }

    fn apply_pushed(&mut self, event: &QueueEvent<'_>, blobs: &[&[u8]]) {
        let QueueEvent::Pushed { first, count, payload, kind, priority, attributes } = event else {
            return;
        };
        let line = self.lines.enter(kind, *priority, 0, u64::from(*count));
        for nth in 0..*count {
            let id = first + u64::from(nth);
            let slot = self.admit(Task::pushed(id, line, bytes(blobs, payload + nth).into()));
            let mut starts_ms = 0;
            for attribute in attributes {
                match *attribute {
                    Attribute::Unique { key, until_ms } => self.take_unique(slot, key, until_ms),
                    Attribute::UntilMs(ms) => starts_ms = ms,
                    other => self.tasks.get_mut(slot).details_mut().set(other),
                }
            }
            self.await_taking(slot, id, Cause::Pushed, starts_ms);
        }
        self.last_number = first + u64::from(*count) - 1;
        self.totals.pushed += u64::from(*count);
    }

    fn apply_taken(&mut self, event: &QueueEvent<'_>, at_ms: u64) {
        let QueueEvent::Taken { owner, fence, ids, request } = event else { return };
        let owner = self.owner_slot(owner);
        self.each(ids, |queue, slot, nth| {
            queue.lines.remove(&mut queue.tasks, slot);
            let task = queue.tasks.get_mut(slot);
            task.attempts = task.attempts.saturating_add(1);
            queue.own(slot, owner, fence + nth);
            queue.start_clock(slot, at_ms);
        });
        self.last_number = fence + ids.len() as u64 - 1;
        self.totals.taken += ids.len() as u64;
        let record = self.owners.get_mut(owner);
        record.taken += ids.len() as u64;
        if let Some(request) = request {
            let requests = record.requests.get_or_insert_default();
            if requests.epoch != request.epoch {
                **requests = Requests::under(request.epoch);
            }
            let (id, held) = (request.id.into(), ids.len() as u32);
            requests.insert(*fence, Answer { request: id, ids: ids[..].into(), held });
        }
    }

    fn apply_completed<'a>(
        &mut self,
        ids: &[u64],
        results: impl Iterator<Item = (u32, &'a [u8])>,
        batch: bool,
        at_ms: u64,
    ) {
        let mut completed = smallvec::SmallVec::<[Completion; 4]>::new();
        let mut results = results.peekable();
        let mut owner = None;
        self.each(ids, |queue, slot, nth| {
            completed.push(Completion {
                id: queue.tasks.get(slot).id,
                fence: queue.tasks.get(slot).order,
            });
            owner = Some(queue.disown(slot));
            if let Some((_, result)) = results.next_if(|(place, _)| u64::from(*place) == nth) {
                queue.tasks.get_mut(slot).details_mut().set(Attribute::Result(result));
            }
            queue.end(slot, State::Done, Cause::Completed, at_ms);
        });
        self.totals.completed += completed.len() as u64;
        if let Some(owner) = owner {
            self.owners.get_mut(owner).remember(&completed, batch);
        }
    }

    fn apply_returned(&mut self, event: &QueueEvent<'_>, at_ms: u64) {
        let QueueEvent::Returned { ids, order, cause, until_ms, error } = event else { return };
        self.last_number = order + ids.len() as u64 - 1;
        self.each(ids, |queue, slot, nth| {
            if let Some(error) = error {
                queue.tasks.get_mut(slot).details_mut().set(Attribute::Error(error));
            }
            queue.give_back(slot, order + nth, *cause, *until_ms, at_ms);
        });
        if let (Cause::Drained, Some(Hold::Draining { reset, .. })) = (cause, &mut self.hold) {
            *reset += ids.len() as u64;
        }
    }

    fn apply_touched(&mut self, event: &QueueEvent<'_>, at_ms: u64, blobs: &[&[u8]]) {
        let QueueEvent::Touched { id, progress, checkpoint, handle } = event else { return };
        self.each(&[*id], |queue, slot, _| {
            let details = queue.tasks.get_mut(slot).details_mut();
            let checkpoint = checkpoint.map(|blob| bytes(blobs, blob));
            let said = [
                Some(Attribute::TouchedMs(at_ms)),
                progress.map(Attribute::Progress),
                checkpoint.map(Attribute::Checkpoint),
                handle.map(Attribute::Handle),
            ];
            said.into_iter().flatten().for_each(|attribute| details.set(attribute));
        });
    }

    fn apply_edited(&mut self, event: &QueueEvent<'_>) {
        let QueueEvent::Edited { id, kind, priority, timeout_ms, place } = event else { return };
        self.last_number = self.last_number.max(place.map_or(0, |(order, _)| order));
        self.each(&[*id], |queue, slot, _| {
            if let Some(ms) = timeout_ms {
                queue.tasks.get_mut(slot).details_mut().set(Attribute::TimeoutMs(*ms));
            }
            if place.is_some() {
                queue.step_out(slot);
            }
            let (former, cause) = (queue.tasks.get(slot).line, queue.tasks.get(slot).cause);
            let priority = priority.unwrap_or(queue.lines.line(former).priority);
            let line = queue.lines.change(&queue.tasks, former, *kind, priority);
            queue.tasks.get_mut(slot).line = line;
            if let Some((order, until_ms)) = *place {
                queue.await_taking(slot, order, cause, until_ms);
            }
        });
    }

    fn fail(&mut self, slot: Slot, cause: Cause, error: Option<&[u8]>, at_ms: u64) {
        let owner = self.disown(slot);
        self.owners.get_mut(owner).failed += 1;
        self.count_cause(slot, cause);
        if let Some(error) = error {
            self.tasks.get_mut(slot).details_mut().set(Attribute::Error(error));
        }
        self.totals.failed += 1;
        self.end(slot, State::Failed, cause, at_ms);
    }

    pub(super) fn cancel(&mut self, slot: Slot, at_ms: u64) {
        if self.tasks.get(slot).state == State::Running {
            let task = self.tasks.get_mut(slot);
            let owner = task.owner;
            let was = std::mem::replace(&mut task.details_mut().cancelling, true);
            self.owners.get_mut(owner).cancelling += u64::from(!was);
            return;
        }
        self.step_out(slot);
        self.totals.cancelled += 1;
        self.end(slot, State::Cancelled, Cause::Cancelled, at_ms);
    }

    fn retry(&mut self, slot: Slot, order: u64) {
        self.step_out(slot);
        self.forget_troubles(slot);
        self.line_up(slot, order, Cause::Retried);
    }

    /// What counted against a task is forgotten, and its UNIQUE key is its own again.
    pub(super) fn forget_troubles(&mut self, slot: Slot) {
        self.totals.retried += 1;
        let Some(details) = &mut self.tasks.get_mut(slot).details else { return };
        (details.failures, details.crashes, details.interruptions) = (0, 0, 0);
        details.error = None;
        if let Some(key) = details.former_key.take() {
            let known = self.uniques.find(&key).map(|known| self.uniques.get(known));
            let (until_ms, live) = known.map_or((0, false), |known| (known.until_ms, known.live));
            // In a workflow that runs again another task may have it by now.
            if !live {
                self.take_unique(slot, &key, until_ms);
            }
        }
    }

    /// The task keeps its place among those its owner holds: they stand in the order of taking.
    fn settle(&mut self, slot: Slot, fence: u64, at_ms: u64) {
        let task = self.tasks.get_mut(slot);
        let (owner, old, taking, id) = (task.owner, task.order, task.taking(), task.id);
        task.order = fence;
        task.details_mut().taken = Some(taking);
        let record = self.owners.get_mut(owner);
        record.forget_request(old, id);
        record.unsettled -= 1;
        let counter = if record.left { Counter::Interruptions } else { Counter::Crashes };
        self.count_one(slot, counter);
        self.start_clock(slot, at_ms);
    }

    pub(super) fn set_hold(&mut self, hold: Option<Hold>) {
        if let Some(Hold::Draining { reset_ms: Some(ms), .. }) = self.hold {
            self.deadlines.remove(ms, 0, Due::Reset);
        }
        if let Some(Hold::Draining { reset_ms: Some(ms), .. }) = hold {
            self.deadlines.insert(ms, 0, Due::Reset, NONE);
        }
        self.hold = hold;
    }

    /// How many tasks the drain that goes on has reset.
    fn reset_by_drain(&self) -> u64 {
        match self.hold {
            Some(Hold::Draining { reset, .. }) => reset,
            Some(Hold::Paused) | None => 0,
        }
    }
}

/// A blob of the batch. `fits` has seen that it is there.
fn bytes<'a>(blobs: &[&'a [u8]], blob: u32) -> &'a [u8] {
    blobs.get(blob as usize).copied().unwrap_or_default()
}
