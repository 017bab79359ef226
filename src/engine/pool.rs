//! The pool: names that processes can be given, so that a fleet need not agree on who is who.
//!
//! It says which identities there are, not who has them: that is in each identity's own key, under
//! a name made of the pool's and a number. Both are in one cluster slot.

use super::agent::Why;
use super::event::{Batch, PoolEvent};
use super::numbers::{Moment, NUMBER_MAX};

/// The greatest number of identities.
pub const SIZE_MAX: u32 = 10_000;

/// The length of a lease when nothing is said, in milliseconds.
pub const LEASE_MS: u64 = 30_000;

/// Identities are told that they stop, one number after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Why they stop.
    pub why: Why,
    /// The number to go on with.
    pub next: u32,
}

/// What is stored of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How many identities it gives away.
    pub size: u32,
    /// The length of their leases, in milliseconds.
    pub lease_ms: u64,
    /// How long after its lease an identity keeps what it holds; 0: for ever.
    pub orphan_ms: u64,
    /// The greatest number that was ever given away: it may be beyond the size.
    pub reach: u32,
    /// Whether it drains.
    pub draining: bool,
    /// When it last began to, Unix time in milliseconds.
    pub drained_ms: u64,
    /// When what its identities hold is handed back, Unix time in milliseconds.
    pub reset_ms: Option<u64>,
    /// Which identities are still to be told that they stop.
    pub walk: Option<Walk>,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    facts: Facts,
    diverged: bool,
}

impl Default for Pool {
    fn default() -> Self {
        Self::restored(Facts {
            size: 1,
            lease_ms: LEASE_MS,
            orphan_ms: 0,
            reach: 0,
            draining: false,
            drained_ms: 0,
            reset_ms: None,
            walk: None,
        })
    }
}

/// What is to be changed about a pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// How many identities it gives away.
    pub size: Option<u32>,
    /// The length of their leases, in milliseconds.
    pub lease_ms: Option<u64>,
    /// How long after its lease an identity keeps what it holds.
    pub orphan_ms: Option<u64>,
}

impl Pool {
    /// A pool as it is read from storage.
    #[must_use]
    pub fn restored(facts: Facts) -> Self {
        Self { facts, diverged: false }
    }

    /// What is stored of it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether its identities take nothing more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.facts.draining
    }

    /// Every number that an identity may have.
    #[must_use]
    pub fn numbers(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.facts.size.max(self.facts.reach)
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

    /// When something falls due here, Unix time in milliseconds; 0: at once.
    #[must_use]
    pub fn next_ms(&self) -> Option<u64> {
        if self.diverged {
            return None;
        }
        self.facts.walk.map(|_| 0).or(self.facts.reset_ms)
    }

    /// The walk that is due: one that was begun, or the one that the deadline of a drain begins.
    #[must_use]
    pub fn walk_due(&self, at: Moment) -> Option<Walk> {
        let reset = self.facts.reset_ms.filter(|ms| *ms <= at.ms && !self.diverged);
        let begins = reset.map(|_| Walk { why: Why::Drained, next: 1 });
        begins.or(self.facts.walk.filter(|_| !self.diverged))
    }

    /// Decides how far a walk has come, once the numbers before `next` were told.
    #[must_use]
    pub fn decide_walked(&self, walk: Walk, next: u32, at: Moment) -> Batch<'static, PoolEvent> {
        let next = self.numbers().contains(&next).then_some(next);
        Batch::of(at.ms, PoolEvent::Walked { why: walk.why, next })
    }

    /// Decides what a pool is to be like from now on; nothing if it is like that already.
    #[must_use]
    pub fn decide_set(
        pool: Option<&Self>,
        change: Change,
        at: Moment,
    ) -> Option<Batch<'static, PoolEvent>> {
        let known = pool.map_or(Self::default().facts, |pool| pool.facts);
        let size = change.size.unwrap_or(known.size);
        let lease_ms = change.lease_ms.unwrap_or(known.lease_ms);
        let orphan_ms = change.orphan_ms.unwrap_or(known.orphan_ms);
        let same = Facts { size, lease_ms, orphan_ms, ..known } == known;
        let set = PoolEvent::Set { size, lease_ms, orphan_ms };
        (pool.is_none() || !same).then(|| Batch::of(at.ms, set))
    }

    /// Decides what is remembered of an identity that is given away; mostly nothing.
    #[must_use]
    pub fn decide_reach(&self, number: u32, at: Moment) -> Option<Batch<'static, PoolEvent>> {
        let reached = PoolEvent::Reached { number };
        (number > self.facts.reach).then(|| Batch::of(at.ms, reached))
    }

    /// Decides that no identity takes anything more and none is given away; from `reset_ms` on, if
    /// that is said, what they hold is handed back. Nothing if all that is so already.
    #[must_use]
    pub fn decide_drain(
        &self,
        reset_ms: Option<u64>,
        at: Moment,
    ) -> Option<Batch<'static, PoolEvent>> {
        let is_news =
            !self.facts.draining || reset_ms.is_some_and(|ms| self.facts.reset_ms != Some(ms));
        is_news.then(|| Batch::of(at.ms, PoolEvent::Draining { reset_ms }))
    }

    /// Decides that all is as usual again. Nothing if it is already.
    #[must_use]
    pub fn decide_resume(&self, at: Moment) -> Option<Batch<'static, PoolEvent>> {
        self.facts.draining.then(|| Batch::of(at.ms, PoolEvent::Resumed))
    }

    /// Applies every event of a batch that was decided on this state.
    pub fn apply(&mut self, batch: &Batch<'_, PoolEvent>) {
        for event in &batch.events {
            debug_assert_eq!(Self::fits(event), Ok(()));
            self.apply_event(event, batch.at_ms);
        }
    }

    /// Applies a batch that comes from outside, up to the first event that does not fit.
    pub fn follow(&mut self, batch: &Batch<'_, PoolEvent>) -> Result<(), String> {
        for event in &batch.events {
            if let Err(why) = Self::fits(event) {
                self.diverged = true;
                return Err(why);
            }
            self.apply_event(event, batch.at_ms);
        }
        Ok(())
    }

    fn fits(event: &PoolEvent) -> Result<(), String> {
        let numbers = 1..=SIZE_MAX;
        match event {
            PoolEvent::Set { size, lease_ms, orphan_ms } => {
                let known = numbers.contains(size) && *lease_ms > 0;
                let bounded = *lease_ms <= NUMBER_MAX && *orphan_ms <= NUMBER_MAX;
                if known && bounded { Ok(()) } else { Err(format!("a pool with {event:?}")) }
            }
            PoolEvent::Reached { number } | PoolEvent::Walked { next: Some(number), .. }
                if !numbers.contains(number) =>
            {
                Err(format!("an identity with the number {number}"))
            }
            _ => Ok(()),
        }
    }

    fn apply_event(&mut self, event: &PoolEvent, at_ms: u64) {
        let facts = &mut self.facts;
        match *event {
            PoolEvent::Set { size, lease_ms, orphan_ms } => {
                // Identities whose lease is over already are to be orphans too from now on.
                let starts = orphan_ms != facts.orphan_ms && orphan_ms > 0;
                if starts && facts.reach > 0 && facts.walk.is_none() {
                    facts.walk = Some(Walk { why: Why::Orphaned, next: 1 });
                }
                (facts.size, facts.lease_ms, facts.orphan_ms) = (size, lease_ms, orphan_ms);
            }
            PoolEvent::Reached { number } => facts.reach = facts.reach.max(number),
            PoolEvent::Draining { reset_ms } => {
                if !std::mem::replace(&mut facts.draining, true) {
                    facts.drained_ms = at_ms;
                }
                facts.reset_ms = reset_ms.or(facts.reset_ms);
            }
            PoolEvent::Resumed => {
                facts.draining = false;
                facts.reset_ms = None;
                facts.walk = facts.walk.filter(|walk| walk.why != Why::Drained);
            }
            PoolEvent::Walked { why, next } => {
                if why == Why::Drained {
                    facts.reset_ms = None;
                }
                facts.walk = next.map(|next| Walk { why, next });
            }
        }
    }
}

/// What decides about a key's slot in a cluster, if it is not the whole name.
#[must_use]
pub fn hash_tag(name: &[u8]) -> Option<&[u8]> {
    let open = name.iter().position(|byte| *byte == b'{')?;
    let rest = name.get(open + 1..)?;
    let close = rest.iter().position(|byte| *byte == b'}')?;
    rest.get(..close).filter(|tag| !tag.is_empty())
}

/// Whether a pool of this name can share a slot with its identities.
#[must_use]
pub fn can_be_shared(name: &[u8]) -> bool {
    hash_tag(name).is_some() || !name.is_empty() && !name.contains(&b'}')
}

/// The name of an identity: the pool's and a number, in the pool's slot.
#[must_use]
pub fn identity(pool: &[u8], number: u32) -> Vec<u8> {
    let bare = hash_tag(pool).is_none();
    let (open, close): (&[u8], &[u8]) = if bare { (b"{", b"}:") } else { (b"", b":") };
    [open, pool, close, number.to_string().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_and_its_identities_have_one_hash_tag() {
        for (pool, first) in [
            (&b"p"[..], &b"{p}:1"[..]),
            (b"{etl}p", b"{etl}p:1"),
            (b"p{etl}", b"p{etl}:1"),
            (b"a{b", b"{a{b}:1"),
        ] {
            assert!(can_be_shared(pool));
            assert_eq!(identity(pool, 1), first);
            assert_eq!(hash_tag(first).unwrap(), hash_tag(pool).unwrap_or(pool));
        }
        assert!(!can_be_shared(b"") && !can_be_shared(b"a}b") && !can_be_shared(b"{}p"));
    }
}
