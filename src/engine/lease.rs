//! The lease: for how long an identity counts as alive without a sign of life.
//!
//! It harms nobody by running out: a call under the current epoch is accepted all the same. But
//! from then on somebody else may assume the identity, and a pool does give it away.

use super::agent::Agent;
use super::event::{AgentEvent, Batch};
use super::numbers::Moment;

impl Agent {
    /// The length of the lease in milliseconds; 0: the identity has none.
    #[must_use]
    pub fn lease_ms(&self) -> u64 {
        self.facts.lease_ms
    }

    /// When the lease runs out, Unix time in milliseconds; nothing if there is none, or it is over
    /// and this was noticed. One that was granted before this server took over starts again.
    #[must_use]
    pub fn lease_end_ms(&self, at: Moment) -> Option<u64> {
        let (lease_ms, beat_ms) = (self.facts.lease_ms, self.facts.beat_ms);
        if lease_ms == 0 || beat_ms == 0 {
            return None;
        }
        let end_ms = beat_ms.saturating_add(lease_ms);
        let since_ms = at.since_ms.max(self.loaded_ms);
        if since_ms == 0 || beat_ms > since_ms {
            return Some(end_ms);
        }
        Some(end_ms.max(since_ms.saturating_add(lease_ms.max(at.grace_ms))))
    }

    /// What is left of the lease in milliseconds, 0 if it is over; nothing if there is none.
    #[must_use]
    pub fn lease_left_ms(&self, at: Moment) -> Option<u64> {
        let end_ms = self.lease_end_ms(at).unwrap_or(0);
        (self.facts.lease_ms > 0).then(|| end_ms.saturating_sub(at.ms))
    }

    /// Up to when it may have given signs of life, Unix time in milliseconds: not each is recorded.
    /// 0: nothing is known.
    #[must_use]
    pub fn heard_ms(&self) -> u64 {
        match self.facts.beat_ms {
            0 => 0,
            beat_ms => beat_ms.saturating_add(self.facts.lease_ms.div_ceil(4)),
        }
    }

    /// Whether somebody acts under the identity, as far as anybody can know.
    #[must_use]
    pub fn is_assumed(&self, at: Moment) -> bool {
        self.lease_left_ms(at).is_some_and(|left_ms| left_ms > 0)
    }

    /// A call was accepted: decides whether that is recorded. Once in a quarter of the lease is
    /// enough, and costs replicas little.
    #[must_use]
    pub fn decide_renew(&self, at: Moment) -> Option<Batch<'static, AgentEvent<'static>>> {
        let passed_ms = at.ms.saturating_sub(self.facts.beat_ms);
        let is_news = self.facts.lease_ms > 0 && passed_ms >= self.facts.lease_ms.div_ceil(4);
        is_news.then(|| Batch::of(at.ms, AgentEvent::Renewed))
    }

    /// The same for a call that says nothing but that the agent lives: without a lease, each one.
    #[must_use]
    pub fn decide_beat(&self, at: Moment) -> Option<Batch<'static, AgentEvent<'static>>> {
        let is_news = self.facts.lease_ms == 0 && at.ms > self.facts.beat_ms;
        let beat = || Batch::of(at.ms, AgentEvent::Renewed);
        if is_news { Some(beat()) } else { self.decide_renew(at) }
    }

    /// Decides that the lease ran out, once it did. After `orphan_ms` more (0: never) what the
    /// identity holds is released, unless it is handed back for another reason anyway.
    #[must_use]
    pub fn decide_lapse(
        &self,
        orphan_ms: u64,
        at: Moment,
    ) -> Option<Batch<'static, AgentEvent<'static>>> {
        self.lease_end_ms(at).filter(|end_ms| *end_ms <= at.ms)?;
        let mut batch = Batch::of(at.ms, AgentEvent::Lapsed);
        batch.events.extend(self.orphaned(at.ms, orphan_ms));
        Some(batch)
    }
}
