//! How a workflow ends, and what the end of one task means for the others.

use serde::{Deserialize, Serialize};

use super::workflow::Workflow;

/// What becomes of the rest when a task has failed for good or was cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFail {
    /// Nothing more starts, but tasks that wait for any end of a parent.
    #[default]
    Stop,
    /// What does not depend on it goes on.
    Continue,
}

impl OnFail {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Continue => "continue",
        }
    }
}

/// Where a workflow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Something of it runs, or can still start.
    Open,
    /// Every task is done.
    Done,
    /// A task failed for good.
    Failed,
    /// It was cancelled, or a task of it was.
    Cancelled,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Workflow {
    /// Whether some task has failed or was cancelled, after which nothing more starts.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.on_fail == OnFail::Stop && self.failed + self.cancelled > 0
    }

    /// Whether this task may not start (again).
    #[must_use]
    pub fn bars(&self, place: u32) -> bool {
        self.cancelling || self.is_stopped() && !self.is_last_resort(place)
    }

    /// How it ends, once nothing of it is unfinished.
    #[must_use]
    pub fn end(&self) -> Phase {
        match (self.failed, self.cancelled) {
            (_, 1..) if self.cancelling => Phase::Cancelled,
            (1.., _) => Phase::Failed,
            (0, 1..) => Phase::Cancelled,
            (0, 0) => Phase::Done,
        }
    }
}
