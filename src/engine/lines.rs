//! Ready tasks in the order in which they are taken: by priority, then as they became ready.
//!
//! Each pair of type and priority has a line of its own; a heap per type orders the heads of its
//! lines, and a heap of types orders those. So a POP for some types looks at those types only, and
//! ten thousand types or priorities cost little more than one.
//!
//! The tasks of a workflow that is paused stand in lines of their own, which are taken out of the
//! heaps; when it goes on they are put back, and every task has the place that it had.

use hashbrown::HashMap;

use super::heap::Heap;
use super::list::{List, after};
use super::names::{Named, Names};
use super::slab::{NONE, Slab, Slot};
use super::task::{Bytes, Task};

/// What orders lines: priority of the line, then place of its first task.
pub type Rank = (u16, u64);

/// A type of task.
pub struct Kind {
    name: Bytes,
    /// Lines of this type that have a ready task.
    heads: Heap<Rank>,
    /// Where the type stands in the heap of types, or `NONE`.
    place: u32,
    /// How many lines of this type there are.
    lines: u32,
    /// Whether its ready tasks are held back. A paused type stays even without tasks.
    paused: bool,
}

impl Kind {
    fn named(name: &[u8]) -> Self {
        Self { name: name.into(), heads: Heap::default(), place: NONE, lines: 0, paused: false }
    }

    /// What orders it among the types; nothing if nothing of it can be taken.
    fn rank(&self) -> Option<Rank> {
        self.heads.first().filter(|_| !self.paused).map(|(rank, _)| rank)
    }
}

impl Named for Kind {
    fn name(&self) -> &[u8] {
        &self.name
    }
}

/// All tasks of one type, priority and group; those that are ready stand in its list.
pub struct Line {
    /// The type.
    pub kind: Slot,
    /// The priority.
    pub priority: u16,
    /// The workflow whose tasks these are, if it was paused while they did not run; 0: any task.
    pub group: u64,
    /// Whether that is paused: the ready tasks are held back.
    held: bool,
    /// The ready tasks.
    pub ready: List,
    /// How many tasks name this line, in whatever state.
    tasks: u64,
    /// Where the line stands in its type's heap, or `NONE`.
    place: u32,
}

/// Every type and line of a queue.
#[derive(Default)]
pub struct Lines {
    kinds: Names<Kind>,
    lines: Slab<Line>,
    by_rank: HashMap<(Slot, u16, u64), Slot>,
    /// Types that have a ready task and are not paused.
    heads: Heap<Rank>,
    ready: u64,
}

impl Lines {
    /// How many tasks are ready.
    #[must_use]
    pub fn ready(&self) -> u64 {
        self.ready
    }

    /// How many types have a task.
    #[must_use]
    pub fn kinds(&self) -> u64 {
        self.kinds.len()
    }

    /// A line by its slot.
    #[must_use]
    pub fn line(&self, line: Slot) -> &Line {
        self.lines.get(line)
    }

    /// Whether the ready tasks of a line are held back with their workflow.
    #[must_use]
    pub fn is_held(&self, line: Slot) -> bool {
        self.line(line).held
    }

    /// The type's name of a line.
    #[must_use]
    pub fn kind_name(&self, line: Slot) -> &[u8] {
        self.kinds.get(self.line(line).kind).name()
    }

    /// The line that a POP takes from next: of these types only, if any are named; never of a
    /// priority number beyond the greatest one asked for.
    #[must_use]
    pub fn next(&self, kinds: &[&[u8]], max_priority: Option<u16>) -> Option<Slot> {
        let best = if kinds.is_empty() {
            self.heads.first().and_then(|(_, kind)| self.kinds.get(kind).heads.first())
        } else {
            let known = kinds.iter().filter_map(|name| self.kinds.find(name));
            let served = known.map(|kind| self.kinds.get(kind)).filter(|kind| !kind.paused);
            served.filter_map(|kind| kind.heads.first()).min()
        };
        let ((priority, _), line) = best?;
        max_priority.is_none_or(|most| priority <= most).then_some(line)
    }

    /// A type that is not paused, by its name.
    #[must_use]
    pub fn served_kind(&self, name: &[u8]) -> Option<Slot> {
        self.kinds.find(name).filter(|kind| !self.kinds.get(*kind).paused)
    }

    /// Whether tasks of this type are held back.
    #[must_use]
    pub fn is_paused(&self, name: &[u8]) -> bool {
        self.kinds.find(name).is_some_and(|kind| self.kinds.get(kind).paused)
    }

    /// The names of the types whose tasks are held back, in order.
    pub fn paused(&self) -> impl Iterator<Item = &[u8]> {
        let kinds = self.kinds.records().iter().map(|(_, kind)| kind);
        let mut names: Vec<&[u8]> = kinds.filter(|kind| kind.paused).map(Named::name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Holds back the tasks of a type, or no longer.
    pub fn pause(&mut self, name: &[u8], paused: bool) {
        let kind = self.enter_kind(name);
        let record = self.kinds.get_mut(kind);
        record.paused = paused;
        if record.lines > 0 || paused {
            self.reorder(kind);
        } else {
            self.kinds.remove(kind);
        }
    }

    fn enter_kind(&mut self, name: &[u8]) -> Slot {
        self.kinds.find(name).unwrap_or_else(|| self.kinds.insert(Kind::named(name)))
    }

    /// The type at a place of the heap of types, and the rank of its first ready task.
    #[must_use]
    pub fn kind_at(&self, place: u32) -> Option<(Rank, Slot)> {
        self.heads.at(place)
    }

    /// How many types have a task that can be taken.
    #[must_use]
    pub fn served(&self) -> usize {
        self.heads.len()
    }

    /// Those types, and the priority of the first task of each.
    pub fn served_kinds(&self) -> impl Iterator<Item = (&[u8], u16)> {
        let heads = (0..).map_while(|place| self.heads.at(place));
        heads.map(|((priority, _), kind)| (self.kinds.get(kind).name(), priority))
    }

    /// The priority of the first task of a type, if one can be taken.
    #[must_use]
    pub fn priority_of_kind(&self, name: &[u8]) -> Option<u16> {
        let kind = self.served_kind(name)?;
        self.kinds.get(kind).heads.first().map(|((priority, _), _)| priority)
    }

    /// The priority of the first task of all.
    #[must_use]
    pub fn first_priority(&self) -> Option<u16> {
        self.heads.first().map(|((priority, _), _)| priority)
    }

    /// The line at a place of one type's heap, and the rank of its first ready task.
    #[must_use]
    pub fn line_at(&self, kind: Slot, place: u32) -> Option<(Rank, Slot)> {
        self.kinds.get(kind).heads.at(place)
    }

    /// The line of a type, priority and group for tasks about to come in, made when it is not
    /// there.
    pub fn enter(&mut self, kind: &[u8], priority: u16, group: u64, tasks: u64) -> Slot {
        let kind = self.enter_kind(kind);
        self.enter_line((kind, priority, group), tasks)
    }

    fn enter_line(&mut self, key: (Slot, u16, u64), tasks: u64) -> Slot {
        let (kind, priority, group) = key;
        let line = match self.by_rank.get(&key) {
            Some(line) => *line,
            None => {
                let (ready, held) = (List::default(), false);
                let new = Line { kind, priority, group, held, ready, tasks: 0, place: NONE };
                let line = self.lines.insert(new);
                self.by_rank.insert(key, line);
                self.kinds.get_mut(kind).lines += 1;
                line
            }
        };
        self.lines.get_mut(line).tasks += tasks;
        line
    }

    /// A task leaves its line for that of another type, if one is named, and another priority.
    pub fn change(
        &mut self,
        tasks: &Slab<Task>,
        former: Slot,
        kind: Option<&[u8]>,
        priority: u16,
    ) -> Slot {
        let Line { kind: known, group, held, .. } = self.line(former);
        let (known, group, held) = (*known, *group, *held);
        let line = match kind {
            Some(kind) => self.enter(kind, priority, group, 1),
            None => self.enter_line((known, priority, group), 1),
        };
        // All lines of a group are held, or none.
        self.hold(tasks, line, held);
        self.leave(former);
        line
    }

    /// A task that is not ready leaves its line for that of a group, of the same type and priority.
    pub fn regroup(&mut self, former: Slot, group: u64) -> Slot {
        let Line { kind, priority, .. } = *self.line(former);
        let line = self.enter_line((kind, priority, group), 1);
        self.leave(former);
        line
    }

    /// Holds back the ready tasks of a line, or no longer.
    pub fn hold(&mut self, tasks: &Slab<Task>, line: Slot, held: bool) {
        let record = self.lines.get_mut(line);
        if std::mem::replace(&mut record.held, held) == held {
            return;
        }
        match record.ready.first() {
            Some(_) if held => self.step_down(line),
            Some(first) => self.step_up(line, tasks.get(first).order),
            None => {}
        }
    }

    /// A line whose first ready task has this place in it stands with those of its type.
    fn step_up(&mut self, line: Slot, order: u64) {
        let Line { kind, priority, .. } = *self.line(line);
        let rank = (priority, order);
        let (kinds, lines) = (&mut self.kinds, &mut self.lines);
        let told = |line, place| lines.get_mut(line).place = place;
        kinds.get_mut(kind).heads.insert(rank, line, told);
        self.reorder(kind);
    }

    /// A line with ready tasks stands with those of its type no more.
    fn step_down(&mut self, line: Slot) {
        let Line { kind, place, .. } = *self.line(line);
        let (kinds, lines) = (&mut self.kinds, &mut self.lines);
        let told = |line, place| lines.get_mut(line).place = place;
        kinds.get_mut(kind).heads.remove(place, told);
        self.lines.get_mut(line).place = NONE;
        self.reorder(kind);
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.lines.len()
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether any task names this line.
    #[must_use]
    pub fn is_named(&self, line: Slot) -> bool {
        self.lines.get(line).tasks > 0
    }

    /// One more task names this line.
    pub fn join(&mut self, line: Slot) {
        self.lines.get_mut(line).tasks += 1;
    }

    /// A task that names this line is gone.
    pub fn leave(&mut self, line: Slot) {
        let record = self.lines.get_mut(line);
        record.tasks -= 1;
        if record.tasks > 0 {
            return;
        }
        let Line { kind, priority, group, .. } = self.lines.remove(line);
        self.by_rank.remove(&(kind, priority, group));
        let record = self.kinds.get_mut(kind);
        record.lines -= 1;
        if record.lines == 0 && !record.paused {
            self.kinds.remove(kind);
        }
    }

    /// A task that names its line becomes ready, behind its equals.
    pub fn push(&mut self, tasks: &mut Slab<Task>, slot: Slot) {
        let task = tasks.get(slot);
        let (line, order) = (task.line, task.order);
        let record = self.lines.get_mut(line);
        record.ready.push_back(tasks, slot);
        self.ready += 1;
        if record.ready.len() == 1 && !record.held {
            self.step_up(line, order);
        }
    }

    /// A ready task leaves its line.
    pub fn remove(&mut self, tasks: &mut Slab<Task>, slot: Slot) {
        let line = tasks.get(slot).line;
        let record = self.lines.get_mut(line);
        let was_first = record.ready.first() == Some(slot);
        record.ready.remove(tasks, slot);
        self.ready -= 1;
        if !was_first || record.held {
            return;
        }
        let (kind, place) = (record.kind, record.place);
        let rank = record.ready.first().map(|first| (record.priority, tasks.get(first).order));
        let (kinds, lines) = (&mut self.kinds, &mut self.lines);
        let heads = &mut kinds.get_mut(kind).heads;
        let told = |line, place| lines.get_mut(line).place = place;
        match rank {
            Some(rank) => heads.rekey(place, rank, told),
            None => {
                heads.remove(place, told);
                self.lines.get_mut(line).place = NONE;
            }
        }
        self.reorder(kind);
    }

    /// The first line of a type may be another one now: puts the type where it belongs.
    fn reorder(&mut self, kind: Slot) {
        let record = self.kinds.get(kind);
        let (place, rank) = (record.place, record.rank());
        let kinds = &mut self.kinds;
        let told = |kind, place| kinds.get_mut(kind).place = place;
        match (place, rank) {
            (NONE, Some(rank)) => self.heads.insert(rank, kind, told),
            (NONE, None) => {}
            (place, Some(rank)) => self.heads.rekey(place, rank, told),
            (place, None) => {
                self.heads.remove(place, told);
                self.kinds.get_mut(kind).place = NONE;
            }
        }
    }

    /// The lines in the order of their type's name, of priority, then of group: the same on every
    /// server.
    #[must_use]
    pub fn sorted(&self) -> Vec<Slot> {
        let mut lines: Vec<Slot> = self.lines.iter().map(|(slot, _)| slot).collect();
        lines.sort_unstable_by(|a, b| self.sort_key(*a).cmp(&self.sort_key(*b)));
        lines
    }

    fn sort_key(&self, line: Slot) -> (&[u8], u16, u64) {
        let Line { priority, group, .. } = *self.line(line);
        (self.kind_name(line), priority, group)
    }

    /// Lines with a ready task, of one type if it is named, in no order.
    pub fn waiting(&self, kind: Option<&[u8]>) -> impl Iterator<Item = Slot> {
        let all = self.lines.iter().filter(|(_, line)| !line.ready.is_empty());
        all.map(|(slot, _)| slot)
            .filter(move |line| kind.is_none_or(|kind| self.kind_name(*line) == kind))
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.kinds.heap_bytes()
            + self.lines.heap_bytes()
            + self.by_rank.allocation_size()
            + self.heads.len() * size_of::<(Rank, u32)>()
    }

    /// What does not hold of the lines, given how many tasks name each.
    pub(super) fn check(&self, tasks: &Slab<Task>) -> Result<(), String> {
        let mut named: HashMap<Slot, u64> = HashMap::new();
        tasks.iter().for_each(|(_, task)| *named.entry(task.line).or_default() += 1);
        let mut ready = 0;
        let mut heads_of_kinds = 0;
        for (slot, line) in self.lines.iter() {
            if named.get(&slot) != Some(&line.tasks) {
                return Err(format!("line {slot} counts {} tasks, not {named:?}", line.tasks));
            }
            if self.by_rank.get(&(line.kind, line.priority, line.group)) != Some(&slot) {
                return Err(format!("line {slot} is not found by its type and priority"));
            }
            ready += line.ready.len();
            let kind = self.kinds.get(line.kind);
            let first = line.ready.first().filter(|_| !line.held);
            let expected = first.map(|first| (line.priority, tasks.get(first).order));
            let found = kind.heads.at(line.place).filter(|(_, item)| *item == slot);
            if expected != found.map(|(rank, _)| rank) {
                return Err(format!("line {slot} stands wrong among the heads of its type"));
            }
            heads_of_kinds += u64::from(found.is_some());
        }
        for (slot, kind) in self.kinds.records().iter() {
            let found = self.heads.at(kind.place).filter(|(_, item)| *item == slot);
            if kind.lines == 0 && !kind.paused || kind.rank() != found.map(|(rank, _)| rank) {
                return Err(format!("type '{}' stands wrong", kind.name.escape_ascii()));
            }
            heads_of_kinds -= kind.heads.len() as u64;
        }
        if ready != self.ready || heads_of_kinds != 0 {
            return Err(format!("{} ready tasks are counted, {ready} stand in line", self.ready));
        }
        Ok(())
    }

    /// The slots after one ready task in its line.
    #[must_use]
    pub fn behind(&self, tasks: &Slab<Task>, slot: Slot) -> Option<Slot> {
        after(tasks, slot)
    }
}
