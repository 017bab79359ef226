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
        if let Some((key, _)) = push.unique {
            let known = self.uniques.find(key).map(|slot| self.uniques.get(slot));
            if let Some(unique) = known.filter(|unique| unique.holds(at.ms)) {
                return Ok(Pushed::Again(unique.id));
            }
            let limit = self.settings.max_unique;
            if known.is_none() && limit > 0 && self.uniques.len() >= limit {
                return Err(Refusal::Full { setting: Setting::MaxUnique.word(), limit });
            }
        }
        let (count, limit) = (push.payloads.len() as u64, self.settings.max_len);
        if limit > 0 && self.unfinished() + count > limit {
            return Err(Refusal::Full { setting: Setting::MaxLen.word(), limit });
        }
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
}

fn attributes<'a>(push: &Push<'_, 'a>, at: Moment) -> Attributes<'a> {
    let unique = push.unique.map(|(key, for_ms)| {
        let until_ms = if for_ms == 0 { 0 } else { later(at.ms, for_ms) };
        Attribute::Unique { key, until_ms }
    });
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
