//! POP, MPOP and NEXT: which tasks are taken, in which order, and what a repeated request gets.

use super::value::{Fields, is, refused, replied};
use super::{Model, Request, Take, Task, Value, Verdict};

impl Model {
    pub(super) fn take(&mut self, take: &Take, told: &Result<Value, String>) -> Verdict {
        if let Some(first) = &take.first
            && let Err(code) = self.complete(first)
        {
            return refused(told, code);
        }
        if let Some(code) = self.refusal_of(&take.agent, take.epoch) {
            return refused(told, code);
        }
        if let Some((queue, ids)) = self.answered(take) {
            let wanted = take.count.unwrap_or(1) as usize;
            let ids = &ids[..wanted.min(ids.len())];
            for (id, told) in ids.iter().zip(&tasks(take, told, ids.len())?) {
                let task = self.queues[&queue].task(*id).expect("a task").clone();
                self.handed_out(&task, take.many.then_some(&queue)).verify(told)?;
                same_fence(&task, told)?;
            }
            return Ok(());
        }
        let found = take.queues.iter().map(|queue| (queue, self.next(take, queue)));
        let Some((queue, ids)) = found.into_iter().find(|(_, ids)| !ids.is_empty()) else {
            let nothing = match take.count {
                _ if take.block => {
                    self.begin(&take.agent);
                    Value::Wait
                }
                Some(_) => Value::Array(Vec::new()),
                None => Value::Nil,
            };
            return is(told, &nothing);
        };
        self.remember(&take.agent, queue);
        let mut took = Vec::new();
        for (id, told) in ids.iter().zip(&tasks(take, told, ids.len())?) {
            took.push((*id, self.take_one(take, queue, *id, told)?));
        }
        if let Some(request) = &take.request {
            let (agent, era) = (take.agent.clone(), self.agents[&take.agent].era);
            let request = Request { agent, era, id: request.clone(), took };
            self.queues.get_mut(queue).expect("a queue").requests.push(request);
        }
        Ok(())
    }

    /// One task goes over to the agent; its fence is read from the reply.
    fn take_one(&mut self, take: &Take, name: &str, id: u64, told: &Value) -> Result<u64, String> {
        let now_ms = self.now_ms;
        let queue = self.queues.get_mut(name).expect("a queue");
        let nth = queue.at(id);
        let task = &mut queue.tasks[nth];
        task.attempts += 1;
        (task.state, task.owner, task.taken_ms) = ("running", Some(take.agent.clone()), now_ms);
        queue.start_clock(nth, now_ms);
        let task = &queue.tasks[nth];
        let expected = task.clone();
        queue.count("total-taken", 1);
        self.handed_out(&expected, take.many.then_some(name)).verify(told)?;
        let fence = told.number("fence")?;
        self.new_number(name, fence)?;
        let task = &mut self.queues.get_mut(name).expect("a queue").tasks[nth];
        (task.fence, task.taking, task.void) = (fence, fence, false);
        Ok(fence)
    }

    /// What an agent gets with a task; the fence is looked at by the caller.
    pub(super) fn handed_out(&self, task: &Task, queue: Option<&str>) -> Fields {
        let mut fields = Fields::default();
        fields.number("id", task.id).text("payload", &task.payload).any("fence");
        if !task.kind.is_empty() {
            fields.text("type", &task.kind);
        }
        if task.attempts > 1 {
            fields.number("attempt", task.attempts);
        }
        if let Some(queue) = queue {
            fields.text("queue", queue);
        }
        if let Some(ms) = task.deadline_ms {
            fields.number("deadline", ms);
        }
        fields.count("cancel", task.cancelling.into());
        details(task, &mut fields);
        fields
    }

    /// What the same request took before and still holds.
    fn answered(&self, take: &Take) -> Option<(String, Vec<u64>)> {
        let (request, agent) = (take.request.as_ref()?, self.agents.get(&take.agent)?);
        let answer = |name: &String| {
            let queue = self.queues.get(name)?;
            let same = |known: &&Request| {
                known.agent == take.agent && known.era == agent.era && known.id == *request
            };
            let known = queue.requests.iter().rfind(same)?;
            let is_held = |(id, fence): &&(u64, u64)| {
                let task = queue.task(*id).filter(|task| task.is_held_by(&take.agent));
                task.is_some_and(|task| task.fence == *fence && !task.void)
            };
            let held: Vec<u64> = known.took.iter().filter(is_held).map(|(id, _)| *id).collect();
            (!held.is_empty()).then(|| (name.clone(), held))
        };
        take.queues.iter().find_map(answer)
    }

    /// What would be taken from a queue, in order.
    fn next(&self, take: &Take, queue: &str) -> Vec<u64> {
        let Some(queue) = self.queues.get(queue) else { return Vec::new() };
        if queue.hold.is_some() {
            return Vec::new();
        }
        let is_wanted = |task: &&Task| {
            task.state == "ready"
                && !queue.paused.contains(&task.kind)
                && (take.kinds.is_empty() || take.kinds.contains(&task.kind))
                && take.max_priority.is_none_or(|max| task.priority <= max)
        };
        let mut ready: Vec<&Task> = queue.tasks.iter().filter(is_wanted).collect();
        ready.sort_by_key(|task| (task.priority, task.place));
        let wanted = take.count.unwrap_or(1) as usize;
        ready.into_iter().take(wanted).map(|task| task.id).collect()
    }
}

/// What tasks carry with them.
pub(super) fn details(task: &Task, fields: &mut Fields) {
    fields.maybe("name", task.name.as_ref()).maybe("checkpoint", task.checkpoint.as_ref());
    if let Some(progress) = task.progress {
        fields.number("progress", progress);
    }
    fields.maybe("handle", task.handle.as_ref()).count("failures", task.failures);
    fields.count("crashes", task.crashes).count("interruptions", task.interruptions);
}

pub(super) fn same_fence(task: &Task, told: &Value) -> Verdict {
    match told.number("fence")? {
        fence if fence == task.fence => Ok(()),
        _ => Err(format!("the fence {} in {told:?}", task.fence)),
    }
}

/// The tasks of a reply: as many as are expected.
fn tasks(take: &Take, told: &Result<Value, String>, len: usize) -> Result<Vec<Value>, String> {
    let told = match (replied(told)?, take.count) {
        (Value::Array(tasks), Some(_)) => tasks.clone(),
        (task @ Value::Map(_), None) => vec![task.clone()],
        _ => Vec::new(),
    };
    if told.len() == len { Ok(told) } else { Err(format!("{len} tasks, not {}", told.len())) }
}
