//! TASK, LIST, LEN, INFO, OWNERS and CHECK: what is told of what is there.

use super::take::details;
use super::value::{Fields, is, refused, replied};
use super::{Ask, List, Model, Queue, Task, Value, Verdict};

impl Model {
    pub(super) fn tell(&mut self, ask: &Ask, told: &Result<Value, String>) -> Verdict {
        match ask {
            Ask::Task(queue, id) => {
                match self.queues.get(queue).and_then(|queue| queue.task(*id)) {
                    None => refused(told, "NOTASK"),
                    Some(task) => self.described(task).verify(replied(told)?),
                }
            }
            Ask::List(list) => self.listed(list, replied(told)?),
            Ask::Len(queue, state) => {
                let queue = self.queues.get(queue);
                let count = queue.map_or(0, |queue| match state {
                    Some(state) => queue.of_state(state),
                    None => queue.unfinished(),
                });
                is(told, &Value::Integer(count))
            }
            Ask::Owners(queue) => self.owners(queue, replied(told)?),
            Ask::Info(key) => match self.queues.get(key) {
                Some(queue) => about(queue, replied(told)?),
                None => self.about_agent(key, told),
            },
            Ask::Check(key) => {
                let is_there = self.queues.contains_key(key) || self.agents.contains_key(key);
                if is_there { is(told, &Value::Fine) } else { refused(told, "ERR") }
            }
            _ => Ok(()),
        }
    }

    fn described(&self, task: &Task) -> Fields {
        let mut fields = Fields::default();
        fields.number("id", task.id).text("state", task.state).text("payload", &task.payload);
        if !task.kind.is_empty() {
            fields.text("type", &task.kind);
        }
        fields.count("priority", task.priority).count("attempts", task.attempts);
        fields.near("pushed-at", task.pushed_ms);
        if let Some(owner) = &task.owner {
            fields.text("owner", owner);
            fields.near("running-for", self.now_ms.saturating_sub(task.taken_ms));
            if !task.void {
                fields.number("fence", task.fence);
            }
        }
        match task.state {
            "failed" => _ = fields.text("reason", task.reason),
            _ => _ = fields.any("reason"),
        }
        if task.is_unfinished() {
            fields.maybe("unique", task.unique.as_ref());
        } else {
            fields.near("ended-at", task.ended_ms).any("unique");
            fields.number("expires-at", task.expires.unwrap_or(0));
        }
        details(task, &mut fields);
        if let Some(retain) = task.retain {
            fields.number("retain", retain);
        }
        fields.maybe("error", task.error.as_ref()).maybe("result", task.result.as_ref());
        fields
    }

    /// A whole list, all pages in one: ready tasks alone in the order of taking, else in any.
    fn listed(&self, list: &List, told: &Value) -> Verdict {
        let Value::Array(told) = told else { return Err("a list".to_owned()) };
        let is_wanted = |task: &&Task| {
            list.state.is_none_or(|state| state == task.state)
                && list.kind.as_ref().is_none_or(|kind| *kind == task.kind)
                && list.owner.as_ref().is_none_or(|owner| task.is_held_by(owner))
                && (!list.handles || task.handle.is_some())
        };
        let tasks = self.queues.get(&list.queue).map_or(&[][..], |queue| &queue.tasks);
        let mut wanted: Vec<&Task> = tasks.iter().filter(is_wanted).collect();
        if wanted.len() != told.len() {
            return Err(format!("{} tasks", wanted.len()));
        }
        let mut told: Vec<&Value> = told.iter().collect();
        if list.state == Some("ready") {
            wanted.sort_by_key(|task| (task.priority, task.place));
        } else {
            wanted.sort_by_key(|task| task.id);
            told.sort_by_key(|told| told.number("id").unwrap_or(0));
        }
        wanted.iter().zip(told).try_for_each(|(task, told)| self.described(task).verify(told))
    }

    fn owners(&self, queue: &str, told: &Value) -> Verdict {
        let Value::Array(told) = told else { return Err("an array".to_owned()) };
        let tasks = self.queues.get(queue).map_or(&[][..], |queue| &queue.tasks);
        let mut names: Vec<&String> = tasks.iter().filter_map(|t| t.owner.as_ref()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != told.len() {
            return Err(format!("the owners {names:?}"));
        }
        for (name, told) in names.into_iter().zip(told) {
            let held = tasks.iter().filter(|task| task.is_held_by(name));
            let oldest = held.clone().map(|task| task.taken_ms).min().unwrap_or(0);
            let mut fields = Fields::default();
            fields.text("agent", name).number("running", held.count() as u64);
            fields.near("oldest", self.now_ms.saturating_sub(oldest)).verify(told)?;
        }
        Ok(())
    }

    /// The epoch of an identity that a taking began is told here first.
    fn about_agent(&mut self, name: &str, told: &Result<Value, String>) -> Verdict {
        let Some(agent) = self.agents.get(name).cloned() else { return is(told, &Value::Nil) };
        let told = replied(told)?;
        let epoch = told.number("epoch")?;
        if agent.epoch.is_none() {
            self.new_epoch(name, epoch)?;
            self.agents.entry(name.to_owned()).or_default().epoch = Some(epoch);
        }
        let queues: Vec<Value> = agent.queues.iter().map(|queue| Value::text(queue)).collect();
        if told.array("queues")? != queues {
            return Err(format!("the queues {queues:?}"));
        }
        let mut fields = Fields::default();
        fields.text("kind", "agent").text("state", "active").any("queues");
        fields.number("epoch", agent.epoch.unwrap_or(epoch)).verify(told)
    }
}

fn about(queue: &Queue, told: &Value) -> Verdict {
    let mut fields = Fields::default();
    fields.text("kind", "queue").number("unfinished", queue.unfinished());
    for state in ["ready", "running", "done", "failed"] {
        fields.number(state, queue.of_state(state));
    }
    let totals =
        ["total-pushed", "total-taken", "total-completed", "total-failed", "total-returned"];
    for total in totals {
        fields.number(total, queue.totals.get(total).copied().unwrap_or(0));
    }
    for setting in ["retain", "retain-failed", "crashes", "maxlen", "maxunique"] {
        fields.number(setting, queue.setting(setting));
    }
    let mut owners: Vec<&String> = queue.tasks.iter().filter_map(|t| t.owner.as_ref()).collect();
    owners.sort_unstable();
    owners.dedup();
    fields.number("owners", owners.len() as u64);
    fields.number("unique-keys", queue.uniques.len() as u64);
    fields.any("types").any("last-number").verify(told)
}
