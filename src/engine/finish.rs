//! DONE, MDONE, FAIL and NACK: an owner lets go of what it holds.

use hashbrown::HashSet;
use smallvec::SmallVec;

use super::event::{Batch, Ids, QueueEvent};
use super::numbers::{Moment, later};
use super::owner::Owner;
use super::queue::Queue;
use super::refusal::{Now, Refusal};
use super::slab::{NONE, Slot};
use super::task::{Backoff, Cause, State};

/// What becomes of a completion.
pub enum Completed<'a> {
    /// It counts.
    Now(Batch<'a, QueueEvent<'a>>),
    /// The same owner completed the task before: the reply got lost.
    Again,
}

/// What an agent says of several tasks, by place among their ids.
#[derive(Clone, Copy, Debug)]
pub struct Several<'a> {
    /// The tasks.
    pub ids: &'a [u64],
    /// The fence of each, or none at all.
    pub fences: &'a [u64],
    /// The result of each, or none at all.
    pub results: &'a [&'a [u8]],
}

/// How a task failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failure<'a> {
    /// The agent's words.
    pub error: Option<&'a [u8]>,
    /// How long it waits for its next try, in milliseconds, whatever its back-off says.
    pub delay_ms: Option<u64>,
    /// Whether trying again would be of no use.
    pub fatal: bool,
}

/// The moment so many milliseconds from now; 0 if that is now.
pub(super) fn moment_in(at: Moment, delay_ms: u64) -> u64 {
    if delay_ms == 0 { 0 } else { later(at.ms, delay_ms) }
}

impl Queue {
    /// The slot of a task that this agent holds, under this fence if one is given.
    pub(super) fn held(&self, agent: &[u8], id: u64, fence: Option<u64>) -> Result<Slot, Refusal> {
        let slot = self.slot_of(id).ok_or(Refusal::NoTask(id))?;
        let task = self.tasks.get(slot);
        let now = match self.owner_of(task) {
            None => Now::Is(task.state, task.cause),
            Some(owner) if owner != agent => Now::HeldBy(owner.to_vec()),
            Some(_) => match fence {
                Some(fence) if fence != task.order || self.is_void(task) => Now::TakenAgain,
                _ => return Ok(slot),
            },
        };
        Err(Refusal::NotOwner { id, now })
    }

    /// Decides the completion of one task.
    pub fn decide_done<'a>(
        &self,
        agent: &[u8],
        id: u64,
        fence: Option<u64>,
        result: Option<&'a [u8]>,
        at: Moment,
    ) -> Result<Completed<'a>, Refusal> {
        let slot = match self.held(agent, id, fence) {
            Ok(slot) => slot,
            Err(_) if self.has_completed(agent, id, fence) => return Ok(Completed::Again),
            Err(refusal) => return Err(refusal),
        };
        let mut batch = Batch::at(at.ms);
        self.settle_first(&[slot], at, &mut batch);
        let (ids, mut results) = (Ids::from_slice(&[id]), SmallVec::new());
        if let Some(result) = result.filter(|_| self.keeps_result(slot)) {
            results.push((0, batch.blob(result)));
        }
        batch.events.push(QueueEvent::Completed { ids, batch: false, results });
        Ok(Completed::Now(batch))
    }

    /// Decides the completion of many tasks; `said` gets 1 for each that the agent completes now
    /// or completed before, else 0.
    pub fn decide_done_all<'a>(
        &self,
        agent: &[u8],
        several: &Several<'a>,
        at: Moment,
        said: &mut Vec<bool>,
    ) -> Option<Batch<'a, QueueEvent<'a>>> {
        let held = self.held_once(agent, several);
        self.say_done(agent, several, &held, said);
        if held.is_empty() {
            return None;
        }
        let slots: Vec<Slot> = held.iter().map(|(_, slot)| *slot).collect();
        let mut batch = Batch::at(at.ms);
        self.settle_first(&slots, at, &mut batch);
        let mut results = SmallVec::new();
        for (place, (nth, slot)) in held.iter().enumerate() {
            let result = several.results.get(*nth).filter(|_| self.keeps_result(*slot));
            results.extend(result.map(|result| (place as u32, batch.blob(result))));
        }
        let ids = self.ids_of(slots.into_iter());
        batch.events.push(QueueEvent::Completed { ids, batch: true, results });
        Some(batch)
    }

    /// Tells of each id whether the agent completes it now, by this or an earlier place among the
    /// ids, or completed it before.
    fn say_done(
        &self,
        agent: &[u8],
        several: &Several<'_>,
        held: &[(usize, Slot)],
        said: &mut Vec<bool>,
    ) {
        let fence_of = |slot: Slot| (self.tasks.get(slot).id, self.tasks.get(slot).order);
        let mut done: HashSet<(u64, u64)> = held.iter().map(|(_, slot)| fence_of(*slot)).collect();
        if done.len() < several.ids.len() {
            // Looked up once for all ids: a repeated call may name a million of them.
            done.extend(self.owner(agent).into_iter().flat_map(Owner::completed_before));
        }
        let ids: HashSet<u64> = done.iter().map(|(id, _)| *id).collect();
        for (nth, id) in several.ids.iter().enumerate() {
            said.push(match several.fences.get(nth) {
                Some(fence) => done.contains(&(*id, *fence)),
                None => ids.contains(id),
            });
        }
    }

    /// The tasks named that this agent holds, each once, with its place among the ids.
    fn held_once(&self, agent: &[u8], several: &Several<'_>) -> Vec<(usize, Slot)> {
        let mut seen = HashSet::new();
        let held = several.ids.iter().enumerate().filter_map(|(nth, id)| {
            let fence = several.fences.get(nth).copied();
            self.held(agent, *id, fence).ok().map(|slot| (nth, slot))
        });
        held.filter(|(_, slot)| several.ids.len() == 1 || seen.insert(*slot)).collect()
    }

    /// Decides the failure of one task: it waits for its next try, or has failed for good. Tells
    /// its state then.
    pub fn decide_fail<'a>(
        &self,
        agent: &[u8],
        id: u64,
        fence: Option<u64>,
        failure: &Failure<'a>,
        at: Moment,
    ) -> Result<(State, Batch<'a, QueueEvent<'a>>), Refusal> {
        let slot = self.held(agent, id, fence)?;
        let mut batch = Batch::at(at.ms);
        let mut numbers = self.settle_first(&[slot], at, &mut batch);
        let (ids, cause, error) = (Ids::from_slice(&[id]), Cause::Failed, failure.error);
        let next_try_ms = self.next_try_ms(slot, at).filter(|_| !failure.fatal);
        let Some(next_try_ms) = next_try_ms else {
            batch.events.push(QueueEvent::Failed { ids, cause, error });
            return Ok((State::Failed, batch));
        };
        let until_ms = match failure.delay_ms {
            Some(delay_ms) => moment_in(at, delay_ms),
            None => next_try_ms,
        };
        let order = numbers.next(1);
        batch.events.push(QueueEvent::Returned { ids, order, cause, until_ms, error });
        let state = match until_ms {
            _ if self.tasks.get(slot).is_cancelling() || self.is_barred(slot) => State::Cancelled,
            0 => State::Ready,
            _ => State::Scheduled,
        };
        Ok((state, batch))
    }

    /// When a task is tried again should it fail now (0: at once); nothing if not at all.
    pub(super) fn next_try_ms(&self, slot: Slot, at: Moment) -> Option<u64> {
        let details = self.details_of(slot);
        let failures = details.map_or(0, |details| details.failures).saturating_add(1);
        let own = details.and_then(|details| details.retries).map(u64::from);
        if u64::from(failures) > own.unwrap_or(self.settings.retries) {
            return None;
        }
        let base_ms = self.settings.backoff_ms;
        let usual = Backoff { base_ms, max_ms: Backoff::MAX_MS };
        let backoff = details.and_then(|details| details.backoff).unwrap_or(usual);
        Some(moment_in(at, backoff.after(failures)))
    }

    /// Decides to take back what an agent hands back, and tells how many tasks that are; those that
    /// are not its own are left out.
    #[must_use]
    pub fn decide_hand_back<'a>(
        &self,
        agent: &[u8],
        several: &Several<'_>,
        delay_ms: u64,
        at: Moment,
    ) -> Option<(u64, Batch<'a, QueueEvent<'a>>)> {
        let held = self.held_once(agent, several);
        let slots: Vec<Slot> = held.into_iter().map(|(_, slot)| slot).collect();
        let mut batch = Batch::at(at.ms);
        self.put_back(&slots, Cause::HandedBack, moment_in(at, delay_ms), at, &mut batch);
        (!slots.is_empty()).then_some((slots.len() as u64, batch))
    }

    /// Whether anybody may ask for the result of a task: for a while, for its children, or now.
    fn keeps_result(&self, slot: Slot) -> bool {
        let task = self.tasks.get(slot);
        task.workflow != NONE || self.awaited.is(task.id) || self.keep_ms(slot, State::Done) > 0
    }

    fn has_completed(&self, agent: &[u8], id: u64, fence: Option<u64>) -> bool {
        self.owner(agent).is_some_and(|owner| owner.has_completed(id, fence))
    }
}
