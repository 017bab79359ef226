//! How is a long list of commands said at little cost, where no two of them are alike?
//!
//! A fleet says the same step again and again. Here each command is written as it is needed, and
//! the replies to some hundreds of them are read together.

use crate::Outcome;
use crate::server::Server;
use crate::wire::{self, Reply, Wire};

/// Commands sent before their replies are read.
const DEPTH: usize = 500;

/// Tasks pushed in one command where that is not measured.
const BATCH: usize = 1_000;

/// As long as the payloads of a fleet.
pub(crate) const PAYLOAD: &str = "sixteen-bytes-pl";

impl Wire {
    /// Says `command(0)`, `command(1)` and so on, and shows every reply to `see`.
    pub(crate) fn say_all(
        &mut self,
        count: usize,
        mut command: impl FnMut(usize) -> String,
        mut see: impl FnMut(Reply<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut requests = Vec::new();
        for first in (0..count).step_by(DEPTH) {
            requests.clear();
            let some = first..count.min(first + DEPTH);
            some.clone().for_each(|index| wire::command(&mut requests, &command(index)));
            self.send(&requests)?;
            self.receive(some.len(), &mut see)?;
        }
        Ok(())
    }

    /// The same, whatever is replied.
    pub(crate) fn tell_all(
        &mut self,
        count: usize,
        command: impl FnMut(usize) -> String,
    ) -> Outcome<()> {
        self.say_all(count, command, |_| Ok(()))
    }

    /// The same, where each reply is a task of Baton; returns their ids.
    pub(crate) fn take_all(
        &mut self,
        count: usize,
        command: impl FnMut(usize) -> String,
    ) -> Outcome<Vec<String>> {
        let mut ids = Vec::with_capacity(count);
        self.say_all(count, command, |reply| {
            let id = reply.leaves().nth(1).ok_or("a task was not there")?;
            ids.push(String::from_utf8_lossy(id).into_owned());
            Ok(())
        })?;
        Ok(ids)
    }

    /// Says `command` of each id.
    pub(crate) fn tell_of(
        &mut self,
        ids: &[String],
        command: impl Fn(usize, &str) -> String,
    ) -> Outcome<()> {
        let mut rest = ids.iter();
        self.tell_all(ids.len(), |index| {
            command(index, rest.next().map(String::as_str).unwrap_or_default())
        })
    }
}

/// Pushes so many tasks, a thousand at a time.
pub(crate) fn fill(server: &mut Server, queue: &str, tasks: usize) -> Outcome<()> {
    for first in (0..tasks).step_by(BATCH) {
        let some = BATCH.min(tasks - first);
        let payloads = format!("{PAYLOAD} ").repeat(some);
        server.ask(&format!("WF.MPUSH {queue} {some} {}", payloads.trim_end()))?;
    }
    Ok(())
}
