//! What time does to a queue. The server asks; nothing here knows the time by itself.

use smallvec::SmallVec;

use super::deadlines::Due;
use super::event::{Batch, Ids, QueueEvent};
use super::names::Named;
use super::numbers::{Moment, NUMBER_MAX};
use super::queue::Queue;
use super::slab::Slot;
use super::task::Cause;

/// When an agent of this name last gave a sign of life, Unix time in milliseconds; 0: unknown.
pub type Beats<'b> = dyn FnMut(&[u8]) -> u64 + 'b;

/// What is due.
pub struct Tick<'a> {
    /// What happens.
    pub batch: Batch<'a, QueueEvent<'a>>,
    /// Owners of which enough was heard: when to look again. Told to `postpone`.
    pub postponed: SmallVec<[(Slot, u64); 1]>,
}

/// A deadline: moment, id, kind, slot.
type Entry = (u64, u64, Due, Slot);

impl Due {
    /// Kinds of one group are about different tasks, so that one batch can be about all of them.
    fn group(self) -> u8 {
        match self {
            Self::Start | Self::Expiry | Self::Sweep | Self::Forgetting => 0,
            Self::Reset => 1,
            Self::Timeout => 2,
            Self::Silence => 3,
        }
    }
}

impl Queue {
    /// Decides what is due, at most `limit` deadlines, so that nobody waits for the rest.
    #[must_use]
    pub fn decide_tick<'a>(
        &self,
        limit: usize,
        at: Moment,
        beats: &mut Beats<'_>,
    ) -> Option<Tick<'a>> {
        if self.diverged {
            return None;
        }
        let mut ahead = self.deadlines.due(at.ms, self.spared_until_ms(at)).peekable();
        let group = ahead.peek().map(|(_, _, due, _)| due.group())?;
        let due = ahead.take_while(|(_, _, due, _)| due.group() == group).take(limit);
        let mut tick = Tick { batch: Batch::at(at.ms), postponed: SmallVec::new() };
        match group {
            0 => self.pass_on(due, limit, at, &mut tick),
            1 => tick.batch = self.decide_drain_reset(limit, at),
            2 => self.time_out(due, at, &mut tick),
            _ => self.fall_silent(due, limit, at, beats, &mut tick),
        }
        Some(tick)
    }

    /// The owners that the backstop looks at if what is due is decided now.
    pub fn looked_at(&self, limit: usize, at: Moment) -> impl Iterator<Item = &[u8]> {
        let due = self.deadlines.due(at.ms, self.spared_until_ms(at)).take(limit);
        let owners = due.take_while(|(_, _, due, _)| *due == Due::Silence);
        owners.map(|(.., owner)| self.owners.get(owner).name())
    }

    /// The backstop looks at owners again at these moments. No event: what it looks at is known to
    /// every server by itself, and only a primary looks.
    pub fn postpone(&mut self, postponed: &[(Slot, u64)]) {
        for (owner, ms) in postponed {
            self.watch_at(*owner, *ms);
        }
    }

    /// What harms nobody: tasks start, and what was kept long enough goes.
    fn pass_on(
        &self,
        due: impl Iterator<Item = Entry>,
        limit: usize,
        at: Moment,
        tick: &mut Tick<'_>,
    ) {
        let (mut starting, mut expiring, mut keys) = (Ids::new(), Ids::new(), SmallVec::new());
        let mut left = limit;
        for (ms, id, due, slot) in due {
            match due {
                Due::Sweep if left > 0 => {
                    let count = (self.workflows.get(slot).size() as usize).min(left);
                    left -= count;
                    tick.batch.events.push(QueueEvent::Swept { id, count: count as u64 });
                }
                Due::Start => starting.push(id),
                Due::Expiry => expiring.push(id),
                Due::Forgetting => keys.push((ms, id)),
                Due::Sweep | Due::Reset | Due::Timeout | Due::Silence => {}
            }
        }
        let events = &mut tick.batch.events;
        if !starting.is_empty() {
            let order = self.numbers(at).next(starting.len() as u64);
            events.push(QueueEvent::Readied { ids: starting, order });
        }
        if !expiring.is_empty() {
            events.push(QueueEvent::Expired { ids: expiring });
        }
        if !keys.is_empty() {
            events.push(QueueEvent::Forgotten { keys });
        }
    }

    fn time_out(&self, due: impl Iterator<Item = Entry>, at: Moment, tick: &mut Tick<'_>) {
        let mut late = Vec::new();
        for (_, id, _, slot) in due {
            let task = self.tasks.get(slot);
            let recovered_ms = self.owners.get(task.owner).recovered_ms;
            let until_ms = match self.timeout_ms(slot) {
                0 => NUMBER_MAX,
                timeout_ms => recovered_ms.saturating_add(timeout_ms),
            };
            if self.is_void(task) && until_ms > at.ms {
                // Its clock starts anew with the recovery, though that did not get to it yet.
                tick.batch.events.push(QueueEvent::Extended { id, until_ms });
            } else {
                late.push(slot);
            }
        }
        self.take_away(&late, Cause::TimedOut, at, &mut tick.batch);
    }

    /// Takes from owners the tasks of which nothing was heard for too long, at most `limit`, and
    /// tells when to look at them again.
    fn fall_silent(
        &self,
        due: impl Iterator<Item = Entry>,
        limit: usize,
        at: Moment,
        beats: &mut Beats<'_>,
        tick: &mut Tick<'_>,
    ) {
        let backstop_ms = self.settings.backstop_ms;
        let mut silent = Vec::new();
        for (_, _, _, owner) in due {
            let heard_ms = self.heard_ms(owner, beats);
            let mut again_ms = u64::MAX;
            for slot in self.owners.get(owner).running.iter(&self.tasks) {
                if silent.len() >= limit {
                    // What is behind may be silent, too: the owner stays due.
                    again_ms = u64::MAX;
                    break;
                }
                let task = self.tasks.get(slot);
                let last_ms = task.heard_ms().max(heard_ms);
                let silent_ms = last_ms.saturating_add(backstop_ms);
                if silent_ms <= at.ms {
                    silent.push(slot);
                    continue;
                }
                again_ms = again_ms.min(silent_ms);
                // Those behind were taken later: none of them can fall silent before that.
                let taken_or_heard_ms = task.taken_ms().max(heard_ms);
                if taken_or_heard_ms.saturating_add(backstop_ms) >= again_ms {
                    break;
                }
            }
            if again_ms < u64::MAX {
                tick.postponed.push((owner, again_ms));
            }
        }
        self.take_away(&silent, Cause::Silent, at, &mut tick.batch);
    }

    /// When anything was last heard of an owner as a whole.
    pub(super) fn heard_ms(&self, owner: Slot, beats: &mut Beats<'_>) -> u64 {
        let record = self.owners.get(owner);
        beats(record.name()).max(record.recovered_ms)
    }
}
