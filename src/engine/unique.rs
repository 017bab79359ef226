//! UNIQUE keys: no second task with the key of a live one, nor soon after it.

use super::names::Named;
use super::task::Bytes;

/// A key and the task that has it, or had it not long ago.
#[derive(Clone, Debug)]
pub struct Unique {
    key: Bytes,
    /// The task.
    pub id: u64,
    /// The key stays taken up to this moment even if the task ends, Unix time in milliseconds.
    pub until_ms: u64,
    /// Whether the task is unfinished. If not, this is a tombstone without payload.
    pub live: bool,
}

impl Unique {
    /// A key of a live task.
    #[must_use]
    pub fn live(key: &[u8], id: u64, until_ms: u64) -> Self {
        Self { key: key.into(), id, until_ms, live: true }
    }

    /// Whether a push with this key is the same push again.
    #[must_use]
    pub fn holds(&self, now_ms: u64) -> bool {
        self.live || self.until_ms > now_ms
    }
}

impl Named for Unique {
    fn name(&self) -> &[u8] {
        &self.key
    }
}
