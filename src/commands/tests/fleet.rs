//! Processes that come, work, and go in every way, at random: is an identity ever two processes',
//! and is a task ever lost or done twice?
//!
//! No model is needed: each process knows what it was told, and that is compared with what others
//! are told. Every step is checked by the sandbox against the invariants and against a replica.

use std::collections::{BTreeMap, BTreeSet};

use super::sandbox::Sandbox;

const LEASE_MS: u64 = 8_000;
const PROCESSES: usize = 6;

/// Somebody who believes that an identity is its own.
#[derive(Clone, Debug)]
struct Process {
    agent: String,
    epoch: u64,
    held: BTreeSet<u64>,
}

struct Fleet {
    sandbox: Sandbox,
    random: u64,
    processes: Vec<Option<Process>>,
    done: BTreeSet<u64>,
    pushed: BTreeSet<u64>,
    /// The latest epoch of each identity that anybody was told.
    epochs: BTreeMap<String, u64>,
    /// Until when nobody else can have it.
    sure_until_ms: BTreeMap<String, u64>,
    draining: bool,
    assumptions: usize,
    found: usize,
}

/// The first number behind a word.
fn number(text: &str, before: &str) -> Option<u64> {
    let rest = &text[text.find(before)? + before.len()..];
    rest[..rest.find(|sign: char| !sign.is_ascii_digit())?].parse().ok()
}

/// The ids of all tasks in a reply.
fn ids(text: &str) -> BTreeSet<u64> {
    text.split("{id:").skip(1).filter_map(|part| number(&format!(":{part}"), ":")).collect()
}

impl Fleet {
    fn new(seed: u64) -> Self {
        let mut fleet = Self {
            sandbox: Sandbox::new(seed),
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            processes: vec![None; PROCESSES],
            done: BTreeSet::new(),
            pushed: BTreeSet::new(),
            epochs: BTreeMap::new(),
            sure_until_ms: BTreeMap::new(),
            draining: false,
            assumptions: 0,
            found: 0,
        };
        fleet.say("WF.POOL p SIZE 3 LEASE 8000").unwrap();
        fleet.say("WF.SET q crashes 0").unwrap();
        fleet
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    fn say(&mut self, line: &str) -> Result<String, String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.sandbox.run(&words)
    }

    fn step(&mut self) {
        let who = self.below(PROCESSES as u64) as usize;
        match (self.below(24), self.processes[who].clone()) {
            (0..3, _) => {
                let id = self.say("WF.PUSH q x").unwrap().parse().unwrap();
                self.pushed.insert(id);
            }
            (3..5, _) => {
                self.sandbox.now_ms += self.random % (LEASE_MS / 2);
                self.sandbox.tick();
            }
            (5, _) => self.sandbox.now_ms += 1,
            (6, _) if self.below(6) == 0 => self.sandbox.reload(),
            (7, _) if self.below(4) == 0 => self.drain(),
            (8, _) if self.below(4) == 0 => {
                let size = 1 + self.below(4);
                let orphan = [0, 0, 5_000][self.below(3) as usize];
                self.say(&format!("WF.POOL p SIZE {size} ORPHAN {orphan}")).unwrap();
            }
            (_, None) => self.assume(who),
            (9, Some(_)) => self.processes[who] = None,
            (_, Some(process)) => self.act(who, process),
        }
    }

    fn drain(&mut self) {
        let limited = self.below(2) == 0;
        match self.draining {
            true => self.say("WF.RESUME p"),
            false if !limited => self.say("WF.DRAIN p"),
            false => {
                let after_ms = 1 + self.below(LEASE_MS);
                self.say(&format!("WF.DRAIN p BLOCK {after_ms} RESET"))
            }
        }
        .unwrap();
        self.draining = !self.draining;
    }

    fn assume(&mut self, who: usize) {
        let request = self.random;
        let line = format!("WF.ASSUME p REQID {request}");
        let told = self.say(&line);
        if self.draining {
            assert!(told.unwrap_err().starts_with("DRAINING"));
            return;
        }
        let told = told.unwrap();
        if told == "nil" {
            return;
        }
        let agent = told.split('"').nth(1).unwrap().to_owned();
        let epoch = number(&told, "epoch:").unwrap();
        let last = self.epochs.insert(agent.clone(), epoch).unwrap_or(0);
        assert!(epoch > last, "{epoch} after {last}");
        let now_ms = self.sandbox.now_ms;
        let until_ms = self.sure_until_ms.insert(agent.clone(), now_ms + LEASE_MS);
        assert!(until_ms.is_none_or(|until_ms| now_ms >= until_ms), "{agent} is two processes");
        let again = self.say(&line).unwrap();
        assert_eq!(again, told, "a repetition says the same");
        let held = ids(&told);
        assert!(held.is_disjoint(&self.done), "a task that was done comes back");
        self.assumptions += 1;
        self.found += held.len();
        self.processes[who] = Some(Process { agent, epoch, held });
    }

    fn act(&mut self, who: usize, mut process: Process) {
        let Process { agent, epoch, held } = &mut process;
        let first = held.first().copied().unwrap_or(1);
        let act = self.below(10);
        let told = self.say(&match act {
            0..4 => format!("WF.POP q {agent} EPOCH {epoch} COUNT 2"),
            4..6 => format!("WF.DONE q {agent} {first} EPOCH {epoch}"),
            6 => format!("WF.NACK q {agent} EPOCH {epoch} IDS 1 {first}"),
            7 => format!("WF.BEAT {agent} EPOCH {epoch}"),
            8 => format!("WF.RETIRE {agent} EPOCH {epoch} KEEP"),
            _ => format!("WF.RETIRE {agent} EPOCH {epoch}"),
        });
        self.processes[who] = None;
        match told {
            Ok(told) => {
                assert_eq!(self.epochs[agent.as_str()], *epoch, "a predecessor is listened to");
                self.sure_until_ms.insert(agent.clone(), self.sandbox.now_ms + LEASE_MS * 3 / 4);
                match act {
                    0..4 => held.extend(ids(&told)),
                    4..6 => assert!(held.remove(&first) && self.done.insert(first), "done twice"),
                    6 => drop(held.remove(&first)),
                    7 => {}
                    _ => {
                        self.sure_until_ms.remove(agent.as_str());
                        return;
                    }
                }
            }
            Err(refusal) if refusal.starts_with("STALE") => return,
            Err(refusal) => {
                let allowed = ["NOTOWNER", "NOTASK", "DRAINING"];
                assert!(allowed.iter().any(|code| refusal.starts_with(code)), "{refusal}");
                held.remove(&first);
            }
        }
        self.processes[who] = Some(process);
    }

    /// Everybody is gone: what is left is found by successors, and is all that was not done.
    fn end(mut self) {
        if self.draining {
            self.drain();
        }
        self.sandbox.now_ms += 100_000;
        self.sandbox.tick();
        while self.say("WF.ASSUME p RELEASE").unwrap() != "nil" {}
        self.sandbox.tick();
        let left = ids(&self.say("WF.POP q last COUNT 100000").unwrap());
        assert!(left.is_disjoint(&self.done), "a task that was done runs again");
        let all: BTreeSet<u64> = left.union(&self.done).copied().collect();
        assert_eq!(all, self.pushed);
        println!("{} assumed, {} found, {} done", self.assumptions, self.found, self.done.len());
        assert!(self.assumptions > 0 && self.found > 0 && !self.done.is_empty(), "too little");
    }
}

#[test]
fn no_identity_is_two_processes_and_no_task_is_lost() {
    for seed in 1..=12 {
        println!("seed {seed}");
        let mut fleet = Fleet::new(seed);
        for _ in 0..1_500 {
            fleet.step();
        }
        fleet.end();
    }
}
