//! What is done next? One step of a walk: mostly what sensible callers do, often enough what
//! others do.

use super::super::model::{Ask, Finish, List, Push, Recover, Several, Take, Value};
use super::mixes::Act;
use super::{STATES, Walk, Zombie};

/// Names that queues go by.
const QUEUES: [&str; 3] = ["q1", "q2", "q3"];
/// Names that they are copied or renamed to, besides.
pub(super) const PLACES: [&str; 4] = ["q1", "q2", "q3", "x"];
pub(super) const KINDS: [&str; 3] = ["red", "green", "blue"];
/// UNIQUE keys.
pub(super) const KEYS: [&str; 3] = ["k1", "k2", "k3"];
/// Calls that may be repeated.
const ASKED: usize = 12;
/// Old takings that may come back.
const ZOMBIES: usize = 60;

impl Walk {
    pub(super) fn act(&mut self) {
        let act = self.choose();
        match act {
            Act::Push => self.push(false),
            Act::PushMany => self.push(true),
            Act::Pop => self.pop(false),
            Act::PopMany => self.pop(true),
            Act::Next => self.next(),
            Act::Done => self.finish(Ask::Done),
            Act::Fail => self.finish(Ask::Fail),
            Act::Touch => self.finish(Ask::Touch),
            Act::DoneAll => self.several(Ask::DoneAll),
            Act::Nack => self.several(Ask::Nack),
            Act::Recover => self.recover(),
            Act::Held => self.held(),
            Act::Read => self.read(),
            Act::Tell => self.tell(),
            Act::Set => self.set(),
            Act::Time => self.time(),
            Act::Repeat => self.repeat(),
            Act::Zombie => self.zombie(),
            Act::Retake => self.retake(),
            Act::Edit => self.edit(),
            Act::Pause | Act::Resume => self.hold(act),
            Act::Drain => self.drain(),
            Act::Reset => self.reset(),
            Act::Cancel => self.cancel(),
            Act::Retry => self.retry(),
            Act::Purge => self.purge(),
            Act::Reload => self.reload(),
            Act::MoveQueue => self.move_queue(),
            Act::MoveAgent => self.move_agent(),
        }
    }

    fn choose(&mut self) -> Act {
        let weights = self.mix.weights;
        let total: u64 = weights.iter().map(|(_, weight)| weight).sum();
        let mut left = self.random.next() % total;
        for (act, weight) in weights {
            if left < *weight {
                return *act;
            }
            left -= weight;
        }
        Act::Tell
    }

    /// Makes a call that may be repeated later.
    pub(super) fn call(&mut self, ask: Ask) -> Result<Value, String> {
        let told = self.ask(ask.clone());
        self.asked.push_back(ask);
        if self.asked.len() > ASKED {
            self.asked.pop_front();
        }
        told
    }

    pub(super) fn queue(&mut self) -> String {
        self.random.of(&QUEUES).to_owned()
    }

    pub(super) fn agent(&mut self) -> String {
        self.random.of(&self.agents)
    }

    /// The current epoch mostly, or none, or one that is over.
    fn epoch(&mut self, agent: &str) -> Option<u64> {
        let current = self.model.agents.get(agent).and_then(|agent| agent.epoch);
        match self.random.below(20) {
            0 => self.random.maybe(100, &self.zombies).and_then(|zombie| zombie.epoch),
            1..8 => None,
            _ => current,
        }
    }

    fn request(&mut self) -> Option<String> {
        let percent = self.mix.requests;
        self.random.maybe(percent, &["r1", "r2", "r3", "r4"]).map(str::to_owned)
    }

    fn push(&mut self, many: bool) {
        let queue = self.queue();
        let known = self.model.queues.get(&queue);
        if known.is_some_and(|queue| queue.of_state("ready") >= self.mix.most) {
            return self.pop(many);
        }
        let count = if many { 1 + self.random.below(self.mix.count as usize) } else { 1 };
        let unique = if many { 0 } else { self.mix.unique };
        let key = self.random.maybe(unique, &KEYS).map(str::to_owned);
        let kept = self.random.of(&[0, 0, 20, 150]);
        let timed = self.mix.timed;
        let push = Push {
            queue,
            payloads: (0..count).map(|nth| format!("p{}.{nth}", self.step)).collect(),
            many,
            name: self.random.maybe(if many { 0 } else { 15 }, &["n1", "n2"]).map(str::to_owned),
            kind: self.random.maybe(75, &KINDS).map(str::to_owned),
            priority: self.random.of(&[0, 0, 3, 7]),
            unique: key.map(|key| (key, kept)),
            retain: self.random.maybe(25, &[0, 30, 300]),
            starts: if self.random.percent(timed / 2) { Some(self.start()) } else { None },
            timeout: self.random.maybe(timed, &[0, 5, 40, 90]),
            retries: self.random.maybe(timed, &[0, 1, 2, 4]),
            backoff: self.random.maybe(timed, &[(10, None), (20, Some(50)), (9, Some(3))]),
        };
        _ = self.call(Ask::Push(push));
    }

    fn taking(&mut self, queues: Vec<String>, agent: String) -> Take {
        let mut kinds: Vec<String> = Vec::new();
        if self.random.percent(30) {
            kinds = (0..=self.random.below(2)).map(|_| self.random.of(&KINDS).to_owned()).collect();
        }
        let counts: Vec<u64> = (1..=self.mix.count).collect();
        Take {
            queues,
            epoch: self.epoch(&agent),
            agent,
            kinds,
            max_priority: self.random.maybe(20, &[0, 3, 6, 7]),
            count: self.random.maybe(60, &counts),
            block: self.random.percent(10),
            request: self.request(),
            ..Take::default()
        }
    }

    fn pop(&mut self, many: bool) {
        let mut queues = vec![self.queue()];
        while many && queues.len() < 3 && self.random.percent(70) {
            queues.push(self.queue());
        }
        let agent = self.agent();
        let take = Take { many, ..self.taking(queues, agent) };
        self.take(take);
    }

    fn take(&mut self, take: Take) {
        _ = self.call(Ask::Take(take.clone()));
        // An identity that a taking began is asked for its epoch.
        if self.model.agents.get(&take.agent).is_some_and(|agent| agent.epoch.is_none()) {
            _ = self.ask(Ask::Info(take.agent.clone()));
        }
        self.bury(&take.agent);
    }

    /// What an agent holds now will be what a zombie thinks that it holds.
    fn bury(&mut self, agent: &str) {
        let epoch = self.model.agents.get(agent).and_then(|agent| agent.epoch);
        let held = self.model.held_by(agent).into_iter().map(|(queue, task)| Zombie {
            queue: queue.clone(),
            agent: agent.to_owned(),
            id: task.id,
            epoch,
            fence: task.fence,
        });
        let held: Vec<Zombie> = held.collect();
        if let Some(zombie) = self.random.maybe(60, &held) {
            self.zombies.push(zombie);
        }
        if self.zombies.len() > ZOMBIES {
            let nth = self.random.below(self.zombies.len());
            self.zombies.swap_remove(nth);
        }
    }

    /// A task for a call: mostly one that the agent holds, else any.
    fn target(&mut self) -> Finish {
        let agent = self.agent();
        let held: Vec<(String, u64, u64)> = self
            .model
            .held_by(&agent)
            .into_iter()
            .map(|(queue, task)| (queue.clone(), task.id, task.fence))
            .collect();
        let queue = self.queue();
        let tasks = self.model.queues.get(&queue).map_or(&[][..], |queue| &queue.tasks);
        let any: Vec<_> = tasks.iter().map(|t| (queue.clone(), t.id, t.fence)).collect();
        let from = if self.random.percent(85) { &held } else { &any };
        let (queue, id, fence) = self.random.maybe(100, from).unwrap_or((queue, 4_711, 1));
        let fence = match self.random.below(10) {
            0 => self.random.maybe(100, &self.zombies).map(|zombie| zombie.fence),
            1..4 => None,
            _ => Some(fence),
        };
        let epoch = self.epoch(&agent);
        let text = self.random.maybe(40, &["one", "two"]).map(str::to_owned);
        Finish { queue, id, fence, epoch, agent, text, ..Finish::default() }
    }

    fn finish(&mut self, how: fn(Finish) -> Ask) {
        let mut finish = self.target();
        if let Ask::Touch(_) = how(Finish::default()) {
            finish.progress = self.random.maybe(40, &[0, 50, 100]);
            finish.handle = self.random.maybe(30, &["job-1", "job-2"]).map(str::to_owned);
            finish.extend = self.random.maybe(30, &[0, 10, 100]);
        }
        if let Ask::Fail(_) = how(Finish::default()) {
            finish.fatal = self.random.percent(10);
            finish.delay = self.random.maybe(20, &[0, 15]).filter(|_| !finish.fatal);
        }
        _ = self.call(how(finish));
    }

    fn next(&mut self) {
        let first = self.target();
        let mut take = self.taking(vec![first.queue.clone()], first.agent.clone());
        take.epoch = first.epoch;
        self.take(Take { first: Some(first), ..take });
    }

    fn several(&mut self, how: fn(Several) -> Ask) {
        let Finish { queue, agent, epoch, id, .. } = self.target();
        let known = self.model.queues.get(&queue);
        let held = known.into_iter().flat_map(|queue| &queue.tasks);
        let held = held.filter(|task| task.is_held_by(&agent));
        let mut named: Vec<(u64, u64)> = held.map(|task| (task.id, task.fence)).collect();
        named.push((id, 1));
        let (mut ids, mut fences) = (Vec::new(), Vec::new());
        let is_fenced = self.random.percent(50);
        for _ in 0..=self.random.below(2 * self.mix.count as usize) {
            let (id, fence) = self.random.of(&named);
            // A task named twice is named the same way twice.
            if is_fenced && ids.contains(&id) {
                continue;
            }
            ids.push(id);
            let odd = self.random.percent(10);
            fences.push(if odd { fence.saturating_sub(1).max(1) } else { fence });
        }
        let results = match how(Several::default()) {
            Ask::DoneAll(_) if self.random.percent(30) => {
                ids.iter().map(|id| format!("r{id}")).collect()
            }
            _ => Vec::new(),
        };
        fences.retain(|_| is_fenced);
        let delay = match how(Several::default()) {
            Ask::Nack(_) => self.random.maybe(self.mix.timed / 2, &[0, 25]),
            _ => None,
        };
        _ = self.call(how(Several { queue, agent, epoch, ids, fences, results, delay }));
    }

    fn recover(&mut self) {
        let agent = self.agent();
        let asked = Recover {
            mode: self.random.maybe(60, &["KEEP", "KEEP", "RELEASE", "FAIL"]),
            epoch: self.epoch(&agent),
            request: self.request(),
            queues: self.declared(),
            count: self.random.maybe(60, &[0, 1, 2, 3, 5]),
            cursor: None,
            agent,
        };
        let told = self.call(Ask::Recover(asked.clone()));
        self.goes_on(Recover { mode: None, epoch: None, request: None, ..asked.clone() }, told);
        self.bury(&asked.agent);
        if asked.request.is_some() && self.random.percent(40) {
            // Asked again, when the agent has taken more meanwhile.
            let queue = self.queue();
            let take = self.taking(vec![queue], asked.agent.clone());
            self.take(take);
            _ = self.ask(Ask::Recover(asked));
        }
    }

    /// Queues that a call names by itself.
    fn declared(&mut self) -> Vec<String> {
        let mut queues: Vec<String> = Vec::new();
        while self.random.percent(25) {
            queues.push(self.random.of(&PLACES).to_owned());
        }
        queues
    }

    fn held(&mut self) {
        let (agent, queues) = (self.agent(), self.declared());
        let count = self.random.maybe(70, &[1, 2, 3, 5]);
        let asked = Recover { agent, queues, count, ..Recover::default() };
        let told = self.call(Ask::Held(asked.clone()));
        self.goes_on(asked, told);
    }

    /// Some reader goes on where it left off.
    fn read(&mut self) {
        if self.readers.is_empty() {
            return self.held();
        }
        let nth = self.random.below(self.readers.len());
        let asked = self.readers.swap_remove(nth);
        let told = self.ask(Ask::Held(asked.clone()));
        self.goes_on(asked, told);
    }

    fn goes_on(&mut self, asked: Recover, told: Result<Value, String>) {
        let Ok(Some(Value::Text(cursor))) = told.as_ref().map(|told| told.get("cursor")) else {
            return;
        };
        if cursor != "0" && self.readers.len() < 8 {
            let count = asked.count.map(|count| count.max(1));
            self.readers.push(Recover { cursor: Some(cursor.clone()), count, ..asked });
        }
    }

    fn tell(&mut self) {
        let (queue, agent) = (self.queue(), self.agent());
        let ask = match self.random.below(6) {
            0 => Ask::Len(queue, self.random.maybe(60, &STATES)),
            1 => Ask::Info(self.random.of(&[queue, agent])),
            2 => Ask::Owners(queue),
            3 => Ask::Check(queue),
            4 => Ask::Task(queue, self.target().id),
            _ => Ask::List(List {
                queue,
                state: self.random.maybe(60, &STATES),
                kind: self.random.maybe(30, &KINDS).map(str::to_owned),
                owner: self.random.maybe(20, &[agent]),
                handles: self.random.percent(20),
            }),
        };
        _ = self.ask(ask);
    }

    fn set(&mut self) {
        let (setting, numbers) = self.random.of(&[
            ("crashes", [0, 1, 3, 10]),
            ("retain", [0, 0, 40, 200]),
            ("retain-failed", [0, 40, 200, 100_000]),
            ("maxlen", [0, 0, 3, 8]),
            ("maxunique", [0, 1, 2, 1_000]),
            ("timeout", [0, 0, 30, 80]),
            ("retries", [0, 0, 1, 3]),
            ("backoff", [0, 0, 7, 30]),
            ("backstop", [0, 0, 60, 150]),
        ]);
        let ask = Ask::Set(self.queue(), setting, self.random.of(&numbers));
        _ = self.call(ask);
    }

    /// A call is made again, as after a lost reply: the last one mostly.
    fn repeat(&mut self) {
        let Some(last) = self.asked.back().cloned() else { return };
        let asked: Vec<Ask> = self.asked.iter().cloned().collect();
        let ask = self.random.maybe(60, &asked).unwrap_or(last);
        if let Ask::Take(take) = ask {
            return self.take(take);
        }
        _ = self.ask(ask);
    }

    /// A task of a request is handed back and taken again: then the request did not take it.
    fn retake(&mut self) {
        let (queue, agent) = (self.queue(), self.agent());
        let count = Some(self.mix.count);
        let take =
            Take { queues: vec![queue.clone()], agent: agent.clone(), count, ..Take::default() };
        let request = Some(self.random.of(&["r1", "r2", "r3", "r4"]).to_owned());
        let asked = Take { request, ..take.clone() };
        self.take(asked.clone());
        let held = self.model.held_by(&agent).into_iter().filter(|(name, _)| **name == queue);
        let held: Vec<u64> = held.map(|(_, task)| task.id).collect();
        let ids: Vec<u64> = self.random.maybe(100, &held).into_iter().collect();
        if !ids.is_empty() {
            let back = Several { queue, agent, ids, ..Several::default() };
            _ = self.ask(Ask::Nack(back));
        }
        self.take(take);
        self.take(asked);
    }

    /// Somebody comes back with a fence, or an epoch, from before.
    fn zombie(&mut self) {
        let Some(zombie) = self.random.maybe(100, &self.zombies) else { return };
        let Zombie { queue, agent, id, epoch, fence } = zombie;
        let epoch = epoch.filter(|_| self.random.percent(40));
        let fence = Some(fence);
        let finish = Finish { queue, agent, id, epoch, fence, ..Finish::default() };
        let ask = match self.random.below(6) {
            0 => Ask::Done(finish),
            1 => Ask::Fail(finish),
            2 => Ask::Touch(Finish { progress: Some(1), ..finish }),
            3 => {
                let queues = vec![finish.queue.clone()];
                let take = self.taking(queues, finish.agent.clone());
                return self.take(Take { epoch, first: Some(finish), ..take });
            }
            nth => {
                let (ids, fences) = (vec![id], fence.into_iter().collect());
                let Finish { queue, agent, .. } = finish;
                let several = Several { queue, agent, epoch, ids, fences, ..Several::default() };
                if nth == 4 { Ask::Nack(several) } else { Ask::DoneAll(several) }
            }
        };
        _ = self.ask(ask);
    }
}
