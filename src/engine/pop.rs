//! POP, MPOP and the second half of NEXT: ready tasks are exchanged for an agent's identity.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::event::{Ids, QueueEvent, Request};
use super::lines::{Lines, Rank};
use super::numbers::Moment;
use super::queue::Queue;
use super::slab::{Slab, Slot};
use super::task::Task;

/// What an agent asks for.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a> {
    /// The agent's name.
    pub agent: &'a [u8],
    /// Only these types, if any are named.
    pub kinds: &'a [&'a [u8]],
    /// No priority beyond this one.
    pub max_priority: Option<u16>,
    /// At most so many.
    pub count: usize,
    /// Set when the caller wants to be able to repeat the request.
    pub request: Option<Request<'a>>,
}

impl Queue {
    /// What the same request took before and still holds under the fences it gave; nothing if it
    /// was not made before, or nothing of it is left.
    #[must_use]
    pub fn answered(&self, take: &Take<'_>) -> Option<Ids> {
        let request = take.request?;
        let owner = self.owners.find(take.agent)?;
        let (first, answer) = self.owners.get(owner).answered(request.epoch, request.id)?;
        let is_held = |id: u64, fence: u64| {
            self.task(id).is_some_and(|task| task.owner == owner && task.order == fence)
        };
        let taken = answer.ids.iter().copied().zip(first..);
        Some(taken.filter(|(id, fence)| is_held(*id, *fence)).map(|(id, _)| id).collect())
    }

    /// Decides which tasks an agent takes; nothing when there is none for it.
    #[must_use]
    pub fn decide_take<'a>(&self, take: &Take<'a>, at: Moment) -> Option<(Ids, QueueEvent<'a>)> {
        if self.hold.is_some() {
            return None;
        }
        let ids = if take.count == 1 {
            let line = self.lines.next(take.kinds, take.max_priority)?;
            self.ids_of(self.lines.line(line).ready.first().into_iter())
        } else {
            let in_order = self.lines.in_order(&self.tasks, take.kinds, take.max_priority);
            self.ids_of(in_order.take(take.count))
        };
        if ids.is_empty() {
            return None;
        }
        let fence = self.numbers(at).next(ids.len() as u64);
        let (owner, request) = (take.agent, take.request);
        Some((ids.clone(), QueueEvent::Taken { owner, fence, ids, request }))
    }
}

/// A place that the walk in order has come to but not passed.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Ahead {
    /// A node of the heap of types.
    Kind { place: u32 },
    /// A node of one type's heap of lines.
    Line { kind: Slot, place: u32 },
    /// A ready task.
    Task { slot: Slot },
}

/// Ready tasks in the order of taking. The heaps are walked, not emptied: only what lies at the
/// edge of what was seen is kept, so the first n tasks cost n log n however many lines there are.
struct InOrder<'q> {
    lines: &'q Lines,
    tasks: &'q Slab<Task>,
    max_priority: Option<u16>,
    ahead: BinaryHeap<Reverse<(Rank, Ahead)>>,
}

impl Lines {
    /// The ready tasks in the order of taking: of these types if any are named, up to a priority.
    pub(super) fn in_order<'q>(
        &'q self,
        tasks: &'q Slab<Task>,
        kinds: &[&[u8]],
        max_priority: Option<u16>,
    ) -> impl Iterator<Item = Slot> + use<'q> {
        let mut walk = InOrder { lines: self, tasks, max_priority, ahead: BinaryHeap::new() };
        if kinds.is_empty() {
            walk.see_kind(0);
        }
        let mut named: Vec<Slot> = kinds.iter().filter_map(|name| self.served_kind(name)).collect();
        named.sort_unstable();
        named.dedup();
        named.into_iter().for_each(|kind| walk.see_line(kind, 0));
        walk
    }
}

impl InOrder<'_> {
    fn see(&mut self, rank: Rank, ahead: Ahead) {
        if self.max_priority.is_none_or(|most| rank.0 <= most) {
            self.ahead.push(Reverse((rank, ahead)));
        }
    }

    fn see_kind(&mut self, place: u32) {
        if let Some((rank, _)) = self.lines.kind_at(place) {
            self.see(rank, Ahead::Kind { place });
        }
    }

    fn see_line(&mut self, kind: Slot, place: u32) {
        if let Some((rank, _)) = self.lines.line_at(kind, place) {
            self.see(rank, Ahead::Line { kind, place });
        }
    }
}

impl Iterator for InOrder<'_> {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        loop {
            let Reverse((rank, ahead)) = self.ahead.pop()?;
            match ahead {
                Ahead::Kind { place } => {
                    self.see_kind(2 * place + 1);
                    self.see_kind(2 * place + 2);
                    if let Some((_, kind)) = self.lines.kind_at(place) {
                        self.see_line(kind, 0);
                    }
                }
                Ahead::Line { kind, place } => {
                    self.see_line(kind, 2 * place + 1);
                    self.see_line(kind, 2 * place + 2);
                    let line = self.lines.line_at(kind, place).map(|(_, line)| line);
                    let first = line.and_then(|line| self.lines.line(line).ready.first());
                    if let Some(slot) = first {
                        self.see(rank, Ahead::Task { slot });
                    }
                }
                Ahead::Task { slot } => {
                    if let Some(next) = self.lines.behind(self.tasks, slot) {
                        let order = self.tasks.get(next).order;
                        self.see((rank.0, order), Ahead::Task { slot: next });
                    }
                    return Some(slot);
                }
            }
        }
    }
}
