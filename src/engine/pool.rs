//! The pool: names that processes can be given, so that a fleet need not agree on who is who.
//!
//! It says which identities there are, not who has them: that is in each identity's own key, under
//! a name made of the pool's and a number. Both are in one cluster slot.

use serde::{Deserialize, Serialize};

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

/// Whether what the identities of a draining pool hold is handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reset {
    /// It is left to them.
    Never,
    /// From then on, Unix time in milliseconds.
    From(u64),
    /// It is: those from this number on are still to be told.
    Telling(u32),
    /// It is, and all were told.
    Told,
}

/// A pool drains: its identities take nothing more, and none is given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Whether what they hold is handed back.
    pub reset: Reset,
    /// How many tasks were handed back so far.
    pub count: u64,
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
    /// Whether and how it drains.
    pub drain: Option<Drain>,
    /// Identities from this number on are still to be told that `orphan_ms` has changed.
    pub orphans: Option<u32>,
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
            drain: None,
            orphans: None,
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
        self.facts.drain.is_some()
    }

    /// Whether what its identities hold is handed back from now on.
    #[must_use]
    pub fn is_resetting(&self) -> bool {
        let reset = self.facts.drain.map(|drain| drain.reset);
        matches!(reset, Some(Reset::Telling(_) | Reset::Told))
    }

    /// A copy under another name has other identities: nothing is known of them yet.
    pub fn become_another(&mut self) {
        self.facts = Facts { reach: 0, drain: None, orphans: None, ..self.facts };
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
        match self.facts.drain.map(|drain| drain.reset) {
            _ if self.diverged => None,
            _ if self.facts.orphans.is_some() => Some(0),
            Some(Reset::Telling(_)) => Some(0),
            Some(Reset::From(ms)) => Some(ms),
            Some(Reset::Never | Reset::Told) | None => None,
        }
    }

    /// The walk that is due: one that was begun, or the one that the deadline of a drain begins.
    #[must_use]
    pub fn walk_due(&self, at: Moment) -> Option<Walk> {
        let drained = match self.facts.drain.map(|drain| drain.reset) {
            _ if self.diverged => return None,
            Some(Reset::From(ms)) if ms <= at.ms => Some(1),
            Some(Reset::Telling(next)) => Some(next),
            Some(Reset::From(_) | Reset::Never | Reset::Told) | None => None,
        };
        let drained = drained.map(|next| Walk { why: Why::Drained, next });
        drained.or(self.facts.orphans.map(|next| Walk { why: Why::Orphaned, next }))
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
    /// that is said, what they hold is handed back. Nothing if all that is so already: a plan for
    /// later does not undo what is being done.
    #[must_use]
    pub fn decide_drain(
        &self,
        reset_ms: Option<u64>,
        at: Moment,
    ) -> Option<Batch<'static, PoolEvent>> {
        let planned = self.facts.drain.map(|drain| drain.reset);
        let is_news =
            planned.is_none_or(|reset| reset_ms.is_some_and(|ms| reset != Reset::From(ms)));
        let is_late = self.is_resetting() && reset_ms.is_some_and(|ms| ms > at.ms);
        (is_news && !is_late).then(|| Batch::of(at.ms, PoolEvent::Draining { reset_ms }))
    }

    /// Decides that so many tasks were handed back as the drain of this pool wants it.
    #[must_use]
    pub fn decide_handed_back(&self, count: u64, at: Moment) -> Option<Batch<'static, PoolEvent>> {
        let counts = self.is_draining() && count > 0;
        counts.then(|| Batch::of(at.ms, PoolEvent::HandedBack { count }))
    }

    /// Decides that all is as usual again. Nothing if it is already.
    #[must_use]
    pub fn decide_resume(&self, at: Moment) -> Option<Batch<'static, PoolEvent>> {
        self.is_draining().then(|| Batch::of(at.ms, PoolEvent::Resumed))
    }

    /// Applies every event of a batch that was decided on this state.
    pub fn apply(&mut self, batch: &Batch<'_, PoolEvent>) {
        for event in &batch.events {
            debug_assert_eq!(Self::fits(event), Ok(()));
            self.apply_event(event);
        }
    }

    /// Applies a batch that comes from outside, up to the first event that does not fit.
    pub fn follow(&mut self, batch: &Batch<'_, PoolEvent>) -> Result<(), String> {
        for event in &batch.events {
            if let Err(why) = Self::fits(event) {
                self.diverged = true;
                return Err(why);
            }
            self.apply_event(event);
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
            PoolEvent::Walked { why: Why::Retired, .. } => Err("a pool that retires".to_owned()),
            PoolEvent::Draining { reset_ms: Some(number) }
            | PoolEvent::HandedBack { count: number }
                if *number > NUMBER_MAX =>
            {
                Err(format!("a number out of bounds in {event:?}"))
            }
            _ => Ok(()),
        }
    }

    fn apply_event(&mut self, event: &PoolEvent) {
        let facts = &mut self.facts;
        match *event {
            PoolEvent::Set { size, lease_ms, orphan_ms } => {
                // It counts for identities whose lease is over already, too.
                if orphan_ms != facts.orphan_ms {
                    facts.orphans = Some(1);
                }
                (facts.size, facts.lease_ms, facts.orphan_ms) = (size, lease_ms, orphan_ms);
            }
            PoolEvent::Reached { number } => facts.reach = facts.reach.max(number),
            PoolEvent::Draining { reset_ms } => {
                let new = Drain { reset: Reset::Never, count: 0 };
                let drain = facts.drain.get_or_insert(new);
                drain.reset = reset_ms.map_or(drain.reset, Reset::From);
            }
            PoolEvent::Resumed => facts.drain = None,
            PoolEvent::Walked { why: Why::Drained, next } => {
                if let Some(drain) = &mut facts.drain {
                    drain.reset = next.map_or(Reset::Told, Reset::Telling);
                }
            }
            PoolEvent::Walked { why: Why::Orphaned | Why::Retired, next } => facts.orphans = next,
            PoolEvent::HandedBack { count } => {
                if let Some(drain) = &mut facts.drain {
                    drain.count = drain.count.saturating_add(count).min(NUMBER_MAX);
                }
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

/// Whether a pool can have this name: it shares a slot with its identities then, and they are those
/// of no other pool.
#[must_use]
pub fn can_be_named(name: &[u8]) -> bool {
    let sharable = hash_tag(name).is_some() || !name.is_empty() && !name.contains(&b'}');
    sharable && of_identity(&identity(name, 1)) == Some((name, 1))
}

/// The name of an identity: the pool's and a number, in the pool's slot.
#[must_use]
pub fn identity(pool: &[u8], number: u32) -> Vec<u8> {
    let bare = hash_tag(pool).is_none();
    let (open, close): (&[u8], &[u8]) = if bare { (b"{", b"}:") } else { (b"", b":") };
    [open, pool, close, number.to_string().as_bytes()].concat()
}

/// The pool whose identity this is by its name, and the number, if it can be any pool's.
#[must_use]
pub fn of_identity(name: &[u8]) -> Option<(&[u8], u32)> {
    let colon = name.iter().rposition(|byte| *byte == b':')?;
    let (pool, digits) = (name.get(..colon)?, name.get(colon + 1..)?);
    let number = std::str::from_utf8(digits).ok()?;
    let number = number.parse().ok().filter(|number| (1..=SIZE_MAX).contains(number))?;
    // The same number in other digits is another name.
    if digits.first() == Some(&b'0') || digits.first() == Some(&b'+') {
        return None;
    }
    let bare = pool.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    let bare = bare.filter(|bare| hash_tag(bare).is_none() && !bare.contains(&b'}'));
    let pool = bare.filter(|bare| !bare.is_empty()).or(hash_tag(pool).map(|_| pool))?;
    Some((pool, number))
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
            assert!(can_be_named(pool));
            assert_eq!(identity(pool, 1), first);
            assert_eq!(hash_tag(first).unwrap(), hash_tag(pool).unwrap_or(pool));
            assert_eq!(of_identity(first), Some((pool, 1)));
        }
        // The last would have the identities of p.
        for name in [&b""[..], b"a}b", b"{}p", b"{p}"] {
            assert!(!can_be_named(name), "{name:?}");
        }
    }

    #[test]
    fn other_names_are_no_identities() {
        for name in ["a", "a:1", "{p}", "{p}:", "{p}:0", "{p}:01", "{p}:+1", "{p}:10001", "{}:1"] {
            assert_eq!(of_identity(name.as_bytes()), None, "{name}");
        }
        assert_eq!(of_identity(b"{p}:10000"), Some((&b"p"[..], 10_000)));
        assert_eq!(of_identity(b"{p}q:7:8"), Some((&b"{p}q:7"[..], 8)));
    }
}
