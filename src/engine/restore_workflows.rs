//! The part of `restore` that is about workflows: each is said with the names and parents of its
//! tasks before those come, and every task finds its place by its number.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::deadlines::Due;
use super::numbers::{NUMBER_MAX, STORED_MAX};
use super::outcome::{OnFail, Phase};
use super::queue::Queue;
use super::restore::{Restore, require};
use super::slab::Slot;
use super::task::State;
use super::unique::Unique;
use super::workflow::{Parent, TASKS_MAX, Workflow};
use super::workflows::Workflows;

/// What is said of a workflow, but for its tasks.
pub struct SaidWorkflow<'a> {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: &'a [u8],
    /// Where it stands.
    pub phase: Phase,
    /// What a failure means for the rest.
    pub on_fail: OnFail,
    /// Whether it is paused, and whether it is being cancelled.
    pub stops: (bool, bool),
    /// How long it is kept once done, in milliseconds.
    pub retain_ms: Option<u64>,
    /// Its UNIQUE key, and until when that stays taken, Unix time in milliseconds.
    pub unique: Option<(&'a [u8], u64)>,
    /// The UNIQUE key that it had.
    pub former_key: Option<&'a [u8]>,
    /// When it ended, Unix time in milliseconds.
    pub ended_ms: u64,
    /// Until when it is kept then, Unix time in milliseconds.
    pub until_ms: u64,
}

/// Where tasks that are still to be said belong.
#[derive(Default)]
pub(super) struct Places {
    /// By number of a workflow: its slot.
    runs: BTreeMap<u64, Slot>,
    /// By number of a task that came later: the workflow's slot.
    later: HashMap<u64, Slot>,
    /// The workflow said last, and the number of its last task.
    last: Option<(Slot, u64)>,
}

impl Places {
    /// The workflow of a task.
    pub(super) fn of(&self, id: u64, workflows: &Workflows) -> Option<Slot> {
        let run = self.runs.range(..id).next_back().map(|(_, slot)| *slot);
        let came_with = |slot: &Slot| workflows.get(*slot).has_from_start(id);
        run.filter(came_with).or_else(|| self.later.get(&id).copied())
    }
}

impl Restore {
    /// The next workflow, without its tasks.
    pub fn workflow(&mut self, said: &SaidWorkflow<'_>) -> Result<(), String> {
        let SaidWorkflow { id, name, phase, on_fail, stops, retain_ms, unique, .. } = *said;
        let SaidWorkflow { former_key, ended_ms, until_ms, .. } = *said;
        let queue = &mut self.queue;
        require((1..=queue.last_number).contains(&id), || format!("workflow {id} is beyond"))?;
        require(queue.workflows.find(id).is_none(), || format!("workflow {id} is said twice"))?;
        let times = [retain_ms.unwrap_or(0), ended_ms, until_ms];
        require(times.iter().all(|ms| *ms <= NUMBER_MAX), || format!("a time too far: {times:?}"))?;
        let is_open = phase == Phase::Open;
        require(is_open == (until_ms == 0), || format!("workflow {id} is open, or is not"))?;
        let mut workflow = Workflow::new(id, name, on_fail, retain_ms);
        workflow.phase = phase;
        (workflow.paused, workflow.cancelling) = stops;
        require(former_key.is_none() || !is_open, || format!("workflow {id} had a key"))?;
        if !is_open {
            let rare = workflow.rare_mut();
            (rare.ended_ms, rare.until_ms) = (ended_ms, until_ms);
            rare.former_key = former_key.map(Into::into);
        }
        if let Some((key, until_ms)) = unique {
            let is_free = is_open && queue.uniques.find(key).is_none() && until_ms <= NUMBER_MAX;
            require(is_free, || "a key had twice, or for nothing".to_owned())?;
            workflow.unique = queue.uniques.insert(Unique::live(key, id, until_ms));
        }
        let slot = queue.workflows.insert(workflow);
        if !is_open {
            queue.deadlines.insert(until_ms, id, Due::Sweep, slot);
        }
        self.places.runs.insert(id, slot);
        self.places.last = Some((slot, id));
        Ok(())
    }

    /// The next task of the last workflow said: its number, name and parents, each as one number.
    pub fn node(&mut self, id: u64, name: &[u8], parents: &[u32]) -> Result<(), String> {
        let (slot, last) = self.places.last.ok_or("a task of no workflow")?;
        require(id > last && id <= STORED_MAX, || format!("task {id} stands wrong"))?;
        let workflow = self.queue.workflows.get_mut(slot);
        let place = workflow.size();
        require(u64::from(place) < TASKS_MAX, || "too many tasks of a workflow".to_owned())?;
        let parents: SmallVec<[Parent; 4]> =
            parents.iter().map(|packed| Parent::unpacked(*packed)).collect();
        let mut seen: Vec<u32> = parents.iter().map(|parent| parent.place).collect();
        seen.sort_unstable();
        let fit = seen.is_sorted_by(|a, b| a < b) && seen.last().is_none_or(|last| *last < place);
        require(fit, || format!("a parent of {id} is not there, or twice"))?;
        workflow.add(id, name, 0, &parents);
        if !workflow.has_from_start(id) {
            self.places.later.insert(id, slot);
        }
        self.places.last = Some((slot, id));
        Ok(())
    }

    /// Everything was said: counts of each workflow what is not stored.
    pub(super) fn finish_workflows(&mut self) -> Result<(), String> {
        for slot in self.queue.workflows.sorted() {
            let workflow = self.queue.workflows.get_mut(slot);
            workflow.shrink();
            let id = workflow.id;
            let size = workflow.size();
            let workflow = self.queue.workflows.get(slot);
            let is_it =
                |place| self.queue.task(workflow.id_of(place)).is_some_and(|t| t.workflow == slot);
            require(size > 0 && (0..size).all(is_it), || format!("workflow {id} lacks tasks"))?;
            count(&mut self.queue, slot);
        }
        Ok(())
    }
}

fn count(queue: &mut Queue, slot: Slot) {
    let (mut unfinished, mut failed, mut cancelled) = (0, 0, 0);
    for place in 0..queue.workflows.get(slot).size() {
        let state = queue.tasks.get(queue.slot_at(queue.workflows.get(slot), place)).state;
        unfinished += u32::from(state.is_unfinished());
        failed += u32::from(state == State::Failed);
        cancelled += u32::from(state == State::Cancelled);
        if state == State::Waiting {
            let open = queue.count_open(slot, place);
            queue.workflows.get_mut(slot).set_open(place, open);
        }
    }
    let workflow = queue.workflows.get_mut(slot);
    (workflow.unfinished, workflow.failed, workflow.cancelled) = (unfinished, failed, cancelled);
}
