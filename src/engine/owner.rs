//! What one agent name holds in one queue, and what it must be able to repeat.
//!
//! The agent's own key lists no tasks; this record, inside the queue, is the only truth about who
//! owns what. It outlives the tasks for a while, so that a completion whose reply was lost can be
//! repeated; records that hold nothing are dropped, longest idle first, once there are many.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;

use super::list::{Linked, Links, List};
use super::names::Named;
use super::task::Bytes;

/// Completions that are remembered for each owner, at least.
pub const COMPLETIONS_KEPT: usize = 64;

/// Owner records that hold nothing and are kept all the same.
pub const IDLE_OWNERS_KEPT: u64 = 4_096;

/// A task that its owner completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The task.
    pub id: u64,
    /// The fence it was completed under.
    pub fence: u64,
}

/// One agent name in one queue.
#[derive(Clone)]
pub struct Owner {
    name: Bytes,
    /// What it holds, in the order of taking.
    pub running: List,
    /// Fences up to this one are void: the identity was recovered since they were given.
    pub void: u64,
    /// When the identity was last recovered, Unix time in milliseconds.
    pub recovered_ms: u64,
    /// Whether it had been left on purpose then: what is void counts no crash.
    pub left: bool,
    /// How many of its tasks are void, and not settled yet. Not stored.
    pub unsettled: u64,
    /// When it is next seen whether anything was heard of its tasks; nothing without a backstop.
    /// Not stored: `watch` in `moves` keeps it.
    pub watched_ms: Option<u64>,
    /// How many of its tasks are to be cancelled.
    pub cancelling: u64,
    /// Its latest completions, the last one at the back.
    pub completions: VecDeque<Completion>,
    /// What its last MDONE completed.
    pub last_batch: Box<[Completion]>,
    /// Its repeatable requests whose tasks it still holds.
    pub requests: Option<Box<Requests>>,
    /// How many tasks it took.
    pub taken: u64,
    /// How many it completed.
    pub completed: u64,
    /// How many it failed.
    pub failed: u64,
    links: Links,
}

impl Owner {
    /// An owner of nothing.
    #[must_use]
    pub fn named(name: &[u8]) -> Self {
        Self {
            name: name.into(),
            running: List::default(),
            void: 0,
            recovered_ms: 0,
            left: false,
            unsettled: 0,
            watched_ms: None,
            cancelling: 0,
            completions: VecDeque::new(),
            last_batch: Box::default(),
            requests: None,
            taken: 0,
            completed: 0,
            failed: 0,
            links: Links::default(),
        }
    }

    /// Remembers what one call completed, and forgets the oldest beyond what is promised.
    pub fn remember(&mut self, completed: &[Completion], batch: bool) {
        self.completed += completed.len() as u64;
        if batch {
            self.last_batch = completed.into();
        }
        let latest = completed.len().saturating_sub(COMPLETIONS_KEPT);
        self.completions.extend(completed.get(latest..).unwrap_or_default());
        let beyond = self.completions.len().saturating_sub(COMPLETIONS_KEPT);
        self.completions.drain(..beyond);
    }

    /// Every completion it remembers, as task and fence.
    pub fn completed_before(&self) -> impl Iterator<Item = (u64, u64)> {
        let all = self.completions.iter().chain(&self.last_batch);
        all.map(|done| (done.id, done.fence))
    }

    /// Whether it completed this task, under this fence if one is given.
    #[must_use]
    pub fn has_completed(&self, id: u64, fence: Option<u64>) -> bool {
        let matches = |done: &Completion| done.id == id && fence.is_none_or(|f| f == done.fence);
        self.completions.iter().rev().any(matches) || self.last_batch.iter().any(matches)
    }

    /// A task left this owner, or its fence: requests that took it answer without it from now on.
    pub fn forget_request(&mut self, fence: u64, id: u64) {
        if let Some(requests) = &mut self.requests {
            requests.left(fence, id);
            if requests.is_empty() {
                self.requests = None;
            }
        }
    }

    /// What a repeatable request took and still holds some of, with the fence of the first task.
    #[must_use]
    pub fn answered(&self, epoch: u64, id: &[u8]) -> Option<(u64, &Answer)> {
        self.requests.as_ref().filter(|requests| requests.epoch == epoch)?.get(id)
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.name.len()
            + (self.completions.capacity() + self.last_batch.len()) * size_of::<Completion>()
            + self.requests.as_ref().map_or(0, |requests| requests.heap_bytes())
    }
}

impl Named for Owner {
    fn name(&self) -> &[u8] {
        &self.name
    }
}

impl Linked for Owner {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

/// What one repeatable request took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The client's id for the request.
    pub request: Bytes,
    /// The tasks; their fences follow one another.
    pub ids: Box<[u64]>,
    /// How many of them the owner still holds under those fences.
    pub held: u32,
}

/// The repeatable requests of one owner under one epoch.
#[derive(Clone, Default)]
pub struct Requests {
    /// The epoch they were made under.
    pub epoch: u64,
    /// By the fence of the first task taken.
    answers: BTreeMap<u64, Answer>,
    by_id: HashMap<Bytes, u64>,
}

impl Requests {
    /// No request under this epoch yet.
    #[must_use]
    pub fn under(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// The answer to a request, with the fence of the first task it took.
    #[must_use]
    pub fn get(&self, id: &[u8]) -> Option<(u64, &Answer)> {
        self.by_id.get(id).and_then(|fence| self.answers.get(fence).map(|answer| (*fence, answer)))
    }

    /// Keeps the answer to a request that is not there yet.
    pub fn insert(&mut self, fence: u64, answer: Answer) {
        self.by_id.insert(answer.request.clone(), fence);
        self.answers.insert(fence, answer);
    }

    /// A task is not held under this fence any more.
    pub fn left(&mut self, fence: u64, id: u64) {
        let Some((first, answer)) = self.answers.range_mut(..=fence).next_back() else { return };
        if answer.ids.get((fence - first) as usize) != Some(&id) {
            return;
        }
        answer.held -= 1;
        if answer.held == 0 {
            let first = *first;
            if let Some(answer) = self.answers.remove(&first) {
                self.by_id.remove(&answer.request);
            }
        }
    }

    /// Whether a request took a task under this fence first.
    #[must_use]
    pub fn begins_at(&self, fence: u64) -> bool {
        self.answers.contains_key(&fence)
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Every answer with the fence of its first task, by rising fence.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Answer)> {
        self.answers.iter().map(|(fence, answer)| (*fence, answer))
    }

    fn heap_bytes(&self) -> usize {
        let answer = |answer: &Answer| 2 * answer.request.len() + 8 * answer.ids.len() + 96;
        size_of::<Self>() + self.answers.values().map(answer).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completions(ids: std::ops::Range<u64>) -> Vec<Completion> {
        ids.map(|id| Completion { id, fence: id + 1_000 }).collect()
    }

    #[test]
    fn the_last_64_completions_and_the_last_batch_whole_are_remembered() {
        let mut owner = Owner::named(b"a");
        owner.remember(&completions(0..100), true);
        for id in 100..200 {
            owner.remember(&completions(id..id + 1), false);
        }
        assert_eq!(owner.completions.len(), COMPLETIONS_KEPT);
        assert!(owner.has_completed(0, Some(1_000)), "the last batch, whatever came after it");
        assert!(!owner.has_completed(100, None), "single ones are forgotten after 64 others");
        assert!(owner.has_completed(199, Some(1_199)));
        assert!(!owner.has_completed(199, Some(7)), "under another fence it was another taking");
        owner.remember(&completions(300..302), true);
        assert!(!owner.has_completed(0, None));
    }

    #[test]
    fn an_answer_is_forgotten_with_the_last_task_it_took() {
        let mut requests = Requests::under(1);
        let ids = Box::new([7, 8]);
        requests.insert(20, Answer { request: b"r"[..].into(), ids, held: 2 });
        requests.left(22, 9);
        requests.left(19, 7);
        requests.left(20, 9);
        requests.left(21, 8);
        assert_eq!(requests.get(b"r").map(|(fence, answer)| (fence, answer.held)), Some((20, 1)));
        requests.left(20, 7);
        assert!(requests.is_empty());
        assert!(requests.get(b"r").is_none());
    }
}
