//! What the traffic says of workflows.

use super::{TYPES, Traffic, Words, add, words};

impl Traffic {
    /// Something about a workflow.
    pub(super) fn flow(&mut self) -> Words {
        match self.rng.below(8) {
            0..=2 => self.submit(),
            3..=4 => self.grow(),
            _ => self.steer(),
        }
    }

    fn submit(&mut self) -> Words {
        let mut said = words(&["WF.SUBMIT", &self.queue(), "flow"]);
        if self.rng.one_in(2) {
            add(&mut said, &["ONFAIL", "CONTINUE"]);
        }
        if self.rng.one_in(2) {
            add(&mut said, &["RETAIN", if self.short_lives { "5" } else { "3600000" }]);
        }
        if self.rng.one_in(5) {
            let key = format!("key-{}", self.rng.below(30));
            add(&mut said, &["UNIQUE", &key]);
        }
        for nth in 0..1 + self.rng.below(7) {
            add(&mut said, &["TASK", &format!("t{nth}")]);
            said.push(self.rng.bytes(20));
            if self.rng.one_in(3) {
                add(&mut said, &["TYPE", self.rng.pick(&TYPES)]);
            }
            if self.rng.one_in(4) {
                add(&mut said, &["RETRIES", "1"]);
            }
            if nth > 0 {
                let parent = format!("t{}", self.rng.below(nth));
                let word = if self.rng.one_in(5) { "AFTERANY" } else { "AFTER" };
                add(&mut said, &[word, "1", &parent]);
            }
        }
        said
    }

    /// A workflow that was heard of, or one that never was.
    fn workflow(&mut self) -> (String, String) {
        let known = self.flows.len();
        if known == 0 || self.rng.one_in(20) {
            return (self.queue(), "12345".to_owned());
        }
        // Mostly a young one, which may go on.
        let back = self.rng.below(known.min(8));
        let (queue, id) = &self.flows[known - 1 - back];
        (queue.clone(), id.to_string())
    }

    fn grow(&mut self) -> Words {
        let (queue, id) = self.workflow();
        let mut said = words(&["WF.PUSH", &queue, "more", "WORKFLOW", &id]);
        match self.rng.below(3) {
            0 => add(&mut said, &["AFTER", "1", "t0"]),
            1 => add(&mut said, &["AFTERANY", "1", "t0", "NAME", "late"]),
            _ => {}
        }
        said
    }

    fn steer(&mut self) -> Words {
        let (queue, id) = self.workflow();
        let verb = self.rng.pick(&["PAUSE", "RESUME", "RESUME", "RETRY", "CANCEL", "WORKFLOW"]);
        match verb {
            "WORKFLOW" => words(&["WF.WORKFLOW", &queue, &id]),
            verb => words(&[&format!("WF.{verb}"), &queue, "WORKFLOW", &id]),
        }
    }

    /// A workflow was submitted.
    pub(super) fn learn_flow(&mut self, queue: &str, id: i64) {
        self.flows.push((queue.to_owned(), id));
    }
}
