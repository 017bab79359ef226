//! What do operators do? EDIT, PAUSE, RESUME, DRAIN, RESET, CANCEL, RETRY and PURGE.

use super::value::{Fields, is, refused, replied};
use super::{
    Back, Bulk, Drain, Edit, Hold, Model, Queue, Reset, Start, Task, Unique, Value, Verdict, Which,
};

impl Start {
    /// Until when a task is scheduled; 0 if it is ready now.
    pub(super) fn at(self, now_ms: u64) -> u64 {
        match self {
            Self::Delay(0) => 0,
            Self::Delay(ms) => now_ms + ms,
            Self::At(ms) if ms > now_ms => ms,
            Self::At(_) => 0,
        }
    }
}

/// The tasks that a call is about, each once, and whether there are others beyond its limit.
fn up_to(mut ids: Vec<u64>, count: Option<u64>) -> (Vec<u64>, bool) {
    let mut seen = Vec::new();
    ids.retain(|id| {
        !seen.contains(id) && {
            seen.push(*id);
            true
        }
    });
    let limit = count.map_or(10_000, |count| count as usize);
    let more = ids.len() > limit;
    ids.truncate(limit);
    (ids, more)
}

fn bulk(told: &Result<Value, String>, (ids, more): &(Vec<u64>, bool)) -> Verdict {
    let mut fields = Fields::default();
    fields.number("count", ids.len() as u64).number("more", (*more).into());
    fields.verify(replied(told)?)
}

impl Queue {
    fn ids_of(&self, is_wanted: impl Fn(&&Task) -> bool) -> Vec<u64> {
        self.tasks.iter().filter(is_wanted).map(|task| task.id).collect()
    }

    /// What can be let run again: failed, and its key not had by a task that lives, or by one that
    /// was named before.
    fn to_retry(&self, which: &Which, keys: &mut Vec<String>) -> Vec<u64> {
        let mut failed: Vec<&Task> = match which {
            Which::Ids(ids) => ids.iter().filter_map(|id| self.task(*id)).collect(),
            _ => self.tasks.iter().collect(),
        };
        if !matches!(which, Which::Ids(_)) {
            failed.sort_by_key(|task| task.end);
        }
        failed.retain(|task| task.state == "failed");
        if matches!(which, Which::Quarantined) {
            failed.retain(|task| task.reason == "quarantined");
        }
        let mut seen = Vec::new();
        failed.retain(|task| {
            !seen.contains(&task.id) && {
                seen.push(task.id);
                true
            }
        });
        failed.retain(|task| match &task.unique {
            None => true,
            Some(key) => {
                let is_live = self.uniques.iter().any(|unique| unique.live && unique.key == *key);
                let is_free = !is_live && !keys.contains(key);
                keys.push(key.clone());
                is_free
            }
        });
        failed.into_iter().map(|task| task.id).collect()
    }
}

impl Model {
    pub(super) fn edit(&mut self, edit: &Edit, told: &Result<Value, String>) -> Verdict {
        let (now_ms, place) = (self.now_ms, self.place());
        let known = self.queues.get_mut(&edit.queue);
        let known = known.and_then(|queue| queue.tasks.iter_mut().find(|task| task.id == edit.id));
        let Some(task) = known else { return refused(told, "NOTASK") };
        if !task.is_pre_running() {
            return refused(told, "ERR");
        }
        let before = (task.kind.clone(), task.priority, task.starts_ms);
        task.kind = edit.kind.clone().unwrap_or(task.kind.clone());
        task.priority = edit.priority.unwrap_or(task.priority);
        task.timeout = edit.timeout.or(task.timeout);
        task.starts_ms = edit.starts.map_or(task.starts_ms, |starts| starts.at(now_ms));
        if (task.kind.clone(), task.priority, task.starts_ms) != before {
            task.place = place;
        }
        task.state = if task.starts_ms > 0 { "scheduled" } else { "ready" };
        is(told, &Value::Fine)
    }

    pub(super) fn pause(
        &mut self,
        queue: &str,
        kind: Option<&String>,
        told: &Result<Value, String>,
    ) -> Verdict {
        let queue = self.queues.entry(queue.to_owned()).or_default();
        match kind {
            Some(kind) => _ = queue.paused.insert(kind.clone()),
            None => _ = queue.hold.get_or_insert_default(),
        }
        is(told, &Value::Fine)
    }

    pub(super) fn resume(
        &mut self,
        queue: &str,
        kind: Option<&String>,
        told: &Result<Value, String>,
    ) -> Verdict {
        let Some(queue) = self.queues.get_mut(queue) else { return refused(told, "ERR") };
        match kind {
            Some(kind) => _ = queue.paused.remove(kind),
            None => queue.hold = None,
        }
        is(told, &Value::Fine)
    }

    pub(super) fn drain(&mut self, asked: &Drain, told: &Result<Value, String>) -> Verdict {
        let now_ms = self.now_ms;
        let Some(queue) = self.queues.get_mut(&asked.queue) else { return refused(told, "ERR") };
        let hold = queue.hold.get_or_insert_default();
        if !hold.drains {
            *hold = Hold { drains: true, ..Hold::default() };
        }
        match asked.block {
            _ if !asked.resets => {}
            None => hold.reset_ms = Some(now_ms),
            Some(0) => {}
            Some(ms) => hold.reset_ms = Some(now_ms + ms),
        }
        if hold.reset_ms.is_some_and(|ms| ms <= now_ms) {
            self.reset_by_drain(&asked.queue);
        }
        let queue = &self.queues[&asked.queue];
        let running = queue.of_state("running");
        if running > 0 && asked.block.is_some() {
            return is(told, &Value::Wait);
        }
        let mut fields = Fields::default();
        let reset = queue.hold.as_ref().map_or(0, |hold| hold.reset);
        fields.number("running", running).number("reset", reset).verify(replied(told)?)
    }

    /// The time limit of a drain is over.
    pub(super) fn reset_by_drain(&mut self, name: &str) {
        let ids = self.queues[name].ids_of(|task| task.state == "running");
        self.reset_all(name, &ids, "reset by a drain", false);
        let queue = self.queues.get_mut(name).expect("a queue");
        let hold = queue.hold.as_mut().expect("a drain");
        hold.reset += ids.len() as u64;
        hold.reset_ms = None;
    }

    /// Resets these tasks, in this order or in an order that nobody promised.
    fn reset_all(&mut self, name: &str, ids: &[u64], reason: &'static str, in_order: bool) {
        let (now_ms, first) = (self.now_ms, self.places_for(ids.len()));
        let queue = self.queues.get_mut(name).expect("a queue");
        queue.end_together(true);
        for (nth, id) in ids.iter().enumerate() {
            let place = if in_order { first + nth as u64 } else { first };
            queue.settle(*id, now_ms);
            let nth = queue.at(*id);
            queue.tasks[nth].interruptions += 1;
            queue.give_back(*id, reason, Back { place, starts_ms: 0, now_ms });
        }
        queue.end_together(false);
    }

    pub(super) fn reset(&mut self, asked: &Reset, told: &Result<Value, String>) -> Verdict {
        let now_ms = self.now_ms;
        let ids = self.queues.get(&asked.queue).map_or_else(Vec::new, |queue| {
            let running = |id: &&u64| queue.task(**id).is_some_and(|t| t.state == "running");
            if let Some(ids) = &asked.ids {
                return ids.iter().filter(running).copied().collect();
            }
            let mut ids = queue.ids_of(|task| {
                task.state == "running"
                    && asked.agent.as_ref().is_none_or(|agent| task.is_held_by(agent))
                    && asked.idle.is_none_or(|ms| task.heard_ms() + ms <= now_ms)
            });
            ids.sort_by_key(|id| queue.task(*id).map(|task| task.taking));
            ids
        });
        let found = up_to(ids, asked.count);
        if self.queues.contains_key(&asked.queue) {
            let in_order = asked.agent.is_some() || asked.ids.is_some();
            self.reset_all(&asked.queue, &found.0, "reset", in_order);
        }
        bulk(told, &found)
    }

    pub(super) fn cancel(&mut self, asked: &Bulk, told: &Result<Value, String>) -> Verdict {
        let now_ms = self.now_ms;
        let Which::Ids(ids) = &asked.which else { return Err("ids".to_owned()) };
        let Some(queue) = self.queues.get_mut(&asked.queue) else {
            return bulk(told, &(Vec::new(), false));
        };
        let mut ids = ids.clone();
        ids.retain(|id| queue.task(*id).is_some_and(|t| t.is_unfinished() && !t.cancelling));
        let found = up_to(ids, asked.count);
        for id in &found.0 {
            let nth = queue.at(*id);
            if queue.tasks[nth].state == "running" {
                queue.tasks[nth].cancelling = true;
            } else {
                queue.end(*id, "cancelled", "cancelled", now_ms);
            }
        }
        bulk(told, &found)
    }

    pub(super) fn retry(&mut self, asked: &Bulk, told: &Result<Value, String>) -> Verdict {
        let Some(queue) = self.queues.get(&asked.queue) else {
            return bulk(told, &(Vec::new(), false));
        };
        let found = up_to(queue.to_retry(&asked.which, &mut Vec::new()), asked.count);
        for id in &found.0 {
            let place = self.place();
            let queue = self.queues.get_mut(&asked.queue).expect("a queue");
            queue.count("total-retried", 1);
            let nth = queue.at(*id);
            let task = &mut queue.tasks[nth];
            (task.failures, task.crashes, task.interruptions) = (0, 0, 0);
            (task.state, task.reason, task.place) = ("ready", "retried", place);
            (task.error, task.starts_ms) = (None, 0);
            if let Some(key) = task.unique.clone() {
                let known = queue.uniques.iter().find(|unique| unique.key == key);
                let until_ms = known.map_or(0, |known| known.until_ms);
                queue.uniques.retain(|unique| unique.key != key);
                queue.uniques.push(Unique { key, id: *id, until_ms, live: true });
            }
        }
        bulk(told, &found)
    }

    pub(super) fn purge(&mut self, asked: &Bulk, told: &Result<Value, String>) -> Verdict {
        let now_ms = self.now_ms;
        let Some(queue) = self.queues.get_mut(&asked.queue) else {
            return bulk(told, &(Vec::new(), false));
        };
        let mut ended: Vec<&Task> = match &asked.which {
            Which::Ids(ids) => ids.iter().filter_map(|id| queue.task(*id)).collect(),
            Which::Ended(state, older) => {
                let is_old = |task: &&Task| task.ended_ms + older.unwrap_or(0) <= now_ms;
                let all = queue.tasks.iter().filter(|task| task.state == *state);
                all.filter(is_old).collect()
            }
            _ => return Err("ended tasks".to_owned()),
        };
        if matches!(asked.which, Which::Ended(..)) {
            ended.sort_by_key(|task| task.end);
        }
        ended.retain(|task| !task.is_unfinished());
        let found = up_to(ended.into_iter().map(|task| task.id).collect(), asked.count);
        queue.tasks.retain(|task| !found.0.contains(&task.id));
        bulk(told, &found)
    }
}
