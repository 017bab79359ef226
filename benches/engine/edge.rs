//! What stands where the server stands: one queue, one agent, and a reply that nobody reads.

use std::hint::black_box;

use baton::commands::{Access, Args, Call, Key, Keyspace, Reply, Rules, Spec};
use baton::engine::agent::Agent;
use baton::engine::event::{AgentEvent, Batch, PoolEvent, QueueEvent};
use baton::engine::numbers::Moment;
use baton::engine::pool::Pool;
use baton::engine::queue::Queue;
use baton::engine::refusal::Refusal;
use baton::engine::slab::Slot;
use baton::storage::batch;

use crate::Outcome;

/// The names of the two keys.
pub(crate) const QUEUE: &[u8] = b"jobs";
pub(crate) const AGENT: &[u8] = b"agent";

/// Calls that are made within one millisecond.
const CALLS_PER_MS: u64 = 100;

/// A server of two keys, whose clock goes on with the calls.
#[derive(Default)]
pub(crate) struct Edge {
    queue: Queue,
    agent: Agent,
    /// What replicas would get.
    events: Vec<u8>,
    calls: u64,
}

/// Keeps of a reply what the next call needs.
#[derive(Default)]
struct Sink {
    id_follows: bool,
    id: Option<i64>,
}

impl Edge {
    /// Makes one call; the id of the task in the reply, or the number that is the reply.
    pub(crate) fn call(&mut self, spec: &Spec, words: &[&[u8]]) -> Outcome<u64> {
        self.calls += 1;
        let at = Moment {
            ms: 1_800_000_000_000 + self.calls / CALLS_PER_MS,
            entropy: self.calls.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            issued: 0,
            assumed: 0,
            since_ms: 0,
            grace_ms: 0,
        };
        let (mut reply, args, rules) = (Sink::default(), Args::of(words), Rules::default());
        let mut call = Call { args, keys: self, reply: &mut reply, at, rules };
        (spec.run)(&mut call).map_err(|refusal| format!("{}: {refusal}", spec.name))?;
        Ok(reply.id.unwrap_or_default() as u64)
    }
}

impl<'a> Keyspace<'a> for Edge {
    fn open(&mut self, name: &'a [u8]) -> Key {
        Key(usize::from(name != QUEUE))
    }

    fn open_named(
        &mut self,
        _beside: Key,
        names: &[&[u8]],
        _access: Access,
    ) -> Result<Vec<Option<Key>>, Refusal> {
        Ok(names.iter().map(|name| Some(Key(usize::from(*name != QUEUE)))).collect())
    }

    fn open_own(&mut self, _beside: Key, _name: &[u8]) -> Option<Key> {
        None
    }

    fn queue(&self, _key: Key) -> Result<Option<&Queue>, Refusal> {
        Ok(Some(&self.queue))
    }

    fn agent(&self, _key: Key) -> Result<Option<&Agent>, Refusal> {
        Ok(Some(&self.agent))
    }

    fn pool(&self, _key: Key) -> Result<Option<&Pool>, Refusal> {
        Ok(None)
    }

    fn begin_stream(&mut self, _beside: Key, _stream: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn memory_is_full(&self) -> bool {
        false
    }

    fn may_block(&self) -> bool {
        false
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn apply_queue(&mut self, _key: Key, batch: Batch<'_, QueueEvent<'_>>) {
        self.queue.apply(&batch);
        self.events.clear();
        batch::append_queue_events(&mut self.events, &batch);
        black_box(&self.events);
    }

    fn commit_agent(&mut self, _key: Key, batch: Batch<'_, AgentEvent<'_>>) {
        self.agent.apply(&batch);
        self.events.clear();
        batch::append_agent_events(&mut self.events, &batch);
        black_box(&self.events);
    }

    fn commit_pool(&mut self, _key: Key, _batch: Batch<'_, PoolEvent>) {}

    fn postpone(&mut self, _key: Key, _postponed: &[(Slot, u64)]) {}

    fn remove(&mut self, _key: Key) {}

    fn await_end(&mut self, _key: Key, _id: u64) {}

    fn wake(&mut self, _key: Key) {}
}

impl Reply for Sink {
    fn integer(&mut self, value: i64) {
        if self.id.is_none() || std::mem::take(&mut self.id_follows) {
            self.id = Some(value);
        }
    }

    fn bytes(&mut self, value: &[u8]) {
        self.id_follows = value == b"id";
        black_box(value);
    }

    fn ok(&mut self) {}

    fn null(&mut self) {}

    fn array(&mut self, _len: usize) {}

    fn map(&mut self, _pairs: usize) {}
}
