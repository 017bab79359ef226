//! How a task is told: a map in RESP3, the same pairs flat in RESP2. Fields are only ever added;
//! what is absent is at its default.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::Reply;
use crate::engine::numbers::issued_ms;
use crate::engine::queue::Queue;
use crate::engine::task::{Details, State, Task};

/// A value by name.
pub(super) type Pair<'a> = (Cow<'a, [u8]>, &'a [u8]);

/// One value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer.
    Integer(u64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Several names.
    Names(Box<[Cow<'a, [u8]>]>),
    /// Values by name.
    Pairs(Box<[Pair<'a>]>),
}

/// Named values, in order.
#[derive(Default)]
pub struct Fields<'a> {
    pairs: SmallVec<[(&'static str, Value<'a>); 12]>,
}

impl<'a> Fields<'a> {
    /// Adds an integer.
    pub fn integer(&mut self, name: &'static str, value: u64) -> &mut Self {
        self.pairs.push((name, Value::Integer(value)));
        self
    }

    /// Adds an integer where there is one.
    pub fn number(&mut self, name: &'static str, value: Option<u64>) -> &mut Self {
        if let Some(value) = value {
            self.integer(name, value);
        }
        self
    }

    /// Adds an integer unless it is 0.
    pub fn count(&mut self, name: &'static str, value: u32) -> &mut Self {
        if value > 0 {
            self.integer(name, value.into());
        }
        self
    }

    /// Adds bytes.
    pub fn bytes(&mut self, name: &'static str, value: &'a [u8]) -> &mut Self {
        self.pairs.push((name, Value::Bytes(value)));
        self
    }

    /// Adds bytes where there are any.
    pub fn maybe(&mut self, name: &'static str, value: Option<&'a [u8]>) -> &mut Self {
        if let Some(value) = value {
            self.bytes(name, value);
        }
        self
    }

    /// Adds several names.
    pub fn names(
        &mut self,
        name: &'static str,
        names: impl Iterator<Item = impl Into<Cow<'a, [u8]>>>,
    ) -> &mut Self {
        self.pairs.push((name, Value::Names(names.map(Into::into).collect())));
        self
    }

    /// Adds values by name, where there are any.
    pub fn pairs(
        &mut self,
        name: &'static str,
        pairs: impl Iterator<Item = Pair<'a>>,
    ) -> &mut Self {
        let pairs: Box<[_]> = pairs.collect();
        if !pairs.is_empty() {
            self.pairs.push((name, Value::Pairs(pairs)));
        }
        self
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Writes them out.
    pub fn write(&self, reply: &mut dyn Reply) {
        reply.map(self.pairs.len());
        self.write_pairs(reply);
    }

    /// Writes them into a map that was begun already.
    pub fn write_pairs(&self, reply: &mut dyn Reply) {
        for (name, value) in &self.pairs {
            reply.bytes(name.as_bytes());
            match value {
                Value::Integer(value) => reply.integer(*value as i64),
                Value::Bytes(value) => reply.bytes(value),
                Value::Names(names) => {
                    reply.array(names.len());
                    names.iter().for_each(|name| reply.bytes(name));
                }
                Value::Pairs(pairs) => {
                    reply.map(pairs.len());
                    for (name, value) in pairs {
                        reply.bytes(name);
                        reply.bytes(value);
                    }
                }
            }
        }
    }

    /// What an agent gets with a task it takes or holds.
    #[must_use]
    pub fn handed_out(queue: &'a Queue, task: &'a Task) -> Self {
        let mut fields = Self::default();
        fields.integer("id", task.id);
        if !queue.is_void(task) {
            fields.integer("fence", task.order);
        }
        fields.bytes("payload", &task.payload);
        let kind = queue.kind_of(task);
        fields.maybe("type", (!kind.is_empty()).then_some(kind));
        fields.workflow(queue, task);
        if task.attempts > 1 {
            fields.integer("attempt", task.attempts.into());
        }
        fields.number("deadline", task.until_ms());
        if let Some(details) = &task.details {
            fields.details(details);
        }
        fields.count("cancel", task.is_cancelling().into());
        fields
    }

    /// The workflow that a task is of, and its name there.
    pub fn workflow(&mut self, queue: &'a Queue, task: &'a Task) -> &mut Self {
        let Some((workflow, place)) = queue.workflow_of(task) else { return self };
        self.integer("workflow", workflow.id);
        let name = workflow.name_of(place);
        self.maybe("name", (!name.is_empty()).then_some(name))
    }

    /// How long the running task may still run, in milliseconds, if it has a TIMEOUT.
    pub fn remaining(&mut self, task: &Task, now_ms: u64) -> &mut Self {
        self.number("remaining", task.until_ms().map(|ms| ms.saturating_sub(now_ms)))
    }

    /// All there is to know of a task.
    #[must_use]
    pub fn described(queue: &'a Queue, task: &'a Task, now_ms: u64) -> Self {
        let mut fields = Self::default();
        fields.integer("id", task.id);
        fields.bytes("state", task.state.word().as_bytes());
        fields.bytes("payload", &task.payload);
        let kind = queue.kind_of(task);
        fields.maybe("type", (!kind.is_empty()).then_some(kind));
        fields.workflow(queue, task);
        fields.count("priority", queue.priority_of(task).into());
        fields.count("attempts", task.attempts.into());
        fields.integer("pushed-at", issued_ms(task.id));
        if let Some(owner) = queue.owner_of(task) {
            fields.bytes("owner", owner);
            if !queue.is_void(task) {
                fields.integer("fence", task.order);
            }
            fields.integer("running-for", now_ms.saturating_sub(task.taken_ms()));
        }
        if !task.state.is_unfinished() {
            fields.integer("ended-at", issued_ms(task.order));
        }
        let is_back = task.state.is_pre_running() && task.attempts > 0;
        if is_back || matches!(task.state, State::Failed | State::Cancelled) {
            fields.bytes("reason", task.cause.words().as_bytes());
        }
        fields.number(until_name(task.state), task.until_ms());
        fields.count("cancel", task.is_cancelling().into());
        fields.maybe("unique", queue.unique_of(task));
        if let Some(details) = &task.details {
            fields.details(details);
            let (retries, backoff) = (details.retries.map(u64::from), details.backoff);
            fields.number("timeout", details.timeout_ms).number("retries", retries);
            fields.number("backoff", backoff.map(|backoff| backoff.base_ms));
            fields.number("backoff-max", backoff.map(|backoff| backoff.max_ms));
            fields.number("retain", details.retain_ms).number("delay", details.delay_ms);
            fields.maybe("error", details.error.as_deref());
            fields.maybe("result", details.result.as_deref());
        }
        fields
    }

    pub(super) fn details(&mut self, details: &'a Details) {
        self.maybe("name", details.name.as_deref());
        self.maybe("checkpoint", details.checkpoint.as_deref());
        self.number("progress", details.progress.map(u64::from));
        self.maybe("handle", details.handle.as_deref());
        self.count("failures", details.failures);
        self.count("crashes", details.crashes);
        self.count("interruptions", details.interruptions);
    }
}

/// What the end of a task's stay in its state is called.
fn until_name(state: State) -> &'static str {
    match state {
        State::Waiting | State::Scheduled | State::Ready => "starts-at",
        State::Running => "deadline",
        State::Done | State::Failed | State::Cancelled => "expires-at",
    }
}
