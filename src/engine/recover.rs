//! RECOVER and HELD, one queue's part: what an identity holds goes over to its successor.
//!
//! A recovery first voids every fence the identity was given so far, in one stroke however much it
//! holds. The tasks themselves are settled page by page: each that is kept counts a crash and gets
//! a fence of the new epoch; one that has seen too many crashes is quarantined instead. So the
//! cost does not grow with what is held beyond the page.
//!
//! In an owner's list the void tasks come first and the settled ones after them, both by fence.
//! Pages go through the settled ones, then the void ones: these move to the end as they are read,
//! so reading on from any task never meets one twice and never leaves one out.

use super::event::{Batch, Ids, QueueEvent};
use super::list::{after, walk, walk_back};
use super::numbers::Moment;
use super::owner::Owner;
use super::queue::Queue;
use super::slab::Slot;
use super::task::{Cause, Task};

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

/// Where a reader of an identity's tasks in one queue goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The fence that the last task read had.
    pub fence: u64,
    /// The last task read; 0 at the start.
    pub id: u64,
}

/// What is decided for one queue.
pub struct Page<'a> {
    /// What happens.
    pub batch: Batch<'a, QueueEvent<'a>>,
    /// Tasks that stay with the identity, in the order of reading. For RELEASE and FAIL: none.
    pub kept: Ids,
    /// Tasks that are poison, as they were.
    pub quarantined: Vec<Task>,
    /// How many were released or failed.
    pub moved: u64,
    /// Whether the identity holds more than was looked at.
    pub more: bool,
}

impl Queue {
    /// Decides a recovery: voids what the identity was given, and settles the first `limit` tasks.
    #[must_use]
    pub fn decide_recover<'a>(
        &self,
        agent: &'a [u8],
        mode: Mode,
        limit: usize,
        at: Moment,
    ) -> Page<'a> {
        let mut page = Page::empty(at.ms);
        let Some(owner) = self.owner(agent).filter(|owner| !owner.running.is_empty()) else {
            return page;
        };
        page.batch.events.push(QueueEvent::Recovered { owner: agent, void: self.last_number });
        let slots: Vec<Slot> = owner.running.iter(&self.tasks).take(limit).collect();
        page.more = owner.running.len() > slots.len() as u64;
        self.sort_out(&slots, mode, at, &mut page);
        page
    }

    /// Goes on with a recovery that was decided before, after `position`: nothing is voided again.
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
        let Some(owner) = self.owner(agent) else { return page };
        let void = || walk(&self.tasks, owner.first_void()).take_while(|slot| self.void(*slot));
        let mut slots = Vec::new();
        if mode == Mode::Keep {
            let (settled, void) = self.ahead(owner, position);
            slots.extend(walk(&self.tasks, settled).take(limit + 1));
            slots.extend(
                walk(&self.tasks, void)
                    .take_while(|slot| self.void(*slot))
                    .take((limit + 1).saturating_sub(slots.len())),
            );
        } else {
            slots.extend(void().take(limit + 1));
        }
        page.more = slots.len() > limit;
        slots.truncate(limit);
        self.sort_out(&slots, mode, at, &mut page);
        page
    }

    /// The same page for a reader that may change nothing: void tasks stay void.
    #[must_use]
    pub fn held_page(&self, agent: &[u8], position: Position, limit: usize) -> (Ids, bool) {
        let Some(owner) = self.owner(agent) else { return (Ids::new(), false) };
        let (settled, void) = self.ahead(owner, position);
        let void = walk(&self.tasks, void).take_while(|slot| self.void(*slot));
        let slots: Vec<Slot> = walk(&self.tasks, settled).chain(void).take(limit + 1).collect();
        (self.ids_of(slots.iter().copied().take(limit)), slots.len() > limit)
    }

    /// The first settled and the first void task that a reader at this position has not seen.
    fn ahead(&self, owner: &Owner, position: Position) -> (Option<Slot>, Option<Slot>) {
        if position.id == 0 {
            return (owner.first_settled(), owner.first_void());
        }
        let last = self.slot_of(position.id).filter(|slot| {
            let task = self.tasks.get(*slot);
            self.owner_of(task).is_some() && task.order == position.fence
        });
        if position.fence <= owner.void {
            // A reader that may not settle stands among the void ones; the settled ones are read.
            let next = match last {
                Some(last) => after(&self.tasks, last),
                None => walk(&self.tasks, owner.first_void())
                    .find(|slot| self.tasks.get(*slot).order > position.fence),
            };
            return (None, next);
        }
        let settled = match last {
            Some(last) => after(&self.tasks, last),
            None => walk_back(&self.tasks, owner.running.last())
                .take_while(|slot| self.tasks.get(*slot).order > position.fence)
                .last(),
        };
        (settled, owner.first_void())
    }

    fn void(&self, slot: Slot) -> bool {
        self.is_void(self.tasks.get(slot))
    }

    /// Sorts the tasks of a page into those that are read, settled, moved and quarantined.
    fn sort_out(&self, slots: &[Slot], mode: Mode, at: Moment, page: &mut Page<'_>) {
        let voided = !page.batch.events.is_empty();
        let (mut moved, mut poison) = (Ids::new(), Ids::new());
        for slot in slots {
            let task = self.tasks.get(*slot);
            let unsettled = voided || self.void(*slot);
            if unsettled && mode != Mode::Fail && self.is_poison(task) {
                page.quarantined.push(task.clone());
                poison.push(task.id);
                continue;
            }
            if mode == Mode::Keep {
                page.kept.push(task.id);
            }
            if unsettled {
                moved.push(task.id);
            }
        }
        let mut numbers = self.numbers(at);
        let count = moved.len() as u64;
        if count > 0 {
            let (ids, first) = (moved, numbers.next(count));
            page.batch.events.push(match mode {
                Mode::Keep => QueueEvent::Settled { fence: first, ids },
                Mode::Release => QueueEvent::Returned { ids, order: first, cause: Cause::Released },
                Mode::Fail => {
                    QueueEvent::Failed { ids, cause: Cause::FailedByRecovery, error: None }
                }
            });
        }
        if !poison.is_empty() {
            let cause = Cause::Quarantined;
            page.batch.events.push(QueueEvent::Failed { ids: poison, cause, error: None });
        }
        page.moved = if mode == Mode::Keep { 0 } else { count };
    }

    /// Whether one more crash is one too many.
    fn is_poison(&self, task: &Task) -> bool {
        let limit = self.settings.crashes;
        limit > 0 && u64::from(task.crashes()) + 1 >= limit
    }
}

impl Page<'_> {
    fn empty(at_ms: u64) -> Self {
        Self {
            batch: Batch::at(at_ms),
            kept: Ids::new(),
            quarantined: Vec::new(),
            moved: 0,
            more: false,
        }
    }
}
