//! LIST: which tasks there are, a page at a time, in the order of their lists.
//!
//! A page costs what it looks at, which is bounded whatever the filters leave of it. A cursor names
//! the last task looked at; while that task stays where it was, reading goes on right behind it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::lines::Rank;
use super::list::{List, after, walk};
use super::queue::Queue;
use super::slab::Slot;
use super::task::{State, Task};

/// Tasks looked at for one page at the most.
const LOOKED_AT_MAX: usize = 10_000;

/// Which tasks are wanted; what is not given is not asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// In this state.
    pub state: Option<State>,
    /// Of this type.
    pub kind: Option<&'a [u8]>,
    /// Held by this agent.
    pub owner: Option<&'a [u8]>,
    /// With a handle.
    pub handles: bool,
    /// Of this workflow.
    pub workflow: Option<u64>,
}

/// Where a reader goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The state it has come to, by its place in `State::ALL`.
    pub state: u64,
    /// Ready: the priority. Running: the owner's slot. Else 0.
    pub group: u64,
    /// The order of the last task looked at.
    pub order: u64,
    /// The last task looked at; 0: none yet in this state.
    pub id: u64,
}

/// Slots of tasks still ahead, each with the cursor that it is.
type Ahead<'q> = Box<dyn Iterator<Item = (Cursor, Slot)> + 'q>;

impl Queue {
    /// The tasks of a page, and where to go on if that was not all.
    #[must_use]
    pub fn list_page(
        &self,
        filter: &Filter<'_>,
        from: Cursor,
        limit: usize,
    ) -> (Vec<&Task>, Option<Cursor>) {
        if let Some(workflow) = filter.workflow {
            return self.workflow_page(workflow, filter, from, limit);
        }
        let mut page = Vec::new();
        let mut looked_at = 0;
        for (place, state) in State::ALL.into_iter().enumerate().skip(from.state as usize) {
            if filter.state.is_some_and(|wanted| wanted != state)
                || filter.owner.is_some() && state != State::Running
            {
                continue;
            }
            let here = Cursor { state: place as u64, ..Cursor::default() };
            let from = if from.state == here.state { from } else { here };
            let mut last = from;
            for (at, slot) in self.ahead_in(state, filter, from) {
                if page.len() >= limit || looked_at >= LOOKED_AT_MAX {
                    return (page, Some(last));
                }
                looked_at += 1;
                last = at;
                let task = self.tasks.get(slot);
                if self.is_wanted(task, filter) {
                    page.push(task);
                }
            }
        }
        (page, None)
    }

    /// The same of one workflow, in the order of its tasks; the cursor's id is the last of them.
    fn workflow_page(
        &self,
        workflow: u64,
        filter: &Filter<'_>,
        from: Cursor,
        limit: usize,
    ) -> (Vec<&Task>, Option<Cursor>) {
        let mut page = Vec::new();
        let Some(slot) = self.workflows.find(workflow) else { return (page, None) };
        let workflow = self.workflows.get(slot);
        let mut last = from;
        let ahead = workflow.place_of(from.id + 1)..workflow.size();
        for (looked_at, place) in ahead.enumerate() {
            if page.len() >= limit || looked_at >= LOOKED_AT_MAX {
                return (page, Some(last));
            }
            let task = self.task_at(workflow, place);
            last.id = task.id;
            let in_state = filter.state.is_none_or(|state| state == task.state);
            let owned = filter.owner.is_none_or(|name| self.owner_of(task) == Some(name));
            if in_state && owned && self.is_wanted(task, filter) {
                page.push(task);
            }
        }
        (page, None)
    }

    fn is_wanted(&self, task: &Task, filter: &Filter<'_>) -> bool {
        filter.kind.is_none_or(|kind| self.kind_of(task) == kind)
            && (!filter.handles || task.handle().is_some())
    }

    fn ahead_in<'q>(&'q self, state: State, filter: &Filter<'_>, from: Cursor) -> Ahead<'q> {
        match state {
            State::Ready => Box::new(self.ready_ahead(filter.kind, from)),
            State::Running => self.running_ahead(filter.owner, from),
            State::Waiting | State::Scheduled | State::Done | State::Failed | State::Cancelled => {
                Box::new(self.list_ahead(self.list(state).and_then(List::first), from))
            }
        }
    }

    /// Tasks of one list behind the cursor.
    fn list_ahead(
        &self,
        first: Option<Slot>,
        from: Cursor,
    ) -> impl Iterator<Item = (Cursor, Slot)> + use<'_> {
        walk(&self.tasks, self.resume(first, from)).map(move |slot| {
            let task = self.tasks.get(slot);
            (Cursor { order: task.place(), id: task.id, ..from }, slot)
        })
    }

    /// The first slot of a list behind the cursor.
    fn resume(&self, first: Option<Slot>, from: Cursor) -> Option<Slot> {
        if from.id == 0 {
            return first;
        }
        let state = State::ALL.get(from.state as usize);
        let stands_here = |task: &Task| {
            Some(&task.state) == state
                && (task.state != State::Running || u64::from(task.owner) == from.group)
        };
        self.behind(first, from.id, from.order, stands_here)
    }

    /// The first slot behind a task in a list: behind itself as long as it stands there at its
    /// place, else behind that place.
    pub(super) fn behind(
        &self,
        first: Option<Slot>,
        id: u64,
        place: u64,
        stands_here: impl Fn(&Task) -> bool,
    ) -> Option<Slot> {
        let is_it = |task: &Task| task.place() == place && stands_here(task);
        match self.slot_of(id).filter(|slot| is_it(self.tasks.get(*slot))) {
            Some(last) => after(&self.tasks, last),
            None => walk(&self.tasks, first).find(|slot| self.tasks.get(*slot).place() > place),
        }
    }

    fn running_ahead<'q>(&'q self, owner: Option<&[u8]>, from: Cursor) -> Ahead<'q> {
        let records = self.owners.records();
        if let Some(name) = owner {
            let Some(slot) = self.owners.find(name) else { return Box::new(std::iter::empty()) };
            let from = Cursor { group: slot.into(), ..from };
            return Box::new(self.list_ahead(self.owners.get(slot).running.first(), from));
        }
        let owners = records.iter().filter(move |(slot, _)| u64::from(*slot) >= from.group);
        Box::new(owners.flat_map(move |(slot, owner)| {
            let group = u64::from(slot);
            let from = if group == from.group { from } else { Cursor { id: 0, group, ..from } };
            self.list_ahead(owner.running.first(), Cursor { group, ..from })
        }))
    }

    /// Ready tasks behind the cursor in the order of taking: the lines merged.
    fn ready_ahead(
        &self,
        kind: Option<&[u8]>,
        from: Cursor,
    ) -> impl Iterator<Item = (Cursor, Slot)> + use<'_> {
        let mut ahead: BinaryHeap<Reverse<(Rank, Slot)>> = BinaryHeap::new();
        for line in self.lines.waiting(kind) {
            let line = self.lines.line(line);
            let first = line.ready.first();
            let next = match u64::from(line.priority).cmp(&from.group) {
                _ if from.id == 0 => first,
                std::cmp::Ordering::Less => None,
                std::cmp::Ordering::Greater => first,
                std::cmp::Ordering::Equal => {
                    let last = self.slot_of(from.id);
                    let here = last.is_some_and(|slot| {
                        let task = self.tasks.get(slot);
                        task.state == State::Ready && std::ptr::eq(self.lines.line(task.line), line)
                    });
                    if here {
                        self.resume(first, from)
                    } else {
                        walk(&self.tasks, first)
                            .find(|slot| self.tasks.get(*slot).order > from.order)
                    }
                }
            };
            ahead.extend(next.map(|slot| Reverse((self.rank_of(slot), slot))));
        }
        std::iter::from_fn(move || {
            let Reverse(((priority, order), slot)) = ahead.pop()?;
            if let Some(next) = after(&self.tasks, slot) {
                ahead.push(Reverse((self.rank_of(next), next)));
            }
            let group = u64::from(priority);
            Some((Cursor { group, order, id: self.tasks.get(slot).id, ..from }, slot))
        })
    }

    fn rank_of(&self, slot: Slot) -> Rank {
        let task = self.tasks.get(slot);
        (self.priority_of(task), task.order)
    }
}
