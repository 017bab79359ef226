//! What must hold whatever the model says? An acknowledged task is found until it ends, one that
//! ended never comes back, and who comes under an epoch that is over changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::model::{Ask, Value};

/// What was promised, and what is over.
#[derive(Default)]
pub(super) struct History {
    /// Tasks that are acknowledged and did not end.
    pub(super) promised: BTreeSet<(String, u64)>,
    /// Tasks are failed by a call that does not name them: they must be looked for.
    pub(super) must_look: bool,
    ended: BTreeSet<(String, u64)>,
    /// How many tasks such calls failed, and how many of them were seen.
    failed: u64,
    seen_failed: u64,
    epochs: BTreeMap<String, u64>,
}

impl History {
    pub(super) fn see(&mut self, ask: &Ask, told: &Result<Value, String>) -> Result<(), String> {
        let (agent, epoch) = match ask {
            Ask::Take(take) => match &take.first {
                Some(first) => (&first.agent, first.epoch),
                None => (&take.agent, take.epoch),
            },
            Ask::Done(finish) | Ask::Fail(finish) | Ask::Touch(finish) => {
                (&finish.agent, finish.epoch)
            }
            Ask::DoneAll(several) | Ask::Nack(several) => (&several.agent, several.epoch),
            Ask::Recover(recover) if recover.request.is_none() => (&recover.agent, recover.epoch),
            _ => (&String::new(), None),
        };
        let is_over = epoch.is_some() && epoch < self.epochs.get(agent).copied();
        match told {
            Ok(_) if is_over => Err(format!("{epoch:?} of {agent} is over")),
            Ok(told) => self.went_well(ask, told),
            Err(_) => Ok(()),
        }
    }

    fn went_well(&mut self, ask: &Ask, told: &Value) -> Result<(), String> {
        match (ask, told) {
            (Ask::Push(push), told) => {
                let ids =
                    if let Value::Array(ids) = told { ids.clone() } else { vec![told.clone()] };
                for id in ids {
                    let Value::Integer(id) = id else { continue };
                    let task = (push.queue.clone(), id);
                    if !self.ended.contains(&task) {
                        self.promised.insert(task);
                    }
                }
            }
            (Ask::Done(finish) | Ask::Fail(finish), _) => self.end(&finish.queue, finish.id),
            (Ask::DoneAll(several), Value::Array(said)) => {
                let done = several.ids.iter().zip(said).filter(|(_, s)| **s == Value::Integer(1));
                done.for_each(|(id, _)| self.end(&several.queue, *id));
            }
            (Ask::Take(take), told) => {
                if let Some(first) = &take.first {
                    self.end(&first.queue, first.id);
                }
                let tasks = if let Value::Array(all) = told {
                    &all[..]
                } else {
                    std::slice::from_ref(told)
                };
                return tasks.iter().try_for_each(|task| self.out(&take.queues[0], task));
            }
            (Ask::Recover(recover), told) => {
                if let Ok(epoch) = told.number("epoch") {
                    self.epochs.insert(recover.agent.clone(), epoch);
                }
                if recover.mode == Some("FAIL") {
                    self.failed += told.number("count")?;
                }
                self.must_look = self.failed > 0;
                return self.page(told);
            }
            (Ask::Held(_), told) => return self.page(told),
            _ => {}
        }
        Ok(())
    }

    fn page(&mut self, told: &Value) -> Result<(), String> {
        for task in told.array("quarantined")? {
            if let Some(Value::Text(queue)) = task.get("queue") {
                self.end(queue, task.number("id")?);
            }
        }
        told.array("tasks")?.iter().try_for_each(|task| self.out("", task))
    }

    /// A task is handed out: it must be one that is promised.
    fn out(&self, queue: &str, told: &Value) -> Result<(), String> {
        let Ok(id) = told.number("id") else { return Ok(()) };
        let queue = match told.get("queue") {
            Some(Value::Text(queue)) => queue.clone(),
            _ => queue.to_owned(),
        };
        match self.promised.contains(&(queue.clone(), id)) {
            true => Ok(()),
            false => Err(format!("task {id} of {queue} ended, or never was")),
        }
    }

    fn end(&mut self, queue: &str, id: u64) {
        let task = (queue.to_owned(), id);
        self.promised.remove(&task);
        self.ended.insert(task);
    }

    /// A promised task is looked for.
    pub(super) fn look(
        &mut self,
        queue: &str,
        id: u64,
        told: &Result<Value, String>,
    ) -> Result<(), String> {
        let state = told.as_ref().ok().and_then(|told| told.get("state"));
        match state {
            Some(Value::Text(state)) if state == "ready" || state == "running" => return Ok(()),
            Some(Value::Text(state)) if state == "failed" => {}
            None if self.seen_failed < self.failed => {}
            _ => return Err(format!("task {id} of {queue} is lost: {told:?}")),
        }
        self.seen_failed += 1;
        self.end(queue, id);
        Ok(())
    }

    /// All promised tasks were looked for.
    pub(super) fn looked(&mut self) -> Result<(), String> {
        let (failed, seen) = (self.failed, self.seen_failed);
        (self.failed, self.seen_failed, self.must_look) = (0, 0, false);
        if failed == seen { Ok(()) } else { Err(format!("{failed} were to fail, {seen} did")) }
    }

    /// What a name stood for is gone.
    pub(super) fn delete(&mut self, name: &str) {
        self.promised.retain(|(queue, _)| queue != name);
        self.ended.retain(|(queue, _)| queue != name);
    }

    /// What one name stands for, another one stands for as well.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        self.delete(to);
        for tasks in [&mut self.promised, &mut self.ended] {
            let copies = tasks.iter().filter(|(queue, _)| queue == from);
            let copies: Vec<(String, u64)> = copies.map(|(_, id)| (to.to_owned(), *id)).collect();
            tasks.extend(copies);
        }
    }
}
