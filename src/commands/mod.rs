//! How each command is worded: bytes in, a decision of the engine, a reply out. Pure like the
//! engine: what a command needs of a server it gets through [`Keyspace`] and [`Reply`].
//!
//! One file per command or pair of siblings: its `//!` is for the reader of the code, its [`Spec`]
//! is the reference from which COMMAND DOCS and the README's table are made, and `run` parses,
//! decides, commits and replies, in this order. A command that is refused returns before `commit`.
#![forbid(unsafe_code)]

mod args;
mod assume;
mod beat;
mod bulk;
mod cancel;
mod check;
mod document;
mod done;
mod drain;
pub mod due;
mod edit;
mod fail;
mod fields;
mod found;
mod held;
mod identity;
mod info;
mod list;
mod mpop;
mod nack;
mod next;
mod owners;
mod pause;
mod places;
mod pool;
mod pop;
mod purge;
mod push;
mod recover;
mod recovery;
#[cfg(test)]
mod reference;
mod reset;
mod retire;
mod retry;
mod set;
mod spec;
mod submit;
mod taking;
mod task;
#[cfg(test)]
mod tests;
mod touch;
mod wait;
mod workflow;

pub use args::Args;
pub use fields::{Fields, Value};
pub use spec::{Access, Arg, Keys, Kind, Spec};
pub use wait::{Awaited, tell};

use crate::engine::agent::Agent;
use crate::engine::epoch::authorize;
use crate::engine::event::{AgentEvent, Batch, PoolEvent, QueueEvent};
use crate::engine::numbers::Moment;
use crate::engine::pool::Pool;
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;
use crate::engine::slab::Slot;
use crate::engine::waiters::Wants;

/// Every command that clients call, in the order of the reference.
pub static TABLE: &[&Spec] = &[
    &push::PUSH,
    &push::MPUSH,
    &submit::SUBMIT,
    &edit::EDIT,
    &pop::POP,
    &mpop::MPOP,
    &done::DONE,
    &done::MDONE,
    &next::NEXT,
    &fail::FAIL,
    &nack::NACK,
    &touch::TOUCH,
    &recover::RECOVER,
    &held::HELD,
    &pool::POOL,
    &assume::ASSUME,
    &beat::BEAT,
    &retire::RETIRE,
    &pause::PAUSE,
    &pause::RESUME,
    &drain::DRAIN,
    &reset::RESET,
    &cancel::CANCEL,
    &retry::RETRY,
    &purge::PURGE,
    &owners::OWNERS,
    &task::TASK,
    &workflow::WORKFLOW,
    &wait::WAIT,
    &list::LIST,
    &list::LEN,
    &info::INFO,
    &set::SET,
    &check::CHECK,
];

/// A key that a command has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub usize);

/// The keys of the server, as far as a command may see them.
pub trait Keyspace<'a> {
    /// Opens a key that the command declares.
    fn open(&mut self, name: &'a [u8]) -> Key;

    /// Opens keys that the command does not declare, since what is at `beside` names them: all of
    /// them, or none when the caller may not use one or one is not served here. A key that cannot
    /// be reached from the slot of `beside` is not opened.
    fn open_named(
        &mut self,
        beside: Key,
        names: &[&[u8]],
        access: Access,
    ) -> Result<Vec<Option<Key>>, Refusal>;

    /// Opens a key that `beside` names for the server's own ends, whoever calls: what is due, and
    /// facts that are the caller's own. Nothing if it cannot be reached from that slot.
    fn open_own(&mut self, beside: Key, name: &[u8]) -> Option<Key>;

    /// The queue at a key; nothing when there is no such key.
    fn queue(&self, key: Key) -> Result<Option<&Queue>, Refusal>;

    /// The agent at a key; nothing when there is no such key.
    fn agent(&self, key: Key) -> Result<Option<&Agent>, Refusal>;

    /// The pool at a key; nothing when there is no such key.
    fn pool(&self, key: Key) -> Result<Option<&Pool>, Refusal>;

    /// Sees to it that there is a stream at a key of the slot of `beside`, for the events of the
    /// queue there; refused when there is something else, or the caller may not write it.
    fn begin_stream(&mut self, beside: Key, stream: &[u8]) -> Result<(), Refusal>;

    /// Whether the memory that the server may use is used up.
    fn memory_is_full(&self) -> bool;

    /// Whether the caller can be made to wait: not inside MULTI or a script.
    fn may_block(&self) -> bool;

    /// Whether nothing may be changed here: a replica.
    fn is_read_only(&self) -> bool;

    /// Applies what was decided about a queue, and makes it known. Makes the queue if need be.
    fn apply_queue(&mut self, key: Key, batch: Batch<'_, QueueEvent<'_>>);

    /// Applies what was decided about an agent, and makes it known. Makes the agent if need be.
    fn commit_agent(&mut self, key: Key, batch: Batch<'_, AgentEvent<'_>>);

    /// Applies what was decided about a pool, and makes it known. Makes the pool if need be.
    fn commit_pool(&mut self, key: Key, batch: Batch<'_, PoolEvent>);

    /// The backstop looks at some owners of a queue later. Nobody else need know.
    fn postpone(&mut self, key: Key, postponed: &[(Slot, u64)]);

    /// Deletes a key, here and everywhere.
    fn remove(&mut self, key: Key);

    /// Somebody waits for the end of this task or workflow of a queue. Nobody else need know.
    fn await_end(&mut self, key: Key, id: u64);

    /// Whoever waits for this key is decided anew, though nothing about it has changed.
    fn wake(&mut self, key: Key);

    /// Makes what was decided about a queue so, with what it means for workflows.
    fn commit_queue(&mut self, key: Key, mut batch: Batch<'_, QueueEvent<'_>>) {
        if let Ok(Some(queue)) = self.queue(key) {
            queue.conclude(&mut batch);
        }
        self.apply_queue(key, batch);
    }

    /// The agent at a key that is about to be changed.
    fn agent_to_change(&self, key: Key) -> Result<Option<&Agent>, Refusal> {
        match self.agent(key)? {
            Some(agent) if agent.is_diverged() => Err(Refusal::Diverged),
            agent => Ok(agent),
        }
    }

    /// The pool at a key that is about to be changed.
    fn pool_to_change(&self, key: Key) -> Result<Option<&Pool>, Refusal> {
        match self.pool(key)? {
            Some(pool) if pool.is_diverged() => Err(Refusal::Diverged),
            pool => Ok(pool),
        }
    }

    /// The queue at a key that is about to be changed.
    fn queue_to_change(&self, key: Key) -> Result<Option<&Queue>, Refusal> {
        match self.queue(key)? {
            Some(queue) if queue.is_diverged() => Err(Refusal::Diverged),
            queue => Ok(queue),
        }
    }
}

/// Where a reply is written, piece by piece, straight to the client.
pub trait Reply {
    /// An integer.
    fn integer(&mut self, value: i64);
    /// Bytes.
    fn bytes(&mut self, value: &[u8]);
    /// The status OK.
    fn ok(&mut self);
    /// Nothing.
    fn null(&mut self);
    /// The start of an array of so many elements.
    fn array(&mut self, len: usize);
    /// The start of a map of so many pairs.
    fn map(&mut self, pairs: usize);
}

/// What the server demands of every call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Calls of agents must carry their epoch.
    pub epoch_required: bool,
    /// The policy by which the server may evict queues, if it may.
    pub evictable: Option<&'static str>,
    /// The caller waited and is decided anew.
    pub woken: bool,
    /// The caller waited for a condition, and the time is over: it is told how things stand, and
    /// nothing may be changed.
    pub timed_out: bool,
}

impl Rules {
    /// Refuses growth where queues could be evicted.
    pub fn allow_growth(&self) -> Result<(), Refusal> {
        self.evictable.map_or(Ok(()), |policy| Err(Refusal::Evictable(policy)))
    }
}

/// One call of a command.
pub struct Call<'c, 'a> {
    /// The words after the command's name.
    pub args: Args<'a>,
    /// The keys.
    pub keys: &'c mut dyn Keyspace<'a>,
    /// The reply.
    pub reply: &'c mut dyn Reply,
    /// When.
    pub at: Moment,
    /// What the server demands.
    pub rules: Rules,
}

/// What may be left with a task even while memory is used up, in bytes.
const SMALL_BYTES: usize = 1_024;

impl<'a> Call<'_, 'a> {
    /// Whether the caller may act under this name: the name's key, if so.
    fn authorize(&mut self, agent: &'a [u8], epoch: Option<u64>) -> Result<Key, Refusal> {
        let key = self.keys.open(agent);
        authorize(agent, self.keys.agent(key)?, epoch, self.rules.epoch_required)?;
        Ok(key)
    }

    /// The call is accepted: a sign of life, which is recorded now and then.
    fn renew(&mut self, agent: Key) {
        let known = self.keys.agent(agent).ok().flatten();
        if let Some(batch) = known.and_then(|known| known.decide_renew(self.at)) {
            self.keys.commit_agent(agent, batch);
        }
    }

    /// Takes what is to be kept with a task; if large, only while there is memory for it.
    fn blob(&mut self, what: &str) -> Result<&'a [u8], Refusal> {
        let bytes = self.args.word(what)?;
        if bytes.len() > SMALL_BYTES && self.keys.memory_is_full() {
            return Err(Refusal::OutOfMemory);
        }
        Ok(bytes)
    }

    /// A count, then as many of them.
    fn blobs(&mut self, what: &str) -> Result<&'a [&'a [u8]], Refusal> {
        let all = self.args.counted(what)?;
        if all.iter().any(|bytes| bytes.len() > SMALL_BYTES) && self.keys.memory_is_full() {
            return Err(Refusal::OutOfMemory);
        }
        Ok(all)
    }
}

/// What a client wants that waits for tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The queues.
    pub queues: Vec<Key>,
    /// The agent that is to take them.
    pub agent: Key,
    /// Which tasks.
    pub wants: Wants,
}

/// What follows a call that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has replied.
    Replied,
    /// It has not replied: the client waits for one of these keys. What it has changed already (a
    /// lease, and NEXT's task) it does not change again when it is decided anew.
    Wait {
        /// The keys.
        keys: Vec<Key>,
        /// What it wants to take of which queues, if it is for that.
        turn: Option<Turn>,
        /// How long, in milliseconds; 0: for ever.
        timeout_ms: u64,
    },
    /// It has not replied: the client waits until the key is signalled, or an agent holds nothing
    /// any more in some queue. Then it is decided anew, and does not repeat what it changed when it
    /// was called; when the time is over, once more, to tell how things stand.
    Watch {
        /// The key.
        key: Key,
        /// How long, in milliseconds; 0: for ever.
        timeout_ms: u64,
    },
    /// It has not replied: the client waits for the end of a task or a workflow, and is told that.
    Await {
        /// The queue.
        key: Key,
        /// What it waits for.
        awaited: Awaited,
        /// How long, in milliseconds; 0: for ever.
        timeout_ms: u64,
    },
}
