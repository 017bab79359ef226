//! What an identity holds is taken from it without a successor: it retired, was drained, or nobody
//! has it. The tasks go back in line, some at a time, so that no queue is held up by it.

use super::event::{Batch, Ids, QueueEvent};
use super::numbers::Moment;
use super::queue::Queue;
use super::recover::returned;
use super::task::Cause;

/// What is decided for one queue.
pub struct GivenUp<'a> {
    /// What happens.
    pub batch: Batch<'a, QueueEvent<'a>>,
    /// How many tasks it is about.
    pub count: u64,
}

impl Queue {
    /// How many tasks an agent holds here.
    #[must_use]
    pub fn held_by(&self, agent: &[u8]) -> u64 {
        self.owner(agent).map_or(0, |owner| owner.running.len())
    }

    /// Decides that the first `limit` tasks of an agent go back in line, in the order of taking;
    /// those that are poison, if the cause is a crash, are quarantined. Nothing if it holds none.
    #[must_use]
    pub fn decide_give_up(
        &self,
        agent: &[u8],
        cause: Cause,
        limit: usize,
        at: Moment,
    ) -> Option<GivenUp<'static>> {
        let owner = self.owner(agent)?;
        let (mut slots, mut poison) = (Vec::new(), Ids::new());
        for slot in owner.running.iter(&self.tasks).take(limit) {
            let task = self.tasks.get(slot);
            let quarantined = cause == Cause::Orphaned && self.is_poison(task);
            if quarantined {
                poison.push(task.id);
            } else {
                slots.push(slot);
            }
        }
        let count = (slots.len() + poison.len()) as u64;
        let mut batch = Batch::at(at.ms);
        if !slots.is_empty() {
            let mut numbers = self.settle_first(&slots, at, &mut batch);
            let ids = self.ids_of(slots.into_iter());
            batch.events.push(returned(ids, cause, &mut numbers));
        }
        if !poison.is_empty() {
            let cause = Cause::Quarantined;
            batch.events.push(QueueEvent::Failed { ids: poison, cause, error: None });
        }
        (count > 0).then_some(GivenUp { batch, count })
    }
}
