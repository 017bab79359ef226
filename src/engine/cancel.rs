//! CANCEL, RETRY and PURGE: an operator's last words about tasks, many at once.

use hashbrown::HashSet;

use super::event::{Ids, QueueEvent};
use super::numbers::{Moment, issued_ms};
use super::outcome::Phase;
use super::queue::Queue;
use super::reset::Bulk;
use super::slab::{NONE, Slot};
use super::task::{Cause, State, Task};
use super::workflow::Workflow;

/// Which failed tasks.
#[derive(Clone, Copy, Debug)]
pub enum Failed<'a> {
    /// All of them.
    All,
    /// Those that saw too many of their owners crash.
    Quarantined,
    /// These.
    Ids(&'a [u64]),
}

/// Which tasks that have ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// Those that ended so, at least so many milliseconds ago.
    In {
        /// How they ended.
        state: State,
        /// How long ago.
        older_ms: u64,
    },
    /// These.
    Ids(&'a [u64]),
}

impl Queue {
    /// Decides to cancel at most `limit` of these tasks: pre-running ones at once, running ones as
    /// soon as their agents let go of them without completing them.
    #[must_use]
    pub fn decide_cancel<'a>(&self, ids: &[u64], limit: usize, at: Moment) -> Bulk<'a> {
        let slots = self.each_once(ids, |task| {
            task.state.is_pre_running() || task.state == State::Running && !task.is_cancelling()
        });
        self.bulk(slots, limit, at, |ids| QueueEvent::Cancelled { ids })
    }

    /// The tasks of an agent that are to be cancelled.
    pub fn cancelling(&self, agent: &[u8]) -> impl Iterator<Item = &Task> {
        let owner = self.owner(agent).filter(|owner| owner.cancelling > 0);
        let count = owner.map_or(0, |owner| owner.cancelling as usize);
        let held = owner.into_iter().flat_map(|owner| owner.running.iter(&self.tasks));
        held.map(|slot| self.tasks.get(slot)).filter(|task| task.is_cancelling()).take(count)
    }

    /// Decides to let at most `limit` failed tasks run again; not those whose UNIQUE key another
    /// live task has by now.
    #[must_use]
    pub fn decide_retry<'a>(&self, which: &Failed<'_>, limit: usize, at: Moment) -> Bulk<'a> {
        // Those of a workflow run again with it, or not at all.
        let is_alone = |slot: &Slot| self.tasks.get(*slot).workflow == NONE;
        let mut keys: HashSet<&[u8]> = HashSet::new();
        let mut has_key = |slot: &Slot| {
            let former = self.details_of(*slot).and_then(|details| details.former_key.as_deref());
            former.is_none_or(|key| {
                let known = self.uniques.find(key).map(|known| self.uniques.get(known));
                !known.is_some_and(|unique| unique.live) && keys.insert(key)
            })
        };
        let most = limit.saturating_add(1);
        let failed = self.failed.iter(&self.tasks);
        let slots: Vec<Slot> = match which {
            Failed::All => failed.filter(is_alone).filter(has_key).take(most).collect(),
            Failed::Quarantined => failed
                .filter(|slot| self.tasks.get(*slot).cause == Cause::Quarantined)
                .filter(is_alone)
                .filter(has_key)
                .take(most)
                .collect(),
            Failed::Ids(ids) => {
                let mut named = self.each_once(ids, |task| task.state == State::Failed);
                named.retain(is_alone);
                named.retain(&mut has_key);
                named
            }
        };
        self.bulk(slots, limit, at, |ids| {
            let order = self.numbers(at).next(ids.len() as u64);
            QueueEvent::Retried { ids, order }
        })
    }

    /// Decides to drop at most `limit` tasks that have ended. Those of a workflow go with it: all
    /// of them, once it has ended.
    #[must_use]
    pub fn decide_purge<'a>(&self, which: &Ended<'_>, limit: usize, at: Moment) -> Bulk<'a> {
        let is_alone = |slot: &Slot| self.tasks.get(*slot).workflow == NONE;
        let slots: Vec<Slot> = match which {
            Ended::In { state, older_ms } => {
                let list = self.list(*state).filter(|_| !state.is_unfinished());
                let all = list.into_iter().flat_map(|list| list.iter(&self.tasks));
                // The list is in the order of the ends.
                let is_old = |slot: &Slot| {
                    let ended_ms = issued_ms(self.tasks.get(*slot).order);
                    ended_ms.saturating_add(*older_ms) <= at.ms
                };
                all.take_while(is_old).filter(is_alone).take(limit.saturating_add(1)).collect()
            }
            Ended::Ids(ids) => {
                let mut named = self.each_once(ids, |task| !task.state.is_unfinished());
                named.retain(is_alone);
                named
            }
        };
        let mut bulk = self.bulk(slots, limit, at, |ids| QueueEvent::Purged { ids });
        self.purge_workflows(which, limit, at, &mut bulk);
        bulk
    }

    /// Adds workflows that have ended, as far as the limit goes; each of their tasks counts.
    fn purge_workflows(&self, which: &Ended<'_>, limit: usize, at: Moment, bulk: &mut Bulk<'_>) {
        let has_ended = |slot: &Slot| self.workflows.get(*slot).phase != Phase::Open;
        let slots: Vec<Slot> = match which {
            Ended::In { state, older_ms } => {
                let is_so = |workflow: &Workflow| {
                    workflow.phase != Phase::Open
                        && workflow.phase.word() == state.word()
                        && workflow.rare().ended_ms.saturating_add(*older_ms) <= at.ms
                };
                let ended = self.workflows.iter().filter(|(_, workflow)| is_so(workflow));
                ended.map(|(slot, _)| slot).collect()
            }
            Ended::Ids(ids) => {
                let mut ids = ids.to_vec();
                ids.sort_unstable();
                ids.dedup();
                ids.iter().filter_map(|id| self.workflows.find(*id)).filter(has_ended).collect()
            }
        };
        for slot in slots {
            let left = (limit as u64).saturating_sub(bulk.count);
            let workflow = self.workflows.get(slot);
            let tasks = u64::from(workflow.size());
            bulk.more |= tasks > left;
            if left == 0 {
                break;
            }
            let count = tasks.min(left);
            bulk.count += count;
            bulk.batch.events.push(QueueEvent::Swept { id: workflow.id, count });
        }
    }

    fn bulk<'a>(
        &self,
        slots: Vec<Slot>,
        limit: usize,
        at: Moment,
        event: impl FnOnce(Ids) -> QueueEvent<'a>,
    ) -> Bulk<'a> {
        let more = slots.len() > limit;
        let ids = self.ids_of(slots.into_iter().take(limit));
        let mut bulk = Bulk { count: ids.len() as u64, more, ..Bulk::none(at) };
        if !ids.is_empty() {
            bulk.batch.events.push(event(ids));
        }
        bulk
    }
}
