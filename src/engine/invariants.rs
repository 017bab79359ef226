//! What must always hold of a queue: asked by WF.CHECK, by the tests after every step. A
//! dump is not asked as a whole: `restore` refuses each thing that could not be.

use hashbrown::HashSet;

use super::deadlines::Due;
use super::list::List;
use super::names::Named;
use super::outcome::Phase;
use super::queue::{Hold, Queue};
use super::slab::{NONE, Slot};
use super::task::{State, Task};
use super::workflow::{Parent, Workflow};

impl Queue {
    /// The first invariant that does not hold. Looks at every task.
    pub fn check(&self) -> Result<(), String> {
        let mut seen = Seen { queue: self, slots: HashSet::new() };
        self.check_lines(&mut seen)?;
        self.check_owners(&mut seen)?;
        for state in State::ALL {
            if let Some(list) = self.list(state) {
                seen.walk(list, |task| task.state == state)?;
            }
        }
        let listed = seen.slots.len() as u64;
        ensure(listed == self.tasks.len(), || {
            format!("{listed} tasks stand in a list, of {}", self.tasks.len())
        })?;
        ensure(self.by_id.len() == self.tasks.len(), || "the index of ids is off".to_owned())?;
        let bytes: u64 = self.tasks.iter().map(|(_, task)| task.payload.len() as u64).sum();
        ensure(bytes == self.payload_bytes, || "the count of payload bytes is off".to_owned())?;
        ensure(self.totals.come_out_even(self.unfinished()), || "the totals are off".to_owned())?;
        self.check_tasks()?;
        self.check_uniques()?;
        self.check_workflows()?;
        self.check_deadlines()
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
            let held = owner.running.iter(&self.tasks).map(|slot| self.tasks.get(slot));
            let cancelling = held.filter(|task| task.is_cancelling()).count() as u64;
            ensure(cancelling == owner.cancelling, || format!("'{name}' counts cancellations"))?;
            let held = owner.running.iter(&self.tasks).map(|slot| self.tasks.get(slot));
            let unsettled = held.filter(|task| task.order <= owner.void).count() as u64;
            ensure(unsettled == owner.unsettled, || format!("'{name}' counts what is void"))?;
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
            ensure(task.cause.leads_to(task.state), || {
                format!("task {id} is {}: {}", task.state.word(), task.cause.words())
            })?;
            let may_lack = matches!(task.state, State::Waiting | State::Ready | State::Running);
            let is_alone = task.workflow == NONE;
            let must_have = !may_lack && (is_alone || task.state == State::Scheduled);
            ensure(!is_alone || task.state != State::Waiting, || format!("task {id} waits alone"))?;
            ensure(task.until_ms().is_some() || !must_have, || {
                format!("task {id} is {} for ever", task.state.word())
            })?;
            if let Some(ms) = task.until_ms() {
                let due = task.state.due().and_then(|due| self.deadlines.get(ms, id, due));
                ensure(due == Some(slot), || format!("task {id} has no deadline at {ms}"))?;
            }
            ensure(!task.is_cancelling() || task.state == State::Running, || {
                format!("task {id} is {} and to be cancelled", task.state.word())
            })?;
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
        let of_workflows = self.workflows.iter().filter(|(_, known)| known.unique != NONE);
        let of_tasks = self.tasks.iter().filter_map(|(_, task)| task.unique());
        let live = (of_tasks.count() + of_workflows.count()) as u64;
        let records = self.uniques.records();
        let counted = records.iter().filter(|(_, unique)| unique.live).count() as u64;
        ensure(live == counted, || format!("{counted} UNIQUE keys are live, {live} are had"))?;
        Ok(())
    }

    /// Each workflow knows its tasks, and what they wait for; none is forgotten.
    pub(super) fn check_workflows(&self) -> Result<(), String> {
        ensure(self.settled.is_empty(), || "the end of a task was not worked off".to_owned())?;
        ensure(self.workflows.is_indexed(), || "the index of workflows is off".to_owned())?;
        let in_workflow = self.tasks.iter().filter(|(_, task)| task.workflow != NONE).count();
        let mut nodes = 0;
        for (slot, workflow) in self.workflows.iter() {
            nodes += workflow.size() as usize;
            self.check_workflow(slot, workflow)
                .map_err(|wrong| format!("workflow {}: {wrong}", workflow.id))?;
        }
        ensure(nodes == in_workflow, || format!("{in_workflow} tasks are of workflows of {nodes}"))
    }

    fn check_workflow(&self, slot: Slot, workflow: &Workflow) -> Result<(), String> {
        let count = |state: State| {
            let tasks = self.slots_of(workflow).map(|slot| self.tasks.get(slot));
            tasks.filter(|task| task.state == state).count() as u32
        };
        let known = (0..workflow.size()).all(|place| self.slot_of(workflow.id_of(place)).is_some());
        ensure(known, || "a task is gone".to_owned())?;
        let is_open = workflow.phase == Phase::Open;
        let unfinished: u32 = State::ALL.into_iter().filter(|s| s.is_unfinished()).map(count).sum();
        ensure(unfinished == workflow.unfinished, || "unfinished tasks are off".to_owned())?;
        ensure(is_open == (unfinished > 0), || "it is open for nothing, or ended".to_owned())?;
        let counts = (count(State::Failed), count(State::Cancelled));
        // One that has ended may have been dropped in part.
        ensure(!is_open || counts == (workflow.failed, workflow.cancelled), || {
            "failed or cancelled tasks are off".to_owned()
        })?;
        let mut last = workflow.id;
        for place in 0..workflow.size() {
            let id = workflow.id_of(place);
            let Some(found) = self.slot_of(id) else { return Err(format!("task {id} is gone")) };
            let task = self.tasks.get(found);
            ensure(task.workflow == slot && id > last, || format!("task {id} stands wrong"))?;
            last = id;
            ensure(self.node_of(found) == Some((slot, place)), || format!("{id} is lost"))?;
            let told = workflow.open(place);
            ensure(task.state != State::Waiting || told > 0, || format!("{id} is left"))?;
            let open = self.count_open(slot, place);
            ensure(task.state != State::Waiting || open == told, || {
                format!("task {id} waits for {told} parents, not {open}")
            })?;
            let rushes = matches!(task.state, State::Ready | State::Scheduled) && open > 0;
            ensure(!rushes, || format!("task {id} may start before {open} of its parents"))?;
            let lost = |parent: Parent| {
                let state = self.task_at(workflow, parent.place).state;
                !parent.any && matches!(state, State::Failed | State::Cancelled)
            };
            let waits_in_vain = task.state == State::Waiting && workflow.parents(place).any(lost);
            ensure(!waits_in_vain, || format!("task {id} waits for what cannot come"))?;
            let barred = task.state.is_pre_running() && workflow.bars(place);
            ensure(!barred, || format!("task {id} may still start"))?;
            let held = task.state.is_unfinished() && workflow.paused;
            ensure(!held || self.lines.is_held(task.line), || format!("{id} is not held"))?;
        }
        Ok(())
    }

    /// Each deadline is of something, and there are as many as there are such things.
    fn check_deadlines(&self) -> Result<(), String> {
        for (ms, id, due, slot) in self.deadlines.iter() {
            let fits = match due {
                Due::Start | Due::Expiry | Due::Timeout => {
                    let task = self.task(id);
                    task.is_some_and(|task| {
                        task.until_ms() == Some(ms) && task.state.due() == Some(due)
                    })
                }
                Due::Forgetting => {
                    let unique = self.uniques.get(slot);
                    unique.id == id && unique.until_ms == ms && !unique.live
                }
                Due::Sweep => {
                    let workflow = self.workflows.get(slot);
                    workflow.id == id
                        && workflow.rare().until_ms == ms
                        && workflow.phase != Phase::Open
                }
                Due::Reset => self.drain_reset_ms() == Some(ms),
                Due::Silence => {
                    let owner = self.owners.get(slot);
                    owner.watched_ms == Some(ms) && !owner.running.is_empty()
                }
            };
            ensure(fits, || format!("deadline {ms} of {id} is of nothing: {due:?}"))?;
        }
        let limited = self.tasks.iter().filter(|(_, task)| task.until_ms().is_some()).count();
        let uniques = self.uniques.records().iter();
        let graves = uniques.filter(|(_, unique)| !unique.live).count();
        let watches = self.settings.backstop_ms > 0;
        let ended = self.workflows.iter().filter(|(_, known)| known.phase != Phase::Open).count();
        let expected = limited as u64
            + ended as u64
            + graves as u64
            + u64::from(self.drain_reset_ms().is_some())
            + if watches { self.holding() } else { 0 };
        let entries = self.deadlines.len() as u64;
        ensure(entries == expected, || format!("{entries} deadlines, of {expected}"))
    }

    fn drain_reset_ms(&self) -> Option<u64> {
        match self.hold {
            Some(Hold::Draining { reset_ms, .. }) => reset_ms,
            Some(Hold::Paused) | None => None,
        }
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
