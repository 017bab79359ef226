//! What does time do to a queue? What starts, ends, times out and falls silent, and when.

use super::{Back, Model, Queue, Task};

/// How long agents are spared after a restart.
const GRACE_MS: u64 = 30_000;

impl Queue {
    /// A task that was just taken, or settled, may run for so long.
    pub(super) fn start_clock(&mut self, nth: usize, now_ms: u64) {
        let timeout = self.tasks[nth].timeout.unwrap_or_else(|| self.setting("timeout"));
        self.tasks[nth].deadline_ms = (timeout > 0).then_some(now_ms + timeout);
    }

    /// When a running task is taken from its agent for having run too long. After a recovery that
    /// did not get to it the whole time is given again.
    fn late_ms(&self, task: &Task) -> Option<u64> {
        let timeout = task.timeout.unwrap_or_else(|| self.setting("timeout"));
        match task.deadline_ms? {
            _ if task.void && timeout == 0 => None,
            deadline_ms if task.void => Some(deadline_ms.max(task.recovered_ms + timeout)),
            deadline_ms => Some(deadline_ms),
        }
    }

    /// When nothing was heard of a running task for too long. A fence tells its time.
    fn silent_ms(&self, task: &Task) -> Option<u64> {
        let backstop = self.setting("backstop");
        (backstop > 0).then_some(task.heard_ms() + backstop)
    }

    /// What falls due of it, and when, but for agents that are spared.
    fn dues(&self, spared_ms: u64) -> Vec<u64> {
        let mut dues: Vec<u64> = self.hold.iter().filter_map(|hold| hold.reset_ms).collect();
        for task in &self.tasks {
            match task.state {
                "scheduled" => dues.push(task.starts_ms),
                "running" => {
                    let harm = self.late_ms(task).into_iter().chain(self.silent_ms(task));
                    dues.extend(harm.map(|due_ms| due_ms.max(spared_ms)));
                }
                _ => dues.extend(task.expires.filter(|_| !task.is_unfinished())),
            }
        }
        dues.extend(self.uniques.iter().filter(|unique| !unique.live).map(|u| u.until_ms));
        dues
    }
}

impl Task {
    /// When anything was last heard of it.
    pub(super) fn heard_ms(&self) -> u64 {
        (self.taking >> 10).max(self.touched_ms).max(self.recovered_ms)
    }
}

impl Model {
    /// What is due falls due.
    pub(in super::super) fn tick(&mut self) {
        for name in self.queues.keys().cloned().collect::<Vec<_>>() {
            self.start_what_is_due(&name);
            let now_ms = self.now_ms;
            let queue = self.queues.get_mut(&name).expect("a queue");
            let is_due = |task: &Task| task.expires.is_some_and(|expires| expires <= now_ms);
            queue.tasks.retain(|task| task.is_unfinished() || !is_due(task));
            queue.uniques.retain(|unique| unique.live || unique.until_ms > now_ms);
            if now_ms >= self.spared_ms() {
                self.take_away(&name);
            }
        }
    }

    /// Until when agents are spared.
    fn spared_ms(&self) -> u64 {
        if self.since_ms == 0 { 0 } else { self.since_ms + GRACE_MS }
    }

    /// Scheduled tasks become ready, each at its time, and a drain resets what runs at its own.
    fn start_what_is_due(&mut self, name: &str) {
        let queue = &self.queues[name];
        let due = queue.tasks.iter().filter(|task| task.state == "scheduled");
        let due = due.filter(|task| task.starts_ms <= self.now_ms);
        let mut due: Vec<(u64, u64)> = due.map(|task| (task.starts_ms, task.id)).collect();
        let reset_ms = queue.hold.as_ref().and_then(|hold| hold.reset_ms);
        due.extend(reset_ms.filter(|ms| *ms <= self.now_ms).map(|ms| (ms, 0)));
        due.sort_unstable();
        for (_, id) in due {
            if id == 0 {
                self.reset_by_drain(name);
                continue;
            }
            let place = self.place();
            let queue = self.queues.get_mut(name).expect("a queue");
            let nth = queue.at(id);
            let task = &mut queue.tasks[nth];
            (task.state, task.place, task.starts_ms) = ("ready", place, 0);
        }
    }

    /// Tasks that ran for too long, or of which nothing was heard for too long, come back.
    fn take_away(&mut self, name: &str) {
        let queue = &self.queues[name];
        let running = queue.tasks.iter().filter(|task| task.state == "running");
        let mut taken = Vec::new();
        for task in running {
            let is_due = |due_ms: Option<u64>| due_ms.is_some_and(|ms| ms <= self.now_ms);
            let reason = match (is_due(queue.late_ms(task)), is_due(queue.silent_ms(task))) {
                (false, false) => continue,
                (true, false) => "timed out",
                (false, true) => "reset by the backstop",
                // Whichever is looked at first.
                (true, true) => "?",
            };
            taken.push((task.id, reason));
        }
        let (now_ms, place) = (self.now_ms, self.places_for(taken.len()));
        let queue = self.queues.get_mut(name).expect("a queue");
        let limit = queue.setting("crashes");
        queue.end_together(true);
        for (id, reason) in taken {
            let nth = queue.at(id);
            let uncounted = std::mem::take(&mut queue.tasks[nth].void);
            queue.tasks[nth].crashes += 1 + u64::from(uncounted);
            if limit > 0 && queue.tasks[nth].crashes >= limit {
                queue.end(id, "failed", "quarantined", now_ms);
            } else {
                queue.give_back(id, reason, Back { place, starts_ms: 0, now_ms });
            }
        }
        queue.end_together(false);
        // Those whose clock started anew with the recovery are given that time for good.
        for nth in 0..queue.tasks.len() {
            let task = &queue.tasks[nth];
            if task.void && task.deadline_ms.is_some_and(|ms| ms <= now_ms) {
                queue.tasks[nth].deadline_ms = Some(queue.late_ms(task).unwrap_or(u64::MAX));
            }
        }
    }

    /// What falls due next within a while: the queue and the moment.
    pub(in super::super) fn next_due(&self) -> Option<(String, u64)> {
        let ahead = self.now_ms + 1..self.now_ms + GRACE_MS + 1_000;
        let spared_ms = self.spared_ms();
        let due = self.queues.iter().flat_map(|(name, queue)| {
            queue.dues(spared_ms).into_iter().map(move |due_ms| (name.clone(), due_ms))
        });
        due.filter(|(_, due_ms)| ahead.contains(due_ms)).min_by_key(|(_, due_ms)| *due_ms)
    }
}
