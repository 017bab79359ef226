//! Events as bytes: what replicas and the append-only file get. Blobs travel beside them.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{EVENTS_VERSION, codec};
use crate::engine::event::{AgentEvent, Batch, PoolEvent, QueueEvent};
use crate::engine::numbers::NUMBER_MAX;

/// What the events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A queue.
    Queue,
    /// An agent.
    Agent,
    /// A chunk of a queue's dump, from a rewritten append-only file.
    QueueChunk,
    /// A dump of an agent, from there too.
    AgentDump,
    /// A pool.
    Pool,
    /// A dump of a pool.
    PoolDump,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Queue, Self::Agent, Self::QueueChunk, Self::AgentDump, Self::Pool, Self::PoolDump];

    fn byte(self) -> u8 {
        match self {
            Self::Queue => b'Q',
            Self::Agent => b'A',
            Self::QueueChunk => b'q',
            Self::AgentDump => b'a',
            Self::Pool => b'P',
            Self::PoolDump => b'p',
        }
    }

    /// Begins what is about this kind: its letter and the version.
    #[must_use]
    pub fn header(self) -> [u8; 2] {
        [self.byte(), EVENTS_VERSION]
    }

    /// Takes the header off; tells what the rest is about.
    pub fn of(bytes: &[u8]) -> Result<(Self, &[u8]), String> {
        let [letter, version, rest @ ..] = bytes else { return Err("no header".to_owned()) };
        if *version != EVENTS_VERSION {
            return Err(format!("version {version}, and this server knows {EVENTS_VERSION}"));
        }
        let kind = Self::ALL.into_iter().find(|kind| kind.byte() == *letter);
        kind.map(|kind| (kind, rest)).ok_or_else(|| format!("about a thing of kind {letter}"))
    }
}

/// Appends a batch about a queue.
pub fn append_queue_events(bytes: &mut Vec<u8>, batch: &Batch<'_, QueueEvent<'_>>) {
    append(bytes, Kind::Queue, batch);
}

/// Appends a batch about an agent.
pub fn append_agent_events(bytes: &mut Vec<u8>, batch: &Batch<'_, AgentEvent<'_>>) {
    append(bytes, Kind::Agent, batch);
}

/// Appends a batch about a pool.
pub fn append_pool_events(bytes: &mut Vec<u8>, batch: &Batch<'_, PoolEvent>) {
    append(bytes, Kind::Pool, batch);
}

/// Reads a batch back, from what follows the header.
pub fn decode<'a, E: Deserialize<'a>>(
    mut bytes: &'a [u8],
    blobs: SmallVec<[&'a [u8]; 2]>,
) -> Result<Batch<'a, E>, String> {
    let at_ms = codec::take(&mut bytes)?;
    if at_ms > NUMBER_MAX {
        return Err(format!("the time {at_ms} is too great"));
    }
    let mut batch = Batch { at_ms, events: SmallVec::new(), blobs };
    while !bytes.is_empty() {
        batch.events.push(codec::take(&mut bytes)?);
    }
    Ok(batch)
}

/// Appends to what one call has said of the key so far: the header and the time stand there once.
fn append<E: Serialize>(bytes: &mut Vec<u8>, kind: Kind, batch: &Batch<'_, E>) {
    if bytes.is_empty() {
        bytes.extend_from_slice(&kind.header());
        codec::append(bytes, &batch.at_ms);
    }
    batch.events.iter().for_each(|event| codec::append(bytes, event));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::{Ids, Request};

    #[test]
    fn events_come_back_as_they_went_out() {
        let mut bytes = Vec::new();
        let mut batch = Batch::at(1_764_000_000_000);
        batch.events.push(QueueEvent::Taken {
            owner: b"\0a\xff",
            fence: 7,
            ids: Ids::from_slice(&[1, 1 << 52]),
            request: Some(Request { epoch: 3, id: b"r" }),
        });
        batch.events.push(QueueEvent::Recovered { owner: b"", void: 9, left: true });
        append_queue_events(&mut bytes, &batch);
        let (kind, rest) = Kind::of(&bytes).unwrap();
        assert_eq!(kind, Kind::Queue);
        let again: Batch<'_, QueueEvent<'_>> = decode(rest, SmallVec::new()).unwrap();
        assert_eq!((again.at_ms, again.events), (batch.at_ms, batch.events));
    }

    #[test]
    fn a_length_that_lies_allocates_nothing() {
        let mut bytes = Vec::new();
        codec::append(&mut bytes, &1_u64);
        codec::append(&mut bytes, &2_u32); // Completed
        codec::append(&mut bytes, &(1_u64 << 40)); // so many ids
        assert!(decode::<QueueEvent<'_>>(&bytes, SmallVec::new()).is_err());
    }

    #[test]
    fn another_version_is_refused_by_name() {
        assert_eq!(Kind::of(&[b'Q', 9]).unwrap_err(), "version 9, and this server knows 1");
    }
}
