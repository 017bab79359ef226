//! What can be refused, with which code, in which words. A refused command has changed nothing.
//!
//! The first word of a refusal is its code and part of the API: clients branch on it. The rest
//! names the culprit. When several would apply, the words are judged first, then the caller (its
//! epoch), then the queue, then the task.

use std::fmt;

use super::outcome::Phase;
use super::task::{Cause, State};

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The words of the command are wrong.
    Syntax(String),
    /// A key holds something else than is wanted of it.
    WrongType {
        /// The key.
        key: Vec<u8>,
        /// What is wanted.
        wanted: &'static str,
    },
    /// The caller has no right to a key that the command would open.
    NoPermission(Vec<u8>),
    /// A key that the command would open is not served here now.
    TryAgain,
    /// A replica's copy does not follow its primary any more: nothing may be built on it.
    Diverged,
    /// The epoch is not the identity's current one.
    Stale {
        /// The identity.
        agent: Vec<u8>,
        /// What is wrong.
        why: Stale,
    },
    /// There is no pool that gives identities away.
    NoAgent(Vec<u8>),
    /// The agent is to take nothing more.
    AgentDraining {
        /// The agent.
        agent: Vec<u8>,
        /// Its pool, if it is that which drains.
        pool: Option<Vec<u8>>,
    },
    /// The pool gives nobody away.
    PoolDraining(Vec<u8>),
    /// The identity's lease is alive.
    BusyAgent {
        /// The identity.
        agent: Vec<u8>,
        /// What is left of the lease, in milliseconds.
        left_ms: u64,
    },
    /// There is no such task.
    NoTask(u64),
    /// There is no such workflow, or none that goes on.
    NoWorkflow {
        /// Its number.
        id: u64,
        /// How it ended, if it is known; one that is open is being cancelled.
        phase: Option<Phase>,
    },
    /// Tasks wait for one another in a way that cannot be.
    BadDag(String),
    /// The task waits for others: no time can be set for it.
    Waiting(u64),
    /// The task is there, but not the caller's.
    NotOwner {
        /// The task.
        id: u64,
        /// What became of it.
        now: Now,
    },
    /// The task runs or has ended: what only a pre-running one allows is too late.
    NotEditable {
        /// The task.
        id: u64,
        /// Where it stands.
        state: State,
    },
    /// A limit of the queue is reached.
    Full {
        /// The setting that says so.
        setting: &'static str,
        /// Its value.
        limit: u64,
    },
    /// The memory that the server may use is used up.
    OutOfMemory,
    /// Keys may be evicted by this policy, and a queue is work, not cache.
    Evictable(&'static str),
    /// The key is not there.
    NoSuchKey(Vec<u8>),
    /// An invariant does not hold.
    Broken(String),
}

/// What is wrong with an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Somebody assumed the identity since.
    Renewed,
    /// It is greater than any that the identity had.
    Unknown,
    /// The identity is not there (any more).
    NoAgent,
    /// This call, or every one on this server, must carry an epoch.
    Missing,
    /// The identity has a lease, and its calls must carry the epoch.
    Leased,
    /// The identity stopped for good.
    Retired,
}

/// What became of a task that is not the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Now {
    /// Somebody else holds it.
    HeldBy(Vec<u8>),
    /// The caller's name holds it, by another taking than the fence is of.
    TakenAgain,
    /// Nobody holds it.
    Is(State, Cause),
}

/// The most bytes of a client's own that an error repeats.
const QUOTED_MAX: usize = 64;

/// Bytes between quotes as an error may repeat them: printable, and not at any length.
#[must_use]
pub fn quoted(bytes: &[u8]) -> String {
    match bytes.get(..QUOTED_MAX) {
        Some(start) if bytes.len() > QUOTED_MAX => format!("'{}...'", start.escape_ascii()),
        _ => format!("'{}'", bytes.escape_ascii()),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => write!(out, "ERR {text}"),
            Self::WrongType { key, wanted } => {
                write!(out, "WRONGTYPE the key {} holds no {wanted}", quoted(key))
            }
            Self::NoPermission(key) => {
                write!(out, "NOPERM no permission for the key {}", quoted(key))
            }
            Self::TryAgain => {
                out.write_str("TRYAGAIN a key that this command needs is not served here now")
            }
            Self::Diverged => out.write_str(
                "ERR this key does not follow its former primary; reload it before changing it",
            ),
            Self::Stale { agent, why } => write!(out, "STALE {}: {why}", quoted(agent)),
            Self::NoAgent(pool) => write!(out, "NOAGENT there is no pool {}", quoted(pool)),
            Self::AgentDraining { agent, pool: None } => {
                write!(out, "DRAINING {} is to take nothing more", quoted(agent))
            }
            Self::AgentDraining { agent, pool: Some(pool) } => write!(
                out,
                "DRAINING {} is to take nothing more: its pool {} drains",
                quoted(agent),
                quoted(pool)
            ),
            Self::PoolDraining(pool) => {
                write!(out, "DRAINING the pool {} drains: none can be assumed", quoted(pool))
            }
            Self::BusyAgent { agent, left_ms } => write!(
                out,
                "BUSYAGENT the lease of {} runs for another {left_ms} ms: wait, or say FORCE",
                quoted(agent)
            ),
            Self::NoTask(id) => write!(out, "NOTASK there is no task {id}"),
            Self::NoWorkflow { id, phase: None } => {
                write!(out, "NOWORKFLOW there is no workflow {id}")
            }
            Self::NoWorkflow { id, phase: Some(Phase::Open) } => {
                write!(out, "NOWORKFLOW workflow {id} is being cancelled")
            }
            Self::NoWorkflow { id, phase: Some(phase) } => {
                write!(out, "NOWORKFLOW workflow {id} is {}", phase.word())
            }
            Self::BadDag(text) => write!(out, "BADDAG {text}"),
            Self::Waiting(id) => {
                write!(out, "ERR task {id} waits for other tasks: DELAY and AT cannot be set")
            }
            Self::NotOwner { id, now } => write!(out, "NOTOWNER task {id} {now}"),
            Self::NotEditable { id, state } => {
                write!(out, "ERR task {id} is {}: it is too late to change it", state.word())
            }
            Self::Full { setting, limit } => write!(out, "FULL {setting} is {limit}"),
            Self::OutOfMemory => out.write_str(
                "OOM memory is used up: RESULT, ERROR, CHECKPOINT, HANDLE above 1 KiB are refused",
            ),
            Self::Evictable(policy) => write!(
                out,
                "ERR maxmemory-policy is {policy}, which may evict a queue and its tasks: use \
                 noeviction or volatile-*, or set baton.allow-eviction yes"
            ),
            Self::NoSuchKey(key) => write!(out, "ERR no such key {}", quoted(key)),
            Self::Broken(text) => write!(out, "ERR broken invariant: {text}"),
        }
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Renewed => {
                "this is not its epoch any more: it was recovered, assumed or retired since"
            }
            Self::Unknown => "it never had such an epoch; is that a fence?",
            Self::NoAgent => "there is no such agent",
            Self::Missing => "this call must give EPOCH, as RECOVER or ASSUME replied it",
            Self::Leased => {
                "it has a lease, so its calls must give EPOCH, as RECOVER or ASSUME replied it"
            }
            Self::Retired => "it is retired: RECOVER or ASSUME it",
        })
    }
}

impl fmt::Display for Now {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeldBy(agent) => write!(out, "is held by {}", quoted(agent)),
            Self::TakenAgain => out.write_str("was taken again or recovered: the fence is over"),
            Self::Is(state, cause) if state.word() == cause.words() => {
                write!(out, "is {}", state.word())
            }
            Self::Is(state, cause) => write!(out, "is {}: {}", state.word(), cause.words()),
        }
    }
}
