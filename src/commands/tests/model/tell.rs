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
                Some(queue) => {
                    about(queue, replied(told)?)?;
                    let last_number = replied(told)?.number("last-number")?;
                    self.queues.get_mut(key).expect("a queue").last_number = last_number;
                    Ok(())
                }
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
        match (task.state, task.reason) {
            ("running" | "done", _) => {}
            (_, "?") => _ = fields.any("reason"),
            ("failed" | "cancelled", reason) => _ = fields.text("reason", reason),
            _ if task.attempts == 0 => {}
            (_, reason) => _ = fields.text("reason", reason),
        }
        match task.state {
            "scheduled" => _ = fields.number("starts-at", task.starts_ms),
            // A task that a recovery did not get to shows its old one.
            "running" if task.void => _ = fields.any("deadline"),
            "running" => fields.option("deadline", task.deadline_ms),
            _ => {}
        }
        fields.count("cancel", task.cancelling.into());
        if task.is_unfinished() {
            fields.maybe("unique", task.unique.as_ref());
        } else {
            fields.near("ended-at", task.ended_ms);
            fields.number("expires-at", task.expires.unwrap_or(0));
        }
        details(task, &mut fields);
        fields.option("timeout", task.timeout);
        fields.option("retries", task.retries);
        let (base, most) = task.backoff.unzip();
        fields.option("backoff", base);
        fields.option("backoff-max", most);
        fields.option("retain", task.retain);
        fields.maybe("error", task.error.as_ref()).maybe("result", task.result.as_ref());
        fields
    }

    /// A whole list, all pages in one: ready tasks alone in the order of taking, ended ones in that
    /// of their ends, else in any.
    fn listed(&mut self, list: &List, told: &Value) -> Verdict {
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
        let id_of = |told: &Value| told.number("id").unwrap_or(0);
        let in_order = ["ready", "done", "failed", "cancelled"];
        let state = list.state.filter(|state| in_order.contains(state));
        if state.is_some() {
            let at = |task: &Task| told.iter().position(|told| id_of(told) == task.id);
            wanted.sort_by_key(|task| (task.rank(), at(task)));
        } else {
            wanted.sort_by_key(|task| task.id);
            told.sort_by_key(|told| id_of(told));
        }
        wanted.iter().zip(told).try_for_each(|(task, told)| self.described(task).verify(told))?;
        if state.is_some() && list.kind.is_none() && !list.handles && list.owner.is_none() {
            let order: Vec<u64> = wanted.iter().map(|task| task.id).collect();
            self.ordered(&list.queue, &order);
        }
        Ok(())
    }

    /// The order of tasks that came back, or ended, together is known now.
    fn ordered(&mut self, queue: &str, order: &[u64]) {
        let Some(queue) = self.queues.get_mut(queue) else { return };
        let mut last = None;
        for id in order {
            let nth = queue.at(*id);
            let task = &mut queue.tasks[nth];
            let (group, rank) = task.rank();
            let after = last.filter(|(last, _)| *last == group).map_or(0, |(_, rank)| rank + 1);
            let rank = rank.max(after);
            *if task.state == "ready" { &mut task.place } else { &mut task.end } = rank;
            last = Some((group, rank));
        }
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
    for state in ["scheduled", "ready", "running", "done", "failed", "cancelled"] {
        fields.number(state, queue.of_state(state));
    }
    let totals = [
        "total-pushed",
        "total-taken",
        "total-completed",
        "total-failed",
        "total-returned",
        "total-cancelled",
        "total-retried",
    ];
    for total in totals {
        fields.number(total, queue.totals.get(total).copied().unwrap_or(0));
    }
    let settings = ["retain", "retain-failed", "crashes", "maxlen", "maxunique"];
    for setting in settings.into_iter().chain(["timeout", "retries", "backoff", "backstop"]) {
        fields.number(setting, queue.setting(setting));
    }
    fields.text(
        "state",
        match &queue.hold {
            None => "active",
            Some(hold) if hold.drains => "draining",
            Some(_) => "paused",
        },
    );
    if let Some(hold) = queue.hold.as_ref().filter(|hold| hold.drains) {
        fields.option("reset-at", hold.reset_ms);
        fields.number("reset", hold.reset);
    }
    let paused: Vec<Value> = queue.paused.iter().map(|kind| Value::text(kind)).collect();
    if told.array("paused-types")? != paused {
        return Err(format!("the paused types {paused:?}"));
    }
    let mut owners: Vec<&String> = queue.tasks.iter().filter_map(|t| t.owner.as_ref()).collect();
    owners.sort_unstable();
    owners.dedup();
    fields.any("paused-types").number("owners", owners.len() as u64);
    fields.number("unique-keys", queue.uniques.len() as u64);
    fields.number("workflows", 0).number("waiting", 0).number("maxdag", 100_000);
    fields.any("types").any("last-number").verify(told)
}
