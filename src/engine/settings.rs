//! What a queue can be told with WF.SET.

use serde::{Deserialize, Serialize};

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
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 5] =
        [Self::Retain, Self::RetainFailed, Self::Crashes, Self::MaxLen, Self::MaxUnique];

    /// The word that WF.SET takes and WF.INFO gives.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Retain => "retain",
            Self::RetainFailed => "retain-failed",
            Self::Crashes => "crashes",
            Self::MaxLen => "maxlen",
            Self::MaxUnique => "maxunique",
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retain_ms: 0,
            retain_failed_ms: 7 * 24 * 60 * 60 * 1_000,
            crashes: 10,
            max_len: 0,
            max_unique: 1_000_000,
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
        };
        *kept = value;
    }
}
