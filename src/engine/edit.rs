//! EDIT: a task that does not run yet is changed.

use super::event::{Batch, QueueEvent};
use super::numbers::Moment;
use super::queue::Queue;
use super::refusal::Refusal;
use super::task::State;

/// What is to be different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The type's name; empty: none.
    pub kind: Option<&'a [u8]>,
    /// 0 is served first.
    pub priority: Option<u16>,
    /// Not before this moment, Unix time in milliseconds; one that is over means now.
    pub starts_ms: Option<u64>,
    /// How long it may run, in milliseconds; 0: any time.
    pub timeout_ms: Option<u64>,
}

impl Queue {
    /// Decides a change of a pre-running task. It keeps its place unless its type, its priority or
    /// its time changes: then it stands behind its equals.
    pub fn decide_edit<'a>(
        &self,
        id: u64,
        edit: &Edit<'a>,
        at: Moment,
    ) -> Result<Batch<'a, QueueEvent<'a>>, Refusal> {
        let task = self.task(id).ok_or(Refusal::NoTask(id))?;
        if !task.state.is_pre_running() {
            return Err(Refusal::NotEditable { id, state: task.state });
        }
        // Its time comes with its parents' end.
        let waits = task.state == State::Waiting;
        if waits && edit.starts_ms.is_some() {
            return Err(Refusal::Waiting(id));
        }
        let until_ms = match edit.starts_ms {
            Some(ms) if ms > at.ms => ms,
            Some(_) => 0,
            None => task.until_ms().unwrap_or(0),
        };
        let Edit { kind, priority, timeout_ms, .. } = *edit;
        let moves = kind.is_some_and(|kind| kind != self.kind_of(task))
            || priority.is_some_and(|priority| priority != self.priority_of(task))
            || until_ms != task.until_ms().unwrap_or(0);
        let place = (moves && !waits).then(|| (self.numbers(at).next(1), until_ms));
        let event = QueueEvent::Edited { id, kind, priority, timeout_ms, place };
        Ok(Batch::of(at.ms, event))
    }
}
