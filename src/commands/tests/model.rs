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
mod take;
mod tell;
mod value;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use ask::{Ask, Finish, List, Push, Recover, Several, Take};
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
    /// Its place in line.
    place: u64,
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
}

impl Task {
    fn is_unfinished(&self) -> bool {
        matches!(self.state, "ready" | "running")
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

/// A queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) tasks: Vec<Task>,
    settings: BTreeMap<&'static str, u64>,
    uniques: Vec<Unique>,
    requests: Vec<Request>,
    completions: BTreeMap<String, Vec<Completion>>,
    batches: BTreeMap<String, Vec<Completion>>,
    totals: BTreeMap<&'static str, u64>,
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
}

impl Queue {
    pub(super) fn of_state(&self, state: &str) -> u64 {
        self.tasks.iter().filter(|task| task.state == state).count() as u64
    }

    fn unfinished(&self) -> u64 {
        self.of_state("ready") + self.of_state("running")
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

    fn count(&mut self, total: &'static str, by: u64) {
        *self.totals.entry(total).or_default() += by;
    }

    /// A task ends: its key is free, or a tombstone, and it is kept so long or dropped.
    fn end(&mut self, id: u64, state: &'static str, reason: &'static str, now_ms: u64) {
        let nth = self.at(id);
        let keep_ms = match state {
            "done" => self.tasks[nth].retain.unwrap_or_else(|| self.setting("retain")),
            _ => self.setting("retain-failed"),
        };
        let task = &mut self.tasks[nth];
        (task.state, task.reason, task.owner, task.void) = (state, reason, None, false);
        (task.ended_ms, task.expires) = (now_ms, Some(now_ms + keep_ms));
        if keep_ms == 0 {
            self.tasks.remove(nth);
        }
        let total = if state == "done" { "total-completed" } else { "total-failed" };
        self.count(total, 1);
        self.uniques.iter_mut().filter(|unique| unique.id == id).for_each(|u| u.live = false);
        self.uniques.retain(|unique| unique.id != id || unique.until_ms > now_ms);
    }

    /// A task is ready again, behind its equals.
    fn line_up(&mut self, id: u64, place: u64, reason: &'static str) {
        let nth = self.at(id);
        let task = &mut self.tasks[nth];
        (task.state, task.reason, task.owner, task.void) = ("ready", reason, None, false);
        task.place = place;
        self.count("total-returned", 1);
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
            Ask::Owners(_) | Ask::Task(..) | Ask::List(_) | Ask::Len(..) => self.tell(ask, told),
            Ask::Info(_) | Ask::Check(_) => self.tell(ask, told),
        }
    }

    /// What is due falls due.
    pub(super) fn tick(&mut self) {
        let now_ms = self.now_ms;
        for queue in self.queues.values_mut() {
            let is_due = |task: &Task| task.expires.is_some_and(|expires| expires <= now_ms);
            queue.tasks.retain(|task| task.is_unfinished() || !is_due(task));
            queue.uniques.retain(|unique| unique.live || unique.until_ms > now_ms);
        }
    }

    /// What falls due next within a second: the queue and the moment.
    pub(super) fn next_due(&self) -> Option<(String, u64)> {
        let due = self.queues.iter().flat_map(|(name, queue)| {
            let ended = queue.tasks.iter().filter(|task| !task.is_unfinished());
            let expiries = ended.filter_map(|task| task.expires);
            let tombstones = queue.uniques.iter().filter(|unique| !unique.live);
            let moments = expiries.chain(tombstones.map(|unique| unique.until_ms));
            moments.map(move |due_ms| (name.clone(), due_ms))
        });
        let ahead = self.now_ms + 1..self.now_ms + 1_000;
        due.filter(|(_, due_ms)| ahead.contains(due_ms)).min_by_key(|(_, due_ms)| *due_ms)
    }

    /// COPY: the tasks of the copy are nobody's, ready in the order of their fences.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        let mut copy = self.queues[from].clone();
        let running = copy.tasks.iter().filter(|task| task.state == "running");
        let mut running: Vec<(u64, u64)> = running.map(|task| (task.fence, task.id)).collect();
        running.sort_unstable();
        for (_, id) in running {
            copy.line_up(id, self.place(), "copied with its queue");
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
        if !self.agents.contains_key(agent) {
            self.eras += 1;
            let begun = Agent { era: self.eras, ..Agent::default() };
            self.agents.insert(agent.to_owned(), begun);
        }
        let agent = self.agents.get_mut(agent).expect("an agent");
        agent.queues.insert(queue.to_owned());
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
