//! PUSH and MPUSH: tasks come in.

use super::event::{Batch, QueueEvent};
use super::numbers::{Moment, later};
use super::queue::Queue;
use super::refusal::Refusal;
use super::settings::Setting;
use super::task::{Attribute, Attributes, Backoff};

/// What a producer asks for.
#[derive(Clone, Debug, Default)]
pub struct Push<'p, 'a> {
    /// One task each.
    pub payloads: &'p [&'a [u8]],
    /// The type's name; empty: none.
    pub kind: &'a [u8],
    /// 0 is served first.
    pub priority: u16,
    /// The producer's name for it.
    pub name: Option<&'a [u8]>,
    /// A key, and for how long after this push it stays taken, in milliseconds.
    pub unique: Option<(&'a [u8], u64)>,
    /// How long the task is kept once done, in milliseconds.
    pub retain_ms: Option<u64>,
    /// Not before this moment, Unix time in milliseconds.
    pub starts_ms: Option<u64>,
    /// How long it may run, in milliseconds; 0: any time.
    pub timeout_ms: Option<u64>,
    /// How often it is tried again after a failure.
    pub retries: Option<u32>,
    /// How long it waits after a failure.
    pub backoff: Option<Backoff>,
}

/// What becomes of it.
pub enum Pushed<'a> {
    /// New tasks, numbered from `first`.
    New {
        /// The first one's id.
        first: u64,
        /// What happens.
        batch: Batch<'a, QueueEvent<'a>>,
    },
    /// The UNIQUE key is taken, by this task: it is the same push again.
    Again(u64),
}

impl Queue {
    /// Decides a push of at least one payload.
    pub fn decide_push<'a>(&self, push: &Push<'_, 'a>, at: Moment) -> Result<Pushed<'a>, Refusal> {
        if let Some(id) = self.known_by_key(push.unique, at)? {
            return Ok(Pushed::Again(id));
        }
        let count = push.payloads.len() as u64;
        self.may_hold(count)?;
        let first = self.numbers(at).next(count);
        let event = QueueEvent::Pushed {
            first,
            count: count as u32,
            payload: 0,
            kind: push.kind,
            priority: push.priority,
            attributes: attributes(push, at),
        };
        let mut batch = Batch::of(at.ms, event);
        batch.blobs.extend_from_slice(push.payloads);
        Ok(Pushed::New { first, batch })
    }

    /// What has this UNIQUE key, if anything has; refuses one more than may be remembered.
    pub(super) fn known_by_key(
        &self,
        unique: Option<(&[u8], u64)>,
        at: Moment,
    ) -> Result<Option<u64>, Refusal> {
        let Some((key, _)) = unique else { return Ok(None) };
        let known = self.uniques.find(key).map(|slot| self.uniques.get(slot));
        if let Some(unique) = known.filter(|unique| unique.holds(at.ms)) {
            return Ok(Some(unique.id));
        }
        let limit = self.settings.max_unique;
        if known.is_none() && limit > 0 && self.uniques.len() >= limit {
            return Err(Refusal::Full { setting: Setting::MaxUnique.word(), limit });
        }
        Ok(None)
    }

    /// Whether there is room for so many more unfinished tasks.
    pub(super) fn may_hold(&self, count: u64) -> Result<(), Refusal> {
        let limit = self.settings.max_len;
        if limit > 0 && self.unfinished() + count > limit {
            return Err(Refusal::Full { setting: Setting::MaxLen.word(), limit });
        }
        Ok(())
    }
}

/// Until when a key stays taken for so long after now, Unix time in milliseconds; 0: no longer than
/// what has it lives.
pub(super) fn until_of(for_ms: u64, at: Moment) -> u64 {
    if for_ms == 0 { 0 } else { later(at.ms, for_ms) }
}

fn attributes<'a>(push: &Push<'_, 'a>, at: Moment) -> Attributes<'a> {
    let unique = push.unique;
    let unique =
        unique.map(|(key, for_ms)| Attribute::Unique { key, until_ms: until_of(for_ms, at) });
    let said = [
        push.name.map(Attribute::Name),
        unique,
        push.retain_ms.map(Attribute::RetainMs),
        push.starts_ms.filter(|ms| *ms > at.ms).map(Attribute::UntilMs),
        push.timeout_ms.map(Attribute::TimeoutMs),
        push.retries.map(Attribute::Retries),
        push.backoff.map(Attribute::Backoff),
    ];
    said.into_iter().flatten().collect()
}
