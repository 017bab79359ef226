//! PUSH and MPUSH: which tasks are new, and which push is the same push again.

use super::value::{is, refused, replied};
use super::{Model, Push, Task, Unique, Value, Verdict};

impl Model {
    pub(super) fn push(&mut self, push: &Push, told: &Result<Value, String>) -> Verdict {
        let now_ms = self.now_ms;
        let known = self.queues.get(&push.queue).cloned().unwrap_or_default();
        if let Some((key, _)) = &push.unique {
            let taken = known.uniques.iter().find(|unique| unique.key == *key);
            if let Some(taken) = taken.filter(|taken| taken.live || taken.until_ms > now_ms) {
                return is(told, &Value::Integer(taken.id));
            }
            let limit = known.setting("maxunique");
            if taken.is_none() && limit > 0 && known.uniques.len() as u64 >= limit {
                return refused(told, "FULL");
            }
        }
        let (limit, more) = (known.setting("maxlen"), push.payloads.len() as u64);
        if limit > 0 && known.unfinished() + more > limit {
            return refused(told, "FULL");
        }
        let ids = match replied(told)? {
            Value::Integer(id) if !push.many => vec![Value::Integer(*id)],
            Value::Array(ids) if push.many => ids.clone(),
            _ => return Err("an id, or an array of ids".to_owned()),
        };
        if ids.len() != push.payloads.len() {
            return Err(format!("{more} ids"));
        }
        for (payload, id) in push.payloads.iter().zip(ids) {
            let Value::Integer(id) = id else { return Err("an id".to_owned()) };
            self.new_number(&push.queue, id)?;
            self.add(push, payload, id);
        }
        Ok(())
    }

    fn add(&mut self, push: &Push, payload: &str, id: u64) {
        let (now_ms, place) = (self.now_ms, self.place());
        let queue = self.queues.entry(push.queue.clone()).or_default();
        if let Some((key, kept_ms)) = &push.unique {
            queue.uniques.retain(|unique| unique.key != *key);
            let until_ms = if *kept_ms > 0 { now_ms + kept_ms } else { 0 };
            queue.uniques.push(Unique { key: key.clone(), id, until_ms, live: true });
        }
        queue.count("total-pushed", 1);
        let starts_ms = push.starts.map_or(0, |starts| starts.at(now_ms));
        queue.tasks.push(Task {
            id,
            state: if starts_ms > 0 { "scheduled" } else { "ready" },
            starts_ms,
            timeout: push.timeout,
            retries: push.retries,
            backoff: push.backoff.map(|(base, most)| (base, most.unwrap_or(3_600_000))),
            payload: payload.to_owned(),
            kind: push.kind.clone().unwrap_or_default(),
            priority: push.priority,
            place,
            name: push.name.clone(),
            unique: push.unique.as_ref().map(|(key, _)| key.clone()),
            retain: push.retain,
            pushed_ms: now_ms,
            ..Task::default()
        });
    }
}
