//! What happens to tasks and workflows, one transition after the other, for those who read it as a
//! stream. Noted only while somebody wants it, and only until the server has passed it on.

use super::queue::Queue;
use super::slab::{NONE, Slot};
use super::task::{Bytes, Cause, State};
use super::workflow::Phase;

/// The most bytes of the name of a stream.
pub const NAME_MAX: usize = 64 << 10;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The task's new state, or what became of a workflow.
    pub event: &'static str,
    /// The number of the task or the workflow.
    pub id: u64,
    /// The workflow of the task.
    pub workflow: Option<u64>,
    /// The task's type.
    pub kind: Option<Bytes>,
    /// Who has taken it.
    pub owner: Option<Bytes>,
    /// Why it is where it is, unless that is plain.
    pub reason: Option<&'static str>,
    /// Where the work really runs.
    pub handle: Option<Bytes>,
}

/// Where it is told, and what is still to be told.
#[derive(Default)]
pub struct History {
    stream: Option<Bytes>,
    transitions: Vec<Transition>,
}

impl History {
    /// The key of the stream.
    #[must_use]
    pub fn stream(&self) -> Option<&[u8]> {
        self.stream.as_deref()
    }

    /// From now on it is told there; empty: nowhere.
    pub(super) fn tell_to(&mut self, stream: &[u8]) {
        self.stream = (!stream.is_empty()).then(|| stream.into());
    }
}

impl Queue {
    /// Where transitions are told.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What happened since this was asked last.
    pub fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.history.transitions)
    }

    /// A task has come to a state.
    pub(super) fn note(&mut self, slot: Slot, state: State, cause: Cause) {
        if self.history.stream.is_none() {
            return;
        }
        let task = self.tasks.get(slot);
        let kind = self.kind_of(task);
        let workflow = task.workflow;
        let transition = Transition {
            event: state.word(),
            id: task.id,
            workflow: (workflow != NONE).then(|| self.workflows.get(workflow).id),
            kind: (!kind.is_empty()).then(|| kind.into()),
            owner: self.owner_of(task).map(Into::into),
            reason: says(state, cause).then(|| cause.words()),
            handle: task.handle().map(Into::into),
        };
        self.history.transitions.push(transition);
    }

    /// A workflow has come in, or ended.
    pub(super) fn note_workflow(&mut self, id: u64, phase: Phase) {
        if self.history.stream.is_none() {
            return;
        }
        let event = match phase {
            Phase::Open => "workflow-submitted",
            Phase::Done => "workflow-done",
            Phase::Failed => "workflow-failed",
            Phase::Cancelled => "workflow-cancelled",
        };
        let (workflow, kind, owner, reason, handle) = (None, None, None, None, None);
        let transition = Transition { event, id, workflow, kind, owner, reason, handle };
        self.history.transitions.push(transition);
    }
}

/// Whether the cause says more than the state.
fn says(state: State, cause: Cause) -> bool {
    !matches!(cause, Cause::Pushed | Cause::Taken | Cause::Completed)
        && state.word() != cause.words()
}
