//! RESET: running tasks are put back into a pre-running state on purpose. An interruption each, and
//! their former owners learn of it when they next say anything.

use super::event::{Batch, QueueEvent};
use super::names::Named;
use super::numbers::Moment;
use super::queue::Queue;
use super::recover::returned;
use super::slab::Slot;
use super::task::{Cause, State, Task};
use super::tick::Beats;

/// Which running tasks.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// All of them.
    All,
    /// Those that this agent holds.
    Owner(&'a [u8]),
    /// These.
    Ids(&'a [u64]),
    /// Those of which nothing was heard for so many milliseconds.
    Idle(u64),
}

/// What is decided about many tasks at once.
pub struct Bulk<'a> {
    /// What happens.
    pub batch: Batch<'a, QueueEvent<'a>>,
    /// How many tasks it happens to.
    pub count: u64,
    /// Whether there are others that the limit left out.
    pub more: bool,
}

impl Bulk<'_> {
    /// Nothing happens to no task.
    #[must_use]
    pub fn none(at: Moment) -> Self {
        Self { batch: Batch::at(at.ms), count: 0, more: false }
    }
}

impl Queue {
    /// Decides a reset of at most `limit` tasks.
    #[must_use]
    pub fn decide_reset<'a>(
        &self,
        which: &Which<'_>,
        cause: Cause,
        limit: usize,
        at: Moment,
        beats: &mut Beats<'_>,
    ) -> Bulk<'a> {
        let mut found: Vec<Slot> = match which {
            Which::All => self.all_running().take(limit.saturating_add(1)).collect(),
            Which::Owner(name) => {
                let owner = self.owner(name).into_iter();
                let held = owner.flat_map(|owner| owner.running.iter(&self.tasks));
                held.take(limit.saturating_add(1)).collect()
            }
            Which::Ids(ids) => self.each_once(ids, |task| task.state == State::Running),
            Which::Idle(ms) => self.idle_for(*ms, limit.saturating_add(1), at, beats),
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let mut bulk = Bulk { count: found.len() as u64, more, ..Bulk::none(at) };
        self.put_back(&found, cause, 0, at, &mut bulk.batch);
        bulk
    }

    /// The time limit of a drain is over: decides to reset at most `limit` of what still runs. The
    /// plan is done with once that was all.
    #[must_use]
    pub fn decide_drain_reset<'a>(&self, limit: usize, at: Moment) -> Batch<'a, QueueEvent<'a>> {
        let bulk = self.decide_reset(&Which::All, Cause::Drained, limit, at, &mut |_| 0);
        let mut batch = bulk.batch;
        if !bulk.more {
            batch.events.push(QueueEvent::Drained { reset_ms: None });
        }
        batch
    }

    /// Running tasks, if any, are pre-running again: from a moment on, or (0) at once. Those that a
    /// recovery did not get to count their crash besides.
    pub(super) fn put_back<'a>(
        &self,
        slots: &[Slot],
        cause: Cause,
        until_ms: u64,
        at: Moment,
        batch: &mut Batch<'a, QueueEvent<'a>>,
    ) {
        if !slots.is_empty() {
            let mut numbers = self.settle_first(slots, at, batch);
            let ids = self.ids_of(slots.iter().copied());
            batch.events.push(returned(ids, cause, until_ms, &mut numbers));
        }
    }

    /// The agents whose oldest task was taken at least so long ago.
    pub fn holders_for(&self, ms: u64, at: Moment) -> impl Iterator<Item = &[u8]> {
        self.holders().filter_map(move |owner| {
            let first = self.tasks.get(owner.running.first()?);
            (first.taken_ms().saturating_add(ms) <= at.ms).then_some(owner.name())
        })
    }

    fn all_running(&self) -> impl Iterator<Item = Slot> {
        let owners = self.owners.records().iter();
        owners.flat_map(|(_, owner)| owner.running.iter(&self.tasks))
    }

    /// Tasks of which nothing was heard for so long, at most `most`. Of each owner only those are
    /// looked at that were taken so long ago.
    fn idle_for(&self, ms: u64, most: usize, at: Moment, beats: &mut Beats<'_>) -> Vec<Slot> {
        let mut found = Vec::new();
        for (slot, owner) in self.owners.records().iter() {
            let taken_then = |slot: &Slot| self.tasks.get(*slot).taken_ms() + ms <= at.ms;
            let mut old = owner.running.iter(&self.tasks).take_while(taken_then).peekable();
            if old.peek().is_none() || self.heard_ms(slot, beats).saturating_add(ms) > at.ms {
                continue;
            }
            let idle = old.filter(|slot| self.tasks.get(*slot).heard_ms() + ms <= at.ms);
            found.extend(idle.take(most - found.len()));
            if found.len() == most {
                break;
            }
        }
        found
    }

    /// The tasks named that are as wanted, each once.
    pub(super) fn each_once(&self, ids: &[u64], is_wanted: impl Fn(&Task) -> bool) -> Vec<Slot> {
        let mut seen = hashbrown::HashSet::new();
        let slots = ids.iter().filter_map(|id| self.slot_of(*id));
        slots
            .filter(|slot| is_wanted(self.tasks.get(*slot)))
            .filter(|slot| seen.insert(*slot))
            .collect()
    }
}
