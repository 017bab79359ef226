//! Whether an event belongs to a state: asked of every event that comes from outside, so that a
//! replica that lost its way says so instead of drifting on.

use super::deadlines::Due;
use super::event::QueueEvent;
use super::history::NAME_MAX;
use super::numbers::NUMBER_MAX;
use super::queue::Queue;
use super::slab::{NONE, Slot};
use super::task::{Attribute, Backoff, Cause, State, Task};

impl Queue {
    /// Whether the event can be applied here, given how many blobs come with it; if not, why.
    pub fn fits(&self, event: &QueueEvent<'_>, blobs: usize) -> Result<(), String> {
        let blob = |blob: u32| require((blob as usize) < blobs, "a blob is missing");
        match event {
            QueueEvent::Pushed { first, count, payload, attributes, .. } => {
                self.numbers_fit(*first, *count as usize)?;
                require(*count as usize <= blobs, "more tasks than payloads")?;
                blob(payload.saturating_add(count - 1))?;
                self.attributes_fit(attributes, *count)
            }
            QueueEvent::Taken { fence, ids, .. } => {
                self.numbers_fit(*fence, ids.len())?;
                self.all(ids, State::Ready).map(drop)
            }
            QueueEvent::Completed { ids, results, .. } => {
                self.one_owner(ids)?;
                let places = results.iter().map(|(place, _)| *place as usize);
                require(places.clone().is_sorted_by(|a, b| a < b), "results out of order")?;
                require({ places }.all(|place| place < ids.len()), "a result of no task")?;
                results.iter().try_for_each(|(_, result)| blob(*result))
            }
            QueueEvent::Failed { ids, cause, .. } => {
                require(cause.ends_in_failure(), "no cause to fail")?;
                self.all(ids, State::Running).map(drop)
            }
            QueueEvent::Returned { ids, order, cause, until_ms, .. } => {
                self.numbers_fit(*order, ids.len())?;
                let known = cause.counter().is_some() && *cause != Cause::Quarantined;
                require(known, "no cause to return")?;
                require(*until_ms <= NUMBER_MAX, "a moment too far")?;
                self.all(ids, State::Running).map(drop)
            }
            QueueEvent::Touched { id, progress, checkpoint, .. } => {
                require(progress.is_none_or(|percent| percent <= 100), "progress beyond 100")?;
                checkpoint.map_or(Ok(()), blob)?;
                self.all(&[*id], State::Running).map(drop)
            }
            QueueEvent::Recovered { owner, void, .. } => {
                let before = self.owner(owner).map_or(0, |owner| owner.void);
                require((before..=NUMBER_MAX).contains(void), "a recovery before the last one")
            }
            QueueEvent::Settled { fence, ids } => {
                self.numbers_fit(*fence, ids.len())?;
                let owner = self.one_owner(ids)?;
                let void = self.owners.get(owner).void;
                let all_void = ids.iter().all(|id| self.task(*id).is_some_and(|t| t.order <= void));
                require(all_void, "a fence that is not void")
            }
            QueueEvent::Expired { .. }
            | QueueEvent::Purged { .. }
            | QueueEvent::Forgotten { .. }
            | QueueEvent::Set { .. }
            | QueueEvent::Readied { .. }
            | QueueEvent::Extended { .. }
            | QueueEvent::Edited { .. }
            | QueueEvent::Cancelled { .. }
            | QueueEvent::Retried { .. }
            | QueueEvent::Paused { .. }
            | QueueEvent::Resumed { .. }
            | QueueEvent::Drained { .. }
            | QueueEvent::Told { .. } => self.fits_unasked(event),
            QueueEvent::Submitted { .. }
            | QueueEvent::Added { .. }
            | QueueEvent::Advanced
            | QueueEvent::WorkflowHeld { .. }
            | QueueEvent::WorkflowCancelled { .. }
            | QueueEvent::WorkflowRetried { .. }
            | QueueEvent::Swept { .. } => self.fits_workflow(event, blobs),
        }
    }

    /// The same of what time or an operator does, not the agent that holds the task.
    fn fits_unasked(&self, event: &QueueEvent<'_>) -> Result<(), String> {
        match event {
            QueueEvent::Expired { ids } | QueueEvent::Purged { ids } => {
                let fits = |task: &Task| !task.state.is_unfinished() && task.workflow == NONE;
                self.each_fits(ids, fits, "a task that did not end, or of a workflow")
            }
            QueueEvent::Forgotten { keys } => {
                let known =
                    |(ms, id): &(u64, u64)| self.deadlines.get(*ms, *id, Due::Forgetting).is_some();
                require(keys.iter().all(known), "a UNIQUE key that is not there")
            }
            QueueEvent::Set { setting, value } => {
                require(*value <= setting.max(), "a value too large")
            }
            QueueEvent::Readied { ids, order } => {
                self.numbers_fit(*order, ids.len())?;
                self.all(ids, State::Scheduled).map(drop)
            }
            QueueEvent::Extended { id, until_ms } => {
                require(*until_ms <= NUMBER_MAX, "a moment too far")?;
                self.all(&[*id], State::Running).map(drop)
            }
            QueueEvent::Edited { id, timeout_ms, place, .. } => {
                if let Some((order, until_ms)) = place {
                    self.numbers_fit(*order, 1)?;
                    require(*until_ms <= NUMBER_MAX, "a moment too far")?;
                }
                require(timeout_ms.is_none_or(|ms| ms <= NUMBER_MAX), "a time too long")?;
                self.each_fits(&[*id], |task| task.state.is_pre_running(), "a task that runs")
            }
            QueueEvent::Cancelled { ids } => {
                self.each_fits(ids, |task| task.state.is_unfinished(), "a task that has ended")
            }
            QueueEvent::Retried { ids, order } => {
                self.numbers_fit(*order, ids.len())?;
                self.all(ids, State::Failed)?;
                self.each_fits(ids, |task| task.workflow == NONE, "a task of a workflow")?;
                self.keys_are_free(ids)
            }
            QueueEvent::Drained { reset_ms } => {
                require(reset_ms.is_none_or(|ms| ms <= NUMBER_MAX), "a moment too far")
            }
            QueueEvent::Told { stream } => {
                require(stream.len() <= NAME_MAX, "the name of a stream too long")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn key_fits(&self, key: &[u8], until_ms: u64) -> Result<(), String> {
        require(until_ms <= NUMBER_MAX, "a time too long")?;
        let taken = self.uniques.find(key).map(|slot| self.uniques.get(slot).live);
        require(taken != Some(true), "a UNIQUE key that is taken")
    }

    fn each_fits(
        &self,
        ids: &[u64],
        fits: impl Fn(&Task) -> bool,
        otherwise: &str,
    ) -> Result<(), String> {
        let fit = |id: &u64| self.task(*id).is_some_and(&fits);
        require(distinct(ids) && ids.iter().all(fit), otherwise)
    }

    /// Whether failed tasks can have their UNIQUE keys back.
    fn keys_are_free(&self, ids: &[u64]) -> Result<(), String> {
        let mut keys: Vec<&[u8]> = (ids.iter())
            .filter_map(|id| self.slot_of(*id))
            .filter_map(|slot| self.details_of(slot)?.former_key.as_deref())
            .collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        require(keys.len() == count, "one UNIQUE key of several tasks")?;
        let is_taken =
            |key: &[u8]| self.uniques.find(key).is_some_and(|k| self.uniques.get(k).live);
        require(!keys.into_iter().any(is_taken), "a UNIQUE key that a live task has")
    }

    /// Whether `count` new numbers from `first` on go beyond every one issued so far.
    pub(super) fn numbers_fit(&self, first: u64, count: usize) -> Result<(), String> {
        require(count > 0, "an event about nothing")?;
        require(first > self.last_number, "a number that was issued before")?;
        let last = first.saturating_add(count as u64 - 1);
        require(last <= NUMBER_MAX, "a number beyond 2^53")
    }

    pub(super) fn attributes_fit(
        &self,
        attributes: &[Attribute<'_>],
        count: u32,
    ) -> Result<(), String> {
        for attribute in attributes {
            match attribute {
                Attribute::Name(_) | Attribute::Retries(_) => {}
                Attribute::RetainMs(ms)
                | Attribute::UntilMs(ms)
                | Attribute::TimeoutMs(ms)
                | Attribute::DelayMs(ms) => {
                    require(*ms <= NUMBER_MAX, "a time too long")?;
                }
                Attribute::Backoff(Backoff { base_ms, max_ms }) => {
                    require(*base_ms.max(max_ms) <= NUMBER_MAX, "a time too long")?;
                }
                Attribute::Unique { key, until_ms } => {
                    require(count == 1, "one UNIQUE key of several tasks")?;
                    self.key_fits(key, *until_ms)?;
                }
                other => return Err(format!("a new task with {other:?}")),
            }
        }
        Ok(())
    }

    fn all(&self, ids: &[u64], state: State) -> Result<Vec<Slot>, String> {
        require(!ids.is_empty() && distinct(ids), "no task, or one task twice")?;
        let slot = |id: &u64| {
            let slot = self.slot_of(*id).filter(|slot| self.tasks.get(*slot).state == state);
            slot.ok_or_else(|| format!("task {id} is not {}", state.word()))
        };
        ids.iter().map(slot).collect()
    }

    fn one_owner(&self, ids: &[u64]) -> Result<Slot, String> {
        let slots = self.all(ids, State::Running)?;
        let owners = slots.iter().map(|slot| self.tasks.get(*slot).owner);
        let first = owners.clone().next().unwrap_or(NONE);
        require(owners.into_iter().all(|owner| owner == first), "tasks of several owners")?;
        Ok(first)
    }
}

pub(super) fn require(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

pub(super) fn distinct(ids: &[u64]) -> bool {
    if ids.len() < 2 {
        return true;
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.is_sorted_by(|a, b| a < b)
}
