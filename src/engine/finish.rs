//! DONE, MDONE, FAIL and NACK: an owner lets go of what it holds.

use hashbrown::HashSet;
use smallvec::SmallVec;

use super::event::{Batch, Ids, QueueEvent};
use super::numbers::Moment;
use super::owner::Owner;
use super::queue::Queue;
use super::refusal::{Now, Refusal};
use super::slab::Slot;
use super::task::Cause;

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
        if let Some(result) = result.filter(|_| self.keep_done_ms(slot) > 0) {
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
            let result = several.results.get(*nth).filter(|_| self.keep_done_ms(*slot) > 0);
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

    /// Decides the failure of one task. Until there are retries, every failure is for good.
    pub fn decide_fail<'a>(
        &self,
        agent: &[u8],
        id: u64,
        fence: Option<u64>,
        error: Option<&'a [u8]>,
        at: Moment,
    ) -> Result<Batch<'a, QueueEvent<'a>>, Refusal> {
        let slot = self.held(agent, id, fence)?;
        let mut batch = Batch::at(at.ms);
        self.settle_first(&[slot], at, &mut batch);
        let ids = Ids::from_slice(&[id]);
        batch.events.push(QueueEvent::Failed { ids, cause: Cause::Failed, error });
        Ok(batch)
    }

    /// Decides to take back what an agent hands back, and tells how many tasks that are; those that
    /// are not its own are left out.
    #[must_use]
    pub fn decide_hand_back<'a>(
        &self,
        agent: &[u8],
        several: &Several<'_>,
        at: Moment,
    ) -> Option<(u64, Batch<'a, QueueEvent<'a>>)> {
        let held = self.held_once(agent, several);
        let slots: Vec<Slot> = held.into_iter().map(|(_, slot)| slot).collect();
        let ids = self.ids_of(slots.iter().copied());
        if ids.is_empty() {
            return None;
        }
        let mut batch = Batch::at(at.ms);
        let mut numbers = self.settle_first(&slots, at, &mut batch);
        let count = ids.len() as u64;
        let order = numbers.next(count);
        batch.events.push(QueueEvent::Returned { ids, order, cause: Cause::HandedBack });
        Some((count, batch))
    }

    fn has_completed(&self, agent: &[u8], id: u64, fence: Option<u64>) -> bool {
        self.owner(agent).is_some_and(|owner| owner.has_completed(id, fence))
    }
}
