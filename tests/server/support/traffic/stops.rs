//! What operators and time do to the tasks of the traffic.

use super::{TYPES, Traffic, Words, add, words};

impl Traffic {
    /// When a task starts, for how long it may run, and how often it is tried.
    pub(super) fn time_options(&mut self, said: &mut Words) {
        if self.rng.one_in(6) {
            let delay = self.moment();
            add(said, &["DELAY", &delay]);
        }
        if self.rng.one_in(6) {
            let timeout = self.moment();
            add(said, &["TIMEOUT", &timeout]);
        }
        if self.rng.one_in(4) {
            add(said, &["RETRIES", "2"]);
        }
        if self.rng.one_in(5) {
            let backoff = self.moment();
            add(said, &["BACKOFF", &backoff, "3600000"]);
        }
    }

    /// A short time where lives are short, else a long one.
    pub(super) fn moment(&mut self) -> String {
        let short = 1 + self.rng.below(40);
        if self.short_lives { short.to_string() } else { "3600000".to_owned() }
    }

    /// Something that an operator does.
    pub(super) fn operate(&mut self) -> Words {
        let (queue, agent) = (self.queue(), self.agent());
        let held = self.a_held();
        let id = held.id.to_string();
        match self.rng.below(12) {
            0 => words(&["WF.PAUSE", &queue]),
            1 => words(&["WF.PAUSE", &queue, "TYPE", self.rng.pick(&TYPES)]),
            2 => words(&["WF.RESUME", &queue, "TYPE", self.rng.pick(&TYPES)]),
            3 => words(&["WF.RESUME", &queue]),
            4 => words(&["WF.DRAIN", &queue]),
            5 => words(&["WF.DRAIN", &queue, "RESET"]),
            6 => words(&["WF.RESET", &queue, "AGENT", &agent, "COUNT", "2"]),
            7 => words(&["WF.RESET", &held.queue, "IDS", "1", &id]),
            8 => words(&["WF.CANCEL", &held.queue, "IDS", "1", &id]),
            9 => words(&["WF.RETRY", &queue, self.rng.pick(&["FAILED", "QUARANTINED"])]),
            10 => words(&["WF.PURGE", &queue, "STATE", self.rng.pick(&["done", "cancelled"])]),
            _ => self.edit(&queue, &id),
        }
    }

    fn edit(&mut self, queue: &str, id: &str) -> Words {
        let delay = self.moment();
        let mut said = words(&["WF.EDIT", queue, id]);
        match self.rng.below(3) {
            0 => add(&mut said, &["PRIORITY", "3"]),
            1 => add(&mut said, &["TYPE", self.rng.pick(&TYPES)]),
            _ => add(&mut said, &["DELAY", &delay]),
        }
        said
    }
}
