//! An agent as bytes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::codec;
use crate::engine::agent::Agent;
use crate::engine::event::bounded;
use crate::engine::numbers::STORED_MAX;

#[derive(Serialize, Deserialize)]
enum Record<'a> {
    Agent {
        epoch: u64,
        #[serde(borrow)]
        request: Option<&'a [u8]>,
        #[serde(borrow, deserialize_with = "bounded")]
        queues: SmallVec<[&'a [u8]; 4]>,
    },
}

/// The agent as bytes.
#[must_use]
pub fn encode(agent: &Agent) -> Vec<u8> {
    let record = Record::Agent {
        epoch: agent.epoch(),
        request: agent.request(),
        queues: agent.queues().collect(),
    };
    let mut bytes = Vec::new();
    codec::append(&mut bytes, &record);
    bytes
}

/// The agent of these bytes.
pub fn decode(mut bytes: &[u8]) -> Result<Agent, String> {
    let Record::Agent { epoch, request, queues } = codec::take(&mut bytes)?;
    if epoch > STORED_MAX {
        return Err(format!("the epoch {epoch} is too great"));
    }
    if !bytes.is_empty() {
        return Err("more bytes than an agent has".to_owned());
    }
    let queues = queues.into_iter().map(Into::into).collect();
    Ok(Agent::restored(epoch, request.map(Into::into), queues))
}
