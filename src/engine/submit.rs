//! SUBMIT, and PUSH into a workflow: tasks that wait for one another come in.

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::event::{Batch, QueueEvent};
use super::graph::{Graph, Planned, sorted};
use super::numbers::{Moment, later};
use super::outcome::{OnFail, Phase};
use super::push::{Pushed, until_of};
use super::queue::Queue;
use super::refusal::{Refusal, quoted};
use super::settings::Setting;
use super::slab::Slot;
use super::task::{Attribute, Backoff, Cause, State, Task};
use super::unique::Unique;
use super::workflow::{Parent, TASKS_MAX, Workflow};

/// A task of a workflow as it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Plan<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its payload.
    pub payload: &'a [u8],
    /// The type's name; empty: none.
    pub kind: &'a [u8],
    /// 0 is served first.
    pub priority: u16,
    /// How long it may run, in milliseconds; 0: any time.
    pub timeout_ms: Option<u64>,
    /// How often it is tried again after a failure.
    pub retries: Option<u32>,
    /// How long it waits after a failure.
    pub backoff: Option<Backoff>,
    /// How long it waits once its parents let it, in milliseconds.
    pub delay_ms: Option<u64>,
    /// The names of parents that must be done.
    pub after: Vec<&'a [u8]>,
    /// The names of parents that must have ended.
    pub after_any: Vec<&'a [u8]>,
}

impl<'a> Planned<'a> for Plan<'a> {
    fn name(&self) -> &'a [u8] {
        self.name
    }

    fn parents(&self) -> impl Iterator<Item = (&'a [u8], bool)> {
        let after = self.after.iter().map(|name| (*name, false));
        after.chain(self.after_any.iter().map(|name| (*name, true)))
    }
}

/// A workflow as it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Submission<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What a failure means for the rest.
    pub on_fail: OnFail,
    /// A key, and for how long after this it stays taken, in milliseconds.
    pub unique: Option<(&'a [u8], u64)>,
    /// How long it is kept once done, in milliseconds.
    pub retain_ms: Option<u64>,
    /// Its tasks.
    pub tasks: Vec<Plan<'a>>,
}

impl Queue {
    /// Decides about a workflow, which is checked whole first. The number told is the workflow's;
    /// its tasks are numbered from it on.
    pub fn decide_submit<'a>(
        &self,
        submission: &Submission<'a>,
        at: Moment,
    ) -> Result<Pushed<'a>, Refusal> {
        let Submission { name, on_fail, unique, retain_ms, ref tasks } = *submission;
        if let Some(id) = self.known_by_key(unique, at)? {
            return Ok(Pushed::Again(id));
        }
        let count = tasks.len() as u64;
        self.may_hold(count)?;
        if tasks.is_empty() {
            return Err(Refusal::BadDag("a workflow has at least one task".to_owned()));
        }
        self.may_grow(count)?;
        let Graph { order, parents } = sorted(tasks)?;
        let id = self.numbers(at).next(1 + count);
        let unique = unique.map(|(key, for_ms)| (key, until_of(for_ms, at)));
        let size = count as u32;
        let submitted = QueueEvent::Submitted { id, size, name, on_fail, retain_ms, unique };
        let mut batch = Batch::of(at.ms, submitted);
        batch.events.reserve_exact(tasks.len());
        let planned = order.iter().filter_map(|place| tasks.get(*place as usize));
        for ((plan, parents), number) in planned.zip(&parents).zip(id + 1..) {
            let waits = !parents.is_empty();
            let added = added((id, number), plan, parents, waits, &mut batch, at);
            batch.events.push(added);
        }
        Ok(Pushed::New { first: id, batch })
    }

    /// Decides about a task that comes into a workflow; a task of that name is there already if it
    /// was added before.
    pub fn decide_add<'a>(
        &self,
        workflow: u64,
        plan: &Plan<'a>,
        unique: Option<(&'a [u8], u64)>,
        at: Moment,
    ) -> Result<Pushed<'a>, Refusal> {
        let slot = self.open_workflow(workflow, at)?;
        let record = self.workflows.get(slot);
        let task_of = |place: u32| self.tasks.get(self.slot_at(record, place));
        if !plan.name.is_empty()
            && let Some(place) = record.find(plan.name)
        {
            return Ok(Pushed::Again(task_of(place).id));
        }
        if let Some(id) = self.known_by_key(unique, at)? {
            return Ok(Pushed::Again(id));
        }
        self.may_hold(1)?;
        self.may_grow(u64::from(record.size()) + 1)?;
        let mut parents: SmallVec<[Parent; 2]> = SmallVec::new();
        let mut seen: HashMap<u32, ()> = HashMap::new();
        for (name, any) in plan.parents() {
            let says =
                |what: &str| Err(Refusal::BadDag(format!("the parent {} {what}", quoted(name))));
            let Some(place) = self.place_of(slot, name) else {
                return says("is no task of the workflow");
            };
            let state = task_of(place).state;
            if !any && matches!(state, State::Failed | State::Cancelled) {
                return says(&format!("is {}: only AFTERANY can follow it", state.word()));
            }
            if seen.insert(place, ()).is_some() {
                return says("is named twice");
            }
            parents.push(Parent { place, any });
        }
        let is_last_resort = parents.iter().any(|parent| parent.any);
        if record.is_stopped() && !is_last_resort {
            let text = "a task of it failed or was cancelled, so nothing more of it starts";
            return Err(Refusal::BadDag(format!("workflow {workflow}: {text}")));
        }
        let waits = parents.iter().any(|parent| self.waits_for(slot, *parent));
        let id = self.numbers(at).next(1);
        let mut batch = Batch::at(at.ms);
        let mut added = added((workflow, id), plan, &parents, waits, &mut batch, at);
        if let (QueueEvent::Added { attributes, .. }, Some((key, for_ms))) = (&mut added, unique) {
            attributes.push(Attribute::Unique { key, until_ms: until_of(for_ms, at) });
        }
        batch.events.push(added);
        Ok(Pushed::New { first: id, batch })
    }

    /// The workflow of this number, unless it has ended.
    pub(super) fn open_workflow(&self, id: u64, at: Moment) -> Result<Slot, Refusal> {
        let slot = self.known_workflow(id, at)?;
        let Workflow { phase, cancelling, .. } = self.workflows.get(slot);
        match phase {
            Phase::Open if !cancelling => Ok(slot),
            phase => Err(Refusal::NoWorkflow { id, phase: Some(*phase) }),
        }
    }

    /// The workflow of this number, unless it was kept long enough.
    pub(super) fn known_workflow(&self, id: u64, at: Moment) -> Result<Slot, Refusal> {
        let is_kept = |slot: &Slot| {
            let until_ms = self.workflows.get(*slot).rare().until_ms;
            until_ms == 0 || until_ms > at.ms
        };
        let known = self.workflows.find(id).filter(is_kept);
        known.ok_or(Refusal::NoWorkflow { id, phase: None })
    }

    /// The place of a parent that is named by its name or its number.
    fn place_of(&self, workflow: Slot, name: &[u8]) -> Option<u32> {
        let by_id = || {
            let id = std::str::from_utf8(name).ok()?.parse().ok()?;
            let (known, place) = self.node_of(self.slot_of(id)?)?;
            (known == workflow).then_some(place)
        };
        self.workflows.get(workflow).find(name).filter(|_| !name.is_empty()).or_else(by_id)
    }

    /// Whether a workflow may have so many tasks.
    pub fn may_grow(&self, count: u64) -> Result<(), Refusal> {
        let limit = match self.settings.get(Setting::MaxDag) {
            0 => TASKS_MAX,
            limit => limit.min(TASKS_MAX),
        };
        if count > limit {
            let text = format!("{count} tasks are too many: maxdag allows {limit}");
            return Err(Refusal::BadDag(text));
        }
        Ok(())
    }

    pub(super) fn apply_submitted(&mut self, event: &QueueEvent<'_>) {
        let QueueEvent::Submitted { id, size, name, on_fail, retain_ms, unique } = event else {
            return;
        };
        let mut workflow = Workflow::new(*id, name, *on_fail, *retain_ms);
        workflow.make_room(*size);
        if let Some((key, until_ms)) = unique {
            self.dig_up_unique(key);
            workflow.unique = self.uniques.insert(Unique::live(key, *id, *until_ms));
        }
        let slot = self.workflows.insert(workflow);
        self.note_workflow(slot, Phase::Open);
        self.last_number = *id;
    }

    pub(super) fn apply_added(&mut self, event: &QueueEvent<'_>, blobs: &[&[u8]]) {
        let QueueEvent::Added { workflow, id, payload, name, kind, priority, .. } = event else {
            return;
        };
        let QueueEvent::Added { parents, attributes, .. } = event else { return };
        let Some(found) = self.workflows.find(*workflow) else { return };
        let paused = self.workflows.get(found).paused;
        let group = if paused { *workflow } else { 0 };
        let line = self.lines.enter(kind, *priority, group, 1);
        self.lines.hold(&self.tasks, line, paused);
        let payload = blobs.get(*payload as usize).copied().unwrap_or_default();
        let mut task = Task::pushed(*id, line, payload.into());
        task.workflow = found;
        let slot = self.admit(task);
        let mut starts_ms = 0;
        for attribute in attributes {
            match *attribute {
                Attribute::Unique { key, until_ms } => self.take_unique(slot, key, until_ms),
                Attribute::UntilMs(ms) => starts_ms = ms,
                other => self.tasks.get_mut(slot).details_mut().set(other),
            }
        }
        let parents: SmallVec<[Parent; 4]> =
            parents.iter().map(|packed| Parent::unpacked(*packed)).collect();
        let open = parents.iter().filter(|parent| self.waits_for(found, **parent)).count() as u32;
        let record = self.workflows.get_mut(found);
        record.add(*id, name, open, &parents);
        record.unfinished += 1;
        if open > 0 {
            self.tasks.get_mut(slot).state = State::Waiting;
            self.list_up(slot);
            self.note(slot, State::Waiting, Cause::Pushed);
        } else {
            self.await_taking(slot, *id, Cause::Pushed, starts_ms);
        }
        self.last_number = *id;
        self.totals.pushed += 1;
    }
}

/// The event of a task that comes into a workflow.
fn added<'a>(
    (workflow, id): (u64, u64),
    plan: &Plan<'a>,
    parents: &[Parent],
    waits: bool,
    batch: &mut Batch<'a, QueueEvent<'a>>,
    at: Moment,
) -> QueueEvent<'a> {
    let delay_ms = plan.delay_ms.filter(|ms| *ms > 0);
    let starts_ms = delay_ms.filter(|_| !waits).map(|ms| later(at.ms, ms));
    let said = [
        starts_ms.map(Attribute::UntilMs),
        plan.timeout_ms.map(Attribute::TimeoutMs),
        plan.retries.map(Attribute::Retries),
        plan.backoff.map(Attribute::Backoff),
        delay_ms.filter(|_| waits).map(Attribute::DelayMs),
    ];
    QueueEvent::Added {
        workflow,
        id,
        payload: batch.blob(plan.payload),
        name: plan.name,
        kind: plan.kind,
        priority: plan.priority,
        parents: parents.iter().map(|parent| parent.packed()).collect(),
        attributes: said.into_iter().flatten().collect(),
    }
}
