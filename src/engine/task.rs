//! A task: one packed record of 64 bytes beside its payload, in exactly one state and one list.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use super::cause::{Cause, Counter};
use super::deadlines::Due;
use super::list::{Linked, Links};
use super::numbers::issued_ms;
use super::slab::{NONE, Slot};

/// Where a task stands in its life.
///
/// ```text
/// SUBMIT --> waiting --its parents are done--+
///                                             v
///                +-- DELAY, AT --> scheduled --its time has come--+
///                |                  ^                            v
/// PUSH ----------+------------------|--------------------------> ready --POP--> running
///                                   |                            ^  RETRY         |
///                                   +--back-off, DELAY-----------+----------------+
///                                         FAIL with a try left, NACK, RESET, DRAIN, |
///                                         time-out, backstop, RECOVER RELEASE      |
///                                                                                  |
/// done <--DONE---------------------------------------------------------------------+
/// failed <--FAIL without a try left, quarantine------------------------------------+
/// cancelled <--CANCEL of a task that does not run; any way back of one that did----+
/// ```
///
/// What has ended is kept for a while, then dropped: see `end` in `moves`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Waits for other tasks of its workflow.
    Waiting,
    /// Waits for its time.
    Scheduled,
    /// Waits to be taken.
    Ready,
    /// Exchanged for the identity of its owner.
    Running,
    /// Completed.
    Done,
    /// Failed for good.
    Failed,
    /// Cancelled, and never to run again.
    Cancelled,
}

impl State {
    /// Every state, in the order of a task's life.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Scheduled,
        Self::Ready,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word that commands and replies use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the task may still run.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        match self {
            Self::Waiting | Self::Scheduled | Self::Ready | Self::Running => true,
            Self::Done | Self::Failed | Self::Cancelled => false,
        }
    }

    /// Whether the task does not run yet, or not now.
    #[must_use]
    pub fn is_pre_running(self) -> bool {
        matches!(self, Self::Waiting | Self::Scheduled | Self::Ready)
    }

    /// What falls due when a task has been long enough in this state; time alone ends neither
    /// waiting nor being ready.
    #[must_use]
    pub fn due(self) -> Option<Due> {
        match self {
            Self::Scheduled => Some(Due::Start),
            Self::Waiting | Self::Ready => None,
            Self::Running => Some(Due::Timeout),
            Self::Done | Self::Failed | Self::Cancelled => Some(Due::Expiry),
        }
    }
}

/// What most tasks do not have, as it is written in events and dumps. A new kind of attribute is
/// added at the end: the place in this list is the stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attribute<'a> {
    /// The producer's name for it.
    Name(&'a [u8]),
    /// No second task with this key while this one is unfinished, nor before `until_ms`.
    Unique {
        /// The key.
        key: &'a [u8],
        /// Unix time in milliseconds up to which the key stays taken after the end; 0: no longer.
        until_ms: u64,
    },
    /// How long it is kept once done, in milliseconds.
    RetainMs(u64),
    /// Until when it stays in its state by itself, Unix time in milliseconds: then a scheduled task
    /// is ready, a running one has timed out, and an ended one is dropped.
    UntilMs(u64),
    /// How often it failed.
    Failures(u32),
    /// How many of its owners were recovered while they held it.
    Crashes(u32),
    /// How often it was handed back on purpose.
    Interruptions(u32),
    /// How far its agent got, 0 to 100.
    Progress(u8),
    /// What its agent wants its next one to know.
    Checkpoint(&'a [u8]),
    /// Where the work really runs, on a system outside.
    Handle(&'a [u8]),
    /// What the agent said when it failed.
    Error(&'a [u8]),
    /// What the agent said when it completed it.
    Result(&'a [u8]),
    /// The fence of its taking, if it was given another one since.
    Taken(u64),
    /// How long it may run, in milliseconds; 0: any time.
    TimeoutMs(u64),
    /// How often it is tried again after a failure.
    Retries(u32),
    /// How long it waits after a failure.
    Backoff(Backoff),
    /// When its agent last said anything of it, Unix time in milliseconds.
    TouchedMs(u64),
    /// It is cancelled as soon as its agent lets go of it, unless that completes it.
    Cancelling,
    /// The UNIQUE key that it had before it failed.
    FormerKey(&'a [u8]),
    /// How long it waits once its parents let it, in milliseconds.
    DelayMs(u64),
}

/// How long a task waits before it is tried again: twice as long after each failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// After the first failure, in milliseconds.
    pub base_ms: u64,
    /// At the most, in milliseconds; a greater base counts as the most.
    pub max_ms: u64,
}

impl Backoff {
    /// The most when nothing is said: an hour.
    pub const MAX_MS: u64 = 60 * 60 * 1_000;

    /// How long to wait after so many failures, in milliseconds.
    #[must_use]
    pub fn after(self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1);
        let grown = self.base_ms.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX));
        grown.min(self.max_ms).max(self.base_ms)
    }
}

/// The attributes of one task; most have none.
pub type Attributes<'a> = SmallVec<[Attribute<'a>; 2]>;

/// Bytes owned by a task.
pub type Bytes = Box<[u8]>;

/// What most tasks do not have.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// See [`Attribute::Name`].
    pub name: Option<Bytes>,
    /// Its record among the queue's UNIQUE keys.
    pub unique: Option<Slot>,
    /// See [`Attribute::RetainMs`].
    pub retain_ms: Option<u64>,
    /// See [`Attribute::UntilMs`].
    pub until_ms: Option<u64>,
    /// See [`Attribute::Failures`].
    pub failures: u32,
    /// See [`Attribute::Crashes`].
    pub crashes: u32,
    /// See [`Attribute::Interruptions`].
    pub interruptions: u32,
    /// See [`Attribute::Progress`].
    pub progress: Option<u8>,
    /// See [`Attribute::Checkpoint`].
    pub checkpoint: Option<Bytes>,
    /// See [`Attribute::Handle`].
    pub handle: Option<Bytes>,
    /// See [`Attribute::Error`].
    pub error: Option<Bytes>,
    /// See [`Attribute::Result`].
    pub result: Option<Bytes>,
    /// See [`Attribute::Taken`].
    pub taken: Option<u64>,
    /// See [`Attribute::TimeoutMs`].
    pub timeout_ms: Option<u64>,
    /// See [`Attribute::Retries`].
    pub retries: Option<u32>,
    /// See [`Attribute::Backoff`].
    pub backoff: Option<Backoff>,
    /// See [`Attribute::TouchedMs`].
    pub touched_ms: Option<u64>,
    /// See [`Attribute::Cancelling`].
    pub cancelling: bool,
    /// See [`Attribute::FormerKey`].
    pub former_key: Option<Bytes>,
    /// See [`Attribute::DelayMs`].
    pub delay_ms: Option<u64>,
}

/// What an agent leaves with a task; nothing if it takes it away again.
fn unless_empty(bytes: &[u8]) -> Option<Bytes> {
    (!bytes.is_empty()).then(|| bytes.into())
}

impl Details {
    /// Takes an attribute over. UNIQUE is the queue's to keep.
    pub fn set(&mut self, attribute: Attribute<'_>) {
        match attribute {
            Attribute::Name(name) => self.name = Some(name.into()),
            Attribute::Unique { .. } => {}
            Attribute::RetainMs(ms) => self.retain_ms = Some(ms),
            Attribute::UntilMs(ms) => self.until_ms = Some(ms),
            Attribute::Failures(count) => self.failures = count,
            Attribute::Crashes(count) => self.crashes = count,
            Attribute::Interruptions(count) => self.interruptions = count,
            Attribute::Progress(percent) => self.progress = Some(percent),
            Attribute::Checkpoint(bytes) => self.checkpoint = unless_empty(bytes),
            Attribute::Handle(text) => self.handle = unless_empty(text),
            Attribute::Error(text) => self.error = Some(text.into()),
            Attribute::Result(bytes) => self.result = Some(bytes.into()),
            Attribute::Taken(fence) => self.taken = Some(fence),
            Attribute::TimeoutMs(ms) => self.timeout_ms = Some(ms),
            Attribute::Retries(count) => self.retries = Some(count),
            Attribute::Backoff(backoff) => self.backoff = Some(backoff),
            Attribute::TouchedMs(ms) => self.touched_ms = Some(ms),
            Attribute::Cancelling => self.cancelling = true,
            Attribute::FormerKey(key) => self.former_key = Some(key.into()),
            Attribute::DelayMs(ms) => self.delay_ms = Some(ms),
        }
    }

    /// What there is to say, but for UNIQUE, in the order of [`Attribute`].
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let count = |value: u32| (value > 0).then_some(value);
        [
            self.name.as_deref().map(Attribute::Name),
            self.retain_ms.map(Attribute::RetainMs),
            self.until_ms.map(Attribute::UntilMs),
            count(self.failures).map(Attribute::Failures),
            count(self.crashes).map(Attribute::Crashes),
            count(self.interruptions).map(Attribute::Interruptions),
            self.progress.map(Attribute::Progress),
            self.checkpoint.as_deref().map(Attribute::Checkpoint),
            self.handle.as_deref().map(Attribute::Handle),
            self.error.as_deref().map(Attribute::Error),
            self.result.as_deref().map(Attribute::Result),
            self.taken.map(Attribute::Taken),
            self.timeout_ms.map(Attribute::TimeoutMs),
            self.retries.map(Attribute::Retries),
            self.backoff.map(Attribute::Backoff),
            self.touched_ms.map(Attribute::TouchedMs),
            self.cancelling.then_some(Attribute::Cancelling),
            self.former_key.as_deref().map(Attribute::FormerKey),
            self.delay_ms.map(Attribute::DelayMs),
        ]
        .into_iter()
        .flatten()
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let Self { name, checkpoint, handle, error, result, former_key, .. } = self;
        let texts = [name, checkpoint, handle, error, result, former_key];
        size_of::<Self>()
            + texts.iter().filter_map(|text| text.as_deref()).map(<[u8]>::len).sum::<usize>()
    }
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number, for ever.
    pub id: u64,
    /// The place in line of a ready task, the number of its scheduling, the fence of a running one,
    /// the number of its end for an ended one. All lists but those of running tasks ascend in it.
    pub order: u64,
    links: Links,
    /// Its type and priority, as the queue's line for both.
    pub line: Slot,
    /// The owner record while it runs, else `NONE`.
    pub owner: Slot,
    /// The producer's bytes, and nothing but bytes.
    pub payload: Bytes,
    /// What most tasks do not have.
    pub details: Option<Box<Details>>,
    /// Its workflow, or `NONE`.
    pub workflow: Slot,
    /// How often it was taken, as far as this number goes.
    pub attempts: u16,
    /// Where it stands.
    pub state: State,
    /// What brought it there.
    pub cause: Cause,
}

impl Task {
    /// A task that was just pushed, in no list yet: its place in any is its number.
    #[must_use]
    pub fn pushed(id: u64, line: Slot, payload: Bytes) -> Self {
        Self {
            id,
            order: id,
            links: Links::default(),
            line,
            owner: NONE,
            workflow: NONE,
            payload,
            details: None,
            attempts: 0,
            state: State::Ready,
            cause: Cause::Pushed,
        }
    }

    /// The details, made when there are none yet.
    pub fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// How many of its owners crashed.
    #[must_use]
    pub fn crashes(&self) -> u32 {
        self.details.as_ref().map_or(0, |details| details.crashes)
    }

    /// The number of the running task's taking; its present fence may be later.
    #[must_use]
    pub fn taking(&self) -> u64 {
        self.details.as_ref().and_then(|details| details.taken).unwrap_or(self.order)
    }

    /// What the list it stands in ascends by.
    #[must_use]
    pub fn place(&self) -> u64 {
        if self.state == State::Running { self.taking() } else { self.order }
    }

    /// When the running task was taken, Unix time in milliseconds.
    #[must_use]
    pub fn taken_ms(&self) -> u64 {
        issued_ms(self.taking())
    }

    /// Until when it stays in its state by itself, Unix time in milliseconds.
    #[must_use]
    pub fn until_ms(&self) -> Option<u64> {
        self.details.as_ref().and_then(|details| details.until_ms)
    }

    /// Whether it is to be cancelled as soon as its agent lets go of it.
    #[must_use]
    pub fn is_cancelling(&self) -> bool {
        self.details.as_ref().is_some_and(|details| details.cancelling)
    }

    /// Where the work really runs, if that is known.
    #[must_use]
    pub fn handle(&self) -> Option<&[u8]> {
        self.details.as_ref().and_then(|details| details.handle.as_deref())
    }

    /// When anything was last heard of the running task: its taking, or what its agent said since.
    #[must_use]
    pub fn heard_ms(&self) -> u64 {
        let touched_ms = self.details.as_ref().and_then(|details| details.touched_ms);
        self.taken_ms().max(touched_ms.unwrap_or(0))
    }

    /// Its record among the UNIQUE keys.
    #[must_use]
    pub fn unique(&self) -> Option<Slot> {
        self.details.as_ref().and_then(|details| details.unique)
    }
}

impl Linked for Task {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_takes_64_bytes_beside_its_payload() {
        assert_eq!(size_of::<Task>(), 64);
    }

    #[test]
    fn back_off_doubles_up_to_its_most_and_is_never_below_its_base() {
        let waits = |base_ms, max_ms| {
            [1, 2, 3, 4, 80].map(|failures| Backoff { base_ms, max_ms }.after(failures))
        };
        assert_eq!(waits(100, 500), [100, 200, 400, 500, 500]);
        assert_eq!(waits(900, 500), [900; 5]);
        assert_eq!(waits(0, 500), [0; 5]);
        assert_eq!(Backoff { base_ms: 3, max_ms: u64::MAX }.after(200), u64::MAX);
    }

    #[test]
    fn details_survive_being_written_as_attributes() {
        let mut details = Details {
            name: Some(b"n"[..].into()),
            retain_ms: Some(0),
            failures: 3,
            progress: Some(0),
            checkpoint: Some(b"\0"[..].into()),
            ..Details::default()
        };
        details.interruptions = 1;
        let mut again = Details::default();
        details.attributes().for_each(|attribute| again.set(attribute));
        assert!(details.attributes().eq(again.attributes()));
        assert_eq!(again.attributes().count(), 6);
    }
}
