//! What the end of a task means for its workflow, in the same step: children start or never will,
//! the rest is stopped, the workflow ends.
//!
//! Tasks that end while events are applied are only noted; `Advanced` then works off the notes, and
//! what they lead to, one after the other and never by recursion: a chain may be long and a fan
//! wide.

use smallvec::SmallVec;

use super::deadlines::Due;
use super::event::{Batch, QueueEvent};
use super::names::Named;
use super::numbers::later;
use super::outcome::Phase;
use super::queue::Queue;
use super::slab::{NONE, Slot};
use super::task::{Cause, State};
use super::unique::Unique;
use super::workflow::{Parent, Workflow};

/// A workflow with no more tasks than this is dropped in one step; a larger one in slices.
const AT_ONCE: u32 = 256;

impl Queue {
    /// The workflow of a task, and its place there.
    pub(super) fn node_of(&self, slot: Slot) -> Option<(Slot, u32)> {
        let task = self.tasks.get(slot);
        self.workflow_of(task).map(|(_, place)| (task.workflow, place))
    }

    /// The slot of the task at a place of a workflow.
    pub(super) fn slot_at(&self, workflow: &Workflow, place: u32) -> Slot {
        let slot = self.slot_of(workflow.id_of(place));
        debug_assert!(slot.is_some(), "a workflow lost a task");
        slot.unwrap_or(NONE)
    }

    /// The slots of a workflow's tasks, in their order.
    pub(super) fn slots_of<'q>(
        &'q self,
        workflow: &'q Workflow,
    ) -> impl Iterator<Item = Slot> + 'q {
        (0..workflow.size()).map(|place| self.slot_at(workflow, place))
    }

    /// Whether a task may not start again: its workflow was stopped or cancelled.
    pub(super) fn is_barred(&self, slot: Slot) -> bool {
        let found = self.node_of(slot);
        found.is_some_and(|(workflow, place)| self.workflows.get(workflow).bars(place))
    }

    /// Adds to a batch that the ends in it are worked off, if they mean anything to a workflow.
    pub fn conclude(&self, batch: &mut Batch<'_, QueueEvent<'_>>) {
        if self.workflows.is_empty() {
            return;
        }
        let in_workflow = |id: &u64| self.task(*id).is_some_and(|task| task.workflow != NONE);
        let may_end = |event: &QueueEvent<'_>| match event {
            QueueEvent::Completed { ids, .. }
            | QueueEvent::Failed { ids, .. }
            | QueueEvent::Returned { ids, .. }
            | QueueEvent::Cancelled { ids } => ids.iter().any(in_workflow),
            QueueEvent::WorkflowCancelled { .. } => true,
            _ => false,
        };
        if batch.events.iter().any(may_end) {
            batch.events.push(QueueEvent::Advanced);
        }
    }

    /// Works off what has ended.
    pub(super) fn advance(&mut self, at_ms: u64) {
        let mut workflows: SmallVec<[Slot; 4]> = SmallVec::new();
        let mut next = 0;
        while let Some(slot) = self.settled.get(next).copied() {
            next += 1;
            if let Some((workflow, place)) = self.node_of(slot) {
                self.account(slot, workflow);
                self.tell_children(workflow, place, at_ms);
                workflows.push(workflow);
            }
        }
        self.settled.clear();
        workflows.sort_unstable();
        workflows.dedup();
        workflows.into_iter().for_each(|workflow| self.close(workflow, at_ms));
    }

    fn account(&mut self, slot: Slot, workflow: Slot) {
        let state = self.tasks.get(slot).state;
        let record = self.workflows.get_mut(workflow);
        record.unfinished -= 1;
        match state {
            State::Failed => record.failed += 1,
            State::Cancelled => record.cancelled += 1,
            State::Waiting | State::Scheduled | State::Ready | State::Running | State::Done => {}
        }
    }

    fn tell_children(&mut self, workflow: Slot, place: u32, at_ms: u64) {
        let record = self.workflows.get(workflow);
        let is_done = self.tasks.get(self.slot_at(record, place)).state == State::Done;
        let mut children: SmallVec<[(u32, bool); 4]> = record.children(place).collect();
        children.sort_unstable();
        for (child, any) in children {
            let slot = self.slot_at(self.workflows.get(workflow), child);
            if self.tasks.get(slot).state != State::Waiting {
                continue;
            }
            if is_done || any {
                let record = self.workflows.get_mut(workflow);
                let open = record.open(child) - 1;
                record.set_open(child, open);
                if open == 0 {
                    self.start(slot, at_ms);
                }
            } else {
                self.forgo(slot, at_ms);
            }
        }
        let record = self.workflows.get(workflow);
        // The first one to stop it stops all the others; what is left then may start.
        if !is_done && record.is_stopped() && record.failed + record.cancelled == 1 {
            self.forgo_all(workflow, at_ms);
        }
    }

    /// A waiting task waits no longer, but for its time.
    fn start(&mut self, slot: Slot, at_ms: u64) {
        self.step_out(slot);
        self.last_number += 1;
        let delay_ms = self.details_of(slot).and_then(|details| details.delay_ms).unwrap_or(0);
        let until_ms = if delay_ms > 0 { later(at_ms, delay_ms) } else { 0 };
        let cause = self.tasks.get(slot).cause;
        self.await_taking(slot, self.last_number, cause, until_ms);
    }

    /// A pre-running task will never start.
    fn forgo(&mut self, slot: Slot, at_ms: u64) {
        self.step_out(slot);
        self.totals.cancelled += 1;
        self.end(slot, State::Cancelled, Cause::Parent, at_ms);
    }

    fn forgo_all(&mut self, workflow: Slot, at_ms: u64) {
        for place in 0..self.workflows.get(workflow).size() {
            let record = self.workflows.get(workflow);
            let slot = self.slot_at(record, place);
            if self.tasks.get(slot).state.is_pre_running() && record.bars(place) {
                self.forgo(slot, at_ms);
            }
        }
    }

    /// A workflow of which nothing is unfinished ends; it is kept as long as its end deserves.
    fn close(&mut self, workflow: Slot, at_ms: u64) {
        let record = self.workflows.get(workflow);
        if record.unfinished > 0 || record.phase != Phase::Open {
            return;
        }
        let phase = record.end();
        let keep_ms = self.workflow_keep_ms(workflow, phase);
        let id = self.workflows.get(workflow).id;
        self.tell_close(id, phase);
        self.note_workflow(workflow, phase);
        let record = self.workflows.get_mut(workflow);
        record.phase = phase;
        record.rare_mut().ended_ms = at_ms;
        let unique = std::mem::replace(&mut record.unique, NONE);
        if unique != NONE {
            if phase != Phase::Done {
                let key = self.uniques.get(unique).name().into();
                self.workflows.get_mut(workflow).rare_mut().former_key = Some(key);
            }
            self.bury_unique(unique, id, at_ms);
        }
        let record = self.workflows.get_mut(workflow);
        if keep_ms == 0 && record.size() <= AT_ONCE {
            self.sweep(workflow, u64::MAX, at_ms);
            return;
        }
        let until_ms = later(at_ms, keep_ms);
        record.rare_mut().until_ms = until_ms;
        self.deadlines.insert(until_ms, id, Due::Sweep, workflow);
    }

    /// How long a workflow is kept that has ended so, in milliseconds; 0: not at all.
    fn workflow_keep_ms(&self, workflow: Slot, phase: Phase) -> u64 {
        let record = self.workflows.get(workflow);
        let retain_ms = record.rare().retain_ms.unwrap_or(self.settings.retain_ms);
        let failed_ms = self.settings.retain_failed_ms;
        // As with single tasks: somebody has to end the work outside first.
        let has_handle = || {
            let mut tasks = self.slots_of(record).map(|slot| self.tasks.get(slot));
            tasks.any(|task| task.state != State::Done && task.handle().is_some())
        };
        match phase {
            Phase::Failed => failed_ms,
            // What failed before it was cancelled is looked into as any other failure.
            Phase::Cancelled if record.failed > 0 || has_handle() => failed_ms.max(retain_ms),
            Phase::Cancelled | Phase::Done | Phase::Open => retain_ms,
        }
    }

    /// Drops the last `count` tasks of a workflow that has ended; with the last of all, itself. One
    /// that is dropped in part is not to be seen any more, and time drops the rest.
    pub(super) fn sweep(&mut self, workflow: Slot, count: u64, at_ms: u64) {
        for _ in 0..count {
            let Some(id) = self.workflows.get_mut(workflow).pop() else { break };
            if let Some(slot) = self.slot_of(id) {
                self.step_out(slot);
                self.drop_task(slot);
            }
        }
        if self.workflows.get(workflow).size() == 0 {
            let record = self.workflows.remove(workflow);
            self.deadlines.remove(record.rare().until_ms, record.id, Due::Sweep);
            return;
        }
        let record = self.workflows.get_mut(workflow);
        let (id, rare) = (record.id, record.rare_mut());
        let until_ms = rare.until_ms;
        rare.until_ms = until_ms.min(at_ms.max(1));
        let now_ms = rare.until_ms;
        self.deadlines.remove(until_ms, id, Due::Sweep);
        self.deadlines.insert(now_ms, id, Due::Sweep, workflow);
    }

    /// Workflows go of which no task ever came.
    pub(super) fn drop_empty_workflows(&mut self) {
        let empty = self.workflows.iter().filter(|(_, workflow)| workflow.size() == 0);
        let empty: SmallVec<[Slot; 1]> = empty.map(|(slot, _)| slot).collect();
        for slot in empty {
            let Workflow { id, unique, .. } = self.workflows.remove(slot);
            if unique != NONE {
                self.bury_unique(unique, id, u64::MAX);
            }
        }
    }

    /// Whether a task still has to wait for this parent.
    pub(super) fn waits_for(&self, workflow: Slot, parent: Parent) -> bool {
        let slot = self.slot_at(self.workflows.get(workflow), parent.place);
        match self.tasks.get(slot).state {
            State::Done => false,
            State::Failed | State::Cancelled => !parent.any,
            State::Waiting | State::Scheduled | State::Ready | State::Running => true,
        }
    }

    /// Counts anew for how many parents a task waits.
    pub(super) fn count_open(&self, workflow: Slot, place: u32) -> u32 {
        let parents = self.workflows.get(workflow).parents(place);
        parents.filter(|parent| self.waits_for(workflow, *parent)).count() as u32
    }

    /// Whether a task should wait for parents, though it did not.
    pub(super) fn has_open_parents(&self, slot: Slot) -> bool {
        let found = self.node_of(slot);
        found.is_some_and(|(workflow, place)| self.count_open(workflow, place) > 0)
    }

    /// A task of a workflow that stands in no list waits, as its parents say.
    pub(super) fn wait_again(&mut self, slot: Slot, cause: Cause) {
        if let Some((workflow, place)) = self.node_of(slot) {
            let open = self.count_open(workflow, place);
            self.workflows.get_mut(workflow).set_open(place, open);
        }
        self.last_number += 1;
        let task = self.tasks.get_mut(slot);
        (task.state, task.cause, task.order) = (State::Waiting, cause, self.last_number);
        self.list_up(slot);
        self.note(slot, State::Waiting, cause);
    }

    /// A workflow runs again: what had failed or never started waits or is ready, as its parents
    /// say; what counted against it is forgotten.
    pub(super) fn revive(&mut self, workflow: Slot, at_ms: u64) {
        let record = self.workflows.get_mut(workflow);
        (record.phase, record.cancelling) = (Phase::Open, false);
        let (id, rare) = (record.id, record.rare_mut());
        let until_ms = std::mem::take(&mut rare.until_ms);
        let key = rare.former_key.take();
        rare.ended_ms = 0;
        (record.failed, record.cancelled) = (0, 0);
        let count = record.size();
        self.deadlines.remove(until_ms, id, Due::Sweep);
        if let Some(key) = key {
            let known = self.uniques.find(&key).map(|known| self.uniques.get(known).until_ms);
            self.dig_up_unique(&key);
            let unique = Unique::live(&key, id, known.unwrap_or(0));
            self.workflows.get_mut(workflow).unique = self.uniques.insert(unique);
        }
        for place in 0..count {
            let slot = self.slot_at(self.workflows.get(workflow), place);
            if !matches!(self.tasks.get(slot).state, State::Failed | State::Cancelled) {
                continue;
            }
            self.workflows.get_mut(workflow).unfinished += 1;
            self.step_out(slot);
            self.forget_troubles(slot);
            self.wait_again(slot, Cause::Retried);
        }
        for place in 0..count {
            let slot = self.slot_at(self.workflows.get(workflow), place);
            let open = self.count_open(workflow, place);
            match self.tasks.get(slot).state {
                State::Waiting if open == 0 => self.start(slot, at_ms),
                State::Waiting => self.workflows.get_mut(workflow).set_open(place, open),
                // The end that it waited for was none.
                State::Ready | State::Scheduled if open > 0 => {
                    self.step_out(slot);
                    self.wait_again(slot, Cause::Retried);
                }
                _ => {}
            }
        }
        if self.workflows.get(workflow).paused {
            self.hold_workflow(workflow, true);
        }
    }

    /// Holds back what of a workflow does not run, or no longer.
    pub(super) fn hold_workflow(&mut self, workflow: Slot, paused: bool) {
        self.workflows.get_mut(workflow).paused = paused;
        let record = self.workflows.get(workflow);
        let group = record.id;
        let mut slots: Vec<Slot> = self.slots_of(record).collect();
        if !paused {
            // Also of those that have ended: they may run again.
            for slot in slots {
                let line = self.tasks.get(slot).line;
                if self.lines.line(line).group == group {
                    self.lines.hold(&self.tasks, line, false);
                }
            }
            return;
        }
        slots.retain(|slot| self.tasks.get(*slot).state.is_unfinished());
        // Ready ones stand in the new line in the order in which they stood in the old one.
        slots.sort_unstable_by_key(|slot| self.tasks.get(*slot).order);
        for slot in slots {
            let is_ready = self.tasks.get(slot).state == State::Ready;
            if is_ready {
                self.lines.remove(&mut self.tasks, slot);
            }
            let line = self.lines.regroup(self.tasks.get(slot).line, group);
            self.lines.hold(&self.tasks, line, true);
            self.tasks.get_mut(slot).line = line;
            if is_ready {
                self.lines.push(&mut self.tasks, slot);
            }
        }
    }
}
