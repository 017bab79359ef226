//! What a queue can be told with WF.SET.

use serde::{Deserialize, Serialize};

use super::numbers::NUMBER_MAX;
use super::workflow::TASKS_MAX;

/// One setting. The place in this list is the stored format: new ones are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// How long a done task is kept that does not say so itself, in milliseconds; 0: not at all.
    Retain,
    /// How long a failed task is kept, in milliseconds.
    RetainFailed,
    /// How many crashed owners make a task poison: then it is failed, not handed out again. 0: any
    /// number.
    Crashes,
    /// How many unfinished tasks there may be; 0: any number.
    MaxLen,
    /// How many UNIQUE keys may be remembered; 0: any number.
    MaxUnique,
    /// How long a task may run that does not say so itself, in milliseconds; 0: any time.
    Timeout,
    /// How often a task is tried again after a failure that does not say so itself.
    Retries,
    /// How long a task waits after its first failure that does not say so itself, in milliseconds.
    Backoff,
    /// After how long a task of which nothing was heard is taken from its agent, in milliseconds;
    /// 0: never.
    Backstop,
    /// How many tasks a workflow may have; 0: as many as it can.
    MaxDag,
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 10] = [
        Self::Timeout,
        Self::Retries,
        Self::Backoff,
        Self::Crashes,
        Self::Backstop,
        Self::Retain,
        Self::RetainFailed,
        Self::MaxLen,
        Self::MaxUnique,
        Self::MaxDag,
    ];

    /// The word that WF.SET takes and WF.INFO gives.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Retain => "retain",
            Self::RetainFailed => "retain-failed",
            Self::Crashes => "crashes",
            Self::MaxLen => "maxlen",
            Self::MaxUnique => "maxunique",
            Self::Timeout => "timeout",
            Self::Retries => "retries",
            Self::Backoff => "backoff",
            Self::Backstop => "backstop",
            Self::MaxDag => "maxdag",
        }
    }

    /// The greatest value that it takes.
    #[must_use]
    pub fn max(self) -> u64 {
        match self {
            Self::Retries => u32::MAX.into(),
            Self::MaxDag => TASKS_MAX,
            _ => NUMBER_MAX,
        }
    }
}

/// The settings of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// See [`Setting::Retain`].
    pub retain_ms: u64,
    /// See [`Setting::RetainFailed`].
    pub retain_failed_ms: u64,
    /// See [`Setting::Crashes`].
    pub crashes: u64,
    /// See [`Setting::MaxLen`].
    pub max_len: u64,
    /// See [`Setting::MaxUnique`].
    pub max_unique: u64,
    /// See [`Setting::Timeout`].
    pub timeout_ms: u64,
    /// See [`Setting::Retries`].
    pub retries: u64,
    /// See [`Setting::Backoff`].
    pub backoff_ms: u64,
    /// See [`Setting::Backstop`].
    pub backstop_ms: u64,
    /// See [`Setting::MaxDag`].
    pub max_dag: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retain_ms: 0,
            retain_failed_ms: 7 * 24 * 60 * 60 * 1_000,
            crashes: 10,
            max_len: 0,
            max_unique: 1_000_000,
            timeout_ms: 0,
            retries: 0,
            backoff_ms: 0,
            backstop_ms: 0,
            max_dag: 100_000,
        }
    }
}

impl Settings {
    /// The value of a setting.
    #[must_use]
    pub fn get(&self, setting: Setting) -> u64 {
        match setting {
            Setting::Retain => self.retain_ms,
            Setting::RetainFailed => self.retain_failed_ms,
            Setting::Crashes => self.crashes,
            Setting::MaxLen => self.max_len,
            Setting::MaxUnique => self.max_unique,
            Setting::Timeout => self.timeout_ms,
            Setting::Retries => self.retries,
            Setting::Backoff => self.backoff_ms,
            Setting::Backstop => self.backstop_ms,
            Setting::MaxDag => self.max_dag,
        }
    }

    /// Changes a setting.
    pub fn set(&mut self, setting: Setting, value: u64) {
        let kept = match setting {
            Setting::Retain => &mut self.retain_ms,
            Setting::RetainFailed => &mut self.retain_failed_ms,
            Setting::Crashes => &mut self.crashes,
            Setting::MaxLen => &mut self.max_len,
            Setting::MaxUnique => &mut self.max_unique,
            Setting::Timeout => &mut self.timeout_ms,
            Setting::Retries => &mut self.retries,
            Setting::Backoff => &mut self.backoff_ms,
            Setting::Backstop => &mut self.backstop_ms,
            Setting::MaxDag => &mut self.max_dag,
        };
        *kept = value;
    }
}
