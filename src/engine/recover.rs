//! RECOVER and HELD, one queue's part: what an identity holds goes over to its successor.
//!
//! A recovery first voids every fence the identity was given so far, in one stroke however much it
//! holds. The tasks themselves are settled page by page: each that is kept counts a crash and gets
//! a fence of the new epoch; one that has seen too many crashes is quarantined instead. If the
//! identity was left on purpose, each counts an interruption and nothing is quarantined. So the
//! cost does not grow with what is held beyond the page.
//!
//! Tasks are read in the order in which they were taken, which settling does not change: reading on
//! behind any task never meets one twice and never leaves one out.

use std::collections::BTreeMap;

use super::event::{Batch, Ids, QueueEvent};
use super::list::walk;
use super::numbers::{Moment, Numbers};
use super::queue::Queue;
use super::slab::Slot;
use super::task::{Bytes, Cause, Task};

/// What the successor wants done with what its predecessor held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It stays with the identity; the successor decides task by task.
    Keep,
    /// Back in line, for whoever takes it.
    Release,
    /// A failure each.
    Fail,
}

/// What becomes of what the predecessor held.
#[derive(Clone, Copy)]
struct Fate {
    mode: Mode,
    /// It was left on purpose.
    left: bool,
}

/// Where a reader of an identity's tasks in one queue stands: behind a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The number of that task's taking.
    pub taking: u64,
    /// The task; 0 at the start.
    pub id: u64,
}

/// What is decided for one queue.
pub struct Page<'a> {
    /// What happens.
    pub batch: Batch<'a, QueueEvent<'a>>,
    /// Tasks that stay with the identity, in the order of reading. For RELEASE and FAIL: none.
    pub kept: Ids,
    /// Tasks that are poison, as they were but for the last crash, each with its type.
    pub quarantined: Vec<(Task, Bytes)>,
    /// How many were released or failed.
    pub moved: u64,
    /// Where to go on, if the identity holds more than was looked at.
    pub next: Option<Position>,
}

impl Queue {
    /// Decides a recovery: voids what the identity was given, and settles the first `limit` tasks.
    /// `left`: its last agent left it on purpose.
    #[must_use]
    pub fn decide_recover<'a>(
        &self,
        agent: &'a [u8],
        left: bool,
        mode: Mode,
        limit: usize,
        at: Moment,
    ) -> Page<'a> {
        let mut page = Page::empty(at.ms);
        let Some(owner) = self.owner(agent).filter(|owner| !owner.running.is_empty()) else {
            return page;
        };
        // What an earlier crash voided still has to count it.
        let left = left && (owner.left || owner.unsettled == 0);
        let void = self.last_number;
        page.batch.events.push(QueueEvent::Recovered { owner: agent, void, left });
        let ahead = owner.running.iter(&self.tasks);
        self.sort_out(ahead, Position::default(), Fate { mode, left }, limit, at, &mut page);
        page
    }

    /// Goes on with a recovery that was decided before, behind `position`: nothing is voided again.
    /// RELEASE and FAIL move what is still void; KEEP reads on, as HELD does.
    #[must_use]
    pub fn decide_page<'a>(
        &self,
        agent: &[u8],
        mode: Mode,
        position: Position,
        limit: usize,
        at: Moment,
    ) -> Page<'a> {
        let mut page = Page::empty(at.ms);
        let Some(slot) = self.owners.find(agent) else { return page };
        let ahead = walk(&self.tasks, self.ahead_of(slot, position));
        let (void, left) = (self.owners.get(slot).void, self.owners.get(slot).left);
        if mode == Mode::Keep {
            self.sort_out(ahead, position, Fate { mode, left }, limit, at, &mut page);
        } else {
            // Only what was taken before the recovery can still be void.
            let ahead = ahead
                .take_while(|slot| self.tasks.get(*slot).taking() <= void)
                .filter(|slot| self.is_void(self.tasks.get(*slot)));
            self.sort_out(ahead, position, Fate { mode, left }, limit, at, &mut page);
        }
        page
    }

    /// The same page for a reader that may change nothing: void tasks stay void.
    #[must_use]
    pub fn held_page(
        &self,
        agent: &[u8],
        position: Position,
        limit: usize,
    ) -> (Ids, Option<Position>) {
        let Some(owner) = self.owners.find(agent) else { return (Ids::new(), None) };
        let mut ahead = walk(&self.tasks, self.ahead_of(owner, position));
        let slots: Vec<Slot> = ahead.by_ref().take(limit).collect();
        let last = slots.last().map_or(position, |slot| self.position(*slot));
        (self.ids_of(slots.into_iter()), ahead.next().map(|_| last))
    }

    /// The first task of an owner behind a position.
    fn ahead_of(&self, owner: Slot, position: Position) -> Option<Slot> {
        let first = self.owners.get(owner).running.first();
        if position.id == 0 {
            return first;
        }
        self.behind(first, position.id, position.taking, |task| task.owner == owner)
    }

    fn position(&self, slot: Slot) -> Position {
        let task = self.tasks.get(slot);
        Position { taking: task.taking(), id: task.id }
    }

    /// Sorts the next `limit` tasks into those that are read, settled, moved and quarantined.
    fn sort_out(
        &self,
        mut ahead: impl Iterator<Item = Slot>,
        from: Position,
        Fate { mode, left }: Fate,
        limit: usize,
        at: Moment,
        page: &mut Page<'_>,
    ) {
        let all_void = !page.batch.events.is_empty();
        let (mut unsettled, mut poison, mut last) = (Ids::new(), Ids::new(), from);
        for slot in ahead.by_ref().take(limit) {
            last = self.position(slot);
            let task = self.tasks.get(slot);
            let is_void = all_void || self.is_void(task);
            if is_void && !left && mode != Mode::Fail && self.is_poison(task, 1) {
                let mut poisoned = task.clone();
                poisoned.details_mut().crashes = task.crashes().saturating_add(1);
                page.quarantined.push((poisoned, self.kind_of(task).into()));
                poison.push(task.id);
                continue;
            }
            if mode == Mode::Keep {
                page.kept.push(task.id);
            }
            if is_void {
                unsettled.push(task.id);
            }
        }
        page.next = ahead.next().map(|_| last);
        let ids = unsettled;
        if mode != Mode::Keep {
            page.moved = ids.len() as u64;
        }
        let mut numbers = self.numbers(at);
        match mode {
            _ if ids.is_empty() => {}
            Mode::Keep => {
                let fence = numbers.next(ids.len() as u64);
                page.batch.events.push(QueueEvent::Settled { fence, ids });
            }
            Mode::Release => {
                let cause = if left { Cause::Retired } else { Cause::Released };
                page.batch.events.push(returned(ids, cause, 0, &mut numbers));
            }
            Mode::Fail => self.fail_all(ids, &mut numbers, at, page),
        }
        quarantine(poison, &mut page.batch);
    }

    /// Each is tried again when its back-off is over, or has failed for good.
    fn fail_all(&self, ids: Ids, numbers: &mut Numbers, at: Moment, page: &mut Page<'_>) {
        let (cause, error) = (Cause::FailedByRecovery, None);
        let mut tries: BTreeMap<Option<u64>, Ids> = BTreeMap::new();
        for id in ids {
            let next_ms = self.slot_of(id).and_then(|slot| self.next_try_ms(slot, at));
            tries.entry(next_ms).or_default().push(id);
        }
        for (next_ms, ids) in tries {
            page.batch.events.push(match next_ms {
                None => QueueEvent::Failed { ids, cause, error },
                Some(until_ms) => returned(ids, cause, until_ms, numbers),
            });
        }
    }

    /// Whether so many more crashes are too many.
    pub(super) fn is_poison(&self, task: &Task, more: u64) -> bool {
        let limit = self.settings.crashes;
        limit > 0 && u64::from(task.crashes()) + more >= limit
    }

    /// Whether one more crash is too many, besides the one that a recovery did not count yet.
    pub(super) fn is_poison_once_settled(&self, task: &Task) -> bool {
        let uncounted = self.is_void(task) && !self.owners.get(task.owner).left;
        self.is_poison(task, 1 + u64::from(uncounted))
    }
}

/// Running tasks are pre-running again: from a moment on, or (0) at once.
pub(super) fn returned<'a>(
    ids: Ids,
    cause: Cause,
    until_ms: u64,
    numbers: &mut Numbers,
) -> QueueEvent<'a> {
    let order = numbers.next(ids.len() as u64);
    QueueEvent::Returned { ids, order, cause, until_ms, error: None }
}

/// Tasks that have seen too many of their owners crash have failed, if there are any.
pub(super) fn quarantine(poison: Ids, batch: &mut Batch<'_, QueueEvent<'_>>) {
    if !poison.is_empty() {
        let cause = Cause::Quarantined;
        batch.events.push(QueueEvent::Failed { ids: poison, cause, error: None });
    }
}

impl Page<'_> {
    fn empty(at_ms: u64) -> Self {
        Self {
            batch: Batch::at(at_ms),
            kept: Ids::new(),
            quarantined: Vec::new(),
            moved: 0,
            next: None,
        }
    }
}
