//! Do the commands do what the model says, in any order that nobody thought of? Random walks from
//! a seed, several mixes of them, each drained at its end: no unfinished task is out of reach.
//!
//! `SEED` and `STEPS` (for each mix) set another walk. Where one goes wrong it tells its seed, the
//! step, the last commands with their replies, and what the model expected.

mod acts;
mod history;
mod mixes;
mod operators;
mod outside;

use std::collections::{BTreeSet, VecDeque};

use self::history::History;
use self::mixes::Mix;
use super::model::{Ask, Model, Recover, Several, Take, Value};
use super::sandbox::Sandbox;

/// Steps of each mix unless `STEPS` says otherwise.
const STEPS: u64 = 800;

/// Every so many steps all there is to tell is compared.
const AUDIT_EVERY: u64 = 50;

/// Where a task can stand.
const STATES: [&str; 6] = ["scheduled", "ready", "running", "done", "failed", "cancelled"];

/// Commands that are told when a walk goes wrong.
const TOLD: usize = 30;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True so many times in a hundred.
    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn maybe<T: Clone>(&mut self, percent: u64, choices: &[T]) -> Option<T> {
        (!choices.is_empty() && self.percent(percent)).then(|| self.of(choices))
    }
}

/// A taking or a recovery that somebody may come back with.
#[derive(Clone)]
struct Zombie {
    queue: String,
    agent: String,
    id: u64,
    epoch: Option<u64>,
    fence: u64,
}

/// One walk.
struct Walk {
    mix: &'static Mix,
    seed: u64,
    step: u64,
    random: Random,
    sandbox: Sandbox,
    model: Model,
    history: History,
    /// The names that agents go by now, and all they ever went by.
    agents: Vec<String>,
    names: BTreeSet<String>,
    zombies: Vec<Zombie>,
    asked: VecDeque<Ask>,
    /// Readers that have not come to the end.
    readers: Vec<Recover>,
    log: VecDeque<String>,
}

impl Walk {
    fn new(mix: &'static Mix, seed: u64) -> Self {
        let agents: Vec<String> = (1..=mix.agents).map(|nth| format!("a{nth}")).collect();
        let sandbox = Sandbox::new(seed);
        let mut model = Model::default();
        model.now_ms = sandbox.now_ms;
        Self {
            mix,
            seed,
            step: 0,
            random: Random(seed),
            sandbox,
            model,
            history: History::default(),
            names: agents.iter().cloned().collect(),
            agents,
            zombies: Vec::new(),
            asked: VecDeque::new(),
            readers: Vec::new(),
            log: VecDeque::new(),
        }
    }

    /// Makes a call and compares.
    fn ask(&mut self, ask: Ask) -> Result<Value, String> {
        let told = match &ask {
            Ask::List(list) => self.whole_list(|cursor| list.words(cursor)),
            _ => self.send(&ask.words()),
        };
        if let Err(expected) = self.model.judge(&ask, &told) {
            panic!("the model expected {expected}");
        }
        if let Err(broken) = self.history.see(&ask, &told) {
            panic!("the history says: {broken}");
        }
        if matches!(ask, Ask::Drain(_) | Ask::Reset(_) | Ask::Recover(_)) {
            self.put_in_order();
        }
        told
    }

    fn send(&mut self, words: &[String]) -> Result<Value, String> {
        self.note(words.join(" "));
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        let told = self.sandbox.run(&words);
        if let Some(last) = self.log.back_mut() {
            *last = format!("{last} => {told:?}");
        }
        told.map(|text| Value::parse(&text))
    }

    /// What is done other than by a command.
    fn note(&mut self, what: String) {
        self.log.push_back(what);
        if self.log.len() > TOLD {
            self.log.pop_front();
        }
    }

    fn whole_list(&mut self, words: impl Fn(&str) -> Vec<String>) -> Result<Value, String> {
        let (mut cursor, mut tasks) = ("0".to_owned(), Vec::new());
        for _page in 0..1_000 {
            let told = self.send(&words(&cursor))?;
            tasks.extend(told.array("tasks").expect("tasks").iter().cloned());
            match told.get("cursor") {
                Some(Value::Text(end)) if end == "0" => return Ok(Value::Array(tasks)),
                Some(Value::Text(next)) => cursor.clone_from(next),
                _ => panic!("no cursor"),
            }
        }
        panic!("a list without an end")
    }

    fn run(&mut self, steps: u64) {
        for step in 1..=steps {
            self.step = step;
            self.act();
            let is_due = step % AUDIT_EVERY == 0;
            if is_due {
                self.look_for_promised();
                self.audit();
            }
        }
        self.end_all();
        self.audit();
    }

    /// Every task that was acknowledged and not ended is found.
    fn look_for_promised(&mut self) {
        for (queue, id) in self.history.promised.clone() {
            let told = self.ask(Ask::Task(queue.clone(), id));
            if let Err(lost) = self.history.look(&queue, id, &told) {
                panic!("the history says: {lost}");
            }
        }
        self.history.must_look = false;
    }

    /// All there is to tell is as the model has it.
    fn audit(&mut self) {
        for queue in self.model.queues.keys().cloned().collect::<Vec<_>>() {
            for task in self.model.queues[&queue].tasks.clone() {
                _ = self.ask(Ask::Task(queue.clone(), task.id));
            }
            for state in STATES.into_iter().map(Some).chain([None]) {
                let list = super::model::List { queue: queue.clone(), state, ..Default::default() };
                _ = self.ask(Ask::List(list));
                _ = self.ask(Ask::Len(queue.clone(), state));
            }
            _ = self.ask(Ask::Owners(queue.clone()));
            _ = self.ask(Ask::Info(queue.clone()));
            _ = self.ask(Ask::Check(queue));
        }
        for agent in self.names.clone() {
            _ = self.ask(Ask::Info(agent));
        }
    }

    /// Once faults stop, everything ends: what is held by anyone is recovered, and all is done.
    fn end_all(&mut self) {
        let queues: Vec<String> = self.model.queues.keys().cloned().collect();
        if queues.is_empty() {
            return;
        }
        self.resume_all(&queues);
        for agent in self.names.clone() {
            let mode = self.random.of(&["KEEP", "RELEASE"]);
            let request = Some("drain".to_owned());
            let (queues, count) = (queues.clone(), Some(3));
            let mode = Some(mode);
            let recover = Recover { agent, mode, request, queues, count, ..Recover::default() };
            while self.ask(Ask::Recover(recover.clone())).unwrap().number("more") == Ok(1) {
                if mode == Some("KEEP") {
                    self.read_to_the_end(recover.clone());
                    break;
                }
            }
            self.finish_what_is_held(&recover.agent);
        }
        let agent = self.agents[0].clone();
        for queue in queues {
            let (queues, count) = (vec![queue.clone()], Some(20));
            let take = Take { queues, agent: agent.clone(), count, ..Take::default() };
            loop {
                while self.ask(Ask::Take(take.clone())) != Ok(Value::Array(Vec::new())) {
                    self.finish_what_is_held(&agent);
                }
                let tasks = self.model.queues[&queue].tasks.iter();
                let starts = tasks.filter(|task| task.state == "scheduled").map(|t| t.starts_ms);
                let Some(start_ms) = starts.min() else { break };
                self.later(start_ms.saturating_sub(self.model.now_ms));
                self.tick();
            }
            assert_eq!(self.ask(Ask::Len(queue, None)), Ok(Value::Integer(0)));
        }
    }

    /// Nothing is held back any more.
    fn resume_all(&mut self, queues: &[String]) {
        for queue in queues {
            let kinds = acts::KINDS.into_iter().map(|kind| Some(kind.to_owned()));
            for kind in kinds.chain([None]) {
                _ = self.ask(Ask::Resume(queue.clone(), kind));
            }
        }
    }

    fn read_to_the_end(&mut self, recover: Recover) {
        let mut held = Recover { mode: None, request: None, ..recover };
        loop {
            let told = self.ask(Ask::Held(held.clone())).unwrap();
            match told.get("cursor") {
                Some(Value::Text(cursor)) if cursor != "0" => held.cursor = Some(cursor.clone()),
                _ => return,
            }
        }
    }

    fn finish_what_is_held(&mut self, agent: &str) {
        for queue in self.model.queues.keys().cloned().collect::<Vec<_>>() {
            let tasks = &self.model.queues[&queue].tasks;
            let held = tasks.iter().filter(|task| task.is_held_by(agent));
            let ids: Vec<u64> = held.map(|task| task.id).collect();
            if !ids.is_empty() {
                let agent = agent.to_owned();
                let several = Several { queue, agent, ids, ..Several::default() };
                _ = self.ask(Ask::DoneAll(several));
            }
        }
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { mix, seed, step, log, .. } = self;
            eprintln!("SEED={seed}, mix '{}', step {step}; the last calls:", mix.name);
            log.iter().for_each(|line| eprintln!("  {line}"));
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn walk(mix: &'static Mix) {
    let seed = setting("SEED").unwrap_or(20_260_101);
    println!("mix '{}', SEED={seed}", mix.name);
    Walk::new(mix, seed).run(setting("STEPS").unwrap_or(STEPS));
}

#[test]
fn many_agents_share_few_tasks() {
    walk(&mixes::CROWD);
}

#[test]
fn one_agent_holds_many_tasks() {
    walk(&mixes::HOARD);
}

#[test]
fn agents_crash_and_are_recovered() {
    walk(&mixes::CRASHES);
}

#[test]
fn keys_stay_taken_and_ended_tasks_are_kept_as_time_goes_on() {
    walk(&mixes::TIME);
}

#[test]
fn tasks_are_scheduled_tried_again_and_timed_out() {
    walk(&mixes::LIMITS);
}

#[test]
fn operators_stop_and_cancel_and_retry() {
    walk(&mixes::STOPS);
}

#[test]
fn requests_are_repeated() {
    walk(&mixes::REPEATS);
}

#[test]
fn zombies_come_back() {
    walk(&mixes::ZOMBIES);
}

#[test]
fn keys_are_copied_renamed_deleted_and_reloaded() {
    walk(&mixes::UPHEAVAL);
}
