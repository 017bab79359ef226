//! DONE, MDONE, FAIL, NACK and TOUCH: who may say what of which task.

use super::value::{Fields, is, refused, replied};
use super::{Back, COMPLETIONS, Completion, Finish, Model, Queue, Several, Value, Verdict};

impl Queue {
    /// Whether the agent holds the task, under this fence if one is given.
    fn may(&self, agent: &str, id: u64, fence: Option<u64>) -> Result<(), &'static str> {
        let task = self.task(id).ok_or("NOTASK")?;
        let is_current = fence.is_none_or(|fence| fence == task.fence && !task.void);
        if task.is_held_by(agent) && is_current { Ok(()) } else { Err("NOTOWNER") }
    }

    /// A task that a recovery did not get to counts its crash, and its clock starts anew, when it
    /// is first touched. Tells whether it was one.
    pub(super) fn settle(&mut self, id: u64, now_ms: u64) -> bool {
        let nth = self.at(id);
        let was_void = std::mem::take(&mut self.tasks[nth].void);
        if was_void {
            self.tasks[nth].crashes += 1;
            self.start_clock(nth, now_ms);
        }
        was_void
    }

    /// How long a task that has just failed waits for its next try, if it has one.
    pub(super) fn next_try(&self, nth: usize) -> Option<u64> {
        let task = &self.tasks[nth];
        let usual = (self.setting("backoff"), 3_600_000);
        let (base, most) = task.backoff.unwrap_or(usual);
        let mut wait = base;
        for _ in 1..task.failures {
            wait = (2 * wait).min(most).max(base);
        }
        let tries = task.retries.unwrap_or_else(|| self.setting("retries"));
        (task.failures <= tries).then_some(wait)
    }

    fn has_completed(&self, agent: &str, id: u64, fence: Option<u64>) -> bool {
        let mut known = [&self.completions, &self.batches]
            .into_iter()
            .flat_map(|known| known.get(agent).into_iter().flatten());
        known.any(|(done, under)| *done == id && (fence.is_none() || fence == *under))
    }

    /// The agent completes a task that it holds.
    fn complete(&mut self, agent: &str, id: u64, result: Option<&String>, now: u64) -> Completion {
        let was_void = self.settle(id, now);
        let nth = self.at(id);
        self.tasks[nth].result = result.cloned();
        let under = (!was_void).then_some(self.tasks[nth].fence);
        self.end(id, "done", "completed", now);
        let known = self.completions.entry(agent.to_owned()).or_default();
        known.push((id, under));
        let beyond = known.len().saturating_sub(COMPLETIONS);
        known.drain(..beyond);
        (id, under)
    }
}

impl Model {
    /// DONE, and the first half of NEXT: counts, or is refused with this code.
    pub(super) fn complete(&mut self, finish: &Finish) -> Result<(), &'static str> {
        let Finish { agent, id, fence, .. } = finish;
        if let Some(code) = self.refusal_of(agent, finish.epoch) {
            return Err(code);
        }
        let queue = self.queues.get_mut(&finish.queue).ok_or("NOTASK")?;
        match queue.may(agent, *id, *fence) {
            Ok(()) => _ = queue.complete(agent, *id, finish.text.as_ref(), self.now_ms),
            Err(_) if queue.has_completed(agent, *id, *fence) => {}
            Err(code) => return Err(code),
        }
        Ok(())
    }

    pub(super) fn done(&mut self, finish: &Finish, told: &Result<Value, String>) -> Verdict {
        match self.complete(finish) {
            Ok(()) => is(told, &Value::Fine),
            Err(code) => refused(told, code),
        }
    }

    pub(super) fn fail(&mut self, finish: &Finish, told: &Result<Value, String>) -> Verdict {
        if let Err(code) = self.may(finish) {
            return refused(told, code);
        }
        let (now_ms, place, id) = (self.now_ms, self.place(), finish.id);
        let queue = self.queues.get_mut(&finish.queue).expect("a queue");
        queue.settle(id, now_ms);
        let nth = queue.at(id);
        queue.tasks[nth].failures += 1;
        queue.tasks[nth].error = finish.text.clone().or(queue.tasks[nth].error.take());
        let Some(wait) = queue.next_try(nth).filter(|_| !finish.fatal) else {
            queue.end(id, "failed", "failed", now_ms);
            return is(told, &Value::text("failed"));
        };
        let wait = finish.delay.unwrap_or(wait);
        let starts_ms = if wait > 0 { now_ms + wait } else { 0 };
        let state = match queue.tasks[nth].cancelling {
            true => "cancelled",
            false if wait > 0 => "scheduled",
            false => "ready",
        };
        queue.give_back(id, "failed", Back { place, starts_ms, now_ms });
        is(told, &Value::text(state))
    }

    pub(super) fn touch(&mut self, finish: &Finish, told: &Result<Value, String>) -> Verdict {
        if let Err(code) = self.may(finish) {
            return refused(told, code);
        }
        let now_ms = self.now_ms;
        let queue = self.queues.get_mut(&finish.queue).expect("a queue");
        let was_void = queue.settle(finish.id, now_ms);
        let nth = queue.at(finish.id);
        let is_watched = queue.setting("backstop") > 0;
        let task = &mut queue.tasks[nth];
        let said = (&finish.progress, &finish.text, &finish.handle);
        if is_watched || said != (&None, &None, &None) {
            task.touched_ms = now_ms;
        }
        let extended_ms = finish.extend.map_or(0, |ms| now_ms + ms);
        task.deadline_ms = task.deadline_ms.map(|ms| ms.max(extended_ms));
        let (remaining, cancels) = (task.deadline_ms, task.cancelling);
        task.progress = finish.progress.or(task.progress);
        task.checkpoint = finish.text.clone().or(task.checkpoint.take());
        task.handle = finish.handle.clone().or(task.handle.take());
        self.remember(&finish.agent, &finish.queue);
        let told = replied(told)?;
        let mut fields = Fields::default();
        fields.number("cancel", cancels.into()).number("draining", 0);
        if let Some(ms) = remaining {
            fields.number("remaining", ms.saturating_sub(now_ms));
        }
        if was_void {
            let fence = told.number("fence")?;
            self.new_number(&finish.queue, fence)?;
            self.queues.get_mut(&finish.queue).expect("a queue").tasks[nth].fence = fence;
            fields.number("fence", fence);
        }
        fields.verify(told)
    }

    pub(super) fn done_all(&mut self, asked: &Several, told: &Result<Value, String>) -> Verdict {
        if let Some(code) = self.refusal_of(&asked.agent, asked.epoch) {
            return refused(told, code);
        }
        let (mut said, mut completed) = (Vec::new(), Vec::new());
        for (nth, id) in asked.ids.iter().enumerate() {
            let fence = asked.fences.get(nth).copied();
            let Some(queue) = self.queues.get_mut(&asked.queue) else {
                said.push(Value::Integer(0));
                continue;
            };
            if queue.may(&asked.agent, *id, fence).is_ok() {
                let result = asked.results.get(nth);
                completed.push(queue.complete(&asked.agent, *id, result, self.now_ms));
            }
            let is_done = completed.iter().any(|(done, _)| done == id);
            let is_done = is_done || queue.has_completed(&asked.agent, *id, fence);
            said.push(Value::Integer(is_done.into()));
        }
        if !completed.is_empty() {
            let queue = self.queues.get_mut(&asked.queue).expect("a queue");
            queue.batches.insert(asked.agent.clone(), completed);
        }
        is(told, &Value::Array(said))
    }

    pub(super) fn nack(&mut self, asked: &Several, told: &Result<Value, String>) -> Verdict {
        if let Some(code) = self.refusal_of(&asked.agent, asked.epoch) {
            return refused(told, code);
        }
        let (mut count, now_ms) = (0, self.now_ms);
        let starts_ms = asked.delay.filter(|ms| *ms > 0).map_or(0, |ms| now_ms + ms);
        for (nth, id) in asked.ids.iter().enumerate() {
            let place = self.place();
            let Some(queue) = self.queues.get_mut(&asked.queue) else { continue };
            if queue.may(&asked.agent, *id, asked.fences.get(nth).copied()).is_ok() {
                queue.settle(*id, now_ms);
                let nth = queue.at(*id);
                queue.tasks[nth].interruptions += 1;
                queue.give_back(*id, "handed back", Back { place, starts_ms, now_ms });
                count += 1;
            }
        }
        is(told, &Value::Integer(count))
    }

    fn may(&self, finish: &Finish) -> Result<(), &'static str> {
        if let Some(code) = self.refusal_of(&finish.agent, finish.epoch) {
            return Err(code);
        }
        let queue = self.queues.get(&finish.queue).ok_or("NOTASK")?;
        queue.may(&finish.agent, finish.id, finish.fence)
    }
}
