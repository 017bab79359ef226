//! What happens to tasks and workflows, one transition after the other, for those who read it as a
//! stream. Noted only while somebody wants it, and only until the server has passed it on.

use super::outcome::Phase;
use super::queue::Queue;
use super::slab::Slot;
use super::task::{Bytes, Cause, State};

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
    /// What the task or the workflow is called.
    pub name: Option<Bytes>,
    /// The task's type.
    pub kind: Option<Bytes>,
    /// Who holds it, or held it until now.
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
    /// The task that was taken from its owner last, and the owner.
    let_go: Option<(Slot, Bytes)>,
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

    /// A task is about to be taken from its owner.
    pub(super) fn note_owner(&mut self, slot: Slot) {
        if self.history.stream.is_some() {
            let owner = self.owner_of(self.tasks.get(slot)).map(Into::into);
            self.history.let_go = owner.map(|owner| (slot, owner));
        }
    }

    /// A task has come to a state.
    pub(super) fn note(&mut self, slot: Slot, state: State, cause: Cause) {
        if self.history.stream.is_none() {
            return;
        }
        let let_go = self.history.let_go.take().filter(|(former, _)| *former == slot);
        let task = self.tasks.get(slot);
        let kind = self.kind_of(task);
        let node = self.workflow_of(task);
        let own_name = || task.details.as_ref().and_then(|details| details.name.clone());
        let name = node.map(|(workflow, place)| workflow.name_of(place).into());
        let transition = Transition {
            event: state.word(),
            id: task.id,
            workflow: node.map(|(workflow, _)| workflow.id),
            name: name.filter(|name: &Bytes| !name.is_empty()).or_else(own_name),
            kind: (!kind.is_empty()).then(|| kind.into()),
            owner: self.owner_of(task).map(Into::into).or(let_go.map(|(_, owner)| owner)),
            reason: says(state, cause).then(|| cause.words()),
            handle: task.handle().map(Into::into),
        };
        self.history.transitions.push(transition);
    }

    /// A workflow has come in, or ended.
    pub(super) fn note_workflow(&mut self, workflow: Slot, phase: Phase) {
        if self.history.stream.is_none() {
            return;
        }
        let event = match phase {
            Phase::Open => "workflow-submitted",
            Phase::Done => "workflow-done",
            Phase::Failed => "workflow-failed",
            Phase::Cancelled => "workflow-cancelled",
        };
        let workflow = self.workflows.get(workflow);
        let name = (!workflow.name().is_empty()).then(|| workflow.name().into());
        let (id, kind, owner, reason, handle) = (workflow.id, None, None, None, None);
        let transition =
            Transition { event, id, workflow: None, name, kind, owner, reason, handle };
        self.history.transitions.push(transition);
    }
}

/// Whether the cause says more than the state.
fn says(state: State, cause: Cause) -> bool {
    !matches!(cause, Cause::Pushed | Cause::Taken | Cause::Completed)
        && state.word() != cause.words()
}
