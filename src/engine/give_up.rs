//! What an identity holds is taken from it without a successor: it retired, was drained, or nobody
//! has it. The tasks go back in line, some at a time, so that no queue is held up by it.

use super::event::{Batch, QueueEvent};
use super::numbers::Moment;
use super::queue::Queue;
use super::recover::{quarantine, returned};
use super::reset::Bulk;
use super::slab::Slot;
use super::task::{Cause, Counter};

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
        let slots: Vec<Slot> = owner.running.iter(&self.tasks).take(limit).collect();
        let count = slots.len() as u64;
        let more = owner.running.len() > count;
        let mut bulk = Bulk { count, more, ..Bulk::none(at) };
        self.take_away(&slots, cause, at, &mut bulk.batch);
        bulk
    }

    /// Running tasks go back in line; those that are poison, if the cause is a crash, have failed.
    pub(super) fn take_away<'a>(
        &self,
        slots: &[Slot],
        cause: Cause,
        at: Moment,
        batch: &mut Batch<'a, QueueEvent<'a>>,
    ) {
        if slots.is_empty() {
            return;
        }
        let crashes = cause.counter() == Some(Counter::Crashes);
        let is_poison =
            |slot: &&Slot| crashes && self.is_poison_once_settled(self.tasks.get(**slot));
        let (poison, sound): (Vec<&Slot>, Vec<&Slot>) = slots.iter().partition(is_poison);
        // What a recovery did not get to counts its crash besides.
        let mut numbers = self.settle_first(slots, at, batch);
        let ids = self.ids_of(sound.into_iter().copied());
        if !ids.is_empty() {
            batch.events.push(returned(ids, cause, 0, &mut numbers));
        }
        quarantine(self.ids_of(poison.into_iter().copied()), batch);
    }
}
