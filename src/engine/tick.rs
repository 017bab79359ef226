//! What time does to a queue. The server asks; nothing here knows the time by itself.

use smallvec::SmallVec;

use super::deadlines::Due;
use super::event::{Batch, Ids, QueueEvent};
use super::numbers::Moment;
use super::queue::Queue;

impl Queue {
    /// Decides what is due, at most `limit` deadlines, so that nobody waits for the rest.
    #[must_use]
    pub fn decide_tick<'a>(&self, limit: usize, at: Moment) -> Option<Batch<'a, QueueEvent<'a>>> {
        if self.diverged {
            return None;
        }
        let (mut ids, mut keys) = (Ids::new(), SmallVec::new());
        for (ms, id, due) in self.deadlines.due(at.ms).take(limit) {
            match due {
                Due::Expiry => ids.push(id),
                Due::Forgetting => keys.push((ms, id)),
            }
        }
        let mut batch = Batch::at(at.ms);
        if !ids.is_empty() {
            batch.events.push(QueueEvent::Expired { ids });
        }
        if !keys.is_empty() {
            batch.events.push(QueueEvent::Forgotten { keys });
        }
        (!batch.events.is_empty()).then_some(batch)
    }
}
