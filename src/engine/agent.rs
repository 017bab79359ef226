//! The agent: an identity that outlives the process acting under it.
//!
//! Its key lists no tasks. It holds the epoch, which fences off every earlier process of that name,
//! the lease, and where to look: the names of the queues it took from. What it holds there, each
//! queue knows. How it is read and what may happen to it is told in `epoch`, `lease`, `stopping`.

use serde::{Deserialize, Serialize};

use super::event::{AgentEvent, Batch};
use super::numbers::NUMBER_MAX;
use super::task::{Bytes, Cause};

/// Whether an identity is to take tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It is.
    #[default]
    Active,
    /// It works off what it holds.
    Draining,
    /// It stopped for good; the next epoch begins anew.
    Retired,
}

impl State {
    /// The word for it in replies.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Retired => "retired",
        }
    }
}

/// Why what an identity holds is handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It was drained, up to a deadline.
    Drained,
    /// It retired.
    Retired,
    /// It was without a lease for too long.
    Orphaned,
}

impl Why {
    /// What is said of the tasks.
    #[must_use]
    pub fn cause(self) -> Cause {
        match self {
            Self::Drained => Cause::Drained,
            Self::Retired => Cause::Retired,
            Self::Orphaned => Cause::Orphaned,
        }
    }
}

/// What an identity holds is to be handed back, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// From when on, Unix time in milliseconds.
    pub from_ms: u64,
    /// Why.
    pub why: Why,
    /// How many tasks were handed back so far.
    pub reset: u64,
    /// Whether that is all.
    pub over: bool,
}

impl Stop {
    /// Whether a drain is to hand back what is held, and has not done so yet.
    pub(super) fn is_planned_drain(self) -> bool {
        self.why == Why::Drained && !self.over
    }
}

/// What is stored of an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The current epoch.
    pub epoch: u64,
    /// The request that began this epoch, so that it can be repeated.
    pub request: Option<Bytes>,
    /// The queues it took from, by name.
    pub queues: Vec<Bytes>,
    /// How long it counts as alive without a sign of life, in milliseconds; 0: it has no lease.
    pub lease_ms: u64,
    /// The last sign of life that was recorded, Unix time in milliseconds; 0: the lease is over,
    /// since it ran out or the identity retired.
    pub beat_ms: u64,
    /// Since when nobody acts under it, Unix time in milliseconds; 0: somebody may.
    pub left_ms: u64,
    /// Whether it is to take tasks.
    pub state: State,
    /// Whether what it holds is handed back.
    pub stop: Option<Stop>,
}

/// One identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    pub(super) facts: Facts,
    /// When this server loaded this value by itself, Unix time in milliseconds; 0: it did not.
    /// Never stored.
    pub(super) loaded_ms: u64,
    diverged: bool,
}

impl Agent {
    /// An identity as it is read from storage.
    #[must_use]
    pub fn restored(mut facts: Facts) -> Self {
        facts.queues.sort_unstable();
        facts.queues.dedup();
        Self { facts, loaded_ms: 0, diverged: false }
    }

    /// What is stored of it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.facts.epoch
    }

    /// The id of the request that began the epoch.
    #[must_use]
    pub fn request(&self) -> Option<&[u8]> {
        self.facts.request.as_deref()
    }

    /// The queues it took from, in the order of their names.
    pub fn queues(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.facts.queues.iter().map(AsRef::as_ref)
    }

    /// Whether it took from this queue before.
    #[must_use]
    pub fn knows(&self, queue: &[u8]) -> bool {
        self.place_of(queue).is_ok()
    }

    /// Whether it is to take tasks, as far as it knows itself: its pool may drain.
    #[must_use]
    pub fn state(&self) -> State {
        self.facts.state
    }

    /// Whether it takes nothing more, as far as it knows itself.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.facts.state != State::Active
    }

    /// Whether an event did not fit: this copy does not follow its primary any more.
    #[must_use]
    pub fn is_diverged(&self) -> bool {
        self.diverged
    }

    /// An event did not fit.
    pub fn mark_diverged(&mut self) {
        self.diverged = true;
    }

    /// This server loaded the value by itself: whoever acts under it had no chance yet to say so.
    pub fn loaded(&mut self, at_ms: u64) {
        self.loaded_ms = at_ms;
    }

    /// A copy under another name is nobody's yet: nobody asked for it, and nobody has its lease.
    pub fn become_another(&mut self) {
        let Facts { epoch, queues, .. } = std::mem::take(&mut self.facts);
        self.facts = Facts { epoch, queues, ..Facts::default() };
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let names = self.facts.queues.iter().map(|name| name.len() + size_of::<Bytes>());
        names.chain(self.facts.request.iter().map(|text| text.len())).sum()
    }

    /// Applies every event of a batch that was decided on this state.
    pub fn apply(&mut self, batch: &Batch<'_, AgentEvent<'_>>) {
        for event in &batch.events {
            debug_assert_eq!(self.fits(event), Ok(()));
            self.apply_event(event, batch.at_ms);
        }
    }

    /// Applies a batch that comes from outside, up to the first event that does not fit.
    pub fn follow(&mut self, batch: &Batch<'_, AgentEvent<'_>>) -> Result<(), String> {
        for event in &batch.events {
            if let Err(why) = self.fits(event) {
                self.diverged = true;
                return Err(why);
            }
            self.apply_event(event, batch.at_ms);
        }
        Ok(())
    }

    fn fits(&self, event: &AgentEvent<'_>) -> Result<(), String> {
        let known = self.facts.epoch;
        match event {
            AgentEvent::Assumed { epoch, .. } | AgentEvent::Retired { epoch }
                if !(known + 1..=NUMBER_MAX).contains(epoch) =>
            {
                Err(format!("epoch {epoch} after {known}"))
            }
            AgentEvent::HandedBack { .. } | AgentEvent::Spared if self.facts.stop.is_none() => {
                Err("an identity that does not stop hands back, or is spared".to_owned())
            }
            AgentEvent::Assumed { lease_ms: number, .. }
            | AgentEvent::Stopping { from_ms: number, .. }
            | AgentEvent::HandedBack { count: number, .. }
                if *number > NUMBER_MAX =>
            {
                Err(format!("a number out of bounds in {event:?}"))
            }
            _ => Ok(()),
        }
    }

    fn apply_event(&mut self, event: &AgentEvent<'_>, at_ms: u64) {
        let facts = &mut self.facts;
        match event {
            AgentEvent::Assumed { epoch, request, lease_ms } => {
                facts.epoch = *epoch;
                facts.request = request.map(Bytes::from);
                facts.lease_ms = *lease_ms;
                (facts.beat_ms, facts.left_ms) = (at_ms, 0);
                facts.state = State::Active;
                facts.stop = None;
            }
            AgentEvent::TookFrom { queue } => {
                if let Err(place) = self.place_of(queue) {
                    self.facts.queues.insert(place, (*queue).into());
                }
            }
            AgentEvent::Renewed => {
                (facts.beat_ms, facts.left_ms) = (at_ms, 0);
                // Who says that it lives is no orphan.
                facts.stop = facts.stop.filter(|stop| stop.why != Why::Orphaned);
            }
            AgentEvent::Lapsed => (facts.beat_ms, facts.left_ms) = (0, at_ms),
            AgentEvent::Draining => {
                facts.state = State::Draining;
                // What an earlier drain handed back is no part of this one.
                facts.stop = facts.stop.filter(|stop| !stop.over);
            }
            AgentEvent::Resumed => {
                facts.state = State::Active;
                facts.stop = facts.stop.filter(|stop| stop.why != Why::Drained);
            }
            AgentEvent::Retired { epoch } => {
                facts.epoch = *epoch;
                facts.request = None;
                (facts.beat_ms, facts.left_ms) = (0, at_ms);
                facts.state = State::Retired;
                facts.stop = facts.stop.filter(|stop| stop.is_planned_drain());
            }
            AgentEvent::Stopping { from_ms, why } => {
                facts.stop = Some(Stop { from_ms: *from_ms, why: *why, reset: 0, over: false });
            }
            AgentEvent::Spared => facts.stop = None,
            AgentEvent::HandedBack { count, over } => {
                if let Some(stop) = &mut facts.stop {
                    stop.reset = stop.reset.saturating_add(*count).min(NUMBER_MAX);
                    stop.over = *over;
                }
                // Only who drains wants to know afterwards how many there were.
                facts.stop = facts.stop.filter(|stop| !stop.over || stop.why == Why::Drained);
            }
        }
    }

    fn place_of(&self, queue: &[u8]) -> Result<usize, usize> {
        self.facts.queues.binary_search_by(|known| known.as_ref().cmp(queue))
    }
}
