//! An agent as bytes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::codec;
use crate::engine::agent::{Agent, Facts, State, Stop};
use crate::engine::event::bounded;
use crate::engine::numbers::{NUMBER_MAX, STORED_MAX};

#[derive(Serialize, Deserialize)]
enum Record<'a> {
    Agent {
        epoch: u64,
        #[serde(borrow)]
        request: Option<&'a [u8]>,
        #[serde(borrow, deserialize_with = "bounded")]
        queues: SmallVec<[&'a [u8]; 4]>,
        lease_ms: u64,
        beat_ms: u64,
        left_ms: u64,
        state: State,
        stop: Option<Stop>,
    },
}

/// The agent as bytes.
#[must_use]
pub fn encode(agent: &Agent) -> Vec<u8> {
    let facts = agent.facts();
    let record = Record::Agent {
        epoch: facts.epoch,
        request: facts.request.as_deref(),
        queues: agent.queues().collect(),
        lease_ms: facts.lease_ms,
        beat_ms: facts.beat_ms,
        left_ms: facts.left_ms,
        state: facts.state,
        stop: facts.stop,
    };
    let mut bytes = Vec::new();
    codec::append(&mut bytes, &record);
    bytes
}

/// The agent of these bytes.
pub fn decode(mut bytes: &[u8]) -> Result<Agent, String> {
    let Record::Agent { epoch, request, queues, lease_ms, beat_ms, left_ms, state, stop } =
        codec::take(&mut bytes)?;
    if epoch > STORED_MAX {
        return Err(format!("the epoch {epoch} is too great"));
    }
    let times = [lease_ms, beat_ms, left_ms, stop.map_or(0, |stop| stop.from_ms.max(stop.reset))];
    if let Some(time) = times.into_iter().find(|time| *time > NUMBER_MAX) {
        return Err(format!("the time {time} is too great"));
    }
    if !bytes.is_empty() {
        return Err("more bytes than an agent has".to_owned());
    }
    Ok(Agent::restored(Facts {
        epoch,
        request: request.map(Into::into),
        queues: queues.into_iter().map(Into::into).collect(),
        lease_ms,
        beat_ms,
        left_ms,
        state,
        stop,
    }))
}
