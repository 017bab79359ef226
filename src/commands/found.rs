//! What an identity holds, gathered from its queues up to a limit, and how it is replied.

use super::args;
use super::places::Place;
use super::{Call, Fields, Key};
use crate::engine::recover::{Page, Position};
use crate::engine::refusal::Refusal;
use crate::engine::task::{Bytes, Task};

/// Tasks given back per call when nothing is said.
pub(super) const PAGE_LEN: usize = 1_000;

/// What was found in all queues, up to a limit.
pub(super) struct Found {
    limit: usize,
    with_results: bool,
    tasks: Vec<(Key, Vec<u8>, u64)>,
    quarantined: Vec<(Vec<u8>, Task, Bytes)>,
    pub(super) moved: u64,
    /// Where a reader goes on, if there is more.
    pub(super) next: Option<(Vec<u8>, Position)>,
}

impl Found {
    pub(super) fn new(limit: usize, with_results: bool) -> Self {
        let (tasks, quarantined) = (Vec::new(), Vec::new());
        Self { limit, with_results, tasks, quarantined, moved: 0, next: None }
    }

    /// How many more tasks may be looked at.
    pub(super) fn left(&self) -> usize {
        let looked_at = self.tasks.len() + self.quarantined.len() + self.moved as usize;
        self.limit.saturating_sub(looked_at)
    }

    /// Adds one queue's page, and makes it so.
    pub(super) fn add<'a>(&mut self, call: &mut Call<'_, 'a>, place: &Place<'a>, page: Page<'_>) {
        if !page.batch.events.is_empty() {
            call.keys.commit_queue(place.key, page.batch);
        }
        self.moved += page.moved;
        let poison = page.quarantined.into_iter();
        let poison = poison.map(|(task, kind)| (place.name.clone(), task, kind));
        self.quarantined.extend(poison);
        self.read(place, &page.kept, page.next);
    }

    /// Adds tasks of one queue that are only read.
    pub(super) fn read(&mut self, place: &Place<'_>, ids: &[u64], next: Option<Position>) {
        self.tasks.extend(ids.iter().map(|id| (place.key, place.name.clone(), *id)));
        if self.next.is_none() {
            self.next = next.map(|position| (place.name.clone(), position));
        }
    }

    pub(super) fn reply_tasks(&self, call: &mut Call<'_, '_>) -> Result<(), Refusal> {
        call.reply.bytes(b"tasks");
        call.reply.array(self.tasks.len());
        for (key, name, id) in &self.tasks {
            let Some(queue) = call.keys.queue(*key)? else { continue };
            let Some(task) = queue.task(*id) else { continue };
            let mut fields = Fields::handed_out(queue, task);
            fields.bytes("queue", name);
            fields.integer("running-for", call.at.ms.saturating_sub(task.taken_ms()));
            fields.remaining(task, call.at.ms);
            if self.with_results {
                fields.pairs("results", queue.results_of(task));
            }
            fields.write(call.reply);
        }
        Ok(())
    }

    pub(super) fn reply_quarantined(&self, call: &mut Call<'_, '_>) -> Result<(), Refusal> {
        call.reply.bytes(b"quarantined");
        call.reply.array(self.quarantined.len());
        for (name, task, kind) in &self.quarantined {
            let mut fields = Fields::default();
            fields.integer("id", task.id);
            fields.bytes("queue", name);
            fields.bytes("state", b"failed");
            fields.bytes("payload", &task.payload);
            fields.maybe("type", (!kind.is_empty()).then_some(kind));
            fields.count("attempt", task.attempts.into());
            fields.integer("running-for", call.at.ms.saturating_sub(task.taken_ms()));
            if let Some(details) = &task.details {
                fields.details(details);
            }
            fields.write(call.reply);
        }
        Ok(())
    }

    pub(super) fn reply_cursor(&self, call: &mut Call<'_, '_>) {
        call.reply.bytes(b"cursor");
        match &self.next {
            None => call.reply.bytes(b"0"),
            Some((name, Position { taking, id })) => {
                let mut cursor = format!("{taking}-{id}-").into_bytes();
                cursor.extend_from_slice(name);
                call.reply.bytes(&cursor);
            }
        }
    }
}

/// Reads a cursor back: the queue to go on with, and the position in it.
pub(super) fn cursor(text: &[u8]) -> Result<Option<(&[u8], Position)>, Refusal> {
    if text == b"0" {
        return Ok(None);
    }
    let mut parts = text.splitn(3, |byte| *byte == b'-');
    let mut number = || {
        let digits = parts.next().and_then(|part| std::str::from_utf8(part).ok());
        digits.and_then(|digits| digits.parse().ok())
    };
    let position = number().zip(number()).map(|(taking, id)| Position { taking, id });
    let place = position.and_then(|position| parts.next().map(|name| (name, position)));
    place.map(Some).ok_or_else(|| args::syntax("CURSOR", "is none that a reply gave"))
}
