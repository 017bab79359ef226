//! How does a fleet behave whose processes are given identities, with leases, drains and ends?

use super::{AGENTS, Traffic, Words, add, words};
use crate::support::Reply;
use redis::Value;

pub(super) const POOLS: [&str; 2] = ["crew", "band"];
pub(super) const MEMBERS: [&str; 7] =
    ["{crew}:1", "{crew}:2", "{crew}:3", "{crew}:4", "{band}:1", "{band}:2", "{band}:3"];

/// What a fleet says; all of it must have been accepted now and then.
pub(super) const FLEET: [&str; 7] =
    ["WF.POOL", "WF.ASSUME", "WF.RECOVER", "WF.BEAT", "WF.RETIRE", "WF.DRAIN", "WF.RESUME"];

impl Traffic {
    /// Somebody who can act: an agent that is not retired, or an identity that was assumed.
    pub(super) fn agent(&mut self) -> String {
        let members: Vec<&str> =
            MEMBERS.iter().filter(|name| self.leased.contains(**name)).copied().collect();
        if !members.is_empty() && self.rng.one_in(3) {
            return self.rng.pick(&members).to_owned();
        }
        let plain: Vec<&str> =
            AGENTS.iter().filter(|name| !self.retired.contains(**name)).copied().collect();
        self.rng.pick(if plain.is_empty() { &AGENTS } else { &plain }).to_owned()
    }

    /// The epoch, which one with a lease has to give and others may; now and then a wrong one.
    pub(super) fn epoch(&mut self, agent: &str, said: &mut Words) {
        let leased = self.leased.contains(agent);
        if let Some(epoch) = self.epochs.get(agent)
            && (leased || self.rng.one_in(2))
        {
            let wrong = i64::from(self.rng.one_in(if leased { 20 } else { 10 }));
            add(said, &["EPOCH", &(epoch - wrong).to_string()]);
        }
    }

    /// Whom to recover: one that nobody acts for, rather than one that works.
    pub(super) fn whom_to_recover(&mut self) -> String {
        match self.retired.first() {
            Some(retired) if self.rng.one_in(2) => retired.clone(),
            _ => self.agent(),
        }
    }

    /// How a recovery says that it may, and what lease it wants.
    pub(super) fn recovery_options(&mut self, agent: &str, said: &mut Words) {
        if self.rng.one_in(4) {
            let lease = self.moment();
            add(said, &["LEASE", if self.rng.one_in(2) { "0" } else { &lease }]);
        }
        if self.leased.contains(agent) && !self.rng.one_in(8) {
            match self.epochs.get(agent).filter(|_| self.rng.one_in(2)) {
                Some(epoch) => add(said, &["EPOCH", &epoch.to_string()]),
                None => add(said, &["FORCE"]),
            }
        }
    }

    /// What a fleet says that agents with fixed names do not.
    pub(super) fn fleet(&mut self) -> Words {
        let pool = self.rng.pick(&POOLS);
        if !self.pools.contains(pool) {
            return self.pool(pool);
        }
        match self.rng.below(12) {
            0 => self.pool(pool),
            1..=4 => self.assume(pool),
            5..=6 => self.beat(),
            7..=8 => self.retire(),
            9 => self.drain(),
            _ => self.resume(),
        }
    }

    fn pool(&mut self, pool: &str) -> Words {
        let size = (2 + self.rng.below(2)).to_string();
        let (lease, orphan) = (self.moment(), self.moment());
        let mut said = words(&["WF.POOL", pool, "SIZE", &size, "LEASE", &lease]);
        if self.rng.one_in(2) {
            add(&mut said, &["ORPHAN", if self.rng.one_in(2) { "0" } else { &orphan }]);
        }
        said
    }

    fn assume(&mut self, pool: &str) -> Words {
        let mut said = words(&["WF.ASSUME", pool]);
        if self.rng.one_in(2) {
            add(&mut said, &[self.rng.pick(&["KEEP", "RELEASE", "FAIL"])]);
        }
        if self.rng.one_in(4) {
            let lease = self.moment();
            add(&mut said, &["LEASE", &lease]);
        }
        if self.rng.one_in(3) {
            let request = format!("process-{}", self.rng.below(20));
            add(&mut said, &["REQID", &request]);
        }
        if self.rng.one_in(3) {
            add(&mut said, &["COUNT", "2"]);
        }
        if self.short_lives && self.rng.one_in(4) {
            add(&mut said, &["BLOCK", "5"]);
        }
        said
    }

    /// Somebody whose epoch is known.
    fn somebody(&mut self) -> Option<(String, String)> {
        let known: Vec<(String, i64)> =
            self.epochs.iter().map(|(agent, epoch)| (agent.clone(), *epoch)).collect();
        let (agent, epoch) = known.get(self.rng.below(known.len().max(1)))?.clone();
        let wrong = i64::from(self.rng.one_in(20));
        Some((agent, (epoch - wrong).to_string()))
    }

    fn beat(&mut self) -> Words {
        match self.somebody() {
            Some((agent, epoch)) => words(&["WF.BEAT", &agent, "EPOCH", &epoch]),
            None => self.assume(POOLS[0]),
        }
    }

    fn retire(&mut self) -> Words {
        let Some((agent, epoch)) = self.somebody() else { return self.assume(POOLS[1]) };
        let mut said = words(&["WF.RETIRE", &agent, "EPOCH", &epoch]);
        if self.rng.one_in(2) {
            add(&mut said, &[self.rng.pick(&["RELEASE", "KEEP"])]);
        }
        said
    }

    fn drain(&mut self) -> Words {
        let agent = self.agent();
        let key = if self.rng.one_in(3) { self.rng.pick(&POOLS) } else { &agent };
        let mut said = words(&["WF.DRAIN", key]);
        let moment = self.moment();
        match self.rng.below(4) {
            0 => {}
            1 => add(&mut said, &["RESET"]),
            // Only where it does not wait for an hour.
            _ if self.short_lives || self.at_once => {
                add(&mut said, &["RESET", "BLOCK", &moment]);
            }
            _ => add(&mut said, &["RESET"]),
        }
        said
    }

    fn resume(&mut self) -> Words {
        match self.stopped.iter().next().cloned() {
            Some(key) => words(&["WF.RESUME", &key]),
            None => self.beat(),
        }
    }

    /// Remembers who acts under which epoch, with a lease or without, and what was stopped.
    pub(super) fn learn_fleet(&mut self, verb: &str, key: &str, value: &Value) {
        match verb {
            "WF.RECOVER" => self.begun(key, value),
            "WF.ASSUME" if !value.is_nil() => {
                let agent = value.map().text("agent");
                self.begun(&agent, value);
                self.collect(value, &agent, None);
            }
            "WF.POOL" => {
                self.pools.insert(key.to_owned());
            }
            "WF.RETIRE" => {
                self.over(key);
                if AGENTS.contains(&key) {
                    self.retired.insert(key.to_owned());
                }
            }
            "WF.DRAIN" => {
                self.stopped.insert(key.to_owned());
            }
            "WF.RESUME" => {
                self.stopped.remove(key);
            }
            _ => {}
        }
    }

    fn begun(&mut self, agent: &str, value: &Value) {
        let reply = value.map();
        self.over(agent);
        self.retired.remove(agent);
        self.epochs.insert(agent.to_owned(), reply.int("epoch"));
        if reply.has("lease") {
            self.leased.insert(agent.to_owned());
        }
    }

    /// An epoch is over, and with it what was held and a drain.
    pub(super) fn over(&mut self, agent: &str) {
        self.epochs.remove(agent);
        self.leased.remove(agent);
        self.stopped.remove(agent);
        self.held.retain(|held| held.agent != agent);
    }
}
