//! Events of workflows: whether they belong to a state, and what they do to it.

use super::event::{Ids, QueueEvent};
use super::fits::{distinct, require};
use super::numbers::NUMBER_MAX;
use super::outcome::Phase;
use super::queue::Queue;
use super::slab::Slot;
use super::task::State;
use super::workflow::{Parent, TASKS_MAX, Workflow};

impl Queue {
    /// Whether an event of a workflow can be applied here; if not, why.
    pub(super) fn fits_workflow(&self, event: &QueueEvent<'_>, blobs: usize) -> Result<(), String> {
        let known = |id: u64| self.workflows.find(id).map(|slot| self.workflows.get(slot));
        let phase = |id: u64| known(id).map(|workflow| workflow.phase);
        match event {
            QueueEvent::Submitted { id, size, retain_ms, unique, .. } => {
                self.numbers_fit(*id, 1)?;
                require(*size as usize <= blobs, "more tasks than payloads")?;
                require(retain_ms.is_none_or(|ms| ms <= NUMBER_MAX), "a time too long")?;
                unique.map_or(Ok(()), |(key, until_ms)| self.key_fits(key, until_ms))
            }
            QueueEvent::Added { workflow, id, payload, parents, attributes, .. } => {
                self.numbers_fit(*id, 1)?;
                require((*payload as usize) < blobs, "a blob is missing")?;
                let workflow = known(*workflow).filter(|known| known.phase == Phase::Open);
                let Some(workflow) = workflow else { return Err("no open workflow".to_owned()) };
                require(!workflow.cancelling, "a cancelled workflow")?;
                let count = workflow.size();
                require(u64::from(count) < TASKS_MAX, "too many tasks of a workflow")?;
                let packed = parents;
                let place = |packed: &u32| u64::from(Parent::unpacked(*packed).place);
                let parents: Ids = packed.iter().map(place).collect();
                let fit = distinct(&parents) && parents.iter().all(|p| *p < u64::from(count));
                require(fit, "a parent that is not there, or twice")?;
                self.parents_fit(workflow, packed)?;
                self.attributes_fit(attributes, 1)
            }
            QueueEvent::WorkflowHeld { id, .. } | QueueEvent::WorkflowCancelled { id } => {
                require(phase(*id) == Some(Phase::Open), "no open workflow")
            }
            QueueEvent::WorkflowRetried { .. } | QueueEvent::Swept { .. }
                if !self.settled.is_empty() =>
            {
                Err("the end of a task that was not worked off".to_owned())
            }
            QueueEvent::WorkflowRetried { id } => {
                let is_free = known(*id).is_some_and(|workflow| self.key_is_free(workflow));
                require(is_free, "no workflow, or one whose UNIQUE key is taken")
            }
            QueueEvent::Swept { id, count } => {
                let ended = known(*id).is_some_and(|known| known.phase != Phase::Open);
                require(ended && *count > 0, "no workflow that has ended")
            }
            _ => Ok(()),
        }
    }

    /// Whether a task with these parents can start at all.
    fn parents_fit(&self, workflow: &Workflow, packed: &[u32]) -> Result<(), String> {
        let parents = packed.iter().map(|packed| Parent::unpacked(*packed));
        let is_last_resort = parents.clone().any(|parent| parent.any);
        require(is_last_resort || !workflow.is_stopped(), "a stopped workflow")?;
        let is_lost = |parent: Parent| {
            let state = self.task_at(workflow, parent.place).state;
            !parent.any && matches!(state, State::Failed | State::Cancelled)
        };
        require(!{ parents }.any(is_lost), "a parent that was not done")
    }

    /// Applies an event of a workflow.
    pub(super) fn apply_workflow(&mut self, event: &QueueEvent<'_>, at_ms: u64, blobs: &[&[u8]]) {
        match event {
            QueueEvent::Submitted { .. } => self.apply_submitted(event),
            QueueEvent::Added { .. } => self.apply_added(event, blobs),
            QueueEvent::Advanced => self.advance(at_ms),
            QueueEvent::WorkflowHeld { id, paused } => {
                self.of_workflow(*id, |queue, slot| queue.hold_workflow(slot, *paused));
            }
            QueueEvent::WorkflowCancelled { id } => {
                self.of_workflow(*id, |queue, slot| queue.cancel_workflow(slot, at_ms));
            }
            QueueEvent::WorkflowRetried { id } => {
                self.of_workflow(*id, |queue, slot| queue.revive(slot, at_ms));
            }
            QueueEvent::Swept { id, count } => {
                self.of_workflow(*id, |queue, slot| queue.sweep(slot, *count, at_ms));
            }
            _ => {}
        }
    }

    /// Calls `change` for the slot of a workflow.
    fn of_workflow(&mut self, id: u64, change: impl FnOnce(&mut Self, Slot)) {
        if let Some(slot) = self.workflows.find(id) {
            change(self, slot);
        }
    }

    fn cancel_workflow(&mut self, workflow: Slot, at_ms: u64) {
        self.workflows.get_mut(workflow).cancelling = true;
        for place in 0..self.workflows.get(workflow).size() {
            let slot = self.slot_at(self.workflows.get(workflow), place);
            if self.tasks.get(slot).state.is_unfinished() {
                self.cancel(slot, at_ms);
            }
        }
    }
}
