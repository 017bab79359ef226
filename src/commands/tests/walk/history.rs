//! What must hold whatever the model says? An acknowledged task is found until it ends, one that
//! ended never comes back but by RETRY, none gets lost of those that are counted, and who comes
//! under an epoch that is over changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::model::{Ask, Value};

/// What was promised, and what is over.
#[derive(Default)]
pub(super) struct History {
    /// Tasks that are acknowledged and did not end.
    pub(super) promised: BTreeSet<(String, u64)>,
    /// Tasks may have ended by something that does not name them: they must be looked for.
    pub(super) must_look: bool,
    ended: BTreeSet<(String, u64)>,
    /// How many tasks of each queue were retried.
    retried: BTreeMap<String, u64>,
    /// How many of those were not named yet.
    revived: BTreeMap<String, u64>,
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
            (Ask::Fail(_), Value::Text(state)) if state == "ready" || state == "scheduled" => {}
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
                self.must_look |= recover.mode.is_some_and(|mode| mode != "KEEP");
                return self.page(told);
            }
            (Ask::Held(_), told) => return self.page(told),
            (Ask::Nack(_) | Ask::Cancel(_) | Ask::Reset(_) | Ask::Drain(_), _) => {
                self.must_look = true;
            }
            (Ask::Retry(bulk), told) => {
                for counts in [&mut self.retried, &mut self.revived] {
                    *counts.entry(bulk.queue.clone()).or_default() += told.number("count")?;
                }
            }
            (Ask::List(list), Value::Array(tasks)) if list.state == Some("ready") => {
                return tasks.iter().try_for_each(|task| self.ready(&list.queue, task));
            }
            (Ask::Info(key), told) if told.get("unfinished").is_some() => {
                return self.balance(key, told);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whatever was pushed is unfinished or has ended, and what was retried ended once more.
    fn balance(&self, queue: &str, told: &Value) -> Result<(), String> {
        let retried = self.retried.get(queue).copied().unwrap_or(0);
        let mut rest = told.number("total-pushed")? + retried;
        for end in ["unfinished", "total-completed", "total-failed", "total-cancelled"] {
            rest = rest.checked_sub(told.number(end)?).ok_or("more ended than came in")?;
        }
        if rest == 0 { Ok(()) } else { Err(format!("{rest} tasks of {queue} are lost")) }
    }

    /// A task is ready: it is promised, or was retried.
    fn ready(&mut self, queue: &str, told: &Value) -> Result<(), String> {
        let task = (queue.to_owned(), told.number("id")?);
        let revived = self.revived.entry(queue.to_owned()).or_default();
        if *revived > 0 && self.ended.remove(&task) {
            *revived -= 1;
            self.promised.insert(task);
        } else if !self.promised.contains(&task) {
            return Err(format!("task {} of {queue} came back", task.1));
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
            Some(Value::Text(state)) if ["scheduled", "ready", "running"].contains(&&**state) => {
                return Ok(());
            }
            Some(Value::Text(state)) if self.must_look && state != "done" => {}
            None if self.must_look => {}
            _ => return Err(format!("task {id} of {queue} is lost: {told:?}")),
        }
        self.end(queue, id);
        Ok(())
    }

    /// What a name stood for is gone.
    pub(super) fn delete(&mut self, name: &str) {
        self.promised.retain(|(queue, _)| queue != name);
        self.ended.retain(|(queue, _)| queue != name);
        self.retried.remove(name);
    }

    /// What one name stands for, another one stands for as well.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        self.delete(to);
        self.must_look = true;
        if let Some(retried) = self.retried.get(from).copied() {
            self.retried.insert(to.to_owned(), retried);
        }
        for tasks in [&mut self.promised, &mut self.ended] {
            let copies = tasks.iter().filter(|(queue, _)| queue == from);
            let copies: Vec<(String, u64)> = copies.map(|(_, id)| (to.to_owned(), *id)).collect();
            tasks.extend(copies);
        }
    }
}
