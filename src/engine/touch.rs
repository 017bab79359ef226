//! TOUCH: an agent says how far it is, and what whoever takes the task next should know.

use super::event::{Batch, QueueEvent};
use super::numbers::{Moment, Numbers, later};
use super::queue::Queue;
use super::refusal::Refusal;
use super::slab::Slot;

/// What an agent says of a task it holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Touch<'a> {
    /// 0 to 100.
    pub progress: Option<u8>,
    /// Bytes for the next agent, or for itself after a crash; none: there is no checkpoint.
    pub checkpoint: Option<&'a [u8]>,
    /// Where the work really runs; empty: nowhere else any more.
    pub handle: Option<&'a [u8]>,
    /// The task may run for so long from now on, in milliseconds, if that is longer than it may
    /// already.
    pub extend_ms: Option<u64>,
}

impl Queue {
    /// Decides a touch. Without anything to say it is a sign of life.
    pub fn decide_touch<'a>(
        &self,
        agent: &[u8],
        id: u64,
        fence: Option<u64>,
        touch: &Touch<'a>,
        at: Moment,
    ) -> Result<Batch<'a, QueueEvent<'a>>, Refusal> {
        let slot = self.held(agent, id, fence)?;
        let mut batch = Batch::at(at.ms);
        self.settle_first(&[slot], at, &mut batch);
        let Touch { progress, handle, .. } = *touch;
        let checkpoint = touch.checkpoint.map(|bytes| batch.blob(bytes));
        // Also when nothing is said of it: a backstop, or RESET IDLE, may be wanted any time.
        batch.events.push(QueueEvent::Touched { id, progress, checkpoint, handle });
        let settles = matches!(batch.events.first(), Some(QueueEvent::Settled { .. }));
        let limit_ms = if settles {
            // Its clock starts anew, as the new fence is given.
            Some(self.timeout_ms(slot)).filter(|ms| *ms > 0).map(|ms| at.ms.saturating_add(ms))
        } else {
            self.tasks.get(slot).until_ms()
        };
        let later_ms = touch.extend_ms.map(|ms| later(at.ms, ms));
        if let Some((until_ms, _)) = later_ms.zip(limit_ms).filter(|(later, limit)| later > limit) {
            batch.events.push(QueueEvent::Extended { id, until_ms });
        }
        Ok(batch)
    }

    /// Tasks whose fence was voided by a recovery get theirs when a call first touches them. Tells
    /// which numbers are left for the rest of the decision.
    pub(super) fn settle_first<'a>(
        &self,
        slots: &[Slot],
        at: Moment,
        batch: &mut Batch<'a, QueueEvent<'a>>,
    ) -> Numbers {
        let mut numbers = self.numbers(at);
        let owner = |slot: &Slot| self.tasks.get(*slot).owner;
        let void = slots.iter().copied().filter(|slot| self.is_void(self.tasks.get(*slot)));
        let mut void: Vec<Slot> = void.collect();
        // One event is about tasks of one owner.
        void.sort_by_key(owner);
        for held in void.chunk_by(|a, b| owner(a) == owner(b)) {
            let ids = self.ids_of(held.iter().copied());
            let fence = numbers.next(ids.len() as u64);
            batch.events.push(QueueEvent::Settled { fence, ids });
        }
        numbers
    }
}
