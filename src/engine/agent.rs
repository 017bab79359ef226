//! The agent: an identity that outlives the process acting under it.
//!
//! Its key lists no tasks. It holds the epoch, which fences off every earlier process of that name,
//! and where to look: the names of the queues it took from. What it holds there, each queue knows.

use super::event::{AgentEvent, Batch};
use super::numbers::{Moment, NUMBER_MAX, next_epoch};
use super::refusal::{Refusal, Stale};
use super::task::Bytes;

/// One identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    epoch: u64,
    /// The request that began this epoch, so that it can be repeated.
    request: Option<Bytes>,
    /// The queues it took from, by name.
    queues: Vec<Bytes>,
    diverged: bool,
}

impl Agent {
    /// An identity as it is read from storage.
    #[must_use]
    pub fn restored(epoch: u64, request: Option<Bytes>, mut queues: Vec<Bytes>) -> Self {
        queues.sort_unstable();
        queues.dedup();
        Self { epoch, request, queues, diverged: false }
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The id of the request that began the epoch.
    #[must_use]
    pub fn request(&self) -> Option<&[u8]> {
        self.request.as_deref()
    }

    /// The queues it took from, in the order of their names.
    pub fn queues(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.queues.iter().map(AsRef::as_ref)
    }

    /// Whether it took from this queue before.
    #[must_use]
    pub fn knows(&self, queue: &[u8]) -> bool {
        self.place_of(queue).is_ok()
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

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let names: usize = self.queues.iter().map(|name| name.len() + size_of::<Bytes>()).sum();
        names + self.request.as_ref().map_or(0, |request| request.len())
    }

    /// Applies every event of a batch that was decided on this state.
    pub fn apply(&mut self, batch: &Batch<'_, AgentEvent<'_>>) {
        batch.events.iter().for_each(|event| self.apply_event(event));
    }

    /// Applies a batch that comes from outside, up to the first event that does not fit.
    pub fn follow(&mut self, batch: &Batch<'_, AgentEvent<'_>>) -> Result<(), String> {
        for event in &batch.events {
            if let AgentEvent::Assumed { epoch, .. } = event
                && !(self.epoch + 1..=NUMBER_MAX).contains(epoch)
            {
                self.diverged = true;
                return Err(format!("epoch {epoch} after {}", self.epoch));
            }
            self.apply_event(event);
        }
        Ok(())
    }

    fn apply_event(&mut self, event: &AgentEvent<'_>) {
        match event {
            AgentEvent::Assumed { epoch, request } => {
                self.epoch = *epoch;
                self.request = request.map(Bytes::from);
            }
            AgentEvent::TookFrom { queue } => {
                if let Err(place) = self.place_of(queue) {
                    self.queues.insert(place, (*queue).into());
                }
            }
        }
    }

    fn place_of(&self, queue: &[u8]) -> Result<usize, usize> {
        self.queues.binary_search_by(|known| known.as_ref().cmp(queue))
    }
}

/// Whether a call under this name may act: under the current epoch, or without any where none is
/// required.
pub fn authorize(
    agent: Option<&Agent>,
    epoch: Option<u64>,
    epoch_required: bool,
) -> Result<(), Refusal> {
    match (agent, epoch) {
        (Some(agent), _) if agent.diverged => Err(Refusal::Diverged),
        (_, None) if epoch_required => Err(Refusal::Stale(Stale::Missing)),
        (_, None) => Ok(()),
        (None, Some(_)) => Err(Refusal::Stale(Stale::NoAgent)),
        (Some(agent), Some(epoch)) if agent.epoch == epoch => Ok(()),
        (Some(agent), Some(epoch)) if agent.epoch < epoch => Err(Refusal::Stale(Stale::Unknown)),
        (Some(_), Some(_)) => Err(Refusal::Stale(Stale::Renewed)),
    }
}

/// Decides what the identity must remember before it holds something of a queue: nothing in most
/// cases, since it took from there before.
#[must_use]
pub fn decide_took_from<'a>(
    agent: Option<&Agent>,
    queue: &'a [u8],
    at: Moment,
) -> Option<Batch<'a, AgentEvent<'a>>> {
    let took = AgentEvent::TookFrom { queue };
    match agent {
        Some(agent) if agent.knows(queue) => None,
        Some(_) => Some(Batch::of(at.ms, took)),
        None => {
            let assumed = AgentEvent::Assumed { epoch: epoch_of_taking(None, at), request: None };
            let mut batch = Batch::of(at.ms, assumed);
            batch.events.push(took);
            Some(batch)
        }
    }
}

/// The epoch that a taking is made under: the current one, or the one that it begins.
#[must_use]
pub fn epoch_of_taking(agent: Option<&Agent>, at: Moment) -> u64 {
    agent.map_or_else(|| next_epoch(0, at), Agent::epoch)
}

/// Decides a new epoch; nothing when the same request began the current one.
#[must_use]
pub fn decide_assume<'a>(
    agent: Option<&Agent>,
    request: Option<&'a [u8]>,
    at: Moment,
) -> Option<(u64, Batch<'a, AgentEvent<'a>>)> {
    if begins_current_epoch(agent, request) {
        return None;
    }
    let epoch = next_epoch(agent.map_or(0, Agent::epoch), at);
    Some((epoch, Batch::of(at.ms, AgentEvent::Assumed { epoch, request })))
}

/// Whether this very request began the current epoch: it is made again, after a lost reply.
#[must_use]
pub fn begins_current_epoch(agent: Option<&Agent>, request: Option<&[u8]>) -> bool {
    request.is_some() && agent.is_some_and(|agent| agent.request() == request)
}
