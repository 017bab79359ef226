//! What should a command reply? A naive model of queues and agents: vectors and linear scans,
//! written from the contract and the reference.
//!
//! It predicts whether a call is refused, with which code, and everything in a reply but new
//! numbers. Those it reads from the reply; they must be greater than every number of that queue
//! or agent that was seen before.

mod ask;
mod finish;
mod push;
mod recover;
mod stop;
mod take;
mod tell;
mod time;
pub(super) mod value;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use ask::{
    Ask, Bulk, Drain, Edit, Finish, List, Push, Recover, Reset, Several, Start, Take, Which,
};
pub(super) use value::{Value, Verdict};

/// Numbers stay exact in Lua and JavaScript.
const NUMBERS_END: u64 = 1 << 53;

/// Completions that are remembered for each agent.
const COMPLETIONS: usize = 64;

/// A task, with everything that can be told of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Task {
    pub(super) id: u64,
    pub(super) state: &'static str,
    pub(super) owner: Option<String>,
    /// The last fence given for it.
    pub(super) fence: u64,
    /// Whether that fence was voided by a recovery that did not get to the task.
    pub(super) void: bool,
    payload: String,
    pub(super) kind: String,
    priority: u64,
    /// Its place in line. Of tasks that came back together, in an order that nobody promised, it is
    /// the same until a list of the ready tasks tells that order.
    place: u64,
    /// Until when it is scheduled.
    pub(super) starts_ms: u64,
    /// When it has run for too long.
    deadline_ms: Option<u64>,
    timeout: Option<u64>,
    retries: Option<u64>,
    /// The wait after the first failure, and the longest.
    backoff: Option<(u64, u64)>,
    /// When its agent last said anything of it.
    touched_ms: u64,
    /// When its owner was last recovered.
    recovered_ms: u64,
    /// Whether it is to be cancelled when its agent lets go of it.
    cancelling: bool,
    /// The fence of its last taking: its place among what its owner holds.
    taking: u64,
    attempts: u64,
    failures: u64,
    crashes: u64,
    interruptions: u64,
    reason: &'static str,
    name: Option<String>,
    unique: Option<String>,
    checkpoint: Option<String>,
    progress: Option<u64>,
    handle: Option<String>,
    error: Option<String>,
    result: Option<String>,
    retain: Option<u64>,
    expires: Option<u64>,
    pushed_ms: u64,
    taken_ms: u64,
    ended_ms: u64,
    /// Which end of its queue it was; of those that ended together the same, as with `place`.
    end: u64,
}

impl Task {
    fn is_unfinished(&self) -> bool {
        self.is_pre_running() || self.state == "running"
    }

    fn is_pre_running(&self) -> bool {
        matches!(self.state, "scheduled" | "ready")
    }

    pub(super) fn is_held_by(&self, agent: &str) -> bool {
        self.owner.as_deref() == Some(agent)
    }
}

/// A UNIQUE key, and the task that has it or had it.
#[derive(Clone, Debug)]
struct Unique {
    key: String,
    id: u64,
    until_ms: u64,
    live: bool,
}

/// A taking that can be repeated.
#[derive(Clone, Debug)]
struct Request {
    agent: String,
    era: u64,
    id: String,
    took: Vec<(u64, u64)>,
}

/// A completion: the task, and the fence it was completed under if the agent can know it.
type Completion = (u64, Option<u64>);

/// A stop of a whole queue.
#[derive(Clone, Debug, Default)]
struct Hold {
    drains: bool,
    reset_ms: Option<u64>,
    reset: u64,
}

/// A queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    hold: Option<Hold>,
    /// Types of which nothing is handed out.
    paused: BTreeSet<String>,
    pub(super) tasks: Vec<Task>,
    settings: BTreeMap<&'static str, u64>,
    uniques: Vec<Unique>,
    requests: Vec<Request>,
    completions: BTreeMap<String, Vec<Completion>>,
    batches: BTreeMap<String, Vec<Completion>>,
    totals: BTreeMap<&'static str, u64>,
    /// The greatest number it had issued when that was last told.
    last_number: u64,
    /// How many tasks have ended.
    ends: u64,
    /// Whether tasks end now in an order that nobody promised.
    ends_together: bool,
}

/// An identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Agent {
    /// The epoch, if a reply has told it yet.
    pub(super) epoch: Option<u64>,
    /// Tells apart epochs, also those that no reply has told.
    era: u64,
    request: Option<String>,
    queues: BTreeSet<String>,
}

/// A keyspace.
#[derive(Default)]
pub(super) struct Model {
    pub(super) now_ms: u64,
    pub(super) queues: BTreeMap<String, Queue>,
    pub(super) agents: BTreeMap<String, Agent>,
    /// The greatest number that a queue has given, by the name; it survives the queue.
    numbers: BTreeMap<String, u64>,
    /// The greatest epoch of a name.
    epochs: BTreeMap<String, u64>,
    /// Where readers of what an agent holds go on: queue, and taking.
    cursors: BTreeMap<String, (String, u64)>,
    places: u64,
    eras: u64,
    /// When the server was last restarted.
    pub(super) since_ms: u64,
}

impl Queue {
    pub(super) fn of_state(&self, state: &str) -> u64 {
        self.tasks.iter().filter(|task| task.state == state).count() as u64
    }

    fn unfinished(&self) -> u64 {
        self.tasks.iter().filter(|task| task.is_unfinished()).count() as u64
    }

    pub(super) fn task(&self, id: u64) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    fn at(&self, id: u64) -> usize {
        self.tasks.iter().position(|task| task.id == id).expect("a task of the model")
    }

    fn setting(&self, name: &str) -> u64 {
        let default = match name {
            "retain-failed" => 7 * 24 * 3_600_000,
            "crashes" => 10,
            "maxunique" => 1_000_000,
            _ => 0,
        };
        self.settings.get(name).copied().unwrap_or(default)
    }

    /// From here on tasks end in an order that nobody promised, or no longer.
    fn end_together(&mut self, together: bool) {
        self.ends += if together { 1 } else { self.tasks.len() as u64 };
        self.ends_together = together;
    }

    fn count(&mut self, total: &'static str, by: u64) {
        *self.totals.entry(total).or_default() += by;
    }

    /// A task ends: its key is free, or a tombstone, and it is kept so long or dropped.
    fn end(&mut self, id: u64, state: &'static str, reason: &'static str, now_ms: u64) {
        let nth = self.at(id);
        let task = &self.tasks[nth];
        let retain_ms = task.retain.unwrap_or_else(|| self.setting("retain"));
        let keep_ms = match state {
            "failed" => self.setting("retain-failed"),
            "cancelled" if task.handle.is_some() => retain_ms.max(self.setting("retain-failed")),
            _ => retain_ms,
        };
        let ends = self.tasks.iter().filter(|task| task.state == state);
        let last_ms = ends.map(|task| task.ended_ms).max().unwrap_or(0);
        self.ends += u64::from(!self.ends_together);
        let task = &mut self.tasks[nth];
        task.let_go(state, reason);
        (task.cancelling, task.end) = (false, self.ends);
        (task.ended_ms, task.expires) = (now_ms.max(last_ms), Some(now_ms + keep_ms));
        if keep_ms == 0 {
            self.tasks.remove(nth);
        }
        self.count(
            match state {
                "done" => "total-completed",
                "failed" => "total-failed",
                _ => "total-cancelled",
            },
            1,
        );
        self.uniques.iter_mut().filter(|unique| unique.id == id).for_each(|u| u.live = false);
        self.uniques.retain(|unique| unique.id != id || unique.until_ms > now_ms);
    }

    /// A running task is pre-running again, behind its equals, or cancelled if that was asked for.
    fn give_back(&mut self, id: u64, reason: &'static str, back: Back) {
        let nth = self.at(id);
        if self.tasks[nth].cancelling {
            return self.end(id, "cancelled", "cancelled", back.now_ms);
        }
        let task = &mut self.tasks[nth];
        task.let_go(if back.starts_ms > 0 { "scheduled" } else { "ready" }, reason);
        (task.place, task.starts_ms) = (back.place, back.starts_ms);
        self.count("total-returned", 1);
    }
}

/// How a task comes back.
#[derive(Clone, Copy)]
struct Back {
    place: u64,
    starts_ms: u64,
    now_ms: u64,
}

impl Task {
    /// What orders the ready tasks, or those that ended alike.
    fn rank(&self) -> (u64, u64) {
        if self.state == "ready" { (self.priority, self.place) } else { (0, self.end) }
    }

    fn let_go(&mut self, state: &'static str, reason: &'static str) {
        (self.state, self.reason, self.owner, self.void) = (state, reason, None, false);
        (self.deadline_ms, self.touched_ms, self.recovered_ms) = (None, 0, 0);
    }
}

impl Model {
    /// Compares a reply with what is expected, and goes on from it.
    pub(super) fn judge(&mut self, ask: &Ask, told: &Result<Value, String>) -> Verdict {
        match ask {
            Ask::Push(push) => self.push(push, told),
            Ask::Take(take) => self.take(take, told),
            Ask::Done(finish) => self.done(finish, told),
            Ask::Fail(finish) => self.fail(finish, told),
            Ask::Touch(finish) => self.touch(finish, told),
            Ask::DoneAll(several) => self.done_all(several, told),
            Ask::Nack(several) => self.nack(several, told),
            Ask::Recover(recover) => self.recover(recover, told),
            Ask::Held(recover) => self.held(recover, told),
            Ask::Set(queue, setting, number) => {
                let queue = self.queues.entry(queue.clone()).or_default();
                queue.settings.insert(setting, *number);
                value::is(told, &Value::Fine)
            }
            Ask::Edit(edit) => self.edit(edit, told),
            Ask::Pause(queue, kind) => self.pause(queue, kind.as_ref(), told),
            Ask::Resume(queue, kind) => self.resume(queue, kind.as_ref(), told),
            Ask::Drain(drain) => self.drain(drain, told),
            Ask::Reset(reset) => self.reset(reset, told),
            Ask::Cancel(bulk) => self.cancel(bulk, told),
            Ask::Retry(bulk) => self.retry(bulk, told),
            Ask::Purge(bulk) => self.purge(bulk, told),
            Ask::Owners(_) | Ask::Task(..) | Ask::List(_) | Ask::Len(..) => self.tell(ask, told),
            Ask::Info(_) | Ask::Check(_) => self.tell(ask, told),
        }
    }

    /// COPY: the tasks of the copy are nobody's, ready in the order of their fences. It is made at
    /// the time that the queue's last number tells.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        let mut copy = self.queues[from].clone();
        let running = copy.tasks.iter().filter(|task| task.state == "running");
        let mut running: Vec<(u64, u64)> = running.map(|task| (task.fence, task.id)).collect();
        running.sort_unstable();
        let now_ms = copy.last_number >> 10;
        for (_, id) in running {
            let back = Back { place: self.place(), starts_ms: 0, now_ms };
            copy.give_back(id, "copied with its queue", back);
        }
        copy.requests.clear();
        copy.completions.clear();
        copy.batches.clear();
        self.queues.insert(to.to_owned(), copy);
        self.numbers_go_over(from, to);
    }

    /// RENAME of a queue or an agent.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(queue) = self.queues.remove(from) {
            self.queues.insert(to.to_owned(), queue);
            self.numbers_go_over(from, to);
        }
        if let Some(agent) = self.agents.remove(from) {
            self.agents.insert(to.to_owned(), agent);
            let epoch = self.epochs.get(from).copied().unwrap_or(0);
            let mark = self.epochs.entry(to.to_owned()).or_default();
            *mark = epoch.max(*mark);
        }
    }

    /// DEL.
    pub(super) fn delete(&mut self, name: &str) {
        self.queues.remove(name);
        self.agents.remove(name);
    }

    fn numbers_go_over(&mut self, from: &str, to: &str) {
        let number = self.numbers.get(from).copied().unwrap_or(0);
        let mark = self.numbers.entry(to.to_owned()).or_default();
        *mark = number.max(*mark);
    }

    /// The next place in line.
    fn place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    /// One place for so many tasks whose order nobody promised, and room behind it.
    fn places_for(&mut self, count: usize) -> u64 {
        let first = self.places + 1;
        self.places += count as u64;
        first
    }

    /// Queues and states with tasks in an order that is not known yet.
    pub(super) fn unordered(&self) -> Vec<(String, &'static str)> {
        let mut unordered = Vec::new();
        for (name, queue) in &self.queues {
            for state in ["ready", "done", "failed", "cancelled"] {
                let tasks = queue.tasks.iter().filter(|task| task.state == state);
                let ranks: Vec<_> = tasks.map(Task::rank).collect();
                if ranks.iter().collect::<BTreeSet<_>>().len() < ranks.len() {
                    unordered.push((name.clone(), state));
                }
            }
        }
        unordered
    }

    /// A queue gave a number: it must be new.
    fn new_number(&mut self, queue: &str, number: u64) -> Verdict {
        newer(self.numbers.entry(queue.to_owned()).or_default(), number)
    }

    /// An identity began an epoch: it must be new.
    fn new_epoch(&mut self, agent: &str, epoch: u64) -> Verdict {
        newer(self.epochs.entry(agent.to_owned()).or_default(), epoch)
    }

    /// The code with which a call under this name is refused.
    fn refusal_of(&self, agent: &str, epoch: Option<u64>) -> Option<&'static str> {
        let known = self.agents.get(agent).and_then(|agent| agent.epoch);
        (epoch.is_some() && epoch != known).then_some("STALE")
    }

    /// The identity holds something of this queue. One that was not there begins.
    fn remember(&mut self, agent: &str, queue: &str) {
        self.begin(agent).queues.insert(queue.to_owned());
    }

    /// An identity is known from now on.
    fn begin(&mut self, agent: &str) -> &mut Agent {
        let eras = &mut self.eras;
        self.agents.entry(agent.to_owned()).or_insert_with(|| {
            *eras += 1;
            Agent { era: *eras, ..Agent::default() }
        })
    }

    /// What an agent holds, over all queues.
    pub(super) fn held_by(&self, agent: &str) -> Vec<(&String, &Task)> {
        let tasks = self
            .queues
            .iter()
            .flat_map(|(name, queue)| queue.tasks.iter().map(move |task| (name, task)));
        tasks.filter(|(_, task)| task.is_held_by(agent)).collect()
    }
}

fn newer(mark: &mut u64, number: u64) -> Verdict {
    if number <= *mark || number >= NUMBERS_END {
        return Err(format!("a number above {mark}, not {number}"));
    }
    *mark = number;
    Ok(())
}
