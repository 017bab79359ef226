//! Deliberate stops of an identity, and the end of one that nobody acts under any more.
//!
//! Handing back what it holds may take longer than one call may: then the identity remembers that
//! it stops, why and since when, and the rest is worked off slice by slice.

use super::agent::{Agent, State, Stop, Why};
use super::event::{AgentEvent, Batch};
use super::numbers::{Moment, later, next_epoch};

type Decided = Batch<'static, AgentEvent<'static>>;

impl Agent {
    /// When something falls due at this identity, Unix time in milliseconds.
    #[must_use]
    pub fn next_ms(&self, at: Moment) -> Option<u64> {
        if self.is_diverged() {
            return None;
        }
        [self.stop_ms(at), self.lease_end_ms(at)].into_iter().flatten().min()
    }

    /// Whether what it holds is handed back, or was.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        self.facts.stop
    }

    /// The hand-back that is due and not over.
    #[must_use]
    pub fn stop_due(&self, at: Moment) -> Option<Stop> {
        self.facts.stop.filter(|_| self.stop_ms(at).is_some_and(|ms| ms <= at.ms))
    }

    /// When what it holds is handed back. An orphan is spared while its agent may not have had the
    /// chance yet to tell this server that it lives; the other deadlines are somebody's will.
    fn stop_ms(&self, at: Moment) -> Option<u64> {
        let stop = self.facts.stop.filter(|stop| !stop.over)?;
        Some(match stop.why {
            Why::Orphaned => stop.from_ms.max(at.spares_until_ms(self.loaded_ms)),
            Why::Drained | Why::Retired => stop.from_ms,
        })
    }

    /// Decides that the identity takes nothing more until its epoch ends; from `reset_ms` on, if
    /// that is said, what it holds is handed back, also if it has retired and left that. Nothing if
    /// all that is so already.
    #[must_use]
    pub fn decide_drain(&self, reset_ms: Option<u64>, at: Moment) -> Option<Decided> {
        let mut batch = Batch::at(at.ms);
        match self.facts.state {
            State::Active => batch.events.push(AgentEvent::Draining),
            State::Draining | State::Retired => {}
        }
        let known = self.facts.stop.filter(|stop| stop.why == Why::Drained && !stop.over);
        if let Some(from_ms) = reset_ms.filter(|ms| known.is_none_or(|stop| stop.from_ms != *ms)) {
            batch.events.push(AgentEvent::Stopping { from_ms, why: Why::Drained });
        }
        (!batch.events.is_empty()).then_some(batch)
    }

    /// Decides that the identity may take again. Nothing if it may already.
    #[must_use]
    pub fn decide_resume(&self, at: Moment) -> Option<Decided> {
        let drains = self.facts.state == State::Draining;
        drains.then(|| Batch::of(at.ms, AgentEvent::Resumed))
    }

    /// Decides that the identity stops for good. What it still holds goes back in line from now on,
    /// or stays for its successor: then only for `orphan_ms` (0: for ever).
    #[must_use]
    pub fn decide_retire(&self, keep: bool, orphan_ms: u64, at: Moment) -> Decided {
        let epoch = next_epoch(self.facts.epoch, at);
        let mut batch = Batch::of(at.ms, AgentEvent::Retired { epoch });
        // What a drain had planned happens all the same.
        let planned = self.facts.stop.is_some_and(Stop::is_planned_drain);
        batch.events.extend(match keep {
            true if planned => None,
            true => orphaning(at.ms, orphan_ms),
            false => Some(AgentEvent::Stopping { from_ms: at.ms, why: Why::Retired }),
        });
        batch
    }

    /// Decides how far a hand-back has come.
    #[must_use]
    pub fn decide_handed_back(&self, count: u64, over: bool, at: Moment) -> Option<Decided> {
        let handed_back = AgentEvent::HandedBack { count, over };
        self.facts.stop.map(|_| Batch::of(at.ms, handed_back))
    }

    /// Decides that what it holds is handed back from now on.
    #[must_use]
    pub fn decide_stop(why: Why, at: Moment) -> Decided {
        Batch::of(at.ms, AgentEvent::Stopping { from_ms: at.ms, why })
    }

    /// Decides when what it holds is released, now that this happens `orphan_ms` (0: never) after
    /// somebody last acted under it. Nothing if that is planned already.
    #[must_use]
    pub fn decide_orphan(&self, orphan_ms: u64, at: Moment) -> Option<Decided> {
        self.orphaned(self.facts.left_ms, orphan_ms).map(|event| Batch::of(at.ms, event))
    }

    /// The same with somebody who last acted at this moment; 0: somebody does. What is handed back
    /// for another reason is no concern of it.
    pub(super) fn orphaned(&self, left_ms: u64, orphan_ms: u64) -> Option<AgentEvent<'static>> {
        let wanted = orphaning(left_ms, orphan_ms).filter(|_| left_ms > 0);
        let planned = self.facts.stop.filter(|stop| !stop.over);
        match (planned, wanted) {
            (None, wanted) => wanted,
            (Some(Stop { why: Why::Orphaned, from_ms, .. }), Some(wanted)) => {
                let same = AgentEvent::Stopping { from_ms, why: Why::Orphaned };
                (wanted != same).then_some(wanted)
            }
            (Some(Stop { why: Why::Orphaned, .. }), None) => Some(AgentEvent::Spared),
            (Some(Stop { why: Why::Drained | Why::Retired, .. }), _) => None,
        }
    }
}

fn orphaning(left_ms: u64, orphan_ms: u64) -> Option<AgentEvent<'static>> {
    let from_ms = later(left_ms, orphan_ms);
    (orphan_ms > 0).then_some(AgentEvent::Stopping { from_ms, why: Why::Orphaned })
}
