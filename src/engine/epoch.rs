//! Who may act under a name, and how somebody else comes to: an epoch fences off those before it.

use super::agent::{Agent, State};
use super::event::{AgentEvent, Batch};
use super::numbers::{Moment, next_epoch};
use super::refusal::{Refusal, Stale};

/// Whether a call under this name may act: under the current epoch, or without any where none is
/// required.
pub fn authorize(
    name: &[u8],
    agent: Option<&Agent>,
    epoch: Option<u64>,
    epoch_required: bool,
) -> Result<(), Refusal> {
    let stale = |why| Err(Refusal::Stale { agent: name.to_vec(), why });
    match (agent, epoch) {
        (Some(agent), _) if agent.is_diverged() => Err(Refusal::Diverged),
        (Some(agent), Some(_)) => {
            check_epoch(name, Some(agent), epoch)?;
            if agent.state() == State::Retired { stale(Stale::Retired) } else { Ok(()) }
        }
        (None, Some(_)) => stale(Stale::NoAgent),
        (Some(agent), None) if agent.state() == State::Retired => stale(Stale::Retired),
        (_, None) if epoch_required => stale(Stale::Missing),
        (Some(agent), None) if agent.lease_ms() > 0 => stale(Stale::Leased),
        (_, None) => Ok(()),
    }
}

/// The epoch of a call that makes no sense without one.
pub fn required_epoch(name: &[u8], epoch: Option<u64>) -> Result<u64, Refusal> {
    epoch.ok_or_else(|| Refusal::Stale { agent: name.to_vec(), why: Stale::Missing })
}

/// Whether an epoch that a call carries is the current one.
fn check_epoch(name: &[u8], agent: Option<&Agent>, epoch: Option<u64>) -> Result<(), Refusal> {
    let Some(epoch) = epoch else { return Ok(()) };
    let stale = |why| Err(Refusal::Stale { agent: name.to_vec(), why });
    let Some(agent) = agent else { return stale(Stale::NoAgent) };
    match agent.epoch() {
        current if current == epoch => Ok(()),
        current if current < epoch => stale(Stale::Unknown),
        _ => stale(Stale::Renewed),
    }
}

/// Whether somebody may assume the identity `name`: not while its lease is alive, unless it is
/// forced or comes from its very holder.
pub fn may_assume(
    agent: Option<&Agent>,
    name: &[u8],
    epoch: Option<u64>,
    force: bool,
    at: Moment,
) -> Result<(), Refusal> {
    if agent.is_some_and(Agent::is_diverged) {
        return Err(Refusal::Diverged);
    }
    check_epoch(name, agent, epoch)?;
    match agent.and_then(|agent| agent.lease_left_ms(at)) {
        Some(left_ms) if left_ms > 0 && epoch.is_none() && !force => {
            Err(Refusal::BusyAgent { agent: name.to_vec(), left_ms })
        }
        _ => Ok(()),
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
            let mut batch = begun(at);
            batch.events.push(took);
            Some(batch)
        }
    }
}

/// Decides that an identity is known from now on, though it holds nothing yet; nothing if it is.
#[must_use]
pub fn decide_begin(
    agent: Option<&Agent>,
    at: Moment,
) -> Option<Batch<'static, AgentEvent<'static>>> {
    agent.is_none().then(|| begun(at))
}

/// The first epoch of an identity.
fn begun<'a>(at: Moment) -> Batch<'a, AgentEvent<'a>> {
    let epoch = epoch_of_taking(None, at);
    Batch::of(at.ms, AgentEvent::Assumed { epoch, request: None, lease_ms: 0 })
}

/// The epoch that a taking is made under: the current one, or the one that it begins.
#[must_use]
pub fn epoch_of_taking(agent: Option<&Agent>, at: Moment) -> u64 {
    agent.map_or_else(|| next_epoch(0, at), Agent::epoch)
}

/// Who assumes an identity, on which terms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Assumption<'a> {
    /// The client's id for it.
    pub request: Option<&'a [u8]>,
    /// The length of the lease in milliseconds; nothing: as it was.
    pub lease_ms: Option<u64>,
}

/// Decides a new epoch; nothing when the same request began the current one.
#[must_use]
pub fn decide_assume<'a>(
    agent: Option<&Agent>,
    assumption: &Assumption<'a>,
    at: Moment,
) -> Option<Batch<'a, AgentEvent<'a>>> {
    let Assumption { request, lease_ms } = *assumption;
    if begins_current_epoch(agent, request) {
        return None;
    }
    let epoch = next_epoch(agent.map_or(0, Agent::epoch), at);
    let lease_ms = lease_ms.unwrap_or_else(|| agent.map_or(0, Agent::lease_ms));
    Some(Batch::of(at.ms, AgentEvent::Assumed { epoch, request, lease_ms }))
}

/// Whether this very request began the current epoch: it is made again, after a lost reply.
#[must_use]
pub fn begins_current_epoch(agent: Option<&Agent>, request: Option<&[u8]>) -> bool {
    request.is_some() && agent.is_some_and(|agent| agent.request() == request)
}
