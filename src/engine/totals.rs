//! What has become of the tasks of a queue since it was made: the account that must come out even.

/// How many tasks there were of each kind of fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pushed.
    pub pushed: u64,
    /// Taken; a task may be taken more than once.
    pub taken: u64,
    /// Completed.
    pub completed: u64,
    /// Failed for good.
    pub failed: u64,
    /// Back to pre-running, for whatever cause.
    pub returned: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Let run again after they had failed or were cancelled.
    pub retried: u64,
}

impl Totals {
    /// Their number.
    pub const COUNT: usize = 7;

    /// Each, in the order in which they are stored.
    #[must_use]
    pub fn all(self) -> [u64; Self::COUNT] {
        let Self { pushed, taken, completed, failed, returned, cancelled, retried } = self;
        [pushed, taken, completed, failed, returned, cancelled, retried]
    }

    /// The reverse of [`Totals::all`].
    #[must_use]
    pub fn of(all: [u64; Self::COUNT]) -> Self {
        let [pushed, taken, completed, failed, returned, cancelled, retried] = all;
        Self { pushed, taken, completed, failed, returned, cancelled, retried }
    }

    /// Whether every task that ever came in is accounted for, with so many unfinished ones.
    #[must_use]
    pub fn come_out_even(self, unfinished: u64) -> bool {
        let Self { pushed, completed, failed, cancelled, retried, .. } = self;
        pushed + retried == unfinished + completed + failed + cancelled
    }
}
