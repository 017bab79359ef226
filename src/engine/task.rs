//! A task: one packed record of 64 bytes beside its payload, in exactly one state and one list.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::list::{Linked, Links};
use super::numbers::issued_ms;
use super::slab::{NONE, Slot};

/// Where a task stands in its life.
///
/// ```text
/// PUSH --> ready --POP--> running --DONE--> done --RETAIN is over--> (dropped)
///            ^               |  \--FAIL--> failed --retain-failed is over--> (dropped)
///            +---NACK, RECOVER RELEASE
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Waits to be taken. Left by POP.
    Ready,
    /// Exchanged for the identity of its owner. Left by DONE, FAIL, NACK, or the owner's recovery.
    Running,
    /// Completed, and kept for its RETAIN; without RETAIN a completed task is dropped at once.
    Done,
    /// Failed for good, and kept for the queue's `retain-failed`.
    Failed,
}

impl State {
    /// Every state, in the order of a task's life.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Running, Self::Done, Self::Failed];

    /// The word that commands and replies use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether the task may still run.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        match self {
            Self::Ready | Self::Running => true,
            Self::Done | Self::Failed => false,
        }
    }
}

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
    /// Its owner stopped for good, and handed it back.
    Retired,
    /// Its owner or the whole pool was drained, up to a deadline.
    Drained,
    /// Its owner was without a lease for too long.
    Orphaned,
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
            Self::Retired => "handed back by retiring",
            Self::Drained => "handed back by a drain",
            Self::Orphaned => "released from an orphan",
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
    /// When an ended task is dropped, Unix time in milliseconds.
    ExpiresMs(u64),
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
    /// See [`Attribute::ExpiresMs`].
    pub expires_ms: Option<u64>,
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
}

impl Details {
    /// Takes an attribute over. UNIQUE is the queue's to keep.
    pub fn set(&mut self, attribute: Attribute<'_>) {
        match attribute {
            Attribute::Name(name) => self.name = Some(name.into()),
            Attribute::Unique { .. } => {}
            Attribute::RetainMs(ms) => self.retain_ms = Some(ms),
            Attribute::ExpiresMs(ms) => self.expires_ms = Some(ms),
            Attribute::Failures(count) => self.failures = count,
            Attribute::Crashes(count) => self.crashes = count,
            Attribute::Interruptions(count) => self.interruptions = count,
            Attribute::Progress(percent) => self.progress = Some(percent),
            Attribute::Checkpoint(bytes) => self.checkpoint = Some(bytes.into()),
            Attribute::Handle(text) => self.handle = Some(text.into()),
            Attribute::Error(text) => self.error = Some(text.into()),
            Attribute::Result(bytes) => self.result = Some(bytes.into()),
            Attribute::Taken(fence) => self.taken = Some(fence),
        }
    }

    /// What there is to say, but for UNIQUE, in the order of [`Attribute`].
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let count = |value: u32| (value > 0).then_some(value);
        [
            self.name.as_deref().map(Attribute::Name),
            self.retain_ms.map(Attribute::RetainMs),
            self.expires_ms.map(Attribute::ExpiresMs),
            count(self.failures).map(Attribute::Failures),
            count(self.crashes).map(Attribute::Crashes),
            count(self.interruptions).map(Attribute::Interruptions),
            self.progress.map(Attribute::Progress),
            self.checkpoint.as_deref().map(Attribute::Checkpoint),
            self.handle.as_deref().map(Attribute::Handle),
            self.error.as_deref().map(Attribute::Error),
            self.result.as_deref().map(Attribute::Result),
            self.taken.map(Attribute::Taken),
        ]
        .into_iter()
        .flatten()
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let texts = [&self.name, &self.checkpoint, &self.handle, &self.error, &self.result];
        size_of::<Self>()
            + texts.iter().filter_map(|text| text.as_deref()).map(<[u8]>::len).sum::<usize>()
    }
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number, for ever.
    pub id: u64,
    /// The place in line of a ready task, the fence of a running one, the number of its end for an
    /// ended one. The lists of ready and of ended tasks ascend in it.
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
    /// How often it was taken.
    pub attempts: u32,
    /// Where it stands.
    pub state: State,
    /// What brought it there.
    pub cause: Cause,
}

impl Task {
    /// A task that was just pushed: its place in line is its number.
    #[must_use]
    pub fn pushed(id: u64, line: Slot, payload: Bytes) -> Self {
        Self {
            id,
            order: id,
            links: Links::default(),
            line,
            owner: NONE,
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
    fn details_survive_being_written_as_attributes() {
        let mut details = Details {
            name: Some(b"n"[..].into()),
            retain_ms: Some(0),
            failures: 3,
            progress: Some(0),
            checkpoint: Some(b""[..].into()),
            ..Details::default()
        };
        details.interruptions = 1;
        let mut again = Details::default();
        details.attributes().for_each(|attribute| again.set(attribute));
        assert!(details.attributes().eq(again.attributes()));
        assert_eq!(again.attributes().count(), 6);
    }
}
