//! What happens other than by commands? Time goes on, and keys are copied, renamed and deleted.

use super::super::model::{Ask, List, Push};
use super::Walk;
use super::acts::{KEYS, PLACES};

impl Walk {
    pub(super) fn time(&mut self) {
        if let Some((queue, due_ms)) = self.model.next_due().filter(|_| self.random.percent(40)) {
            // Nothing falls due a millisecond early, and everything on time.
            for due_ms in [due_ms - 1, due_ms] {
                self.later(due_ms.saturating_sub(self.model.now_ms));
                self.push_again(&queue);
                self.tick();
                _ = self.ask(Ask::Info(queue.clone()));
            }
            return;
        }
        let by = self.random.of(&[1, 2, 10, 19, 20, 40, 130]);
        self.later(by);
        if self.random.percent(60) {
            self.tick();
        }
    }

    /// Whether a key is free does not wait for a tick.
    fn push_again(&mut self, queue: &str) {
        for key in KEYS {
            if self.random.percent(40) {
                continue;
            }
            let push = Push {
                queue: queue.to_owned(),
                payloads: vec![format!("p{}.{key}", self.step)],
                unique: Some((key.to_owned(), 20)),
                ..Push::default()
            };
            _ = self.ask(Ask::Push(push));
        }
    }

    pub(super) fn tick(&mut self) {
        self.note("tick".to_owned());
        self.sandbox.tick();
        self.model.tick();
        self.history.must_look = true;
        self.put_in_order();
    }

    /// In which order tasks stand that came back or ended together is seen from a list.
    pub(super) fn put_in_order(&mut self) {
        for (queue, state) in self.model.unordered() {
            _ = self.ask(Ask::List(List { queue, state: Some(state), ..List::default() }));
        }
    }

    /// The server is restarted.
    pub(super) fn reload(&mut self) {
        self.later(5);
        self.note("reload".to_owned());
        self.sandbox.reload();
        self.model.since_ms = self.model.now_ms;
    }

    pub(super) fn later(&mut self, by_ms: u64) {
        self.note(format!("{by_ms} ms later"));
        self.sandbox.now_ms += by_ms;
        self.model.now_ms += by_ms;
    }

    /// COPY, RENAME or DEL of a queue. Time goes on, so that numbers are not given twice.
    pub(super) fn move_queue(&mut self) {
        let names: Vec<String> = self.model.queues.keys().cloned().collect();
        let Some(from) = self.random.maybe(100, &names) else { return };
        let to = self.random.of(&PLACES).to_owned();
        self.later(500);
        // A copy is made at the time of the last number, which is told here.
        _ = self.ask(Ask::Info(from.clone()));
        if to == from {
            self.note(format!("delete {from}"));
            self.sandbox.delete(from.as_bytes());
            self.model.delete(&from);
            return self.history.delete(&from);
        }
        self.history.copy(&from, &to);
        if self.random.percent(50) {
            self.note(format!("copy {from} to {to}"));
            self.sandbox.copy(from.as_bytes(), to.as_bytes());
            return self.model.copy(&from, &to);
        }
        self.note(format!("rename {from} to {to}"));
        self.sandbox.rename(from.as_bytes(), to.as_bytes());
        self.model.rename(&from, &to);
        self.history.delete(&from);
    }

    /// RENAME of an agent to a name that nobody had before, or DEL.
    pub(super) fn move_agent(&mut self) {
        let nth = self.random.below(self.agents.len());
        let from = self.agents[nth].clone();
        if !self.model.agents.contains_key(&from) {
            return;
        }
        self.later(500);
        if self.random.percent(50) {
            self.note(format!("delete {from}"));
            self.sandbox.delete(from.as_bytes());
            return self.model.delete(&from);
        }
        let to = format!("a{}", self.names.len() + 1);
        self.note(format!("rename {from} to {to}"));
        self.sandbox.rename(from.as_bytes(), to.as_bytes());
        self.model.rename(&from, &to);
        self.names.insert(to.clone());
        self.agents[nth] = to;
    }
}
