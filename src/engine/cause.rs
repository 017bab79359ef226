//! What moved a task last: it answers "why is it not mine any more?", and says what it counts for.

use serde::{Deserialize, Serialize};

use super::task::State;

/// What last moved a task: the answer to "why is it not mine any more?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Its producer pushed it.
    Pushed,
    /// An agent took it.
    Taken,
    /// Its owner completed it.
    Completed,
    /// Its owner handed it back.
    HandedBack,
    /// Its owner was recovered, and the successor released it.
    Released,
    /// The queue was copied; nobody holds the tasks of a copy.
    Copied,
    /// Its owner said that it failed.
    Failed,
    /// Its owner was recovered, and the successor failed it.
    FailedByRecovery,
    /// Too many of its owners crashed.
    Quarantined,
    /// It ran for longer than its TIMEOUT.
    TimedOut,
    /// Nothing was heard of it for the queue's `backstop`.
    Silent,
    /// An operator reset it.
    Reset,
    /// The time limit of a drain was over.
    Drained,
    /// An operator cancelled it.
    Cancelled,
    /// It had failed, and an operator lets it run again.
    Retried,
    /// Its owner stopped for good, and handed it back.
    Retired,
    /// Its owner was without a lease for too long.
    Orphaned,
    /// Another task of its workflow failed or was cancelled.
    Parent,
}

impl Cause {
    /// The words for it in replies and refusals.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Pushed => "nobody took it yet",
            Self::Taken => "taken",
            Self::Completed => "completed",
            Self::HandedBack => "handed back",
            Self::Released => "released by recovery",
            Self::Copied => "copied with its queue",
            Self::Failed => "failed",
            Self::FailedByRecovery => "failed by recovery",
            Self::Quarantined => "quarantined",
            Self::TimedOut => "timed out",
            Self::Silent => "reset by the backstop",
            Self::Reset => "reset",
            Self::Drained => "reset by a drain",
            Self::Cancelled => "cancelled",
            Self::Retried => "retried",
            Self::Retired => "handed back by retiring",
            Self::Orphaned => "released from an orphan",
            Self::Parent => "parent",
        }
    }

    /// Whether this can be what brought a task into a state.
    #[must_use]
    pub fn leads_to(self, state: State) -> bool {
        match state {
            // Handed back, a task may have to wait for a parent that was retried meanwhile.
            State::Waiting | State::Scheduled | State::Ready => !matches!(
                self,
                Self::Taken | Self::Completed | Self::Quarantined | Self::Cancelled | Self::Parent
            ),
            State::Running => self == Self::Taken,
            State::Done => self == Self::Completed,
            State::Failed => self.ends_in_failure(),
            State::Cancelled => matches!(self, Self::Cancelled | Self::Parent),
        }
    }

    /// Whether a task can fail for good for this cause.
    #[must_use]
    pub fn ends_in_failure(self) -> bool {
        matches!(self, Self::Failed | Self::FailedByRecovery | Self::Quarantined)
    }

    /// The counter that a way back to pre-running, or to quarantine, counts for.
    #[must_use]
    pub fn counter(self) -> Option<Counter> {
        match self {
            Self::Failed | Self::FailedByRecovery => Some(Counter::Failures),
            Self::Released | Self::Quarantined | Self::TimedOut | Self::Silent | Self::Orphaned => {
                Some(Counter::Crashes)
            }
            Self::HandedBack | Self::Reset | Self::Drained | Self::Retired => {
                Some(Counter::Interruptions)
            }
            Self::Pushed
            | Self::Taken
            | Self::Completed
            | Self::Copied
            | Self::Cancelled
            | Self::Parent
            | Self::Retried => None,
        }
    }
}

/// What is counted of a task, each apart: only failures use up retries, only crashes make poison,
/// and a deliberate stop costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Its agent said that it failed.
    Failures,
    /// Its agent was lost, or silent, or too slow.
    Crashes,
    /// It was taken from its agent on purpose.
    Interruptions,
}
