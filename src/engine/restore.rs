//! A queue is built up again from what was said of it, and nothing that is said is believed: every
//! step refuses what could not have come from a queue whose invariants held.

use hashbrown::HashMap;

use super::deadlines::Due;
use super::history::NAME_MAX;
use super::names::Named;
use super::numbers::{NUMBER_MAX, STORED_MAX};
use super::owner::{Answer, COMPLETIONS_KEPT, Completion, Owner, Requests};
use super::queue::{Hold, Queue};
use super::restore_workflows::Places;
use super::settings::Setting;
use super::slab::{NONE, Slot};
use super::task::{Attribute, Bytes, Cause, Details, State, Task};
use super::totals::Totals;
use super::unique::Unique;

/// What is said of one task.
pub struct Said<'a> {
    /// Its number.
    pub id: u64,
    /// Its key in its list.
    pub order: u64,
    /// The place of its line among those said before.
    pub line: usize,
    /// The place of its owner among those said before.
    pub owner: Option<usize>,
    /// Its state.
    pub state: State,
    /// What brought it there.
    pub cause: Cause,
    /// How often it was taken.
    pub attempts: u16,
    /// Its payload.
    pub payload: &'a [u8],
    /// What most tasks do not have.
    pub attributes: &'a [Attribute<'a>],
}

/// A queue in the making.
#[derive(Default)]
pub struct Restore {
    pub(super) queue: Queue,
    lines: Vec<Slot>,
    owners: Vec<Slot>,
    tombstones: u64,
    pub(super) places: Places,
    /// Where transitions are told, once everything is there.
    stream: Bytes,
}

impl Restore {
    /// The greatest number issued, and the totals.
    pub fn numbers(&mut self, last_number: u64, totals: Totals) -> Result<(), String> {
        require(last_number <= STORED_MAX, || format!("the number {last_number} is too great"))?;
        counts_fit(totals.all())?;
        require(self.lines.is_empty() && self.owners.is_empty(), || "a second start".to_owned())?;
        self.queue.last_number = last_number;
        self.queue.totals = totals;
        Ok(())
    }

    /// Where transitions are told.
    pub fn told(&mut self, stream: &[u8]) -> Result<(), String> {
        require(stream.len() <= NAME_MAX, || "the name of a stream is too long".to_owned())?;
        self.stream = stream.into();
        Ok(())
    }

    /// A setting.
    pub fn setting(&mut self, setting: Setting, value: u64) -> Result<(), String> {
        require(value <= setting.max(), || format!("{} is too large", setting.word()))?;
        self.queue.settings.set(setting, value);
        Ok(())
    }

    /// Why nothing is handed out.
    pub fn hold(&mut self, hold: Hold) -> Result<(), String> {
        require(self.queue.hold.is_none(), || "a second hold".to_owned())?;
        if let Hold::Draining { reset_ms, reset } = hold {
            counts_fit([reset_ms.unwrap_or(0), reset])?;
        }
        self.queue.set_hold(Some(hold));
        Ok(())
    }

    /// A type that is paused.
    pub fn paused(&mut self, kind: &[u8]) -> Result<(), String> {
        require(!self.queue.lines.is_paused(kind), || "a type paused twice".to_owned())?;
        self.queue.lines.pause(kind, true);
        Ok(())
    }

    /// The next type and priority, and the workflow (0: none) that was paused.
    pub fn line(&mut self, kind: &[u8], priority: u16, group: u64) -> Result<(), String> {
        let queue = &mut self.queue;
        let workflow = queue.workflows.find(group).map(|slot| queue.workflows.get(slot));
        require(group == 0 || workflow.is_some(), || format!("no workflow {group}"))?;
        let held = workflow.is_some_and(|workflow| workflow.paused);
        let before = queue.lines.len();
        let line = queue.lines.enter(kind, priority, group, 0);
        require(queue.lines.len() > before, || "a line said twice".to_owned())?;
        queue.lines.hold(&queue.tasks, line, held);
        self.lines.push(line);
        Ok(())
    }

    /// The next owner, without what it holds.
    pub fn owner(
        &mut self,
        name: &[u8],
        (void, recovered_ms, left): (u64, u64, bool),
        [taken, completed, failed]: [u64; 3],
        completions: impl Iterator<Item = Completion>,
        last_batch: impl Iterator<Item = Completion>,
    ) -> Result<(), String> {
        let queue = &mut self.queue;
        require(queue.owners.find(name).is_none(), || "an owner said twice".to_owned())?;
        require(void <= queue.last_number, || "an owner void beyond the numbers".to_owned())?;
        counts_fit([taken, completed, failed, recovered_ms])?;
        let mut owner = Owner::named(name);
        (owner.void, owner.recovered_ms, owner.left) = (void, recovered_ms, left);
        (owner.taken, owner.completed, owner.failed) = (taken, completed, failed);
        owner.completions.extend(completions);
        require(owner.completions.len() <= COMPLETIONS_KEPT, || "more than is kept".to_owned())?;
        owner.last_batch = last_batch.collect();
        let slot = queue.owners.insert(owner);
        queue.idle.push_back(queue.owners.records_mut(), slot);
        self.owners.push(slot);
        Ok(())
    }

    /// A repeatable request of the last owner said; whether its tasks are held is seen at the end.
    pub fn answer(
        &mut self,
        epoch: u64,
        request: &[u8],
        fence: u64,
        ids: &[u64],
    ) -> Result<(), String> {
        let owner = self.owners.last().ok_or("a request of nobody")?;
        let requests = self.queue.owners.get_mut(*owner).requests.get_or_insert_default();
        requests.epoch = epoch;
        require(fence <= NUMBER_MAX, || format!("the fence {fence} is too great"))?;
        let known = requests.get(request).is_some() || requests.begins_at(fence);
        require(!known && !ids.is_empty(), || "a request said twice, or of nothing".to_owned())?;
        requests.insert(fence, Answer { request: request.into(), ids: ids.into(), held: 0 });
        Ok(())
    }

    /// The next task of its list.
    pub fn task(&mut self, said: &Said<'_>) -> Result<(), String> {
        let id = said.id;
        let queue = &mut self.queue;
        let last = queue.last_number;
        require((1..=last).contains(&id), || format!("task {id} is beyond the numbers"))?;
        require(queue.slot_of(id).is_none(), || format!("task {id} is said twice"))?;
        require(said.cause.leads_to(said.state), || {
            format!("task {id} is {}: {}", said.state.word(), said.cause.words())
        })?;
        let line = *self.lines.get(said.line).ok_or("a task of no line")?;
        let owner = match said.owner {
            Some(place) => Some(*self.owners.get(place).ok_or("a task of no owner")?),
            None => None,
        };
        let list = match (said.state, owner) {
            (State::Ready, None) => &queue.lines.line(line).ready,
            (State::Running, Some(owner)) => &queue.owners.get(owner).running,
            (state, owner) => match queue.list(state).filter(|_| owner.is_none()) {
                Some(list) => list,
                None => return Err(format!("task {id} is {state:?} of {owner:?}")),
            },
        };
        let before = list.last().map_or(0, |last| queue.tasks.get(last).place());
        let node = self.places.of(id, &queue.workflows);
        let group = queue.lines.line(line).group;
        let own = node.map_or(0, |workflow| queue.workflows.get(workflow).id);
        require(group == 0 || group == own, || format!("task {id} is held with others"))?;
        let details = self.details(said, node.is_some())?;
        let taken = details.as_ref().and_then(|details| details.taken);
        require(taken.is_none() || owner.is_some(), || format!("task {id} is taken by nobody"))?;
        let limit = if said.state.is_unfinished() { last } else { STORED_MAX };
        let in_order = taken.unwrap_or(said.order) > before
            && (taken.unwrap_or(0)..=limit).contains(&said.order);
        require(in_order, || format!("task {id} is out of order"))?;
        let queue = &mut self.queue;
        let payload = Bytes::from(said.payload);
        let mut task = Task::pushed(id, line, payload);
        (task.order, task.attempts, task.cause) = (said.order, said.attempts, said.cause);
        task.state = said.state;
        task.details = details;
        let until_ms = task.until_ms();
        task.workflow = node.unwrap_or(NONE);
        let slot = queue.admit(task);
        queue.lines.join(line);
        match (said.state, owner) {
            (State::Running, Some(owner)) => queue.own(slot, owner, said.order),
            (State::Ready, _) => queue.lines.push(&mut queue.tasks, slot),
            _ => queue.list_up(slot),
        }
        for attribute in said.attributes {
            if let Attribute::Unique { key, until_ms } = attribute {
                queue.take_unique(slot, key, *until_ms);
            }
        }
        if let Some(ms) = until_ms {
            queue.stay_until(slot, ms);
        }
        Ok(())
    }

    fn details(&self, said: &Said<'_>, in_workflow: bool) -> Result<Option<Box<Details>>, String> {
        let id = said.id;
        let mut details = Details::default();
        for attribute in said.attributes {
            if let Attribute::Unique { key, until_ms } = attribute {
                counts_fit([*until_ms])?;
                require(said.state.is_unfinished(), || format!("ended task {id} has a key"))?;
                require(self.queue.uniques.find(key).is_none(), || "a key had twice".to_owned())?;
            }
            details.set(*attribute);
        }
        let keys = said.attributes.iter().filter(|a| matches!(a, Attribute::Unique { .. }));
        let keys = keys.count();
        // What is said twice is kept once, and a count of nothing not at all.
        let kept = keys.min(1) + details.attributes().count();
        require(kept == said.attributes.len(), || format!("something of task {id} said twice"))?;
        require(details.progress.is_none_or(|percent| percent <= 100), || {
            format!("task {id} got beyond 100")
        })?;
        let has = details.until_ms.is_some();
        let (may, must) = match said.state {
            State::Waiting | State::Ready => (false, false),
            State::Running => (true, false),
            State::Scheduled => (true, true),
            // It is kept as long as its workflow, or until then.
            State::Done | State::Failed | State::Cancelled => (!in_workflow, !in_workflow),
        };
        let waits = said.state == State::Waiting;
        require(in_workflow || !waits && details.delay_ms.is_none(), || {
            format!("task {id} waits for nobody")
        })?;
        require((has || !must) && (may || !has), || {
            format!("task {id} is {} until some time, or for ever", said.state.word())
        })?;
        let Details { until_ms, timeout_ms, touched_ms, retain_ms, delay_ms, .. } = details;
        let times = [until_ms, timeout_ms, touched_ms, retain_ms, delay_ms];
        counts_fit(times.map(Option::unwrap_or_default))?;
        let backoff = details.backoff.map_or(0, |backoff| backoff.base_ms.max(backoff.max_ms));
        counts_fit([backoff])?;
        let runs = said.state == State::Running;
        require(runs || !details.cancelling && details.touched_ms.is_none(), || {
            format!("task {id} does not run")
        })?;
        let failed = said.state == State::Failed || said.state == State::Cancelled && in_workflow;
        require(failed || details.former_key.is_none(), || format!("task {id} had a key"))?;
        Ok((!said.attributes.is_empty()).then(|| Box::new(details)))
    }

    /// The next UNIQUE key whose task has ended.
    pub fn tombstone(&mut self, key: &[u8], id: u64, until_ms: u64) -> Result<(), String> {
        let queue = &mut self.queue;
        require(queue.uniques.find(key).is_none(), || "a key had twice".to_owned())?;
        require(until_ms <= NUMBER_MAX && (1..=queue.last_number).contains(&id), || {
            format!("a key of task {id} until {until_ms}")
        })?;
        let taken = queue.deadlines.get(until_ms, id, Due::Forgetting).is_some();
        let workflow = queue.workflows.find(id).map(|slot| queue.workflows.get(slot).unique);
        let live = queue.task(id).is_some_and(|task| task.unique().is_some())
            || workflow.is_some_and(|unique| unique != NONE);
        require(!taken && !live, || format!("two keys of task {id}"))?;
        let mut unique = Unique::live(key, id, until_ms);
        unique.live = false;
        let slot = queue.uniques.insert(unique);
        queue.deadlines.insert(until_ms, id, Due::Forgetting, slot);
        self.tombstones += 1;
        Ok(())
    }

    /// Everything was said: so many lines, owners, tasks and tombstones.
    pub fn finish(mut self, counts: [u64; 4]) -> Result<Queue, String> {
        let (lines, owners) = (self.lines.len() as u64, self.owners.len() as u64);
        let read = [lines, owners, self.queue.len(), self.tombstones];
        require(read == counts, || format!("{read:?} were read of {counts:?}"))?;
        require(self.lines.iter().all(|line| self.queue.lines.is_named(*line)), || {
            "a line without a task".to_owned()
        })?;
        require(self.queue.totals.come_out_even(self.queue.unfinished()), || {
            "more or fewer tasks than came in".to_owned()
        })?;
        for owner in &self.owners {
            count_held(&mut self.queue, *owner)?;
        }
        self.finish_workflows()?;
        // What is said of workflows and their tasks is too much to be judged by the way.
        if !self.queue.workflows.is_empty() {
            self.queue.check_workflows()?;
        }
        self.queue.history.tell_to(&self.stream);
        Ok(self.queue)
    }
}

/// Counts what an owner still holds of what its requests took.
fn count_held(queue: &mut Queue, owner: Slot) -> Result<(), String> {
    let record = queue.owners.get(owner);
    let Some(requests) = &record.requests else { return Ok(()) };
    let mut counted = Requests::under(requests.epoch);
    let mut held: HashMap<u64, u32> = HashMap::new();
    let mut free_from = 0;
    for (fence, answer) in requests.iter() {
        require(fence >= free_from, || "two requests took one task".to_owned())?;
        free_from = fence.saturating_add(answer.ids.len() as u64);
        for (nth, id) in answer.ids.iter().enumerate() {
            let task = queue.task(*id).filter(|task| task.owner == owner && task.owner != NONE);
            let is_held = task.is_some_and(|task| task.order == fence + nth as u64);
            *held.entry(fence).or_default() += u32::from(is_held);
        }
    }
    for (fence, answer) in requests.iter() {
        let held = held.get(&fence).copied().unwrap_or(0);
        require(held > 0, || {
            format!("a request of '{}' holds nothing", record.name().escape_ascii())
        })?;
        counted.insert(fence, Answer { held, ..answer.clone() });
    }
    queue.owners.get_mut(owner).requests = Some(Box::new(counted));
    Ok(())
}

/// Counts that real use could have come to.
fn counts_fit<const N: usize>(counts: [u64; N]) -> Result<(), String> {
    require(counts.iter().all(|count| *count <= NUMBER_MAX), || format!("so many: {counts:?}"))
}

pub(super) fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

#[cfg(test)]
mod tests {
    use super::super::task::Backoff;
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;
    const LAST: u64 = NOW_MS << 10;

    /// A queue with one line and one owner.
    fn begun() -> Restore {
        let mut restore = Restore::default();
        restore.numbers(LAST, Totals::default()).unwrap();
        restore.line(b"t", 0, 0).unwrap();
        restore.owner(b"a", (0, 0, false), [0; 3], [].into_iter(), [].into_iter()).unwrap();
        restore
    }

    /// Tries to load one task in this state.
    fn load(state: State, cause: Cause, attributes: &[Attribute<'_>]) -> Result<Queue, String> {
        let mut restore = begun();
        let (completed, failed, cancelled) = match state {
            State::Waiting | State::Scheduled | State::Ready | State::Running => (0, 0, 0),
            State::Done => (1, 0, 0),
            State::Failed => (0, 1, 0),
            State::Cancelled => (0, 0, 1),
        };
        restore.queue.totals =
            Totals { pushed: 1, completed, failed, cancelled, ..Totals::default() };
        let owner = (state == State::Running).then_some(0);
        restore.task(&Said {
            id: LAST - 7,
            order: LAST - 5,
            line: 0,
            owner,
            state,
            cause,
            attempts: 1,
            payload: b"p",
            attributes,
        })?;
        let queue = restore.finish([1, 1, 1, 0])?;
        assert_eq!(queue.check(), Ok(()), "it was accepted");
        Ok(queue)
    }

    #[test]
    fn a_task_that_may_be_is_accepted_in_every_state() {
        let until = Attribute::UntilMs(NOW_MS);
        let unique = Attribute::Unique { key: b"k", until_ms: 5 };
        for (state, cause, attributes) in [
            (State::Scheduled, Cause::Failed, &[unique, until, Attribute::Failures(1)][..]),
            (State::Ready, Cause::Silent, &[Attribute::TimeoutMs(0), Attribute::Retries(0)]),
            (State::Running, Cause::Taken, &[until, Attribute::Cancelling]),
            (State::Running, Cause::Taken, &[Attribute::TouchedMs(NOW_MS)]),
            (State::Done, Cause::Completed, &[until, Attribute::Result(b"r")]),
            (State::Failed, Cause::Quarantined, &[until, Attribute::FormerKey(b"k")]),
            (State::Cancelled, Cause::Cancelled, &[until, Attribute::Handle(b"h")]),
        ] {
            let loaded = load(state, cause, attributes);
            assert!(loaded.is_ok(), "{state:?}: {:?}", loaded.err());
        }
    }

    #[test]
    fn what_no_task_in_a_state_can_have_is_refused() {
        let until = Attribute::UntilMs(NOW_MS);
        let far = Attribute::UntilMs(NUMBER_MAX + 1);
        let unique = Attribute::Unique { key: b"k", until_ms: 0 };
        let long_key = Attribute::Unique { key: b"k", until_ms: NUMBER_MAX + 1 };
        let slow = Attribute::Backoff(Backoff { base_ms: 0, max_ms: NUMBER_MAX + 1 });
        for (state, cause, attributes) in [
            (State::Scheduled, Cause::Pushed, &[][..]),
            (State::Scheduled, Cause::Pushed, &[until, Attribute::Cancelling]),
            (State::Scheduled, Cause::Pushed, &[far]),
            (State::Ready, Cause::Pushed, &[until]),
            (State::Ready, Cause::Pushed, &[Attribute::Cancelling]),
            (State::Ready, Cause::Pushed, &[Attribute::TouchedMs(5)]),
            (State::Ready, Cause::Pushed, &[Attribute::FormerKey(b"k")]),
            (State::Ready, Cause::Pushed, &[Attribute::Taken(LAST - 6)]),
            (State::Ready, Cause::Pushed, &[long_key]),
            (State::Ready, Cause::Pushed, &[unique, unique]),
            (State::Ready, Cause::Pushed, &[slow]),
            (State::Ready, Cause::Pushed, &[Attribute::TimeoutMs(NUMBER_MAX + 1)]),
            (State::Ready, Cause::Pushed, &[Attribute::Name(b"a"), Attribute::Name(b"b")]),
            (State::Ready, Cause::Pushed, &[Attribute::Crashes(0)]),
            (State::Running, Cause::Taken, &[Attribute::FormerKey(b"k")]),
            (State::Running, Cause::Taken, &[Attribute::Cancelling, Attribute::Cancelling]),
            (State::Running, Cause::Taken, &[Attribute::TouchedMs(NUMBER_MAX + 1)]),
            (State::Done, Cause::Completed, &[]),
            (State::Done, Cause::Completed, &[until, Attribute::FormerKey(b"k")]),
            (State::Failed, Cause::Failed, &[]),
            (State::Failed, Cause::Failed, &[until, unique]),
            (State::Failed, Cause::Failed, &[until, Attribute::Cancelling]),
            (State::Cancelled, Cause::Cancelled, &[]),
            (State::Cancelled, Cause::Cancelled, &[until, Attribute::Cancelling]),
        ] {
            let loaded = load(state, cause, attributes);
            assert!(loaded.is_err(), "{state:?} with {attributes:?} is accepted");
        }
    }

    #[test]
    fn a_cause_that_leads_elsewhere_is_refused() {
        let until = [Attribute::UntilMs(NOW_MS)];
        for (state, cause) in [
            (State::Scheduled, Cause::Cancelled),
            (State::Ready, Cause::Taken),
            (State::Ready, Cause::Quarantined),
            (State::Running, Cause::Pushed),
            (State::Done, Cause::Failed),
            (State::Failed, Cause::TimedOut),
            (State::Cancelled, Cause::Reset),
        ] {
            let attributes = if state == State::Ready { &[][..] } else { &until };
            assert!(load(state, cause, attributes).is_err(), "{state:?}: {cause:?} is accepted");
        }
    }

    #[test]
    fn one_stop_at_a_time_and_each_type_paused_once() {
        let drain = |reset_ms, reset| Hold::Draining { reset_ms, reset };
        let mut restore = begun();
        restore.hold(drain(Some(NOW_MS), 3)).unwrap();
        assert!(restore.hold(Hold::Paused).is_err());
        assert!(restore.hold(drain(None, 0)).is_err());
        restore.paused(b"t").unwrap();
        restore.paused(b"").unwrap();
        assert!(restore.paused(b"t").is_err());
        assert!(begun().hold(drain(Some(NUMBER_MAX + 1), 0)).is_err());
        assert!(begun().hold(drain(None, NUMBER_MAX + 1)).is_err());
        assert!(begun().setting(Setting::Retries, u64::from(u32::MAX) + 1).is_err());
        assert!(begun().setting(Setting::Backstop, NUMBER_MAX + 1).is_err());
    }

    #[test]
    fn a_key_of_a_task_that_never_was_or_for_ever_is_refused() {
        assert!(begun().tombstone(b"k", LAST, NOW_MS).is_ok());
        assert!(begun().tombstone(b"k", 0, NOW_MS).is_err());
        assert!(begun().tombstone(b"k", LAST + 1, NOW_MS).is_err());
        assert!(begun().tombstone(b"k", LAST, NUMBER_MAX + 1).is_err());
        let mut restore = begun();
        restore.tombstone(b"k", LAST, NOW_MS).unwrap();
        assert!(restore.tombstone(b"k", LAST - 1, NOW_MS).is_err());
        assert!(restore.tombstone(b"l", LAST, NOW_MS).is_err());
    }
}
