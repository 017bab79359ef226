//! What must always hold of a queue: asked by WF.CHECK, by the tests after every step. A
//! dump is not asked as a whole: `restore` refuses each thing that could not be.

use hashbrown::{HashMap, HashSet};

use super::deadlines::Due;
use super::list::List;
use super::names::Named;
use super::queue::Queue;
use super::slab::{NONE, Slot};
use super::task::{State, Task};

impl Queue {
    /// The first invariant that does not hold. Looks at every task.
    pub fn check(&self) -> Result<(), String> {
        let mut seen = Seen { queue: self, slots: HashSet::new() };
        self.check_lines(&mut seen)?;
        self.check_owners(&mut seen)?;
        seen.walk(&self.done, |task| task.state == State::Done)?;
        seen.walk(&self.failed, |task| task.state == State::Failed)?;
        let listed = seen.slots.len() as u64;
        ensure(listed == self.tasks.len(), || {
            format!("{listed} tasks stand in a list, of {}", self.tasks.len())
        })?;
        ensure(self.by_id.len() == self.tasks.len(), || "the index of ids is off".to_owned())?;
        let bytes: u64 = self.tasks.iter().map(|(_, task)| task.payload.len() as u64).sum();
        ensure(bytes == self.payload_bytes, || "the count of payload bytes is off".to_owned())?;
        self.check_tasks()?;
        self.check_uniques()
    }

    fn check_lines(&self, seen: &mut Seen<'_>) -> Result<(), String> {
        self.lines.check(&self.tasks)?;
        for slot in self.lines.sorted() {
            let ready = |task: &Task| task.state == State::Ready && task.line == slot;
            seen.walk(&self.lines.line(slot).ready, ready)?;
        }
        Ok(())
    }

    fn check_owners(&self, seen: &mut Seen<'_>) -> Result<(), String> {
        let (mut running, mut idle) = (0, 0);
        for (slot, owner) in self.owners.records().iter() {
            let name = owner.name().escape_ascii();
            seen.walk(&owner.running, |task| task.state == State::Running && task.owner == slot)?;
            running += owner.running.len();
            idle += u64::from(owner.running.is_empty());
            ensure(owner.void <= self.last_number, || format!("'{name}' is void beyond"))?;
            for (fence, answer) in owner.requests.iter().flat_map(|requests| requests.iter()) {
                let held = |(nth, id): (usize, &u64)| {
                    self.task(*id)
                        .is_some_and(|task| task.owner == slot && task.order == fence + nth as u64)
                };
                let held = answer.ids.iter().enumerate().filter(|pair| held(*pair)).count();
                ensure(held == answer.held as usize && held > 0, || {
                    format!("a request of '{name}' counts {} tasks, not {held}", answer.held)
                })?;
            }
        }
        ensure(running == self.running, || "the count of running tasks is off".to_owned())?;
        let listed = self.idle.iter(self.owners.records()).count() as u64;
        ensure(listed == idle && listed == self.idle.len(), || "idle owners are off".to_owned())
    }

    fn check_tasks(&self) -> Result<(), String> {
        for (slot, task) in self.tasks.iter() {
            let id = task.id;
            ensure(self.slot_of(id) == Some(slot), || format!("task {id} is not found"))?;
            let newest = id.max(if task.state.is_unfinished() { task.order } else { 0 });
            ensure(newest <= self.last_number, || format!("task {id} is ahead of the numbers"))?;
            ensure((task.owner == NONE) != (task.state == State::Running), || {
                format!("task {id} is {} and has an owner or none", task.state.word())
            })?;
            let expires = task.details.as_ref().and_then(|details| details.expires_ms);
            if !task.state.is_unfinished() {
                let due = expires.and_then(|ms| self.deadlines.get(ms, id, Due::Expiry));
                ensure(due == Some(slot), || format!("ended task {id} never expires"))?;
            }
            if let Some(unique) = task.unique() {
                let record = self.uniques.get(unique);
                ensure(record.live && record.id == id && task.state.is_unfinished(), || {
                    format!("task {id} and its UNIQUE key disagree")
                })?;
            }
        }
        Ok(())
    }

    fn check_uniques(&self) -> Result<(), String> {
        let live = self.tasks.iter().filter_map(|(_, task)| task.unique()).count() as u64;
        let records = self.uniques.records();
        let counted = records.iter().filter(|(_, unique)| unique.live).count() as u64;
        ensure(live == counted, || format!("{counted} UNIQUE keys are live, {live} are had"))?;
        let mut entries: HashMap<Due, u64> = HashMap::new();
        for (ms, id, due, slot) in self.deadlines.iter() {
            *entries.entry(due).or_default() += 1;
            let fits = match due {
                Due::Expiry => self.task(id).is_some_and(|task| !task.state.is_unfinished()),
                Due::Forgetting => {
                    let unique = self.uniques.get(slot);
                    unique.id == id && unique.until_ms == ms && !unique.live
                }
            };
            ensure(fits, || format!("deadline {ms} of task {id} is of nothing"))?;
        }
        let ended = self.done.len() + self.failed.len();
        let kept = entries.get(&Due::Expiry).copied().unwrap_or(0);
        let graves = entries.get(&Due::Forgetting).copied().unwrap_or(0);
        ensure(kept == ended && graves == self.uniques.len() - live, || {
            format!("{kept} of {ended} ended tasks and {graves} keys have a deadline")
        })
    }
}

/// Tasks met in a list so far.
struct Seen<'q> {
    queue: &'q Queue,
    slots: HashSet<Slot>,
}

impl Seen<'_> {
    /// Walks a list: each task belongs there, stands in no other, and the order rises.
    fn walk(&mut self, list: &List, belongs: impl Fn(&Task) -> bool) -> Result<(), String> {
        let (mut last, mut count) = (0, 0_u64);
        for slot in list.iter(&self.queue.tasks) {
            let task = self.queue.tasks.get(slot);
            let id = task.id;
            ensure(belongs(task), || format!("task {id} stands in a list it is not of"))?;
            ensure(self.slots.insert(slot), || format!("task {id} stands in two lists"))?;
            ensure(task.place() > last, || format!("task {id} stands out of order"))?;
            last = task.place();
            count += 1;
        }
        ensure(count == list.len(), || format!("a list of {count} counts {}", list.len()))
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
