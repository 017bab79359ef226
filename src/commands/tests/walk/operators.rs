//! What do operators do in a walk? They edit, stop, cancel, retry and purge.

use super::super::model::{Ask, Bulk, Drain, Edit, List, Reset, Start, Task, Which};
use super::Walk;
use super::acts::KINDS;
use super::mixes::Act;

impl Walk {
    pub(super) fn start(&mut self) -> Start {
        let ms = self.random.of(&[0, 1, 15, 60, 200]);
        if self.random.percent(50) { Start::Delay(ms) } else { Start::At(self.model.now_ms + ms) }
    }

    /// Some tasks of a queue, and one that is not there.
    fn some_of(&mut self, queue: &str, is_likely: impl Fn(&Task) -> bool) -> Vec<u64> {
        let tasks = self.model.queues.get(queue).map_or(&[][..], |queue| &queue.tasks);
        let all: Vec<u64> = tasks.iter().map(|task| task.id).chain([4_711]).collect();
        let likely = tasks.iter().filter(|task| is_likely(task)).map(|task| task.id);
        let likely: Vec<u64> = likely.chain([4_711]).collect();
        let count = 1 + self.random.below(3);
        let from = |walk: &mut Self| if walk.random.percent(80) { &likely } else { &all };
        (0..count)
            .map(|_| {
                let from = from(self);
                self.random.of(from)
            })
            .collect()
    }

    pub(super) fn edit(&mut self) {
        let queue = self.queue();
        let id = self.some_of(&queue, |task| ["ready", "scheduled"].contains(&task.state))[0];
        let starts = if self.random.percent(40) { Some(self.start()) } else { None };
        let edit = Edit {
            queue,
            id,
            starts,
            priority: self.random.maybe(if starts.is_none() { 100 } else { 30 }, &[0, 3, 7]),
            timeout: self.random.maybe(30, &[0, 35]),
            kind: self.random.maybe(30, &KINDS).map(str::to_owned),
        };
        _ = self.call(Ask::Edit(edit));
    }

    pub(super) fn hold(&mut self, act: Act) {
        let (queue, kind) = (self.queue(), self.random.maybe(60, &KINDS).map(str::to_owned));
        _ = self.call(match act {
            Act::Pause => Ask::Pause(queue, kind),
            _ => Ask::Resume(queue, kind),
        });
    }

    pub(super) fn drain(&mut self) {
        let (queue, resets) = (self.queue(), self.random.percent(60));
        let block = self.random.maybe(70, &[0, 20, 90]);
        _ = self.call(Ask::Drain(Drain { queue, block, resets }));
    }

    pub(super) fn reset(&mut self) {
        let mut reset = Reset { queue: self.queue(), ..Reset::default() };
        match self.random.below(4) {
            0 => reset.agent = Some(self.agent()),
            1 => reset.ids = Some(self.some_of(&reset.queue.clone(), |t| t.state == "running")),
            2 => reset.idle = Some(self.random.of(&[0, 20, 50])),
            _ => {}
        }
        if reset.agent.is_some() || reset.ids.is_some() {
            reset.count = self.random.maybe(40, &[1, 2]);
        }
        _ = self.call(Ask::Reset(reset));
    }

    pub(super) fn cancel(&mut self) {
        let queue = self.queue();
        let state = self.random.of(&["running", "running", "ready", "scheduled"]);
        let which = Which::Ids(self.some_of(&queue, |task| task.state == state));
        let count = self.random.maybe(20, &[1, 2]);
        _ = self.call(Ask::Cancel(Bulk { queue, which, count }));
    }

    pub(super) fn retry(&mut self) {
        // What has failed must be known before it comes back.
        self.look_for_promised();
        let queue = self.queue();
        let which = match self.random.below(3) {
            0 => Which::Failed,
            1 => Which::Quarantined,
            _ => Which::Ids(self.some_of(&queue, |task| task.state == "failed")),
        };
        let count = self.random.maybe(40, &[1, 2]);
        _ = self.ask(Ask::Retry(Bulk { queue: queue.clone(), which, count }));
        let state = Some("ready");
        _ = self.ask(Ask::List(List { queue, state, ..List::default() }));
    }

    pub(super) fn purge(&mut self) {
        let queue = self.queue();
        let which = if self.random.percent(40) {
            Which::Ids(self.some_of(&queue, |task| ["done", "failed"].contains(&task.state)))
        } else {
            let state = self.random.of(&["done", "failed", "cancelled"]);
            Which::Ended(state, self.random.maybe(50, &[0, 10, 100]))
        };
        let count = self.random.maybe(40, &[1, 2]);
        _ = self.call(Ask::Purge(Bulk { queue, which, count }));
    }
}
