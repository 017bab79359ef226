//! What an identity holds is taken from it without a successor: it retired, was drained, or nobody
//! has it. The tasks go back in line, some at a time, so that no queue is held up by it.

use super::event::Ids;
use super::numbers::Moment;
use super::queue::Queue;
use super::recover::quarantine;
use super::reset::Bulk;
use super::task::Cause;

impl Queue {
    /// How many tasks an agent holds here.
    #[must_use]
    pub fn held_by(&self, agent: &[u8]) -> u64 {
        self.owner(agent).map_or(0, |owner| owner.running.len())
    }

    /// Decides that the first `limit` tasks of an agent go back in line, in the order of taking;
    /// those that are poison, if the cause is a crash, are quarantined.
    #[must_use]
    pub fn decide_give_up(
        &self,
        agent: &[u8],
        cause: Cause,
        limit: usize,
        at: Moment,
    ) -> Bulk<'static> {
        let Some(owner) = self.owner(agent) else { return Bulk::none(at) };
        let (mut slots, mut poison) = (Vec::new(), Ids::new());
        for slot in owner.running.iter(&self.tasks).take(limit) {
            let task = self.tasks.get(slot);
            if cause == Cause::Orphaned && self.is_poison(task) {
                poison.push(task.id);
            } else {
                slots.push(slot);
            }
        }
        let count = (slots.len() + poison.len()) as u64;
        let more = owner.running.len() > count;
        let mut bulk = Bulk { count, more, ..Bulk::none(at) };
        self.put_back(&slots, cause, 0, at, &mut bulk.batch);
        quarantine(poison, &mut bulk.batch);
        bulk
    }
}
