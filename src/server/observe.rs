//! What is told of events beside replicating them: counters for INFO, keyspace notifications, and
//! whether anybody who waits should be decided anew. Folds over events; nothing else counts.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::engine::event::{AgentEvent, Batch, PoolEvent, QueueEvent};
use crate::engine::task::Cause;
use crate::engine::totals::Totals;

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

/// Counts what became of a queue's tasks between two moments.
pub(super) fn fates(before: Totals, after: Totals) {
    let counters = [
        &COUNTERS.pushed,
        &COUNTERS.taken,
        &COUNTERS.completed,
        &COUNTERS.failed,
        &COUNTERS.returned,
        &COUNTERS.cancelled,
        &COUNTERS.retried,
    ];
    let counts = after.all().into_iter().zip(before.all());
    for (counter, (after, before)) in counters.into_iter().zip(counts) {
        if after != before {
            add(counter, after - before);
        }
    }
}

/// Adds what is told of events of a queue.
pub(super) fn queue(batch: &Batch<'_, QueueEvent<'_>>, told: &mut Told) {
    for event in &batch.events {
        count(event);
        told.notice(notice(event));
        // Who waits for the end of a stop waits for the queue itself.
        told.wakes |= matches!(event, QueueEvent::Resumed { .. });
        told.offers |= can_be_taken(event);
    }
}

/// Counts what the totals of a queue do not.
fn count(event: &QueueEvent<'_>) {
    let (counter, count) = match event {
        QueueEvent::Recovered { .. } => (&COUNTERS.recoveries, 1),
        QueueEvent::Readied { ids, .. } => (&COUNTERS.readied, ids.len() as u64),
        QueueEvent::Expired { ids } | QueueEvent::Purged { ids } => {
            (&COUNTERS.expired, ids.len() as u64)
        }
        QueueEvent::Swept { count, .. } => (&COUNTERS.expired, *count),
        _ => return,
    };
    add(counter, count);
}

/// The keyspace notification of an event.
fn notice(event: &QueueEvent<'_>) -> &'static CStr {
    match event {
        QueueEvent::Pushed { .. } | QueueEvent::Added { .. } => c"wf.push",
        QueueEvent::Taken { .. } => c"wf.pop",
        QueueEvent::Completed { .. } => c"wf.done",
        QueueEvent::Failed { .. } => c"wf.fail",
        QueueEvent::Returned { cause, .. } => returned(*cause),
        QueueEvent::Touched { .. } | QueueEvent::Extended { .. } => c"wf.touch",
        QueueEvent::Recovered { .. } | QueueEvent::Settled { .. } => c"wf.recover",
        QueueEvent::Expired { .. } | QueueEvent::Forgotten { .. } | QueueEvent::Swept { .. } => {
            c"wf.expire"
        }
        QueueEvent::Set { .. } | QueueEvent::Told { .. } => c"wf.set",
        QueueEvent::Readied { .. } => c"wf.ready",
        QueueEvent::Edited { .. } => c"wf.edit",
        QueueEvent::Cancelled { .. } | QueueEvent::WorkflowCancelled { .. } => c"wf.cancel",
        QueueEvent::Retried { .. } | QueueEvent::WorkflowRetried { .. } => c"wf.retry",
        QueueEvent::Purged { .. } => c"wf.purge",
        QueueEvent::Paused { .. } | QueueEvent::WorkflowHeld { paused: true, .. } => c"wf.pause",
        QueueEvent::Resumed { .. } | QueueEvent::WorkflowHeld { paused: false, .. } => c"wf.resume",
        QueueEvent::Drained { .. } => c"wf.drain",
        QueueEvent::Submitted { .. } => c"wf.submit",
        QueueEvent::Advanced => c"wf.advance",
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
