//! A workflow: tasks that wait for one another, as one record beside them.
//!
//! The tasks are the queue's, like any others. The record knows them in the order of their ids, who
//! waits for whom, and how many may still run. A task stands behind its parents, so the graph can
//! only grow, and never has a cycle. What happens when a task ends is told in `advance`.

use std::cell::OnceCell;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::slab::{NONE, Slot};
use super::task::Bytes;

/// What becomes of the rest when a task has failed for good or was cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFail {
    /// Nothing more starts, but tasks that wait for any end of a parent.
    #[default]
    Stop,
    /// What does not depend on it goes on.
    Continue,
}

impl OnFail {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Continue => "continue",
        }
    }
}

/// Where a workflow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Something of it runs, or can still start.
    Open,
    /// Every task is done.
    Done,
    /// A task failed for good.
    Failed,
    /// It was cancelled, or a task of it was.
    Cancelled,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a task waits for a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The parent's place among the tasks.
    pub place: u32,
    /// Whether any end will do.
    pub any: bool,
}

/// The bit of a parent as one number that says that any end will do.
const ANY: u32 = 1 << 31;

impl Parent {
    /// As one number, for events and dumps.
    #[must_use]
    pub fn packed(self) -> u32 {
        self.place | if self.any { ANY } else { 0 }
    }

    /// From one number.
    #[must_use]
    pub fn unpacked(packed: u32) -> Self {
        Self { place: packed & !ANY, any: packed & ANY != 0 }
    }
}

/// The most tasks of a workflow, whatever the settings say: places have 31 bits, and an event about
/// all of them must stay below what a server takes in one command.
pub const TASKS_MAX: u64 = 1_000_000;

/// One task of a workflow.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The task.
    pub slot: Slot,
    /// For how many parents it still waits.
    pub open: u32,
    /// Where its own edges begin.
    parents: u32,
    /// The last edge that came from it, or `NONE`.
    children: u32,
    /// Where its name begins.
    name: u32,
}

/// A parent of the node whose edges these are.
#[derive(Clone, Copy, Debug)]
struct Edge {
    /// The parent, as one number.
    parent: u32,
    /// The edge before that came from the same parent, or `NONE`.
    next: u32,
}

/// One workflow.
pub struct Workflow {
    /// Its number.
    pub id: u64,
    /// Its name, then those of its tasks.
    text: Vec<u8>,
    name_len: u32,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Where it stands.
    pub phase: Phase,
    /// What a failure means for the rest.
    pub on_fail: OnFail,
    /// Whether an operator holds back its pre-running tasks.
    pub paused: bool,
    /// Whether an operator cancelled it.
    pub cancelling: bool,
    /// How many tasks are unfinished, have failed, and were cancelled.
    pub unfinished: u32,
    /// See `unfinished`.
    pub failed: u32,
    /// See `unfinished`.
    pub cancelled: u32,
    /// How long it is kept once done, in milliseconds; nothing: as the queue's setting says.
    pub retain_ms: Option<u64>,
    /// Its record among the UNIQUE keys, or `NONE`.
    pub unique: Slot,
    /// The UNIQUE key that it had before it ended without being done.
    pub former_key: Option<Bytes>,
    /// When it ended, Unix time in milliseconds; 0: it did not.
    pub ended_ms: u64,
    /// Until when it is kept then, Unix time in milliseconds; 0: it is open.
    pub until_ms: u64,
    /// Places by name, made when a name is first asked for. Not stored.
    places: OnceCell<HashMap<Bytes, u32>>,
}

impl Workflow {
    /// A workflow without tasks.
    #[must_use]
    pub fn new(id: u64, name: &[u8], on_fail: OnFail, retain_ms: Option<u64>) -> Self {
        Self {
            id,
            text: name.to_vec(),
            name_len: name.len() as u32,
            nodes: Vec::new(),
            edges: Vec::new(),
            phase: Phase::Open,
            on_fail,
            paused: false,
            cancelling: false,
            unfinished: 0,
            failed: 0,
            cancelled: 0,
            retain_ms,
            unique: NONE,
            former_key: None,
            ended_ms: 0,
            until_ms: 0,
            places: OnceCell::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.text.get(..self.name_len as usize).unwrap_or_default()
    }

    /// Its tasks, in the order of their ids.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A task by its place.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a place that is none is a broken invariant")]
    pub fn node(&self, place: u32) -> &Node {
        &self.nodes[place as usize]
    }

    /// The same, to be changed.
    #[expect(clippy::indexing_slicing, reason = "a place that is none is a broken invariant")]
    pub fn node_mut(&mut self, place: u32) -> &mut Node {
        &mut self.nodes[place as usize]
    }

    /// The name of a task.
    #[must_use]
    pub fn name_of(&self, place: u32) -> &[u8] {
        let starts = |place: usize| self.nodes.get(place).map(|node| node.name as usize);
        let start = starts(place as usize).unwrap_or(self.text.len());
        let end = starts(place as usize + 1).unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default()
    }

    /// The place of a task by its name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        let places = self.places.get_or_init(|| {
            (0..self.nodes.len() as u32).map(|place| (self.name_of(place).into(), place)).collect()
        });
        places.get(name).copied()
    }

    /// What a task waits for, or waited for.
    pub fn parents(&self, place: u32) -> impl Iterator<Item = Parent> {
        let starts = |place: usize| self.nodes.get(place).map(|node| node.parents as usize);
        let start = starts(place as usize).unwrap_or(self.edges.len());
        let end = starts(place as usize + 1).unwrap_or(self.edges.len());
        let edges = self.edges.get(start..end).unwrap_or_default();
        edges.iter().map(|edge| Parent::unpacked(edge.parent))
    }

    /// Whether a task waits for any end of some parent: it may start though others have failed.
    #[must_use]
    pub fn is_last_resort(&self, place: u32) -> bool {
        self.parents(place).any(|parent| parent.any)
    }

    /// Who waits for a task, and whether any end will do; the one added last comes first.
    pub fn children(&self, place: u32) -> impl Iterator<Item = (u32, bool)> {
        let edge = |edge: u32| self.edges.get(edge as usize).map(|found| (edge, *found));
        let first = edge(self.node(place).children);
        let all = std::iter::successors(first, move |(_, found)| edge(found.next));
        all.map(|(edge, found)| (self.child_of(edge), Parent::unpacked(found.parent).any))
    }

    /// The last task whose edges begin no later than this one.
    fn child_of(&self, edge: u32) -> u32 {
        self.nodes.partition_point(|node| node.parents <= edge) as u32 - 1
    }

    /// Adds a task behind its parents; tells its place.
    pub fn add(&mut self, name: &[u8], slot: Slot, open: u32, parents: &[Parent]) -> u32 {
        let place = self.nodes.len() as u32;
        let (text, edges) = (self.text.len() as u32, self.edges.len() as u32);
        self.nodes.push(Node { slot, open, parents: edges, children: NONE, name: text });
        self.text.extend_from_slice(name);
        for parent in parents {
            let edge = self.edges.len() as u32;
            let next = std::mem::replace(&mut self.node_mut(parent.place).children, edge);
            self.edges.push(Edge { parent: parent.packed(), next });
        }
        if let Some(places) = self.places.get_mut() {
            places.insert(name.into(), place);
        }
        place
    }

    /// Nothing more will be added for now: what was kept free is given back.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.nodes.shrink_to_fit();
        self.edges.shrink_to_fit();
    }

    /// Takes the last task out of the record; tells its slot.
    pub fn pop(&mut self) -> Option<Slot> {
        self.places.take();
        self.nodes.pop().map(|node| node.slot)
    }

    /// How many pairs of parent and child there are.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.edges.len()
    }

    /// Whether some task has failed or was cancelled, after which nothing more starts.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.on_fail == OnFail::Stop && self.failed + self.cancelled > 0
    }

    /// Whether this task may not start (again).
    #[must_use]
    pub fn bars(&self, place: u32) -> bool {
        self.cancelling || self.is_stopped() && !self.is_last_resort(place)
    }

    /// How it ends, once nothing of it is unfinished.
    #[must_use]
    pub fn end(&self) -> Phase {
        match (self.failed, self.cancelled) {
            (_, 1..) if self.cancelling => Phase::Cancelled,
            (1.., _) => Phase::Failed,
            (0, 1..) => Phase::Cancelled,
            (0, 0) => Phase::Done,
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let places = self.places.get().map_or(0, |places| {
            places.allocation_size() + places.keys().map(|name| name.len()).sum::<usize>()
        });
        self.text.capacity()
            + self.former_key.as_ref().map_or(0, |key| key.len())
            + self.nodes.capacity() * size_of::<Node>()
            + self.edges.capacity() * size_of::<Edge>()
            + places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_and_children_are_found_whatever_stands_between_them() {
        let mut workflow = Workflow::new(7, b"w", OnFail::Stop, None);
        let done = |place| Parent { place, any: false };
        let any = |place| Parent { place, any: true };
        workflow.add(b"a", 10, 0, &[]);
        workflow.add(b"", 11, 0, &[]);
        workflow.add(b"c", 12, 2, &[done(0), any(1)]);
        workflow.add(b"d", 13, 0, &[]);
        workflow.add(b"e", 14, 1, &[done(0)]);
        assert_eq!(workflow.name(), b"w");
        assert_eq!([0, 1, 2, 4].map(|place| workflow.name_of(place)), [&b"a"[..], b"", b"c", b"e"]);
        assert_eq!(workflow.parents(2).collect::<Vec<_>>(), [done(0), any(1)]);
        assert_eq!(workflow.parents(3).count(), 0);
        assert_eq!(workflow.children(0).collect::<Vec<_>>(), [(4, false), (2, false)]);
        assert_eq!(workflow.children(1).collect::<Vec<_>>(), [(2, true)]);
        assert_eq!(workflow.children(4).count(), 0);
        assert_eq!((workflow.find(b"e"), workflow.find(b"x")), (Some(4), None));
        workflow.add(b"x", 15, 1, &[done(4)]);
        assert_eq!((workflow.find(b"x"), workflow.children(4).count()), (Some(5), 1));
        assert!(workflow.is_last_resort(2) && !workflow.is_last_resort(4));
    }
}
