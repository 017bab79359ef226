//! A workflow: tasks that wait for one another, as one record beside them.
//!
//! The tasks are the queue's, like any others. The record knows them in the order of their ids, who
//! waits for whom, and how many may still run. A task stands behind its parents, so the graph can
//! only grow, and never has a cycle. What happens when a task ends is told in `advance`.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::outcome::{OnFail, Phase};
use super::packed::Packed;
use super::slab::{NONE, Slot};
use super::task::Bytes;
use hashbrown::HashMap;

/// How a task waits for a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The parent's place among the tasks.
    pub place: u32,
    /// Whether any end will do.
    pub any: bool,
}

impl Parent {
    /// As one number.
    #[must_use]
    pub fn packed(self) -> u32 {
        self.place << 1 | u32::from(self.any)
    }

    /// From one number.
    #[must_use]
    pub fn unpacked(packed: u32) -> Self {
        Self { place: packed >> 1, any: packed & 1 != 0 }
    }
}

/// The most tasks of a workflow, whatever the settings say: places have 31 bits, and an event about
/// all of them must stay below what a server takes in one command.
pub const TASKS_MAX: u64 = 1_000_000;

/// What is kept of each task, as one number each.
#[derive(Clone, Copy)]
enum Field {
    /// For how many parents it still waits.
    Open,
    /// Where its own edges begin; each is a parent as one number.
    Parents,
    /// The last edge that came from it, or `NONE`.
    Children,
    /// Where its name begins.
    Name,
}

/// How many fields there are.
const FIELDS: usize = 4;

/// What most workflows do not have.
#[derive(Default)]
pub struct Rare {
    /// How long it is kept once done, in milliseconds; nothing: as the queue's setting says.
    pub retain_ms: Option<u64>,
    /// The UNIQUE key that it had before it ended without being done.
    pub former_key: Option<Bytes>,
    /// When it ended, Unix time in milliseconds; 0: it did not.
    pub ended_ms: u64,
    /// Until when it is kept then, Unix time in milliseconds; 0: it is open.
    pub until_ms: u64,
    /// The ids of tasks that came later than the workflow.
    later: Vec<u64>,
    /// By edge: the edge before that came from the same parent, or `NONE`. Empty as long as no
    /// parent has two children.
    siblings: Packed,
}

/// Nothing of it.
static NOTHING_RARE: Rare = Rare {
    retain_ms: None,
    former_key: None,
    ended_ms: 0,
    until_ms: 0,
    later: Vec::new(),
    siblings: Packed::new(),
};

/// One workflow. There may be hundreds of thousands, mostly small ones: so it is packed.
pub struct Workflow {
    /// Its number. Tasks that came with it are numbered from it on.
    pub id: u64,
    /// Its name, then those of its tasks.
    text: Vec<u8>,
    /// The [`Field`]s of each task.
    nodes: Packed,
    edges: Packed,
    rare: Option<Box<Rare>>,
    /// Places by name, made when a name is first asked for. Not stored.
    places: OnceCell<Box<HashMap<Bytes, u32>>>,
    name_len: u32,
    /// How many tasks are unfinished, have failed, and were cancelled.
    pub unfinished: u32,
    /// See `unfinished`.
    pub failed: u32,
    /// See `unfinished`.
    pub cancelled: u32,
    /// Its record among the UNIQUE keys, or `NONE`.
    pub unique: Slot,
    /// Where it stands.
    pub phase: Phase,
    /// What a failure means for the rest.
    pub on_fail: OnFail,
    /// Whether an operator holds back its pre-running tasks.
    pub paused: bool,
    /// Whether an operator cancelled it.
    pub cancelling: bool,
}

impl Workflow {
    /// A workflow without tasks.
    #[must_use]
    pub fn new(id: u64, name: &[u8], on_fail: OnFail, retain_ms: Option<u64>) -> Self {
        let rare = Rare { retain_ms, ..Rare::default() };
        Self {
            id,
            text: name.to_vec(),
            nodes: Packed::new(),
            edges: Packed::new(),
            rare: retain_ms.map(|_| Box::new(rare)),
            places: OnceCell::new(),
            name_len: name.len() as u32,
            unfinished: 0,
            failed: 0,
            cancelled: 0,
            unique: NONE,
            phase: Phase::Open,
            on_fail,
            paused: false,
            cancelling: false,
        }
    }

    /// What most workflows do not have.
    #[must_use]
    pub fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING_RARE)
    }

    /// The same, to be changed.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.text.get(..self.name_len as usize).unwrap_or_default()
    }

    fn field(&self, place: u32, field: Field) -> Option<u32> {
        self.nodes.get(place as usize * FIELDS + field as usize)
    }

    fn set_field(&mut self, place: u32, field: Field, number: u32) -> Option<u32> {
        self.nodes.replace(place as usize * FIELDS + field as usize, number)
    }

    /// For how many parents a task still waits.
    #[must_use]
    pub fn open(&self, place: u32) -> u32 {
        self.field(place, Field::Open).unwrap_or_default()
    }

    /// Says for how many parents a task still waits.
    pub fn set_open(&mut self, place: u32, open: u32) {
        self.set_field(place, Field::Open, open);
    }

    /// How many tasks it has.
    #[must_use]
    pub fn size(&self) -> u32 {
        (self.nodes.len() / FIELDS) as u32
    }

    /// How many of them came with it.
    fn run(&self) -> u32 {
        self.size() - self.rare().later.len() as u32
    }

    /// The id of a task.
    #[must_use]
    pub fn id_of(&self, place: u32) -> u64 {
        let later = place.checked_sub(self.run());
        let later = later.and_then(|nth| self.rare().later.get(nth as usize));
        later.copied().unwrap_or(self.id + 1 + u64::from(place))
    }

    /// Whether the task of this id came with the workflow.
    #[must_use]
    pub fn has_from_start(&self, id: u64) -> bool {
        id > self.id && id - self.id <= u64::from(self.run())
    }

    /// The place of a task by its id, or of the first one behind it.
    #[must_use]
    pub fn place_of(&self, id: u64) -> u32 {
        let with_it = id.saturating_sub(self.id + 1);
        if with_it < u64::from(self.run()) {
            return with_it as u32;
        }
        self.run() + self.rare().later.partition_point(|later| *later < id) as u32
    }

    /// The name of a task.
    #[must_use]
    pub fn name_of(&self, place: u32) -> &[u8] {
        let start = |place| self.field(place, Field::Name).map(|start| start as usize);
        let range =
            start(place).unwrap_or(self.text.len())..start(place + 1).unwrap_or(self.text.len());
        self.text.get(range).unwrap_or_default()
    }

    /// The name of a task, or its number if it has none.
    #[must_use]
    pub fn called(&self, place: u32) -> Cow<'_, [u8]> {
        match self.name_of(place) {
            b"" => Cow::Owned(self.id_of(place).to_string().into_bytes()),
            name => Cow::Borrowed(name),
        }
    }

    /// The place of a task by its name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        let places = self.places.get_or_init(|| {
            Box::new((0..self.size()).map(|place| (self.name_of(place).into(), place)).collect())
        });
        places.get(name).copied()
    }

    /// What a task waits for, or waited for.
    pub fn parents(&self, place: u32) -> impl Iterator<Item = Parent> {
        let start = |place| self.field(place, Field::Parents).map(|start| start as usize);
        let range =
            start(place).unwrap_or(self.edges.len())..start(place + 1).unwrap_or(self.edges.len());
        range.filter_map(|edge| self.edges.get(edge)).map(Parent::unpacked)
    }

    /// Whether a task waits for any end of some parent: it may start though others have failed.
    #[must_use]
    pub fn is_last_resort(&self, place: u32) -> bool {
        self.parents(place).any(|parent| parent.any)
    }

    /// Who waits for a task, and whether any end will do; the one added last comes first.
    pub fn children(&self, place: u32) -> impl Iterator<Item = (u32, bool)> {
        let known = |edge: u32| (edge != NONE).then_some(edge);
        let sibling = move |edge: &u32| known(self.rare().siblings.get(*edge as usize)?);
        let last = self.field(place, Field::Children).and_then(known);
        std::iter::successors(last, sibling).map(|edge| {
            let parent = self.edges.get(edge as usize).unwrap_or_default();
            (self.child_of(edge), Parent::unpacked(parent).any)
        })
    }

    /// The last task whose edges begin no later than this one.
    fn child_of(&self, edge: u32) -> u32 {
        let (mut child, mut beyond) = (0, self.size());
        while beyond - child > 1 {
            let middle = child + (beyond - child) / 2;
            match self.field(middle, Field::Parents) {
                Some(first) if first <= edge => child = middle,
                _ => beyond = middle,
            }
        }
        child
    }

    /// Adds a task behind its parents; tells its place.
    pub fn add(&mut self, id: u64, name: &[u8], open: u32, parents: &[Parent]) -> u32 {
        let place = self.size();
        if id != self.id + 1 + u64::from(place) || !self.rare().later.is_empty() {
            self.rare_mut().later.push(id);
        }
        let (text, edges) = (self.text.len() as u32, self.edges.len() as u32);
        self.nodes.extend([open, edges, NONE, text]);
        self.text.extend_from_slice(name);
        for parent in parents {
            let edge = self.edges.len() as u32;
            let sibling = self.set_field(parent.place, Field::Children, edge);
            self.edges.extend([parent.packed()]);
            self.link(sibling.unwrap_or(NONE));
        }
        if let Some(places) = self.places.get_mut() {
            places.insert(name.into(), place);
        }
        // The last one that there was room for: most workflows never get another.
        if self.nodes.is_full() {
            self.shrink();
        }
        place
    }

    /// The edge added last has this sibling, or none.
    fn link(&mut self, sibling: u32) {
        if sibling == NONE && self.rare().siblings.is_empty() {
            return;
        }
        let edges = self.edges.len();
        let siblings = &mut self.rare_mut().siblings;
        (siblings.len() + 1..edges).for_each(|_| siblings.extend([NONE]));
        siblings.extend([sibling]);
    }

    /// So many tasks are about to be added.
    pub fn make_room(&mut self, tasks: u32) {
        self.nodes.make_room(FIELDS * tasks as usize);
        self.edges.make_room(tasks as usize);
        self.text.reserve_exact(4 * tasks as usize);
    }

    /// What was kept free is given back.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.nodes.shrink();
        self.edges.shrink();
        if let Some(rare) = &mut self.rare {
            rare.siblings.shrink();
        }
    }

    /// Takes the last task out of the record; tells its id.
    pub fn pop(&mut self) -> Option<u64> {
        self.places.take();
        let place = self.size().checked_sub(1)?;
        let id = self.id_of(place);
        self.text.truncate(self.field(place, Field::Name)? as usize);
        let edges = self.field(place, Field::Parents)? as usize;
        while self.edges.len() > edges {
            self.unlink();
        }
        self.nodes.truncate(place as usize * FIELDS);
        if let Some(rare) = &mut self.rare {
            rare.later.pop();
        }
        Some(id)
    }

    /// Takes out the edge added last: its parent has the children that it had before.
    fn unlink(&mut self) {
        let Some(edge) = self.edges.len().checked_sub(1) else { return };
        let parent = Parent::unpacked(self.edges.get(edge).unwrap_or_default()).place;
        self.edges.truncate(edge);
        let siblings = self.rare.as_mut().map(|rare| &mut rare.siblings);
        let sibling = siblings.and_then(|siblings| {
            let sibling = siblings.get(edge);
            siblings.truncate(edge);
            sibling
        });
        self.set_field(parent, Field::Children, sibling.unwrap_or(NONE));
    }

    /// How many pairs of parent and child there are.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.edges.len()
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let places = self.places.get().map_or(0, |places| {
            places.allocation_size() + places.keys().map(|name| name.len()).sum::<usize>()
        });
        self.text.capacity()
            + self.nodes.heap_bytes()
            + self.edges.heap_bytes()
            + self.rare.as_ref().map_or(0, |rare| rare.heap_bytes())
            + places
    }
}

impl Rare {
    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.former_key.as_ref().map_or(0, |key| key.len())
            + self.later.capacity() * size_of::<u64>()
            + self.siblings.heap_bytes()
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
        workflow.add(8, b"a", 0, &[]);
        workflow.add(9, b"", 0, &[]);
        workflow.add(10, b"c", 2, &[done(0), any(1)]);
        workflow.add(30, b"d", 0, &[]);
        workflow.add(31, b"e", 1, &[done(0)]);
        assert_eq!(workflow.name(), b"w");
        assert_eq!([0, 1, 2, 4].map(|place| workflow.name_of(place)), [&b"a"[..], b"", b"c", b"e"]);
        assert_eq!(workflow.parents(2).collect::<Vec<_>>(), [done(0), any(1)]);
        assert_eq!(workflow.parents(3).count(), 0);
        assert_eq!(workflow.children(0).collect::<Vec<_>>(), [(4, false), (2, false)]);
        assert_eq!(workflow.children(1).collect::<Vec<_>>(), [(2, true)]);
        assert_eq!(workflow.children(4).count(), 0);
        assert!(workflow.is_last_resort(2) && !workflow.is_last_resort(4));
        assert_eq!((workflow.find(b"e"), workflow.find(b"x")), (Some(4), None));
        workflow.add(40, b"x", 1, &[done(4)]);
        assert_eq!((workflow.find(b"x"), workflow.children(4).count()), (Some(5), 1));
        assert_eq!([0, 2, 3, 5].map(|place| workflow.id_of(place)), [8, 10, 30, 40]);
        assert_eq!(
            [8, 10, 11, 30, 31, 40, 41].map(|id| workflow.place_of(id)),
            [0, 2, 3, 3, 4, 5, 6]
        );
        assert_eq!((workflow.pop(), workflow.pop(), workflow.size()), (Some(40), Some(31), 4));
        // Nothing of them is left.
        assert_eq!(workflow.children(0).collect::<Vec<_>>(), [(2, false)]);
        assert_eq!((workflow.name_of(3), workflow.parents(3).count()), (&b"d"[..], 0));
        assert_eq!((workflow.pop(), workflow.pop()), (Some(30), Some(10)));
        assert_eq!(workflow.children(0).count() + workflow.children(1).count(), 0);
        workflow.add(50, b"y", 1, &[done(0)]);
        assert_eq!(workflow.children(0).collect::<Vec<_>>(), [(2, false)]);
    }
}
