//! How a task or a workflow ended, told to whoever waits for it: it may be dropped in the same
//! step, so what is to be told is set aside before.

use hashbrown::HashSet;

use super::outcome::Phase;
use super::queue::Queue;
use super::slab::Slot;
use super::task::{Bytes, Cause, State};

/// How something ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The number of the task or the workflow.
    pub id: u64,
    /// The word for how it ended.
    pub state: &'static str,
    /// Why, if it was not done.
    pub reason: Option<&'static str>,
    /// What the agent that completed it left.
    pub result: Option<Bytes>,
    /// What the agent said that failed it.
    pub error: Option<Bytes>,
}

/// Who is waited for, and what has ended since. Nothing of it is stored.
#[derive(Default)]
pub struct Awaited {
    ids: HashSet<u64>,
    endings: Vec<Ending>,
}

impl Awaited {
    pub(super) fn is(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }
}

impl Queue {
    /// Somebody waits for the end of a task or a workflow.
    pub fn await_end(&mut self, id: u64) {
        self.awaited.ids.insert(id);
    }

    /// What was waited for and has ended since this was asked last.
    pub fn take_endings(&mut self) -> Vec<Ending> {
        std::mem::take(&mut self.awaited.endings)
    }

    /// How a task ended, if it has.
    #[must_use]
    pub fn ending_of(&self, id: u64) -> Option<Ending> {
        let task = self.task(id).filter(|task| !task.state.is_unfinished())?;
        let of = |text: &Option<Bytes>| text.clone();
        let details = task.details.as_deref();
        Some(Ending {
            id,
            state: task.state.word(),
            reason: (task.state != State::Done).then(|| task.cause.words()),
            result: details.and_then(|details| of(&details.result)),
            error: details.and_then(|details| of(&details.error)),
        })
    }

    /// A task has just ended, and may be about to be dropped.
    pub(super) fn tell_end(&mut self, slot: Slot, state: State, cause: Cause) {
        let task = self.tasks.get(slot);
        if self.awaited.ids.is_empty() || !self.awaited.ids.remove(&task.id) {
            return;
        }
        let details = task.details.as_deref();
        let ending = Ending {
            id: task.id,
            state: state.word(),
            reason: (state != State::Done).then(|| cause.words()),
            result: details.and_then(|details| details.result.clone()),
            error: details.and_then(|details| details.error.clone()),
        };
        self.awaited.endings.push(ending);
    }

    /// A workflow has just ended.
    pub(super) fn tell_close(&mut self, id: u64, phase: Phase) {
        if self.awaited.ids.remove(&id) {
            let (reason, result, error) = (None, None, None);
            self.awaited.endings.push(Ending { id, state: phase.word(), reason, result, error });
        }
    }
}
