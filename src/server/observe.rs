//! What is told of events beside replicating them: counters for INFO, keyspace notifications, and
//! whether anybody who waits should be decided anew. Folds over events; nothing else counts.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::engine::event::{AgentEvent, Batch, PoolEvent, QueueEvent};
use crate::engine::task::Cause;

/// Counters since the module was loaded.
pub(super) struct Counters {
    pub(super) pushed: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) completed: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) returned: AtomicU64,
    pub(super) recoveries: AtomicU64,
    pub(super) readied: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) expired: AtomicU64,
    pub(super) diverged: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) decided_anew: AtomicU64,
}

/// The counters of this server.
pub(super) static COUNTERS: Counters = Counters {
    pushed: AtomicU64::new(0),
    taken: AtomicU64::new(0),
    completed: AtomicU64::new(0),
    failed: AtomicU64::new(0),
    returned: AtomicU64::new(0),
    recoveries: AtomicU64::new(0),
    readied: AtomicU64::new(0),
    cancelled: AtomicU64::new(0),
    retried: AtomicU64::new(0),
    expired: AtomicU64::new(0),
    diverged: AtomicU64::new(0),
    lost: AtomicU64::new(0),
    decided_anew: AtomicU64::new(0),
};

/// What is to be told about one key.
#[derive(Default)]
pub(super) struct Told {
    /// Whether all clients that wait for the key should be decided anew.
    pub(super) wakes: bool,
    /// Whether there may be something to take that was not there before.
    pub(super) offers: bool,
    /// Keyspace notifications, each once.
    pub(super) notices: SmallVec<[&'static CStr; 2]>,
}

impl Told {
    fn notice(&mut self, notice: &'static CStr) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

/// Counts. Only the server's main thread does, so that the addition need not be one step.
pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
}

/// Adds what is told of events of a queue.
pub(super) fn queue(batch: &Batch<'_, QueueEvent<'_>>, told: &mut Told) {
    for event in &batch.events {
        let (counter, count, notice) = match event {
            QueueEvent::Pushed { count, .. } => {
                (Some(&COUNTERS.pushed), *count as usize, c"wf.push")
            }
            QueueEvent::Taken { ids, .. } => (Some(&COUNTERS.taken), ids.len(), c"wf.pop"),
            QueueEvent::Completed { ids, .. } => (Some(&COUNTERS.completed), ids.len(), c"wf.done"),
            QueueEvent::Failed { ids, .. } => (Some(&COUNTERS.failed), ids.len(), c"wf.fail"),
            QueueEvent::Returned { ids, cause, .. } => {
                (Some(&COUNTERS.returned), ids.len(), returned(*cause))
            }
            QueueEvent::Touched { .. } => (None, 0, c"wf.touch"),
            QueueEvent::Recovered { .. } => (Some(&COUNTERS.recoveries), 1, c"wf.recover"),
            QueueEvent::Settled { .. } => (None, 0, c"wf.recover"),
            QueueEvent::Expired { ids } => (Some(&COUNTERS.expired), ids.len(), c"wf.expire"),
            QueueEvent::Forgotten { .. } => (None, 0, c"wf.expire"),
            QueueEvent::Set { .. } => (None, 0, c"wf.set"),
            QueueEvent::Readied { ids, .. } => (Some(&COUNTERS.readied), ids.len(), c"wf.ready"),
            QueueEvent::Extended { .. } => (None, 0, c"wf.touch"),
            QueueEvent::Edited { .. } => (None, 0, c"wf.edit"),
            QueueEvent::Cancelled { ids } => (Some(&COUNTERS.cancelled), ids.len(), c"wf.cancel"),
            QueueEvent::Retried { ids, .. } => (Some(&COUNTERS.retried), ids.len(), c"wf.retry"),
            QueueEvent::Purged { ids } => (Some(&COUNTERS.expired), ids.len(), c"wf.purge"),
            QueueEvent::Paused { .. } => (None, 0, c"wf.pause"),
            QueueEvent::Resumed { .. } => (None, 0, c"wf.resume"),
            QueueEvent::Drained { .. } => (None, 0, c"wf.drain"),
            QueueEvent::Told { .. } => (None, 0, c"wf.set"),
            QueueEvent::Submitted { .. } => (None, 0, c"wf.submit"),
            QueueEvent::Added { .. } => (Some(&COUNTERS.pushed), 1, c"wf.push"),
            QueueEvent::Advanced => (None, 0, c"wf.advance"),
            QueueEvent::WorkflowHeld { paused: true, .. } => (None, 0, c"wf.pause"),
            QueueEvent::WorkflowHeld { paused: false, .. } => (None, 0, c"wf.resume"),
            QueueEvent::WorkflowCancelled { .. } => (None, 0, c"wf.cancel"),
            QueueEvent::WorkflowRetried { .. } => (None, 0, c"wf.retry"),
            QueueEvent::Swept { count, .. } => {
                (Some(&COUNTERS.expired), *count as usize, c"wf.expire")
            }
        };
        if let Some(counter) = counter {
            add(counter, count as u64);
        }
        // Who waits for the end of a stop waits for the queue itself.
        told.wakes |= matches!(event, QueueEvent::Resumed { .. });
        told.offers |= can_be_taken(event);
        told.notice(notice);
    }
}

/// Whether there may be something to take now that was not there before.
fn can_be_taken(event: &QueueEvent<'_>) -> bool {
    matches!(
        event,
        QueueEvent::Pushed { .. }
            | QueueEvent::Returned { .. }
            | QueueEvent::Readied { .. }
            | QueueEvent::Edited { .. }
            | QueueEvent::Retried { .. }
            | QueueEvent::Added { .. }
            | QueueEvent::Advanced
            | QueueEvent::WorkflowHeld { paused: false, .. }
            | QueueEvent::WorkflowRetried { .. }
    )
}

/// The notification of a way back, by its cause.
fn returned(cause: Cause) -> &'static CStr {
    match cause {
        Cause::Failed | Cause::FailedByRecovery => c"wf.fail",
        Cause::TimedOut => c"wf.timeout",
        Cause::Silent => c"wf.backstop",
        Cause::Reset | Cause::Drained => c"wf.reset",
        Cause::Released | Cause::Orphaned => c"wf.recover",
        Cause::HandedBack
        | Cause::Retired
        | Cause::Pushed
        | Cause::Taken
        | Cause::Completed
        | Cause::Copied
        | Cause::Quarantined
        | Cause::Cancelled
        | Cause::Parent
        | Cause::Retried => c"wf.nack",
    }
}

/// Adds what is told of events of an agent.
pub(super) fn agent(batch: &Batch<'_, AgentEvent<'_>>, told: &mut Told) {
    for event in &batch.events {
        told.wakes |= match event {
            // Whoever waits under the epoch before is to learn that it is over, and a waiting one
            // that it is to take nothing more; who waits for the end of a stop has it.
            AgentEvent::Assumed { .. }
            | AgentEvent::Retired { .. }
            | AgentEvent::Draining
            | AgentEvent::Resumed => true,
            AgentEvent::HandedBack { over, .. } => *over,
            AgentEvent::TookFrom { .. }
            | AgentEvent::Renewed
            | AgentEvent::Lapsed
            | AgentEvent::Spared
            | AgentEvent::Stopping { .. } => false,
        };
    }
    told.notice(c"wf.agent");
}

/// Adds what is told of events of a pool.
pub(super) fn pool(batch: &Batch<'_, PoolEvent>, told: &mut Told) {
    for event in &batch.events {
        told.wakes |= match event {
            // More identities, or none at all, for whoever waits for one.
            PoolEvent::Set { .. } | PoolEvent::Draining { .. } | PoolEvent::Resumed => true,
            PoolEvent::Reached { .. } | PoolEvent::Walked { .. } | PoolEvent::HandedBack { .. } => {
                false
            }
        };
    }
    told.notice(c"wf.pool");
}
