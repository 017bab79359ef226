//! The queue: every task in every state, and the one truth about who owns what.
//!
//! This file holds the state and how it is read. The few moves a task can make are in `moves`; what
//! may happen is decided by the verbs (`push`, `pop`, `finish`, ...), and what did is applied in
//! `apply`.

use std::cell::Cell;

use super::deadlines::{Deadlines, Due};
use super::ending::Awaited;
use super::event::Ids;
use super::history::History;
use super::lines::Lines;
use super::list::List;
use super::names::{Named, Names};
use super::numbered::Numbered;
use super::numbers::{Moment, Numbers};
use super::owner::Owner;
use super::settings::Settings;
use super::slab::{NONE, Slab, Slot};
use super::task::{Details, State, Task};
use super::totals::Totals;
use super::unique::Unique;
use super::workflows::Workflows;

/// Why nothing of a queue is handed out: its pre-running tasks keep their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// An operator paused it.
    Paused,
    /// An operator drains it: a pause that can be waited for.
    Draining {
        /// When what still runs is reset, Unix time in milliseconds.
        reset_ms: Option<u64>,
        /// How many tasks were reset so far.
        reset: u64,
    },
}

/// Tasks of one queue, with all that is known of them.
#[derive(Default)]
pub struct Queue {
    pub(super) tasks: Slab<Task>,
    pub(super) by_id: Numbered,
    /// The slot found last: deciding, applying and replying look for the same task in turn.
    pub(super) found: Cell<Slot>,
    pub(super) lines: Lines,
    pub(super) owners: Names<Owner>,
    /// Owners that hold nothing, the longest idle first.
    pub(super) idle: List,
    /// Tasks that wait for others, in the order in which they began to.
    pub(super) waiting: List,
    /// Tasks that wait for their time, in the order in which they were scheduled.
    pub(super) scheduled: List,
    pub(super) done: List,
    pub(super) failed: List,
    pub(super) cancelled: List,
    pub(super) uniques: Names<Unique>,
    pub(super) workflows: Workflows,
    /// Tasks of workflows that have ended in the events applied last: see `advance`. Not stored.
    pub(super) settled: Vec<Slot>,
    pub(super) awaited: Awaited,
    pub(super) history: History,
    pub(super) deadlines: Deadlines,
    pub(super) settings: Settings,
    pub(super) totals: Totals,
    pub(super) hold: Option<Hold>,
    /// When this very value was loaded, Unix time in milliseconds; 0: it was not. Not stored.
    pub(super) loaded_ms: u64,
    /// The greatest number issued: task id, fence or place in line.
    pub(super) last_number: u64,
    /// Whether this server issued it. If not, another may have gone on from there: see `numbers`.
    pub(super) issued_here: bool,
    pub(super) running: u64,
    pub(super) payload_bytes: u64,
    pub(super) diverged: bool,
}

impl Queue {
    /// How many tasks are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        match state {
            State::Waiting => self.waiting.len(),
            State::Scheduled => self.scheduled.len(),
            State::Ready => self.lines.ready(),
            State::Running => self.running,
            State::Done => self.done.len(),
            State::Failed => self.failed.len(),
            State::Cancelled => self.cancelled.len(),
        }
    }

    /// How many tasks may still run.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        State::ALL.into_iter().filter(|state| state.is_unfinished()).map(|s| self.count(s)).sum()
    }

    /// How many tasks there are in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.tasks.len()
    }

    /// Whether there is no task.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// A task by its number.
    #[must_use]
    pub fn task(&self, id: u64) -> Option<&Task> {
        self.slot_of(id).map(|slot| self.tasks.get(slot))
    }

    /// The type of a task.
    #[must_use]
    pub fn kind_of(&self, task: &Task) -> &[u8] {
        self.lines.kind_name(task.line)
    }

    /// The priority of a task.
    #[must_use]
    pub fn priority_of(&self, task: &Task) -> u16 {
        self.lines.line(task.line).priority
    }

    /// The name of who holds a task.
    #[must_use]
    pub fn owner_of(&self, task: &Task) -> Option<&[u8]> {
        (task.owner != NONE).then(|| self.owners.get(task.owner).name())
    }

    /// The UNIQUE key of an unfinished task.
    #[must_use]
    pub fn unique_of(&self, task: &Task) -> Option<&[u8]> {
        task.unique().map(|slot| self.uniques.get(slot).name())
    }

    /// Whether the task's fence was voided by a recovery and not given anew yet.
    #[must_use]
    pub fn is_void(&self, task: &Task) -> bool {
        task.owner != NONE && task.order <= self.owners.get(task.owner).void
    }

    /// The record of an owner.
    #[must_use]
    pub fn owner(&self, name: &[u8]) -> Option<&Owner> {
        self.owners.find(name).map(|slot| self.owners.get(slot))
    }

    /// Owners that hold something, in the order of their names.
    pub fn holders(&self) -> impl Iterator<Item = &Owner> {
        let owners = self.owners.sorted().into_iter().map(|slot| self.owners.get(slot));
        owners.filter(|owner| !owner.running.is_empty())
    }

    /// How many owners hold something.
    #[must_use]
    pub fn holding(&self) -> u64 {
        self.owners.len() - self.idle.len()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What happened here so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// When something falls due next, Unix time in milliseconds.
    #[must_use]
    pub fn next_deadline_ms(&self, at: Moment) -> Option<u64> {
        if self.diverged { None } else { self.deadlines.next_ms(self.spared_until_ms(at)) }
    }

    /// Until when agents are spared: they may live on, and this server has only just taken over.
    pub(super) fn spared_until_ms(&self, at: Moment) -> u64 {
        at.spares_until_ms(self.loaded_ms)
    }

    /// This very value was loaded.
    pub fn loaded(&mut self, ms: u64) {
        self.loaded_ms = ms;
    }

    /// Why nothing is handed out, if so.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        self.hold
    }

    /// How long a task may run, in milliseconds; 0: any time.
    pub(super) fn timeout_ms(&self, slot: Slot) -> u64 {
        let own = self.details_of(slot).and_then(|details| details.timeout_ms);
        own.unwrap_or(self.settings.timeout_ms)
    }

    /// How long a task is kept once it has ended so, in milliseconds; 0: not at all.
    pub(super) fn keep_ms(&self, slot: Slot, state: State) -> u64 {
        let Settings { retain_ms, retain_failed_ms, .. } = self.settings;
        let own = self.details_of(slot).and_then(|details| details.retain_ms);
        let retain_ms = own.unwrap_or(retain_ms);
        let has_handle = self.tasks.get(slot).handle().is_some();
        match state {
            State::Failed => retain_failed_ms,
            // Somebody has to end the work outside first.
            State::Cancelled if has_handle => retain_failed_ms.max(retain_ms),
            State::Cancelled | State::Done => retain_ms,
            State::Waiting | State::Scheduled | State::Ready | State::Running => 0,
        }
    }

    /// Whether an event did not fit: this copy does not follow its primary any more.
    #[must_use]
    pub fn is_diverged(&self) -> bool {
        self.diverged
    }

    /// An event did not fit.
    pub fn mark_diverged(&mut self) {
        self.diverged = true;
    }

    /// The greatest number issued.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Every task.
    #[must_use]
    pub fn tasks(&self) -> &Slab<Task> {
        &self.tasks
    }

    /// The types, priorities, and ready tasks.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The owner records.
    #[must_use]
    pub fn owners(&self) -> &Names<Owner> {
        &self.owners
    }

    /// Owners that hold nothing, the longest idle first.
    #[must_use]
    pub fn idle(&self) -> &List {
        &self.idle
    }

    /// The one list of a state; ready tasks stand in lines, running ones with their owners.
    #[must_use]
    pub fn list(&self, state: State) -> Option<&List> {
        match state {
            State::Waiting => Some(&self.waiting),
            State::Scheduled => Some(&self.scheduled),
            State::Done => Some(&self.done),
            State::Failed => Some(&self.failed),
            State::Cancelled => Some(&self.cancelled),
            State::Ready | State::Running => None,
        }
    }

    /// The UNIQUE keys.
    #[must_use]
    pub fn uniques(&self) -> &Names<Unique> {
        &self.uniques
    }

    /// The workflows.
    #[must_use]
    pub fn workflows(&self) -> &Workflows {
        &self.workflows
    }

    /// UNIQUE keys whose tasks have ended, the first to be forgotten first.
    pub fn tombstones(&self) -> impl Iterator<Item = &Unique> {
        let graves = self.deadlines.iter().filter(|(_, _, due, _)| *due == Due::Forgetting);
        graves.map(|(.., slot)| self.uniques.get(slot))
    }

    /// Bytes on the heap; the details of tasks are estimated from `samples` of them.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let samples = if samples == 0 { usize::MAX } else { samples };
        let (mut seen, mut sampled) = (0_usize, 0_usize);
        for (_, task) in self.tasks.iter().take(samples) {
            seen += 1;
            sampled += task.details.as_ref().map_or(0, |details| details.heap_bytes());
        }
        let details = sampled as u64 * self.tasks.len() / seen.max(1) as u64;
        let owners: usize = self.owners.records().iter().map(|(_, o)| o.heap_bytes()).sum();
        self.tasks.heap_bytes()
            + self.by_id.heap_bytes()
            + self.lines.heap_bytes()
            + self.owners.heap_bytes()
            + self.uniques.heap_bytes()
            + self.workflows.heap_bytes()
            + owners
            + self.deadlines.len() * 48
            + (self.payload_bytes + details) as usize
    }

    /// How many allocations freeing the queue takes, roughly; one of several pages as so many.
    #[must_use]
    pub fn free_effort(&self) -> u64 {
        let pages = self.payload_bytes / 4_096;
        let workflows = self.workflows.len();
        self.tasks.len() + self.owners.len() + self.uniques.len() + workflows + pages
    }

    pub(super) fn numbers(&self, at: Moment) -> Numbers {
        Numbers::after(self.last_number, self.issued_here, at)
    }

    /// The ids of tasks as one event names them.
    pub(super) fn ids_of(&self, slots: impl Iterator<Item = Slot>) -> Ids {
        slots.inspect(|slot| self.found.set(*slot)).map(|slot| self.tasks.get(slot).id).collect()
    }

    pub(super) fn details_of(&self, slot: Slot) -> Option<&Details> {
        self.tasks.get(slot).details.as_deref()
    }

    pub(super) fn slot_of(&self, id: u64) -> Option<Slot> {
        let last = self.found.get();
        if self.tasks.used(last).is_some_and(|task| task.id == id) {
            return Some(last);
        }
        self.by_id.find(id).inspect(|slot| self.found.set(*slot))
    }
}
