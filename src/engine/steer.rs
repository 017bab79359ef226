//! PAUSE, RESUME, CANCEL and RETRY of a whole workflow.

use std::borrow::Cow;

use super::event::{Batch, QueueEvent};
use super::names::Named;
use super::numbers::Moment;
use super::outcome::Phase;
use super::queue::Queue;
use super::refusal::Refusal;
use super::reset::Bulk;
use super::slab::NONE;
use super::task::{State, Task};
use super::workflow::Workflow;

impl Queue {
    /// Decides to hold back what of a workflow does not run, or no longer. Nothing if it is so.
    pub fn decide_hold_workflow<'a>(
        &self,
        id: u64,
        paused: bool,
        at: Moment,
    ) -> Result<Option<Batch<'a, QueueEvent<'a>>>, Refusal> {
        let workflow = self.workflows.get(self.open_workflow(id, at)?);
        let event = QueueEvent::WorkflowHeld { id, paused };
        Ok((workflow.paused != paused).then(|| Batch::of(at.ms, event)))
    }

    /// Decides to cancel a workflow: what does not run at once, what runs as soon as its agents let
    /// go of it without completing it. Counts tasks; none if it has ended, or is cancelled already.
    pub fn decide_cancel_workflow<'a>(&self, id: u64, at: Moment) -> Result<Bulk<'a>, Refusal> {
        let workflow = self.workflows.get(self.known_workflow(id, at)?);
        if workflow.phase != Phase::Open || workflow.cancelling {
            return Ok(Bulk::none(at));
        }
        let count = workflow.unfinished.into();
        let batch = Batch::of(at.ms, QueueEvent::WorkflowCancelled { id });
        Ok(Bulk { batch, count, more: false })
    }

    /// Decides to let what failed of a workflow, or could not start, run again. Counts tasks; none
    /// if there are none, or another workflow has its UNIQUE key by now.
    pub fn decide_retry_workflow<'a>(&self, id: u64, at: Moment) -> Result<Bulk<'a>, Refusal> {
        let workflow = self.workflows.get(self.known_workflow(id, at)?);
        if workflow.phase == Phase::Open && workflow.cancelling {
            return Err(Refusal::NoWorkflow { id, phase: Some(Phase::Open) });
        }
        let count = workflow.failed + workflow.cancelled;
        if count == 0 || !self.key_is_free(workflow) {
            return Ok(Bulk::none(at));
        }
        let batch = Batch::of(at.ms, QueueEvent::WorkflowRetried { id });
        Ok(Bulk { batch, count: count.into(), more: false })
    }

    /// Whether a workflow can have the UNIQUE key back that it had.
    pub(super) fn key_is_free(&self, workflow: &Workflow) -> bool {
        let known = workflow.rare().former_key.as_deref().and_then(|key| self.uniques.find(key));
        !known.is_some_and(|known| self.uniques.get(known).live)
    }

    /// The workflow of a task, and its place there.
    #[must_use]
    pub fn workflow_of(&self, task: &Task) -> Option<(&Workflow, u32)> {
        if task.workflow == NONE {
            return None;
        }
        let workflow = self.workflows.get(task.workflow);
        Some((workflow, workflow.place_of(task.id)))
    }

    /// The task at a place of a workflow.
    #[must_use]
    pub fn task_at(&self, workflow: &Workflow, place: u32) -> &Task {
        self.tasks.get(self.slot_at(workflow, place))
    }

    /// A workflow by its number, unless it was kept long enough.
    pub fn workflow(&self, id: u64, at: Moment) -> Result<&Workflow, Refusal> {
        self.known_workflow(id, at).map(|slot| self.workflows.get(slot))
    }

    /// The UNIQUE key of a workflow that has not ended.
    #[must_use]
    pub fn key_of_workflow(&self, workflow: &Workflow) -> Option<&[u8]> {
        (workflow.unique != NONE).then(|| self.uniques.get(workflow.unique).name())
    }

    /// What the parents of a task left, by their names, as far as they are done.
    pub fn results_of<'q>(
        &'q self,
        task: &Task,
    ) -> impl Iterator<Item = (Cow<'q, [u8]>, &'q [u8])> {
        let found = self.workflow_of(task).into_iter();
        found.flat_map(move |(workflow, place)| {
            workflow.parents(place).filter_map(move |parent| {
                let task = self.task_at(workflow, parent.place);
                let result = task.details.as_ref()?.result.as_deref()?;
                (task.state == State::Done).then(|| (workflow.called(parent.place), result))
            })
        })
    }
}
