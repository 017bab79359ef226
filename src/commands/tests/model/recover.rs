//! RECOVER and HELD: what goes over to a successor, page by page.

use std::collections::BTreeSet;

use super::take::same_fence;
use super::value::{Fields, refused, replied};
use super::{Agent, Back, Model, Recover, Task, Value, Verdict};

/// What one call came to.
#[derive(Default)]
struct Sweep {
    /// Queues of which not all was looked at.
    unread: BTreeSet<String>,
    /// Tasks that stay with the agent: the queue, the task, and whether it gets a fence now.
    kept: Vec<(String, u64, bool)>,
    quarantined: Vec<(String, Task)>,
    moved: u64,
    /// Where a reader goes on, if there is more.
    next: Option<(String, u64)>,
}

impl Sweep {
    fn len(&self) -> u64 {
        (self.kept.len() + self.quarantined.len()) as u64 + self.moved
    }
}

impl Model {
    pub(super) fn recover(&mut self, asked: &Recover, told: &Result<Value, String>) -> Verdict {
        let known = self.agents.get(&asked.agent);
        let begun_by = known.and_then(|agent| agent.request.as_ref());
        let is_again = asked.request.is_some() && begun_by == asked.request.as_ref();
        let refusal = self.refusal_of(&asked.agent, asked.epoch);
        if let Some(code) = refusal.filter(|_| !is_again) {
            return refused(told, code);
        }
        let told = replied(told)?;
        let (places, missing) = self.places(asked);
        if !is_again {
            self.renew(asked, told.number("epoch")?)?;
            for name in &places {
                let queue = self.queues.get_mut(name).expect("a queue");
                let held = queue.tasks.iter_mut().filter(|task| task.is_held_by(&asked.agent));
                held.for_each(|task| (task.void, task.recovered_ms) = (true, self.now_ms));
            }
        }
        let mode = asked.mode.unwrap_or("KEEP");
        let limit = if mode == "KEEP" { 1_000 } else { 10_000 };
        let limit = asked.count.unwrap_or(limit);
        let sweep = self.sweep(&asked.agent, &places, None, mode, limit);
        for name in sweep.kept.iter().map(|(name, ..)| name).chain(&sweep.unread) {
            self.remember(&asked.agent, name);
        }
        let mut fields = Fields::default();
        fields.text("agent", &asked.agent).number("more", sweep.next.is_some().into());
        fields.number("epoch", self.agents[&asked.agent].epoch.unwrap_or(0));
        if mode != "KEEP" {
            fields.number("count", sweep.moved);
        }
        self.page(&mut fields, &sweep, missing, told)
    }

    pub(super) fn held(&mut self, asked: &Recover, told: &Result<Value, String>) -> Verdict {
        let told = replied(told)?;
        let (places, missing) = self.places(asked);
        let cursor = asked.cursor.as_ref().filter(|cursor| *cursor != "0");
        let from = cursor.map(|cursor| self.cursors[cursor].clone());
        let limit = asked.count.unwrap_or(1_000);
        let sweep = self.sweep(&asked.agent, &places, from, "KEEP", limit);
        self.page(&mut Fields::default(), &sweep, missing, told)
    }

    /// The queues to look at, by name, and those that are not there.
    fn places(&self, asked: &Recover) -> (Vec<String>, Vec<String>) {
        let known = self.agents.get(&asked.agent).map(|agent| agent.queues.clone());
        let mut names = known.unwrap_or_default();
        names.extend(asked.queues.iter().cloned());
        names.into_iter().partition(|name| self.queues.contains_key(name))
    }

    fn renew(&mut self, asked: &Recover, epoch: u64) -> Verdict {
        self.new_epoch(&asked.agent, epoch)?;
        self.eras += 1;
        let known = self.agents.remove(&asked.agent).unwrap_or_default();
        let request = asked.request.clone();
        let renewed = Agent { epoch: Some(epoch), era: self.eras, request, ..known };
        self.agents.insert(asked.agent.clone(), renewed);
        Ok(())
    }

    /// Goes through what an agent holds, in the order of the queues' names and of taking.
    fn sweep(
        &mut self,
        agent: &str,
        places: &[String],
        from: Option<(String, u64)>,
        mode: &str,
        limit: u64,
    ) -> Sweep {
        let mut sweep = Sweep::default();
        for name in places {
            let mut last = match &from {
                Some((queue, _)) if name < queue => continue,
                Some((queue, taking)) if name == queue => *taking,
                _ => 0,
            };
            let held = self.queues[name].tasks.iter().filter(|task| task.is_held_by(agent));
            let held = held.filter(|task| task.taking > last && (mode == "KEEP" || task.void));
            let mut held: Vec<(u64, u64)> = held.map(|task| (task.taking, task.id)).collect();
            held.sort_unstable();
            self.queues.get_mut(name).expect("a queue").end_together(mode == "FAIL");
            for (taking, id) in held {
                if sweep.len() < limit {
                    self.meet(name, id, mode, &mut sweep);
                    last = taking;
                } else {
                    sweep.next.get_or_insert((name.clone(), last));
                    sweep.unread.insert(name.clone());
                }
            }
            self.queues.get_mut(name).expect("a queue").end_together(false);
        }
        sweep
    }

    /// One held task: it is quarantined, kept, released or failed.
    fn meet(&mut self, name: &str, id: u64, mode: &str, sweep: &mut Sweep) {
        let (now_ms, place) = (self.now_ms, self.place());
        let queue = self.queues.get_mut(name).expect("a queue");
        let limit = queue.setting("crashes");
        let nth = queue.at(id);
        let task = &mut queue.tasks[nth];
        let is_poison = limit > 0 && task.crashes + 1 >= limit;
        if task.void && is_poison && mode != "FAIL" {
            sweep.quarantined.push((name.to_owned(), task.clone()));
            task.crashes += 1;
            return queue.end(id, "failed", "quarantined", now_ms);
        }
        let back = Back { place, starts_ms: 0, now_ms };
        match mode {
            "KEEP" => {
                let was_void = queue.settle(id, now_ms);
                sweep.kept.push((name.to_owned(), id, was_void));
            }
            "RELEASE" => {
                task.crashes += 1;
                queue.give_back(id, "released by recovery", back);
            }
            _ => {
                task.failures += 1;
                let reason = "failed by recovery";
                let starts_ms = |ms| if ms > 0 { now_ms + ms } else { 0 };
                match queue.next_try(nth) {
                    None => queue.end(id, "failed", reason, now_ms),
                    Some(ms) => {
                        queue.give_back(id, reason, Back { starts_ms: starts_ms(ms), ..back });
                    }
                }
            }
        }
        sweep.moved += u64::from(mode != "KEEP");
    }

    /// Compares a page; new fences and the cursor are read from it.
    fn page(
        &mut self,
        fields: &mut Fields,
        sweep: &Sweep,
        missing: Vec<String>,
        told: &Value,
    ) -> Verdict {
        fields.any("tasks").any("quarantined").any("missing").any("cursor").verify(told)?;
        if told.array("missing")? != missing.into_iter().map(Value::Text).collect::<Vec<_>>() {
            return Err("other queues to be missing".to_owned());
        }
        match (&sweep.next, told.get("cursor")) {
            (None, Some(Value::Text(cursor))) if cursor == "0" => {}
            (Some(next), Some(Value::Text(cursor))) if cursor != "0" => {
                self.cursors.insert(cursor.clone(), next.clone());
            }
            _ => return Err(format!("a cursor for {:?}", sweep.next)),
        }
        let (tasks, quarantined) = (told.array("tasks")?, told.array("quarantined")?);
        if (tasks.len(), quarantined.len()) != (sweep.kept.len(), sweep.quarantined.len()) {
            return Err(format!("{} tasks, {} poison", sweep.kept.len(), sweep.quarantined.len()));
        }
        for ((name, id, is_settled), told) in sweep.kept.iter().zip(tasks) {
            self.kept(name, *id, *is_settled, told)?;
        }
        for ((name, task), told) in sweep.quarantined.iter().zip(quarantined) {
            let mut fields = Fields::default();
            fields.number("id", task.id).text("queue", name).text("state", "failed");
            fields.text("payload", &task.payload).maybe("checkpoint", task.checkpoint.as_ref());
            fields.maybe("handle", task.handle.as_ref());
            let others = ["type", "attempt", "name", "progress", "failures", "crashes"];
            others.into_iter().for_each(|name| _ = fields.any(name));
            fields.any("interruptions").any("running-for");
            fields.verify(told)?;
        }
        Ok(())
    }

    fn kept(&mut self, name: &str, id: u64, is_settled: bool, told: &Value) -> Verdict {
        let task = self.queues[name].task(id).expect("a task").clone();
        let mut fields = self.handed_out(&task, Some(name));
        fields.near("running-for", self.now_ms.saturating_sub(task.taken_ms));
        if let Some(ms) = task.deadline_ms {
            fields.number("remaining", ms.saturating_sub(self.now_ms));
        }
        fields.verify(told)?;
        if !is_settled {
            return same_fence(&task, told);
        }
        let fence = told.number("fence")?;
        self.new_number(name, fence)?;
        let queue = self.queues.get_mut(name).expect("a queue");
        let nth = queue.at(id);
        queue.tasks[nth].fence = fence;
        Ok(())
    }
}
