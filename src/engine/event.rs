//! What can happen to a queue, an agent or a pool. Deciding yields events; only applying them
//! changes state; replicas and the append-only file see nothing else. So this is also a stored
//! format: new kinds are added at the end, and what is here keeps its meaning.

use std::marker::PhantomData;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use smallvec::{Array, SmallVec};

use super::agent::Why;
use super::outcome::OnFail;
use super::settings::Setting;
use super::task::{Attribute, Attributes, Cause};

/// Task ids; mostly one.
pub type Ids = SmallVec<[u64; 2]>;

/// The number of one of the batch's blobs. Payloads, checkpoints and results travel beside the
/// events, so that a server can pass them on without copying.
pub type Blob = u32;

/// Events of one decision about one key.
pub struct Batch<'a, E> {
    /// When it was decided, Unix time in milliseconds. Applying sees no other clock.
    pub at_ms: u64,
    /// What happened, in order.
    pub events: SmallVec<[E; 1]>,
    /// The bytes that the events refer to.
    pub blobs: SmallVec<[&'a [u8]; 2]>,
}

impl<'a, E> Batch<'a, E> {
    /// Nothing happened yet.
    #[must_use]
    pub fn at(at_ms: u64) -> Self {
        Self { at_ms, events: SmallVec::new(), blobs: SmallVec::new() }
    }

    /// One thing happened.
    #[must_use]
    pub fn of(at_ms: u64, event: E) -> Self {
        let mut batch = Self::at(at_ms);
        batch.events.push(event);
        batch
    }

    /// Adds a blob and tells its number.
    pub fn blob(&mut self, bytes: &'a [u8]) -> Blob {
        self.blobs.push(bytes);
        self.blobs.len() as Blob - 1
    }
}

/// Which POP or NEXT took tasks, so that it can be repeated after a lost reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request<'a> {
    /// The epoch it was made under; 0 without EPOCH.
    pub epoch: u64,
    /// The client's id for it.
    pub id: &'a [u8],
}

/// What can happen to a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum QueueEvent<'a> {
    /// `count` tasks came in, numbered from `first`, with payloads from `payload`.
    Pushed {
        /// Id of the first.
        first: u64,
        /// How many.
        count: u32,
        /// Blob of the first.
        payload: Blob,
        /// The type's name.
        #[serde(borrow)]
        kind: &'a [u8],
        /// 0 is served first.
        priority: u16,
        /// What most tasks do not have.
        #[serde(borrow, deserialize_with = "bounded")]
        attributes: Attributes<'a>,
    },
    /// Ready tasks were exchanged for the identity of an owner.
    Taken {
        /// The agent's name.
        owner: &'a [u8],
        /// The first task's fence; the next one's is one more.
        fence: u64,
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
        /// Set when the caller wants to be able to repeat it.
        request: Option<Request<'a>>,
    },
    /// Their owner completed running tasks.
    Completed {
        /// The tasks, all of one owner.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
        /// Whether one call named them together: then it can be repeated as a whole.
        batch: bool,
        /// Results by place among the ids, only of tasks that are kept.
        #[serde(deserialize_with = "bounded")]
        results: SmallVec<[(u32, Blob); 1]>,
    },
    /// Running tasks failed for good.
    Failed {
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
        /// Why: which counter it counts for.
        cause: Cause,
        /// The agent's words.
        error: Option<&'a [u8]>,
    },
    /// Running tasks are pre-running again, behind their equals; those whose cancellation was asked
    /// for are cancelled instead.
    Returned {
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
        /// The first one's place in line; the next one's is one more.
        order: u64,
        /// Why: which counter it counts for.
        cause: Cause,
        /// Until when they wait, Unix time in milliseconds; 0: they are ready.
        until_ms: u64,
        /// The agent's words.
        error: Option<&'a [u8]>,
    },
    /// The agent said how far it is.
    Touched {
        /// The task.
        id: u64,
        /// 0 to 100.
        progress: Option<u8>,
        /// What its next agent should know.
        checkpoint: Option<Blob>,
        /// Where the work really runs.
        handle: Option<&'a [u8]>,
    },
    /// An identity was assumed anew: the fences it was given so far are void.
    Recovered {
        /// The agent's name.
        owner: &'a [u8],
        /// The greatest number issued before.
        void: u64,
        /// Whether it was left on purpose, so that its tasks count an interruption and no crash.
        left: bool,
    },
    /// Tasks whose fence was void stay with their owner under a new one: a crash each, or an
    /// interruption if the identity was left on purpose.
    Settled {
        /// The first task's fence; the next one's is one more.
        fence: u64,
        /// The tasks, all of one owner.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
    },
    /// Ended tasks were kept long enough.
    Expired {
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
    },
    /// UNIQUE keys of ended tasks were kept long enough.
    Forgotten {
        /// Until when each was kept, and the task that had it.
        #[serde(deserialize_with = "bounded")]
        keys: SmallVec<[(u64, u64); 1]>,
    },
    /// A setting was changed.
    Set {
        /// Which.
        setting: Setting,
        /// To what.
        value: u64,
    },
    /// The time of scheduled tasks has come: they are ready, behind their equals.
    Readied {
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
        /// The first one's place in line; the next one's is one more.
        order: u64,
    },
    /// A running task may run until later.
    Extended {
        /// The task.
        id: u64,
        /// Until when, Unix time in milliseconds.
        until_ms: u64,
    },
    /// A pre-running task was changed.
    Edited {
        /// The task.
        id: u64,
        /// Its type, if that changed.
        kind: Option<&'a [u8]>,
        /// Its priority, if that changed.
        priority: Option<u16>,
        /// How long it may run, if that changed.
        timeout_ms: Option<u64>,
        /// Its new place, and until when it waits (0: it is ready), if those changed.
        place: Option<(u64, u64)>,
    },
    /// Tasks were cancelled: pre-running ones at once, running ones as soon as their agents let go.
    Cancelled {
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
    },
    /// Failed tasks are ready again, and what counted against them is forgotten.
    Retried {
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
        /// The first one's place in line; the next one's is one more.
        order: u64,
    },
    /// An operator dropped tasks that have ended.
    Purged {
        /// The tasks.
        #[serde(deserialize_with = "bounded")]
        ids: Ids,
    },
    /// Nothing is handed out any more, or nothing of one type.
    Paused {
        /// The type.
        kind: Option<&'a [u8]>,
    },
    /// Tasks are handed out again, or those of one type.
    Resumed {
        /// The type.
        kind: Option<&'a [u8]>,
    },
    /// Nothing is handed out any more, and somebody waits for what runs.
    Drained {
        /// When what still runs is reset, Unix time in milliseconds.
        reset_ms: Option<u64>,
    },
    /// Transitions are told to this stream from now on; without a name to none.
    Told {
        /// The key of the stream.
        stream: &'a [u8],
    },
    /// A workflow came in; its tasks follow.
    Submitted {
        /// Its number.
        id: u64,
        /// How many tasks it has at first.
        size: u32,
        /// Its name.
        name: &'a [u8],
        /// What a failure means for the rest.
        on_fail: OnFail,
        /// How long it is kept once done, in milliseconds; nothing: as the queue's setting says.
        retain_ms: Option<u64>,
        /// Its UNIQUE key, and until when that stays taken, Unix time in milliseconds.
        unique: Option<(&'a [u8], u64)>,
    },
    /// A task came into a workflow.
    Added {
        /// The workflow's number.
        workflow: u64,
        /// The task's.
        id: u64,
        /// The blob of its payload.
        payload: Blob,
        /// Its name.
        name: &'a [u8],
        /// The type's name.
        kind: &'a [u8],
        /// 0 is served first.
        priority: u16,
        /// What it waits for, each as one number.
        #[serde(deserialize_with = "bounded")]
        parents: SmallVec<[u32; 2]>,
        /// What most tasks do not have.
        #[serde(borrow, deserialize_with = "bounded")]
        attributes: SmallVec<[Attribute<'a>; 1]>,
    },
    /// What the ends of tasks mean for their workflows was worked off.
    Advanced,
    /// What of a workflow does not run is held back, or no longer.
    WorkflowHeld {
        /// Its number.
        id: u64,
        /// Whether it is.
        paused: bool,
    },
    /// A workflow was cancelled: what does not run at once, the rest as its agents let go of it.
    WorkflowCancelled {
        /// Its number.
        id: u64,
    },
    /// What had failed of a workflow, or had never started, runs again.
    WorkflowRetried {
        /// Its number.
        id: u64,
    },
    /// The last tasks of a workflow that has ended were dropped; with the last of all, itself.
    Swept {
        /// Its number.
        id: u64,
        /// How many.
        count: u64,
    },
}

/// What can happen to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentEvent<'a> {
    /// Somebody assumed the identity: a new epoch, and a lease that begins now.
    Assumed {
        /// The epoch.
        epoch: u64,
        /// The id of the request, so that it can be repeated.
        #[serde(borrow)]
        request: Option<&'a [u8]>,
        /// How long the lease runs without a sign of life, in milliseconds; 0: there is none.
        lease_ms: u64,
    },
    /// It took from a queue for the first time.
    TookFrom {
        /// The queue's name.
        queue: &'a [u8],
    },
    /// A sign of life.
    Renewed,
    /// Its lease ran out.
    Lapsed,
    /// It is to take nothing more until its epoch ends.
    Draining,
    /// It may take again.
    Resumed,
    /// It stopped for good: a new epoch that nobody acts under.
    Retired {
        /// The epoch.
        epoch: u64,
    },
    /// What it holds is handed back from some moment on.
    Stopping {
        /// That moment, Unix time in milliseconds.
        from_ms: u64,
        /// Why.
        why: Why,
    },
    /// Some of it was.
    HandedBack {
        /// How many tasks.
        count: u64,
        /// Whether that was all.
        over: bool,
    },
    /// What it holds stays with it after all.
    Spared,
}

/// What can happen to a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolEvent {
    /// It was made or changed.
    Set {
        /// How many identities it gives away.
        size: u32,
        /// The length of their leases, in milliseconds.
        lease_ms: u64,
        /// How long after its lease an identity keeps what it holds; 0: for ever.
        orphan_ms: u64,
    },
    /// An identity of a greater number than any before was given away.
    Reached {
        /// The number.
        number: u32,
    },
    /// Its identities take nothing more, and none is given away.
    Draining {
        /// When what they hold then is handed back; nothing: as it was.
        reset_ms: Option<u64>,
    },
    /// All as usual again.
    Resumed,
    /// Some of its identities were told that they stop.
    Walked {
        /// Why they do.
        why: Why,
        /// The number to go on with; nothing: these were the last.
        next: Option<u32>,
    },
    /// Tasks of its identities were handed back, since it drains.
    HandedBack {
        /// How many.
        count: u64,
    },
}

/// Reads a list without believing the length it claims: room is made as entries really come.
pub(crate) fn bounded<'de, D, A>(deserializer: D) -> Result<SmallVec<A>, D::Error>
where
    D: Deserializer<'de>,
    A: Array,
    A::Item: Deserialize<'de>,
{
    struct Entries<A>(PhantomData<A>);

    impl<'de, A> Visitor<'de> for Entries<A>
    where
        A: Array,
        A::Item: Deserialize<'de>,
    {
        type Value = SmallVec<A>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("a list")
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
            let mut entries = SmallVec::new();
            while let Some(entry) = seq.next_element()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_seq(Entries(PhantomData))
}
